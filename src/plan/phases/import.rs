//! Configuration and users move in; then users are invited.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::verify::READ_BACK_LEAVES;
use super::{PhaseDraft, back, needs, nothing, shows};
use crate::model::Invitation;

/// Where the one name stands that neither the log nor a report tells.
const NAMES_LEFT: &str =
    "which user it was stays in /var/lib/stufpack/users-otherwise.json at the target, readable by root only";

pub(super) fn phase(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "import",
        title: "Import configuration and users",
        place: Place::Forward,
        command: "./migrate import",
        gate: None,
        purpose: "All or nothing: when one user or document fails, what stood before is put back.",
        steps: vec![save(facts), users(facts), documents(facts), read_back(facts)]
            .into_iter()
            .chain(messages(facts))
            .collect(),
    }
}

fn save(facts: &Facts) -> Draft {
    Draft {
        id: "import/save-before-state",
        title: "Save what stands there before",
        side: Side::Target,
        actor: Actor::Automation,
        what: "Writes realm, users and configuration documents as they are now to /var/lib/stufpack/before, readable by root only. A failure of any later step of this phase puts them back; until that has happened, or an import has come to its end, it stays saved: neither ./migrate import nor that of a newer package saves anew what stands half, and both save what others have changed since. Before anything happens here or in a later step, the files that deploy has placed for the import are held against the package's digests.".into(),
        command: None,
        before: needs("every service is healthy", "./migrate status"),
        proof: shows("the saved state is listed", format!("{} sudo ls -l /var/lib/stufpack/before", facts.ssh())),
        abort_when: "the state cannot be read or written whole; or a placed file is no longer the package's: exit 12, nothing changed, and ./migrate deploy places it anew".into(),
        undo: nothing("it only adds a copy"),
        estimate: Estimate::each(10, facts.users, 50, "users"),
        mark: None,
    }
}

fn users(facts: &Facts) -> Draft {
    Draft {
        id: "import/import-users",
        title: "Create the users",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Creates {} in realm {} ({} of them may sign in) with roles and collections, by Keycloak's administration interface. No password moves: everyone sets a new one{}. Users whom an unfinished import wrote, and whom this package does not have, are put back first.",
            figures::count(facts.users, "user", "users"),
            facts.realm,
            facts.active_users,
            if facts.second_factor { " and a second factor" } else { "" }
        ),
        command: None,
        before: needs(
            "the state before is saved",
            format!("{} sudo ls -l /var/lib/stufpack/before", facts.ssh()),
        ),
        proof: shows(
            "created, changed and unchanged users add up to the number of users",
            "./migrate import",
        ),
        abort_when: format!("one user cannot be created: the state before is put back; {NAMES_LEFT}"),
        undo: back("import/save-before-state", "the saved users are put back", 10 + facts.users / 4),
        estimate: Estimate::each(10, facts.users, 400, "users"),
        mark: None,
    }
}

fn documents(facts: &Facts) -> Draft {
    Draft {
        id: "import/write-documents",
        title: "Write the configuration documents",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Writes {} into bucket {}: the configuration, the metadata fields, who reads what, the list of users and one document for each of them. Documents that an unfinished import wrote, and that this package does not have, are put back first.",
            figures::count(facts.configuration_documents, "document", "documents"),
            facts.bucket()
        ),
        command: None,
        before: needs("the users are created", "./migrate status"),
        proof: shows("the number of written documents", "./migrate import"),
        abort_when: "one document cannot be written: the state before is put back".into(),
        undo: back(
            "import/save-before-state",
            "the saved documents are put back",
            10 + facts.configuration_documents / 10,
        ),
        estimate: Estimate::each(5, facts.configuration_documents, 50, "documents"),
        mark: None,
    }
}

fn read_back(facts: &Facts) -> Draft {
    Draft {
        id: "import/read-back",
        title: "Read everything back where it is used",
        side: Side::Target,
        actor: Actor::Automation,
        what: "What was accepted is not yet what is used. Reads every user with roles, collections and permissions in Keycloak, every document in the bucket, config.js and branding as browsers get them, and what the API makes of the rights: temporary users who hold every collection, permission and role of the package ask it. All is compared with the package, and so are the placed files that tell what is wanted. Users and documents as they stand then are fetched for the record, like those before.".into(),
        command: None,
        before: needs("the documents are written", "./migrate status"),
        proof: shows("0 differences", "./migrate import"),
        abort_when: format!("one byte differs: the state before is put back; {NAMES_LEFT}"),
        undo: nothing(READ_BACK_LEAVES),
        estimate: Estimate::each(10, facts.users + facts.configuration_documents, 100, "users and documents"),
        mark: None,
    }
}

fn messages(facts: &Facts) -> Option<Draft> {
    super::messages(
        facts,
        "import/send-messages",
        "Tell that users and configuration are in",
        "everything is read back",
        "import",
        "this package",
    )
}

pub(super) fn invite(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "invite",
        title: "Invite the users",
        place: Place::Forward,
        command: "./migrate invite",
        gate: None,
        purpose: "Users prove themselves anew before the cutover, so that nobody stands before a closed door on the day.",
        steps: vec![send(facts)],
    }
}

fn send(facts: &Facts) -> Draft {
    let factor = if facts.second_factor { " and set up a second factor" } else { "" };
    let (what, proof, undo) = match facts.invitation {
        Invitation::Mail => (
            format!(
                "Keycloak sends each of the {} a link with which they set a password{factor}. The link holds for {}. Called again, it sends a new one to whoever has set no password and whose address is another by now, or whose link has ended, or ends within {}: chapter 11 says when.",
                figures::count(facts.active_users, "active user", "active users"),
                figures::duration(facts.invitation_lifespan.seconds()),
                figures::duration(facts.renewal())
            ),
            "the number of sent invitations is the number of active users",
            "a sent mail cannot be called back; the link ends by itself",
        ),
        Invitation::OneTimePassword => (
            format!(
                "Writes a one-time password for each of the {} to secrets/one-time-passwords.csv in the state folder, mode 0600; hand each to its user by a way that you trust, then delete the file. At the first sign-in they set their own{factor}.",
                figures::count(facts.active_users, "active user", "active users")
            ),
            "the number of written passwords is the number of active users",
            "a password that was handed over cannot be called back; run it again and the former ones end",
        ),
    };
    Draft {
        id: "invite/send-invitations",
        title: "Send the invitations",
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "{what} From then on they can sign in at {} and upload there, and nothing carries that back to the source: send docs/communication/invitation.txt with it, which asks them not to, or wait with this phase until the cutover is near; content and verify do without it, and only those who try the checklist need theirs before.",
            facts.domain
        ),
        command: None,
        before: needs("import is done", "./migrate status"),
        proof: shows(proof, "./migrate invite"),
        abort_when: "one invitation is refused: the others are invited all the same, unless ten in a row were refused, after which nobody else is tried; the command names the numbers and exits 1; who was refused and why is left at the target in /var/lib/stufpack/refused-invitations.json, readable by root only. Called again, it invites whoever is missing"
            .into(),
        undo: nothing(undo),
        estimate: Estimate::each(5, facts.active_users, 500, "active users"),
        mark: None,
    }
}
