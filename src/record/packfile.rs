//! New objects, gathered in memory and written as one git pack with its index.
//!
//! libgit2 writes one loose file per object, or packs with a search for deltas. Objects that are deflated once and written one
//! after the other need two files instead of 140, and so can be made durable with three `fsync`s; what each way takes is printed by
//! `cargo bench --bench glass`. Formats: git's `gitformat-pack(5)`, pack version 2 without deltas, index version 2.

use super::Error;
use super::oldpacks::{self, OldPack};
use super::rights::Rights;
use crate::embedded;
use crate::threads::at_once;
use flate2::{Compress, Compression, FlushCompress, Status};
use git2::{ObjectType, Odb, OdbLookupFlags, Oid};
use rayon::prelude::*;
use sha1::{Digest as _, Sha1};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The content of a file on its way into the repository.
pub(super) enum Blob<'b> {
    /// Hashed and deflated when this program was built.
    Ready(&'static embedded::Blob, usize),
    /// As it is.
    Plain(&'b [u8]),
    /// Encrypted, so that deflating it is in vain.
    Dense(&'b [u8]),
}

impl Blob<'_> {
    fn id(&self) -> Result<Oid, Error> {
        match self {
            Self::Ready(blob, _) => Ok(Oid::from_bytes(&blob.id)?),
            Self::Plain(bytes) | Self::Dense(bytes) => Ok(Oid::hash_object(ObjectType::Blob, bytes)?),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Ready(_, size) => *size,
            Self::Plain(bytes) | Self::Dense(bytes) => bytes.len(),
        }
    }

    fn deflated(&self, deflate: &mut Deflate) -> Result<Cow<'static, [u8]>, Error> {
        Ok(match self {
            Self::Ready(blob, _) => Cow::Borrowed(blob.deflated),
            Self::Plain(bytes) => Cow::Owned(deflate.bytes(bytes)?),
            Self::Dense(bytes) => Cow::Owned(stored(bytes)),
        })
    }
}

/// Deflates one object after the other: its tables are far larger than most objects, and making them takes longer.
struct Deflate(Compress);

impl Deflate {
    fn new(level: Compression) -> Self {
        Self(Compress::new(level, true))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |why: &str| Error::io("an object", io::Error::other(why.to_owned()));
        let mut out = Vec::new();
        self.0.reset();
        loop {
            let taken = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let rest = bytes.get(taken..).ok_or_else(|| failed("deflated more than there is"))?;
            out.reserve(rest.len() / 2 + 1024);
            let status = self.0.compress_vec(rest, &mut out, FlushCompress::Finish);
            if status.map_err(|error| failed(&error.to_string()))? == Status::StreamEnd {
                return Ok(out);
            }
        }
    }
}

/// Objects of fewer bytes than this are kept as they are: clearing the tables of a compressor costs more than they would save.
const SMALL: usize = 2048;

/// The zlib stream (RFC 1950) that holds `bytes` as they are, in stored blocks of RFC 1951.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 0xffff * 5 + 11);
    out.extend_from_slice(&[0x78, 0x01]);
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(0xffff));
        let length = block.len() as u16;
        out.push(u8::from(after.is_empty()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    out.extend_from_slice(&adler2::adler32_slice(bytes).to_be_bytes());
    out
}

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
    deflate: Deflate,
}

