//! What the program promises to whoever types its commands.

use crate::workspace::{AT, Workspace, run};
use std::fs;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";

fn with_example(example: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.example(example, "input");
    workspace
}

#[test]
fn a_usable_input_has_no_errors_and_check_writes_nothing() {
    for example in ["minimal", "harbour"] {
        let here = with_example(example);
        here.stufpack("check input/export --target input/target.yaml").exits_with(0);
        assert_eq!(here.names("."), ["input", "key", "key.pub", "signers"]);
    }
}

#[test]
fn every_finding_comes_as_one_json_document_too() {
    let here = with_example("minimal");
    here.edit("input/target.yaml", "environment:", "enviroment:");

    let told = here.stufpack("check input/export --target input/target.yaml --format json").exits_with(3);

    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("one JSON document");
    let findings = report["findings"].as_array().expect("findings");
    assert!(findings.len() >= 2, "the unknown key and the missing one: {report}");
    assert!(findings.iter().all(|finding| finding["at"]["line"].as_u64().is_some()));
}

#[test]
fn a_package_is_compiled_verified_and_unpacked() {
    let here = with_example("harbour");
    here.stufpack(COMPILE).exits_with(0);
    let names = here.names("out");
    assert_eq!(names, ["VERIFY.txt", "harbour-production-hosted-to-self-host-1.zip"]);

    let package = format!("out/{}", names[1]);
    here.stufpack(&format!("verify {package} --signers signers --at {AT}")).exits_with(0);
    here.stufpack(&format!("unpack {package} tree --signers signers --at {AT}")).exits_with(0);
    here.stufpack(&format!("verify tree --signers signers --at {AT}")).exits_with(0);
    here.stufpack(&format!("unpack {package} tree --signers signers --at {AT}")).exits_with(1);
}

#[test]
fn the_same_input_gives_the_same_bytes_anywhere() {
    let here = with_example("harbour");
    here.stufpack(COMPILE).exits_with(0);
    let package = "harbour-production-hosted-to-self-host-1.zip";
    let first = fs::read(here.path("out").join(package)).expect("a package");

    fs::rename(here.path("input"), here.path("another folder")).expect("a rename");
    let mut command = here.command("compile");
    command.arg("another folder/export").arg("--target").arg("another folder/target.yaml");
    command.args(["--out", "elsewhere", "--sign-key", "key"]);
    command.env("TZ", "Pacific/Chatham").env("LC_ALL", "tr_TR.UTF-8").env("RAYON_NUM_THREADS", "1");
    run(command).exits_with(0);

    assert!(first == fs::read(here.path("elsewhere").join(package)).expect("a package"));
}

#[test]
fn what_stands_in_the_output_folder_is_not_overwritten() {
    let here = with_example("minimal");
    here.stufpack(COMPILE).exits_with(0);
    let again = here.stufpack(COMPILE).exits_with(0);
    assert!(again.stdout.contains("unchanged"), "{}", again.stdout);

    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.write(&format!("out/{package}"), "something else");
    let refused = here.stufpack(COMPILE).exits_with(1);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(here.read(&format!("out/{package}")), "something else");
    here.stufpack(&format!("{COMPILE} --force")).exits_with(0);
}

#[test]
fn s01_a_key_in_a_text_is_refused_with_its_place_and_never_printed() {
    let secret = "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAAFAKEFAKEFAKE\\n-----END OPENSSH PRIVATE KEY-----";
    let here = with_example("minimal");
    let text = here.read("input/export/export.yaml");
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("description:"))
        .expect("a description")
        .to_owned();
    let indent = &line[..line.find('d').unwrap_or(0)];
    here.write(
        "input/export/export.yaml",
        &text.replacen(&line, &format!("{indent}description: \"{secret}\""), 1),
    );

    let told = here.stufpack(COMPILE).exits_with(5);

    assert!(told.stderr.contains("export.yaml:"), "{}", told.stderr);
    assert!(!told.stderr.contains("FAKEFAKE") && !told.stdout.contains("FAKEFAKE"), "{}", told.stderr);
    assert!(!here.path("out").exists(), "nothing is left behind");
}

#[test]
fn a_needed_option_that_is_missing_is_a_usage_error() {
    let here = with_example("minimal");
    here.stufpack("compile input/export --target input/target.yaml --out out").exits_with(2);
    here.stufpack(&format!("{COMPILE} --glass stuf-minimal")).exits_with(2);
    here.stufpack("plan input/export --target input/target.yaml --format pdf").exits_with(2);
    here.stufpack("verify package.zip").exits_with(2);
    here.stufpack("").exits_with(2);
}

