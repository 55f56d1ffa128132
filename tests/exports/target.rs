//! The export of a migration's target, made of the files in the package: what the application's documents, Keycloak and
//! the store hold after the import, read back. Nothing here comes from the ledger, which is held against it.

use super::{Folder, Made};
use serde_json::{Map, Value, json};
use std::path::Path;
use stufpack::model::Files;
use stufpack::read::inventory::Object;
use stufpack::{check, plan, read, render};

/// When the target's objects were written.
const WRITTEN: &str = "2026-11-25T10:00:00Z";

/// What an export of the target holds after the migration of `old`.
pub fn export(old: &Made, target: &Path) -> Made {
    let folder = Folder::of(old);
    let source = read::source(&folder.path, Some(target)).expect("readable");
    let checked = check::all(source).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let plan = plan::compile(&checked, &plan::Numbering { package: 1 });
    let files = render::files(&plan, &checked).expect("rendered");
    let domain = checked.target.domain.as_str();

    let store = check::store::Store::Garage;
    let lines = checked.inventory.iter().flat_map(|path| {
        lines(path, checked.content.sorted, |object| {
            WRITTEN.clone_into(&mut object.modified);
            if check::store::key_problem(store, &object.key).is_some() {
                object.key = check::store::percent_encoded(store, &object.key).expect("a name");
            }
        })
    });
    let inventory: String = lines.collect();
    let mut made = Made {
        export: document(&files, domain, &checked.export.content),
        realm: realm(&files, checked.realm.display_name.as_deref()),
        files: vec![("inventory.jsonl".to_owned(), inventory.into_bytes())],
    };
    for (path, file) in files.iter() {
        if let Some(name) = path.strip_prefix("configuration/spa-config/branding/") {
            made.files.push((format!("branding/{name}"), file.bytes.to_vec()));
        }
    }
    made
}

/// The lines of an inventory, each object changed.
pub fn lines(path: &Path, sorted: bool, change: impl Fn(&mut Object)) -> Vec<String> {
    let objects = read::inventory::objects(path, sorted).expect("readable");
    let line = |object: std::io::Result<Object>| {
        let mut object = object.expect("a row");
        change(&mut object);
        let line = json!({
            "key": object.key,
            "size": object.size,
            "modified": object.modified,
            "content_type": object.content_type,
            "sha256": object.sha256.map(|digest| digest.hex()),
            "metadata": object.metadata,
        });
        format!("{line}\n")
    };
    objects.map(line).collect()
}

fn read_json(files: &Files, name: &str) -> Value {
    let file = files.get(&format!("configuration/{name}")).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_slice(&file.bytes).expect("JSON")
}

/// The values of a map under other names; those that are null stay out.
fn renamed(map: &Value, names: &[(&str, &str)]) -> Value {
    let named = names.iter().filter(|(from, _)| !map[from].is_null());
    Value::Object(named.map(|(from, to)| ((*to).to_owned(), map[from].clone())).collect())
}

fn by(items: &Value, key: &str, each: impl Fn(&Value) -> Value) -> Value {
    let items = items.as_array().expect("a list").iter();
    Value::Object(items.map(|item| (item[key].as_str().expect("a name").to_owned(), each(item))).collect())
}