impl<'a> Staging<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        // The number of objects follows when it is known.
        let pack = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
        let deflate = Deflate::new(Compression::fast());
        Self { odb, pack, entries: Vec::new(), known: HashSet::new(), deflate }
    }

    /// Adds an object, unless it is there already; its id either way.
    ///
    /// Ids are computed by libgit2, whose SHA-1 detects collision attacks.
    pub fn add(&mut self, kind: ObjectType, bytes: &[u8]) -> Result<Oid, Error> {
        let id = Oid::hash_object(kind, bytes)?;
        if self.is_new(id) {
            let deflated = if bytes.len() < SMALL { stored(bytes) } else { self.deflate.bytes(bytes)? };
            self.put(id, kind, bytes.len(), &deflated);
        }
        Ok(id)
    }

    /// Adds files, hashed and deflated side by side; their ids, in the same order.
    pub fn add_blobs(&mut self, blobs: &[Blob<'_>]) -> Result<Vec<Oid>, Error> {
        let ids: Vec<Oid> = blobs.par_iter().map(Blob::id).collect::<Result<_, _>>()?;
        let new: Vec<_> = ids.iter().zip(blobs).filter(|(id, _)| self.is_new(**id)).collect();
        let deflated: Vec<_> = new
            .par_iter()
            .map_init(|| Deflate::new(Compression::fast()), |deflate, (_, blob)| blob.deflated(deflate))
            .collect::<Result<_, _>>()?;
        for ((id, blob), deflated) in new.into_iter().zip(&deflated) {
            self.put(*id, ObjectType::Blob, blob.size(), deflated);
        }
        Ok(ids)
    }

    /// Whether nobody has added the object, nor the repository has it. One that was packed anew this moment is written again.
    fn is_new(&mut self, id: Oid) -> bool {
        self.known.insert(id) && !self.odb.exists_ext(id, OdbLookupFlags::NO_REFRESH)
    }

    fn put(&mut self, id: Oid, kind: ObjectType, size: usize, deflated: &[u8]) {
        let start = self.pack.len();
        self.pack.extend_from_slice(&header(kind, size));
        self.pack.extend_from_slice(deflated);
        self.entries.push(Entry { id, crc32: crc32fast::hash(&self.pack[start..]), start });
    }

    /// The bytes of pack and index for the folder `objects`, with the old packs that they are to replace.
    pub fn pack(mut self, objects: &Path) -> io::Result<Packed> {
        let folder = objects.join("pack");
        if self.entries.is_empty() {
            return Ok(Packed { folder, files: None, replaced: Replaced(Vec::new()) });
        }
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
        let files = Some(Files { name, pack: self.pack, index });
        Ok(Packed { folder, files, replaced: Replaced(old) })
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

/// A pack and its index, in memory.
pub(super) struct Packed {
    folder: PathBuf,
    /// Nothing, where the repository has every object already.
    files: Option<Files<Vec<u8>>>,
    replaced: Replaced,
}

struct Files<F> {
    /// The path of both, without their endings.
    name: PathBuf,
    pack: F,
    index: F,
}

impl Packed {
    /// Puts both on the disk, under names that git does not look at; gone when dropped.
    pub fn write(self, rights: Rights) -> io::Result<Durable> {
        let Self { folder, files, replaced } = self;
        let write = |bytes: &[u8]| durable(&folder, bytes, rights);
        let on_disk = |Files { name, pack, index }: Files<Vec<u8>>| {
            // Both at once, which takes hardly longer than one.
            let (index, pack) = at_once(|| write(&index), || write(&pack));
            Ok::<_, io::Error>(Files { name, pack: pack?, index: index? })
        };
        let files = files.map(on_disk).transpose()?;
        Ok(Durable { folder, files, replaced })
    }
}

/// A pack and its index, on the disk and without their names.
pub(super) struct Durable {
    folder: PathBuf,
    files: Option<Files<NamedTempFile>>,
    replaced: Replaced,
}

impl Durable {
    /// Gives both their names, each whole or not at all; the index last, since it makes the objects visible.
    ///
    /// Returns the packs whose objects stand in the new one too.
    pub fn publish(self) -> io::Result<Replaced> {
        let Self { folder, files, replaced } = self;
        if let Some(Files { name, pack, index }) = files {
            pack.persist(name.with_extension("pack")).map_err(|error| error.error)?;
            index.persist(name.with_extension("idx")).map_err(|error| error.error)?;
            File::open(&folder)?.sync_all()?;
        }
        Ok(replaced)
    }
}

/// Packs that a new one replaces.
#[must_use = "they are removed once the branch stands on the new one, and stay otherwise"]
pub(super) struct Replaced(Vec<OldPack>);

impl Replaced {
    /// Takes them away.
    pub fn remove(self) {
        for pack in self.0 {
            pack.remove();
        }
    }
}

/// How the name of a file begins that is being written: what git's own housekeeping removes, and no name of git's.
const UNFINISHED: &str = "tmp_pack_stufpack_";

/// Removes what killed writers left below `objects`; who calls this holds the lock, so nobody is writing.
pub(super) fn sweep(objects: &Path) {
    for entry in fs::read_dir(objects.join("pack")).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // What stays costs room and nothing else.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A temporary file with `bytes`, on the disk, with the rights that git gives to packs.
fn durable(folder: &Path, bytes: &[u8], rights: Rights) -> io::Result<NamedTempFile> {
    const PACK: u32 = 0o444;
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).permissions(Permissions::from_mode(PACK));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    rights.give(file.as_file(), PACK)?;
    file.as_file().sync_data()?;
    Ok(file)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn code_is_kept_as_git_keeps_it() {
        for file in embedded::CODE.iter().chain(embedded::PROVIDED.iter().flat_map(|(_, files)| *files)) {
            let blob = file.blob.as_ref().unwrap_or_else(|| panic!("{} is no object", file.path));
            assert_eq!(blob.id, Oid::hash_object(ObjectType::Blob, file.bytes).unwrap().as_bytes());
            let mut bytes = Vec::new();
            flate2::read::ZlibDecoder::new(blob.deflated).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, file.bytes, "{}", file.path);
        }
    }

    #[test]
    fn one_object_after_the_other_is_deflated_whole() {
        let mut deflate = Deflate::new(Compression::fast());
        let noise: Vec<u8> =
            (0..200_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
        for bytes in [&noise[..], b"", b"text text text", &noise[..7]] {
            let mut back = Vec::new();
            let deflated = deflate.bytes(bytes).unwrap();
            flate2::read::ZlibDecoder::new(&deflated[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, bytes);
            back.clear();
            flate2::read::ZlibDecoder::new(&stored(bytes)[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, bytes);
        }
    }
}
