//! What a comparison comes to; the JSON of `stufpack diff` is this, by `schemas/diff.json`.

use super::Side;
use super::facts::{Class, Value};
use crate::model::{Afterwards, Disposition, Entry, LeftOutStep};
use crate::open::Standing;
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the JSON.
pub(super) const SCHEMA: u32 = 1;

/// What the programs that make exports do not read of a realm (docs/decisions/export.md).
const NOT_READ: [(&str, &str); 5] = [
    ("authenticationFlows", "realm.authenticationFlows"),
    ("clientPolicies", "realm.clientPolicies"),
    ("components", "realm.components"),
    ("defaultDefaultClientScopes", "realm.defaultDefaultClientScopes"),
    ("scopeMappings", "realm.scopeMappings"),
];

/// What two exports, or two packages, have and have not in common.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// Version of this shape.
    pub schema: u32,
    /// What was compared.
    pub compared: Compared,
    /// The old one.
    pub old: Which,
    /// The new one.
    pub new: Which,
    /// Whether the new export was held against the ledger of the old one's migration.
    pub migrated: bool,
    /// Whether everything was compared, and there is no difference, or none that the ledger does not explain.
    pub equal: bool,
    /// Number of differences of each class; objects that are counted and not listed are among them.
    pub counts: Counts,
    /// Of packages: the files that are the same in every package of one version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Every difference, the most serious first; with a ledger, those that it does not explain.
    pub differences: Vec<Difference>,
    /// The objects of both inventories; of packages, where their lists of objects are not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Objects>,
    /// Parts that neither export, or neither package, has, so that nothing can be said of them: of packages what their targets
    /// alone say, where these are not the same.
    pub not_compared: Vec<&'static str>,
    /// Parts of a realm that no export has which STUF's own programs make, and neither of the two: they may differ. Of packages
    /// none.
    pub not_read: Vec<&'static str>,
    /// What may differ between two exports or packages that say the same, and counts for nothing.
    pub not_counted: Vec<NotCounted>,
    /// Of packages: files of other bytes of which not everything was compared, such as documents. They are rendered from what is
    /// told above, and their signer may have written anything else into them.
    pub documents: Vec<String>,
    /// With a ledger: what it explains.
    pub explained: Vec<Explained>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compared {
    /// Two exports.
    Exports,
    /// Two packages, both verified.
    Packages,
}

impl Compared {
    /// One of them.
    pub fn one(self) -> &'static str {
        match self {
            Self::Exports => "export",
            Self::Packages => "package",
        }
    }
}

/// One of the two.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Which {
    /// As it was named on the command line.
    pub name: String,
    /// When the export was made, which a package was made from.
    pub exported_at: String,
    /// What made it: of an export its exporter, of a package this program.
    pub made_by: String,
    /// The installation that it is of.
    pub installation: String,
    /// Which package it is, and who signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Signed>,
}

/// A verified package.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Signed {
    /// Its own name.
    pub name: String,
    /// SHA-256 of its `SHA256SUMS`.
    pub sha256: String,
    /// Who signed it, as the signers file names them.
    pub principal: String,
    /// `SHA256:…` of the key.
    pub fingerprint: String,
    /// Whether it has expired.
    pub standing: Standing,
}

/// The code of two packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Code {
    /// Whether it is the same in both.
    pub equal: bool,
    /// Its digest in the old package.
    pub old: String,
    /// Its digest in the new package.
    pub new: String,
    /// The files that differ.
    pub files: Vec<CodeFile>,
}

/// A file of the code that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CodeFile {
    /// Its path in the package.
    pub path: String,
    /// What became of it.
    pub change: Change,
}

/// How many differences there are, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    identity: u64,
    data: u64,
    exposure: u64,
    configuration: u64,
    cosmetic: u64,
}

impl Counts {
    /// Differences of a class.
    pub fn of(mut self, class: Class) -> u64 {
        *self.place(class)
    }

    /// All differences.
    pub fn all(self) -> u64 {
        Class::ALL.iter().map(|class| self.of(*class)).sum()
    }

    pub(super) fn add(&mut self, class: Class) {
        *self.place(class) += 1;
    }

    fn place(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Identity => &mut self.identity,
            Class::Data => &mut self.data,
            Class::Exposure => &mut self.exposure,
            Class::Configuration => &mut self.configuration,
            Class::Cosmetic => &mut self.cosmetic,
        }
    }
}

/// Something that the two do not both say.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// Key path in the words of the ledger, by the old one where the two name a thing differently; of a package the file
    /// before it.
    pub path: String,
    /// What it touches.
    pub class: Class,
    /// What became of it.
    pub change: Change,
    /// Whether it names a person.
    pub personal: bool,
    /// What the old one says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What the new one says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// What the ledger promised instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised: Option<Promise>,
    /// Further places of a package that hold the same value.
    pub also: Vec<String>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The new one alone says it.
    Added,
    /// The old one alone says it.
    Removed,
    /// Both say something else.
    Changed,
    /// Both say the same, and the ledger promised a change.
    Unchanged,
}

impl Change {
    pub(super) fn of(before: bool, after: bool, same: bool) -> Self {
        match (before, after) {
            _ if same => Self::Unchanged,
            (true, false) => Self::Removed,
            (false, true) => Self::Added,
            _ => Self::Changed,
        }
    }
}

