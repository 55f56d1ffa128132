//! What one clear file of a package says, value by value: by this the history of a glass is compared.
//!
//! Files are read, and their values named, as those of two packages are. Here nothing is left aside, since nobody has both
//! packages at hand: an empty list is a value, an order is one, and what only says again what other values say has a digest.

use super::classes::{self, Touches};
use super::said::{At, digest, document, names, replace, shown};
use crate::compare::facts::Value;
use crate::model::Digest;
use crate::pack::names::{MANIFEST, PLAN};
use crate::render;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What stands at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// A value.
    Value(Value),
    /// Things with names, in this order.
    Order(Vec<String>),
    /// A thing with a name. What it says stands at places of its own; this is all of it, to be told where it is new or gone.
    Thing(String),
}

impl Says {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Value(Value::Plain(Json::String(text.into())))
    }
}

/// Everything that a file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaves {
    /// By key path, with the file before it.
    pub said: BTreeMap<String, Says>,
    /// Of what only says again what other values say, if there is any.
    pub follows: Option<Digest>,
    again: Vec<String>,
}

/// What the file at `path` of the package with this number says; nothing where it is no document of values.
pub(crate) fn leaves(path: &str, bytes: &[u8], number: u32) -> Option<Leaves> {
    let mut document = document(path, bytes).filter(Json::is_object)?;
    let mut leaves = Leaves::default();
    if is_written_otherwise(path, bytes, &document) {
        let says = Says::Value(digest(false, Digest::of(bytes)));
        leaves.put(format!("{path}: (not as stufpack writes it)"), says);
    }
    // As in a comparison of packages, which are counted.
    if path == PLAN {
        replace(&mut document, &format!("/packages/{number}/"), "/packages/NUMBER/");
    }
    leaves.below(&At::of(path, false), &document);
    // In another order they say the same.
    leaves.again.sort_unstable();
    if !leaves.again.is_empty() {
        leaves.follows = Some(Digest::of(leaves.again.concat().as_bytes()));
    }
    Some(leaves)
}

impl Leaves {
    /// Names may hold brackets: what could be mistaken for something else keeps a place of its own.
    fn put(&mut self, mut place: String, says: Says) {
        while self.said.contains_key(&place) {
            place.push('#');
        }
        self.said.insert(place, says);
    }

    fn below(&mut self, at: &At, map: &Json) {
        for (key, value) in map.as_object().into_iter().flatten() {
            self.walk(&at.key(key), value);
        }
    }

    fn walk(&mut self, at: &At, value: &Json) {
        if follows(at) {
            self.again.push(format!("{}\0{value}\n", at.path));
            return;
        }
        match value {
            Json::Object(map) if !map.is_empty() => self.below(at, value),
            Json::Array(items) if is_things(value) => {
                let names = names(items).unwrap_or_default();
                let order = names.iter().map(|name| (*name).to_owned()).collect();
                self.put(format!("{} (order)", at.path), Says::Order(order));
                for (name, item) in names.into_iter().zip(items) {
                    let at = at.item(name);
                    if !item.as_object().is_some_and(|map| map.values().any(is_things)) {
                        self.put(at.path.to_string(), Says::Thing(thing(&at, item)));
                    }
                    self.below(&at, item);
                }
            }
            _ => self.put(at.path.to_string(), Says::Value(shown(at, value))),
        }
    }
}

/// Whether a value is a list of things with names.
fn is_things(value: &Json) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && names(items).is_some())
}

/// Whether a value only says again what others say. What a package calls itself is told all the same.
fn follows(at: &At) -> bool {
    let is_own = at.file == MANIFEST && at.pattern.starts_with("package");
    !is_own && classes::of(&at.file, &at.pattern) == Some(Touches::Follows)
}

/// All that a thing says, after its title.
fn thing(at: &At, item: &Json) -> String {
    let says = whole(at, item);
    match item["title"].as_str() {
        Some(title) if says["title"].is_null() => format!("{title}: {says}"),
        _ => says.to_string(),
    }
}

fn whole(at: &At, value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let told = map.iter().map(|(key, value)| (key, at.key(key), value));
            let told = told.filter(|(_, at, _)| !follows(at));
            Json::Object(told.map(|(key, at, value)| (key.clone(), whole(&at, value))).collect())
        }
        _ => match shown(at, value) {
            Value::Plain(value) => value,
            Value::Hidden(hidden) => Json::String(format!("{} (not shown)", hidden.kind)),
        },
    }
}

