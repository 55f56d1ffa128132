//! The objects of two inventories, key by key, in one pass over both: nothing is held but what is told.

use super::facts::{Class, Value};
use super::report::{Change, Comparison, Difference, Explained, Objects, Why};
use super::{Migration, Side};
use crate::check::store::{Store, key_problem, percent_encoded};
use crate::model::{Ledger, RenameRule};
use crate::plan::KeyPath;
use crate::read::inventory::{Metadata, Ordered, Row};
use serde_json::{Value as Json, json};
use std::cmp::Ordering;
use std::io;

/// Differences of objects that are listed unless more are asked for.
pub const LISTED: usize = 1000;

/// Settings of the ledger that stand for what happens to every object.
const MODIFIED: &str = "content.modified";
const KEYS: &str = "content.keys";

/// Rows in byte order of their keys.
pub(super) trait Rows {
    /// The next one.
    fn row(&mut self) -> io::Result<Option<Row<'_>>>;
}

impl Rows for Option<Ordered> {
    #[inline]
    fn row(&mut self) -> io::Result<Option<Row<'_>>> {
        match self {
            Some(rows) => rows.next(),
            None => Ok(None),
        }
    }
}

/// Compares lists of objects, of which there are `counts`; at most `most` differences are listed, and all of them counted.
pub(super) fn compare_lists(
    comparison: &mut Comparison,
    counts: (u64, u64),
    old: impl Rows,
    new: impl Rows,
    most: usize,
) -> io::Result<()> {
    let objects = Objects { old: counts.0, new: counts.1, ..Objects::default() };
    let mut found = Found { comparison, objects, free_times: false, room: most };
    merge(old, new, &mut found)?;
    let Found { objects, .. } = found;
    comparison.objects = Some(objects);
    Ok(())
}

/// Compares the inventories; at most `most` differences are listed, and all of them counted.
pub(super) fn compare(
    comparison: &mut Comparison,
    old: &Side<'_>,
    new: &Side<'_>,
    migration: Option<Migration<'_>>,
    most: usize,
) -> io::Result<()> {
    if old.inventory.is_none() && new.inventory.is_none() {
        return Ok(());
    }
    let renamed = migration
        .filter(|migration| migration.rename == Some(RenameRule::PercentEncode) && old.content.renamed > 0);
    let in_order = |side: &Side<'_>, renamed: Option<Migration<'_>>| match (side.inventory, renamed) {
        (Some(path), Some(migration)) => {
            Ordered::renamed(path, |key| new_name(migration.store, key)).map(Some)
        }
        (Some(path), None) => Ordered::of(path, side.content.sorted).map(Some),
        (None, _) => Ok(None),
    };
    let mut found = Found {
        comparison,
        objects: Objects { old: old.content.objects, new: new.content.objects, ..Objects::default() },
        free_times: migration.is_some(),
        room: most,
    };
    merge(in_order(old, renamed)?, in_order(new, None)?, &mut found)?;
    let Found { objects, .. } = found;
    if let Some(migration) = migration {
        let explained = [(KEYS, renamed.map_or(0, |_| old.content.renamed)), (MODIFIED, objects.touched)];
        for (setting, count) in explained.into_iter().filter(|(_, count)| *count > 0) {
            comparison.explained.extend(explanation(migration.ledger, setting, count));
        }
    }
    comparison.objects = Some(objects);
    Ok(())
}

fn explanation(ledger: &Ledger, setting: &str, count: u64) -> Option<Explained> {
    let entry = ledger.entries.iter().find(|entry| entry.setting == setting)?;
    Some(Explained { setting: setting.to_owned(), count, why: Why::of(entry), old: None, new: None })
}

/// The name that the rename rule gives to a key that the target's store cannot hold.
fn new_name(store: Store, key: &str) -> Option<String> {
    key_problem(store, key).and_then(|_| percent_encoded(store, key))
}

fn merge(mut old: impl Rows, mut new: impl Rows, found: &mut Found<'_>) -> io::Result<()> {
    let mut before = old.row()?;
    let mut after = new.row()?;
    loop {
        let order = match (&before, &after) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.key.as_bytes().cmp(after.key.as_bytes()),
        };
        match (order, before, after) {
            (Ordering::Equal, Some(one), Some(other)) => {
                found.both(&one, &other);
                before = old.row()?;
                after = new.row()?;
            }
            (Ordering::Less, Some(row), _) => {
                found.alone(&row, Change::Removed);
                before = old.row()?;
            }
            (_, _, Some(row)) => {
                found.alone(&row, Change::Added);
                after = new.row()?;
            }
            (_, _, None) => return Ok(()),
        }
    }
}

