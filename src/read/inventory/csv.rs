//! One CSV record at the beginning of a buffer, by RFC 4180: quotes double, and newlines may stand inside quotes.

use memchr::{memchr, memchr3};

/// Number of columns.
pub(super) const COLUMNS: usize = 6;

/// Where a field stands in the buffer, without its outer quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    pub start: usize,
    pub end: usize,
    /// Whether doubled quotes stand in it.
    pub doubled: bool,
}

/// What stands at the beginning of the buffer.
#[derive(Debug)]
pub(super) enum Step {
    /// A record; `used` bytes belong to it, its line end included.
    Record { fields: [Field; COLUMNS], used: usize },
    /// The record goes on behind the end of the buffer.
    More,
    /// No record; `used` bytes up to the next line end are to be skipped.
    Wrong { what: &'static str, used: usize },
}

/// Looks at the record at the beginning of `buffer`; `last` says that nothing follows the buffer.
pub(super) fn record(buffer: &[u8], last: bool) -> Step {
    let mut fields = [Field::default(); COLUMNS];
    let mut at = 0;
    for column in 0..COLUMNS {
        let (field, end) = if buffer.get(at) == Some(&b'"') {
            match quoted(buffer, at + 1, last) {
                Some(found) => found,
                None if last => return wrong(buffer, at, last, "a quote is opened and not closed"),
                None => return Step::More,
            }
        } else {
            match memchr3(b',', b'\n', b'"', &buffer[at..]) {
                Some(length) if buffer[at + length] == b'"' => {
                    return wrong(
                        buffer,
                        at,
                        last,
                        "a quote stands inside a field that does not begin with one",
                    );
                }
                Some(length) => (Field { start: at, end: at + length, doubled: false }, at + length),
                None if last => (Field { start: at, end: buffer.len(), doubled: false }, buffer.len()),
                None => return Step::More,
            }
        };
        fields[column] = field;
        match buffer.get(end) {
            Some(b',') if column + 1 < COLUMNS => at = end + 1,
            Some(b',') => return wrong(buffer, end, last, "there are more than six fields"),
            _ if column + 1 < COLUMNS => return wrong(buffer, end, last, "there are fewer than six fields"),
            Some(b'\n') => {
                let field = &mut fields[column];
                // An unquoted last field holds the carriage return of the line end.
                if field.end == end && field.end > field.start && buffer[field.end - 1] == b'\r' {
                    field.end -= 1;
                }
                return Step::Record { fields, used: end + 1 };
            }
            Some(b'\r') => match buffer.get(end + 1) {
                Some(b'\n') => return Step::Record { fields, used: end + 2 },
                None if !last => return Step::More,
                _ => return wrong(buffer, end, last, "something stands behind a closing quote"),
            },
            Some(_) => return wrong(buffer, end, last, "something stands behind a closing quote"),
            None if last => return Step::Record { fields, used: buffer.len() },
            None => return Step::More,
        }
    }
    Step::More
}

/// The quoted field whose text begins at `start`, and the offset behind its closing quote.
fn quoted(buffer: &[u8], start: usize, last: bool) -> Option<(Field, usize)> {
    let mut from = start;
    let mut doubled = false;
    loop {
        let quote = from + memchr(b'"', buffer.get(from..)?)?;
        match buffer.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                from = quote + 2;
            }
            Some(_) => return Some((Field { start, end: quote, doubled }, quote + 1)),
            None if last => return Some((Field { start, end: quote, doubled }, quote + 1)),
            // Whether this quote closes the field can be told when more of the file is there.
            None => return None,
        }
    }
}

/// Skips to the line end behind `at`.
fn wrong(buffer: &[u8], at: usize, last: bool, what: &'static str) -> Step {
    match memchr(b'\n', buffer.get(at..).unwrap_or_default()) {
        Some(length) => Step::Wrong { what, used: at + length + 1 },
        None if last => Step::Wrong { what, used: buffer.len() },
        None => Step::More,
    }
}
