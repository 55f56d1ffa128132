//! Phases and their steps, in words.

use super::content::Estimated;
use crate::plan::{Gate, Instead, Mark, Phase, Step, figures};
use crate::render::documents::words;
use serde::Serialize;

/// A phase, in words.
#[derive(Serialize)]
pub(super) struct PhaseText {
    id: &'static str,
    title: &'static str,
    purpose: &'static str,
    instead: Option<String>,
    command: &'static str,
    after: &'static [&'static str],
    gate: Option<GateText>,
    automated: bool,
    duration: String,
    steps: Vec<StepText>,
}

impl PhaseText {
    pub fn of(phase: &Phase, gates: &[Gate]) -> Self {
        let gate = gates.iter().find(|gate| gate.phase == phase.id);
        Self {
            id: phase.id,
            title: phase.title,
            purpose: phase.purpose,
            instead: phase.instead.clone(),
            command: phase.command,
            after: if phase.automated { phase.after } else { &[] },
            gate: gate.filter(|_| phase.automated).map(GateText::of),
            automated: phase.automated,
            duration: figures::duration(phase.seconds()),
            steps: phase.steps.iter().map(StepText::of).collect(),
        }
    }
}

/// The approval that a phase waits for.
#[derive(Serialize)]
struct GateText {
    command: String,
    /// The step that waits, where the phase itself does not.
    before: Option<&'static str>,
}

impl GateText {
    fn of(gate: &Gate) -> Self {
        // The strategy of a cutover is the approver's choice; chapter 13 has it.
        let word = gate.id.trim_start_matches("approve-");
        Self { command: format!("./migrate approve {word}"), before: gate.before }
    }
}

/// A step, in words.
#[derive(Serialize)]
pub(super) struct StepText {
    id: &'static str,
    title: &'static str,
    what: String,
    actor: &'static str,
    side: &'static str,
    command: Option<String>,
    lacking: bool,
    by_hand: Option<String>,
    by_hand_command: Option<String>,
    not_here: Option<String>,
    only_with: Option<&'static str>,
    before: String,
    before_command: Option<String>,
    proof: String,
    proof_command: Option<String>,
    abort_when: String,
    way_back: String,
    estimate: Estimated,
    percent: Option<String>,
    scale: Option<String>,
    mark: Option<&'static str>,
    /// How loud the page says it.
    mark_tone: Option<&'static str>,
}

impl StepText {
    pub fn of(step: &Step) -> Self {
        let (by_hand, by_hand_command, not_here) = match step.instead.clone() {
            Some(Instead::ByHand { text, command }) => (Some(text), command, None),
            Some(Instead::NotHere { means }) => (None, None, Some(means)),
            None => (None, None, None),
        };
        Self {
            id: step.id,
            title: step.title,
            what: step.what.clone(),
            actor: words::actor(step.actor),
            side: words::side(step.side),
            command: step.command.clone(),
            lacking: step.instead.is_some(),
            by_hand,
            by_hand_command,
            not_here,
            only_with: step.only_with,
            before: step.precondition.text.clone(),
            before_command: step.precondition.command.clone(),
            proof: step.proof.text.clone(),
            proof_command: step.proof.command.clone(),
            abort_when: step.abort_when.clone(),
            way_back: words::way_back(&step.undo),
            estimate: Estimated::of(&step.estimate),
            percent: step
                .share
                .map(|share| format!("{} to {}", words::percent(share.from), words::percent(share.to))),
            scale: step.scale.map(|scale| {
                format!(
                    "{}, {} to {}",
                    scale.part,
                    words::percent(scale.share.from),
                    words::percent(scale.share.to)
                )
            }),
            mark: step.mark.map(|mark| match mark {
                Mark::UserImpact => "Point of user impact",
                Mark::HandOver => "Hand-over",
                Mark::NoReturn => "Point of no return",
            }),
            mark_tone: step.mark.map(|mark| match mark {
                Mark::UserImpact => "warn",
                Mark::HandOver => "deep",
                Mark::NoReturn => "bad",
            }),
        }
    }
}
