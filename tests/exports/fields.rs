//! One change for each field that an export can have, and the key paths that it must be told by.

use super::{Edit, Made, realm, remove, set};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stufpack::check;

/// A change.
pub struct Field {
    /// Fields of the schema, or of the realm, that the change is of.
    pub name: &'static str,
    pub edits: Vec<Edit>,
    /// What is named, in the order in which it is told.
    pub paths: Vec<&'static str>,
    /// Whether the ledger lets the target have what it likes there.
    pub free: bool,
    /// Whether the change makes no sense at a target.
    pub at_source_alone: bool,
    /// Whether the change goes together with all others.
    pub alone: bool,
}

/// An export in which every field has a value; of the users, a few.
pub fn base() -> Made {
    let mut made = Made::example("harbour");
    let users = made.export["spec"]["users"].as_object_mut().expect("users");
    users.retain(|id, _| id.as_str() < "u-010");
    let kept: Vec<Value> = users.values().map(|user| user["email"].clone()).collect();
    let accounts = made.realm["users"].as_array_mut().expect("users");
    accounts.retain(|user| user.get("email").is_none_or(|email| kept.contains(email)));
    made
}

/// Paths of every field of the schema that holds no other.
pub fn of_schema() -> BTreeSet<String> {
    fn walk(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            return walk(root, &root["$defs"][name.trim_start_matches("#/$defs/")], path, found);
        }
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        if let Some(properties) = schema["properties"].as_object() {
            for (key, property) in properties {
                walk(root, property, &below(key), found);
            }
        } else if schema["additionalProperties"]["$ref"].is_string() {
            walk(root, &schema["additionalProperties"], &below("*"), found);
        } else {
            found.insert(path.to_owned());
        }
    }
    let schema = check::export_schema();
    let mut found = BTreeSet::new();
    walk(&schema, &schema, "", &mut found);
    // The frame of the document: another word there is no export.
    found.retain(|path| !["apiVersion", "kind"].contains(&path.as_str()));
    found
}

fn field(name: &'static str, edits: impl Into<Vec<Edit>>, paths: &[&'static str]) -> Field {
    Field {
        name,
        edits: edits.into(),
        paths: paths.to_vec(),
        free: false,
        at_source_alone: false,
        alone: true,
    }
}

/// A field that the ledger leaves to people or to Keycloak.
fn free(name: &'static str, edits: impl Into<Vec<Edit>>, paths: &[&'static str]) -> Field {
    Field { free: true, ..field(name, edits, paths) }
}

fn at_source(name: &'static str, edits: impl Into<Vec<Edit>>, paths: &[&'static str]) -> Field {
    Field { at_source_alone: true, ..field(name, edits, paths) }
}

/// A file, as it stands from then on.
fn file(name: &str, at: &str, text: &str) -> Edit {
    Edit { file: name.to_owned(), at: at.to_owned(), value: Some(text.into()), remove: false }
}

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><title>new</title></svg>\n";
const IMAGE: &str =
    "docker.io/library/caddy@sha256:00000000000000000000000000000000000000000000000000000000000000aa";
const COMMIT: &str = "00000000000000000000000000000000000000aa";
const SALT: &str = "ffeeddccbbaa99887766554433221100f0e1d2c3b4a5968778695a4b3c2d1e0f";

/// Every change.
pub fn all() -> Vec<Field> {
    [of_the_document(), of_the_realm()].into_iter().flatten().collect()
}

