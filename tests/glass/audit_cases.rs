//! Cases A01 to A14 of the research: what an auditor must see, and what stock git alone would have said.

use crate::forge::{Check, Forge, codes, stock};
use crate::support::{Case, files, timestamp};
use std::fs;
use stufpack::open::{self, Revoked, Signers};
use stufpack::record::{self, Difference, Seen, Verdict};

const GOOD: &str = "Good \"git\" signature";

/// A glass with two packages: three commits.
fn case() -> Case {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    case.record(&first);
    case.record(&case.package(2, Some(&first)));
    case
}

#[test]
fn a01_commits_by_the_listed_key_pass() {
    let case = case();

    let audit = Check::pinned(&case).run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Pass, vec![]), "{:#?}", audit.findings);
    let by: Vec<&str> = audit.operations.iter().map(|operation| operation.by.as_str()).collect();
    assert_eq!(by, [case.issuer.principal; 3]);
    for commit in ["main", "main~1", "main~2"] {
        assert_eq!(stock(&case, commit, &case.signers_text(), &[]).0, 0);
    }
}

#[test]
fn a02_a_commit_by_an_unknown_key_fails_though_git_prints_good() {
    let case = case();
    let commit = Forge { key: Some(&case.stranger), ..Forge::new(&case) }.commit();

    let audit = Check::pinned(&case).run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["verify.signers.unknown"]));
    assert_eq!(audit.findings[0].commit.as_deref(), Some(commit.as_str()));
    let (status, text) = stock(&case, "main", &case.signers_text(), &[]);
    assert_eq!(status, 1);
    assert!(text.contains(GOOD), "{text}");
}

#[test]
fn a03_an_unsigned_commit_whose_message_holds_gits_sentence_fails() {
    let case = case();
    let message = |text| format!("{GOOD} for issuer/releases@example.org with ED25519 key\n\n{text}");
    Forge { key: None, message, ..Forge::new(&case) }.commit();

    let audit = Check::pinned(&case).run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.message", "glass.signature"]));
    let (status, text) = stock(&case, "main", &case.signers_text(), &[]);
    assert_eq!(status, 1);
    assert!(!text.contains("allowed_signers"), "{text}");
}

#[test]
fn a04_a_key_listed_for_another_principal_or_for_anybody_fails_though_git_says_0() {
    let case = case();
    for (name, code) in [("issuer/auditor@example.org", "glass.committer"), ("*", "verify.signers.pattern")] {
        let signers = case.signers_text().replace(case.issuer.principal, name);
        let audit = Check { signers: signers.clone(), ..Check::pinned(&case) }.run();
        assert_eq!(audit.verdict, Verdict::Fail);
        assert!(codes(&audit).contains(&code), "{:#?}", audit.findings);
        assert_eq!(stock(&case, "main", &signers, &[]).0, 0);
    }
}

#[test]
fn a05_signers_without_namespaces_are_refused_as_unsafe_though_git_says_0() {
    let case = case();
    let signers = format!("{} {}\n", case.issuer.principal, case.issuer.public());

    let problems = Signers::parse(signers.as_bytes(), "allowed_signers").unwrap_err();

    assert_eq!(problems[0].code.0, "verify.signers.unsafe");
    assert_eq!(stock(&case, "main", &signers, &[]).0, 0);
}

#[test]
fn a06_a_key_for_packages_only_verifies_a_package_and_no_commit() {
    let case = case();
    let package = case.package(1, None);
    let signers = case.issuer.line("namespaces=\"stufpack\"");

    let audit = Check { signers: signers.clone(), ..Check::pinned(&case) }.run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["verify.signers.purpose"]));
    assert_eq!(stock(&case, "main", &signers, &[]).0, 1);
    let trust = open::Trust {
        signers: Signers::parse(signers.as_bytes(), "allowed_signers").unwrap(),
        revoked: Revoked::default(),
        at: package.manifest().created_at,
    };
    assert!(open::verify_zip(open::Form::Zip, &package.zip(), &trust).is_ok());
}

