//! Runs enter a glass in the order in which they ran: whoever mistakes the order is told what to type, and no glass breaks by it.

use crate::forge::{Check, Forge, codes};
use crate::lies::Hand;
use crate::page::audited;
use crate::phases::{Phase, stock};
use crate::support::Case;
use std::fs;
use std::path::{Path, PathBuf};
use stufpack::model::Digest;
use stufpack::pack::Package;
use stufpack::record::{Error, Order};

fn case() -> (Case, Package) {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    case.record(&package);
    (case, package)
}

/// Tries to record a folder by stufpack and by stock tools, both of which must refuse it; their reasons.
fn refused(case: &Case, folder: &Path) -> (Order, String) {
    let head = case.git(&["rev-parse", "main"]);
    let Err(Error::Order(order)) = case.record_operation(folder, &case.customer) else {
        panic!("{} was not refused for its order", folder.display())
    };
    let by_stock = stock(case, &case.glass(), folder, &case.customer);
    let said = String::from_utf8_lossy(&by_stock.stderr).into_owned();
    assert!(!by_stock.status.success(), "{} was recorded by stock tools", folder.display());
    assert_eq!(case.git(&["rev-parse", "main"]), head);
    (*order, said)
}

/// Records a folder, by stock tools or by stufpack; the runs that it says are left out.
fn recorded(case: &Case, folder: &Path, by_stock: bool) -> Vec<String> {
    if !by_stock {
        return case.record_operation(folder, &case.customer).unwrap().left_out;
    }
    let told = stock(case, &case.glass(), folder, &case.customer);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told = String::from_utf8(told.stdout).unwrap();
    let without =
        told.lines().find_map(|line| line.strip_prefix("  without ")?.split_once(", which ran before"));
    without.into_iter().flat_map(|(names, _)| names.split(", ")).map(str::to_owned).collect()
}

fn aside(folder: &Path) -> PathBuf {
    let aside = folder.with_file_name("elsewhere").join(folder.file_name().unwrap());
    fs::create_dir_all(aside.parent().unwrap()).unwrap();
    fs::rename(folder, &aside).unwrap();
    aside
}

/// Puts journal and operation of a folder into the glass by other tools, as the next operation.
fn forged(case: &Case, package: &Package, folder: &Path, event: &'static str) {
    let plan: Digest = package.files()["MIGRATION-PLAN.json"].sha256;
    let mut forge = Forge { event, ..Forge::new(case) };
    let own = format!("audit/deployment-history/{:04}-{event}", forge.operation);
    let mut about: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("operation.json")).unwrap()).unwrap();
    // What it called personal is left away.
    about["personal"] = serde_json::json!([]);
    forge.files = vec![
        (format!("{own}/operation.json"), Some(about.to_string().into_bytes())),
        (format!("{own}/journal.jsonl"), Some(fs::read(folder.join("journal.jsonl")).unwrap())),
    ];
    forge.package = ["1".to_owned(), package.sha256().hex(), plan.hex()];
    forge.date = case.git(&["log", "-1", "--format=%ct"]).parse().unwrap();
    forge.commit();
}

#[test]
fn a_run_waits_for_those_before_it_that_stand_beside_it() {
    for by_stock in [false, true] {
        let (case, package) = case();
        let [deploy, import, abort] =
            ["deploy", "import", "abort"].map(|phase| Phase::finished(phase).leave(&case, &package));

        let (order, said) = refused(&case, &abort);

        let Order::Early { waiting, .. } = &order else { panic!("{order}") };
        assert_eq!(waiting, &[deploy.clone(), import.clone()].map(|folder| folder.canonicalize().unwrap()));
        assert!(
            order
                .to_string()
                .contains("1-deploy and 2-import ran before it and could not be recorded after it"),
            "{order}"
        );
        assert!(said.contains("1-deploy ran before it and could not be recorded after it"), "{said}");
        // What it says to type first can be typed.
        let first = said.lines().find(|line| line.starts_with("    sh ")).unwrap();
        let mut shell = case.command("sh");
        let told = shell.env_remove("GIT_CONFIG_COUNT").args(["-c", first]).output().unwrap();
        assert!(told.status.success(), "{first}: {}", String::from_utf8_lossy(&told.stderr));
        for folder in [&import, &abort] {
            assert_eq!(recorded(&case, folder, by_stock), [""; 0]);
        }
        assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
        assert!(!case.record_operation(&deploy, &case.customer).unwrap().new, "it is known as recorded");
    }
}

