//! Commits by a good key that a glass must not hold: each differs from a right one in one thing.

use crate::forge::{Check, Forge, codes};
use crate::support::{Case, Person};
use std::fs;
use stufpack::record::{Error, Glass, Trust, Verdict};

fn case() -> Case {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    case.record(&first);
    let folder = case.operation(&first, 3);
    case.record_operation(&folder, &case.customer).unwrap();
    case
}

/// What the check says of one more commit, changed by `change`.
fn says(change: impl FnOnce(&mut Forge<'_>)) -> Vec<(&'static str, Option<String>)> {
    let case = case();
    let mut forge = Forge::new(&case);
    change(&mut forge);
    forge.commit();
    let audit = Check::pinned(&case).run();
    assert_ne!(audit.verdict, Verdict::Unverifiable);
    audit.findings.into_iter().map(|finding| (finding.code, finding.path)).collect()
}

fn one(code: &'static str, path: &str) -> Vec<(&'static str, Option<String>)> {
    vec![(code, (!path.is_empty()).then(|| path.to_owned()))]
}

const OWN: &str = "audit/access-logs/0003-access/operation.json";
const OLD: &str = "audit/deployment-history/0002-deployment/operation.json";

#[test]
fn the_right_one_passes() {
    assert_eq!(says(|_| {}), vec![]);
    let case = case();
    Forge { key: Some(&case.customer), name: case.customer.principal.to_owned(), ..Forge::new(&case) }
        .commit();
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
}

#[test]
fn a_gap_or_a_repeated_number_is_seen() {
    for number in [2, 4] {
        let found = says(|forge| {
            forge.operation = number;
            let about = forge.files[0].1.take();
            forge.files = vec![(format!("audit/access-logs/{number:04}-access/operation.json"), about)];
        });
        assert_eq!(found, one("glass.operation", ""));
    }
}

#[test]
fn what_was_recorded_is_never_changed_moved_or_taken_away() {
    assert_eq!(
        says(|forge| forge.files.push((OLD.into(), Some(b"{}".to_vec())))),
        one("glass.append_only", OLD)
    );
    assert_eq!(says(|forge| forge.files.push((OLD.into(), None))), one("glass.append_only", OLD));
    let log = "infrastructure/deployment-logs/0002-deployment/deploy.log";
    assert_eq!(says(|forge| forge.files.push((log.into(), None))), one("glass.append_only", log));
    let about = "audit/glass.json";
    assert_eq!(
        says(|forge| forge.files.push((about.into(), Some(b"{}".to_vec())))),
        one("glass.append_only", about)
    );
}

#[test]
fn an_operation_adds_to_its_own_folder_only() {
    for path in [
        "audit/access-logs/0002-access/more.json",
        "audit/deployment-history/0003-access/operation.json",
        "infrastructure/deployment-logs/loose.log",
    ] {
        assert_eq!(
            says(|forge| forge.files.push((path.into(), Some(b"{}".to_vec())))),
            one("glass.path", path)
        );
    }
    assert_eq!(
        says(|forge| forge.files = vec![("audit/access-logs/0003-access/x".into(), Some(b"x".to_vec()))]),
        one("glass.operation.missing", OWN)
    );
    assert_eq!(
        says(|forge| forge.files[0].1 = Some(b"{\"schema\":2}".to_vec())),
        one("glass.operation.form", OWN)
    );
}

#[test]
fn package_paths_change_by_packages_only_whoever_signs() {
    for path in [
        "migrate",
        "README.md",
        "infrastructure/compose/.env",
        "personal/0001.age",
        ".gitattributes",
        "new.tf",
    ] {
        assert_eq!(
            says(|forge| forge.files.push((path.into(), Some(b"x".to_vec())))),
            one("glass.path", path)
        );
    }
}

/// A list of what git leaves out of what it unpacks, itself among it, and the file that is to be left out.
pub const HIDDEN: [&str; 2] =
    ["infrastructure/ansible/roles/.gitattributes", "infrastructure/ansible/roles/evil.yml"];

pub fn hidden_files() -> [(String, Option<Vec<u8>>); 2] {
    let list = "evil.yml export-ignore\n.gitattributes export-ignore\n";
    [(HIDDEN[0].to_owned(), Some(list.into())), (HIDDEN[1].to_owned(), Some(b"evil\n".to_vec()))]
}

/// Makes the package commit that main stands at once more on top of `good`, with other files.
pub fn again(case: &Case, good: &str, by: &Person, change: impl FnOnce(&mut Vec<(String, Option<Vec<u8>>)>)) {
    forged_again(case, good, by, |forge| change(&mut forge.files));
}

/// The same, where more than files may differ.
pub fn forged_again(case: &Case, good: &str, by: &Person, change: impl FnOnce(&mut Forge<'_>)) {
    let made = case.git(&["rev-parse", "main"]);
    let package = ["Package-Number", "Package-SHA256", "Plan-SHA256"].map(|name| {
        case.git(&["log", "-1", &format!("--format=%(trailers:key={name},valueonly,separator=)")])
    });
    case.git(&["update-ref", "refs/heads/main", good]);
    let mut forge =
        Forge { event: "package", package, key: Some(by), name: by.principal.to_owned(), ..Forge::new(case) };
    forge.files = case
        .git(&["diff", "--name-only", good, &made])
        .lines()
        .map(|path| (path.to_owned(), Some(case.raw(&format!("{made}:{path}")))))
        .collect();
    change(&mut forge);
    forge.commit();
}

/// Package 2 as it should be, as files of a forged commit; `change` gets them.
fn package(
    by: fn(&Case) -> &Person,
    change: impl FnOnce(&mut Vec<(String, Option<Vec<u8>>)>),
) -> Vec<(&'static str, Option<String>)> {
    let case = case();
    let good = case.git(&["rev-parse", "main"]);
    case.record(&case.package(2, Some(&case.package_recorded(1))));
    again(&case, &good, by(&case), change);
    let audit = Check::pinned(&case).run();
    audit.findings.into_iter().map(|finding| (finding.code, finding.path)).collect()
}

#[test]
fn a_package_commit_holds_exactly_what_the_issuer_signed() {
    let issuer: fn(&Case) -> &Person = |case| &case.issuer;
    let put = |path: &'static str, content: &'static [u8]| {
        package(issuer, move |files| {
            files.retain(|(name, _)| name != path);
            files.push((path.to_owned(), Some(content.to_vec())));
        })
    };
    assert_eq!(package(issuer, |_| {}), vec![]);
    assert_eq!(package(|case| &case.customer, |_| {}), vec![], "a customer may record what an issuer signed");
    assert_eq!(put("extra.tf", b"x"), one("glass.package.unlisted", "extra.tf"));
    assert_eq!(put("personal/9999.age", b"x"), one("glass.package.unlisted", "personal/9999.age"));
    assert_eq!(
        put("personal/0001.age", b"ada@example.org"),
        one("glass.package.personal", "personal/0001.age")
    );
    // What begins as an encrypted file does is none by that alone, and whom it is for is what the list of them says.
    let sealed = b"age-encryption.org/v1\nada@example.org in clear\n";
    assert_eq!(put("personal/0001.age", sealed), one("glass.package.personal", "personal/0001.age"));
    assert_eq!(put("personal/recipients", b"nobody\n"), one("glass.package.personal", "personal/recipients"));
    let two = concat!(
        "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\n",
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n",
    );
    let found = put("personal/recipients", two.as_bytes());
    let each = (0..4).flat_map(|number| one("glass.package.personal", &format!("personal/{number:04}.age")));
    assert_eq!(found, each.collect::<Vec<_>>());
    assert_eq!(put("README.md", b"x"), one("glass.package.sum", "README.md"));
    let hidden = package(issuer, |files| files.extend(hidden_files()));
    let [attributes, evil] = HIDDEN.map(|path| one("glass.package.unlisted", path));
    assert_eq!(hidden, [one("glass.package.kind", HIDDEN[0]), attributes, evil].concat());
    assert_eq!(put("audit/more", b"x"), one("glass.path", "audit/more"));
    assert_eq!(put(OLD, b"x"), one("glass.path", OLD));
    assert_eq!(
        package(issuer, |files| files.push(("migrate-not".into(), Some(b"x".to_vec())))),
        one("glass.package.unlisted", "migrate-not")
    );
    assert_eq!(
        package(issuer, |files| files.push(("configuration/api-config/stuf_config.json".into(), None))),
        one("glass.package.missing", "configuration/api-config/stuf_config.json")
    );
    let found = put("SHA256SUMS.sig", b"");
    assert_eq!(found, one("verify.signature.form", "SHA256SUMS.sig"));
    let last = package(issuer, |files| {
        files.retain(|(name, _)| !name.starts_with("personal/"));
        files.push(("personal/0003.age".into(), None));
    });
    assert_eq!(last, one("glass.package.personal", "personal"));
}

#[test]
fn a_package_out_of_sequence_is_seen() {
    // Recorded where it fits, then the one before it is cut out.
    let case = case();
    let good = case.git(&["rev-parse", "main"]);
    case.record(&case.package(2, Some(&case.package_recorded(1))));
    case.record(&case.package(3, Some(&case.package_recorded(2))));
    again(&case, &good, &case.issuer, |_| {});
    assert_eq!(codes(&Check::pinned(&case).run()), ["glass.package.sequence"]);
}

#[test]
fn trailers_that_lie_are_seen() {
    let unknown = "0".repeat(64);
    let found = says(|forge| forge.package = ["9".to_owned(), unknown.clone(), unknown.clone()]);
    assert_eq!(found, vec![("glass.trailer", Some(OWN.to_owned())), ("glass.trailer", None)]);
    let found = says(|forge| {
        forge.message = |text| {
            text.replace("After: ", "After: 4b825dc642cb6eb9a060e54bf8d69288fbee4904").replacen(
                "fbee4904",
                "fbee4904\nX: ",
                1,
            )
        };
    });
    assert_eq!(found, one("glass.message", ""));
    assert_eq!(
        says(|forge| forge.message = |text| text.replace("Validation: not_run", "Validation: warn")),
        one("glass.trailer", OWN)
    );
    assert_eq!(says(|forge| forge.message = |text| text + "Approved-By: eve\n"), one("glass.message", ""));
}

#[test]
fn another_name_than_the_signers_is_seen() {
    assert_eq!(says(|forge| forge.name = "customer/ta@example.org".into()), one("glass.committer", ""));
    assert_eq!(says(|forge| forge.name = "Ada".into()), one("glass.committer", ""));
    assert_eq!(says(|forge| forge.date = 1_900_000_000), one("glass.date", ""));
}

#[test]
fn a_damaged_object_is_seen_and_named() {
    let case = case();
    let blob = case.git(&["rev-parse", &format!("main:{OLD}")]);
    let pack = case.glass().join("objects/pack");
    // Loose, so that it can be damaged alone.
    let content = case.raw(&blob);
    for entry in fs::read_dir(&pack).unwrap() {
        fs::rename(
            entry.as_ref().unwrap().path(),
            case.path("moved").with_file_name(entry.unwrap().file_name()),
        )
        .unwrap();
    }
    for entry in fs::read_dir(&case.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let stdin = fs::File::open(path).unwrap();
            let status = case
                .command("git")
                .current_dir(case.glass())
                .args(["unpack-objects", "-q"])
                .stdin(stdin)
                .status();
            assert!(status.unwrap().success());
        }
    }
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    let other = String::from_utf8(content).unwrap().replace("pass", "fail");
    fs::write(case.path("other"), other).unwrap();
    let id = case.git(&["hash-object", "-w", case.path("other").to_str().unwrap()]);
    let place = |id: &str| case.glass().join("objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(place(&blob)).unwrap();
    fs::copy(place(&id), place(&blob)).unwrap();

    let audit = Check::pinned(&case).run();

    assert_eq!((audit.verdict, codes(&audit)), (Verdict::Fail, vec!["glass.object"]));
    assert_eq!(audit.findings[0].operation, Some(2));
}

#[test]
fn settings_that_hide_history_are_seen_and_nothing_is_written() {
    let case = case();
    let glass = case.glass();
    let tip = case.git(&["rev-parse", "main"]);
    let package = case.package(2, Some(&case.package_recorded(1)));
    let check = |code: &str| {
        assert!(codes(&Check::pinned(&case).run()).contains(&code), "{code}");
        match case.try_record(&package, &case.issuer) {
            Err(Error::Untrusted { findings, .. }) => assert_eq!(findings[0].code, code),
            other => panic!("{code}: {other:?}"),
        }
    };
    fs::write(glass.join("info-grafts"), "").unwrap();
    fs::create_dir_all(glass.join("info")).unwrap();
    fs::write(glass.join("info/grafts"), format!("{tip}\n")).unwrap();
    check("glass.graft");
    fs::remove_file(glass.join("info/grafts")).unwrap();
    fs::create_dir_all(glass.join("objects/info")).unwrap();
    fs::write(glass.join("objects/info/alternates"), "/nowhere\n").unwrap();
    check("glass.alternates");
    fs::remove_file(glass.join("objects/info/alternates")).unwrap();
    case.git(&["config", "extensions.partialClone", "origin"]);
    check("glass.partial");
    case.git(&["config", "--unset", "extensions.partialClone"]);
    case.git(&["symbolic-ref", "HEAD", "refs/heads/other"]);
    check("glass.head");
    case.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
}

#[test]
fn a_key_that_ended_and_its_successor_both_count_in_their_time() {
    let case = case();
    let end = stufpack::model::Timestamp::to_string(&crate::support::timestamp(case.tick()))
        .replace(['-', ':', 'T'], "");
    let new = Person { principal: case.issuer.principal, key: case.stranger.key.clone() };
    Forge { key: Some(&new), ..Forge::new(&case) }.commit();
    let signers = case.issuer.line(&format!("namespaces=\"git,stufpack\",valid-before=\"{end}\""))
        + &new.line(&format!("namespaces=\"git,stufpack\",valid-after=\"{end}\""))
        + &case.customer.line("namespaces=\"git\"");
    assert_eq!(codes(&Check { signers: signers.clone(), ..Check::pinned(&case) }.run()), [""; 0]);
    // The old key goes on after its end.
    Forge::new(&case).commit();
    assert_eq!(codes(&Check { signers, ..Check::pinned(&case) }.run()), ["verify.signers.late"]);
}

#[test]
fn a_writer_goes_on_from_a_head_that_it_trusts_only() {
    let case = case();
    let signers = case.signers();
    let trust = Trust {
        signers: &signers,
        revoked: &stufpack::open::Revoked::default(),
        pins: &[],
        last_seen: None,
        now: crate::support::timestamp(1_800_000_000),
    };
    let trusted = || Glass::open(&case.glass()).unwrap().lock().unwrap().trusted(&trust).map(drop);
    trusted().unwrap();
    Forge { key: Some(&case.stranger), ..Forge::new(&case) }.commit();
    assert!(matches!(trusted(), Err(Error::Untrusted { .. })));
}

/// Makes the commit that main stands at anew, with another tree, signed by the customer or by nobody.
fn remade(case: &Case, tree: &str, signed: bool) {
    let old = case.git(&["rev-parse", "main^{tree}"]);
    fs::write(case.path("message"), case.git(&["log", "-1", "--format=%B"]).replace(&old, tree) + "\n")
        .unwrap();
    let message = case.path("message").display().to_string();
    let parent = case.git(&["rev-parse", "main~1"]);
    let mut command = case.command("git");
    command.current_dir(case.glass()).args(["commit-tree", tree, "-p", &parent, "-F", &message]);
    match signed {
        true => command.arg(format!("-S{}", case.customer.key.display())),
        false => command.arg("--no-gpg-sign"),
    };
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), case.customer.principal);
        command.env(format!("GIT_{role}_EMAIL"), case.customer.principal);
        command.env(format!("GIT_{role}_DATE"), case.git(&["log", "-1", "--format=%ct +0000"]));
    }
    let id = String::from_utf8(crate::support::run(&mut command).stdout).unwrap();
    case.git(&["update-ref", "refs/heads/main", id.trim()]);
}

