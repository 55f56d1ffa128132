//! Rows of an inventory, one after the other, from a buffer that is refilled.

use super::csv::{self, Field, Step};
use super::{Form, HEADER, jsonl};
use memchr::memchr;
use std::io::{self, Read};

/// A record longer than this is wrong: keys have 1,024 bytes and metadata 2 KiB at most, escapes included.
const LONGEST: usize = 64 << 10;
const BUFFER: usize = 256 << 10;

/// A row as it stands in the inventory, checked column by column.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    /// Line on which it begins, from 1.
    pub line: u64,
    /// Key of the object.
    pub key: &'r str,
    /// Size in bytes.
    pub size: u64,
    /// When it was changed last, `2026-11-19T21:04:00Z`.
    pub modified: &'r str,
    /// Content type.
    pub content_type: &'r str,
    /// 64 hexadecimal digits, or empty where the source does not know it.
    pub sha256: &'r str,
    /// Metadata as a JSON object of texts.
    pub metadata: &'r str,
    /// Bytes of all metadata names and values.
    pub metadata_bytes: usize,
    /// Whether a metadata name holds anything but ASCII letters, digits and `_`.
    pub odd_names: bool,
}

/// A line that is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Line, from 1.
    pub line: u64,
    /// Column of the record, from 1; 0 where the line as a whole is wrong.
    pub column: u32,
    /// What is wrong, without any of the text.
    pub what: &'static str,
    /// Whether it is the header that is wrong, and no row can be read.
    pub header: bool,
}

/// Reads rows from plain text.
pub struct Rows<R> {
    reader: R,
    form: Form,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    last: bool,
    line: u64,
    begun: bool,
    /// Key and metadata with quotes resolved, where they had any.
    key: Vec<u8>,
    metadata: Vec<u8>,
    texts: [String; 5],
}

impl<R> std::fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("form", &self.form).field("line", &self.line).finish_non_exhaustive()
    }
}

impl<R: Read> Rows<R> {
    /// Rows of `reader`, which gives text without compression.
    pub fn new(reader: R, form: Form) -> Self {
        Self {
            reader,
            form,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            last: false,
            line: 1,
            begun: false,
            key: Vec::new(),
            metadata: Vec::new(),
            texts: Default::default(),
        }
    }

