//! Keycloak's realm export, from tree to [`Realm`], and how it fits the export.

mod built_in;
mod compare;
mod left_out;
mod rules;

pub(super) use compare::compare;
use left_out::called;
pub(super) use left_out::left_out;
use rules::{BUILT_IN, SETTINGS, is_credential, is_masked, is_switch, kind_of, reason};
pub(crate) use rules::{default_role, is_default_role};

use super::notes::{In, Notes};
use crate::model::secret::url_secrets;
use crate::model::tree::{Document, Node, Step, Value};
use crate::model::{
    CollectionName, Finding, Location, Permission, Realm, RealmClient, RealmUser, Secret, Word, codes,
};
use std::collections::{BTreeMap, BTreeSet};

type Collections = BTreeMap<CollectionName, BTreeSet<Permission>>;

struct Reader<'d> {
    document: &'d Document,
    findings: Vec<Finding>,
    dropped: Vec<(String, &'static str)>,
    credentials: Vec<(String, Secret)>,
}

/// An object, its key path, and which of its keys were taken.
struct Object<'d> {
    node: &'d Node,
    path: String,
    taken: BTreeSet<&'static str>,
}

impl<'d> Object<'d> {
    fn at(&self, key: &str) -> String {
        let mut path = self.path.clone();
        Step::Key(key).push_onto(&mut path);
        path
    }

    fn take(&mut self, key: &'static str) -> Option<&'d Node> {
        self.taken.insert(key);
        self.node.get(key)
    }
}

impl<'d> Reader<'d> {
    fn wrong(&mut self, node: &Node, path: String, expected: &'static str) {
        let at =
            Location { file: self.document.name.clone(), line: node.at.line, column: node.at.column, path };
        let message = match &node.value {
            Value::Scalar { .. } => format!("{expected} is expected here"),
            _ => format!("{expected} is expected here, not {}", node.kind()),
        };
        self.findings.push(Finding::of(&codes::REALM_SHAPE, at, message).expected(expected));
    }

    fn object(&mut self, node: &'d Node, path: String) -> Object<'d> {
        if !matches!(node.value, Value::Map(_)) {
            self.wrong(node, path.clone(), "an object");
        }
        Object { node, path, taken: BTreeSet::new() }
    }

    fn text(&mut self, object: &mut Object<'d>, key: &'static str) -> Option<String> {
        let node = object.take(key)?;
        match &node.value {
            Value::Scalar { text, quoted: true } => Some(text.clone()),
            _ => {
                self.wrong(node, object.at(key), "a text");
                None
            }
        }
    }

    /// A text that must be there; where it is missing, the finding names the object.
    fn name(&mut self, object: &mut Object<'d>, key: &'static str) -> Option<String> {
        let absent = object.take(key).is_none();
        if absent {
            let at = Location {
                file: self.document.name.clone(),
                line: object.node.at.line,
                column: object.node.at.column,
                path: object.at(key),
            };
            self.findings
                .push(Finding::of(&codes::REALM_SHAPE, at, format!("`{key}` is missing")).expected("a text"));
        }
        self.text(object, key).filter(|text| !text.is_empty())
    }

    fn truth(&mut self, object: &mut Object<'d>, key: &'static str) -> bool {
        let Some(node) = object.take(key) else { return false };
        node.truth().unwrap_or_else(|| {
            self.wrong(node, object.at(key), "true or false");
            false
        })
    }

    /// Items of a list, each with its key path.
    fn list(&mut self, object: &mut Object<'d>, key: &'static str) -> Vec<(&'d Node, String)> {
        let Some(node) = object.take(key) else { return Vec::new() };
        if !matches!(node.value, Value::List(_)) {
            self.wrong(node, object.at(key), "a list");
        }
        let base = object.at(key);
        node.items().iter().enumerate().map(|(index, item)| (item, format!("{base}[{index}]"))).collect()
    }

    fn texts(&mut self, object: &mut Object<'d>, key: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for (node, path) in self.list(object, key) {
            match node.text() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(node, path, "a text"),
            }
        }
        texts
    }

