//! `stufpack unpack`: verifies first, then writes into a new folder.

use super::report::path;
use super::verify::Trusting;
use super::{Outcome, OutputFormat, output};
use crate::open;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Verifies a package, then unpacks it.
#[derive(Debug, Args)]
pub struct Unpack {
    #[command(flatten)]
    trusting: Trusting,
    /// Folder to write; must not be there yet, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    folder: String,
    package_sha256: String,
    files: usize,
}

impl Unpack {
    /// Where it writes.
    pub fn places(&self) -> Vec<PathBuf> {
        vec![super::parent(&self.folder)]
    }

    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let verified = self.trusting.verified()?;
        open::unpack(&verified, &self.folder)?;
        self.trusting.warn_if_expired(&verified);
        let report = Report {
            schema: 1,
            folder: self.folder.display().to_string(),
            package_sha256: verified.package.sha256().to_string(),
            files: verified.package.files().len(),
        };
        if self.format == OutputFormat::Json {
            return output::json(&report);
        }
        output::write(&format!(
            "Verified and unpacked: {} files in {}\nnext: read {}\n",
            report.files,
            path(&self.folder),
            path(&self.folder.join("README.md")),
        ))
    }
}
