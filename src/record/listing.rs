//! Trees, read: as entries, as paths, compared.

use super::Error;
use super::tree::{Entry, Mode};
use git2::{ObjectType, Odb, Oid};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// A tree as git writes it: sorted, each name once. Of two entries with one name, a reader would check the one and a
/// checkout write the other.
#[derive(Default)]
pub(super) struct Listing(Vec<u8>);

/// One entry, where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub name: &'a str,
    pub mode: Mode,
    pub id: Oid,
}

impl Item<'_> {
    fn owned(&self) -> Entry {
        Entry { name: self.name.to_owned(), mode: self.mode, id: self.id }
    }

    /// Git sorts folders as if their names ended in a slash.
    fn place(&self, other: &Self) -> Ordering {
        let end = |item: &Self| (item.mode == Mode::Folder).then_some(b'/');
        self.name.bytes().chain(end(self)).cmp(other.name.bytes().chain(end(other)))
    }
}

impl Listing {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let listing = Self(bytes.to_vec());
        let mut last: Option<Item<'_>> = None;
        // Files whose names begin the names after them: a folder of the same name would sort behind those.
        let mut open: Vec<&str> = Vec::new();
        let mut size = 0;
        for item in listing.entries() {
            if item.name.is_empty() || item.name.contains('/') {
                return None;
            }
            if last.is_some_and(|last| last.place(&item) != Ordering::Less) {
                return None;
            }
            while open.last().is_some_and(|name| !item.name.starts_with(name)) {
                open.pop();
            }
            match item.mode {
                Mode::Folder if open.contains(&item.name) => return None,
                Mode::Folder => {}
                _ => open.push(item.name),
            }
            size += 22 + item.name.len() + octal_length(&listing.0[size..])?;
            last = Some(item);
        }
        (size == bytes.len()).then_some(listing)
    }

    /// Its entries; ends where the bytes are no entries, which [`Listing::parse`] refuses.
    pub fn entries(&self) -> impl Iterator<Item = Item<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let space = memchr::memchr(b' ', rest)?;
            let end = memchr::memchr(0, rest)?;
            let name = std::str::from_utf8(rest.get(space + 1..end)?).ok()?;
            let id = Oid::from_bytes(rest.get(end + 1..end + 21)?).ok()?;
            let item = Item { name, mode: Mode::parse(&rest[..space]), id };
            rest = &rest[end + 21..];
            Some(item)
        })
    }
}

/// Length of the mode at the begin of an entry.
fn octal_length(entry: &[u8]) -> Option<usize> {
    memchr::memchr(b' ', entry)
}

/// Reads trees; remembers those of this commit and the one before, so that an unchanged folder is read once.
pub(super) struct Trees<'a> {
    odb: &'a Odb<'a>,
    now: HashMap<Oid, Rc<Listing>>,
    before: HashMap<Oid, Rc<Listing>>,
}

impl<'a> Trees<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        Self { odb, now: HashMap::new(), before: HashMap::new() }
    }

    /// Forgets what neither this commit nor the last one needed.
    pub fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// One tree.
    pub fn read(&mut self, id: Oid) -> Result<Rc<Listing>, Error> {
        if let Some(listing) = self.now.get(&id) {
            return Ok(listing.clone());
        }
        let listing = match self.before.remove(&id) {
            Some(listing) => listing,
            None => {
                let object = self.odb.read(id)?;
                let listing = (object.kind() == ObjectType::Tree).then(|| Listing::parse(object.data()));
                Rc::new(listing.flatten().ok_or(Error::Object { id, what: "a tree as git writes it" })?)
            }
        };
        self.now.insert(id, listing.clone());
        Ok(listing)
    }

    /// The entry at `path` below `root`.
    pub fn find(&mut self, root: Oid, path: &str) -> Result<Option<Entry>, Error> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let found = self.read(root)?.entries().find(|entry| entry.name == first).map(|entry| entry.owned());
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
        for entry in self.read(tree)?.entries() {
            let path = [prefix, entry.name].concat();
            if skip(&path) {
                continue;
            }
            if entry.mode == Mode::Folder {
                self.gather(entry.id, &format!("{path}/"), skip, files)?;
            } else {
                files.insert(path, entry.owned());
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
        let (old, new) = (self.optional(before)?, self.optional(after)?);
        // Folders with one entry per operation mostly agree: what is equal from the start on is not taken apart.
        let equal = old.entries().zip(new.entries()).take_while(|(old, new)| old == new).count();
        let mut sides: BTreeMap<String, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        for entry in old.entries().skip(equal) {
            sides.entry(entry.name.to_owned()).or_default().0 = Some(entry.owned());
        }
        for entry in new.entries().skip(equal) {
            sides.entry(entry.name.to_owned()).or_default().1 = Some(entry.owned());
        }
        sides.retain(|_, (old, new)| old != new);
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

    fn optional(&mut self, id: Option<Oid>) -> Result<Rc<Listing>, Error> {
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
