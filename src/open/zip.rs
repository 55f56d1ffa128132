//! Reads the canonical zip, strictly: every field is looked at, nothing is skipped or guessed.

use super::problem::{Problem, Way};
use super::{Contents, Item};
use crate::pack::names;
use crate::pack::zip::{
    CENTRAL, CENTRAL_LENGTH, DATE, END, END_LENGTH, FILE_MODE, FOLDER_MODE, LOCAL, LOCAL_LENGTH, PROGRAM_MODE,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the directory says of one entry.
struct Entry<'a> {
    name: &'a str,
    /// The bytes that directory and local header share.
    common: &'a [u8],
    crc32: u32,
    /// Length of the bytes that follow the local header.
    length: usize,
    compressed: bool,
    mode: u32,
    offset: usize,
}

/// Reads the files of the zip; without contents where its structure cannot be relied upon.
pub(super) fn read(zip: &[u8]) -> (Option<Contents>, Vec<Problem>) {
    let mut problems = Vec::new();
    let contents = match directory(zip, &mut problems) {
        Ok((entries, start)) => files(zip, &entries, start, &mut problems),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    (contents, problems)
}

/// The directory's entries, and where it begins.
fn directory<'a>(zip: &'a [u8], problems: &mut Vec<Problem>) -> Result<(Vec<Entry<'a>>, usize), Problem> {
    let end = end_record(zip)?;
    let record = &zip[end..];
    let (count, also) = (u16_at(record, 8), u16_at(record, 10));
    let (length, start) = (u32_at(record, 12), u32_at(record, 16));
    if u32_at(record, 4) != 0 || count != also {
        return Err(
            Way::ZipDisks.whole("claims to be spread over several disks or to need 64-bit extensions")
        );
    }
    if start.checked_add(length) != Some(end) {
        return Err(Way::ZipDirectory.whole(format!(
            "the directory should end where the end record begins, at byte {end}; bytes were added or taken away"
        )));
    }
    let mut entries = Vec::new();
    let mut at = start;
    while at < end {
        let (entry, length) = entry(&zip[at..end], entries.len() + 1)?;
        judge_entry(zip, at, &entry, problems);
        entries.push(entry);
        at += length;
    }
    if entries.len() != count {
        return Err(Way::ZipCount
            .whole(format!("the directory has {} entries, but the end record says {count}", entries.len())));
    }
    Ok((entries, start))
}

/// Where the end record begins: exactly at the end.
fn end_record(zip: &[u8]) -> Result<usize, Problem> {
    let signature = END.to_le_bytes();
    let last = zip.len().checked_sub(END_LENGTH);
    match last {
        Some(at) if zip[at..].starts_with(&signature) && u16_at(&zip[at..], 20) == 0 => Ok(at),
        _ => {
            // A comment has at most 65,535 bytes; whatever hides further up is no end record of this zip.
            let from = zip.len().saturating_sub(END_LENGTH + 65_535);
            let found = memchr::memmem::rfind(&zip[from..], &signature).map(|at| zip.len() - from - at);
            Err(match found {
                Some(rest) if rest >= END_LENGTH => Way::ZipTrailing
                    .whole(format!("{} bytes or a comment follow the end record", rest - END_LENGTH)),
                _ => Way::ZipEnd.whole("this is not a zip, or its end is cut off: no end record"),
            })
        }
    }
}

/// The first entry of `directory` and its length; `number` is for messages.
fn entry(directory: &[u8], number: usize) -> Result<(Entry<'_>, usize), Problem> {
    let torn = || Way::ZipTorn.whole(format!("entry {number} of the directory is torn"));
    let header = directory
        .get(..CENTRAL_LENGTH)
        .filter(|header| header.starts_with(&CENTRAL.to_le_bytes()))
        .ok_or_else(torn)?;
    let (name, extra, comment) = (u16_at(header, 28), u16_at(header, 30), u16_at(header, 32));
    let length = CENTRAL_LENGTH + name + extra + comment;
    let name = &directory.get(..length).ok_or_else(torn)?[CENTRAL_LENGTH..CENTRAL_LENGTH + name];
    let plain =
        std::str::from_utf8(name).ok().filter(|name| is_plain(name.strip_suffix('/').unwrap_or(name)));
    let name = plain.ok_or_else(|| {
        let message = "is not a plain path; readers may write it outside the folder";
        Way::ZipName.at(&String::from_utf8_lossy(name), message)
    })?;
    let compressed = u16_at(header, 10) != 0;
    let entry = Entry {
        name,
        common: &header[6..32],
        crc32: u32::from_le_bytes([header[16], header[17], header[18], header[19]]),
        length: u32_at(header, if compressed { 20 } else { 24 }),
        compressed,
        mode: u32::from(u16::from_le_bytes([header[40], header[41]])),
        offset: u32_at(header, 42),
    };
    Ok((entry, length))
}

/// The one folder, or a plain path below it.
fn is_plain(name: &str) -> bool {
    match name.split_once('/') {
        Some((top, path)) => names::is_plain(top) && names::is_plain(path),
        None => names::is_plain(name),
    }
}

