//! Does the ledger name everything that the export and the realm hold?

use super::path::{Segment, segments};
use crate::model::{Disposition, Ledger};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A setting of the export or realm that the ledger does not name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unaccounted {
    /// Its key path; realm settings begin with `realm.`.
    pub setting: String,
}

/// Compares the ledger with the leaf key paths of the export and the realm.
///
/// An entry accounts for everything below its path. Items of lists may be named by position on one side and by what
/// they are on the other, so they are compared by number: a list of 60 users needs 60 entries for each field.
///
/// # Errors
///
/// The settings that no entry names, in order.
pub fn accounting(
    ledger: &Ledger,
    export: impl IntoIterator<Item = String>,
    realm: impl IntoIterator<Item = String>,
) -> Result<(), Vec<Unaccounted>> {
    // Defaults stand for what the input does not hold.
    let mut entries: BTreeMap<Vec<Segment>, BTreeSet<&str>> = BTreeMap::new();
    for entry in &ledger.entries {
        if !matches!(entry.disposition, Disposition::Defaulted { .. }) {
            let pattern = segments(&entry.setting).into_iter().map(|(segment, _)| segment).collect();
            entries.entry(pattern).or_default().insert(&entry.setting);
        }
    }

    let mut unaccounted = BTreeSet::new();
    let mut found: BTreeMap<Vec<Segment>, BTreeSet<String>> = BTreeMap::new();
    let realm = realm
        .into_iter()
        .map(|path| if path.starts_with('[') { format!("realm{path}") } else { format!("realm.{path}") });
    for leaf in export.into_iter().chain(realm) {
        let apart = segments(&leaf);
        let pattern: Vec<Segment> = apart.iter().map(|(segment, _)| segment.clone()).collect();
        let depth = (1..=pattern.len()).rev().find(|depth| entries.contains_key(&pattern[..*depth]));
        match depth {
            Some(depth) => {
                let instance = leaf[..apart[depth - 1].1].to_owned();
                found.entry(pattern[..depth].to_vec()).or_default().insert(instance);
            }
            None => {
                unaccounted.insert(Unaccounted { setting: leaf });
            }
        }
    }
    for (pattern, instances) in found {
        let named = entries.get(&pattern).map_or(0, BTreeSet::len);
        if instances.len() > named {
            unaccounted.extend(instances.into_iter().skip(named).map(|setting| Unaccounted { setting }));
        }
    }
    if unaccounted.is_empty() { Ok(()) } else { Err(unaccounted.into_iter().collect()) }
}
