//! What a comment tells of two states of a glass, whatever a package says of itself.

use super::{SHIPPED, git};
use crate::workspace::{Workspace, run};
use std::fs;
use std::path::{Path, PathBuf};

const ROLE: &str = "infrastructure/ansible/roles/baseline/tasks/set_firewall.yml";
const CODE: &[&str] = &["infrastructure/controller/run.py", ROLE];

/// A repository whose commits are states of a glass; none of them is signed, which the comment does not ask.
struct States {
    _here: Workspace,
    folder: PathBuf,
}

impl States {
    fn new() -> Self {
        let here = Workspace::new();
        let folder = here.path("glass");
        fs::create_dir_all(&folder).expect("a folder");
        git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        Self { _here: here, folder }
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }

    /// The manifest of package `name`. It tells one and the same digest for all code, as an issuer can.
    fn manifest(&self, name: &str, code: &[&str]) {
        let files = code.iter().map(|path| format!("\n      \"{path}\"")).collect::<Vec<_>>().join(",");
        let digest = "a".repeat(64);
        self.write(
            "manifest.json",
            &format!(
                "{{\n  \"package\": {{\n    \"name\": \"{name}\",\n    \"number\": 1\n  }},\n  \"code\": {{\n    \
                 \"digest\": \"sha256:{digest}\",\n    \"files\": [{files}\n    ]\n  }}\n}}\n"
            ),
        );
    }

    /// The state of a first package.
    fn first(&self) -> String {
        self.manifest("p-1", CODE);
        CODE.iter().for_each(|path| self.write(path, "code\n"));
        self.write("configuration/text.json", "{}\n");
        self.write("infrastructure/compose/.env", "A=b\n");
        self.write("MIGRATION-PLAN.json", "{\n  \"command\": \"./migrate deploy\"\n}\n");
        self.commit()
    }

    fn commit(&self) -> String {
        git(&self.folder, &["add", "--all"]);
        git(&self.folder, &["commit", "--quiet", "--message=State"]);
        git(&self.folder, &["rev-parse", "HEAD"])
    }

    fn told(&self, before: &str, after: &str) -> String {
        told(&self.folder, before, after)
    }
}

fn told(folder: &Path, before: &str, after: &str) -> String {
    let mut show = assert_cmd::Command::new("sh");
    show.arg(format!("{SHIPPED}/show-difference")).arg(folder).args([before, after]);
    run(show).exits_with(0).stdout
}

const SAME: &str = "Code: the same, by the content of each file. What differs is data and documents.";
const ANOTHER: &str = "Code: another. Read the files that are not data before you approve.";

/// A changed role, signed by an issuer, behind a digest of code that was left as it was and four hundred files of data.
#[test]
fn changed_code_is_told_first_whatever_the_manifest_says() {
    let states = States::new();
    let before = states.first();
    states.write(ROLE, "other code\n");
    states.manifest("p-2", CODE);
    for number in 0..400 {
        states.write(&format!("configuration/spa-config/a-file-of-data-{number}.json"), "{}\n");
    }
    let after = states.commit();

    let told = states.told(&before, &after);

    let begins = format!(
        "### The glass from {} to {}\n\nPackage: p-2. Before: p-1.\n{ANOTHER}\n\n\
         Operations:\n\n    {} {} State\n\n\
         Code that differs, files: 1:\n\n    M\t{ROLE}\n\n\
         Other files of the package: 401, and of the personal ones, which are encrypted: 0:\n\n    \
         A\tconfiguration/spa-config/a-file-of-data-0.json\n",
        &before[..12],
        &after[..12],
        git(&states.folder, &["rev-parse", "--short", "HEAD"]),
        git(&states.folder, &["log", "-1", "--format=%cs"]),
    );
    assert!(told.starts_with(&begins), "{told}");
    assert!(told.contains(&format!("\n    ... and more: git diff {before} {after}\n")), "{told}");
    assert!(told.len() < 60_000, "{}", told.len());
}

