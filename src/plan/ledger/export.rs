//! The export, taken apart.

use super::super::figures;
use super::path::Path;
use super::{Book, listed, set};
use crate::model::{
    Afterwards, Application, Branding, Checked, Collection, ContentTotals, Export, Exposure, GlassSettings,
    MetadataField, MetadataFieldName, Notifications, Pathway, Project, Sentry, Service, Storage, Target,
    User, UserId, VALIDATION, Zulip,
};
use crate::provider::{Home, Site};

/// The role of those who try an installation before others use it.
const TRUST_ARCHITECT: &str = "trust-architect";

/// Whether a user may upload to the collection of validations.
pub fn validates(user: &User) -> bool {
    user.roles.iter().any(|role| role.as_str() == TRUST_ARCHITECT)
}

/// Enters every setting of the export.
pub(super) fn enter(book: &mut Book, checked: &Checked, site: &Site) {
    let target = &checked.target;
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
    } = &checked.export;
    let root = Path::raw("");
    let (metadata, spec) = (root.key("metadata"), root.key("spec"));

    for key in ["apiVersion", "kind"] {
        book.dropped(&root.key(key), "it names the form of the export's document", Afterwards::Same);
    }
    book.migrated(&metadata.key("exportedAt"));
    book.dropped(&metadata.key("exporter"), "it names the tool that made the export", Afterwards::Free);
    let domain = target.domain.as_str();
    book.kept_or(&metadata.key("installation"), "address-to-domain", installation, domain);

    self::project(book, &spec.key("project"), project);
    let origin = format!("https://{domain}");
    let kept = Afterwards::Value(origin.clone().into());
    book.transformed(&spec.key("hostedUrl"), "address-to-domain", hosted_url, origin, kept);
    self::storage(book, &spec.key("storage"), storage, target, site);
    for (name, Collection { description: _ }) in collections {
        book.migrated(&spec.key("collections").key(name.as_str()).key("description"));
    }
    for (id, user) in users {
        self::user(book, &spec.key("users"), id, user);
    }
    self::notifications(book, &spec.key("notifications"), notifications, target);
    self::branding(book, &spec.key("branding"), branding);
    for (name, field) in metadata_fields {
        metadata_field(book, &spec.key("metadataFields"), *name, field);
    }
    self::glass(book, &spec.key("glass"), glass);
    self::exposure(book, &spec.key("exposure"), exposure, target, site);
    self::application(book, &spec.key("application"), application, target, site);
    self::content(book, &spec.key("content"), content);
    objects(book, content.objects, checked.content.renamed);
    book.migrated(&spec.key("salt"));
}

fn project(book: &mut Book, at: &Path, project: &Project) {
    let Project { slug: _, name: _, description: _ } = project;
    for key in ["slug", "name", "description"] {
        book.migrated(&at.key(key));
    }
}

fn storage(book: &mut Book, at: &Path, storage: &Storage, target: &Target, site: &Site) {
    let Storage { provider, bucket, region, encryption, versioning } = storage;
    let after = &site.storage;
    let (kind_rule, region_rule) = after.rules;
    book.kept_or(&at.key("provider"), kind_rule, provider, after.kind.as_str());
    book.kept_or(&at.key("bucket"), "bucket-of-target", bucket, after.bucket.as_str());
    // The API's S3 client signs for us-east-1 unless the store names another region.
    match region {
        Some(region) => book.kept_or(&at.key("region"), region_rule, region, after.region.as_str()),
        None => {
            let region = after.region.as_str();
            book.defaulted(&at.key("region"), region, Afterwards::Value(region.into()));
        }
    }
    let (rule, (encrypted, kept)) = match after.home {
        Home::Project { .. } => ("encryption-by-disk", disk(target, site)),
        Home::Outside { .. } => ("encryption-by-store", ("encrypted by the store", Afterwards::Encrypted)),
    };
    book.transformed(&at.key("encryption"), rule, encryption, encrypted, kept);
    match (*versioning, after.versions_kept_days) {
        (true, None) => {
            let why = "Garage keeps no earlier versions; backups do";
            book.dropped(&at.key("versioning"), why, Afterwards::Value(false.into()));
        }
        (false, Some(days)) => {
            let kept = format!("true, for {}", figures::count(days.into(), "day", "days"));
            let value = Afterwards::Value(true.into());
            book.transformed(&at.key("versioning"), "versions-of-store", false, kept, value);
        }
        (true, Some(_)) | (false, None) => book.migrated(&at.key("versioning")),
    }
}

