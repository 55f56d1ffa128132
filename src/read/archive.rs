//! An export as a zip: unpacked into a private folder, after every name and size was looked at.

use super::folder::{self, at_file};
use super::{Error, elsewhere, nothing};
use crate::model::{AttachmentPath, Finding, Source, Word, codes};
use crate::scratch::Scratch;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Entries of a zip at most.
const MOST_ENTRIES: usize = 20_000;
/// Bytes that a zip may unpack to: an inventory of 40 million objects.
const UNPACKED: u64 = 8 << 30;
/// How many times larger an entry of more than 1 MiB may come out than it is packed; inventories reach about twenty.
const RATIO: u64 = 150;

/// A file without a name that holds what comes from `stream`, at most what a zip may unpack to: a zip is read from its end.
pub(super) fn spool(stream: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    if io::copy(&mut stream.take(UNPACKED + 1), &mut file)? > UNPACKED {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {UNPACKED} bytes"),
        ));
    }
    Ok(file)
}

/// Reads a zip, called `shown` in messages.
pub(super) fn read(file: File, shown: &str) -> Result<Source, Error> {
    let mut findings = Vec::new();
    let unpacked = Scratch::new_in(&std::env::temp_dir()).map_err(Error::temporary)?;
    unpack(file, unpacked.path(), shown, &mut findings).map_err(Error::temporary)?;
    if !findings.is_empty() {
        return Ok(nothing(shown, findings));
    }
    let top = top(unpacked.path())?;
    if let Some(finding) = elsewhere::unpacked(&top, shown) {
        return Ok(nothing(shown, vec![finding]));
    }
    let mut source = folder::read(&top, shown)?;
    source.unpacked = Some(unpacked);
    Ok(source)
}

/// The folder that holds the export: the root, or the single folder that was zipped as a whole.
fn top(root: &Path) -> Result<std::path::PathBuf, Error> {
    let entries: Vec<_> = fs::read_dir(root)
        .and_then(|entries| entries.collect::<io::Result<_>>())
        .map_err(|error| Error::unreadable(root, error))?;
    match &entries[..] {
        [only] if only.path().is_dir() => Ok(only.path()),
        _ => Ok(root.to_owned()),
    }
}

/// Writes the entries below `root`; what a zip of an export never holds is a finding, and then nothing more is written.
fn unpack(file: File, root: &Path, shown: &str, findings: &mut Vec<Finding>) -> io::Result<()> {
    let broken =
        |message: &str| at_file(&codes::EXPORT_ZIP, shown, message).expected("a zip of an export's folder");
    let mut archive = match zip::ZipArchive::new(&file) {
        Ok(archive) => archive,
        Err(_) => {
            findings.push(broken("the zip cannot be read"));
            return Ok(());
        }
    };
    if archive.len() > MOST_ENTRIES {
        findings.push(at_file(&codes::EXPORT_ZIP_BOMB, shown, "the zip holds too many entries"));
        return Ok(());
    }
    // The archive seeks before every read, so the shared position does no harm.
    if records(&file, archive.central_directory_start())? != archive.len() {
        findings.push(broken("a name stands in the zip twice, or its directory is not as it should be"));
        return Ok(());
    }
    if let Some(finding) = elsewhere::zip(archive.file_names().filter_map(Result::ok), shown) {
        findings.push(finding);
        return Ok(());
    }
    let mut names = BTreeSet::new();
    let mut left = UNPACKED;
    for index in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(index) else {
            findings.push(broken("an entry of the zip cannot be read (encrypted, perhaps)"));
            continue;
        };
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let full = format!("{shown}/{}", name.escape_debug());
        let plain = name.strip_suffix('/').unwrap_or(&name);
        let special =
            entry.unix_mode().is_some_and(|mode| !matches!(mode & 0o170_000, 0 | 0o040_000 | 0o100_000));
        if special {
            findings.push(
                at_file(&codes::EXPORT_FILE_LINK, &full, "this entry is a link or a special file")
                    .expected("a plain file"),
            );
        } else if AttachmentPath::parse(plain).is_none() {
            findings.push(
                at_file(
                    &codes::EXPORT_FILE_NAME,
                    &full,
                    "the name of this entry could lead out of the export's folder, or is not safe everywhere",
                )
                .expected(AttachmentPath::EXPECTED),
            );
        } else if !names.insert(plain.to_lowercase()) {
            findings.push(broken("two names in the zip differ in case at most"));
        }
        if !findings.is_empty() || name.ends_with('/') {
            continue;
        }
        let bound = left.min(entry.compressed_size().saturating_mul(RATIO).max(1 << 20));
        let target = root.join(plain);
        // Below the root one by one: what a signal has just taken away must not come into being again.
        for (end, _) in plain.match_indices('/') {
            match fs::create_dir(root.join(&plain[..end])) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let mut out = File::create_new(&target)?;
        match copy(&mut entry, &mut out, bound) {
            Ok(written) if written <= bound => left -= written,
            Ok(_) => findings.push(
                at_file(&codes::EXPORT_ZIP_BOMB, &full, "this entry unpacks to far more than it should")
                    .expected("an export"),
            ),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error),
            Err(_) => findings.push(broken("an entry of the zip is broken")),
        }
    }
    Ok(())
}

/// Copies at most one byte more than `bound`.
fn copy(from: &mut impl Read, to: &mut File, bound: u64) -> io::Result<u64> {
    let written = io::copy(&mut from.take(bound + 1), to)?;
    to.flush()?;
    Ok(written)
}

/// Number of records in the central directory, counted by ourselves: the reader keeps one of two equal names in silence.
fn records(mut file: &File, start: u64) -> io::Result<usize> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(64 << 20).read_to_end(&mut bytes)?;
    let (mut at, mut count) = (0, 0);
    while let Some(header) = bytes.get(at..at + 46).filter(|header| header.starts_with(b"PK\x01\x02")) {
        let field = |offset: usize| usize::from(u16::from_le_bytes([header[offset], header[offset + 1]]));
        at += 46 + field(28) + field(30) + field(32);
        count += 1;
    }
    Ok(count)
}
