//! A machine becomes a server that may hold confidential files.

use super::super::facts::Facts;
use super::super::figures;
use super::super::secrets::{NeededBy, Origin};
use super::super::step::{Actor, Draft, Estimate, Place, Side, Undo};
use super::{PhaseDraft, needs, nothing, shows};

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "prepare",
        title: "Prepare the target machine",
        place: Place::Forward,
        command: "./migrate prepare",
        gate: None,
        purpose: "Updates, time, SSH, firewall, container engine and secrets: what has to be right before the first service starts.",
        steps: [update(facts), set_time(facts), ssh(facts), firewall(facts), guessing(facts)]
            .into_iter()
            .chain(mount(facts))
            .chain([docker(facts), secrets(facts)])
            .collect(),
    }
}

fn kept() -> Undo {
    nothing("abort leaves it in place: opening a machine again is its owner's decision")
}

fn update(facts: &Facts) -> Draft {
    Draft {
        id: "prepare/update-system",
        title: "Install the system's updates",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Installs what Debian has published since, and lets security updates install themselves from now on.".into(),
        command: None,
        before: needs("preflight is done", "./migrate status"),
        proof: shows("0 upgraded", format!("{} 'sudo apt-get update -qq && apt-get --simulate upgrade'", facts.ssh())),
        abort_when: "the package manager is locked for more than 5 min, or leaves a package half configured".into(),
        undo: nothing("updates are not taken back; the former versions have known weaknesses"),
        estimate: Estimate::fixed(300, "a machine that was updated within the last month; an older one takes longer"),
        mark: None,
    }
}

fn set_time(facts: &Facts) -> Draft {
    Draft {
        id: "prepare/set-time",
        title: "Keep the clock right",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Starts a time service unless one keeps the clock already. One-time codes and certificates fail when it drifts.".into(),
        command: None,
        before: needs("preflight is done", "./migrate status"),
        proof: shows("yes", format!("{} timedatectl show --property=NTPSynchronized", facts.ssh())),
        abort_when: "the service does not start".into(),
        undo: kept(),
        estimate: Estimate::fixed(20, "installing and starting one service"),
        mark: None,
    }
}

fn ssh(facts: &Facts) -> Draft {
    Draft {
        id: "prepare/harden-ssh",
        title: "Let SSH accept keys only",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Turns off passwords, and refuses a machine where a Match block of sshd's configuration takes them, or where it includes files outside of sshd_config.d. The new configuration is tested before it takes effect; then a new connection is made, and sshd itself asked what it accepts, before the step counts as done.".into(),
        command: None,
        before: needs("you sign in with a key", format!("{} -o PasswordAuthentication=no true", facts.ssh())),
        proof: shows("passwordauthentication no", format!("{} sudo sshd -T", facts.ssh())),
        abort_when: "the test of the new configuration fails: the former one stays; or sshd still accepts something that can be guessed, or would from somebody else".into(),
        undo: kept(),
        estimate: Estimate::fixed(15, "writing, testing and reloading one configuration"),
        mark: None,
    }
}

fn firewall(facts: &Facts) -> Draft {
    let (networks, shown) = match facts.site.machine.way {
        Some(way) if facts.ssh_allowed.is_empty() => {
            (format!("through {way} alone"), "you come to the machine the way that it is opened for")
        }
        _ => {
            let networks = figures::count(facts.ssh_allowed.len() as u64, "network", "networks");
            (format!("from {networks}"), "the address you come from is among the allowed networks")
        }
    };
    Draft {
        id: "prepare/set-firewall",
        title: "Close every port but SSH and the proxy's",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "From outside only port {} ({networks}), 80 and 443 answer, for published ports of containers too. The rules take effect together or not at all.",
            facts.site.machine.port
        ),
        command: None,
        before: needs(shown, format!("{} 'echo $SSH_CLIENT'", facts.ssh())),
        proof: shows(
            "chains input and forward drop by default and name these ports only",
            format!("{} sudo nft list table inet stuf", facts.ssh()),
        ),
        abort_when: "SSH no longer answers after the change: the rules take themselves back after 120 s, or when the machine starts anew before that, to the former ones where there were any"
            .into(),
        undo: kept(),
        estimate: Estimate::fixed(15, "writing and loading one set of rules"),
        mark: None,
    }
}

