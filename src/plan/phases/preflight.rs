//! Before anything changes: is everything there that the later phases rely on?

use super::super::facts::{Certificate, Facts};
use super::super::figures;
use super::super::sizes::ROOM;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, needs, nothing, shows};
use crate::provider::Home;

/// Memory of everything beside the API, in MiB (roles/preflight/defaults): Keycloak, PostgreSQL, object storage, proxy, system.
const OTHERS_MIB: u64 = 3_072;
/// What PostgreSQL has of that (mem_limit in compose.yaml), where it runs there.
const DATABASE_MIB: u64 = 512;

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
    steps.extend(database(facts));
    steps.push(source(facts));
    // Where the provider encrypts each disk, nothing of it is seen on the machine; Terraform asked for it.
    steps.extend(facts.site.disks_encrypted.is_none().then(|| encryption(facts)));
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
        what: "Compares Python, OpenSSH, Ansible and its collections on this machine with what the package needs, so that no phase stops half-way for want of a tool.".into(),
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
    let machine = &facts.site.machine;
    Draft {
        id: "preflight/reach-target",
        title: "Reach the target over SSH with the pinned host key",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Signs in as {} at {}, port {}, accepts only the host keys that {}, and asks for sudo without a password.",
            machine.user,
            facts.address(),
            machine.port,
            if machine.address.is_some() { "the target names" } else { "provision has pinned" }
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
        what: "The roles are written for Debian 13 with systemd and control groups v2, and the program that copies the content for x86_64.".into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "VERSION_ID=\"13\" and x86_64",
            format!("{} 'cat /etc/os-release; uname -m'", facts.ssh()),
        ),
        abort_when: "another system or version answers: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "reading the facts of one machine"),
        mark: None,
    }
}

fn resources(facts: &Facts) -> Draft {
    let (others, beside) = match facts.site.database {
        None => (OTHERS_MIB, "images, logs and database"),
        Some(_) => (OTHERS_MIB - DATABASE_MIB, "images and logs"),
    };
    let memory = facts.sizes.api_memory_mib + others;
    let room = figures::bytes(facts.sizes.disk_bytes);
    let parts = match (&facts.site.storage.home, facts.content.bytes) {
        (Home::Outside { .. }, _) | (_, 0) => format!("for {beside}"),
        (Home::Project { .. }, content) => {
            format!(
                "{} of content, a fifth of it, and {} for {beside}",
                figures::bytes(content),
                figures::bytes(ROOM)
            )
        }
    };
    let already = match facts.site.storage.home {
        Home::Project { .. } => "; what the storage holds there already counts as free",
        Home::Outside { .. } => "",
    };
    Draft {
        id: "preflight/check-resources",
        title: "Check memory and disk",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "The machine needs {memory} MiB of memory ({} MiB for the API + {others} MiB for everything else) and {room} of free disk below /var/lib/docker ({parts}){already}.",
            facts.sizes.api_memory_mib
        ),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows(
            "at least that much memory in all and that much room",
            format!("{} 'free -m; df -h /var/lib /var/lib/docker'", facts.ssh()),
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
        abort_when: "the clocks differ by more than 300 s: exit 12".into(),
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
            "no line for port 80 or 443, or only Docker's for STUF's own proxy, of an earlier run",
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
        Certificate::Acme => {
            "The certificate's authority asks at this name, so it has to lead to the target before deploy."
        }
        Certificate::Provided | Certificate::Internal => {
            "It may lead elsewhere until the cutover; until then the target is tested by its address."
        }
    };
    Draft {
        id: "preflight/check-names",
        title: "Look up the public name",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!("Reports where {} leads. {reason}", facts.domain),
        command: None,
        before: needs(
            match facts.record_of_terraform() {
                None => format!("you can change the record of {}", facts.domain),
                Some(_) => format!("Terraform has set the record of {}", facts.domain),
            },
            format!("getent ahosts {}", facts.domain),
        ),
        proof: shows(
            format!("only the address of {}, or the one that you mean to change", facts.address()),
            format!("getent ahosts {}", facts.domain),
        ),
        abort_when: "the name leads to a machine that you do not know".into(),
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

fn database(facts: &Facts) -> Option<Draft> {
    let database = facts.site.database.as_ref()?;
    Some(Draft {
        id: "preflight/check-database",
        title: "Reach the database",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Connects from the target to the database of {} that provision has made, asks for TLS, and holds its certificate against the authorities in the package and its own name. Nobody signs in.",
            database.name
        ),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows("the database answers by TLS, and its certificate is right", "./migrate preflight"),
        abort_when: "it does not answer, or those authorities do not vouch for it: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "one connection to the database"),
        mark: None,
    })
}

fn source(facts: &Facts) -> Draft {
    Draft {
        id: "preflight/check-source",
        title: "Reach the source's storage",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Where the credential `source_read` is given already: connects from the target to the storage that it names, over TLS, and asks for the bucket without a key. That a stranger is refused shows that the way is open. Where it is not given yet, the report says that nobody has looked.".into(),
        command: None,
        before: needs("the target answers", format!("{} true", facts.ssh())),
        proof: shows("the storage answers, or the report says that the credential is not given yet", "./migrate preflight"),
        abort_when: "the storage does not answer the target, or its certificate is not vouched for: exit 12".into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "one connection to the source's storage"),
        mark: None,
    }
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
            "the disk below /var/lib/docker stands on a device of type crypt, or the report names the accepted finding",
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
