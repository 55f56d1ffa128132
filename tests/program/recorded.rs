//! `compile --glass` and `glass record` where something stands in the way: what is told, and that it goes on afterwards.

use crate::workspace::{AT, RECIPIENT, Run, Workspace, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const RECORD: &str = "compile input/export --target input/target.yaml --out out --sign-key key --glass stuf-minimal \
                      --signers signers";
/// Before the examples' exports.
const FOUNDED: &str = "1795111200";
const PACKAGE: &str = "minimal-staging-hosted-to-self-host-2.zip";

/// A glass, bare or not, with one package.
fn with_package(more: &str) -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    let mut init = here.command(&format!("glass init stuf-minimal --sign-key key --signers signers {more}"));
    init.env("SOURCE_DATE_EPOCH", FOUNDED);
    run(init).exits_with(0);
    here.stufpack(RECORD).exits_with(0);
    here
}

/// The next package is another one, and stands where it does not lie in the way.
fn change(here: &Workspace) {
    here.edit(
        "input/export/export.yaml",
        "exportedAt: 2026-11-19T21:04:00Z",
        "exportedAt: 2026-11-19T22:04:00Z",
    );
    fs::rename(here.path("out"), here.path("first")).expect("renamed");
}

/// Runs the program in a shell that was set up by `setting`.
fn within(here: &Workspace, setting: &str, arguments: &str) -> Run {
    let program = assert_cmd::cargo::cargo_bin("stufpack");
    let script = format!("{setting}; exec '{}' {arguments}", program.display());
    let mut shell = assert_cmd::Command::new("sh");
    shell.current_dir(here.path(".")).args(["-euc", &script]);
    run(shell)
}

fn git(here: &Workspace, arguments: &str) -> String {
    let mut git = assert_cmd::Command::new("git");
    git.current_dir(here.path("stuf-minimal")).args(arguments.split(' '));
    run(git).exits_with(0).stdout
}

fn mode(here: &Workspace, path: &str) -> u32 {
    fs::metadata(here.path("stuf-minimal").join(path)).expect(path).permissions().mode() & 0o777
}

#[test]
fn packs_can_be_read_by_whom_git_lets_and_always_by_their_owner() {
    for (umask, shared, pack, branch) in [
        ("022", "umask", 0o444, 0o644),
        ("077", "umask", 0o400, 0o600),
        ("0777", "umask", 0o400, 0o600),
        ("077", "group", 0o440, 0o660),
        ("022", "0640", 0o440, 0o640),
    ] {
        let here = with_package("--bare");
        git(&here, &format!("config core.sharedRepository {shared}"));
        fs::remove_file(here.path("stuf-minimal/stufpack.lock")).expect("removed");
        change(&here);
        let before = here.names("stuf-minimal/objects/pack");

        within(&here, &format!("umask {umask}"), RECORD).exits_with(0);

        let mut new = here.names("stuf-minimal/objects/pack");
        new.retain(|name| !before.contains(name));
        let modes: Vec<u32> = new.iter().map(|name| mode(&here, &format!("objects/pack/{name}"))).collect();
        assert_eq!(modes, [pack; 2], "umask {umask}, shared {shared}: one pack with its index");
        for path in ["refs/heads/main", "logs/refs/heads/main", "stufpack.lock"] {
            assert_eq!(mode(&here, path) & 0o666 | 0o600, mode(&here, path), "{path}");
        }
        assert_eq!(mode(&here, "refs/heads/main"), branch, "umask {umask}, shared {shared}");
        git(&here, "fsck --full --strict");
    }
}

