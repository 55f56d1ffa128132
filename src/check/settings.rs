//! The export's settings that concern the installation, not single people.

use super::notes::{In, Notes};
use crate::model::tree::steps;
use crate::model::{Export, MetadataFieldName, codes};
use std::collections::BTreeMap;

/// Exporters that are known, and the first version whose exports are complete.
const EXPORTERS: [(&str, [u32; 3]); 1] = [("stuf-kit", [1, 0, 0])];

pub(super) fn check(notes: &mut Notes<'_>, export: &Export) {
    origin(notes, export);
    metadata_fields(notes, export);
    surroundings(notes, export);
    exposure(notes, export);
    images(notes, export);
}

fn origin(notes: &mut Notes<'_>, export: &Export) {
    let host = export.hosted_url.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(':').next().unwrap_or("");
    if host != export.installation.as_str() && notes.usable(In::Export, "metadata.installation") {
        let message =
            format!("the installation is {}, and its address names another host", export.installation);
        notes.tell(
            &codes::INSTALLATION_HOSTED,
            In::Export,
            steps!["spec", "hostedUrl"],
            message,
            format!("https://{}", export.installation),
        );
    }
    if export.hosted_url.as_str().starts_with("http://") {
        notes.tell(
            &codes::HOSTED_PLAIN,
            In::Export,
            steps!["spec", "hostedUrl"],
            "the address has no TLS",
            "an address with https",
        );
    }

    let exporter = export.exporter.as_str();
    let (name, version) = exporter.rsplit_once(' ').unwrap_or((exporter, ""));
    match EXPORTERS.iter().find(|(known, _)| *known == name) {
        None => {
            let message = "this exporter is not known";
            notes.tell_hidden(
                &codes::EXPORTER_UNKNOWN,
                In::Export,
                steps!["metadata", "exporter"],
                message,
                "stuf-kit and its version",
            );
        }
        Some((_, oldest)) => {
            let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
            let version: Option<Vec<u32>> = (0..3).map(|_| parts.next().flatten()).collect();
            let [major, minor, patch] = oldest;
            let expected = format!("{name} {major}.{minor}.{patch} or newer");
            if version.is_none_or(|version| version.as_slice() < oldest.as_slice()) {
                let message = "this version of the exporter is too old, or not told";
                notes.tell_hidden(
                    &codes::EXPORTER_OLD,
                    In::Export,
                    steps!["metadata", "exporter"],
                    message,
                    expected,
                );
            }
        }
    }

    let [first, rest @ ..] = &export.salt.0;
    let distinct = export.salt.0.iter().collect::<std::collections::BTreeSet<_>>().len();
    // 32 random bytes have fewer than 20 different ones once in many millions of times.
    if rest.iter().all(|byte| byte == first) || distinct < 12 {
        notes.tell_hidden(
            &codes::SALT_WEAK,
            In::Export,
            steps!["spec", "salt"],
            "the salt is not random",
            "32 random bytes",
        );
    }
}

fn metadata_fields(notes: &mut Notes<'_>, export: &Export) {
    for (name, field) in &export.metadata_fields {
        let at = name.as_str();
        if field.required && !field.enabled {
            let message = format!("{name} is required, but not shown");
            notes.tell(
                &codes::METADATA_REQUIRED_DISABLED,
                In::Export,
                steps!["spec", "metadataFields", at, "required"],
                message,
                "required: false, or enabled: true",
            );
        }
        // A comment is free text, and the collections are the answers to the question for one.
        let free = matches!(name, MetadataFieldName::Comment | MetadataFieldName::Collection);
        let answers = !field.options.is_empty() || field.allow_unknown || field.allow_other;
        if field.required && field.enabled && !free && !answers {
            let message = format!("{name} is required and has neither options nor unknown nor other");
            notes.tell(
                &codes::METADATA_NO_ANSWER,
                In::Export,
                steps!["spec", "metadataFields", at, "required"],
                message,
                "options, allowUnknown: true, or allowOther: true",
            );
        }
        let mut seen = BTreeMap::new();
        for (index, option) in export_options(notes, at) {
            let same = option.trim().to_lowercase();
            let here = steps!["spec", "metadataFields", at, "options", index];
            if same.is_empty() {
                notes.tell_hidden(
                    &codes::METADATA_OPTION_EMPTY,
                    In::Export,
                    here,
                    "this option is empty",
                    "a text",
                );
            } else if let Some(first) = seen.insert(same, index) {
                let message =
                    format!("this option is the same as the one at [{first}], case and spaces aside");
                notes.tell_hidden(
                    &codes::METADATA_OPTION_DUPLICATE,
                    In::Export,
                    here,
                    message,
                    "each option once",
                );
            }
            if *name == MetadataFieldName::Collection
                && notes.usable(In::Export, "spec.collections")
                && !export.collections.keys().any(|known| known.as_str() == option)
            {
                notes.tell(
                    &codes::METADATA_COLLECTION,
                    In::Export,
                    here,
                    "this option is not a collection",
                    "a collection of the export",
                );
            }
        }
    }
}

