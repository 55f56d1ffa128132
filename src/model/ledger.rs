//! What becomes of every exported setting.

use serde::Serialize;

/// What becomes of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "disposition", rename_all = "lowercase")]
pub enum Disposition {
    /// Taken over as it is.
    Migrated,
    /// Taken over, changed by a named rule.
    Transformed {
        /// Name of the rule, such as `redirect-uris-to-domain`.
        rule: &'static str,
        /// What stood in the export (never a secret).
        before: String,
        /// What stands in the package.
        after: String,
    },
    /// Absent from the export; a default takes its place.
    Defaulted {
        /// The value taken.
        value: String,
    },
    /// Left out on purpose.
    Dropped {
        /// Why.
        why: &'static str,
    },
    /// A person has to act.
    Manual {
        /// What to do, as an imperative sentence.
        instruction: String,
    },
}

/// One setting and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Key path in the export or realm, such as `spec.users[u-017].email`.
    pub setting: String,
    /// Whether the entry names a person, and so stands in personal files only.
    pub personal: bool,
    /// What becomes of it.
    #[serde(flatten)]
    pub disposition: Disposition,
}

/// Every exported setting, in the order of the export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The entries.
    pub entries: Vec<Entry>,
}
