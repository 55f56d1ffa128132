//! Keycloak's realm export, from tree to [`Realm`], and how it fits the export.

use super::notes::{In, Notes};
use crate::model::tree::{Document, Node, Step, Value, steps};
use crate::model::{
    CollectionName, Export, Finding, Location, Permission, Realm, RealmClient, RealmUser, Secret, UserStatus,
    Word, codes,
};
use std::collections::{BTreeMap, BTreeSet};

type Collections = BTreeMap<CollectionName, BTreeSet<Permission>>;

/// Clients that Keycloak makes in every realm.
const BUILT_IN: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// Roles that Keycloak gives to everyone; they are not the tenant's.
fn is_default_role(role: &str) -> bool {
    role.starts_with("default-roles-") || matches!(role, "offline_access" | "uma_authorization")
}

/// Settings of the realm that are carried over.
const SETTINGS: [&str; 61] = [
    "accessCodeLifespan",
    "accessCodeLifespanLogin",
    "accessCodeLifespanUserAction",
    "accessTokenLifespan",
    "accessTokenLifespanForImplicitFlow",
    "accountTheme",
    "actionTokenGeneratedByAdminLifespan",
    "actionTokenGeneratedByUserLifespan",
    "adminEventsDetailsEnabled",
    "adminEventsEnabled",
    "adminTheme",
    "bruteForceProtected",
    "clientOfflineSessionIdleTimeout",
    "clientOfflineSessionMaxLifespan",
    "clientSessionIdleTimeout",
    "clientSessionMaxLifespan",
    "defaultLocale",
    "defaultSignatureAlgorithm",
    "duplicateEmailsAllowed",
    "editUsernameAllowed",
    "emailTheme",
    "enabled",
    "eventsEnabled",
    "eventsExpiration",
    "failureFactor",
    "internationalizationEnabled",
    "loginTheme",
    "loginWithEmailAllowed",
    "maxDeltaTimeSeconds",
    "maxFailureWaitSeconds",
    "maxTemporaryLockouts",
    "minimumQuickLoginWaitSeconds",
    "oauth2DeviceCodeLifespan",
    "oauth2DevicePollingInterval",
    "offlineSessionIdleTimeout",
    "offlineSessionMaxLifespan",
    "offlineSessionMaxLifespanEnabled",
    "otpPolicyAlgorithm",
    "otpPolicyCodeReusable",
    "otpPolicyDigits",
    "otpPolicyInitialCounter",
    "otpPolicyLookAheadWindow",
    "otpPolicyPeriod",
    "otpPolicyType",
    "passwordPolicy",
    "permanentLockout",
    "quickLoginCheckMilliSeconds",
    "refreshTokenMaxReuse",
    "registrationAllowed",
    "registrationEmailAsUsername",
    "rememberMe",
    "resetPasswordAllowed",
    "revokeRefreshToken",
    "ssoSessionIdleTimeout",
    "ssoSessionIdleTimeoutRememberMe",
    "ssoSessionMaxLifespan",
    "ssoSessionMaxLifespanRememberMe",
    "userManagedAccessAllowed",
    "verifyEmail",
    "waitIncrementSeconds",
    "webAuthnPolicyRpEntityName",
];

/// Why a key that no rule carries over is left out.
fn reason(key: &str) -> &'static str {
    match key {
        "id" | "containerId" | "createdTimestamp" | "origin" | "keycloakVersion" => "made anew by Keycloak",
        "credentials" | "secret" | "registrationAccessToken" => "a credential: never carried over",
        "components" => "signing keys and providers are made anew",
        "smtpServer" => "mail is set by the target",
        "identityProviders" | "identityProviderMappers" | "federatedIdentities" | "socialLinks" => {
            "sign-in through other providers is not carried over"
        }
        "requiredActions" | "totp" | "disableableCredentialTypes" => "every user proves themselves anew",
        "groups"
        | "defaultGroups"
        | "clientRoles"
        | "client"
        | "composites"
        | "composite"
        | "scopeMappings"
        | "clientScopeMappings" => "STUF decides by realm roles and collections alone",
        "authenticationFlows"
        | "authenticatorConfig"
        | "browserFlow"
        | "directGrantFlow"
        | "registrationFlow"
        | "resetCredentialsFlow"
        | "clientAuthenticationFlow"
        | "dockerAuthenticationFlow"
        | "firstBrokerLoginFlow" => "sign-in flows are set by the package",
        "rootUrl" | "baseUrl" | "adminUrl" => "an address of the old installation",
        "defaultRole" | "defaultRoles" | "defaultDefaultClientScopes" | "defaultOptionalClientScopes" => {
            "Keycloak makes its defaults anew"
        }
        "browserSecurityHeaders" => "headers are set by the proxy and Keycloak's defaults",
        "displayNameHtml" => "markup is not carried over",
        "notBefore" | "access" | "clientConsents" => "belongs to sessions that end",
        _ => "not known to this version, so Keycloak's default applies",
    }
}

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
            Value::Scalar { text, quoted: true } if is_credential(key, path) && !is_masked(text) => {
                let kind = kind_of(path);
                self.credentials.push((path.to_owned(), Secret::new(kind, text)));
                // Hashed passwords stand as JSON inside a text.
                if let Ok(serde_json::Value::Object(parts)) = serde_json::from_str(text) {
                    for part in parts.values().filter_map(|part| part.as_str()) {
                        self.credentials.push((path.to_owned(), Secret::new(kind, part)));
                    }
                }
            }
            Value::Scalar { .. } => {}
        }
    }
}

