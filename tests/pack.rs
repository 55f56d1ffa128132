//! A package is sealed, written, verified and unpacked; the same input gives the same bytes.

mod packages;

use packages::{KEY, details, files, package, run, signer, trust, word};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use stufpack::model::{AgeRecipient, File, Word as _};
use stufpack::open::{self, Form, Standing, Trust};
use stufpack::pack::age::Identities;
use stufpack::pack::{self, Manifest, Output, Sealing};

/// Zip, encrypted zip and folder verify, and hold the same files.
#[test]
fn a_package_verifies_in_each_form() {
    let temp = tempfile::tempdir().expect("a folder");
    let package = package();
    let identity = age::x25519::Identity::generate();
    let recipient = AgeRecipient::parse(&identity.to_public().to_string()).expect("a recipient");
    let identities = Identities::parse(secret(&identity).as_bytes()).expect("an identity");
    let plain = temp.path().join("plain");
    let encrypted = temp.path().join("encrypted");
    let output = Output { recipients: &[recipient], force: false };

    let plain = pack::write(&package, &signer(KEY), &plain, &Output::default()).expect("written");
    let encrypted = pack::write(&package, &signer(KEY), &encrypted, &output).expect("written");
    let zip = open::verify(&plain.package, None, &trust()).expect("the zip verifies");
    let age =
        open::verify(&encrypted.package, Some(&identities), &trust()).expect("the encrypted zip verifies");
    let folder = temp.path().join("unpacked");
    open::unpack(&zip, &folder).expect("unpacked");
    let unpacked = open::verify(&folder, None, &trust()).expect("the folder verifies");

    assert_eq!([zip.form, age.form, unpacked.form], [Form::Zip, Form::Encrypted, Form::Folder]);
    assert_eq!(zip.signed_by.principal.as_str(), "issuer/tests.example");
    assert_eq!(zip.standing, Standing::Current);
    for opened in [zip, age, unpacked] {
        assert_eq!(opened.package.zip(), package.zip());
        assert_eq!(opened.package.manifest(), package.manifest());
    }
}

fn secret(identity: &age::x25519::Identity) -> String {
    use age::secrecy::ExposeSecret as _;
    identity.to_string().expose_secret().to_owned()
}

/// The caller is told, and decides: whatever leads back must not be stopped by a date.
#[test]
fn an_expired_package_verifies_and_says_so() {
    let zip = package().zip();
    let standing = |at: &str| {
        let trust = Trust { at: word(at), ..trust() };
        open::verify_zip(Form::Zip, &zip, &trust).expect("verified").standing
    };
    assert_eq!(standing("2026-11-19T21:03:59Z"), Standing::Future);
    assert_eq!(standing("2026-11-19T21:04:00Z"), Standing::Current);
    assert_eq!(standing("2026-12-19T21:04:00Z"), Standing::Current);
    assert_eq!(standing("2026-12-19T21:04:01Z"), Standing::Expired);
}

/// Files from elsewhere, such as a glass, are judged like a folder.
#[test]
fn files_in_memory_are_verified() {
    let package = package();
    let files =
        || package.files().iter().map(|(path, file)| (path.clone(), file.bytes.to_vec(), file.executable));
    let verified = open::verify_files(files(), &trust()).expect("verified");
    assert_eq!((verified.form, verified.package.zip()), (Form::Files, package.zip()));

    let problems = open::verify_files(files().skip(1), &trust()).expect_err("one is missing");
    assert_eq!(problems[0].code.0, "verify.file.missing");
    let outside = ("../outside".to_owned(), Vec::new(), false);
    let problems = open::verify_files(files().chain([outside]), &trust()).expect_err("a wrong name");
    assert_eq!(problems[0].code.0, "verify.folder.name");
}

#[test]
fn unpacked_files_are_private_and_programs_run() {
    let temp = tempfile::tempdir().expect("a folder");
    let zip = temp.path().join("package.zip");
    fs::write(&zip, package().zip()).expect("written");
    let out = temp.path().join("deep/er/out");

    open::unpack(&open::verify(&zip, None, &trust()).expect("verifies"), &out).expect("unpacked");

    let mode = |path: &str| fs::metadata(out.join(path)).expect(path).permissions().mode() & 0o7777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("infrastructure/compose"), 0o700);
    assert_eq!(mode("migrate"), 0o700);
    assert_eq!(mode("infrastructure/compose/.env"), 0o600);
    let again = open::unpack(&open::verify(&zip, None, &trust()).expect("verifies"), &out);
    assert!(matches!(again, Err(open::Error::Exists { .. })));
}