/// A tree that its objects make larger than any machine, or deeper than any stack: told, whoever made it, and never read to its end.
#[test]
fn a_tree_without_end_is_seen_and_nobody_reads_it() {
    let deep: fn(&git2::Repository, git2::Oid) -> git2::Oid =
        |repository, tree| (0..3_000).fold(tree, |below, _| folder_of(repository, &[("a", below)]));
    let wide: fn(&git2::Repository, git2::Oid) -> git2::Oid = |repository, tree| {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        (0..8).fold(tree, |below, _| folder_of(repository, &names.map(|name| (name, below))))
    };
    for (make, signed, code) in [
        (deep, false, "glass.signature"),
        (wide, false, "glass.signature"),
        (deep, true, "glass.object"),
        (wide, true, "glass.object"),
    ] {
        let case = case();
        let repository = git2::Repository::open(case.glass()).unwrap();
        let head = repository.revparse_single("main^{tree}").unwrap();
        let mut root = repository.treebuilder(head.as_tree()).unwrap();
        root.insert("zz", make(&repository, head.id()), 0o040_000).unwrap();
        remade(&case, &root.write().unwrap().to_string(), signed);

        let audit = Check::pinned(&case).run();
        assert_eq!(codes(&audit), [code]);
        if signed {
            let next = audit.findings[0].next(&case.glass());
            assert!(next.starts_with("trust nothing from this operation on"), "{next}");
        }

        let (signers, revoked) = (case.signers(), stufpack::open::Revoked::default());
        let now = crate::support::timestamp(1_800_000_000);
        let trust = Trust { signers: &signers, revoked: &revoked, pins: &[], last_seen: None, now };
        let refused = Glass::open(&case.glass()).unwrap().lock().unwrap().trusted(&trust).map(drop);
        assert!(matches!(refused, Err(Error::Untrusted { .. })));
        let pages = stufpack::record::history(&case.glass(), &trust).unwrap();
        assert!(pages.commits.last().unwrap().changes.is_none());
    }
}

