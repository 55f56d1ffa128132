//! Words that every step shares: plain data, no I/O.

mod certificate;
pub mod codes;
mod document;
mod export;
mod files;
mod finding;
mod invisible;
pub mod leak;
mod ledger;
mod location;
pub mod memory;
pub mod placeholder;
mod quantities;
mod realm;
pub mod record;
mod report;
mod reserved;
pub mod secret;
pub mod shell;
mod target;
pub mod tree;
pub mod walk;
mod words;

pub(crate) use certificate::is_certificate;
pub use document::{
    Checked, CheckedExport, ContentSummary, KeyProblem, Leaves, LeftOut, LeftOutStep, Source,
};
pub use export::*;
pub use files::{File, Files, Kind};
pub use finding::{Code, Finding, Instead, Severity, Shown};
pub use invisible::is_invisible;
pub use ledger::{Afterwards, Disposition, Entry, Ledger};
pub use location::Location;
pub use quantities::*;
pub use realm::*;
pub use report::{Check, CheckCounts, CheckVerdict, CheckedPackage, ValidationReport};
pub use reserved::{VALIDATION, is_validation_user, reserved};
pub use secret::Secret;
pub use target::*;
pub use words::*;
pub(crate) use words::{choice, read_as_word, word};

pub use crate::provider::{Place, Provider};
