//! What a package says, by file and key path.

use super::classes::{self, LEDGER, Touches};
use super::{Named, People, ledger};
use crate::compare::facts::{Class, Facts, Hidden, Value};
use crate::model::{Digest, File, Kind};
use crate::pack::names::{MANIFEST, PLAN, SALT};
use crate::plan::KeyPath;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What names an item of a list; the first of them that it has.
const NAMES: [&str; 5] = ["id", "clientId", "username", "key", "name"];
/// Keys whose texts are credentials, wherever they stand. Packages hold none; one that does is not helped on.
const CREDENTIALS: [&str; 5] = ["secret", "password", "token", "credential", "privateKey"];

/// What may differ between two packages that say the same, with the reason, by path.
type NotCounted = BTreeMap<String, (Json, &'static str)>;

/// Everything that a package says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub facts: Facts,
    pub not_counted: NotCounted,
    /// What only says again what other values say, by file and path: it is not compared, though a signer may say anything there.
    pub follows: BTreeMap<String, BTreeMap<String, Json>>,
    /// The names of what is done one after the other, by path.
    pub orders: BTreeMap<String, Vec<String>>,
    /// The package's own.
    number: u32,
}

impl Said {
    /// What `side` says; people by the names that `people` has for them.
    pub fn of(side: Named<'_>, people: &People) -> Self {
        let number = side.verified.package.manifest().package.number;
        let mut said = Self { number, ..Self::default() };
        said.seal(side);
        for (path, file) in side.own() {
            if path == LEDGER {
                ledger::enter(&mut said.facts, &json(&file.bytes).unwrap_or_default());
            } else if path == SALT {
                let value = Json::from(file.sha256.hex());
                said.not_counted.insert(SALT.to_owned(), (value, "every export has random bytes of its own"));
            } else if file.kind != Kind::Document || path == PLAN {
                said.file(path, file, people);
            }
        }
        said
    }

    /// What the manifest says, and who signed it.
    fn seal(&mut self, side: Named<'_>) {
        let manifest = side.verified.package.manifest();
        let document = serde_json::to_value(manifest).unwrap_or_default();
        self.enter(&At::of(MANIFEST, false), &document, &People::default());
        let valid = manifest.expires_at.seconds().saturating_sub(manifest.created_at.seconds());
        let at = |key: &str| KeyPath::raw(format!("{MANIFEST}: {key}"));
        self.facts.put(&at("validity"), Class::Configuration, format!("{valid} s"));
        let key = side.verified.signed_by.fingerprint.as_str();
        self.facts.put(&at("signature.key"), Class::Identity, key);
    }

    /// The plan with the folder of its own package under one name, since packages are counted.
    fn unnumbered(&self, path: &str, mut document: Json) -> Json {
        if path == PLAN {
            unnumber(&mut document, self.number);
        }
        document
    }

    fn file(&mut self, path: &str, file: &File, people: &People) {
        let touches = classes::of(path, "");
        if matches!(touches, Some(Touches::Follows)) {
            return;
        }
        match document(path, &file.bytes).map(|document| self.unnumbered(path, document)) {
            Some(document @ Json::Object(_)) => self.enter(&At::of(path, file.personal), &document, people),
            _ => {
                let at = KeyPath::raw(path);
                let at = if file.personal { at.personal() } else { at };
                self.facts.put_value(&at, class(touches), digest(file.personal, file.sha256));
            }
        }
    }

    fn enter(&mut self, at: &At, document: &Json, people: &People) {
        for (key, value) in document.as_object().into_iter().flatten() {
            self.walk(&at.key(key), value, people);
        }
    }

