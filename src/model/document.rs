//! The boxes between `read`, `check` and `plan`.

use super::leak::Scanner;
use super::{Digest, Export, Finding, Realm, Target};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What `read` found on disk: bytes and trees with positions, nothing judged yet.
#[derive(Debug)]
pub struct Source {
    /// The export document.
    pub export: crate::read::Document,
    /// The target document; `check EXPORT` alone goes without.
    pub target: Option<crate::read::Document>,
    /// `realm.json`, where the export brings it.
    pub realm: Option<crate::read::Document>,
    /// Small attachments (branding and the like) by path inside the export.
    pub attachments: BTreeMap<String, Vec<u8>>,
    /// The content inventory, left on disk and streamed.
    pub inventory: Option<PathBuf>,
    /// The export as the user named it, for messages about it as a whole.
    pub folder: Arc<str>,
    /// SHA-256 of each file of the export by name, without the inventory, which is hashed while it is streamed.
    pub digests: BTreeMap<String, Digest>,
    /// SHA-256 of the target document.
    pub target_digest: Option<Digest>,
    /// Keeps the folder into which a zipped export was unpacked alive.
    pub unpacked: Option<crate::scratch::Scratch>,
    /// What is wrong with the form of the files.
    pub findings: Vec<Finding>,
}

impl Source {
    /// SHA-256 over all of the export's files by name and content: over lines as `sha256sum` writes them, sorted by name.
    pub fn export_digest(&self, inventory: Option<Digest>) -> Digest {
        use std::fmt::Write as _;
        let mut digests = self.digests.clone();
        if let (Some(path), Some(digest)) = (&self.inventory, inventory) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            digests.insert(name, digest);
        }
        let mut lines = String::new();
        for (name, digest) in digests {
            let _ = writeln!(lines, "{}  {name}", digest.hex());
        }
        Digest::of(lines.as_bytes())
    }
}

/// An input that passed every check; no later step checks again.
#[derive(Debug)]
pub struct Checked {
    /// The export.
    pub export: Export,
    /// The target.
    pub target: Target,
    /// The realm.
    pub realm: Realm,
    /// Branding files and the like, by path inside the export.
    pub attachments: BTreeMap<String, Vec<u8>>,
    /// What the inventory holds.
    pub content: ContentSummary,
    /// The inventory, to be streamed again for the batch lists.
    pub inventory: Option<PathBuf>,
    /// SHA-256 over all of the export's files.
    pub export_digest: Digest,
    /// SHA-256 of the target document.
    pub target_digest: Digest,
    /// Every key path of export and realm that holds a value, for the accounting of the ledger.
    pub leaves: Leaves,
    /// Finds the input's secrets: they may stand nowhere in the output, in no encoding.
    pub secrets: Scanner,
    /// Findings that do not stop anything.
    pub warnings: Vec<Finding>,
    /// Keeps the folder into which a zipped export was unpacked alive.
    pub unpacked: Option<crate::scratch::Scratch>,
}

/// An export that was checked by itself, to be compared with another.
#[derive(Debug)]
pub struct CheckedExport {
    /// The export as the user named it.
    pub name: Arc<str>,
    /// The export.
    pub export: Export,
    /// The realm, where there is one.
    pub realm: Option<Realm>,
    /// What the realm's file holds beside it.
    pub left_out: Vec<LeftOut>,
    /// Branding files and the like, by path inside the export.
    pub attachments: BTreeMap<String, Vec<u8>>,
    /// What the inventory holds.
    pub content: ContentSummary,
    /// The inventory, where there is one.
    pub inventory: Option<PathBuf>,
    /// Parts that the export lacks: a single document has neither realm nor inventory.
    pub lacks: Vec<Finding>,
    /// Findings that do not keep it from being compared.
    pub warnings: Vec<Finding>,
    /// Keeps the folder into which a zipped export was unpacked alive.
    pub unpacked: Option<crate::scratch::Scratch>,
}

/// A part of the realm's file that no migration carries over. It may hold credentials, so its digest alone is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it stands, as [`Realm::dropped`] has it: `clients[1].secret`.
    pub place: String,
    /// The same way, with items of lists by what names them.
    pub steps: Vec<LeftOutStep>,
    /// Whether Keycloak makes it in every realm, so that it says nothing when one file alone has it.
    pub everywhere: bool,
    /// Whether it opens the realm in any form but the one in which Keycloak makes it, if it makes it at all: that a ledger leaves
    /// it behind allows no other at the target.
    pub opens: bool,
    /// Digest of its content, whatever the order of lists and keys, without the ids that Keycloak makes; for what Keycloak makes
    /// in every realm, of that alone in which two realms differ that nobody has changed.
    pub digest: Digest,
}

/// A step on the way to a part of the realm's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOutStep {
    /// Below this key.
    Key(String),
    /// The item of this name.
    Item(String),
}

/// Key paths of everything that the input's documents hold: one for each value, none for nulls, empty lists and maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaves {
    /// Of the export, such as `spec.users.u-001.roles[0]`.
    pub export: Vec<String>,
    /// Of the realm, such as `clients[1].redirectUris[0]`.
    pub realm: Vec<String>,
}

/// A key or metadata name that the target's store cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyProblem {
    /// Line in the inventory.
    pub line: u64,
    /// What is wrong, such as `leading slash`.
    pub what: &'static str,
}

/// Totals of the content inventory, computed while streaming it once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContentSummary {
    /// Number of objects.
    pub objects: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
    /// Largest object in bytes.
    pub largest: u64,
    /// Objects by size class: upper bound in bytes (a power of four from 4 KiB) and count.
    pub histogram: Vec<(u64, u64)>,
    /// Whether the inventory is sorted by key (bytes).
    pub sorted: bool,
    /// Objects and bytes of each batch, in key order.
    pub batches: Vec<(u64, u64)>,
    /// Keys that rclone cannot carry and that are copied one by one.
    pub one_by_one: u64,
    /// Keys renamed by a rule of the target.
    pub renamed: u64,
    /// Objects whose SHA-256 the inventory does not give, and their bytes.
    pub without_digest: (u64, u64),
}
