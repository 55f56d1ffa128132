//! `stufpack schema`: the published JSON Schemas.

use super::{Outcome, output};
use clap::{Args, ValueEnum};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Document {
    /// `kind: StufExport`
    Export,
    /// `kind: StufTarget`
    Target,
    /// `manifest.json`
    Manifest,
    /// `MIGRATION-PLAN.json`
    Plan,
    /// `operation.json` in the glass
    Operation,
    /// `stufpack diff --format json`
    Diff,
    /// `stufpack inspect --format json`
    Inspect,
    /// the validation report of a phase that checks
    Report,
}

/// Prints a published JSON Schema.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which document
    document: Document,
}

impl Schema {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        output::write(match self.document {
            Document::Export => include_str!("../../schemas/export.json"),
            Document::Target => include_str!("../../schemas/target.json"),
            Document::Manifest => include_str!("../../schemas/manifest.json"),
            Document::Plan => include_str!("../../schemas/plan.json"),
            Document::Operation => include_str!("../../schemas/operation.json"),
            Document::Diff => include_str!("../../schemas/diff.json"),
            Document::Inspect => include_str!("../../schemas/inspect.json"),
            Document::Report => include_str!("../../schemas/report.json"),
        })
    }
}
