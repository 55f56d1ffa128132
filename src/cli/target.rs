//! `stufpack target init`: a target to begin with.

use super::{Outcome, output};
use crate::model::placeholder;
use clap::{Args, Subcommand, ValueEnum};

/// Commands about targets.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Prints a commented target: what every target needs, with examples to replace, and every further setting as a comment
    Init(Init),
}

/// Where the target runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    /// An existing machine over SSH
    #[default]
    Host,
}

/// Prints a target.
#[derive(Debug, Args)]
pub struct Init {
    /// Where it will run
    #[arg(long, value_enum, default_value_t)]
    provider: ProviderName,
}

impl Target {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let Self::Init(init) = self;
        output::write(&placeholder::fill(match init.provider {
            ProviderName::Host => include_str!("target/host.yaml"),
        }))
    }
}
