//! What was named as an export and is none: one finding that says what it is and what to name, not one for each file in it.

use super::folder::{DOCUMENTS, at_file};
use super::{ENCRYPTED, begins_with};
use crate::model::{Finding, Instead, codes};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

/// Folders below the one that was named in which an export is looked for.
const DEPTH: usize = 4;
/// Files and folders that are looked at on the way.
const MOST_ENTRIES: usize = 20_000;
/// Exports that are told.
const MOST_TOLD: usize = 3;

/// What a path leads to, by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// An export, or a document.
    Export,
    /// A package.
    Package,
}

/// What `path` leads to, where names and first bytes tell; nothing is taken from a pipe, which can be read once.
pub fn looks(path: &Path) -> Option<Looks> {
    if path.is_dir() {
        let package = || is_package(|name| path.join(name).exists()).then_some(Looks::Package);
        return if holds_export(path) { Some(Looks::Export) } else { package() };
    }
    if !path.is_file() {
        return None;
    }
    if begins_with(path, ENCRYPTED).ok()? {
        return Some(Looks::Package);
    }
    if !begins_with(path, b"PK").ok()? {
        return Some(Looks::Export);
    }
    let archive = ::zip::ZipArchive::new(File::open(path).ok()?).ok()?;
    let package = holds_package(archive.file_names().filter_map(Result::ok));
    Some(if package { Looks::Package } else { Looks::Export })
}

/// The finding about the folder `root`, called `shown`, if no export stands in it.
pub(super) fn folder(root: &Path, shown: &str) -> Option<Finding> {
    if holds_export(root) {
        return None;
    }
    if is_package(|name| root.join(name).exists()) {
        return Some(package(shown));
    }
    let found = below(root, shown);
    let (message, meant) = match &found[..] {
        [] => (format!("there is no export here: no {}", DOCUMENTS[0]), None),
        [only] => (format!("there is no export here; there is one in {only}"), Some(only.clone())),
        several => (format!("there is no export here; there are some in {}", several.join(", ")), None),
    };
    let next = match &meant {
        Some(meant) => format!("name {meant}"),
        None => codes::EXPORT_DOCUMENT_MISSING.fix.to_owned(),
    };
    Some(finding(shown, &message, meant).next(next))
}

/// The finding about a zip, called `shown`, whose inside stands in `root`, if no export stands in it.
pub(super) fn unpacked(root: &Path, shown: &str) -> Option<Finding> {
    let message = format!("there is no export in this zip: no {}", DOCUMENTS[0]);
    (!holds_export(root)).then(|| finding(shown, &message, None))
}

/// The finding about a zip, called `shown`, if its entries are those of a package.
pub(super) fn zip<'a>(names: impl Iterator<Item = Cow<'a, str>>, shown: &str) -> Option<Finding> {
    holds_package(names).then(|| package(shown))
}

/// Whether the entries of a zip are those of a package, which stands in one folder.
fn holds_package<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> bool {
    let names: Vec<Cow<'a, str>> = names.collect();
    is_package(|wanted| names.iter().any(|name| name.split_once('/').is_some_and(|(_, rest)| rest == wanted)))
}

/// The finding about a file, called `shown`, that is encrypted.
pub(super) fn encrypted(shown: &str) -> Finding {
    let next = "an export is not encrypted; to look at a package: stufpack verify PACKAGE --signers FILE --identity KEY";
    finding(shown, "this is an encrypted file, such as a package, not an export", None).next(next)
}

/// Whether something that is called like an export's document stands in `root`. A link is told where the files are listed, of a
/// folder only its files are.
fn holds_export(root: &Path) -> bool {
    let about = |name| root.join(name).symlink_metadata();
    DOCUMENTS.iter().any(|name| about(name).is_ok_and(|about| !about.is_dir()))
}

fn is_package(holds: impl Fn(&str) -> bool) -> bool {
    holds("SHA256SUMS") && holds("manifest.json")
}

fn package(shown: &str) -> Finding {
    let next = format!(
        "name the export that it was made from; to look at the package: stufpack verify {shown} --signers FILE"
    );
    finding(shown, "this is a package, not an export", None).next(next)
}

fn finding(shown: &str, message: &str, meant: Option<String>) -> Finding {
    let meant = meant.unwrap_or_else(|| "EXPORT".to_owned());
    at_file(&codes::EXPORT_DOCUMENT_MISSING, shown, message)
        .expected("a folder or zip with export.yaml or export.json")
        .instead(Instead { option: None, named: shown.to_owned(), meant })
}

/// The first exports below `root`, as they would be named.
fn below(root: &Path, shown: &str) -> Vec<String> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let entries = walkdir::WalkDir::new(root)
        .min_depth(1)
        .max_depth(DEPTH + 1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !hidden(entry.file_name()))
        .take(MOST_ENTRIES)
        .filter_map(Result::ok);
    entries
        .filter(|entry| DOCUMENTS.iter().any(|name| entry.file_name() == *name))
        // Other files have such names too; only an export has its realm beside.
        .filter(|entry| entry.path().with_file_name("realm.json").is_file())
        .filter_map(|entry| entry.path().parent()?.strip_prefix(root).ok().map(Path::to_owned))
        .map(|folder| Path::new(shown).join(folder).display().to_string())
        .take(MOST_TOLD)
        .collect()
}
