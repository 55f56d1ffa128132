//! Opens and verifies packages (zip, encrypted zip, or unpacked folder) and source kits.
//!
//! ```text
//! path ──▶ Contents (read in full, bounded, nothing trusted) ──▶ every Problem, or Sealed
//! ```
//!
//! Nothing is shown or written from a package before it is verified. All problems are found, not only the first.

mod folder;
mod judge;
mod lists;
mod problem;
mod signature;
mod signers;
mod unpack;
mod zip;

pub use problem::{Problem, Way};
pub use signature::SignedBy;
pub(crate) use signature::verify as signed_by;
pub use signers::{Entry, Revoked, Signers};
pub use unpack::unpack;

use crate::model::{Digest, Timestamp};
use crate::named;
use crate::pack::age::{self, Identities};
use crate::pack::{KIT_ABOUT, Kit, LARGEST, Package, names};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest signers file or list of revoked keys in bytes.
const LARGEST_SIGNERS: u64 = 1 << 20;

/// What stopped a package from being opened, verified or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{} could not be read; next: correct the path, or make it readable for this account", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("{} could not be written; nothing was left there; next: mend what the reason says, then repeat the command", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something stands where the package should be unpacked.
    #[error("{} is there already and is not an empty folder; nothing was written; next: name a folder that is not there yet", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that cannot be replaced by a new one, such as `.`.
    #[error("{} is no name for a new folder; nothing was written; next: name a folder that is not there yet", path.display())]
    Nameless {
        /// What was named.
        path: PathBuf,
    },
    /// What is read to its end before anything is judged, and may never come to one.
    #[error(
        "{} is {}, which may never end, and is not read here; nothing was shown or written; next: save what comes through \
         it to a file, and name that",
        path.display(), kind
    )]
    Endless {
        /// What was named.
        path: PathBuf,
        /// What it leads to.
        kind: &'static str,
    },
    /// There is no signers file.
    #[error(
        "there is no signers file {}; next: write the line of VERIFY.txt into it, which its signer gave you by another way \
         (for a glass with namespaces=\"git,stufpack\"), or correct the path",
        path.display()
    )]
    NoSigners {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A folder that is no package, and perhaps holds some.
    #[error("{} is no package: neither {} nor {} stands in it", path.display(), names::SUMS, names::MANIFEST)]
    Elsewhere {
        /// The folder as it was named.
        path: PathBuf,
        /// The packages in it.
        packages: Vec<PathBuf>,
    },
    /// A glass, which is no package.
    #[error("{} is a glass, where personal files are encrypted, and no package", path.display())]
    Glass {
        /// The glass.
        path: PathBuf,
    },
    /// The package is encrypted and no identity was given.
    #[error("{} is encrypted; next: add --identity KEY", path.display())]
    IdentityNeeded {
        /// The package.
        path: PathBuf,
    },
    /// The package, or what says whom to trust, is wrong: verification failed.
    #[error("{} problems, of which the first is {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Problems(Vec<Problem>),
}

/// Whom to trust, and when.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Who may sign.
    pub signers: Signers,
    /// Keys that are not trusted any more.
    pub revoked: Revoked,
    /// The moment at which validity and expiry are judged.
    pub at: Timestamp,
}

impl Trust {
    /// Reads a signers file and, where there is one, a list of revoked keys.
    pub fn read(signers: &Path, revoked: Option<&Path>, at: Timestamp) -> Result<Self, Error> {
        let text = |path: &Path| read_file(path, LARGEST_SIGNERS);
        let name = |path: &Path| path.display().to_string();
        let mut problems = Vec::new();
        ends(signers)?;
        let file = signers.canonicalize().map_err(signers_error(signers))?;
        let mut signers = Signers::parse(&text(signers)?, &name(signers)).unwrap_or_else(|found| {
            problems.extend(found);
            Signers::default()
        });
        signers.file = Some(file);
        let revoked = match revoked {
            None => Revoked::default(),
            Some(path) => Revoked::parse(&text(path)?, &name(path)).unwrap_or_else(|found| {
                problems.extend(found);
                Revoked::default()
            }),
        };
        if problems.is_empty() { Ok(Self { signers, revoked, at }) } else { Err(Error::Problems(problems)) }
    }
}

/// The text of a signers file, at most of the size that is read.
pub fn signers_text(path: &Path) -> Result<Vec<u8>, Error> {
    ends(path)?;
    if path.symlink_metadata().is_err() {
        return Err(Error::NoSigners { path: path.to_owned() });
    }
    read_file(path, LARGEST_SIGNERS)
}

/// In which form a package came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The zip.
    Zip,
    /// The zip, encrypted with age.
    Encrypted,
    /// A folder with the unpacked files.
    Folder,
    /// Files put together by the caller.
    Files,
}

/// Where the moment of verification stands in a package's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Within its time.
    Current,
    /// Past `expiresAt`: it is whole, but no changing phase may begin with it.
    Expired,
    /// Before `createdAt`: this machine's clock is wrong, or the exporter's was.
    Future,
}

/// What was sealed, with everything verified.
#[derive(Debug)]
pub enum Sealed {
    /// A package.
    Package(Box<Verified>),
    /// A source kit.
    Kit(VerifiedKit),
}

impl Sealed {
    /// The package; a kit is none.
    fn package(self) -> Result<Verified, Vec<Problem>> {
        match self {
            Self::Package(verified) => Ok(*verified),
            Self::Kit(_) => Err(vec![Way::KitInstead.whole("this is a source kit, and no package")]),
        }
    }
}