/// A file that says so much that telling it takes all memory there is, in a commit of nobody's: its tree is not read.
#[test]
fn what_nobody_known_signed_is_not_told_and_not_read() {
    let case = case();
    let long = format!("{{\"phases\":[{}]}}", vec![r#"{"id":"a"}"#; 1_000].join(","));
    let files = vec![("configuration/x.json".to_owned(), Some(long.into_bytes()))];
    Forge { key: None, files, ..Forge::new(&case) }.commit();
    Forge::new(&case).commit();
    Forge::new(&case).commit();
    let (signers, revoked) = (case.signers(), stufpack::open::Revoked::default());
    let now = crate::support::timestamp(1_800_000_000);
    let trust = Trust { signers: &signers, revoked: &revoked, pins: &[], last_seen: None, now };

    let pages = stufpack::record::history(&case.glass(), &trust).unwrap();

    let told: Vec<bool> = pages.commits.iter().map(|past| past.changes.is_some()).collect();
    let known = told.len() - 3;
    assert!(told[..known].iter().all(|told| *told));
    assert_eq!(told[known..], [false, false, true]);
}

fn folder_of(repository: &git2::Repository, entries: &[(&str, git2::Oid)]) -> git2::Oid {
    let mut folder = repository.treebuilder(None).unwrap();
    for (name, id) in entries {
        folder.insert(name, *id, 0o040_000).unwrap();
    }
    folder.write().unwrap()
}

#[test]
fn a_tree_with_one_name_twice_is_seen() {
    use std::io::Write as _;
    let case = case();
    let make = |kind: &str, bytes: &[u8]| {
        let mut child = case
            .command("git")
            .current_dir(case.glass())
            .args(["hash-object", "-t", kind, "-w", "--literally", "--stdin"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let tree = case.git(&["rev-parse", "main^{tree}"]);
    let output = case.try_git(&["cat-file", "tree", &tree]);
    let other = make("blob", b"other\n");
    let entry = [&b"100644 README.md\0"[..], &hex::decode(&other).unwrap()].concat();
    let at = output.stdout.windows(10).position(|window| window == b" README.md").unwrap() - 6;
    let doubled = make("tree", &[&output.stdout[..at], &entry, &output.stdout[at..]].concat());
    remade(&case, &doubled, true);

    assert_eq!(codes(&Check::pinned(&case).run()), ["glass.object"]);
}

#[test]
fn personal_files_of_an_operation_in_clear_are_seen() {
    let about = |personal: &str| {
        format!(
            "{{\"schema\":1,\"event\":\"access\",\"slug\":\"harbour\",\"started\":\"2026-01-10T00:00:00Z\",\
             \"ended\":\"2026-01-10T00:00:00Z\",\"validation\":\"not_run\",\"personal\":[{personal}]}}"
        )
    };
    let code = "glass.operation.personal";
    let clear = OWN.replace("operation.json", "users.json");
    let found = says(|forge| {
        forge.files[0].1 = Some(about("\"users.json\"").into_bytes());
        forge.files.push((clear.clone(), Some(b"ada@example.org".to_vec())));
    });
    assert_eq!(found, [one(code, &clear), one(code, "audit/access-logs/0003-access/personal")].concat());
    let sealed = OWN.replace("operation.json", "personal/0001.age");
    let found = says(|forge| {
        forge.files[0].1 = Some(about("\"users.json\"").into_bytes());
        forge.files.push((sealed.clone(), Some(b"ada@example.org".to_vec())));
    });
    assert_eq!(found, one(code, &sealed));
}
