//! Does the ledger name everything that the export and the realm hold?

use super::path::Pattern;
use crate::model::{Disposition, Leaves, Ledger};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Settings of the export or realm that the ledger does not name: a defect of this program, which must not pass in silence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} setting(s) of the export have no entry in the ledger: {}", .settings.len(), .settings.join(", "))]
pub struct Unaccounted {
    /// Their key paths; those of the realm begin with `realm.`.
    pub settings: Vec<String>,
}

/// Compares the ledger with the leaf key paths of the export and the realm.
///
/// An entry accounts for everything below its path. Items of lists may be named by position on one side and by what
/// they are on the other, so they are compared by number: a list of 60 users needs 60 entries for each field.
///
/// # Errors
///
/// The settings that no entry names.
pub fn accounting(ledger: &Ledger, leaves: &Leaves) -> Result<(), Unaccounted> {
    // Defaults stand for what the input does not hold.
    let named: HashSet<&str> = ledger
        .entries
        .iter()
        .filter(|entry| !matches!(entry.disposition, Disposition::Defaulted { .. }))
        .map(|entry| entry.place.as_deref().unwrap_or(&entry.setting))
        .collect();
    // What the realm's reader leaves out stands in the ledger by its place in the document. Such an entry accounts for
    // that place alone: what stands beside it needs entries of its own, or one above both.
    let mut exact: HashSet<&str> = HashSet::new();
    let mut others = Vec::new();
    let realm = leaves.realm.iter().map(|path| Cow::Owned(below_realm(path)));
    let mut above = Above::default();
    for leaf in leaves.export.iter().map(Cow::Borrowed).chain(realm) {
        let pattern = Pattern::of(&leaf);
        if !above.account(&leaf, &pattern, &named, &mut exact) {
            others.push((leaf, pattern));
        }
    }
    let mut entries: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for setting in named.difference(&exact) {
        entries.entry(Pattern::of(setting).text).or_default().insert(setting);
    }

    let mut settings = BTreeSet::new();
    let mut found: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (leaf, pattern) in &others {
        let lowest = pattern.ends.iter().rev().find(|end| entries.contains_key(&pattern.text[..end.text]));
        match lowest {
            Some(end) => {
                found.entry(&pattern.text[..end.text]).or_default().insert(&leaf[..end.path]);
            }
            None => {
                settings.insert(leaf.clone().into_owned());
            }
        }
    }
    for (pattern, instances) in found {
        let named = entries.get(pattern).map_or(0, BTreeSet::len);
        if instances.len() > named {
            settings.extend(instances.into_iter().skip(named).map(str::to_owned));
        }
    }
    if settings.is_empty() { Ok(()) } else { Err(Unaccounted { settings: settings.into_iter().collect() }) }
}

/// Which beginnings of the last path have entries. Neighbours in a document share most of theirs, which are not looked up
/// again.
#[derive(Default)]
struct Above {
    last: String,
    /// Ends of the last path's segments, and whether an entry is above or at each.
    ends: Vec<(usize, bool)>,
}

impl Above {
    /// Whether an entry accounts for `leaf`; all that do are added to `exact`.
    fn account<'e>(
        &mut self,
        leaf: &str,
        pattern: &Pattern,
        named: &HashSet<&'e str>,
        exact: &mut HashSet<&'e str>,
    ) -> bool {
        let shared = leaf.bytes().zip(self.last.bytes()).take_while(|(new, old)| new == old).count();
        // A segment that ends before the paths part ends in both: what follows it is the same.
        self.ends.retain(|(end, _)| *end < shared);
        for end in &pattern.ends[self.ends.len()..] {
            let entry = named.get(&leaf[..end.path]);
            exact.extend(entry);
            let above = self.ends.last().is_some_and(|(_, accounted)| *accounted);
            self.ends.push((end.path, above || entry.is_some()));
        }
        self.last.clear();
        self.last.push_str(leaf);
        self.ends.last().is_some_and(|(_, accounted)| *accounted)
    }
}

/// A path of the realm's document as the ledger writes it.
pub(crate) fn below_realm(path: &str) -> String {
    if path.starts_with(['[', '.']) { format!("realm{path}") } else { format!("realm.{path}") }
}
