//! What some rows of the inventory amount to; parts are put together in the order of the file.

use super::MOST;
use super::duplicates::Fingerprints;
use crate::check::store::{self, Store};
use crate::model::codes::{self, CodeInfo};
use crate::model::{ContentSummary, reserved};
use crate::read::inventory::{self, Flaw, Row};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// What every row is held against.
pub(super) struct Rules<'t> {
    pub store: Option<Store>,
    pub rename: bool,
    /// Names of the collections, in byte order.
    pub collections: Vec<&'t str>,
    pub exported_at: String,
    /// Whether the size of each row is kept, for batches.
    pub sizes: bool,
}

/// How keys are compared with each other.
pub(super) enum Keys<'f> {
    /// Each with the one before; keys in any other order end the look at the inventory.
    Sorted,
    /// By their fingerprints, which are kept.
    Shuffled(&'f Fingerprints),
}

/// What the rows of a part amount to. Lines count from the beginning of the part.
#[derive(Default)]
pub(super) struct Part {
    pub objects: u64,
    pub bytes: u64,
    pub largest: u64,
    histogram: [u64; 32],
    one_by_one: u64,
    renamed_keys: u64,
    /// Objects without a digest, and their bytes.
    without_digest: (u64, u64),
    /// Line and key of the first row, and key of the last one.
    first: Option<(u64, Vec<u8>)>,
    last: Vec<u8>,
    /// Whether a key is smaller than the one before.
    pub unsorted: bool,
    pub sizes: Vec<u64>,
    pub fingerprints: Vec<u64>,
    /// Findings by code.
    pub told: BTreeMap<&'static str, Told>,
    /// New names of renamed keys, by line.
    pub renamed: HashMap<String, u64>,
    /// First line and number of keys outside of every collection, and of objects newer than the export.
    pub strange: Option<(u64, u64)>,
    pub future: Option<(u64, u64)>,
    /// The collection of the last key, since the next one is often in it too.
    collection: usize,
}

/// Findings of one code: how many, and those that are told one by one.
#[derive(Default)]
pub(super) struct Told {
    pub count: u64,
    pub first: Vec<At>,
}

/// A finding about a line.
pub(super) struct At {
    pub code: &'static CodeInfo,
    pub line: u64,
    pub column: u32,
    pub message: &'static str,
    pub key: Option<String>,
}

impl Part {
    /// Adds what stands on a line.
    pub fn add(&mut self, rules: &Rules<'_>, keys: &Keys<'_>, row: Result<Row<'_>, Flaw>) {
        match row {
            Ok(row) => self.row(rules, keys, &row),
            Err(flaw) => {
                let code = if flaw.header { &codes::INVENTORY_HEADER } else { &codes::INVENTORY_LINE };
                self.tell(At { code, line: flaw.line, column: flaw.column, message: flaw.what, key: None });
            }
        }
    }

    /// Adds the part that follows; `lines` stand before it.
    pub fn append(&mut self, lines: u64, next: Self) {
        self.objects += next.objects;
        self.bytes = self.bytes.saturating_add(next.bytes);
        self.largest = self.largest.max(next.largest);
        self.histogram.iter_mut().zip(next.histogram).for_each(|(count, more)| *count += more);
        self.one_by_one += next.one_by_one;
        self.renamed_keys += next.renamed_keys;
        let (objects, bytes) = next.without_digest;
        self.lacks_digest(objects, bytes);
        self.unsorted |= next.unsorted;
        if let Some((line, key)) = next.first {
            let line = lines + line;
            if self.first.is_some() {
                self.compare(line, &key);
            } else {
                self.first = Some((line, key));
            }
            self.last = next.last;
        }
        for (code, more) in next.told {
            let told = self.told.entry(code).or_default();
            told.count += more.count;
            let room = MOST - told.first.len();
            told.first.extend(more.first.into_iter().take(room).map(|at| At { line: lines + at.line, ..at }));
        }
        self.renamed.extend(next.renamed.into_iter().map(|(name, line)| (name, lines + line)));
        for (all, more) in [(&mut self.strange, next.strange), (&mut self.future, next.future)] {
            if let Some((line, count)) = more {
                all.get_or_insert((lines + line, 0)).1 += count;
            }
        }
    }