    /// Leaves out every key that was not taken.
    fn finish(&mut self, object: Object<'d>) {
        for (key, value) in object.node.entries() {
            if !object.taken.contains(key.text.as_str()) && holds_something(value) {
                self.secrets(value, &key.text, &object.at(&key.text));
                self.dropped.push((object.at(&key.text), reason(&key.text)));
            }
        }
    }

    /// Collects every credential at or below a node that is left out.
    fn secrets(&mut self, node: &Node, key: &str, path: &str) {
        match &node.value {
            Value::Map(entries) => {
                for (inner, value) in entries {
                    let mut path = path.to_owned();
                    Step::Key(&inner.text).push_onto(&mut path);
                    // Inside of credentials every text may be one.
                    let name = if key == "credentials" { key } else { &inner.text };
                    self.secrets(value, name, &path);
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.secrets(item, key, &format!("{path}[{index}]"));
                }
            }
            Value::Scalar { text, quoted: true }
                if is_credential(key, path) && !is_masked(text) && !is_switch(text) =>
            {
                let kind = kind_of(path);
                self.credentials.push((path.to_owned(), Secret::new(kind, text)));
                // Hashed passwords stand as JSON inside a text.
                if let Ok(serde_json::Value::Object(parts)) = serde_json::from_str(text) {
                    for part in parts.values().filter_map(|part| part.as_str()) {
                        self.credentials.push((path.to_owned(), Secret::new(kind, part)));
                    }
                }
                self.url_secrets(text, path);
            }
            Value::Scalar { text, quoted: true } => {
                self.url_secrets(text, path);
            }
            Value::Scalar { .. } => {}
        }
    }

    /// Collects what URLs in `text` hold before their `@`; false where they hold nothing.
    fn url_secrets(&mut self, text: &str, path: &str) -> bool {
        let kind = "password in a URL";
        let parts: Vec<Secret> = url_secrets(text).map(|part| Secret::new(kind, part)).collect();
        if parts.is_empty() {
            return false;
        }
        let whole = Secret::new(kind, text);
        self.credentials.extend(parts.into_iter().chain([whole]).map(|secret| (path.to_owned(), secret)));
        true
    }

    /// Whether a text that would be carried over holds a credential; then it is collected and left out.
    fn withheld(&mut self, node: &Node, key: &str, path: &str) -> bool {
        let Value::Scalar { text, quoted: true } = &node.value else { return false };
        let named = is_credential(key, path) && !is_switch(text);
        if named || url_secrets(text).next().is_some() {
            self.secrets(node, key, path);
            self.dropped.push((path.to_owned(), CREDENTIAL));
            return true;
        }
        false
    }

    /// A value that is carried over as it is, without its credentials.
    fn carried(&mut self, node: &Node, key: &str, path: &str) -> Option<serde_json::Value> {
        match &node.value {
            Value::Map(entries) => {
                // A mapper can write a fixed value into tokens, whose name stands beside. What it is called says nothing sure of it.
                let named = ["claim.name", "attribute.name"]
                    .iter()
                    .find_map(|name| node.get(name).and_then(Node::text))
                    .filter(|name| is_credential(name, path));
                let mut kept = serde_json::Map::new();
                for (inner, value) in entries {
                    let mut path = path.to_owned();
                    Step::Key(&inner.text).push_onto(&mut path);
                    let fixed = matches!(inner.text.as_str(), "claim.value" | "attribute.value");
                    let key = named.filter(|_| fixed).unwrap_or(&inner.text);
                    let Some(carried) = self.carried(value, key, &path) else { continue };
                    if fixed && value.text().is_some_and(|text| !is_switch(text)) {
                        self.dropped.push((path, FIXED));
                    } else {
                        kept.insert(inner.text.clone(), carried);
                    }
                }
                Some(serde_json::Value::Object(kept))
            }
            Value::List(items) => Some(serde_json::Value::Array(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.carried(item, key, &format!("{path}[{index}]")))
                    .collect(),
            )),
            Value::Scalar { .. } => (!self.withheld(node, key, path)).then(|| node.to_json()),
        }
    }

    /// Texts of a list, without those that hold a credential.
    fn addresses(&mut self, object: &mut Object<'d>, key: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for (node, path) in self.list(object, key) {
            match node.text() {
                Some(_) if self.withheld(node, key, &path) => {}
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(node, path, "a text"),
            }
        }
        texts
    }
}