fn holds_something(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(holds_something),
        Value::Map(entries) => entries.iter().any(|(_, value)| holds_something(value)),
        Value::Scalar { .. } => !node.is_null(),
    }
}

fn is_credential(key: &str, path: &str) -> bool {
    if key == "credentials" {
        let last = path.rsplit('.').next().unwrap_or("");
        return matches!(last, "secretData" | "value" | "hashedSaltedValue" | "salt" | "credentialData")
            && last != "credentialData";
    }
    let lower = key.to_lowercase();
    let words = ["secret", "password", "privatekey", "private.key", "token"];
    let about =
        ["time", "lifespan", "policy", "algorithm", "expir", "rotat", "type", "format", "url", "enabled"];
    words.iter().any(|word| lower.contains(word)) && !about.iter().any(|word| lower.contains(word))
}

/// Keycloak writes asterisks where it keeps a secret back.
fn is_masked(text: &str) -> bool {
    text.is_empty() || text.chars().all(|c| c == '*') || text.starts_with("${")
}

fn kind_of(path: &str) -> &'static str {
    if path.contains("credentials") {
        "credential of a user"
    } else if path.contains("components") {
        "key of the realm"
    } else if path.starts_with("clients") {
        "client secret"
    } else if path.starts_with("smtpServer") {
        "mail password"
    } else {
        "credential of the realm"
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
    let roles = roles(&mut reader, &mut top);
    let clients = clients(&mut reader, &mut top);
    let client_scopes = scopes(&mut reader, &mut top);
    let users = users(&mut reader, &mut top);
    let mut settings = BTreeMap::new();
    for key in SETTINGS {
        if let Some(node) = top.take(key) {
            match &node.value {
                Value::Scalar { .. } => {
                    settings.insert(key.to_owned(), node.to_json());
                }
                _ => reader.wrong(node, key.to_owned(), "a text, a number or a truth value"),
            }
        }
    }
    reader.finish(top);
    let Reader { findings, dropped, credentials, .. } = reader;
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
        credentials,
    };
    shaped.then_some(realm)
}

/// Keycloak fills in `${NAME}` wherever it stands in a realm file. Only texts that are carried in the file are looked at,
/// which those of users are not.
fn placeholders(notes: &mut Notes<'_>, document: &Document, dropped: &[(String, &'static str)]) {
    let mut found = Vec::new();
    document.each_leaf(&mut |path, node| {
        let Some(text) = node.text().filter(|text| text.contains("${") && !path.starts_with("users")) else {
            return;
        };
        let left_out = || {
            dropped.iter().any(|(outer, _)| {
                path.strip_prefix(outer.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        // Keycloak's own texts name entries of its message files.
        let own = ["${role_", "${client_", "${auth"].iter().any(|begin| text.starts_with(begin))
            || text.ends_with("ScopeConsentText}");
        if !own && !left_out() {
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

fn roles<'d>(reader: &mut Reader<'d>, top: &mut Object<'d>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(node) = top.take("roles") else { return found };
    let mut roles = reader.object(node, "roles".to_owned());
    for (node, path) in reader.list(&mut roles, "realm") {
        let mut role = reader.object(node, path.clone());
        let Some(name) = reader.name(&mut role, "name") else { continue };
        if is_default_role(&name) {
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
        let mut scope = reader.object(node, path);
        if let Some(name) = reader.name(&mut scope, "name") {
            found.insert(name, node.to_json());
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
            redirect_uris: reader.texts(&mut client, "redirectUris"),
            web_origins: reader.texts(&mut client, "webOrigins"),
            default_scopes: reader.texts(&mut client, "defaultClientScopes"),
            optional_scopes: reader.texts(&mut client, "optionalClientScopes"),
            protocol_mappers: mappers.into_iter().map(|(node, _)| node.to_json()).collect(),
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
            let texts = match &value.value {
                Value::List(items) => {
                    items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
                }
                _ => value.text().map(str::to_owned).into_iter().collect(),
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

/// Index of a user in the realm's list, for its place.
fn place(document: &Document, username: &str) -> Option<usize> {
    let users = document.find(steps!["users"])?;
    users.items().iter().position(|user| {
        user.get("username").and_then(Node::text).is_some_and(|name| name.eq_ignore_ascii_case(username))
    })
}

/// What does not fit between export and realm.
pub(super) fn compare(notes: &mut Notes<'_>, export: &Export, realm: &Realm) {
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
            let there: BTreeSet<&str> =
                other.roles.iter().map(String::as_str).filter(|role| !is_default_role(role)).collect();
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
        if user.email.as_ref().is_none_or(|email| crate::model::Email::parse(email).is_none()) {
            let message = "this user has no e-mail address that an invitation could go to";
            notes.tell(
                &codes::REALM_USER_EMAIL,
                In::Realm,
                steps!["users", index, "email"],
                message,
                crate::model::Email::EXPECTED,
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
