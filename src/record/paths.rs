//! Where things stand in a glass, beside the package.

/// What this glass is.
pub(super) const ABOUT: &str = crate::pack::names::GLASS;
/// Who could sign when the glass was made; for people, since a file cannot vouch for its own signers.
pub(super) const FIRST_SIGNERS: &str = "audit/access-logs/0000-init/allowed_signers";
/// Keeps every byte as it is on every machine that checks the glass out.
pub(super) const ATTRIBUTES: &str = ".gitattributes";
/// Its content.
pub(super) const ATTRIBUTES_TEXT: &str = "* -text -filter -ident -working-tree-encoding\n";
/// Personal files, encrypted and numbered.
pub(super) const PERSONAL: &str = "personal";
/// Whom they are encrypted to, as `age -R` reads it.
pub(super) const RECIPIENTS: &str = "personal/recipients";
/// Folders that packages never touch and to which files are only ever added.
pub(super) const APPENDED: [&str; 2] = ["audit", "infrastructure/deployment-logs"];

/// The `number`th personal file: 0 is the list of the others' names, the others are its lines.
pub(super) fn personal(number: usize) -> String {
    format!("{PERSONAL}/{number:04}.age")
}

/// Whether `path` lies in (or is) a folder to which files are only added.
pub(super) fn is_appended(path: &str) -> bool {
    APPENDED
        .iter()
        .any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether `path` belongs to the glass and not to the package in it.
pub(super) fn is_glass(path: &str) -> bool {
    is_appended(path) || path == ATTRIBUTES || path == PERSONAL || path.starts_with("personal/")
}
