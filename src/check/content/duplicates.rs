//! Keys that stand more than once in an inventory that is not sorted, in bounded memory.
//!
//! Each key leaves a fingerprint of eight bytes. Which fingerprints stand more than once is seen by sorting them, and
//! whether their keys are the same by a second look at the inventory, so that an accident (one in 300,000 inventories of
//! ten million rows) costs time and nothing else. The hash has a key of its own in every run: nobody can write an
//! inventory whose keys meet.

use super::part::Part;
use crate::read::inventory::{self, Flaw, Row};
use rayon::slice::ParallelSliceMut as _;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// Fingerprints that are kept at once: half a GiB. Where there are more, the inventory is looked at several times, for
/// a share of them each time.
const MOST: usize = 1 << 26;

/// Makes fingerprints.
#[derive(Default)]
pub(super) struct Fingerprints {
    hasher: RandomState,
    /// Which of how many shares is wanted; the number of shares is a power of two.
    share: u64,
    shares: u64,
}

impl Fingerprints {
    fn of(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The fingerprint, where it is of the share that is wanted.
    pub fn of_share(&self, key: &str) -> Option<u64> {
        let fingerprint = self.of(key);
        (self.shares == 0 || fingerprint % self.shares == self.share).then_some(fingerprint)
    }
}

/// Fingerprints of the keys seen so far, or of a share of them.
pub(super) struct Seen {
    kept: Vec<u64>,
    shares: u64,
    most: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { kept: Vec::new(), shares: 1, most: MOST }
    }
}

impl Seen {
    /// Adds fingerprints; what is too many for memory is left to a later look at the inventory.
    pub fn add(&mut self, fingerprints: &[u64]) {
        let shares = self.shares;
        self.kept.extend(fingerprints.iter().filter(|fingerprint| *fingerprint % shares == 0));
        if self.kept.len() <= self.most {
            return;
        }
        // Two of a kind say as much as a thousand.
        self.kept.par_sort_unstable();
        let (mut one, mut two) = (None, None);
        self.kept.retain(|fingerprint| {
            let third = one == Some(*fingerprint) && two == one;
            (one, two) = (Some(*fingerprint), one);
            !third
        });
        while self.kept.len() > self.most / 2 {
            self.shares *= 2;
            let shares = self.shares;
            self.kept.retain(|fingerprint| fingerprint % shares == 0);
        }
    }

    /// Fingerprints that stand more than once, in order.
    fn repeated(mut self, path: &Path, fingerprints: &Fingerprints) -> io::Result<Vec<u64>> {
        let mut repeated = twice(self.kept);
        for share in 1..self.shares {
            let of_share = Fingerprints { hasher: fingerprints.hasher.clone(), share, shares: self.shares };
            let mut kept = Vec::new();
            let each = |part: &mut Vec<u64>, row: Result<Row<'_>, Flaw>| {
                if let Ok(row) = row {
                    part.extend(of_share.of_share(row.key));
                }
            };
            let merge = |_, part: Vec<u64>| {
                kept.extend(part);
                ControlFlow::Continue(())
            };
            inventory::pass(path, false, each, merge)?;
            repeated.extend(twice(kept));
        }
        self.kept = repeated;
        self.kept.sort_unstable();
        Ok(self.kept)
    }
}

fn twice(mut fingerprints: Vec<u64>) -> Vec<u64> {
    fingerprints.par_sort_unstable();
    let mut twice: Vec<u64> =
        fingerprints.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    twice
}

/// Tells every line whose key stood before.
pub(super) fn tell(whole: &mut Part, seen: Seen, fingerprints: &Fingerprints, path: &Path) -> io::Result<()> {
    let repeated = seen.repeated(path, fingerprints)?;
    if repeated.is_empty() {
        return Ok(());
    }
    let mut met = HashSet::new();
    let each = |part: &mut Vec<(u64, String)>, row: Result<Row<'_>, Flaw>| {
        if let Ok(Row { line, key, .. }) = row
            && repeated.binary_search(&fingerprints.of(key)).is_ok()
        {
            part.push((line, key.to_owned()));
        }
    };
    let merge = |lines, part: Vec<(u64, String)>| {
        for (line, key) in part {
            if met.contains(&key) {
                whole.duplicate(lines + line, &key);
            } else {
                met.insert(key);
            }
        }
        ControlFlow::Continue(())
    };
    inventory::pass(path, false, each, merge).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Little memory means several looks, and the same answer.
    #[test]
    fn keys_that_stand_again_are_found_in_any_memory() {
        let keys: Vec<String> = (0_u64..4000).map(|n| (n * 7919 % 3500).to_string()).collect();
        let same = vec!["a".to_owned(); 1000];
        for keys in [keys, same] {
            let file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
            let rows = keys.iter().map(|key| format!("{key},1,2026-11-01T08:00:00Z,text/plain,,\n"));
            let text = format!("{}\n{}", inventory::HEADER, rows.collect::<String>());
            std::fs::write(file.path(), text).expect("written");
            let mut counts = BTreeMap::new();
            let mut again = Vec::new();
            for (line, key) in (2..).zip(&keys) {
                *counts.entry(key).or_insert(0) += 1;
                if counts[key] > 1 {
                    again.push((line, Some(key.clone())));
                }
            }
            for most in [300, 2000, 100_000] {
                let fingerprints = Fingerprints::default();
                let mut seen = Seen { most, ..Seen::default() };
                for some in keys.chunks(13) {
                    let some: Vec<u64> = some.iter().map(|key| fingerprints.of(key)).collect();
                    seen.add(&some);
                    assert!(seen.kept.len() <= most.max(13));
                }
                let mut whole = Part::default();
                tell(&mut whole, seen, &fingerprints, file.path()).expect("it can be read");
                let told = &whole.told[crate::model::codes::INVENTORY_DUPLICATE.code.0];
                assert_eq!(told.count, again.len() as u64, "{most}");
                let first: Vec<_> = told.first.iter().map(|at| (at.line, at.key.clone())).collect();
                assert_eq!(first, again[..first.len()], "{most}");
            }
        }
    }
}
