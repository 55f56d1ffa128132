//! The work tree, which is but a view of the head, and is never worth losing what somebody wrote there.

use super::Error;
use super::error::Obstacle;
use super::glass::{Glass, Head};
use super::listing::Trees;
use super::structure::BRANCH;
use super::tree::{Growing, Mode};
use crate::pack::names::folders;
use git2::{Commit, Delta, ErrorCode, FileMode, ObjectType, Oid, Tree, TreeWalkMode, TreeWalkResult};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Every file of a tree by its path: its object and its mode.
type Files = BTreeMap<String, (Oid, FileMode)>;

/// What objects hold, where it is known.
pub(super) type Contents<'c> = HashMap<Oid, Cow<'c, [u8]>>;

/// What a checkout has to do; everything else stays as it is.
#[derive(Default)]
struct Todo {
    /// Files to take away.
    gone: Vec<String>,
    /// Files to write, whatever file stands there.
    written: Vec<(String, (Oid, FileMode))>,
}

/// What stands at a path of a checkout that was interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    /// What is to stand there.
    Right,
    /// What stood there before, the beginning of what is to stand there, or nothing.
    Unfinished,
    /// Anything else.
    Foreign,
}

impl Glass {
    /// Refuses while git's own locks are held: git would refuse what follows half-way.
    pub(super) fn is_free(&self) -> Result<(), Error> {
        for lock in [self.index_lock(), self.branch_lock()] {
            if fs::symlink_metadata(&lock).is_ok() {
                return Err(Error::GitLocked { lock });
            }
        }
        Ok(())
    }

    /// What kept the branch from moving.
    pub(super) fn held(&self, error: git2::Error) -> Error {
        match error.code() {
            ErrorCode::Locked => Error::GitLocked { lock: self.branch_lock() },
            _ => error.into(),
        }
    }

    fn index_lock(&self) -> PathBuf {
        self.repository.path().join("index.lock")
    }

    fn branch_lock(&self) -> PathBuf {
        self.repository.commondir().join(format!("{BRANCH}.lock"))
    }

    /// What it means that a checkout stopped with `error`: the commit stands.
    pub(super) fn half_shown(&self, operation: u32, commit: Oid, error: Error) -> Error {
        Error::CheckOut { path: self.path.clone(), operation, commit, source: Box::new(error) }
    }

    fn obstacle(&self, example: &str, obstacle: Obstacle) -> Error {
        Error::WorkTree { path: self.path.clone(), example: example.to_owned(), obstacle }
    }

    /// Refuses to overwrite what somebody changed in the work tree.
    pub(super) fn is_clean(&self) -> Result<(), Error> {
        let mut options = git2::StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(false);
        match self.repository.statuses(Some(&mut options))?.iter().next() {
            None => Ok(()),
            Some(entry) => {
                Err(self.obstacle(&String::from_utf8_lossy(entry.path_bytes()), Obstacle::Changed))
            }
        }
    }