const CREDENTIAL: &str = "a credential: never carried over";
const FIXED: &str =
    "a fixed value for tokens, which may be a secret: set it in Keycloak by hand, where it is still needed";

fn holds_something(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(holds_something),
        Value::Map(entries) => entries.iter().any(|(_, value)| holds_something(value)),
        Value::Scalar { .. } => !node.is_null(),
    }
}

/// Reads the realm, telling what is wrong with it.
pub(super) fn walk(notes: &mut Notes<'_>) -> Option<Realm> {
    let Some(document) = notes.document(In::Realm) else {
        let exists = notes.source.export.root.is_some();
        if exists {
            notes.tell_file(
                &codes::REALM_MISSING,
                "realm.json",
                "there is no realm.json",
                "realm.json, as Keycloak exports it",
            );
            // A single document has nothing beside it.
            if notes.is_single()
                && let Some(finding) = notes.findings.last_mut()
            {
                finding.next = "name the export's folder or zip, which holds realm.json too".to_owned();
            }
        }
        return None;
    };
    let root = document.root.as_ref()?;
    let mut reader = Reader { document, findings: Vec::new(), dropped: Vec::new(), credentials: Vec::new() };
    let mut top = reader.object(root, String::new());
    let name = reader.name(&mut top, "realm").unwrap_or_else(|| "stuf".to_owned());
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        reader.wrong(
            root.get("realm").unwrap_or(root),
            "realm".to_owned(),
            "a name of letters, digits, `.`, `_` and `-`",
        );
    }
    let display_name = reader.text(&mut top, "displayName");
    let ssl_required = reader.text(&mut top, "sslRequired");
    let roles = roles(&mut reader, &mut top, &name);
    let clients = clients(&mut reader, &mut top);
    let client_scopes = scopes(&mut reader, &mut top);
    let users = users(&mut reader, &mut top);
    let mut settings = BTreeMap::new();
    for (key, form) in SETTINGS {
        if let Some(node) = top.take(key) {
            match &node.value {
                Value::Scalar { text, quoted } if node.is_null() || form.fits(text, *quoted) => {
                    settings.insert(key.to_owned(), node.to_json());
                }
                _ => reader.wrong(node, key.to_owned(), form.expected()),
            }
        }
    }
    reader.finish(top);
    let Reader { findings, dropped, credentials, .. } = reader;
    let called = called(document, &dropped);
    placeholders(notes, document, &dropped);
    let shaped = findings.iter().all(|finding| finding.code != codes::REALM_SHAPE.code);
    notes.findings.extend(findings);
    let realm = Realm {
        name,
        display_name,
        ssl_required,
        roles,
        clients,
        client_scopes,
        users,
        settings,
        dropped,
        called,
        credentials,
    };
    shaped.then_some(realm)
}

