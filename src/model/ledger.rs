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

/// What an export of the finished target holds at a setting: what the ledger promises, for a program to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Afterwards {
    /// What this export holds.
    #[default]
    Same,
    /// This value, as JSON; lists whose order means nothing are sorted.
    Value(serde_json::Value),
    /// Nothing.
    Absent,
    /// The name of an encryption that is in force; the machine knows which.
    Encrypted,
    /// Whatever stands there: people, Keycloak or the store decide, and nothing is promised.
    Free,
}

impl Afterwards {
    /// Whether nothing changes, which need not be written down.
    pub fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

/// One setting and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Key path in the export or realm, such as `spec.users[u-017].email`.
    pub setting: String,
    /// Where it stands in the realm's file, such as `realm.clients[1].secret`, where the setting is called by names.
    #[serde(skip)]
    pub place: Option<String>,
    /// Whether the entry names a person, and so stands in personal files only.
    pub personal: bool,
    /// What becomes of it.
    #[serde(flatten)]
    pub disposition: Disposition,
    /// What an export of the finished target holds there.
    #[serde(skip_serializing_if = "Afterwards::is_same")]
    pub afterwards: Afterwards,
}

/// Every exported setting, in the order of the export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The entries.
    pub entries: Vec<Entry>,
}
