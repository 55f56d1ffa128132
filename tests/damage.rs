//! Whatever happens to the bytes of a package, it is refused, and nothing panics.

mod packages;

use proptest::prelude::*;
use std::sync::LazyLock;
use stufpack::open::{self, Form, Revoked, Signers, Trust};
use stufpack::pack::age::{self, Identities};

static ZIP: LazyLock<Vec<u8>> = LazyLock::new(|| packages::package().zip());
static TRUST: LazyLock<Trust> = LazyLock::new(packages::trust);

/// Something that happens to bytes; each changes them.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: prop::sample::Index, with: u8 },
    Truncate { at: prop::sample::Index },
    Insert { at: prop::sample::Index, bytes: Vec<u8> },
    Remove { at: prop::sample::Index, length: usize },
    Copy { from: prop::sample::Index, to: prop::sample::Index, length: usize },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), 1..=255u8).prop_map(|(at, with)| Damage::Flip { at, with }),
        at().prop_map(|at| Damage::Truncate { at }),
        (at(), prop::collection::vec(any::<u8>(), 1..64))
            .prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        (at(), 1..200usize).prop_map(|(at, length)| Damage::Remove { at, length }),
        (at(), at(), 1..200usize).prop_map(|(from, to, length)| Damage::Copy { from, to, length }),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    match damage {
        Damage::Flip { at, with } => {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        Damage::Truncate { at } => bytes.truncate(at.index(bytes.len())),
        Damage::Insert { at, bytes: new } => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Remove { at, length } => {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.drain(at..end);
        }
        Damage::Copy { from, to, length } => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let copied = bytes[from..(from + length).min(bytes.len())].to_vec();
            for (place, byte) in bytes[to..].iter_mut().zip(copied) {
                *place = byte;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_zip_is_refused(damages in prop::collection::vec(damage(), 1..4)) {
        let mut zip = ZIP.clone();
        for damage in &damages {
            if !zip.is_empty() {
                apply(&mut zip, damage);
            }
        }
        prop_assume!(zip != *ZIP);
        let problems = open::verify_zip(Form::Zip, &zip, &TRUST).expect_err("damaged");
        prop_assert!(!problems.is_empty());
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(open::verify_zip(Form::Zip, &bytes, &TRUST).is_err());
    }

    /// A header that looks right is followed by anything.
    #[test]
    fn any_directory_is_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 0..5u16,
        start in 0..250u32,
        length in 0..250u32,
    ) {
        let mut zip = bytes;
        zip.extend(b"PK\x05\x06\0\0\0\0");
        zip.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        zip.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
        zip.extend(b"\0\0");
        prop_assert!(open::verify_zip(Form::Zip, &zip, &TRUST).is_err());
    }

    #[test]
    fn any_signers_file_is_read_or_refused(text in "([a-z/*,!. \"=]|namespaces=|\"stufpack\"|ssh-ed25519 |AAAA|\n|\t|#|valid-after=|2026Z|\\PC){0,60}") {
        if let Ok(signers) = Signers::parse(text.as_bytes(), "signers") {
            prop_assert!(!signers.entries.is_empty());
        }
        let _ = Revoked::parse(text.as_bytes(), "revoked");
        let _ = Identities::parse(text.as_bytes());
    }
}

/// Each single bit of a small package counts.
#[test]
fn every_flipped_bit_is_refused() {
    for at in 0..ZIP.len() {
        let mut zip = ZIP.clone();
        zip[at] ^= 1 << (at % 8);
        assert!(open::verify_zip(Form::Zip, &zip, &TRUST).is_err(), "byte {at}");
    }
}

#[test]
fn every_flipped_byte_of_an_encrypted_file_is_refused() {
    use ::age::secrecy::ExposeSecret as _;
    use stufpack::model::{AgeRecipient, Word as _};
    let identity = ::age::x25519::Identity::generate();
    let recipient = AgeRecipient::parse(&identity.to_public().to_string()).expect("a recipient");
    let identities = Identities::parse(identity.to_string().expose_secret().as_bytes()).expect("an identity");
    let encrypted = age::encrypt(b"personal", &[recipient]).expect("encrypted");

    assert_eq!(age::decrypt(&encrypted, &identities, 100).expect("decrypted"), b"personal");
    assert!(matches!(age::decrypt(&encrypted, &identities, 7), Err(age::Error::TooLarge { limit: 7 })));
    for at in 0..encrypted.len() {
        let mut changed = encrypted.clone();
        changed[at] ^= 1;
        assert!(age::decrypt(&changed, &identities, 100).is_err(), "byte {at}");
        assert!(age::decrypt(&encrypted[..at], &identities, 100).is_err(), "cut at {at}");
    }
}
