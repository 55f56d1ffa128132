//! What `stufpack inspect` promises: everything that a package holds, needs, does and costs, and nothing before it is verified.
//!
//! `STUFPACK_BLESS=1 cargo test --test inspect` rewrites expectations and the schema; read the difference before it is
//! committed.

mod compiled;
mod packages;
#[path = "plan/schema.rs"]
mod schema;

use compiled::{Desk, ROOT, expect, without_digests};
use serde_json::Value;
use std::path::Path;
use stufpack::model::{File, Kind};
use stufpack::show;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("one JSON document")
}

fn published() -> Value {
    json(&std::fs::read_to_string(Path::new(ROOT).join("schemas/inspect.json")).expect("a schema"))
}

#[test]
fn the_published_schema_is_current() {
    let path = Path::new(ROOT).join("schemas/inspect.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(&path, show::schema()).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("a schema"), show::schema());
}

/// Numbers and digests of the code change with every version of it; they are held against the package, and left out here.
fn stable(text: &str, told: &Value) -> String {
    let contents = &told["contents"];
    let mut folders = contents["folders"].as_array().expect("folders").iter();
    let infrastructure = folders.find(|folder| folder["path"] == "infrastructure").expect("a folder");
    let of_all = format!("{} with {}:", contents["files"], figure(&contents["bytes"]));
    let text = text.replace(&of_all, "… with …:");
    let text =
        text.replace(&format!("{} in infrastructure/", infrastructure["files"]), "… in infrastructure/");
    let text = text.replace(
        &format!("{} files, as this version", contents["code"]["files"]),
        "… files, as this version",
    );
    without_digests(&text)
}

fn figure(bytes: &Value) -> String {
    stufpack::plan::figures::bytes(bytes.as_u64().expect("a number"))
}

fn stable_json(told: &Value) -> String {
    let mut told = told.clone();
    for place in ["/contents/files", "/contents/bytes", "/contents/code/files"] {
        *told.pointer_mut(place).expect(place) = "…".into();
    }
    for folder in told["contents"]["folders"].as_array_mut().expect("folders") {
        if folder["path"] == "infrastructure" {
            folder["files"] = "…".into();
        }
        folder["bytes"] = "…".into();
    }
    without_digests(&format!("{told:#}\n"))
}

#[test]
fn the_examples_are_told_as_expected() {
    for example in ["harbour", "minimal", "acme"] {
        let desk = Desk::new();
        let package = desk.example(example);

        let text = desk.looking("inspect", &[&package], &[]);
        assert_eq!((text.code, text.stderr.as_str()), (0, ""));
        let told = desk.looking("inspect", &[&package], &["--format", "json"]);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        let told = json(&told.stdout);

        assert_eq!(schema::problems(&published(), &told), Vec::<String>::new());
        let verified = desk.open(&package);
        let (files, manifest) = (verified.package.files(), verified.package.manifest());
        let code = files.values().filter(|file| file.kind == Kind::Code).count();
        let contents = &told["contents"];
        assert_eq!(contents["files"], files.len());
        assert_eq!(contents["bytes"], files.values().map(|file| file.bytes.len()).sum::<usize>());
        assert_eq!(contents["code"]["files"], code);
        assert_eq!(contents["code"]["of_this_version"], true);
        assert_eq!(contents["code"]["digest"], manifest.code.digest.to_string());
        assert_eq!(contents["data"]["digest"], manifest.data.digest.to_string());
        assert_eq!(told["package"]["sha256"], verified.package.sha256().to_string());

        expect(&format!("inspect/{example}.txt"), &stable(&text.stdout, &told));
        expect(&format!("inspect/{example}.json"), &stable_json(&told));

        // It is the same package in another form.
        let unpacked = desk.looking("unpack", &[&package, "tree"], &[]);
        assert_eq!(unpacked.code, 0, "{}", unpacked.stderr);
        assert_eq!(desk.looking("inspect", &["tree"], &[]).stdout, text.stdout);
    }
}

/// A phase that only begins to wait in its midst is told to wait too, by text and page, as the JSON does.
#[test]
fn a_phase_that_waits_in_its_midst_is_told_to_wait() {
    let desk = Desk::new();
    let package = desk.example("acme");
    for format in ["text", "html"] {
        let told = desk.looking("inspect", &[&package], &["--format", format]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let waits = ", waits for approve-provision before provision/apply-plan";
        assert_eq!(told.stdout.matches(waits).count(), 1, "{}", told.stdout);
    }
    let told = json(&desk.looking("inspect", &[&package], &["--format", "json"]).stdout);
    let gates = told["gates"].as_array().expect("gates");
    let before = |gate: &Value| (gate["id"].clone(), gate["before"].clone());
    assert!(
        gates
            .iter()
            .map(before)
            .any(|gate| gate == ("approve-provision".into(), "provision/apply-plan".into()))
    );
}

/// One byte of a document is another one: not a word of the package is shown.
#[test]
fn nothing_is_shown_of_a_package_that_is_not_verified() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    assert_eq!(desk.looking("unpack", &[&package, "tree"], &[]).code, 0);
    let readme = desk.path("tree/README.md");
    let text = std::fs::read_to_string(&readme).expect("text").replacen("Minimal", "Maximal", 1);
    std::fs::write(&readme, text).expect("written");

    for format in ["text", "json"] {
        let told = desk.looking("inspect", &["tree"], &["--format", format]);
        assert_eq!(told.code, 4, "{}", told.stderr);
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(all.contains("README.md"), "{all}");
        assert!(!all.contains("files.minimal.example") && !all.contains("preflight"), "{all}");
    }
    // Without anybody to trust there is nothing to verify with.
    assert_eq!(desk.stufpack(&["inspect", &package]).code, 2);
}

/// A provider's own files are code as everyone's are: another one of them is of another version, and so is one more.
#[test]
fn a_providers_own_code_is_of_this_version_or_of_another() {
    let desk = Desk::new();
    let package = desk.example("acme");
    let change = |name: &str, path: &str, text: &str| {
        let other = desk.changed(&package, name, |files, _| {
            let text = std::borrow::Cow::Owned(text.as_bytes().to_vec());
            files.insert(path.to_owned(), File { kind: Kind::Code, ..File::document(text) });
        });
        desk.looking("inspect", &[&other], &[])
    };
    for told in [
        change("changed.zip", "infrastructure/terraform/main.tf", "FAKE\n"),
        change("more.zip", "infrastructure/terraform/other.tf", "FAKE\n"),
    ] {
        assert_eq!(told.code, 0, "{}", told.stderr);
        assert!(told.stdout.contains(", of another version of stufpack than this one\n"), "{}", told.stdout);
    }
}

#[test]
fn an_expired_package_is_shown_and_says_so() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let told = desk.stufpack(&["inspect", &package, "--signers", "signers", "--at", "2027-11-25T12:00:00Z"]);
    assert_eq!(told.code, 0);
    assert!(told.stderr.starts_with("warning[package.expired]"), "{}", told.stderr);
    assert!(
        told.stdout.contains("  validity        EXPIRED on 2026-12-19T21:04:00Z: whole,"),
        "{}",
        told.stdout
    );
}

