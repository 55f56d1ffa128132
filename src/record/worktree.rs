//! The work tree, which is but a view of the head, and is never worth losing what somebody wrote there.

use super::Error;
use super::glass::{Glass, Head};
use git2::build::CheckoutBuilder;
use git2::{Commit, ObjectType, Oid, Tree, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Every file of a tree by its path: its object and its mode.
type Files = BTreeMap<String, (Oid, i32)>;

impl Glass {
    /// Ends a checkout that a crash interrupted after the branch had moved.
    ///
    /// Such a crash leaves the index of the parent, for the index is written last. Then every file must be one that the parent or
    /// the head has, or the beginning of one: anything else somebody wrote, and nothing is touched.
    pub(super) fn finish_checkout(&self, head: &Head) -> Result<(), Error> {
        if self.repository.is_bare() {
            return Ok(());
        }
        let commit = self.repository.find_commit(head.id)?;
        let Some(parent) = commit.parent_ids().next() else { return Ok(()) };
        let parent = self.repository.find_commit(parent)?;
        if self.index_is(&commit)? || !self.index_is(&parent)? {
            return Ok(());
        }
        let (old, new) = (files(&parent.tree()?)?, files(&commit.tree()?)?);
        for path in old.keys().chain(new.keys()) {
            if !self.is_ours(path, &old, &new)? {
                return Err(Error::WorkTree { path: self.path.clone(), example: path.clone() });
            }
        }
        Ok(self.check_out()?)
    }

    /// Makes the work tree that of the head, then the index, at once: until then the index is that of the parent.
    pub(super) fn check_out(&self) -> Result<(), git2::Error> {
        // Without filters: what stands in the tree is what a reader gets, whatever this machine's git is set up to change.
        let mut options = CheckoutBuilder::new();
        options.force().update_index(false).disable_filters(true);
        self.repository.checkout_head(Some(&mut options))?;
        let mut index = self.repository.index()?;
        index.read_tree(&self.repository.head()?.peel_to_tree()?)?;
        index.write()
    }

    fn index_is(&self, commit: &Commit<'_>) -> Result<bool, Error> {
        let mut index = self.repository.index()?;
        index.read(true)?;
        let tree = commit.tree()?;
        let diff = self.repository.diff_tree_to_index(Some(&tree), Some(&index), None)?;
        Ok(diff.deltas().len() == 0)
    }

    /// Whether a checkout that went from `old` to `new` could have left at `path` what is there.
    fn is_ours(&self, path: &str, old: &Files, new: &Files) -> Result<bool, Error> {
        let (before, after) = (old.get(path), new.get(path));
        let Some(folder) = self.repository.workdir() else { return Ok(true) };
        let place = folder.join(path);
        let failed = |source| Error::io(place.display().to_string(), source);
        let about = match std::fs::symlink_metadata(&place) {
            Ok(about) => about,
            // A file of both trees is never taken away on the way.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(before != after);
            }
            Err(error) => return Err(failed(error)),
        };
        if about.is_dir() {
            let below = format!("{path}/");
            let holds = |files: &Files| files.keys().any(|path| path.starts_with(&below));
            return Ok(before != after && (holds(old) || holds(new)));
        }
        if !about.is_file() || (before == after && before.is_some_and(|(_, mode)| !has_mode(&place, *mode))) {
            return Ok(false);
        }
        let bytes = std::fs::read(&place).map_err(failed)?;
        let id = Oid::hash_object(ObjectType::Blob, &bytes)?;
        if [before, after].into_iter().flatten().any(|(known, _)| *known == id) {
            return Ok(true);
        }
        match after {
            Some((known, _)) if before != after => {
                Ok(self.repository.find_blob(*known)?.content().starts_with(&bytes))
            }
            _ => Ok(false),
        }
    }
}

fn files(tree: &Tree<'_>) -> Result<Files, Error> {
    let mut files = Files::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() != Some(ObjectType::Tree) {
            let name = String::from_utf8_lossy(entry.name_bytes());
            files.insert(format!("{folder}{name}"), (entry.id(), entry.filemode()));
        }
        TreeWalkResult::Ok
    })?;
    Ok(files)
}

#[cfg(unix)]
fn has_mode(path: &Path, mode: i32) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|about| (about.permissions().mode() & 0o100 != 0) == (mode & 0o100 != 0))
}

#[cfg(not(unix))]
fn has_mode(_: &Path, _: i32) -> bool {
    true
}
