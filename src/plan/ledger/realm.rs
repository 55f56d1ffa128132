//! The realm, taken apart: what STUF needs is kept, every credential is dropped.

use super::accounting::below_realm;
use super::path::Path;
use super::{Book, listed, set};
use crate::check::{default_role, is_default_role};
use crate::model::{Afterwards, Checked, Disposition, Export, Realm, RealmClient, RealmUser, Target};
use crate::plan::secrets::{API_CLIENT, client_secret_name};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Settings of an exported realm that are taken over: numbers, switches and closed words, no free text.
pub const REALM_SETTINGS: &[&str] = &[
    "accessCodeLifespan",
    "accessCodeLifespanLogin",
    "accessCodeLifespanUserAction",
    "accessTokenLifespan",
    "accessTokenLifespanForImplicitFlow",
    "actionTokenGeneratedByUserLifespan",
    "offlineSessionIdleTimeout",
    "otpPolicyAlgorithm",
    "otpPolicyDigits",
    "otpPolicyInitialCounter",
    "otpPolicyLookAheadWindow",
    "otpPolicyPeriod",
    "otpPolicyType",
    "passwordPolicy",
    "revokeRefreshToken",
    "ssoSessionIdleTimeout",
    "ssoSessionMaxLifespan",
];

/// Settings that every migrated realm has, whatever the exported one says.
pub const REALM_FIXED: &[(&str, &str)] = &[
    ("bruteForceProtected", "true"),
    ("duplicateEmailsAllowed", "false"),
    ("editUsernameAllowed", "false"),
    ("enabled", "true"),
    ("failureFactor", "6"),
    ("loginWithEmailAllowed", "true"),
    ("permanentLockout", "false"),
    ("registrationAllowed", "false"),
    ("rememberMe", "false"),
    ("resetPasswordAllowed", "true"),
];

/// Scopes that every token needs; a realm file with scopes of its own gets none of Keycloak's (`render`).
pub const STANDARD_SCOPES: &[&str] = &["basic", "roles", "web-origins"];

/// The client through which `import` and `verify` act.
pub const OPERATOR: &str = "stufpack-operator";

const CREDENTIAL: &str = "a credential never moves; the target makes its own";
const FREE_TEXT: &str = "free text stays out of the realm's file, where Keycloak would resolve ${…} in it";
const PLACEHOLDER: &str = "it holds ${…}, which Keycloak's file import would resolve";

