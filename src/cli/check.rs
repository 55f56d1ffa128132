//! `stufpack check`: every finding, nothing written.

use super::typed::{Typed, command};
use super::{Outcome, OutputFormat, exit::Failure, output, report};
use crate::model::Severity;
use crate::{check, read};
use clap::Args;
use std::ffi::OsStr;
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
    pub fn run(&self, typed: Typed<'_>) -> Outcome {
        let source = read::source(&self.export, self.target.as_deref()).map_err(Failure::from)?;
        let check::Looked { findings, package } = check::look(&source);
        if findings.iter().any(|finding| finding.severity != Severity::Warning) {
            return Err(Failure::Findings(findings));
        }
        if let Some(package) = &package {
            super::compile::warn_if_expired(package.expires_at)?;
        }
        if self.format == OutputFormat::Json {
            return output::json(&report::FindingsReport::new(&findings));
        }
        output::complain(&report::findings(&findings, typed, output::colour()));
        let state = if findings.is_empty() { "No findings." } else { "Usable, with warnings." };
        let moves = package.map_or_else(String::new, |package| format!("\n  would move  {}", package.moves));
        output::write(&format!("{state}{moves}{}\n", self.next()))
    }

    /// What follows a usable input.
    fn next(&self) -> String {
        let export = self.export.as_os_str();
        match &self.target {
            Some(target) => {
                let words = [OsStr::new("compile"), export, OsStr::new("--target"), target.as_os_str()];
                let more = ["--out", "out", "--sign-key", "KEY"].map(OsStr::new);
                format!("\nnext: {}", command(words.into_iter().chain(more)))
            }
            None => {
                let words = [OsStr::new("check"), export, OsStr::new("--target"), OsStr::new("target.yaml")];
                format!(
                    " No target was looked at.\nnext: {} >target.yaml, edit it, then: {}",
                    command(["target", "init"]),
                    command(words)
                )
            }
        }
    }
}