    /// Enters a value and everything below it.
    fn walk(&mut self, at: &At, value: &Json, people: &People) {
        let touches = classes::of(&at.file, &at.pattern);
        match touches {
            Some(Touches::Follows) => {
                let of_file = self.follows.entry(at.file.clone()).or_default();
                of_file.insert(at.path.to_string(), value.clone());
                return;
            }
            Some(Touches::NotCounted(why)) => {
                self.not_counted.insert(at.path.to_string(), (value.clone(), why));
                return;
            }
            Some(Touches::Of(_)) | None => {}
        }
        let class = class(touches);
        match value {
            // Nothing is said: an absent value, an empty list and an empty map are one.
            Json::Null => {}
            Json::Array(items) if items.is_empty() => {}
            Json::Object(map) => {
                for (key, value) in map {
                    self.walk(&at.key(key), value, people);
                }
            }
            Json::Array(items) => match names(items) {
                Some(names) => {
                    if classes::is_in_order(&at.file, &at.pattern) {
                        let in_order = names.iter().map(|name| (*name).to_owned());
                        self.orders.insert(at.path.to_string(), in_order.collect());
                    }
                    for (name, item) in names.into_iter().zip(items) {
                        let at = at.item(people.known(&at.file, name));
                        self.facts.begin(&at.path, class);
                        self.walk(&at, item, people);
                        self.facts.end();
                    }
                }
                None => self.facts.put_in_any_order(&at.path, class, items),
            },
            scalar => self.facts.put_value(&at.path, class, shown(at, scalar)),
        }
    }
}

/// Calls the folder of the package with this number `/packages/NUMBER`, wherever a text names it.
pub(super) fn unnumber(value: &mut Json, number: u32) {
    match value {
        Json::String(text) => {
            let own = format!("/packages/{number}");
            let mut parts = text.split(&own);
            let mut told = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let is_other = part.starts_with(|next: char| next.is_alphanumeric() || "-_".contains(next));
                told.push_str(if is_other { &own } else { "/packages/NUMBER" });
                told.push_str(part);
            }
            *text = told;
        }
        Json::Array(items) => items.iter_mut().for_each(|item| unnumber(item, number)),
        Json::Object(map) => map.values_mut().for_each(|value| unnumber(value, number)),
        _ => {}
    }
}

/// What nobody has decided about works somehow.
fn class(touches: Option<Touches>) -> Class {
    match touches {
        Some(Touches::Of(class)) => class,
        _ => Class::Configuration,
    }
}

/// Where a value stands.
pub(super) struct At {
    pub file: String,
    /// With the names of items.
    pub path: KeyPath,
    /// Without them.
    pub pattern: String,
    /// The last key.
    key: String,
}

impl At {
    /// The document in a file.
    pub fn of(file: &str, personal: bool) -> Self {
        let path = KeyPath::raw("");
        let path = if personal { path.personal() } else { path };
        Self { file: file.to_owned(), path, pattern: String::new(), key: String::new() }
    }

    pub fn key(&self, key: &str) -> Self {
        let path = if self.pattern.is_empty() {
            let path = KeyPath::raw(format!("{}: {}", self.file, self.path.key(key)));
            if self.path.personal { path.personal() } else { path }
        } else {
            self.path.key(key)
        };
        let dot = if self.pattern.is_empty() { "" } else { "." };
        let pattern = [&self.pattern, dot, key].concat();
        Self { file: self.file.clone(), path, pattern, key: key.to_owned() }
    }

    pub fn item(&self, name: &str) -> Self {
        Self {
            file: self.file.clone(),
            path: self.path.item(name),
            pattern: format!("{}[]", self.pattern),
            key: self.key.clone(),
        }
    }
}

/// The names of things in a list, if each has one.
pub(super) fn names(items: &[Json]) -> Option<Vec<&str>> {
    items.iter().map(|item| NAMES.iter().find_map(|name| item.get(name)?.as_str())).collect()
}

/// A value as it may be told.
pub(super) fn shown(at: &At, value: &Json) -> Value {
    match value.as_str() {
        // What stands in such a place in our own files names a variable, or is the name of a secret.
        Some(text) if CREDENTIALS.contains(&at.key.as_str()) && !is_variable(text) => Value::Hidden(
            Hidden::new(at.key.clone(), Some(text.chars().count()), Digest::of(text.as_bytes())),
        ),
        _ => Value::Plain(value.clone()),
    }
}

fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// A file that is told by its digest; of a personal one not even that is shown.
pub(super) fn digest(personal: bool, digest: Digest) -> Value {
    if personal {
        Value::Hidden(Hidden::new("personal file".to_owned(), None, digest))
    } else {
        Value::Plain(digest.to_string().into())
    }
}

