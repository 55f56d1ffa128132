//! YAML as Ansible reads it: every text marked `!unsafe`, so that it is never a template.

use serde_json::Value;
use std::fmt::Write as _;

/// Bytes of a text that stands on one line, whatever breaks it has.
const LONG: usize = 100;

/// Writes `value` as a YAML document; `head` is a comment for its first lines.
///
/// Texts are double-quoted with `!unsafe` (Ansible documentation, "Unsafe or raw strings"): a `{{` in a value stays a
/// `{{`. Numbers, booleans, lists and maps are plain. Keys are ours and plain.
pub fn ansible_yaml(head: &str, value: &Value) -> String {
    let mut out = String::from("---\n");
    for line in head.lines() {
        let _ = writeln!(out, "# {line}");
    }
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(out, "{:width$}{key}:", "", width = depth * 2);
                entry(out, value, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{:width$}-", "", width = depth * 2);
                list_item(out, item, depth);
            }
        }
        _ => {}
    }
}

fn entry(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            block(out, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, depth + 1);
        }
        _ => {
            out.push(' ');
            scalar(out, value, depth);
            out.push('\n');
        }
    }
}

/// The first key of a map in a list stands on the line of its dash.
fn list_item(out: &mut String, item: &Value, depth: usize) {
    match item {
        Value::Object(map) if !map.is_empty() => {
            let mut inner = String::new();
            block(&mut inner, item, depth + 1);
            out.push(' ');
            out.push_str(inner.trim_start());
        }
        _ => entry(out, item, depth),
    }
}

fn scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) => {
            out.push_str("!unsafe \"");
            if text.len() > LONG {
                by_lines(out, text, depth);
            } else {
                quoted(out, text);
            }
            out.push('"');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// A line for each line of the text: a backslash takes away the break behind it and the indentation that follows (7.3.1), and
/// keeps a space that the text itself has there.
fn by_lines(out: &mut String, text: &str, depth: usize) {
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number > 0 {
            let _ = write!(out, "\\\n{:width$}", "", width = depth * 2 + 2);
            if line.starts_with(' ') {
                out.push('\\');
            }
        }
        quoted(out, line);
    }
}

/// Everything that YAML 1.2 does not call printable, and what breaks lines or hides, is escaped (YAML 1.2.2, 5.1, 5.7).
fn quoted(out: &mut String, text: &str) {
    for character in text.chars() {
        let code = u32::from(character);
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if code < 0x20 || (0x7f..=0xa0).contains(&code) => {
                let _ = write!(out, "\\x{code:02x}");
            }
            '\u{00AD}'
            | '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
            | '\u{FFFE}'
            | '\u{FFFF}' => {
                let _ = write!(out, "\\u{code:04x}");
            }
            other => out.push(other),
        }
    }
}
