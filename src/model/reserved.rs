//! The first segments of keys in the bucket that are nobody's content: objects below them are no part of an export.

/// Where validations upload: a collection of their own, which `verify` empties and no comparison looks into.
pub const VALIDATION: &str = "stufpack-validation";

/// Each with what becomes of the objects there; the content program leaves the same ones out.
const RESERVED: [(&str, &str); 5] = [
    ("config", "the import of the configuration writes below this name"),
    ("users", "the import of the configuration writes below this name"),
    ("users.json", "the import of the configuration writes below this name"),
    (VALIDATION, "verify tries uploads below this name, and empties it"),
    ("stufpack-backup", "copies keep what they replace below this name, and never copy that"),
];

/// Why nothing of the tenant's may stand below this first segment of a key.
pub fn reserved(segment: &str) -> Option<&'static str> {
    RESERVED.iter().find(|(name, _)| *name == segment).map(|(_, why)| *why)
}

/// Whether a user of this name is one of those with whom validations sign in: `verify` makes and removes them.
pub fn is_validation_user(username: &str) -> bool {
    let username = username.to_lowercase();
    let Some(rest) = username.strip_prefix(VALIDATION) else { return false };
    let numbered = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    rest.is_empty() || rest.strip_prefix('-').is_some_and(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What the program that copies leaves out in silence is what `check` refuses aloud.
    #[test]
    fn the_content_program_leaves_out_the_same() {
        let program = include_str!(
            "../../templates/infrastructure/ansible/roles/content/files/stuf_content/entries.py"
        );
        let line =
            |start: &str| program.lines().find(|line| line.starts_with(start)).expect("a line of its own");
        let backup = line("BACKUP = ").trim_start_matches("BACKUP = ");
        let line = line("RESERVED = frozenset({").replace("BACKUP", backup);
        let theirs: BTreeSet<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(theirs, BTreeSet::from(RESERVED.map(|(name, _)| name)));
    }
}
