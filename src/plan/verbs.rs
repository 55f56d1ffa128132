//! What one can type beside the phases, what must be approved, and when the watch turns back.

use super::facts::Facts;
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

/// The verbs of a package.
pub(super) fn verbs() -> Vec<Verb> {
    [
        ("bootstrap", "./migrate bootstrap", "installs the tools of requirements.txt, each by its hash, into a virtual environment in the state folder; once for each controller"),
        ("approve", "./migrate approve GATE", "writes the gate file with the digest of this plan and the name of who approves; for the cutover with --strategy immediate or --strategy phased"),
        ("hold", "./migrate hold", "stops before the next step; nothing is taken back"),
        ("resume", "./migrate resume", "goes on after hold, at the first step that is not done"),
        ("panic", "./migrate panic", "nothing goes forward any more; ./migrate rollback then takes the cutover back, newest step first"),
        ("adopt", "./migrate adopt target", "goes on from another controller, with the journal that lies on the target"),
    ]
    .into_iter()
    // The controller copies its journal to the target already; taking it up from there comes later.
    .map(|(id, command, what)| Verb { id, command, automated: id != "adopt", what })
    .collect()
}

/// The gates of the phases that the plan has.
pub(super) fn gates(phases: &[super::Phase]) -> Vec<Gate> {
    [
        (
            "approve-provision",
            "./migrate approve provision",
            "provision",
            "what will be created, and what it costs",
        ),
        (
            "approve-content",
            "./migrate approve content",
            "content",
            "amount, bandwidth and windows of the copy",
        ),
        (
            "approve-cutover",
            "./migrate approve cutover --strategy immediate",
            "cutover",
            "the report of verify, the window, and the strategy: immediate or phased",
        ),
        (
            "approve-finalize",
            "./migrate approve finalize",
            "finalize",
            "the report of the watch; after this there is no way back",
        ),
    ]
    .into_iter()
    .map(|(id, command, phase, decides)| Gate { id, command, phase, decides })
    .filter(|gate| phases.iter().any(|phase| phase.gate == Some(gate.id)))
    .collect()
}

/// When the watch turns back.
pub(super) fn limits(facts: &Facts) -> Limits {
    Limits {
        error_rate_percent: facts.thresholds.error_rate_percent,
        p95_percent: facts.thresholds.p95_percent,
        p95_floor_milliseconds: 200,
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
