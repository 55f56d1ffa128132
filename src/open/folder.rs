//! Reads an unpacked package without following any link on the way down.

use super::problem::{Problem, Way};
use super::{Contents, Error, Item};
use crate::pack::{LARGEST, MOST_ENTRIES, names};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Everything below `root`, and what is wrong with its form; without contents where there is too much of it.
pub(super) fn read(root: &Path) -> Result<(Option<Contents>, Vec<Problem>), Error> {
    let mut walk =
        Walk { root, items: BTreeMap::new(), problems: Vec::new(), entries: 0, bytes: 0, stopped: false };
    let folder = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| walk.error("", error))?;
    walk.writable("", &rustix::fs::fstat(&folder).map_err(|error| walk.error("", error))?);
    walk.folder(&folder, "")?;
    let contents = (!walk.stopped).then_some(Contents { top: None, items: walk.items });
    Ok((contents, walk.problems))
}

/// Whether anything stands in `root` that every package has; without all of it there is nothing to judge.
pub(super) fn is_package(root: &Path) -> bool {
    !is_glass(root)
        && [names::SUMS, names::SIGNATURE, names::MANIFEST].iter().any(|name| is_there(root, name))
}

/// Whether `root` is a glass: a clone with its files, or a bare repository as servers have it.
pub(super) fn is_glass(root: &Path) -> bool {
    is_there(root, names::GLASS) || ["HEAD", "objects", "refs"].iter().all(|name| is_there(root, name))
}

fn is_there(root: &Path, name: &str) -> bool {
    root.join(name).symlink_metadata().is_ok()
}

/// The packages in a folder that is none, by name: zips, encrypted or not, and folders as `unzip` leaves them.
pub(super) fn packages_in(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok).take(MOST_ENTRIES);
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let zip = [".zip", ".zip.age"].iter().any(|ending| name.ends_with(ending));
        zip && path.is_file() || path.is_dir() && is_package(path)
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_one).collect();
    found.sort();
    found
}

struct Walk<'a> {
    root: &'a Path,
    items: BTreeMap<String, Item>,
    problems: Vec<Problem>,
    entries: usize,
    bytes: u64,
    stopped: bool,
}

impl Walk<'_> {
    fn error(&self, path: &str, error: rustix::io::Errno) -> Error {
        Error::Read { path: self.root.join(path), source: io::Error::from(error) }
    }

    /// Reads one folder; `path` is its path below the root, empty or with a slash at the end.
    fn folder(&mut self, folder: &OwnedFd, path: &str) -> Result<(), Error> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(|error| self.error(path, error))? {
            let entry = entry.map_err(|error| self.error(path, error))?;
            let name = entry.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
            if self.entries + names.len() > MOST_ENTRIES {
                self.stop(Way::Many.whole(format!("has more than {MOST_ENTRIES} files and folders")));
                return Ok(());
            }
        }
        self.entries += names.len();
        if names.is_empty() && !path.is_empty() {
            let message = "is an empty folder, which packages do not have";
            self.problems.push(Way::FolderEmpty.at(path.trim_end_matches('/'), message));
        }
        names.sort();
        for name in names {
            if self.stopped {
                break;
            }
            let below = format!("{path}{}", String::from_utf8_lossy(&name));
            match std::str::from_utf8(&name).ok().filter(|_| names::is_plain(&below)) {
                Some(name) => self.entry(folder.as_fd(), name, below.clone())?,
                None => self.problems.push(Way::FolderName.at(&below, "is not a plain path")),
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &str, path: String) -> Result<(), Error> {
        let look = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.error(&path, error))?;
        let kind = FileType::from_raw_mode(look.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::Directory) {
            self.problems.push(Way::FolderKind.at(&path, "is neither a regular file nor a folder"));
            return Ok(());
        }
        self.writable(&path, &look);
        // Opened without following links and without waiting: what was swapped since the look is an error.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = if kind == FileType::Directory { flags | OFlags::DIRECTORY } else { flags };
        let opened = rustix::fs::openat(folder, name, flags, Mode::empty())
            .map_err(|error| self.error(&path, error))?;
        if kind == FileType::Directory {
            return self.folder(&opened, &format!("{path}/"));
        }
        let stat = rustix::fs::fstat(&opened).map_err(|error| self.error(&path, error))?;
        if stat.st_nlink > 1 {
            self.problems.push(
                Way::FolderLinked.at(&path, "has a second name elsewhere, through which it can be changed"),
            );
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > LARGEST {
            self.stop(
                Way::Large.at(&path, format!("and what stands before it have more than {LARGEST} bytes")),
            );
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        File::from(opened)
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Read { path: self.root.join(&path), source })?;
        self.items.insert(path, Item::new(bytes, stat.st_mode & 0o100 != 0));
        Ok(())
    }

    fn writable(&mut self, path: &str, stat: &Stat) {
        if stat.st_mode & 0o022 != 0 {
            let message = format!("can be changed by others (mode {:04o})", stat.st_mode & 0o7777);
            self.problems.push(Way::FolderWritable.at(path, message));
        }
    }

    fn stop(&mut self, problem: Problem) {
        self.problems.push(problem);
        self.stopped = true;
    }
}
