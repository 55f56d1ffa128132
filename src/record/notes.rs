//! Notes beside the folders that `./migrate` leaves, by which it tells what is recorded.

use super::Error;
use super::glass::Glass;
use git2::Oid;
use std::fs;
use std::path::Path;

/// Takes away the notes beside `folder` of commits that the glass at `path` knows and `held`, or else its head, does not hold.
///
/// Such a commit was thrown away or will be, and what it recorded has to be recorded again. A note that names a commit of another
/// glass stays.
pub(crate) fn forget(path: &Path, folder: &Path, held: Option<Oid>) -> Result<(), Error> {
    let glass = Glass::open(path)?;
    let held = held.map_or_else(|| glass.tip(), Ok)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(parent).map_err(|source| Error::io(parent.display().to_string(), source))?;
    for note in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_note = note.extension().is_some_and(|ending| ending == "recorded");
        if !is_note || !note.with_extension("sh").is_file() {
            continue;
        }
        let commit = fs::read_to_string(&note).ok().and_then(|text| Oid::from_str(text.trim()).ok());
        let known = |commit: Oid| glass.repository.find_commit(commit).is_ok();
        if let Some(commit) = commit.filter(|commit| *commit != held && known(*commit))
            && !glass.repository.graph_descendant_of(held, commit).unwrap_or(true)
        {
            fs::remove_file(&note).map_err(|source| Error::io(note.display().to_string(), source))?;
        }
    }
    Ok(())
}
