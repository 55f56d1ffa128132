//! The static files of a package, embedded with their digests at build time (`build.rs`).

use crate::model::{Digest, File, Kind};
use std::borrow::Cow;

/// A file of `templates/`, known since the build.
#[derive(Debug)]
pub struct Embedded {
    /// Path below `templates/`; for code also the path inside the package.
    pub path: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// CRC-32 of its bytes.
    pub crc32: u32,
    /// Whether it may be run.
    pub executable: bool,
    /// Code as git keeps it; templates and the source kit are in no glass.
    pub blob: Option<Blob>,
}

/// A git object that holds a file.
#[derive(Debug)]
pub struct Blob {
    /// Its id.
    pub id: [u8; 20],
    /// The file, deflated with a zlib header.
    pub deflated: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

impl Embedded {
    /// The file as it lands in a package or a kit.
    pub fn file(&'static self) -> File {
        File {
            bytes: Cow::Borrowed(self.bytes),
            sha256: Digest(self.sha256),
            crc32: self.crc32,
            kind: Kind::Code,
            executable: self.executable,
            personal: false,
        }
    }
}

/// The text of the template at `path`, such as `docs/operations.md.jinja`.
pub fn template(path: &str) -> Option<&'static str> {
    std::str::from_utf8(template_file(path)?.bytes).ok()
}

/// The template at `path`, with its digest.
pub fn template_file(path: &str) -> Option<&'static Embedded> {
    let index = TEMPLATES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    TEMPLATES.get(index)
}

/// The text of the code file at `path`, such as `migrate`.
pub fn text(path: &str) -> Option<&'static str> {
    let index = CODE.binary_search_by(|file| file.path.cmp(path)).ok()?;
    std::str::from_utf8(CODE[index].bytes).ok()
}

/// The git object of the code file at `path`, if that is the one whose SHA-256 is `sha256`.
pub fn blob(path: &str, sha256: &Digest) -> Option<&'static Blob> {
    let index = CODE.binary_search_by(|file| file.path.cmp(path)).ok()?;
    CODE[index].blob.as_ref().filter(|_| CODE[index].sha256 == sha256.0)
}