/// What a later version writes is not guessed at, and no word of it gets into the message.
#[test]
fn a_plan_of_another_form_is_refused_by_its_place() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let other = desk.changed(&package, "other.zip", |files, details| {
        files.insert("MIGRATION-PLAN.json".to_owned(), File::document("{\n  \"plan\": \"FAKE\"\n}\n"));
        details.tool.version = "9.9.9".to_owned();
    });
    let told = desk.looking("inspect", &[&other], &[]);
    assert_eq!((told.code, told.stdout.as_str()), (1, ""));
    assert_eq!(
        told.stderr,
        "error[show]: MIGRATION-PLAN.json of this package is what its signer made, and is not written as this version of \
         stufpack reads it (line 2, column 16)\nnext: use stufpack 9.9.9, which made it\n"
    );
}

/// Titles that steer a terminal or pass for another line come out as text on one line.
#[test]
fn hostile_texts_are_shown_harmlessly() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let hostile = "\u{1b}[2J\u{202e}olleh\u{7}\r\n  forged\n";
    let other = desk.changed(&package, "other.zip", |files, details| {
        let mut plan: Value = serde_json::from_slice(&files["MIGRATION-PLAN.json"].bytes).expect("JSON");
        plan["phases"][0]["title"] = hostile.into();
        plan["phases"][0]["steps"][0]["title"] = hostile.into();
        plan["plan"]["domain"] = hostile.into();
        files.insert("MIGRATION-PLAN.json".to_owned(), File::document(plan.to_string()));
        details.secrets[0].purpose = hostile.to_owned();
    });
    let told = desk.looking("inspect", &[&other], &[]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let plain = desk.looking("inspect", &[&package], &[]);
    assert_eq!(told.stdout.lines().count(), plain.stdout.lines().count());
    let hides = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!told.stdout.contains(hides), "{:?}", told.stdout);
    assert_eq!(told.stdout.matches("\\u{1b}[2J\\u{202e}olleh\\u{7}\\u{d}\\n  forged\\n").count(), 4);
}

