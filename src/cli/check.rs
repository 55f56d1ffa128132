//! `stufpack check`: every finding, nothing written.

use super::{Outcome, OutputFormat, exit::Failure, output, report};
use crate::model::Severity;
use crate::{check, read};
use clap::Args;
use std::path::PathBuf;

/// Shows every finding of an export and a target.
#[derive(Debug, Args)]
pub struct Check {
    /// Export: a folder, a zip of one, a single document, or `-` for standard input
    export: PathBuf,
    /// Target document
    #[arg(long, value_name = "TARGET")]
    target: Option<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

impl Check {
    /// Runs the command.
    pub fn run(&self, repeat: &str) -> Outcome {
        let source = read::source(&self.export, self.target.as_deref()).map_err(Failure::from)?;
        let findings = check::findings(&source);
        if findings.iter().any(|finding| finding.severity != Severity::Warning) {
            return Err(Failure::Findings(findings));
        }
        match self.format {
            OutputFormat::Json => output::json(&report::FindingsReport::new(&findings)),
            OutputFormat::Text => {
                output::complain(&report::findings(&findings, repeat, output::colour()));
                output::write(if findings.is_empty() { "No findings.\n" } else { "Usable, with warnings.\n" })
            }
        }
    }
}
