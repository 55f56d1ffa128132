//! What becomes of every setting, as the packages' ledgers say.

use crate::compare::facts::{Class, Facts};
use crate::plan::KeyPath;
use serde_json::{Map, Value as Json};

/// Of an entry, what says why a setting ends as it does. The value that stands at the target stands in the data files.
const REASONS: [&str; 6] = ["disposition", "rule", "why", "value", "instruction", "before"];

/// Enters every entry of a ledger.
///
/// What is migrated, and what a person brings along, stands in the data files; if one ledger alone has it, that is told there.
pub(super) fn enter(facts: &mut Facts, ledger: &Json) {
    for entry in ledger["entries"].as_array().into_iter().flatten() {
        let Some(setting) = entry["setting"].as_str() else { continue };
        let personal = entry["personal"] == true;
        let at = KeyPath::raw(format!("{}: {setting}", super::classes::LEDGER));
        let at = if personal { at.personal() } else { at };
        let reasons = REASONS.iter().filter_map(|key| Some(((*key).to_owned(), entry.get(*key)?.clone())));
        let says = Json::Object(reasons.collect::<Map<String, Json>>());
        if personal || entry["disposition"] == "migrated" {
            facts.put_beside(&at, class(setting), says);
        } else {
            facts.put(&at, class(setting), says);
        }
    }
}

/// The class of a setting of the export or the realm, by the part that it belongs to.
fn class(setting: &str) -> Class {
    let begins = |parts: &[&str]| parts.iter().any(|part| setting.starts_with(part));
    if begins(&["spec.users", "realm.users", "realm.roles", "realm.clientScopes"]) {
        Class::Identity
    } else if begins(&["spec.storage", "spec.content", "content"]) {
        Class::Data
    } else if begins(&[
        "spec.exposure",
        "spec.hostedUrl",
        "target.spec.allow",
        "target.spec.tls",
        "realm.clients",
        "realm.identityProviders",
    ]) || setting.starts_with("realm.")
        && ["Lifespan", "Timeout"].iter().any(|word| setting.contains(word))
    {
        Class::Exposure
    } else if begins(&["spec.branding", "spec.project"]) {
        Class::Cosmetic
    } else {
        Class::Configuration
    }
}
