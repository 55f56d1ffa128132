//! The source kit: the same bytes for the same key, verified by stock commands, and nothing of any tenant in it.

use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

const ZIP: &str = "out/stufpack-source-kit.zip";

fn written() -> Workspace {
    let here = Workspace::new();
    here.stufpack("kit source --out out --sign-key key").exits_with(0);
    here
}

/// The commands of `VERIFY.txt`, as somebody pastes them, with the signer's line that stands there.
fn verify(here: &Workspace) -> bool {
    let text = here.read("out/VERIFY.txt");
    let line = text.lines().find(|line| line.starts_with("issuer/tests ")).expect("the signer's line");
    here.write("kit.signers", &format!("{line}\n"));
    let (_, part) = text.split_once("\n3 With").expect("the part with commands");
    let commands: Vec<&str> = part.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(commands.len(), 12, "{commands:?}");
    let _ = fs::remove_dir_all(here.path("out/check"));
    Command::new("bash")
        .args(["-euc", &commands.join("\n")])
        .current_dir(here.path("out"))
        .env("STUFPACK_SIGNERS", here.path("kit.signers"))
        .output()
        .expect("bash is needed")
        .status
        .success()
}

fn contents(here: &Workspace) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(fs::File::open(here.path(ZIP)).expect("a kit")).expect("a zip");
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let name = entry
            .name()
            .expect("a plain name")
            .strip_prefix("stufpack-source-kit/")
            .expect("one folder")
            .to_owned();
        let mode = entry.unix_mode().expect("permissions") & 0o777;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        if entry.is_file() {
            assert_eq!(mode == 0o700, bytes.starts_with(b"#!"), "{name} has mode {mode:o}");
            files.insert(name, bytes);
        }
    }
    files
}

#[test]
fn the_same_key_makes_the_same_bytes_and_what_stands_there_is_left() {
    let here = written();
    here.stufpack("kit source --out again/and --sign-key key").exits_with(0);
    for name in ["stufpack-source-kit.zip", "VERIFY.txt"] {
        let read = |folder: &str| fs::read(here.path(folder).join(name)).expect("written");
        assert_eq!(read("out"), read("again/and"), "{name}");
    }
    let run = here.stufpack("kit source --out out --sign-key key --format json").exits_with(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["unchanged"], true);
    let digest = report["kit_sha256"].as_str().expect("a digest");
    assert!(here.read("out/VERIFY.txt").contains(&format!("Kit-SHA256        {digest}\n")));

    here.write(ZIP, "something else");
    here.stufpack("kit source --out out --sign-key key").exits_with(1);
    assert_eq!(here.read(ZIP), "something else");
    here.stufpack("kit source --out out --sign-key key --force").exits_with(0);
    assert!(verify(&here));
}

#[test]
fn stock_commands_verify_it_and_find_every_change() {
    let here = written();
    assert!(verify(&here));

    let good = fs::read(here.path(ZIP)).expect("a kit");
    let change = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).expect("what is changed");
        let mut changed = good.clone();
        changed[at..at + to.len()].copy_from_slice(to);
        fs::write(here.path(ZIP), changed).expect("written");
        assert!(!verify(&here), "{}", String::from_utf8_lossy(to));
    };
    // A rule for sudo that allows more, a line of the list, the signature.
    change(b"NOPASSWD: /usr/local", b"NOPASSWD: ALL, /u/lo");
    change(b"  program/serve\n", b"  program/other\n");
    change(b"-----BEGIN SSH SIGNATURE-----\nU1", b"-----BEGIN SSH SIGNATURE-----\nU2");
    fs::write(here.path(ZIP), &good).expect("written");
    assert!(verify(&here), "the control");

    // Signed by another key under the same name.
    let other = Workspace::new();
    other.stufpack("kit source --out out --sign-key key").exits_with(0);
    fs::copy(other.path(ZIP), here.path(ZIP)).expect("copied");
    assert!(!verify(&here));
}

/// Whatever is in a kit is in this repository, or made from it and the key: so nothing of any tenant can be.
#[test]
fn everything_in_it_stands_in_the_repository_and_none_of_it_in_a_package() {
    let here = written();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut files = contents(&here);
    for made in ["SHA256SUMS", "SHA256SUMS.sig", "kit.json"] {
        assert!(files.remove(made).is_some(), "{made}");
    }
    for (name, bytes) in &files {
        let shared = "infrastructure/ansible/";
        let place = match name.strip_prefix("program/") {
            Some(rest) if rest.starts_with("stuf_export/") => format!("{shared}roles/export/files/{rest}"),
            Some(rest @ ("stufpack_signature.py" | "stufpack_answers.py")) => {
                format!("{shared}module_utils/{rest}")
            }
            _ => format!("kit/source/{name}"),
        };
        assert_eq!(fs::read(templates.join(&place)).expect(&place), *bytes, "{name}");
    }
    let own = walkdir::WalkDir::new(templates.join("kit/source")).into_iter().filter_map(Result::ok);
    let own = own.filter(|entry| {
        entry.file_type().is_file() && !entry.path().to_string_lossy().contains("__pycache__")
    });
    assert_eq!(own.count(), stufpack::embedded::KIT.len());
    for needed in
        ["install", "export", "program/serve", "program/stuf_export/__main__.py", "settings.example.json"]
    {
        assert!(files.contains_key(needed), "{needed}");
    }
    assert!(stufpack::embedded::CODE.iter().all(|code| !code.path.starts_with("kit/")));
}

/// Part 2 of the page, from the signer's line on; and what only packages do is refused with what to do instead.
#[test]
fn verify_takes_a_kit_and_other_commands_tell_that_it_is_none() {
    let here = written();
    let told = here.stufpack(&format!("verify {ZIP} --signers signers")).exits_with(0);
    assert!(
        told.stdout.starts_with("Verified: stufpack-source-kit\n  signed by  issuer/tests\n"),
        "{}",
        told.stdout
    );
    let next =
        told.stdout.lines().last().and_then(|line| line.strip_prefix("next: ")).expect("a next command");
    let (unzip, _) = next.split_once(", then").expect("the command that unpacks");
    let unzip = unzip.replace("DIR", "unpacked");
    let words: Vec<&str> = unzip.split(' ').collect();
    let unzipped = Command::new(words[0]).args(&words[1..]).current_dir(here.path(".")).output();
    assert!(unzipped.expect("unzip is needed").status.success());

    let told =
        here.stufpack("verify unpacked/stufpack-source-kit --signers signers --format json").exits_with(0);
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    let made = here.stufpack("kit source --out out --sign-key key --format json").exits_with(0);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).expect("JSON");
    for field in ["kit_sha256", "files"] {
        assert_eq!(report[field], made[field], "{field}");
    }
    assert_eq!((&report["form"], &report["verified"]), (&"folder".into(), &true.into()));

    let told = here.stufpack(&format!("unpack {ZIP} tree --signers signers")).exits_with(4);
    assert!(told.stderr.contains("error[verify.kit.instead]: this is a source kit"), "{}", told.stderr);
    assert!(!here.path("tree").exists());
}

#[test]
fn a_key_without_a_name_signs_no_kit() {
    let here = written();
    let named = Command::new("ssh-keygen")
        .args(["-q", "-c", "-C", "somebody@host", "-f"])
        .arg(here.path("key"))
        .output();
    assert!(named.expect("ssh-keygen is needed").status.success());
    let run = here.stufpack("kit source --out elsewhere --sign-key key").exits_with(1);
    assert!(run.stderr.contains("ssh-keygen -c -C issuer/NAME -f KEY"), "{}", run.stderr);
    assert!(!here.path("elsewhere").exists());
}
