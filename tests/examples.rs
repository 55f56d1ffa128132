//! The examples pass every check, with the warnings that their comments speak of.

use std::path::Path;
use std::process::Command;
use stufpack::read::inventory;
use stufpack::{check, read};

fn warnings(name: &str) -> Vec<String> {
    warnings_of(name, "target.yaml")
}

fn warnings_of(name: &str, target: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let source =
        read::source(&root.join("export"), Some(&root.join(target))).expect("the example can be read");
    match check::all(source) {
        Ok(checked) => checked.warnings.iter().map(|finding| finding.code.0.to_owned()).collect(),
        Err(findings) => panic!("{findings:#?}"),
    }
}

#[test]
fn the_smallest_example_passes() {
    assert_eq!(warnings("minimal"), ["recipients.none"]);
}

#[test]
fn the_whole_example_passes() {
    assert_eq!(warnings("harbour"), ["sentry.dsn", "exposure.origins", "exposure.factors"]);
}

/// Ten lines of a target are enough for what Terraform makes, and nothing of it is a warning but what nobody can give for others.
#[test]
fn the_example_whose_machine_is_made_passes_with_ten_lines_and_with_every_option() {
    assert_eq!(warnings_of("acme", "target.yaml"), ["recipients.none"]);
    assert_eq!(warnings_of("acme", "every-option.yaml"), [""; 0]);
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme/target.yaml"));
    let text = text.expect("readable");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
    assert_eq!(lines.count(), 10);
}

/// What the comments beside the host's key have people type prints what `check` accepts there.
#[test]
fn the_command_for_the_hosts_key_prints_such_a_key() {
    const EXAMPLE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5";
    const PLACE: &str = "/etc/ssh/ssh_host_ed25519_key";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    let make = ["-q", "-t", "ed25519", "-N", "", "-C", "root@server", "-f"];
    let made = Command::new("ssh-keygen").args(make).arg(&key).status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen is needed");
    for file in ["examples/harbour/target.yaml", "src/provider/host.yaml"] {
        let text = read(file);
        let line = text.lines().find(|line| line.contains(PLACE)).expect("the comment");
        let command = line.split_once("console: ").expect("the command").1;
        let typed =
            Command::new("sh").args(["-c", &command.replace(PLACE, &key.display().to_string())]).output();
        let printed = String::from_utf8(typed.expect("sh").stdout).expect("text");

        let target = folder.path().join("target.yaml");
        std::fs::write(&target, read("examples/harbour/target.yaml").replace(EXAMPLE, printed.trim_end()))
            .expect("written");
        let source = read::source(&root.join("examples/harbour/export"), Some(&target)).expect("read");
        let checked = check::all(source).unwrap_or_else(|findings| panic!("{file}: {findings:#?}"));
        let site = stufpack::provider::site(&checked.target, &checked.export);
        let known: Vec<String> = site.machine.host_keys.iter().map(ToString::to_string).collect();
        assert_eq!(known, [printed.trim_end()], "{file}");
    }
}

/// The order and the form of the inventory's lines change nothing of what is planned.
#[test]
fn an_inventory_that_is_not_sorted_makes_the_same_batches() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/harbour");
    let temp = tempfile::tempdir().expect("a folder");
    let export = temp.path().join("export");
    std::fs::create_dir_all(export.join("branding")).expect("a folder");
    for name in ["export.yaml", "realm.json", "branding/logo.svg", "branding/custom.css"] {
        std::fs::copy(example.join("export").join(name), export.join(name)).expect("a copy");
    }
    let objects = inventory::objects(&example.join("export/inventory.csv"), true).expect("it can be read");
    let mut lines: Vec<String> = objects
        .map(|object| {
            let object = object.expect("it can be read");
            let line = serde_json::json!({
                "key": object.key,
                "size": object.size,
                "modified": object.modified,
                "content_type": object.content_type,
                "sha256": object.sha256.map(|digest| digest.hex()),
                "metadata": object.metadata,
            });
            format!("{line}\n")
        })
        .collect();
    lines.reverse();
    std::fs::write(export.join("inventory.jsonl"), lines.concat()).expect("written");

    let content = |export: &Path| {
        let source =
            read::source(export, Some(&example.join("target.yaml"))).expect("the example can be read");
        check::all(source).unwrap_or_else(|findings| panic!("{findings:#?}")).content
    };
    let (sorted, mut reversed) = (content(&example.join("export")), content(&export));
    assert!(sorted.sorted && !reversed.sorted && sorted.batches.len() > 1);
    reversed.sorted = true;
    assert_eq!(reversed, sorted);
}
