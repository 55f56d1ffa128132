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

    /// What an absent key means; `None` where the key is required.
    fn absent() -> Option<Self> {
        None
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
        step.push_onto(&mut self.path);
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
            Shown::Hidden { .. } | Shown::Absent => None,
        };
        let mut finding = Finding::of(code, self.location(node), message).found(found).expected(expected);
        finding.line = line;
        self.findings.push(finding);
    }

    /// What may be shown of a node: short scalars of fields and with contents that cannot be a secret.
    fn shown(&self, node: &Node) -> Shown {
        match &node.value {
            Value::List(_) | Value::Map(_) => Shown::Text(node.kind().to_owned()),
            Value::Scalar { .. } if node.is_null() => Shown::Absent,
            Value::Scalar { text, .. } => shown(&self.field, text),
        }
    }

    /// Tells that a required key is missing from the mapping at `node`.
    pub fn missing<T: Shape>(&mut self, node: &Node, key: &'static str, expected: &str) -> T {
        self.inside(Step::Key(key), |walk| {
            walk.unusable.insert(walk.path.clone());
            let finding =
                Finding::of(&codes::KEY_MISSING, walk.location(node), format!("`{}` is missing", walk.path))
                    .expected(expected.trim_end_matches('.'));
            walk.findings.push(finding);
            T::placeholder()
        })
    }

    /// Tells of every key of the mapping at `node` that `known` lacks.
    pub fn unknown_keys(&mut self, node: &Node, known: &[String]) {
        for (key, value) in node.entries() {
            if known.contains(&key.text) {
                continue;
            }
            let close = closest(&key.text, known.iter().map(String::as_str));
            let mut path = self.path.clone();
            Step::Key(&key.text).push_onto(&mut path);
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
        expected: &'static str,
        default: Option<serde_json::Value>,
    ) -> T {
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
            None => T::absent().unwrap_or_else(|| self.missing(node, key, expected)),
        }
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
                walk.fail(node, &codes::VALUE_CHOICE, message, &format!("one of {}", W::CHOICES.join(", ")))
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

/// `api_memory` as it stands in documents: `apiMemory`.
pub fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.extend(c.to_uppercase());
        } else {
            camel.push(c);
        }
    }
    camel
}

/// Declares a record: struct, keys, defaults, schema and walk.
///
/// `field: Type` is required unless the type itself can be absent (`Option`), `field: Type = value` has a default,
/// written as JSON; a default of `{}` lets every field of the record below take its own.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty $(= $default:tt)? ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type ),+
        }

        impl $crate::model::walk::Shape for $name {
            fn walk(node: &$crate::model::tree::Node, walk: &mut $crate::model::walk::Walk<'_>) -> Self {
                use $crate::model::walk::keys;
                static KEYS: std::sync::LazyLock<Vec<String>> =
                    std::sync::LazyLock::new(|| keys(&[$( stringify!($field) ),+]));
                if !matches!(node.value, $crate::model::tree::Value::Map(_)) {
                    return walk.fail(
                        node,
                        &$crate::model::codes::VALUE_TYPE,
                        format!("a mapping is expected here, not {}", node.kind()),
                        &format!("a mapping with the keys {}", KEYS.join(", ")),
                    );
                }
                walk.unknown_keys(node, &KEYS);
                let mut keys = KEYS.iter();
                $(
                    let $field = walk.field(
                        node,
                        keys.next().map_or("", String::as_str),
                        concat!($( $field_doc ),+).trim(),
                        record!(@default $($default)?),
                    );
                )+
                Self { $( $field ),+ }
            }

            fn placeholder() -> Self {
                Self { $( $field: $crate::model::walk::Shape::placeholder() ),+ }
            }

            fn schema(definitions: &mut $crate::model::walk::Definitions) -> serde_json::Value {
                $crate::model::walk::define(stringify!($name), concat!($( $doc ),+), definitions, |definitions| vec![
                    $( $crate::model::walk::Property {
                        name: stringify!($field),
                        doc: concat!($( $field_doc ),+),
                        schema: <$type as $crate::model::walk::Shape>::schema(definitions),
                        default: record!(@default $($default)?),
                        required: record!(@required $($default)?)
                            && <$type as $crate::model::walk::Shape>::absent().is_none(),
                    } ),+
                ])
            }
        }
    };
    (@default) => { None };
    (@default $default:tt) => { Some(serde_json::json!($default)) };
    (@required) => { true };
    (@required $default:tt) => { false };
}
pub(crate) use record;

/// Keys of a record as they stand in documents.
pub fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| camel(name)).collect()
}

/// One property of a record's JSON Schema.
#[derive(Debug)]
pub struct Property {
    /// Name of the field.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// The schema of its type.
    pub schema: serde_json::Value,
    /// Its default.
    pub default: Option<serde_json::Value>,
    /// Whether it must be there.
    pub required: bool,
}

/// Adds a record to the definitions, once, and returns the reference to it.
pub fn define(
    name: &str,
    doc: &str,
    definitions: &mut Definitions,
    properties: impl FnOnce(&mut Definitions) -> Vec<Property>,
) -> serde_json::Value {
    if !definitions.contains_key(name) {
        definitions.insert(name.to_owned(), json!({}));
        let properties = properties(definitions);
        let required: Vec<String> = properties.iter().filter(|p| p.required).map(|p| camel(p.name)).collect();
        let described: serde_json::Map<String, serde_json::Value> = properties
            .into_iter()
            .map(|property| {
                let mut schema = property.schema;
                let meaning = property.doc.trim().to_owned();
                // The field's own words first, then what its type asks for.
                let description = match schema.get("description").and_then(|d| d.as_str()) {
                    Some(shape) => format!("{meaning}\nExpected: {shape}."),
                    None => meaning,
                };
                schema["description"] = description.into();
                if let Some(default) = property.default {
                    schema["default"] = default;
                }
                (camel(property.name), schema)
            })
            .collect();
        let mut schema = json!({
            "type": "object",
            "description": doc.trim(),
            "properties": described,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        definitions.insert(name.to_owned(), schema);
    }
    json!({"$ref": format!("#/$defs/{name}")})
}