/// What was found so far.
struct Found<'c> {
    comparison: &'c mut Comparison,
    objects: Objects,
    /// Whether times of change are the store's own, since the objects were copied.
    free_times: bool,
    /// How many more differences are listed.
    room: usize,
}

impl Found<'_> {
    #[inline]
    fn both(&mut self, old: &Row<'_>, new: &Row<'_>) {
        let both_hashed = !old.sha256.is_empty() && !new.sha256.is_empty();
        if !both_hashed && old.size == new.size {
            self.objects.without_digest += 1;
        }
        let same = old.size == new.size
            && old.content_type == new.content_type
            && (!both_hashed || old.sha256 == new.sha256)
            && old.metadata == new.metadata;
        if same && old.modified == new.modified {
            return;
        }
        self.differing(old, new, both_hashed);
    }

    /// Two rows that are not written alike.
    fn differing(&mut self, old: &Row<'_>, new: &Row<'_>, both_hashed: bool) {
        let mut fields: Vec<(&str, Json, Json)> = Vec::new();
        if old.size != new.size {
            fields.push(("size", old.size.into(), new.size.into()));
        }
        if both_hashed && old.sha256 != new.sha256 {
            fields.push(("sha256", old.sha256.into(), new.sha256.into()));
        }
        if old.content_type != new.content_type {
            fields.push(("contentType", old.content_type.into(), new.content_type.into()));
        }
        let (one, other) = (parsed(old.metadata), parsed(new.metadata));
        if one != other {
            fields.push(("metadata", one, other));
        }
        if !fields.is_empty() {
            self.objects.changed += 1;
        } else if moment(old.modified) != moment(new.modified) {
            self.objects.touched += 1;
            if self.free_times {
                return;
            }
            let class = if both_hashed { Class::Cosmetic } else { Class::Data };
            let at = || path(old.key).key("modified");
            let (old, new) = (old.modified, new.modified);
            return self.tell(at, class, Change::Changed, || (Some(old.into()), Some(new.into())));
        }
        for (field, one, other) in fields {
            let at = || path(old.key).key(field);
            self.tell(at, Class::Data, Change::Changed, || (Some(one), Some(other)));
        }
    }

    fn alone(&mut self, row: &Row<'_>, change: Change) {
        let values = || match change {
            Change::Added => (None, Some(object(row))),
            _ => (Some(object(row)), None),
        };
        match change {
            Change::Added => self.objects.added += 1,
            _ => self.objects.removed += 1,
        }
        self.tell(|| path(row.key), Class::Data, change, values);
    }

    fn tell(
        &mut self,
        at: impl FnOnce() -> KeyPath,
        class: Class,
        change: Change,
        values: impl FnOnce() -> (Option<Json>, Option<Json>),
    ) {
        let Some(room) = self.room.checked_sub(1) else {
            self.objects.not_listed += 1;
            self.comparison.counts.add(class);
            return;
        };
        self.room = room;
        let (old, new) = values();
        self.comparison.differences.push(Difference {
            path: at().to_string(),
            class,
            change,
            personal: true,
            old: old.map(Value::Plain),
            new: new.map(Value::Plain),
            promised: None,
            also: Vec::new(),
        });
    }
}

fn path(key: &str) -> KeyPath {
    KeyPath::raw("content").item(key)
}

fn object(row: &Row<'_>) -> Json {
    let mut object = json!({ "size": row.size, "contentType": row.content_type, "modified": row.modified });
    if !row.sha256.is_empty() {
        object["sha256"] = row.sha256.into();
    }
    let metadata = parsed(row.metadata);
    if metadata.as_object().is_some_and(|metadata| !metadata.is_empty()) {
        object["metadata"] = metadata;
    }
    object
}

/// Metadata whatever the order of its names; none at all is an empty object.
fn parsed(metadata: Metadata<'_>) -> Json {
    let text = metadata.json();
    serde_json::from_str(if text.is_empty() { "{}" } else { &text }).unwrap_or_default()
}

/// A time without the fraction of a second that adds nothing to it.
fn moment(time: &str) -> &str {
    let time = time.trim_end_matches('Z');
    if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time }
}
