//! Does the target do what the source does, seen from outside?

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::super::verbs::P95_FLOOR_MILLISECONDS;
use super::{PhaseDraft, needs, nothing, shows};
use crate::provider::Home;

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "verify",
        title: "Verify the target from outside",
        place: Place::Forward,
        command: "./migrate verify",
        gate: None,
        purpose: "The report of this phase is what the approval of the cutover rests on.",
        steps: vec![
            answer(facts),
            tls(facts),
            published(facts),
            sign_in(facts),
            upload(facts),
            strangers(facts),
            storage(facts),
            documents(facts),
            times(facts),
        ]
        .into_iter()
        .chain(messages(facts))
        .collect(),
    }
}

const READS_ONLY: &str = "it only reads";
pub(super) const READ_BACK_LEAVES: &str =
    "it only reads; its validation users are removed by the step itself, also after a failure";
const NOT_PASSED: &str = "the check does not pass: exit 1; do not approve the cutover";

fn answer(facts: &Facts) -> Draft {
    Draft {
        id: "verify/answer-from-outside",
        title: "Ask pages, API and sign-in from outside",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Asks for the pages, config.js, the API's health and the realm through the public name, as a browser would; config.js leads to this name and nowhere else.".into(),
        command: None,
        before: needs(
            if facts.web_allowed.is_empty() {
                "deploy and import are done"
            } else {
                "deploy and import are done, and this machine's address is among those that 80 and 443 answer (docs/security.md)"
            },
            "./migrate status",
        ),
        proof: shows(r#"{"status":"healthy","service":"stuf-api"}"#, format!("curl --fail --silent {}/api/health", facts.origin())),
        abort_when: NOT_PASSED.into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "four requests"),
        mark: None,
    }
}

fn tls(facts: &Facts) -> Draft {
    Draft {
        id: "verify/check-tls-and-headers",
        title: "Check certificate, versions of TLS and headers",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "The certificate is for this name and trusted, nothing below TLS 1.2 is spoken, HTTP leads to HTTPS, and the headers that protect a browser are there.".into(),
        command: None,
        before: needs("the pages answer", format!("curl --fail --silent --output /dev/null {}/", facts.origin())),
        proof: shows("strict-transport-security, content-security-policy, x-content-type-options, referrer-policy, permissions-policy and cross-origin-opener-policy", format!("curl --silent --head {}/", facts.origin())),
        abort_when: NOT_PASSED.into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(15, "some handshakes and requests"),
        mark: None,
    }
}

fn published(facts: &Facts) -> Draft {
    let inside = match (&facts.site.storage.home, &facts.site.database) {
        (Home::Project { .. }, None) => "Storage, database and identity answer",
        (Home::Project { .. }, Some(_)) => "Storage and identity answer",
        (Home::Outside { .. }, None) => "Database and identity answer",
        (Home::Outside { .. }, Some(_)) => "Identity answers",
    };
    let ssh =
        if facts.ssh_allowed.is_empty() { String::new() } else { format!("{}, ", facts.site.machine.port) };
    Draft {
        id: "verify/check-published-ports",
        title: "Check that only SSH and the proxy answer",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Tries the ports of every service from outside, and one that no rule names, at which a program listens for this moment only: nobody else could tell whether the firewall drops what it does not know. {inside} the internal network only."
        ),
        command: None,
        before: needs("the firewall stands", format!("{} sudo nft list table inet stuf", facts.ssh())),
        proof: shows(format!("open: {ssh}80 and 443; nothing else"), "./migrate verify"),
        abort_when: NOT_PASSED.into(),
        undo: nothing("it only reads; the program ends with the step, and after two minutes by itself"),
        estimate: Estimate::fixed(60, "trying closed ports until each try times out"),
        mark: None,
    }
}

fn sign_in(facts: &Facts) -> Draft {
    Draft {
        id: "verify/sign-in",
        title: "Sign in and read one's own rights",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Makes a validation user, follows the sign-in as an invited user does, asks the API who it is{}, and removes the user in any case. Issuer, audience and signature are right when the API answers.",
            if facts.second_factor {
                ", comes again with the password alone, which must lead no further than to the question for a code"
            } else {
                ""
            }
        ),
        command: None,
        before: needs(
            "the realm answers",
            format!("curl --fail --silent {}/auth/realms/{}", facts.origin(), facts.realm),
        ),
        proof: shows("the API answers 200 with the rights in the token", "./migrate verify"),
        abort_when: NOT_PASSED.into(),
        undo: nothing("the validation user is removed by the step itself, also after a failure"),
        estimate: Estimate::fixed(20, "one sign-in and some requests"),
        mark: None,
    }
}

