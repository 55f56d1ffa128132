//! The work tree follows the head, and nothing that somebody wrote there, or that lies elsewhere, is lost for it.

use crate::support::{Case, files, run};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use stufpack::model::File;
use stufpack::pack::Package;
use stufpack::record::{Error, Obstacle};

#[test]
fn a_work_tree_follows_and_is_never_overwritten() {
    let case = Case::new();
    case.init(false);
    let first = case.package(1, None);
    case.record(&first);
    assert_eq!(fs::read(case.glass().join("README.md")).unwrap(), b"# Package 1\n");
    assert_eq!(case.git(&["status", "--porcelain"]), "");

    fs::write(case.glass().join("README.md"), "mine\n").unwrap();
    let second = case.package(2, Some(&first));
    assert!(matches!(case.try_record(&second, &case.issuer), Err(Error::WorkTree { .. })));
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "2");
    case.git(&["checkout", "-q", "README.md"]);
    case.record(&second);
    assert_eq!(fs::read(case.glass().join("README.md")).unwrap(), b"# Package 2\n");
}

/// Puts the glass back as it was when it was moved to `saved`.
fn restore(case: &Case) {
    if case.glass().exists() {
        fs::remove_dir_all(case.glass()).unwrap();
    }
    run(case.command("cp").arg("-a").arg(case.path("saved")).arg(case.glass()));
}

/// A glass with a work tree whose branch is at package 2, index and work tree at package 1: a crash before the checkout.
fn before_the_checkout() -> (Case, Package) {
    let case = Case::new();
    case.init(false);
    let with = |number, own: &[&str]| {
        let mut files = files(number);
        for path in own {
            files.insert((*path).to_owned(), File::document(format!("{path} of {number}\n")));
        }
        files
    };
    let old = with(1, &["docs/old.md", "docs/folder/old.md", "docs/file", "away/old.md", "away/both.md"]);
    let first = case.package_of(1, None, "harbour", &case.issuer, old);
    case.record(&first);
    let new = with(2, &["docs/new.md", "docs/folder", "docs/file/new.md", "away/new.md", "away/both.md"]);
    let second = case.package_of(2, Some(&first), "harbour", &case.issuer, new);
    let head = case.record(&second).commit.to_string();
    assert_eq!(case.git(&["status", "--porcelain"]), "");
    case.git(&["reset", "-q", "--hard", "main~1"]);
    case.git(&["update-ref", "refs/heads/main", &head]);
    assert_eq!(fs::read(case.glass().join("README.md")).unwrap(), b"# Package 1\n");
    (case, second)
}

#[test]
fn a_checkout_that_a_crash_interrupted_is_ended_by_the_next_record() {
    let interrupted: [fn(&Path); 7] = [
        |_| {},
        |glass| fs::write(glass.join("README.md"), "# Package 2\n").unwrap(),
        |glass| {
            fs::write(glass.join("README.md"), "# Pack").unwrap();
            fs::write(glass.join("docs/new.md"), "").unwrap();
            fs::remove_file(glass.join("docs/old.md")).unwrap();
        },
        // Where the one tree has a file and the other a folder.
        |glass| {
            fs::remove_dir_all(glass.join("docs/folder")).unwrap();
            fs::write(glass.join("docs/folder"), "docs/fol").unwrap();
            fs::remove_file(glass.join("docs/file")).unwrap();
            fs::create_dir(glass.join("docs/file")).unwrap();
        },
        |glass| {
            fs::remove_file(glass.join("docs/folder/old.md")).unwrap();
            fs::remove_file(glass.join("docs/file")).unwrap();
        },
        // A repair that was interrupted too: it once wrote every file anew.
        |glass| {
            fs::remove_file(glass.join("README.md")).unwrap();
            fs::remove_file(glass.join("audit/glass.json")).unwrap();
            fs::write(glass.join("infrastructure/ansible/roles/r0/tasks/t0.yml"), "task 0.0: ").unwrap();
        },
        |glass| {
            for entry in fs::read_dir(glass).unwrap().map(|entry| entry.unwrap().path()) {
                match entry.file_name().unwrap() == ".git" {
                    true => {}
                    false if entry.is_dir() => fs::remove_dir_all(entry).unwrap(),
                    false => fs::remove_file(entry).unwrap(),
                }
            }
        },
    ];
    let (case, second) = before_the_checkout();
    fs::rename(case.glass(), case.path("saved")).unwrap();
    let (third, folder) = (case.package(3, Some(&second)), case.operation(&second, 3));
    for (number, change) in interrupted.into_iter().enumerate() {
        // The same once more; the next one, without the same before it; an operation.
        for next in 0..3 {
            restore(&case);
            change(&case.glass());

            let new = match next {
                0 => case.record(&second).new,
                1 => case.record(&third).new,
                _ => case.record_operation(&folder, &case.customer).unwrap().new,
            };

            assert_eq!(new, next > 0);
            assert_eq!(case.git(&["status", "--porcelain"]), "", "{number}, {next}");
            let readme = if next == 1 { "# Package 3\n" } else { "# Package 2\n" };
            assert_eq!(fs::read(case.glass().join("README.md")).unwrap(), readme.as_bytes());
            assert!(!case.glass().join("docs/old.md").exists());
        }
    }
}