/// Keycloak fills in `${NAME}` wherever it stands in a realm file, in keys too. Only what is carried in the file is looked at: of
/// users that is who acts for a client, all others come by another way.
fn placeholders(notes: &mut Notes<'_>, document: &Document, dropped: &[(String, &'static str)]) {
    let mut found = Vec::new();
    let mut of_clients = Vec::new();
    document.each_leaf(&mut |path, _| {
        of_clients.extend(path.strip_suffix(".serviceAccountClientId").map(|user| format!("{user}.")));
    });
    document.each_leaf(&mut |path, node| {
        let carried =
            !path.starts_with("users") || of_clients.iter().any(|user| path.starts_with(user.as_str()));
        let text = node.text().unwrap_or_default();
        if !carried || !(text.contains("${") || path.contains("${")) {
            return;
        }
        let left_out = || {
            dropped.iter().any(|(outer, _)| {
                path.strip_prefix(outer.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        if !(is_of_a_message_file(text) && !path.contains("${") || left_out()) {
            let at = Location {
                file: document.name.clone(),
                line: node.at.line,
                column: node.at.column,
                path: path.to_owned(),
            };
            let message = "Keycloak would take `${` for a variable of its environment";
            found.push(Finding::of(&codes::REALM_PLACEHOLDER, at, message).expected("a text without `${`"));
        }
    });
    notes.findings.extend(found);
}

/// Keycloak's own texts name entries of its message files, and nothing else.
fn is_of_a_message_file(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
            && (["role_", "client_", "auth"].iter().any(|begin| name.starts_with(begin))
                || name.ends_with("ScopeConsentText"))
    })
}

fn roles<'d>(reader: &mut Reader<'d>, top: &mut Object<'d>, realm: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(node) = top.take("roles") else { return found };
    let mut roles = reader.object(node, "roles".to_owned());
    for (node, path) in reader.list(&mut roles, "realm") {
        let mut role = reader.object(node, path.clone());
        let Some(name) = reader.name(&mut role, "name") else { continue };
        if is_default_role(&name, realm) {
            reader.dropped.push((path, "Keycloak makes its defaults anew"));
            continue;
        }
        let description = reader.text(&mut role, "description").unwrap_or_default();
        reader.finish(role);
        found.insert(name, description);
    }
    reader.finish(roles);
    found
}

fn scopes<'d>(reader: &mut Reader<'d>, top: &mut Object<'d>) -> BTreeMap<String, serde_json::Value> {
    let mut found = BTreeMap::new();
    for (node, path) in reader.list(top, "clientScopes") {
        let mut scope = reader.object(node, path.clone());
        if let Some(name) = reader.name(&mut scope, "name")
            && let Some(kept) = reader.carried(node, "clientScopes", &path)
        {
            found.insert(name, kept);
        }
    }
    found
}

fn clients<'d>(reader: &mut Reader<'d>, top: &mut Object<'d>) -> BTreeMap<String, RealmClient> {
    let mut found = BTreeMap::new();
    for (node, path) in reader.list(top, "clients") {
        let mut client = reader.object(node, path.clone());
        let Some(client_id) = reader.name(&mut client, "clientId") else { continue };
        let left_out = if BUILT_IN.contains(&client_id.as_str()) {
            Some("Keycloak makes this client in every realm")
        } else if node.get("enabled").is_some_and(|enabled| enabled.truth() == Some(false)) {
            Some("disabled at the source")
        } else {
            None
        };
        if let Some(why) = left_out {
            reader.secrets(node, "clients", &path);
            reader.dropped.push((path, why));
            continue;
        }
        let mut attributes = BTreeMap::new();
        for (key, value) in client.take("attributes").map(Node::entries).unwrap_or_default() {
            let mut path = client.at("attributes");
            Step::Key(&key.text).push_onto(&mut path);
            let secret =
                ["secret", "private", "password", "token.signed"].iter().any(|w| key.text.contains(w));
            match value.text() {
                Some(_) if secret => {
                    reader.secrets(value, &key.text, &path);
                    reader.dropped.push((path, "belongs to a credential: never carried over"));
                }
                Some(_) if reader.withheld(value, &key.text, &path) => {}
                Some(text) => {
                    attributes.insert(key.text.clone(), text.to_owned());
                }
                None if holds_something(value) => reader.wrong(value, path, "a text"),
                None => {}
            }
        }
        let mappers = reader.list(&mut client, "protocolMappers");
        let parsed = RealmClient {
            public: reader.truth(&mut client, "publicClient"),
            service_account: reader.truth(&mut client, "serviceAccountsEnabled"),
            direct_access_grants: reader.truth(&mut client, "directAccessGrantsEnabled"),
            standard_flow: reader.truth(&mut client, "standardFlowEnabled"),
            redirect_uris: reader.addresses(&mut client, "redirectUris"),
            web_origins: reader.addresses(&mut client, "webOrigins"),
            default_scopes: reader.texts(&mut client, "defaultClientScopes"),
            optional_scopes: reader.texts(&mut client, "optionalClientScopes"),
            protocol_mappers: mappers
                .iter()
                .filter_map(|(node, path)| reader.carried(node, "protocolMappers", path))
                .collect(),
            attributes,
            client_id: client_id.clone(),
        };
        reader.finish(client);
        found.insert(client_id, parsed);
    }
    found
}

