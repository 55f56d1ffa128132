//! From trees to types: one definition per record gives the struct, its keys, its defaults, its JSON Schema and the walk
//! that collects every finding.
//!
//! A walk never stops at the first error. What is wrong yields a finding and a placeholder, and the key path is
//! remembered as unusable, so that checks across fields can go on without following up on it. A value with placeholders
//! leaves `check` only together with its findings, never as a result.

use super::codes::{self, CodeInfo};
use super::secret::may_be_secret;
use super::tree::{Document, Node, Step, Value, is_ambiguous};
use super::{Finding, Location, Secret, Shown, Word};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A type that is read from a tree and described by a JSON Schema.
pub trait Shape: Sized {
    /// Reads the value at `node`; what is wrong is told to `walk` and replaced by a placeholder.
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self;

    /// Some value, for use where the real one could not be read.
    fn placeholder() -> Self;

    /// What would be right, as a noun phrase for messages.
    fn expected() -> String;

    /// What an absent key means; `None` where the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// The keys by which it stands in the mapping that it is a part of, instead of below a key of its own; most values have none.
    fn parts() -> &'static [&'static str] {
        &[]
    }

    /// The JSON Schema of the value; records add themselves to the definitions.
    fn schema(definitions: &mut Definitions) -> serde_json::Value;
}

/// The `$defs` of a JSON Schema.
pub type Definitions = serde_json::Map<String, serde_json::Value>;

