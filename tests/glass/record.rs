//! Recording: one signed commit per operation, and never a second one for the same.

use crate::forge::{Check, codes};
use crate::support::{Case, ISSUER, files};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use stufpack::pack::Package;
use stufpack::record::{self, Error, Glass, Sequence, Value};

#[test]
fn a_recorded_package_is_one_commit_that_stock_git_verifies() {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);

    let recorded = case.record(&package);

    assert_eq!((recorded.operation, recorded.new), (1, true));
    assert_eq!(case.git(&["rev-parse", "main"]), recorded.commit.to_string());
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "2");
    case.git(&["verify-commit", "main"]);
    case.git(&["verify-commit", "main~1"]);
    case.git(&["fsck", "--full", "--strict"]);
    assert_eq!(
        case.git(&["log", "-1", "--format=%G? %GS|%an|%ae|%cn|%ce"]),
        format!("G {ISSUER}|{ISSUER}|{ISSUER}|{ISSUER}|{ISSUER}")
    );
    let trailers = case.git(&["log", "-1", "--format=%(trailers:only,unfold)"]);
    let names: Vec<&str> = trailers.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(names, record::TRAILERS);
    let sha256 = package.sha256().hex();
    assert_eq!(
        case.git(&["log", "-1", "--format=%(trailers:key=Package-SHA256,valueonly,separator=)"]),
        sha256
    );
    assert_eq!(
        case.git(&["log", "-1", "--format=%T"]),
        case.git(&["log", "-1", "--format=%(trailers:key=After,valueonly,separator=)"])
    );
}

