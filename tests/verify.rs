//! Every way of being wrong is found, named by file, and seen by stock tools or named in `VERIFY.txt` as invisible to them.

mod corpus;
mod packages;

use age::secrecy::ExposeSecret as _;
use corpus::change::Subject;
use corpus::raw_zip::RawZip;
use corpus::stock::{self, Place, Verdict};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stufpack::model::{AgeRecipient, Word as _};
use stufpack::open::{self, Trust, Way};
use stufpack::pack::age::Identities;
use stufpack::pack::{self, Output};

#[test]
fn each_case_is_found_as_described() {
    stock::require_tools();
    let failures: Vec<String> = corpus::cases().par_iter().filter_map(|case| case.run().err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// No two cases are caught by one line of ours: each way has a code of its own and stands in one place.
#[test]
fn each_way_of_being_wrong_has_one_case() {
    let mut cases: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for case in corpus::cases() {
        let code = case.description.expect[0].split(' ').next().unwrap_or_default().to_owned();
        cases.entry((case.description.kit, code)).or_default().push(case.name);
    }
    let ways: BTreeSet<String> = Way::ALL.iter().map(|way| way.code().0.to_owned()).collect();
    let twice: Vec<_> = cases.values().filter(|names| names.len() > 1).collect();
    assert!(twice.is_empty(), "caught by one line of ours: {twice:?}");
    let of_kits = cases.keys().filter(|(kit, _)| *kit).count();
    assert!(of_kits >= 12, "{of_kits} ways in which a kit can be wrong");
    assert_eq!(cases.into_keys().map(|(_, code)| code).collect::<BTreeSet<_>>(), ways);
    assert!(ways.len() >= 40);
}

/// The cases start from a right package: what the tests write without a change is what `seal` wrote.
#[test]
fn without_a_change_the_tests_write_what_seal_writes() {
    let package = packages::package();
    let subject = Subject::new(&package);
    assert!(RawZip::canonical(&subject.top, &subject.tree).bytes() == package.zip());
}

/// The page's own line as signers file, its own commands, and ours: all is well, in each form.
#[test]
fn verify_txt_works_as_printed() {
    stock::require_tools();
    let temp = tempfile::tempdir().expect("a folder");
    let package = packages::package();
    let subject = Subject::new(&package);
    let signer = packages::signer(packages::KEY);
    let recipient = AgeRecipient::parse(&subject.identity.to_public().to_string()).expect("a recipient");
    let (signers, identity) = (temp.path().join("signers"), temp.path().join("identity"));
    std::fs::write(&identity, subject.identity.to_string().expose_secret()).expect("written");
    let identities = Identities::from_file(&identity).expect("an identity");

    for (name, recipients) in [("plain", [].as_slice()), ("encrypted", &[recipient])] {
        let out = temp.path().join(name);
        let written =
            pack::write(&package, &signer, &out, &Output { recipients, force: false }).expect("written");
        let page = std::fs::read_to_string(&written.verify_text).expect("VERIFY.txt");
        let line =
            page.lines().find(|line| line.starts_with("issuer/")).expect("a line for the signers file");
        std::fs::write(&signers, format!("{line}\n")).expect("written");
        assert!(page.contains(&signer.fingerprint()));
        let place =
            Place { folder: &out, signers: &signers, revoked: None, identity: &identity, unpacked: None };
        assert_eq!(stock::judge(&page, &place), Verdict::Passes, "{name}");

        let trust = Trust::read(&signers, None, packages::at()).expect("the signers");
        let verified = open::verify(&written.package, Some(&identities), &trust).expect("verified");
        let folder = temp.path().join(format!("{name}-unpacked/package"));
        open::unpack(&verified, &folder).expect("unpacked");
        let parent = folder.parent().expect("a parent");
        if recipients.is_empty() {
            let place = Place { folder: parent, unpacked: Some(&folder), ..place };
            assert_eq!(stock::judge(&page, &place), Verdict::Passes, "{name}, unpacked");
        }
        open::verify(&folder, None, &trust).expect("the folder verifies");
    }
}

/// A kit is verified by what verifies packages, in each form, and its page's own commands say the same.
#[test]
fn a_kit_is_verified_as_packages_are() {
    stock::require_tools();
    let temp = tempfile::tempdir().expect("a folder");
    let (out, signers, identity) =
        (temp.path().join("out"), temp.path().join("signers"), temp.path().join("identity"));
    let written = packages::kit().write(&packages::kit_signer(), &out, false).expect("written");
    let page = std::fs::read_to_string(&written.verify_text).expect("VERIFY.txt");
    assert!(
        page.contains("an issuer in kit.json other") && !page.contains("manifest.json"),
        "a kit has no manifest"
    );
    let line = page.lines().find(|line| line.starts_with("issuer/")).expect("a line for the signers file");
    std::fs::write(&signers, format!("{line}\n")).expect("written");
    std::fs::write(&identity, "").expect("written");
    let place = Place { folder: &out, signers: &signers, revoked: None, identity: &identity, unpacked: None };
    assert_eq!(stock::judge(&page, &place), Verdict::Passes);

    let trust = Trust::read(&signers, None, packages::at()).expect("the signers");
    let unpacked = out.join("check").join(pack::KIT_TOP);
    for (path, form) in [(&written.package, open::Form::Zip), (&unpacked, open::Form::Folder)] {
        let sealed = open::sealed(path, None, &trust).expect("verified");
        let open::Sealed::Kit(verified) = sealed else { panic!("it is a kit") };
        assert_eq!((verified.form, verified.kit.sha256()), (form, packages::kit().sha256()));
        assert_eq!(verified.kit.zip(), packages::kit().zip());
    }
}

/// An encrypted package without an identity is a matter of the command line, not of trust.
#[test]
fn an_encrypted_package_needs_an_identity() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("package.zip.age");
    std::fs::write(&path, "age-encryption.org/v1\n").expect("written");
    let error = open::verify(&path, None, &packages::trust()).expect_err("refused");
    assert!(matches!(error, open::Error::IdentityNeeded { .. }), "{error:?}");
}

/// `docs/reference/verification.md` is what the program says.
#[test]
fn the_reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/verification.md");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(path, Way::reference()).expect("written");
    }
    let published = std::fs::read_to_string(path).expect(path);
    assert_eq!(published, Way::reference(), "STUFPACK_BLESS=1 rewrites it");
}