/// A disk that fills up while a checkout is repaired: half a file is left, and the same command goes on with it.
#[test]
fn a_repair_that_is_interrupted_itself_is_told_and_goes_on() {
    let here = with_package("");
    change(&here);
    here.stufpack(RECORD).exits_with(0);
    let head = git(&here, "rev-parse main");
    let again = format!("glass record stuf-minimal out/{PACKAGE} --sign-key key --signers signers --at {AT}");
    // A crash in the middle of the checkout: the branch has moved, the index has not.
    git(&here, "reset -q --hard main~1");
    git(&here, &format!("update-ref refs/heads/main {}", head.trim()));
    for path in ["README.md", "MIGRATION-PLAN.html", "SHA256SUMS"] {
        fs::remove_file(here.path("stuf-minimal").join(path)).expect(path);
    }

    // No file gets more than a few KiB.
    let told = within(&here, "trap '' XFSZ; ulimit -f 8", &again).exits_with(1);

    let commit = format!("error[glass.worktree]: operation 2 is recorded as commit {}", head.trim());
    assert!(told.stderr.starts_with(&commit) && told.stderr.contains("File too large"), "{}", told.stderr);
    assert!(told.stderr.ends_with("repeat the command, which goes on there\n"), "{}", told.stderr);
    let plan = fs::metadata(here.path("stuf-minimal/MIGRATION-PLAN.html"));
    assert!(plan.is_ok_and(|plan| (1..10_000).contains(&plan.len())), "half a file stands there");
    let told = here.stufpack(&again).exits_with(0);
    assert!(told.stdout.contains("was recorded before"), "{}", told.stdout);
    assert_eq!(git(&here, "status --short"), "");
}

/// Git was killed while it wrote: its lock is named, and nothing is written before it is gone.
#[test]
fn a_lock_that_git_left_is_named_with_what_to_do() {
    let here = with_package("");
    change(&here);
    let head = git(&here, "rev-parse main");
    for lock in ["index.lock", "refs/heads/main.lock"] {
        let lock = here.path("stuf-minimal/.git").join(lock);
        fs::write(&lock, "").expect("a lock");

        let told = here.stufpack(RECORD).exits_with(1);

        let name = lock.canonicalize().expect("a path").display().to_string();
        assert!(told.stderr.starts_with(&format!("error[glass.locked]: {name} is there")), "{}", told.stderr);
        let next = format!("next: if no git works on it, rm {name}, then repeat the command\n");
        assert!(told.stderr.ends_with(&next), "{}", told.stderr);
        assert!(!here.path("out").exists());
        assert_eq!(git(&here, "rev-parse main"), head);
        fs::remove_file(&lock).expect("removed");
    }
    // Where the branch has moved already, the message says so.
    let told = here.stufpack(RECORD).exits_with(0);
    assert!(told.stdout.contains("operation 2"), "{}", told.stdout);
    let head = git(&here, "rev-parse main");
    git(&here, "reset -q --hard main~1");
    git(&here, &format!("update-ref refs/heads/main {}", head.trim()));
    here.write("stuf-minimal/.git/index.lock", "");
    let told = here.stufpack(RECORD).exits_with(1);
    assert!(told.stderr.contains("operation 2 is recorded as commit"), "{}", told.stderr);
    assert!(told.stderr.contains("next: if no git works on it, rm "), "{}", told.stderr);
    fs::remove_file(here.path("stuf-minimal/.git/index.lock")).expect("removed");
    let told = here.stufpack(RECORD).exits_with(0);
    assert!(told.stdout.contains("(recorded before)"), "{}", told.stdout);
    assert_eq!(git(&here, "status --short"), "");
}

#[test]
fn a_package_is_never_written_into_the_glass() {
    let here = with_package("");
    change(&here);
    let head = git(&here, "rev-parse main");
    for (glass, out) in [
        ("stuf-minimal", "stuf-minimal"),
        ("stuf-minimal", "stuf-minimal/new/out"),
        ("stuf-minimal", "stuf-minimal/.git/out"),
        ("stuf-minimal/.git", "stuf-minimal/out"),
    ] {
        let line = RECORD.replace("--out out", &format!("--out {out}"));
        // Before anything: no key is read.
        let line = line
            .replace("--glass stuf-minimal", &format!("--glass {glass}"))
            .replace("key key", "key nowhere");
        let told = here.stufpack(&line).exits_with(2);
        assert!(told.stderr.ends_with("next: choose another --out\n"), "{}", told.stderr);
        assert_eq!(git(&here, "status --short --ignored"), "");
        assert_eq!(git(&here, "rev-parse main"), head);
    }
    here.stufpack(&RECORD.replace("--out out", "--out stuf-minimal-out")).exits_with(0);
}

