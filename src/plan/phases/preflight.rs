//! Before anything changes: is everything there that the later phases rely on?

use super::super::facts::{Certificate, Facts};
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, needs, nothing, shows};

/// Memory of the services beside the API, in MiB: Keycloak 1,024, PostgreSQL 512, object storage 512, proxy 256, system 256.
const OTHER_SERVICES_MIB: u64 = 2_560;
/// Room for images, logs and database beside the content, in bytes.
const ROOM: u64 = 12_000_000_000;

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    let mut steps = vec![
        controller(),
        reach(facts),
        system(facts),
        resources(facts),
        time(facts),
        ports(facts),
        names(facts),
        registry(facts),
    ];
    steps.extend(mail(facts));
    steps.push(encryption(facts));
    PhaseDraft {
        id: "preflight",
        title: "Examine controller and target",
        place: Place::Forward,
        command: "./migrate preflight",
        gate: None,
        purpose: "Everything that later phases rely on is looked at now, while nothing has changed and stopping costs nothing.",
        steps,
    }
}

const READS_ONLY: &str = "it only reads";

fn controller() -> Draft {
    Draft {
        id: "preflight/check-controller",
        title: "Check the controller's tools",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Compares Python, OpenSSH, coreutils, age and git on this machine with what the package needs, and the virtual environment with requirements.txt, so that no phase stops half-way for want of a tool.".into(),
        command: None,
        before: needs("the virtual environment stands", "./migrate bootstrap"),
        proof: shows("each tool with a version that suffices; exit 0", "./migrate preflight"),
        abort_when: "a tool is missing or too old: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "reading the versions of the tools"),
        mark: None,
    }
}

fn reach(facts: &Facts) -> Draft {
    Draft {
        id: "preflight/reach-target",
        title: "Reach the target over SSH with the pinned host key",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Signs in as {} at {}, port {}, accepts only the host keys that the target names, and asks for sudo without a password.",
            facts.ssh_user, facts.host, facts.ssh_port
        ),
        command: None,
        before: needs("your key is accepted at the target", format!("{} true", facts.ssh())),
        proof: shows("exit 0, nothing printed", format!("{} sudo -n true", facts.ssh())),
        abort_when: "another host key answers: somebody else may be listening; ask the owner of the machine before anything else".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "two SSH connections"),
        mark: None,
    }
}

fn system(facts: &Facts) -> Draft {
    Draft {
        id: "preflight/check-system",
        title: "Check the operating system",
        side: Side::Target,
        actor: Actor::Automation,
        what: "The roles are tested on Debian 13 with systemd and on nothing else.".into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "VERSION_ID is 13 and the state of systemd is running or degraded",
            format!("{} 'cat /etc/os-release; systemctl is-system-running'", facts.ssh()),
        ),
        abort_when: "another system or version answers: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "reading the facts of one machine"),
        mark: None,
    }
}

fn resources(facts: &Facts) -> Draft {
    let memory = facts.sizes.api_memory_mib + OTHER_SERVICES_MIB;
    let room = facts.content.bytes.saturating_add(facts.content.bytes / 5).saturating_add(ROOM);
    Draft {
        id: "preflight/check-resources",
        title: "Check memory and disk",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "The services are limited to {memory} MiB together ({} MiB API + {OTHER_SERVICES_MIB} MiB others); content, images and logs take about {} (content + a fifth + {}).",
            facts.sizes.api_memory_mib,
            figures::bytes(room),
            figures::bytes(ROOM)
        ),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "at least that much memory in all and that much room on the disk of /var/lib",
            format!("{} 'free -m; df -h /var/lib'", facts.ssh()),
        ),
        abort_when: "memory or disk is short: exit 12; enlarge the machine, then repeat".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "reading the facts of one machine"),
        mark: None,
    }
}

fn time(facts: &Facts) -> Draft {
    Draft {
        id: "preflight/check-time",
        title: "Compare the clocks",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Tokens, certificates and the journal compare times; a clock that is minutes off refuses users who did nothing wrong.".into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows("both clocks show the same time", format!("date -u; {} date -u", facts.ssh())),
        abort_when: "the clocks differ by more than 60 s: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(5, "reading two clocks"),
        mark: None,
    }
}

fn ports(facts: &Facts) -> Draft {
    Draft {
        id: "preflight/check-ports",
        title: "Check that the ports of the proxy are free",
        side: Side::Target,
        actor: Actor::Automation,
        what: "The proxy listens on 80 and 443. A web server that already runs there belongs to somebody."
            .into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "no line for port 80 or 443, or only this installation's own proxy",
            format!("{} sudo ss -Hltnp", facts.ssh()),
        ),
        abort_when: "another program holds one of the ports: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(5, "reading the list of sockets"),
        mark: None,
    }
}

fn names(facts: &Facts) -> Draft {
    let reason = match facts.certificate {
        Certificate::Acme => "The certificate's authority looks the name up before it signs.",
        Certificate::Provided => "The certificate that you provide is for this name.",
        Certificate::Internal => "The proxy's own authority signs for this name, and users type it.",
    };
    Draft {
        id: "preflight/check-names",
        title: "Look up the public name",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!("{} has to lead to the target. {reason}", facts.domain),
        command: None,
        before: needs(format!("the record of {} exists", facts.domain), format!("getent ahosts {}", facts.domain)),
        proof: shows("only addresses of the target", format!("getent ahosts {}; getent ahosts {}", facts.domain, facts.host)),
        abort_when: "the name leads nowhere or elsewhere: exit 12; set the record, wait for its old lifetime, then repeat".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "asking name servers"),
        mark: None,
    }
}

fn registry(facts: &Facts) -> Draft {
    let through = if facts.own_registry {
        " through the registry's own authority or mirror that the target names"
    } else {
        ""
    };
    Draft {
        id: "preflight/check-registry",
        title: "Check that every image can be fetched",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Asks for the manifest of each of the {} images by its digest, from the target{through}.",
            facts.images.len()
        ),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows("each digest is answered; exit 0", "./migrate preflight"),
        abort_when: "a digest is unknown or the registry refuses: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::each(5, facts.images.len() as u64, 2_000, "images"),
        mark: None,
    }
}

fn mail(facts: &Facts) -> Option<Draft> {
    let mail = facts.mail.as_ref()?;
    Some(Draft {
        id: "preflight/check-mail",
        title: "Reach the mail server",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Connects from the target to {}, port {}, with the encryption that the target names, and sends nothing. Invitations and resets of passwords go this way.",
            mail.host, mail.port
        ),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows("the server greets and the encryption stands", "./migrate preflight"),
        abort_when: "the server does not answer or offers no encryption: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "one connection to the mail server"),
        mark: None,
    })
}

fn encryption(facts: &Facts) -> Draft {
    let what = if facts.require_disk_encryption {
        "Confidential files will lie on this disk. A disk that is not encrypted is refused, since the source's is."
    } else {
        "The target accepts a disk that is not encrypted. What is found is written into the report, so that the decision stays visible."
    };
    Draft {
        id: "preflight/check-encryption",
        title: "Check the encryption of the disk",
        side: Side::Target,
        actor: Actor::Automation,
        what: what.into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "the disk below /var/lib stands on a device of type crypt, or the report names the accepted finding",
            format!("{} 'lsblk -o NAME,TYPE,MOUNTPOINTS'", facts.ssh()),
        ),
        abort_when: if facts.require_disk_encryption {
            "the disk is in clear: exit 12"
        } else {
            "never; it reports"
        }
        .into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(5, "reading the list of devices"),
        mark: None,
    }
}