/// Of a run there is one record: who changes its folder afterwards, and the list in its text, records nothing anew.
#[test]
fn a_run_is_recorded_once() {
    let (case, package) = case();
    let deploy = Phase::finished("deploy").leave(&case, &package);
    recorded(&case, &deploy, true);
    let head = case.git(&["rev-parse", "main"]);
    assert!(!case.record_operation(&deploy, &case.customer).unwrap().new);
    let again = stock(&case, &case.glass(), &deploy, &case.customer);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "was recorded before\n");
    fs::write(deploy.join("images.json"), "{}\n").unwrap();
    Hand::of(&deploy).list();

    let (order, said) = refused(&case, &deploy);

    let Order::Twice { newer, operation, recorded: there, .. } = &order else { panic!("{order}") };
    assert_eq!((newer.as_str(), *operation), ("1-deploy", 2));
    assert_eq!(there, "audit/deployment-history/0002-deployment/operation.json");
    let why = "the runs of its journal up to 1-deploy stand in this glass, the last as operation 2, and each is recorded once";
    assert!(order.to_string().contains(why) && said.contains(why), "{order}\n{said}");

    forged(&case, &package, &deploy, "deployment");
    let audit = Check::pinned(&case).run();
    assert_eq!(codes(&audit), ["glass.journal"]);
    assert!(audit.findings[0].message.contains("that of operation 2 were recorded before"));
    let (code, told) = audited(&case, &head);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("its run was recorded before"), "{told}");
}

/// A folder that is lost, or left out on purpose: the glass goes on, and its history stays proven.
#[test]
fn a_run_whose_folder_is_gone_is_left_out_by_name_and_never_recorded_after_a_newer_one() {
    for by_stock in [false, true] {
        let (case, package) = case();
        let deploy = Phase::finished("deploy").leave(&case, &package);
        recorded(&case, &deploy, by_stock);
        let import = Phase::finished("import").leave(&case, &package);
        Phase::finished("preflight").leave(&case, &package);
        let _ = fs::remove_dir_all(deploy.with_file_name("3-preflight"));
        let abort = Phase::finished("abort").leave(&case, &package);
        let away = aside(&import);

        assert_eq!(recorded(&case, &abort, by_stock), ["2-import"]);

        fs::rename(away, &import).unwrap();
        let (order, said) = refused(&case, &import);
        let Order::Late { newer, operation, .. } = &order else { panic!("{order}") };
        assert_eq!((newer.as_str(), *operation), ("4-abort", 3));
        assert!(
            said.contains("any more: 4-abort, which ran after it, is operation 3 of this glass"),
            "{said}"
        );
        // It stands there still, and keeps nothing from being recorded.
        let again = Phase::finished("deploy").leave(&case, &package);
        assert_eq!(recorded(&case, &again, by_stock), [""; 0]);
        assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    }
}

#[test]
fn a_journal_that_went_another_way_is_refused() {
    let (case, package) = case();
    let deploy = Phase::finished("deploy").leave(&case, &package);
    let state = case.path("state");
    let copy = case.path("older copy");
    crate::support::run(case.command("cp").arg("-a").arg(&state).arg(&copy));
    let import = Phase::finished("import").leave(&case, &package);
    for folder in [&deploy, &import] {
        recorded(&case, folder, false);
    }
    fs::remove_dir_all(&state).unwrap();
    fs::rename(&copy, &state).unwrap();
    let abort = Phase::finished("abort").leave(&case, &package);

    let (order, said) = refused(&case, &abort);

    let Order::Another { line, recorded, .. } = &order else { panic!("{order}") };
    assert_eq!((*line, recorded.as_str()), (4, "audit/config-changes/0003-configuration/journal.jsonl"));
    assert!(said.contains("is another than in operation 3; compare it with: git -C "), "{said}");
    goes_on(&case, &package, &abort, recorded, &[order.to_string(), said]);
}

/// Does what the messages say about a state folder whose journal is another than the recorded one, and runs the phase again.
fn goes_on(case: &Case, package: &Package, folder: &Path, recorded_as: &str, messages: &[String]) {
    for message in messages {
        assert!(message.contains("elsewhere, and "), "{message}");
        assert!(message.contains("put that journal in the place of packages/"), "{message}");
        assert!(message.contains(&format!("show main:{recorded_as}")), "{message}");
    }
    aside(folder);
    fs::write(case.path("state/packages/1/journal.jsonl"), case.raw(&format!("main:{recorded_as}"))).unwrap();
    for (phase, by_stock) in [("abort", false), ("prepare", true)] {
        let again = Phase::finished(phase).leave(case, package);
        assert_eq!(recorded(case, &again, by_stock), [""; 0]);
    }
    assert_eq!(codes(&Check::pinned(case).run()), [""; 0]);
}

/// Whoever lost the state folder goes on with a new one, whose journal begins anew.
#[test]
fn a_journal_that_begins_anew_tells_of_what_came_after() {
    goes_on_without_its_state_folder(&Phase::finished("deploy"));
}

