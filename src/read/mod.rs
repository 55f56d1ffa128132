//! Reads an export and a target from disk into trees with positions; judges nothing but their form.
//!
//! An export is a folder, a zip of one, a single document, or `-` for one of the latter two on standard input. What is wrong with
//! the form of one file is a finding and does not keep the others from being read, so that one run tells everything.

mod archive;
mod elsewhere;
mod folder;
pub mod inventory;
mod json;
mod text;
mod yaml;

pub use crate::model::tree::Document;
pub use elsewhere::{Looks, looks};
pub use text::Budget;

use crate::model::codes;
use crate::model::{Digest, Finding, Location, Source};
use crate::named;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What standard input is called in messages.
const STANDARD_INPUT: &str = "standard input";
/// How what age encrypts begins.
const ENCRYPTED: &[u8] = b"age-encryption.org/v1";

/// What keeps an input from being read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was named does not lead to anything.
    #[error("{path}: there is no such file or folder; next: correct the path")]
    NotFound {
        /// The path as named.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("{path}: cannot be read; next: make it readable for this account, or name another file")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is read to its end, and may never come to one.
    #[error(
        "{path} is {kind}, which may never end, and is not read here; nothing was written; next: save what comes through it to \
         a file, and name that"
    )]
    Endless {
        /// The path as named.
        path: PathBuf,
        /// What it leads to.
        kind: &'static str,
    },
    /// A zip could not be unpacked for reading.
    #[error(
        "the zip could not be unpacked below {path}; next: make room there, or set TMPDIR to another folder"
    )]
    Temporary {
        /// The folder for temporary files.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder stands where a target does, as where the two are exchanged.
    #[error(
        "{path}: a folder, and a target is one document; next: name the export first, and the target after --target"
    )]
    TargetIsFolder {
        /// The path as named.
        path: PathBuf,
    },
    /// Export and target are both to come from standard input.
    #[error("standard input can be read only once; next: name a file for one of the two")]
    StandardInputTwice,
}

impl Error {
    fn temporary(source: io::Error) -> Self {
        Self::Temporary { path: std::env::temp_dir(), source }
    }

    fn unreadable(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotFound { path: path.to_owned() }
        } else {
            Self::Unreadable { path: path.to_owned(), source }
        }
    }
}

/// Reads an export and, where one is named, a target.
///
/// # Errors
/// Only what keeps a file from being read; what is wrong with its form stands in [`Source::findings`].
pub fn source(export: &Path, target: Option<&Path>) -> Result<Source, Error> {
    if export == Path::new("-") && target == Some(Path::new("-")) {
        return Err(Error::StandardInputTwice);
    }
    // Mostly the two are exchanged, and then the export is not worth reading either.
    if let Some(path) = target.filter(|path| path.is_dir()) {
        return Err(Error::TargetIsFolder { path: path.to_owned() });
    }
    let mut source = if export == Path::new("-") {
        from_stream(io::stdin().lock(), STANDARD_INPUT)?
    } else {
        let metadata = std::fs::metadata(export).map_err(|error| Error::unreadable(export, error))?;
        let shown = export.display().to_string();
        if metadata.is_dir() {
            let shown = match shown.trim_end_matches('/') {
                "" => &*shown,
                trimmed => trimmed,
            };
            match elsewhere::folder(export, shown) {
                Some(finding) => nothing(shown, vec![finding]),
                None => folder::read(export, shown)?,
            }
        } else if !metadata.is_file() {
            ends(export)?;
            // What comes through a pipe, as of `<(…)` in a shell, can be read once.
            let file = File::open(export).map_err(|error| Error::unreadable(export, error))?;
            from_stream(file, &shown)?
        } else if begins_with(export, b"PK")? {
            let file = File::open(export).map_err(|error| Error::unreadable(export, error))?;
            archive::read(file, &shown)?
        } else if begins_with(export, ENCRYPTED)? {
            nothing(&shown, vec![elsewhere::encrypted(&shown)])
        } else {
            single(&shown, bytes_of_file(export, Budget::EXPORT.bytes)?)
        }
    };
    if let Some(path) = target {
        let bytes = if path == Path::new("-") {
            bytes_of(io::stdin().lock(), path, Budget::TARGET.bytes)?
        } else {
            bytes_of_file(path, Budget::TARGET.bytes)?
        };
        let name =
            if path == Path::new("-") { STANDARD_INPUT.to_owned() } else { path.display().to_string() };
        source.target_digest = Some(Digest::of(&bytes));
        source.target = Some(document(&name, bytes, Budget::TARGET, &mut source.findings));
    }
    Ok(source)
}

