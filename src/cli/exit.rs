//! What stopped a command, and the exit code it ends with. This file alone knows numbers.

use super::typed::Typed;
use super::{OutputFormat, output, report, usage};
use crate::model::{Finding, Severity};
use crate::pack::age;
use crate::{compare, open, pack, plan, read, record, render, show};
use std::path::PathBuf;

/// What an exit code means.
pub struct Meaning {
    /// The number.
    pub code: u8,
    /// In a few words, for the help.
    pub brief: &'static str,
    /// In full, for the reference and the man pages.
    pub full: &'static str,
    /// The one command that ends with it, where it is not every command's.
    pub only: Option<&'static str>,
}

const fn meaning(code: u8, brief: &'static str, full: &'static str) -> Meaning {
    Meaning { code, brief, full, only: None }
}

/// Every exit code.
pub const CODES: [Meaning; 9] = [
    meaning(0, "done", "done"),
    meaning(
        1,
        "could not",
        "could not (I/O, tool); also whatever cannot be told, since standard output takes nothing",
    ),
    meaning(2, "usage", "usage"),
    meaning(3, "input invalid", "the input is invalid"),
    meaning(4, "verification failed", "verification failed"),
    meaning(
        5,
        "refused by a gate",
        "refused by a gate (secret found, person named, setting unaccounted for)",
    ),
    Meaning { code: 6, brief: "different", full: "the two differ", only: Some("diff") },
    Meaning {
        code: 7,
        brief: "not all compared",
        full: "nothing differs, and not everything could be compared",
        only: Some("diff"),
    },
    meaning(70, "a defect of stufpack", "a defect of stufpack"),
];