fn document(files: &Files, domain: &str, content: &stufpack::model::ContentTotals) -> Value {
    let config = read_json(files, "api-config/stuf_config.json");
    let metadata = read_json(files, "api-config/metadata_config.json");
    let users = read_json(files, "api-config/users/users.json");
    let readers = read_json(files, "api-config/users/glass-readers.json");
    let release = read_json(files, "release.json");
    let realm = read_json(files, "integration-config/realm.json");
    let mut branding = renamed(&config["branding"], &[("title", "title"), ("colours", "colours")]);
    for (from, to) in [("logo", "logo"), ("custom_css", "customCss")] {
        if let Some(path) = config["branding"][from].as_str() {
            branding[to] = path.trim_start_matches('/').into();
        }
    }
    let zulip = &config["notifications"]["zulip"];
    let sentry = &config["notifications"]["sentry"];
    let mut notifications = Map::new();
    if zulip.is_object() {
        let names = [("site", "site"), ("channel", "channel"), ("topic", "topic"), ("bot_email", "botEmail")];
        notifications.insert("zulip".to_owned(), renamed(zulip, &names));
    }
    if sentry.is_object() {
        let mut sentry = renamed(sentry, &[("environment", "environment")]);
        sentry["dsn"] = "https://another0key0made0at0the0target@sentry.example.org/42".into();
        notifications.insert("sentry".to_owned(), sentry);
    }
    let addresses: std::collections::BTreeSet<&str> = realm["clients"]
        .as_array()
        .expect("clients")
        .iter()
        .filter(|client| client["publicClient"] == true)
        .flat_map(|client| client["redirectUris"].as_array().expect("addresses"))
        .filter_map(Value::as_str)
        .collect();
    json!({
        "apiVersion": "stufpack.dev/v1",
        "kind": "StufExport",
        "metadata": {
            "exportedAt": "2026-11-26T21:04:00Z",
            "exporter": "stuf-kit 1.1.0",
            "installation": domain,
        },
        "spec": {
            "project": config["project"],
            "hostedUrl": config["url"],
            "storage": {
                "provider": config["storage"]["provider"],
                "bucket": config["storage"]["bucket"],
                "region": config["storage"]["region"],
                "encryption": "dm-crypt",
                "versioning": config["storage"]["versioning"],
            },
            "collections": by(&config["collections"], "name", |item| json!({ "description": item["description"] })),
            "users": by(&users["users"], "id", |user| {
                let same = ["email", "phone", "name", "status", "roles", "collections"].map(|key| (key, key));
                renamed(user, &same)
            }),
            "notifications": notifications,
            "branding": branding,
            "metadataFields": by(&metadata["fields"], "name", |field| {
                renamed(field, &[
                    ("enabled", "enabled"),
                    ("required", "required"),
                    ("options", "options"),
                    ("allow_unknown", "allowUnknown"),
                    ("allow_other", "allowOther"),
                ])
            }),
            "glass": { "repository": config["glass"]["repository"], "readers": readers["github"] },
            "exposure": {
                "ports": [22, 80, 443],
                "origins": [format!("https://{domain}")],
                "redirectUris": addresses,
                "factors": ["password", "totp"],
                "encryptionInTransit": "tls1.2",
                "encryptionAtRest": "dm-crypt",
            },
            "application": {
                "version": release["version"],
                "commit": release["commit"],
                "release": release["images"],
            },
            "content": { "objects": content.objects, "bytes": content.bytes },
            "salt": "0f1e2d3c4b5a69788796a5b4c3d2e1f000112233445566778899aabbccddeeff",
        },
    })
}

/// Keycloak's export after the import: what the package brought, ids of its own, and what it makes in every realm;
/// without the collection of validations, which the exporting program leaves out.
fn realm(files: &Files, display_name: Option<&str>) -> Value {
    let mut realm = read_json(files, "integration-config/realm.json");
    let people = read_json(files, "integration-config/realm-users.json");
    realm["id"] = "0c5e".into();
    realm["keycloakVersion"] = "26.4.0".into();
    if let Some(name) = display_name {
        realm["displayName"] = name.into();
    }
    let users = realm["users"].as_array_mut().expect("users");
    users.extend(people["users"].as_array().expect("users").iter().cloned());
    users.push(json!({
        "username": "service-account-stufpack-operator",
        "enabled": true,
        "serviceAccountClientId": "stufpack-operator",
        "realmRoles": [],
        "clientRoles": { "realm-management": ["manage-users", "view-realm"] },
    }));
    for (number, user) in users.iter_mut().enumerate() {
        if let Some(text) = user.pointer_mut("/attributes/collections/0") {
            let mut held: Value = serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
            held.as_object_mut().expect("collections").remove(stufpack::model::VALIDATION);
            *text = held.to_string().into();
        }
        user["id"] = format!("user-{number}").into();
        user["createdTimestamp"] = (1_800_000_000_000_u64 + number as u64).into();
        user["totp"] = false.into();
        user["realmRoles"].as_array_mut().expect("roles").push("default-roles-stuf".into());
    }
    users.reverse();
    let clients = realm["clients"].as_array_mut().expect("clients");
    for (number, client) in clients.iter_mut().enumerate() {
        client["id"] = format!("client-{number}").into();
        if client.get("secret").is_some() {
            client["secret"] = format!("made-anew-at-the-target-{number}").into();
        }
        if let Some(attributes) = client.get_mut("attributes") {
            attributes["realm_client"] = "false".into();
        }
    }
    clients.push(json!({ "id": "client-x", "clientId": "admin-cli", "enabled": true }));
    clients.reverse();
    realm
}
