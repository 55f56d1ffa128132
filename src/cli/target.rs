//! `stufpack target init`: a target to begin with.

use super::{Outcome, output};
use crate::model::{Provider, Word as _, placeholder};
use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};

/// Commands about targets.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Prints a commented target: what every target needs, with examples to replace, and every further setting as a comment
    Init(Init),
}

/// Where the target runs.
#[derive(Clone, Copy, Debug)]
struct ProviderName(Provider);

impl Default for ProviderName {
    fn default() -> Self {
        Self(Provider::ALL[0])
    }
}

impl ValueEnum for ProviderName {
    fn value_variants<'a>() -> &'a [Self] {
        static NAMES: std::sync::LazyLock<Vec<ProviderName>> =
            std::sync::LazyLock::new(|| Provider::ALL.iter().copied().map(ProviderName).collect());
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let name = self.0.as_str();
        let meanings = Provider::CHOICES.iter().zip(Provider::MEANINGS);
        let meaning = meanings.filter(|(word, _)| **word == name).map(|(_, meaning)| *meaning).next();
        Some(PossibleValue::new(name).help(meaning.unwrap_or_default().trim().trim_end_matches('.')))
    }
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
        output::write(&placeholder::fill(init.provider.0.init()))
    }
}
