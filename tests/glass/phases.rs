//! What the controller leaves at the end of a run enters a glass, by `stufpack glass record` or by stock tools alone, and
//! the glass then tells the migration.

use crate::forge::{Check, codes};
use crate::lies::{Hand, SCRIPT};
use crate::support::{Case, Person, recording, run};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use stufpack::model::Digest;
use stufpack::pack::Package;
use stufpack::record::{self, Area, Ended, Event, Glass, Validation, Value};

const ADDRESS: &str = "ada@example.org";

/// One run of a phase, as the controller notes it.
pub struct Phase<'a> {
    pub phase: &'a str,
    /// Journal lines after the step's begin.
    pub lines: &'a [(&'a str, &'a str)],
    pub evidence: serde_json::Value,
    pub approved_by: Option<&'a str>,
    /// By how many seconds the clock is ahead.
    pub ahead: i32,
    /// By how many seconds the clock steps back while it runs.
    pub back: u32,
}

impl<'a> Phase<'a> {
    /// A phase that came to its end.
    pub fn finished(phase: &'a str) -> Self {
        Self {
            phase,
            lines: &[("step", "done"), ("end", "finished")],
            evidence: json!({ "seen.json": ADDRESS }),
            approved_by: None,
            ahead: 0,
            back: 0,
        }
    }

    /// The operation folder that it leaves.
    pub fn leave(&self, case: &Case, package: &Package) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let order = json!({
            "root": root.join("templates"), "state": case.path("state"), "number": package.manifest().package.number,
            "plan": package.files()["MIGRATION-PLAN.json"].sha256, "sums": package.sha256(),
            "phase": self.phase, "lines": self.lines, "evidence": self.evidence, "approved_by": self.approved_by,
            "ahead": self.ahead, "back": self.back,
        });
        let mut python = case.command("python3");
        python.args(["-I", "-B"]).arg(root.join("tests/glass/phase.py")).arg(order.to_string());
        PathBuf::from(String::from_utf8(run(&mut python).stdout).unwrap().trim_end())
    }
}

/// Records a folder in the glass at `path` as `stufpack glass record` does.
pub fn record(case: &Case, path: &Path, folder: &Path, by: &Person) -> record::Recorded {
    let signers = case.signers();
    let key = by.signer();
    let recording = recording(&key, &signers);
    Glass::open(path).unwrap().lock().unwrap().record_operation(folder, &[], &recording).unwrap()
}

/// Records a folder as the text beside it does, with the settings of somebody who signs.
pub fn stock(case: &Case, path: &Path, folder: &Path, by: &Person) -> Output {
    let script = PathBuf::from(format!("{}.sh", folder.display()));
    let mut shell = case.command("sh");
    shell.env_remove("GIT_CONFIG_COUNT").env("GIT_CONFIG_GLOBAL", case.settings_of_who_signs());
    shell.arg(script).arg(path).arg(&by.key).arg(case.path("allowed_signers")).output().unwrap()
}

