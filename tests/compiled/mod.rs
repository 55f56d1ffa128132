//! Packages that the program compiles in a folder of a test's own, signed with a key made from a seed, and packages of which files
//! were changed before they were sealed again.
#![allow(dead_code, reason = "each test file uses its own part")]

use crate::packages::{self, KEY, private_key, run, set_mode, word};
use ssh_key::LineEnding;
use std::path::{Path, PathBuf};
use std::process::Command;
use stufpack::model::{Files, Salt};
use stufpack::open::{self, Verified};
use stufpack::pack::{Details, Sealing, names, seal};

/// Within the lifetime of the examples' packages.
pub const AT: &str = "2026-11-25T12:00:00Z";
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with a key and a signers file.
pub struct Desk {
    folder: tempfile::TempDir,
}

/// What a run of the program left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut key = private_key(KEY);
        key.set_comment("issuer/tests.example");
        let text = key.to_openssh(LineEnding::LF).expect("a key");
        std::fs::write(desk.path("key"), text.as_bytes()).expect("written");
        set_mode(&desk.path("key"), 0o600);
        std::fs::write(desk.path("signers"), packages::signers_text()).expect("written");
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program here. What it prints of itself begins as it was called, by a path.
    pub fn stufpack(&self, arguments: &[&str]) -> Run {
        let program = assert_cmd::cargo::cargo_bin("stufpack");
        let mut command = Command::new(&program);
        command.current_dir(self.folder.path()).args(arguments);
        command
            .env_remove("STUFPACK_SIGN_KEY")
            .env_remove("SOURCE_DATE_EPOCH")
            .env("TMPDIR", self.folder.path());
        let output = run(&mut command);
        let program = program.to_str().expect("a path");
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text").replace(program, "stufpack");
        Run {
            code: output.status.code().expect("a code"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs a command about packages, which are verified.
    pub fn looking(&self, command: &str, packages: &[&str], more: &[&str]) -> Run {
        let trusting = ["--signers", "signers", "--at", AT];
        self.stufpack(&[&[command][..], packages, &trusting, more].concat())
    }

    /// Compiles into the folder `name`; the package's path, as it is named here.
    pub fn compile(&self, name: &str, export: &Path, target: &Path, more: &[&str]) -> String {
        let (export, target) = (export.to_str().expect("a path"), target.to_str().expect("a path"));
        let arguments = ["compile", export, "--target", target, "--out", name, "--sign-key", "key"];
        let compiled = self.stufpack(&[&arguments[..], more].concat());
        assert_eq!(compiled.code, 0, "{}{}", compiled.stdout, compiled.stderr);
        self.zip_in(name)
    }

    /// The zip in a folder.
    pub fn zip_in(&self, folder: &str) -> String {
        let entries = std::fs::read_dir(self.path(folder)).expect("a folder");
        let mut names =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        format!("{folder}/{}", names.find(|name| name.ends_with(".zip")).expect("a zip"))
    }

    /// Compiles an example as it stands.
    pub fn example(&self, name: &str) -> String {
        let folder = Path::new(ROOT).join("examples").join(name);
        self.compile(name, &folder.join("export"), &folder.join("target.yaml"), &[])
    }

    /// The verified package at `path`.
    pub fn open(&self, path: &str) -> Verified {
        open::verify(&self.path(path), None, &packages::trust()).expect("a package")
    }

    /// Seals a package again after `change`, as `name`.
    pub fn changed(&self, path: &str, name: &str, change: impl FnOnce(&mut Files, &mut Details)) -> String {
        let package = self.open(path).package;
        let manifest = package.manifest();
        let salt = std::str::from_utf8(&package.files()[names::SALT].bytes).expect("text").trim_end();
        let mut details = Details {
            slug: manifest.package.slug.clone(),
            environment: manifest.package.environment,
            pathway: manifest.package.pathway,
            provider: manifest.package.provider,
            number: manifest.package.number,
            previous: manifest.package.previous.clone(),
            issuer: manifest.package.issuer.clone(),
            installation: manifest.package.installation.clone(),
            created_at: manifest.created_at,
            expires_at: manifest.expires_at,
            tool: manifest.tool.clone(),
            source: manifest.source.digest,
            target: manifest.target.digest,
            requires: manifest.requires.clone(),
            secrets: manifest.secrets.clone(),
            salt: word::<Salt>(salt),
        };
        let mut files = package.files().clone();
        files.retain(|path, _| !names::MADE_HERE.contains(&path.as_str()));
        change(&mut files, &mut details);
        let sealing = Sealing { signer: &packages::signer(KEY), details: &details };
        std::fs::write(self.path(name), seal(files, &sealing).expect("sealed").zip()).expect("written");
        name.to_owned()
    }
}

/// Compares with a file below `tests/`, or writes it where that was asked for.
#[track_caller]
pub fn expect(path: &str, found: &str) {
    let path = Path::new(ROOT).join("tests").join(path);
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(&path, found).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{}: expected\n{expected}\nfound\n{found}", path.display());
}

/// Digests of what changes with every version of the code are left out.
pub fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("sha256:") {
        let (before, found) = rest.split_at(at);
        let digits = found["sha256:".len()..].bytes().take_while(u8::is_ascii_hexdigit).count();
        out.push_str(before);
        // An image is the same in every version.
        let digest = digits == 64 && !before.ends_with('@');
        out.push_str(if digest { "sha256:…" } else { &found[.."sha256:".len() + digits] });
        rest = &found["sha256:".len() + digits..];
    }
    out.push_str(rest);
    out
}
