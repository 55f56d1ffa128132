//! How the realm fits the export.

use super::rules::is_default_role;
use crate::check::notes::{In, Notes};
use crate::model::tree::{Document, Node, steps};
use crate::model::{Email, Export, Realm, RealmUser, UserStatus, Word, codes, is_validation_user};
use std::collections::{BTreeMap, BTreeSet};

/// Index of a user in the realm's list, for its place.
fn place(document: &Document, username: &str) -> Option<usize> {
    let users = document.find(steps!["users"])?;
    users.items().iter().position(|user| {
        user.get("username").and_then(Node::text).is_some_and(|name| name.eq_ignore_ascii_case(username))
    })
}

/// What does not fit between export and realm.
pub(in crate::check) fn compare(notes: &mut Notes<'_>, export: &Export, realm: &Realm) {
    let Some(document) = notes.document(In::Realm) else { return };
    for (client_id, public) in [("stuf-api", false), ("stuf-spa", true)] {
        match realm.clients.get(client_id) {
            None => {
                let message = format!("the client {client_id} is missing");
                notes.tell(
                    &codes::REALM_CLIENT_MISSING,
                    In::Realm,
                    steps!["clients"],
                    message,
                    format!("a client {client_id}"),
                );
            }
            Some(client) if client.public != public => {
                let index = document.find(steps!["clients"]).and_then(|clients| {
                    clients
                        .items()
                        .iter()
                        .position(|c| c.get("clientId").and_then(Node::text) == Some(client_id))
                });
                let is = if public {
                    "confidential, and pages cannot keep a secret"
                } else {
                    "public, and anybody could act as the API"
                };
                let message = format!("the client {client_id} is {is}");
                let expected = format!("publicClient: {public}");
                notes.tell(
                    &codes::REALM_CLIENT_PUBLIC,
                    In::Realm,
                    steps!["clients", index.unwrap_or(0), "publicClient"],
                    message,
                    expected,
                );
            }
            Some(_) => {}
        }
    }
    if !realm.client_scopes.contains_key("stuf:access") {
        let message = "the client scope stuf:access is missing";
        notes.tell(
            &codes::REALM_SCOPE_MISSING,
            In::Realm,
            steps!["clientScopes"],
            message,
            "a client scope stuf:access",
        );
    }

    let by_email: BTreeMap<String, &RealmUser> =
        realm.users.values().filter_map(|user| Some((user.email.as_ref()?.to_lowercase(), user))).collect();
    let mut met = BTreeSet::new();
    for (id, user) in &export.users {
        let id = id.as_str();
        let email = user.email.as_str().to_lowercase();
        let roles_known = user.roles.iter().enumerate();
        for (_, role) in roles_known.filter(|(_, role)| !realm.roles.contains_key(role.as_str())) {
            let index =
                notes.source.export.find(steps!["spec", "users", id, "roles"]).and_then(|roles| {
                    roles.items().iter().position(|item| item.text() == Some(role.as_str()))
                });
            let message = format!("the realm has no role {role}");
            notes.tell(
                &codes::REALM_ROLE_MISSING,
                In::Export,
                steps!["spec", "users", id, "roles", index.unwrap_or(0)],
                message,
                "a role of the realm",
            );
        }
        let Some(other) = by_email.get(&email).copied().or_else(|| realm.users.get(&email)) else {
            let message = "this user is not in the realm";
            notes.tell(
                &codes::REALM_USER_MISSING,
                In::Export,
                steps!["spec", "users", id, "email"],
                message,
                "a user of the realm with this e-mail address",
            );
            continue;
        };
        if !met.insert(other.username.to_lowercase()) {
            continue; // two users with one address have their finding
        }
        let index = place(document, &other.username).unwrap_or(0);
        let active = user.status == UserStatus::Active;
        if notes.usable(In::Export, &format!("spec.users.{id}.status")) && active != other.enabled {
            let message = format!(
                "{id} is {} in the export and {} in the realm",
                user.status,
                if other.enabled { "enabled" } else { "disabled" }
            );
            notes.tell(
                &codes::REALM_USER_STATUS,
                In::Realm,
                steps!["users", index, "enabled"],
                message,
                format!("enabled: {active}"),
            );
        }
        if notes.usable(In::Export, &format!("spec.users.{id}.roles")) {
            let here: BTreeSet<&str> = user.roles.iter().map(|role| role.as_str()).collect();
            let there: BTreeSet<&str> = other
                .roles
                .iter()
                .map(String::as_str)
                .filter(|role| !is_default_role(role, &realm.name))
                .collect();
            if here != there {
                let message = format!(
                    "{id} has the roles [{}] in the export and [{}] in the realm",
                    list(&here),
                    list(&there)
                );
                notes.tell(
                    &codes::REALM_USER_ROLES,
                    In::Realm,
                    steps!["users", index, "realmRoles"],
                    message,
                    format!("[{}]", list(&here)),
                );
            }
        }
        let readable = !notes.findings.iter().any(|finding| {
            finding.code == codes::REALM_COLLECTIONS_FORM.code
                && finding.at.path.starts_with(&format!("users[{index}].attributes"))
        });
        if readable
            && notes.usable(In::Export, &format!("spec.users.{id}.collections"))
            && user.collections != other.collections
        {
            let message = format!("{id} may do other things in collections by the export than by the realm");
            notes.tell(
                &codes::REALM_USER_COLLECTIONS,
                In::Realm,
                steps!["users", index, "attributes", "collections"],
                message,
                "the same collections and permissions as in the export",
            );
        }
    }
    for (username, user) in realm.users.iter().filter(|(_, user)| user.service_account_of.is_none()) {
        let index = place(document, &user.username).unwrap_or(0);
        if is_validation_user(username) {
            let message = "verify makes and removes users of this name";
            let place = steps!["users", index, "username"];
            notes.tell(&codes::REALM_USER_RESERVED, In::Realm, place, message, "another name");
        }
        if user.email.as_ref().is_none_or(|email| Email::parse(email).is_none()) {
            let message = "this user has no e-mail address that an invitation could go to";
            notes.tell(
                &codes::REALM_USER_EMAIL,
                In::Realm,
                steps!["users", index, "email"],
                message,
                Email::EXPECTED,
            );
        } else if !met.contains(username) && notes.usable(In::Export, "spec.users") {
            let message = "this user is not in the export";
            notes.tell(
                &codes::REALM_USER_UNLISTED,
                In::Realm,
                steps!["users", index, "username"],
                message,
                "a user of the export with this e-mail address",
            );
        }
    }
}

fn list(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}
