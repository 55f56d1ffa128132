//! `stufpack kit`: what the operator installs on the hosted side.

use super::report::path;
use super::{Outcome, OutputFormat, output};
use crate::pack::{Kit as Sealed, Signer};
use crate::render;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// Commands about what the operator installs.
#[derive(Debug, Subcommand)]
pub enum Kit {
    /// Writes the signed kit that the operator installs once on the hosted side: exports, credentials, freezing, redirecting
    Source(Source),
}

/// Writes the source kit.
#[derive(Debug, Args)]
pub struct Source {
    /// Folder for the kit and VERIFY.txt; appears whole or not at all
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// OpenSSH private key that signs; its comment names the issuer, such as `issuer/acme`
    #[arg(long, value_name = "KEY", env = "STUFPACK_SIGN_KEY", hide_env_values = true)]
    sign_key: PathBuf,
    /// Overwrite what stands in DIR under the same names
    #[arg(long)]
    force: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    kit: String,
    verify_text: String,
    kit_sha256: String,
    files: usize,
    unchanged: bool,
}

impl Kit {
    /// Where it writes.
    pub fn places(&self) -> Vec<PathBuf> {
        let Self::Source(source) = self;
        vec![super::parent(&source.out), source.out.clone()]
    }

    /// How a failure is told.
    pub fn format(&self) -> OutputFormat {
        let Self::Source(source) = self;
        source.format
    }

    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let Self::Source(source) = self;
        source.run()
    }
}

impl Source {
    fn run(&self) -> Outcome {
        let signer = Signer::from_file(&self.sign_key)?;
        let kit = Sealed::seal(render::source_kit(), &signer)?;
        let written = kit.write(&signer, &self.out, self.force)?;
        let report = Report {
            schema: 1,
            kit: written.package.display().to_string(),
            verify_text: written.verify_text.display().to_string(),
            kit_sha256: kit.sha256().to_string(),
            files: kit.files().len(),
            unchanged: written.unchanged,
        };
        if self.format == OutputFormat::Json {
            return output::json(&report);
        }
        let state = if report.unchanged { "unchanged: the same bytes stood there" } else { "written" };
        output::write(&format!(
            "{} ({state})\n  Kit-SHA256  {}\nnext: verify it on the hosted side as {} says, which comes there by another way\n",
            path(&written.package),
            report.kit_sha256,
            path(&written.verify_text)
        ))
    }
}