fn of_the_document() -> Vec<Field> {
    let spec = |key: &str, value: Value| vec![set(&format!("/spec/{key}"), value)];
    let row = |name: &str, row: String| file(name, "append", &row);
    vec![
        field("metadata.exportedAt", [set("/metadata/exportedAt", "2026-11-28T21:04:00Z")], &[]),
        field("metadata.exporter", [set("/metadata/exporter", "stuf-kit 1.2.0")], &[]),
        field(
            "metadata.installation spec.hostedUrl",
            [
                set("/metadata/installation", "other.stuf.pyx.io"),
                set("/spec/hostedUrl", "https://other.stuf.pyx.io"),
            ],
            &["spec.hostedUrl", "metadata.installation"],
        ),
        field("spec.project.slug", spec("project/slug", json!("haven")), &["spec.project.slug"]),
        field("spec.project.name", spec("project/name", json!("Haven")), &["spec.project.name"]),
        field(
            "spec.project.description",
            spec("project/description", json!("x")),
            &["spec.project.description"],
        ),
        field(
            "spec.storage.provider",
            spec("storage/provider", json!("azure-blob")),
            &["spec.storage.provider"],
        ),
        field(
            "spec.storage.bucket",
            spec("storage/bucket", json!("other-uploads")),
            &["spec.storage.bucket"],
        ),
        field("spec.storage.region", spec("storage/region", json!("eu-west-2")), &["spec.storage.region"]),
        field(
            "spec.storage.encryption",
            spec("storage/encryption", json!("none")),
            &["spec.storage.encryption"],
        ),
        at_source(
            "spec.storage.versioning",
            spec("storage/versioning", json!(false)),
            &["spec.storage.versioning"],
        ),
        field(
            "spec.collections.*.description",
            spec("collections/contracts/description", json!("Others")),
            &["spec.collections.contracts.description"],
        ),
        field(
            "spec.users.*.email",
            spec("users/u-005/email", json!("new@harbour.example")),
            &["spec.users.u-005.email"],
        ),
        field(
            "spec.users.*.phone",
            spec("users/u-005/phone", json!("+49301999999")),
            &["spec.users.u-005.phone"],
        ),
        field(
            "spec.users.*.name",
            spec("users/u-005/name", json!("Someone Else")),
            &["spec.users.u-005.name"],
        ),
        field(
            "spec.users.*.status",
            spec("users/u-005/status", json!("disabled")),
            &["spec.users.u-005.status"],
        ),
        field(
            "spec.users.*.roles",
            spec("users/u-005/roles", json!(["admin", "project-participant"])),
            &["spec.users.u-005.roles[admin]"],
        ),
        field(
            "spec.users.*.collections",
            spec("users/u-006/collections", json!({ "reports": ["read"] })),
            &["spec.users.u-006.collections.reports[read]"],
        ),
        field(
            "spec.notifications.zulip.site",
            spec("notifications/zulip/site", json!("https://other.example")),
            &["spec.notifications.zulip.site"],
        ),
        field(
            "spec.notifications.zulip.channel",
            spec("notifications/zulip/channel", json!("other")),
            &["spec.notifications.zulip.channel"],
        ),
        field(
            "spec.notifications.zulip.topic",
            spec("notifications/zulip/topic", json!("other")),
            &["spec.notifications.zulip.topic"],
        ),
        field(
            "spec.notifications.zulip.botEmail",
            spec("notifications/zulip/botEmail", json!("other@harbour.example")),
            &["spec.notifications.zulip.botEmail"],
        ),
        free(
            "spec.notifications.sentry.dsn",
            spec("notifications/sentry/dsn", json!("https://0therkey0therkey0therkey@sentry.example.org/43")),
            &["spec.notifications.sentry.dsn"],
        ),
        field(
            "spec.notifications.sentry.environment",
            spec("notifications/sentry/environment", json!("other")),
            &["spec.notifications.sentry.environment"],
        ),
        field("spec.branding.title", spec("branding/title", json!("Haven")), &["spec.branding.title"]),
        field(
            "spec.branding.logo",
            [set("/spec/branding/logo", "branding/new.svg"), file("branding/new.svg", "", SVG)],
            &["spec.branding.logo", "spec.branding.logo.sha256"],
        ),
        field(
            "spec.branding.colours",
            spec("branding/colours/primary", json!("#0b5ffa")),
            &["spec.branding.colours.primary"],
        ),
        field(
            "spec.branding.customCss",
            [file("branding/custom.css", "append", "p { color: red }\n")],
            &["spec.branding.customCss.sha256"],
        ),
        field(
            "spec.metadataFields.*.enabled",
            spec("metadataFields/comment/enabled", json!(false)),
            &["spec.metadataFields.comment.enabled"],
        ),
        field(
            "spec.metadataFields.*.required",
            spec("metadataFields/licence_conditions/required", json!(true)),
            &["spec.metadataFields.licence_conditions.required"],
        ),
        field(
            "spec.metadataFields.*.options",
            spec("metadataFields/file_type/options", json!(["Photo", "Norway: no"])),
            &["spec.metadataFields.file_type.options"],
        ),
        field(
            "spec.metadataFields.*.allowUnknown",
            spec("metadataFields/file_type/allowUnknown", json!(true)),
            &["spec.metadataFields.file_type.allowUnknown"],
        ),
        field(
            "spec.metadataFields.*.allowOther",
            spec("metadataFields/ip_ownership/allowOther", json!(true)),
            &["spec.metadataFields.ip_ownership.allowOther"],
        ),
        free(
            "spec.glass.repository",
            spec("glass/repository", json!("stuf-other")),
            &["spec.glass.repository"],
        ),
        field(
            "spec.glass.readers",
            spec("glass/readers", json!(["ada-example", "Grace-Example", "o-brien", "somebody"])),
            &["spec.glass.readers[somebody]"],
        ),
        field(
            "spec.exposure.ports",
            spec("exposure/ports", json!([22, 25, 80, 443])),
            &["spec.exposure.ports"],
        ),
        field(
            "spec.exposure.origins",
            spec("exposure/origins", json!(["https://a.example"])),
            &["spec.exposure.origins"],
        ),
        field(
            "spec.exposure.redirectUris",
            spec("exposure/redirectUris", json!(["https://a.example/*"])),
            &["spec.exposure.redirectUris"],
        ),
        field("spec.exposure.factors", spec("exposure/factors", json!(["totp"])), &["spec.exposure.factors"]),
        field(
            "spec.exposure.encryptionInTransit",
            spec("exposure/encryptionInTransit", json!("tls1.0")),
            &["spec.exposure.encryptionInTransit"],
        ),
        field(
            "spec.exposure.encryptionAtRest",
            spec("exposure/encryptionAtRest", json!("none")),
            &["spec.exposure.encryptionAtRest"],
        ),
        field(
            "spec.application.version",
            spec("application/version", json!("2026.01")),
            &["spec.application.version"],
        ),
        field(
            "spec.application.commit",
            spec("application/commit", json!(COMMIT)),
            &["spec.application.commit"],
        ),
        field(
            "spec.application.release",
            spec("application/release/caddy", json!(IMAGE)),
            &["spec.application.release.caddy"],
        ),
        at_source(
            "spec.content.objects spec.content.bytes",
            [
                row("inventory.csv", "reports/new.pdf,5,2026-11-01T08:00:00Z,application/pdf,,\n".to_owned()),
                set("/spec/content/objects", 385),
                set("/spec/content/bytes", 525_461_062),
            ],
            &["content[reports/new.pdf]", "spec.content.bytes", "spec.content.objects"],
        ),
        free(
            "spec.content.changedPerDay",
            spec("content/changedPerDay", json!(26)),
            &["spec.content.changedPerDay"],
        ),
        field("spec.salt", spec("salt", json!(SALT)), &[]),
    ]
}

