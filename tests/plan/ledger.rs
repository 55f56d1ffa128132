//! The ledger: every leaf of the export and its realm has an entry, and one setting changes its own entries alone.

use crate::compile;
use crate::fixture::{self, harbour, word};
use std::collections::BTreeSet;
use stufpack::model::{Checked, Disposition, Entry, Ledger, Pathway, Service, User};
use stufpack::plan;

#[test]
fn the_ledger_accounts_for_every_leaf_and_says_which_it_does_not() {
    let mut checked = harbour();
    let plan = compile(&checked);
    let export = [
        "spec.users.u-000.roles[0]",
        "spec.branding.colours.{\"a.b c\"}",
        "spec.exposure.ports[0]",
        "spec.salt",
    ];
    checked.leaves.export = export.map(str::to_owned).to_vec();
    checked.leaves.realm = (0..60)
        .flat_map(|n| [format!("users[{n}].username"), format!("users[{n}].attributes.collections[0]")])
        .chain(["id", "clients[1].secret", "clients[3].clientId", "clients[3].enabled"].map(str::to_owned))
        .collect();
    assert_eq!(plan::account(&plan, &checked), Ok(()));

    checked.leaves.export.push("spec.users.u-000.shoeSize".to_owned());
    checked.leaves.realm.push("users[60].username".to_owned());
    let missing = plan::account(&plan, &checked).expect_err("not accounted").settings;
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].starts_with("realm.users["));
    assert_eq!(missing[1], "spec.users.u-000.shoeSize");
}

#[test]
fn the_ledger_accounts_for_every_leaf_of_the_examples() {
    for example in ["harbour", "minimal"] {
        let checked = fixture::example(example);
        let plan = compile(&checked);
        assert!(checked.leaves.export.len() > 20 && checked.leaves.realm.len() > 20, "{example} has leaves");
        assert_eq!(plan::account(&plan, &checked), Ok(()), "{example}");

        let settings: BTreeSet<&str> =
            plan.ledger.entries.iter().map(|entry| entry.setting.as_str()).collect();
        let twice = plan.ledger.entries.len() - settings.len();
        assert_eq!(twice, 0, "{example}: settings that stand twice");
    }
}

#[test]
fn whatever_a_colour_is_called_the_ledger_accounts_for_it() {
    let names = ["brand/primary", "a.b \"c\"", "ä", &"long-".repeat(40), "x:y@z+1"];
    let colours: String = names.iter().map(|name| format!("      {name:?}: \"#0b5fff\"\n")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, from, to) in [
        (
            "export/export.yaml",
            "    title: Minimal\n",
            format!("    title: Minimal\n    colours:\n{colours}"),
        ),
        ("export/realm.json", "", String::new()),
        ("target.yaml", "", String::new()),
    ] {
        let text = std::fs::read_to_string(format!("examples/minimal/{name}")).expect("the example");
        std::fs::create_dir_all(folder.path().join("export")).expect("a folder");
        let text = if from.is_empty() { text } else { text.replacen(from, &to, 1) };
        std::fs::write(folder.path().join(name), text).expect("it is written");
    }
    let source =
        stufpack::read::source(&folder.path().join("export"), Some(&folder.path().join("target.yaml")))
            .expect("it can be read");
    let checked = stufpack::check::all(source).unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert_eq!(checked.export.branding.colours.len(), names.len());

    let plan = compile(&checked);
    assert_eq!(plan::account(&plan, &checked), Ok(()));
    let entries = plan.ledger.entries.iter().filter(|entry| entry.setting.contains(".colours."));
    assert_eq!(entries.count(), names.len());
}

/// Entries that stand in one ledger only, by setting.
fn differences(one: &Ledger, other: &Ledger) -> BTreeSet<String> {
    let missing = |from: &Ledger, entries: &[Entry]| -> Vec<String> {
        entries
            .iter()
            .filter(|entry| !from.entries.contains(entry))
            .map(|entry| entry.setting.clone())
            .collect()
    };
    missing(one, &other.entries).into_iter().chain(missing(other, &one.entries)).collect()
}

