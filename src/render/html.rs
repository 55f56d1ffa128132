//! HTML text and quoted attribute values.

/// Escapes `text` for HTML text and for attribute values in double or single quotes.
///
/// A carriage return is written as a reference, since a parser turns a raw one into a line feed (HTML, 13.2.3.5).
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}
