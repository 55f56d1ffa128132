//! What is wrong with an input.

use super::Location;
use super::codes::CodeInfo;
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
    /// No single value: what it is instead, such as `a list`.
    Shape(&'static str),
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
    /// The source line up to the end of what was found, where it may be shown.
    pub line: Option<String>,
    /// One sentence that says what is wrong, without any value that could be secret.
    pub message: String,
    /// What stands there.
    pub found: Shown,
    /// What would have been right, as a noun phrase.
    pub expected: String,
    /// What to do next; the command line to repeat is added by the report.
    pub next: String,
    /// What to name on the command line instead, where another file was meant than the one that was named.
    #[serde(skip)]
    pub instead: Option<Instead>,
}

/// A word of the command line, and what to type in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// The option that it is the value of, such as `--target`; nothing for what stands by itself.
    pub option: Option<&'static str>,
    /// The word as it was typed.
    pub named: String,
    /// The word to type; in capitals where only its owner knows it.
    pub meant: String,
}

impl Finding {
    /// A finding of a documented code, which brings its weight and what to do next.
    pub fn of(info: &'static CodeInfo, at: Location, message: impl Into<String>) -> Self {
        Self {
            code: info.code,
            severity: info.severity,
            at,
            line: None,
            message: message.into(),
            found: Shown::Absent,
            expected: String::new(),
            next: info.fix.to_owned(),
            instead: None,
        }
    }

    /// The same finding, with what stands there.
    pub fn found(mut self, found: Shown) -> Self {
        self.found = found;
        self
    }

    /// The same finding, with something more exact to do.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// The same finding, with what to name on the command line.
    pub fn instead(mut self, instead: Instead) -> Self {
        self.instead = Some(instead);
        self
    }

    /// The same finding, with what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }
}
