//! Seals files into a signed package and writes it as a canonical zip.
//!
//! ```text
//! Files ──▶ salt, personal sums ──▶ manifest ──▶ sums ──▶ signature ──▶ Package ──▶ zip, VERIFY.txt
//! ```
//!
//! The same input gives the same bytes: no clock, no host name, no map order, Ed25519 or deterministic ECDSA.

pub mod age;
mod error;
mod kit;
mod manifest;
pub mod names;
mod signer;
pub mod sums;
mod verify_text;
mod write;
pub mod zip;

pub use error::Error;
pub use kit::{About, KIT_ABOUT, KIT_TOP, Kit};
pub(crate) use manifest::derive;
pub use manifest::{
    Code, Data, Derived, Details, Identity, KIND, Manifest, NeededSecret, Personal, Previous, Requires,
    SCHEMA, SecretOrigin, SecretPhase, Source, Tool,
};
pub(crate) use signer::is_used_here;
pub use signer::{NAMESPACE, Principal, Signer};
pub use verify_text::{CLASSES, Invisible, VERIFY_TEXT_BEGINS, verify_text};
pub use write::{Output, Prepared, Written, prepare, write};

use crate::model::{Digest, File, Files, Kind};
use names::{BILL, MANIFEST, PERSONAL, PLAN, SALT, SIGNATURE, SUMS, SUMS_PERSONAL};

/// Largest package in bytes, packed or unpacked; the canonical zip needs no 64-bit extension below it.
pub const LARGEST: u64 = 2 << 30;

/// Largest number of files and folders in a package.
pub const MOST_ENTRIES: usize = 60_000;

/// Who signs, and what the manifest says beyond what the files tell.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// The key that signs.
    pub signer: &'a Signer,
    /// What the manifest says.
    pub details: &'a Details,
}

/// A sealed package: all its files, signature included, and its manifest.
///
/// Comes from [`seal`] or from verification alone, so whoever holds one need not check it again.
#[derive(Clone, Debug)]
pub struct Package {
    files: Files,
    manifest: Manifest,
}

impl Package {
    pub(crate) fn new(files: Files, manifest: Manifest) -> Self {
        Self { files, manifest }
    }

    /// Every file by path; manifest, sums and signature included.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The signed list of all clear files.
    pub fn sums(&self) -> &[u8] {
        self.bytes(SUMS)
    }

    /// The SSH signature over [`Package::sums`], armoured.
    pub fn signature(&self) -> &[u8] {
        self.bytes(SIGNATURE)
    }

    /// SHA-256 of the sums: names exactly this package (`Package-SHA256` in the glass).
    pub fn sha256(&self) -> Digest {
        self.files.get(SUMS).map_or(Digest([0; 32]), |file| file.sha256)
    }

    /// `{slug}-{environment}-{pathway}-{provider}-{number}`, the name without its ending.
    pub fn name(&self) -> String {
        self.manifest.package.name.clone()
    }

    /// Writes the canonical zip.
    pub fn write_zip(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        zip::write(self.manifest.package.slug.as_str(), &self.files, out)
    }

    /// The canonical zip.
    pub fn zip(&self) -> Vec<u8> {
        zip::bytes(self.manifest.package.slug.as_str(), &self.files)
    }

    fn bytes(&self, path: &str) -> &[u8] {
        self.files.get(path).map_or(&[], |file| &file.bytes)
    }
}

/// Adds salt, manifest, sums and signature to `files`.
///
/// Refuses names that are not plain, names that pack makes itself, names that differ in case only, and files marked
/// as executable that are not code beginning with `#!`.
pub fn seal(mut files: Files, sealing: &Sealing<'_>) -> Result<Package, Error> {
    check(&files)?;
    let details = sealing.details;
    let salt = format!("{}\n", hex::encode(details.salt.0));
    files.insert(SALT.to_owned(), File::data(salt).personal());

    let personal = sums::text(files.iter().filter(|(_, file)| file.personal).map(line));
    let personal = File::data(personal).personal();
    let pointer = sums::text([(SUMS_PERSONAL, personal.sha256)]);
    files.insert(PERSONAL.to_owned(), File::data(pointer));

    let plan = files.get(PLAN).ok_or(Error::PlanMissing)?.sha256;
    let bill = files.get(BILL).ok_or(Error::BillMissing)?.sha256;
    let manifest = Manifest::new(&files, details, plan, bill);
    files.insert(MANIFEST.to_owned(), File::document(manifest.text()));

    let sums = sums::text(files.iter().filter(|(_, file)| !file.personal).map(line));
    let signature = sealing.signer.sign(NAMESPACE, sums.as_bytes())?;
    files.insert(SUMS_PERSONAL.to_owned(), personal);
    files.insert(SUMS.to_owned(), File::document(sums));
    files.insert(SIGNATURE.to_owned(), File::document(signature));

    let (entries, bytes) = zip::measure(manifest.package.slug.as_str(), &files);
    if bytes > LARGEST || entries > MOST_ENTRIES {
        return Err(Error::TooLarge { bytes, entries });
    }
    Ok(Package::new(files, manifest))
}

fn line<'a>((path, file): (&'a String, &File)) -> (&'a str, Digest) {
    (path, file.sha256)
}

/// Whether a file may be run: code that begins with `#!`, and nothing else, so that the signed bytes decide it.
pub fn runs(kind: Kind, bytes: &[u8]) -> bool {
    kind == Kind::Code && bytes.starts_with(b"#!")
}

fn check(files: &Files) -> Result<(), Error> {
    for (path, file) in files {
        if !names::is_plain(path) {
            return Err(Error::Name { path: path.clone() });
        }
        if names::MADE_HERE.contains(&path.as_str()) {
            return Err(Error::Reserved { path: path.clone() });
        }
        if file.executable != runs(file.kind, &file.bytes) {
            return Err(Error::Executable { path: path.clone() });
        }
    }
    match names::clashes(files.keys().map(String::as_str)).pop() {
        Some((path, other)) => Err(Error::Clash { path, other }),
        None => Ok(()),
    }
}
