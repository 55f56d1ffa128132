//! What a package will do, read back from its `MIGRATION-PLAN.json`.
//!
//! What is written there beyond this (texts, formulas, the timetable's rows) stands in the plan itself.

use crate::plan::{Actor, Counts, FirstScreen, Mark, Place, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parts of the plan that are shown.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub plan: Identity,
    pub first_screen: FirstScreen,
    pub phases: Vec<PlannedPhase>,
    pub not_needed: Vec<NotNeeded>,
    pub timetable: Timetable,
    pub gates: Vec<Gate>,
    pub thresholds: Thresholds,
    pub content: PlannedContent,
    pub ledger: Counts,
}

/// Which migration it is, beyond what the manifest says.
#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    pub domain: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedPhase {
    id: String,
    title: String,
    place: Place,
    automated: bool,
    command: String,
    after: Vec<String>,
    gate: Option<String>,
    steps: Vec<PlannedStep>,
}

#[derive(Debug, Deserialize)]
struct PlannedStep {
    id: String,
    title: String,
    side: Side,
    actor: Actor,
    automated: bool,
    only_with: Option<String>,
    estimate: Estimate,
    mark: Option<Mark>,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    seconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Timetable {
    cutover_seconds: u64,
    rollback_seconds: u64,
    window: Option<String>,
    window_seconds: Option<u64>,
    turn_back_by: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Thresholds {
    watch_seconds: u64,
    grace_seconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedContent {
    pub objects: u64,
    pub bytes: u64,
    pub batches: Vec<Batch>,
}

/// One list of objects that are copied together; their number is enough here.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {}

/// What one call of `./migrate` runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Phase {
    /// Its name on the command line.
    pub id: String,
    /// An imperative sentence.
    pub title: String,
    /// On the main line, a way back, or beside both.
    pub place: Place,
    /// Whether this package runs it.
    pub automated: bool,
    /// What to type.
    pub command: String,
    /// The phases that have to have come to their end before.
    pub after: Vec<String>,
    /// The approval without which it does not begin.
    pub gate: Option<String>,
    /// Planned working time.
    pub seconds: u64,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// `phase/verb-object`.
    pub id: String,
    /// An imperative sentence.
    pub title: String,
    /// Where it acts.
    pub side: Side,
    /// Who acts.
    pub actor: Actor,
    /// Whether this package runs it.
    pub automated: bool,
    /// The option without which it is skipped.
    pub only_with: Option<String>,
    /// Planned working time.
    pub seconds: u64,
    /// What changes for people here.
    pub mark: Option<Mark>,
}

/// A phase that this target does not need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotNeeded {
    /// Its name.
    pub id: String,
    /// Why there is nothing to do.
    pub why: String,
}

/// A decision that a person writes down before a phase begins, or in the midst of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Name of the gate file.
    pub id: String,
    /// What to type.
    pub command: String,
    /// The phase that waits for it.
    pub phase: String,
    /// The step of that phase that waits, where the steps before it show what is approved; else the whole phase does.
    pub before: Option<String>,
    /// Whether this package runs that phase.
    pub automated: bool,
    /// What the person who approves has looked at.
    pub decides: String,
}

/// What the migration costs in time, and until when one can turn back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Time {
    /// Planned working time from preflight to the end of the cutover.
    pub working_seconds: u64,
    /// The part of it that copies content.
    pub copy_seconds: u64,
    /// How long users cannot upload.
    pub without_uploads_seconds: u64,
    /// The cutover.
    pub cutover_seconds: u64,
    /// A rollback.
    pub rollback_seconds: u64,
    /// How long the target is watched.
    pub watch_seconds: u64,
    /// How long the source is kept after that.
    pub grace_seconds: u64,
    /// Day and time at which the longest cutover window opens, UTC.
    pub window: Option<String>,
    /// Its length.
    pub window_seconds: Option<u64>,
    /// Seconds after the window opens: whoever turns back later, ends after the window.
    pub turn_back_by: Option<u64>,
    /// From this step on users notice.
    pub user_impact: Option<String>,
    /// Until this step turning back loses nothing and needs no data sync.
    pub hand_over: Option<String>,
    /// From this step on there is no way back.
    pub no_return: Option<String>,
}

impl From<PlannedPhase> for Phase {
    fn from(phase: PlannedPhase) -> Self {
        let PlannedPhase { id, title, place, automated, command, after, gate, steps } = phase;
        let steps: Vec<Step> = steps.into_iter().map(Step::from).collect();
        let seconds = steps.iter().fold(0_u64, |all, step| all.saturating_add(step.seconds));
        Self { id, title, place, automated, command, after, gate, seconds, steps }
    }
}

impl From<PlannedStep> for Step {
    fn from(step: PlannedStep) -> Self {
        let PlannedStep { id, title, side, actor, automated, only_with, estimate, mark } = step;
        Self { id, title, side, actor, automated, only_with, seconds: estimate.seconds, mark }
    }
}

impl Time {
    pub(super) fn of(first: FirstScreen, timetable: Timetable, thresholds: &Thresholds) -> Self {
        Self {
            working_seconds: first.working_seconds,
            copy_seconds: first.copy_seconds,
            without_uploads_seconds: first.without_uploads_seconds,
            cutover_seconds: timetable.cutover_seconds,
            rollback_seconds: timetable.rollback_seconds,
            watch_seconds: thresholds.watch_seconds,
            grace_seconds: thresholds.grace_seconds,
            window: timetable.window,
            window_seconds: timetable.window_seconds,
            turn_back_by: timetable.turn_back_by,
            user_impact: first.user_impact,
            hand_over: first.hand_over,
            no_return: first.no_return,
        }
    }
}
