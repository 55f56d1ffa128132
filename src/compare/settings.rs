//! Facts against facts, and against what a ledger promises.

use super::facts::{Class, Fact, Facts, Value};
use super::report::{Change, Comparison, Difference, Explained, Promise, Why};
use crate::model::{Afterwards, Entry, Ledger};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Words for an encryption that is not in force, or that nobody knows.
const NOT_ENCRYPTED: [&str; 4] = ["", "none", "off", "unknown"];

/// Tells every fact that differs; with a ledger, what it explains apart from what it does not.
pub(super) fn compare(comparison: &mut Comparison, old: &Facts, new: &Facts, ledger: Option<&Ledger>) {
    let promises = ledger.map(|ledger| Promises::of(ledger, old)).unwrap_or_default();
    let mut paths: BTreeSet<&str> = old.all.keys().chain(new.all.keys()).map(String::as_str).collect();
    paths.extend(promises.by_path.keys().copied());
    // Things that one side alone has are told as a whole, with all that is said of them.
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    for path in paths {
        let (before, after) = (old.all.get(path), new.all.get(path));
        let of = |fact: Option<&Fact>| fact.and_then(|fact| fact.of.clone());
        if of(before).or(of(after)).is_some_and(|of| whole.contains(of.as_str())) {
            // It may be a thing itself, with parts of its own.
            whole.insert(path);
            continue;
        }
        // Promised about something that is not there any more.
        let below = |of: &&str| path.strip_prefix(*of).is_some_and(|rest| rest.starts_with(['.', '[']));
        if before.is_none() && after.is_none() && whole.iter().any(below) {
            continue;
        }
        // That a ledger leaves something behind allows nothing, what Keycloak makes by itself, and the same in its place.
        let other = || after.map(|after| &after.value) != before.map(|before| &before.value);
        let opened = old.opens(path) && after.is_some() && other() && !new.is_silent_alone(path);
        let promise = promises.by_path.get(path).copied().filter(|_| !opened && !old.is_missed(path));
        let kept = promise.map_or(Kept::Same, |promise| Kept::of(&promise.afterwards));
        if before.is_none() && after.is_none() && !kept.wants_something() {
            continue;
        }
        if [before, after].into_iter().flatten().any(|fact| fact.thing) && before.is_some() != after.is_some()
        {
            whole.insert(path);
        }
        let same = match (before, after) {
            (Some(before), Some(after)) => before.value == after.value,
            (None, None) => true,
            _ => false,
        };
        if kept.holds(before, after) {
            if !same {
                let entry = promise.map(Why::of);
                comparison.explained.extend(entry.map(|why| Explained {
                    setting: path.to_owned(),
                    count: 1,
                    why,
                    old: shown(old, path, before),
                    new: shown(new, path, after),
                }));
            }
            continue;
        }
        let class = match (before, after) {
            (Some(before), Some(after)) if before.means_what(after) && !same => Class::Cosmetic,
            (None, None) => around(old, path).max(around(new, path)).unwrap_or(Class::Configuration),
            _ => {
                [before, after].into_iter().flatten().map(|fact| fact.class).max().unwrap_or(Class::Cosmetic)
            }
        };
        comparison.differences.push(Difference {
            path: path.to_owned(),
            class,
            change: Change::of(before.is_some(), after.is_some(), same),
            personal: promise.is_some_and(|promise| promise.personal)
                || [before, after].into_iter().flatten().any(|fact| fact.personal),
            old: shown(old, path, before),
            new: shown(new, path, after),
            promised: promise.map(|promise| Promise {
                why: Why::of(promise),
                expected: Some(&promise.afterwards).filter(|after| !after.is_same()).cloned(),
            }),
            also: Vec::new(),
        });
    }
}

/// The class of the thing that a path lies in.
fn around(facts: &Facts, path: &str) -> Option<Class> {
    let outer = path.rmatch_indices(['.', '[']).map(|(end, _)| &path[..end]);
    let mut things = outer.filter_map(|outer| facts.all.get(outer)).filter(|fact| fact.thing);
    things.next().map(|fact| fact.class)
}

/// A fact as it is told; a thing by everything that is said of it.
fn shown(facts: &Facts, path: &str, fact: Option<&Fact>) -> Option<Value> {
    let fact = fact?;
    Some(if fact.thing { Value::Plain(facts.of(path)) } else { fact.value.clone() })
}

/// What the ledger says of settings that do not stay as they are, by key path.
#[derive(Default)]
struct Promises<'l> {
    by_path: BTreeMap<&'l str, &'l Entry>,
}

impl<'l> Promises<'l> {
    fn of(ledger: &'l Ledger, old: &'l Facts) -> Self {
        let changing = ledger.entries.iter().filter(|entry| !entry.afterwards.is_same());
        let mut by_path: BTreeMap<&str, &Entry> =
            changing.map(|entry| (entry.place.as_deref().unwrap_or(&entry.setting), entry)).collect();
        // Parts of the realm that are left out stand in the ledger by their place, several of them by one.
        let entry =
            |(path, place): (&'l String, &String)| Some((path.as_str(), *by_path.get(place.as_str())?));
        let left_out: Vec<(&str, &Entry)> = old.places.iter().filter_map(entry).collect();
        for place in old.places.values() {
            by_path.remove(place.as_str());
        }
        by_path.extend(left_out);
        Self { by_path }
    }
}

/// What has to stand there.
enum Kept<'l> {
    Same,
    Value(&'l Json),
    Absent,
    Encrypted,
    Free,
}

impl<'l> Kept<'l> {
    fn of(afterwards: &'l Afterwards) -> Self {
        match afterwards {
            Afterwards::Same => Self::Same,
            Afterwards::Value(value) => Self::Value(value),
            Afterwards::Absent => Self::Absent,
            Afterwards::Encrypted => Self::Encrypted,
            Afterwards::Free => Self::Free,
        }
    }

    /// Whether nothing at all would be wrong.
    fn wants_something(&self) -> bool {
        matches!(self, Self::Value(_) | Self::Encrypted)
    }

    fn holds(&self, before: Option<&Fact>, after: Option<&Fact>) -> bool {
        match self {
            Self::Same => match (before, after) {
                (Some(before), Some(after)) => before.value == after.value,
                (before, after) => before.is_none() && after.is_none(),
            },
            Self::Value(value) => after.is_some_and(|after| after.value == Value::Plain((*value).clone())),
            Self::Absent => after.is_none(),
            Self::Encrypted => after.is_some_and(|after| match &after.value {
                Value::Plain(Json::String(word)) => {
                    !NOT_ENCRYPTED.contains(&word.trim().to_lowercase().as_str())
                }
                _ => false,
            }),
            Self::Free => true,
        }
    }
}