/// A walk over one document.
#[derive(Debug)]
pub struct Walk<'a> {
    document: &'a Document,
    path: String,
    /// Key of the innermost named value, which tells whether it may hold a secret.
    field: String,
    /// Everything wrong so far.
    pub findings: Vec<Finding>,
    /// Key path and value of each default taken.
    pub defaulted: Vec<(String, String)>,
    /// Key paths whose values are placeholders.
    pub unusable: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    /// A walk that has seen nothing yet.
    pub fn new(document: &'a Document) -> Self {
        Self {
            document,
            path: String::new(),
            field: String::new(),
            findings: Vec::new(),
            defaulted: Vec::new(),
            unusable: BTreeSet::new(),
        }
    }

    /// Runs `inner` one step further down.
    pub fn inside<T>(&mut self, step: Step<'_>, inner: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        let field = if let Step::Key(key) = step {
            Some(std::mem::replace(&mut self.field, key.to_owned()))
        } else {
            None
        };
        step.push_shown_onto(&mut self.path);
        let result = inner(self);
        self.path.truncate(length);
        if let Some(field) = field {
            self.field = field;
        }
        result
    }

    /// Where `node` stands.
    pub fn location(&self, node: &Node) -> Location {
        Location {
            file: self.document.name.clone(),
            line: node.at.line,
            column: node.at.column,
            path: self.path.clone(),
        }
    }

    /// Tells that the value at `node` cannot be used, and returns what stands in for it.
    pub fn fail<T: Shape>(
        &mut self,
        node: &Node,
        code: &'static CodeInfo,
        message: String,
        expected: &str,
    ) -> T {
        self.unusable.insert(self.path.clone());
        self.tell(node, code, message, expected);
        T::placeholder()
    }

    /// Tells that something about `node` is wrong while its value can be used.
    pub fn tell(&mut self, node: &Node, code: &'static CodeInfo, message: String, expected: &str) {
        let found = self.shown(node);
        let line = match &found {
            Shown::Text(text) => self.document.line(node.at, text),
            Shown::Shape(_) | Shown::Hidden { .. } | Shown::Absent => None,
        };
        let mut finding = Finding::of(code, self.location(node), message).found(found).expected(expected);
        finding.line = line;
        self.findings.push(finding);
    }

    /// What may be shown of a node: short scalars of fields and with contents that cannot be a secret.
    fn shown(&self, node: &Node) -> Shown {
        match &node.value {
            Value::List(_) | Value::Map(_) => Shown::Shape(node.kind()),
            Value::Scalar { .. } if node.is_null() => Shown::Absent,
            Value::Scalar { text, .. } => shown(&self.field, text),
        }
    }

    /// Tells that a required key is missing from the mapping at `node`; `meaning` is what the key says.
    pub fn missing<T: Shape>(&mut self, node: &Node, key: &'static str, meaning: &str) -> T {
        self.inside(Step::Key(key), |walk| {
            walk.unusable.insert(walk.path.clone());
            let message = format!("`{}` is missing: {}", walk.path, inner_sentence(meaning));
            let finding =
                Finding::of(&codes::KEY_MISSING, walk.location(node), message).expected(T::expected());
            walk.findings.push(finding);
            T::placeholder()
        })
    }

    /// Sets aside what stands at `key` here: what it would have to be is not known, so nothing more is told of it.
    pub fn set_aside(&mut self, key: &str) {
        self.inside(Step::Key(key), |walk| walk.unusable.insert(walk.path.clone()));
    }

    /// Tells of every key of the mapping at `node` that `known` lacks.
    pub fn unknown_keys(&mut self, node: &Node, known: &[String]) {
        for (key, value) in node.entries() {
            if known.contains(&key.text) {
                continue;
            }
            let close = closest(&key.text, known.iter().map(String::as_str));
            let mut path = self.path.clone();
            Step::Key(&key.text).push_shown_onto(&mut path);
            let at = Location { line: key.at.line, column: key.at.column, path, ..self.location(value) };
            let found = shown("", &key.text);
            let message = match (&found, close) {
                (Shown::Text(key), Some(close)) => {
                    format!("`{key}` is not a known key; did you mean `{close}`?")
                }
                (Shown::Text(key), None) => format!("`{key}` is not a known key"),
                _ => "a key is not known".to_owned(),
            };
            let expected = match close {
                Some(close) => format!("`{close}`"),
                None => format!("one of {}", known.join(", ")),
            };
            self.findings.push(Finding::of(&codes::KEY_UNKNOWN, at, message).found(found).expected(expected));
        }
    }

    /// One field of a record: the value of its key, its default, or a finding that it is missing.
    pub fn field<T: Shape>(
        &mut self,
        node: &Node,
        key: &'static str,
        meaning: &'static str,
        default: Option<serde_json::Value>,
    ) -> T {
        if !T::parts().is_empty() {
            return T::walk(node, self);
        }
        if let Some(value) = node.get(key) {
            return self.inside(Step::Key(key), |walk| T::walk(value, walk));
        }
        match default {
            Some(default) => self.inside(Step::Key(key), |walk| {
                if !matches!(&default, serde_json::Value::Object(fields) if fields.is_empty()) {
                    let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                    walk.defaulted.push((walk.path.clone(), text));
                }
                T::walk(&Node::from_json(&default), walk)
            }),
            None => T::absent().unwrap_or_else(|| self.missing(node, key, meaning)),
        }
    }
}

/// A sentence of the documentation, to go on with after a colon.
fn inner_sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        // Of `ACME` and `SSH port` the first letter stays as it is.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            format!("{}{}", first.to_lowercase(), &text[first.len_utf8()..])
        }
        _ => text.to_owned(),
    }
}

/// What may be shown of `text` in a field called `field`.
pub fn shown(field: &str, text: &str) -> Shown {
    let length = text.chars().count();
    if may_be_secret(field) {
        Shown::Hidden { kind: "value of a field for secrets", length }
    } else if length > 120 || super::secret::looks_like_secret(text) {
        Shown::Hidden { kind: "text", length }
    } else {
        Shown::Text(text.to_owned())
    }
}

