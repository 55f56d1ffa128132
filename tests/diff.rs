//! What `stufpack diff` promises: everything that differs and nothing else, by meaning, and what a migration explains.
//!
//! `STUFPACK_BLESS=1 cargo test --test diff` rewrites expectations and the schema; read the difference before it is
//! committed.

mod exports;
#[path = "plan/schema.rs"]
mod schema;

use assert_cmd::Command;
use exports::{Edit, Kept, Made, Migration, ROOT, compare, fields, paths, realm, set, target};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use stufpack::compare::{Change, Class, Comparison, Why};

fn target_of(example: &str) -> PathBuf {
    Path::new(ROOT).join("examples").join(example).join("target.yaml")
}

/// A folder of `tests/diff/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    #[serde(rename = "about")]
    _about: String,
    /// What both exports are made of.
    example: String,
    #[serde(default)]
    old: Vec<Edit>,
    #[serde(default)]
    new: Vec<Edit>,
    /// Whether the new one comes out of the old one's migration.
    #[serde(default)]
    migrated: bool,
    #[serde(default)]
    options: Vec<String>,
}

fn run(old: &Made, new: &Made, options: &[&str]) -> (i32, String, String) {
    let temp = tempfile::tempdir().expect("a folder");
    old.write(&temp.path().join("old"));
    new.write(&temp.path().join("new"));
    let mut command = Command::cargo_bin("stufpack").expect("the program");
    command.current_dir(temp.path()).args(["diff", "old", "new"]).args(options);
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn each_case_is_told_as_expected() {
    let bless = std::env::var_os("STUFPACK_BLESS").is_some();
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(Path::new(ROOT).join("schemas/diff.json")).expect("a schema"),
    )
    .expect("JSON");
    let mut failures = Vec::new();
    let mut cases = 0;
    for entry in walkdir::WalkDir::new(Path::new(ROOT).join("tests/diff")).min_depth(1).max_depth(1) {
        let folder = entry.expect("an entry").path().to_owned();
        let text = fs::read_to_string(folder.join("case.yaml")).expect("case.yaml");
        let case: Case =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let target = target_of(&case.example);
        let target = target.to_str().expect("a path");
        let old = Made::example(&case.example).with(&case.old);
        let base = if case.migrated {
            target::export(&old, Path::new(target))
        } else {
            Made::example(&case.example)
        };
        let new = base.with(&case.new);
        let mut options: Vec<&str> = case.options.iter().map(String::as_str).collect();
        if case.migrated {
            options.extend(["--target", target]);
        }
        let (code, stdout, stderr) = run(&old, &new, &options);
        // A printed command begins as the program was called.
        let stderr =
            stderr.replace(assert_cmd::cargo::cargo_bin("stufpack").to_str().expect("a path"), "stufpack");
        let found = format!("{stdout}{}exit {code}\n", if code == 3 { stderr } else { String::new() });
        let path = folder.join("expected.txt");
        if bless {
            fs::write(&path, &found).expect("written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            failures.push(format!("{}: expected\n{expected}\nfound\n{found}", folder.display()));
        }
        options.extend(["--format", "json"]);
        let (again, json, _) = run(&old, &new, &options);
        assert_eq!(again, code, "{}", folder.display());
        let json: Value = serde_json::from_str(&json).expect("one JSON document");
        if code != 3 {
            assert_eq!(schema::problems(&schema, &json), Vec::<String>::new(), "{}", folder.display());
            assert_eq!(json["equal"], code == 0, "{}", folder.display());
        }
        cases += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(cases >= 10, "{cases} cases");
}

#[test]
fn the_published_schema_is_current() {
    let path = Path::new(ROOT).join("schemas/diff.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(&path, stufpack::compare::schema()).expect("written");
    }
    assert_eq!(fs::read_to_string(path).expect("a schema"), stufpack::compare::schema());
}

/// Every field that an export can have, changed alone, is named alone.
#[test]
fn each_field_that_changes_is_named_and_nothing_else() {
    let base = fields::base();
    let old = Kept::of(&base);
    for field in fields::all() {
        let comparison = old.with(&Kept::of(&base.with(&field.edits)));
        assert_eq!(paths(&comparison), field.paths, "{}", field.name);
    }
}

#[test]
fn every_field_of_the_schema_has_a_case() {
    let known: std::collections::BTreeSet<String> = fields::of_schema();
    let cases: std::collections::BTreeSet<String> =
        fields::all().iter().flat_map(|field| field.name.split(' ')).map(str::to_owned).collect();
    let export = |names: &std::collections::BTreeSet<String>| -> Vec<String> {
        names.iter().filter(|name| !name.starts_with("realm")).cloned().collect()
    };
    assert_eq!(export(&cases), export(&known));
}

/// The ledger against what the package's own files say: each difference is explained, and there is no other.
#[test]
fn a_migration_and_an_export_of_its_target_differ_by_the_ledger_alone() {
    for example in ["harbour", "minimal"] {
        let old = Made::example(example);
        let new = target::export(&old, &target_of(example));
        let migration = Migration::of(&old, &target_of(example));
        let comparison = migration.with(&new);
        assert_eq!(comparison.counts.all(), 0, "{example}: {:#?}", comparison.differences);
        // Of harbour's files some have no digest, so that not everything was compared.
        assert_eq!((comparison.equal, comparison.is_whole()), (example == "minimal", example == "minimal"));
        assert!(comparison.explained.len() > 20, "{:#?}", comparison.explained);
        let by_rule = |rule: &'static str| {
            comparison.explained.iter().any(|explained| explained.why == Why::Transformed { rule })
        };
        for rule in ["address-to-domain", "store-to-garage", "redirect-uris-to-domain", "encryption-by-disk"]
        {
            assert!(by_rule(rule), "{example}: {rule}");
        }
        // Not being migrated is no round trip.
        assert!(!migration.with(&old).equal);
    }
}

/// One value changed at the target by hand is named, whichever it is, unless the ledger leaves it free.
#[test]
fn each_field_changed_at_the_target_is_named_and_nothing_else() {
    let target = Path::new(ROOT).join("examples/harbour/target.yaml");
    let old = fields::base();
    let new = target::export(&old, &target);
    let migration = Migration::of(&old, &target);
    for field in fields::all().iter().filter(|field| !field.at_source_alone) {
        let comparison = migration.with(&new.with(&field.edits));
        let expected: &[&str] = if field.free { &[] } else { &field.paths };
        assert_eq!(paths(&comparison), expected, "{}: {:#?}", field.name, comparison.differences);
    }
}

/// Fields that nobody can change at an installation so that an export of it would tell, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("metadata.exportedAt", "differs between any two exports"),
    ("metadata.exporter", "differs between any two exports"),
    ("spec.salt", "differs between any two exports"),
    ("metadata.installation", "the package that exports says it"),
    ("spec.storage.provider", "the package that exports says it"),
    ("spec.storage.bucket", "the package that exports says it"),
    ("spec.storage.region", "the package that exports says it"),
    ("spec.storage.versioning", "Garage keeps no earlier versions"),
    ("spec.notifications.sentry.dsn", "a credential, which no export holds"),
    ("realm.clients.secret", "a credential, which no export holds"),
    ("realm.smtpServer", "holds a credential; no export has it"),
    ("realm.users.requiredActions", "people do them; no export has it"),
    ("spec.content.changedPerDay", "nothing at an installation counts it"),
];

