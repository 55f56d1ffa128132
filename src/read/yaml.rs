//! YAML to trees, from the parser's events: nothing is resolved, expanded or guessed.

use super::text::{Budget, MOST, count, over};
use crate::model::codes::{self, CodeInfo};
use crate::model::tree::{Key, Node, Position, Value};
use crate::model::walk::shown;
use crate::model::{Finding, Location};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashSet;
use std::sync::Arc;

/// Collections that are still open.
enum Frame {
    List(Position, Vec<Node>),
    Map { at: Position, entries: Vec<(Key, Node)>, seen: HashSet<String>, key: Option<Key>, left_out: bool },
}

struct Reader<'a> {
    name: &'a Arc<str>,
    budget: Budget,
    findings: &'a mut Vec<Finding>,
    told: usize,
    nodes: usize,
    stack: Vec<Frame>,
    root: Option<Node>,
}

/// Reads one YAML document.
pub(super) fn parse(
    name: &Arc<str>,
    text: &str,
    budget: Budget,
    findings: &mut Vec<Finding>,
) -> Option<Node> {
    let before = findings.len();
    let mut reader = Reader { name, budget, findings, told: 0, nodes: 0, stack: Vec::new(), root: None };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let goes_on = match event {
            Ok((event, span)) => reader.take(event, span),
            Err(error) => {
                let at = position(*error.marker());
                // The parser's own words never quote more than a character of the text.
                let finding =
                    Finding::of(&codes::YAML_SYNTAX, reader.place(at), format!("not YAML: {}", error.info()));
                reader.findings.push(finding.expected("YAML 1.2"));
                false
            }
        };
        if !goes_on || reader.told >= MOST {
            return None;
        }
    }
    let root = reader.root;
    if root.as_ref().is_none_or(Node::is_null) && findings.len() == before {
        let at = Location { file: name.clone(), line: 1, column: 1, path: String::new() };
        findings.push(Finding::of(&codes::DOCUMENT_EMPTY, at, "the document is empty").expected("a mapping"));
        return None;
    }
    root
}

fn position(marker: saphyr_parser::Marker) -> Position {
    Position { line: count(marker.line()), column: count(marker.col() + 1) }
}

impl Reader<'_> {
    fn place(&self, at: Position) -> Location {
        Location { file: self.name.clone(), line: at.line, column: at.column, path: self.path() }
    }

    /// Key path of the place where the next value belongs.
    fn path(&self) -> String {
        use crate::model::tree::Step;
        let mut path = String::new();
        for frame in &self.stack {
            match frame {
                Frame::List(_, items) => Step::Item(items.len()).push_shown_onto(&mut path),
                Frame::Map { key: Some(key), .. } => Step::Key(&key.text).push_shown_onto(&mut path),
                Frame::Map { key: None, .. } => {}
            }
        }
        path
    }

    fn tell(&mut self, code: &'static CodeInfo, at: Position, message: &str, expected: &str) {
        let finding = Finding::of(code, self.place(at), message).expected(expected);
        self.findings.push(finding);
        self.told += 1;
    }

    fn spend(&mut self, at: Position, depth: usize, bytes: usize) -> bool {
        self.nodes += 1;
        let (code, limit) = if depth > self.budget.depth {
            (&codes::DOCUMENT_DEPTH, self.budget.depth)
        } else if self.nodes > self.budget.nodes {
            (&codes::DOCUMENT_NODES, self.budget.nodes)
        } else if bytes > self.budget.scalar {
            (&codes::DOCUMENT_SCALAR, self.budget.scalar)
        } else {
            return true;
        };
        self.findings.push(over(self.name, at.line, at.column, code, limit));
        false
    }

    /// Takes one event; `false` ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = position(span.start);
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 {
            self.tell(&codes::YAML_ANCHOR, at, "an anchor stands here", "the value without `&name`");
        }
        if tag {
            self.tell(&codes::YAML_TAG, at, "a tag stands here", "the value without `!tag`");
        }
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => true,
            Event::DocumentStart(_) => {
                let first = self.root.is_none();
                if !first {
                    self.tell(
                        &codes::YAML_DOCUMENTS,
                        at,
                        "a second document begins here",
                        "one document per file",
                    );
                }
                first
            }
            Event::Alias(_) => {
                self.tell(&codes::YAML_ANCHOR, at, "an alias stands here", "the value itself");
                self.scalar(String::new(), true, at)
            }
            Event::Scalar(text, style, _, _) => {
                self.spend(at, self.stack.len(), text.len())
                    && self.scalar(text.into_owned(), style != ScalarStyle::Plain, at)
            }
            Event::SequenceStart(..) => {
                self.spend(at, self.stack.len() + 1, 0) && self.key_is_text(at) && {
                    self.stack.push(Frame::List(at, Vec::new()));
                    true
                }
            }
            Event::MappingStart(..) => {
                self.spend(at, self.stack.len() + 1, 0) && self.key_is_text(at) && {
                    self.stack.push(Frame::Map {
                        at,
                        entries: Vec::new(),
                        seen: HashSet::new(),
                        key: None,
                        left_out: false,
                    });
                    true
                }
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List(at, items)) => self.place_value(Node { value: Value::List(items), at }),
                Some(Frame::Map { at, entries, .. }) => {
                    self.place_value(Node { value: Value::Map(entries), at })
                }
                None => true,
            },
        }
    }

    /// A collection may not stand where a key belongs.
    fn key_is_text(&mut self, at: Position) -> bool {
        let wrong = matches!(self.stack.last(), Some(Frame::Map { key: None, .. }));
        if wrong {
            self.tell(&codes::KEY_KIND, at, "a list or mapping stands where a key belongs", "a word");
        }
        !wrong
    }

    fn scalar(&mut self, text: String, quoted: bool, at: Position) -> bool {
        if let Some(Frame::Map { key: key @ None, seen, left_out, .. }) = self.stack.last_mut() {
            let twice = !seen.insert(text.clone());
            let merge = !quoted && text == "<<";
            let empty = !quoted && text.is_empty();
            *left_out = twice || merge || empty;
            *key = Some(Key { text: text.clone(), at });
            if merge {
                self.tell(&codes::YAML_MERGE, at, "a merge key stands here", "the keys themselves");
            } else if empty {
                self.tell(&codes::KEY_KIND, at, "a value without a key stands here", "a key");
            } else if twice {
                let finding = Finding::of(
                    &codes::KEY_DUPLICATE,
                    self.place(at),
                    "this key stands here for the second time",
                );
                self.findings.push(finding.found(shown("", &text)).expected("each key once"));
                self.told += 1;
            }
            return true;
        }
        self.place_value(Node { value: Value::Scalar { text, quoted }, at })
    }

    fn place_value(&mut self, node: Node) -> bool {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List(_, items)) => items.push(node),
            Some(Frame::Map { entries, key, left_out, .. }) => {
                // What has its finding already is left out, so that nothing else is told about it.
                if let Some(key) = key.take().filter(|_| !*left_out) {
                    entries.push((key, node));
                }
            }
        }
        true
    }
}
