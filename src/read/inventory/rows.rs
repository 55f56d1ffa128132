//! Rows of an inventory, one after the other, from text that comes piece by piece.

use super::csv::{self, Field};
use super::plain::{self, Plain};
use super::{Form, HEADER, jsonl};
use memchr::memchr;
use std::borrow::Cow;
use std::io::{self, Read};

/// A record longer than this is wrong: keys have 1,024 bytes and metadata 2 KiB at most, escapes included.
pub(super) const LONGEST: usize = 64 << 10;
const BUFFER: usize = 256 << 10;

/// A row as it stands in the inventory, checked column by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Its metadata.
    pub metadata: Metadata<'r>,
    /// Bytes of all metadata names and values.
    pub metadata_bytes: usize,
    /// Whether a metadata name holds anything but ASCII letters, digits and `_`.
    pub odd_names: bool,
}

/// The metadata of a row; few ask for more than its size, so its quotes are resolved only on demand.
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'r> {
    text: &'r str,
    /// Whether every quote in the text stands for half a one.
    doubled: bool,
}

impl<'r> Metadata<'r> {
    /// Metadata as it stands in JSON.
    pub(crate) fn plain(text: &'r str) -> Self {
        Self { text, doubled: false }
    }

    /// A JSON object of texts, or nothing at all.
    pub fn json(self) -> Cow<'r, str> {
        if self.doubled { self.text.replace("\"\"", "\"").into() } else { self.text.into() }
    }
}

impl PartialEq for Metadata<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.doubled == other.doubled && self.text == other.text) || self.json() == other.json()
    }
}

impl Eq for Metadata<'_> {}

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

/// Where reading stands between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the header of a CSV.
    Header,
    /// Before a row.
    Rows,
    /// Inside a line that is too long and was told already.
    Skip,
    /// Behind a wrong header, after which nothing can be understood.
    End,
}

impl State {
    /// The state at the beginning of a file.
    pub(super) fn first(form: Form) -> Self {
        match form {
            Form::Csv => Self::Header,
            Form::JsonLines => Self::Rows,
        }
    }
}

/// Finds records in text: the one way through an inventory, whoever holds the text.
#[derive(Debug)]
pub(super) struct Reading {
    pub form: Form,
    pub state: State,
    /// Bytes of the text that are done.
    pub at: usize,
    /// Line that begins there.
    pub line: u64,
}

/// A record that was found.
#[derive(Debug)]
pub(super) struct Record {
    start: usize,
    line: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain(Plain),
    Csv([Field; csv::COLUMNS], usize),
    Json(usize),
}

/// What stands next in the text.
pub(super) enum Step {
    Record(Record),
    Flaw(Flaw),
    /// Nothing that could be told without more of the file.
    More,
}

impl Reading {
    pub(super) fn new(form: Form, state: State) -> Self {
        Self { form, state, at: 0, line: 1 }
    }

