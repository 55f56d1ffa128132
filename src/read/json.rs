//! JSON to trees, strictly by RFC 8259: with positions, and with duplicate keys found.

use super::text::{Budget, MOST, count, over};
use crate::model::codes;
use crate::model::tree::{Key, Node, Position, Step, Value};
use crate::model::walk::shown;
use crate::model::{Finding, Location};
use std::collections::HashSet;
use std::sync::Arc;

struct Reader<'a> {
    name: &'a Arc<str>,
    bytes: &'a [u8],
    next: usize,
    line: usize,
    column: usize,
    budget: Budget,
    nodes: usize,
    path: String,
    findings: &'a mut Vec<Finding>,
    told: usize,
}

/// The reading ends; its finding is told already.
struct Stop;

/// The keys of one object: most have few, which are quickest compared one by one.
#[derive(Default)]
struct Keys(HashSet<String>);

impl Keys {
    /// Objects with more keys have them looked up.
    const FEW: usize = 16;

    /// Whether `text` is a key of one of `entries`, which only grow from one call to the next.
    fn has(&mut self, entries: &[(Key, Node)], text: &str) -> bool {
        if entries.len() <= Self::FEW {
            return entries.iter().any(|(key, _)| key.text == text);
        }
        self.0.extend(entries[self.0.len()..].iter().map(|(key, _)| key.text.clone()));
        self.0.contains(text)
    }
}

