//! The content inventory: every object of the bucket, one per line, as the store itself lists them.
//!
//! Ten million lines are usual, so nothing here holds more than pieces of the file, lines are looked at without being
//! copied, and every core looks at some.

mod blocks;
mod csv;
mod jsonl;
mod metadata;
mod plain;
mod rows;
mod sorted;
mod source;
#[cfg(test)]
mod tests;

pub use metadata::pairs;
pub use rows::{Flaw, Metadata, Row, Rows};
pub use sorted::{Objects, objects};
pub(crate) use sorted::{Ordered, sizes};

use crate::model::Digest;
use blocks::Cut;
use source::Hashed;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
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

/// Goes once over the inventory at `path`: `each` adds a row, or what is wrong with a line, to a part of the whole, in which
/// lines count from 1; `merge` takes the parts in the order of the file, each with the number of lines before it, and says
/// whether to go on.
///
/// Returns the SHA-256 of the file as it stands on disk, where it is `hashed` and was read to its end. Hashing takes about
/// as long as everything else, so it is for those who need the digest.
///
/// # Errors
/// When the file cannot be read; a broken compression is an error of kind `InvalidData`.
pub(crate) fn pass<P: Default + Send>(
    path: &Path,
    hashed: bool,
    each: impl Fn(&mut P, Result<Row<'_>, Flaw>) + Sync,
    merge: impl FnMut(u64, P) -> ControlFlow<()>,
) -> io::Result<Option<Digest>> {
    let file = File::open(path)?;
    let cut = Cut::of(file.metadata()?.len());
    if !hashed {
        blocks::fold(source::plain(path, file)?, form(path), cut, each, merge)?;
        return Ok(None);
    }
    let mut file = Hashed::new(file);
    let ended = blocks::fold(source::plain(path, &mut file)?, form(path), cut, each, merge)?;
    if ended { file.finish().map(Some) } else { Ok(None) }
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