/// Ansible takes up what lies in a role, and a controller what lies beside it, whatever a manifest calls it.
#[test]
fn what_lies_where_code_lies_is_code_and_known_data_is_not() {
    type Change = fn(&States);
    let changes: [(&str, Change, &str); 6] = [
        (
            "A\tinfrastructure/ansible/roles/baseline/vars/main.yml",
            |states| {
                states.write("infrastructure/ansible/roles/baseline/vars/main.yml", "a: b\n");
            },
            ANOTHER,
        ),
        (
            "A\tinfrastructure/ansible/host_vars/target.yml",
            |states| {
                states.write("infrastructure/ansible/host_vars/target.yml", "a: b\n");
            },
            ANOTHER,
        ),
        (
            "M\tinfrastructure/ansible/roles/baseline/tasks/set_firewall.yml",
            |states| {
                states.manifest("p-1", &CODE[..1]);
                states.write(ROLE, "called data\n");
            },
            ANOTHER,
        ),
        (
            "D\tinfrastructure/controller/run.py",
            |states| {
                fs::remove_file(states.folder.join(CODE[0])).expect("removed");
            },
            ANOTHER,
        ),
        (
            "M\tinfrastructure/compose/.env",
            |states| states.write("infrastructure/compose/.env", "A=c\n"),
            SAME,
        ),
        (
            "A\taudit/access-logs/0002-access/more.json",
            |states| {
                states.write("audit/access-logs/0002-access/more.json", "{}\n");
            },
            SAME,
        ),
    ];
    for (file, change, code) in changes {
        let states = States::new();
        let before = states.first();
        change(&states);
        let after = states.commit();

        let told = states.told(&before, &after);

        assert_eq!(told.lines().nth(3), Some(code), "{file}: {told}");
        let listed = told.contains(&format!("\n\nCode that differs, files: 1:\n\n    {file}\n\n"));
        assert_eq!(listed, code == ANOTHER, "{file}: {told}");
    }
}

#[test]
fn the_plan_that_the_controller_follows_is_told_line_by_line() {
    let states = States::new();
    let before = states.first();
    states.write("MIGRATION-PLAN.json", "{\n  \"command\": \"./migrate deploy && echo\"\n}\n");
    let after = states.commit();

    let told = states.told(&before, &after);

    assert_eq!(told.lines().nth(3), Some(SAME), "{told}");
    let (_, plan) = told.split_once("\n\nThe plan, which ./migrate follows:\n\n").expect("the plan");
    assert!(plan.contains("\n    -  \"command\": \"./migrate deploy\"\n"), "{plan}");
    assert!(plan.contains("\n    +  \"command\": \"./migrate deploy && echo\"\n"), "{plan}");
}

#[test]
fn a_beginning_has_no_state_before_it() {
    let states = States::new();
    states.write("audit/glass.json", "{}\n");
    let root = states.commit();

    let told = states.told("none", &root);

    let begins = format!("### The glass from nothing to {}\n\nPackage: none. Before: none.\n", &root[..12]);
    let begins = begins + "Code: none, since no package is recorded yet.\n\nOperations:\n\n";
    assert!(told.starts_with(&begins), "{told}");

    let first = states.first();
    let told = states.told(&root, &first);
    assert!(
        told.contains("\nPackage: p-1. Before: none.\nCode: new, with the first package. Read the files"),
        "{told}"
    );
}

/// A long difference is cut, and says where the rest is.
#[test]
fn a_long_difference_is_cut_with_the_command_for_the_rest() {
    let states = States::new();
    let before = states.first();
    for path in ["MIGRATION-PLAN.json", "configuration/text.json"] {
        // Short lines, each of which a comment indents.
        states.write(path, &"a\n".repeat(50_000));
    }
    let after = states.commit();

    let told = states.told(&before, &after);

    let rest = format!("    ... and more: git diff {before} {after}\n");
    assert_eq!(told.matches(&rest).count(), 2, "{told}");
    assert!(told.len() < 60_000 && told.ends_with(&rest), "{}", told.len());
}

/// Who records a package says to whom its personal files are encrypted.
#[test]
fn whom_the_personal_files_are_for_is_shown_where_that_changed() {
    let states = States::new();
    states.write("personal/recipients", "age1fake\n");
    states.write("personal/0001.age", "sealed\n");
    let before = states.first();
    states.write("personal/recipients", "age1eve\n");
    states.write("personal/0001.age", "sealed anew\n");
    let after = states.commit();

    let told = states.told(&before, &after);

    assert!(told.contains("and of the personal ones, which are encrypted: 1:\n"), "{told}");
    let (_, who) =
        told.split_once("Whom the personal files are encrypted to, who alone can read them:\n").unwrap();
    assert!(who.contains("\n    -age1fake\n    +age1eve\n"), "{told}");
}

#[test]
fn nothing_that_nobody_sees_gets_into_a_comment() {
    // Soft hyphen, joiner, Arabic letter mark, Hangul fillers, overrides, variation selectors, tags, and a space that is none.
    let unseen =
        "\u{ad}\u{34f}\u{61c}\u{115f}\u{3164}\u{202e}\u{2066}\u{fe0f}\u{e0041}\u{e0100}\u{feff}\u{a0}";
    let states = States::new();
    let before = states.first();
    states.write("configuration/text.json", &format!("[{unseen}] ä€😀ツ\n"));
    let after = states.commit();

    let told = states.told(&before, &after);

    let shown = format!("\n    +[{}] ä€😀ツ\n", "?".repeat(unseen.chars().count()));
    assert!(told.contains(&shown), "{told}");
}
