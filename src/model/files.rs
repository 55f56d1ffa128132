//! The files of a package: paths, bytes, and what kind each is.

use super::Digest;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a file is: code is the same for everyone, only data and documents differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Static, reviewed once.
    Code,
    /// Holds the tenant's values.
    Data,
    /// For people; rendered from the plan.
    Document,
}

/// One file of a package.
#[derive(Clone, Debug)]
pub struct File {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// SHA-256 of its bytes; of static files computed at build time.
    pub sha256: Digest,
    /// CRC-32 of its bytes; of static files computed at build time.
    pub crc32: u32,
    /// What it is.
    pub kind: Kind,
    /// Whether it may be run (mode 0700 when unpacked, else 0600).
    pub executable: bool,
    /// Whether it holds personal data.
    pub personal: bool,
}

impl File {
    /// A file with the tenant's values.
    pub fn data(bytes: impl Into<Vec<u8>>) -> Self {
        Self::made(bytes.into(), Kind::Data)
    }

    /// A document for people.
    pub fn document(bytes: impl Into<Vec<u8>>) -> Self {
        Self::made(bytes.into(), Kind::Document)
    }

    /// The same file, marked as holding personal data.
    pub fn personal(mut self) -> Self {
        self.personal = true;
        self
    }

    fn made(bytes: Vec<u8>, kind: Kind) -> Self {
        Self {
            sha256: Digest::of(&bytes),
            crc32: crc32fast::hash(&bytes),
            bytes: Cow::Owned(bytes),
            kind,
            executable: false,
            personal: false,
        }
    }
}

/// Files by path inside the package (`/` between segments), in byte order.
pub type Files = BTreeMap<String, File>;