/// Reads one JSON document.
pub(super) fn parse(
    name: &Arc<str>,
    text: &str,
    budget: Budget,
    findings: &mut Vec<Finding>,
) -> Option<Node> {
    let mut reader = Reader {
        name,
        bytes: text.as_bytes(),
        next: 0,
        line: 1,
        column: 1,
        budget,
        nodes: 0,
        path: String::new(),
        findings,
        told: 0,
    };
    let root = reader.document();
    root.ok()
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Stop> {
        self.spaces();
        let root = self.value(0)?;
        self.spaces();
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.wrong("something stands after the end of the document")),
        }
    }

    fn at(&self) -> Position {
        Position { line: count(self.line), column: count(self.column) }
    }

    fn place(&self, at: Position) -> Location {
        Location { file: self.name.clone(), line: at.line, column: at.column, path: self.path.clone() }
    }

    fn wrong(&mut self, message: &str) -> Stop {
        let finding = Finding::of(&codes::JSON_SYNTAX, self.place(self.at()), format!("not JSON: {message}"));
        self.findings.push(finding.expected("JSON by RFC 8259"));
        Stop
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.next).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.next += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xc0 != 0x80 {
            self.column += 1;
        }
        Some(byte)
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.bump();
        }
    }

    fn spend(&mut self, at: Position, depth: usize) -> Result<(), Stop> {
        self.nodes += 1;
        let (code, limit) = if depth > self.budget.depth {
            (&codes::DOCUMENT_DEPTH, self.budget.depth)
        } else if self.nodes > self.budget.nodes {
            (&codes::DOCUMENT_NODES, self.budget.nodes)
        } else {
            return Ok(());
        };
        self.findings.push(over(self.name, at.line, at.column, code, limit));
        Err(Stop)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Stop> {
        let at = self.at();
        self.spend(at, depth)?;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Scalar { text: self.string()?, quoted: true },
            Some(b'-' | b'0'..=b'9') => Value::Scalar { text: self.number()?, quoted: false },
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            Some(_) => return Err(self.wrong("a value is expected here")),
            None => return Err(self.wrong("the text ends where a value is expected")),
        };
        Ok(Node { value, at })
    }

    fn literal(&mut self, word: &'static str) -> Result<Value, Stop> {
        if !self.bytes[self.next..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value is expected here"));
        }
        for _ in 0..word.len() {
            self.bump();
        }
        Ok(Value::Scalar { text: word.to_owned(), quoted: false })
    }

    fn array(&mut self, depth: usize) -> Result<Value, Stop> {
        self.bump();
        let mut items = Vec::new();
        self.spaces();
        if self.peek() == Some(b']') {
            self.bump();
            return Ok(Value::List(items));
        }
        loop {
            self.spaces();
            let length = self.path.len();
            Step::Item(items.len()).push_shown_onto(&mut self.path);
            items.push(self.value(depth + 1)?);
            self.path.truncate(length);
            self.spaces();
            match self.peek() {
                Some(b',') => self.bump(),
                Some(b']') => {
                    self.bump();
                    return Ok(Value::List(items));
                }
                _ => return Err(self.wrong("`,` or `]` is expected here")),
            };
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Stop> {
        self.bump();
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen = Keys::default();
        self.spaces();
        if self.peek() == Some(b'}') {
            self.bump();
            return Ok(Value::Map(entries));
        }
        loop {
            self.spaces();
            let at = self.at();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is expected here"));
            }
            let text = self.string()?;
            let length = self.path.len();
            Step::Key(&text).push_shown_onto(&mut self.path);
            let repeated = seen.has(&entries, &text);
            if repeated {
                let message = "this key stands here for the second time";
                let finding = Finding::of(&codes::KEY_DUPLICATE, self.place(at), message);
                self.findings.push(finding.found(shown("", &text)).expected("each key once"));
                self.told += 1;
                if self.told >= MOST {
                    return Err(Stop);
                }
            }
            self.spaces();
            if self.peek() != Some(b':') {
                return Err(self.wrong("`:` is expected here"));
            }
            self.bump();
            self.spaces();
            let value = self.value(depth + 1)?;
            self.path.truncate(length);
            if !repeated {
                entries.push((Key { text, at }, value));
            }
            self.spaces();
            match self.peek() {
                Some(b',') => self.bump(),
                Some(b'}') => {
                    self.bump();
                    return Ok(Value::Map(entries));
                }
                _ => return Err(self.wrong("`,` or `}` is expected here")),
            };
        }
    }

    fn number(&mut self) -> Result<String, Stop> {
        let start = self.next;
        let digits = |reader: &mut Self| {
            let first = reader.next;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.bump();
            }
            reader.next - first
        };
        if self.peek() == Some(b'-') {
            self.bump();
        }
        let zero = self.peek() == Some(b'0');
        let whole = digits(self);
        if whole == 0 || (zero && whole > 1) {
            return Err(self.wrong("this is not a number"));
        }
        if self.peek() == Some(b'.') {
            self.bump();
            if digits(self) == 0 {
                return Err(self.wrong("digits are expected here"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.bump();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.bump();
            }
            if digits(self) == 0 {
                return Err(self.wrong("digits are expected here"));
            }
        }
        Ok(String::from_utf8_lossy(&self.bytes[start..self.next]).into_owned())
    }

    fn string(&mut self) -> Result<String, Stop> {
        let at = self.at();
        self.bump();
        let mut text = Vec::new();
        loop {
            if text.len() > self.budget.scalar {
                self.findings.push(over(
                    self.name,
                    at.line,
                    at.column,
                    &codes::DOCUMENT_SCALAR,
                    self.budget.scalar,
                ));
                return Err(Stop);
            }
            match self.peek() {
                None => return Err(self.wrong("the text ends inside quotes")),
                Some(b'"') => {
                    self.bump();
                    return String::from_utf8(text).map_err(|_| self.wrong("this text is not UTF-8"));
                }
                Some(b'\\') => {
                    let c = self.escape()?;
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0..0x20) => return Err(self.wrong("a control character stands inside quotes")),
                Some(_) => {
                    let most = self.budget.scalar + 1 - text.len();
                    let run = self.bytes[self.next..]
                        .iter()
                        .take(most)
                        .take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\'));
                    let run = &self.bytes[self.next..self.next + run.count()];
                    text.extend_from_slice(run);
                    self.next += run.len();
                    self.column += run.iter().filter(|byte| *byte & 0xc0 != 0x80).count();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        self.bump();
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("this escape is not known")),
        };
        self.bump();
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Stop> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.wrong("half of a surrogate pair stands alone"));
        }
        if self.peek() != Some(b'\\') || self.bytes.get(self.next + 1) != Some(&b'u') {
            return Err(self.wrong("half of a surrogate pair stands alone"));
        }
        self.bump();
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.wrong("half of a surrogate pair stands alone"));
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or_else(|| self.wrong("half of a surrogate pair stands alone"))
    }

    /// `u` and four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Stop> {
        self.bump();
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.wrong("four hexadecimal digits are expected here"));
            };
            unit = unit * 16 + digit;
            self.bump();
        }
        Ok(unit)
    }
}