    /// The next row, or what is wrong with the next line.
    ///
    /// # Errors
    /// When the file cannot be read on.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the buffer, which no Iterator can express"
    )]
    pub fn next(&mut self) -> io::Result<Option<Result<Row<'_>, Flaw>>> {
        if !self.begun {
            self.begun = true;
            if self.form == Form::Csv
                && let Some(flaw) = self.header()?
            {
                return Ok(Some(Err(flaw)));
            }
        }
        match self.form {
            Form::Csv => self.next_csv(),
            Form::JsonLines => self.next_json(),
        }
    }

    /// Checks the header of a CSV; a wrong one ends the reading.
    fn header(&mut self) -> io::Result<Option<Flaw>> {
        let Some(length) = self.line_end()? else { return Ok(None) };
        let text = &self.buffer[self.start..self.start + length];
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let right = text.strip_suffix(b"\r").unwrap_or(text) == HEADER.as_bytes();
        self.start += length;
        self.line = 2;
        if right {
            return Ok(None);
        }
        self.start = self.end;
        self.last = true;
        let what = "the first line is not the header";
        Ok(Some(Flaw { line: 1, column: 1, what, header: true }))
    }

    /// Moves what is left to the front and reads on; `false` when there is nothing more.
    fn refill(&mut self) -> io::Result<bool> {
        if self.last {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.last = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Length of the next line with its line end; `None` at the end of the file.
    fn line_end(&mut self) -> io::Result<Option<usize>> {
        loop {
            if let Some(length) = memchr(b'\n', &self.buffer[self.start..self.end]) {
                return Ok(Some(length + 1));
            }
            if self.end - self.start > LONGEST || !self.refill()? {
                let left = self.end - self.start;
                return Ok((left > 0).then_some(left));
            }
        }
    }

    fn next_csv(&mut self) -> io::Result<Option<Result<Row<'_>, Flaw>>> {
        let (fields, used) = loop {
            let rest = &self.buffer[self.start..self.end];
            if rest.is_empty() {
                if self.refill()? {
                    continue;
                }
                return Ok(None);
            }
            match csv::record(rest, self.last) {
                Step::Record { fields, used } => break (fields, used),
                Step::Wrong { what, used } => return Ok(Some(Err(self.skip(used, what)))),
                Step::More if rest.len() > LONGEST => {
                    let used = self.line_end()?.unwrap_or(0).max(1);
                    return Ok(Some(Err(self.skip(used, "the record is too long"))));
                }
                Step::More => {
                    self.refill()?;
                }
            }
        };
        if used > LONGEST {
            return Ok(Some(Err(self.skip(used, "the record is too long"))));
        }
        let record = &self.buffer[self.start..self.start + used];
        let line = self.line;
        self.start += used;
        // Most records have no newline but their last byte.
        self.line += 1;
        if fields.iter().any(|field| field.doubled)
            || memchr(b'\n', record).is_some_and(|at| at + 1 < record.len())
        {
            let newlines = memchr::memchr_iter(b'\n', record).count();
            self.line = line + newlines.max(1) as u64;
        }
        Ok(Some(row(record, &fields, line, &mut self.key, &mut self.metadata)))
    }

    /// Goes on behind `used` bytes that are no row.
    fn skip(&mut self, used: usize, what: &'static str) -> Flaw {
        let flaw = Flaw { line: self.line, column: 0, what, header: false };
        let newlines = memchr::memchr_iter(b'\n', &self.buffer[self.start..self.start + used]).count();
        self.line += newlines as u64;
        self.start += used;
        flaw
    }

    fn next_json(&mut self) -> io::Result<Option<Result<Row<'_>, Flaw>>> {
        let Some(length) = self.line_end()? else { return Ok(None) };
        let text = &self.buffer[self.start..self.start + length];
        let line = self.line;
        self.start += length;
        self.line += 1;
        let wrong = |what| Ok(Some(Err(Flaw { line, column: 0, what, header: false })));
        if length > LONGEST {
            return wrong("the line is too long");
        }
        let Ok(parsed) = serde_json::from_slice::<jsonl::Line<'_>>(text) else {
            return wrong(
                "this is not a JSON object with key, size, modified, content_type, sha256 and metadata",
            );
        };
        let metadata = serde_json::to_string(&parsed.metadata).unwrap_or_default();
        let sha256 = parsed.sha256.unwrap_or_default().into_owned();
        self.texts = [
            parsed.key.into_owned(),
            parsed.modified.into_owned(),
            parsed.content_type.into_owned(),
            sha256,
            metadata,
        ];
        let [key, modified, content_type, sha256, metadata] = &self.texts;
        let (metadata_bytes, odd_names) = measure(metadata).unwrap_or_default();
        let size = parsed.size;
        let row =
            Row { line, key, size, modified, content_type, sha256, metadata, metadata_bytes, odd_names };
        Ok(Some(match flaw(&row) {
            Some((_, what)) => Err(Flaw { line, column: 0, what, header: false }),
            None => Ok(row),
        }))
    }
}

