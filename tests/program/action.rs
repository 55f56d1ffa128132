//! The GitHub action, run as a runner runs it: each step's script by bash, inputs by the environment alone.

use crate::workspace::{AT, Workspace};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

fn action() -> Value {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).expect("action.yml");
    serde_yaml::from_str(&text).expect("YAML")
}

fn steps(action: &Value) -> &Vec<Value> {
    action["runs"]["steps"].as_array().expect("steps")
}

/// What a job sees of the action.
struct Job {
    code: i32,
    log: String,
    summary: String,
    outputs: BTreeMap<String, String>,
}

/// Runs the action in a workspace; what stands in `path` comes first on PATH.
fn job(here: &Workspace, path: &str, inputs: &[(&str, &str)]) -> Job {
    let action = action();
    let mut values = BTreeMap::new();
    for (name, input) in action["inputs"].as_object().expect("inputs") {
        let given = inputs.iter().find(|(given, _)| given == name).map(|(_, value)| (*value).to_owned());
        let value = given.or_else(|| input["default"].as_str().map(str::to_owned));
        values.insert(format!("inputs.{name}"), value.expect("an input without a default has to be given"));
    }
    assert!(inputs.iter().all(|(name, _)| values.contains_key(&format!("inputs.{name}"))), "{inputs:?}");
    fs::create_dir_all(here.path("temp")).expect("a folder");
    here.write("summary", "");
    let (mut code, mut log) = (0, String::new());
    for step in steps(&action) {
        here.write("step.sh", step["run"].as_str().expect("a script"));
        here.write("output", "");
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(here.path("step.sh"));
        bash.current_dir(here.path(".")).env_clear();
        bash.env("PATH", format!("{}:/usr/bin:/bin", here.path(path).display()));
        bash.env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"));
        for (variable, file) in
            [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary"), ("RUNNER_TEMP", "temp")]
        {
            bash.env(variable, here.path(file));
        }
        for (variable, expression) in step["env"].as_object().expect("the step's environment") {
            bash.env(variable, evaluated(expression.as_str().expect("an expression"), &values));
        }
        let done = bash.output().expect("bash");
        log.push_str(&String::from_utf8_lossy(&done.stdout));
        log.push_str(&String::from_utf8_lossy(&done.stderr));
        let id = step["id"].as_str().expect("an id");
        for line in here.read("output").lines() {
            let (name, value) = line.split_once('=').expect("an output");
            values.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        code = done.status.code().expect("an exit code");
        if code != 0 {
            break;
        }
    }
    let outputs = action["outputs"].as_object().expect("outputs").iter();
    let outputs = outputs
        .map(|(name, output)| (name.clone(), evaluated(output["value"].as_str().expect("a value"), &values)))
        .collect();
    Job { code, log, summary: here.read("summary"), outputs }
}

/// What `${{ name }}` stands for; nothing else may be an expression, and a step that did not run has no outputs.
fn evaluated(expression: &str, values: &BTreeMap<String, String>) -> String {
    let name = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
    let name = name.unwrap_or_else(|| panic!("{expression} is not one plain expression"));
    match values.get(name) {
        Some(value) => value.clone(),
        None if name.starts_with("steps.") => String::new(),
        None => panic!("{name} is not known"),
    }
}

/// A workspace with a package, its signers, and the program in the folder `bin`.
fn workspace() -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    here.stufpack("compile input/export --target input/target.yaml --out out --sign-key key").exits_with(0);
    fs::create_dir(here.path("bin")).expect("a folder");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("stufpack"), here.path("bin/stufpack"))
        .expect("a link");
    here
}

const PACKAGE: &str = "out/minimal-staging-hosted-to-self-host-1.zip";

fn report(job: &Job) -> Value {
    serde_json::from_slice(&fs::read(&job.outputs["report"]).expect("the report")).expect("JSON")
}

#[test]
fn a_good_package_passes_with_report_and_summary() {
    let here = workspace();
    let job =
        job(&here, "bin", &[("command", "verify"), ("package", PACKAGE), ("signers", "signers"), ("at", AT)]);
    assert_eq!((job.code, &*job.outputs["exit-code"]), (0, "0"), "{}", job.log);
    assert_eq!(report(&job)["verified"], true);
    assert!(
        job.summary.starts_with("stufpack verify ended with 0\n\n    Verified: minimal-"),
        "{}",
        job.summary
    );
}

#[test]
fn a_changed_package_fails_the_job_and_says_so_in_the_report() {
    let here = workspace();
    let mut bytes = fs::read(here.path(PACKAGE)).expect("the package");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(here.path(PACKAGE), bytes).expect("written");
    let job =
        job(&here, "bin", &[("command", "verify"), ("package", PACKAGE), ("signers", "signers"), ("at", AT)]);
    assert_eq!((job.code, &*job.outputs["exit-code"]), (4, "4"), "{}", job.log);
    assert!(job.log.ends_with("::error title=stufpack::stufpack verify ended with 4.\n"), "{}", job.log);
    assert!(report(&job)["verified"] != true);
}