/// A source kit of which everything was verified.
#[derive(Debug)]
pub struct VerifiedKit {
    /// The kit.
    pub kit: Kit,
    /// Who signed it.
    pub signed_by: SignedBy,
    /// In which form it came.
    pub form: Form,
}

/// What something sealed claims to be, by its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Package,
    Kit,
}

impl Sort {
    fn of(contents: &Contents) -> Self {
        let has = |path: &str| contents.items.contains_key(path);
        if has(KIT_ABOUT) && !has(names::MANIFEST) { Self::Kit } else { Self::Package }
    }
}

/// A package of which everything was verified.
#[derive(Debug)]
pub struct Verified {
    /// The package.
    pub package: Package,
    /// Who signed it.
    pub signed_by: SignedBy,
    /// In which form it came.
    pub form: Form,
    /// Whether it has expired; the caller decides what follows.
    pub standing: Standing,
}

/// One file as it was found.
pub(crate) struct Item {
    bytes: Vec<u8>,
    sha256: Digest,
    crc32: u32,
    executable: bool,
}

impl Item {
    fn new(bytes: Vec<u8>, executable: bool) -> Self {
        Self { sha256: Digest::of(&bytes), crc32: crc32fast::hash(&bytes), bytes, executable }
    }
}

/// All files as they were found, by path inside the package.
pub(crate) struct Contents {
    /// The one folder of the zip.
    top: Option<String>,
    items: BTreeMap<String, Item>,
}

/// Reads and verifies the package at `path`.
pub fn verify(path: &Path, identities: Option<&Identities>, trust: &Trust) -> Result<Verified, Error> {
    sealed(path, identities, trust)?.package().map_err(Error::Problems)
}

/// Reads and verifies what is at `path`, a package or a source kit.
pub fn sealed(path: &Path, identities: Option<&Identities>, trust: &Trust) -> Result<Sealed, Error> {
    ends(path)?;
    let metadata = path.metadata().map_err(read_error(path))?;
    if metadata.is_dir() {
        if folder::is_glass(path) {
            return Err(Error::Glass { path: path.to_owned() });
        }
        if !folder::is_package(path) {
            return Err(Error::Elsewhere { path: path.to_owned(), packages: folder::packages_in(path) });
        }
        let (contents, mut problems) = folder::read(path)?;
        if trust.signers.lies_in(path) {
            problems.push(trust.signers.inside());
        }
        return judge::verify(Form::Folder, contents, None, problems, trust).map_err(Error::Problems);
    }
    let bytes = read_file(path, LARGEST)?;
    if !age::is_encrypted(&bytes) {
        return sealed_zip(Form::Zip, &bytes, trust).map_err(Error::Problems);
    }
    let identities = identities.ok_or_else(|| Error::IdentityNeeded { path: path.to_owned() })?;
    let zip = age::decrypt(&bytes, identities, LARGEST).map_err(|error| {
        let way = match error {
            age::Error::NotForUs => Way::AgeRecipient,
            age::Error::Changed => Way::AgeChanged,
            age::Error::TooLarge { .. } => Way::Large,
            _ => Way::AgeForm,
        };
        Error::Problems(vec![way.whole(error.to_string())])
    })?;
    sealed_zip(Form::Encrypted, &zip, trust).map_err(Error::Problems)
}

/// Verifies a package's zip in memory.
pub fn verify_zip(form: Form, zip: &[u8], trust: &Trust) -> Result<Verified, Vec<Problem>> {
    sealed_zip(form, zip, trust)?.package()
}

fn sealed_zip(form: Form, zip: &[u8], trust: &Trust) -> Result<Sealed, Vec<Problem>> {
    let (contents, problems) = zip::read(zip);
    judge::verify(form, contents, Some(zip), problems, trust)
}

/// Verifies files that were put together in another way, such as those of a glass with the personal ones decrypted:
/// path, bytes, and whether it may be run.
pub fn verify_files(
    files: impl IntoIterator<Item = (String, Vec<u8>, bool)>,
    trust: &Trust,
) -> Result<Verified, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut items = BTreeMap::new();
    for (path, bytes, executable) in files {
        if names::is_plain(&path) {
            items.insert(path, Item::new(bytes, executable));
        } else {
            problems.push(Way::FolderName.at(&path, "is not a plain path"));
        }
    }
    judge::verify(Form::Files, Some(Contents { top: None, items }), None, problems, trust)?.package()
}

/// Reads a whole file; one that is larger than `limit` is refused, since half of it could mean something else.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let large = || {
        let message = format!("has more than {limit} bytes");
        Error::Problems(vec![Way::Large.at(&path.display().to_string(), message)])
    };
    ends(path)?;
    let file = File::open(path).map_err(read_error(path))?;
    let length = file.metadata().map_err(read_error(path))?.len();
    if length > limit {
        return Err(large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read_error(path))?;
    // It may have grown while it was read.
    if bytes.len() as u64 > limit { Err(large()) } else { Ok(bytes) }
}

/// Refuses what would be waited for.
fn ends(path: &Path) -> Result<(), Error> {
    let kind = match path.metadata() {
        Ok(about) => named::endless(path, &about),
        Err(_) => (path == Path::new("-")).then_some("standard input"),
    };
    kind.map_or(Ok(()), |kind| Err(Error::Endless { path: path.to_owned(), kind }))
}

fn signers_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoSigners { path },
        _ => Error::Read { path, source },
    }
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path, source }
}