/// What is promised of the disk, in words and as an export of the target says so.
fn disk(target: &Target, site: &Site) -> (&'static str, Afterwards) {
    if site.disks_encrypted.is_some() {
        ("encrypted disk, by the provider", Afterwards::Encrypted)
    } else if target.require_disk_encryption {
        ("encrypted disk, required", Afterwards::Encrypted)
    } else {
        ("disk as it is, accepted by the target", Afterwards::Free)
    }
}

fn user(book: &mut Book, at: &Path, id: &UserId, user: &User) {
    let User { email, phone, name: _, status: _, roles, collections } = user;
    let at = at.key(id.as_str()).personal();
    // Keycloak compares addresses in lower case, so the realm keeps them that way.
    book.kept_or(&at.key("email"), "lower-case-address", email, email.as_str().to_ascii_lowercase());
    if phone.is_some() {
        book.migrated(&at.key("phone"));
    }
    for key in ["name", "status"] {
        book.migrated(&at.key(key));
    }
    for role in roles {
        book.migrated(&at.key("roles").item(role));
    }
    for (collection, permissions) in collections {
        let at = at.key("collections").key(collection.as_str());
        for permission in permissions {
            book.migrated(&at.item(format!("{permission:?}").to_ascii_lowercase()));
        }
    }
    if validates(user) {
        let value = "read, write and delete, for uploads of a validation; no export shows it";
        book.defaulted(&at.key("collections").key(VALIDATION), value, Afterwards::Absent);
    }
}

fn notifications(book: &mut Book, at: &Path, notifications: &Notifications, target: &Target) {
    let Notifications { zulip, sentry } = notifications;
    if let Some(Zulip { site, channel: _, topic: _, bot_email: _ }) = zulip {
        let at = at.key("zulip");
        match target.pathway {
            Pathway::HostedToSelf | Pathway::SelfToHosted => {
                for key in ["site", "channel", "topic"] {
                    book.migrated(&at.key(key));
                }
                book.migrated(&at.key("botEmail").personal());
            }
            Pathway::HostedToFullySelf => {
                book.manual(
                    &at.key("site"),
                    format!(
                        "Put your own Zulip's address in place of {site} in integration-config/zulip.json"
                    ),
                );
                book.manual(&at.key("channel"), "Create the channel in your own Zulip");
                book.manual(&at.key("topic"), "Post one message under this topic in your own Zulip");
                book.manual(
                    &at.key("botEmail").personal(),
                    "Create a bot in your own Zulip and put its address into integration-config/zulip.json",
                );
            }
        }
    }
    if let Some(Sentry { dsn, environment }) = sentry {
        let at = at.key("sentry");
        if dsn.is_some() {
            book.manual(
                &at.key("dsn"),
                "Create a client key for the new installation in Sentry and put its DSN into secrets/sentry_dsn of the state folder: the migration's own messages use it, pages and API send nothing there; delete the old key when the source is closed",
            );
        }
        if environment.is_some() {
            book.migrated(&at.key("environment"));
        }
    }
}

fn branding(book: &mut Book, at: &Path, branding: &Branding) {
    let Branding { title: _, logo, colours, custom_css } = branding;
    book.migrated(&at.key("title"));
    if let Some(logo) = logo {
        let name = logo.as_str().rsplit('/').next().unwrap_or_default();
        let after = format!("configuration/spa-config/branding/{name}");
        let kept = Afterwards::Value(format!("branding/{name}").into());
        book.transformed(&at.key("logo"), "file-into-package", logo, after, kept);
    }
    for name in colours.keys() {
        book.migrated(&at.key("colours").key(name.as_str()));
    }
    if let Some(css) = custom_css {
        let after = "configuration/spa-config/branding/custom.css";
        let kept = Afterwards::Value("branding/custom.css".into());
        book.transformed(&at.key("customCss"), "file-into-package", css, after, kept);
    }
}

fn metadata_field(book: &mut Book, at: &Path, name: MetadataFieldName, field: &MetadataField) {
    let MetadataField { enabled: _, required: _, options, allow_unknown: _, allow_other: _ } = field;
    let at = at.key(match name {
        MetadataFieldName::FileType => "file_type",
        MetadataFieldName::Collection => "collection",
        MetadataFieldName::IpOwnership => "ip_ownership",
        MetadataFieldName::LicenceConditions => "licence_conditions",
        MetadataFieldName::Comment => "comment",
    });
    for key in ["enabled", "required"] {
        book.migrated(&at.key(key));
    }
    for (number, _) in options.iter().enumerate() {
        book.migrated(&at.key("options").item(number));
    }
    for key in ["allowUnknown", "allowOther"] {
        book.migrated(&at.key(key));
    }
}

