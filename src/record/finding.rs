//! What was found wrong, or could not be found out, in a history.

use super::structure::BRANCH;
use git2::Oid;
use serde::Serialize;
use std::path::Path;

/// What a check of a history says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was checked and is right.
    Pass,
    /// Nothing is wrong, but a proof is missing that only something from outside can give.
    Unverifiable,
    /// Something is wrong.
    Fail,
}

/// One thing that is wrong, or that could not be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable and documented, such as `glass.signature`.
    pub code: &'static str,
    /// What it does to the verdict.
    pub verdict: Verdict,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Number of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<u32>,
    /// The file, branch or ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// One sentence.
    pub message: String,
}

impl Finding {
    /// What to do about it in the glass at `path`.
    pub fn next(&self, path: &Path) -> String {
        let git = format!("git -C {}", path.display());
        let lacks_main = || {
            let repository = git2::Repository::open(path);
            repository.is_ok_and(|repository| repository.find_reference(BRANCH).is_err())
        };
        match (self.code, self.path.as_deref()) {
            ("glass.head", Some("HEAD")) | ("glass.none", _) if lacks_main() => {
                format!("{git} branch -m main, if what stands there is the glass's main under another name")
            }
            ("glass.head", Some("HEAD")) => {
                let bare = !path.join(".git").exists();
                let switch = if bare { "symbolic-ref HEAD refs/heads/main" } else { "switch main" };
                format!("{git} {switch}")
            }
            ("glass.side_branch", Some("refs/stash")) => {
                format!("git stash put it aside: {git} stash show -p, then, if it is yours, {git} stash drop")
            }
            ("glass.behind", _) => format!("{git} pull --ff-only, then check again"),
            ("glass.date", _) if self.message.ends_with("in the future") => format!(
                "compare this machine's clock with another one, or the time that --at or SOURCE_DATE_EPOCH gives; if it is right, {}",
                self.advice()
            ),
            ("glass.signature" | "glass.message", _) => match &self.commit {
                Some(commit) => format!(
                    "{}; if you made it yourself, by git alone: {git} reset --keep {commit}^, then check again",
                    self.advice()
                ),
                None => self.advice().to_owned(),
            },
            _ => self.advice().to_owned(),
        }
    }

    fn advice(&self) -> &'static str {
        match self.code {
            // It came as it is.
            "glass.object" if self.message.starts_with(BEYOND) => NOTHING,
            "glass.shallow" | "glass.partial" | "glass.alternates" | "glass.graft" | "glass.replace" => {
                "check a full clone of your own: docs/glass.md, “Get it”"
            }
            "glass.object" => {
                "fetch the glass anew; if it stays, ask the writer for a copy and show them this"
            }
            "glass.unpinned" => "ask the writer for the root by another way, then: --pin COMMIT",
            "glass.pin" | "glass.backdated" | "verify.revoked" => {
                "trust nothing after the head last seen; ask the writer by another way which history is right"
            }
            "glass.package.backdated" => {
                "ask the issuer by another way whether they signed this package before their key ended"
            }
            "verify.signers.purpose" => {
                "write namespaces=\"git,stufpack\" on the key's line of the signers file: here it signs commits too"
            }
            "glass.none" => "name a glass; one is made by stufpack glass init",
            code if code.starts_with("verify.signers") => {
                "compare the signers file with what the writer gave you by another way"
            }
            _ => NOTHING,
        }
    }
}

/// How the finding about a tree without end begins.
pub(super) const BEYOND: &str = "its tree has no end that anybody could check";
/// What to do about what somebody made so.
const NOTHING: &str = "trust nothing from this operation on; show this to the writer of the glass";

impl Finding {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            verdict: Verdict::Fail,
            commit: None,
            operation: None,
            path: None,
            line: None,
            message: message.into(),
        }
    }

    /// Whether nobody whom the signers name signed the commit that it is of: that may be anything, of any size, and is not looked into.
    pub(super) fn is_of_nobody(&self) -> bool {
        matches!(self.code, "glass.signature" | "verify.signers.unknown")
    }

    pub(super) fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unverifiable, ..Self::new(code, message) }
    }

    pub(super) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub(super) fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn commit(mut self, id: Oid) -> Self {
        self.commit = Some(id.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_nothing_wrong_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let git = format!("git -C {}", path.display());
        let head = Finding::new("glass.head", "HEAD is not the branch main").at("HEAD");
        assert_eq!(head.next(path), format!("{git} symbolic-ref HEAD refs/heads/main"));
        git2::Repository::init(path).unwrap();
        for finding in [head, Finding::new("glass.none", "it is no glass: there is no branch main")] {
            assert!(finding.next(path).starts_with(&format!("{git} branch -m main, if")), "{finding:?}");
        }
        let stash = Finding::new("glass.side_branch", "other commits").at("refs/stash");
        assert!(stash.next(path).ends_with(&format!("if it is yours, {git} stash drop")));
        let late = Finding::new("glass.date", "its date lies in the future");
        assert!(late.next(path).starts_with("compare this machine's clock with another one"));
        let id = Oid::hash_object(git2::ObjectType::Blob, b"").unwrap();
        let own = Finding::new("glass.signature", "it bears no signature").commit(id);
        assert!(own.next(path).ends_with(&format!("{git} reset --keep {id}^, then check again")));
        let branch = Finding::new("glass.side_branch", "other commits").at("refs/heads/side");
        assert_eq!(branch.next(path), branch.advice());
    }
}
