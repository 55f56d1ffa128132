//! Keycloak's realm: a skeleton that is imported by file, and users that come through the admin interface.
//!
//! The file import resolves `${NAME}` in any value, so the skeleton holds typed words only: no user, no description, no
//! display name. Its only placeholders are ours.

use super::json;
use crate::model::{Checked, Files, Realm, RealmClient, User, UserStatus, VALIDATION};
use crate::plan::{OPERATOR, REALM_FIXED, REALM_SETTINGS, STANDARD_SCOPES, client_secret_name, validates};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Version of the users' document.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn add(files: &mut Files, checked: &Checked) {
    let folder = "configuration/integration-config";
    files.insert(format!("{folder}/realm.json"), json(&skeleton(checked)));
    files.insert(format!("{folder}/realm-users.json"), json(&users(checked)).personal());
}

fn skeleton(checked: &Checked) -> Value {
    let realm = &checked.realm;
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| out.insert(key.to_owned(), value);
    set("realm", json!(realm.name));
    set("sslRequired", json!("external"));
    for (key, value) in REALM_FIXED {
        set(key, serde_json::from_str(value).unwrap_or_default());
    }
    for key in REALM_SETTINGS {
        if let Some(value) = realm.settings.get(*key).filter(|value| is_plain(value)) {
            set(key, value.clone());
        }
    }
    set(
        "roles",
        json!({ "realm": realm.roles.keys().map(|name| json!({ "name": name })).collect::<Vec<_>>() }),
    );
    set("clientScopes", json!(client_scopes(realm)));
    set("clients", json!(clients(checked)));
    set("users", json!(service_accounts(realm)));
    set(
        "components",
        json!({
            "org.keycloak.userprofile.UserProfileProvider": [{
                "providerId": "declarative-user-profile",
                "config": { "kc.user.profile.config": [user_profile().to_string()] },
            }],
        }),
    );
    Value::Object(out)
}

/// Whether a value holds no placeholder that the file import would resolve.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains("${"),
        Value::Array(_) | Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Without this, Keycloak 24 and newer drop the attributes that carry permissions and phone numbers without a word.
fn user_profile() -> Value {
    let everyone = json!({ "view": ["admin", "user"], "edit": ["admin"] });
    let administrators = json!({ "view": ["admin"], "edit": ["admin"] });
    json!({
        "attributes": [
            { "name": "username", "permissions": everyone },
            { "name": "email", "permissions": everyone, "validations": { "email": {} } },
            { "name": "firstName", "permissions": everyone },
            { "name": "lastName", "permissions": everyone },
            { "name": "collections", "permissions": administrators },
            { "name": "phone", "permissions": administrators },
        ],
        "unmanagedAttributePolicy": "ADMIN_EDIT",
    })
}

/// Exported scopes, and those that every token needs where the export lacks them.
fn client_scopes(realm: &Realm) -> Vec<Value> {
    let mut scopes: BTreeMap<String, Value> =
        realm.client_scopes.iter().map(|(name, scope)| (name.clone(), client_scope(name, scope))).collect();
    for (name, mappers) in standard_scopes() {
        scopes.entry(name.to_owned()).or_insert_with(|| {
            json!({
                "name": name,
                "protocol": "openid-connect",
                "attributes": { "include.in.token.scope": "false", "display.on.consent.screen": "false" },
                "protocolMappers": mappers,
            })
        });
    }
    scopes.into_values().collect()
}

fn client_scope(name: &str, exported: &Value) -> Value {
    let mappers = exported.get("protocolMappers").and_then(Value::as_array).cloned().unwrap_or_default();
    json!({
        "name": name,
        "protocol": "openid-connect",
        "attributes": plain_texts(exported.get("attributes")),
        "protocolMappers": mappers.iter().filter_map(mapper).collect::<Vec<_>>(),
    })
}

fn mapper(exported: &Value) -> Option<Value> {
    let word = |key: &str| exported.get(key).and_then(Value::as_str).filter(|text| !text.contains("${"));
    Some(json!({
        "name": word("name")?,
        "protocol": "openid-connect",
        "protocolMapper": word("protocolMapper")?,
        "config": plain_texts(exported.get("config")),
    }))
}

/// The texts of a map that hold no placeholder.
fn plain_texts(map: Option<&Value>) -> Value {
    let kept = map.and_then(Value::as_object).into_iter().flatten();
    Value::Object(
        kept.filter(|(_, value)| value.is_string() && is_plain(value))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    )
}

