//! A parsed document: a tree in which every node knows where it stands.
//!
//! Scalars keep their text and whether they were quoted; what they mean is decided by the type that is expected where
//! they stand, so `Norway: no` is never a truth value by accident.

use super::Location;
use std::sync::Arc;

/// Line and column of a node, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub at: Position,
}

/// What stands at a node.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, a number, a truth value or nothing, as written.
    Scalar {
        /// The text, quotes and escapes resolved.
        text: String,
        /// Whether it was written in quotes (or as a YAML block), and so is text whatever it looks like.
        quoted: bool,
    },
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in order of the document; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Where it begins.
    pub at: Position,
}

impl Node {
    /// An unquoted scalar without text, which is how both YAML and JSON write "nothing".
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value below `key`, if this is a mapping that has it; an explicit null counts as absent.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// Key and value below `key`, null or not.
    pub fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key),
            _ => None,
        }
    }

    /// Entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The truth value of an unquoted `true` or `false`.
    pub fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, quoted: false } => text.parse().ok(),
            _ => None,
        }
    }

    /// What this is, as a noun phrase for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar { quoted: true, .. } => "quoted text",
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { text, .. } if matches!(text.as_str(), "true" | "false") => "a truth value",
            Value::Scalar { text, .. } if is_number(text) => "a number",
            Value::Scalar { .. } => "text",
        }
    }

    /// The same value as JSON; unquoted scalars become what JSON would have them be.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect())
            }
            Value::Scalar { text, quoted: true } => Json::String(text.clone()),
            Value::Scalar { .. } if self.is_null() => Json::Null,
            Value::Scalar { text, .. } => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
            }
        }
    }

    /// The tree of a JSON value, without positions: how defaults enter the walk.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Array(items) => Value::List(items.iter().map(Node::from_json).collect()),
            Json::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        (Key { text: key.clone(), at: Position::default() }, Node::from_json(value))
                    })
                    .collect(),
            ),
            Json::String(text) => Value::Scalar { text: text.clone(), quoted: true },
            other => Value::Scalar { text: other.to_string(), quoted: false },
        };
        Self { value, at: Position::default() }
    }
}

/// Whether unquoted `text` is a number by YAML 1.1 or 1.2, octal and base-60 notations included.
fn is_number(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str, radix: u32| {
        !text.is_empty()
            && text.chars().all(|c| c.is_digit(radix) || c == '_')
            && text.contains(|c: char| c != '_')
    };
    let float = || {
        let (mantissa, exponent) = body.split_once(['e', 'E']).map_or((body, None), |(m, e)| (m, Some(e)));
        let plain = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_')
            && mantissa.bytes().any(|b| b.is_ascii_digit())
            && mantissa.bytes().filter(|b| *b == b'.').count() <= 1;
        plain && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e), 10))
    };
    let base_sixty = || {
        body.contains(':')
            && body.split(':').enumerate().all(|(index, part)| {
                let part = if index > 0 { part.split('.').next().unwrap_or("") } else { part };
                digits(part, 10) && (index == 0 || part.len() <= 2)
            })
    };
    digits(body, 10)
        || body.strip_prefix("0x").is_some_and(|d| digits(d, 16))
        || body.strip_prefix("0o").is_some_and(|d| digits(d, 8))
        || body.strip_prefix("0b").is_some_and(|d| digits(d, 2))
        || matches!(body.to_ascii_lowercase().as_str(), ".inf" | ".nan")
        || float()
        || base_sixty()
}

/// Whether unquoted `text` is something else than text to some YAML reader: a truth value, nothing, or a number.
pub fn is_ambiguous(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "=" | "<<"
    ) || is_number(text)
}

/// One step of a key path.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Below this key.
    Key(&'a str),
    /// The item with this index, from 0.
    Item(usize),
}

