//! What a plan promises: complete steps, honest figures, a whole ledger, no personal data, the same bytes each time.

#[path = "plan/fixture.rs"]
mod fixture;
#[path = "plan/schema.rs"]
mod schema;

use fixture::{harbour, least, word};
use std::collections::BTreeSet;
use stufpack::model::{Checked, Disposition, Entry, Ledger, Pathway, Service, User};
use stufpack::plan::{self, Actor, Instead, Mark, Numbering, Place, Plan, Undo};

fn compile(checked: &Checked) -> Plan {
    plan::compile(checked, &Numbering { package: 7 })
}

fn json(plan: &Plan) -> serde_json::Value {
    let bytes = plan.json().expect("the plan is JSON");
    serde_json::from_slice(&bytes).expect("it reads back")
}

#[test]
fn every_step_says_what_why_how_to_see_it_and_how_to_go_back() {
    for plan in [compile(&harbour()), compile(&least())] {
        let ids: BTreeSet<&str> = plan.steps().map(|step| step.id).collect();
        assert_eq!(ids.len(), plan.steps().count(), "two steps share an id");

        for phase in &plan.phases {
            for step in &phase.steps {
                assert!(
                    step.id.starts_with(&format!("{}/", phase.id)),
                    "{} stands in phase {}",
                    step.id,
                    phase.id
                );
                let commands = [&step.command, &step.precondition.command, &step.proof.command];
                for text in [
                    step.title,
                    &step.what,
                    &step.precondition.text,
                    &step.proof.text,
                    &step.abort_when,
                    &step.estimate.formula,
                    &step.estimate.figures,
                ]
                .into_iter()
                .chain(commands.into_iter().flatten().map(String::as_str))
                {
                    assert!(!text.trim().is_empty() && text.trim() == text, "{}: {text:?}", step.id);
                }
                match &step.undo {
                    Undo::Step { step: undo, text, .. } => {
                        assert!(
                            ids.contains(undo.as_str()),
                            "{} is taken back by {undo}, which is no step",
                            step.id
                        );
                        assert!(!text.is_empty(), "{}", step.id);
                    }
                    Undo::None { why } => assert!(!why.is_empty(), "{}", step.id),
                }
            }
        }
    }
}

#[test]
fn titles_hold_no_value_of_the_tenant() {
    let titles = |plan: &Plan| plan.steps().map(|step| (step.id, step.title)).collect::<BTreeSet<_>>();
    let (all, some) = (titles(&compile(&harbour())), titles(&compile(&least())));

    assert!(some.is_subset(&all), "{:?}", some.difference(&all).collect::<Vec<_>>());
}

#[test]
fn the_automated_phases_hold_exactly_the_steps_that_the_controller_knows() {
    let plan = compile(&harbour());
    let steps = |id: &str| -> Vec<&str> {
        let phase = plan.phase(id).unwrap_or_else(|| panic!("no phase {id}"));
        phase.steps.iter().map(|step| step.id.split_once('/').map_or("", |(_, name)| name)).collect()
    };

    assert_eq!(
        steps("preflight"),
        [
            "check-controller",
            "reach-target",
            "check-system",
            "check-resources",
            "check-time",
            "check-ports",
            "check-names",
            "check-registry",
            "check-mail",
            "check-encryption"
        ]
    );
    assert_eq!(
        steps("prepare"),
        [
            "update-system",
            "set-time",
            "harden-ssh",
            "set-firewall",
            "refuse-guessing",
            "install-docker",
            "make-secrets"
        ]
    );
    assert_eq!(
        steps("deploy"),
        [
            "pull-images",
            "place-project",
            "start-storage",
            "start-identity",
            "start-api",
            "start-proxy",
            "enable-unit",
            "read-images"
        ]
    );
    assert_eq!(
        steps("import"),
        ["save-before-state", "import-users", "write-documents", "read-back", "send-messages"]
    );
    assert_eq!(steps("invite"), ["send-invitations"]);
    assert_eq!(
        steps("content"),
        [
            "install-copier",
            "place-read-key",
            "take-inventory",
            "check-keys",
            "copy-batches",
            "prove-batches",
            "remove-read-key"
        ]
    );
    assert_eq!(
        steps("verify"),
        [
            "answer-from-outside",
            "check-tls-and-headers",
            "check-published-ports",
            "sign-in",
            "upload-and-download",
            "refuse-strangers",
            "read-storage",
            "read-documents",
            "measure-response-times",
            "send-messages"
        ]
    );
    assert_eq!(steps("status"), ["show-services"]);
    assert_eq!(
        steps("abort"),
        ["stop-services", "remove-units", "remove-images", "remove-users", "delete-data"]
    );
}