/// The row in a record.
fn row<'r>(
    record: &'r [u8],
    fields: &[Field; csv::COLUMNS],
    line: u64,
    key: &'r mut Vec<u8>,
    metadata: &'r mut Vec<u8>,
) -> Result<Row<'r>, Flaw> {
    let wrong = |start: usize, what| {
        // Columns count characters; behind a newline inside of quotes there is none to count from.
        let before = std::str::from_utf8(&record[..start]).ok().filter(|text| !text.contains('\n'));
        let column = before.map_or(0, |text| text.chars().count() + 1);
        Flaw { line, column: u32::try_from(column).unwrap_or(0), what, header: false }
    };
    let Ok(all) = std::str::from_utf8(record) else {
        return Err(Flaw { line, column: 0, what: "the line is not UTF-8", header: false });
    };
    let text = |column: usize| &all[fields[column].start..fields[column].end];
    if let Some(column) = (1..5).find(|column| fields[*column].doubled) {
        return Err(wrong(fields[column].start, "a quote stands in a field that cannot hold one"));
    }
    let size = number(text(1)).ok_or_else(|| wrong(fields[1].start, "the size is not a whole number"))?;
    let key = resolved(all, fields[0], key);
    let metadata = resolved(all, fields[5], metadata);
    let (metadata_bytes, odd_names) = measure(metadata)
        .ok_or_else(|| wrong(fields[5].start, "the metadata is not a JSON object of texts"))?;
    let (modified, content_type, sha256) = (text(2), text(3), text(4));
    let row = Row { line, key, size, modified, content_type, sha256, metadata, metadata_bytes, odd_names };
    match flaw(&row) {
        Some((column, what)) => Err(wrong(fields[column].start, what)),
        None => Ok(row),
    }
}

/// A field with its doubled quotes made single.
fn resolved<'r>(record: &'r str, field: Field, scratch: &'r mut Vec<u8>) -> &'r str {
    let text = &record[field.start..field.end];
    if !field.doubled {
        return text;
    }
    let mut rest = text.as_bytes();
    scratch.clear();
    while let Some(quote) = memchr(b'"', rest) {
        scratch.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    std::str::from_utf8(scratch).unwrap_or_default()
}

fn number(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if !(1..=18).contains(&bytes.len()) || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, b| b.is_ascii_digit().then(|| number * 10 + u64::from(b - b'0')))
}

/// Bytes of the metadata, and whether one of its names is unusual; `None` where it is not a flat object of texts.
fn measure(metadata: &str) -> Option<(usize, bool)> {
    let (mut bytes, mut odd) = (0, false);
    super::metadata::pairs(metadata.as_bytes(), |name, value| {
        bytes += name.len() + value.len();
        odd |= name.first().is_none_or(u8::is_ascii_digit)
            || !name.iter().fold(true, |all, b| all & (b.is_ascii_alphanumeric() | (*b == b'_')));
    })?;
    Some((bytes, odd))
}

/// Column and description of what is wrong with a row.
fn flaw(row: &Row<'_>) -> Option<(usize, &'static str)> {
    if row.key.is_empty() {
        return Some((0, "the key is empty"));
    }
    if !is_time(row.modified.as_bytes()) {
        return Some((2, "the time of change is not a time in UTC such as 2026-11-19T21:04:00Z"));
    }
    let kind = row.content_type.as_bytes();
    let printable = kind.iter().fold(true, |all, b| all & (0x20..0x7f).contains(b));
    if kind.is_empty() || kind.len() > 256 || !printable {
        return Some((3, "the content type is not 1 to 256 printable ASCII characters"));
    }
    let digest = row.sha256.as_bytes();
    // Without an early end the loop is done on many bytes at once.
    let hexadecimal =
        digest.iter().fold(true, |all, b| all & ((b.wrapping_sub(b'0') < 10) | (b.wrapping_sub(b'a') < 6)));
    if !matches!(digest.len(), 0 | 64) || !hexadecimal {
        return Some((4, "the SHA-256 is not 64 hexadecimal digits in lower case"));
    }
    None
}

/// `2026-11-19T21:04:00Z`, with or without a fraction of a second.
fn is_time(text: &[u8]) -> bool {
    const FORM: &[u8; 19] = b"0000-00-00T00:00:00";
    if text.len() < 20 || text.last() != Some(&b'Z') {
        return false;
    }
    let shape =
        text.iter().zip(FORM).all(|(b, form)| if *form == b'0' { b.is_ascii_digit() } else { b == form });
    let two = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
    let fraction = &text[19..text.len() - 1];
    shape
        && (1..=12).contains(&two(5))
        && (1..=31).contains(&two(8))
        && two(11) < 24
        && two(14) < 60
        && two(17) < 61
        && (fraction.is_empty()
            || (fraction.len() > 1 && fraction[0] == b'.' && fraction[1..].iter().all(u8::is_ascii_digit)))
}
