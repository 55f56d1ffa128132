//! The realm, taken apart: what STUF needs is kept, every credential is dropped.

use super::accounting::below_realm;
use super::path::Path;
use super::{Book, listed};
use crate::model::{Checked, Realm, RealmClient, RealmUser, Target};
use crate::plan::secrets::{API_CLIENT, client_secret_name};
use serde_json::Value;

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

const CREDENTIAL: &str = "a credential never moves; the target makes its own";
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
        credentials,
    } = &checked.realm;
    let at = Path::raw("realm");

    book.migrated(&at.key("realm"));
    if display_name.is_some() {
        book.migrated(&at.key("displayName"));
    }
    match ssl_required {
        Some(before) => book.kept_or(&at.key("sslRequired"), "ssl-external", before, "external"),
        None => book.defaulted(&at.key("sslRequired"), "external"),
    }
    for (key, value) in settings {
        setting(book, &at.key(key), key, value);
    }
    for (name, description) in roles {
        let at = at.key("roles").key("realm").item(name);
        book.migrated(&at.key("name"));
        if !description.is_empty() {
            book.dropped(
                &at.key("description"),
                "free text stays out of the realm's file, where Keycloak would resolve ${…} in it",
            );
        }
    }
    for (id, item) in clients {
        client(book, &at.key("clients").item(id), item, target);
    }
    for name in client_scopes.keys() {
        book.migrated(&at.key("clientScopes").item(name));
    }
    for (name, item) in users {
        user(book, &at.key("users").item(name), item, target);
    }
    for (path, why) in dropped {
        book.dropped(&below(path), why);
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
            book.dropped(&at, CREDENTIAL);
        }
    }
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
        book.kept_or(at, "sign-in-hardened", text, after);
    } else if !REALM_SETTINGS.contains(&key) {
        book.dropped(at, "the target keeps Keycloak's default");
    } else if text.contains("${") {
        book.dropped(at, PLACEHOLDER);
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
        protocol_mappers: _,
        attributes,
    } = client;
    let origin = format!("https://{}", target.domain);
    let new = |own: String, before: &[String]| match (standard_flow, before.is_empty()) {
        (true, _) => own,
        (false, true) => String::new(),
        (false, false) => "none, since nobody signs in through this client".to_owned(),
    };
    let redirect = new(format!("{origin}/*"), redirect_uris);
    let web = new(origin, web_origins);
    let mut scopes = default_scopes.clone();
    for needed in ["basic", "roles", "web-origins"] {
        if !scopes.iter().any(|scope| scope == needed) {
            scopes.push(needed.to_owned());
        }
    }

    for key in ["clientId", "publicClient", "serviceAccountsEnabled", "standardFlowEnabled"] {
        book.migrated(&at.key(key));
    }
    book.kept_or(&at.key("directAccessGrantsEnabled"), "password-grant-off", direct_access_grants, false);
    book.kept_or(&at.key("redirectUris"), "redirect-uris-to-domain", listed(redirect_uris), redirect);
    book.kept_or(&at.key("webOrigins"), "own-origin", listed(web_origins), web);
    book.kept_or(
        &at.key("defaultClientScopes"),
        "standard-scopes-added",
        listed(default_scopes),
        listed(&scopes),
    );
    for key in ["optionalClientScopes", "protocolMappers"] {
        book.migrated(&at.key(key));
    }
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
            book.dropped(&at, CREDENTIAL);
        } else if key == "post.logout.redirect.uris" && *standard_flow {
            book.transformed(&at, "redirect-uris-to-domain", value, format!("https://{}/*", target.domain));
        } else if key == "pkce.code.challenge.method" && *public {
            book.kept_or(&at, "pkce-required", value, "S256");
        } else if value.contains("${") {
            book.dropped(&at, PLACEHOLDER);
        } else {
            book.migrated(&at);
        }
    }
}

fn user(book: &mut Book, at: &Path, user: &RealmUser, target: &Target) {
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
        service_account_of,
    } = user;
    let at = &if service_account_of.is_some() { at.clone() } else { at.clone().personal() };

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
        book.migrated(&at.key("realmRoles").item(role));
    }
    book.migrated(&at.key("attributes").key("collections"));
    for key in attributes.keys() {
        book.migrated(&at.key("attributes").key(key));
    }
    if service_account_of.is_some() {
        book.migrated(&at.key("serviceAccountClientId"));
    } else {
        let actions = if target.identity.require_second_factor {
            "UPDATE_PASSWORD CONFIGURE_TOTP"
        } else {
            "UPDATE_PASSWORD"
        };
        book.defaulted(&at.key("requiredActions"), actions);
    }
}
