//! The goldens are what comes out: plain files, for people to browse and linters to read.

use crate::workspace::{AT, Workspace};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(root).expect("below").to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("readable"))
        })
        .collect()
}

/// Compares every file of a package with the golden of its name; where the golden leaves code out, code is not compared.
fn assert_golden(example: &str, with_code: bool) {
    let here = Workspace::new();
    // The principal stands in the manifest, and comes from the key's comment.
    let commented = std::process::Command::new("ssh-keygen")
        .args(["-q", "-c", "-C", "issuer/golden", "-f"])
        .arg(here.path("key"))
        .stdout(std::process::Stdio::null())
        .status();
    assert!(commented.expect("ssh-keygen").success());
    here.write("signers", &here.read("signers").replace("issuer/tests", "issuer/golden"));
    here.plain_example(example, "input");
    here.stufpack("compile input/export --target input/target.yaml --out out --sign-key key").exits_with(0);
    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.stufpack(&format!("unpack out/{package} tree --signers signers --at {AT}")).exits_with(0);

    let golden = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(example));
    let mut made = files(&here.path("tree"));
    made.remove("SHA256SUMS.sig");
    let code: Vec<&str> = stufpack::embedded::CODE.iter().map(|code| code.path).collect();
    if !with_code {
        made.retain(|name, _| !code.contains(&name.as_str()));
    }
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&golden), names(&made), "run make golden and read the difference");
    for (name, bytes) in &made {
        assert!(
            golden[name] == *bytes,
            "golden/{example}/{name} differs: run make golden and read the difference"
        );
    }
}

#[test]
fn harbour_comes_out_as_the_golden_shows() {
    assert_golden("harbour", true);
}

#[test]
fn acme_comes_out_as_the_golden_shows() {
    assert_golden("acme", true);
}

#[test]
fn minimal_comes_out_as_the_golden_shows() {
    assert_golden("minimal", false);
}