/// Fields that have one right value each.
fn judge_entry(zip: &[u8], at: usize, entry: &Entry<'_>, problems: &mut Vec<Problem>) {
    let header = &zip[at..at + CENTRAL_LENGTH];
    let mut wrong = |way: Way, message: String| problems.push(way.at(entry.name, message));
    if u16_at(header, 8) != 0 {
        wrong(Way::ZipFlags, "is encrypted, or has a data descriptor or other flags".to_owned());
    }
    if entry.compressed {
        let method = u16_at(header, 10);
        wrong(Way::ZipCompressed, format!("is compressed (method {method}); packages store their files"));
    } else if u32_at(header, 20) != entry.length {
        wrong(Way::ZipSizes, "claims two different sizes".to_owned());
    }
    if u16_at(header, 12) != 0 || u16_at(header, 14) != usize::from(DATE) {
        wrong(Way::ZipDate, "has a date other than 1980-01-01".to_owned());
    }
    if u16_at(header, 30) != 0 || u16_at(header, 32) != 0 {
        wrong(Way::ZipExtra, "has extra fields or a comment".to_owned());
    }
    let is_folder = entry.name.ends_with('/');
    let expected_type = if is_folder { FOLDER_MODE } else { FILE_MODE } & 0o170_000;
    if entry.mode & 0o170_000 != expected_type {
        wrong(Way::ZipKind, format!("is neither a regular file nor a folder (mode {:06o})", entry.mode));
    } else if is_folder && entry.mode != FOLDER_MODE
        || !is_folder && ![FILE_MODE, PROGRAM_MODE].contains(&entry.mode)
    {
        wrong(
            Way::ZipMode,
            format!("has permissions {:04o}; 0600 and 0700 are used here", entry.mode & 0o7777),
        );
    }
}

/// The entries' bytes, which must follow each other without gaps from the first byte to the directory.
fn files(
    zip: &[u8],
    entries: &[Entry<'_>],
    directory: usize,
    problems: &mut Vec<Problem>,
) -> Option<Contents> {
    let top = entries.first().and_then(|entry| entry.name.strip_suffix('/')).unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut folders = BTreeSet::new();
    let mut names = BTreeSet::new();
    let (mut cursor, mut previous, mut whole) = (0, "", true);

    for entry in entries {
        if !names.insert(entry.name) {
            problems.push(
                Way::ZipTwice
                    .at(entry.name, "stands in the zip twice; readers differ in which one they take"),
            );
        } else if entry.name < previous {
            problems.push(Way::ZipOrder.at(entry.name, "is not in its place; entries stand in byte order"));
        }
        previous = entry.name;
        if entry.offset < cursor {
            // Not read: a thousand entries over the same bytes would unpack to a thousand times their size.
            let message =
                format!("should begin at byte {cursor}, but begins at {}: entries overlap", entry.offset);
            problems.push(Way::ZipGap.at(entry.name, message));
            whole = false;
            continue;
        }
        if entry.offset > cursor {
            let message =
                format!("should begin at byte {cursor}, but begins at {}: bytes between", entry.offset);
            problems.push(Way::ZipGap.at(entry.name, message));
        }
        cursor = entry.offset.saturating_add(LOCAL_LENGTH + entry.name.len()).saturating_add(entry.length);
        whole &= !entry.compressed;
        let Some(bytes) = stored(zip, entry, directory) else {
            problems.push(
                Way::ZipLocal.at(entry.name, "has a header before its bytes that differs from the directory"),
            );
            whole = false;
            continue;
        };

        let Some(path) = entry.name.strip_prefix(top).and_then(|name| name.strip_prefix('/')) else {
            problems.push(Way::ZipTop.at(entry.name, "stands outside the one folder of the zip"));
            whole = false;
            continue;
        };
        if let Some(folder) = path.strip_suffix('/') {
            folders.insert(folder);
        } else if !path.is_empty() {
            let item = Item::new(bytes.to_vec(), entry.mode == PROGRAM_MODE);
            if !entry.compressed && item.crc32 != entry.crc32 {
                problems.push(Way::ZipCrc.at(path, "has a CRC-32 that does not fit its bytes"));
            }
            found.insert(path.to_owned(), item);
        }
    }
    if whole && cursor != directory {
        problems.push(
            Way::ZipGap.whole(format!(
                "the last entry ends at byte {cursor}, but the directory begins at {directory}"
            )),
        );
    }
    let needed: BTreeSet<&str> = found.keys().flat_map(|path| names::folders(path)).collect();
    if let Some(folder) = needed.symmetric_difference(&folders).next() {
        problems
            .push(Way::ZipFolders.at(folder, "the folder has no entry of its own, or has one and no files"));
    }
    whole.then(|| Contents { top: Some(top.to_owned()), items: found })
}

/// The bytes of an entry, if its local header says what the directory says.
fn stored<'a>(zip: &'a [u8], entry: &Entry<'_>, directory: usize) -> Option<&'a [u8]> {
    let local = zip.get(entry.offset..directory)?;
    let header = local.get(..LOCAL_LENGTH)?;
    let (name, bytes) = local[LOCAL_LENGTH..].split_at_checked(entry.name.len())?;
    let same = header.starts_with(&LOCAL.to_le_bytes())
        && &header[4..] == entry.common
        && name == entry.name.as_bytes();
    if same { bytes.get(..entry.length) } else { None }
}

/// Compares `zip` with the canonical zip of what was read from it.
pub(super) fn compare(zip: &[u8], top: &str, files: &crate::model::Files) -> Option<Problem> {
    let mut comparison = Comparison { zip, at: 0 };
    let same = crate::pack::zip::write(top, files, &mut comparison).is_ok() && comparison.at == zip.len();
    (!same).then(|| {
        Way::ZipCanonical.whole(format!(
            "the zip is not as stufpack writes it: byte {} or one shortly after differs",
            comparison.at
        ))
    })
}

struct Comparison<'a> {
    zip: &'a [u8],
    at: usize,
}

impl std::io::Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.zip[self.at..].starts_with(bytes) {
            self.at += bytes.len();
            Ok(bytes.len())
        } else {
            Err(std::io::ErrorKind::InvalidData.into())
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Little-endian fields; callers make sure that the bytes are there.
fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}