#[test]
fn every_tag_of_a_playbook_is_a_step_and_decides_what_counts_as_automated() {
    let plan = compile(&harbour());
    // What only a machine needs that is made first stands in the same playbooks.
    let made = compile(&fixture::example("acme"));
    let steps: BTreeSet<&str> = plan.steps().chain(made.steps()).map(|step| step.id).collect();
    for tag in stufpack::embedded::AUTOMATED_STEPS {
        assert!(steps.contains(tag), "the playbooks carry {tag}, which no plan names");
    }

    for phase in &plan.phases {
        for step in &phase.steps {
            let tagged = stufpack::embedded::AUTOMATED_STEPS.contains(&step.id);
            assert_eq!(step.automated, tagged && step.actor == Actor::Automation, "{}", step.id);
        }
        let by_program: Vec<bool> = phase
            .steps
            .iter()
            .filter(|step| step.actor == Actor::Automation)
            .map(|step| step.automated)
            .collect();
        assert_eq!(
            phase.automated,
            !by_program.is_empty() && by_program.iter().all(|automated| *automated),
            "{}",
            phase.id
        );
    }
}

#[test]
fn a_step_that_is_not_run_says_what_there_is_instead_and_leads_nobody_in_a_circle() {
    for plan in [compile(&harbour()), compile(&least())] {
        for phase in &plan.phases {
            assert_eq!(phase.instead.is_none(), phase.automated, "{}", phase.id);
            for step in &phase.steps {
                let lacking = step.actor == Actor::Automation && !step.automated;
                assert_eq!(step.instead.is_some(), lacking, "{}", step.id);
                assert_eq!(step.command.is_none(), lacking, "{}", step.id);
            }
        }
        let public = plan.public();
        for verb in &public.verbs {
            assert_eq!(verb.instead.is_none(), verb.automated, "{}", verb.id);
        }
        for gate in &public.gates {
            assert_eq!(gate.automated, plan.runs(gate.phase), "{}", gate.id);
        }

        // Whatever the plan tells people to type works: no command names a phase or verb that the package lacks.
        let commands = plan.steps().flat_map(|step| {
            let by_hand = match &step.instead {
                Some(Instead::ByHand { command, .. }) => command.as_deref(),
                _ => None,
            };
            let own = [&step.command, &step.precondition.command, &step.proof.command];
            own.into_iter().filter_map(Option::as_deref).chain(by_hand)
        });
        for command in commands {
            let Some(word) = command.strip_prefix("./migrate ").and_then(|rest| rest.split(' ').next())
            else {
                continue;
            };
            let verb = public.verbs.iter().any(|verb| verb.id == word && verb.automated);
            assert!(verb || plan.runs(word), "{command}");
        }
    }
}

#[test]
fn what_panic_names_is_what_the_package_runs() {
    let plan = compile(&harbour());
    let public = plan.public();
    let panic = public.verbs.iter().find(|verb| verb.id == "panic").expect("panic is a verb");

    assert_eq!(panic.what.contains("./migrate rollback"), plan.runs("rollback"));
    assert_eq!(panic.what.contains("./migrate abort"), !plan.runs("rollback"));
}

