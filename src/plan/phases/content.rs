//! Uploaded files move, while users go on working at the source.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, back, needs, nothing, shows};

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    let mut steps = vec![credential(facts), inventory(facts), keys(facts), batches(facts)];
    if facts.content.one_by_one > 0 {
        steps.push(singly(facts));
    }
    steps.extend([prove(facts), forget(facts)]);
    PhaseDraft {
        id: "content",
        title: "Copy the content",
        place: Place::Forward,
        command: "./migrate content",
        gate: Some("approve-content"),
        purpose: "The bulk moves before the cutover, so that the cutover only has to carry what changed since. Copying runs on the target machine; a closed laptop stops nothing.",
        steps,
    }
}

fn credential(facts: &Facts) -> Draft {
    Draft {
        id: "content/place-read-key",
        title: "Place the source's read key at the target",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Copies the key source-read from your state folder to the target, mode 0600. It can read and nothing else, and lies there only while content is copied.".into(),
        command: None,
        before: needs("the operator has issued source-read", format!("ls -l {}/secrets/source_read", super::super::state_folder(facts))),
        proof: shows("the file is there, mode 0600, owner root", format!("{} sudo stat /etc/stuf/secrets/source_read", facts.ssh())),
        abort_when: "the key is refused by the source, or can write there".into(),
        undo: back("content/remove-read-key", "removes the key", 5),
        estimate: Estimate::fixed(10, "copying one file and trying it"),
        mark: None,
    }
}

fn inventory(facts: &Facts) -> Draft {
    Draft {
        id: "content/take-inventory",
        title: "Take the source's inventory anew",
        side: Side::Source,
        actor: Actor::Automation,
        what: format!(
            "Lists the store itself, key by key, with content types and metadata, and compares with the {} of the export. An empty answer is an error, never an empty store.",
            figures::count(facts.content.objects, "object", "objects")
        ),
        command: None,
        before: needs("the read key is accepted", "./migrate content"),
        proof: shows("objects of the export + new − deleted = objects listed", "./migrate content"),
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
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Looks for keys and names of metadata that the target's storage cannot hold, before the first byte moves. In the export there are {} to rename by the target's rule and {} to copy one by one.",
            facts.content.renamed, facts.content.one_by_one
        ),
        command: None,
        before: needs("the inventory is taken", "./migrate content"),
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
            " Copying runs in the off-peak windows only, takes {} of them and ends {} after the first opens.",
            content.windows_needed,
            figures::duration(content.elapsed)
        )
    } else {
        String::new()
    };
    Draft {
        id: "content/copy-batches",
        title: "Copy the content, batch by batch",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Copies {} ({}) in {} with their content types and metadata.{when} An interrupted copy goes on at the first batch that is not proven.",
            figures::count(content.objects, "object", "objects"),
            figures::bytes(content.bytes),
            figures::count(content.batches.len() as u64, "batch", "batches"),
        ),
        command: None,
        before: needs("you have approved amount and windows", "./migrate approve content"),
        proof: shows("every batch is reported as copied", "./migrate status"),
        abort_when:
            "an object at the target would be overwritten by other bytes, or one batch fails three times"
                .into(),
        undo: back("abort/delete-data", "deletes the copy; the source is untouched", 60),
        estimate: content.copy.clone(),
        mark: None,
    }
}

fn singly(facts: &Facts) -> Draft {
    Draft {
        id: "content/copy-one-by-one",
        title: "Copy the keys that the bulk tool cannot carry",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Copies {} one at a time through the storage's own interface, since rclone would rename or skip them without a word.",
            figures::count(facts.content.one_by_one, "object", "objects")
        ),
        command: None,
        before: needs("the batches are copied", "./migrate status"),
        proof: shows("each of them is reported as copied", "./migrate status"),
        abort_when: "one of them cannot be copied".into(),
        undo: back("abort/delete-data", "deletes the copy; the source is untouched", 10),
        estimate: Estimate::each(5, facts.content.one_by_one, 2_000, "objects"),
        mark: None,
    }
}

fn prove(facts: &Facts) -> Draft {
    Draft {
        id: "content/prove-batches",
        title: "Prove every object",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Reads each object back at the target, compares its SHA-256, content type and metadata with the source's, and the native listings of both stores key by key. Each object gets a verdict; one that cannot be proven counts as failed.".into(),
        command: None,
        before: needs("every batch is copied", "./migrate status"),
        proof: shows("verified = objects; differs, missing, unexpected, unverifiable = 0", "./migrate status"),
        abort_when: "one object is not verified".into(),
        undo: nothing("it only reads"),
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
        what: "Removes the key that the copy used; the cutover places it again.".into(),
        command: None,
        before: needs("every object is proven", "./migrate status"),
        proof: shows("No such file", format!("{} sudo stat /etc/stuf/secrets/source_read", facts.ssh())),
        abort_when: "the file cannot be removed".into(),
        undo: back("content/place-read-key", "places it again", 10),
        estimate: Estimate::fixed(5, "removing one file"),
        mark: None,
    }
}
