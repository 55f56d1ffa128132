//! Users, roles and collections of the export.

use super::notes::{In, Notes};
use crate::model::tree::steps;
use crate::model::{Export, Finding, Location, Permission, Shown, UserStatus, codes, reserved};
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeMap;

pub(super) fn check(notes: &mut Notes<'_>, export: &Export) {
    let mut emails: BTreeMap<String, &str> = BTreeMap::new();
    let mut phones: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, user) in &export.users {
        let id = id.as_str();
        if notes.usable(In::Export, &format!("spec.users.{id}.email"))
            && let Some(first) = emails.insert(user.email.as_str().to_lowercase(), id)
        {
            let message = format!("{first} has the same address, case aside");
            notes.tell(
                &codes::USER_EMAIL_DUPLICATE,
                In::Export,
                steps!["spec", "users", id, "email"],
                message,
                "an address that no other user has",
            );
        }
        if let Some(phone) = &user.phone
            && let Some(first) = phones.insert(phone.as_str(), id)
        {
            let message = format!("{first} has the same phone number");
            notes.tell(
                &codes::USER_PHONE_DUPLICATE,
                In::Export,
                steps!["spec", "users", id, "phone"],
                message,
                "a number that no other user has",
            );
        }
        for (name, permissions) in &user.collections {
            let here = steps!["spec", "users", id, "collections", name.as_str()];
            if !export.collections.contains_key(name) && notes.usable(In::Export, "spec.collections") {
                let known = export.collections.keys().map(|known| known.as_str());
                let message = match crate::model::walk::closest(name.as_str(), known) {
                    Some(close) => format!("there is no collection {name}; did you mean {close}?"),
                    None => format!("there is no collection {name}"),
                };
                notes.tell(
                    &codes::USER_COLLECTION_UNKNOWN,
                    In::Export,
                    here,
                    message,
                    "a collection of the export",
                );
            } else if permissions.is_empty() {
                let message = format!("{id} stands in {name} without a permission");
                notes.tell(
                    &codes::USER_PERMISSIONS_EMPTY,
                    In::Export,
                    here,
                    message,
                    "read, write or delete",
                );
            }
        }
        for role in &user.roles {
            let Some(name) = role.as_str().strip_prefix("collection-") else { continue };
            if notes.usable(In::Export, "spec.collections")
                && !export.collections.keys().any(|known| known.as_str() == name)
            {
                let message = format!("there is no collection {name} for the role {role}");
                notes.tell(
                    &codes::USER_ROLE_COLLECTION,
                    In::Export,
                    steps!["spec", "users", id, "roles"],
                    message,
                    "the role of a collection of the export",
                );
            }
        }
    }
    named(notes, export);
    if !notes.usable(In::Export, "spec.users") {
        return;
    }
    let active = || export.users.values().filter(|user| user.status == UserStatus::Active);
    let has =
        |wanted: &[&str]| active().any(|user| user.roles.iter().any(|role| wanted.contains(&role.as_str())));
    if !has(&["trust-architect", "admin"]) {
        let message = "no active user is trust-architect or admin";
        notes.tell(
            &codes::USERS_NO_ARCHITECT,
            In::Export,
            steps!["spec", "users"],
            message,
            "an active user with the role trust-architect",
        );
    }
    if export.collections.is_empty() {
        notes.tell(
            &codes::COLLECTIONS_NONE,
            In::Export,
            steps!["spec", "collections"],
            "there is no collection",
            "a collection",
        );
    }
    for name in export.collections.keys() {
        if let Some(why) = reserved(name.as_str()) {
            notes.tell(
                &codes::COLLECTION_RESERVED,
                In::Export,
                steps!["spec", "collections", name.as_str()],
                format!("no collection can be called {name}: {why}"),
                "another name",
            );
        }
        let readable = has(&["admin"])
            || active()
                .any(|user| user.collections.get(name).is_some_and(|may| may.contains(&Permission::Read)));
        if !readable {
            let message = format!("nobody who may sign in can read {name}");
            notes.tell(
                &codes::COLLECTION_UNREADABLE,
                In::Export,
                steps!["spec", "collections", name.as_str()],
                message,
                "an active user who may read it, or an active admin",
            );
        }
    }
}

/// Users that are named in texts which are carried over in clear. A name is ordinary words, so only a whole one counts
/// (two words of letters and more), and a person decides.
fn named(notes: &mut Notes<'_>, export: &Export) {
    let is_whole = |name: &&str| {
        let is_word = |word: &str| word.chars().all(|c| c.is_alphabetic() || "'’.-".contains(c));
        name.split_whitespace().count() >= 2 && name.split_whitespace().all(is_word)
    };
    let names: Vec<&str> = export.users.values().map(|user| user.name.as_str()).filter(is_whole).collect();
    let matcher = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(names);
    let (Some(document), Ok(matcher)) = (notes.document(In::Export), matcher) else { return };
    let mut found = Vec::new();
    document.each_leaf(&mut |path, node| {
        let is_personal = path.starts_with("spec.users.") || path.starts_with("spec.glass.readers[");
        let Some(text) = node.text().filter(|_| !is_personal) else { return };
        let stands_alone = |start: usize, end: usize| {
            !text[..start].ends_with(char::is_alphanumeric) && !text[end..].starts_with(char::is_alphanumeric)
        };
        if matcher.find_iter(text).any(|hit| stands_alone(hit.start(), hit.end())) {
            let at = Location {
                file: document.name.clone(),
                line: node.at.line,
                column: node.at.column,
                path: path.to_owned(),
            };
            let length = text.chars().count();
            let finding = Finding::of(&codes::USER_NAMED, at, "the name of a user stands in this text")
                .found(Shown::Hidden { kind: "text", length })
                .expected("a text that names nobody, or somebody who acts and may be named");
            found.push(finding);
        }
    });
    notes.findings.append(&mut found);
}