/// What the ledger says of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "disposition", rename_all = "lowercase")]
pub enum Why {
    /// Changed by a rule.
    Transformed {
        /// Its name.
        rule: &'static str,
    },
    /// Absent from the old export; a default takes its place.
    Defaulted,
    /// Left out.
    Dropped {
        /// Why.
        why: &'static str,
    },
    /// A person acts.
    Manual,
    /// Taken over.
    Migrated,
}

impl Why {
    pub(super) fn of(entry: &Entry) -> Self {
        match &entry.disposition {
            Disposition::Migrated => Self::Migrated,
            Disposition::Transformed { rule, .. } => Self::Transformed { rule },
            Disposition::Defaulted { .. } => Self::Defaulted,
            Disposition::Dropped { why } => Self::Dropped { why },
            Disposition::Manual { .. } => Self::Manual,
        }
    }

    /// The same in a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Migrated => "migrated".to_owned(),
            Self::Transformed { rule } => format!("transformed by {rule}"),
            Self::Defaulted => "defaulted".to_owned(),
            Self::Dropped { why } => format!("dropped: {why}"),
            Self::Manual => "by hand".to_owned(),
        }
    }
}

/// What the ledger promises of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Promise {
    /// What the ledger says.
    #[serde(flatten)]
    pub why: Why,
    /// What has to stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Afterwards>,
}

/// A difference that the ledger explains.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Explained {
    /// Key path; for objects, the ledger's own setting.
    pub setting: String,
    /// How many differences it stands for.
    pub count: u64,
    /// What the ledger says.
    #[serde(flatten)]
    pub why: Why,
    /// What the old one says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What the new one says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// The objects of two inventories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Objects {
    /// Objects of the old export.
    pub old: u64,
    /// Objects of the new export.
    pub new: u64,
    /// Keys that the new export alone has.
    pub added: u64,
    /// Keys that the old export alone has.
    pub removed: u64,
    /// Objects of which size, digest, content type or metadata differ.
    pub changed: u64,
    /// Objects that differ in their time of change alone.
    pub touched: u64,
    /// Objects of one size of which one export or both have no digest: their bytes were not compared.
    pub without_digest: u64,
    /// Differences of objects that are counted and not listed.
    pub not_listed: u64,
}

impl Objects {
    /// Whether any object differs.
    pub(super) fn differ(&self) -> bool {
        self.added + self.removed + self.changed + self.touched > 0
    }
}

/// What may differ between two exports or packages that say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotCounted {
    /// Key path.
    pub path: String,
    /// Why it says nothing.
    pub why: &'static str,
}

impl Comparison {
    pub(super) fn between(old: &Side<'_>, new: &Side<'_>, migrated: bool) -> Self {
        let which = |side: &Side<'_>| Which {
            name: side.name.to_owned(),
            exported_at: side.export.exported_at.to_string(),
            made_by: side.export.exporter.to_string(),
            installation: side.export.installation.to_string(),
            package: None,
        };
        let differ = [
            (
                "metadata.exportedAt",
                "every export has its own time",
                old.export.exported_at != new.export.exported_at,
            ),
            (
                "metadata.exporter",
                "it names the tool that made the export",
                old.export.exporter != new.export.exporter,
            ),
            ("spec.salt", "every export has random bytes of its own", old.export.salt != new.export.salt),
        ];
        let differ = differ.into_iter().filter(|(_, _, differs)| *differs);
        let without = [
            ("realm.json", old.realm.is_none() || new.realm.is_none()),
            ("inventory", lacks_inventory(old) && lacks_inventory(new)),
        ];
        Self {
            schema: SCHEMA,
            compared: Compared::Exports,
            old: which(old),
            new: which(new),
            migrated,
            equal: true,
            counts: Counts::default(),
            code: None,
            differences: Vec::new(),
            objects: None,
            not_compared: without.into_iter().filter(|(_, lacks)| *lacks).map(|(part, _)| part).collect(),
            not_read: not_read(old, new),
            not_counted: differ.map(|(path, why, _)| NotCounted { path: path.to_owned(), why }).collect(),
            documents: Vec::new(),
            explained: Vec::new(),
        }
    }

    /// Counts and sorts.
    pub(super) fn finish(&mut self) {
        self.differences.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| a.path.cmp(&b.path)));
        self.explained.sort_by(|a, b| a.setting.cmp(&b.setting));
        for difference in &self.differences {
            self.counts.add(difference.class);
        }
        self.equal = self.counts.all() == 0 && self.is_whole();
    }

    /// Whether nothing was left out: neither a part that neither of the two has, nor the bytes of an object without digest, nor a
    /// document of other bytes.
    pub fn is_whole(&self) -> bool {
        let without = self.objects.as_ref().map_or(0, |objects| objects.without_digest);
        self.not_compared.is_empty() && self.documents.is_empty() && without == 0
    }
}

/// Parts that both realms lack because nobody asked for them; a file of Keycloak's own export has them.
fn not_read(old: &Side<'_>, new: &Side<'_>) -> Vec<&'static str> {
    if old.realm.is_none() || new.realm.is_none() {
        return Vec::new();
    }
    let parts = || old.left_out.iter().chain(new.left_out);
    let has = |key: &str| parts().any(|part| part.steps == [LeftOutStep::Key(key.to_owned())]);
    NOT_READ.iter().filter(|(key, _)| !has(key)).map(|(_, path)| *path).collect()
}

fn lacks_inventory(side: &Side<'_>) -> bool {
    side.inventory.is_none() && side.export.content.objects > 0
}

/// The published schema of the JSON.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Comparison);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
