//! The services start, empty.

use super::super::facts::{Certificate, Facts};
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, back, needs, nothing, shows};
use crate::provider::Home;

/// Bytes of an image that have to be fetched, on average.
const IMAGE: u64 = 250_000_000;

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "deploy",
        title: "Start the services",
        place: Place::Forward,
        command: "./migrate deploy",
        gate: None,
        purpose: "The application runs at the target, with its own name and certificate, and without users or content yet.",
        steps: [pull(facts), place(facts), storage(facts)]
            .into_iter()
            .chain(database(facts))
            .chain([identity(facts), api(facts), proxy(facts), unit(facts), images(facts)])
            .collect(),
    }
}

fn compose(facts: &Facts, rest: &str) -> String {
    format!("{} sudo docker compose --project-directory /opt/stuf/compose {rest}", facts.ssh())
}

fn pull(facts: &Facts) -> Draft {
    let images = facts.images.len() as u64;
    let seconds = (images * IMAGE * 8).div_ceil(facts.bandwidth.0.max(1)) + images * 5;
    Draft {
        id: "deploy/pull-images",
        title: "Fetch the images by digest",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Fetches {images} images, each by the digest in the package; a tag that moved since cannot change what runs."
        ),
        command: None,
        before: needs("the container engine runs", format!("{} sudo docker version", facts.ssh())),
        proof: shows(
            "every digest of compose/.env is listed",
            format!("{} sudo docker images --digests", facts.ssh()),
        ),
        abort_when: "an image cannot be fetched after three tries".into(),
        undo: back("abort/remove-images", "removes the images", 30),
        estimate: Estimate {
            seconds,
            formula: "images × (average size × 8 ÷ bandwidth + unpacking)".into(),
            figures: format!(
                "{images} × ({} × 8 ÷ {} + 5 s) = {seconds} s",
                figures::bytes(IMAGE),
                figures::bandwidth(facts.bandwidth.0)
            ),
        },
        mark: None,
    }
}

fn place(facts: &Facts) -> Draft {
    Draft {
        id: "deploy/place-project",
        title: "Place the project's files",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Copies the Compose project to /opt/stuf/compose and the configuration to /opt/stuf/configuration.".into(),
        command: None,
        before: needs("prepare is done", "./migrate status"),
        proof: shows("no output: the project is well-formed and every required variable is set", compose(facts, "config --quiet")),
        abort_when: "the project does not validate".into(),
        undo: back("abort/remove-units", "removes the files together with the unit", 20),
        estimate: Estimate::fixed(20, "copying some dozens of small files"),
        mark: None,
    }
}

fn storage(facts: &Facts) -> Draft {
    let bucket = facts.bucket();
    let draft = Draft {
        id: "deploy/start-storage",
        title: "Start the object storage",
        side: Side::Target,
        actor: Actor::Automation,
        what: String::new(),
        command: None,
        before: needs("the project's files are in place", compose(facts, "config --quiet")),
        proof: shows("exit 0", "./migrate deploy"),
        abort_when: "not healthy within 180 s".into(),
        undo: back("abort/stop-services", "stops it; the volume stays", 20),
        estimate: Estimate::fixed(45, "start and health check of one service"),
        mark: None,
    };
    match &facts.site.storage.home {
        Home::Project { service, .. } => Draft {
            what: format!(
                "Starts the storage, creates bucket {bucket} and the one key that the API uses. Nobody outside the internal network reaches it."
            ),
            proof: shows(format!("{service} is healthy"), compose(facts, &format!("ps {service}"))),
            ..draft
        },
        Home::Outside { name, endpoint, .. } => Draft {
            title: "Check the object storage",
            what: format!(
                "Nothing is started: bucket {bucket} is one of {name}. Asks {endpoint} for it with the API's own key, over TLS, and whether it is in its region."
            ),
            proof: shows("the bucket answers to this key", "./migrate deploy"),
            abort_when: "the key is refused, or the bucket is not there or in another region".into(),
            undo: nothing("it only reads"),
            estimate: Estimate::fixed(10, "some requests to the storage"),
            ..draft
        },
    }
}

