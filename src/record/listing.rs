//! Trees, read: as entries, as paths, compared.

use super::Error;
use super::tree::{Entry, Mode};
use crate::pack;
use git2::{ObjectType, Odb, Oid};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Folders in one another; what lies deeper stands in no package and in no record.
const DEEPEST: usize = 64;
/// Bytes of a path; nothing can be checked out under a longer one.
const LONGEST: usize = 4096;
/// Entries that are listed at once: a package that takes the place of another is half of that.
const MOST_ENTRIES: usize = 4 * pack::MOST_ENTRIES;

/// What a tree that is deeper or larger is not.
pub(super) const BOUNDS: &str = "within the bounds of a glass's trees";

/// How many more entries are listed. A few objects that name each other make a tree without end.
struct Room(usize);

impl Room {
    fn new() -> Self {
        Self(MOST_ENTRIES)
    }

    /// Takes room for the entry at `path`, which `tree` has.
    fn take(&mut self, tree: Oid, path: &str) -> Result<(), Error> {
        let is_deep = path.len() > LONGEST || path.bytes().filter(|byte| *byte == b'/').count() > DEEPEST;
        let left = self.0.checked_sub(1).filter(|_| !is_deep);
        self.0 = left.ok_or(Error::Object { id: tree, what: BOUNDS })?;
        Ok(())
    }
}

/// A tree as git writes it: sorted, each name once. Of two entries with one name, a reader would check the one and a
/// checkout write the other.
#[derive(Default)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    /// Where the last entry begins.
    last: usize,
    /// Where entries begin, files whose names begin the names after them: a folder of the same name would sort behind those.
    open: Vec<usize>,
}

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
    /// Reads a tree; `like` is another one, with which it may begin.
    ///
    /// Folders with one entry per operation begin as they did before, and what was read before is not read again.
    fn parse(bytes: &[u8], like: &Self) -> Option<Self> {
        let (mut at, mut last, mut open) = match bytes.starts_with(&like.bytes) {
            true => (like.bytes.len(), like.last, like.open.clone()),
            false => (0, 0, Vec::new()),
        };
        let name = |at: usize| item(bytes, at).map(|(item, _)| item.name);
        while at < bytes.len() {
            let (item, end) = item(bytes, at)?;
            if item.name.is_empty() || item.name.contains('/') {
                return None;
            }
            if at > 0 && self::item(bytes, last)?.0.place(&item) != Ordering::Less {
                return None;
            }
            while open.last().is_some_and(|at| name(*at).is_none_or(|name| !item.name.starts_with(name))) {
                open.pop();
            }
            match item.mode {
                Mode::Folder if open.iter().any(|at| name(*at) == Some(item.name)) => return None,
                Mode::Folder => {}
                _ => open.push(at),
            }
            (last, at) = (at, end);
        }
        Some(Self { bytes: bytes.to_vec(), last, open })
    }

    /// Its entries.
    pub fn entries(&self) -> impl Iterator<Item = Item<'_>> {
        self.entries_from(0)
    }

    fn entries_from(&self, mut at: usize) -> impl Iterator<Item = Item<'_>> {
        std::iter::from_fn(move || {
            let (item, end) = item(&self.bytes, at)?;
            at = end;
            Some(item)
        })
    }

    /// Up to where both are equal, in whole entries.
    fn common(&self, other: &Self) -> usize {
        if other.bytes.starts_with(&self.bytes) {
            return self.bytes.len();
        }
        let mut at = 0;
        while let (Some((mine, end)), Some((theirs, _))) = (item(&self.bytes, at), item(&other.bytes, at))
            && mine == theirs
        {
            at = end;
        }
        at
    }
}

