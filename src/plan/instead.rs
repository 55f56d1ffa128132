//! What there is instead of a phase or step that a package does not run: something a person can do, or what its absence means.
//!
//! Only true statements: a package without `cutover` builds the target, copies, and leaves the source as it is.

use super::facts::Facts;
use super::figures;
use super::step::{Instead, StepId};

/// What it means for the Trust Architect that the phase `id` is not run.
pub(super) fn of_phase(id: &str, facts: &Facts) -> Option<String> {
    let text = match id {
        "backup" => format!(
            "The source is not saved, and nothing that this package runs touches it. Keep the package itself: it holds configuration, realm and users as they were exported on {}.",
            day(facts)
        ),
        "cutover" => "Nobody is moved: users go on working at the source, and the target is there to be tried. Both would take uploads, and nothing carries them from one to the other. Ask the sender for a package that runs it before you tell users the new address.".to_owned(),
        "watch" => "Nothing is measured over time, and nothing turns back by itself.".to_owned(),
        "finalize" => "Nothing was handed over, so nothing is closed: keep the source.".to_owned(),
        "rollback" => "There is nothing to take back at the source, since this package changes nothing there. ./migrate abort takes down what was built at the target.".to_owned(),
        "restore" => "A cold backup is put back by hand; docs/operations.md, Restore, has the commands.".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// What there is instead of the step `id`.
pub(super) fn of_step(id: StepId, facts: &Facts) -> Option<Instead> {
    let (phase, _) = id.split_once('/')?;
    match phase {
        "backup" => backup(id, facts),
        "cutover" => cutover(id, facts),
        "watch" | "finalize" => afterwards(id, facts),
        "rollback" => rollback(id, facts),
        _ => beside(id),
    }
}

/// What it means that nothing runs what a person's step `id` stands between; where it means something.
pub(super) fn of_person(id: StepId) -> Option<Instead> {
    Some(match id {
        "cutover/tell-start" => not_here("nothing begins: do not send docs/communication/start.txt"),
        "cutover/set-record" => not_here(
            "nobody is moved: leave a name that users type as it is. A new name of the target's own may lead there",
        ),
        "cutover/tell-end" => not_here("nobody was moved: do not send docs/communication/done.txt"),
        "rollback/tell-users" => {
            not_here("nobody was told that anything changed: do not send docs/communication/rolled-back.txt")
        }
        "finalize/close-source" => not_here("nothing was handed over: the source stays as it is"),
        _ => return None,
    })
}

fn backup(id: StepId, facts: &Facts) -> Option<Instead> {
    Some(match id {
        "backup/save-configuration" => by_hand(
            "Keep the package's zip where you keep other confidential files, or ask the operator for a fresh export.",
        ),
        "backup/list-content" => not_here(format!(
            "the newest list is that of the export ({}, content/summary.json)",
            figures::count(facts.content.objects, "object", "objects")
        )),
        "backup/prove-backup" => by_hand("Verify the zip that you kept, as VERIFY.txt says."),
        _ => return None,
    })
}

fn cutover(id: StepId, facts: &Facts) -> Option<Instead> {
    let record = || format!("dig +noall +answer {}", facts.domain);
    Some(match id {
        "cutover/take-lease" => {
            not_here("nothing acts on the source, so nothing has to keep others away from it")
        }
        "cutover/save-routing" => {
            typed("Write down the records of the public name before you change any.", records(facts))
        }
        "cutover/measure-source" => not_here("there is no figure to compare the target with"),
        "cutover/take-inventory" => not_here("how much has changed since phase content is not known"),
        "cutover/check-lifetime" => typed("Look at the record's lifetime yourself.", record()),
        "cutover/freeze-source" => {
            not_here("the source goes on taking uploads; only its operator can stop that")
        }
        "cutover/drain-uploads" | "cutover/prove-freeze" | "cutover/record-baseline" => {
            not_here("the source is not frozen, so there is no state to compare with later")
        }
        "cutover/copy-delta" | "cutover/prove-content" => {
            not_here("what changes at the source after phase content does not reach the target")
        }
        "cutover/import-changes" => by_hand(
            "Have a new package compiled from a new export; its import applies what changed in configuration and users.",
        ),
        "cutover/test-by-address" => typed(
            "Ask the target by its address, whatever the public name leads to.",
            format!(
                "curl --fail --silent --connect-to {}:443:{}:443 {}/api/health",
                facts.domain,
                facts.typed_address(),
                facts.origin()
            ),
        ),
        "cutover/ask-name-servers" => {
            typed("Ask the name servers yourself.", format!("dig +nssearch {}", facts.domain))
        }
        "cutover/switch-address" => {
            not_here("the old address goes on answering itself; only the operator can redirect it")
        }
        "cutover/prove-from-outside" => typed(
            "Verify again: it signs in, uploads and downloads from outside.",
            "./migrate verify".to_owned(),
        ),
        "cutover/set-hand-over-mark" | "cutover/open-target" => {
            not_here("there is no mark: the target takes uploads of everyone who can sign in, from deploy on")
        }
        _ => return None,
    })
}

fn afterwards(id: StepId, facts: &Facts) -> Option<Instead> {
    Some(match id {
        "watch/measure" => typed("Look several times a day.", "./migrate status".to_owned()),
        "finalize/check-proofs" => not_here("without a cutover there is nothing to prove the end of"),
        "finalize/revoke-credentials" => {
            by_hand("Ask the operator to revoke source-read, and delete your copy of it.")
        }
        "finalize/record-operation" => typed("Keep journal and reports.", format!("ls {}", own_state(facts))),
        _ => return None,
    })
}

fn rollback(id: StepId, facts: &Facts) -> Option<Instead> {
    let switch = |name: &str| format!("{} sudo touch /var/lib/stufpack/switches/{name}", facts.ssh());
    Some(match id {
        "rollback/freeze-target" => typed("Refuse uploads at the target.", switch("read-only")),
        "rollback/restore-address" => match facts.record_of_terraform() {
            None => typed("Put back the records that you wrote down, at your name provider.", records(facts)),
            // Terraform overwrites no record, so none of type A stood before its own; one of type AAAA may have.
            Some(_) => typed(
                &format!(
                    "Put back what you removed beside Terraform's record, such as an AAAA record, as you wrote it down. Leave the A record of {} to Terraform, which has set it where none was, and would set it again by provision.",
                    facts.domain
                ),
                records(facts),
            ),
        },
        "rollback/stop-deployment" => {
            typed("Show the maintenance page at the target.", switch("maintenance"))
        }
        "rollback/sync-back" => not_here(
            "what was uploaded to the target does not reach the source; docs/operations.md, Backup, keeps it",
        ),
        "rollback/unfreeze-source" => not_here("the source was never frozen"),
        "rollback/validate-source" => typed(
            "Sign in at the source, upload, download.",
            format!("curl --fail --silent {}/api/health", facts.hosted),
        ),
        _ => return None,
    })
}

fn beside(id: StepId) -> Option<Instead> {
    Some(match id {
        "restore/save-present-state" => {
            by_hand("Make a cold backup of what is there: docs/operations.md, Backup.")
        }
        "restore/put-back" => by_hand("Type the block of docs/operations.md, Restore."),
        _ => return None,
    })
}

fn by_hand(text: &str) -> Instead {
    Instead::ByHand { text: text.to_owned(), command: None }
}

fn typed(text: &str, command: String) -> Instead {
    Instead::ByHand { text: text.to_owned(), command: Some(command) }
}

fn not_here(means: impl Into<String>) -> Instead {
    Instead::NotHere { means: means.into() }
}

/// What shows every address that the public name leads to: asked for no type, `dig` tells of IPv4 alone.
fn records(facts: &Facts) -> String {
    format!("dig +noall +answer {0} A {0} AAAA", facts.domain)
}

/// Where journal, reports and logs of this package lie.
fn own_state(facts: &Facts) -> String {
    format!("{}/packages/{}", super::state_folder(facts), facts.number)
}

/// The day of the export.
fn day(facts: &Facts) -> String {
    facts.exported_at.to_string().chars().take(10).collect()
}
