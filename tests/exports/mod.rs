//! Exports to be compared: an example with some of its values changed, and the export of a target as its exporter makes it.

pub mod fields;
pub mod target;

use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use stufpack::compare::{self, Comparison};
use stufpack::model::{Checked, CheckedExport, Ledger, LeftOut};
use stufpack::{check, plan, read};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One change of a document, or of a whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// `export`, `realm`, or a file's name.
    pub file: String,
    /// Where in the document: keys, and items of lists as `clientId=stuf-spa`; `-` is behind the last one. In a file,
    /// `append` adds to its end.
    #[serde(default)]
    pub at: String,
    /// What stands there then; in a file, its whole text.
    #[serde(default)]
    pub value: Option<Value>,
    #[serde(default)]
    pub remove: bool,
}

/// Puts a value into the export's document.
pub fn set(at: &str, value: impl Into<Value>) -> Edit {
    Edit { file: "export".to_owned(), at: at.to_owned(), value: Some(value.into()), remove: false }
}

/// Puts a value into the realm.
pub fn realm(at: &str, value: impl Into<Value>) -> Edit {
    Edit { file: "realm".to_owned(), ..set(at, value) }
}

/// Takes a value out of a document.
pub fn remove(file: &str, at: &str) -> Edit {
    Edit { file: file.to_owned(), at: at.to_owned(), value: None, remove: true }
}

/// An export in memory, to be changed and written.
#[derive(Clone, Debug)]
pub struct Made {
    pub export: Value,
    pub realm: Value,
    /// Every other file by name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Made {
    /// The export of an example.
    pub fn example(name: &str) -> Self {
        let folder = Path::new(ROOT).join("examples").join(name).join("export");
        let text = |name: &str| fs::read_to_string(folder.join(name)).expect("the example is there");
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(&folder).sort_by_file_name() {
            let entry = entry.expect("an entry");
            let name = entry.path().strip_prefix(&folder).expect("below").display().to_string();
            if entry.file_type().is_file() && name != "export.yaml" && name != "realm.json" {
                files.push((name, fs::read(entry.path()).expect("a file")));
            }
        }
        Self {
            export: serde_yaml::from_str(&text("export.yaml")).expect("YAML"),
            realm: serde_json::from_str(&text("realm.json")).expect("JSON"),
            files,
        }
    }

    /// The same with changes.
    pub fn with(&self, edits: &[Edit]) -> Self {
        let mut made = self.clone();
        for edit in edits {
            made.edit(edit);
        }
        made
    }

    fn edit(&mut self, edit: &Edit) {
        let document = match edit.file.as_str() {
            "export" => &mut self.export,
            "realm" => &mut self.realm,
            file => {
                let text = edit.value.as_ref().and_then(Value::as_str).unwrap_or_default().as_bytes();
                let known = self.files.iter().position(|(name, _)| name == file);
                match (known, edit.at.as_str()) {
                    (Some(known), "append") => self.files[known].1.extend_from_slice(text),
                    (Some(known), _) if edit.remove => _ = self.files.remove(known),
                    (Some(known), _) => self.files[known].1 = text.to_vec(),
                    (None, _) => self.files.push((file.to_owned(), text.to_vec())),
                }
                return;
            }
        };
        let (outer, key) = edit.at.rsplit_once('/').expect("a pointer");
        let place = outer.split('/').skip(1).fold(document, |place, step| {
            let place = match place {
                Value::Array(items) => items.iter_mut().find(|item| is_named(item, step)),
                place => place.get_mut(step),
            };
            place.unwrap_or_else(|| panic!("{} leads nowhere", edit.at))
        });
        match (place, &edit.value) {
            (Value::Object(map), Some(value)) => _ = map.insert(key.to_owned(), value.clone()),
            (Value::Object(map), None) => {
                assert!(map.remove(key).is_some() && edit.remove, "{} holds nothing", edit.at);
            }
            (Value::Array(items), Some(value)) if key == "-" => items.push(value.clone()),
            (Value::Array(items), None) => items.retain(|item| !is_named(item, key)),
            _ => panic!("{} leads to a value", edit.at),
        }
    }

    /// Writes it as a folder.
    pub fn write(&self, folder: &Path) {
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, bytes).expect("written");
        };
        put("export.json", self.export.to_string().as_bytes());
        put("realm.json", self.realm.to_string().as_bytes());
        self.files.iter().for_each(|(name, bytes)| put(name, bytes));
    }
}

/// Whether an item of a list is the one that `key=value` means.
fn is_named(item: &Value, step: &str) -> bool {
    step.split_once('=').is_some_and(|(key, value)| item[key] == value)
}

/// A folder that goes away.
pub struct Folder {
    pub path: PathBuf,
    _temp: tempfile::TempDir,
}

impl Folder {
    pub fn of(made: &Made) -> Self {
        let temp = tempfile::tempdir().expect("a folder");
        made.write(temp.path());
        Self { path: temp.path().to_owned(), _temp: temp }
    }

    /// What is read of it, checked.
    pub fn checked(&self) -> CheckedExport {
        let source = read::source(&self.path, None).expect("readable");
        check::export(source).unwrap_or_else(|findings| panic!("{findings:#?}"))
    }
}

/// Compares two exports.
pub fn compare(old: &Made, new: &Made) -> Comparison {
    Kept::of(old).with(&Kept::of(new))
}

/// An export that was checked, with the files that belong to it.
pub struct Kept {
    checked: CheckedExport,
    _folder: Folder,
}

impl Kept {
    pub fn of(made: &Made) -> Self {
        let folder = Folder::of(made);
        Self { checked: folder.checked(), _folder: folder }
    }

    /// Compares with another one.
    pub fn with(&self, new: &Self) -> Comparison {
        compare::exports(&self.checked, &new.checked, compare::LISTED).expect("compared")
    }
}

/// A migration: an export with its target, and what becomes of everything.
pub struct Migration {
    checked: Checked,
    left_out: Vec<LeftOut>,
    ledger: Ledger,
    _folder: Folder,
}

impl Migration {
    pub fn of(old: &Made, target: &Path) -> Self {
        let folder = Folder::of(old);
        let source = read::source(&folder.path, Some(target)).expect("readable");
        let checked = check::all_with_left_out(source);
        let (checked, left_out) = checked.unwrap_or_else(|findings| panic!("{findings:#?}"));
        let ledger = plan::compile(&checked, &plan::Numbering { package: 1 }).ledger;
        Self { checked, left_out, ledger, _folder: folder }
    }

    /// Compares with the export of the target.
    pub fn with(&self, new: &Made) -> Comparison {
        let Self { checked, left_out, ledger, _folder } = self;
        let new = Folder::of(new);
        compare::round_trip("old", checked, left_out, ledger, &new.checked(), compare::LISTED)
            .expect("compared")
    }
}

/// The key paths of what differs.
pub fn paths(comparison: &Comparison) -> Vec<&str> {
    comparison.differences.iter().map(|difference| difference.path.as_str()).collect()
}