    /// The figures of the whole inventory.
    pub fn summary(&self, sorted: bool, batches: Vec<(u64, u64)>) -> ContentSummary {
        let counts = self.histogram.iter().enumerate().filter(|(_, count)| **count > 0);
        ContentSummary {
            objects: self.objects,
            bytes: self.bytes,
            largest: self.largest,
            histogram: counts.map(|(class, count)| (bound(class), *count)).collect(),
            sorted,
            batches,
            one_by_one: self.one_by_one,
            renamed: self.renamed_keys,
            without_digest: self.without_digest,
        }
    }

    pub fn tell(&mut self, at: At) {
        let told = self.told.entry(at.code.code.0).or_default();
        told.count += 1;
        if told.first.len() < MOST {
            told.first.push(at);
        }
    }

    fn note(&mut self, code: &'static CodeInfo, line: u64, message: &'static str, key: &str) {
        self.tell(At { code, line, column: 0, message, key: Some(key.to_owned()) });
    }

    pub fn duplicate(&mut self, line: u64, key: &str) {
        self.note(&codes::INVENTORY_DUPLICATE, line, "this key stands here again", key);
    }

    #[inline]
    fn row(&mut self, rules: &Rules<'_>, keys: &Keys<'_>, row: &Row<'_>) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(row.size);
        self.largest = self.largest.max(row.size);
        self.histogram[class(row.size)] += 1;
        if rules.sizes {
            self.sizes.push(row.size);
        }
        if row.sha256.is_empty() {
            self.lacks_digest(1, row.size);
        }
        match keys {
            Keys::Sorted => {
                let key = row.key.as_bytes();
                if self.first.is_some() {
                    self.compare(row.line, key);
                } else {
                    self.first = Some((row.line, key.to_vec()));
                }
                self.last.clear();
                self.last.extend_from_slice(key);
            }
            Keys::Shuffled(fingerprints) => self.fingerprints.extend(fingerprints.of_share(row.key)),
        }
        self.key(rules, row);
        self.metadata(rules, row);
    }

    fn lacks_digest(&mut self, objects: u64, bytes: u64) {
        self.without_digest.0 += objects;
        self.without_digest.1 = self.without_digest.1.saturating_add(bytes);
    }

    /// Compares the key with the one before.
    #[inline]
    fn compare(&mut self, line: u64, key: &[u8]) {
        match self.last.as_slice().cmp(key) {
            Ordering::Less => {}
            Ordering::Equal => self.duplicate(line, &String::from_utf8_lossy(key)),
            Ordering::Greater => self.unsorted = true,
        }
    }

    #[inline]
    fn key(&mut self, rules: &Rules<'_>, row: &Row<'_>) {
        let key = row.key;
        if store::is_carried_alone(key) {
            self.one_by_one += 1;
        }
        // Without a target, what no store can hold is told.
        if let Some(problem) = store::key_problem(rules.store.unwrap_or(Store::S3), key) {
            let renamed =
                rules.store.filter(|_| rules.rename).and_then(|store| store::percent_encoded(store, key));
            match renamed {
                Some(name) => {
                    self.renamed_keys += 1;
                    self.renamed.insert(name, row.line);
                }
                None => self.note(&codes::KEY_UNHOLDABLE, row.line, problem, key),
            }
        }
        let collection = rules.collections.get(self.collection);
        let here =
            collection.and_then(|name| key.strip_prefix(name)).is_some_and(|rest| rest.starts_with('/'));
        if !here {
            self.first_segment(rules, row);
        }
        // Both are in UTC and of the same form, so their order is that of their texts.
        if !rules.exported_at.is_empty() && row.modified.as_bytes()[..19] > rules.exported_at.as_bytes()[..19]
        {
            self.future.get_or_insert((row.line, 0)).1 += 1;
        }
    }

