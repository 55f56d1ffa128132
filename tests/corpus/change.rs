//! What a case does to a freshly sealed package.

use super::raw_zip::{Entry, RawZip, Tree};
use crate::packages::{self, run};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use ssh_key::{HashAlg, LineEnding};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// One step of a case, as its `case.yaml` describes it.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Writes a file of the package.
    Write { path: String, text: String },
    /// Replaces text in a file of the package; it must be there.
    Replace { path: String, find: String, with: String },
    /// Swaps two lines of a file of the package, counted from 1.
    SwapLines { path: String, a: usize, b: usize },
    /// Adds a line for a file to a list, at its place.
    List { path: String, on: String },
    /// Takes a file's line out of a list.
    Unlist { path: String, on: String },
    /// Removes a file of the package.
    Remove { path: String },
    /// Sets permissions of a file of the package.
    Mode { path: String, mode: u32 },
    /// Sets a field of the manifest.
    Manifest { pointer: String, value: serde_json::Value },
    /// Rewrites `SHA256SUMS.personal` for the files that it lists.
    Personal,
    /// Rewrites `PERSONAL.sha256`.
    Pointer,
    /// Makes the manifest tell the truth about the clear files.
    Bind,
    /// Rewrites `SHA256SUMS` for all files that are not personal.
    Sums,
    /// Signs `SHA256SUMS`.
    Sign {
        #[serde(default)]
        namespace: Option<String>,
        #[serde(default)]
        stranger: bool,
        #[serde(default)]
        sha256: bool,
    },
    /// Signs `SHA256SUMS` with an RSA key, which `signers` can name as `{RSA}`.
    SignRsa,

    /// Names the zip's one folder.
    ZipTop { name: String },
    /// Sets a field of an entry.
    ZipField {
        entry: String,
        field: String,
        value: u32,
        #[serde(default)]
        only: Option<String>,
    },
    /// Renames an entry.
    ZipName { entry: String, name: String },
    /// Gives an entry a comment.
    ZipComment { entry: String, text: String },
    /// Compresses an entry.
    ZipDeflate { entry: String },
    /// Puts a second entry of the same name behind the first.
    ZipDuplicate { entry: String, text: String },
    /// Lets two entries change places.
    ZipSwap { a: String, b: String },
    /// Puts bytes before an entry.
    ZipGap { entry: String, text: String },
    /// Takes an entry out.
    ZipRemove { entry: String },
    /// Sets a field of the end record.
    ZipEnd { field: String, value: u32 },

    /// Bytes behind the zip.
    Append { text: String },
    /// Bytes before the zip.
    Prepend { text: String },
    /// Cuts bytes off the end.
    Cut { bytes: usize },
    /// Changes the first bytes of the directory's n-th entry from the end.
    TearDirectory,
    /// Another file altogether.
    Overwrite { text: String },
    /// A file of this many bytes, most of them holes.
    Grow { bytes: u64 },
    /// Encrypts the zip to the test's identity.
    Encrypt,
    /// Changes the byte this far from the end of the encrypted file.
    FlipFromEnd { bytes: usize },

    /// Makes a link in the folder.
    Symlink { path: String, to: String },
    /// Makes a pipe in the folder.
    Pipe { path: String },
    /// Gives a file a second name outside the folder.
    HardLink { path: String },
    /// Sets permissions in the folder.
    Chmod { path: String, mode: u32 },
    /// Makes a folder in the folder.
    MakeFolder { path: String },
    /// Makes a file of this name in the folder.
    Touch { path: String },
    /// Makes this many empty files in the folder.
    Crowd { count: usize },
}

/// A package on its way to being wrong.
pub struct Subject {
    pub top: String,
    pub tree: Tree,
    /// Paths that were personal when the package was sealed.
    personal: Vec<String>,
    pub zip: Option<RawZip>,
    pub bytes: Option<Vec<u8>>,
    pub rsa: Option<String>,
    pub identity: age::x25519::Identity,
}

const LISTS: [&str; 3] = ["SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.personal"];

impl Subject {
    pub fn new(package: &stufpack::pack::Package) -> Self {
        Self::of(package.manifest().package.slug.as_str(), package.files())
    }

