//! Taking down what was built, looking at it, and asking for help.

use super::super::facts::Facts;
use super::super::step::{Actor, Draft, Estimate, Place, Side, Undo};
use super::{PhaseDraft, back, needs, nothing, shows};
use crate::provider::Home;

const TAKES_DOWN: &str = "Before the cutover: removes services, unit, images and accounts that this package made. Data stays unless you say otherwise. The source is untouched.";
const TAKES_DOWN_SERVICES: &str = "Before the cutover: removes services, unit, images and accounts that this package made. Data stays unless you say otherwise. What provision made stays too and goes on costing: docs/operations.md, Taking it down, has the commands. The source is untouched.";

pub(super) fn abort(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "abort",
        title: "Take down what was built",
        place: Place::Back,
        command: "./migrate abort",
        gate: None,
        purpose: if facts.site.made.is_some() { TAKES_DOWN_SERVICES } else { TAKES_DOWN },
        steps: vec![stop(facts), units(facts), images(facts), users(facts), data(facts)],
    }
}

fn again() -> Undo {
    back("deploy/place-project", "./migrate deploy builds it again", 300)
}

fn stop(facts: &Facts) -> Draft {
    Draft {
        id: "abort/stop-services",
        title: "Stop and remove the containers",
        side: Side::Target,
        actor: Actor::Automation,
        what:
            "Stops a copy of the content that runs and removes the source's read key; then stops the services in order, removes containers and networks, keeps the volumes and lists them."
                .into(),
        command: None,
        before: needs("the cutover has not begun, or is rolled back", "./migrate status"),
        proof: shows("no container of project stuf", format!("{} sudo docker ps --all", facts.ssh())),
        abort_when: "a container does not stop within its time".into(),
        undo: again(),
        estimate: Estimate::fixed(45, "stopping the services in order"),
        mark: None,
    }
}

fn units(facts: &Facts) -> Draft {
    Draft {
        id: "abort/remove-units",
        title: "Remove unit and project files",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Disables and removes stuf.service, removes /opt/stuf, the copying program with its unit and its lists of files, and what an interrupted export left.".into(),
        command: None,
        before: needs("the containers are removed", format!("{} sudo docker ps --all", facts.ssh())),
        proof: shows("not-found", format!("{} systemctl is-enabled stuf.service", facts.ssh())),
        abort_when: "a file cannot be removed".into(),
        undo: again(),
        estimate: Estimate::fixed(15, "removing two units and some folders"),
        mark: None,
    }
}

fn images(facts: &Facts) -> Draft {
    Draft {
        id: "abort/remove-images",
        title: "Remove the images",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Removes the images of this package, and of earlier ones on this machine, by digest. An image that another container uses stays, as does another version that no package brought.".into(),
        command: None,
        before: needs("the containers are removed", format!("{} sudo docker ps --all", facts.ssh())),
        proof: shows(
            "none of the digests of the package but those that the phase has named",
            format!("{} sudo docker images --digests", facts.ssh()),
        ),
        abort_when: "never; an image in use is reported and stays".into(),
        undo: again(),
        estimate: Estimate::fixed(30, "removing some images"),
        mark: None,
    }
}

fn users(facts: &Facts) -> Draft {
    let mut accounts = vec!["stuf-api", "stuf-files"];
    if let Home::Project { account, .. } = facts.site.storage.home {
        accounts.push(account);
    }
    accounts.push("stuf-proxy");
    Draft {
        id: "abort/remove-users",
        title: "Remove the accounts that were made",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Removes the system accounts that this package made. Yours stays; firewall, SSH settings and Docker stay too.".into(),
        command: None,
        before: needs(
            "unit and files are removed",
            format!("{} systemctl is-enabled stuf.service", facts.ssh()),
        ),
        proof: shows("nothing is printed", format!("{} getent passwd {}", facts.ssh(), accounts.join(" "))),
        abort_when: "a process of such an account still runs".into(),
        undo: again(),
        estimate: Estimate::fixed(10, "removing accounts"),
        mark: None,
    }
}

fn data(facts: &Facts) -> Draft {
    let database = facts.site.database.as_ref();
    let own = match (&facts.site.storage.home, database) {
        (Home::Project { .. }, None) => "database, content and certificates",
        (Home::Project { .. }, Some(_)) => "content and certificates",
        (Home::Outside { .. }, None) => "database and certificates",
        (Home::Outside { .. }, Some(_)) => "certificates",
    };
    let bucket = match facts.site.storage.home {
        Home::Project { .. } => None,
        Home::Outside { name, .. } => Some(format!("Bucket {} of {name}", facts.bucket())),
    };
    let database = database.map(|database| format!("database {} of {}", database.instance, database.name));
    let elsewhere: Vec<String> = bucket.into_iter().chain(database).collect();
    let stays = match elsewhere.as_slice() {
        [] => String::new(),
        [one] => format!(" {one} keeps what it holds: docs/operations.md, Taking it down."),
        several => {
            format!(" {} keep what they hold: docs/operations.md, Taking it down.", several.join(" and "))
        }
    };
    let what = format!(
        "Only with --delete-data: removes the volumes with {own}, the secrets without which nobody can read them, and the saved states.{stays}"
    );
    Draft {
        id: "abort/delete-data",
        title: "Delete the data",
        side: Side::Target,
        actor: Actor::Automation,
        what,
        command: None,
        before: needs(
            "nothing on this machine is needed any more; the source holds everything",
            "./migrate status",
        ),
        proof: shows(
            "no volume whose name begins with stuf",
            format!("{} sudo docker volume ls", facts.ssh()),
        ),
        abort_when: "a volume is in use".into(),
        undo: nothing("what is deleted does not come back; the source still has it"),
        estimate: Estimate::fixed(30, "removing some volumes"),
        mark: None,
    }
}

pub(super) fn status(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "status",
        title: "Show where it stands",
        place: Place::Beside,
        command: "./migrate status",
        gate: None,
        purpose: "Journal, percent and health of the services, at any time.",
        steps: vec![Draft {
            id: "status/show-services",
            title: "Show the services and their health",
            side: Side::Target,
            actor: Actor::Automation,
            what: "Lists each service with its state and health, and says how far the content is copied."
                .into(),
            command: None,
            before: needs("the target answers", format!("{} true", facts.ssh())),
            proof: shows("healthy for each service", "./migrate status"),
            abort_when: "never; it only reports".into(),
            undo: nothing("it only reads"),
            estimate: Estimate::fixed(10, "one question to the container engine"),
            mark: None,
        }],
    }
}
