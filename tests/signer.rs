//! Which keys sign, and that OpenSSH agrees with our signatures.

mod packages;

use packages::run;
use std::fs;
use std::path::Path;
use std::process::Command;
use stufpack::model::{Domain, Word as _};
use stufpack::pack::{Error, NAMESPACE, Signer};

fn generate(folder: &Path, arguments: &[&str]) -> std::path::PathBuf {
    let key = folder.join("key");
    let output = run(Command::new("ssh-keygen").args(["-q", "-f"]).arg(&key).args(arguments));
    assert!(output.status.success(), "{output:?}");
    key
}

/// Ed25519 signatures are deterministic, so ours are the bytes that `ssh-keygen` writes; ECDSA ones verify.
#[test]
fn openssh_accepts_our_signatures() {
    for (arguments, is_same) in [
        (["-t", "ed25519", "-N", "", "-C", "issuer/tests.example"].as_slice(), true),
        (&["-t", "ecdsa", "-b", "256", "-N", "", "-C", "somebody@host"], false),
    ] {
        let temp = tempfile::tempdir().expect("a folder");
        let key = generate(temp.path(), arguments);
        let message = temp.path().join("message");
        fs::write(&message, "some sums\n").expect("written");
        let signer = Signer::from_file(&key).expect("a key that signs");

        let ours = signer.sign(NAMESPACE, b"some sums\n").expect("signed");
        assert_eq!(ours, signer.sign(NAMESPACE, b"some sums\n").expect("signed"), "not deterministic");
        let theirs = run(Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
            .arg(&key)
            .arg(&message));
        assert!(theirs.status.success(), "{theirs:?}");
        let theirs = fs::read_to_string(temp.path().join("message.sig")).expect("their signature");
        assert_eq!(ours == theirs, is_same);

        let (signature, signers) = (temp.path().join("ours.sig"), temp.path().join("signers"));
        fs::write(&signature, ours).expect("written");
        let public = fs::read_to_string(key.with_extension("pub")).expect("the public key");
        fs::write(&signers, format!("issuer/x namespaces=\"stufpack\" {public}")).expect("written");
        let verify = run(Command::new("ssh-keygen")
            .args(["-Y", "verify", "-n", NAMESPACE, "-I", "issuer/x", "-f"])
            .arg(&signers)
            .arg("-s")
            .arg(&signature)
            .stdin(fs::File::open(&message).expect("the message")));
        assert!(verify.status.success(), "{verify:?}");
    }
}

#[test]
fn keys_that_should_not_sign_are_refused_without_showing_them() {
    let refused = |arguments: &[&str], mode: u32| {
        let temp = tempfile::tempdir().expect("a folder");
        let key = generate(temp.path(), arguments);
        packages::set_mode(&key, mode);
        Signer::from_file(&key).expect_err("refused")
    };
    assert!(matches!(refused(&["-t", "ed25519", "-N", ""], 0o640), Error::KeyExposed { mode: 0o640, .. }));
    assert!(matches!(refused(&["-t", "ed25519", "-N", "open sesame"], 0o600), Error::KeyEncrypted { .. }));
    assert!(matches!(refused(&["-t", "rsa", "-b", "2048", "-N", ""], 0o600), Error::KeyAlgorithm { .. }));
    assert!(matches!(refused(&["-t", "ecdsa", "-b", "384", "-N", ""], 0o600), Error::KeyAlgorithm { .. }));
    let form = Signer::from_openssh(b"a password by mistake", Path::new("notes.txt")).expect_err("refused");
    assert!(matches!(form, Error::KeyForm { .. }));
    assert!(!format!("{form:?} {form}").contains("password"));
    let key = packages::signer(packages::KEY);
    assert_eq!(format!("{key:?}"), format!("Signer({})", key.fingerprint()));
}

#[test]
fn the_issuer_is_the_comment_or_the_installation() {
    let temp = tempfile::tempdir().expect("a folder");
    let installation = Domain::parse("harbour.stuf.example").expect("a domain");
    let named = generate(temp.path(), &["-t", "ed25519", "-N", "", "-C", "issuer/releases@example.org"]);
    let named = Signer::from_file(&named).expect("a key").issuer(&installation);
    let unnamed = packages::signer(packages::KEY).issuer(&installation);

    assert_eq!(named.as_str(), "issuer/releases@example.org");
    assert_eq!(unnamed.as_str(), "issuer/harbour.stuf.example");
}