/// The exit codes as the help tells them.
pub fn summary() -> String {
    let told = CODES.iter().map(|meaning| match meaning.only {
        Some(command) => format!("{} {} ({command})", meaning.code, meaning.brief),
        None => format!("{} {}", meaning.code, meaning.brief),
    });
    format!("Exit codes: {}", told.collect::<Vec<_>>().join(" · "))
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is wrong, or a gate refuses it: every finding.
    #[error("the input has {} findings", .0.len())]
    Findings(Vec<Finding>),
    /// The command line lacks something, or says two things that do not go together.
    #[error("{0}")]
    Usage(String),
    /// The input could not be read.
    #[error(transparent)]
    Read(#[from] read::Error),
    /// Settings without an entry in the ledger.
    #[error(transparent)]
    Accounting(#[from] plan::Unaccounted),
    /// Rendering stopped.
    #[error(transparent)]
    Render(#[from] render::Error),
    /// Sealing or writing stopped.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// The package could not be opened, or is not what it says.
    #[error(transparent)]
    Open(#[from] open::Error),
    /// The package is whole, and of another version that writes it in another way.
    #[error(transparent)]
    Show(#[from] show::Error),
    /// The identity that decrypts a package could not be used.
    #[error(transparent)]
    Identity(age::Error),
    /// The glass could not be read or written.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// There is no glass where the package should be recorded.
    #[error("{} is not a glass: {why}; next: {make}", path.display())]
    NoGlass {
        /// Where it was looked for.
        path: PathBuf,
        /// What is missing.
        why: String,
        /// The command that makes one.
        make: String,
    },
    /// Two arguments stand in each other's place.
    #[error("arguments swapped: the glass comes first, then what is recorded or compared")]
    Swapped {
        /// The glass, named second.
        glass: PathBuf,
        /// What should come second.
        package: PathBuf,
    },
    /// The history is not proven; its report stands on standard output.
    #[error("the history is not proven")]
    Unproven,
    /// The inventories of two exports, or the lists of two packages, could not be compared.
    #[error(transparent)]
    Compare(#[from] compare::Error),
    /// Two exports or packages differ; how, stands on standard output.
    #[error("the two differ")]
    Different,
    /// They do not differ in what was compared, which is not everything; what was not, stands on standard output.
    #[error("not everything was compared")]
    NotCompared,
    /// Standard output, or the folder of the man pages, could not be written.
    #[error(
        "{place} could not be written, so what the command tells is lost; what it made or recorded stands; \
         next: repeat the command with an output that has room"
    )]
    Output {
        /// What was written to.
        place: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Accounting(error) => error.into(),
            crate::Error::Render(error) => error.into(),
            crate::Error::Pack(error) => error.into(),
        }
    }
}

impl Failure {
    /// The exit code. A new kind of failure needs a decision here.
    fn code(&self) -> u8 {
        match self {
            Self::Findings(findings) => {
                let refused = findings.iter().any(|finding| finding.severity == Severity::Refused);
                let wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
                if wrong || !refused { 3 } else { 5 }
            }
            Self::Usage(_) | Self::Swapped { .. } => 2,
            Self::Read(
                read::Error::StandardInputTwice
                | read::Error::TargetIsFolder { .. }
                | read::Error::Endless { .. },
            ) => 2,
            Self::Read(_) | Self::Identity(_) | Self::Output { .. } => 1,
            Self::Accounting(_) => 5,
            Self::Render(error) => match error {
                render::Error::Secret(_) | render::Error::Personal(_) => 5,
                render::Error::UnknownFormat { .. } | render::Error::Template { .. } => 70,
                render::Error::Inventory(_) => 1,
            },
            Self::Pack(_) | Self::NoGlass { .. } | Self::Show(_) => 1,
            Self::Open(error) => match error {
                open::Error::Problems(_) => 4,
                open::Error::IdentityNeeded { .. }
                | open::Error::Nameless { .. }
                | open::Error::Endless { .. }
                | open::Error::Elsewhere { .. }
                | open::Error::Glass { .. } => 2,
                open::Error::Read { .. }
                | open::Error::NoSigners { .. }
                | open::Error::Write { .. }
                | open::Error::Exists { .. } => 1,
            },
            Self::Record(error) => recording(error),
            Self::Unproven => 4,
            Self::Compare(_) => 1,
            // Not 1, as `diff` has it: that means here that something could not be done.
            Self::Different => 6,
            // Not 0, which a pipeline takes for a round trip that holds; nor 6, since nothing differs.
            Self::NotCompared => 7,
        }
    }
}

/// The exit code of what stopped a glass from being made, read or written.
fn recording(error: &record::Error) -> u8 {
    use record::Error;
    match error {
        // A gate.
        Error::Secret { .. } | Error::SecretValue { .. } | Error::Refused { .. } => 5,
        // Whom or what not to trust: a history that is not what it says, a key that may not do this.
        Error::Untrusted { .. } | Error::Key(_) | Error::Object { .. } => 4,
        // What was given is not as it must be.
        Error::NoRecipients { .. }
        | Error::Value { .. }
        | Error::Path { .. }
        | Error::Operation { .. }
        | Error::Names { .. }
        | Error::NoPackage { .. }
        | Error::NoOperation { .. } => 3,
        // It does not fit this glass now, or could not be done.
        Error::Sequence(_)
        | Error::Order(_)
        | Error::Ahead { .. }
        | Error::Foreign { .. }
        | Error::NotAGlass { .. }
        | Error::Exists { .. }
        | Error::Pages { .. }
        | Error::Locked { .. }
        | Error::GitLocked { .. }
        | Error::Behind(_)
        | Error::WorkTree { .. }
        | Error::CheckOut { .. }
        | Error::Sign(_)
        | Error::Encrypt(_)
        | Error::Encrypted { .. }
        | Error::Io { .. }
        | Error::Git(_) => 1,
    }
}

/// Ends a command: tells what stopped it, in the format that was asked for; as text where standard output takes nothing.
pub fn finish(outcome: Result<(), Failure>, typed: Typed<'_>, format: OutputFormat) -> u8 {
    let Err(failure) = outcome else { return 0 };
    let code = failure.code();
    match (&failure, format) {
        (Failure::Unproven | Failure::Different | Failure::NotCompared, _) => {}
        (Failure::Output { .. }, _) | (_, OutputFormat::Text) => {
            output::complain(&report::failure(&failure, typed, output::colour()));
        }
        (_, OutputFormat::Json) => {
            let told = output::json(&report::FailureReport::new(&failure, typed, code));
            if told.is_err() {
                return finish(told, typed, format);
            }
        }
    }
    code
}

/// Ends after a command line that could not be understood; help and version are no mistakes.
pub fn misunderstood(error: &clap::Error, typed: Typed<'_>, format: OutputFormat) -> u8 {
    let text = error.render().to_string();
    if !error.use_stderr() {
        return finish(output::write(&text), typed, format);
    }
    let (text, next) = usage::told(error, &text, typed);
    if format == OutputFormat::Text {
        output::complain(&format!("{text}\nnext: {next}\n"));
        return 2;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let message = words.join(" ").trim_start_matches("error: ").to_owned();
    finish(Err(Failure::Usage(format!("{message}; next: {next}"))), typed, format)
}