#[test]
fn the_clear_sums_are_green_in_a_clone_and_all_of_them_after_decryption() {
    let case = Case::new();
    case.init(true);
    case.record(&case.package(1, None));
    let clone = case.path("clone");
    case.git(&["clone", "-q", ".", clone.to_str().unwrap()]);

    let shell = |script: &str| {
        let output = case.command("sh").current_dir(&clone).args(["-euc", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    shell("sha256sum -c --strict --quiet SHA256SUMS");
    shell(
        "ssh-keygen -Y verify -f ../allowed_signers -I issuer/releases@example.org -n stufpack \
         -s SHA256SUMS.sig < SHA256SUMS",
    );
    assert_eq!(shell("ls personal"), "0000.age\n0001.age\n0002.age\n0003.age\nrecipients\n");
    let personal = shell("cat personal/*.age | strings | head -c 100000");
    assert!(!personal.contains("users.json"));
    shell(
        "age -d -i ../identity.txt -o SHA256SUMS.personal personal/0000.age
         n=0
         while read -r sum name; do
           n=$((n + 1)); mkdir -p \"$(dirname \"$name\")\"
           age -d -i ../identity.txt -o \"$name\" \"personal/$(printf %04d $n).age\"
         done < SHA256SUMS.personal
         sha256sum -c --strict --quiet SHA256SUMS PERSONAL.sha256 SHA256SUMS.personal",
    );
}

#[test]
fn the_same_package_twice_is_one_commit() {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    let first = case.record(&package);
    case.record(&case.package(2, Some(&package)));
    let head = case.git(&["rev-parse", "main"]);

    let again = case.record(&package);

    assert_eq!((again.commit, again.operation, again.new), (first.commit, 1, false));
    assert_eq!(case.git(&["rev-parse", "main"]), head);
}

#[test]
fn a_package_that_does_not_follow_the_last_one_is_refused() {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    case.record(&first);
    let head = case.git(&["rev-parse", "main"]);
    let refused = |package: &_| match case.try_record(package, &case.issuer) {
        Err(Error::Sequence(sequence)) => sequence,
        other => panic!("{other:?}"),
    };

    let skipped = case.package(3, Some(&first));
    assert_eq!(refused(&skipped), Sequence::Number { expected: 2, found: 3 });
    let stranger = case.package(2, Some(&skipped));
    assert!(matches!(refused(&stranger), Sequence::Previous { .. }));
    let orphan = case.package(2, None);
    assert!(matches!(refused(&orphan), Sequence::Previous { .. }));
    let twin = case.package(1, None);
    assert_eq!(refused(&twin), Sequence::Other { number: 1, operation: 1 });
    assert_eq!(case.git(&["rev-parse", "main"]), head);
}

#[test]
fn a_package_of_another_stuf_or_another_issuer_is_refused() {
    let case = Case::new();
    case.init(true);
    let other = case.package_of(1, None, "other", &case.issuer, files(1));
    assert!(matches!(case.try_record(&other, &case.issuer), Err(Error::Foreign { .. })));
    for signer in [&case.stranger, &case.customer] {
        let package = case.package_of(1, None, "harbour", signer, files(1));
        assert!(matches!(case.try_record(&package, &case.issuer), Err(Error::Key(_))));
    }
    let package = case.package(1, None);
    assert!(matches!(case.try_record(&package, &case.stranger), Err(Error::Key(_))));
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "1");
}

#[test]
fn a_customer_records_a_package_that_the_issuer_signed() {
    let case = Case::new();
    case.init(true);
    case.try_record(&case.package(1, None), &case.customer).unwrap();
    assert_eq!(case.git(&["log", "-1", "--format=%cn"]), case.customer.principal);
}

#[test]
fn personal_files_without_a_recipient_are_refused_and_later_packages_use_those_of_the_glass() {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    let alone = |package: &_| case.record_with(package, &case.issuer, |recording| recording.recipients = &[]);
    assert!(matches!(alone(&first), Err(Error::NoRecipients { count: 3 })));
    case.record(&first);
    assert!(alone(&case.package(2, Some(&first))).unwrap().new);
}

#[test]
fn a_value_cannot_forge_a_trailer() {
    assert!(Value::parse("Ticket", "OPS-1\nApproved-By: eve").is_err());
    let case = Case::new();
    case.init(true);
    let text = "Approved-By: eve $(id) {{ x }} \"'";
    case.record_with(&case.package(1, None), &case.issuer, |recording| {
        recording.ticket = Some(Value::parse("Ticket", text).unwrap());
    })
    .unwrap();
    let trailer = |name: &str| {
        case.git(&["log", "-1", &format!("--format=%(trailers:key={name},valueonly,separator=%x7c)")])
    };
    assert_eq!(trailer("Ticket"), text);
    assert_eq!(trailer("Approved-By"), "none");
}

#[test]
fn a_second_writer_is_refused_and_a_dead_one_is_no_obstacle() {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    let lock = Glass::open(&case.glass()).unwrap().lock().unwrap();
    assert!(matches!(case.try_record(&package, &case.issuer), Err(Error::Locked { .. })));
    drop(lock);
    assert!(case.glass().join("stufpack.lock").exists());
    assert!(case.record(&package).new);
}

#[test]
fn a_crash_before_the_branch_moves_leaves_the_old_head_and_a_glass_that_goes_on() {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    let head = case.git(&["rev-parse", "main"]);
    case.record(&package);
    // What a crash right before the last step leaves: all objects, the old branch.
    case.git(&["update-ref", "refs/heads/main", &head]);
    let packs = case.glass().join("objects/pack");
    fs::write(packs.join("tmp_pack_torn"), b"PACK").unwrap();
    fs::write(packs.join("tmp_pack_stufpack_torn"), b"PACK").unwrap();

    assert!(case.record(&package).new);
    case.git(&["fsck", "--full"]);
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "2");
    assert!(!packs.join("tmp_pack_stufpack_torn").exists(), "of a writer of ours that was killed");
    assert!(packs.join("tmp_pack_torn").exists(), "git's own, which may be at work");
}

/// Names of the packs of a bare glass with their indexes.
fn packs(case: &Case) -> BTreeSet<String> {
    let entries = fs::read_dir(case.glass().join("objects/pack")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn old_packs_stay_until_the_branch_stands_on_the_new_one() {
    let case = Case::new();
    case.init(true);
    let (old, head) = (packs(&case), case.git(&["rev-parse", "main"]));
    // The branch cannot move: where its history is kept is a folder.
    let log = case.glass().join("logs/refs/heads/main");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    fs::write(log.join("in the way"), "").unwrap();
    let package = case.package(1, None);

    case.try_record(&package, &case.issuer).unwrap_err();

    assert!(packs(&case).is_superset(&old));
    assert_eq!(case.git(&["rev-parse", "main"]), head);
    fs::remove_dir_all(&log).unwrap();
    assert!(case.record(&package).new);
    assert!(packs(&case).is_disjoint(&old), "what it holds stands in the new one");
    case.git(&["fsck", "--full", "--strict"]);
}

#[test]
fn a_lock_of_git_is_named_before_anything_is_written() {
    for bare in [true, false] {
        let case = Case::new();
        case.init(bare);
        // A blank in the path, which the command to copy has to quote.
        let (plain, glass) = (case.glass(), case.path("my glass"));
        fs::rename(&plain, &glass).unwrap();
        std::os::unix::fs::symlink(&glass, &plain).unwrap();
        let folder = if bare { glass } else { glass.join(".git") };
        let names: &[&str] =
            if bare { &["refs/heads/main.lock"] } else { &["refs/heads/main.lock", "index.lock"] };
        let package = case.package(1, None);
        for name in names {
            let (lock, objects) = (folder.join(name), folder.join("objects/pack"));
            let before = fs::read_dir(&objects).unwrap().count();
            fs::write(&lock, "").unwrap();
            let error = case.try_record(&package, &case.issuer).unwrap_err();
            assert_eq!(error.code(), "glass.locked");
            let command = format!("rm '{}'", fs::canonicalize(&lock).unwrap().display());
            assert!(error.to_string().contains(&command), "{error}");
            assert_eq!(fs::read_dir(&objects).unwrap().count(), before);
            fs::remove_file(&lock).unwrap();
        }
        assert!(case.record(&package).new);
    }
}

#[test]
fn a_clone_that_is_behind_or_went_another_way_is_refused() {
    let case = Case::new();
    case.init(false);
    let first = case.package(1, None);
    let second = case.package(2, Some(&first));
    case.git(&["clone", "-q", "--bare", ".", case.path("origin").to_str().unwrap()]);
    case.git(&["remote", "add", "origin", case.path("origin").to_str().unwrap()]);
    case.record(&first);
    case.git(&["push", "-q", "origin", "main"]);
    case.record(&second);
    case.git(&["push", "-q", "origin", "main"]);
    let there = case.git(&["rev-parse", "main"]);
    let behind = |package: &_| match case.try_record(package, &case.issuer) {
        Err(Error::Behind(behind)) => *behind,
        other => panic!("{other:?}"),
    };

    // This clone forgets operation 2, and then that it ever heard of it.
    case.git(&["reset", "-q", "--hard", "main~1"]);
    let path = case.glass();
    let audit = Check::new(&case).run();
    let next: Vec<_> = audit.findings.iter().map(|finding| (finding.code, finding.next(&path))).collect();
    let pull = format!("git -C {} pull --ff-only, then check again", path.display());
    assert!(next.contains(&("glass.behind", pull)), "{next:?}");
    for forget in [false, true] {
        if forget {
            case.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
        }
        let behind = behind(&second);
        assert_eq!((behind.operation_here, behind.operation_there, behind.diverged), (1, Some(2), false));
        assert!(behind.to_string().contains("the glass has 1 operations that this clone lacks"), "{behind}");
    }
    // Another operation 2.
    case.git(&["remote", "rename", "origin", "elsewhere"]);
    case.record(&case.package(2, Some(&first)));
    case.git(&["remote", "rename", "elsewhere", "origin"]);
    case.git(&["fetch", "-q", "origin"]);
    let behind = behind(&case.package(3, Some(&second)));
    assert!(behind.diverged);
    assert_eq!(behind.there.to_string(), there);
}

#[test]
fn the_next_numbers_follow_the_last_package() {
    let case = Case::new();
    case.init(true);
    let numbers = || {
        let lock = Glass::open(&case.glass()).unwrap().lock().unwrap();
        let package = case.package(1, None);
        let manifest = package.manifest();
        lock.numbers(&manifest.package.issuer, &manifest.package.installation).unwrap()
    };
    let before = numbers();
    assert_eq!((before.operation, before.package, before.previous), (1, 1, None));
    let first = case.package(1, None);
    case.record(&first);
    let after = numbers();
    assert_eq!((after.operation, after.package), (2, 2));
    let manifest = first.manifest();
    let again = after.of(&manifest.source.digest, &manifest.target.digest);
    assert_eq!(again, (1, None), "the same input makes the same package");
    let other = stufpack::model::Digest::of(b"other");
    assert_eq!(after.of(&other, &manifest.target.digest).0, 2);
    assert_eq!(after.previous.unwrap().sha256, first.sha256());
}

#[test]
fn a_new_glass_never_touches_what_is_there() {
    let case = Case::new();
    fs::create_dir(case.glass()).unwrap();
    fs::write(case.glass().join("mine"), b"mine").unwrap();
    let text = case.signers_text();
    let slug = stufpack::model::Word::parse("harbour").unwrap();
    let key = case.issuer.signer();
    let founding = record::Founding {
        slug: &slug,
        signers: &case.signers(),
        allowed_signers: &text,
        key: &key,
        at: crate::support::timestamp(1),
        bare: true,
        requested_by: None,
        ticket: None,
    };
    assert!(matches!(record::init(&case.glass(), &founding), Err(Error::Exists { .. })));
    assert_eq!(fs::read_dir(case.glass()).unwrap().count(), 1);
    let stranger = case.stranger.signer();
    let other = record::Founding { key: &stranger, ..founding };
    assert!(matches!(record::init(&case.path("new"), &other), Err(Error::Key(_))));
    assert!(!case.path("new").exists());
}

#[test]
fn many_operations_leave_few_packs_that_git_finds_whole() {
    let case = Case::new();
    case.init(true);
    let packs = || {
        fs::read_dir(case.glass().join("objects/pack"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "pack"))
            .count()
    };
    let mut last = case.package(1, None);
    case.record(&last);
    for number in 2..24 {
        last = case.package(number, Some(&last));
        case.record(&last);
    }
    assert!(packs() <= 6, "{} packs", packs());
    case.git(&["fsck", "--full", "--strict"]);
    // Git's own pack has deltas and stays as it is.
    case.git(&["gc", "-q", "--aggressive"]);
    let own: Vec<_> =
        fs::read_dir(case.glass().join("objects/pack")).unwrap().map(|entry| entry.unwrap().path()).collect();
    case.record(&case.package(24, Some(&last)));
    assert!(own.iter().all(|path| path.exists()));
    case.git(&["fsck", "--full", "--strict"]);
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "25");
}

/// Not a case of its own: the process that the next test kills.
#[test]
fn a_writer_that_may_be_killed() {
    let Ok(folder) = std::env::var("STUFPACK_TEST_WRITER") else { return };
    let case = Case::again(Path::new(&folder));
    let mut last: Option<Package> = None;
    for number in 1.. {
        let package = case.package(number, last.as_ref());
        case.record(&package);
        last = Some(package);
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_glass() {
    for round in 0..12 {
        let case = Case::new();
        let bare = round % 2 == 0;
        case.init(bare);
        let mut writer = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "record::a_writer_that_may_be_killed"])
            .env("STUFPACK_TEST_WRITER", &case.folder)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Not before it began to write, and each time a little later.
        while case.git(&["rev-list", "--count", "main"]).parse::<u32>().unwrap() < 3 {
            assert!(writer.try_wait().unwrap().is_none(), "the writer ended by itself");
        }
        std::thread::sleep(std::time::Duration::from_millis(round * 4));
        writer.kill().unwrap();
        writer.wait().unwrap();

        case.git(&["fsck", "--full", "--strict"]);
        let audit = Check::pinned(&case).run();
        assert_eq!(codes(&audit), [""; 0]);
        // The lock died with its holder. Those of git's own did not: each is told, and whoever knows that nobody is at work removes it.
        while let Err(error) = Glass::open(&case.glass()).unwrap().lock() {
            let Error::GitLocked { lock } = error else { panic!("{error}") };
            fs::remove_file(lock).unwrap();
        }
        // Nor is the work tree in the way of the next operation. The branch's lock is git's own too, and told once it is in the way.
        if !bare {
            let folder = case.path("listing");
            fs::create_dir(&folder).unwrap();
            let time = crate::support::timestamp(1_790_000_000);
            let about = format!(
                "{{\"schema\":1,\"event\":\"access\",\"slug\":\"harbour\",\"started\":\"{time}\",\
                 \"ended\":\"{time}\",\"validation\":\"not_run\"}}\n"
            );
            fs::write(folder.join("operation.json"), about).unwrap();
            let head = case.git(&["rev-parse", "main"]);
            let recorded = loop {
                match case.record_operation(&folder, &case.customer) {
                    Err(Error::GitLocked { lock }) => fs::remove_file(lock).unwrap(),
                    // The lock of the index is in the way of the work tree alone, which the one who was killed has left behind.
                    Err(Error::CheckOut { source, commit, .. }) => {
                        let Error::GitLocked { lock } = *source else { panic!("{source}") };
                        fs::remove_file(lock).unwrap();
                        assert_eq!(commit.to_string(), head, "nothing of this one stands yet");
                    }
                    other => break other.unwrap(),
                }
            };
            assert!(recorded.new);
            assert_eq!(case.git(&["status", "--porcelain"]), "");
        }
    }
}