    /// Sealed files in the zip's folder `top`.
    pub fn of(top: &str, files: &stufpack::model::Files) -> Self {
        let tree = files.iter().map(|(path, file)| {
            let mode = if file.executable { 0o700 } else { 0o600 };
            (path.clone(), (file.bytes.to_vec(), mode))
        });
        Self {
            top: top.to_owned(),
            tree: tree.collect(),
            personal: files.iter().filter(|(_, file)| file.personal).map(|(path, _)| path.clone()).collect(),
            zip: None,
            bytes: None,
            rsa: None,
            identity: age::x25519::Identity::generate(),
        }
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.tree[path].0.clone()).expect("text")
    }

    fn put(&mut self, path: &str, text: impl Into<Vec<u8>>) {
        let mode = self.tree.get(path).map_or(0o600, |(_, mode)| *mode);
        self.tree.insert(path.to_owned(), (text.into(), mode));
    }

    fn zip(&mut self) -> &mut RawZip {
        self.zip.get_or_insert_with(|| RawZip::canonical(&self.top, &self.tree))
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        let zip = self.zip();
        let at = zip.find(name);
        &mut zip.entries[at]
    }

    /// The file as it will be delivered.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        if self.bytes.is_none() {
            self.bytes = Some(self.zip().bytes());
        }
        self.bytes.as_mut().expect("just made")
    }

    /// Applies a change to the files, the zip's fields, or its bytes; says whether it was one for the folder.
    pub fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Write { path, text } => {
                let text = self.fill(text);
                self.put(path, text);
            }
            Change::Replace { path, find, with } => {
                let text = self.text(path);
                assert!(text.contains(find.as_str()), "{find:?} is not in {path}");
                self.put(path, text.replace(find.as_str(), with));
            }
            Change::SwapLines { path, a, b } => {
                let text = self.text(path);
                let mut lines: Vec<&str> = text.lines().collect();
                lines.swap(a - 1, b - 1);
                self.put(path, lines.join("\n") + "\n");
            }
            Change::List { path, on } => {
                let text = self.text(on) + &self.list(std::slice::from_ref(path));
                let mut lines: Vec<&str> = text.lines().collect();
                lines.sort_by_key(|line| &line[66..]);
                self.put(on, lines.join("\n") + "\n");
            }
            Change::Unlist { path, on } => {
                let text: String = self
                    .text(on)
                    .lines()
                    .filter(|line| line[66..] != **path)
                    .map(|line| format!("{line}\n"))
                    .collect();
                self.put(on, text);
            }
            Change::Remove { path } => assert!(self.tree.remove(path).is_some(), "no {path}"),
            Change::Mode { path, mode } => self.tree.get_mut(path).expect(path).1 = *mode,
            Change::Manifest { pointer, value } => self.manifest(|manifest| {
                *manifest.pointer_mut(pointer).expect("a pointer into the manifest") = value.clone();
            }),
            Change::Personal => {
                let paths: Vec<String> =
                    self.text("SHA256SUMS.personal").lines().map(|line| line[66..].to_owned()).collect();
                let text = self.list(&paths);
                self.put("SHA256SUMS.personal", text);
            }
            Change::Pointer => {
                let text = self.list(&["SHA256SUMS.personal".to_owned()]);
                self.put("PERSONAL.sha256", text);
            }
            Change::Bind => self.bind(),
            Change::Sums => {
                let text = self.list(&self.clear());
                self.put("SHA256SUMS", text);
            }
            Change::Sign { namespace, stranger, sha256 } => {
                let seed = if *stranger { packages::STRANGER } else { packages::KEY };
                let hash = if *sha256 { HashAlg::Sha256 } else { HashAlg::Sha512 };
                let namespace = namespace.as_deref().unwrap_or("stufpack");
                let signature = packages::private_key(seed).sign(namespace, hash, &self.tree["SHA256SUMS"].0);
                let signature =
                    signature.and_then(|signature| signature.to_pem(LineEnding::LF)).expect("a signature");
                self.put("SHA256SUMS.sig", signature);
            }
            Change::SignRsa => self.sign_rsa(),
            Change::ZipTop { name } => self.top.clone_from(name),
            Change::ZipField { entry, field, value, only } => {
                let only = only.as_deref();
                self.entry(entry).set(field, *value, only != Some("central"), only != Some("local"));
            }
            Change::ZipName { entry, name } => {
                let entry = self.entry(entry);
                entry.local.name = name.clone().into_bytes();
                entry.central.name = name.clone().into_bytes();
            }
            Change::ZipComment { entry, text } => self.entry(entry).comment = text.clone().into_bytes(),
            Change::ZipDeflate { entry } => {
                let entry = self.entry(entry);
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&entry.data).expect("deflated");
                entry.data = encoder.finish().expect("deflated");
                entry.set("method", 8, true, true);
                entry.set("compressed", entry.data.len() as u32, true, true);
            }
            Change::ZipDuplicate { entry, text } => {
                let zip = self.zip();
                let at = zip.find(entry);
                let mode = zip.entries[at].mode;
                zip.entries.insert(at + 1, Entry::stored(entry, text.as_bytes(), mode));
            }
            Change::ZipSwap { a, b } => {
                let zip = self.zip();
                let (a, b) = (zip.find(a), zip.find(b));
                zip.entries.swap(a, b);
            }
            Change::ZipGap { entry, text } => self.entry(entry).gap = text.clone().into_bytes(),
            Change::ZipRemove { entry } => {
                let zip = self.zip();
                let at = zip.find(entry);
                zip.entries.remove(at);
            }
            Change::ZipEnd { field, value } => drop(self.zip().end.insert(field.clone(), *value)),
            Change::Append { text } => self.bytes().extend(text.as_bytes()),
            Change::Prepend { text } => drop(self.bytes().splice(0..0, text.bytes())),
            Change::Cut { bytes } => {
                let length = self.bytes().len() - bytes;
                self.bytes().truncate(length);
            }
            Change::TearDirectory => {
                let bytes = self.bytes();
                let last = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").expect("a directory");
                bytes[last] = b'X';
            }
            Change::Overwrite { text } => *self.bytes() = text.clone().into_bytes(),
            Change::Encrypt => {
                let recipient = self.identity.to_public();
                let encrypted = age::encrypt(&recipient, self.bytes()).expect("encrypted");
                self.bytes = Some(encrypted);
            }
            Change::FlipFromEnd { bytes } => {
                let at = self.bytes().len() - bytes;
                self.bytes()[at] ^= 1;
            }
            _ => return true,
        }
        false
    }

    /// Writes the files as an unpacked package and applies the changes meant for folders.
    pub fn folder(&self, root: &Path, changes: &[&Change]) {
        for (path, (bytes, mode)) in &self.tree {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).expect("set");
        }
        for change in changes {
            match change {
                Change::Symlink { path, to } => {
                    let _ = fs::remove_file(root.join(path));
                    std::os::unix::fs::symlink(to, root.join(path)).expect("a link");
                }
                Change::Pipe { path } => {
                    assert!(run(Command::new("mkfifo").arg(root.join(path))).status.success());
                }
                Change::HardLink { path } => {
                    fs::hard_link(root.join(path), root.with_extension("second-name")).expect("a link");
                }
                Change::Chmod { path, mode } => {
                    fs::set_permissions(root.join(path), fs::Permissions::from_mode(*mode)).expect("set");
                }
                Change::MakeFolder { path } => fs::create_dir(root.join(path)).expect("made"),
                Change::Touch { path } => fs::write(root.join(path), "").expect("written"),
                Change::Crowd { count } => {
                    (0..*count)
                        .for_each(|n| fs::write(root.join(format!("crowd-{n}")), "").expect("written"));
                }
                other => panic!("{other:?} is not for folders"),
            }
        }
    }

    fn clear(&self) -> Vec<String> {
        let is_clear = |path: &&String| !LISTS.contains(&path.as_str()) && !self.personal.contains(path);
        self.tree.keys().filter(is_clear).cloned().collect()
    }

    fn list(&self, paths: &[String]) -> String {
        let line = |path: &String| format!("{}  {path}\n", hex::encode(Sha256::digest(&self.tree[path].0)));
        paths.iter().map(line).collect()
    }

    fn manifest(&mut self, edit: impl FnOnce(&mut serde_json::Value)) {
        let mut manifest = serde_json::from_slice(&self.tree["manifest.json"].0).expect("the manifest");
        edit(&mut manifest);
        let text = serde_json::to_string_pretty(&manifest).expect("JSON") + "\n";
        self.put("manifest.json", text);
    }

    /// Computes id and digests anew, as the documentation of the manifest describes them.
    fn bind(&mut self) {
        let mut clear = self.clear();
        clear.retain(|path| path != "manifest.json");
        let manifest: serde_json::Value =
            serde_json::from_slice(&self.tree["manifest.json"].0).expect("the manifest");
        let is_code = |path: &String| {
            manifest["code"]["files"].as_array().expect("a list").contains(&path.as_str().into())
        };
        let (code, data): (Vec<String>, Vec<String>) = clear.iter().cloned().partition(is_code);
        let digest = |paths: &[String]| format!("sha256:{}", hex::encode(Sha256::digest(self.list(paths))));
        let new: BTreeMap<&str, serde_json::Value> = BTreeMap::from([
            ("/package/id", digest(&clear).into()),
            ("/code/digest", digest(&code).into()),
            ("/data/digest", digest(&data).into()),
            ("/data/count", data.len().into()),
            ("/personal/count", self.text("SHA256SUMS.personal").lines().count().into()),
        ]);
        self.manifest(|manifest| {
            for (pointer, value) in new {
                *manifest.pointer_mut(pointer).expect(pointer) = value;
            }
        });
    }

    fn sign_rsa(&mut self) {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, sums) = (folder.path().join("key"), folder.path().join("sums"));
        fs::write(&sums, &self.tree["SHA256SUMS"].0).expect("written");
        let generate =
            run(Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"]).arg(&key));
        assert!(generate.status.success(), "{generate:?}");
        let sign = run(Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", "stufpack", "-f"])
            .arg(&key)
            .arg(&sums));
        assert!(sign.status.success(), "{sign:?}");
        self.put("SHA256SUMS.sig", fs::read(folder.path().join("sums.sig")).expect("the signature"));
        let public = fs::read_to_string(folder.path().join("key.pub")).expect("the public key");
        self.rsa = Some(public.split(' ').take(2).collect::<Vec<_>>().join(" "));
    }
}

impl Subject {
    /// Puts public keys in their places.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{KEY}", &packages::public(packages::KEY))
            .replace("{STRANGER}", &packages::public(packages::STRANGER))
            .replace("{RSA}", self.rsa.as_deref().unwrap_or("{RSA}"))
    }
}
