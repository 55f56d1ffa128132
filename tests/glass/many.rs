//! However much an operation holds, stock tools record all of it, and change nothing that was recorded.

use crate::forge::{Check, Forge, codes};
use crate::lies::Hand;
use crate::phases::{Phase, case, stock};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Copies instead of encrypting, which takes long for so many; it is called as `age -R RECIPIENTS -o OUT -- FILE`.
fn quick_age(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let age = folder.join("age");
    fs::write(&age, "#!/bin/sh\nexec cp -- \"$6\" \"$4\"\n").unwrap();
    fs::set_permissions(&age, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn names_of_personal_files_that_fill_more_than_one_argument_are_recorded_all() {
    let (case, package) = case(true);
    let folder = Phase::finished("prepare").leave(&case, &package);
    let hand = Hand::of(&folder);
    let names: Vec<String> = (0..560).map(|number| format!("evidence/{number:0>240}.json")).collect();
    assert!(names.iter().map(String::len).sum::<usize>() > 128 << 10, "as long as an argument may be");
    fs::create_dir_all(folder.join("evidence")).unwrap();
    for name in &names {
        fs::write(folder.join(name), name).unwrap();
    }
    hand.hides(&names);
    hand.list();
    quick_age(&case.path("quick"));

    let path = format!("{}:{}", case.path("quick").display(), std::env::var("PATH").unwrap());
    let script = format!("{}.sh", folder.display());
    let mut shell = case.command("sh");
    shell.arg(script).arg(case.glass()).arg(&case.customer.key).arg(case.path("allowed_signers"));
    let recorded = shell.env("PATH", path).output().unwrap();

    assert!(recorded.status.success(), "{}", told(&recorded));
    let there = case.git(&["ls-tree", "-r", "--name-only", "main", "audit/deployment-history"]);
    let sealed = there.lines().filter(|path| path.contains("/personal/")).count();
    assert!(sealed >= names.len(), "{sealed}");
    assert!(!there.contains(&names[0]), "a personal file in clear");
}

#[test]
fn a_file_that_stands_where_an_operation_would_is_not_replaced() {
    for place in ["audit/deployment-history/0003-deployment", "infrastructure/deployment-logs"] {
        let (case, package) = case(true);
        Forge { files: vec![(place.to_owned(), Some(b"in the way\n".to_vec()))], ..Forge::new(&case) }
            .commit();
        let before = case.git(&["rev-parse", "main"]);
        let folder = Phase::finished("prepare").leave(&case, &package);

        let refused = stock(&case, &case.glass(), &folder, &case.customer);

        assert!(!refused.status.success());
        assert!(
            told(&refused)
                .contains("a file of the glass stands where this operation would. Nothing was recorded."),
            "{}",
            told(&refused)
        );
        assert_eq!(case.git(&["rev-parse", "main"]), before);
        assert_ne!(codes(&Check::pinned(&case).run()), [""; 0], "and such a glass is no right one");
    }
}
