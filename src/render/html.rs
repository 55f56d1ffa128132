//! HTML text and quoted attribute values.

/// Escapes `text` for HTML text and for attribute values in double or single quotes.
///
/// A carriage return is written as a reference, since a parser turns a raw one into a line feed (HTML, 13.2.3.5).
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    append(&mut out, text);
    out
}

/// What people type.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 13);
    out.push_str("<code>");
    append(&mut out, text);
    out.push_str("</code>");
    out
}

/// Most of a text means nothing, so it is taken over in stretches.
fn append(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\r']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match special.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => "&#13;",
        });
        rest = &special[1..];
    }
    out.push_str(rest);
}
