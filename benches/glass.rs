//! What recording and checking cost: medians, beside stock git and libgit2's own ways of writing.
//!
//! `cargo bench --bench glass [-- OPERATIONS]`; 2,000 operations if nothing is said.

#[path = "../tests/glass/support.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use git2::{ObjectType, Repository};
use std::fs;
use std::time::{Duration, Instant};
use stufpack::open::Revoked;
use stufpack::record::{self, Trust, Verdict};
use support::{Case, run, timestamp};

fn main() {
    let operations: u32 = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(2_000);
    writing();
    recording();
    checking(operations);
}

fn say(what: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("{what:<62} {:>9.2} ms  (of {})", median.as_secs_f64() * 1e3, times.len());
    median
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The same 140 files as loose objects and as libgit2's in-memory pack.
fn writing() {
    let files = support::files(1);
    let fresh = || {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        (folder, repository)
    };
    let commit = |repository: &Repository, odb: &git2::Odb<'_>| {
        let mut tree = repository.treebuilder(None).expect("a tree");
        for (number, file) in files.values().enumerate() {
            let id = odb.write(ObjectType::Blob, &file.bytes).expect("an object");
            tree.insert(format!("{number}"), id, 0o100_644).expect("an entry");
        }
        let tree = repository.find_tree(tree.write().expect("a tree")).expect("a tree");
        let who = git2::Signature::now("x", "x").expect("somebody");
        repository.commit(None, &who, &who, "x", &tree, &[]).expect("a commit")
    };
    let mut loose: Vec<Duration> = (0..9)
        .map(|_| {
            let (_folder, repository) = fresh();
            let odb = repository.odb().expect("a database");
            time(|| {
                commit(&repository, &odb);
            })
        })
        .collect();
    say("libgit2, loose objects", &mut loose);
    let mut packed: Vec<Duration> = (0..9)
        .map(|_| {
            let (_folder, repository) = fresh();
            time(|| {
                let odb = repository.odb().expect("a database");
                let memory = odb.add_new_mempack_backend(1_000).expect("memory");
                commit(&repository, &odb);
                let mut pack = git2::Buf::new();
                memory.dump(&repository, &mut pack).expect("a pack");
                let mut writer = odb.packwriter().expect("a writer");
                std::io::Write::write_all(&mut writer, &pack).expect("a pack");
                writer.commit().expect("a pack");
            })
        })
        .collect();
    say("libgit2, in-memory pack", &mut packed);
}

fn recording() {
    let mut times = Vec::new();
    let mut later = Vec::new();
    for _ in 0..9 {
        let case = Case::new();
        case.init(true);
        let first = case.package(1, None);
        times.push(time(|| {
            case.record(&first);
        }));
        let second = case.package(2, Some(&first));
        later.push(time(|| {
            case.record(&second);
        }));
    }
    say("record, first package of 140 files", &mut times);
    say("record, next package", &mut later);
    let mut stock: Vec<Duration> = (0..5)
        .map(|_| {
            let case = Case::new();
            let folder = case.path("work");
            run(case.command("git").args(["init", "-q", folder.to_str().expect("a path")]));
            for (path, file) in support::files(1) {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, &file.bytes).expect("a file");
            }
            let key = case.issuer.key.display().to_string();
            time(|| {
                run(case.command("git").current_dir(&folder).args(["add", "-A"]));
                run(case.command("git").current_dir(&folder).args([
                    "-c",
                    "user.name=x",
                    "-c",
                    "user.email=x",
                    "-c",
                    &format!("user.signingKey={key}"),
                    "commit",
                    "-q",
                    "-S",
                    "-m",
                    "x",
                ]));
            })
        })
        .collect();
    say("stock git add and commit -S of the same files", &mut stock);
}

/// A history in which every tenth operation is a package.
fn checking(operations: u32) {
    let case = Case::new();
    let root = case.init(true);
    let made = time(|| {
        let mut last = None;
        for operation in 1..=operations {
            if operation % 10 == 1 {
                let package = case.package(operation / 10 + 1, last.as_ref());
                case.record(&package);
                last = Some(package);
            } else if let Some(package) = &last {
                let folder = case.operation(package, 12);
                case.record_operation(&folder, &case.customer).expect("recorded");
                fs::remove_dir_all(folder).expect("removed");
            }
        }
    });
    println!("{operations} operations recorded in {:.1} s", made.as_secs_f64());
    let packs = fs::read_dir(case.glass().join("objects/pack")).expect("packs").count() / 2;
    println!("{packs} packs");
    let signers = case.signers();
    let trust = Trust {
        signers: &signers,
        revoked: &Revoked::default(),
        pins: &[root],
        last_seen: None,
        now: timestamp(1_800_000_000),
    };
    let mut ours: Vec<Duration> = (0..5)
        .map(|_| {
            time(|| {
                let audit = record::verify(&case.glass(), &trust).expect("a verdict");
                assert_eq!(audit.verdict, Verdict::Pass, "{:#?}", audit.findings.first());
                assert_eq!(audit.operations.len() as u32, operations + 1);
            })
        })
        .collect();
    let ours = say(&format!("glass verify over {operations} operations"), &mut ours);
    let commits = case.git(&["rev-list", "--max-count=50", "main"]);
    let stock = time(|| {
        for commit in commits.lines() {
            case.git(&["verify-commit", commit]);
        }
    });
    let stock = stock / u32::try_from(commits.lines().count()).unwrap_or(1) * operations;
    println!(
        "stock git verify-commit alone, of as many (from 50): {:.1} s, {:.0} times as long",
        stock.as_secs_f64(),
        stock.as_secs_f64() / ours.as_secs_f64()
    );
}
