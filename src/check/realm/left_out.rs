//! Parts of a realm's file that no migration carries over, as far as two files can be compared by them.

use super::built_in::{client_is_own, role_is_own};
use crate::model::tree::{Document, Node, Step, Value};
use crate::model::{Digest, LeftOut, LeftOutStep, Realm};
use sha2::Digest as _;
use std::collections::HashSet;

/// Made anew by Keycloak in every realm, so that they say nothing.
const MADE_ANEW: [&str; 8] = [
    "id",
    "containerId",
    "createdTimestamp",
    "createdDate",
    "keycloakVersion",
    "notBefore",
    "access",
    "internalId",
];
/// What stands for the digest of a part as Keycloak makes it: each version does so a little differently, and it says nothing.
const AS_MADE: [u8; 32] = [0; 32];
/// What names an item of a list, the most telling first.
const NAMES: [&str; 6] = ["clientId", "username", "name", "alias", "providerAlias", "id"];

/// Every part that `realm` leaves out, in the order of the document.
pub(in crate::check) fn left_out(document: &Document, realm: &Realm) -> Vec<LeftOut> {
    let places: HashSet<&str> = realm.dropped.iter().map(|(place, _)| place.as_str()).collect();
    let mut found = Vec::new();
    if let Some(root) = &document.root {
        let all = All { places: &places, realm: &realm.name };
        below(root, &mut String::new(), &mut Vec::new(), &all, &mut found);
    }
    found
}

/// What is the same for every part.
struct All<'a> {
    /// Where parts stand that are left out.
    places: &'a HashSet<&'a str>,
    /// The name of the realm.
    realm: &'a str,
}

fn below(
    node: &Node,
    place: &mut String,
    steps: &mut Vec<LeftOutStep>,
    all: &All<'_>,
    found: &mut Vec<LeftOut>,
) {
    if all.places.contains(place.as_str()) {
        let anew = matches!(steps.last(), Some(LeftOutStep::Key(key)) if MADE_ANEW.contains(&key.as_str()));
        if !anew && !says_nothing(node) {
            let everywhere = is_everywhere(node, steps, all.realm);
            found.push(LeftOut {
                place: place.clone(),
                steps: steps.clone(),
                everywhere,
                digest: Digest(if everywhere { AS_MADE } else { digest(node) }),
            });
        }
        return;
    }
    let length = place.len();
    for (key, value) in node.entries() {
        Step::Key(&key.text).push_onto(place);
        steps.push(LeftOutStep::Key(key.text.clone()));
        below(value, place, steps, all, found);
        steps.pop();
        place.truncate(length);
    }
    for (index, item) in node.items().iter().enumerate() {
        Step::Item(index).push_onto(place);
        let name = NAMES.iter().find_map(|name| item.get(name).and_then(Node::text));
        let name = match name {
            // Users are told apart without regard to case.
            Some(name) if item.get("username").is_some() => name.to_lowercase(),
            Some(name) => name.to_owned(),
            None => index.to_string(),
        };
        steps.push(LeftOutStep::Item(name));
        below(item, place, steps, all, found);
        steps.pop();
        place.truncate(length);
    }
}

/// A switch that is off and a text that is empty are as good as none.
fn says_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, .. } if matches!(text.as_str(), "" | "false"))
}

/// Clients and roles that Keycloak makes in every realm, as it makes them.
fn is_everywhere(node: &Node, steps: &[LeftOutStep], realm: &str) -> bool {
    use LeftOutStep::{Item, Key};
    match steps {
        [Key(list), Item(name)] => list == "clients" && client_is_own(node, name, realm),
        [Key(roles), Key(own), Item(name)] => {
            roles == "roles" && own == "realm" && role_is_own(node, name, realm)
        }
        _ => false,
    }
}

/// SHA-256 over the tree; each kind of node begins with a byte of its own, each text with its length.
fn digest(node: &Node) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    match &node.value {
        Value::Scalar { text, quoted } => {
            hasher.update([u8::from(*quoted)]);
            hasher.update(text);
        }
        Value::List(items) => {
            let mut digests: Vec<[u8; 32]> = items.iter().map(digest).collect();
            digests.sort_unstable();
            hasher.update([2]);
            digests.iter().for_each(|digest| hasher.update(digest));
        }
        Value::Map(entries) => {
            let known = entries.iter().filter(|(key, _)| !MADE_ANEW.contains(&key.text.as_str()));
            let mut entries: Vec<(&str, &Node)> =
                known.map(|(key, value)| (key.text.as_str(), value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            hasher.update([3]);
            for (key, value) in entries {
                hasher.update((key.len() as u64).to_le_bytes());
                hasher.update(key);
                hasher.update(digest(value));
            }
        }
    }
    hasher.finalize().into()
}