    /// Refuses when something stands where `operation` puts a file that the tree `old` does not have.
    ///
    /// After [`Self::is_clean`] that is what git ignores, which a checkout would overwrite or stumble over.
    pub(super) fn has_room(&self, old: Oid, new: &Growing, operation: u32) -> Result<(), Error> {
        let Some(root) = self.repository.workdir() else { return Ok(()) };
        let odb = self.repository.odb()?;
        let mut trees = Trees::new(&odb);
        let is_old = |path: &str, trees: &mut Trees<'_>| -> Result<bool, Error> {
            Ok(trees.find(old, path)?.is_some_and(|entry| entry.mode != Mode::Folder))
        };
        for path in new.added(&mut trees, old)? {
            if let Some(example) = in_the_way(root, &path, |path| is_old(path, &mut trees))? {
                return Err(self.obstacle(&example, Obstacle::InTheWay { operation }));
            }
        }
        Ok(())
    }

    /// Ends a checkout that a crash interrupted after the branch had moved.
    ///
    /// Such a crash leaves the index of the parent, for the index is written last. Then every file must be one that the parent or
    /// the head has, or the beginning of one: anything else somebody wrote, and nothing is touched.
    pub(super) fn finish_checkout(&self, head: &Head) -> Result<(), Error> {
        let Some(root) = self.repository.workdir() else { return Ok(()) };
        let commit = self.repository.find_commit(head.id)?;
        let Some(parent) = commit.parent_ids().next() else { return Ok(()) };
        let parent = self.repository.find_commit(parent)?;
        if self.index_is(&commit)? || !self.index_is(&parent)? {
            return Ok(());
        }
        let half_shown = |error| self.half_shown(head.operation, head.id, error);
        self.is_free().map_err(half_shown)?;
        let tree = commit.tree()?;
        let (old, new) = (files(&parent.tree()?)?, files(&tree)?);
        let mut todo = Todo::default();
        for path in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            match (self.there(root, path, &old, &new)?, new.get(path)) {
                (There::Right, _) => {}
                (There::Unfinished, Some(file)) => todo.written.push((path.clone(), *file)),
                (There::Unfinished, None) => todo.gone.push(path.clone()),
                (There::Foreign, _) => {
                    return Err(self.obstacle(path, Obstacle::Foreign { operation: head.operation }));
                }
            }
        }
        self.show(&todo, &tree, &Contents::new()).map_err(half_shown)
    }

    /// Makes the work tree that of `new` where it is that of `old`, or empty. Files that both have stay as they are.
    pub(super) fn check_out(
        &self,
        old: Option<&Tree<'_>>,
        new: &Tree<'_>,
        contents: &Contents<'_>,
    ) -> Result<(), Error> {
        let mut todo = Todo::default();
        for delta in self.repository.diff_tree_to_tree(old, Some(new), None)?.deltas() {
            let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
            let path = String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned();
            match delta.status() {
                Delta::Deleted => todo.gone.push(path),
                _ => todo.written.push((path, (file.id(), file.mode()))),
            }
        }
        self.show(&todo, new, contents)
    }

    /// Writes the files, then the index, at once: until then the index is that of the parent.
    ///
    /// What stands in the tree is what a reader gets, whatever this machine's git is set up to change. What is in `contents` is
    /// not read back and inflated.
    fn show(&self, todo: &Todo, tree: &Tree<'_>, contents: &Contents<'_>) -> Result<(), Error> {
        let Some(root) = self.repository.workdir() else { return Ok(()) };
        let failed = |path: &str| {
            let place = root.join(path).display().to_string();
            move |source| Error::io(place, source)
        };
        for path in &todo.gone {
            remove(root, path).map_err(failed(path))?;
        }
        let mut files = Vec::with_capacity(todo.written.len());
        for (path, (id, mode)) in &todo.written {
            let content = match contents.get(id) {
                Some(content) => Cow::Borrowed(&**content),
                None => Cow::Owned(self.repository.find_blob(*id)?.content().to_vec()),
            };
            files.push((path, *mode == FileMode::BlobExecutable, content));
        }
        let folders: BTreeSet<&str> = files.iter().flat_map(|(path, ..)| folders(path)).collect();
        for folder in folders {
            make_folder(&root.join(folder)).map_err(failed(folder))?;
        }
        files.par_iter().try_for_each(|(path, executable, content)| {
            write(&root.join(path), *executable, content).map_err(failed(path))
        })?;
        let mut index = self.repository.index()?;
        index.read_tree(tree)?;
        Ok(index.write()?)
    }

    fn index_is(&self, commit: &Commit<'_>) -> Result<bool, Error> {
        let mut index = self.repository.index()?;
        index.read(true)?;
        let tree = commit.tree()?;
        let diff = self.repository.diff_tree_to_index(Some(&tree), Some(&index), None)?;
        Ok(diff.deltas().len() == 0)
    }

    /// What a checkout from `old` to `new` left at `path`, which one of both has.
    fn there(&self, root: &Path, path: &str, old: &Files, new: &Files) -> Result<There, Error> {
        let (before, after) = (old.get(path), new.get(path));
        for folder in folders(path) {
            match about(root, folder)? {
                None => return Ok(There::Unfinished),
                Some(about) if about.is_dir() => {}
                // A file where the other tree has a folder, judged by its own path.
                Some(_) if old.contains_key(folder) || new.contains_key(folder) => {
                    return Ok(if after.is_some() { There::Unfinished } else { There::Right });
                }
                // Through a link, a folder elsewhere would be read, and written to.
                Some(_) => return Ok(There::Foreign),
            }
        }
        let Some(about) = about(root, path)? else { return Ok(There::Unfinished) };
        if about.is_dir() {
            let below = format!("{path}/");
            let is_right = match after {
                Some(_) => in_the_way(root, path, |path| Ok(old.contains_key(path)))?.is_none(),
                None => new.keys().any(|path| path.starts_with(&below)),
            };
            return Ok(match (is_right, after) {
                (false, _) => There::Foreign,
                (true, Some(_)) => There::Unfinished,
                (true, None) => There::Right,
            });
        }
        if !about.is_file() {
            return Ok(There::Foreign);
        }
        let place = root.join(path);
        let bytes = fs::read(&place).map_err(|error| Error::io(place.display().to_string(), error))?;
        let id = Oid::hash_object(ObjectType::Blob, &bytes)?;
        let was = before.is_some_and(|(known, _)| *known == id);
        Ok(match after {
            Some((known, mode)) if *known == id => match self.has_mode(&about, *mode) {
                true => There::Right,
                false if before == after => There::Foreign,
                false => There::Unfinished,
            },
            Some(_) | None if was => There::Unfinished,
            Some((known, _)) if self.repository.find_blob(*known)?.content().starts_with(&bytes) => {
                There::Unfinished
            }
            Some(_) | None => There::Foreign,
        })
    }

    /// Whether a file may be run exactly if it should, where the file system can tell.
    fn has_mode(&self, about: &Metadata, mode: FileMode) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        let tells = self.repository.config().and_then(|config| config.get_bool("core.fileMode"));
        !tells.unwrap_or(true)
            || (about.permissions().mode() & 0o100 != 0) == (mode == FileMode::BlobExecutable)
    }
}

