//! Trees, made from paths.

use super::Error;
use super::listing::Trees;
use super::packfile::Staging;
use git2::{ObjectType, Oid};
use std::collections::{BTreeMap, HashMap};

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
    pub fn parse(octal: &[u8]) -> Self {
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

    /// Paths of the files that the tree `old` does not have; folders that exist already hold none.
    pub fn added(&self, trees: &mut Trees<'_>, old: Oid) -> Result<Vec<String>, Error> {
        let mut added = Vec::new();
        self.gather_added(trees, Some(old), "", &mut added)?;
        Ok(added)
    }

    fn gather_added(
        &self,
        trees: &mut Trees<'_>,
        old: Option<Oid>,
        prefix: &str,
        added: &mut Vec<String>,
    ) -> Result<(), Error> {
        let old = old.map(|id| trees.read(id)).transpose()?;
        let old: HashMap<&str, (Mode, Oid)> = old
            .iter()
            .flat_map(|old| old.entries())
            .map(|entry| (entry.name, (entry.mode, entry.id)))
            .collect();
        for (name, node) in &self.nodes {
            let path = [prefix, name].concat();
            match (node, old.get(name.as_str())) {
                (Node::Leaf(Mode::Folder, _), _) => {}
                (Node::Leaf(..), Some((mode, _))) if *mode != Mode::Folder => {}
                (Node::Leaf(..), _) => added.push(path),
                (Node::Folder(inner), found) => {
                    let folder = found.filter(|(mode, _)| *mode == Mode::Folder).map(|(_, id)| *id);
                    inner.gather_added(trees, folder, &format!("{path}/"), added)?;
                }
            }
        }
        Ok(())
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
