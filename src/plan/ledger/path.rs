//! Key paths: how they are written, and how they are taken apart again.

use std::borrow::Cow;
use std::fmt;

/// A key path under construction.
#[derive(Clone)]
pub(super) struct Path {
    text: String,
    /// Whether what stands there names a person.
    pub personal: bool,
}

impl Path {
    /// A path that begins with `text` as it stands.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), personal: false }
    }

    /// The value of `key` in a mapping.
    pub fn key(&self, key: &str) -> Self {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let text = match (plain, self.text.is_empty()) {
            (true, true) => key.to_owned(),
            (true, false) => [&self.text, ".", key].concat(),
            (false, _) => format!("{}.{{{}}}", self.text, serde_json::Value::from(key)),
        };
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

/// One step of a key path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Segment<'p> {
    /// A key of a mapping.
    Key(Cow<'p, str>),
    /// An item of a list, whatever names it.
    Item,
}

/// Takes a path apart; with each segment comes how much of the path it ends at.
pub(super) fn segments(path: &str) -> Vec<(Segment<'_>, usize)> {
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (segment, length) = match rest.as_bytes()[0] {
            b'[' => (Segment::Item, item_length(rest)),
            b'.' if rest.starts_with(".{\"") => quoted(rest),
            b'.' => plain(rest, 1),
            _ => plain(rest, 0),
        };
        rest = &rest[length..];
        found.push((segment, path.len() - rest.len()));
    }
    found
}

/// An item ends at the last `]` that the path goes on after with `.`, `[` or its end: names may hold brackets.
fn item_length(rest: &str) -> usize {
    let closes = |at: &usize| rest[at + 1..].is_empty() || rest[at + 1..].starts_with(['.', '[']);
    rest.match_indices(']').map(|(at, _)| at).find(closes).map_or(rest.len(), |at| at + 1)
}

fn quoted(rest: &str) -> (Segment<'_>, usize) {
    let mut texts = serde_json::Deserializer::from_str(&rest[2..]).into_iter::<String>();
    match texts.next() {
        Some(Ok(key)) => {
            let length = (3 + texts.byte_offset()).min(rest.len());
            (Segment::Key(Cow::Owned(key)), length)
        }
        _ => (Segment::Key(Cow::Borrowed(rest)), rest.len()),
    }
}

fn plain(rest: &str, skip: usize) -> (Segment<'_>, usize) {
    let end = rest.bytes().skip(skip).position(|byte| matches!(byte, b'.' | b'['));
    let length = end.map_or(rest.len(), |at| at + skip).max(1);
    (Segment::Key(Cow::Borrowed(&rest[skip..length])), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_odd_keys_and_items_comes_apart_as_it_was_put_together() {
        let path = Path::raw("").key("spec").key("a.b \"c\"]").item("o]dd").key("roles").item(3);
        let text = path.to_string();
        let apart: Vec<Segment<'_>> = segments(&text).into_iter().map(|(segment, _)| segment).collect();

        let key = |text: &'static str| Segment::Key(text.into());
        assert_eq!(apart, [key("spec"), key("a.b \"c\"]"), Segment::Item, key("roles"), Segment::Item]);
    }
}
