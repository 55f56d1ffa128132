//! Whatever stands in a file, it is read as it stands or refused: never changed, never a crash.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use stufpack::model::Finding;
use stufpack::model::tree::{Document, Node, Value as Tree};
use stufpack::read::inventory::{self, Form, Rows};
use stufpack::read::{self};

fn parse(name: &str, bytes: impl Into<Vec<u8>>) -> (Document, Vec<Finding>) {
    let mut findings = Vec::new();
    let document = read::target_from(name, bytes.into(), &mut findings);
    (document, findings)
}

/// Texts of every kind, hostile ones among them; control characters cannot stand in a document but as escapes.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        Just("{{ lookup('pipe','id') }} ${file(\"/etc/passwd\")} $(id) #{x} Norway: no".to_owned()),
        Just("- a\n# b\n--- \n... : \\ \u{202e} \u{feff} e\u{301} </script>".to_owned()),
        Just("no".to_owned()),
        Just("0x1F".to_owned()),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_ .{}\"äö-]{1,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every node begins at a character of its document.
fn positions_are_real(node: &Node, lines: &[&str]) {
    let line = lines.get(node.at.line as usize - 1).expect("the line is there");
    assert!(node.at.column as usize <= line.chars().count() + 1, "{:?}", node.at);
    node.items().iter().for_each(|item| positions_are_real(item, lines));
    for (key, value) in node.entries() {
        let line = lines.get(key.at.line as usize - 1).expect("the line is there");
        let text: String = line.chars().skip(key.at.column as usize - 1).collect();
        assert!(text.starts_with(['"', '\'']) || text.starts_with(&key.text), "{text} {}", key.text);
        positions_are_real(value, lines);
    }
}

proptest! {
    #[test]
    fn json_is_read_as_serde_reads_it(value in values()) {
        for text in [value.to_string(), format!("{value:#}")] {
            let (document, findings) = parse("x.json", text.clone());
            // DEL and C1 need no escape in JSON, and are refused here all the same.
            prop_assume!(!text.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert!(findings.is_empty(), "{findings:?}");
            let root = document.root.expect("it was parsed");
            positions_are_real(&root, &text.split('\n').collect::<Vec<_>>());
            prop_assert_eq!(root.to_json(), value.clone());
        }
    }

    #[test]
    fn a_text_in_yaml_quotes_is_the_same_text(text in texts()) {
        let quoted = Value::from(text.clone()).to_string();
        prop_assume!(!quoted.chars().any(char::is_control));
        let single = text.replace('\'', "''");
        let (document, findings) = parse("x.yaml", format!("a: {quoted}\nb: [{quoted}]\n"));
        prop_assert!(findings.is_empty(), "{findings:?}");
        let expected = json!({"a": text, "b": [text]});
        prop_assert_eq!(document.root.expect("it was parsed").to_json(), expected);
        if !text.contains(char::is_control) && !text.contains(['\u{2028}', '\u{2029}', '\u{feff}']) {
            let (document, findings) = parse("x.yaml", format!("a: '{single}'\n"));
            prop_assert!(findings.is_empty(), "{findings:?}");
            prop_assert_eq!(document.root.expect("it was parsed").to_json(), json!({"a": text}));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for name in ["x.yaml", "x.json"] {
            let (document, findings) = parse(name, bytes.clone());
            prop_assert!(document.root.is_some() || !findings.is_empty());
        }
    }

    #[test]
    fn any_marks_are_read_or_refused(text in "[\\[\\]{}:,&*!|>'\"#%@`\\- \nab0~<?]{0,120}") {
        for name in ["x.yaml", "x.json"] {
            let (document, findings) = parse(name, text.clone());
            prop_assert!(document.root.is_some() || !findings.is_empty(), "{text:?}");
            if let Some(root) = &document.root {
                prop_assert!(depth(root) <= 24);
            }
        }
    }

    #[test]
    fn an_inventory_is_read_as_it_was_written(
        objects in prop::collection::btree_map(keys(), (0_u64..1 << 50, prop::collection::btree_map("[a-z_]{1,8}", texts(), 0..3)), 0..30),
        cut in 1_usize..50,
        backwards in any::<bool>(),
    ) {
        let mut lines: Vec<String> = objects.iter().map(|(key, (size, metadata))| line(key, *size, metadata)).collect();
        if backwards {
            lines.reverse();
        }
        let text = format!("{}\n{}", inventory::HEADER, lines.concat());
        // However the file comes in, the rows are the same.
        let mut rows = Rows::new(Slowly(text.as_bytes(), cut), Form::Csv);
        let mut seen = BTreeMap::new();
        let mut last = 1;
        while let Some(row) = rows.next().expect("memory can be read") {
            let row = row.unwrap_or_else(|flaw| panic!("{flaw:?} in {text:?}"));
            assert!(row.line > last);
            last = row.line;
            let metadata: BTreeMap<String, String> = serde_json::from_str(&row.metadata.json()).expect("JSON");
            seen.insert(row.key.to_owned(), (row.size, metadata));
        }
        prop_assert_eq!(&seen, &objects);

        let file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
        std::fs::write(file.path(), &text).expect("written");
        let sorted = inventory::objects(file.path(), false).expect("it can be read");
        let sorted: Vec<String> = sorted.map(|object| object.expect("it can be read").key).collect();
        prop_assert_eq!(sorted, objects.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn any_inventory_is_read_or_refused(text in "[\",\n\r a0{}:\\\\é]{0,200}") {
        let text = format!("{}\n{text}", inventory::HEADER);
        let mut rows = Rows::new(text.as_bytes(), Form::Csv);
        let mut count = 0;
        while rows.next().expect("memory can be read").is_some() {
            count += 1;
            prop_assert!(count < 1000);
        }
    }
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c/]{1,8}",
        "\\PC{1,20}",
        "[\",\n\r\t\\\\ ]{1,8}",
        Just("reports/\u{e9}".to_owned()),
        Just("reports/e\u{301}".to_owned()),
    ]
}

fn line(key: &str, size: u64, metadata: &BTreeMap<String, String>) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let key = if key.contains(['"', ',', '\n', '\r']) { quoted(key) } else { key.to_owned() };
    let metadata = quoted(&serde_json::to_string(metadata).expect("JSON"));
    let mut line = String::new();
    let _ = writeln!(line, "{key},{size},2026-11-01T08:00:00Z,text/plain,,{metadata}");
    line
}

/// Gives a few bytes at a time.
struct Slowly<'t>(&'t [u8], usize);

impl std::io::Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Tree::Scalar { .. } => 0,
        Tree::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Tree::Map(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
    }
}

/// The example of every word is one, so that a placeholder always exists.
#[test]
fn a_walk_over_nothing_yields_placeholders_and_findings() {
    let target = "apiVersion: stufpack.dev/v1\nkind: StufTarget\nspec: {}\n";
    let (document, findings) = parse("target.yaml", target);
    assert!(findings.is_empty() && document.root.is_some());
    for schema in [stufpack::check::export_schema(), stufpack::check::target_schema()] {
        assert!(schema["$defs"].is_object());
    }
}
