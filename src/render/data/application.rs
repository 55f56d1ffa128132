//! What the application and the pages read: configuration documents, users, branding.

use super::json;
use crate::model::{Checked, File, Files};
use crate::plan::{Messages, Plan};
use crate::provider::Storage;
use crate::render::javascript::config_script;
use crate::render::{csv, html};
use serde_json::{Value, json};

/// Version of the documents that STUF keeps in its bucket.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn add(files: &mut Files, plan: &Plan, checked: &Checked) {
    let mut put = |path: &str, file: File| {
        files.insert(format!("configuration/{path}"), file);
    };
    put("api-config/stuf_config.json", json(&stuf_config(&plan.facts.site.storage, checked)));
    put("api-config/metadata_config.json", json(&metadata_config(checked)));
    put("api-config/users/users.json", json(&users(checked)).personal());
    put("api-config/users/glass-readers.json", json(&glass_readers(checked)).personal());
    put("api-config/users/recipients.csv", File::data(recipients(checked)).personal());
    put("spa-config/config.js", File::data(spa_config(checked)));
    put("spa-config/branding.json", json(&branding(checked)));
    put("spa-config/maintenance.html", File::data(maintenance_page(checked)));
    put("integration-config/zulip.json", json(&zulip(checked)));
    put("integration-config/sentry.json", json(&sentry(checked)));
    put("release.json", json(&release(plan, checked)));

    let branding = &checked.export.branding;
    for (path, name) in [(&branding.logo, None), (&branding.custom_css, Some("custom.css"))] {
        let Some(path) = path else { continue };
        let Some(bytes) = checked.attachments.get(path.as_str()) else { continue };
        let name = name.unwrap_or_else(|| file_name(path.as_str()));
        put(&format!("spa-config/branding/{name}"), File::data(bytes.clone()));
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stuf_config(storage: &Storage, checked: &Checked) -> Value {
    let export = &checked.export;
    let collections: Vec<Value> = export
        .collections
        .iter()
        .map(|(name, collection)| json!({ "name": name, "description": collection.description }))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "project": {
            "slug": export.project.slug,
            "name": export.project.name,
            "description": export.project.description,
        },
        "url": format!("https://{}", checked.target.domain),
        "storage": {
            "provider": storage.kind,
            "bucket": storage.bucket,
            "region": storage.region,
            "versioning": storage.versions_kept_days.is_some(),
        },
        "collections": collections,
        "notifications": { "zulip": zulip(checked)["zulip"], "sentry": sentry(checked)["sentry"] },
        "branding": branding(checked)["branding"],
        "glass": { "repository": export.glass.repository },
    })
}

fn metadata_config(checked: &Checked) -> Value {
    let fields: Vec<Value> = checked
        .export
        .metadata_fields
        .iter()
        .map(|(name, field)| {
            json!({
                "name": name,
                "enabled": field.enabled,
                "required": field.required,
                "options": field.options,
                "allow_unknown": field.allow_unknown,
                "allow_other": field.allow_other,
            })
        })
        .collect();
    json!({ "schema_version": SCHEMA_VERSION, "fields": fields })
}

fn users(checked: &Checked) -> Value {
    let users: Vec<Value> = checked
        .export
        .users
        .iter()
        .map(|(id, user)| {
            json!({
                "id": id,
                // As the realm and every token have it, and as the ledger says.
                "email": user.email.as_str().to_ascii_lowercase(),
                "phone": user.phone,
                "name": user.name,
                "status": user.status,
                "roles": user.roles,
                "collections": user.collections,
            })
        })
        .collect();
    json!({ "schema_version": SCHEMA_VERSION, "users": users })
}

fn glass_readers(checked: &Checked) -> Value {
    json!({ "schema_version": SCHEMA_VERSION, "github": checked.export.glass.readers })
}

/// Names and addresses for a mail merge.
fn recipients(checked: &Checked) -> String {
    let mut out = csv::line(["email", "name", "status"]);
    for user in checked.export.users.values() {
        let status = match user.status {
            crate::model::UserStatus::Active => "active",
            crate::model::UserStatus::Disabled => "disabled",
        };
        out += &csv::line([&csv::address(user.email.as_str()), &csv::text(user.name.as_str()), status]);
    }
    out
}

fn spa_config(checked: &Checked) -> String {
    let origin = format!("https://{}", checked.target.domain);
    config_script(&json!({
        "apiBaseUrl": origin,
        "keycloakUrl": format!("{origin}/auth"),
        "keycloakRealm": checked.realm.name,
        "keycloakClientId": "stuf-spa",
    }))
}

fn branding(checked: &Checked) -> Value {
    let branding = &checked.export.branding;
    let logo = branding.logo.as_ref().map(|path| format!("/branding/{}", file_name(path.as_str())));
    let style_sheet = branding.custom_css.as_ref().map(|_| "/branding/custom.css");
    let colours: serde_json::Map<String, Value> =
        branding.colours.iter().map(|(name, colour)| (name.as_str().to_owned(), json!(colour))).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "branding": { "title": branding.title, "logo": logo, "colours": colours, "custom_css": style_sheet },
    })
}

fn zulip(checked: &Checked) -> Value {
    let zulip = checked.export.notifications.zulip.as_ref().map(|zulip| {
        json!({
            "site": zulip.site,
            "channel": zulip.channel,
            "topic": zulip.topic,
            "bot_email": zulip.bot_email,
            "api_key_secret": Messages::Zulip.secret(),
        })
    });
    json!({ "schema_version": SCHEMA_VERSION, "zulip": zulip })
}

fn sentry(checked: &Checked) -> Value {
    let sentry =
        checked.export.notifications.sentry.as_ref().map(
            |sentry| json!({ "environment": sentry.environment, "dsn_secret": Messages::Sentry.secret() }),
        );
    json!({ "schema_version": SCHEMA_VERSION, "sentry": sentry })
}

fn release(plan: &Plan, checked: &Checked) -> Value {
    let application = &checked.export.application;
    json!({
        "schema_version": SCHEMA_VERSION,
        "version": application.version,
        "commit": application.commit,
        "images": plan.facts.images,
    })
}

/// What people see while the maintenance switch is on: static, no script, no outside resource.
fn maintenance_page(checked: &Checked) -> String {
    let title = html::escape(checked.export.branding.title.as_str());
    let project = html::escape(checked.export.project.name.as_str());
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/branding/maintenance.css\">\n\
         </head>\n\
         <body>\n\
         <main>\n\
         <h1>{title}</h1>\n\
         <p>{project} is being maintained. Uploads are closed for the moment; no file that was confirmed is lost.</p>\n\
         <p>Please try again in a few minutes.</p>\n\
         </main>\n\
         </body>\n\
         </html>\n"
    )
}