/// A change of `tests/ansible/changed_installation.py`.
#[derive(Deserialize)]
struct Changed {
    fields: Vec<String>,
    /// What has to be named, sorted.
    paths: Vec<String>,
    /// The finding by which an export with this change is refused.
    refused: String,
}

/// One value changed by hand where its consumer reads it, the installation exported by the real program: `diff` names it.
#[test]
fn each_value_changed_at_an_installation_is_named_by_its_exports_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(ROOT).join("tests/ansible/changed_installation.py");
    let done = std::process::Command::new("python3").arg("-B").arg(script).arg(folder.path()).output();
    let done = done.expect("python3 3.11 or newer is needed and was not found on PATH");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = fs::read_to_string(folder.path().join("changes.json")).expect("changes");
    let changes: Vec<Changed> = serde_json::from_str(&text).expect("JSON");

    for (number, change) in (1..).zip(&changes) {
        let mut command = Command::cargo_bin("stufpack").expect("the program");
        command.current_dir(folder.path()).args(["diff", "000", &format!("{number:03}"), "--format", "json"]);
        let output = command.output().expect("it runs");
        let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        let refused = !change.refused.is_empty();
        assert_eq!(output.status.code(), Some(if refused { 3 } else { 6 }), "{:?}: {told:#}", change.fields);
        let list = told[if refused { "findings" } else { "differences" }].as_array().expect("a list");
        let named = list.iter().filter(|one| !refused || one["severity"] == "error");
        let of = |one: &Value| if refused { one["at"]["path"].clone() } else { one["path"].clone() };
        let mut paths: Vec<Value> = named.clone().map(of).collect();
        paths.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        assert_eq!(paths, change.paths, "{:?}", change.fields);
        assert!(!refused || named.clone().all(|one| one["code"] == *change.refused), "{told:#}");
        // Files are compared by their bytes.
        assert!(refused || told["objects"]["without_digest"] == 0, "{told:#}");
    }

    let known = fields::all();
    let known: std::collections::BTreeSet<&str> =
        known.iter().flat_map(|field| field.name.split(' ')).collect();
    let tried = changes.iter().flat_map(|change| &change.fields).map(String::as_str);
    let tried: std::collections::BTreeSet<&str> =
        tried.filter(|field| *field != "content" && !field.starts_with("content.")).collect();
    let out_of_reach = OUT_OF_REACH.iter().map(|(field, _)| *field).collect();
    assert!(tried.is_disjoint(&out_of_reach));
    assert_eq!(&tried | &out_of_reach, known);
}

