//! Objects of an inventory in key order, whatever the order of its lines.
//!
//! A sorted inventory is streamed. Any other is sorted in pieces that go to private temporary files (created without a
//! name, so that nothing is left behind), and the pieces are merged while they are read.

use super::rows::{Metadata, Row, Rows};
use super::{Form, Object, form, source};
use crate::model::{Digest, Word};
use rayon::slice::ParallelSliceMut;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Bytes of rows that are sorted in memory at once.
const PIECE: usize = 96 << 20;

/// Objects in byte order of their keys; made by [`objects`].
pub struct Objects(Ordered);

/// Rows in byte order of their keys, one at a time.
pub(crate) struct Ordered(Order);

enum Order {
    Streamed(Box<Rows<Box<dyn Read + Send>>>),
    Merged {
        heads: BinaryHeap<Head>,
        /// Whether the first head was given out.
        begun: bool,
    },
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}

/// Objects of the inventory at `path` in byte order of their keys; `sorted` says that its lines are in that order already
/// (as [`crate::model::ContentSummary::sorted`] does after the check).
///
/// # Errors
/// When the file cannot be read or the temporary files cannot be written.
pub fn objects(path: &Path, sorted: bool) -> io::Result<Objects> {
    Ordered::of(path, sorted).map(Objects)
}

impl Ordered {
    /// Rows of the inventory at `path`, as [`objects`] takes them.
    pub fn of(path: &Path, sorted: bool) -> io::Result<Self> {
        if sorted {
            return Ok(Self(Order::Streamed(Box::new(open(path)?))));
        }
        Ok(Self(Order::Merged { heads: merged(path, Piece::push)?, begun: false }))
    }

    /// The same rows, each under the key that `name` gives it, in the order of those.
    pub fn renamed(path: &Path, name: impl Fn(&str) -> Option<String>) -> io::Result<Self> {
        let push = |piece: &mut Piece, row: &Row<'_>| match name(row.key) {
            Some(key) => piece.push(&Row { key: &key, ..*row }),
            None => piece.push(row),
        };
        Ok(Self(Order::Merged { heads: merged(path, push)?, begun: false }))
    }

    /// The next row.
    pub fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        match &mut self.0 {
            Order::Streamed(rows) => rows.next()?.transpose().map_err(|_| changed()),
            Order::Merged { heads, begun } => {
                if std::mem::replace(begun, true)
                    && let Some(mut head) = heads.peek_mut()
                    && !head.advance()?
                {
                    PeekMut::pop(head);
                }
                Ok(heads.peek().map(Head::row))
            }
        }
    }
}

/// Calls `each` with the size of every object of an inventory that is not sorted, in byte order of their keys.
///
/// # Errors
/// As [`objects`].
pub(crate) fn sizes(path: &Path, mut each: impl FnMut(u64)) -> io::Result<()> {
    let keys_and_sizes = |piece: &mut Piece, row: &Row<'_>| {
        piece.push(&Row {
            modified: "",
            content_type: "",
            sha256: "",
            metadata: Metadata::plain(""),
            ..*row
        });
    };
    let mut heap = merged(path, keys_and_sizes)?;
    while let Some(mut head) = heap.peek_mut() {
        each(head.row().size);
        if !head.advance()? {
            PeekMut::pop(head);
        }
    }
    Ok(())
}

/// The heads of sorted runs, which together hold every row as `push` takes it.
fn merged(path: &Path, push: impl Fn(&mut Piece, &Row<'_>)) -> io::Result<BinaryHeap<Head>> {
    let mut rows = open(path)?;
    let mut heap = BinaryHeap::new();
    let mut piece = Piece::default();
    while let Some(row) = rows.next()? {
        push(&mut piece, &row.map_err(|_| changed())?);
        if piece.bytes.len() >= PIECE {
            heap.extend(Head::of(Box::new(piece.write()?))?);
            piece = Piece::default();
        }
    }
    if !piece.starts.is_empty() {
        let run: Box<dyn Read + Send> =
            if heap.is_empty() { Box::new(piece.in_memory()) } else { Box::new(piece.write()?) };
        heap.extend(Head::of(run)?);
    }
    Ok(heap)
}

fn open(path: &Path) -> io::Result<Rows<Box<dyn Read + Send>>> {
    let file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let form: Form = form(path);
    Ok(Rows::new(source::plain(path, file)?, form))
}

/// The inventory was checked before, so a line that is wrong now has been changed since.
fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the inventory was changed while it was read")
}

