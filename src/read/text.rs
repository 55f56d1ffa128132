//! From bytes to text: UTF-8 and nothing else, without control characters.

use crate::model::codes::{self, CodeInfo};
use crate::model::{Finding, Location};
use std::sync::Arc;

/// At most this many findings of one kind are told per file; whoever has more has one cause for all of them.
pub(super) const MOST: usize = 20;

/// The text in `bytes`, or nothing with findings that say why.
pub(super) fn decode(name: &Arc<str>, bytes: Vec<u8>, findings: &mut Vec<Finding>) -> Option<String> {
    let tell = |message: &str, line, column| {
        let at = Location { file: name.clone(), line, column, path: String::new() };
        Finding::of(&codes::TEXT_ENCODING, at, message).expected("UTF-8 without a byte order mark")
    };
    let mark: &[(&[u8], &str)] = &[
        (b"\xff\xfe\0\0", "the file is UTF-32"),
        (b"\0\0\xfe\xff", "the file is UTF-32"),
        (b"\xff\xfe", "the file is UTF-16"),
        (b"\xfe\xff", "the file is UTF-16"),
        (b"\xef\xbb\xbf", "the file begins with a byte order mark"),
    ];
    if let Some((_, message)) = mark.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        findings.push(tell(message, 1, 1));
        return None;
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = valid.bytes().filter(|b| *b == b'\n').count() + 1;
            let column = valid.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            let message = "a byte stands here that is not UTF-8 (Latin-1, perhaps)";
            findings.push(tell(message, count(line), count(column)));
            return None;
        }
    };
    if text.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\n')) || text.contains(['\u{7f}', '\u{85}']) {
        let before = findings.len();
        for (row, line) in text.split('\n').enumerate() {
            // A carriage return may end a line; anywhere else it hides what stands before it.
            let line = line.strip_suffix('\r').unwrap_or(line);
            for (column, c) in line.chars().enumerate().filter(|(_, c)| c.is_control() && *c != '\t') {
                if findings.len() - before < MOST {
                    let at = Location {
                        file: name.clone(),
                        line: count(row + 1),
                        column: count(column + 1),
                        path: String::new(),
                    };
                    let message = format!("the control character U+{:04X} stands here", u32::from(c));
                    findings.push(
                        Finding::of(&codes::TEXT_CONTROL, at, message).expected("printable characters"),
                    );
                }
            }
        }
        if findings.len() > before {
            return None;
        }
    }
    Some(text)
}

/// A count as lines and columns hold it.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a document may cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes of the file.
    pub bytes: u64,
    /// Values and keys.
    pub nodes: usize,
    /// Nesting.
    pub depth: usize,
    /// Bytes of one scalar.
    pub scalar: usize,
}

impl Budget {
    /// For an export document: 50 users take 10 KiB, so this is thousands of times the usual.
    pub const EXPORT: Self = Self { bytes: 16 << 20, nodes: 1_000_000, depth: 24, scalar: 256 << 10 };
    /// For a target document.
    pub const TARGET: Self = Self { bytes: 1 << 20, nodes: 20_000, depth: 24, scalar: 64 << 10 };
    /// For a realm, which Keycloak writes with many settings and nested groups.
    pub const REALM: Self = Self { bytes: 128 << 20, nodes: 8_000_000, depth: 64, scalar: 1 << 20 };
}

/// Tells of a budget that is used up, at a place.
pub(super) fn over(
    name: &Arc<str>,
    line: u32,
    column: u32,
    code: &'static CodeInfo,
    limit: usize,
) -> Finding {
    let at = Location { file: name.clone(), line, column, path: String::new() };
    let message = match code.code {
        code if code == codes::DOCUMENT_DEPTH.code => format!("values are nested deeper than {limit} levels"),
        code if code == codes::DOCUMENT_NODES.code => format!("the document holds more than {limit} values"),
        _ => format!("this value is longer than {limit} bytes"),
    };
    Finding::of(code, at, message).expected(format!("at most {limit}"))
}