/// What is parsed is bounded: a list of nothing but line ends costs little, and its problems are not told a million times.
#[test]
fn lists_without_end_cost_little() {
    let package = packages::package();
    let with = |path: &str, bytes: Vec<u8>| {
        let files = package.files().iter().filter(|(name, _)| *name != path);
        let files = files.map(|(name, file)| (name.clone(), file.bytes.to_vec(), file.executable));
        open::verify_files(files.chain([(path.to_owned(), bytes, false)]), &packages::trust())
            .expect_err("refused")
    };
    assert!(with("SHA256SUMS", vec![b'\n'; 1 << 20]).len() < 200);
    for (path, size) in [("SHA256SUMS", 33 << 20), ("manifest.json", 5 << 20), ("SHA256SUMS.sig", 17 << 10)] {
        let problems = with(path, vec![b'['; size]);
        assert_eq!((problems.len(), problems[0].code.0, &*problems[0].path), (1, "verify.large", path));
    }
}

/// Entries that share their bytes are told and not read, so that a small zip cannot fill the memory.
#[test]
fn entries_over_the_same_bytes_are_not_read_again() {
    let subject = Subject::new(&packages::package());
    let mut zip = RawZip::canonical(&subject.top, &subject.tree);
    let place = zip.find("harbour/README.md");
    let copy = zip.entries[place].clone();
    zip.entries.insert(place + 1, corpus::raw_zip::Entry { only_listed: true, ..copy });
    let problems = open::verify_zip(open::Form::Zip, &zip.bytes(), &packages::trust()).expect_err("refused");
    let told: Vec<&str> = problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(told, ["verify.zip.twice", "verify.zip.gap"]);
}