/// `basic` carries `sub`, `roles` the realm roles, `web-origins` the allowed origins (Keycloak 26, default scopes).
fn standard_scopes() -> [(&'static str, Value); 3] {
    let mapper = |name: &str, kind: &str, config: Value| {
        json!({
            "name": name,
            "protocol": "openid-connect",
            "protocolMapper": kind,
            "config": config,
        })
    };
    [
        (
            "basic",
            json!([mapper(
                "sub",
                "oidc-sub-mapper",
                json!({ "access.token.claim": "true", "introspection.token.claim": "true" }),
            )]),
        ),
        (
            "roles",
            json!([mapper(
                "realm roles",
                "oidc-usermodel-realm-role-mapper",
                json!({
                    "access.token.claim": "true",
                    "introspection.token.claim": "true",
                    "claim.name": "realm_access.roles",
                    "jsonType.label": "String",
                    "multivalued": "true",
                }),
            )]),
        ),
        (
            "web-origins",
            json!([mapper(
                "allowed web origins",
                "oidc-allowed-origins-mapper",
                json!({ "access.token.claim": "true", "introspection.token.claim": "true" }),
            )]),
        ),
    ]
}

fn clients(checked: &Checked) -> Vec<Value> {
    let origin = format!("https://{}", checked.target.domain);
    let mut clients: Vec<Value> =
        checked.realm.clients.values().map(|exported| client(exported, &origin)).collect();
    // It has no user of its own and no more rights than import and verify need.
    clients.push(json!({
        "clientId": OPERATOR,
        "enabled": true,
        "publicClient": false,
        "clientAuthenticatorType": "client-secret",
        "secret": "${KEYCLOAK_SERVICE_SECRET}",
        "serviceAccountsEnabled": true,
        "standardFlowEnabled": false,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "redirectUris": [],
        "webOrigins": [],
        "defaultClientScopes": ["basic", "roles"],
        "optionalClientScopes": [],
        // Outside the realm `master`, what a caller may do is what its token says; an exported scope `roles` may say nothing of it.
        "protocolMappers": [{
            "name": "management roles",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-usermodel-client-role-mapper",
            "config": {
                "usermodel.clientRoleMapping.clientId": "realm-management",
                "claim.name": "resource_access.realm-management.roles",
                "jsonType.label": "String",
                "multivalued": "true",
                "access.token.claim": "true",
            },
        }],
    }));
    clients
}

fn client(exported: &RealmClient, origin: &str) -> Value {
    let signs_in = exported.standard_flow;
    let mut default_scopes = exported.default_scopes.clone();
    for needed in STANDARD_SCOPES {
        if !default_scopes.iter().any(|scope| scope == needed) {
            default_scopes.push((*needed).to_owned());
        }
    }
    let mut out = json!({
        "clientId": exported.client_id,
        "enabled": true,
        "publicClient": exported.public,
        "serviceAccountsEnabled": exported.service_account,
        "standardFlowEnabled": signs_in,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "redirectUris": if signs_in { json!([format!("{origin}/*")]) } else { json!([]) },
        "webOrigins": if signs_in { json!([origin]) } else { json!([]) },
        "attributes": client_attributes(exported, origin),
        "protocolMappers": exported.protocol_mappers.iter().filter_map(mapper).collect::<Vec<_>>(),
        "defaultClientScopes": default_scopes,
        "optionalClientScopes": exported.optional_scopes,
    });
    if !exported.public {
        out["clientAuthenticatorType"] = json!("client-secret");
        // Upper-case, as the identity service exports each of its secret files (compose.yaml).
        let variable = client_secret_name(&exported.client_id).to_ascii_uppercase();
        out["secret"] = json!(format!("${{{variable}}}"));
    }
    out
}

fn client_attributes(exported: &RealmClient, origin: &str) -> Value {
    let mut attributes: Map<String, Value> = exported
        .attributes
        .iter()
        .filter(|(key, value)| !value.contains("${") && !key.starts_with("client.secret"))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    if exported.standard_flow {
        attributes.insert("post.logout.redirect.uris".to_owned(), json!(format!("{origin}/*")));
    }
    if exported.public {
        attributes.insert("pkce.code.challenge.method".to_owned(), json!("S256"));
    }
    Value::Object(attributes)
}

/// Service accounts are no people: their roles and permissions are typed words, so they may stand in the file.
fn service_accounts(realm: &Realm) -> Vec<Value> {
    realm
        .users
        .values()
        .filter_map(|user| {
            let client = user.service_account_of.as_ref()?;
            Some(json!({
                "username": user.username,
                "enabled": user.enabled,
                "serviceAccountClientId": client,
                "realmRoles": user.roles,
                "attributes": { "collections": [json!(user.collections).to_string()] },
            }))
        })
        .collect()
}

fn users(checked: &Checked) -> Value {
    let users: Vec<Value> = checked.export.users.values().map(|user| realm_user(checked, user)).collect();
    json!({ "schema_version": SCHEMA_VERSION, "users": users })
}

/// A user as Keycloak's admin interface takes it: no credential, and every factor to be proven anew.
fn realm_user(checked: &Checked, user: &User) -> Value {
    let email = user.email.as_str().to_ascii_lowercase();
    let known = checked
        .realm
        .users
        .values()
        .find(|known| known.email.as_deref().is_some_and(|address| address.eq_ignore_ascii_case(&email)));
    let (first, last) = match known {
        Some(known) => {
            (known.first_name.clone().unwrap_or_default(), known.last_name.clone().unwrap_or_default())
        }
        None => match user.name.as_str().rsplit_once(' ') {
            Some((first, last)) => (first.to_owned(), last.to_owned()),
            None => (user.name.to_string(), String::new()),
        },
    };
    let mut attributes = Map::new();
    for (key, values) in known.iter().flat_map(|known| &known.attributes) {
        attributes.insert(key.clone(), json!(values));
    }
    let mut collections = json!(user.collections);
    if validates(user) {
        collections[VALIDATION] = json!(["read", "write", "delete"]);
    }
    attributes.insert("collections".to_owned(), json!([collections.to_string()]));
    if let Some(phone) = &user.phone {
        attributes.insert("phone".to_owned(), json!([phone]));
    }
    let mut actions = vec!["UPDATE_PASSWORD"];
    if checked.target.identity.require_second_factor {
        actions.push("CONFIGURE_TOTP");
    }
    json!({
        "username": known.map_or(email.clone(), |known| known.username.clone()),
        "email": email,
        "firstName": first,
        "lastName": last,
        "enabled": user.status == UserStatus::Active,
        "emailVerified": known.is_some_and(|known| known.email_verified),
        "attributes": attributes,
        "requiredActions": actions,
        "realmRoles": user.roles,
    })
}
