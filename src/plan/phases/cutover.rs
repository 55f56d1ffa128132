//! The move itself, within one window.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Mark, Place, Side};
use super::{Part, PhaseDraft, back, needs, nothing, shows};

/// The parts of the cutover's scale that lie in this phase.
pub(super) const PARTS: &[Part] = &[
    Part {
        name: "preparation",
        from: 0,
        to: 100,
        steps: &["cutover/take-lease", "cutover/save-routing", "cutover/measure-source"],
    },
    Part {
        name: "pre-migration validation",
        from: 100,
        to: 200,
        steps: &["cutover/take-inventory", "cutover/check-lifetime"],
    },
    Part {
        name: "maintenance mode",
        from: 200,
        to: 300,
        steps: &[
            "cutover/tell-start",
            "cutover/freeze-source",
            "cutover/drain-uploads",
            "cutover/prove-freeze",
            "cutover/record-baseline",
        ],
    },
    Part {
        name: "data migration",
        from: 300,
        to: 600,
        steps: &["cutover/copy-delta", "cutover/import-changes", "cutover/prove-content"],
    },
    Part { name: "blue-green deployment", from: 600, to: 700, steps: &["cutover/test-by-address"] },
    Part {
        name: "DNS cutover",
        from: 700,
        to: 800,
        steps: &["cutover/set-record", "cutover/ask-name-servers", "cutover/switch-address"],
    },
    Part {
        name: "post-cutover validation",
        from: 800,
        to: 900,
        steps: &[
            "cutover/prove-from-outside",
            "cutover/set-hand-over-mark",
            "cutover/open-target",
            "cutover/tell-end",
        ],
    },
];

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "cutover",
        title: "Move the users to the target",
        place: Place::Forward,
        command: "./migrate cutover",
        gate: Some("approve-cutover"),
        purpose: "The source stops taking uploads, what changed is carried over and proven, and the address leads to the target. At no moment do both accept uploads.",
        steps: vec![
            lease(facts),
            routing(facts),
            measure(facts),
            inventory(facts),
            lifetime(facts),
            tell_start(facts),
            freeze(facts),
            drain(facts),
            prove_freeze(facts),
            baseline(facts),
            delta(facts),
            changes(facts),
            prove(facts),
            test(facts),
            record(facts),
            ask(facts),
            switch(facts),
            outside(facts),
            mark(facts),
            open(facts),
            tell_end(facts),
        ],
    }
}

/// Time that taking the source's inventory needs once.
fn listing(facts: &Facts) -> Estimate {
    Estimate::each(
        10,
        facts.content.objects.div_ceil(1_000),
        1_000_u64.div_ceil(facts.content.requests_per_second),
        "listing requests",
    )
}

fn lease(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/take-lease",
        title: "Take the lease at source and target",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Only one controller may act. Both machines keep a lease that this one renews; two watchdogs read it and know what to do when it ends.".into(),
        command: None,
        before: needs("you have approved the cutover after a verify that passed and content that was proven", "./migrate approve cutover --strategy immediate"),
        proof: shows("the lease names this controller", "./migrate status"),
        abort_when: "another controller holds the lease: exit 75".into(),
        undo: nothing("the lease ends by itself after 600 s"),
        estimate: Estimate::fixed(15, "writing the lease on two machines"),
        mark: None,
    }
}

fn routing(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/save-routing",
        title: "Save records and policies as they are",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Saves the routing of {}, the records of {} and the policy of the source's bucket, field by field, so that the way back leads exactly there.",
            facts.hosted, facts.domain
        ),
        command: None,
        before: needs("the key source-cutover is accepted by the source", "./migrate cutover"),
        proof: shows("the saved routing is listed in the report", "./migrate status"),
        abort_when: "a record or policy cannot be read".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(15, "some requests"),
        mark: None,
    }
}

fn measure(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/measure-source",
        title: "Measure the source's response times",
        side: Side::Source,
        actor: Actor::Automation,
        what: "A hundred requests, one every 3 s. The watch compares the target with this figure.".into(),
        command: None,
        before: needs("the source answers", "./migrate status"),
        proof: shows("a 95th percentile from at least 100 requests", "./migrate status"),
        abort_when: "more than 5 of them fail: the source has trouble of its own".into(),
        undo: nothing("it only reads"),
        estimate: Estimate {
            seconds: 300,
            formula: "requests × interval".into(),
            figures: "100 × 3 s = 300 s".into(),
        },
        mark: None,
    }
}

