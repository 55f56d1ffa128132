//! What the target stands on is made, where it does not exist yet.

use super::super::facts::Facts;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, needs, nothing, shows};
use crate::provider::Made;

/// The step before which a person has to approve what the plan of Terraform would do.
pub(in super::super) const APPROVED: &str = "provision/apply-plan";

/// The phase, where something has to be made.
pub(super) fn phase(facts: &Facts) -> Option<PhaseDraft> {
    let made = facts.site.made.as_ref()?;
    Some(PhaseDraft {
        id: "provision",
        title: "Make what the target stands on",
        place: Place::Forward,
        command: "./migrate provision",
        gate: None,
        purpose: "Terraform makes machine, network and storage. The first call shows what would be made and ends there; the next one, after your approval, makes exactly that. A call later shows what differs by then.",
        steps: vec![account(made), init(), show(facts), apply(facts, made), inventory(facts), archive(facts)],
    })
}

fn step(id: &'static str, title: &'static str, what: String) -> Draft {
    Draft {
        id,
        title,
        side: Side::Target,
        actor: Actor::Automation,
        what,
        command: None,
        before: needs("the step before is done", "./migrate status"),
        proof: shows("exit 0", "./migrate provision"),
        abort_when: "Terraform ends with an error: its own words are in the log that the message names"
            .into(),
        undo: nothing("it only reads"),
        estimate: Estimate::fixed(30, "some requests"),
        mark: None,
    }
}

fn account(made: &Made) -> Draft {
    let tools = made.tools.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>();
    Draft {
        side: Side::Controller,
        before: needs(made.credentials, made.whose),
        proof: shows(format!("{}, and each tool with a version that suffices", made.owner), made.whose),
        abort_when: "there are no credentials, they are of another account, or a tool is missing: exit 12"
            .into(),
        estimate: Estimate::fixed(15, "some versions and one request"),
        ..step(
            "provision/check-account",
            "Check tools and credentials",
            format!(
                "Looks for {} on this machine, and asks whose the credentials are: {}.",
                tools.join(", "),
                if made.owner_is_said {
                    format!("they have to be of {}", made.owner)
                } else {
                    "the target names no account, so look at the answer".to_owned()
                }
            ),
        )
    }
}

fn init() -> Draft {
    Draft {
        side: Side::Controller,
        abort_when: "the plugin cannot be fetched, or is not the one of the lock file".into(),
        undo: nothing("it only adds files to your state folder"),
        estimate: Estimate::fixed(120, "fetching one plugin of 150 MB"),
        ..step(
            "provision/init-terraform",
            "Prepare Terraform",
            "Copies the package's Terraform to the state folder and fetches the plugin that its lock file names, by its digest. The package itself is never written to.".to_owned(),
        )
    }
}

fn show(facts: &Facts) -> Draft {
    let kept = format!("{}/packages/{}/terraform", super::super::state_folder(facts), facts.number);
    Draft {
        side: Side::Controller,
        proof: shows(
            "how many are made, changed and destroyed, and each that is destroyed or replaced by its name",
            format!("less {kept}/plan.txt"),
        ),
        undo: nothing("it changes nothing; the plan is a file in your state folder"),
        estimate: Estimate::fixed(60, "reading what is there"),
        ..step(
            "provision/show-plan",
            "Show what would be made",
            "Compares what is there with what the package says, and keeps the difference as a plan file. Where nothing differs there is nothing to approve, and the phase goes on by itself.".to_owned(),
        )
    }
}

fn apply(facts: &Facts, made: &Made) -> Draft {
    let price = match &made.prices {
        Some(_) => "What it costs stands in chapter 1.",
        None => "The target names no prices, so nobody has reckoned what it costs.",
    };
    Draft {
        before: needs("you have read the plan and approved this very file", "./migrate approve provision"),
        proof: shows("Terraform reports what was made, changed and destroyed", "./migrate provision"),
        abort_when: "what is there has changed since the plan was shown: it is shown anew at the next call; or something could not be made: call the phase again, which plans what is left".into(),
        undo: nothing(format!(
            "abort leaves it in place, and it goes on costing; docs/operations.md, Taking it down, has the commands, and {} refuse to be destroyed by mistake",
            made.protected
        )),
        estimate: Estimate::fixed(made.takes.0, made.takes.1),
        ..step(
            APPROVED,
            "Make what was approved",
            format!("Makes in {}, {}: {}. {price}", made.owner, facts.site.name, made.what),
        )
    }
}

fn inventory(facts: &Facts) -> Draft {
    let way = match facts.site.machine.way {
        Some(way) if facts.ssh_allowed.is_empty() => {
            format!(" The way there leads through {way}, since no network reaches SSH.")
        }
        _ => String::new(),
    };
    Draft {
        side: Side::Controller,
        proof: shows("nothing printed", format!("{} true", facts.ssh())),
        abort_when: "the machine's console names no host key within 5 min: the message tells how to write it down by hand; or another key than the one that was pinned answers later".into(),
        undo: nothing("it only writes into your state folder"),
        estimate: Estimate::fixed(120, "the machine's first boot"),
        ..step(
            "provision/write-inventory",
            "Write down how the machine is reached",
            format!(
                "Writes address, account and host keys to {}, for Ansible and for the SSH client. The keys are those that the machine itself printed on its console, which the provider hands out: no connection decides them, and they are pinned once.{way}",
                facts.ssh_config().trim_end_matches("/ssh_config")
            ),
        )
    }
}

fn archive(facts: &Facts) -> Draft {
    let kept = format!("{}/terraform/archive", super::super::state_folder(facts));
    Draft {
        side: Side::Controller,
        proof: shows("one file for each run, mode 0600", format!("ls -l {kept}")),
        abort_when: "it cannot be copied".into(),
        undo: nothing("it only adds a file to your state folder"),
        estimate: Estimate::fixed(5, "copying one file"),
        ..step(
            "provision/archive-state",
            "Keep the state of Terraform",
            "Copies the file by which Terraform knows what it has made, with its digest in the journal. It holds no secret, and nothing can be changed or taken down in order without it: keep it as you keep the package."
            .to_owned(),
        )
    }
}
