//! New objects, gathered in memory and written as one git pack with its index.
//!
//! libgit2 writes one loose file per object, or packs with a search for deltas. Objects that are deflated once and written one
//! after the other need two files instead of 140, and so can be made durable with three `fsync`s; what each way takes is printed by
//! `cargo bench --bench glass`. Formats: git's `gitformat-pack(5)`, pack version 2 without deltas, index version 2.

use super::oldpacks::{self, OldPack};
use flate2::{Compression, write::ZlibEncoder};
use git2::{ObjectType, Odb, Oid};
use sha1::{Digest as _, Sha1};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

struct Entry {
    id: Oid,
    crc32: u32,
    start: usize,
}

/// Objects on their way into the repository.
pub(super) struct Staging<'a> {
    odb: &'a Odb<'a>,
    pack: Vec<u8>,
    entries: Vec<Entry>,
    known: HashSet<Oid>,
}

impl<'a> Staging<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        // The number of objects follows when it is known.
        let mut pack = Vec::with_capacity(1 << 20);
        pack.extend_from_slice(b"PACK\0\0\0\x02\0\0\0\0");
        Self { odb, pack, entries: Vec::new(), known: HashSet::new() }
    }

    /// Adds an object, unless it is there already; its id either way.
    ///
    /// Ids are computed by libgit2, whose SHA-1 detects collision attacks.
    pub fn add(&mut self, kind: ObjectType, bytes: &[u8]) -> Result<Oid, super::Error> {
        let id = Oid::hash_object(kind, bytes)?;
        if !self.known.insert(id) || self.odb.exists(id) {
            return Ok(id);
        }
        let start = self.pack.len();
        self.pack.extend_from_slice(&header(kind, bytes.len()));
        let mut encoder = ZlibEncoder::new(std::mem::take(&mut self.pack), Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).map_or_else(
            |source| Err(super::Error::io("an object", source)),
            |pack| {
                self.pack = pack;
                Ok(())
            },
        )?;
        self.entries.push(Entry { id, crc32: crc32fast::hash(&self.pack[start..]), start });
        Ok(id)
    }

    /// Writes pack and index below `objects`, each whole or not at all; the index last, since it makes the objects visible.
    pub fn write(mut self, objects: &Path) -> io::Result<usize> {
        let count = self.entries.len();
        if count == 0 {
            return Ok(0);
        }
        let folder = objects.join("pack");
        let old = oldpacks::joining(&folder, self.pack.len() as u64);
        for pack in &old {
            self.take(pack);
        }
        let number = u32::try_from(self.entries.len()).map_err(io::Error::other)?;
        self.pack[8..12].copy_from_slice(&number.to_be_bytes());
        let checksum: [u8; 20] = Sha1::digest(&self.pack).into();
        self.pack.extend_from_slice(&checksum);
        let index = index(&mut self.entries, &checksum)?;

        let name = folder.join(format!("pack-{}", hex::encode(checksum)));
        place(&folder, &self.pack, &name.with_extension("pack"))?;
        place(&folder, &index, &name.with_extension("idx"))?;
        File::open(&folder)?.sync_all()?;
        for pack in &old {
            pack.remove();
        }
        Ok(count)
    }

    fn take(&mut self, old: &OldPack) {
        let mut known: HashSet<Oid> = self.entries.iter().map(|entry| entry.id).collect();
        for entry in old.entries.iter().filter(|entry| known.insert(entry.id)) {
            let start = self.pack.len();
            self.pack.extend_from_slice(&old.bytes[entry.start..entry.end]);
            self.entries.push(Entry { id: entry.id, crc32: entry.crc32, start });
        }
    }
}

/// Writes to a temporary file that git's own housekeeping removes if we do not get to the end, then renames.
fn place(folder: &Path, bytes: &[u8], name: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix("tmp_pack_").tempfile_in(folder)?;
    file.write_all(bytes)?;
    let mut rights = file.as_file().metadata()?.permissions();
    rights.set_readonly(true);
    file.as_file().set_permissions(rights)?;
    file.as_file().sync_data()?;
    file.persist(name).map_err(|error| error.error)?;
    Ok(())
}

/// Kind and size of an object: three bits of kind, then the size in groups of 4, 7, 7 … bits.
fn header(kind: ObjectType, size: usize) -> Vec<u8> {
    let kind = match kind {
        ObjectType::Commit => 1u8,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3,
    };
    let mut bytes = vec![kind << 4 | (size & 15) as u8];
    let mut rest = size >> 4;
    while rest > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push((rest & 127) as u8);
        rest >>= 7;
    }
    bytes
}

fn index(entries: &mut [Entry], checksum: &[u8; 20]) -> io::Result<Vec<u8>> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut out = Vec::with_capacity(1100 + entries.len() * 28);
    out.extend_from_slice(b"\xfftOc\0\0\0\x02");
    for first in 0..=255u8 {
        let below = entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
        out.extend_from_slice(&(below as u32).to_be_bytes());
    }
    for entry in entries.iter() {
        out.extend_from_slice(entry.id.as_bytes());
    }
    for entry in entries.iter() {
        out.extend_from_slice(&entry.crc32.to_be_bytes());
    }
    for entry in entries.iter() {
        // Offsets of 2 GiB and more need another table; no record comes near (files are limited before).
        let offset = u32::try_from(entry.start)
            .ok()
            .filter(|offset| *offset < 1 << 31)
            .ok_or_else(|| io::Error::other("a record of more than 2 GiB"))?;
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out.extend_from_slice(checksum);
    let own: [u8; 20] = Sha1::digest(&out).into();
    out.extend_from_slice(&own);
    Ok(out)
}
