//! `docs/glass.md` for real: its commands accept a good glass and refuse bad ones.

use crate::forge::Forge;
use crate::hostile::{forged_again, hidden_files};
use crate::support::Case;
use std::fs;
use std::process::Output;

/// The page's shell blocks of one kind (`sh`, `sh decrypt`), one after the other.
pub fn blocks(kind: &str) -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/glass.md")).unwrap();
    let (mut script, mut inside) = (String::new(), false);
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(info) => inside = !inside && info == kind,
            None if inside => script.extend([line, "\n"]),
            None => {}
        }
    }
    assert!(!script.is_empty(), "docs/glass.md has no {kind} block");
    script
}

/// Runs a block as the page says: saved as a script.
pub fn shell(case: &Case, script: &str, pin: &str) -> Output {
    let folder = tempfile::tempdir_in(&case.folder).unwrap();
    fs::write(folder.path().join("audit.sh"), script).unwrap();
    case.command("sh")
        .current_dir(folder.path())
        .env_remove("GIT_CONFIG_COUNT")
        .env("GIT_CONFIG_GLOBAL", case.settings_of_who_signs())
        .env("URL", case.glass())
        .env("SIGNERS", case.path("allowed_signers"))
        .env("IDENTITY", case.path("identity.txt"))
        .env("PIN", pin)
        .arg("audit.sh")
        .output()
        .unwrap()
}

/// What the page's script says of a glass, and how it ends.
pub fn audited(case: &Case, pin: &str) -> (Option<i32>, String) {
    let output = shell(case, &blocks("sh"), pin);
    (output.status.code(), says(&output))
}

fn case() -> Case {
    let case = Case::new();
    case.init(true);
    let first = case.package(1, None);
    case.record(&first);
    case.record_operation(&case.operation(&first, 4), &case.customer).unwrap();
    case.record(&case.package(2, Some(&first)));
    case.record_operation(&case.operation(&case.package_recorded(2), 1), &case.issuer).unwrap();
    case
}