#[test]
fn a_head_that_is_another_branch_is_told_with_the_command_that_mends_it() {
    for (more, mend) in [("", "switch main"), ("--bare", "symbolic-ref HEAD refs/heads/main")] {
        let here = with_package(more);
        change(&here);
        git(&here, "branch other");
        git(&here, "symbolic-ref HEAD refs/heads/other");
        let told = here.stufpack(RECORD).exits_with(4);
        assert!(told.stderr.ends_with(&format!("next: git -C stuf-minimal {mend}\n")), "{}", told.stderr);
        let verify = format!("glass verify stuf-minimal --signers signers --at {AT}");
        let told = here.stufpack(&verify).exits_with(4);
        assert!(told.stdout.contains(&format!("next: git -C stuf-minimal {mend}\n")), "{}", told.stdout);
        git(&here, mend);
        git(&here, "branch -D other");
        here.stufpack(RECORD).exits_with(0);
    }
}

#[test]
fn where_no_glass_can_be_made_another_place_is_named() {
    let here = Workspace::new();
    here.example("minimal", "input");
    fs::create_dir(here.path("folder")).expect("a folder");
    here.write("folder/mine", "mine");
    here.write("file", "mine");
    for (glass, made) in [("folder", "folder/stuf-minimal"), ("file", "./stuf-minimal")] {
        let told =
            here.stufpack(&RECORD.replace("--glass stuf-minimal", &format!("--glass {glass}"))).exits_with(1);
        let make = format!("stufpack glass init {made} --sign-key key --signers signers");
        let next = format!("next: name a glass, or make one here and name that: {make}\n");
        assert!(told.stderr.ends_with(&next), "{}", told.stderr);
        here.stufpack(make.trim_start_matches("stufpack ")).exits_with(0);
        here.stufpack(&RECORD.replace("--glass stuf-minimal", &format!("--glass {made}"))).exits_with(0);
        fs::remove_dir_all(here.path("out")).expect("removed");
    }
}

#[test]
fn what_is_no_key_is_not_called_a_key_that_others_can_read() {
    let here = Workspace::new();
    here.example("minimal", "input");
    for (key, what) in [
        ("key.pub", "is not"),
        (".", "is a folder, not"),
        ("/dev/null", "is a device, not"),
        ("/dev/zero", "is a device, not"),
        ("input/target.yaml", "is not"),
    ] {
        let line = RECORD.replace("--sign-key key", &format!("--sign-key {key}"));
        let told = here.stufpack(&line).exits_with(1);
        let what = format!("{key} {what} an OpenSSH private key");
        assert!(told.stderr.contains(&what), "{}", told.stderr);
        assert!(!told.stderr.contains("chmod"), "{key}: {}", told.stderr);
    }
    fs::set_permissions(here.path("key"), fs::Permissions::from_mode(0o644)).expect("set");
    let told = here.stufpack(RECORD).exits_with(1);
    assert!(told.stderr.ends_with("next: chmod 600 key\n"), "{}", told.stderr);
}

#[test]
fn an_operation_whose_package_is_not_in_the_glass_is_told_what_comes_first() {
    let here = with_package("");
    fs::create_dir(here.path("1-deploy")).expect("a folder");
    let digest = format!("sha256:{}", "7".repeat(64));
    here.write(
        "1-deploy/operation.json",
        &format!(
            "{{\"schema\":1,\"event\":\"configuration\",\"slug\":\"minimal\",\"package\":{{\"number\":7,\"sha256\":\"{digest}\",\
             \"plan\":\"{digest}\"}},\"started\":\"2026-11-19T22:00:00Z\",\"ended\":\"2026-11-19T22:00:00Z\",\"validation\":\"not_run\"}}\n"
        ),
    );
    let record = format!("glass record stuf-minimal 1-deploy --sign-key key --signers signers --at {AT}");
    let told = here.stufpack(&record).exits_with(3).stderr;
    assert!(told.contains(&format!("it ran package 7 ({digest}), which this glass does not have")), "{told}");
    let first = record.replace("1-deploy", "PACKAGE");
    assert!(told.contains(&format!("next: stufpack {first} --recipient RECIPIENT records it")), "{told}");
}

