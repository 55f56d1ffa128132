//! Plain text that people copy into a mail or a message.

use crate::model::is_invisible;

/// Leaves `text` as it is, but for what would end its line or hide what it says: that is shown as `\u{…}`.
///
/// Nothing in plain text is markup, so there is nothing to escape, and whatever a mail program makes of it (a link of an
/// address, say) it makes of every text. So templates put a name between quotes, never at the begin of a line, where
/// it could pass for a header or a signature, and the addresses that people are to follow on lines of their own.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_shown_by_number(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// `text` with what would turn it or hide in it shown as `\u{…}`; its lines stay lines.
///
/// For pages: HTML escapes what is markup, and a reader still has to see what a value holds.
pub fn visible(text: &str) -> String {
    if !hides(text) {
        return text.to_owned();
    }
    let lines: Vec<String> = text.split('\n').map(escape).collect();
    lines.join("\n")
}

/// Whether [`visible`] shows anything of `text` otherwise; most texts hide nothing, and need no copy.
pub fn hides(text: &str) -> bool {
    let ascii = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    !ascii && text.chars().any(|character| character != '\n' && is_shown_by_number(character))
}

/// A space that does not break its line hides nothing.
fn is_shown_by_number(character: char) -> bool {
    is_invisible(character) && character != '\u{a0}'
}

#[cfg(test)]
mod tests {
    use super::{escape, visible};

    #[test]
    fn what_is_visible_stays_as_it_is() {
        for text in [
            "https://files.example.org/a_b?c=d&e=f#g",
            r"*_[x](y) <b> &amp; {{ 7*7 }} `id` $(id) \ | ~",
            "Soci\u{e9}t\u{e9}\u{a0}: 漢",
        ] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn nothing_ends_the_line_or_turns_it() {
        assert_eq!(
            escape("a\r\nBcc: b\u{1b}[2J\u{202e}c\u{2028}d\u{200b}"),
            r"a\u{d}\u{a}Bcc: b\u{1b}[2J\u{202e}c\u{2028}d\u{200b}"
        );
    }

    #[test]
    fn lines_stay_lines_where_they_may() {
        assert_eq!(visible("a\nb\r\u{202e}c\n"), "a\nb\\u{d}\\u{202e}c\n");
    }
}
