//! The static files of a package, embedded with their digests at build time (`build.rs`).

use crate::model::{Digest, File, Kind};
use std::borrow::Cow;

/// A file of `templates/`, known since the build.
#[derive(Debug)]
pub struct Embedded {
    /// Path below `templates/`; of code the path inside the package, where a provider's own folder is left out.
    pub path: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// CRC-32 of its bytes.
    pub crc32: u32,
    /// Whether it may be run.
    pub executable: bool,
    /// Code as git keeps it; templates and the source kit are in no glass.
    pub blob: Option<Blob>,
}

/// A git object that holds a file.
#[derive(Debug)]
pub struct Blob {
    /// Its id.
    pub id: [u8; 20],
    /// The file, deflated with a zlib header.
    pub deflated: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

impl Embedded {
    /// The file as it lands in a package or a kit.
    pub fn file(&'static self) -> File {
        File {
            bytes: Cow::Borrowed(self.bytes),
            sha256: Digest(self.sha256),
            crc32: self.crc32,
            kind: Kind::Code,
            executable: self.executable,
            personal: false,
        }
    }
}

/// The code of a package for `provider`: what every package has, then what only those of this provider have.
pub fn code(provider: &str) -> impl Iterator<Item = &'static Embedded> + use<> {
    let own = PROVIDED.iter().find(|(name, _)| *name == provider);
    CODE.iter().chain(own.map_or(&[] as &[Embedded], |(_, files)| *files))
}

/// The text of the template at `path`, such as `docs/operations.md.jinja`.
pub fn template(path: &str) -> Option<&'static str> {
    std::str::from_utf8(template_file(path)?.bytes).ok()
}

/// The template at `path`, with its digest.
pub fn template_file(path: &str) -> Option<&'static Embedded> {
    let index = TEMPLATES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    TEMPLATES.get(index)
}

/// The text of the code file at `path`, such as `migrate`.
pub fn text(path: &str) -> Option<&'static str> {
    let index = CODE.binary_search_by(|file| file.path.cmp(path)).ok()?;
    std::str::from_utf8(CODE[index].bytes).ok()
}

/// The git object of the code file at `path`, if that is the one whose SHA-256 is `sha256`.
pub fn blob(path: &str, sha256: &Digest) -> Option<&'static Blob> {
    let mut lists = std::iter::once(CODE).chain(PROVIDED.iter().map(|(_, files)| *files));
    lists.find_map(|files| {
        let index = files.binary_search_by(|file| file.path.cmp(path)).ok()?;
        files[index].blob.as_ref().filter(|_| files[index].sha256 == sha256.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::{fs, path::Path};

    /// Each folder below `terraform/` is one provider's, and so is each of its name at some other places; in the provider's
    /// packages its files stand without that folder.
    #[test]
    fn a_provider_brings_what_stands_in_its_own_folders_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let folders = fs::read_dir(root.join("infrastructure/terraform")).unwrap();
        let mut folders: Vec<_> =
            folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        folders.sort();
        assert_eq!(folders, PROVIDED.iter().map(|(provider, _)| *provider).collect::<Vec<_>>());

        for (provider, files) in PROVIDED {
            let mut stands = BTreeMap::new();
            for place in ["infrastructure/terraform", "infrastructure/compose", "ci-cd"] {
                let folder = root.join(place).join(provider);
                let entries = walkdir::WalkDir::new(&folder).into_iter().filter_map(Result::ok);
                stands.extend(entries.filter(|entry| entry.file_type().is_file()).map(|entry| {
                    let name = entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                    (format!("{place}/{name}"), fs::read(entry.path()).unwrap())
                }));
            }
            let lands = files.iter().map(|file| (file.path.to_owned(), file.bytes.to_owned()));
            assert_eq!(stands, lands.collect());
            assert!(files.is_sorted_by_key(|file| file.path), "{provider}");
            assert_eq!(code(provider).count(), CODE.len() + files.len());
            for file in *files {
                assert!(blob(file.path, &Digest(file.sha256)).is_some(), "{}", file.path);
            }
        }
        assert!(CODE.iter().all(|file| !file.path.starts_with("infrastructure/terraform/")));
        assert!(code("host").map(|file| file.path).eq(CODE.iter().map(|file| file.path)));
    }
}