/// `./migrate` leaves no folder where a secret stands in it, only a note beside the place.
#[test]
fn s03_a_run_whose_folder_was_refused_is_refused_here_too() {
    let here = with_package("");
    fs::create_dir(here.path("operations")).expect("a folder");
    here.write("operations/2-provision.refused", "Terraform's aws_a.b (plain) in logs/x.log, line 3\n");
    let record =
        |folder| format!("glass record stuf-minimal {folder} --sign-key key --signers signers --at {AT}");
    for folder in ["operations/2-provision", "operations/2-provision/"] {
        let told = here.stufpack(&record(folder)).exits_with(5).stderr;
        assert!(told.starts_with("error[gate.refused]: operations/2-provision"), "{told}");
        assert!(
            told.contains("and operations/2-provision.refused tells where; nothing was recorded"),
            "{told}"
        );
    }
    // Of a folder that is there, the note of an earlier try says nothing; and of none, nobody knows anything.
    fs::create_dir(here.path("operations/2-provision")).expect("a folder");
    here.write("operations/2-provision/operation.json", "{}");
    here.stufpack(&record("operations/2-provision")).exits_with(3);
    here.stufpack(&record("operations/3-provision")).exits_with(1);
    assert_eq!(git(&here, "rev-list --count main").trim(), "2");
}

/// Somebody has lost the identity, and names another recipient for what is recorded already: that does nothing, and says so.
#[test]
fn recipients_for_what_was_recorded_before_are_refused_and_others_for_the_next_package_told() {
    let here = with_package("");
    let first = "minimal-staging-hosted-to-self-host-1.zip";
    let record = |to: &str| {
        let options = format!("--sign-key key --signers signers --at {AT} --recipient {to}");
        here.stufpack(&format!("glass record stuf-minimal out/{first} {options}"))
    };
    let told = record(OTHER).exits_with(1).stderr;
    assert!(told.starts_with("error[glass.recipients]: operation 1 was recorded before (commit "), "{told}");
    assert!(told.contains("they stay encrypted to\nnext: name them with the next package"), "{told}");
    assert!(record(RECIPIENT).exits_with(0).stdout.contains("was recorded before"));

    change(&here);
    here.edit("input/target.yaml", RECIPIENT, OTHER);
    let told = here.stufpack(RECORD).exits_with(0).stdout;

    let changed = format!("  from now on this glass encrypts to {OTHER}, and until now to {RECIPIENT}\n");
    assert!(told.contains(&changed), "{told}");
}

const OTHER: &str = "age1kqc986qfrjedrkrqkc0amlwdux259fs48hsd24perzv6fjermqrspnrfhw";

#[test]
fn personal_files_of_an_operation_recorded_before_are_not_called_equal() {
    let here = with_package("");
    fs::create_dir(here.path("listing")).expect("a folder");
    here.write(
        "listing/operation.json",
        "{\"schema\":1,\"event\":\"access\",\"slug\":\"minimal\",\"started\":\"2026-11-19T22:00:00Z\",\
         \"ended\":\"2026-11-19T22:00:00Z\",\"validation\":\"not_run\",\"personal\":[\"users.json\"]}\n",
    );
    here.write("listing/users.json", "[1]\n");
    let record = format!("glass record stuf-minimal listing --sign-key key --signers signers --at {AT}");
    let told = here.stufpack(&record).exits_with(0).stdout;
    let whose = ": those of the glass; where one has lost the identity, --recipient names others\n";
    assert!(told.contains("  personal files encrypted to age1") && told.contains(whose), "{told}");
    here.write("listing/users.json", "[2]\n");

    let told = here.stufpack(&record).exits_with(0).stdout;

    assert!(told.contains("was recorded before"), "{told}");
    assert!(told.contains("1 personal file(s) stand encrypted there, so these were not compared"), "{told}");
    let told = here.stufpack(&format!("{record} --format json")).exits_with(0).stdout;
    let report: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&report["new"], &report["uncompared"]), (&false.into(), &1.into()));
    assert_eq!(report["recipients"], serde_json::json!([]));
}