/// 500 users, and one of them may do more than before.
#[test]
fn one_permission_among_500_users_is_found() {
    let mut old = Made::example("minimal");
    for number in 2..=500 {
        let (id, email) = (format!("u-{number:03}"), format!("person-{number:03}@example.org"));
        old.export["spec"]["users"][&id] = json!({
            "email": email,
            "phone": format!("+49301{number:06}"),
            "name": format!("Person {number}"),
            "status": if number % 9 == 0 { "disabled" } else { "active" },
            "roles": ["project-participant"],
            "collections": { "reports": ["read"] },
        });
        old.realm["users"].as_array_mut().expect("users").push(json!({
            "username": email,
            "email": email,
            "firstName": "Person",
            "lastName": number.to_string(),
            "enabled": number % 9 != 0,
            "emailVerified": true,
            "realmRoles": ["project-participant", "default-roles-stuf"],
            "attributes": { "collections": ["{\"reports\":[\"read\"]}"] },
        }));
    }
    let target = target_of("minimal");
    let new = target::export(&old, &target);
    let migration = Migration::of(&old, &target);
    let comparison = migration.with(&new);
    assert!(comparison.equal, "{:#?}", comparison.differences);

    let more = [set("/spec/users/u-250/collections/reports", json!(["read", "write"]))];
    let comparison = migration.with(&new.with(&more));
    assert_eq!(paths(&comparison), ["spec.users.u-250.collections.reports[write]"]);
    assert_eq!(comparison.differences[0].class, Class::Identity);
}

/// The order of documents, lists and lines says nothing.
#[test]
fn order_and_form_mean_nothing() {
    let old = Made::example("harbour");
    let mut new = old.clone();
    for list in ["users", "clients", "clientScopes"] {
        new.realm[list].as_array_mut().expect("a list").reverse();
    }
    new.realm["roles"]["realm"].as_array_mut().expect("roles").reverse();
    for client in new.realm["clients"].as_array_mut().expect("clients") {
        client["id"] = "another".into();
    }
    let inventory = Path::new(ROOT).join("examples/harbour/export/inventory.csv");
    let mut lines = target::lines(&inventory, true, |_| {});
    lines.reverse();
    new.files.retain(|(name, _)| name != "inventory.csv");
    new.files.push(("inventory.jsonl".to_owned(), lines.concat().into_bytes()));

    let comparison = compare(&old, &new);
    assert_eq!(comparison.counts.all(), 0, "{:#?}", comparison.differences);
}

