//! CommonMark text, also inside GitHub's tables.

use crate::model::is_invisible;
use std::fmt;

/// Escapes `text` so that it reads as exactly this text inside a paragraph, heading, list item or table cell.
///
/// Line breaks, tabs, leading and trailing spaces become numeric references, so a value neither ends a table row nor
/// begins a block; invisible direction marks become references too, since a reviewer should see them.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    // Writing to a string cannot fail.
    let _ = write(&mut out, text);
    out
}

/// Writes what [`escape`] returns.
pub fn write(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut offset = 0;
    while let Some(character) = text[offset..].chars().next() {
        let plain = (offset..text.len()).take_while(|at| is_plain(text.as_bytes(), *at)).count();
        if plain > 0 {
            out.write_str(&text[offset..offset + plain])?;
            offset += plain;
            continue;
        }
        let (before, rest) = (&text[..offset], &text[offset + character.len_utf8()..]);
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '$' => {
                out.write_char('\\')?;
                out.write_char(character)?;
            }
            '&' => out.write_str("&amp;")?,
            '|' => out.write_str("&#124;")?,
            // Block markers count only where a line begins and before a space or the line's end; `1.` and `1)` need their
            // digit first, and `---` or `===` would underline what stands above.
            '-' | '+' | '=' if before.is_empty() && (ends_word(rest) || rest.starts_with(character)) => {
                out.write_char('\\')?;
                out.write_char(character)?;
            }
            '.' | ')'
                if !before.is_empty() && ends_word(rest) && before.bytes().all(|b| b.is_ascii_digit()) =>
            {
                out.write_char('\\')?;
                out.write_char(character)?;
            }
            // `{{` would be read by site generators, `://` and `www.` become links, `@` a mention on some hosts.
            '{' | '}' | '@' => {
                out.write_char('\\')?;
                out.write_char(character)?;
            }
            ':' if rest.starts_with("//") => out.write_str("\\:")?,
            '.' if ends_with_www(before.as_bytes()) => out.write_str("\\.")?,
            ' ' if before.is_empty() || rest.is_empty() || before.ends_with(' ') => out.write_str("&#32;")?,
            other if is_invisible(other) => write!(out, "&#{};", u32::from(other))?,
            other => out.write_char(other)?,
        }
        offset += character.len_utf8();
    }
    Ok(())
}

/// Whether the byte at `at` surely means nothing there; what is told apart further is not.
fn is_plain(text: &[u8], at: usize) -> bool {
    let inside = || at > 0 && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    match text[at] {
        byte if byte.is_ascii_alphanumeric() => true,
        b'"' | b'\'' | b'%' | b',' | b'/' | b';' | b'?' => true,
        b'-' | b'+' | b'=' => at > 0,
        b'.' => inside() && !ends_with_www(&text[..at]),
        b')' | b':' => inside(),
        b' ' => inside() && text[at - 1] != b' ',
        _ => false,
    }
}

/// Whether a dot after `before` could make a link of it, in any case; where the word begins is left to the reader.
fn ends_with_www(before: &[u8]) -> bool {
    before.last_chunk().is_some_and(|last: &[u8; 3]| last.eq_ignore_ascii_case(b"www"))
}

/// Whether a word ends before `rest`.
fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(char::is_whitespace)
}

/// A code span that reads as exactly `text`, with as many backticks as it takes.
///
/// A code span cannot hold line breaks as such; text with control characters is escaped as plain text instead.
pub fn code(text: &str) -> String {
    if text.is_empty() || text.chars().any(is_invisible) || text.contains('|') {
        return escape(text);
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
