//! CommonMark text, also inside GitHub's tables.

use std::fmt::Write as _;

/// Escapes `text` so that it reads as exactly this text inside a paragraph, heading, list item or table cell.
///
/// Line breaks, tabs, leading and trailing spaces become numeric references, so a value neither ends a table row nor
/// begins a block; invisible direction marks become references too, since a reviewer should see them.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let last = text.chars().count().saturating_sub(1);
    let mut previous = None;
    for (index, (offset, character)) in text.char_indices().enumerate() {
        let rest = &text[offset + character.len_utf8()..];
        let edge = index == 0 || index == last;
        let doubled_space = character == ' ' && previous == Some(' ');
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '$' => {
                out.push('\\');
                out.push(character);
            }
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            // Block markers count only where a line begins and before a space or the line's end; `1.` and `1)` need their
            // digit first, and `---` or `===` would underline what stands above.
            '-' | '+' | '=' if index == 0 && (ends_word(rest) || rest.starts_with(character)) => {
                out.push('\\');
                out.push(character);
            }
            '.' | ')'
                if index > 0 && ends_word(rest) && text[..offset].bytes().all(|b| b.is_ascii_digit()) =>
            {
                out.push('\\');
                out.push(character);
            }
            // `{{` would be read by site generators, `://` and `www.` become links, `@` a mention on some hosts.
            '{' | '}' | '@' => {
                out.push('\\');
                out.push(character);
            }
            ':' if rest.starts_with("//") => out.push_str("\\:"),
            ' ' if edge || doubled_space => out.push_str("&#32;"),
            other if is_invisible(other) => {
                let _ = write!(out, "&#{};", u32::from(other));
            }
            other => out.push(other),
        }
        previous = Some(character);
    }
    out
}

/// Whether a word ends before `rest`.
fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(char::is_whitespace)
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00A0}' | '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
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
