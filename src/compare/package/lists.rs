//! The objects in the batch lists of two packages, key by key.
//!
//! Batches are cut from an inventory in key order, so that the lists one after the other are in it too.

use super::Named;
use crate::compare::Error;
use crate::compare::content::{self, Rows};
use crate::compare::report::Comparison;
use crate::model::{Digest, File};
use crate::read::inventory::{Metadata, Row};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _};

/// Where the lists lie.
const FOLDER: &str = "content/batches/";
/// Bytes of a line at most: keys have 1,024 and metadata 2 KiB, escapes not counted.
const LONGEST: u64 = 1 << 17;

/// Whether a file is a list of objects.
pub(super) fn is_list(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// Compares the objects, where the lists are not the same.
pub(super) fn compare(
    comparison: &mut Comparison,
    old: Named<'_>,
    new: Named<'_>,
    most: usize,
) -> Result<(), Error> {
    let (old, new) = (Lists::of(old), Lists::of(new));
    if old.digests() == new.digests() {
        return Ok(());
    }
    let counts = (old.objects, new.objects);
    content::compare_lists(comparison, counts, old, new, most).map_err(Error::Lists)
}

/// The lists of a package, read line by line.
struct Lists<'p> {
    name: &'p str,
    /// Those that are not finished; the last of them is read first.
    left: Vec<(&'p str, &'p File)>,
    reading: Option<(&'p str, BufReader<MultiGzDecoder<&'p [u8]>>)>,
    /// How many objects there should be.
    objects: u64,
    text: Vec<u8>,
    line: Line,
}

/// A line of a list.
#[derive(Debug, Default, Deserialize)]
struct Line {
    key: String,
    size: u64,
    modified: String,
    content_type: String,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// The metadata as JSON.
    #[serde(skip)]
    metadata_text: String,
}

impl<'p> Lists<'p> {
    fn of(side: Named<'p>) -> Self {
        let files = side.verified.package.files();
        let summary = files.get("content/summary.json");
        let summary: Option<serde_json::Value> =
            summary.and_then(|file| serde_json::from_slice(&file.bytes).ok());
        let lists = files.iter().filter(|(path, _)| is_list(path));
        Self {
            name: side.name,
            left: lists.map(|(path, file)| (path.as_str(), file)).rev().collect(),
            reading: None,
            objects: summary.and_then(|summary| summary["objects"].as_u64()).unwrap_or_default(),
            text: Vec::new(),
            line: Line::default(),
        }
    }

    fn digests(&self) -> Vec<(&'p str, Digest)> {
        self.left.iter().map(|(path, file)| (*path, file.sha256)).collect()
    }

    /// Goes on to the next line; says whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some((path, reader)) = &mut self.reading else {
                let Some((path, file)) = self.left.pop() else { return Ok(false) };
                let bytes: &'p [u8] = &file.bytes;
                self.reading = Some((path, BufReader::new(MultiGzDecoder::new(bytes))));
                continue;
            };
            let name = self.name;
            let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, format!("{path} of {name}"));
            self.text.clear();
            let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.text).map_err(wrong)?;
            if read == 0 {
                self.reading = None;
                continue;
            }
            self.line = serde_json::from_slice(&self.text).map_err(|error| wrong(error.into()))?;
            if !self.line.metadata.is_empty() {
                self.line.metadata_text = serde_json::to_string(&self.line.metadata).unwrap_or_default();
            }
            return Ok(true);
        }
    }
}

impl Rows for Lists<'_> {
    fn row(&mut self) -> io::Result<Option<Row<'_>>> {
        if !self.advance()? {
            return Ok(None);
        }
        let Line { key, size, modified, content_type, sha256, metadata: _, metadata_text } = &self.line;
        Ok(Some(Row {
            line: 0,
            key,
            size: *size,
            modified,
            content_type,
            sha256: sha256.strip_prefix("sha256:").unwrap_or(sha256),
            metadata: Metadata::plain(metadata_text),
            metadata_bytes: metadata_text.len(),
            odd_names: false,
        }))
    }
}
