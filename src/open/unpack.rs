//! Writes a verified package into a folder: whole or not at all, and nothing outside it.

use super::{Error, Verified};
use crate::pack::names;
use crate::scratch::Scratch;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Writes the files of `verified` into `folder`, which must be missing or empty.
///
/// Folders get mode 0700, files 0600, programs 0700, whatever the umask. The files are written beside the folder first,
/// made durable by one sync, then renamed; whatever fails on the way leaves nothing.
pub fn unpack(verified: &Verified, folder: &Path) -> Result<(), Error> {
    // Without a `/` or `/.` at its end, which would keep a name from being given.
    let folder = &folder.components().collect::<PathBuf>();
    if folder.file_name().is_none() {
        return Err(Error::Nameless { path: folder.clone() });
    }
    let exists = || Error::Exists { path: folder.to_owned() };
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(Error::Read { path: folder.to_owned(), source }),
        Ok(metadata) => {
            let is_empty = metadata.is_dir()
                && fs::read_dir(folder)
                    .map_err(|source| Error::Read { path: folder.to_owned(), source })?
                    .next()
                    .is_none();
            if !is_empty {
                return Err(exists());
            }
        }
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(write_error(parent))?;
    let beside = Scratch::new_in(parent).map_err(write_error(parent))?;
    fill(verified, beside.path(), folder)?;

    // Renaming a folder over an empty one replaces it in one step; over any other it fails.
    match beside.publish(|path| fs::rename(path, folder)) {
        Ok(()) => File::open(parent).and_then(|parent| parent.sync_all()).map_err(write_error(parent)),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Err(exists()),
        Err(source) => Err(Error::Write { path: folder.to_owned(), source }),
    }
}

/// Writes everything below `root`; errors speak of `place`, where it will stand.
fn fill(verified: &Verified, root: &Path, place: &Path) -> Result<(), Error> {
    let files = verified.package.files();
    // Paths are plain: `names::is_plain` held for each when the package was read.
    let folders: BTreeSet<&str> = files.keys().flat_map(|path| names::folders(path)).collect();
    let failed = |path: &str| write_error(&place.join(path));
    for path in folders {
        let folder = root.join(path);
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed(path))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(failed(path))?;
    }
    for (path, file) in files {
        let mode = if file.executable { 0o700 } else { 0o600 };
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(root.join(path))
            .map_err(failed(path))?;
        out.write_all(&file.bytes).map_err(failed(path))?;
        out.set_permissions(Permissions::from_mode(mode)).map_err(failed(path))?;
    }
    let folder = File::open(root).map_err(write_error(place))?;
    rustix::fs::syncfs(&folder).map_err(|error| write_error(place)(error.into()))
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path: PathBuf = path.to_owned();
    move |source| Error::Write { path, source }
}