fn inventory(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/take-inventory",
        title: "Compare both inventories before the freeze",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Counts what has changed since the copy while users still work, so that the length of the freeze is known before it begins.".into(),
        command: None,
        before: needs("content is done and proven", "./migrate status"),
        proof: shows("a figure for the delta that fits into the window", "./migrate status"),
        abort_when: "the delta does not fit into the window: exit 12; the content is copied again first".into(),
        undo: nothing("it only reads"),
        estimate: listing(facts),
        mark: None,
    }
}

fn lifetime(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/check-lifetime",
        title: "Check that the old lifetime of the record is over",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Name servers of other people keep the record of {} for as long as it said when they asked. {}",
            facts.domain,
            match facts.record_of_terraform() {
                None => "The lifetime was to be lowered to 300 s at least as long before as it was long."
                    .to_owned(),
                Some(seconds) => format!(
                    "Terraform sets it to {seconds} s; where it was more than 300 s before, that has to be as long ago as it was long."
                ),
            }
        ),
        command: None,
        before: needs(
            "the record's lifetime is 300 s or less",
            format!("dig +noall +answer {}", facts.domain),
        ),
        proof: shows("a lifetime of at most 300", format!("dig +noall +answer {}", facts.domain)),
        abort_when: "the old lifetime is not over: exit 12, with the time at which it is".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(10, "asking name servers"),
        mark: None,
    }
}

fn tell_start(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/tell-start",
        title: "Tell the users that it begins",
        side: Side::Controller,
        actor: Actor::TrustArchitect,
        what: "Send docs/communication/start.txt. A user whose upload is refused without a word tries again, or elsewhere.".into(),
        command: Some("cat docs/communication/start.txt".into()),
        before: needs("the inventories are compared", "./migrate status"),
        proof: shows("the message is out", "cat docs/communication/start.txt"),
        abort_when: "the message cannot be sent".into(),
        undo: back("rollback/tell-users", "docs/communication/rolled-back.txt says that everything is as before", 120),
        estimate: Estimate::fixed(120, "sending one prepared message"),
        mark: None,
    }
}

fn freeze(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/freeze-source",
        title: "Stop uploads and changes at the source",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Adds a refusal of writes to the policy of the source's bucket and puts {} into read-only mode; reading goes on. With the strategy phased only new uploads are refused. Without a lease the source's own watchdog opens it again after 600 s.",
            facts.hosted
        ),
        command: None,
        before: needs("the users are told", "./migrate status"),
        proof: shows("both report read-only", "./migrate status"),
        abort_when: "the policy is accepted but a write still succeeds".into(),
        undo: back("rollback/unfreeze-source", "the saved policy is put back", 30),
        estimate: Estimate::fixed(30, "one policy and one switch"),
        mark: Some(Mark::UserImpact),
    }
}

fn drain(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/drain-uploads",
        title: "End the uploads that are under way",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Waits up to 120 s for uploads in progress, then ends what is left, since an upload that began before the freeze could complete after it.".into(),
        command: None,
        before: needs("the source is frozen", "./migrate status"),
        proof: shows("0 open uploads", "./migrate status"),
        abort_when: "an upload cannot be ended".into(),
        undo: nothing("an upload that was ended is sent again by its user; the report names how many"),
        estimate: Estimate::fixed(120, "the longest wait for uploads in progress"),
        mark: None,
    }
}

fn prove_freeze(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/prove-freeze",
        title: "Prove the freeze by trying to write",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Tries to put, to copy, to delete and to send a part, with a key of its own. A policy that was accepted may not be in force yet.".into(),
        command: None,
        before: needs("no upload is open", "./migrate status"),
        proof: shows("403 for every kind of write, 200 for reading", "./migrate status"),
        abort_when: "one write succeeds within 60 s: what was written is deleted, rollback begins".into(),
        undo: nothing("it leaves nothing behind"),
        estimate: Estimate::fixed(60, "the time within which a policy takes effect"),
        mark: None,
    }
}

