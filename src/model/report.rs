//! The validation report that a phase which checks leaves behind; the package's controller writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a check, and of a report as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It is as it has to be.
    Pass,
    /// It is not as good as it should be, and bears going on; an approval has to accept it by the check's `id`.
    Warn,
    /// Nothing was looked at.
    NotRun,
    /// It could not be looked at.
    Unverifiable,
    /// It is not as it has to be.
    Fail,
}

/// The package whose phase checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedPackage {
    /// Slug of the installation.
    pub slug: String,
    /// Its environment.
    pub environment: String,
    /// Package number.
    pub number: u64,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, the same in every run.
    pub id: String,
    /// The phase to which it belongs.
    pub phase: String,
    /// The plan's step to which it belongs.
    pub step: String,
    /// What is known of it.
    pub verdict: CheckVerdict,
    /// Whether the report needs it; one that is not needed counts only where it ran.
    pub required: bool,
    /// What had to be seen.
    pub expected: String,
    /// What was seen; null where nothing was.
    pub observed: Option<String>,
    /// Why it did not run, could not be made, or is not as it has to be.
    pub why: Option<String>,
    /// Files that show it, from the package's folder in the state folder.
    pub evidence: Vec<String>,
    /// When it was looked at (RFC 3339, UTC); null where it was not.
    pub ran_at: Option<String>,
}

/// How many checks came to which verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCounts {
    /// Passed.
    pub pass: u64,
    /// Warned of.
    pub warn: u64,
    /// Not run.
    pub not_run: u64,
    /// Could not be verified.
    pub unverifiable: u64,
    /// Failed.
    pub fail: u64,
}

/// `reports/RUN/PHASE.json` in the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationReport {
    /// Version of this document.
    pub v: u32,
    /// Digest of the plan.
    pub plan: String,
    /// The package.
    pub package: CheckedPackage,
    /// The phase.
    pub phase: String,
    /// Number of the run in the journal.
    pub run: u64,
    /// When the run began (RFC 3339, UTC).
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// The worst verdict of the checks, in the order of `counts`; of no check follows `not_run`.
    pub verdict: CheckVerdict,
    /// Everything that was looked at, and what should have been.
    pub checks: Vec<Check>,
    /// How many checks came to which verdict.
    pub counts: CheckCounts,
}

impl ValidationReport {
    /// The published JSON Schema.
    pub fn schema() -> String {
        let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Self)).unwrap_or_default();
        text.push('\n');
        text
    }
}