    /// Goes on behind the next record; `last` says that nothing follows the text. What is found never depends on where
    /// the text ends, but for [`Step::More`].
    pub(super) fn step(&mut self, text: &[u8], last: bool) -> Step {
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                // An empty file is one that was not written, not one of no objects.
                return if last && matches!(self.state, State::Header) {
                    self.no_header()
                } else {
                    Step::More
                };
            }
            match self.state {
                State::Rows if self.form == Form::Csv => return self.csv(rest, last),
                State::Rows => return self.json(rest, last),
                State::Header => match line(rest, last) {
                    Line::Whole(length) => {
                        let text = &rest[..length];
                        let text = text.strip_suffix(b"\n").unwrap_or(text);
                        if text.strip_suffix(b"\r").unwrap_or(text) != HEADER.as_bytes() {
                            return self.no_header();
                        }
                        self.state = State::Rows;
                        self.at += length;
                        self.line += 1;
                    }
                    Line::TooLong => return self.no_header(),
                    Line::More => return Step::More,
                },
                State::Skip => match memchr(b'\n', rest) {
                    Some(length) => {
                        self.state = State::Rows;
                        self.at += length + 1;
                        self.line += 1;
                    }
                    None => self.at = text.len(),
                },
                State::End => self.at = text.len(),
            }
        }
    }

    fn no_header(&mut self) -> Step {
        self.state = State::End;
        Step::Flaw(Flaw { line: 1, column: 0, what: "the first line is not the header", header: true })
    }

    /// Tells that the line is too long; the rest of it is skipped as it comes.
    fn too_long(&mut self, what: &'static str) -> Step {
        self.state = State::Skip;
        Step::Flaw(Flaw { line: self.line, column: 0, what, header: false })
    }

    fn csv(&mut self, rest: &[u8], last: bool) -> Step {
        let (start, line) = (self.at, self.line);
        if let Some(plain) = plain::record(rest).filter(|plain| plain.used <= LONGEST) {
            self.at += plain.used;
            self.line += 1;
            return Step::Record(Record { start, line, kind: Kind::Plain(plain) });
        }
        // One byte more than a record may have tells one that is too long from one that goes on.
        let window = &rest[..rest.len().min(LONGEST + 1)];
        match csv::record(window, last && window.len() == rest.len()) {
            csv::Step::Record { fields, used } if used <= LONGEST => {
                self.pass(&rest[..used]);
                Step::Record(Record { start, line, kind: Kind::Csv(fields, used) })
            }
            csv::Step::Wrong { what, used } if used <= LONGEST => {
                self.pass(&rest[..used]);
                Step::Flaw(Flaw { line, column: 0, what, header: false })
            }
            csv::Step::More if window.len() <= LONGEST => Step::More,
            _ => self.too_long("the record is too long"),
        }
    }

    fn json(&mut self, rest: &[u8], last: bool) -> Step {
        match self::line(rest, last) {
            Line::Whole(length) => {
                let record = Record { start: self.at, line: self.line, kind: Kind::Json(length) };
                self.at += length;
                self.line += 1;
                Step::Record(record)
            }
            Line::TooLong => self.too_long("the line is too long"),
            Line::More => Step::More,
        }
    }

    fn pass(&mut self, used: &[u8]) {
        self.at += used.len();
        self.line += memchr::memchr_iter(b'\n', used).count() as u64;
        if used.last() != Some(&b'\n') {
            self.line += 1;
        }
    }
}

enum Line {
    /// Its length, line end included.
    Whole(usize),
    TooLong,
    More,
}

fn line(rest: &[u8], last: bool) -> Line {
    let window = &rest[..rest.len().min(LONGEST + 1)];
    match memchr(b'\n', window) {
        Some(length) if length < LONGEST => Line::Whole(length + 1),
        None if window.len() <= LONGEST => {
            if last {
                Line::Whole(rest.len())
            } else {
                Line::More
            }
        }
        _ => Line::TooLong,
    }
}

/// Texts of a row that do not stand in the file as they are.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    key: Vec<u8>,
    metadata: Vec<u8>,
    texts: [String; 5],
}

/// The row in a record of `text`.
pub(super) fn row<'r>(text: &'r [u8], record: &Record, scratch: &'r mut Scratch) -> Result<Row<'r>, Flaw> {
    let Record { start, line, kind } = record;
    let from = text.get(*start..).unwrap_or_default();
    match kind {
        Kind::Plain(plain) => plain_row(&from[..plain.used], plain, *line),
        Kind::Csv(fields, used) => csv_row(&from[..*used], fields, *line, scratch),
        Kind::Json(used) => json_row(&from[..*used], *line, &mut scratch.texts),
    }
}

/// Reads rows from plain text.
pub struct Rows<R> {
    reader: R,
    buffer: Vec<u8>,
    end: usize,
    last: bool,
    reading: Reading,
    scratch: Scratch,
}

impl<R> std::fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("reading", &self.reading).finish_non_exhaustive()
    }
}

impl<R: Read> Rows<R> {
    /// Rows of `reader`, which gives text without compression.
    pub fn new(reader: R, form: Form) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            end: 0,
            last: false,
            reading: Reading::new(form, State::first(form)),
            scratch: Scratch::default(),
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
        let record = loop {
            match self.reading.step(&self.buffer[..self.end], self.last) {
                Step::Record(record) => break record,
                Step::Flaw(flaw) => return Ok(Some(Err(flaw))),
                Step::More if self.last || self.reading.state == State::End => return Ok(None),
                Step::More => self.refill()?,
            }
        };
        Ok(Some(row(&self.buffer[..self.end], &record, &mut self.scratch)))
    }

    /// Moves what is left to the front and reads on.
    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.reading.at..self.end, 0);
        self.end -= self.reading.at;
        self.reading.at = 0;
        let filled = super::source::fill(&mut self.reader, &mut self.buffer[self.end..])?;
        self.end += filled;
        self.last = self.end < self.buffer.len();
        Ok(())
    }
}