    fn first_segment(&mut self, rules: &Rules<'_>, row: &Row<'_>) {
        let first = row.key.split('/').next().unwrap_or("");
        if let Some(why) = reserved(first) {
            self.note(&codes::KEY_RESERVED, row.line, why, row.key);
            return;
        }
        match first {
            "uploads" | "uploads.json" | "journal" => {}
            _ if rules.collections.is_empty() => {}
            _ => match rules.collections.binary_search(&first) {
                Ok(collection) => self.collection = collection,
                Err(_) => self.strange.get_or_insert((row.line, 0)).1 += 1,
            },
        }
    }

    #[inline]
    fn metadata(&mut self, rules: &Rules<'_>, row: &Row<'_>) {
        let store = rules.store.unwrap_or(Store::S3);
        let mut problem = None;
        if row.odd_names {
            let _ = inventory::pairs(row.metadata.json().as_bytes(), |name, _| {
                problem = problem.or(store::metadata_problem(store, name, rules.rename));
            });
        }
        if row.metadata_bytes > store::metadata_limit(store) {
            problem = problem.or(Some("the metadata is larger than the store holds"));
        }
        if let Some(problem) = problem {
            self.note(&codes::METADATA_UNHOLDABLE, row.line, problem, row.key);
        }
    }
}

/// Size class: 0 up to 4 KiB, then each four times the one before.
#[inline]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::inventory::{Form, HEADER, Rows};
    use proptest::prelude::*;

    /// Everything that is known of a part.
    fn known(part: &Part) -> String {
        let told = part.told.iter().map(|(code, told)| {
            let first: Vec<_> =
                told.first.iter().map(|at| (at.line, at.column, at.message, &at.key)).collect();
            (code, told.count, first)
        });
        let renamed: BTreeMap<_, _> = part.renamed.iter().collect();
        let summary = part.summary(!part.unsorted, Vec::new());
        let told: Vec<_> = told.collect();
        format!("{:?}", (summary, told, renamed, part.strange, part.future, &part.last))
    }

    proptest! {
        /// However the rows are parted, they amount to the same.
        #[test]
        fn parts_put_together_are_the_whole(
            rows in prop::collection::vec(("(/|users/|reports/|x/)?[a-d]{1,2}", 0_u64..1 << 40, 1_u32..30, any::<bool>()), 0..120),
            cuts in prop::collection::vec(any::<bool>(), 120),
            sorted in any::<bool>(),
            wrong in 0_usize..40,
        ) {
            let mut rows = rows;
            if sorted {
                rows.sort();
            }
            let lines = rows.iter().enumerate().map(|(at, (key, size, day, odd))| {
                let name = if *odd { "a b" } else { "a" };
                let comma = if at % 40 == wrong { "," } else { "" };
                format!("{key},{size},2026-11-{day:02}T08:00:00Z,text/plain,,\"{{\"\"{name}\"\":\"\"\"\"}}\"{comma}\n")
            });
            let text = format!("{HEADER}\n{}", lines.collect::<String>());
            let rules = Rules {
                store: Some(Store::Garage),
                rename: wrong % 2 == 0,
                collections: vec!["drafts", "reports"],
                exported_at: "2026-11-19T21:04:00Z".to_owned(),
                sizes: false,
            };
            let (mut one, mut whole, mut part) = (Part::default(), Part::default(), Part::default());
            let mut lines = 0;
            let mut reader = Rows::new(text.as_bytes(), Form::Csv);
            let mut cuts = cuts.iter();
            while let Some(row) = reader.next().expect("memory can be read") {
                let line = match &row {
                    Ok(row) => row.line,
                    Err(flaw) => flaw.line,
                };
                part.add(&rules, &Keys::Sorted, match &row {
                    Ok(row) => Ok(Row { line: line - lines, ..*row }),
                    Err(flaw) => Err(Flaw { line: line - lines, ..flaw.clone() }),
                });
                one.add(&rules, &Keys::Sorted, row);
                if cuts.next() == Some(&true) {
                    whole.append(lines, std::mem::take(&mut part));
                    lines = line;
                }
            }
            whole.append(lines, part);
            prop_assert_eq!(known(&whole), known(&one));
        }
    }
}
