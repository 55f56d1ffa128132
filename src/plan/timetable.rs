//! When what happens: start, duration, slack and latest end, and the last moment to turn back.

use super::facts::Facts;
use super::figures;
use super::step::{Mark, Phase, Place};
use super::windows::{self, Weekly};
use schemars::JsonSchema;
use serde::Serialize;

/// One line of the timetable, in seconds from the table's own beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Row {
    /// Phase or step.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// When it begins.
    pub starts: u64,
    /// Planned duration.
    pub seconds: u64,
    /// How much longer it may take.
    pub slack: u64,
    /// When it has to be done.
    pub latest_end: u64,
}

/// The timetable of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Timetable {
    /// The phases before the cutover, from the beginning of preflight.
    pub preparation: Vec<Row>,
    /// The steps of the cutover, from its beginning.
    pub cutover: Vec<Row>,
    /// Planned working time of the cutover.
    pub cutover_seconds: u64,
    /// Planned working time of a rollback.
    pub rollback_seconds: u64,
    /// Seconds between the first and the last moment at which users cannot upload.
    pub without_uploads: u64,
    /// Day and time at which the longest cutover window opens, UTC; absent when the target names none.
    pub window: Option<String>,
    /// Its length.
    pub window_seconds: Option<u64>,
    /// Whether cutover and, if need be, a rollback fit into that window.
    pub fits: bool,
    /// Seconds after the window opens: whoever turns back later, ends after the window.
    pub turn_back_by: Option<u64>,
    /// How slack before the cutover is computed.
    pub slack_formula: &'static str,
}

/// A quarter of the planned time, at least five minutes: estimates of people's and registries' speed are that wrong.
fn reserve(seconds: u64) -> u64 {
    (seconds / 4).max(300)
}

/// Lays out the timetable.
pub(super) fn lay_out(facts: &Facts, phases: &[Phase]) -> Timetable {
    let mut at = 0;
    let preparation = phases
        .iter()
        .filter(|phase| {
            phase.place == Place::Forward && !["cutover", "watch", "finalize"].contains(&phase.id)
        })
        .map(|phase| {
            // Copying waits for its windows; everything else is as long as its work.
            let waiting = if phase.id == "content" {
                facts.content.elapsed.saturating_sub(facts.content.copy.seconds)
            } else {
                0
            };
            let seconds = phase.seconds() + waiting;
            let row = Row {
                id: phase.id,
                title: phase.title,
                starts: at,
                seconds,
                slack: reserve(seconds),
                latest_end: at + seconds + reserve(seconds),
            };
            at = row.latest_end;
            row
        })
        .collect();

    let steps = |id: &str| phases.iter().find(|phase| phase.id == id).map_or(&[][..], |phase| &phase.steps);
    let cutover_steps = steps("cutover");
    let total = |steps: &[super::Step]| steps.iter().map(|step| step.estimate.seconds).sum::<u64>();
    let (cutover_seconds, rollback_seconds) = (total(cutover_steps), total(steps("rollback")));
    let longest = match windows::merge(&facts.cutover_windows) {
        Weekly::Always => None,
        Weekly::In(windows) => {
            windows.into_iter().max_by_key(|(start, length)| (*length, std::cmp::Reverse(*start)))
        }
    };
    let window_seconds = longest.map(|(_, minutes)| minutes * 60);
    let turn_back_by = window_seconds.map(|seconds| seconds.saturating_sub(rollback_seconds));
    let fits = turn_back_by.is_none_or(|latest| cutover_seconds <= latest);
    let slack = turn_back_by
        .map_or_else(|| reserve(cutover_seconds), |latest| latest.saturating_sub(cutover_seconds));

    let mut at = 0;
    let cutover = cutover_steps
        .iter()
        .map(|step| {
            let row = Row {
                id: step.id,
                title: step.title,
                starts: at,
                seconds: step.estimate.seconds,
                slack,
                latest_end: at + step.estimate.seconds + slack,
            };
            at += step.estimate.seconds;
            row
        })
        .collect();

    let closed_from = cutover_steps.iter().position(|step| step.mark == Some(Mark::UserImpact)).unwrap_or(0);
    let open_again = cutover_steps
        .iter()
        .position(|step| step.id == "cutover/open-target")
        .map_or(cutover_steps.len(), |at| at + 1);
    Timetable {
        preparation,
        cutover,
        cutover_seconds,
        rollback_seconds,
        without_uploads: total(&cutover_steps[closed_from..open_again.max(closed_from)]),
        window: longest.map(|(start, _)| figures::minute_of_week(start)),
        window_seconds,
        fits,
        turn_back_by,
        slack_formula: "a quarter of the planned time, at least 5 min; in the cutover, within a window: its length − rollback − cutover",
    }
}