/// What stands where the new file `path` or one of its folders has to be; files that are old go away before.
fn in_the_way(
    root: &Path,
    path: &str,
    mut is_old: impl FnMut(&str) -> Result<bool, Error>,
) -> Result<Option<String>, Error> {
    for folder in folders(path) {
        match about(root, folder)? {
            None => return Ok(None),
            Some(about) if about.is_dir() => {}
            Some(_) => return Ok(if is_old(folder)? { None } else { Some(folder.to_owned()) }),
        }
    }
    match about(root, path)? {
        None => Ok(None),
        Some(about) if about.is_dir() => {
            // A folder gives way when nothing but old files is in it.
            for entry in walkdir::WalkDir::new(root.join(path)).min_depth(1).sort_by_file_name() {
                let entry = entry.map_err(|error| Error::io(path, error.into()))?;
                let inside = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy();
                if !entry.file_type().is_dir() && !is_old(&inside)? {
                    return Ok(Some(inside.into_owned()));
                }
            }
            Ok(None)
        }
        Some(_) => Ok(Some(path.to_owned())),
    }
}

/// What stands at `path` itself, links not followed; nothing where nothing stands.
fn about(root: &Path, path: &str) -> Result<Option<Metadata>, Error> {
    let place = root.join(path);
    match fs::symlink_metadata(&place) {
        Ok(about) => Ok(Some(about)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io(place.display().to_string(), error)),
    }
}

/// Removes a file, and the folders that are empty without it. Through a link, the file would be somebody else's.
fn remove(root: &Path, path: &str) -> io::Result<()> {
    let is_folder = |folder: &str| fs::symlink_metadata(root.join(folder)).is_ok_and(|about| about.is_dir());
    if !folders(path).all(is_folder) {
        return Ok(());
    }
    match fs::remove_file(root.join(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut above: Vec<&str> = folders(path).collect();
    above.reverse();
    // The first that is not empty ends it.
    above.into_iter().map(|folder| fs::remove_dir(root.join(folder))).find(Result::is_err);
    Ok(())
}

/// Makes a folder in one that is there.
fn make_folder(place: &Path) -> io::Result<()> {
    match fs::create_dir(place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && fs::symlink_metadata(place)?.is_dir() => {
            Ok(())
        }
        made => made,
    }
}

/// Writes a file in place of what stands there, never through a link.
fn write(place: &Path, executable: bool, content: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    let file = match options.open(place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(place)?.is_dir() {
                true => remove_folders(place)?,
                false => fs::remove_file(place)?,
            }
            options.open(place)
        }
        opened => opened,
    };
    file?.write_all(content)
}

/// Removes a folder that holds but folders: the files of the old tree are gone from it.
fn remove_folders(place: &Path) -> io::Result<()> {
    for folder in walkdir::WalkDir::new(place).contents_first(true) {
        fs::remove_dir(folder?.path())?;
    }
    Ok(())
}

fn files(tree: &Tree<'_>) -> Result<Files, Error> {
    let mut files = Files::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() != Some(ObjectType::Tree) {
            let name = String::from_utf8_lossy(entry.name_bytes());
            let mode = if entry.filemode() & 0o100 != 0 { FileMode::BlobExecutable } else { FileMode::Blob };
            files.insert(format!("{folder}{name}"), (entry.id(), mode));
        }
        TreeWalkResult::Ok
    })?;
    Ok(files)
}
