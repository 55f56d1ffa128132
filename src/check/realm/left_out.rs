//! Parts of a realm's file that no migration carries over, as far as two files can be compared by them.

use super::built_in::{
    action_is_own, attribute_is_own, client_is_own, flow_is_own, header_is_own, role_is_own,
    roles_of_client_are_own,
};
use super::holds_something;
use super::rules::is_default_role;
use crate::model::tree::{Document, Node, Step, Value};
use crate::model::{Digest, LeftOut, LeftOutStep, Realm};
use sha2::Digest as _;
use std::collections::{BTreeMap, HashSet};

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
/// What of such a part is compared all the same: scopes of a client, and which roles one brings along.
const COMPARED_OF_OWN: [&str; 3] = ["defaultClientScopes", "optionalClientScopes", "composites"];
/// Components of this type bring people from a directory elsewhere.
const FEDERATION: &str = "org.keycloak.storage.UserStorageProvider";
/// What names an item of a list, the most telling first.
const NAMES: [&str; 6] = ["clientId", "username", "alias", "providerAlias", "name", "id"];

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

/// Places that are left out below items of lists, called by what names these.
pub(super) fn called(document: &Document, dropped: &[(String, &'static str)]) -> BTreeMap<String, String> {
    let places: HashSet<&str> = dropped.iter().map(|(place, _)| place.as_str()).collect();
    let mut found = BTreeMap::new();
    if let Some(root) = &document.root {
        call(root, &mut String::new(), &mut String::new(), &places, &mut found);
    }
    found
}

fn call(
    node: &Node,
    place: &mut String,
    called: &mut String,
    places: &HashSet<&str>,
    found: &mut BTreeMap<String, String>,
) {
    if places.contains(place.as_str()) {
        if place != called {
            found.insert(place.clone(), called.clone());
        }
        return;
    }
    let lengths = (place.len(), called.len());
    for (key, value) in node.entries() {
        Step::Key(&key.text).push_onto(place);
        Step::Key(&key.text).push_onto(called);
        call(value, place, called, places, found);
        place.truncate(lengths.0);
        called.truncate(lengths.1);
    }
    for (index, item) in node.items().iter().enumerate() {
        Step::Item(index).push_onto(place);
        called.push('[');
        called.push_str(&name_of(item, index));
        called.push(']');
        call(item, place, called, places, found);
        place.truncate(lengths.0);
        called.truncate(lengths.1);
    }
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
        if !anew && !says_nothing(node, steps) {
            part(node, place, steps, all, found);
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
        steps.push(LeftOutStep::Item(name_of(item, index)));
        below(item, place, steps, all, found);
        steps.pop();
        place.truncate(length);
    }
}

/// What names an item of a list.
fn name_of(item: &Node, index: usize) -> String {
    match NAMES.iter().find_map(|name| item.get(name).and_then(Node::text)) {
        // Users are told apart without regard to case.
        Some(name) if item.get("username").is_some() => name.to_lowercase(),
        Some(name) => name.to_owned(),
        None => index.to_string(),
    }
}

/// Enters what is left out at one place: as a whole, but for what is compared by itself.
fn part(node: &Node, place: &str, steps: &[LeftOutStep], all: &All<'_>, found: &mut Vec<LeftOut>) {
    let mut rest = node.clone();
    let inner: Vec<(LeftOutStep, &Node)> = match (&node.value, &mut rest.value) {
        (Value::Map(entries), Value::Map(rest)) => {
            rest.retain(|(key, _)| !is_apart(steps, &key.text));
            let apart = entries.iter().filter(|(key, _)| is_apart(steps, &key.text));
            apart.map(|(key, value)| (LeftOutStep::Key(key.text.clone()), value)).collect()
        }
        (Value::List(items), Value::List(rest)) if is_apart(steps, "") => {
            rest.clear();
            let items = items.iter().enumerate();
            items.map(|(index, item)| (LeftOutStep::Item(name_of(item, index)), item)).collect()
        }
        _ => Vec::new(),
    };
    let mut enter = |node: &Node, steps: Vec<LeftOutStep>| {
        if holds_something(node) {
            let everywhere = is_everywhere(node, &steps, all.realm);
            let digest = Digest(if everywhere { digest_of_own(node) } else { digest(node) });
            let opens = opens(&steps, all.realm);
            found.push(LeftOut { place: place.to_owned(), steps, everywhere, opens, digest });
        }
    };
    enter(&rest, steps.to_vec());
    for (step, value) in inner {
        enter(value, steps.iter().cloned().chain([step]).collect());
    }
}

/// Whether what stands below is compared by itself: one that was opened would hide among others, which differ between any two
/// realms.
fn is_apart(steps: &[LeftOutStep], key: &str) -> bool {
    use LeftOutStep::Key;
    match steps {
        [Key(outer)] => match outer.as_str() {
            "attributes" | "browserSecurityHeaders" | "requiredActions" => true,
            "components" => key == FEDERATION,
            _ => false,
        },
        [Key(roles), Key(of)] => roles == "roles" && of == "client",
        _ => false,
    }
}

/// A switch that is off and a text that is empty are as good as none, where off is what Keycloak takes when nothing is said.
fn says_nothing(node: &Node, steps: &[LeftOutStep]) -> bool {
    let on_by_itself = matches!(steps.last(), Some(LeftOutStep::Key(key)) if key == "fullScopeAllowed");
    !on_by_itself
        && matches!(&node.value, Value::Scalar { text, .. } if matches!(text.as_str(), "" | "false"))
}

/// What Keycloak makes in every realm, as it makes it.
fn is_everywhere(node: &Node, steps: &[LeftOutStep], realm: &str) -> bool {
    use LeftOutStep::{Item, Key};
    match steps {
        [Key(flow)] => flow_is_own(flow, node),
        [Key(list), Item(name)] => match list.as_str() {
            "clients" => client_is_own(node, name, realm),
            "requiredActions" => action_is_own(node, name),
            _ => false,
        },
        [Key(map), Key(name)] => match map.as_str() {
            "attributes" => attribute_is_own(name, node),
            "browserSecurityHeaders" => header_is_own(name, node),
            _ => false,
        },
        [Key(roles), Key(own), Item(name)] => {
            roles == "roles" && own == "realm" && role_is_own(node, name, realm)
        }
        [Key(roles), Key(of), Key(client)] => {
            roles == "roles" && of == "client" && roles_of_client_are_own(node, client)
        }
        _ => false,
    }
}

/// Whether a part opens the realm unless Keycloak made it so.
fn opens(steps: &[LeftOutStep], realm: &str) -> bool {
    use LeftOutStep::{Item, Key};
    match steps {
        [Key(key)] => key.ends_with("Flow") || matches!(key.as_str(), "groups" | "defaultGroups"),
        [Key(list), Item(_)] => matches!(list.as_str(), "clients" | "requiredActions"),
        [Key(map), Key(_)] => {
            matches!(map.as_str(), "attributes" | "browserSecurityHeaders" | "components")
        }
        [Key(list), Item(_), Key(key)] => match list.as_str() {
            "clients" => matches!(
                key.as_str(),
                "rootUrl" | "baseUrl" | "adminUrl" | "authenticationFlowBindingOverrides"
            ),
            "users" => matches!(key.as_str(), "clientRoles" | "groups"),
            _ => false,
        },
        [Key(roles), Key(of), Item(name)] => {
            roles == "roles" && of == "realm" && is_default_role(name, realm)
        }
        [Key(roles), Key(of), Key(_)] => roles == "roles" && of == "client",
        [Key(roles), Key(of), Item(_), Key(key)] => roles == "roles" && of == "realm" && key == "composites",
        _ => false,
    }
}

/// Of a part that Keycloak makes, what may differ between two realms all the same.
fn digest_of_own(node: &Node) -> [u8; 32] {
    let compared = COMPARED_OF_OWN.iter().filter_map(|key| Some((key, node.get(key)?)));
    let mut compared = compared.filter(|(_, value)| holds_something(value)).peekable();
    if compared.peek().is_none() {
        return AS_MADE;
    }
    let mut hasher = sha2::Sha256::new();
    for (key, value) in compared {
        hasher.update(key);
        hasher.update(digest(value));
    }
    hasher.finalize().into()
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