fn guessing(facts: &Facts) -> Draft {
    Draft {
        id: "prepare/refuse-guessing",
        title: "Refuse addresses that guess passwords",
        side: Side::Target,
        actor: Actor::Automation,
        what: "After six failed sign-ins within 10 min an address is refused for an hour, longer each time."
            .into(),
        command: None,
        before: needs("the firewall stands", format!("{} sudo nft list table inet stuf", facts.ssh())),
        proof: shows("status of jail sshd", format!("{} sudo fail2ban-client status sshd", facts.ssh())),
        abort_when: "the service does not start".into(),
        undo: kept(),
        estimate: Estimate::fixed(30, "installing and starting one service"),
        mark: None,
    }
}

fn mount(facts: &Facts) -> Option<Draft> {
    facts.site.data_volume.then(|| Draft {
        id: "prepare/mount-data",
        title: "Put the data on its own disk",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Makes a file system on the data disk where it is blank and on nothing else, mounts it by its own name, and has what Docker keeps and the journal lie there. So they outlive the machine.".into(),
        command: None,
        before: needs("the disk is attached", format!("{} lsblk", facts.ssh())),
        proof: shows(
            "both lie on the data disk",
            format!("{} findmnt --target /var/lib/docker && {} findmnt --target /var/lib/stufpack", facts.ssh(), facts.ssh()),
        ),
        abort_when: "the disk holds something that this installation did not make: nothing is formatted, exit 12".into(),
        undo: nothing("abort leaves it mounted: a disk with data is its owner's to take away"),
        estimate: Estimate::fixed(20, "making and mounting one file system"),
        mark: None,
    })
}

fn docker(facts: &Facts) -> Draft {
    Draft {
        id: "prepare/install-docker",
        title: "Install the container engine",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Installs Docker Engine and Compose from Debian's own packages, with bounded logs and without access from the network.".into(),
        command: None,
        before: needs("the firewall stands", format!("{} sudo nft list table inet stuf", facts.ssh())),
        proof: shows(
            "server and Compose versions",
            format!("{} 'sudo docker version && sudo docker compose version'", facts.ssh()),
        ),
        abort_when: "the engine does not start, or its rules open a port that the firewall closed".into(),
        undo: nothing("abort leaves the engine installed, since other services may use it"),
        estimate: Estimate::fixed(90, "installing the engine from Debian's mirror"),
        mark: None,
    }
}

fn secrets(facts: &Facts) -> Draft {
    let here = || facts.secrets.iter().filter(|secret| secret.needed_by == NeededBy::Prepare);
    let count = here().count() as u64;
    let provided = here().any(|secret| secret.origin == Origin::Provided);
    let before = if provided {
        let folder = super::super::state_folder(facts);
        needs(
            "the secrets that you provide lie in the state folder, mode 0600",
            format!("ls -l {folder}/secrets"),
        )
    } else {
        needs("the container engine runs", format!("{} sudo docker version", facts.ssh()))
    };
    Draft {
        id: "prepare/make-secrets",
        title: "Make the secrets that are missing",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Gives each service a system account of its own and puts {} into /etc/stuf/secrets, mode 0600: made there when missing, copied from your state folder when you provide it. None ever stands in the package, in an argument or in a log.",
            figures::count(count, "secret", "secrets")
        ),
        command: None,
        before,
        proof: shows(
            "one file for each secret, none of them empty",
            format!("{} sudo find /etc/stuf/secrets -type f -size +0", facts.ssh()),
        ),
        abort_when: "a provided secret is missing or empty".into(),
        undo: super::back(
            "abort/delete-data",
            "removes the secrets together with the data that they protect",
            10,
        ),
        estimate: Estimate::each(5, count, 1_000, "secrets"),
        mark: None,
    }
}
