//! The realm, taken apart: key paths as the ledger writes them, a class for each.
//!
//! What Keycloak writes in two ways (an absent text and an empty one, an absent switch and `false`) is one fact here.

use super::facts::{Class, Facts};
use crate::model::{LeftOut, LeftOutStep, Realm, RealmClient, RealmUser};
use crate::plan::KeyPath;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Enters everything that the realm says; `names` gives users the names by which the other realm knows them.
pub(super) fn enter(facts: &mut Facts, realm: &Realm, left_out: &[LeftOut], names: &BTreeMap<&str, &str>) {
    let Realm {
        name,
        display_name,
        ssl_required,
        roles,
        clients,
        client_scopes,
        users,
        settings,
        // Compared as `left_out`, which knows what stands there.
        dropped: _,
        called: _,
        credentials: _,
    } = realm;
    let at = KeyPath::raw("realm");
    facts.put(&at.key("realm"), Class::Configuration, name.as_str());
    facts.put_some(&at.key("displayName"), Class::Cosmetic, display_name.as_deref().filter(is_said));
    facts.put_some(&at.key("sslRequired"), Class::Exposure, ssl_required.as_deref());
    for (key, value) in settings {
        facts.put(&at.key(key), class_of_setting(key), value.clone());
    }
    for (name, description) in roles {
        let at = at.key("roles").key("realm").item(name);
        facts.thing(&at, Class::Identity, |facts| {
            facts.put_some(&at.key("description"), Class::Cosmetic, said(description));
        });
    }
    for (id, client) in clients {
        self::client(facts, &at.key("clients").item(id), client);
    }
    for (name, scope) in client_scopes {
        self::scope(facts, &at.key("clientScopes").item(name), scope);
    }
    for (name, user) in users {
        let known = names.get(name.as_str()).copied().unwrap_or(name);
        let at = at.key("users").item(known);
        let at = if user.service_account_of.is_some() { at } else { at.personal() };
        self::user(facts, &at, user);
    }
    for part in left_out {
        self::left_out(facts, part, names);
    }
}

fn is_said(text: &&str) -> bool {
    !text.is_empty()
}

fn said(text: &str) -> Option<&str> {
    Some(text).filter(is_said)
}

/// Settings of the realm: those that are not about a sign-in are listed. How long one lasts is about it.
pub(super) fn class_of_setting(key: &str) -> Class {
    let ends = |ends: &[&str]| ends.iter().any(|end| key.ends_with(end));
    if ends(&["Theme", "Locale", "internationalizationEnabled"]) {
        Class::Cosmetic
    } else if ends(&["EventsEnabled", "eventsEnabled", "EventsDetailsEnabled", "eventsExpiration"]) {
        Class::Configuration
    } else {
        Class::Exposure
    }
}

/// Attributes of a client: they open ways in and out (flows, addresses, lifespans), but for those that are listed.
pub(super) fn class_of_client_attribute(key: &str) -> Class {
    match key {
        "login_theme" | "consent.screen.text" | "display.on.consent.screen" | "gui.order" => Class::Cosmetic,
        "client.secret.creation.time" | "realm_client" => Class::Configuration,
        _ => Class::Exposure,
    }
}

fn client(facts: &mut Facts, at: &KeyPath, client: &RealmClient) {
    let RealmClient {
        client_id,
        public,
        service_account,
        direct_access_grants,
        standard_flow,
        redirect_uris,
        web_origins,
        default_scopes,
        optional_scopes,
        protocol_mappers,
        attributes,
    } = client;
    facts.thing(at, Class::Exposure, |facts| {
        facts.put(&at.key("clientId"), Class::Configuration, client_id.as_str());
        facts.put(&at.key("publicClient"), Class::Exposure, *public);
        facts.put(&at.key("serviceAccountsEnabled"), Class::Exposure, *service_account);
        facts.put(&at.key("directAccessGrantsEnabled"), Class::Exposure, *direct_access_grants);
        facts.put(&at.key("standardFlowEnabled"), Class::Exposure, *standard_flow);
        facts.put_set(&at.key("redirectUris"), Class::Exposure, redirect_uris);
        facts.put_set(&at.key("webOrigins"), Class::Exposure, web_origins);
        facts.put_set(&at.key("defaultClientScopes"), Class::Identity, default_scopes);
        facts.put_set(&at.key("optionalClientScopes"), Class::Identity, optional_scopes);
        mappers(facts, &at.key("protocolMappers"), protocol_mappers);
        for (key, value) in attributes {
            // Written by newer versions of Keycloak for every client.
            if (key.as_str(), value.as_str()) != ("realm_client", "false") {
                let class = class_of_client_attribute(key);
                facts.put(&at.key("attributes").key(key), class, value.as_str());
            }
        }
    });
}

fn scope(facts: &mut Facts, at: &KeyPath, scope: &Value) {
    facts.thing(at, Class::Identity, |facts| {
        let none = Map::new();
        for (key, value) in scope.as_object().unwrap_or(&none) {
            match key.as_str() {
                "name" | "id" => {}
                "protocolMappers" => {
                    mappers(facts, &at.key(key), value.as_array().map_or(&[], Vec::as_slice));
                }
                "attributes" => texts(facts, &at.key(key), Class::Configuration, value),
                "description" => {
                    facts.put_some(&at.key(key), Class::Cosmetic, value.as_str().and_then(said));
                }
                _ if is_default(key, value) => {}
                _ => facts.put(&at.key(key), Class::Identity, value.clone()),
            }
        }
    });
}

