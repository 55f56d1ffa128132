//! The canonical zip: one folder, entries in byte order, stored, with fixed header fields.
//!
//! Written here and not by a library, because these bytes are a promise: `verify` rebuilds them, years later, and
//! compares. A library may change a version or flag field in any release. Sizes and CRCs are known beforehand, so
//! writing is one pass without hashing.

use super::names;
use crate::model::{File, Files};
use std::io::{self, Write};

/// Signature of a local header.
pub const LOCAL: u32 = 0x0403_4b50;
/// Signature of an entry of the central directory.
pub const CENTRAL: u32 = 0x0201_4b50;
/// Signature of the end record.
pub const END: u32 = 0x0605_4b50;
/// Length of a local header without name.
pub const LOCAL_LENGTH: usize = 30;
/// Length of an entry of the central directory without name.
pub const CENTRAL_LENGTH: usize = 46;
/// Length of the end record.
pub const END_LENGTH: usize = 22;

/// Unix (3), specification 3.0: readers take the permissions from the upper half of the external attributes.
const MADE_BY: u16 = 0x031e;
/// Specification 2.0: stored files and folders.
const NEEDED: u16 = 20;
/// 1980-01-01 00:00, the earliest a zip can say.
pub const DATE: u16 = 0x0021;

/// Type and permissions of a folder.
pub const FOLDER_MODE: u32 = 0o040_700;
/// Type and permissions of a file.
pub const FILE_MODE: u32 = 0o100_600;
/// Type and permissions of a file that may be run.
pub const PROGRAM_MODE: u32 = 0o100_700;

struct Entry<'a> {
    name: String,
    bytes: &'a [u8],
    crc32: u32,
    mode: u32,
}

impl Entry<'_> {
    /// The 26 bytes that local header and directory share, from `version needed` to the length of extra fields.
    fn common(&self) -> io::Result<[u8; 26]> {
        let size = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        let name = u16::try_from(self.name.len()).map_err(io::Error::other)?;
        let mut out = [0; 26];
        out[0..2].copy_from_slice(&NEEDED.to_le_bytes());
        out[8..10].copy_from_slice(&DATE.to_le_bytes());
        out[10..14].copy_from_slice(&self.crc32.to_le_bytes());
        out[14..18].copy_from_slice(&size.to_le_bytes());
        out[18..22].copy_from_slice(&size.to_le_bytes());
        out[22..24].copy_from_slice(&name.to_le_bytes());
        Ok(out)
    }
}

/// Every folder, without its slash, and every file, in byte order of the names that they have in the zip: a folder stands
/// before all that begin with its name and a slash, and these stand together.
fn listed(files: &Files) -> Vec<(&str, Option<&File>)> {
    let mut listed = Vec::with_capacity(files.len() * 2);
    let mut above = "";
    for (path, file) in files {
        let known = names::shared_folders(above, path);
        for folder in names::folders(path).filter(|folder| folder.len() > known) {
            listed.push((folder, None));
            above = folder;
        }
        listed.push((path.as_str(), Some(file)));
    }
    listed
}

/// Folders and files below `top`, in byte order of their names.
fn entries<'a>(top: &str, files: &'a Files) -> Vec<Entry<'a>> {
    let folder = |name: String| Entry { name, bytes: &[], crc32: 0, mode: FOLDER_MODE };
    let mut entries = vec![folder(format!("{top}/"))];
    entries.extend(listed(files).into_iter().map(|(path, file)| match file {
        None => folder(format!("{top}/{path}/")),
        Some(file) => Entry {
            name: format!("{top}/{path}"),
            bytes: &file.bytes,
            crc32: file.crc32,
            mode: if file.executable { PROGRAM_MODE } else { FILE_MODE },
        },
    }));
    entries
}

/// Number of entries, folders included, and size of the zip in bytes.
pub fn measure(top: &str, files: &Files) -> (usize, u64) {
    let slash = 1;
    let size = |name: usize, bytes: usize| (LOCAL_LENGTH + CENTRAL_LENGTH + 2 * name + bytes) as u64;
    let below = |(path, file): &(&str, Option<&File>)| {
        let name = top.len() + slash + path.len() + if file.is_none() { slash } else { 0 };
        size(name, file.map_or(0, |file| file.bytes.len()))
    };
    let listed = listed(files);
    let bytes = size(top.len() + slash, 0) + listed.iter().map(below).sum::<u64>();
    (listed.len() + 1, bytes + END_LENGTH as u64)
}

/// Writes the zip of `files` below the folder `top`.
pub fn write(top: &str, files: &Files, out: &mut impl Write) -> io::Result<()> {
    let entries = entries(top, files);
    let mut directory = Vec::with_capacity(entries.len() * 96);
    let mut offset: u32 = 0;
    for entry in &entries {
        let common = entry.common()?;
        out.write_all(&LOCAL.to_le_bytes())?;
        out.write_all(&common)?;
        out.write_all(entry.name.as_bytes())?;
        out.write_all(entry.bytes)?;

        let is_folder = entry.mode == FOLDER_MODE;
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(MADE_BY.to_le_bytes());
        directory.extend(common);
        // No comment, disk 0, no internal attributes; then permissions, and the folder flag of DOS.
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16 | u32::from(is_folder) << 4).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());

        offset = u32::try_from(LOCAL_LENGTH + entry.name.len() + entry.bytes.len())
            .ok()
            .and_then(|length| offset.checked_add(length))
            .ok_or_else(|| io::Error::other("the zip is too large"))?;
    }
    let count = u16::try_from(entries.len()).map_err(io::Error::other)?;
    let length = u32::try_from(directory.len()).map_err(io::Error::other)?;
    directory.extend(END.to_le_bytes());
    directory.extend([0; 4]);
    directory.extend(count.to_le_bytes());
    directory.extend(count.to_le_bytes());
    directory.extend(length.to_le_bytes());
    directory.extend(offset.to_le_bytes());
    directory.extend([0; 2]);
    out.write_all(&directory)
}

/// The zip of `files` below the folder `top`, in memory; empty where it would exceed the format, which [`super::seal`]
/// rules out.
pub fn bytes(top: &str, files: &Files) -> Vec<u8> {
    let mut out = Vec::with_capacity(usize::try_from(measure(top, files).1).unwrap_or(0));
    if write(top, files, &mut out).is_err() {
        out.clear();
    }
    out
}
