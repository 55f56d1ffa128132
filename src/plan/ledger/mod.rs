//! What becomes of every exported setting.
//!
//! The typed export is taken apart field by field without `..`, so that a new field without a decision does not compile.

mod accounting;
mod export;
mod path;
mod realm;

pub use accounting::{Unaccounted, accounting};
pub use export::validates;
pub use realm::{OPERATOR, REALM_FIXED, REALM_SETTINGS, STANDARD_SCOPES};

use crate::model::{Afterwards, Checked, Disposition, Entry, Ledger};
use crate::provider::Site;
use serde_json::Value;

pub(crate) use accounting::below_realm;
pub(crate) use path::Path;

/// The ledger while it is being written.
#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
}

impl Book {
    fn enter(&mut self, at: &Path, disposition: Disposition, afterwards: Afterwards) {
        let (setting, personal) = (at.to_string(), at.personal);
        self.entries.push(Entry { setting, place: None, personal, disposition, afterwards });
    }

    fn migrated(&mut self, at: &Path) {
        self.enter(at, Disposition::Migrated, Afterwards::Same);
    }

    fn transformed(
        &mut self,
        at: &Path,
        rule: &'static str,
        before: impl ToString,
        after: impl ToString,
        afterwards: Afterwards,
    ) {
        let (before, after) = (before.to_string(), after.to_string());
        self.enter(at, Disposition::Transformed { rule, before, after }, afterwards);
    }

    /// Transformed where `before` and `after` differ, else migrated.
    fn kept_or(
        &mut self,
        at: &Path,
        rule: &'static str,
        before: impl ToString,
        after: impl ToString + Into<Value>,
    ) {
        let (before, text) = (before.to_string(), after.to_string());
        if before == text {
            self.migrated(at);
        } else {
            self.transformed(at, rule, before, text, Afterwards::Value(after.into()));
        }
    }

    /// The same for a list whose order means nothing.
    fn kept_or_set<T: ToString>(
        &mut self,
        at: &Path,
        rule: &'static str,
        before: impl IntoIterator<Item = T>,
        after: &[&str],
    ) {
        let (before, text) = (listed(before), listed(after));
        if before == text {
            self.migrated(at);
        } else {
            self.transformed(at, rule, before, text, set(after.iter().copied()));
        }
    }

    fn dropped(&mut self, at: &Path, why: &'static str, afterwards: Afterwards) {
        self.enter(at, Disposition::Dropped { why }, afterwards);
    }

    /// The same of something that is called otherwise than by its place.
    fn dropped_as(&mut self, at: &Path, called: &Path, why: &'static str, afterwards: Afterwards) {
        self.dropped(called, why, afterwards);
        if let Some(entry) = self.entries.last_mut() {
            entry.place = Some(at.to_string());
        }
    }

    fn manual(&mut self, at: &Path, instruction: impl Into<String>) {
        self.enter(at, Disposition::Manual { instruction: instruction.into() }, Afterwards::Free);
    }

    fn defaulted(&mut self, at: &Path, value: impl Into<String>, afterwards: Afterwards) {
        self.enter(at, Disposition::Defaulted { value: value.into() }, afterwards);
    }
}

/// Writes the ledger: export, realm, then the defaults of the target, each in the order of its document.
pub(super) fn of(checked: &Checked, site: &Site) -> Ledger {
    let (mut book, mut realm) = (Book::default(), Book::default());
    rayon::join(|| export::enter(&mut book, checked, site), || realm::enter(&mut realm, checked));
    book.entries.append(&mut realm.entries);
    for (setting, value) in &checked.target.defaulted {
        // The target's own settings stand in no export.
        book.defaulted(&Path::raw(format!("target.{setting}")), value.clone(), Afterwards::Same);
    }
    Ledger { entries: book.entries }
}

/// Texts side by side, for before and after.
fn listed<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// A list whose order means nothing, as an export of the target is compared with it.
fn set<T: Into<Value> + Ord>(values: impl IntoIterator<Item = T>) -> Afterwards {
    let sorted: std::collections::BTreeSet<T> = values.into_iter().collect();
    Afterwards::Value(sorted.into_iter().map(Into::into).collect())
}
