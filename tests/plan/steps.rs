//! Each step says everything that one must know of it, and only steps that the package runs are told to be typed.

use crate::fixture::{example_with, harbour, least};
use crate::{compile, json};
use std::collections::BTreeSet;
use stufpack::model::Checked;
use stufpack::plan::{Actor, Instead, Mark, Plan, Undo};

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
            "check-source",
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
    let made = compile(&example_with("acme", "every-option.yaml"));
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

/// Steps of people that mean something only between others, which a program runs.
const MOVES_PEOPLE: [&str; 5] = [
    "cutover/tell-start",
    "cutover/set-record",
    "cutover/tell-end",
    "rollback/tell-users",
    "finalize/close-source",
];

#[test]
fn a_step_that_is_not_run_says_what_there_is_instead_and_leads_nobody_in_a_circle() {
    for plan in [compile(&harbour()), compile(&least())] {
        for phase in &plan.phases {
            assert_eq!(phase.instead.is_none(), phase.automated, "{}", phase.id);
            for step in &phase.steps {
                // What people do between steps that nothing runs would tell users of a move that there is not.
                let moves = !phase.automated && MOVES_PEOPLE.contains(&step.id);
                let lacking = step.actor == Actor::Automation && !step.automated || moves;
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