#[test]
fn preflight_asks_for_the_room_that_the_content_needs() {
    let (much, none) = (compile(&harbour()), compile(&least()));

    // 212 GB, a fifth of it, and 10 GiB beside it.
    assert_eq!(much.facts.sizes.disk_bytes, 212_000_000_000 / 5 * 6 + (10 << 30));
    assert_eq!(none.facts.sizes.disk_bytes, 10 << 30);
    let step = much.steps().find(|step| step.id == "preflight/check-resources").expect("the step");
    assert!(step.what.contains("265 GB"), "{}", step.what);
}

#[test]
fn proving_takes_as_long_as_a_second_copy_where_the_export_has_no_digests() {
    let mut blind = harbour();
    blind.content.without_digest = (blind.content.objects, blind.content.bytes);
    let (blind, seeing) = (compile(&blind).facts.content, compile(&harbour()).facts.content);

    let line = 212_000_000_000 * 8 / seeing.bandwidth;
    assert_eq!(blind.proof.seconds, seeing.proof.seconds + line);
    // An export with digests reads at the target alone.
    assert_eq!(blind.reading(), seeing.proof.seconds);
    assert!(
        blind.proof.figures.contains("1000 objects with 212 GB × 8 ÷ 100 Mbit/s"),
        "{}",
        blind.proof.figures
    );
}

#[test]
fn percent_rises_from_0_to_100_over_the_main_line_and_over_the_cutover() {
    for plan in [compile(&harbour()), compile(&least())] {
        let mut at = 0;
        for step in
            plan.phases.iter().filter(|phase| phase.place == Place::Forward).flat_map(|phase| &phase.steps)
        {
            let share = step.share.unwrap_or_else(|| panic!("{} has no share", step.id));
            assert_eq!(share.from, at, "{}", step.id);
            assert!(share.to >= share.from, "{}", step.id);
            at = share.to;
        }
        assert_eq!(at, 1_000);

        let mut at = 0;
        for step in ["cutover", "watch", "finalize"]
            .iter()
            .filter_map(|id| plan.phase(id))
            .flat_map(|phase| &phase.steps)
        {
            let scale =
                step.scale.unwrap_or_else(|| panic!("{} has no place on the cutover's scale", step.id));
            assert_eq!(scale.share.from, at, "{}", step.id);
            assert!(scale.share.to > scale.share.from, "{}", step.id);
            at = scale.share.to;
        }
        assert_eq!(at, 1_000);
    }
}

#[test]
fn users_notice_before_the_hand_over_and_the_hand_over_comes_before_the_point_of_no_return() {
    let plan = compile(&harbour());
    let marks: Vec<(Mark, &str)> = plan.steps().filter_map(|step| Some((step.mark?, step.id))).collect();

    assert_eq!(
        marks,
        [
            (Mark::UserImpact, "cutover/freeze-source"),
            (Mark::HandOver, "cutover/set-hand-over-mark"),
            (Mark::NoReturn, "finalize/revoke-credentials"),
        ]
    );
}

#[test]
fn the_cutover_fits_its_window_and_the_last_moment_to_turn_back_leaves_time_for_the_rollback() {
    let table = compile(&harbour()).timetable;

    assert_eq!(table.window.as_deref(), Some("sat 06:00"));
    assert_eq!(table.window_seconds, Some(8 * 3_600));
    assert!(table.fits);
    assert_eq!(table.turn_back_by, Some(8 * 3_600 - table.rollback_seconds));
    let last = table.cutover.last().expect("the cutover has steps");
    assert_eq!(Some(last.latest_end), table.turn_back_by);
}

#[test]
fn content_is_copied_in_windows_and_the_figures_add_up() {
    let content = compile(&harbour()).facts.content;

    // 212 GB × 8 ÷ 100 Mbit/s
    assert_eq!(content.copy.seconds, 16_960);
    assert_eq!(content.batches.iter().map(|batch| batch.seconds).sum::<u64>(), 16_960);
    assert_eq!((content.windows_needed, content.elapsed), (1, 16_960));
    assert_eq!(content.windows[0].opens_at, "thu 22:00");
    assert_eq!((content.windows[0].first_batch, content.windows[0].last_batch), (1, 10));

    let content = compile(&least()).facts.content;
    assert_eq!(
        (content.copy.seconds, content.elapsed, content.windows.len(), content.batches.len()),
        (0, 0, 0, 0)
    );
}

