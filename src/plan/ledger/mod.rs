//! What becomes of every exported setting.
//!
//! The typed export is taken apart field by field without `..`, so that a new field without a decision does not compile.

mod accounting;
mod export;
mod path;
mod realm;

pub use accounting::{Unaccounted, accounting};
pub use realm::{REALM_FIXED, REALM_SETTINGS};

use crate::model::{Checked, Disposition, Entry, Ledger};
use path::Path;

/// The ledger while it is being written.
#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
}

impl Book {
    fn enter(&mut self, at: &Path, disposition: Disposition) {
        self.entries.push(Entry { setting: at.to_string(), personal: at.personal, disposition });
    }

    fn migrated(&mut self, at: &Path) {
        self.enter(at, Disposition::Migrated);
    }

    fn transformed(&mut self, at: &Path, rule: &'static str, before: impl ToString, after: impl ToString) {
        self.enter(
            at,
            Disposition::Transformed { rule, before: before.to_string(), after: after.to_string() },
        );
    }

    /// Transformed where `before` and `after` differ, else migrated.
    fn kept_or(&mut self, at: &Path, rule: &'static str, before: impl ToString, after: impl ToString) {
        let (before, after) = (before.to_string(), after.to_string());
        if before == after {
            self.migrated(at);
        } else {
            self.transformed(at, rule, before, after);
        }
    }

    fn dropped(&mut self, at: &Path, why: &'static str) {
        self.enter(at, Disposition::Dropped { why });
    }

    fn manual(&mut self, at: &Path, instruction: impl Into<String>) {
        self.enter(at, Disposition::Manual { instruction: instruction.into() });
    }

    fn defaulted(&mut self, at: &Path, value: impl Into<String>) {
        self.enter(at, Disposition::Defaulted { value: value.into() });
    }
}

/// Writes the ledger: export, realm, then the defaults of the target, each in the order of its document.
pub(super) fn of(checked: &Checked) -> Ledger {
    let mut book = Book::default();
    export::enter(&mut book, checked);
    realm::enter(&mut book, checked);
    for (setting, value) in &checked.target.defaulted {
        book.defaulted(&Path::raw(format!("target.{setting}")), value.clone());
    }
    Ledger { entries: book.entries }
}

/// Texts side by side, for before and after.
fn listed<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}
