//! Key paths: how they are written, and how they are taken apart again.

use crate::model::tree::Step;
use std::fmt::{self, Write as _};

/// A key path under construction.
#[derive(Clone)]
pub(crate) struct Path {
    text: String,
    /// Whether what stands there names a person.
    pub personal: bool,
}

impl Path {
    /// A path that begins with `text` as it stands.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), personal: false }
    }

    /// The value of `key` in a mapping, written as the document's own paths are.
    pub fn key(&self, key: &str) -> Self {
        let mut text = self.text.clone();
        Step::Key(key).push_onto(&mut text);
        Self { text, personal: self.personal }
    }

    /// An item of a list, by what names it.
    pub fn item(&self, name: impl fmt::Display) -> Self {
        Self { text: format!("{}[{name}]", self.text), personal: self.personal }
    }

    /// The same path, known to name a person.
    pub fn personal(mut self) -> Self {
        self.personal = true;
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a key path looks like when the names of its items are left out: `users[].email` of `users[u-017].email`.
pub(super) struct Pattern {
    /// The path without names of items, every other key written in one way.
    pub text: String,
    /// Where the path's segments end.
    pub ends: Vec<End>,
}

/// The end of a segment.
pub(super) struct End {
    /// In the path itself.
    pub path: usize,
    /// In the pattern.
    pub text: usize,
}

impl Pattern {
    /// Takes a path apart.
    pub fn of(path: &str) -> Self {
        let mut pattern = Self { text: String::with_capacity(path.len()), ends: Vec::with_capacity(8) };
        let mut rest = path;
        while let Some(first) = rest.bytes().next() {
            let length = match first {
                b'[' => {
                    pattern.text.push_str("[]");
                    item_length(rest)
                }
                b'.' if rest.starts_with(".{\"") => pattern.quoted(rest),
                _ => {
                    let length = plain_length(rest);
                    if first != b'.' {
                        pattern.text.push('.');
                    }
                    pattern.text.push_str(&rest[..length]);
                    length
                }
            };
            rest = &rest[length..];
            pattern.ends.push(End { path: path.len() - rest.len(), text: pattern.text.len() });
        }
        pattern
    }

    /// Adds the quoted key that `rest` begins with, however its characters are escaped; tells its length there.
    fn quoted(&mut self, rest: &str) -> usize {
        let mut texts = serde_json::Deserializer::from_str(&rest[2..]).into_iter::<String>();
        if let Some(Ok(key)) = texts.next() {
            let _ = write!(self.text, ".{{{}}}", serde_json::Value::from(key));
            return (3 + texts.byte_offset()).min(rest.len());
        }
        self.text.push_str(rest);
        rest.len()
    }
}

/// An item ends at the last `]` that the path goes on after with `.`, `[` or its end: names may hold brackets.
fn item_length(rest: &str) -> usize {
    let closes = |at: &usize| rest[at + 1..].is_empty() || rest[at + 1..].starts_with(['.', '[']);
    rest.match_indices(']').map(|(at, _)| at).find(closes).map_or(rest.len(), |at| at + 1)
}

fn plain_length(rest: &str) -> usize {
    let end = rest.bytes().skip(1).position(|byte| matches!(byte, b'.' | b'['));
    end.map_or(rest.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_odd_keys_and_items_comes_apart_as_it_was_put_together() {
        let path = Path::raw("").key("spec").key("a.b \"c\"]").item("o]dd").key("roles").item(3);
        let text = path.to_string();
        let pattern = Pattern::of(&text);

        assert_eq!(pattern.text, r#".spec.{"a.b \"c\"]"}[].roles[]"#);
        let ends: Vec<&str> = pattern.ends.iter().map(|end| &text[..end.path]).collect();
        let odd = r#"spec.{"a.b \"c\"]"}"#;
        let item = format!("{odd}[o]dd]");
        let roles = format!("{item}.roles");
        assert_eq!(ends, ["spec", odd, &item, &roles, &text]);
    }

    #[test]
    fn a_key_means_the_same_however_it_is_escaped() {
        assert_eq!(Pattern::of(r#"a.{"\u00e4"}"#).text, Pattern::of(r#"a.{"ä"}"#).text);
        assert_ne!(Pattern::of("a[b]").text, Pattern::of("a.b").text);
    }
}