/// Options of a field with their index in the document.
fn export_options<'s>(notes: &Notes<'s>, field: &str) -> Vec<(usize, &'s str)> {
    let options = notes.source.export.find(steps!["spec", "metadataFields", field, "options"]);
    let items = options.map(crate::model::tree::Node::items).unwrap_or_default();
    items.iter().enumerate().filter_map(|(index, item)| Some((index, item.text()?))).collect()
}

fn surroundings(notes: &mut Notes<'_>, export: &Export) {
    if let Some(zulip) = &export.notifications.zulip
        && zulip.site.as_str().starts_with("http://")
    {
        notes.tell(
            &codes::ZULIP_PLAIN,
            In::Export,
            steps!["spec", "notifications", "zulip", "site"],
            "the address has no TLS",
            "an address with https",
        );
    }
    if export.notifications.sentry.as_ref().is_some_and(|sentry| sentry.dsn.is_some()) {
        let message = "the DSN is left out of the package";
        notes.tell_hidden(
            &codes::SENTRY_DSN,
            In::Export,
            steps!["spec", "notifications", "sentry", "dsn"],
            message,
            "a DSN given by hand at the target",
        );
    }
    let expected = format!("stuf-{}", export.project.slug);
    if export.glass.repository.as_str() != expected && notes.usable(In::Export, "spec.project.slug") {
        let message = "the repository is not named after the project";
        notes.tell_hidden(
            &codes::GLASS_REPOSITORY,
            In::Export,
            steps!["spec", "glass", "repository"],
            message,
            expected,
        );
    }
    let mut seen = BTreeMap::new();
    let readers = notes.source.export.find(steps!["spec", "glass", "readers"]);
    for (index, reader) in readers.map(crate::model::tree::Node::items).unwrap_or_default().iter().enumerate()
    {
        let Some(text) = reader.text() else { continue };
        if let Some(first) = seen.insert(text.to_lowercase(), text)
            && first != text
        {
            let message = format!("this is the same GitHub user as {first}");
            notes.tell(
                &codes::GLASS_READER_DUPLICATE,
                In::Export,
                steps!["spec", "glass", "readers", index],
                message,
                "each user once",
            );
        }
    }
}

fn exposure(notes: &mut Notes<'_>, export: &Export) {
    let exposure = &export.exposure;
    let at = |key| {
        [
            crate::model::tree::Step::Key("spec"),
            crate::model::tree::Step::Key("exposure"),
            crate::model::tree::Step::Key(key),
        ]
    };
    for key in ["ports", "origins", "redirectUris", "factors"] {
        let empty = match key {
            "ports" => exposure.ports.is_empty(),
            "origins" => exposure.origins.is_empty(),
            "redirectUris" => exposure.redirect_uris.is_empty(),
            _ => exposure.factors.is_empty(),
        };
        if empty && notes.source.export.find(&at(key)).is_some() {
            let message =
                format!("{key} is empty, so the source's exposure cannot be compared with the target's");
            notes.tell(&codes::VALUE_EMPTY, In::Export, &at(key), message, "what the source really has");
        }
    }
    if exposure.origins.iter().any(|origin| origin.as_str() == "*") {
        notes.tell(
            &codes::EXPOSURE_ORIGINS,
            In::Export,
            &at("origins"),
            "every origin may call the API",
            "the installation's own origin",
        );
    }
    if exposure.factors.len() == 1 && exposure.factors.iter().any(|factor| factor.as_str() == "password") {
        notes.tell(
            &codes::EXPOSURE_FACTORS,
            In::Export,
            &at("factors"),
            "a password is enough",
            "a second factor, such as totp",
        );
    }
    if matches!(exposure.encryption_in_transit.as_str(), "none" | "off") {
        notes.tell(
            &codes::EXPOSURE_TRANSIT,
            In::Export,
            &at("encryptionInTransit"),
            "connections are not encrypted",
            "tls1.2 or tls1.3",
        );
    }
    if matches!(exposure.encryption_at_rest.as_str(), "none" | "off") {
        notes.tell(
            &codes::EXPOSURE_REST,
            In::Export,
            &at("encryptionAtRest"),
            "stored files are not encrypted",
            "such as aes256",
        );
    }
}

fn images(notes: &mut Notes<'_>, export: &Export) {
    let mut seen = BTreeMap::new();
    for (service, image) in &export.application.release {
        let digest = image.as_str().rsplit('@').next().unwrap_or("");
        if let Some(first) = seen.insert(digest, service) {
            let message = format!("{service} has the same image as {first}");
            notes.tell(
                &codes::IMAGE_SAME,
                In::Export,
                steps!["spec", "application", "release", service.as_str()],
                message,
                "an image of its own for each service",
            );
        }
    }
}