#[test]
fn changing_one_setting_changes_exactly_its_entries() {
    type Change = fn(&mut Checked);
    let changes: [(&str, Change, &[&str]); 10] = [
        ("region", |c| c.export.storage.region = Some(word("us-east-1")), &["spec.storage.region"]),
        ("versioning", |c| c.export.storage.versioning = false, &["spec.storage.versioning"]),
        ("project name", |c| c.export.project.name = word("another name"), &[]),
        ("no DSN", |c| c.export.notifications.sentry = None, &["spec.notifications.sentry.dsn"]),
        (
            "new reader",
            |c| c.export.glass.readers.extend([word("new-reader")]),
            &["spec.glass.readers[new-reader]"],
        ),
        (
            "address in capitals",
            |c| first_user(c).email = word("Person-00@harbour.example"),
            &["spec.users.u-000.email"],
        ),
        (
            "no phone",
            |c| first_user(c).phone = None,
            &["spec.users.u-000.phone", "realm.users[person-00@harbour.example].attributes.phone"],
        ),
        (
            "another image",
            |c| {
                c.target
                    .images
                    .insert(Service::Api, word(&format!("registry.example/own@sha256:{}", "0".repeat(64))));
            },
            &["spec.application.release.api"],
        ),
        (
            "disk as it is",
            |c| c.target.require_disk_encryption = false,
            &["spec.storage.encryption", "spec.exposure.encryptionAtRest"],
        ),
        (
            "own Zulip",
            |c| c.target.pathway = Pathway::HostedToFullySelf,
            &[
                "spec.notifications.zulip.site",
                "spec.notifications.zulip.channel",
                "spec.notifications.zulip.topic",
                "spec.notifications.zulip.botEmail",
            ],
        ),
    ];
    let before = compile(&harbour()).ledger;
    for (name, change, settings) in changes {
        let mut checked = harbour();
        change(&mut checked);

        let expected: BTreeSet<String> = settings.iter().map(ToString::to_string).collect();
        assert_eq!(differences(&before, &compile(&checked).ledger), expected, "{name}");
    }
}

fn first_user(checked: &mut Checked) -> &mut User {
    checked.export.users.values_mut().next().expect("a user")
}

#[test]
fn the_realms_rules_stand_in_the_ledger() {
    let ledger = compile(&harbour()).ledger;
    let of = |setting: &str| -> &Disposition {
        let entry = ledger.entries.iter().find(|entry| entry.setting == setting);
        &entry.unwrap_or_else(|| panic!("no entry {setting}")).disposition
    };
    let transformed = |rule, before: &str, after: &str| Disposition::Transformed {
        rule,
        before: before.into(),
        after: after.into(),
    };

    assert_eq!(of("realm.sslRequired"), &transformed("ssl-external", "none", "external"));
    assert_eq!(
        of("realm.clients[stuf-spa].directAccessGrantsEnabled"),
        &transformed("password-grant-off", "true", "false")
    );
    assert_eq!(
        of("realm.clients[stuf-spa].redirectUris"),
        &transformed("redirect-uris-to-domain", "http://localhost:3000/*", "https://files.harbour.example/*")
    );
    assert!(matches!(of("realm.clients[1].secret"), Disposition::Dropped { .. }));
    // By its name, though it is accounted for by its place.
    assert!(matches!(of("realm.clients[account]"), Disposition::Dropped { .. }));
    assert!(matches!(of("realm.loginTheme"), Disposition::Dropped { .. }));
    assert!(matches!(of("spec.notifications.sentry.dsn"), Disposition::Manual { .. }));
    assert!(matches!(of("target.spec.sizes.apiMemory"), Disposition::Defaulted { .. }));
}