/// Enters every item of the realm.
pub(super) fn enter(book: &mut Book, checked: &Checked) {
    let target = &checked.target;
    let Realm {
        name: _,
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
    } = &checked.realm;
    let at = Path::raw("realm");

    book.migrated(&at.key("realm"));
    if display_name.is_some() {
        book.migrated(&at.key("displayName"));
    }
    match ssl_required {
        Some(before) => book.kept_or(&at.key("sslRequired"), "ssl-external", before, "external"),
        None => {
            book.defaulted(&at.key("sslRequired"), "external", Afterwards::Value("external".into()));
        }
    }
    for (key, value) in settings {
        setting(book, &at.key(key), key, value);
    }
    for (name, description) in roles {
        let at = at.key("roles").key("realm").item(name);
        book.migrated(&at.key("name"));
        if !description.is_empty() {
            book.dropped(&at.key("description"), FREE_TEXT, Afterwards::Absent);
        }
    }
    for (id, item) in clients {
        client(book, &at.key("clients").item(id), item, target);
    }
    for (name, scope) in client_scopes {
        self::scope(book, &at.key("clientScopes").item(name), scope);
    }
    let phones = phones(&checked.export);
    for (name, item) in users {
        let at = at.key("users").item(name);
        if item.service_account_of.is_some() {
            service_account(book, &at, item, &checked.realm.name);
        } else {
            user(book, &at.personal(), item, &phones, target, &checked.realm.name);
        }
    }
    // A client's secret is left behind and made anew by hand: the second stands under its name already.
    let by_hand = book.entries.iter().filter(|entry| matches!(entry.disposition, Disposition::Manual { .. }));
    let by_hand: BTreeSet<String> = by_hand.map(|entry| entry.setting.clone()).collect();
    for (path, why) in dropped {
        // Where people sign in from is never Keycloak's own doing.
        let foreign = ["identityProviders", "identityProviderMappers"].contains(&path.as_str());
        let afterwards = if foreign { Afterwards::Absent } else { Afterwards::Free };
        match called.get(path).map(String::as_str).map(below).filter(|at| !by_hand.contains(&at.to_string()))
        {
            Some(called) => book.dropped_as(&below(path), &called, why, afterwards),
            None => book.dropped(&below(path), why, afterwards),
        }
    }
    for (path, _) in credentials {
        let named = |(dropped, _): &(String, &str)| {
            path.strip_prefix(dropped.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // One credential can be several secrets (salt and hash), and stands below what is left out as a whole.
        let at = below(path);
        if !dropped.iter().any(named) && book.entries.last().is_none_or(|last| last.setting != at.to_string())
        {
            book.dropped(&at, CREDENTIAL, Afterwards::Free);
        }
    }
    added(book, &checked.realm);
}

/// What every migrated realm has beside what was exported.
fn added(book: &mut Book, realm: &Realm) {
    let at = Path::raw("realm");
    for (key, value) in REALM_FIXED {
        if !realm.settings.contains_key(*key) {
            book.defaulted(&at.key(key), *value, Afterwards::Value(parsed(value)));
        }
    }
    for name in STANDARD_SCOPES {
        if !realm.client_scopes.contains_key(*name) {
            let value = "Keycloak's standard scope, which tokens need";
            book.defaulted(&at.key("clientScopes").item(name), value, Afterwards::Free);
        }
    }
    if !realm.dropped.iter().any(|(path, _)| path == "components") {
        let value = "signing keys of its own, and a user profile that keeps collections and phone numbers";
        book.defaulted(&at.key("components"), value, Afterwards::Free);
    }
    let value = "the client through which import and verify act";
    book.defaulted(&at.key("clients").item(OPERATOR), value, Afterwards::Free);
    let account = format!("service-account-{OPERATOR}");
    book.defaulted(&at.key("users").item(account), value, Afterwards::Free);
}

fn scope(book: &mut Book, at: &Path, scope: &Value) {
    book.migrated(at);
    if scope.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
        book.dropped(&at.key("description"), FREE_TEXT, Afterwards::Absent);
    }
    placeholders(book, &at.key("attributes"), scope.get("attributes"));
    let mappers = scope.get("protocolMappers").and_then(Value::as_array);
    self::mappers(book, &at.key("protocolMappers"), mappers.map_or(&[], Vec::as_slice));
}

/// What a mapper's texts hold is left out where Keycloak would resolve it; the mapper stays.
fn mappers(book: &mut Book, at: &Path, mappers: &[Value]) {
    for mapper in mappers {
        if let Some(name) = mapper.get("name").and_then(Value::as_str) {
            placeholders(book, &at.item(name).key("config"), mapper.get("config"));
        }
    }
}

fn placeholders(book: &mut Book, at: &Path, texts: Option<&Value>) {
    let texts = texts.and_then(Value::as_object).into_iter().flatten();
    for (key, _) in texts.filter(|(_, value)| value.as_str().is_some_and(|text| text.contains("${"))) {
        book.dropped(&at.key(key), PLACEHOLDER, Afterwards::Absent);
    }
}

/// A fixed setting as JSON.
fn parsed(value: &str) -> Value {
    serde_json::from_str(value).unwrap_or_default()
}

/// A path that the realm's reader wrote; those below a user name a person.
fn below(path: &str) -> Path {
    let at = Path::raw(below_realm(path));
    if path.starts_with("users") { at.personal() } else { at }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn setting(book: &mut Book, at: &Path, key: &str, value: &Value) {
    let text = plain(value);
    if let Some((_, after)) = REALM_FIXED.iter().find(|(fixed, _)| *fixed == key) {
        book.kept_or(at, "sign-in-hardened", text, parsed(after));
    } else if !REALM_SETTINGS.contains(&key) {
        book.dropped(at, "the target keeps Keycloak's default", Afterwards::Free);
    } else if text.contains("${") {
        book.dropped(at, PLACEHOLDER, Afterwards::Free);
    } else {
        book.migrated(at);
    }
}

fn client(book: &mut Book, at: &Path, client: &RealmClient, target: &Target) {
    let RealmClient {
        client_id,
        public,
        service_account: _,
        direct_access_grants,
        standard_flow,
        redirect_uris,
        web_origins,
        default_scopes,
        optional_scopes: _,
        protocol_mappers,
        attributes,
    } = client;
    let origin = format!("https://{}", target.domain);
    let mut scopes = default_scopes.clone();
    for needed in STANDARD_SCOPES {
        if !scopes.iter().any(|scope| scope == needed) {
            scopes.push((*needed).to_owned());
        }
    }

    for key in ["clientId", "publicClient", "serviceAccountsEnabled", "standardFlowEnabled"] {
        book.migrated(&at.key(key));
    }
    book.kept_or(&at.key("directAccessGrantsEnabled"), "password-grant-off", direct_access_grants, false);
    let mut addresses = |key: &str, rule, before: &[String], own: String| {
        if *standard_flow {
            book.kept_or_set(&at.key(key), rule, before, &[&own]);
        } else if before.is_empty() {
            book.migrated(&at.key(key));
        } else {
            let after = "none, since nobody signs in through this client";
            book.transformed(&at.key(key), rule, listed(before), after, set::<String>([]));
        }
    };
    let redirect = format!("{origin}/*");
    addresses("redirectUris", "redirect-uris-to-domain", redirect_uris, redirect.clone());
    addresses("webOrigins", "own-origin", web_origins, origin);
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    book.kept_or_set(&at.key("defaultClientScopes"), "standard-scopes-added", default_scopes, &scopes);
    for key in ["optionalClientScopes", "protocolMappers"] {
        book.migrated(&at.key(key));
    }
    mappers(book, &at.key("protocolMappers"), protocol_mappers);
    if !public && client_id != API_CLIENT {
        let name = client_secret_name(client_id);
        book.manual(
            &at.key("secret"),
            format!("Read the new secret of client {client_id} on the host, in /etc/stuf/secrets/{name}, and give it to the service that uses it"),
        );
    }
    for (key, value) in attributes {
        let at = at.key("attributes").key(key);
        if key.starts_with("client.secret") {
            book.dropped(&at, CREDENTIAL, Afterwards::Free);
        } else if key == "post.logout.redirect.uris" && *standard_flow {
            let kept = Afterwards::Value(redirect.clone().into());
            book.transformed(&at, "redirect-uris-to-domain", value, &redirect, kept);
        } else if key == "pkce.code.challenge.method" && *public {
            book.kept_or(&at, "pkce-required", value, "S256");
        } else if value.contains("${") {
            book.dropped(&at, PLACEHOLDER, Afterwards::Absent);
        } else {
            book.migrated(&at);
        }
    }
    let added = [
        ("post.logout.redirect.uris", *standard_flow, redirect.as_str()),
        ("pkce.code.challenge.method", *public, "S256"),
    ];
    for (key, _, value) in added.iter().filter(|(key, wanted, _)| *wanted && !attributes.contains_key(*key)) {
        book.defaulted(&at.key("attributes").key(key), *value, Afterwards::Value((*value).into()));
    }
}

/// Phone numbers of the export by address: the realm gets them as an attribute.
fn phones(export: &Export) -> BTreeMap<String, &str> {
    let users = export.users.values();
    users
        .filter_map(|user| Some((user.email.as_str().to_ascii_lowercase(), user.phone.as_ref()?.as_str())))
        .collect()
}

fn user(
    book: &mut Book,
    at: &Path,
    user: &RealmUser,
    phones: &BTreeMap<String, &str>,
    target: &Target,
    realm: &str,
) {
    let RealmUser {
        username: _,
        email,
        first_name,
        last_name,
        enabled: _,
        email_verified: _,
        roles,
        collections: _,
        attributes,
        service_account_of: _,
    } = user;

    for key in ["username", "enabled"] {
        book.migrated(&at.key(key));
    }
    if let Some(email) = email {
        book.kept_or(&at.key("email"), "lower-case-address", email, email.to_ascii_lowercase());
    }
    for (key, present) in [("firstName", first_name.is_some()), ("lastName", last_name.is_some())] {
        if present {
            book.migrated(&at.key(key));
        }
    }
    book.migrated(&at.key("emailVerified"));
    for role in roles {
        let at = at.key("realmRoles").item(role);
        if is_default_role(role, realm) && *role != default_role(realm) {
            book.dropped(&at, "not a role of STUF: Keycloak gives its own by its defaults", Afterwards::Free);
        } else {
            book.migrated(&at);
        }
    }
    everyones(book, at, roles, realm);
    book.migrated(&at.key("attributes").key("collections"));
    let phone = email.as_ref().and_then(|email| phones.get(&email.to_ascii_lowercase()));
    for (key, values) in attributes {
        let at = at.key("attributes").key(key);
        match phone {
            Some(phone) if key == "phone" => book.kept_or_set(&at, "phone-of-the-export", values, &[phone]),
            _ => book.migrated(&at),
        }
    }
    if let Some(phone) = phone.filter(|_| !attributes.contains_key("phone")) {
        book.defaulted(&at.key("attributes").key("phone"), *phone, set([*phone]));
    }
    let actions = if target.identity.require_second_factor {
        "UPDATE_PASSWORD CONFIGURE_TOTP"
    } else {
        "UPDATE_PASSWORD"
    };
    // They are gone once the user has done them.
    book.defaulted(&at.key("requiredActions"), actions, Afterwards::Free);
}

/// The role that every user of a realm has, where the exported user lacks it.
fn everyones(book: &mut Book, at: &Path, roles: &BTreeSet<String>, realm: &str) {
    let role = default_role(realm);
    if !roles.contains(&role) {
        book.defaulted(
            &at.key("realmRoles").item(&role),
            "Keycloak gives it to every user",
            Afterwards::Free,
        );
    }
}

/// A client's own account is no person: what it may do moves, and nothing that describes people.
fn service_account(book: &mut Book, at: &Path, user: &RealmUser, realm: &str) {
    let RealmUser {
        username: _,
        email,
        first_name,
        last_name,
        enabled: _,
        email_verified,
        roles,
        collections: _,
        attributes,
        service_account_of: _,
    } = user;
    let why = "a service account is no person";
    for key in ["username", "enabled", "serviceAccountClientId"] {
        book.migrated(&at.key(key));
    }
    let described = [("email", email), ("firstName", first_name), ("lastName", last_name)];
    for (key, _) in described.iter().filter(|(_, value)| value.is_some()) {
        book.dropped(&at.key(key), why, Afterwards::Absent);
    }
    if *email_verified {
        book.dropped(&at.key("emailVerified"), why, Afterwards::Value(false.into()));
    } else {
        book.migrated(&at.key("emailVerified"));
    }
    for role in roles {
        book.migrated(&at.key("realmRoles").item(role));
    }
    everyones(book, at, roles, realm);
    book.migrated(&at.key("attributes").key("collections"));
    for key in attributes.keys() {
        book.dropped(&at.key("attributes").key(key), why, Afterwards::Absent);
    }
}
