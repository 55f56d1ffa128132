//! The export, taken apart: key paths as the ledger writes them, a class for each.
//!
//! Without `..`, so that a new field without a decision does not compile.

use super::Side;
use super::facts::{Class, Facts};
use crate::model::{
    Application, AttachmentPath, Branding, Collection, ContentTotals, Digest, Export, Exposure,
    GlassSettings, MetadataField, Notifications, Project, Sentry, Storage, User, UserId, Zulip,
};
use crate::plan::KeyPath;
use serde_json::json;
use std::collections::BTreeMap;

/// Enters everything that the export's document says; `ids` gives users the ids by which the other export knows them.
pub(super) fn enter(facts: &mut Facts, side: &Side<'_>, ids: &BTreeMap<&UserId, &UserId>) {
    let Export {
        exported_at: _,
        exporter: _,
        installation,
        project,
        hosted_url,
        storage,
        collections,
        users,
        notifications,
        branding,
        metadata_fields,
        glass,
        exposure,
        application,
        content,
        salt: _,
    } = side.export;
    let root = KeyPath::raw("");
    let spec = root.key("spec");

    facts.put(&root.key("metadata").key("installation"), Class::Configuration, installation.as_str());
    self::project(facts, &spec.key("project"), project);
    facts.put(&spec.key("hostedUrl"), Class::Exposure, hosted_url.as_str());
    self::storage(facts, &spec.key("storage"), storage);
    for (name, Collection { description }) in collections {
        let at = spec.key("collections").key(name.as_str());
        facts.thing(&at, Class::Configuration, |facts| {
            facts.put(&at.key("description"), Class::Cosmetic, description.as_str());
        });
    }
    for (id, user) in users {
        let known = ids.get(id).copied().unwrap_or(id);
        self::user(facts, &spec.key("users").key(known.as_str()).personal(), id, user);
    }
    self::notifications(facts, &spec.key("notifications"), notifications);
    self::branding(facts, &spec.key("branding"), branding, side.attachments);
    for (name, field) in metadata_fields {
        metadata_field(facts, &spec.key("metadataFields").key(name.as_str()), field);
    }
    self::glass(facts, &spec.key("glass"), glass);
    self::exposure(facts, &spec.key("exposure"), exposure);
    self::application(facts, &spec.key("application"), application);
    self::content(facts, &spec.key("content"), content);
    // What branding names was compared there, by what it is for.
    for (name, bytes) in side.attachments.iter().filter(|(name, _)| !name.starts_with("branding/")) {
        facts.put(&KeyPath::raw("files").item(name), Class::Configuration, sha256(bytes));
    }
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn project(facts: &mut Facts, at: &KeyPath, project: &Project) {
    let Project { slug, name, description } = project;
    facts.put(&at.key("slug"), Class::Configuration, slug.as_str());
    facts.put(&at.key("name"), Class::Cosmetic, name.as_str());
    facts.put(&at.key("description"), Class::Cosmetic, description.as_str());
}

fn storage(facts: &mut Facts, at: &KeyPath, storage: &Storage) {
    let Storage { provider, bucket, region, encryption, versioning } = storage;
    facts.put(&at.key("provider"), Class::Data, provider.as_str());
    facts.put(&at.key("bucket"), Class::Data, bucket.as_str());
    facts.put_some(&at.key("region"), Class::Data, region.as_ref().map(|region| region.as_str()));
    facts.put(&at.key("encryption"), Class::Data, encryption.as_str());
    facts.put(&at.key("versioning"), Class::Data, *versioning);
}

fn user(facts: &mut Facts, at: &KeyPath, id: &UserId, user: &User) {
    let User { email, phone, name, status, roles, collections } = user;
    facts.thing(at, Class::Identity, |facts| {
        // The id stands in the path already, unless the user is known by another one there.
        facts.put(&at.key("id"), Class::Identity, id.as_str());
        facts.put_caseless(&at.key("email"), Class::Identity, email.as_str());
        facts.put_some(&at.key("phone"), Class::Identity, phone.as_ref().map(|phone| phone.as_str()));
        facts.put(&at.key("name"), Class::Cosmetic, name.as_str());
        facts.put(&at.key("status"), Class::Identity, status.as_str());
        for role in roles {
            facts.put(&at.key("roles").item(role), Class::Identity, role.as_str());
        }
        for (collection, permissions) in collections {
            let at = at.key("collections").key(collection.as_str());
            for permission in permissions {
                facts.put(&at.item(permission), Class::Identity, permission.as_str());
            }
        }
    });
}

fn notifications(facts: &mut Facts, at: &KeyPath, notifications: &Notifications) {
    let Notifications { zulip, sentry } = notifications;
    if let Some(Zulip { site, channel, topic, bot_email }) = zulip {
        let at = at.key("zulip");
        facts.thing(&at, Class::Configuration, |facts| {
            facts.put(&at.key("site"), Class::Exposure, site.as_str());
            facts.put(&at.key("channel"), Class::Configuration, channel.as_str());
            facts.put(&at.key("topic"), Class::Configuration, topic.as_str());
            let at = at.key("botEmail").personal();
            facts.put_caseless(&at, Class::Configuration, bot_email.as_str());
        });
    }
    if let Some(Sentry { dsn, environment }) = sentry {
        let at = at.key("sentry");
        if let Some(dsn) = dsn {
            facts.put_secret(&at.key("dsn"), Class::Exposure, dsn);
        }
        let environment = environment.as_ref().map(|environment| environment.as_str());
        facts.put_some(&at.key("environment"), Class::Configuration, environment);
    }
}

fn branding(facts: &mut Facts, at: &KeyPath, branding: &Branding, attachments: &BTreeMap<String, Vec<u8>>) {
    let Branding { title, logo, colours, custom_css } = branding;
    facts.put(&at.key("title"), Class::Cosmetic, title.as_str());
    for (name, colour) in colours {
        let at = at.key("colours").key(name.as_str());
        facts.put_caseless(&at, Class::Cosmetic, colour.as_str());
    }
    let mut file = |key: &str, path: &Option<AttachmentPath>| {
        let Some(path) = path else { return };
        facts.put(&at.key(key), Class::Cosmetic, path.as_str());
        let bytes = attachments.get(path.as_str());
        facts.put_some(&at.key(key).key("sha256"), Class::Cosmetic, bytes.map(|bytes| sha256(bytes)));
    };
    file("logo", logo);
    file("customCss", custom_css);
}

fn metadata_field(facts: &mut Facts, at: &KeyPath, field: &MetadataField) {
    let MetadataField { enabled, required, options, allow_unknown, allow_other } = field;
    facts.thing(at, Class::Configuration, |facts| {
        facts.put(&at.key("enabled"), Class::Configuration, *enabled);
        facts.put(&at.key("required"), Class::Configuration, *required);
        // Offered in this order.
        facts.put(&at.key("options"), Class::Configuration, json!(options));
        facts.put(&at.key("allowUnknown"), Class::Configuration, *allow_unknown);
        facts.put(&at.key("allowOther"), Class::Configuration, *allow_other);
    });
}

fn glass(facts: &mut Facts, at: &KeyPath, glass: &GlassSettings) {
    let GlassSettings { repository, readers } = glass;
    facts.put(&at.key("repository"), Class::Configuration, repository.as_str());
    for reader in readers {
        facts.put(&at.key("readers").item(reader).personal(), Class::Identity, reader.as_str());
    }
}

fn exposure(facts: &mut Facts, at: &KeyPath, exposure: &Exposure) {
    let Exposure { ports, origins, redirect_uris, factors, encryption_in_transit, encryption_at_rest } =
        exposure;
    facts.put(&at.key("ports"), Class::Exposure, json!(ports));
    facts.put_set(&at.key("origins"), Class::Exposure, origins);
    facts.put_set(&at.key("redirectUris"), Class::Exposure, redirect_uris);
    facts.put_set(&at.key("factors"), Class::Exposure, factors);
    facts.put(&at.key("encryptionInTransit"), Class::Exposure, encryption_in_transit.as_str());
    facts.put(&at.key("encryptionAtRest"), Class::Exposure, encryption_at_rest.as_str());
}

fn application(facts: &mut Facts, at: &KeyPath, application: &Application) {
    let Application { version, commit, release } = application;
    facts.put(&at.key("version"), Class::Configuration, version.as_str());
    facts.put(&at.key("commit"), Class::Configuration, commit.as_str());
    for (service, image) in release {
        let at = at.key("release").key(service.as_str());
        facts.put(&at, Class::Configuration, image.as_str());
    }
}

fn content(facts: &mut Facts, at: &KeyPath, content: &ContentTotals) {
    let ContentTotals { objects, bytes, changed_per_day } = content;
    facts.put(&at.key("objects"), Class::Data, *objects);
    facts.put(&at.key("bytes"), Class::Data, *bytes);
    facts.put_some(&at.key("changedPerDay"), Class::Cosmetic, *changed_per_day);
}