/// Whether a file with these values has other bytes than this program writes: what no parser of ours tells may then mean
/// something to the tool that reads it, such as a text without `!unsafe`, which Ansible takes for a template.
fn is_written_otherwise(path: &str, bytes: &[u8], document: &Json) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let written = match name.rsplit_once('.') {
        Some((_, "yml")) => render::ansible_yaml("", document),
        Some((_, "env")) => {
            let variables = document.as_object().into_iter().flatten();
            let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
            render::dotenv(variables.map(|(name, value)| (name.as_str(), text(value))))
        }
        Some((_, "js")) => render::config_script(document),
        _ => return false,
    };
    let text = String::from_utf8_lossy(bytes);
    !lines(&text).eq(lines(&written))
}

/// The lines of a file but for comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<(String, Says)> {
        let leaves = leaves(path, text.as_bytes(), 1).expect("a document");
        leaves.said.into_iter().collect()
    }

    #[test]
    fn nothing_that_a_value_could_hide_behind_is_left_aside() {
        let path = "configuration/api-config/stuf_config.json";
        let ways = [
            r#"{"a": 1}"#,
            r#"{"a": "1"}"#,
            r#"{"a": null}"#,
            r#"{"a": []}"#,
            r#"{"a": {}}"#,
            r#"{"a": [1, 2]}"#,
            r#"{"a": [2, 1]}"#,
            r#"{"a": [{"id": "x"}, {"id": "y"}]}"#,
            r#"{"a": [{"id": "y"}, {"id": "x"}]}"#,
            r#"{"a": [{"id": "x", "v": 1}, {"id": "x", "v": 2}]}"#,
            r#"{"a": [{"id": "x", "v": 2}, {"id": "x", "v": 1}]}"#,
        ];
        let told: Vec<_> = ways.iter().map(|text| says(path, text)).collect();
        for (index, one) in told.iter().enumerate() {
            assert!(!told[..index].contains(one), "{}", ways[index]);
        }
    }

    #[test]
    fn a_value_of_ansible_that_became_a_template_is_told() {
        let path = "infrastructure/ansible/group_vars/all.yml";
        let honest = says(path, "---\n# A comment.\nstuf_domain: !unsafe \"a.example\"\n");
        let places: Vec<&str> = honest.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["infrastructure/ansible/group_vars/all.yml: stuf_domain"]);
        for other in ["---\nstuf_domain: \"a.example\"\n", "---\nstuf_domain: a.example\n"] {
            assert_ne!(says(path, other), honest, "{other}");
        }
        let path = "infrastructure/compose/.env";
        assert_ne!(says(path, "A=\"x\"\n"), says(path, "A=\"x\"\nB: y\n"));
    }

    #[test]
    fn what_only_follows_has_a_digest() {
        let of = |title: &str| {
            let plan = format!(
                r#"{{"phases": [{{"id": "deploy", "steps": [{{"id": "deploy/a", "title": "{title}", "command": "/packages/7/x"}}]}}]}}"#
            );
            leaves(PLAN, plan.as_bytes(), 7).expect("a plan")
        };
        let (one, other) = (of("Start"), of("Stop"));
        assert_ne!(one.follows, other.follows);
        let step = "MIGRATION-PLAN.json: phases[deploy].steps[deploy/a]";
        let command = &one.said[&format!("{step}.command")];
        assert_eq!(command, &Says::text("/packages/NUMBER/x"));
        let all = "Start: {\"id\":\"deploy/a\",\"command\":\"/packages/NUMBER/x\"}";
        assert_eq!(one.said[step], Says::Thing(all.to_owned()));
    }

    /// Otherwise a change of any value would be told twice.
    #[test]
    fn the_goldens_are_written_as_stufpack_writes_them() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let mut read = 0;
        for entry in walkdir::WalkDir::new(&root) {
            let entry = entry.expect("an entry");
            let path = entry.path().strip_prefix(&root).expect("below").to_string_lossy().into_owned();
            let Some((_, path)) = path.split_once('/').filter(|_| entry.file_type().is_file()) else {
                continue;
            };
            let is_data = ["group_vars/", "inventory/", "compose/.env", "spa-config/config.js"];
            if !is_data.iter().any(|part| path.contains(part)) {
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("a file");
            let Some(document) = document(path, &bytes).filter(Json::is_object) else { continue };
            assert!(!is_written_otherwise(path, &bytes, &document), "{}", entry.path().display());
            read += 1;
        }
        assert!(read >= 9, "{read} files");
    }
}