fn glass(book: &mut Book, at: &Path, glass: &GlassSettings) {
    let GlassSettings { repository, readers } = glass;
    book.manual(
        &at.key("repository"),
        format!("Clone the hosted {repository} with its whole history into a private repository of your own and protect its main branch"),
    );
    for reader in readers {
        book.manual(
            &at.key("readers").item(reader).personal(),
            format!("Give the GitHub user {reader} read access to your {repository}"),
        );
    }
}

fn exposure(book: &mut Book, at: &Path, exposure: &Exposure, target: &Target, site: &Site) {
    let Exposure {
        ports,
        origins,
        redirect_uris,
        factors: exposed,
        encryption_in_transit,
        encryption_at_rest,
    } = exposure;
    let origin = format!("https://{}", target.domain);
    let factors: &[&str] =
        if target.identity.require_second_factor { &["password", "totp"] } else { &["password"] };
    let (rest, kept) = disk(target, site);
    let ssh = (!target.allow.ssh.is_empty()).then_some(site.machine.port);
    book.transformed(
        &at.key("ports"),
        "ports-of-proxy",
        listed(ports),
        ssh.map_or_else(|| "80 443".to_owned(), |port| format!("80 443, and {port} for SSH")),
        set([80, 443].into_iter().chain(ssh)),
    );
    let own = set([origin.clone()]);
    book.transformed(&at.key("origins"), "own-origin", listed(origins), &origin, own);
    let redirect = format!("{origin}/*");
    let own = set([redirect.clone()]);
    book.transformed(
        &at.key("redirectUris"),
        "redirect-uris-to-domain",
        listed(redirect_uris),
        redirect,
        own,
    );
    book.kept_or_set(&at.key("factors"), "factors-of-target", exposed, factors);
    book.kept_or(&at.key("encryptionInTransit"), "tls-of-proxy", encryption_in_transit, "tls1.2");
    book.transformed(&at.key("encryptionAtRest"), "encryption-by-disk", encryption_at_rest, rest, kept);
}

fn application(book: &mut Book, at: &Path, application: &Application, target: &Target, site: &Site) {
    let Application { version: _, commit: _, release } = application;
    for key in ["version", "commit"] {
        book.migrated(&at.key(key));
    }
    for (service, image) in release {
        let name = match service {
            Service::Api => "api",
            Service::Spa => "spa",
            Service::Keycloak => "keycloak",
            Service::Postgres => "postgres",
            Service::Garage => "garage",
            Service::Caddy => "caddy",
        };
        if !site.runs(*service) {
            let why = "what it does is a service of the provider there";
            book.dropped(&at.key("release").key(name), why, Afterwards::Absent);
            continue;
        }
        let after = target.images.get(service).unwrap_or(image);
        if let (Service::Postgres, Some(database)) = (service, &site.database) {
            let client = format!("{after}, as the client of {}", database.name);
            // An export of the target has it from the release document, though nothing of it runs.
            let kept = Afterwards::Value(after.as_str().into());
            book.transformed(&at.key("release").key(name), "client-of-database", image, client, kept);
            continue;
        }
        book.kept_or(&at.key("release").key(name), "image-of-target", image, after.as_str());
    }
}

fn content(book: &mut Book, at: &Path, content: &ContentTotals) {
    let ContentTotals { objects: _, bytes: _, changed_per_day } = content;
    for key in ["objects", "bytes"] {
        book.migrated(&at.key(key));
    }
    if changed_per_day.is_some() {
        let why = "it is a measurement; the plan's delta rests on it";
        book.dropped(&at.key("changedPerDay"), why, Afterwards::Free);
    }
}

/// Objects are no settings of the document; what happens to them by rule stands in the ledger all the same.
fn objects(book: &mut Book, objects: u64, renamed: u64) {
    let mut by_rule = |key: &str, rule, before: String, after| {
        book.transformed(&Path::raw("content").key(key), rule, before, after, Afterwards::Free);
    };
    if renamed > 0 {
        let before = format!("{} that the store cannot hold", figures::count(renamed, "key", "keys"));
        by_rule("keys", "percent-encode", before, "target_key in content/batches/");
    }
    if objects > 0 {
        let before = format!("times of change of {}", figures::count(objects, "object", "objects"));
        by_rule("modified", "written-anew", before, "the times at which the target's store took them");
    }
}