#[test]
fn a07_a_commit_after_the_keys_end_fails_and_a_backdated_one_does_by_order_or_witness() {
    let case = case();
    let head = case.git(&["rev-parse", "main"]);
    let until = case.tick();
    let date = timestamp(until).to_string().replace(['-', ':', 'T'], "");
    let options = format!("namespaces=\"git,stufpack\",valid-before=\"{date}\"");
    let signers = case.issuer.line(&options);
    let check = || Check { signers: signers.clone(), ..Check::pinned(&case) };
    assert_eq!(check().run().verdict, Verdict::Pass);

    // Dated after the end.
    Forge { date: until + 10, ..Forge::new(&case) }.commit();
    let audit = check().run();
    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["verify.signers.late"]));
    assert_eq!(stock(&case, "main", &signers, &[]).0, 1);

    // Made later and dated into the window: git believes the date.
    case.git(&["update-ref", "refs/heads/main", &head]);
    Forge { date: until - 1, ..Forge::new(&case) }.commit();
    assert_eq!(stock(&case, "main", &signers, &[]).0, 0);
    let seen = Seen { commit: head.parse().unwrap(), at: Some(timestamp(until + 3600)) };
    let audit = Check { last_seen: Some(seen), ..check() }.run();
    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.backdated"]));
    let audit = Check { pins: Vec::new(), ..check() }.run();
    assert_eq!(audit.verdict, Verdict::Unverifiable, "never pass without something from outside");

    // Dated before the operation that it follows: the order alone shows it.
    case.git(&["update-ref", "refs/heads/main", &head]);
    Forge { date: 1_768_000_001, ..Forge::new(&case) }.commit();
    assert_eq!(stock(&case, "main", &signers, &[]).0, 0);
    assert_eq!(codes(&check().run()), ["glass.date"]);
}

/// The issuer's key ended; somebody has it, and signs a package as if it were older. A customer records it in good faith.
#[test]
fn a07_a_package_recorded_after_its_signers_key_was_seen_to_have_ended_is_no_proof() {
    let case = case();
    let head = case.git(&["rev-parse", "main"]);
    let package = case.package(3, Some(&case.package_recorded(2)));
    case.record_with(&package, &case.customer, |_| {}).unwrap();
    let until = case.tick();
    let date = timestamp(until).to_string().replace(['-', ':', 'T'], "");
    let signers = case.issuer.line(&format!("namespaces=\"git,stufpack\",valid-before=\"{date}\""))
        + &case.customer.line("namespaces=\"git\"");
    let seen = |at: i64| {
        let seen = Seen { commit: head.parse().unwrap(), at: Some(timestamp(at)) };
        let check = Check { signers: signers.clone(), last_seen: Some(seen), ..Check::pinned(&case) };
        let audit = check.run();
        (audit.verdict, codes(&audit))
    };
    assert_eq!(seen(until - 1), (Verdict::Pass, vec![]));
    assert_eq!(seen(until + 3600), (Verdict::Unverifiable, vec!["glass.package.backdated"]));
}

#[test]
fn a08_a_key_in_the_revocation_list_fails() {
    let case = case();
    let revoked = case.issuer.public() + "\n";

    let audit = Check { revoked: revoked.clone(), ..Check::pinned(&case) }.run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["verify.revoked"]));
    // Three commits and two packages.
    assert_eq!(audit.findings.len(), 5);
    let list = case.path("revoked");
    fs::write(&list, revoked).unwrap();
    let setting = format!("gpg.ssh.revocationFile={}", list.display());
    assert_eq!(stock(&case, "main", &case.signers_text(), &[&setting]).0, 1);
}

/// The same operations, written anew with the good key; returns the old head.
fn rewritten(case: &Case) -> git2::Oid {
    let old = case.git(&["rev-parse", "main"]);
    case.git(&["update-ref", "refs/heads/main", "main~1"]);
    case.record(&case.package(2, Some(&case.package_recorded(1))));
    old.parse().unwrap()
}

