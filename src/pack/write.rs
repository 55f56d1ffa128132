//! Writes a package to disk: whole or not at all.

use super::{Error, Package, Signer, VERIFY_TEXT_BEGINS, age, verify_text, zip};
use crate::model::{AgeRecipient, Files};
use crate::scratch::Scratch;
use crate::threads::at_once;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output<'a> {
    /// Encrypt the zip to these; empty means not to encrypt.
    pub recipients: &'a [AgeRecipient],
    /// Overwrite files of the same names that hold other bytes.
    pub force: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The zip, or the encrypted zip.
    pub package: PathBuf,
    /// `VERIFY.txt` beside it.
    pub verify_text: PathBuf,
    /// Whether the same bytes stood there already.
    pub unchanged: bool,
}

/// Writes the zip and `VERIFY.txt` into the folder `out`: [`prepare`], then [`Prepared::publish`].
pub fn write(package: &Package, signer: &Signer, out: &Path, output: &Output<'_>) -> Result<Written, Error> {
    prepare(package, signer, out, output)?.publish()
}

/// Files that lie complete in a private folder beside their place; dropped, they are gone.
#[derive(Debug)]
#[must_use = "nothing stands in its place before it is published"]
pub struct Prepared {
    written: Written,
    out: PathBuf,
    is_new: bool,
    /// None where the same bytes stand in their place already.
    folder: Option<Scratch>,
    /// Keeps others who write here waiting, so that what was not there when it was looked for is not there later.
    _alone: Option<File>,
}

/// Something sealed that is to be written: a zip, and the page that tells how it is verified.
pub(super) struct Parcel<'a> {
    /// Name of the zip, without its ending.
    pub(super) name: String,
    /// The one folder in it.
    pub(super) top: &'a str,
    /// What is in the folder.
    pub(super) files: &'a Files,
    /// `VERIFY.txt`.
    pub(super) text: String,
}

impl Parcel<'_> {
    fn write_zip(&self, out: &mut impl io::Write) -> io::Result<()> {
        zip::write(self.top, self.files, out)
    }
}

/// Prepares a package: its zip and its `VERIFY.txt` lie ready in a private folder beside `out`.
pub fn prepare(
    package: &Package,
    signer: &Signer,
    out: &Path,
    output: &Output<'_>,
) -> Result<Prepared, Error> {
    let parcel = Parcel {
        name: package.name(),
        top: package.manifest().package.slug.as_str(),
        files: package.files(),
        text: verify_text(package, signer, !output.recipients.is_empty()),
    };
    prepare_parcel(&parcel, out, output)
}

/// Refuses what would overwrite other bytes, and writes zip and `VERIFY.txt` into a private folder beside `out`.
///
/// Both files are on the disk before they get their names; the names themselves may be lost if the machine stops within
/// the next seconds.
pub(super) fn prepare_parcel(
    package: &Parcel<'_>,
    out: &Path,
    output: &Output<'_>,
) -> Result<Prepared, Error> {
    let encrypted = !output.recipients.is_empty();
    let ending = if encrypted { "zip.age" } else { "zip" };
    let names = [format!("{}.{ending}", package.name), "VERIFY.txt".to_owned()];
    let written =
        Written { package: out.join(&names[0]), verify_text: out.join(&names[1]), unchanged: false };
    let text = &package.text;
    let parent = parent_of(out);
    fs::create_dir_all(&parent).map_err(io_error(&parent, "made"))?;
    let alone = alone_in(out, &parent);

    if !output.force && written.package.symlink_metadata().is_ok() {
        if encrypted {
            return Err(Error::EncryptedExists { path: written.package });
        }
        if !holds(&written.package, |old| package.write_zip(old))? {
            return Err(Error::Exists { path: written.package });
        }
        if holds(&written.verify_text, |old| old.write_all(text.as_bytes()))? {
            let written = Written { unchanged: true, ..written };
            return Ok(Prepared { written, out: out.to_owned(), is_new: false, folder: None, _alone: alone });
        }
    }
    for path in [&written.package, &written.verify_text] {
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Error::Folder { path: path.clone() });
        }
    }
    if !output.force
        && written.verify_text.symlink_metadata().is_ok()
        && !holds(&written.verify_text, |old| old.write_all(text.as_bytes()))?
    {
        let path = written.verify_text;
        return Err(match tells_of_another(&path, &package.name) {
            true => Error::OtherPackage { path, own: out.join(&package.name) },
            false => Error::Exists { path },
        });
    }

    let is_new = out.symlink_metadata().is_err();
    let beside = if is_new { parent.as_path() } else { out };
    let folder = Scratch::new_in(beside).map_err(io_error(beside, "written"))?;
    let [zip, verify] = written.names().map(|name| folder.path().join(name));
    let write_zip = |file: &mut BufWriter<File>| {
        if encrypted {
            Ok(age::encrypt_into(file, output.recipients, |out| package.write_zip(out))?)
        } else {
            package.write_zip(file).map_err(io_error(&written.package, "written"))
        }
    };
    let write_text = |file: &mut BufWriter<File>| {
        file.write_all(text.as_bytes()).map_err(io_error(&written.verify_text, "written"))
    };
    // Both are made durable at once, which takes hardly longer than one.
    let (verify, zip) =
        at_once(|| put(&verify, &written.verify_text, write_text), || put(&zip, &written.package, write_zip));
    zip?;
    verify?;
    Ok(Prepared { written, out: out.to_owned(), is_new, folder: Some(folder), _alone: alone })
}

