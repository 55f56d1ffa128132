//! `stufpack plan`: the migration plan, before anything is signed.

use super::{Outcome, exit::Failure, output};
use crate::{plan, render};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How the plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// The document that people read.
    #[default]
    Markdown,
    /// The same as one page for a browser.
    Html,
    /// By the published schema.
    Json,
}

/// Prints the migration plan.
#[derive(Debug, Args)]
pub struct Plan {
    /// Export: a folder, a zip of one, a single document, or `-` for standard input
    export: PathBuf,
    /// Target document
    #[arg(long, value_name = "TARGET")]
    target: PathBuf,
    /// Markdown for people, HTML for a browser, JSON by the published schema
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
}

impl Plan {
    /// In which format a failure is told.
    pub fn failure_format(&self) -> super::OutputFormat {
        match self.format {
            PlanFormat::Markdown | PlanFormat::Html => super::OutputFormat::Text,
            PlanFormat::Json => super::OutputFormat::Json,
        }
    }

    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let checked = super::compile::checked(&self.export, &self.target)?;
        let plan = plan::compile(&checked, &plan::Numbering { package: 1 });
        let path = match self.format {
            PlanFormat::Markdown => "MIGRATION-PLAN.md",
            PlanFormat::Html => "MIGRATION-PLAN.html",
            PlanFormat::Json => "MIGRATION-PLAN.json",
        };
        let files = render::files(&plan, &checked).map_err(Failure::Render)?;
        let bytes = files.get(path).map(|file| file.bytes.as_ref()).unwrap_or_default();
        output::write(&String::from_utf8_lossy(bytes))
    }
}
