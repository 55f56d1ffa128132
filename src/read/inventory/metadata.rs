//! The metadata column: a flat JSON object of texts.

/// Calls `each` with name and value of every pair, as they stand in the JSON text (escapes not resolved).
///
/// `None` where the text is not a flat object of texts. Ten million of these are looked at in a second, so this neither
/// allocates nor resolves anything.
pub fn pairs<'t>(text: &'t [u8], mut each: impl FnMut(&'t [u8], &'t [u8])) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    let mut at = expect(text, spaces(text, 0), b'{')?;
    at = spaces(text, at);
    if text.get(at) == Some(&b'}') {
        return (spaces(text, at + 1) == text.len()).then_some(());
    }
    loop {
        let (name, end) = string(text, spaces(text, at))?;
        at = expect(text, spaces(text, end), b':')?;
        let (value, end) = string(text, spaces(text, at))?;
        each(name, value);
        at = spaces(text, end);
        match text.get(at)? {
            b',' => at += 1,
            b'}' => return (spaces(text, at + 1) == text.len()).then_some(()),
            _ => return None,
        }
    }
}

fn spaces(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn expect(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (text.get(at) == Some(&byte)).then_some(at + 1)
}

/// The text in quotes at `start`, and the offset behind its closing quote.
fn string(text: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let first = expect(text, start, b'"')?;
    let mut at = first;
    loop {
        match text.get(at)? {
            b'"' => return Some((&text[first..at], at + 1)),
            b'\\' => at += if text.get(at + 1)? == &b'u' { 6 } else { 2 },
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}
