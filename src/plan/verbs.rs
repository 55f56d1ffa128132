//! What one can type beside the phases, what must be approved, and when the watch turns back.

use super::facts::Facts;
use super::phases::APPROVED;
use super::step::{Phase, StepId};
use schemars::JsonSchema;
use serde::Serialize;

/// A verb of `./migrate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Verb {
    /// Its name.
    pub id: &'static str,
    /// What to type.
    pub command: &'static str,
    /// Whether the controller of this package knows it.
    pub automated: bool,
    /// What it does.
    pub what: &'static str,
    /// What there is instead, exactly where the controller does not know it.
    pub instead: Option<&'static str>,
}

/// A decision that a person writes down before a phase begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Gate {
    /// Name of the gate file.
    pub id: &'static str,
    /// What to type.
    pub command: &'static str,
    /// The phase that waits for it.
    pub phase: &'static str,
    /// The step of that phase that waits, where the steps before it show what is approved; absent where the whole phase waits.
    pub before: Option<&'static str>,
    /// Whether the package runs that phase; an approval is refused where it does not.
    pub automated: bool,
    /// The phase whose report must be there and have passed before.
    pub report: Option<&'static str>,
    /// What the person who approves has looked at.
    pub decides: &'static str,
}

/// When the watch after the cutover turns back by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Failed requests strictly above this share, in percent.
    pub error_rate_percent: u32,
    /// 95th percentile of response times strictly above this share of the source's own, in percent.
    pub p95_percent: u32,
    /// Response times below this many milliseconds never count.
    pub p95_floor_milliseconds: u32,
    /// Consecutive failed checks that are still borne.
    pub failed_checks: u32,
    /// Length of the window over which both are measured.
    pub window_seconds: u32,
    /// With fewer requests in the window the rate counts as not measured.
    pub minimum_requests: u32,
    /// A check is made every so many seconds.
    pub check_every_seconds: u32,
    /// Objects that differ or cannot be verified, at most.
    pub integrity_findings: u32,
    /// Without any measurement for so long: pause.
    pub silence_pause_seconds: u32,
    /// Without any measurement for so long: roll back.
    pub silence_rollback_seconds: u32,
    /// How long the watch lasts.
    pub watch_seconds: u64,
    /// How long the source is kept after that.
    pub grace_seconds: u64,
}

/// Response times below this many milliseconds are fast, whatever the source's own are.
pub const P95_FLOOR_MILLISECONDS: u32 = 200;

/// The verbs of a package that has these phases.
pub(super) fn verbs(phases: &[Phase]) -> Vec<Verb> {
    let runs = |id: &str| phases.iter().any(|phase| phase.id == id && phase.automated);
    let verb = |id, command, what| Verb { id, command, automated: true, what, instead: None };
    let lacking =
        |id, command, what, instead| Verb { id, command, automated: false, what, instead: Some(instead) };
    let approve = "writes down who approves a gate of chapter 13, for exactly this plan; refused before the report that it rests on is there and has passed. Each check of it that warns has to be accepted by its name, with --accept";
    vec![
        verb(
            "bootstrap",
            "./migrate bootstrap",
            "installs the tools of requirements.txt, each by its hash, into a virtual environment in the state folder; once for each controller",
        ),
        verb(
            "support",
            "./migrate support",
            "makes a bundle for whoever helps: where it stands, the journal, verdicts and the end of the logs, with every word masked that does not stand in this package's clear files, and every line left out in which a secret stands. Each failure makes one by itself and says where; nothing is sent",
        ),
        verb(
            "sign-off",
            "./migrate sign-off FILE --by NAME",
            "keeps a filled copy of docs/user-validation-checklist.md under the name of who tried it, as evidence in the journal and in an operation folder for the glass: [x] is right, [-] is wrong, [ ] was not tried. Refused before verify has finished; a point that is wrong keeps the gate of the cutover closed until the same user has signed again",
        ),
        if gates(phases).iter().any(|gate| gate.automated) {
            verb("approve", "./migrate approve GATE", approve)
        } else {
            lacking(
                "approve",
                "./migrate approve GATE",
                approve,
                "No phase of this package waits for an approval.",
            )
        },
        verb(
            "hold",
            "./migrate hold",
            "stops a run before its next step, and what copies or proves the content at the end of its batch or object, also when nobody follows it; lets no phase begin that goes forward; nothing is taken back",
        ),
        verb(
            "resume",
            "./migrate resume",
            "takes hold away and starts nothing: the phase that paused goes on when it is called again, at the first step that is not done. Takes panic away only where nothing is built",
        ),
        verb(
            "panic",
            "./migrate panic",
            if runs("rollback") {
                "stops a run before its next step; nothing goes forward any more, only back. Takes nothing back by itself: ./migrate rollback then does, newest step first"
            } else {
                "stops a run before its next step; nothing goes forward any more, only back. Takes nothing back by itself: ./migrate abort then takes down what was built"
            },
        ),
        verb(
            "adopt",
            "./migrate adopt target",
            "goes on from this machine with what another one has begun: takes over the journal and the approvals that lie at the target, once the run there has ended or its lease is old. Until then a run from here gets 75",
        ),
    ]
}

/// The gates of the phases that the plan has.
pub(super) fn gates(phases: &[Phase]) -> Vec<Gate> {
    let gate = |id, command, before: Option<StepId>, report, decides| {
        let waits = |phase: &&Phase| match before {
            Some(step) => phase.steps.iter().any(|one| one.id == step),
            None => phase.gate == Some(id),
        };
        let Phase { id: phase, automated, .. } = *phases.iter().find(waits)?;
        Some(Gate { id, command, phase, before, automated, report, decides })
    };
    [
        gate(
            "approve-provision",
            "./migrate approve provision",
            Some(APPROVED),
            None,
            "what is made, changed and destroyed, as the phase has shown it; the approval holds for exactly this plan file, by its digest",
        ),
        gate(
            "approve-content",
            "./migrate approve content",
            None,
            Some("preflight"),
            "the report of preflight; amount, bandwidth and windows of the copy; the approval holds for exactly these batch lists, by their digest",
        ),
        gate(
            "approve-cutover",
            "./migrate approve cutover --strategy immediate",
            None,
            Some("verify"),
            "the report of verify, the proof of the content, the window, and the strategy: immediate or phased",
        ),
        gate(
            "approve-finalize",
            "./migrate approve finalize",
            None,
            Some("watch"),
            "the report of the watch; after this there is no way back",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the watch turns back.
pub(super) fn limits(facts: &Facts) -> Limits {
    Limits {
        error_rate_percent: facts.thresholds.error_rate_percent,
        p95_percent: facts.thresholds.p95_percent,
        p95_floor_milliseconds: P95_FLOOR_MILLISECONDS,
        failed_checks: facts.thresholds.failed_checks,
        window_seconds: 300,
        minimum_requests: 100,
        check_every_seconds: 3,
        integrity_findings: 0,
        silence_pause_seconds: 300,
        silence_rollback_seconds: 600,
        watch_seconds: facts.thresholds.watch.seconds(),
        grace_seconds: facts.thresholds.grace.seconds(),
    }
}
