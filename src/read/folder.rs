//! An export as a folder: which files belong to it, and what may stand in it at all.

use super::{Budget, Error, bytes_of_file, document, json, nothing, text, too_large};
use crate::model::codes::{self, CodeInfo};
use crate::model::tree::Document;
use crate::model::{AttachmentPath, Digest, Finding, Location, Source, Word};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Files an export may hold at most; the application's source is the largest part.
const MOST_FILES: usize = 20_000;
/// Bytes of one attachment.
const ATTACHMENT: u64 = 16 << 20;
/// Bytes of all attachments together.
const ATTACHMENTS: u64 = 256 << 20;

pub(super) const DOCUMENTS: [&str; 3] = ["export.yaml", "export.yml", "export.json"];
const INVENTORIES: [&str; 6] = [
    "inventory.csv",
    "inventory.csv.gz",
    "inventory.csv.zst",
    "inventory.jsonl",
    "inventory.jsonl.gz",
    "inventory.jsonl.zst",
];

/// Reads the folder at `root`, called `shown` in messages.
pub(super) fn read(root: &Path, shown: &str) -> Result<Source, Error> {
    let mut findings = Vec::new();
    let files = list(root, shown, &mut findings)?;

    let mut source = nothing(shown, findings);
    let (mut export, mut users) = (None, None);
    let mut attached = 0;
    let mut documents = 0;
    for name in files {
        let path = root.join(&name);
        let full = format!("{shown}/{name}");
        let told = &mut source.findings;
        if DOCUMENTS.contains(&name.as_str()) {
            documents += 1;
            if documents > 1 {
                told.push(several(&full, "document"));
                continue;
            }
            export = Some((name, full, bytes_of_file(&path, Budget::EXPORT.bytes)?));
        } else if name == "realm.json" {
            users = Some((name, full, bytes_of_file(&path, Budget::REALM.bytes)?));
        } else if INVENTORIES.contains(&name.as_str()) {
            if source.inventory.is_some() {
                told.push(several(&full, "inventory"));
                continue;
            }
            source.inventory = Some(path);
        } else if name.starts_with("branding/") || name.starts_with("application/") {
            let bytes = bytes_of_file(&path, ATTACHMENT)?;
            attached += bytes.len() as u64;
            if bytes.len() as u64 > ATTACHMENT {
                told.push(too_large(&full.into(), ATTACHMENT));
                continue;
            }
            if attached > ATTACHMENTS {
                told.push(too_large(&shown.into(), ATTACHMENTS));
                break;
            }
            source.digests.insert(name.clone(), Digest::of(&bytes));
            source.attachments.insert(name, bytes);
        } else {
            let message = "this file does not belong to an export";
            told.push(at_file(&codes::EXPORT_FILE_UNKNOWN, &full, message).expected(
                "export.yaml, realm.json, inventory.csv or .jsonl (also .gz, .zst), branding/ and application/",
            ));
        }
    }
    // The two large documents, side by side.
    let parsed = rayon::join(
        || export.map(|file| parsed(file, |name, bytes, told| document(name, bytes, Budget::EXPORT, told))),
        || users.map(|file| parsed(file, realm)),
    );
    if let Some(parsed) = parsed.0 {
        source.export = parsed.into(&mut source.digests, &mut source.findings);
    }
    if let Some(parsed) = parsed.1 {
        source.realm = Some(parsed.into(&mut source.digests, &mut source.findings));
    }
    Ok(source)
}

/// A document with what was noticed about its file.
struct Parsed {
    document: Document,
    name: String,
    digest: Digest,
    findings: Vec<Finding>,
}

impl Parsed {
    fn into(mut self, digests: &mut BTreeMap<String, Digest>, findings: &mut Vec<Finding>) -> Document {
        digests.insert(self.name, self.digest);
        findings.append(&mut self.findings);
        self.document
    }
}

/// Parses a file, which comes as its name in the export, its name in messages, and its bytes.
fn parsed(
    (name, full, bytes): (String, String, Vec<u8>),
    parse: impl FnOnce(&str, Vec<u8>, &mut Vec<Finding>) -> Document,
) -> Parsed {
    let digest = Digest::of(&bytes);
    let mut findings = Vec::new();
    Parsed { document: parse(&full, bytes, &mut findings), name, digest, findings }
}

/// Every regular file below `root`, by its name with `/`, in byte order; anything else is a finding.
fn list(root: &Path, shown: &str, findings: &mut Vec<Finding>) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    for entry in
        walkdir::WalkDir::new(root).min_depth(1).max_depth(16).follow_links(false).sort_by_file_name()
    {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            let why =
                error.into_io_error().unwrap_or_else(|| std::io::Error::other("a folder leads into itself"));
            Error::unreadable(&path, why)
        })?;
        let name = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let full = format!("{shown}/{name}");
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            let message = "this is a link or a special file, not a plain one";
            findings.push(at_file(&codes::EXPORT_FILE_LINK, &full, message).expected("a plain file"));
        } else if AttachmentPath::parse(&name).is_none() {
            let message = "the name of this file is not safe everywhere";
            findings.push(
                at_file(&codes::EXPORT_FILE_NAME, &full.escape_debug().to_string(), message)
                    .expected(AttachmentPath::EXPECTED),
            );
        } else {
            files.push(name);
        }
        if files.len() > MOST_FILES {
            let message = format!("more than {MOST_FILES} files stand in the export");
            findings.push(
                at_file(&codes::TEXT_SIZE, shown, &message).expected(format!("at most {MOST_FILES} files")),
            );
            break;
        }
    }
    files.sort();
    Ok(files)
}

/// The realm: JSON only, as Keycloak writes it, and no line of it is ever shown.
fn realm(name: &str, bytes: Vec<u8>, findings: &mut Vec<Finding>) -> Document {
    let name: Arc<str> = name.into();
    let mut document = Document { name: name.clone(), root: None, text: String::new() };
    if bytes.len() as u64 > Budget::REALM.bytes {
        findings.push(too_large(&name, Budget::REALM.bytes));
    } else if let Some(text) = text::decode(&name, bytes, findings) {
        document.root = json::parse(&name, &text, Budget::REALM, findings);
    }
    document
}

fn several(name: &str, what: &str) -> Finding {
    let message = format!("a second {what} stands in the export");
    at_file(&codes::EXPORT_DOCUMENT_SEVERAL, name, &message).expected(format!("one {what}"))
}

pub(super) fn at_file(code: &'static CodeInfo, name: &str, message: &str) -> Finding {
    Finding::of(code, Location::file(name), message)
}
