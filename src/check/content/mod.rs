//! The content inventory: totals, batches, and keys that the target cannot hold, in one pass where it is sorted.

mod duplicates;
mod part;

use super::notes::{In, Notes};
use super::store::Store;
use crate::model::codes::{self, CodeInfo};
use crate::model::tree::steps;
use crate::model::walk::shown;
use crate::model::{ContentSummary, Digest, Export, Finding, Location, RenameRule, Target};
use crate::read::inventory::{self, Flaw, Row};
use duplicates::{Fingerprints, Seen};
use part::{At, Keys, Part, Rules};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// Findings of one code that are told one by one.
const MOST: usize = 20;

/// What an inventory is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Findings alone.
    Findings,
    /// A package, for which the digest and the batches are needed too. They tell nothing, and cost about as much as
    /// everything else.
    Package,
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

/// Looks at the inventory; with a target, keys are held against its store.
pub(super) fn check(
    notes: &mut Notes<'_>,
    export: Option<&Export>,
    target: Option<&Target>,
    purpose: Purpose,
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
    let batched = target.filter(|_| purpose == Purpose::Package);
    let rules = Rules {
        store: target.map(|target| Store::from(target.place.store())),
        rename: target.is_some_and(|target| target.content.rename_keys == Some(RenameRule::PercentEncode)),
        collections: export
            .map(|export| export.collections.keys().map(|name| name.as_str()).collect())
            .unwrap_or_default(),
        exported_at: export.map(|export| export.exported_at.to_string()).unwrap_or_default(),
        sizes: batched.is_some(),
    };
    let name = format!("{}/{}", notes.source.folder, path.file_name().unwrap_or_default().to_string_lossy());
    let Looked { whole, sorted, batches, digest } = match look(&path, &rules, batched, purpose) {
        Ok(looked) => looked,
        Err(error) => {
            let message = match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                    "the compression of the inventory is broken".to_owned()
                }
                _ => format!("the inventory cannot be read: {error}"),
            };
            let finding = Finding::of(&codes::INVENTORY_BROKEN, Location::file(name.as_str()), message);
            notes.findings.push(finding.expected("an inventory that can be read to its end"));
            return (ContentSummary::default(), None);
        }
    };
    tell(&whole, notes, &rules, &name);
    let summary = whole.summary(sorted, batches.finish());
    let broken = [&codes::INVENTORY_HEADER, &codes::INVENTORY_LINE]
        .iter()
        .any(|code| whole.told.contains_key(code.code.0));
    if let Some(export) = export
        && !broken
    {
        totals(notes, export, &summary);
    }
    (summary, digest)
}

/// What became of the inventory.
struct Looked {
    whole: Part,
    sorted: bool,
    batches: Batches,
    digest: Option<Digest>,
}

/// Looks at the inventory as one that is sorted; as soon as it is not, from the beginning as one in any order.
fn look(path: &Path, rules: &Rules<'_>, target: Option<&Target>, purpose: Purpose) -> io::Result<Looked> {
    let hashed = purpose == Purpose::Package;
    let mut batches = Batches::new(target);
    let in_order = |sizes: &[u64], _: &[u64]| sizes.iter().for_each(|size| batches.add(*size));
    let (mut whole, mut digest) = pass(path, rules, &Keys::Sorted, hashed, in_order)?;
    let sorted = !whole.unsorted;
    if !sorted {
        let rules = Rules {
            sizes: false,
            collections: rules.collections.clone(),
            exported_at: rules.exported_at.clone(),
            ..*rules
        };
        let (fingerprints, mut seen) = (Fingerprints::default(), Seen::default());
        let keys = Keys::Shuffled(&fingerprints);
        (whole, digest) = pass(path, &rules, &keys, hashed, |_, more| seen.add(more))?;
        duplicates::tell(&mut whole, seen, &fingerprints, path)?;
        batches = Batches::new(target);
        if target.is_some() && whole.told.is_empty() {
            inventory::sizes(path, |size| batches.add(size))?;
        }
    }
    tell_taken(&mut whole, path)?;
    Ok(Looked { whole, sorted, batches, digest })
}

/// Goes over the inventory; `each` takes sizes and fingerprints in the order of the rows.
fn pass(
    path: &Path,
    rules: &Rules<'_>,
    keys: &Keys<'_>,
    hashed: bool,
    mut each: impl FnMut(&[u64], &[u64]),
) -> io::Result<(Part, Option<Digest>)> {
    let mut whole = Part::default();
    let merge = |lines, part: Part| {
        each(&part.sizes, &part.fingerprints);
        whole.append(lines, part);
        if whole.unsorted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let digest = inventory::pass(path, hashed, |part: &mut Part, row| part.add(rules, keys, row), merge)?;
    Ok((whole, digest))
}

/// Tells the keys whose new names are taken already.
fn tell_taken(whole: &mut Part, path: &Path) -> io::Result<()> {
    let renamed = std::mem::take(&mut whole.renamed);
    if renamed.is_empty() {
        return Ok(());
    }
    let each = |part: &mut Vec<At>, row: Result<Row<'_>, Flaw>| {
        if let Ok(Row { key, .. }) = row
            && let Some(line) = renamed.get(key)
        {
            part.push(At {
                code: &codes::KEY_UNHOLDABLE,
                line: *line,
                column: 0,
                message: "the name that the rename rule gives to this key is another object's",
                key: Some(key.to_owned()),
            });
        }
    };
    let merge = |_, part: Vec<At>| {
        part.into_iter().for_each(|at| whole.tell(at));
        ControlFlow::Continue(())
    };
    inventory::pass(path, false, each, merge).map(|_| ())
}

fn tell(whole: &Part, notes: &mut Notes<'_>, rules: &Rules<'_>, name: &str) {
    let place = |line: u64, column: u32| Location {
        file: name.into(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column,
        path: String::new(),
    };
    for (code, told) in &whole.told {
        for At { code, line, column, message, key } in &told.first {
            let mut finding = Finding::of(code, place(*line, *column), *message).expected(expected(code));
            if let Some(key) = key {
                finding = finding.found(shown("", key));
            }
            notes.findings.push(finding);
        }
        let untold = told.count - told.first.len() as u64;
        if untold > 0 {
            let message = format!("{untold} more lines with {code}");
            let finding = Finding::of(&codes::INVENTORY_MORE, Location::file(name), message);
            notes.findings.push(finding.expected("no such line"));
        }
    }
    if let Some((line, count)) = whole.strange {
        let objects = if count == 1 { "object belongs" } else { "objects belong" };
        let message = format!("{count} {objects} to no collection; the first stands here");
        let finding = Finding::of(&codes::KEY_STRANGE, place(line, 0), message);
        notes.findings.push(finding.expected("collection/…"));
    }
    if let Some((line, count)) = whole.future {
        let objects = if count == 1 { "object was" } else { "objects were" };
        let message = format!("{count} {objects} changed after the export; the first stands here");
        let finding = Finding::of(&codes::INVENTORY_FUTURE, place(line, 0), message);
        notes.findings.push(finding.expected(format!("times up to {}", rules.exported_at)));
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
