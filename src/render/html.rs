//! HTML text and quoted attribute values.

use std::fmt;

/// Escapes `text` for HTML text and for attribute values in double or single quotes.
///
/// A carriage return is written as a reference, since a parser turns a raw one into a line feed (HTML, 13.2.3.5).
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _ = write(&mut out, text);
    out
}

/// What people type.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 13);
    out.push_str("<code>");
    let _ = write(&mut out, text);
    out.push_str("</code>");
    out
}

/// Writes what [`escape`] returns. Most of a text means nothing, so it is taken over in stretches.
pub fn write(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut taken = 0;
    for (at, byte) in text.bytes().enumerate() {
        let Some(reference) = reference(byte) else { continue };
        out.write_str(&text[taken..at])?;
        out.write_str(reference)?;
        taken = at + 1;
    }
    out.write_str(&text[taken..])
}

/// What is written for a byte that means something.
fn reference(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        b'\r' => Some("&#13;"),
        _ => None,
    }
}
