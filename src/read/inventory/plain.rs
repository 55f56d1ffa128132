//! The usual row, recognised in one go: nothing quoted but the metadata, no escapes, one row on one line.
//!
//! Ten million rows are looked at in two seconds, and nearly all of them are of this kind. Whatever is not, right or
//! wrong, is left to [`super::csv`], so that what a row means is told in one place: a row that is recognised here is
//! exactly what it would be there.

use super::rows::is_hexadecimal;
use memchr::memchr3;

/// Where the columns of a row stand in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    /// End of the key, which begins the row.
    pub key: usize,
    pub size: u64,
    /// Start of the time of change.
    pub modified: usize,
    /// Ends of the time, the content type and the digest; each column begins one byte behind the one before.
    pub ends: [usize; 3],
    /// Start and end of the metadata between its outer quotes; quotes inside are doubled.
    pub metadata: (usize, usize),
    pub metadata_bytes: usize,
    /// Bytes of the row, its line end included.
    pub used: usize,
}

/// Classes of bytes: what a metadata name, a metadata value and a content type are made of.
const NAME: u8 = 1;
const VALUE: u8 = 2;
const KIND: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            class |= NAME;
        }
        // What is no UTF-8 is found when the row is taken.
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            class |= VALUE;
        }
        if matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b',' {
            class |= KIND;
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

/// The first byte from `at` on that is not of the class.
#[inline]
fn run(text: &[u8], mut at: usize, class: u8) -> Option<usize> {
    while CLASSES[usize::from(*text.get(at)?)] & class != 0 {
        at += 1;
    }
    Some(at)
}

/// The row at the beginning of `text`, where it is a usual one and there as a whole.
pub(super) fn record(text: &[u8]) -> Option<Plain> {
    let key = memchr3(b',', b'"', b'\n', text)?;
    if key == 0 || text[key] != b',' {
        return None;
    }
    let (size, end) = number(text, key + 1)?;
    let modified = end + 1;
    let time: &[u8; 21] = text.get(modified..)?.first_chunk()?;
    if !is_time(time) {
        return None;
    }
    let kind = modified + 21;
    let kind_end = run(text, kind, KIND)?;
    if text[kind_end] != b',' || !(1..=256).contains(&(kind_end - kind)) {
        return None;
    }
    let digest = kind_end + 1;
    let digest_end = if text.get(digest)? == &b',' {
        digest
    } else {
        let digits: &[u8; 64] = text.get(digest..)?.first_chunk()?;
        if !is_hexadecimal(digits) || text.get(digest + 64)? != &b',' {
            return None;
        }
        digest + 64
    };
    let mut at = digest_end + 1;
    let mut metadata = (at, at);
    let mut metadata_bytes = 0;
    if text.get(at)? == &b'"' {
        let (end, bytes) = pairs(text, at + 1)?;
        metadata = (at + 1, end);
        metadata_bytes = bytes;
        at = end + 1;
    }
    if text.get(at)? == &b'\r' {
        at += 1;
    }
    (text.get(at)? == &b'\n').then_some(Plain {
        key,
        size,
        modified,
        ends: [modified + 20, kind_end, digest_end],
        metadata,
        metadata_bytes,
        used: at + 1,
    })
}

/// The number at `at`, and where the comma behind it stands.
#[inline]
fn number(text: &[u8], start: usize) -> Option<(u64, usize)> {
    let mut at = start;
    let mut number = 0_u64;
    loop {
        let byte = *text.get(at)?;
        if !byte.is_ascii_digit() {
            let digits = at - start;
            let right = byte == b',' && (digits == 1 || (2..=18).contains(&digits) && text[start] != b'0');
            return right.then_some((number, at));
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        at += 1;
    }
}

/// A flat JSON object of texts without escapes and blanks, its quotes doubled, and its closing quote behind it; returns
/// its end, and the bytes of all its names and values.
#[inline]
fn pairs(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut at = after(text, start, b"{")?;
    if text.get(at)? == &b'}' {
        return (text.get(at + 1)? == &b'"').then_some((at + 1, 0));
    }
    let mut bytes = 0;
    loop {
        let name = after(text, at, b"\"\"")?;
        let end = run(text, name, NAME)?;
        if end == name || text[name].is_ascii_digit() {
            return None;
        }
        let value = after(text, end, b"\"\":\"\"")?;
        let value_end = run(text, value, VALUE)?;
        bytes += (end - name) + (value_end - value);
        at = after(text, value_end, b"\"\"")?;
        match text.get(at..at + 2)? {
            [b',', _] => at += 1,
            b"}\"" => return Some((at + 1, bytes)),
            _ => return None,
        }
    }
}

#[inline]
fn after<const N: usize>(text: &[u8], at: usize, expected: &[u8; N]) -> Option<usize> {
    (text.get(at..)?.first_chunk::<N>()? == expected).then_some(at + N)
}

/// `2026-11-19T21:04:00Z,`, eight bytes at once.
#[inline]
fn is_time(text: &[u8; 21]) -> bool {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&text[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    // Against the form, a digit becomes its value and anything else of the form becomes nothing.
    let date = word(0) ^ u64::from_le_bytes(*b"0000-00-");
    let middle = word(8) ^ u64::from_le_bytes(*b"00T00:00");
    let end = word(13) ^ u64::from_le_bytes(*b":00:00Z,");
    // Sets the highest bit of a byte that is more than nine where a digit must stand, more than nothing elsewhere.
    let excess = |word: u64, form: &[u8; 8]| {
        let form = u64::from_le_bytes(form.map(|b| if b == b'0' { 0x76 } else { 0x7f }));
        (word.wrapping_add(form) | word) & 0x8080_8080_8080_8080
    };
    let wrong = excess(date, b"0000-00-") | excess(middle, b"00T00:00") | excess(end, b":00:00Z,");
    if wrong != 0 {
        return false;
    }
    let two = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
    (1..=12).contains(&two(5)) && (1..=31).contains(&two(8)) && two(11) < 24 && two(14) < 60 && two(17) < 61
}