#[test]
fn different_exports_fail_the_job_unless_that_is_allowed_and_are_shown_only_on_request() {
    let here = workspace();
    here.plain_example("minimal", "other");
    let text = here.read("other/export/export.yaml");
    let line = text.lines().find(|line| line.trim_start().starts_with("description:")).expect("a line");
    let indent = &line[..line.find('d').expect("a key")];
    here.write(
        "other/export/export.yaml",
        &text.replacen(line, &format!("{indent}description: \"::set-output name=a::b\""), 1),
    );
    let inputs = [("command", "diff"), ("old", "input/export"), ("new", "other/export")];

    let refused = job(&here, "bin", &inputs);
    assert_eq!((refused.code, &*refused.outputs["exit-code"]), (6, "6"), "{}", refused.log);
    assert!(
        !refused.log.contains("set-output") && !refused.summary.contains("set-output"),
        "{}",
        refused.log
    );
    assert!(report(&refused).to_string().contains("set-output"));

    let allowed = job(&here, "bin", &[&inputs[..], &[("allow", "6"), ("show", "true")]].concat());
    assert_eq!((allowed.code, &*allowed.outputs["exit-code"]), (0, "6"), "{}", allowed.log);
    // The runner obeys nothing of what stands between the two.
    let (_, quiet) = allowed.log.split_once("::stop-commands::").expect("no commands from here");
    let (token, quiet) = quiet.split_once('\n').expect("a token");
    let (shown, after) = quiet.split_once(&format!("::{token}::\n")).expect("commands again");
    assert!(token.len() == 32 && shown.contains("set-output") && after.is_empty(), "{}", allowed.log);

    let same = [("command", "diff"), ("old", "input/export"), ("new", "input/export")];
    assert_eq!(job(&here, "bin", &same).code, 0);
}

/// Why it came to no comparison is told, and of what stands in the exports nothing.
#[test]
fn a_diff_that_could_not_begin_says_what_stopped_it_and_where_without_a_value() {
    let here = workspace();
    here.plain_example("minimal", "other");
    here.edit("other/export/export.yaml", "spec:\n", "spec:\n  ada@example.com: 1\n");
    let inputs = [("command", "diff"), ("old", "input/export"), ("new", "other/export")];
    let quiet = job(&here, "bin", &inputs);
    assert_eq!((quiet.code, &*quiet.outputs["exit-code"]), (3, "3"), "{}", quiet.log);
    let told = "error[key.unknown]\n  at other/export/export.yaml:10:3\n";
    assert!(quiet.log.contains(told), "{}", quiet.log);
    assert!(quiet.summary.contains("    error[key.unknown]\n"), "{}", quiet.summary);
    assert!(!quiet.log.contains("ada@") && !quiet.summary.contains("ada@"), "{}", quiet.log);

    let shown = job(&here, "bin", &[&inputs[..], &[("show", "true")]].concat());
    assert!(shown.code == 3 && shown.log.contains("ada@"), "{}", shown.log);
}

/// What a workflow gets from elsewhere, such as the name of a file in a pull request, is never more than a word.
#[test]
fn an_input_is_a_word_whatever_stands_in_it() {
    let here = workspace();
    for hostile in ["$(touch broken) `touch broken`; touch broken", "--help", "a\"; touch broken; \"", "-"] {
        let inputs = [("command", "verify"), ("package", hostile), ("signers", "signers")];
        let told = job(&here, "bin", &inputs);
        assert!(told.code != 0, "{hostile}: {}", told.log);
        let inputs = [("command", hostile), ("package", PACKAGE), ("signers", "signers")];
        assert_eq!(job(&here, "bin", &inputs).code, 2, "{hostile}");
    }
    assert!(!here.path("broken").exists());
    fs::copy(here.path(PACKAGE), here.path("-a package.zip")).expect("copied");
    let inputs = [("command", "verify"), ("package", "-a package.zip"), ("signers", "signers"), ("at", AT)];
    assert_eq!(job(&here, "bin", &inputs).code, 0);
}

#[test]
fn without_a_program_it_is_built_from_the_commit_that_the_workflow_pins() {
    let here = workspace();
    fs::create_dir(here.path("rust")).expect("a folder");
    // Stands for Cargo: takes down where it runs, which decides whose toolchain and settings it obeys, and what is asked
    // of it; and brings the program.
    here.write(
        "rust/cargo",
        &format!(
            "#!/bin/sh\nprintf '%s\\n' \"$PWD\" \"$@\" >{0}/asked\nmkdir -p \"$7/bin\"\ncp {0}/bin/stufpack \"$7/bin/\"\n",
            here.path(".").display()
        ),
    );
    make_executable(&here, "rust/cargo");
    let inputs = [("command", "verify"), ("package", PACKAGE), ("signers", "signers"), ("at", AT)];
    let built = job(&here, "rust", &inputs);
    assert_eq!(built.code, 0, "{}", built.log);
    let root = here.path("temp/stufpack").display().to_string();
    let pinned = env!("CARGO_MANIFEST_DIR");
    let asked = [pinned, "install", "--quiet", "--locked", "--path", ".", "--root", &root];
    assert_eq!(here.read("asked").lines().collect::<Vec<_>>(), asked);

    let program = here.path("bin/stufpack").display().to_string();
    let named = job(&here, "rust", &[&inputs[..], &[("program", &*program)]].concat());
    assert_eq!(named.code, 0, "{}", named.log);
}

fn make_executable(here: &Workspace, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(here.path(name), fs::Permissions::from_mode(0o755)).expect("set");
}

/// An expression inside a script would be pasted into it; and each script passes shellcheck.
#[test]
fn no_script_holds_an_expression_and_each_passes_shellcheck() {
    let here = Workspace::new();
    for step in steps(&action()) {
        let script = step["run"].as_str().expect("a script");
        assert!(!script.contains("${{"), "{script}");
        assert_eq!(step["shell"], "bash");
        here.write("step.sh", script);
        let judged = Command::new("shellcheck").args(["--shell=bash"]).arg(here.path("step.sh")).output();
        let judged = judged.expect("shellcheck is needed");
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    }
}
