//! Trees: made from paths, read back as paths, compared.

use super::Error;
use super::packfile::Staging;
use git2::{ObjectType, Odb, Oid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// What a tree entry is. Symbolic links and submodules do not exist in a glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    File,
    Executable,
    Folder,
    /// Anything else, kept so that it can be named.
    Foreign,
}

impl Mode {
    fn parse(octal: &[u8]) -> Self {
        match octal {
            b"100644" => Self::File,
            b"100755" => Self::Executable,
            b"40000" => Self::Folder,
            _ => Self::Foreign,
        }
    }

    fn octal(self) -> &'static str {
        match self {
            Self::Executable => "100755",
            Self::Folder => "40000",
            Self::File | Self::Foreign => "100644",
        }
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub mode: Mode,
    pub id: Oid,
}

/// A tree being made.
#[derive(Default)]
pub(super) struct Growing {
    nodes: BTreeMap<String, Node>,
}

enum Node {
    Leaf(Mode, Oid),
    Folder(Growing),
}

impl Growing {
    /// Places a file, or a folder that exists already, at `path`; the last one placed stays.
    pub fn place(&mut self, path: &str, mode: Mode, id: Oid) {
        match path.split_once('/') {
            None => {
                self.nodes.insert(path.to_owned(), Node::Leaf(mode, id));
            }
            Some((folder, rest)) => {
                let node =
                    self.nodes.entry(folder.to_owned()).or_insert_with(|| Node::Folder(Self::default()));
                if let Node::Leaf(..) = node {
                    *node = Node::Folder(Self::default());
                }
                if let Node::Folder(inner) = node {
                    inner.place(rest, mode, id);
                }
            }
        }
    }

    /// Writes the tree with everything below; its id.
    pub fn write(&self, staging: &mut Staging<'_>) -> Result<Oid, Error> {
        let mut entries = Vec::with_capacity(self.nodes.len());
        for (name, node) in &self.nodes {
            let (mode, id) = match node {
                Node::Leaf(mode, id) => (*mode, *id),
                Node::Folder(inner) => (Mode::Folder, inner.write(staging)?),
            };
            entries.push((name, mode, id));
        }
        entries.sort_by_cached_key(|(name, mode, _)| place_of(name, *mode));
        let mut bytes = Vec::new();
        for (name, mode, id) in entries {
            bytes.extend_from_slice(mode.octal().as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        staging.add(ObjectType::Tree, &bytes)
    }
}

/// Reads trees; remembers those of this commit and the one before, so that an unchanged folder is read once.
pub(super) struct Trees<'a> {
    odb: &'a Odb<'a>,
    now: HashMap<Oid, Rc<Vec<Entry>>>,
    before: HashMap<Oid, Rc<Vec<Entry>>>,
}

impl<'a> Trees<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        Self { odb, now: HashMap::new(), before: HashMap::new() }
    }

    /// Forgets what neither this commit nor the last one needed.
    pub fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// The entries of one tree.
    pub fn read(&mut self, id: Oid) -> Result<Rc<Vec<Entry>>, Error> {
        if let Some(entries) = self.now.get(&id) {
            return Ok(entries.clone());
        }
        let entries = match self.before.remove(&id) {
            Some(entries) => entries,
            None => {
                let object = self.odb.read(id)?;
                let entries = (object.kind() == ObjectType::Tree)
                    .then(|| parse(object.data()))
                    .flatten()
                    .ok_or(Error::Object { id, what: "a tree as git writes it" })?;
                Rc::new(entries)
            }
        };
        self.now.insert(id, entries.clone());
        Ok(entries)
    }

    /// The entry at `path` below `root`.
    pub fn find(&mut self, root: Oid, path: &str) -> Result<Option<Entry>, Error> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let found = self.read(root)?.iter().find(|entry| entry.name == first).cloned();
        match (found, rest) {
            (Some(entry), Some(rest)) if entry.mode == Mode::Folder => self.find(entry.id, rest),
            (_, Some(_)) => Ok(None),
            (found, None) => Ok(found),
        }
    }

    /// Every file below `root`, by path; `skip` leaves out folders.
    pub fn files(
        &mut self,
        root: Oid,
        skip: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Entry>, Error> {
        let mut files = BTreeMap::new();
        self.gather(root, "", skip, &mut files)?;
        Ok(files)
    }

    fn gather(
        &mut self,
        tree: Oid,
        prefix: &str,
        skip: &dyn Fn(&str) -> bool,
        files: &mut BTreeMap<String, Entry>,
    ) -> Result<(), Error> {
        for entry in self.read(tree)?.iter() {
            let path = [prefix, &entry.name].concat();
            if skip(&path) {
                continue;
            }
            if entry.mode == Mode::Folder {
                self.gather(entry.id, &format!("{path}/"), skip, files)?;
            } else {
                files.insert(path, entry.clone());
            }
        }
        Ok(())
    }

    /// What differs between two trees, file by file: path, before, after. Equal folders are not read.
    pub fn changes(&mut self, before: Option<Oid>, after: Option<Oid>) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        self.compare(before, after, "", &mut changes)?;
        Ok(changes)
    }

    fn compare(
        &mut self,
        before: Option<Oid>,
        after: Option<Oid>,
        prefix: &str,
        changes: &mut Vec<Change>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let mut sides: BTreeMap<String, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        let (old, new) = (self.optional(before)?, self.optional(after)?);
        // Large folders (one per operation) mostly agree: only what differs is taken apart.
        let mut known: HashMap<&str, &Entry> = HashMap::with_capacity(old.len());
        for entry in old.iter() {
            known.insert(&entry.name, entry);
        }
        for entry in new.iter() {
            match known.remove(entry.name.as_str()) {
                Some(same) if same == entry => {}
                other => {
                    sides.insert(entry.name.clone(), (other.cloned(), Some(entry.clone())));
                }
            }
        }
        for (name, entry) in known {
            sides.insert(name.to_owned(), (Some(entry.clone()), None));
        }
        for (name, (old, new)) in sides {
            let path = [prefix, &name].concat();
            let folder =
                |entry: &Option<Entry>| entry.as_ref().filter(|e| e.mode == Mode::Folder).map(|e| e.id);
            let file = |entry: Option<Entry>| entry.filter(|e| e.mode != Mode::Folder);
            self.compare(folder(&old), folder(&new), &format!("{path}/"), changes)?;
            let (old, new) = (file(old), file(new));
            if old.is_some() || new.is_some() {
                changes.push(Change { path, before: old, after: new });
            }
        }
        Ok(())
    }

    fn optional(&mut self, id: Option<Oid>) -> Result<Rc<Vec<Entry>>, Error> {
        id.map_or_else(|| Ok(Rc::default()), |id| self.read(id))
    }
}

