//! The published schemas of what people write are made from the records that read it, and explain every field.
//!
//! `STUFPACK_BLESS=1 cargo test --test schemas` rewrites them.

use serde_json::Value;
use std::path::Path;
use stufpack::check;

#[test]
fn the_published_schemas_are_current() {
    for (name, schema) in [("export", check::export_schema()), ("target", check::target_schema())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{name}.json"));
        let text = format!("{schema:#}\n");
        if std::env::var_os("STUFPACK_BLESS").is_some() {
            std::fs::write(&path, &text).expect("schemas/ can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == text, "schemas/{name}.json is not current");
    }
}

#[test]
fn every_field_is_explained() {
    for schema in [check::export_schema(), check::target_schema()] {
        for (record, definition) in schema["$defs"].as_object().expect("definitions") {
            assert!(definition["description"].is_string(), "{record}");
            for (field, property) in definition["properties"].as_object().expect("properties") {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(text.len() > 5, "{record}.{field} is not explained");
            }
        }
    }
}

/// What an editor fills in by itself must be right.
#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_str().filter(|_| key == "$ref") {
                        Some(reference) => found.push(reference.to_owned()),
                        None => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    for schema in [check::export_schema(), check::target_schema()] {
        let mut found = Vec::new();
        references(&schema, &mut found);
        for reference in found {
            let name = reference.strip_prefix("#/$defs/").expect("a local reference");
            assert!(schema["$defs"].get(name).is_some(), "{reference}");
        }
    }
}