/// Names that look like paths, terminal codes and code are told apart, shown harmlessly, and break nothing.
#[test]
fn hostile_names_and_values_stay_apart_and_are_shown_harmlessly() {
    let client =
        |id: &str| json!({ "clientId": id, "publicClient": true, "redirectUris": ["https://a.example/*"] });
    let old = Made::example("minimal")
        .with(&[realm("/clients/-", client("a")), realm("/clients/-", client("a].webOrigins"))]);
    let new = Made::example("minimal").with(&[
        realm("/clients/-", client("a].webOrigins[b")),
        realm("/clients/-", client("\u{1b}[31mred\n\u{202e}olleh")),
        set("/spec/branding/title", "\u{1b}]0;title\u{7}\r\n{{ 7*7 }} $(id) </script>\u{200b}\u{e0041}\u{3164}\u{115f}\u{fe0f}\u{34f}"),
    ]);
    let comparison = compare(&old, &new);
    let changes: Vec<Change> = comparison.differences.iter().map(|difference| difference.change).collect();
    let count = |wanted| changes.iter().filter(|change| **change == wanted).count();
    assert_eq!(
        (count(Change::Removed), count(Change::Added), count(Change::Changed)),
        (2, 2, 1),
        "{comparison:#?}"
    );

    let (code, stdout, _) = run(&old, &new, &[]);
    assert_eq!(code, 6);
    let hides = |c: char| {
        (c.is_control() && c != '\n')
            || "\u{200b}\u{202e}\u{e0041}\u{3164}\u{115f}\u{fe0f}\u{34f}".contains(c)
    };
    assert!(!stdout.contains(hides), "{stdout:?}");
}

/// Neither text nor JSON shows what a field for secrets holds, nor a digest that could be guessed at.
#[test]
fn secrets_are_told_apart_and_never_shown() {
    let old = Made::example("harbour");
    let new = old.with(&[
        set("/spec/notifications/sentry/dsn", "https://0therkey0therkey0therkey@sentry.example.org/43"),
        realm("/clients/clientId=stuf-api/secret", "an0ther-secret-of-the-api-client"),
    ]);
    for options in [&[][..], &["--format", "json"]] {
        let (code, stdout, stderr) = run(&old, &new, options);
        assert_eq!(code, 6);
        assert!(stdout.contains("spec.notifications.sentry.dsn") && stdout.contains(".secret"), "{stdout}");
        for secret in ["0therkey", "an0ther-secret", "fakepublickey", "fake-"] {
            assert!(!stdout.contains(secret) && !stderr.contains(secret), "{secret}: {stdout}");
        }
        assert!(!stdout.contains("sha256:"), "{stdout}");
    }
}

/// Documents alone say nothing of the realm, so that they are equal in a part only.
#[test]
fn secrets_in_any_text_of_a_realm_are_told_apart_and_never_shown() {
    let url = "https://bo:Hunter2Geheim@intranet.acme.example/";
    let old = Made::example("harbour");
    let new = old.with(&[
        realm("/displayName", url),
        realm("/roles/realm/-", json!({ "name": format!("role of {url}"), "description": url })),
        realm("/clients/clientId=stuf-api/attributes", json!({ "note": url, url: "a" })),
    ]);
    for options in [&[][..], &["--format", "json"], &["--format", "html"]] {
        let (code, stdout, stderr) = run(&old, &new, options);
        assert_eq!(code, 6, "{stderr}");
        assert!(stdout.contains("realm.displayName") && stdout.contains("password in a URL"), "{stdout}");
        assert!(!stdout.contains("Hunter2") && !stderr.contains("Hunter2"), "{stdout}{stderr}");
    }
}

