//! Small packs of earlier operations, taken into the new one: so a glass of 2,000 operations has a dozen packs, not 2,000.
//!
//! Packs that this program wrote hold whole objects only, which can be copied as they are. Any other pack (git's own, with
//! deltas) is left alone. A pack joins when it is at most twice as large as everything smaller, the new one included: sizes
//! then grow geometrically, and each object is copied a logarithmic number of times in its life.

use git2::Oid;
use std::fs;
use std::path::{Path, PathBuf};

/// Larger ones are never copied again.
const LARGEST: u64 = 256 << 20;

/// A pack that can be taken in: its bytes, and its objects in the order in which they stand.
pub(super) struct OldPack {
    /// Its path, ending in `.pack`.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub entries: Vec<OldEntry>,
}

pub(super) struct OldEntry {
    pub id: Oid,
    pub crc32: u32,
    pub start: usize,
    pub end: usize,
}

/// The packs below `folder` that should join a new one of `size` bytes. What cannot be read is simply not taken.
pub(super) fn joining(folder: &Path, size: u64) -> Vec<OldPack> {
    let mut packs: Vec<(u64, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let path = entry.path();
            let is_pack = path.extension().is_some_and(|ending| ending == "pack");
            let kept = path.with_extension("keep").exists() || path.with_extension("promisor").exists();
            (is_pack && !kept).then_some((entry.metadata().ok()?.len(), path))
        })
        .filter(|(size, _)| *size <= LARGEST)
        .collect();
    packs.sort_unstable();
    let (mut total, mut joining) = (size, Vec::new());
    for (size, path) in packs {
        if size > total.saturating_mul(2) {
            break;
        }
        if let Some(pack) = OldPack::read(path) {
            total += size;
            joining.push(pack);
        }
    }
    joining
}

impl OldPack {
    /// Reads a pack of whole objects with its index; nothing if it is anything else.
    fn read(path: PathBuf) -> Option<Self> {
        let bytes = fs::read(&path).ok()?;
        let index = fs::read(path.with_extension("idx")).ok()?;
        let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
        if index.get(..8)? != b"\xfftOc\0\0\0\x02" || bytes.get(..8)? != b"PACK\0\0\0\x02" {
            return None;
        }
        let count = number(8 + 255 * 4)? as usize;
        let (ids, crcs, offsets) = (8 + 1024, 8 + 1024 + count * 20, 8 + 1024 + count * 24);
        let end = bytes.len().checked_sub(20)?;
        // The index names the pack by its checksum: another pack of the same name would not fit.
        if index.get(offsets + count * 4..)?.get(..20)? != &bytes[end..] {
            return None;
        }
        let mut entries = (0..count)
            .map(|at| {
                Some(OldEntry {
                    id: Oid::from_bytes(index.get(ids + at * 20..ids + (at + 1) * 20)?).ok()?,
                    crc32: number(crcs + at * 4)?,
                    start: number(offsets + at * 4).filter(|offset| *offset < 1 << 31)? as usize,
                    end,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        entries.sort_unstable_by_key(|entry| entry.start);
        for at in 1..entries.len() {
            entries[at - 1].end = entries[at].start;
        }
        let whole = entries.iter().all(|entry| {
            let Some(bytes) = bytes.get(entry.start..entry.end) else { return false };
            bytes.first().is_some_and(|first| (1..=4).contains(&(first >> 4 & 7)))
                && crc32fast::hash(bytes) == entry.crc32
        });
        whole.then_some(Self { path, bytes, entries })
    }

    /// Takes it away, index first, so that no index is left without its pack.
    pub fn remove(&self) {
        // A pack that stays costs a little time and nothing else.
        let _ = fs::remove_file(self.path.with_extension("idx")).and_then(|()| fs::remove_file(&self.path));
    }
}
