//! The work tree, which is but a view of the head, and is never worth losing what somebody wrote there.

use super::Error;
use super::glass::{Glass, Head};
use git2::{Commit, Delta, FileMode, ObjectType, Oid, Tree, TreeWalkMode, TreeWalkResult};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Every file of a tree by its path: its object and its mode.
type Files = BTreeMap<String, (Oid, i32)>;

/// What objects hold, where it is known.
pub(super) type Contents<'c> = HashMap<Oid, &'c [u8]>;

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
        Ok(self.check_out(&parent.tree()?, &commit.tree()?, true, &Contents::new())?)
    }

    /// Makes the work tree that of `new`, then the index, at once: until then the index is that of the parent.
    ///
    /// Files that `old` has too stay as they are, but for those that are written `anew`. What stands in the tree is what a
    /// reader gets, whatever this machine's git is set up to change. What is in `contents` is not read back and inflated.
    pub(super) fn check_out(
        &self,
        old: &Tree<'_>,
        new: &Tree<'_>,
        anew: bool,
        contents: &Contents<'_>,
    ) -> Result<(), git2::Error> {
        let Some(root) = self.repository.workdir() else { return Ok(()) };
        let changed = self.repository.diff_tree_to_tree(Some(old), Some(new), None)?;
        let changed = changed.deltas().filter(|delta| delta.status() == Delta::Deleted);
        for gone in changed.filter_map(|delta| delta.old_file().path().map(Path::to_owned)) {
            remove(root, &gone).map_err(|error| failed(&gone, &error))?;
        }
        let base = if anew { None } else { Some(old) };
        let written = self.repository.diff_tree_to_tree(base, Some(new), None)?;
        let mut files = Vec::new();
        for file in written.deltas().filter(|delta| delta.status() != Delta::Deleted) {
            let file = file.new_file();
            let Some(path) = file.path() else { continue };
            let content = match contents.get(&file.id()) {
                Some(content) => Cow::Borrowed(*content),
                None => Cow::Owned(self.repository.find_blob(file.id())?.content().to_vec()),
            };
            files.push((path.to_owned(), file.mode() == FileMode::BlobExecutable, content));
        }
        let folders: BTreeSet<&Path> = files.iter().filter_map(|(path, ..)| path.parent()).collect();
        for folder in folders {
            make_folder(root, folder).map_err(|error| failed(folder, &error))?;
        }
        files.par_iter().try_for_each(|(path, executable, content)| {
            write(&root.join(path), *executable, content).map_err(|error| failed(path, &error))
        })?;
        let mut index = self.repository.index()?;
        index.read_tree(new)?;
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

fn failed(path: &Path, error: &io::Error) -> git2::Error {
    git2::Error::from_str(&format!("{}: {error}", path.display()))
}

/// Removes a file, and the folders that are empty without it.
fn remove(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(root.join(path)) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(error);
        }
        _ => {}
    }
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    // The first that is not empty ends it.
    folders.map(|folder| fs::remove_dir(root.join(folder))).find(Result::is_err);
    Ok(())
}

/// Makes a folder with those above it. What is no folder, such as a link that leads elsewhere, gives way.
fn make_folder(root: &Path, folder: &Path) -> io::Result<()> {
    let mut place = root.to_owned();
    for name in folder {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(about) if about.is_dir() => {}
            Ok(_) => fs::remove_file(&place).and_then(|()| fs::create_dir(&place))?,
            Err(_) => fs::create_dir(&place)?,
        }
    }
    Ok(())
}

/// Writes a file in place of what stands there, never through a link.
fn write(place: &Path, executable: bool, content: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    let file = match options.open(place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(place)?.is_dir() {
                // Files of the old tree are gone from it; what is left is empty.
                true => fs::remove_dir(place)?,
                false => fs::remove_file(place)?,
            }
            options.open(place)
        }
        opened => opened,
    };
    file?.write_all(content)
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