#[test]
fn an_upload_limit_that_the_memory_cannot_bear_is_lowered_and_explained() {
    let mut checked = harbour();
    assert_eq!(compile(&checked).facts.sizes.upload_limit_mib, 100);

    checked.target.sizes.parallel_requests = 16;
    let sizes = compile(&checked).facts.sizes;
    assert_eq!(sizes.upload_limit_mib, 26);
    assert!(sizes.lowered);
    assert_eq!(sizes.figures, "(1024 MiB − 192 MiB) ÷ (2 × 16) = 26 MiB");
    // The largest object there is has 3 GB, which is 2,862 MiB.
    assert_eq!(sizes.sufficient_memory_mib, 192 + 2 * 16 * 2_862);
}

#[test]
fn the_same_input_gives_the_same_plan() {
    assert_eq!(compile(&harbour()).json().expect("JSON"), compile(&harbour()).json().expect("JSON"));
}

#[test]
fn nothing_of_the_target_that_is_not_there_is_spoken_of() {
    let plan = compile(&least());
    let text = json(&plan)["phases"].to_string();

    for word in [
        "check-mail",
        "mail server",
        "Zulip",
        "Sentry",
        "second factor",
        "ACME",
        "off-peak",
        "terraform",
        "provision/",
    ] {
        assert!(!text.contains(word), "{word} stands in the steps");
    }
}

#[test]
fn an_empty_answer_of_the_source_is_an_error_only_where_the_export_counts_something() {
    let told = |checked: &Checked| {
        let plan = compile(checked);
        let step = plan.steps().find(|step| step.id == "content/take-inventory").expect("the step");
        let phase = plan.phase("content").expect("the phase");
        (step.what.contains("An empty answer is an error"), phase.purpose.contains("counts no object"))
    };
    assert_eq!((told(&harbour()), told(&least())), ((true, false), (false, true)));
}

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
        .chain(["id".to_owned(), "clients[1].secret".to_owned()])
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
fn a_window_that_is_too_short_is_said_and_leaves_no_slack() {
    let mut checked = harbour();
    checked.target.cutover_windows = vec![word("sat 06:00-06:40")];
    let table = compile(&checked).timetable;

    assert!(!table.fits);
    assert_eq!(table.turn_back_by, Some(2_400 - table.rollback_seconds));
    assert!(table.cutover.iter().all(|row| row.slack == 0));
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
    assert!(matches!(of("realm.loginTheme"), Disposition::Dropped { .. }));
    assert!(matches!(of("spec.notifications.sentry.dsn"), Disposition::Manual { .. }));
    assert!(matches!(of("target.spec.sizes.apiMemory"), Disposition::Defaulted { .. }));
}

#[test]
fn the_published_schema_is_current_and_holds_for_every_plan() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/plan.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(path, plan::schema()).expect("written");
    }
    let published = std::fs::read_to_string(path).expect("schemas/plan.json");
    assert_eq!(published, plan::schema(), "STUFPACK_BLESS=1 rewrites it");

    let schema = serde_json::from_str(&published).expect("JSON");
    for checked in [harbour(), least(), fixture::example("harbour"), fixture::example("minimal")] {
        assert_eq!(schema::problems(&schema, &json(&compile(&checked))), Vec::<String>::new());
    }
    let mut wrong = json(&compile(&least()));
    wrong["plan"]["shoe_size"] = 42.into();
    wrong["phases"][0]["steps"][0]["undo"] = "never".into();
    assert_eq!(schema::problems(&schema, &wrong).len(), 2);
}

#[test]
fn no_secret_stands_in_plan_or_ledger() {
    let plan = compile(&harbour());
    let all = json(&plan).to_string() + &serde_json::to_string(&plan.ledger).expect("JSON");

    for secret in ["not-a-real-key", "not-a-real-secret"] {
        assert!(!all.contains(secret));
    }
}