#[test]
fn an_interrupted_checkout_leaves_what_is_right_as_it_is() {
    let (case, second) = before_the_checkout();
    let inode = |path: &str| fs::metadata(case.glass().join(path)).unwrap().ino();
    let paths = ["audit/glass.json", "infrastructure/ansible/roles/r0/tasks/t0.yml", ".gitattributes"];
    let before = paths.map(inode);
    case.record(&second);
    assert_eq!(paths.map(inode), before);
}

#[test]
fn an_interrupted_checkout_never_overwrites_what_somebody_wrote() {
    type Change = fn(&Path);
    let own: [(&str, Change); 8] = [
        ("README.md", |glass| fs::write(glass.join("README.md"), "mine\n").unwrap()),
        ("docs/old.md", |glass| fs::write(glass.join("docs/old.md"), "old\nmine\n").unwrap()),
        ("docs/new.md", |glass| fs::write(glass.join("docs/new.md"), "mine\n").unwrap()),
        ("docs/new.md", |glass| symlink("old.md", glass.join("docs/new.md")).unwrap()),
        ("docs/new.md", |glass| {
            fs::create_dir(glass.join("docs/new.md")).unwrap();
            fs::write(glass.join("docs/new.md/mine"), "mine\n").unwrap();
        }),
        ("docs/folder", |glass| fs::write(glass.join("docs/folder/mine"), "mine\n").unwrap()),
        ("audit/glass.json", |glass| fs::write(glass.join("audit/glass.json"), "{}").unwrap()),
        ("audit/glass.json", |glass| {
            fs::set_permissions(glass.join("audit/glass.json"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
    ];
    let (case, second) = before_the_checkout();
    fs::rename(case.glass(), case.path("saved")).unwrap();
    let third = case.package(3, Some(&second));
    for (path, change) in own {
        restore(&case);
        change(&case.glass());
        let status = case.git(&["status", "--porcelain"]);
        for package in [&second, &third] {
            let error = case.try_record(package, &case.issuer).unwrap_err();
            match &error {
                Error::WorkTree { example, obstacle, .. } => {
                    assert_eq!((example.as_str(), *obstacle), (path, Obstacle::Foreign { operation: 2 }));
                }
                other => panic!("{path}: {other:?}"),
            }
            assert!(error.to_string().contains("reset --hard"), "{error}");
            assert_eq!(case.git(&["status", "--porcelain"]), status);
        }
        // What the message says helps.
        case.git(&["reset", "-q", "--hard"]);
        case.git(&["clean", "-qfd"]);
        assert!(case.record(&third).new);
    }
    // What somebody staged is theirs too, and a file beside those of the glass stays.
    restore(&case);
    fs::write(case.glass().join("README.md"), "mine\n").unwrap();
    case.git(&["add", "README.md"]);
    let error = case.try_record(&third, &case.issuer).unwrap_err();
    assert!(matches!(error, Error::WorkTree { obstacle: Obstacle::Changed, .. }), "{error}");
    assert_eq!(fs::read(case.glass().join("README.md")).unwrap(), b"mine\n");
    restore(&case);
    fs::write(case.glass().join("mine"), "mine\n").unwrap();
    assert!(!case.record(&second).new);
    assert_eq!(case.git(&["status", "--porcelain"]), "?? mine");
}

/// A folder of the work tree lies elsewhere, behind a link: the files there are not ours, whatever they hold.
#[test]
fn nothing_is_read_written_or_removed_through_a_linked_folder() {
    let (case, second) = before_the_checkout();
    let (inside, outside) = (case.glass().join("away"), case.path("outside"));
    fs::rename(&inside, &outside).unwrap();
    symlink(&outside, &inside).unwrap();
    let there = || {
        let entries = walkdir::WalkDir::new(&outside).sort_by_file_name().into_iter();
        entries.map(|entry| entry.unwrap().path().to_owned()).collect::<Vec<_>>()
    };
    let before = there();
    for package in [&second, &case.package(3, Some(&second))] {
        let error = case.try_record(package, &case.issuer).unwrap_err();
        assert!(matches!(error, Error::WorkTree { .. }), "{error}");
        assert_eq!(there(), before);
    }
}

/// A glass at package 1 in whose work tree git ignores `mine*`, and everything below a folder of that name.
fn with_ignored() -> (Case, Package) {
    let case = Case::new();
    case.init(false);
    let first = case.package(1, None);
    case.record(&first);
    fs::create_dir_all(case.glass().join(".git/info")).unwrap();
    fs::write(case.glass().join(".git/info/exclude"), "mine*\n").unwrap();
    (case, first)
}

#[test]
fn what_git_ignores_is_not_overwritten_by_a_new_file() {
    type Change = fn(&Path);
    let ways: [(&str, &str, Change); 4] = [
        ("docs/mine", "docs/mine", |glass| fs::write(glass.join("docs/mine"), "mine\n").unwrap()),
        ("docs/mine/new.md", "docs/mine", |glass| fs::write(glass.join("docs/mine"), "mine\n").unwrap()),
        ("docs/mine", "docs/mine/deep/own", |glass| {
            fs::create_dir_all(glass.join("docs/mine/deep")).unwrap();
            fs::write(glass.join("docs/mine/deep/own"), "mine\n").unwrap();
        }),
        ("docs/mine/new.md", "docs/mine", |glass| symlink("../audit", glass.join("docs/mine")).unwrap()),
    ];
    for (new, own, change) in ways {
        let (case, first) = with_ignored();
        fs::create_dir_all(case.glass().join("docs")).unwrap();
        change(&case.glass());
        let head = case.git(&["rev-parse", "main"]);
        let mut files = files(2);
        files.insert(new.to_owned(), File::document("new\n"));
        let second = case.package_of(2, Some(&first), "harbour", &case.issuer, files);

        let error = case.try_record(&second, &case.issuer).unwrap_err();

        match &error {
            Error::WorkTree { example, obstacle, .. } => {
                assert_eq!((example.as_str(), *obstacle), (own, Obstacle::InTheWay { operation: 2 }));
            }
            other => panic!("{new}: {other:?}"),
        }
        assert!(error.to_string().contains(&format!("mv {}", case.glass().join(own).display())), "{error}");
        assert_eq!(case.git(&["rev-parse", "main"]), head);
        assert!(fs::symlink_metadata(case.glass().join(own)).is_ok());
        // What the message says helps.
        fs::rename(case.glass().join(own), case.path("elsewhere")).unwrap();
        assert!(case.record(&second).new);
        assert_eq!(fs::read(case.glass().join(new)).unwrap(), b"new\n");
        assert_eq!(case.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn ignored_files_beside_those_of_the_glass_and_empty_folders_are_in_nobodys_way() {
    let (case, first) = with_ignored();
    fs::write(case.glass().join("infrastructure/mine"), "mine\n").unwrap();
    fs::create_dir_all(case.glass().join("docs/mine/empty")).unwrap();
    let mut files = files(2);
    files.insert("docs/mine".to_owned(), File::document("new\n"));
    files.retain(|path, _| !path.starts_with("infrastructure/"));
    let second = case.package_of(2, Some(&first), "harbour", &case.issuer, files);
    assert!(case.record(&second).new);
    assert_eq!(case.git(&["status", "--porcelain"]), "");
    assert_eq!(fs::read(case.glass().join("infrastructure/mine")).unwrap(), b"mine\n");
}