impl Iterator for Objects {
    type Item = io::Result<Object>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next() {
            Ok(Some(row)) => Some(object(&row)),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

fn object(row: &Row<'_>) -> io::Result<Object> {
    let metadata = row.metadata.json();
    let metadata = if metadata.is_empty() { "{}" } else { &metadata };
    Ok(Object {
        key: row.key.to_owned(),
        size: row.size,
        modified: row.modified.to_owned(),
        content_type: row.content_type.to_owned(),
        sha256: if row.sha256.is_empty() {
            None
        } else {
            Some(Digest::parse(&format!("sha256:{}", row.sha256)).ok_or_else(changed)?)
        },
        metadata: serde_json::from_str(metadata).map_err(|_| changed())?,
    })
}

/// Rows in memory, each as the lengths of its texts, its size, and its texts.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Start of each row, and the first bytes of its key, which settle most comparisons without a look at the row.
    starts: Vec<(u64, usize)>,
}

/// Five lengths of four bytes, and the size.
const FIXED: usize = 28;

impl Piece {
    fn push(&mut self, row: &Row<'_>) {
        let start = self.bytes.len();
        let metadata = row.metadata.json();
        let texts = [row.key, row.modified, row.content_type, row.sha256, &metadata];
        for text in texts {
            // Rows are at most 64 KiB long.
            self.bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        }
        self.bytes.extend_from_slice(&row.size.to_le_bytes());
        for text in texts {
            self.bytes.extend_from_slice(text.as_bytes());
        }
        let mut first = [0; 8];
        let length = row.key.len().min(8);
        first[..length].copy_from_slice(&row.key.as_bytes()[..length]);
        self.starts.push((u64::from_be_bytes(first), start));
    }

    /// The rows in key order.
    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.starts
            .par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(bytes, a.1).cmp(key(bytes, b.1))));
    }

    fn ordered(&mut self) -> impl Iterator<Item = &[u8]> {
        self.sort();
        let bytes = &self.bytes;
        self.starts.iter().map(move |(_, start)| &bytes[*start..*start + length(&bytes[*start..])])
    }

    fn in_memory(mut self) -> io::Cursor<Vec<u8>> {
        let mut all = Vec::with_capacity(self.bytes.len());
        self.ordered().for_each(|row| all.extend_from_slice(row));
        io::Cursor::new(all)
    }

    fn write(mut self) -> io::Result<BufReader<File>> {
        let mut out = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        for row in self.ordered() {
            out.write_all(row)?;
        }
        let mut file = out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        Ok(BufReader::with_capacity(256 << 10, file))
    }
}

fn lengths(row: &[u8]) -> [usize; 5] {
    std::array::from_fn(|index| {
        let at = index * 4;
        let bytes = [row[at], row[at + 1], row[at + 2], row[at + 3]];
        usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(0)
    })
}

fn length(row: &[u8]) -> usize {
    FIXED + lengths(row).iter().sum::<usize>()
}

fn key(bytes: &[u8], start: usize) -> &[u8] {
    let row = &bytes[start..];
    &row[FIXED..FIXED + lengths(row)[0]]
}

/// The first row of a run, and the rest of the run.
struct Head {
    bytes: Vec<u8>,
    rest: Box<dyn Read + Send>,
}

impl Head {
    fn of(rest: Box<dyn Read + Send>) -> io::Result<Option<Self>> {
        let mut head = Self { bytes: Vec::new(), rest };
        Ok(head.advance()?.then_some(head))
    }

    /// Goes on to the next row of the run; `false` at its end.
    fn advance(&mut self) -> io::Result<bool> {
        let read = self.read();
        if !matches!(read, Ok(true)) {
            // A row without a key, so that the heap can still compare it.
            self.bytes.clear();
            self.bytes.resize(FIXED, 0);
        }
        read
    }

    fn read(&mut self) -> io::Result<bool> {
        self.bytes.resize(FIXED, 0);
        match self.rest.read_exact(&mut self.bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
        let length = length(&self.bytes);
        self.bytes.resize(length, 0);
        self.rest.read_exact(&mut self.bytes[FIXED..])?;
        Ok(true)
    }

    fn row(&self) -> Row<'_> {
        let lengths = lengths(&self.bytes);
        let mut at = FIXED;
        let texts: [&str; 5] = lengths.map(|length| {
            let text = std::str::from_utf8(&self.bytes[at..at + length]).unwrap_or_default();
            at += length;
            text
        });
        let [key, modified, content_type, sha256, metadata] = texts;
        let size = self.bytes[20..FIXED].try_into().map_or(0, u64::from_le_bytes);
        Row {
            line: 0,
            key,
            size,
            modified,
            content_type,
            sha256,
            metadata: Metadata::plain(metadata),
            metadata_bytes: 0,
            odd_names: false,
        }
    }
}

impl Ord for Head {
    /// The smallest key is the greatest head, since the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        key(&other.bytes, 0).cmp(key(&self.bytes, 0))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
