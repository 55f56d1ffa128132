//! Notes beside the folders that `./migrate` leaves, by which it tells what is recorded.

use super::Error;
use super::glass::Glass;
use git2::Oid;
use std::fs;
use std::path::Path;

/// Takes away the notes beside `folder` of commits that the glass at `path` knows and `kept` does not hold; without it: neither the
/// glass's head nor that of its origin.
///
/// Such a commit was thrown away or will be, and what it recorded has to be recorded again. A note that names a commit of another
/// glass stays, and so does one of a commit that this clone only has to pull.
pub(crate) fn forget(path: &Path, folder: &Path, kept: Option<Oid>) -> Result<(), Error> {
    let glass = Glass::open(path)?;
    let kept = match kept {
        Some(kept) => vec![kept],
        None => std::iter::once(glass.tip()?).chain(glass.origins_head()).collect(),
    };
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
        let holds = |head: &Oid, commit| {
            *head == commit || glass.repository.graph_descendant_of(*head, commit).unwrap_or(true)
        };
        if let Some(commit) = commit.filter(|commit| known(*commit))
            && !kept.iter().any(|head| holds(head, commit))
        {
            fs::remove_file(&note).map_err(|source| Error::io(note.display().to_string(), source))?;
        }
    }
    Ok(())
}