/// The values of a data file, in whichever form it has; of other files there are none.
pub(super) fn document(path: &str, bytes: &[u8]) -> Option<Json> {
    let text = std::str::from_utf8(bytes).ok()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, "json")) => json(bytes),
        Some((_, "yml")) => serde_yaml::from_str(text).ok(),
        Some((_, "env")) => Some(Json::Object(text.lines().filter_map(variable).collect())),
        Some((_, "js")) => json(text.split_once(" = ")?.1.trim_end().strip_suffix(';')?.as_bytes()),
        _ if name == "known_hosts" => {
            let lines: Vec<Json> = text.lines().map(Json::from).collect();
            Some(Json::Object([("hosts".to_owned(), Json::Array(lines))].into_iter().collect()))
        }
        _ => None,
    }
}

fn json(bytes: &[u8]) -> Option<Json> {
    serde_json::from_slice(bytes).ok()
}

/// A line of `.env`, whose value stands in double quotes.
fn variable(line: &str) -> Option<(String, Json)> {
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let value = quoted.map_or_else(|| value.to_owned(), unquoted);
    Some((name.to_owned(), if value.is_empty() { Json::Null } else { value.into() }))
}

fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let escaped = if character == '\\' { rest.next() } else { None };
        out.push(match escaped {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(other) => other,
            None => character,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_the_value_that_was_written() {
        let hostile = "Harbour \"North\" \\ $(id) ${HOME}\n\r\t`#'=";
        let text =
            crate::render::dotenv([("STUF_PROJECT_NAME", hostile.to_owned()), ("STUF_EMPTY", String::new())]);
        let read = document("infrastructure/compose/.env", text.as_bytes()).expect("variables");
        assert_eq!(read["STUF_PROJECT_NAME"], hostile);
        assert_eq!(read["STUF_EMPTY"], Json::Null);
    }

    #[test]
    fn what_could_be_a_credential_is_not_shown_and_still_told_apart() {
        let value = |text: &str| {
            let at = At::of("realm.json", false).key("clients").item("a").key("secret");
            shown(&at, &Json::from(text))
        };
        assert_eq!(value("${KEYCLOAK_CLIENT_SECRET}"), Value::Plain("${KEYCLOAK_CLIENT_SECRET}".into()));
        assert!(matches!(value("FAKE"), Value::Hidden(_)));
        assert_ne!(value("FAKE"), value("FALS"));
        assert!(!format!("{:?}", serde_json::to_string(&value("FAKE"))).contains("FAKE"));
    }

    /// A value that comes with a new provider or a new setting touches nothing known until somebody decides what.
    #[test]
    fn it_was_decided_what_every_value_of_the_goldens_touches() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let mut undecided = std::collections::BTreeSet::new();
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.expect("an entry");
            let path = entry.path().strip_prefix(&root).expect("below").to_string_lossy().into_owned();
            let Some((golden, path)) = path.split_once('/').filter(|_| entry.file_type().is_file()) else {
                continue;
            };
            let manifest = std::fs::read(root.join(golden).join(MANIFEST)).expect("a manifest");
            let code = json(&manifest).expect("JSON")["code"]["files"].clone();
            let document = !path.contains('/') || path.starts_with("docs/");
            let is_code = code.as_array().expect("a list").iter().any(|file| file == path);
            let skipped = is_code || super::super::lists::is_list(path) || path == SALT;
            if skipped || document && ![MANIFEST, PLAN].contains(&path) {
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("a file");
            match document_of(path, &bytes) {
                Some(document) => find_undecided(&At::of(path, false), &document, &mut undecided),
                None if classes::of(path, "").is_none() => _ = undecided.insert(path.to_owned()),
                None => {}
            }
        }
        assert!(undecided.is_empty(), "compare/package/classes.rs says nothing of {undecided:#?}");
    }

    fn document_of(path: &str, bytes: &[u8]) -> Option<Json> {
        document(path, bytes).filter(Json::is_object)
    }

    fn find_undecided(at: &At, value: &Json, undecided: &mut std::collections::BTreeSet<String>) {
        if !at.pattern.is_empty() {
            match classes::of(&at.file, &at.pattern) {
                Some(Touches::Of(_)) => {}
                Some(_) => return,
                None if !value.is_object() => _ = undecided.insert(format!("{}: {}", at.file, at.pattern)),
                None => {}
            }
        }
        match value {
            Json::Object(map) => {
                map.iter().for_each(|(key, value)| find_undecided(&at.key(key), value, undecided))
            }
            Json::Array(items) => items.iter().for_each(|item| {
                if item.is_object() {
                    find_undecided(&at.item(""), item, undecided);
                }
            }),
            _ => {}
        }
    }
}