/// Who reads the plan before anything is signed reads what the package will hold.
#[test]
fn the_plan_is_printed_in_each_form_as_the_package_holds_it() {
    let here = with_example("minimal");
    here.stufpack(COMPILE).exits_with(0);
    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.stufpack(&format!("unpack out/{package} tree --signers signers --at {AT}")).exits_with(0);
    let printed = |format: &str| {
        let typed = format!("plan input/export --target input/target.yaml {format}");
        here.stufpack(&typed).exits_with(0).stdout
    };
    for (format, name) in [("", "md"), ("--format html", "html"), ("--format json", "json")] {
        assert!(printed(format) == here.read(&format!("tree/MIGRATION-PLAN.{name}")), "{name}");
    }
}

#[test]
fn a_changed_byte_is_named_with_its_file() {
    let here = with_example("minimal");
    here.stufpack(COMPILE).exits_with(0);
    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.stufpack(&format!("unpack out/{package} tree --signers signers --at {AT}")).exits_with(0);
    let plan = walkdir::WalkDir::new(here.path("tree"))
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name() == "MIGRATION-PLAN.md")
        .expect("a plan")
        .into_path();
    let changed = fs::read_to_string(&plan).expect("text").replacen('a', "b", 1);
    fs::write(&plan, changed).expect("a change");

    let told = here.stufpack(&format!("verify tree --signers signers --at {AT}")).exits_with(4);

    assert!(told.stderr.contains("MIGRATION-PLAN.md"), "{}", told.stderr);
}

#[test]
fn a_glass_tells_the_package_and_proves_it_with_a_pin() {
    let here = with_example("harbour");
    let mut init = here.command("glass init stuf-harbour --sign-key key --signers signers");
    init.env("SOURCE_DATE_EPOCH", "1795111200");
    let root = run(init).exits_with(0).stdout;
    let root = root
        .split("root ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a root")
        .to_owned();
    let record = format!("{COMPILE} --glass stuf-harbour --signers signers --ticket STUF-7");
    here.stufpack(&record).exits_with(0);
    let again = here.stufpack(&record).exits_with(0);
    assert!(again.stdout.contains("recorded before"), "{}", again.stdout);

    let log = here.stufpack("glass log stuf-harbour").exits_with(0).stdout;
    assert!(log.contains("STUF-7"), "{log}");
    let verify = "glass verify stuf-harbour --signers signers --at 2026-11-21T12:00:00Z";
    here.stufpack(verify).exits_with(4);
    here.stufpack(&format!("{verify} --pin {root} --last-seen {root}")).exits_with(0);
}

#[test]
fn a_target_to_begin_with_and_the_schemas_are_printed() {
    let here = Workspace::new();
    let target = here.stufpack("target init").exits_with(0).stdout;
    assert!(target.contains("kind: StufTarget"));
    for name in ["export", "target", "manifest", "plan", "operation"] {
        let text = here.stufpack(&format!("schema {name}")).exits_with(0).stdout;
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    here.stufpack("completions bash").exits_with(0);
}

#[test]
fn the_reference_is_current() {
    let committed = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md"))
        .expect("docs/reference.md");
    assert_eq!(committed, stufpack::cli::reference::markdown(), "run make golden");
}

/// A full disk behind standard output: one message, whatever was to be written, and never an exit of 0.
#[test]
fn what_cannot_be_written_out_is_told_in_one_way() {
    let here = with_example("minimal");
    let program = assert_cmd::cargo::cargo_bin("stufpack");
    for line in [
        "--help",
        "--version",
        "glass --help",
        "schema plan",
        "check input/export --target input/target.yaml",
        "check input/export --target input/target.yaml --format json",
        "check input/export --target input/export/export.yaml --format json",
        "check nowhere --format json",
        "compile input/export --format json",
        "verify input --signers signers --format json",
        COMPILE,
    ] {
        let mut shell = assert_cmd::Command::new("sh");
        shell.current_dir(here.path(".")).args(["-c", &format!("'{}' {line} >/dev/full", program.display())]);
        let told = run(shell).exits_with(1);
        let expected = "error[output]: standard output could not be written, so what the command tells is lost; \
                        what it made or recorded stands\n  because: No space left on device (os error 28)\n\
                        next: repeat the command with an output that has room\n";
        assert!(told.stderr.ends_with(expected), "{line}: {}", told.stderr);
    }
    assert_eq!(here.names("out").len(), 2, "the package stands");
    let closed = format!("'{}' --help | true", program.display());
    let mut shell = assert_cmd::Command::new("bash");
    shell.args(["-o", "pipefail", "-c", &closed]);
    assert_eq!(run(shell).exits_with(0).stderr, "");
}