/// A lock on the folder in which `out` stands or will stand; none where its file system has no locks.
///
/// Not on `out` itself: one that is new takes its place when it is published. It is let go when its file is dropped, and by
/// Linux where the process ends before.
fn alone_in(out: &Path, parent: &Path) -> Option<File> {
    let there = fs::canonicalize(out).ok().and_then(|out| out.parent().map(Path::to_owned));
    let folder = File::open(there.as_deref().unwrap_or(parent)).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

impl Prepared {
    /// Gives the files their names.
    ///
    /// A new folder appears with both files in it or not at all. In a folder that exists, `VERIFY.txt` is put in place
    /// first and the zip last; each appears whole, and files of other names are left alone.
    pub fn publish(self) -> Result<Written, Error> {
        let Self { written, out, is_new, folder, _alone } = self;
        let Some(folder) = folder else { return Ok(written) };
        folder.publish(|folder| {
            if is_new {
                return fs::rename(folder, &out).map_err(io_error(&out, "made"));
            }
            let [zip, verify] = written.names().map(|name| folder.join(name));
            // The text that stood there lies beside the new one until the zip has its name.
            let before = folder.join("VERIFY.before");
            let kept = fs::hard_link(&written.verify_text, &before);
            fs::rename(&verify, &written.verify_text).map_err(io_error(&written.verify_text, "written"))?;
            fs::rename(&zip, &written.package).map_err(|source| {
                // Where even that fails, the first error counts.
                let _ = match kept {
                    Ok(()) => fs::rename(&before, &written.verify_text),
                    Err(_) => fs::remove_file(&written.verify_text),
                };
                Error::Io { path: written.package.clone(), action: "written", source }
            })
        })?;
        Ok(written)
    }
}

impl Written {
    fn names(&self) -> [&std::ffi::OsStr; 2] {
        [&self.package, &self.verify_text].map(|path| path.file_name().unwrap_or_default())
    }
}

/// Writes a new private file and makes it durable; errors speak of `place`, where it will stand.
fn put(
    path: &Path,
    place: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = || io_error(place, "written");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed())?;
    let mut writer = BufWriter::with_capacity(1 << 18, file);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(|error| failed()(error.into_error()))?;
    // Whatever the umask took away is given back, so that the mode is the same everywhere.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed())?;
    file.sync_all().map_err(failed())
}

/// Whether the file at `path` is the `VERIFY.txt` of something that is not called `name`.
fn tells_of_another(path: &Path, name: &str) -> bool {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1_000).read_to_end(&mut begin));
    let title = read.ok().and_then(|_| begin.strip_prefix(VERIFY_TEXT_BEGINS.as_bytes()));
    title
        .and_then(|rest| rest.split(|byte| *byte == b'\n').next())
        .is_some_and(|other| other != name.as_bytes())
}

/// Whether the regular file at `path` holds exactly what `expected` writes.
fn holds(path: &Path, expected: impl FnOnce(&mut Comparison<File>) -> io::Result<()>) -> Result<bool, Error> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => {}
        _ => return Ok(false),
    }
    let file = File::open(path).map_err(io_error(path, "read"))?;
    let mut comparison = Comparison { file, buffer: Vec::new() };
    match expected(&mut comparison) {
        Ok(()) => {
            let mut rest = [0; 1];
            let length = comparison.file.read(&mut rest).map_err(io_error(path, "read"))?;
            Ok(length == 0)
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            Ok(false)
        }
        Err(source) => Err(Error::Io { path: path.to_owned(), action: "read", source }),
    }
}

/// A writer that writes nothing, but fails where a file holds something else.
struct Comparison<R> {
    file: R,
    buffer: Vec<u8>,
}

impl<R: io::Read> io::Write for Comparison<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        self.file.read_exact(&mut self.buffer)?;
        if self.buffer == bytes { Ok(bytes.len()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, action, source }
}
