//! Phases and steps: what happens in a migration, in order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `phase/verb-object`, such as `cutover/freeze-source`: heading anchor, Ansible tag and progress key.
pub type StepId = &'static str;

/// The machine on which a step acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The installation that is left.
    Source,
    /// The machine that is moved to.
    Target,
    /// The machine on which `./migrate` runs.
    Controller,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// `./migrate`, started by the Trust Architect.
    Automation,
    /// The Trust Architect, by hand.
    TrustArchitect,
    /// The operator of the hosted service, by hand.
    Operator,
}

/// What must hold before a step begins, and the command that shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Precondition {
    /// What must hold.
    pub text: String,
    /// The command that shows it; absent where only a `./migrate` that this package lacks would.
    pub command: Option<String>,
}

/// How one knows that a step worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Proof {
    /// What must be seen.
    pub text: String,
    /// The command that shows it; absent where only a `./migrate` that this package lacks would.
    pub command: Option<String>,
}

/// The way back from one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Another step takes it back.
    Step {
        /// That step.
        step: String,
        /// What it leaves behind, in a few words.
        text: String,
        /// How long it takes.
        seconds: u64,
    },
    /// Nothing needs to be taken back, or nothing can: why.
    None {
        /// The reason.
        why: String,
    },
}

/// What there is instead of a step that this package does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// A person can do it.
    ByHand {
        /// What to do.
        text: String,
        /// What to type for it, where there is something.
        command: Option<String>,
    },
    /// Nobody can with this package.
    NotHere {
        /// What that means.
        means: String,
    },
}

/// How long something takes, and where the figure comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Estimate {
    /// Seconds.
    pub seconds: u64,
    /// The formula in words.
    pub formula: String,
    /// The formula in numbers.
    pub figures: String,
}

impl Estimate {
    /// A duration that does not depend on the tenant's figures.
    pub fn fixed(seconds: u64, why: &str) -> Self {
        Self { seconds, formula: why.to_owned(), figures: format!("{seconds} s") }
    }

    /// A base and a number of equal things.
    pub fn each(base: u64, count: u64, milliseconds: u64, what: &str) -> Self {
        let seconds = base + count.saturating_mul(milliseconds).div_ceil(1000);
        Self {
            seconds,
            formula: format!("base + {what} × time for each"),
            figures: format!("{base} s + {count} × {milliseconds} ms = {seconds} s"),
        }
    }
}

/// A step after which something is different for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// From here on users notice.
    UserImpact,
    /// From here on the target holds what the source does not.
    HandOver,
    /// From here on there is no way back but a new migration.
    NoReturn,
}

/// A stretch of a percent scale, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Share {
    /// Where the scale stands when the step begins.
    pub from: u32,
    /// Where it stands when the step is done.
    pub to: u32,
}

/// The place of a step on the scale of the cutover (preparation 0 to cleanup 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scale {
    /// The part of the cutover, such as `maintenance`.
    pub part: &'static str,
    /// Its stretch, in thousandths.
    #[serde(flatten)]
    pub share: Share,
}

/// A step as its author writes it; what can be computed is added by `phases::assemble`.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub id: StepId,
    pub title: &'static str,
    pub side: Side,
    pub actor: Actor,
    pub what: String,
    /// `None`: the command of the phase.
    pub command: Option<String>,
    pub before: Precondition,
    pub proof: Proof,
    pub abort_when: String,
    pub undo: Undo,
    pub estimate: Estimate,
    pub mark: Option<Mark>,
}

/// One thing that happens in a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// `phase/verb-object`.
    pub id: StepId,
    /// An imperative sentence without the tenant's values.
    pub title: &'static str,
    /// Where it acts.
    pub side: Side,
    /// Who acts.
    pub actor: Actor,
    /// Whether the package holds its automation.
    pub automated: bool,
    /// What happens, and why.
    pub what: String,
    /// Exactly what to type; absent where this package does not run the step.
    pub command: Option<String>,
    /// What there is instead, exactly where this package does not run the step.
    pub instead: Option<Instead>,
    /// The option without which the step is skipped, where there is one.
    pub only_with: Option<&'static str>,
    /// What must hold before.
    pub precondition: Precondition,
    /// How one knows that it worked.
    pub proof: Proof,
    /// When to stop here.
    pub abort_when: String,
    /// The way back.
    pub undo: Undo,
    /// How long it takes.
    pub estimate: Estimate,
    /// Its stretch of what this package runs forward, by planned time, in thousandths; absent where the package runs no
    /// such phase. Of a package that runs every phase it is the stretch of the whole migration.
    pub share: Option<Share>,
    /// Its stretch of the cutover's scale.
    pub scale: Option<Scale>,
    /// What changes for people here.
    pub mark: Option<Mark>,
}

/// Where a phase stands in a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the main line, from preflight to finalize.
    Forward,
    /// A way back.
    Back,
    /// At any time beside it.
    Beside,
}

/// An ordered group of steps that one call of `./migrate` runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Phase {
    /// Its name on the command line.
    pub id: &'static str,
    /// An imperative sentence.
    pub title: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether the package holds the automation of every step that no person does.
    pub automated: bool,
    /// What to type.
    pub command: &'static str,
    /// The phases that have to have come to their end before, since this one builds on them.
    pub after: &'static [&'static str],
    /// The approval without which it does not begin.
    pub gate: Option<&'static str>,
    /// What it is for.
    pub purpose: &'static str,
    /// What it means that this package does not run it, exactly where it does not.
    pub instead: Option<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

impl Phase {
    /// Planned working time.
    pub fn seconds(&self) -> u64 {
        self.steps.iter().map(|step| step.estimate.seconds).sum()
    }
}
