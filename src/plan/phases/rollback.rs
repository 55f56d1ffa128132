//! Back to the source, newest change first (R1 to R6).

use super::super::facts::Facts;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, back, needs, nothing, shows};

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "rollback",
        title: "Return to the source",
        place: Place::Back,
        command: "./migrate rollback",
        gate: None,
        purpose: "Takes the cutover back until finalize, newest step first: by hand, or by a limit of the watch. Only undoes what the journal says was done.",
        steps: vec![
            freeze(facts),
            address(facts),
            stop(facts),
            sync(facts),
            unfreeze(facts),
            validate(facts),
            tell(facts),
        ],
    }
}

fn freeze(_facts: &Facts) -> Draft {
    Draft {
        id: "rollback/freeze-target",
        title: "R1 Stop uploads at the target",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Withdraws the hand-over mark, puts the proxy into read-only mode and proves by trying that a write is refused. Only then is the target's inventory taken.".into(),
        command: None,
        before: needs("the cutover has begun and finalize has not", "./migrate status"),
        proof: shows("a write is refused with 403", "./migrate status"),
        abort_when: "a write still succeeds: HOLD; a person decides".into(),
        undo: back("cutover/open-target", "opens it again, when the rollback itself is given up", 30),
        estimate: Estimate::fixed(30, "one switch and one refused write"),
        mark: None,
    }
}

fn address(facts: &Facts) -> Draft {
    Draft {
        id: "rollback/restore-address",
        title: "R2 Restore the saved address",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Puts routing and records back as cutover/save-routing found them, so that {} answers itself again. What somebody changed since is shown and not overwritten.",
            facts.hosted
        ),
        command: None,
        before: needs("the target is frozen", "./migrate status"),
        proof: shows(
            "the saved and the present routing are equal, field by field",
            format!("curl --silent --head {}/", facts.hosted),
        ),
        abort_when: "a record differs from both: exit 11, both values shown".into(),
        undo: back("cutover/switch-address", "leads to the target again", 30),
        estimate: Estimate::fixed(
            facts.record_lives() + 40,
            &format!("one switch and the record's lifetime of {} s", facts.record_lives()),
        ),
        mark: None,
    }
}

fn stop(_facts: &Facts) -> Draft {
    Draft {
        id: "rollback/stop-deployment",
        title: "R3 Take the target out of service",
        side: Side::Target,
        actor: Actor::Automation,
        what: "The proxy answers with the maintenance page; storage and identity keep running, since the next step reads them.".into(),
        command: None,
        before: needs("the address leads to the source", "./migrate status"),
        proof: shows("503 and the maintenance page", "./migrate status"),
        abort_when: "the proxy does not reload".into(),
        undo: back("cutover/test-by-address", "in service again", 60),
        estimate: Estimate::fixed(20, "one switch"),
        mark: None,
    }
}

fn sync(facts: &Facts) -> Draft {
    Draft {
        id: "rollback/sync-back",
        title: "R4 Carry back what the target took",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Compares baseline, source and target; shows the list; carries back what was uploaded, changed or deleted at the target since the hand-over. A version that loses a conflict is saved first. With nothing written there, nothing moves.".into(),
        command: None,
        before: needs("a baseline was recorded", "./migrate status"),
        proof: shows("the three-way difference is empty, or lists what a person has to decide", "./migrate status"),
        abort_when: "there is no baseline: exit 12, nothing is written".into(),
        undo: nothing("each version that lost is kept at the source below rollback/"),
        estimate: facts.content.delta.clone(),
        mark: None,
    }
}

fn unfreeze(facts: &Facts) -> Draft {
    Draft {
        id: "rollback/unfreeze-source",
        title: "R5 Let the source take uploads again",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Puts the saved policy of the bucket back and takes {} out of read-only mode.",
            facts.hosted
        ),
        command: None,
        before: needs("everything is carried back", "./migrate status"),
        proof: shows(
            "the policy equals the saved one; a write succeeds and is deleted again",
            "./migrate status",
        ),
        abort_when: "the source is not proven whole: it stays frozen, a person decides".into(),
        undo: back("cutover/freeze-source", "freezes it again", 30),
        estimate: Estimate::fixed(30, "one policy and one switch"),
        mark: None,
    }
}

fn validate(facts: &Facts) -> Draft {
    Draft {
        id: "rollback/validate-source",
        title: "R6 Check that the source works as before",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Signs in, uploads, downloads and deletes at the source, and compares its inventory with the baseline and what was carried back.".into(),
        command: None,
        before: needs("the source is open", "./migrate status"),
        proof: shows("verdict pass; exit 10", format!("curl --fail --silent {}/api/health", facts.hosted)),
        abort_when: "the check fails: exit 1, HOLD; a person decides".into(),
        undo: nothing("it leaves nothing behind"),
        estimate: Estimate::each(60, facts.content.objects.div_ceil(1_000), 1_000_u64.div_ceil(facts.content.requests_per_second), "listing requests"),
        mark: None,
    }
}

fn tell(_facts: &Facts) -> Draft {
    Draft {
        id: "rollback/tell-users",
        title: "Tell the users that everything is as before",
        side: Side::Controller,
        actor: Actor::TrustArchitect,
        what: "Send docs/communication/rolled-back.txt.".into(),
        command: Some("cat docs/communication/rolled-back.txt".into()),
        before: needs("the source works as before", "./migrate status"),
        proof: shows("the message is out", "cat docs/communication/rolled-back.txt"),
        abort_when: "the message cannot be sent".into(),
        undo: nothing("a message cannot be called back"),
        estimate: Estimate::fixed(120, "sending one prepared message"),
        mark: None,
    }
}