/// What decides which roles and claims a token carries.
fn mappers(facts: &mut Facts, at: &KeyPath, mappers: &[Value]) {
    for (number, mapper) in mappers.iter().enumerate() {
        let named = mapper.get("name").and_then(Value::as_str);
        let at = named.map_or_else(|| at.item(number), |name| at.item(name));
        facts.thing(&at, Class::Identity, |facts| {
            let none = Map::new();
            for (key, value) in mapper.as_object().unwrap_or(&none) {
                match key.as_str() {
                    "name" | "id" => {}
                    "config" => texts(facts, &at.key(key), Class::Identity, value),
                    _ if is_default(key, value) => {}
                    _ => facts.put(&at.key(key), Class::Identity, value.clone()),
                }
            }
        });
    }
}

/// What Keycloak takes where nothing is said.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "protocol" => value == "openid-connect",
        "consentRequired" => value == false,
        _ => value.is_null(),
    }
}

fn texts(facts: &mut Facts, at: &KeyPath, class: Class, map: &Value) {
    let none = Map::new();
    for (key, value) in map.as_object().unwrap_or(&none) {
        facts.put(&at.key(key), class, value.clone());
    }
}

fn user(facts: &mut Facts, at: &KeyPath, user: &RealmUser) {
    let RealmUser {
        username,
        email,
        first_name,
        last_name,
        enabled,
        email_verified,
        roles,
        collections,
        attributes,
        service_account_of,
    } = user;
    facts.thing(at, Class::Identity, |facts| {
        facts.put_caseless(&at.key("username"), Class::Identity, username);
        if let Some(email) = email.as_deref().and_then(said) {
            facts.put_caseless(&at.key("email"), Class::Identity, email);
        }
        for (key, name) in [("firstName", first_name), ("lastName", last_name)] {
            facts.put_some(&at.key(key), Class::Cosmetic, name.as_deref().and_then(said));
        }
        facts.put(&at.key("enabled"), Class::Identity, *enabled);
        facts.put(&at.key("emailVerified"), Class::Identity, *email_verified);
        for role in roles {
            facts.put(&at.key("realmRoles").item(role), Class::Identity, role.as_str());
        }
        for (collection, permissions) in collections {
            let at = at.key("attributes").key("collections").key(collection.as_str());
            for permission in permissions {
                facts.put(&at.item(permission), Class::Identity, permission.as_str());
            }
        }
        for (key, values) in attributes {
            facts.put(&at.key("attributes").key(key), Class::Identity, values.as_slice());
        }
        let account = service_account_of.as_deref();
        facts.put_some(&at.key("serviceAccountClientId"), Class::Identity, account);
    });
}

/// A part that no migration carries over: whether it is the same can be told, and nothing of what it holds.
fn left_out(facts: &mut Facts, part: &LeftOut, names: &BTreeMap<&str, &str>) {
    let mut at = KeyPath::raw("realm");
    let mut steps = part.steps.iter();
    if let [LeftOutStep::Key(first), LeftOutStep::Item(user), ..] = part.steps.as_slice()
        && first == "users"
    {
        at = at.key(first).item(names.get(user.as_str()).copied().unwrap_or(user)).personal();
        steps = part.steps[2..].iter();
    }
    let mut of = facts.thing_at(&at);
    for step in steps {
        at = match step {
            LeftOutStep::Key(key) => at.key(key),
            LeftOutStep::Item(name) => at.item(name),
        };
        of = facts.thing_at(&at).or(of);
    }
    let class = class_of_left_out(&part.steps);
    facts.put_left_out(&at, class, of, part);
}

fn class_of_left_out(steps: &[LeftOutStep]) -> Class {
    let mut keys = steps.iter().filter_map(|step| match step {
        LeftOutStep::Key(key) => Some(key.as_str()),
        LeftOutStep::Item(_) => None,
    });
    let key = match steps {
        // An entry of a map of the realm's own, and what people may have to do.
        [LeftOutStep::Key(_), LeftOutStep::Key(_)] => keys.next(),
        [LeftOutStep::Key(list), LeftOutStep::Item(_)] if list == "requiredActions" => {
            return Class::Exposure;
        }
        _ => keys.next_back(),
    };
    match key.unwrap_or_default() {
        "identityProviders"
        | "identityProviderMappers"
        | "browserSecurityHeaders"
        | "components"
        | "rootUrl"
        | "baseUrl"
        | "adminUrl"
        | "clients" => Class::Exposure,
        // The address that pages and tokens name, and markup on the page where passwords are typed.
        "attributes" | "displayNameHtml" => Class::Exposure,
        "authenticatorConfig" | "authenticationFlows" | "clientAuthenticationFlow" => Class::Exposure,
        "authenticationFlowBindingOverrides" => Class::Exposure,
        flow if flow.ends_with("Flow") => Class::Exposure,
        "supportedLocales" => Class::Cosmetic,
        "smtpServer" | "clientPolicies" | "clientProfiles" => Class::Configuration,
        _ => Class::Identity,
    }
}
