//! A zip as its fields, so that each can be made wrong. Knows nothing of the code under test.

use std::collections::{BTreeMap, BTreeSet};

/// One file of a package under test: bytes and permissions.
pub type Tree = BTreeMap<String, (Vec<u8>, u32)>;

/// The fields that an entry has twice: before its bytes and in the directory.
#[derive(Clone, Debug)]
pub struct Header {
    pub name: Vec<u8>,
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc: u32,
    pub compressed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Bytes before the local header.
    pub gap: Vec<u8>,
    pub local: Header,
    pub central: Header,
    pub data: Vec<u8>,
    pub comment: Vec<u8>,
    pub made_by: u16,
    pub disk: u16,
    pub internal: u16,
    pub mode: u32,
    /// Whether it has no bytes of its own, but points to those of the entry before it.
    pub only_listed: bool,
}

/// A whole zip.
#[derive(Clone, Debug)]
pub struct RawZip {
    pub entries: Vec<Entry>,
    pub end: BTreeMap<String, u32>,
}

impl RawZip {
    /// The canonical zip of `tree` below `top`.
    pub fn canonical(top: &str, tree: &Tree) -> Self {
        let mut named: BTreeMap<String, (&[u8], u32)> = BTreeMap::new();
        let folders: BTreeSet<String> = tree
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()))
            .chain([String::new()])
            .collect();
        for folder in folders {
            named.insert(format!("{top}/{folder}"), (b"", 0o040_700));
        }
        for (path, (bytes, mode)) in tree {
            named.insert(format!("{top}/{path}"), (bytes, 0o100_000 | mode));
        }
        let entries =
            named.into_iter().map(|(name, (bytes, mode))| Entry::stored(&name, bytes, mode)).collect();
        Self { entries, end: BTreeMap::new() }
    }

    /// The place of the entry called `name`.
    pub fn find(&self, name: &str) -> usize {
        let place = self.entries.iter().position(|entry| entry.central.name == name.as_bytes());
        place.unwrap_or_else(|| panic!("no entry {name}"))
    }

    /// Writes it, wrong fields and all.
    pub fn bytes(&self) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        let mut offset = 0;
        for entry in &self.entries {
            if !entry.only_listed {
                out.extend(&entry.gap);
                offset = out.len() as u32;
                out.extend(0x0403_4b50u32.to_le_bytes());
                out.extend(entry.local.fields());
                out.extend(&entry.local.name);
                out.extend(&entry.local.extra);
                out.extend(&entry.data);
            }

            directory.extend(0x0201_4b50u32.to_le_bytes());
            directory.extend(entry.made_by.to_le_bytes());
            directory.extend(entry.central.fields());
            directory.extend((entry.comment.len() as u16).to_le_bytes());
            directory.extend(entry.disk.to_le_bytes());
            directory.extend(entry.internal.to_le_bytes());
            let dos_folder = u32::from(entry.mode & 0o170_000 == 0o040_000) << 4;
            directory.extend((entry.mode << 16 | dos_folder).to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.central.name);
            directory.extend(&entry.central.extra);
            directory.extend(&entry.comment);
        }
        let start = out.len() as u32;
        out.extend(&directory);
        let count = self.entries.len() as u32;
        let field = |name: &str, value: u32| self.end.get(name).copied().unwrap_or(value);
        out.extend(0x0605_4b50u32.to_le_bytes());
        for (name, value) in [("disk", 0), ("directory-disk", 0), ("count-here", count), ("count", count)] {
            out.extend((field(name, value) as u16).to_le_bytes());
        }
        out.extend(field("length", directory.len() as u32).to_le_bytes());
        out.extend(field("start", start).to_le_bytes());
        out.extend(0u16.to_le_bytes());
        out
    }
}

impl Entry {
    /// An entry as the canonical zip has it.
    pub fn stored(name: &str, bytes: &[u8], mode: u32) -> Self {
        let header = Header {
            name: name.as_bytes().to_vec(),
            needed: 20,
            flags: 0,
            method: 0,
            time: 0,
            date: 0x21,
            crc: crc32fast::hash(bytes),
            compressed: bytes.len() as u32,
            size: bytes.len() as u32,
            extra: Vec::new(),
        };
        Self {
            gap: Vec::new(),
            local: header.clone(),
            central: header,
            data: bytes.to_vec(),
            comment: Vec::new(),
            made_by: 0x031e,
            disk: 0,
            internal: 0,
            mode,
            only_listed: false,
        }
    }

    /// Sets one field in both headers, or where it stands alone.
    pub fn set(&mut self, field: &str, value: u32, local: bool, central: bool) {
        match field {
            "made-by" => self.made_by = value as u16,
            "internal" => self.internal = value as u16,
            "mode" => self.mode = value,
            _ => {
                for (header, wanted) in [(&mut self.local, local), (&mut self.central, central)] {
                    if wanted {
                        header.set(field, value);
                    }
                }
            }
        }
    }
}

impl Header {
    fn set(&mut self, field: &str, value: u32) {
        match field {
            "needed" => self.needed = value as u16,
            "flags" => self.flags = value as u16,
            "method" => self.method = value as u16,
            "time" => self.time = value as u16,
            "date" => self.date = value as u16,
            "crc" => self.crc = value,
            "compressed" => self.compressed = value,
            "size" => self.size = value,
            _ => panic!("no field {field}"),
        }
    }

    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [self.needed, self.flags, self.method, self.time, self.date] {
            out.extend(value.to_le_bytes());
        }
        for value in [self.crc, self.compressed, self.size] {
            out.extend(value.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        out
    }
}