fn users<'d>(reader: &mut Reader<'d>, top: &mut Object<'d>) -> BTreeMap<String, RealmUser> {
    let mut found: BTreeMap<String, RealmUser> = BTreeMap::new();
    for (node, path) in reader.list(top, "users") {
        let mut user = reader.object(node, path);
        let Some(username) = reader.name(&mut user, "username") else { continue };
        let mut collections = Collections::new();
        let mut attributes = BTreeMap::new();
        for (key, value) in user.take("attributes").map(Node::entries).unwrap_or_default() {
            let mut path = user.at("attributes");
            Step::Key(&key.text).push_onto(&mut path);
            if key.text == "collections" {
                match collections_of(value) {
                    Some(parsed) => collections = parsed,
                    None => {
                        let place = value.items().first().unwrap_or(value);
                        let at = Location {
                            file: reader.document.name.clone(),
                            line: place.at.line,
                            column: place.at.column,
                            path,
                        };
                        let message =
                            "this is not one JSON object of collections with lists of read, write and delete";
                        let expected = r#"a text such as {"reports": ["read", "write"]}"#;
                        reader.findings.push(
                            Finding::of(&codes::REALM_COLLECTIONS_FORM, at, message).expected(expected),
                        );
                    }
                }
                continue;
            }
            let texts = match reader.carried(value, &key.text, &path) {
                Some(serde_json::Value::Array(items)) => {
                    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
                }
                Some(_) => value.text().map(str::to_owned).into_iter().collect(),
                // Left out as a credential: there is no such attribute any more.
                None => continue,
            };
            attributes.insert(key.text.clone(), texts);
        }
        let roles = reader.texts(&mut user, "realmRoles");
        let parsed = RealmUser {
            email: reader.text(&mut user, "email"),
            first_name: reader.text(&mut user, "firstName"),
            last_name: reader.text(&mut user, "lastName"),
            enabled: reader.truth(&mut user, "enabled"),
            email_verified: reader.truth(&mut user, "emailVerified"),
            roles: roles.into_iter().collect(),
            collections,
            attributes,
            service_account_of: reader.text(&mut user, "serviceAccountClientId"),
            username: username.clone(),
        };
        if found.insert(username.to_lowercase(), parsed).is_some() {
            reader.wrong(node, user.at("username"), "a user name that no other user has");
        }
        reader.finish(user);
    }
    found
}

/// The attribute `collections`: one text that holds a JSON object.
fn collections_of(node: &Node) -> Option<Collections> {
    let text = match &node.value {
        Value::List(items) if items.is_empty() => return Some(Collections::new()),
        Value::List(items) => match &items[..] {
            [only] => only.text()?,
            _ => return None,
        },
        _ => node.text()?,
    };
    let parsed: BTreeMap<String, Vec<String>> = serde_json::from_str(text).ok()?;
    let permissions =
        |words: Vec<String>| words.iter().map(|word| Permission::parse(word)).collect::<Option<_>>();
    parsed
        .into_iter()
        .map(|(name, words)| Some((CollectionName::parse(&name)?, permissions(words)?)))
        .collect()
}