/// The known word closest to `text`, if it is close enough to be meant.
pub fn closest<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    known
        .map(|word| (strsim::damerau_levenshtein(&plain(text), &plain(word)), word))
        .filter(|(distance, word)| *distance <= (word.len() / 3).clamp(1, 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

impl<W: Word> Shape for W {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let Value::Scalar { text, quoted } = &node.value else {
            return walk.fail(
                node,
                &codes::VALUE_TYPE,
                format!("text is expected here, not {}", node.kind()),
                W::EXPECTED,
            );
        };
        match W::parse(text) {
            Some(_) if !quoted && is_ambiguous(text) => {
                let message = "without quotes some readers take this for something else than text".to_owned();
                walk.fail(node, &codes::YAML_AMBIGUOUS, message, "the same in double quotes")
            }
            Some(word) => word,
            None if W::HIDDEN => {
                walk.unusable.insert(walk.path.clone());
                let found = Shown::Hidden { kind: "text", length: text.chars().count() };
                let message = format!("this is not {}", W::EXPECTED);
                let finding = Finding::of(&codes::VALUE_INVALID, walk.location(node), message);
                walk.findings.push(finding.found(found).expected(W::EXPECTED));
                W::placeholder()
            }
            None if !W::CHOICES.is_empty() => {
                let message = match closest(text, W::CHOICES.iter().copied()) {
                    Some(close) => format!("this is not one of the choices; did you mean `{close}`?"),
                    None => "this is not one of the choices".to_owned(),
                };
                walk.fail(node, &codes::VALUE_CHOICE, message, &<W as Shape>::expected())
            }
            None => {
                let (code, message) = W::diagnose(text)
                    .unwrap_or_else(|| (&codes::VALUE_INVALID, format!("this is not {}", W::EXPECTED)));
                walk.fail(node, code, message, W::EXPECTED)
            }
        }
    }

    fn placeholder() -> Self {
        W::parse(W::EXAMPLE).expect("a test shows that the example of every word is one")
    }

    fn expected() -> String {
        match W::CHOICES {
            [] => W::EXPECTED.to_owned(),
            [only] => (*only).to_owned(),
            several => format!("one of {}", several.join(", ")),
        }
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        if W::CHOICES.is_empty() {
            json!({"type": "string", "description": W::EXPECTED, "examples": [W::EXAMPLE]})
        } else {
            let meanings = W::CHOICES.iter().zip(W::MEANINGS);
            let lines: Vec<String> =
                meanings.map(|(word, meaning)| format!("`{word}`: {}", meaning.trim())).collect();
            json!({"enum": W::CHOICES, "description": lines.join(" ").trim_end_matches('.')})
        }
    }
}

impl Shape for Secret {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        match node.text() {
            Some(text) => Self::new("value of a field for secrets", text),
            None => walk.fail(
                node,
                &codes::VALUE_TYPE,
                format!("text is expected here, not {}", node.kind()),
                "text",
            ),
        }
    }

    fn placeholder() -> Self {
        Self::new("placeholder", "")
    }

    fn expected() -> String {
        "text".to_owned()
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({"type": "string"})
    }
}

impl Shape for bool {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        node.truth().unwrap_or_else(|| {
            let message = "a truth value is expected here: `true` or `false`, without quotes".to_owned();
            walk.fail(node, &codes::VALUE_TYPE, message, "true or false")
        })
    }

    fn placeholder() -> Self {
        false
    }

    fn expected() -> String {
        "true or false".to_owned()
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({"type": "boolean"})
    }
}

/// Whole numbers from `$least` up.
macro_rules! whole_number {
    ($type:ty, $least:literal) => {
        impl Shape for $type {
            fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
                let expected = concat!("a whole number from ", $least);
                let plain = match &node.value {
                    Value::Scalar { text, quoted: false } => {
                        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                        (digits && (text == "0" || !text.starts_with('0'))).then_some(text)
                    }
                    _ => None,
                };
                match plain.map(|text| text.parse::<$type>()) {
                    Some(Ok(number)) if ($least..=<$type>::MAX).contains(&number) => number,
                    Some(_) => {
                        let message = format!("the number is not between {} and {}", $least, <$type>::MAX);
                        walk.fail(node, &codes::VALUE_RANGE, message, expected)
                    }
                    None => {
                        let message = "a whole number is expected here, in plain digits and without quotes".to_owned();
                        walk.fail(node, &codes::VALUE_TYPE, message, expected)
                    }
                }
            }

            fn placeholder() -> Self {
                $least
            }

            fn expected() -> String {
                concat!("a whole number from ", $least).to_owned()
            }

            fn schema(_: &mut Definitions) -> serde_json::Value {
                json!({"type": "integer", "minimum": $least, "maximum": <$type>::MAX})
            }
        }
    };
}