impl Step<'_> {
    /// Appends the step to a key path: `.key`, `.{"odd key"}` or `[3]`.
    pub fn push_onto(self, path: &mut String) {
        self.push(path, usize::MAX);
    }

    /// The same for the eyes of people: of a key no more than its first 80 characters.
    pub fn push_shown_onto(self, path: &mut String) {
        self.push(path, SHOWN_OF_A_KEY);
    }

    fn push(self, path: &mut String, most: usize) {
        use std::fmt::Write as _;
        match self {
            Self::Item(index) => {
                let _ = write!(path, "[{index}]");
            }
            Self::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                let plain = (1..=most).contains(&key.len())
                    && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:@/+".contains(&b));
                if plain {
                    path.push_str(key);
                } else {
                    let shown: String = key.chars().take(most).collect();
                    let _ = write!(path, "{{{}}}", serde_json::Value::from(shown));
                }
            }
        }
    }
}

/// Characters of a key that a message shows.
const SHOWN_OF_A_KEY: usize = 80;

/// A parsed document and the file it came from.
#[derive(Debug)]
pub struct Document {
    /// The file as the user named it.
    pub name: Arc<str>,
    /// The root; absent where the text could not be parsed (the findings say why).
    pub root: Option<Node>,
    /// The text, for source lines in messages; empty where no line may ever be shown (a realm holds credentials).
    pub text: String,
}

impl Document {
    /// The value at a key path; null counts as absent.
    pub fn find(&self, steps: &[Step<'_>]) -> Option<&Node> {
        steps.iter().try_fold(self.root.as_ref()?, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.items().get(*index),
        })
    }

    /// Where the value at a key path stands, or the closest thing around it that exists.
    pub fn locate(&self, steps: &[Step<'_>]) -> Location {
        let mut at = self.root.as_ref().map(|root| root.at).unwrap_or_default();
        let mut node = self.root.as_ref();
        let mut path = String::new();
        for step in steps {
            step.push_shown_onto(&mut path);
            node = match (node, step) {
                (Some(node), Step::Key(key)) => node.entry(key).map(|(key, value)| {
                    // A block mapping or list below a key begins on a later line; the key is where a person looks.
                    let nested = !matches!(value.value, Value::Scalar { .. }) || value.is_null();
                    at = if nested { key.at } else { value.at };
                    value
                }),
                (Some(node), Step::Item(index)) => node.items().get(*index).inspect(|item| at = item.at),
                (None, _) => None,
            };
        }
        Location { file: self.name.clone(), line: at.line, column: at.column, path }
    }

    /// Key path of every scalar that holds something, in order of the document.
    pub fn leaves(&self) -> impl Iterator<Item = String> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            collect_leaves(root, &mut String::new(), &mut |path, _| found.push(path.to_owned()));
        }
        found.into_iter()
    }

    /// Calls `visit` with key path and node of every scalar that holds something.
    pub fn each_leaf<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a Node)) {
        if let Some(root) = &self.root {
            collect_leaves(root, &mut String::new(), visit);
        }
    }

    /// The source line, where it may be shown: up to the end of `value`, and with nothing before it but a short key.
    pub fn line(&self, at: Position, value: &str) -> Option<String> {
        let text = self.text.lines().nth(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
        let before = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let start = text.char_indices().nth(before).map(|(index, _)| index)?;
        let (key, rest) = text.split_at(start);
        let quote = rest.strip_prefix(['"', '\'']).map_or(0, |_| 1);
        let simple =
            key.len() <= 100 && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-: \"'[".contains(c));
        let shown = simple
            && value.len() <= 120
            && rest[quote..].starts_with(value)
            && !value.contains(char::is_control);
        shown.then(|| {
            text[..start + quote + value.len() + quote.min(rest.len() - quote - value.len())].to_owned()
        })
    }
}

fn collect_leaves<'a>(node: &'a Node, path: &mut String, visit: &mut dyn FnMut(&str, &'a Node)) {
    let length = path.len();
    match &node.value {
        Value::Scalar { .. } if node.is_null() => {}
        Value::Scalar { .. } => visit(path, node),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                Step::Item(index).push_onto(path);
                collect_leaves(item, path, visit);
                path.truncate(length);
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                Step::Key(&key.text).push_onto(path);
                collect_leaves(value, path, visit);
                path.truncate(length);
            }
        }
    }
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for Step<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

/// A key path from keys and indexes.
macro_rules! steps {
    ($($step:expr),+ $(,)?) => { &[$( $crate::model::tree::Step::from($step) ),+] };
}
pub(crate) use steps;