/// A kit is no package, and says what it is.
#[test]
fn a_source_kit_is_refused() {
    let desk = Desk::new();
    let made = desk.stufpack(&["kit", "source", "--out", "kit", "--sign-key", "key"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let told = desk.looking("inspect", &[&desk.zip_in("kit")], &[]);
    assert_eq!((told.code, told.stdout.as_str()), (4, ""), "{}", told.stderr);
}

/// Every title, name and value of the package stands on its page as text, and nothing in it is markup.
#[test]
fn a_page_holds_hostile_texts_as_text() {
    let desk = Desk::new();
    let package = desk.example("minimal");
    let hostile = "</td><script>alert(1)</script><img src=x onerror=\"alert('2')\">\u{202e}{{ 7*7 }}";
    let other = desk.changed(&package, "other.zip", |files, details| {
        let mut plan: Value = serde_json::from_slice(&files["MIGRATION-PLAN.json"].bytes).expect("JSON");
        plan["phases"][0]["title"] = hostile.into();
        plan["phases"][0]["steps"][0]["title"] = hostile.into();
        plan["plan"]["domain"] = hostile.into();
        files.insert("MIGRATION-PLAN.json".to_owned(), File::document(plan.to_string()));
        details.secrets[0].purpose = hostile.to_owned();
    });
    let page = desk.looking("inspect", &[&other], &["--format", "html"]);
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    let escaped = "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;2&#39;)&quot;&gt;\\u{202e}{{ 7*7 }}";
    assert_eq!(page.stdout.matches(escaped).count(), 4, "{}", page.stdout);
    assert!(!page.stdout.contains("<script") && !page.stdout.contains("<img"), "{}", page.stdout);
    assert!(!page.stdout.contains('\u{202e}'));

    // Whatever the text tells of the package stands on its page too.
    let told = desk.looking("inspect", &[&package], &["--format", "json"]);
    let told = json(&told.stdout);
    let page = desk.looking("inspect", &[&package], &["--format", "html"]).stdout;
    for phase in told["phases"].as_array().expect("phases") {
        for one in phase["steps"].as_array().expect("steps").iter().chain([phase]) {
            let title = one["title"].as_str().expect("a title").replace('\'', "&#39;");
            assert!(page.contains(&title), "{title}");
        }
    }
    for place in ["/package/fingerprint", "/package/sha256", "/contents/code/digest", "/contents/data/digest"]
    {
        assert!(page.contains(told.pointer(place).and_then(Value::as_str).expect(place)), "{place}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
}