// Ports and counts: none of them means anything at zero.
whole_number!(u16, 1);
whole_number!(u32, 1);
whole_number!(u64, 0);

impl<T: Shape> Shape for Option<T> {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let before = walk.unusable.len();
        let value = T::walk(node, walk);
        (walk.unusable.len() == before || !node.entries().is_empty()).then_some(value)
    }

    fn placeholder() -> Self {
        None
    }

    fn expected() -> String {
        T::expected()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        T::schema(definitions)
    }
}

/// Reads the items of a list, without those that cannot be used.
fn items<T: Shape>(node: &Node, walk: &mut Walk<'_>, mut take: impl FnMut(T, &Node, &mut Walk<'_>)) {
    let Value::List(items) = &node.value else {
        return walk
            .fail::<Nothing>(
                node,
                &codes::VALUE_TYPE,
                format!("a list is expected here, not {}", node.kind()),
                "a list, such as [first, second]",
            )
            .0;
    };
    for (index, item) in items.iter().enumerate() {
        walk.inside(Step::Item(index), |walk| {
            let before = walk.unusable.len();
            let value = T::walk(item, walk);
            if walk.unusable.len() == before {
                take(value, item, walk);
            }
        });
    }
}

/// Stands for a placeholder where nothing needs to be returned.
struct Nothing(());

impl Shape for Nothing {
    fn walk(_: &Node, _: &mut Walk<'_>) -> Self {
        Self(())
    }

    fn placeholder() -> Self {
        Self(())
    }

    fn expected() -> String {
        "nothing".to_owned()
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({"type": "null"})
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let mut found = Self::new();
        items(node, walk, |item, _, _| found.push(item));
        found
    }

    fn placeholder() -> Self {
        Self::new()
    }

    fn expected() -> String {
        format!("a list; each item: {}", T::expected())
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({"type": "array", "items": T::schema(definitions)})
    }
}

impl<T: Shape + Ord> Shape for BTreeSet<T> {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let mut found = Self::new();
        items(node, walk, |item, node, walk| {
            if !found.insert(item) {
                let message = "this stands in the list twice".to_owned();
                walk.tell(node, &codes::VALUE_REPEATED, message, "each value once");
            }
        });
        found
    }

    fn placeholder() -> Self {
        Self::new()
    }

    fn expected() -> String {
        format!("a list; each item, once: {}", T::expected())
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({"type": "array", "items": T::schema(definitions), "uniqueItems": true})
    }
}

impl<K: Word + Ord, V: Shape> Shape for BTreeMap<K, V> {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let mut found = Self::new();
        let Value::Map(entries) = &node.value else {
            let message = format!("a mapping is expected here, not {}", node.kind());
            return walk.fail(node, &codes::VALUE_TYPE, message, "a mapping, such as `name: value`");
        };
        for (key, value) in entries {
            walk.inside(Step::Key(&key.text), |walk| {
                let quoted = Value::Scalar { text: key.text.clone(), quoted: true };
                let before = walk.unusable.len();
                let name = K::walk(&Node { value: quoted, at: key.at }, walk);
                let usable = walk.unusable.len() == before;
                let value = V::walk(value, walk);
                if usable {
                    found.insert(name, value);
                }
            });
        }
        found
    }

    fn placeholder() -> Self {
        Self::new()
    }

    fn expected() -> String {
        format!("a mapping; each key: {}; each value: {}", <K as Shape>::expected(), V::expected())
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let mut schema = json!({"type": "object", "additionalProperties": V::schema(definitions)});
        if K::CHOICES.is_empty() {
            schema["propertyNames"] = json!({"description": K::EXPECTED});
        } else {
            schema["propertyNames"] = json!({"enum": K::CHOICES});
        }
        schema
    }
}