const SPA: &str = "/clients/clientId=stuf-spa";
const ROBOT: &str = "/clients/clientId=survey-robot";
const USER: &str = "/users/username=u005.lo-cal@harbour.example";

fn of_the_realm() -> Vec<Field> {
    let at = |outer: &str, key: &str, value: Value| vec![realm(&format!("{outer}/{key}"), value)];
    let mapper = json!({ "name": "all", "protocolMapper": "oidc-hardcoded-role-mapper", "config": { "role": "admin" } });
    let mapper_config = "/clientScopes/name=stuf:access/protocolMappers/name=collections/config/claim.name";
    vec![
        field("realm.displayName", at("", "displayName", json!("Haven")), &["realm.displayName"]),
        field("realm.sslRequired", at("", "sslRequired", json!("all")), &["realm.sslRequired"]),
        field(
            "realm.accessTokenLifespan",
            at("", "accessTokenLifespan", json!(301)),
            &["realm.accessTokenLifespan"],
        ),
        field(
            "realm.passwordPolicy",
            at("", "passwordPolicy", json!("length(8)")),
            &["realm.passwordPolicy"],
        ),
        field(
            "realm.registrationAllowed",
            at("", "registrationAllowed", json!(true)),
            &["realm.registrationAllowed"],
        ),
        free("realm.verifyEmail", at("", "verifyEmail", json!(true)), &["realm.verifyEmail"]),
        field(
            "realm.roles",
            [realm("/roles/realm/-", json!({ "name": "new-role" }))],
            &["realm.roles.realm[new-role]"],
        ),
        field(
            "realm.roles.description",
            at("/roles/realm/name=admin", "description", json!("x")),
            &["realm.roles.realm[admin].description"],
        ),
        field(
            "realm.roles.composites",
            at("/roles/realm/name=admin", "composites", json!({ "client": { "account": ["x"] } })),
            &["realm.roles.realm[admin].composites"],
        ),
        at_source(
            "realm.roles.client",
            at("/roles/client", "account", json!([{ "name": "x", "composites": { "realm": ["admin"] } }])),
            &["realm.roles.client.account"],
        ),
        field(
            "realm.clients",
            [realm("/clients/-", json!({ "clientId": "new", "publicClient": true }))],
            &["realm.clients[new]"],
        ),
        field(
            "realm.clients.publicClient",
            at(ROBOT, "publicClient", json!(true)),
            &["realm.clients[survey-robot].publicClient"],
        ),
        field(
            "realm.clients.serviceAccountsEnabled",
            at(SPA, "serviceAccountsEnabled", json!(true)),
            &["realm.clients[stuf-spa].serviceAccountsEnabled"],
        ),
        at_source(
            "realm.clients.directAccessGrantsEnabled",
            at(SPA, "directAccessGrantsEnabled", json!(false)),
            &["realm.clients[stuf-spa].directAccessGrantsEnabled"],
        ),
        field(
            "realm.clients.standardFlowEnabled",
            at(SPA, "standardFlowEnabled", json!(false)),
            &["realm.clients[stuf-spa].standardFlowEnabled"],
        ),
        field(
            "realm.clients.redirectUris",
            at(SPA, "redirectUris", json!(["https://a.example/*"])),
            &["realm.clients[stuf-spa].redirectUris"],
        ),
        field(
            "realm.clients.webOrigins",
            at(SPA, "webOrigins", json!(["https://a.example"])),
            &["realm.clients[stuf-spa].webOrigins"],
        ),
        field(
            "realm.clients.defaultClientScopes",
            at(SPA, "defaultClientScopes", json!(["stuf:access"])),
            &["realm.clients[stuf-spa].defaultClientScopes"],
        ),
        field(
            "realm.clients.optionalClientScopes",
            at(SPA, "optionalClientScopes", json!(["phone"])),
            &["realm.clients[stuf-spa].optionalClientScopes"],
        ),
        field(
            "realm.clients.protocolMappers",
            at(SPA, "protocolMappers", json!([mapper])),
            &["realm.clients[stuf-spa].protocolMappers[all]"],
        ),
        field(
            "realm.clients.attributes",
            at(SPA, "attributes/pkce.code.challenge.method", json!("plain")),
            &[r#"realm.clients[stuf-spa].attributes.{"pkce.code.challenge.method"}"#],
        ),
        field(
            "realm.clients.rootUrl",
            at(SPA, "rootUrl", json!("https://evil.example")),
            &["realm.clients[stuf-spa].rootUrl"],
        ),
        field(
            "realm.clients.baseUrl",
            at(SPA, "baseUrl", json!("https://evil.example")),
            &["realm.clients[stuf-spa].baseUrl"],
        ),
        field(
            "realm.clients.adminUrl",
            at(SPA, "adminUrl", json!("https://evil.example")),
            &["realm.clients[stuf-spa].adminUrl"],
        ),
        field(
            "realm.clients.authorizationServicesEnabled",
            at(SPA, "authorizationServicesEnabled", json!(true)),
            &["realm.clients[stuf-spa].authorizationServicesEnabled"],
        ),
        // The base has it, and takes no harm from one that is off.
        free(
            "realm.clients.fullScopeAllowed",
            at(SPA, "fullScopeAllowed", json!(false)),
            &["realm.clients[stuf-spa].fullScopeAllowed"],
        ),
        field(
            "realm.clients.authenticationFlowBindingOverrides",
            at(SPA, "authenticationFlowBindingOverrides", json!({ "browser": "flow-without-code" })),
            &["realm.clients[stuf-spa].authenticationFlowBindingOverrides"],
        ),
        field(
            "realm.clientScopes",
            [realm(mapper_config, "other")],
            &[r#"realm.clientScopes[stuf:access].protocolMappers[collections].config.{"claim.name"}"#],
        ),
        field(
            "realm.users.email",
            at(USER, "email", json!("new@harbour.example")),
            &["realm.users[u005.lo-cal@harbour.example].email"],
        ),
        field(
            "realm.users.firstName",
            at(USER, "firstName", json!("New")),
            &["realm.users[u005.lo-cal@harbour.example].firstName"],
        ),
        field(
            "realm.users.lastName",
            at(USER, "lastName", json!("New")),
            &["realm.users[u005.lo-cal@harbour.example].lastName"],
        ),
        field(
            "realm.users.enabled",
            at(USER, "enabled", json!(false)),
            &["realm.users[u005.lo-cal@harbour.example].enabled"],
        ),
        field(
            "realm.users.emailVerified",
            at(USER, "emailVerified", json!(false)),
            &["realm.users[u005.lo-cal@harbour.example].emailVerified"],
        ),
        field(
            "realm.users.realmRoles",
            [realm(&format!("{USER}/realmRoles/-"), "admin")],
            &["realm.users[u005.lo-cal@harbour.example].realmRoles[admin]"],
        ),
        field(
            "realm.users.attributes.collections",
            at(USER, "attributes/collections", json!(["{\"legal-holds\":[\"write\",\"delete\",\"read\"]}"])),
            &["realm.users[u005.lo-cal@harbour.example].attributes.collections.legal-holds[read]"],
        ),
        field(
            "realm.users.attributes",
            at(USER, "attributes/shoeSize", json!(["42"])),
            &["realm.users[u005.lo-cal@harbour.example].attributes.shoeSize"],
        ),
        field(
            "realm.users.clientRoles",
            at(USER, "clientRoles", json!({ "realm-management": ["realm-admin"] })),
            &["realm.users[u005.lo-cal@harbour.example].clientRoles"],
        ),
        field(
            "realm.users.groups",
            at(USER, "groups", json!(["/staff"])),
            &["realm.users[u005.lo-cal@harbour.example].groups"],
        ),
        field(
            "realm.groups",
            at("", "groups", json!([{ "name": "staff", "realmRoles": ["admin"] }])),
            &["realm.groups"],
        ),
        free(
            "realm.users.requiredActions",
            at(USER, "requiredActions", json!(["TERMS"])),
            &["realm.users[u005.lo-cal@harbour.example].requiredActions"],
        ),
        field(
            "realm.users",
            [remove("realm", "/users/username=u006.ada@example.org")],
            &["realm.users[u006.ada@example.org]"],
        ),
        free(
            "realm.clients.secret",
            at("/clients/clientId=stuf-api", "secret", json!("an0ther-secret-of-the-api-client")),
            &["realm.clients[stuf-api].secret"],
        ),
        free(
            "realm.smtpServer",
            at("", "smtpServer", json!({ "host": "mail.example" })),
            &["realm.smtpServer"],
        ),
        field(
            "realm.identityProviders",
            at("", "identityProviders", json!([{ "alias": "evil", "providerId": "oidc", "enabled": true }])),
            &["realm.identityProviders"],
        ),
        field(
            "realm.identityProviderMappers",
            at("", "identityProviderMappers", json!([{ "name": "all", "identityProviderAlias": "evil" }])),
            &["realm.identityProviderMappers"],
        ),
        field(
            "realm.attributes",
            at("", "attributes", json!({ "frontendUrl": "https://evil.example/auth" })),
            &["realm.attributes.frontendUrl"],
        ),
        // What is as Keycloak makes it may be there or not.
        field(
            "realm.browserSecurityHeaders",
            at("", "browserSecurityHeaders", json!({ "xFrameOptions": "ALLOWALL" })),
            &["realm.browserSecurityHeaders.xFrameOptions"],
        ),
        field(
            "realm.requiredActions",
            at("", "requiredActions", json!([{ "alias": "CONFIGURE_TOTP", "enabled": false }])),
            &["realm.requiredActions[CONFIGURE_TOTP]"],
        ),
        field(
            "realm.components",
            at(
                "/components",
                "org.keycloak.storage.UserStorageProvider",
                json!([{ "name": "staff", "providerId": "ldap" }]),
            ),
            &[r#"realm.components.{"org.keycloak.storage.UserStorageProvider"}"#],
        ),
        field("realm.browserFlow", at("", "browserFlow", json!("my flow")), &["realm.browserFlow"]),
        field("realm.defaultGroups", at("", "defaultGroups", json!(["/staff"])), &["realm.defaultGroups"]),
    ]
}