/// The entry that begins at `at`, and where it ends; nothing where the bytes are none.
fn item(bytes: &[u8], at: usize) -> Option<(Item<'_>, usize)> {
    let rest = bytes.get(at..)?;
    let space = memchr::memchr(b' ', rest)?;
    let end = memchr::memchr(0, rest)?;
    let name = std::str::from_utf8(rest.get(space + 1..end)?).ok()?;
    let id = Oid::from_bytes(rest.get(end + 1..end + 21)?).ok()?;
    Some((Item { name, mode: Mode::parse(&rest[..space]), id }, at + end + 21))
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
        self.read_like(id, &Listing::default())
    }

    /// One tree, which may begin as `like` does.
    fn read_like(&mut self, id: Oid, like: &Listing) -> Result<Rc<Listing>, Error> {
        if let Some(listing) = self.now.get(&id) {
            return Ok(listing.clone());
        }
        let listing = match self.before.remove(&id) {
            Some(listing) => listing,
            None => {
                let object = self.odb.read(id)?;
                let listing =
                    (object.kind() == ObjectType::Tree).then(|| Listing::parse(object.data(), like));
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
        self.gather(root, "", skip, &mut Room::new(), &mut files)?;
        Ok(files)
    }

    fn gather(
        &mut self,
        tree: Oid,
        prefix: &str,
        skip: &dyn Fn(&str) -> bool,
        room: &mut Room,
        files: &mut BTreeMap<String, Entry>,
    ) -> Result<(), Error> {
        for entry in self.read(tree)?.entries() {
            let path = [prefix, entry.name].concat();
            if skip(&path) {
                continue;
            }
            room.take(tree, &path)?;
            if entry.mode == Mode::Folder {
                self.gather(entry.id, &format!("{path}/"), skip, room, files)?;
            } else {
                files.insert(path, entry.owned());
            }
        }
        Ok(())
    }

    /// What differs between two trees, file by file: path, before, after. Equal folders are not read.
    pub fn changes(&mut self, before: Option<Oid>, after: Option<Oid>) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        self.compare(before, after, "", &mut Room::new(), &mut changes)?;
        Ok(changes)
    }

    fn compare(
        &mut self,
        before: Option<Oid>,
        after: Option<Oid>,
        prefix: &str,
        room: &mut Room,
        changes: &mut Vec<Change>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let old = self.optional(before, &Listing::default())?;
        let new = self.optional(after, &old)?;
        // What is equal from the start on is not taken apart.
        let equal = old.common(&new);
        let mut sides: BTreeMap<String, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        for entry in old.entries_from(equal) {
            sides.entry(entry.name.to_owned()).or_default().0 = Some(entry.owned());
        }
        for entry in new.entries_from(equal) {
            sides.entry(entry.name.to_owned()).or_default().1 = Some(entry.owned());
        }
        sides.retain(|_, (old, new)| old != new);
        for (name, (old, new)) in sides {
            let path = [prefix, &name].concat();
            if let Some(tree) = after.or(before) {
                room.take(tree, &path)?;
            }
            let folder =
                |entry: &Option<Entry>| entry.as_ref().filter(|e| e.mode == Mode::Folder).map(|e| e.id);
            let file = |entry: Option<Entry>| entry.filter(|e| e.mode != Mode::Folder);
            self.compare(folder(&old), folder(&new), &format!("{path}/"), room, changes)?;
            let (old, new) = (file(old), file(new));
            if old.is_some() || new.is_some() {
                changes.push(Change { path, before: old, after: new });
            }
        }
        Ok(())
    }

    fn optional(&mut self, id: Option<Oid>, like: &Listing) -> Result<Rc<Listing>, Error> {
        id.map_or_else(|| Ok(Rc::default()), |id| self.read_like(id, like))
    }
}

/// One file that differs between two trees.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub path: String,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let entry =
            |(mode, name): &(&str, &str)| [mode.as_bytes(), b" ", name.as_bytes(), &[0], &[7; 20]].concat();
        entries.iter().flat_map(entry).collect()
    }

    #[test]
    fn a_tree_that_goes_on_is_read_as_if_it_were_read_whole() {
        let (file, folder) = ("100644", "40000");
        let trees = [
            tree(&[(file, "a"), (file, "a-b"), (folder, "b")]),
            tree(&[(file, "a"), (file, "a-b"), (folder, "a")]),
            tree(&[(file, "a"), (file, "a-b"), (file, "a-b")]),
            tree(&[(file, "a"), (file, "a-b"), (file, "A")]),
            tree(&[(file, "a"), (folder, "a-b"), (folder, "a")]),
            tree(&[(file, "a"), (folder, "b"), (file, "b.c")]),
            tree(&[(file, "a"), (folder, "b"), (file, "b")]),
            [tree(&[(file, "a")]), b"100644 b\0cut".to_vec()].concat(),
        ];
        for bytes in &trees {
            let whole = Listing::parse(bytes, &Listing::default());
            for length in [1, 2] {
                let ends: Vec<usize> =
                    std::iter::successors(Some(0), |at| Some(item(bytes, *at)?.1)).collect();
                let Some(like) =
                    ends.get(length).and_then(|end| Listing::parse(&bytes[..*end], &Listing::default()))
                else {
                    continue;
                };
                let goes_on = Listing::parse(bytes, &like);
                assert_eq!(goes_on.is_some(), whole.is_some(), "{}", String::from_utf8_lossy(bytes));
                if let (Some(goes_on), Some(whole)) = (goes_on, &whole) {
                    assert_eq!((goes_on.last, goes_on.open), (whole.last, whole.open.clone()));
                }
            }
        }
        let right: Vec<bool> =
            trees.iter().map(|bytes| Listing::parse(bytes, &Listing::default()).is_some()).collect();
        assert_eq!(right, [true, false, false, false, false, false, false, false]);
    }
}