/// Everything that was printed.
pub fn says(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn the_pages_commands_accept_a_good_glass() {
    let case = case();
    let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
    let output = shell(&case, &blocks("sh"), &pin);
    assert!(output.status.success(), "{}", says(&output));
    let head = case.git(&["rev-parse", "main"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("OK: 5 operations, head {head}\n"));
}

/// What a package ships for pipelines, on a clone.
fn proven(case: &Case, signers: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir_in(&case.folder).unwrap();
    let clone = folder.path().join("clone");
    let cloned = case.git_in(&case.folder, &["clone", "-q", "glass", clone.to_str().unwrap()]);
    assert!(cloned.status.success(), "{}", says(&cloned));
    fs::write(folder.path().join("signers"), signers).unwrap();
    let mut proof = case.command("sh");
    proof.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/ci-cd/verify-glass")).arg(clone);
    proof.arg(folder.path().join("signers")).arg(case.git(&["rev-parse", "main"]));
    let output = proof.output().unwrap();
    (output.status.code(), says(&output))
}

#[test]
fn both_stock_proofs_take_a_name_of_letters_that_git_writes_in_quotes() {
    let case = case();
    let folder = case.operation(&case.package_recorded(2), 2);
    fs::write(folder.join("\u{e4}\u{f6} \u{645}\u{647}\u{627}.txt"), "kept\n").unwrap();
    case.record_operation(&folder, &case.customer).unwrap();
    let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
    let (code, said) = audited(&case, &pin);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = proven(&case, &case.signers_text());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = proven(&case, &case.signers_text().replace('\n', "\r\n"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the lines of the signers end as on Windows (CR LF)"), "{said}");
}

#[test]
fn the_pages_commands_take_nothing_for_a_pin_that_may_move() {
    let case = case();
    let head = case.git(&["rev-parse", "main"]);
    for pin in ["main", "", "HEAD", &head[..12]] {
        let (code, said) = audited(&case, pin);
        assert_eq!((code, said.as_str()), (Some(1), "FAIL: PIN is not the whole id of a commit\n"), "{pin}");
    }
}

#[test]
fn the_pages_commands_decrypt_what_a_recipient_may_read() {
    let case = case();
    let script =
        format!("git clone -q \"$URL\" glass; cd glass\n{}cat docs/ledger.json", blocks("sh decrypt"));
    let output = shell(&case, &script, "");
    assert!(output.status.success(), "{}", says(&output));
    assert_eq!(output.stdout, b"[]\n");
}

/// What a recipient unpacks from a clone is the package, in the form in which it runs.
#[test]
fn the_pages_commands_unpack_what_runs() {
    let case = case();
    let folder = case.path("unpacked");
    let script = format!(
        "set -eu; git clone -q \"$URL\" clone; CLONE=$PWD/clone DIR=$HOME/unpacked\n{}{}rm -r personal\n",
        blocks("sh unpack"),
        blocks("sh decrypt")
    );
    let output = shell(&case, &script, "");
    assert!(output.status.success(), "{}", says(&output));
    let at = crate::support::timestamp(case.tick());
    let trust = stufpack::open::Trust { signers: case.signers(), revoked: Default::default(), at };
    let verified = stufpack::open::verify(&folder, None, &trust).unwrap();
    assert_eq!(verified.package.sha256(), case.package_recorded(2).sha256());
}

#[test]
fn the_pages_second_glass_takes_the_next_package_and_goes_its_own_way() {
    let case = case();
    let output = shell(&case, &format!("{}mv ours \"$HOME/second\"", blocks("sh two")), "");
    assert!(output.status.success(), "{}", says(&output));
    // The first glass goes on too; the second one does not mind.
    let third = case.package(3, Some(&case.package_recorded(2)));
    case.record(&third);
    let signers = case.signers();
    let key = case.customer.signer();
    let recording = crate::support::recording(&key, &signers);
    let recorded = stufpack::record::record(&case.path("second"), &third, &recording).unwrap();
    assert_eq!((recorded.operation, recorded.new), (5, true));
}

#[test]
fn the_pages_commands_refuse_bad_glasses() {
    type Spoil = fn(&Case);
    let ways: [(&str, Spoil, &str); 22] = [
        (
            "an unknown key",
            |case| drop(Forge { key: Some(&case.stranger), ..Forge::new(case) }.commit()),
            ": signature",
        ),
        ("no signature", |case| drop(Forge { key: None, ..Forge::new(case) }.commit()), ": signature"),
        (
            "another name",
            |case| drop(Forge { name: "issuer/x".into(), ..Forge::new(case) }.commit()),
            "bears the name",
        ),
        ("a gap", |case| drop(Forge { operation: 9, ..Forge::new(case) }.commit()), "operation 3 is missing"),
        (
            "a date that goes back",
            |case| drop(Forge { date: 1_768_000_001, ..Forge::new(case) }.commit()),
            "its date goes back",
        ),
        (
            "a forged trailer",
            |case| drop(Forge { message: |text| text + "Approved-By: eve\n", ..Forge::new(case) }.commit()),
            "not the twelve trailers",
        ),
        ("a changed journal", |case| add(case, OLD, b"{}\n"), "only adds to its own folder"),
        ("a file taken away", |case| change(case, OLD, None), "only adds to its own folder"),
        ("a changed package file", |case| add(case, "migrate", b"x"), "only adds to its own folder"),
        (
            "a side branch",
            |case| {
                let side = Forge::new(case).dangling();
                case.git(&["update-ref", "refs/heads/side", &side]);
            },
            "another history beside main",
        ),
        (
            "a merge",
            |case| {
                let side = Forge::new(case).dangling();
                let head = case.git(&["rev-parse", "main"]);
                Forge { parents: vec![head, side], ..Forge::new(case) }.commit();
            },
            "there are merges",
        ),
        (
            "an unlisted file in a package",
            |case| package(case, "extra.tf", b"x"),
            "not those that were signed",
        ),
        ("another byte in a package", |case| package(case, "README.md", b"x"), "is not what was signed"),
        ("a personal file in clear", |case| package(case, "personal/0001.age", b"ada\n"), "is not encrypted"),
        (
            "a personal file too many",
            |case| package(case, "personal/0099.age", b"age-encryption.org/v1\nada@example.org\n"),
            "personal/0099.age\nFAIL",
        ),
        (
            "a personal file too few",
            |case| {
                forged(case, |forge| {
                    forge.files.retain(|(path, _)| path != "personal/0002.age");
                    forge.files.push(("personal/0002.age".to_owned(), None));
                });
            },
            "personal/0002.age\nFAIL",
        ),
        (
            "files that hide themselves in a package",
            |case| forged(case, |forge| forge.files.extend(hidden_files())),
            "it would hide or change files",
        ),
        (
            "files that hide beside an operation",
            |case| {
                add(case, "audit/access-logs/0003-access/.gitattributes", b".gitattributes export-ignore\n");
            },
            "it would hide or change files",
        ),
        (
            "a link in a package",
            |case| {
                forged(case, |forge| {
                    forge.mode = |path| if path == "README.md" { "120000" } else { "100644" };
                });
            },
            "there is a link, or another repository",
        ),
        (
            "data that may be run",
            |case| {
                forged(case, |forge| {
                    forge.mode = |path| if path == "README.md" { "100755" } else { "100644" };
                });
            },
            "it may be run, and is no code: README.md",
        ),
        (
            "an operation that may be run",
            |case| drop(Forge { mode: |_| "100755", ..Forge::new(case) }.commit()),
            "a record may be run",
        ),
        (
            "a beginning that hides files",
            |case| {
                let root = case.git(&["rev-list", "--max-parents=0", "main"]);
                let list = b"* -text -filter -ident -working-tree-encoding\nevil.yml export-ignore\n";
                let files = vec![(".gitattributes".to_owned(), Some(list.to_vec()))];
                let date = case.git(&["log", "-1", "--format=%ct", &root]).parse().unwrap();
                let (event, parents) = ("init", Vec::new());
                let begun = Forge { event, parents, files, operation: 0, date, ..Forge::new(case) }.commit();
                fs::write(case.path("pin"), begun).unwrap();
            },
            ".gitattributes would change files",
        ),
    ];
    for (what, spoil, expected) in ways {
        let case = Case::new();
        case.init(true);
        let first = case.package(1, None);
        case.record(&first);
        case.record_operation(&case.operation(&first, 2), &case.customer).unwrap();
        let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
        spoil(&case);
        let pin = fs::read_to_string(case.path("pin")).unwrap_or(pin);
        let output = shell(&case, &blocks("sh"), &pin);
        assert!(!output.status.success(), "{what} was accepted");
        assert!(says(&output).contains(expected), "{what}: {}", says(&output));
    }
}

#[test]
fn the_pages_commands_refuse_a_rewritten_history() {
    let case = case();
    let head = case.git(&["rev-parse", "main"]);
    case.git(&["update-ref", "refs/heads/main", "main~1"]);
    let output = shell(&case, &blocks("sh"), &head);
    assert!(says(&output).contains("not in this history"), "{}", says(&output));
}

/// Whether the shell stops by itself at what fails or not: a bad signers file ends with the reason, and never with OK.
#[test]
fn the_pages_commands_refuse_unsafe_signers() {
    let case = case();
    let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
    let good = case.signers_text();
    let (issuer, key, stranger) = (case.issuer.principal, case.issuer.public(), case.stranger.public());
    let packages = good.replace("\"git,stufpack\"", "\"stufpack\"");
    for (signers, expected) in [
        (format!("{issuer} {key}\n"), format!("signers: not as VERIFY.txt has it: {issuer} ")),
        (format!("{good}{issuer} {stranger}"), format!("signers: not as VERIFY.txt has it: {issuer} ")),
        (
            format!("{good}* namespaces=\"git\" {stranger}\n"),
            "signers: not as VERIFY.txt has it: * ".to_owned(),
        ),
        (good.replace(issuer, "*"), "signers: not as VERIFY.txt has it: * ".to_owned()),
        (good.replace("\"git,stufpack\"", "\"*\""), "signers: not as VERIFY.txt has it: ".to_owned()),
        (good.replace("\"git,stufpack\"", "\"GIT\""), "signers: not as VERIFY.txt has it: ".to_owned()),
        (good.clone() + &good, "a key stands there twice".to_owned()),
        (good.replace('\n', "\r\n"), "signers: its lines end as on Windows".to_owned()),
        (packages.replace("\"git\"", "\"stufpack\""), "write namespaces=\"git,stufpack\"".to_owned()),
        // Git's own reason is not hidden.
        (packages, "is not permitted for use in signature namespace \"git\"".to_owned()),
    ] {
        fs::write(case.path("allowed_signers"), &signers).unwrap();
        for script in [blocks("sh"), blocks("sh").replace("set -eu\n", "")] {
            let output = shell(&case, &script, &pin);
            assert_eq!(output.status.code(), Some(1), "{signers}: {}", says(&output));
            let said = says(&output);
            assert!(said.contains("FAIL: ") && said.contains(&expected), "{signers}: {said}");
            assert!(!said.contains("OK: "), "{signers}: {said}");
        }
    }
}

const OLD: &str = "audit/deployment-history/0002-deployment/journal.jsonl";

fn add(case: &Case, path: &str, content: &[u8]) {
    change(case, path, Some(content.to_vec()));
}

fn change(case: &Case, path: &str, content: Option<Vec<u8>>) {
    let mut forge = Forge::new(case);
    forge.files.push((path.to_owned(), content));
    forge.commit();
}

/// Package 2, recorded with one file other than it should be.
fn package(case: &Case, path: &str, content: &[u8]) {
    forged(case, |forge| {
        forge.files.retain(|(name, _)| name != path);
        forge.files.push((path.to_owned(), Some(content.to_vec())));
    });
}

/// Package 2, recorded by a commit that differs from a right one.
fn forged(case: &Case, change: impl FnOnce(&mut Forge<'_>)) {
    let good = case.git(&["rev-parse", "main"]);
    case.record(&case.package(2, Some(&case.package_recorded(1))));
    forged_again(case, &good, &case.issuer, change);
}