/// One file that differs between two trees.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub path: String,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// Reads a tree as git writes it: sorted, each name once. Of two entries with one name, a reader would check the one
/// and a checkout write the other.
fn parse(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut last = Vec::new();
    let mut names = HashSet::new();
    while !bytes.is_empty() {
        let space = memchr::memchr(b' ', bytes)?;
        let end = memchr::memchr(0, bytes)?;
        let mode = Mode::parse(&bytes[..space]);
        let raw = bytes.get(space + 1..end)?;
        let name = std::str::from_utf8(raw).ok()?;
        let id = Oid::from_bytes(bytes.get(end + 1..end + 21)?).ok()?;
        let key = place_of(name, mode);
        if name.is_empty() || name.contains('/') || key <= last || !names.insert(raw) {
            return None;
        }
        last = key;
        entries.push(Entry { name: name.to_owned(), mode, id });
        bytes = &bytes[end + 21..];
    }
    Some(entries)
}

/// By what git sorts: folders as if their names ended in a slash.
fn place_of(name: &str, mode: Mode) -> Vec<u8> {
    let end: &[u8] = if mode == Mode::Folder { b"/" } else { b"" };
    [name.as_bytes(), end].concat()
}

/// Whether `path` may stand in a glass: nothing that git, a shell or another system would take for something else.
pub(super) fn is_safe(path: &str) -> bool {
    path.len() <= 1024
        && path.split('/').all(|segment| {
            !segment.is_empty()
                && segment.len() <= 255
                && segment != "."
                && segment != ".."
                && !segment.to_ascii_lowercase().starts_with(".git")
                && !segment.to_ascii_lowercase().starts_with("git~")
                && segment.chars().all(|c| !c.is_control() && !matches!(c, '\\' | ':'))
        })
}
