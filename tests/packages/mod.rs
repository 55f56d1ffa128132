//! A small sealed package, and stock tools, for tests.
#![allow(dead_code, reason = "each test file uses its own part")]

use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::path::Path;
use std::process::{Command, Output};
use stufpack::model::{
    Digest, Domain, Environment, File, Files, Kind, Pathway, Provider, Salt, Slug, Timestamp, Word,
};
use stufpack::open::{Revoked, Signers, Trust};
use stufpack::pack::{
    Details, Kit, NeededSecret, Package, Principal, Requires, Sealing, SecretOrigin, SecretPhase, Signer,
    Tool, seal,
};

/// The seed of the key that tests trust. Keys are made from seeds, so that none stands in the repository.
pub const KEY: u8 = 1;
/// The seed of a key that nobody trusts.
pub const STRANGER: u8 = 2;

/// An OpenSSH private key, made from a seed.
pub fn private_key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub fn word<T: Word>(text: &str) -> T {
    T::parse(text).unwrap_or_else(|| panic!("{text:?} is not {}", T::EXPECTED))
}

pub fn signer(seed: u8) -> Signer {
    let key = private_key(seed).to_openssh(LineEnding::LF).expect("a key");
    Signer::from_openssh(key.as_bytes(), Path::new("test key")).expect("the test key")
}

/// The moment at which tests verify, within the package's time.
pub fn at() -> Timestamp {
    word("2026-11-25T12:00:00Z")
}

pub fn details() -> Details {
    Details {
        slug: word::<Slug>("harbour"),
        environment: Environment::Production,
        pathway: Pathway::HostedToSelf,
        provider: Provider::Host,
        number: 1,
        previous: None,
        issuer: word::<Principal>("issuer/tests.example"),
        installation: word::<Domain>("harbour.stuf.example"),
        created_at: word("2026-11-19T21:04:00Z"),
        expires_at: word("2026-12-19T21:04:00Z"),
        tool: Tool { name: "stufpack".to_owned(), version: "0.0.0".to_owned() },
        source: Digest::of(b"source"),
        target: Digest::of(b"target"),
        requires: Requires {
            tools: [("python".to_owned(), ">= 3.11".to_owned())].into(),
            ..Requires::default()
        },
        secrets: ["postgres_password", "mail_password"].map(secret).into(),
        salt: Salt([7; 32]),
    }
}

fn secret(name: &str) -> NeededSecret {
    NeededSecret {
        name: word(name),
        origin: SecretOrigin::Generated,
        needed_by: SecretPhase::Prepare,
        purpose: "signs in".to_owned(),
    }
}

fn code(bytes: &'static str) -> File {
    File { executable: bytes.starts_with("#!"), kind: Kind::Code, ..File::data(bytes) }
}

pub fn files() -> Files {
    [
        ("migrate", code("#!/bin/sh\nexit 0\n")),
        ("MIGRATION-PLAN.json", File::document("{\"schema\": 1}\n")),
        ("bill-of-materials.cdx.json", File::document("{\"bomFormat\": \"CycloneDX\"}\n")),
        ("README.md", File::document("# Harbour\n")),
        ("infrastructure/compose/compose.yaml", code("services: {}\n")),
        ("infrastructure/compose/.env", File::data("STUF_SLUG='harbour'\n")),
        ("configuration/api-config/stuf_config.json", File::data("{}\n")),
        ("configuration/api-config/users/users.json", File::data("{\"users\": []}\n").personal()),
        ("docs/ledger.md", File::document("# Ledger\n").personal()),
        ("content/empty", File::data("")),
    ]
    .into_iter()
    .map(|(path, file)| (path.to_owned(), file))
    .collect()
}

pub fn package() -> Package {
    seal(files(), &Sealing { signer: &signer(KEY), details: &details() }).expect("the test package")
}

/// The source kit, signed by a key whose comment names the issuer.
pub fn kit() -> Kit {
    Kit::seal(stufpack::render::source_kit(), &kit_signer()).expect("the kit")
}

pub fn kit_signer() -> Signer {
    let mut key = private_key(KEY);
    key.set_comment("issuer/tests.example");
    let key = key.to_openssh(LineEnding::LF).expect("a key");
    Signer::from_openssh(key.as_bytes(), Path::new("test key")).expect("the test key")
}

/// The public half, without comment.
pub fn public(seed: u8) -> String {
    private_key(seed).public_key().to_openssh().expect("a public key").trim_end().to_owned()
}

pub fn signers_text() -> String {
    format!("issuer/tests.example namespaces=\"stufpack\" {}\n", public(KEY))
}

pub fn trust() -> Trust {
    Trust {
        signers: Signers::parse(signers_text().as_bytes(), "signers").expect("the signers"),
        revoked: Revoked::default(),
        at: at(),
    }
}

/// Runs a program of the system; where it is missing, the test fails and names it.
pub fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .output()
        .unwrap_or_else(|error| panic!("{name} is needed for this test and could not be run: {error}"))
}

/// Sets permissions, whatever the umask.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
}