/// An export that can be read once, called `shown` in messages: a zip by its first bytes, otherwise one document.
fn from_stream(mut stream: impl Read, shown: &str) -> Result<Source, Error> {
    let unreadable = |error| Error::unreadable(Path::new(shown), error);
    let mut begin = Vec::new();
    stream.by_ref().take(2).read_to_end(&mut begin).map_err(unreadable)?;
    let is_zip = begin == b"PK";
    let whole = io::Cursor::new(begin).chain(stream);
    if is_zip {
        return archive::read(archive::spool(whole).map_err(Error::temporary)?, shown);
    }
    Ok(single(shown, bytes_of(whole, Path::new(shown), Budget::EXPORT.bytes)?))
}

/// Parses a target from memory, for `target init` and tests.
pub fn target_from(name: &str, bytes: Vec<u8>, findings: &mut Vec<Finding>) -> Document {
    document(name, bytes, Budget::TARGET, findings)
}

/// An export that is one document, without attachments.
fn single(name: &str, bytes: Vec<u8>) -> Source {
    let mut source = nothing(name, Vec::new());
    source.digests.insert("export".to_owned(), Digest::of(&bytes));
    source.export = document(name, bytes, Budget::EXPORT, &mut source.findings);
    source
}

/// An export, called `shown`, of which nothing is read yet, or nothing can be read.
fn nothing(shown: &str, findings: Vec<Finding>) -> Source {
    Source {
        export: Document { name: shown.into(), root: None, text: String::new() },
        target: None,
        realm: None,
        attachments: BTreeMap::new(),
        inventory: None,
        folder: shown.into(),
        digests: BTreeMap::new(),
        target_digest: None,
        unpacked: None,
        findings,
    }
}

/// A document in YAML or JSON: JSON where the name or the first character says so.
fn document(name: &str, bytes: Vec<u8>, budget: Budget, findings: &mut Vec<Finding>) -> Document {
    let name: Arc<str> = name.into();
    let mut document = Document { name: name.clone(), root: None, text: String::new() };
    if bytes.len() as u64 > budget.bytes {
        findings.push(too_large(&name, budget.bytes));
        return document;
    }
    let Some(text) = text::decode(&name, bytes, findings) else { return document };
    document.root = if name.ends_with(".json") {
        json::parse(&name, &text, budget, findings)
    } else if text.trim_start().starts_with('{') {
        // A YAML flow mapping may begin like JSON; what is no JSON is read as YAML.
        let mut told = Vec::new();
        let root = json::parse(&name, &text, budget, &mut told);
        if told.iter().any(|finding| finding.code == codes::JSON_SYNTAX.code) {
            yaml::parse(&name, &text, budget, findings)
        } else {
            findings.append(&mut told);
            root
        }
    } else {
        yaml::parse(&name, &text, budget, findings)
    };
    document.text = text;
    document
}

fn too_large(name: &Arc<str>, limit: u64) -> Finding {
    let message = format!("the file is larger than {limit} bytes");
    Finding::of(&codes::TEXT_SIZE, Location::file(name.clone()), message)
        .expected(format!("at most {limit} bytes"))
}

/// Reads up to one byte more than `limit`, so that a file that is too large is noticed and costs no more.
fn bytes_of(reader: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Error::unreadable(path, error))?;
    Ok(bytes)
}

fn bytes_of_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    ends(path)?;
    let file = File::open(path).map_err(|error| Error::unreadable(path, error))?;
    bytes_of(file, path, limit)
}

/// Refuses what would be waited for.
fn ends(path: &Path) -> Result<(), Error> {
    let about = std::fs::metadata(path).map_err(|error| Error::unreadable(path, error))?;
    match named::endless(path, &about) {
        Some(kind) => Err(Error::Endless { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

fn begins_with(path: &Path, begin: &[u8]) -> Result<bool, Error> {
    Ok(bytes_of_file(path, begin.len() as u64)?.starts_with(begin))
}