/// Every file of the head's tree but the encrypted ones, and what those decrypt to.
fn tree(case: &Case, path: &Path) -> (Vec<String>, Vec<(String, Vec<u8>)>) {
    let listed = case.git_in(path, &["ls-tree", "-r", "main"]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let (sealed, clear): (Vec<&str>, Vec<&str>) = listed.lines().partition(|line| line.ends_with(".age"));
    let opened = sealed.into_iter().map(|line| {
        let name = line.split('\t').nth(1).unwrap();
        let blob = case.git_in(path, &["cat-file", "blob", &format!("main:{name}")]).stdout;
        fs::write(case.path("sealed"), blob).unwrap();
        let mut age = case.command("age");
        age.args(["-d", "-i"]).arg(case.path("identity.txt")).arg(case.path("sealed"));
        (name.to_owned(), run(&mut age).stdout)
    });
    (clear.into_iter().map(str::to_owned).collect(), opened.collect())
}

pub fn case(bare: bool) -> (Case, Package) {
    let case = Case::new();
    case.init(bare);
    let package = case.package(1, None);
    case.record(&package);
    (case, package)
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn stufpack_and_stock_tools_make_the_same_tree_of_a_phases_folder() {
    for bare in [true, false] {
        let (case, package) = case(bare);
        let phases = [
            Phase::finished("prepare"),
            Phase { lines: &[("deploy/step", "failed")], ..Phase::finished("deploy") },
            Phase { approved_by: Some("Ada's \"TA\" $(id) `x`"), ..Phase::finished("import") },
            Phase::finished("invite"),
            Phase { lines: &[("import/step", "undo_failed")], ..Phase::finished("import") },
            Phase { approved_by: Some("Ada Lovelace"), ..Phase::finished("sign-off") },
        ];
        let clone = case.path("by stock");
        run(case.command("cp").arg("-a").arg(case.glass()).arg(&clone));
        for phase in phases {
            let folder = phase.leave(&case, &package);

            let ours = record(&case, &case.glass(), &folder, &case.customer);
            let theirs = stock(&case, &clone, &folder, &case.customer);

            assert!(theirs.status.success(), "{}: {}", phase.phase, says(&theirs));
            assert!(says(&theirs).contains(&format!("operation {} recorded", ours.operation)));
            assert_eq!(tree(&case, &case.glass()), tree(&case, &clone), "{}", phase.phase);
            let noted = fs::read_to_string(format!("{}.recorded", folder.display())).unwrap();
            let head = case.git_in(&clone, &["rev-parse", "main"]).stdout;
            assert_eq!(noted.as_bytes(), head);
        }
        for path in [case.glass(), clone.clone()] {
            assert_eq!(codes(&Check::pinned(&case).run_in(&path)), [""; 0]);
            let found = case.git_in(&path, &["grep", "-q", ADDRESS, "main", "--", "audit", "infrastructure"]);
            assert_eq!(found.status.code(), Some(1), "personal data in clear");
        }
        if !bare {
            assert_eq!(says(&case.git_in(&clone, &["status", "--porcelain"])), "");
            assert!(clone.join("audit/config-changes/0004-configuration/approval.json").is_file());
        }
    }
}

#[test]
fn stock_tools_record_a_folder_once_and_refuse_what_stufpack_refuses() {
    let (case, package) = case(false);
    let folder = Phase::finished("deploy").leave(&case, &package);
    let refused = |by: &Person, why: &str| {
        let head = case.git(&["rev-parse", "main"]);
        let output = stock(&case, &case.glass(), &folder, by);
        assert!(!output.status.success() && says(&output).contains(why), "{}", says(&output));
        assert_eq!(case.git(&["rev-parse", "main"]), head);
        assert_eq!(case.git(&["status", "--porcelain"]), "");
    };
    refused(&case.stranger, "the key is of nobody");
    let text = fs::read_to_string(format!("{}.sh", folder.display())).unwrap();
    let edit = |from: &str, to: &str| {
        assert!(text.contains(from));
        fs::write(format!("{}.sh", folder.display()), text.replacen(from, to, 1)).unwrap();
    };
    edit("slug=harbour", "slug=other");
    refused(&case.customer, "operation.json says \"slug\": \"harbour\"; ");
    edit("", "");
    let hand = Hand::of(&folder);
    let change = |what: &str, from: &str, to: &str| {
        hand.edit(SCRIPT, &format!("\n{what}={from}\n"), &format!("\n{what}={to}\n"));
        hand.edit("operation.json", from, to);
        hand.list();
    };
    change("slug", "harbour", "other");
    refused(&case.customer, "the glass is of another STUF than other");
    change("slug", "other", "harbour");
    let (sums, none) = (package.sha256().hex(), "0".repeat(64));
    change("sha256", &sums, &none);
    refused(&case.customer, "the glass does not have package 1");
    change("sha256", &none, &sums);
    let value = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    edit(&value("ended="), "ended=4102444800");
    refused(&case.customer, "it ended at second 4102444800, and this machine's clock says ");
    edit(&value("started="), "started=4102444800");
    refused(&case.customer, "it ended before it began");
    edit("", "");
    let steps = folder.join("logs/steps.log");
    let told = fs::read(&steps).unwrap();
    fs::write(&steps, "deploy, run 1\n").unwrap();
    refused(&case.customer, "was changed since ./migrate wrote it");
    fs::remove_file(&steps).unwrap();
    refused(&case.customer, "has other files than ./migrate wrote");
    fs::write(&steps, told).unwrap();

    assert!(stock(&case, &case.glass(), &folder, &case.customer).status.success());
    let head = case.git(&["rev-parse", "main"]);
    let again = stock(&case, &case.glass(), &folder, &case.customer);

    assert_eq!(says(&again), "was recorded before\n");
    let ours = record(&case, &case.glass(), &folder, &case.customer);
    assert_eq!((ours.commit.to_string(), ours.new), (head.clone(), false));
    crate::forge::Forge { key: Some(&case.stranger), ..crate::forge::Forge::new(&case) }.commit();
    case.git(&["reset", "-q", "--hard"]);
    refused(&case.customer, "the last operation was signed by nobody");
}

/// Whoever could read the glass before can read it after.
#[test]
fn what_stock_tools_record_is_as_open_as_git_makes_it() {
    let (case, package) = case(false);
    let folder = Phase::finished("deploy").leave(&case, &package);
    let closed = || {
        let mut find = case.command("find");
        find.arg(case.glass()).args(["!", "-type", "l", "!", "-perm", "-044"]);
        String::from_utf8(run(&mut find).stdout).unwrap()
    };
    let before = closed();
    let mut shell = case.command("sh");
    shell.args(["-c", "umask 022; exec sh \"$@\"", "sh"]).arg(format!("{}.sh", folder.display()));
    run(shell.arg(case.glass()).arg(&case.customer.key).arg(case.path("allowed_signers")));
    assert_eq!(closed(), before);
}

#[test]
fn a_ticket_cannot_write_another_trailer_by_stock_tools() {
    let (case, package) = case(true);
    let folder = Phase::finished("deploy").leave(&case, &package);
    let head = case.git(&["rev-parse", "main"]);
    let by_stock = |ticket: &OsStr| {
        let mut shell = case.command("sh");
        shell.env("TICKET", ticket).env_remove("GIT_CONFIG_COUNT").arg(format!("{}.sh", folder.display()));
        shell.arg(case.glass()).arg(&case.customer.key).arg(case.path("allowed_signers")).output().unwrap()
    };
    let refused = [
        "OPS-1\nApproved-By: eve",
        "OPS-1\n",
        "OPS\t1",
        "OPS\u{85}1",
        "OPS\u{2028}1",
        "OPS\u{202e}1",
        "OPS\u{200b}1",
        "OPS\u{ad}1",
        "OPS\u{61c}1",
        "OPS\u{180e}1",
        "OPS\u{2060}1",
        "OPS\u{feff}1",
        "OPS\u{fff9}1",
        "OPS\u{e0001}1",
        "\u{a0}OPS-1",
        "OPS-1\u{3000}",
        " OPS-1",
        "none",
        "see https://ada:fake@tickets.example/1",
        &format!("AKIA{}", "0FAKE1".repeat(3)),
        &format!("ghp_{}", "0Fake".repeat(8)),
        &"1".repeat(201),
        &"é".repeat(201),
    ];
    for ticket in refused {
        assert!(Value::parse("Ticket", ticket).is_err(), "{ticket:?}");
        let output = by_stock(ticket.as_ref());
        assert!(
            !output.status.success() && says(&output).contains("TICKET"),
            "{ticket:?}: {}",
            says(&output)
        );
    }
    let output = by_stock(OsStr::from_bytes(b"OPS-\xff"));
    assert!(!output.status.success() && says(&output).contains("TICKET is not UTF-8"), "{}", says(&output));
    assert_eq!(case.git(&["rev-parse", "main"]), head);

    let longest = format!("OPS-1 (Übergabe) مها 移行 🛟{}", "é".repeat(175));
    assert_eq!(longest.chars().count(), 200);
    let output = by_stock(longest.as_ref());

    assert!(output.status.success(), "{}", says(&output));
    assert_eq!(record::log(&case.glass()).unwrap()[2].ticket.as_deref(), Some(longest.as_str()));
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
}

#[test]
fn a_result_that_the_journal_does_not_tell_is_refused_and_seen() {
    let (case, package) = case(true);
    let folder =
        Phase { lines: &[("deploy/step", "failed")], ..Phase::finished("deploy") }.leave(&case, &package);
    let about = folder.join("operation.json");
    let text = fs::read_to_string(&about).unwrap();
    fs::write(&about, text.replacen("\"failed\"", "\"finished\"", 1)).unwrap();

    let error = case.record_operation(&folder, &case.customer).unwrap_err().to_string();

    assert!(error.contains("run 1 ended failed in the journal, finished in operation.json"), "{error}");
    let by_stock = stock(&case, &case.glass(), &folder, &case.customer);
    assert!(says(&by_stock).contains("was changed since ./migrate wrote it"), "{}", says(&by_stock));
    // Who also changes the sums is told by the journal; who takes that away too is seen.
    let script = format!("{}.sh", folder.display());
    let sum = |text: &str| Digest::of(text.as_bytes()).hex();
    let commands = fs::read_to_string(&script).unwrap();
    let commands = commands.replace(&sum(&text), &sum(&fs::read_to_string(&about).unwrap()));
    fs::write(&script, &commands).unwrap();
    let by_stock = stock(&case, &case.glass(), &folder, &case.customer);
    for told in ["operation.json says \"result\": \"finished\"; ", " of run 1 tell \"result\": \"failed\"."] {
        assert!(says(&by_stock).contains(told), "{}", says(&by_stock));
    }
    fs::write(&script, commands.replace("  fail \"operation.json says", "  : \"operation.json says"))
        .unwrap();
    let by_stock = stock(&case, &case.glass(), &folder, &case.customer);
    assert!(by_stock.status.success(), "{}", says(&by_stock));
    assert_eq!(codes(&Check::pinned(&case).run()), ["glass.journal"]);
}

#[test]
fn a_clock_that_steps_back_during_a_run_leaves_what_both_ways_record() {
    let (case, package) = case(true);
    for (phase, by_stock) in [("deploy", false), ("import", true)] {
        let folder = Phase { back: 120, ..Phase::finished(phase) }.leave(&case, &package);
        if by_stock {
            let told = stock(&case, &case.glass(), &folder, &case.customer);
            assert!(told.status.success(), "{}", says(&told));
        } else {
            record(&case, &case.glass(), &folder, &case.customer);
        }
    }
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    let log = record::log(&case.glass()).unwrap();
    assert!(log[2..].iter().all(|entry| entry.ran.as_ref().is_some_and(|ran| ran.started == ran.ended)));
}

#[test]
fn the_glass_tells_the_migration_and_what_changed_in_it() {
    let (case, package) = case(true);
    let report = |verdict: &str| {
        let check = json!({ "id": "sign-in", "verdict": verdict, "observed": ADDRESS, "ran_at": null });
        json!({ "v": 1, "phase": "verify", "verdict": verdict, "checks": [check] }).to_string()
    };
    let image = |digit: &str| format!("registry.example.org/stuf/api@sha256:{}", digit.repeat(64));
    let deploy = |digit: &str| json!({ "images.json": json!({ "api": image(digit) }).to_string() });
    let leave = |phase: Phase<'_>, package: &Package| {
        let folder = phase.leave(&case, package);
        record(&case, &case.glass(), &folder, &case.customer);
    };
    leave(Phase { evidence: deploy("a"), ..Phase::finished("deploy") }, &package);
    leave(
        Phase {
            lines: &[("verify/step", "failed")],
            evidence: json!({ "verify.json": report("fail") }),
            ..Phase::finished("verify")
        },
        &package,
    );
    let second = case.package(2, Some(&package));
    case.record(&second);
    leave(Phase { evidence: deploy("b"), ..Phase::finished("deploy") }, &second);
    leave(Phase { evidence: json!({ "verify.json": report("pass") }), ..Phase::finished("verify") }, &second);
    leave(Phase { approved_by: Some("Bob"), ..Phase::finished("sign-off") }, &second);
    leave(Phase { approved_by: Some("Ada (TA)"), ..Phase::finished("cutover") }, &second);

    let log = record::log(&case.glass()).unwrap();
    let told: Vec<_> = log
        .iter()
        .map(|entry| {
            let ran = entry.ran.as_ref();
            (entry.event, ran.map(|ran| ran.phase.as_str()), ran.and_then(|ran| ran.result), entry.validation)
        })
        .collect();
    let (pass, fail, none) = (Validation::Pass, Validation::Fail, Validation::NotRun);
    assert_eq!(
        told[2..],
        [
            (Event::Deployment, Some("deploy"), Some(Ended::Finished), none),
            (Event::Deployment, Some("verify"), Some(Ended::Failed), fail),
            (Event::Package, None, None, none),
            (Event::Deployment, Some("deploy"), Some(Ended::Finished), none),
            (Event::Deployment, Some("verify"), Some(Ended::Finished), pass),
            (Event::Deployment, Some("sign-off"), None, pass),
            (Event::Cutover, Some("cutover"), Some(Ended::Finished), none),
        ]
    );
    assert_eq!(log[7].approved_by.as_deref(), Some("Bob"));
    assert_eq!(log[8].approved_by.as_deref(), Some("Ada (TA)"));

    let meaning = record::meaning(&case.glass(), 3, 8).unwrap();
    let changed = |area: Area| {
        let changes = meaning.changes.iter().filter(|change| change.area == area);
        changes.map(|c| (c.what.as_str(), c.before.as_deref(), c.after.as_deref())).collect::<Vec<_>>()
    };
    assert_eq!(
        changed(Area::Checks),
        [("sign-off: Bob", None, Some("pass")), ("verify: sign-in", Some("fail"), Some("pass"))]
    );
    assert_eq!(changed(Area::Images), [("api", Some(image("a").as_str()), Some(image("b").as_str()))]);
    assert_eq!(
        changed(Area::Phases),
        [
            ("cutover", None, Some("finished, package 2")),
            ("deploy", Some("finished, package 1"), Some("finished, package 2")),
            ("sign-off", None, Some("ran, package 2")),
            ("verify", Some("failed, package 1"), Some("finished, package 2")),
        ]
    );
    assert!(changed(Area::Package).contains(&("package.number", Some("1"), Some("2"))));
    assert_eq!(changed(Area::Settings), [("infrastructure/compose/.env: N", Some("\"1\""), Some("\"2\""))]);
    assert_eq!((changed(Area::Code).len(), changed(Area::Personal).len()), (0, 1));
    assert_eq!(meaning.between.len(), 5);
    assert!(record::meaning(&case.glass(), 3, 3).unwrap().changes.is_empty());
    let error = record::meaning(&case.glass(), 3, 9).unwrap_err().to_string();
    assert!(error.contains("has no operation 9, its last one is 8"), "{error}");
}
