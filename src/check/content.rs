//! The content inventory: totals, batches, and keys that the target cannot hold, in one pass.

use super::notes::{In, Notes};
use super::store::{self, Store};
use crate::model::codes::{self, CodeInfo};
use crate::model::tree::steps;
use crate::model::walk::shown;
use crate::model::{ContentSummary, Digest, Export, Finding, Location, RenameRule, Target};
use crate::read::inventory::{self, Row};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

/// Findings of one code that are told one by one.
const MOST: u64 = 20;

/// What is kept between rows.
struct Tally<'t> {
    store: Option<Store>,
    rename: bool,
    collections: Vec<&'t str>,
    exported_at: String,
    summary: ContentSummary,
    histogram: [u64; 32],
    batches: Batches,
    previous: Vec<u8>,
    /// Number of findings by code, and those that are told.
    told: BTreeMap<&'static str, u64>,
    findings: Vec<Told>,
    /// New names of renamed keys, by line.
    renamed: HashMap<String, u64>,
    strange: Option<(u64, u64)>,
    future: Option<(u64, u64)>,
    duplicates: Vec<u128>,
}

/// A finding about a row.
struct Told {
    code: &'static CodeInfo,
    line: u64,
    column: u32,
    message: String,
    key: Option<String>,
}

/// Batches in the making.
#[derive(Default)]
struct Batches {
    limits: Option<(u64, u64)>,
    done: Vec<(u64, u64)>,
    objects: u64,
    bytes: u64,
}

impl Batches {
    fn new(target: Option<&Target>) -> Self {
        let limits = target
            .map(|target| (u64::from(target.content.batch_objects), target.content.batch_bytes.bytes()));
        Self { limits, ..Self::default() }
    }

    /// Adds an object; one that is larger than a batch may be is a batch of its own.
    fn add(&mut self, size: u64) {
        let Some((most_objects, most_bytes)) = self.limits else { return };
        if self.objects > 0 && (self.objects >= most_objects || self.bytes.saturating_add(size) > most_bytes)
        {
            self.done.push((self.objects, self.bytes));
            (self.objects, self.bytes) = (0, 0);
        }
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(size);
    }

    fn finish(mut self) -> Vec<(u64, u64)> {
        if self.objects > 0 {
            self.done.push((self.objects, self.bytes));
        }
        self.done
    }
}

/// Looks at the inventory once; with a target, keys are held against its store and batches are made.
pub(super) fn check(
    notes: &mut Notes<'_>,
    export: Option<&Export>,
    target: Option<&Target>,
) -> (ContentSummary, Option<Digest>) {
    let Some(path) = notes.source.inventory.clone() else {
        if let Some(export) = export
            && export.content.objects > 0
            && notes.usable(In::Export, "spec.content.objects")
        {
            let message = "the export counts objects, and there is no inventory";
            notes.tell(
                &codes::INVENTORY_MISSING,
                In::Export,
                steps!["spec", "content", "objects"],
                message,
                "inventory.csv or inventory.jsonl",
            );
        }
        return (ContentSummary::default(), None);
    };
    let mut tally = Tally {
        // Every provider of this version stores in Garage.
        store: target.map(|_| Store::Garage),
        rename: target.is_some_and(|target| target.content.rename_keys == Some(RenameRule::PercentEncode)),
        collections: export
            .map(|export| export.collections.keys().map(|name| name.as_str()).collect())
            .unwrap_or_default(),
        exported_at: export.map(|export| export.exported_at.to_string()).unwrap_or_default(),
        summary: ContentSummary { sorted: true, ..ContentSummary::default() },
        histogram: [0; 32],
        batches: Batches::new(target),
        previous: Vec::new(),
        told: BTreeMap::new(),
        findings: Vec::new(),
        renamed: HashMap::new(),
        strange: None,
        future: None,
        duplicates: Vec::new(),
    };
    let mut header = false;
    let passed = inventory::pass(&path, |row| match row {
        Ok(row) => tally.row(&row),
        Err(flaw) if flaw.header => {
            header = true;
            tally.note(&codes::INVENTORY_HEADER, flaw.line, flaw.what.to_owned(), None);
        }
        Err(flaw) => {
            tally.note_at(&codes::INVENTORY_LINE, (flaw.line, flaw.column), flaw.what.to_owned(), None)
        }
    });
    let name = format!("{}/{}", notes.source.folder, path.file_name().unwrap_or_default().to_string_lossy());
    let digest = match passed.and_then(|digest| tally.afterwards(&path).map(|()| digest)) {
        Ok(digest) => Some(digest),
        Err(error) => {
            let message = match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                    "the compression of the inventory is broken".to_owned()
                }
                _ => format!("the inventory cannot be read: {error}"),
            };
            let finding = Finding::of(&codes::INVENTORY_BROKEN, Location::file(name.as_str()), message);
            notes.findings.push(finding.expected("an inventory that can be read to its end"));
            return (tally.summary, None);
        }
    };
    let broken = header || tally.told.contains_key(codes::INVENTORY_LINE.code.0);
    let summary = tally.tell(notes, &name);
    if let Some(export) = export
        && !broken
    {
        totals(notes, export, &summary);
    }
    (summary, digest)
}