fn baseline(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/record-baseline",
        title: "Record the baseline",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Takes the source's inventory once more, now that nothing changes. Proof and a later way back compare with it; without it nothing is ever carried back.".into(),
        command: None,
        before: needs("the freeze is proven", "./migrate status"),
        proof: shows("the baseline's digest stands in the journal", "./migrate status"),
        abort_when: "the inventory cannot be taken whole".into(),
        undo: nothing("it only reads"),
        estimate: listing(facts),
        mark: None,
    }
}

fn delta(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/copy-delta",
        title: "Copy what changed",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Carries over what is new, changed or deleted since the copy; expected are {} ({}). What would be overwritten or deleted at the target is saved first.",
            figures::count(facts.content.changed, "object", "objects"),
            facts.content.changed_source
        ),
        command: None,
        before: needs("the baseline is recorded", "./migrate status"),
        proof: shows("the three-way difference is empty", "./migrate status"),
        abort_when: "more deletions are due than were counted before the freeze: nothing is deleted".into(),
        undo: nothing("the source is untouched; what was saved at the target stays"),
        estimate: facts.content.delta.clone(),
        mark: None,
    }
}

fn changes(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/import-changes",
        title: "Import what changed in configuration and users",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Reads configuration and realm of the source once more and applies the differences to the target, by the rules of the ledger.".into(),
        command: None,
        before: needs("the source is frozen", "./migrate status"),
        proof: shows("0 differences when read back", "./migrate status"),
        abort_when: "a difference has no rule in the ledger".into(),
        undo: back("import/save-before-state", "the state before is put back", 60),
        estimate: Estimate::each(30, facts.users, 100, "users"),
        mark: None,
    }
}

fn prove(facts: &Facts) -> Draft {
    let all = &facts.content;
    let objects = all.changed.min(all.objects.max(all.changed));
    Draft {
        id: "cutover/prove-content",
        title: "Prove the content",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Reads back every object that was copied now, and compares the listings of both stores key by key, including those that did not change.".into(),
        command: None,
        before: needs("the delta is copied", "./migrate status"),
        proof: shows("verified = objects; differs, missing, unexpected, unverifiable = 0", "./migrate status"),
        abort_when: "one object is not verified: rollback begins".into(),
        undo: nothing("it only reads"),
        estimate: Estimate {
            formula: "listing both stores + changed objects × time for each".into(),
            ..Estimate::each(listing(facts).seconds, objects, 2_000_u64.div_ceil(all.requests_per_second), "objects")
        },
        mark: None,
    }
}

fn test(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/test-by-address",
        title: "Test the target by its address",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Asks pages, API, sign-in and a download at the machine itself, before any user is led there. It still refuses uploads.".into(),
        command: None,
        before: needs("the content is proven", "./migrate status"),
        proof: shows("200 for each", format!("curl --fail --silent --connect-to {}:443:{}:443 {}/api/health", facts.domain, facts.typed_address(), facts.origin())),
        abort_when: "one request fails: rollback begins".into(),
        undo: back("rollback/stop-deployment", "the target stops; nobody was led there yet", 20),
        estimate: Estimate::fixed(60, "some requests and one download"),
        mark: None,
    }
}

fn record(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/set-record",
        title: "Point the public name at the target",
        side: Side::Controller,
        actor: Actor::TrustArchitect,
        what: match facts.record_of_terraform() {
            None => format!(
                "At your name provider, set the record of {} to the address of {}, with a lifetime of 300 s, and remove any other record of that name. Where it leads there already, confirm and go on.",
                facts.domain,
                facts.address()
            ),
            Some(_) => format!(
                "Terraform has set the record of {} to the address of {}. Remove any other record of that name, then confirm and go on.",
                facts.domain,
                facts.address()
            ),
        },
        command: Some(format!("dig +noall +answer {}", facts.domain)),
        before: needs("the target passed its test", "./migrate status"),
        proof: shows("the target's address and nothing else", format!("dig +short {}", facts.domain)),
        abort_when: "the provider does not take the change: ./migrate panic".into(),
        undo: back("rollback/restore-address", "the saved records are put back", facts.record_lives() + 40),
        estimate: match facts.record_of_terraform() {
            None => Estimate::fixed(180, "one change by hand at the name provider"),
            Some(_) => Estimate::fixed(60, "one look at the name"),
        },
        mark: None,
    }
}

