//! What is wrong with an input.

use super::Location;
use serde::Serialize;

/// Stable, documented name of a kind of finding, such as `target.domain.scheme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input cannot be used: exit 3.
    Error,
    /// A gate refuses what the input would lead to (secret found, setting unaccounted for): exit 5.
    Refused,
    /// Usable; a person should look.
    Warning,
}

/// What stands at the place of a finding, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// The text as it stands, control characters escaped when printed.
    Text(String),
    /// It could be a secret: only its kind and length are told, and no source line is printed.
    Hidden {
        /// What it is, such as `private key` or `text`.
        kind: &'static str,
        /// Length in characters.
        length: usize,
    },
    /// Nothing stands there.
    Absent,
}

/// Something wrong in an input, where it stands, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable and documented, such as `target.domain.scheme`.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// File, line, column and key path.
    pub at: Location,
    /// One sentence that says what is wrong, without any value that could be secret.
    pub message: String,
    /// What stands there.
    pub found: Shown,
    /// What would have been right, as a noun phrase.
    pub expected: String,
    /// What to do next; the command line to repeat is added by the report.
    pub next: String,
}