fn database(facts: &Facts) -> Option<Draft> {
    let database = facts.site.database.as_ref()?;
    Some(Draft {
        id: "deploy/make-database",
        title: "Make Keycloak's own user in the database",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Signs in to the database of {} as Keycloak will. Where that does not work yet, its administrator, whose password lies in memory for this step alone, makes Keycloak's user: it owns what it makes and may do nothing else, and nobody but these two may connect. The project's own PostgreSQL is the client.",
            database.name
        ),
        command: None,
        before: needs(
            format!("secret {} lies in the state folder, mode 0600", database.secret),
            format!("ls -l {}/secrets", super::super::state_folder(facts)),
        ),
        proof: shows(
            "of database keycloak the administrator owns everything, keycloak has c, which is to connect, and nobody else anything",
            compose(facts, "run --rm --no-deps --no-TTY postgres psql --no-psqlrc --dbname keycloak --list"),
        ),
        abort_when: "the password of the administrator is refused, the database is newer than the programs of the image, or Keycloak's user may do more".into(),
        undo: nothing("abort leaves the database as it is: docs/operations.md, Taking it down"),
        estimate: Estimate::fixed(30, "some runs of the client"),
        mark: None,
    })
}

fn identity(facts: &Facts) -> Draft {
    let here = facts.site.database.is_none();
    let (starts, services) =
        if here { ("the database and Keycloak", "postgres keycloak") } else { ("Keycloak", "keycloak") };
    Draft {
        id: "deploy/start-identity",
        title: "Start the identity service",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Starts {starts}, which reads the skeleton of realm {} from the package: roles, clients and scopes, without users.",
            facts.realm
        ),
        command: None,
        before: needs("the project's files are in place", compose(facts, "config --quiet")),
        proof: shows(
            if here { "postgres and keycloak are healthy" } else { "keycloak is healthy" },
            compose(facts, &format!("ps {services}")),
        ),
        abort_when: "not healthy within 600 s".into(),
        undo: back(
            "abort/stop-services",
            if here { "stops both; the volume stays" } else { "stops it; its database stays" },
            20,
        ),
        estimate: Estimate::fixed(
            120,
            "first start of Keycloak: building its configuration and its database",
        ),
        mark: None,
    }
}

fn api(facts: &Facts) -> Draft {
    Draft {
        id: "deploy/start-api",
        title: "Start the API",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Starts the API with {} MiB of memory. It holds a whole upload in memory, so the proxy hands it at most {} requests at once, of at most {} MiB.",
            facts.sizes.api_memory_mib, facts.sizes.parallel_requests, facts.sizes.upload_limit_mib
        ),
        command: None,
        before: needs("storage and identity are healthy", compose(facts, "ps")),
        proof: shows("api is healthy", compose(facts, "ps api")),
        abort_when: "not healthy within 180 s".into(),
        undo: back("abort/stop-services", "stops it; it holds no data", 20),
        estimate: Estimate::fixed(30, "start and health check of one service"),
        mark: None,
    }
}

fn proxy(facts: &Facts) -> Draft {
    let certificate = match facts.certificate {
        Certificate::Acme => "obtains its certificate by ACME",
        Certificate::Provided => "uses the certificate that you provide",
        Certificate::Internal => "signs its certificate with its own authority",
    };
    Draft {
        id: "deploy/start-proxy",
        title: "Start the proxy with the pages",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Takes the pages out of their image and starts the proxy, which {certificate} and serves pages, API and sign-in from {}.",
            facts.origin()
        ),
        command: None,
        before: needs("the API is healthy", compose(facts, "ps api")),
        proof: shows("proxy is healthy", compose(facts, "ps proxy")),
        abort_when: "not healthy within 180 s".into(),
        undo: back("abort/stop-services", "stops it; certificates stay in their volume", 20),
        estimate: Estimate::fixed(45, "start, certificate and health check"),
        mark: None,
    }
}

fn unit(facts: &Facts) -> Draft {
    Draft {
        id: "deploy/enable-unit",
        title: "Start the services with the machine",
        side: Side::Target,
        actor: Actor::Automation,
        what:
            "Enables the systemd unit stuf.service, so that a restart of the machine brings everything back."
                .into(),
        command: None,
        before: needs("every service is healthy", compose(facts, "ps")),
        proof: shows("enabled", format!("{} systemctl is-enabled stuf.service", facts.ssh())),
        abort_when: "the unit fails".into(),
        undo: back("abort/remove-units", "disables and removes the unit", 20),
        estimate: Estimate::fixed(15, "enabling one unit"),
        mark: None,
    }
}

fn images(facts: &Facts) -> Draft {
    Draft {
        id: "deploy/read-images",
        title: "Read which images run",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Asks the container engine for the image of each running service, by digest, and compares it with the package. The answer goes into the record of this phase."
            .into(),
        command: None,
        before: needs("every service is healthy", compose(facts, "ps")),
        proof: shows(
            "every digest is one of compose/.env",
            format!("{} sudo docker ps --no-trunc", facts.ssh()),
        ),
        abort_when: "a service runs another image than the package has".into(),
        undo: nothing("it only looks"),
        estimate: Estimate::fixed(5, "one question for each service"),
        mark: None,
    }
}