fn switch(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/switch-address",
        title: "Lead the old address to the new one",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "{} answers every request with 308 to {}, path and query kept. Nothing is stored at the source any more.",
            facts.hosted,
            facts.origin()
        ),
        command: None,
        before: needs("every name server answers", format!("dig +short {}", facts.domain)),
        proof: shows(
            format!("308 and location: {}/", facts.origin()),
            format!("curl --silent --head {}/", facts.hosted),
        ),
        abort_when: "the old address still answers itself after 120 s: rollback begins".into(),
        undo: back("rollback/restore-address", "the saved routing is put back", 30),
        estimate: Estimate::fixed(30, "one switch at the source"),
        mark: None,
    }
}

fn ask(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/ask-name-servers",
        title: "Ask every name server that is responsible",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Each authoritative server of {} has to answer with the target's address; then the record's lifetime is waited for.",
            facts.domain
        ),
        command: None,
        before: needs("the record is set", format!("dig +noall +answer {}", facts.domain)),
        proof: shows(
            "one and the same answer from each",
            format!("dig +nssearch {}; dig +short {}", facts.domain, facts.domain),
        ),
        abort_when: "a server gives another answer after two lifetimes: rollback begins".into(),
        undo: back("rollback/restore-address", "the saved records are put back", 30),
        estimate: Estimate {
            seconds: facts.record_lives() + 10,
            formula: "lifetime of the record + asking".into(),
            figures: format!("{} s + 10 s = {} s", facts.record_lives(), facts.record_lives() + 10),
        },
        mark: None,
    }
}

fn outside(facts: &Facts) -> Draft {
    Draft {
        id: "cutover/prove-from-outside",
        title: "Sign in and download by the public name",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Signs in, lists a collection and downloads an object as users will, from outside.".into(),
        command: None,
        before: needs(
            "the old address leads to the new one",
            format!("curl --silent --head {}/", facts.hosted),
        ),
        proof: shows("the downloaded bytes have the digest of the baseline", "./migrate status"),
        abort_when: "one of them fails: rollback begins".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(60, "some requests and one download"),
        mark: None,
    }
}

fn mark(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/set-hand-over-mark",
        title: "Hand over: the target may take uploads",
        side: Side::Source,
        actor: Actor::Automation,
        what: "Writes the hand-over mark at the source, then at the target. From here the source never opens by itself, and the target accepts uploads only because it holds the mark.".into(),
        command: None,
        before: needs("the proof from outside passed", "./migrate status"),
        proof: shows("the mark stands on both sides", "./migrate status"),
        abort_when: "the mark cannot be written at the source: rollback begins; nothing was uploaded to the target".into(),
        undo: back("rollback/freeze-target", "the target closes; what it took is carried back by rollback/sync-back", 30),
        estimate: Estimate::fixed(10, "writing two files"),
        mark: Some(Mark::HandOver),
    }
}

fn open(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/open-target",
        title: "Open the target for uploads",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Takes the target out of read-only mode and proves it with an upload, a download and a deletion of its own.".into(),
        command: None,
        before: needs("the mark stands", "./migrate status"),
        proof: shows("same bytes back, and its object is gone", "./migrate status"),
        abort_when: "the upload fails: rollback begins".into(),
        undo: back("rollback/freeze-target", "the target closes again", 30),
        estimate: Estimate::fixed(30, "one switch and four requests"),
        mark: None,
    }
}

fn tell_end(_facts: &Facts) -> Draft {
    Draft {
        id: "cutover/tell-end",
        title: "Tell the users that it is done",
        side: Side::Controller,
        actor: Actor::TrustArchitect,
        what: "Send docs/communication/done.txt, with the new address and what everyone does at the first sign-in.".into(),
        command: Some("cat docs/communication/done.txt".into()),
        before: needs("the target is open", "./migrate status"),
        proof: shows("the message is out", "cat docs/communication/done.txt"),
        abort_when: "the message cannot be sent; users find the new address by the old one meanwhile".into(),
        undo: back("rollback/tell-users", "docs/communication/rolled-back.txt", 120),
        estimate: Estimate::fixed(120, "sending one prepared message"),
        mark: None,
    }
}
