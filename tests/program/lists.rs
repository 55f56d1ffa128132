//! What a package says of the files that are to be copied.

use crate::workspace::{AT, Workspace};
use serde_json::{Value, json};

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";

/// The example `minimal` with these files; `more` is added to its target.
fn minimal_with(keys: &[&str], more: &str) -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    let lines: String =
        keys.iter().map(|key| format!("{key},5,2026-11-01T08:00:00Z,text/plain,,\n")).collect();
    here.write(
        "input/export/inventory.csv",
        &format!("key,size,modified,content_type,sha256,metadata\n{lines}"),
    );
    let totals = format!("    objects: {}\n    bytes: {}\n", keys.len(), 5 * keys.len());
    here.edit("input/export/export.yaml", "    objects: 0\n    bytes: 0\n", &totals);
    here.edit(
        "input/target.yaml",
        "  tls: {mode: internal}\n",
        &format!("  tls: {{mode: internal}}\n{more}"),
    );
    here
}

/// The lines of its one batch, as the package has them; leaves the package's files in `tree`.
fn compiled_batch(here: &Workspace) -> Vec<Value> {
    here.stufpack(COMPILE).exits_with(0);
    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.stufpack(&format!("unpack out/{package} tree --signers signers --at {AT}")).exits_with(0);
    let names = here.names("tree/content/batches");
    assert_eq!(names.len(), 1, "{names:?}");
    let file = std::fs::File::open(here.path("tree/content/batches").join(&names[0])).expect("a list");
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(file)).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn d28_the_one_key_that_garage_refuses_has_another_name_in_the_list_and_a_line_in_the_ledger() {
    let keys = ["/lead", "a", "a/b", "tab%20and space"];
    let here = minimal_with(&keys, "  content: {renameKeys: percent-encode}\n");

    let listed: Vec<_> =
        compiled_batch(&here).iter().map(|line| (line["key"].clone(), line["target_key"].clone())).collect();
    let renamed = |key: &str| if key == "/lead" { json!("%2Flead") } else { Value::Null };
    assert_eq!(listed, keys.map(|key| (json!(key), renamed(key))));

    let ledger: Value = serde_json::from_str(&here.read("tree/docs/ledger.json")).expect("the ledger");
    let entries = ledger["entries"].as_array().expect("entries");
    let of_keys: Vec<&Value> = entries.iter().filter(|entry| entry["setting"] == "content.keys").collect();
    assert_eq!(of_keys.len(), 1, "{of_keys:?}");
    let told = [&of_keys[0]["disposition"], &of_keys[0]["rule"], &of_keys[0]["after"]];
    assert_eq!(told, ["transformed", "percent-encode", "target_key in content/batches/"]);
    assert!(of_keys[0]["before"].as_str().is_some_and(|before| before.starts_with("1 ")), "{of_keys:?}");
}

#[test]
fn d28_without_a_rule_that_key_alone_is_refused() {
    let here = minimal_with(&["/lead", "a", "a/b"], "");

    let told = here.stufpack(COMPILE).exits_with(3);

    assert_eq!(told.stderr.matches("error[").count(), 1, "{}", told.stderr);
    assert!(told.stderr.contains("error[key.unholdable]: the key begins with a slash"), "{}", told.stderr);
    assert!(told.stderr.contains("found `/lead`"), "{}", told.stderr);
    assert!(!here.path("out").exists(), "something was written");
}