#[test]
fn what_neither_has_was_not_compared() {
    let temp = tempfile::tempdir().expect("a folder");
    fs::write(temp.path().join("export.json"), Made::example("minimal").export.to_string()).expect("written");
    let mut command = Command::cargo_bin("stufpack").expect("the program");
    let output = command.current_dir(temp.path()).args(["diff", "export.json", "export.json"]).output();
    let output = output.expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(7), "{text}");
    let end = "Not compared, since neither export has it: realm.json.\nNo difference in what was compared.\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn what_is_wrong_with_both_is_told_at_once() {
    let old = Made::example("minimal").with(&[set("/spec/storage/bucket", "No Bucket")]);
    let new = Made::example("minimal").with(&[set("/spec/hostedUrl", 7)]);
    let (code, stdout, stderr) = run(&old, &new, &[]);
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("old/export.json") && stderr.contains("new/export.json"), "{stderr}");
}

/// Twice the same, whatever surrounds it; and a limit that hides differences still counts them.
#[test]
fn the_result_is_the_same_every_time_and_counts_what_it_does_not_list() {
    let old = Made::example("harbour");
    let new = old.with(&[
        Edit { file: "inventory.csv".to_owned(), at: String::new(), value: None, remove: true },
        set("/spec/content/objects", 0),
        set("/spec/content/bytes", 0),
    ]);
    let (code, all, _) = run(&old, &new, &["--format", "json"]);
    assert_eq!((code, all.clone()), {
        let (code, again, _) = run(&old, &new, &["--format", "json"]);
        (code, again)
    });
    let (code, few, _) = run(&old, &new, &["--format", "json", "--objects", "3"]);
    assert_eq!(code, 6);
    let (all, few): (Value, Value) =
        (serde_json::from_str(&all).expect("JSON"), serde_json::from_str(&few).expect("JSON"));
    assert_eq!(all["counts"], few["counts"]);
    assert_eq!((&few["objects"]["removed"], &few["objects"]["not_listed"]), (&json!(384), &json!(381)));
    assert_eq!(few["differences"].as_array().map(Vec::len), Some(5));
}

fn mirrored(comparison: &Comparison) -> Vec<(String, Class, String)> {
    let told = comparison.differences.iter().map(|difference| {
        let (old, new) = (&difference.new, &difference.old);
        let change = match difference.change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            other => other,
        };
        (difference.path.clone(), difference.class, format!("{change:?} {old:?} {new:?}"))
    });
    told.collect()
}

fn told(comparison: &Comparison) -> Vec<(String, Class, String)> {
    let told = comparison.differences.iter().map(|difference| {
        let values = format!("{:?} {:?} {:?}", difference.change, difference.old, difference.new);
        (difference.path.clone(), difference.class, values)
    });
    told.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing differs from itself, and what differs does so both ways.
    #[test]
    fn a_comparison_is_a_mirror(picks in prop::collection::vec(any::<(bool, bool)>(), fields::all().len())) {
        let base = fields::base();
        let pick = |which: fn(&(bool, bool)) -> bool| {
            let fields = fields::all();
            let picked = fields.iter().zip(&picks).filter(|(field, pick)| which(pick) && field.alone);
            base.with(&picked.flat_map(|(field, _)| field.edits.clone()).collect::<Vec<_>>())
        };
        let (a, b) = (pick(|pick| pick.0), pick(|pick| pick.1));
        let (one, other) = (Kept::of(&a), Kept::of(&b));
        prop_assert_eq!(one.with(&one).counts.all(), 0);
        let (forth, back) = (one.with(&other), other.with(&one));
        prop_assert_eq!(told(&forth), mirrored(&back));
        prop_assert_eq!(&forth.counts, &back.counts);
        let differs = picks.iter().zip(fields::all()).any(|(pick, field)| {
            field.alone && pick.0 != pick.1 && !field.paths.is_empty()
        });
        prop_assert_eq!(forth.counts.all() > 0, differs);
    }
}