fn upload(_facts: &Facts) -> Draft {
    Draft {
        id: "verify/upload-and-download",
        title: "Upload a file and download it again",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Uploads a small file with metadata through the proxy as a validation user, downloads it, compares every byte and its name, and deletes file and user. It goes to the collection stufpack-validation, where the Trust Architects of the package try uploads too, and which nobody else reaches but realm role admin, who reaches every collection. It is emptied by verify/read-storage, and no export, delta or comparison looks into it.".into(),
        command: None,
        before: needs("sign-in works", "./migrate status"),
        proof: shows("same bytes, same name; afterwards the object is gone", "./migrate verify"),
        abort_when: NOT_PASSED.into(),
        undo: nothing("file and validation user are removed by the step itself, also after a failure"),
        estimate: Estimate::fixed(10, "three requests"),
        mark: None,
    }
}

fn strangers(facts: &Facts) -> Draft {
    Draft {
        id: "verify/refuse-strangers",
        title: "Check that strangers are refused",
        side: Side::Controller,
        actor: Actor::Automation,
        what: "Without a token, with a token of another issuer, and for a collection without permission the API refuses. On the machine, no account without rights reads secrets, people's data or the journal.".into(),
        command: None,
        before: needs("the API answers", format!("curl --fail --silent {}/api/health", facts.origin())),
        proof: shows("401", format!("curl --silent --output /dev/null --write-out '%{{http_code}}' {}/api/me", facts.origin())),
        abort_when: NOT_PASSED.into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(10, "some refused requests"),
        mark: None,
    }
}

fn storage(facts: &Facts) -> Draft {
    Draft {
        id: "verify/read-storage",
        title: "Look into the object storage",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Empties the collection stufpack-validation, then writes, reads, lists and deletes an object there in bucket {} with the API's own key, since the API's health says nothing about the storage.",
            facts.bucket()
        ),
        command: None,
        before: match facts.site.storage.home {
            Home::Project { service, .. } => needs(
                "the storage is healthy",
                format!(
                    "{} sudo docker compose --project-directory /opt/stuf/compose ps {service}",
                    facts.ssh()
                ),
            ),
            Home::Outside { .. } => needs("deploy has reached the storage", "./migrate status"),
        },
        proof: shows("same bytes back, and nothing is left in the collection", "./migrate verify"),
        abort_when: NOT_PASSED.into(),
        undo: nothing("it deletes its own object"),
        estimate: Estimate::fixed(10, "some requests to the storage"),
        mark: None,
    }
}

fn documents(facts: &Facts) -> Draft {
    Draft {
        id: "verify/read-documents",
        title: "Read users, settings and documents where they are used",
        side: Side::Target,
        actor: Actor::Automation,
        what: "The same reading as at the end of import, since people may have changed something meanwhile: every user in Keycloak, every document in the bucket, what the pages serve, and what the API makes of the users' rights. What opens the realm and came with no package (clients, rights of service accounts, mappers, flows, identity providers, user federation) is a warning by its name."
            .into(),
        command: None,
        before: needs("import is done", "./migrate status"),
        proof: shows(
            format!(
                "{} and {} as in the package",
                figures::count(facts.users, "user", "users"),
                figures::count(facts.configuration_documents, "document", "documents")
            ),
            "./migrate verify",
        ),
        abort_when: NOT_PASSED.into(),
        undo: nothing(READ_BACK_LEAVES),
        estimate: Estimate::each(10, facts.users + facts.configuration_documents, 50, "users and documents"),
        mark: None,
    }
}

fn times(facts: &Facts) -> Draft {
    Draft {
        id: "verify/measure-response-times",
        title: "Measure response times against the source's own",
        side: Side::Controller,
        actor: Actor::Automation,
        what: format!(
            "Asks for pages and health here and at {}, at the same moment from the same machine, and compares the 95th percentiles. Where the source gives no figures the report says so, and this check did not run.",
            facts.hosted
        ),
        command: None,
        before: needs(
            "the pages answer",
            format!("curl --fail --silent --output /dev/null {}/", facts.origin()),
        ),
        proof: shows(
            format!(
                "at most {} % of the source's own time, or {P95_FLOOR_MILLISECONDS} ms; more is a warning",
                facts.thresholds.p95_percent
            ),
            "./migrate verify",
        ),
        abort_when: "nothing is slow enough to stop here: a warning is for whoever approves the cutover"
            .into(),
        undo: nothing(READS_ONLY),
        estimate: Estimate::fixed(15, "44 requests, half of them to the source"),
        mark: None,
    }
}

fn messages(facts: &Facts) -> Option<Draft> {
    super::messages(
        facts,
        "verify/send-messages",
        "Check that messages arrive",
        "what came before has run",
        "verification",
        "each run",
    )
}
