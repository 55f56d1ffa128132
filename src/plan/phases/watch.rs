//! After the cutover: watch, then let go of the source.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Mark, Place, Side};
use super::{Part, PhaseDraft, back, needs, nothing, shows};

/// The parts of the cutover's scale that lie in these phases.
pub(super) const PARTS: &[Part] = &[
    Part { name: "monitoring", from: 900, to: 950, steps: &["watch/measure", "watch/read-report"] },
    Part {
        name: "cleanup",
        from: 950,
        to: 1_000,
        steps: &[
            "finalize/check-proofs",
            "finalize/revoke-credentials",
            "finalize/close-source",
            "finalize/record-operation",
        ],
    },
];

pub(super) fn watch(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "watch",
        title: "Watch the target",
        place: Place::Forward,
        command: "./migrate watch",
        gate: None,
        purpose: "Errors that only real use shows are found while the way back is still open.",
        steps: vec![measure(facts), report(facts)],
    }
}

fn measure(facts: &Facts) -> Draft {
    let limits = &facts.thresholds;
    Draft {
        id: "watch/measure",
        title: "Measure errors, response times and integrity",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Makes a request every 3 s and reads the proxy's figures of the last 300 s. Rolls back by itself when more than {} % of at least 100 requests fail, when the 95th percentile rises above {} % of the source's own and above 200 ms, after more than {} failed checks in a row, or when an object differs.",
            limits.error_rate_percent, limits.p95_percent, limits.failed_checks
        ),
        command: None,
        before: needs("the cutover is done", "./migrate status"),
        proof: shows("verdict pass over the whole time", "./migrate status"),
        abort_when: "a limit is passed: rollback begins by itself, exit 10".into(),
        undo: back(
            "rollback/freeze-target",
            "the rollback, with what was uploaded meanwhile carried back",
            0,
        ),
        estimate: Estimate::fixed(limits.watch.seconds(), "the watch that the target asks for"),
        mark: None,
    }
}

fn report(_facts: &Facts) -> Draft {
    Draft {
        id: "watch/read-report",
        title: "Read the report and ask the users",
        side: Side::Controller,
        actor: Actor::TrustArchitect,
        what: "Look at the report once a day and at docs/user-validation-checklist.md with two users. Figures do not show a missing collection.".into(),
        command: Some("./migrate status".into()),
        before: needs("the watch runs or is done", "./migrate status"),
        proof: shows("verdict pass, and the checklist is signed", "./migrate status"),
        abort_when: "users miss something that was there before: ./migrate panic".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(900, "one look a day and a talk with two users"),
        mark: None,
    }
}

pub(super) fn finalize(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "finalize",
        title: "Let go of the source",
        place: Place::Forward,
        command: "./migrate finalize",
        gate: Some("approve-finalize"),
        purpose: "Ends the migration. What the source still holds is given up, on your word.",
        steps: vec![proofs(facts), revoke(facts), close(facts), record(facts)],
    }
}

fn proofs(_facts: &Facts) -> Draft {
    Draft {
        id: "finalize/check-proofs",
        title: "Check that every proof is there",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "The watch has lasted its whole time and passed, every object is verified, and the approval names this plan. A check that did not run counts as failed.".into(),
        command: None,
        before: needs("you have approved the end", "./migrate approve finalize"),
        proof: shows("every required check has the verdict pass", "./migrate status"),
        abort_when: "a proof is missing: exit 12, the source stays as it is".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(30, "reading the reports"),
        mark: None,
    }
}

fn revoke(_facts: &Facts) -> Draft {
    Draft {
        id: "finalize/revoke-credentials",
        title: "Revoke the credentials of the migration",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Revokes source-read and source-cutover and tries both afterwards. From here on nothing can be carried back to the source.".into(),
        command: None,
        before: needs("every proof is there", "./migrate status"),
        proof: shows("both credentials are refused", "./migrate status"),
        abort_when: "a revoked credential still works: tell the operator".into(),
        undo: nothing("a revoked credential does not come back; returning is a new migration"),
        estimate: Estimate::fixed(60, "two revocations and two refused tries"),
        mark: Some(Mark::NoReturn),
    }
}

fn close(facts: &Facts) -> Draft {
    Draft {
        id: "finalize/close-source",
        title: "Close the source after the grace period",
        side: Side::Source,
        actor: Actor::Operator,
        what: format!(
            "The operator keeps the source read-only for another {}, then deletes it with its backups and confirms in writing. {} goes on leading users to the new address.",
            figures::duration(facts.thresholds.grace.seconds()),
            facts.hosted
        ),
        command: Some(format!("curl --silent --head {}/", facts.hosted)),
        before: needs("the credentials are revoked", "./migrate status"),
        proof: shows(
            format!("308 and location: {}/", facts.origin()),
            format!("curl --silent --head {}/", facts.hosted),
        ),
        abort_when: "you miss something: ask the operator to stop before the grace period ends".into(),
        undo: nothing("what is deleted does not come back"),
        estimate: Estimate::fixed(600, "work of the operator, grace period not counted"),
        mark: None,
    }
}

fn record(_facts: &Facts) -> Draft {
    Draft {
        id: "finalize/record-operation",
        title: "Record the migration",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Writes the operation folder with reports and journal, without secrets and with personal files encrypted, for the code-under-glass repository.".into(),
        command: None,
        before: needs("the credentials are revoked", "./migrate status"),
        proof: shows("the commands that record it are printed", "./migrate status"),
        abort_when: "the folder cannot be written whole".into(),
        undo: nothing("a record is added to, never taken back"),
        estimate: Estimate::fixed(30, "writing some files"),
        mark: None,
    }
}