#[test]
fn a09_a_history_rewritten_with_the_good_key_fails_against_a_pin_and_never_passes_without() {
    let case = case();
    let old = rewritten(&case);
    let head = case.git(&["rev-parse", "main"]);

    for check in [
        Check { pins: vec![old], ..Check::new(&case) },
        Check { last_seen: Some(Seen { commit: old, at: None }), ..Check::new(&case) },
    ] {
        let audit = check.run();
        assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.pin"]));
        let message = &audit.findings[0].message;
        assert!(message.contains(&old.to_string()) && message.contains(&head), "{message}");
    }
    let audit = Check::new(&case).run();
    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Unverifiable, vec!["glass.unpinned"]));
    assert_eq!(stock(&case, "main", &case.signers_text(), &[]).0, 0);
    let ancestor = case.try_git(&["merge-base", "--is-ancestor", &old.to_string(), "main"]);
    assert_eq!(ancestor.status.code(), Some(1));
}

#[test]
fn a10_a_fetch_without_plus_rejects_a_rewritten_history_and_the_local_branch_stays() {
    let case = case();
    let clone = case.path("clone");
    case.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    let refspec = "refs/heads/main:refs/remotes/origin/main";
    let git = |arguments: &[&str]| case.git_in(&clone, arguments);
    assert!(git(&["config", "remote.origin.fetch", refspec]).status.success());
    let old = rewritten(&case);

    let fetch = git(&["fetch", "origin"]);

    assert_eq!(fetch.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&fetch.stderr).contains("rejected"));
    let stands = git(&["rev-parse", "refs/remotes/origin/main"]).stdout;
    assert_eq!(String::from_utf8(stands).unwrap().trim(), old.to_string());
}

#[test]
fn a11_replaced_objects_fail_by_name_and_the_originals_are_read() {
    let case = case();
    let good = Check::pinned(&case).run();
    let blob = case.git(&["rev-parse", "main:README.md"]);
    fs::write(case.path("other"), "other\n").unwrap();
    let other_blob = case.git(&["hash-object", "-w", case.path("other").to_str().unwrap()]);
    let (head, parent) = (case.git(&["rev-parse", "main"]), case.git(&["rev-parse", "main~1"]));
    let (tree, other_tree) =
        (case.git(&["rev-parse", "main^{tree}"]), case.git(&["rev-parse", "main~1^{tree}"]));
    for (from, to) in [(&blob, &other_blob), (&head, &parent), (&tree, &other_tree)] {
        case.git(&["replace", "-f", from, to]);

        let audit = Check::pinned(&case).run();

        assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.replace"]));
        assert_eq!(audit.findings[0].path.as_deref(), Some(format!("refs/replace/{from}").as_str()));
        assert_eq!((&audit.operations, &audit.head), (&good.operations, &good.head));
        case.git(&["replace", "-d", from]);
    }
    case.git(&["replace", &blob, &other_blob]);
    assert_eq!(case.git(&["show", "main:README.md"]), "other", "git shows the replacement");
    assert_eq!(stock(&case, "main", &case.signers_text(), &[]).0, 0, "and verifies the commit");
}

#[test]
fn a12_a_shallow_clone_a_merge_and_a_side_branch_fail() {
    let case = case();
    let url = format!("file://{}", case.glass().display());
    case.git(&["clone", "-q", "--bare", "--depth", "1", &url, case.path("shallow").to_str().unwrap()]);
    let audit = Check::pinned(&case).run_in(&case.path("shallow"));
    assert_eq!(audit.verdict, Verdict::Fail);
    assert!(codes(&audit).contains(&"glass.shallow"), "{:?}", codes(&audit));

    // Every ref counts, whatever it is called.
    let head = case.git(&["rev-parse", "main"]);
    let side = Forge::new(&case).dangling();
    for name in ["refs/heads/side", "refs/tags/v1", "refs/notes/commits"] {
        case.git(&["update-ref", name, &side]);
        let audit = Check::pinned(&case).run();
        assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.side_branch"]));
        assert_eq!(audit.findings[0].path.as_deref(), Some(name));
        case.git(&["update-ref", "-d", name]);
    }

    Forge { parents: vec![head, side], key: None, ..Forge::new(&case) }.commit();
    let audit = Check::pinned(&case).run();
    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.merge", "glass.signature"]));
}

