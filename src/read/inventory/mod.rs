//! The content inventory: every object of the bucket, one per line, as the store itself lists them.
//!
//! Ten million lines are usual, so nothing here holds more than a piece of the file, and lines are looked at without
//! being copied. A second thread reads, decompresses and hashes ahead.

mod ahead;
mod csv;
mod jsonl;
mod metadata;
mod rows;
mod sorted;

pub use metadata::pairs;
pub use rows::{Flaw, Row, Rows};
pub use sorted::{Objects, objects};
pub(crate) use sorted::{first_keys, sizes};

use crate::model::Digest;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The columns of a CSV inventory.
pub const HEADER: &str = "key,size,modified,content_type,sha256,metadata";

/// One object of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key, any Unicode text.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in UTC, as the store writes it.
    pub modified: String,
    /// Its content type.
    pub content_type: String,
    /// SHA-256 of its bytes, where the source knows it.
    pub sha256: Option<Digest>,
    /// Its user metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Goes once over the inventory at `path` and hands every row, or what is wrong with it, to `each`.
///
/// Returns the SHA-256 of the file as it stands on disk.
///
/// # Errors
/// When the file cannot be read; a broken compression is an error of kind `InvalidData`.
pub fn pass(path: &Path, mut each: impl FnMut(Result<Row<'_>, Flaw>)) -> io::Result<Digest> {
    ahead::with(path, |reader| {
        let mut rows = Rows::new(reader, form(path));
        while let Some(row) = rows.next()? {
            each(row);
        }
        Ok(())
    })
}

/// How the lines of an inventory are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 4180 with [`HEADER`].
    Csv,
    /// One JSON object per line.
    JsonLines,
}

fn form(path: &Path) -> Form {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.contains(".jsonl") { Form::JsonLines } else { Form::Csv }
}