impl Tally<'_> {
    fn note(&mut self, code: &'static CodeInfo, line: u64, message: String, key: Option<&str>) {
        self.note_at(code, (line, 0), message, key);
    }

    fn note_at(&mut self, code: &'static CodeInfo, at: (u64, u32), message: String, key: Option<&str>) {
        let told = self.told.entry(code.code.0).or_default();
        *told += 1;
        if *told <= MOST {
            let (line, column) = at;
            self.findings.push(Told { code, line, column, message, key: key.map(str::to_owned) });
        }
    }

    fn row(&mut self, row: &Row<'_>) {
        let key = row.key;
        let summary = &mut self.summary;
        summary.objects += 1;
        summary.bytes = summary.bytes.saturating_add(row.size);
        summary.largest = summary.largest.max(row.size);
        self.histogram[class(row.size)] += 1;
        if summary.sorted {
            match self.previous.as_slice().cmp(key.as_bytes()) {
                std::cmp::Ordering::Less => self.batches.add(row.size),
                std::cmp::Ordering::Equal => {
                    self.note(
                        &codes::INVENTORY_DUPLICATE,
                        row.line,
                        "this key stands here again".to_owned(),
                        Some(key),
                    );
                }
                std::cmp::Ordering::Greater => summary.sorted = false,
            }
            self.previous.clear();
            self.previous.extend_from_slice(key.as_bytes());
        }
        if !self.summary.sorted {
            self.duplicates.push(fingerprint(key));
        }
        self.key(row);
        self.metadata(row);
    }

    fn key(&mut self, row: &Row<'_>) {
        let key = row.key;
        if store::is_carried_alone(key) {
            self.summary.one_by_one += 1;
        }
        // Without a target, what no store can hold is told.
        let problem = store::key_problem(self.store.unwrap_or(Store::AwsS3), key);
        if let Some(problem) = problem {
            let renamed =
                self.store.filter(|_| self.rename).and_then(|store| store::percent_encoded(store, key));
            match renamed {
                Some(name) => {
                    self.summary.renamed += 1;
                    self.renamed.insert(name, row.line);
                }
                None => self.note(&codes::KEY_UNHOLDABLE, row.line, problem.to_owned(), Some(key)),
            }
        }
        let first = key.split('/').next().unwrap_or("");
        match first {
            "config" | "users" | "users.json" => {
                let message = "this key is written by the import of the configuration".to_owned();
                self.note(&codes::KEY_RESERVED, row.line, message, Some(key));
            }
            "uploads" | "uploads.json" | "journal" => {}
            _ if self.collections.is_empty() || self.collections.binary_search(&first).is_ok() => {}
            _ => {
                let (_, count) = self.strange.get_or_insert((row.line, 0));
                *count += 1;
            }
        }
        // Both are in UTC and of the same form, so their order is that of their texts.
        if !self.exported_at.is_empty() && row.modified[..19] > self.exported_at[..19] {
            let (_, count) = self.future.get_or_insert((row.line, 0));
            *count += 1;
        }
    }

    fn metadata(&mut self, row: &Row<'_>) {
        let store = self.store.unwrap_or(Store::AwsS3);
        let mut problem = None;
        if row.odd_names {
            let _ = inventory::pairs(row.metadata.as_bytes(), |name, _| {
                problem = problem.or(store::metadata_problem(store, name));
            });
        }
        if row.metadata_bytes > store::metadata_limit(store) {
            problem = problem.or(Some("the metadata is larger than the store holds"));
        }
        if let Some(problem) = problem {
            self.note(&codes::METADATA_UNHOLDABLE, row.line, problem.to_owned(), Some(row.key));
        }
    }

    /// What needs a second look at the inventory: duplicates and batches of one that is not sorted, and new names that
    /// are taken already.
    fn afterwards(&mut self, path: &Path) -> io::Result<()> {
        let mut seen = std::mem::take(&mut self.duplicates);
        if !self.summary.sorted {
            let before = self.summary.objects - seen.len() as u64;
            let repeated = repeated(path, before, &mut seen)?;
            drop(seen);
            if !repeated.is_empty() {
                self.tell_repeated(path, &repeated)?;
            }
            if self.batches.limits.is_some() {
                let limits = self.batches.limits;
                self.batches = Batches { limits, ..Batches::default() };
                if self.told.is_empty() {
                    inventory::sizes(path, |size| self.batches.add(size))?;
                }
            }
        }
        if !self.renamed.is_empty() {
            let renamed = std::mem::take(&mut self.renamed);
            let mut taken = Vec::new();
            inventory::pass(path, |row| {
                if let Ok(row) = row
                    && let Some(line) = renamed.get(row.key)
                {
                    taken.push((*line, row.key.to_owned()));
                }
            })?;
            for (line, key) in taken {
                let message =
                    "the name that the rename rule gives to this key is another object's".to_owned();
                self.note(&codes::KEY_UNHOLDABLE, line, message, Some(&key));
            }
        }
        Ok(())
    }

    /// Names the lines whose keys stood before.
    fn tell_repeated(&mut self, path: &Path, repeated: &[u128]) -> io::Result<()> {
        let mut met: HashMap<String, ()> = HashMap::new();
        let mut lines = Vec::new();
        inventory::pass(path, |row| {
            if let Ok(row) = row
                && repeated.binary_search(&fingerprint(row.key)).is_ok()
                && met.insert(row.key.to_owned(), ()).is_some()
            {
                lines.push((row.line, row.key.to_owned()));
            }
        })?;
        self.findings.retain(|told| told.code.code != codes::INVENTORY_DUPLICATE.code);
        self.told.remove(codes::INVENTORY_DUPLICATE.code.0);
        for (line, key) in lines {
            self.note(&codes::INVENTORY_DUPLICATE, line, "this key stands here again".to_owned(), Some(&key));
        }
        Ok(())
    }

    fn tell(mut self, notes: &mut Notes<'_>, name: &str) -> ContentSummary {
        let place = |line: u64| Location {
            file: name.into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 0,
            path: String::new(),
        };
        for Told { code, line, column, message, key } in std::mem::take(&mut self.findings) {
            let at = Location { column, ..place(line) };
            let mut finding = Finding::of(code, at, message).expected(expected(code));
            if let Some(key) = key {
                finding = finding.found(shown("", &key));
            }
            notes.findings.push(finding);
        }
        for (code, count) in &self.told {
            if *count > MOST {
                let message = format!("{} more lines with {code}", count - MOST);
                let finding = Finding::of(&codes::INVENTORY_MORE, Location::file(name), message);
                notes.findings.push(finding.expected("no such line"));
            }
        }
        if let Some((line, count)) = self.strange {
            let message = format!("{count} objects belong to no collection; the first stands here");
            notes
                .findings
                .push(Finding::of(&codes::KEY_STRANGE, place(line), message).expected("collection/…"));
        }
        if let Some((line, count)) = self.future {
            let message = format!("{count} objects were changed after the export; the first stands here");
            let expected = format!("times up to {}", self.exported_at);
            notes
                .findings
                .push(Finding::of(&codes::INVENTORY_FUTURE, place(line), message).expected(expected));
        }
        let mut summary = self.summary;
        summary.batches = self.batches.finish();
        let counts = self.histogram.iter().enumerate().filter(|(_, count)| **count > 0);
        summary.histogram = counts.map(|(class, count)| (bound(class), *count)).collect();
        summary
    }
}