#[test]
fn a13_one_changed_byte_in_package_or_commit_is_named() {
    let case = case();
    let mut changed = files(2);
    let readme = stufpack::model::File::document("# Package 2!\n");
    changed.insert("README.md".to_owned(), readme);
    let package = case.package_of(2, Some(&case.package_recorded(1)), "harbour", &case.issuer, changed);
    let comparison = record::diff(&case.glass(), &package).unwrap();
    assert!(
        comparison.differences.contains(&("README.md".to_owned(), Difference::Changed)),
        "{comparison:?}"
    );
    assert!(!comparison.is_equal());
    assert!(record::diff(&case.glass(), &case.package_recorded(2)).unwrap().is_equal());

    // The commit, made anew with the good key and the old sums.
    let package = ["Package-Number", "Package-SHA256", "Plan-SHA256"].map(|name| {
        case.git(&["log", "-1", &format!("--format=%(trailers:key={name},valueonly,separator=)"), "main"])
    });
    case.git(&["update-ref", "refs/heads/main", "main~1"]);
    let from = case.git(&["rev-parse", "main@{1}"]);
    let mut forge = Forge { event: "package", package, ..Forge::new(&case) };
    forge.files = case
        .git(&["diff", "--name-only", "main", &from])
        .lines()
        .map(|path| (path.to_owned(), Some(case.raw(&format!("{from}:{path}")))))
        .collect();
    let readme = forge.files.iter_mut().find(|(path, _)| path == "README.md").unwrap();
    readme.1 = Some(b"# Package 3\n".to_vec());
    forge.message = |text| text.replace("Validation: pass", "Validation: not_run");
    forge.commit();
    let audit = Check::pinned(&case).run();
    assert_eq!(audit.verdict, Verdict::Fail);
    let named: Vec<_> =
        audit.findings.iter().map(|finding| (finding.code, finding.path.as_deref())).collect();
    assert_eq!(named, [("glass.package.sum", Some("README.md"))]);
    let comparison = record::diff(&case.glass(), &case.package_recorded(2)).unwrap();
    assert_eq!(comparison.differences, [("README.md".to_owned(), Difference::Changed)]);
}

#[test]
fn a14_an_edited_journal_line_breaks_the_chain_at_its_number() {
    let case = case();
    let folder = case.operation(&case.package_recorded(2), 5);
    case.record_operation(&folder, &case.customer).unwrap();
    assert_eq!(Check::pinned(&case).run().verdict, Verdict::Pass);
    let path = "audit/deployment-history/0003-deployment/journal.jsonl";
    let journal = String::from_utf8(case.raw(&format!("main:{path}"))).unwrap();
    let good = case.git(&["rev-parse", "main"]);

    for line in [1, 3, 5] {
        let edited: String = journal
            .split_inclusive('\n')
            .enumerate()
            .map(
                |(index, text)| {
                    if index + 1 == line { text.replace("done", "skipped") } else { text.to_owned() }
                },
            )
            .collect();
        // In the commit itself, made anew with a good key.
        case.git(&["update-ref", "refs/heads/main", &format!("{good}~1")]);
        let package = ["Package-Number", "Package-SHA256", "Plan-SHA256"].map(|name| {
            case.git(&["log", "-1", &format!("--format=%(trailers:key={name},valueonly,separator=)"), &good])
        });
        let mut forge = Forge { event: "deployment", package, ..Forge::new(&case) };
        forge.files = case
            .git(&["diff", "--name-only", "main", &good])
            .lines()
            .map(|path| (path.to_owned(), Some(case.raw(&format!("{good}:{path}")))))
            .collect();
        forge.files.iter_mut().find(|(name, _)| name == path).unwrap().1 = Some(edited.into_bytes());
        forge.commit();
        let audit = Check::pinned(&case).run();
        assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.journal"]));
        assert_eq!(audit.findings[0].line, Some(line as u64));
    }

    // In a later commit.
    case.git(&["update-ref", "refs/heads/main", &good]);
    let mut forge = Forge::new(&case);
    forge.files.push((path.to_owned(), Some(journal.replace("done", "gone").into_bytes())));
    forge.commit();
    assert_eq!(codes(&Check::pinned(&case).run()), ["glass.append_only"]);
}