/// `unzip`, Python and the zip crate, which know nothing of ours, read the same files; modes come out private.
#[test]
fn other_programs_read_the_zip() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("package.zip");
    let package = package();
    fs::write(&path, package.zip()).expect("written");

    let unzip = run(Command::new("unzip").arg("-q").arg(&path).arg("-d").arg(temp.path().join("out")));
    assert!(unzip.status.success() && unzip.stderr.is_empty(), "{unzip:?}");
    let verified =
        open::verify(&temp.path().join("out/harbour"), None, &trust()).expect("what unzip wrote verifies");
    assert_eq!(verified.package.zip(), package.zip());
    let python = run(Command::new("python3").arg("-c").arg(
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.namelist()))",
    ).arg(&path));
    assert!(python.status.success(), "{python:?}");
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(package.zip())).expect("the zip crate opens it");
    for (name, file) in package.files() {
        let mut bytes = Vec::new();
        let mut entry = archive.by_name(&format!("harbour/{name}")).expect(name);
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect(name);
        assert_eq!(bytes, *file.bytes, "{name}");
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let temp = tempfile::tempdir().expect("a folder");
    let out = temp.path().join("out");
    let write = |force| pack::write(&package(), &signer(KEY), &out, &Output { recipients: &[], force });

    let first = write(false).expect("written");
    assert!(!first.unchanged);
    assert!(write(false).expect("the same bytes are fine").unchanged);
    fs::write(&first.package, "other bytes").expect("written");
    assert!(matches!(write(false), Err(pack::Error::Exists { .. })));
    assert_eq!(fs::read(&first.package).expect("read"), b"other bytes");
    assert!(!write(true).expect("forced").unchanged);
    assert_eq!(fs::read(&first.package).expect("read"), package().zip());
    let names: Vec<_> =
        fs::read_dir(&out).expect("read").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn wrong_files_are_not_sealed() {
    let seal = |path: &str, file: File| {
        let mut files = files();
        files.insert(path.to_owned(), file);
        pack::seal(files, &Sealing { signer: &signer(KEY), details: &details() })
    };
    assert!(matches!(seal("../outside", File::data("")), Err(pack::Error::Name { .. })));
    assert!(matches!(seal("SHA256SUMS", File::data("")), Err(pack::Error::Reserved { .. })));
    assert!(matches!(seal("readme.md", File::data("")), Err(pack::Error::Clash { .. })));
    let program = File { executable: true, ..File::data("#!/bin/sh\n") };
    assert!(matches!(seal("configuration/x", program), Err(pack::Error::Executable { .. })));
    let without = |path: &str| {
        let mut files = files();
        files.remove(path);
        pack::seal(files, &Sealing { signer: &signer(KEY), details: &details() })
    };
    assert!(matches!(without("MIGRATION-PLAN.json"), Err(pack::Error::PlanMissing)));
    assert!(matches!(without("bill-of-materials.cdx.json"), Err(pack::Error::BillMissing)));
}

/// `schemas/manifest.json` is what the types say, and says so of a real manifest.
#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/manifest.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(path, Manifest::schema()).expect("written");
    }
    assert_eq!(
        fs::read_to_string(path).expect("schemas/manifest.json"),
        Manifest::schema(),
        "STUFPACK_BLESS=1 rewrites it"
    );
}

/// The code of this version can be sealed, and its own `migrate` accepts the package that `unzip` writes, but not one
/// with an added file.
#[test]
fn migrate_accepts_what_we_seal() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut files = files();
    files.extend(stufpack::embedded::CODE.iter().map(|code| (code.path.to_owned(), code.file())));
    let plan = r#"{"schema": 1, "plan": {}, "phases": [], "not_needed": [], "gates": [], "verbs": [],
        "content": {"may_run": [], "delta": {"seconds": 0}, "proof_at_source": 0}}"#;
    files.insert("MIGRATION-PLAN.json".to_owned(), File::document(plan));
    let sealed = pack::seal(files, &Sealing { signer: &signer(KEY), details: &details() }).expect("sealed");
    fs::write(temp.path().join("package.zip"), sealed.zip()).expect("written");
    fs::write(temp.path().join("signers"), packages::signers_text()).expect("written");
    let unzip = run(Command::new("unzip").args(["-q", "package.zip"]).current_dir(temp.path()));
    assert!(unzip.status.success(), "{unzip:?}");
    let migrate = || {
        run(Command::new("./migrate")
            .arg("status")
            .current_dir(temp.path().join("harbour"))
            .env("HOME", temp.path())
            .env("STUFPACK_STATE", temp.path().join("state"))
            .env("STUFPACK_SIGNERS", temp.path().join("signers")))
    };

    let accepted = migrate();
    assert!(accepted.status.success(), "{accepted:?}");
    assert!(accepted.stdout.starts_with(b"harbour production, package 1"), "{accepted:?}");
    let added = temp.path().join("harbour/infrastructure/extra.tf");
    fs::write(&added, "").expect("written");
    packages::set_mode(&added, 0o600);
    let refused = migrate();
    assert_eq!(refused.status.code(), Some(12), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("error[verify.files]"), "{refused:?}");
}

/// The longest name that can be sealed verifies in each form.
#[test]
fn the_longest_name_verifies() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = "d/".repeat(98) + "file";
    let mut files = files();
    files.insert(path.clone(), File::data("deep\n"));
    let sealing = Sealing { signer: &signer(KEY), details: &details() };
    let sealed = pack::seal(files.clone(), &sealing).expect("sealed");
    let verified = open::verify_zip(Form::Zip, &sealed.zip(), &trust()).expect("verified");
    open::unpack(&verified, &temp.path().join("out")).expect("unpacked");
    open::verify(&temp.path().join("out"), None, &trust()).expect("the folder verifies");

    files.insert(path + "x", File::data(""));
    assert!(matches!(pack::seal(files, &sealing), Err(pack::Error::Name { .. })));
}