fn expected(code: &CodeInfo) -> &'static str {
    match code.code {
        code if code == codes::INVENTORY_HEADER.code => inventory::HEADER,
        code if code == codes::INVENTORY_LINE.code => {
            "six columns: key,size,modified,content_type,sha256,metadata"
        }
        code if code == codes::INVENTORY_DUPLICATE.code => "each key once",
        code if code == codes::KEY_UNHOLDABLE.code => "a key that the target's store can hold",
        code if code == codes::KEY_RESERVED.code => "a key below a collection",
        _ => "metadata that the target's store can hold",
    }
}

/// Size class: 0 up to 4 KiB, then each four times the one before.
fn class(size: u64) -> usize {
    let bits = 64 - size.saturating_sub(1).leading_zeros();
    usize::try_from(bits.saturating_sub(12).div_ceil(2)).unwrap_or(0)
}

/// Upper bound of a size class in bytes.
fn bound(class: usize) -> u64 {
    4096_u64
        .checked_shl(u32::try_from(class * 2).unwrap_or(64))
        .filter(|bound| *bound >= 4096)
        .unwrap_or(u64::MAX)
}

/// 128 bits of SHA-256: two different keys with one fingerprint cannot be made, let alone met.
fn fingerprint(key: &str) -> u128 {
    let digest = Digest::of(key.as_bytes());
    digest.0.first_chunk().map_or(0, |half| u128::from_le_bytes(*half))
}

/// Fingerprints that stand more than once among `seen` and the first `before` rows.
fn repeated(path: &Path, before: u64, seen: &mut Vec<u128>) -> io::Result<Vec<u128>> {
    use rayon::slice::ParallelSliceMut as _;
    inventory::first_keys(path, before, |key| seen.push(fingerprint(key)))?;
    seen.par_sort_unstable();
    let mut twice: Vec<u128> =
        seen.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    Ok(twice)
}

/// The inventory against what the export counts.
fn totals(notes: &mut Notes<'_>, export: &Export, summary: &ContentSummary) {
    let counted = &export.content;
    if counted.objects != summary.objects {
        let message = format!(
            "the inventory has {} objects, and the export counts {}",
            summary.objects, counted.objects
        );
        notes.tell(
            &codes::INVENTORY_OBJECTS,
            In::Export,
            steps!["spec", "content", "objects"],
            message,
            summary.objects.to_string(),
        );
    }
    if counted.bytes != summary.bytes {
        let message = format!(
            "the inventory adds up to {} bytes, and the export counts {}",
            summary.bytes, counted.bytes
        );
        notes.tell(
            &codes::INVENTORY_BYTES,
            In::Export,
            steps!["spec", "content", "bytes"],
            message,
            summary.bytes.to_string(),
        );
    }
}