pub(super) fn plain_row<'r>(record: &'r [u8], plain: &Plain, line: u64) -> Result<Row<'r>, Flaw> {
    let Ok(all) = std::str::from_utf8(record) else {
        return Err(Flaw { line, column: 0, what: NOT_UTF8, header: false });
    };
    let [modified, content_type, sha256] = plain.ends;
    Ok(Row {
        line,
        key: &all[..plain.key],
        size: plain.size,
        modified: &all[plain.modified..modified],
        content_type: &all[modified + 1..content_type],
        sha256: &all[content_type + 1..sha256],
        metadata: Metadata { text: &all[plain.metadata.0..plain.metadata.1], doubled: true },
        metadata_bytes: plain.metadata_bytes,
        odd_names: false,
    })
}

const NOT_UTF8: &str = "the line is not UTF-8";

fn json_row<'r>(text: &[u8], line: u64, texts: &'r mut [String; 5]) -> Result<Row<'r>, Flaw> {
    let Ok(parsed) = serde_json::from_slice::<jsonl::Line<'_>>(text) else {
        let what = "this is not a JSON object with key, size, modified, content_type, sha256 and metadata";
        return Err(Flaw { line, column: 0, what, header: false });
    };
    let metadata = serde_json::to_string(&parsed.metadata).unwrap_or_default();
    let sha256 = parsed.sha256.unwrap_or_default().into_owned();
    *texts = [
        parsed.key.into_owned(),
        parsed.modified.into_owned(),
        parsed.content_type.into_owned(),
        sha256,
        metadata,
    ];
    let [key, modified, content_type, sha256, metadata] = texts;
    let (metadata_bytes, odd_names) = measure(metadata).unwrap_or_default();
    let size = parsed.size;
    let metadata = Metadata::plain(metadata);
    let row = Row { line, key, size, modified, content_type, sha256, metadata, metadata_bytes, odd_names };
    match flaw(&row) {
        Some((_, what)) => Err(Flaw { line, column: 0, what, header: false }),
        None => Ok(row),
    }
}

pub(super) fn csv_row<'r>(
    record: &'r [u8],
    fields: &[Field; csv::COLUMNS],
    line: u64,
    scratch: &'r mut Scratch,
) -> Result<Row<'r>, Flaw> {
    let wrong = |start: usize, what| {
        // Columns count characters; behind a newline inside of quotes there is none to count from.
        let before = std::str::from_utf8(&record[..start]).ok().filter(|text| !text.contains('\n'));
        let column = before.map_or(0, |text| text.chars().count() + 1);
        Flaw { line, column: u32::try_from(column).unwrap_or(0), what, header: false }
    };
    let Ok(all) = std::str::from_utf8(record) else {
        return Err(Flaw { line, column: 0, what: NOT_UTF8, header: false });
    };
    let text = |column: usize| &all[fields[column].start..fields[column].end];
    if let Some(column) = (1..5).find(|column| fields[*column].doubled) {
        return Err(wrong(fields[column].start, "a quote stands in a field that cannot hold one"));
    }
    let size = number(text(1)).ok_or_else(|| wrong(fields[1].start, "the size is not a whole number"))?;
    let key = resolved(all, fields[0], &mut scratch.key);
    let metadata = resolved(all, fields[5], &mut scratch.metadata);
    let (metadata_bytes, odd_names) = measure(metadata)
        .ok_or_else(|| wrong(fields[5].start, "the metadata is not a JSON object of texts"))?;
    let (modified, content_type, sha256) = (text(2), text(3), text(4));
    let metadata = Metadata::plain(metadata);
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
    if !matches!(digest.len(), 0 | 64) || !is_hexadecimal(digest) {
        return Some((4, "the SHA-256 is not 64 hexadecimal digits in lower case"));
    }
    None
}

/// Whether all are hexadecimal digits in lower case; without an early end the loop is done on many bytes at once.
#[inline]
pub(super) fn is_hexadecimal(digits: &[u8]) -> bool {
    digits.iter().fold(true, |all, b| all & ((b.wrapping_sub(b'0') < 10) | (b.wrapping_sub(b'a') < 6)))
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