/// The machine whose state folder was lost had a clock that was ahead, as far as one may be that records; the new one's is right.
#[test]
fn a_journal_that_begins_anew_may_overlap_by_what_a_clock_may_be_ahead() {
    goes_on_without_its_state_folder(&Phase { ahead: 250, ..Phase::finished("deploy") });
}

/// Records a deployment, loses the state folder, and records what ran then: both ways of recording take it, both proofs too.
fn goes_on_without_its_state_folder(deployed: &Phase<'_>) {
    for by_stock in [false, true] {
        let (case, package) = case();
        let deploy = deployed.leave(&case, &package);
        recorded(&case, &deploy, by_stock);
        fs::remove_dir_all(case.path("state")).unwrap();
        let again = Phase::finished("prepare").leave(&case, &package);

        assert_eq!(recorded(&case, &again, by_stock), [""; 0]);

        assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
        let root = case.git(&["rev-list", "--max-parents=0", "main"]);
        assert_eq!(audited(&case, &root).0, Some(0));
    }
}

/// A way back goes on without a journal that cannot be read: a glass takes what the new one tells, and no other line is missed.
#[test]
fn a_way_back_whose_journal_was_damaged_is_recorded_by_its_new_one() {
    for by_stock in [false, true] {
        let (case, package) = case();
        recorded(&case, &Phase::finished("deploy").leave(&case, &package), by_stock);
        let journal = case.path("state/packages/1/journal.jsonl");
        let damaged = [fs::read(&journal).unwrap(), b"\0\n".to_vec()].concat();
        fs::write(&journal, &damaged).unwrap();

        let abort = Phase::finished("abort").leave(&case, &package);

        // The one that is kept has the number that no run has, and the run after it the next.
        assert_eq!(fs::read(case.path("state/packages/1/journal.jsonl.damaged-2")).unwrap(), damaged);
        assert!(abort.ends_with("operations/3-abort"), "{}", abort.display());
        assert_eq!(recorded(&case, &abort, by_stock), [""; 0]);
        let again = Phase::finished("prepare").leave(&case, &package);
        assert_eq!(recorded(&case, &again, !by_stock), [""; 0]);
        assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
        let root = case.git(&["rev-list", "--max-parents=0", "main"]);
        assert_eq!(audited(&case, &root).0, Some(0));
    }
}

/// A journal written anew to tell a run that was recorded in another way: no tool takes it, and both proofs see it.
#[test]
fn a_journal_that_begins_anew_before_what_was_recorded_is_refused_and_seen() {
    let (case, package) = case();
    let failed = Phase { lines: &[("deploy/step", "failed")], ahead: 420, ..Phase::finished("deploy") };
    recorded(&case, &failed.leave(&case, &package), false);
    let pin = case.git(&["rev-parse", "main"]);
    fs::remove_dir_all(case.path("state")).unwrap();
    Phase::finished("prepare").leave(&case, &package);
    let folder = Phase::finished("cutover").leave(&case, &package);

    let (order, said) = refused(&case, &folder);

    let Order::Anew { newer, operation, recorded, begun, ended, .. } = &order else { panic!("{order}") };
    assert_eq!((newer.as_str(), *operation), ("1-deploy", 2));
    assert_eq!(recorded, "audit/deployment-history/0002-deployment/journal.jsonl");
    assert!(begun < ended && order.to_string().contains("runs of a package follow each other"), "{order}");
    assert!(
        said.contains("is another journal than that of operation 2, and its first run began at"),
        "{said}"
    );
    for message in [&order.to_string(), &said] {
        let told = "clock was behind, correct it, then: move ";
        assert!(message.contains(told) && message.contains("put that journal in the place of"), "{message}");
    }

    forged(&case, &package, &folder, "cutover");
    let audit = Check::pinned(&case).run();
    assert_eq!(codes(&audit), ["glass.journal"]);
    assert!(audit.findings[0].message.starts_with("it is another journal than that of operation 2"));
    let (code, said) = audited(&case, &pin);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it is another journal, of runs before the end of what was recorded"), "{said}");
}

/// Who writes to a glass with other tools: both proofs see it.
#[test]
fn a_history_with_an_older_run_after_a_newer_one_is_no_proof() {
    let (case, package) = case();
    let deploy = Phase::finished("deploy").leave(&case, &package);
    let abort = Phase::finished("abort").leave(&case, &package);
    let away = aside(&deploy);
    recorded(&case, &abort, false);
    let pin = case.git(&["rev-parse", "main"]);
    assert_eq!(audited(&case, &pin).0, Some(0));

    forged(&case, &package, &away, "deployment");

    let audit = Check::pinned(&case).run();
    assert_eq!(codes(&audit), ["glass.journal"]);
    assert_eq!(audit.findings[0].line, Some(4));
    let (code, said) = audited(&case, &pin);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("its journal does not go on from the one that was recorded before it"), "{said}");
}
