//! Does the ledger name everything that the export and the realm hold?

use super::path::{Segment, segments};
use crate::model::{Disposition, Leaves, Ledger};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

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
        .map(|entry| entry.setting.as_str())
        .collect();
    // What the realm's reader leaves out stands in the ledger by its place in the document. Such an entry accounts for
    // that place alone: what stands beside it needs entries of its own, or one above both.
    let mut exact: HashSet<&str> = HashSet::new();
    let mut others = Vec::new();
    let realm = leaves.realm.iter().map(|path| Cow::Owned(below_realm(path)));
    for leaf in leaves.export.iter().map(Cow::Borrowed).chain(realm) {
        let mut known = false;
        for (_, end) in segments(&leaf) {
            if let Some(entry) = named.get(&leaf[..end]) {
                known = true;
                exact.insert(entry);
            }
        }
        if !known {
            others.push(leaf);
        }
    }
    let mut entries: BTreeMap<Vec<Segment<'_>>, BTreeSet<&str>> = BTreeMap::new();
    for setting in named.difference(&exact) {
        let pattern = segments(setting).into_iter().map(|(segment, _)| segment).collect();
        entries.entry(pattern).or_default().insert(setting);
    }

    let mut settings = BTreeSet::new();
    let mut found: BTreeMap<Vec<Segment<'_>>, BTreeSet<String>> = BTreeMap::new();
    for leaf in &others {
        let apart = segments(leaf);
        let pattern: Vec<Segment<'_>> = apart.iter().map(|(segment, _)| segment.clone()).collect();
        let depth = (1..=pattern.len()).rev().find(|depth| entries.contains_key(&pattern[..*depth]));
        match depth {
            Some(depth) => {
                let instance = leaf[..apart[depth - 1].1].to_owned();
                found.entry(pattern[..depth].to_vec()).or_default().insert(instance);
            }
            None => {
                settings.insert(leaf.clone().into_owned());
            }
        }
    }
    for (pattern, instances) in found {
        let named = entries.get(&pattern).map_or(0, BTreeSet::len);
        if instances.len() > named {
            settings.extend(instances.into_iter().skip(named));
        }
    }
    if settings.is_empty() { Ok(()) } else { Err(Unaccounted { settings: settings.into_iter().collect() }) }
}

/// A path of the realm's document as the ledger writes it.
pub(super) fn below_realm(path: &str) -> String {
    if path.starts_with(['[', '.']) { format!("realm{path}") } else { format!("realm.{path}") }
}
