//! Compares two verified packages by what they say.
//!
//! Each package becomes facts, as an export does: what its manifest, its plan, its data files and its ledger say, file by file
//! and key by key ([`said`]), each with a class ([`classes`]). Batch lists are compared object by object, code by its digests.
//! Documents are rendered from all of that, and a signer may write anything into them: those of other bytes are named as not
//! compared, and where nothing else differs, each is a difference of its own.

mod classes;
mod leaves;
mod ledger;
mod lists;
mod said;
mod twins;

pub(crate) use leaves::{Leaf, Says, Thing, leaves};

use super::facts::{Class, Value};
use super::pairs;
use super::report::{
    Change, Code, CodeFile, Compared, Comparison, Counts, Difference, NotCounted, Signed, Which,
};
use super::{Error, settings};
use crate::model::{Digest, File, Kind};
use crate::open::Verified;
use crate::pack::names::{MANIFEST, PERSONAL, SALT, SIGNATURE, SUMS, SUMS_PERSONAL};
use said::Said;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What sealing makes of the other files.
const SEALED: [&str; 5] = [SUMS, SIGNATURE, SUMS_PERSONAL, PERSONAL, MANIFEST];

/// What no package has, though it differs between two whose targets differ.
const TARGETS_ALONE: &str = "what their targets alone say, such as recipients";

/// A verified package, and how it was named.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// As it was named on the command line.
    pub name: &'a str,
    /// The package.
    pub verified: &'a Verified,
}

impl Named<'_> {
    /// Files that are or may be this tenant's, but for the lists of objects and what sealing makes.
    fn own(&self) -> impl Iterator<Item = (&str, &File)> {
        let files = self.verified.package.files().iter().map(|(path, file)| (path.as_str(), file));
        files
            .filter(|(path, file)| file.kind != Kind::Code && !lists::is_list(path) && !SEALED.contains(path))
    }

    fn code(&self) -> BTreeMap<&str, Digest> {
        let files = self.verified.package.files().iter().filter(|(_, file)| file.kind == Kind::Code);
        files.map(|(path, file)| (path.as_str(), file.sha256)).collect()
    }

    fn which(&self) -> Which {
        let Verified { package, signed_by, standing, .. } = self.verified;
        let manifest = package.manifest();
        Which {
            name: self.name.to_owned(),
            exported_at: manifest.created_at.to_string(),
            made_by: format!("{} {}", manifest.tool.name, manifest.tool.version),
            installation: manifest.package.installation.to_string(),
            package: Some(Signed {
                name: package.name(),
                sha256: package.sha256().to_string(),
                principal: signed_by.principal.to_string(),
                fingerprint: signed_by.fingerprint.clone(),
                standing: *standing,
            }),
        }
    }
}

/// Compares two verified packages; differences of single objects are listed up to `most`, and all of them counted.
///
/// # Errors
/// When a batch list is not written as this version of the program reads it.
pub fn packages(old: Named<'_>, new: Named<'_>, most: usize) -> Result<Comparison, Error> {
    let mut comparison = Comparison {
        schema: super::report::SCHEMA,
        compared: Compared::Packages,
        old: old.which(),
        new: new.which(),
        migrated: false,
        equal: true,
        counts: Counts::default(),
        code: None,
        differences: Vec::new(),
        objects: None,
        not_compared: Vec::new(),
        not_read: Vec::new(),
        not_counted: Vec::new(),
        documents: Vec::new(),
        explained: Vec::new(),
    };
    let mut of_old = Said::of(old, &People::default());
    let mut of_new = Said::of(new, &People::of(old, new));
    of_old.facts.forget_alone(&of_new.facts);
    of_new.facts.forget_alone(&of_old.facts);
    settings::compare(&mut comparison, &of_old.facts, &of_new.facts, None);
    twins::fold(&mut comparison.differences);
    comparison.not_counted = not_counted(&of_old, &of_new);
    // What of a target is in no file, as who may decrypt, is known by the target's digest alone.
    if old.verified.package.manifest().target != new.verified.package.manifest().target {
        comparison.not_compared.push(TARGETS_ALONE);
    }
    orders(&mut comparison, &of_old, &of_new);
    code(&mut comparison, old, new);
    lists::compare(&mut comparison, old, new, most)?;
    documents(&mut comparison, (old, &of_old), (new, &of_new));
    comparison.finish();
    Ok(comparison)
}

/// The names by which the old package knows people whom the new one calls otherwise.
#[derive(Debug, Default)]
struct People {
    ids: BTreeMap<String, String>,
    usernames: BTreeMap<String, String>,
}

impl People {
    fn of(old: Named<'_>, new: Named<'_>) -> Self {
        let known = |path: &str, key: &str| -> BTreeMap<String, String> {
            let (old, new) = (addresses(old, path, key), addresses(new, path, key));
            let pairs = pairs::by_address(&old, &new, |address: &String| Some(address.to_lowercase()));
            pairs.into_iter().map(|(new, old)| (new.clone(), old.clone())).collect()
        };
        Self { ids: known(classes::USERS, "id"), usernames: known(classes::REALM_USERS, "username") }
    }

    /// What the old package calls the person that `path` calls `name`.
    fn known<'n>(&'n self, path: &str, name: &'n str) -> &'n str {
        let names = match path {
            classes::USERS => &self.ids,
            classes::REALM_USERS => &self.usernames,
            _ => return name,
        };
        names.get(name).map_or(name, String::as_str)
    }
}

/// The address of each person in the document at `path`, by what `key` calls them.
fn addresses(side: Named<'_>, path: &str, key: &str) -> BTreeMap<String, String> {
    let bytes: &[u8] = side.verified.package.files().get(path).map_or(&[], |file| &file.bytes);
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let people = document["users"].as_array().into_iter().flatten();
    people
        .filter_map(|user| Some((user[key].as_str()?.to_owned(), user["email"].as_str()?.to_owned())))
        .collect()
}

/// What may differ between two packages that say the same.
fn not_counted(old: &Said, new: &Said) -> Vec<NotCounted> {
    let paths: BTreeSet<&String> = old.not_counted.keys().chain(new.not_counted.keys()).collect();
    let differs = |path: &&String| {
        let value = |said: &Said| said.not_counted.get(*path).map(|(value, _)| value.clone());
        value(old) != value(new)
    };
    let why = |path: &String| {
        let said = old.not_counted.get(path).or(new.not_counted.get(path));
        said.map_or("", |(_, why)| *why)
    };
    paths.into_iter().filter(differs).map(|path| NotCounted { path: path.clone(), why: why(path) }).collect()
}

/// What is done one after the other, of what both do: in another order it is something else.
fn orders(comparison: &mut Comparison, old: &Said, new: &Said) {
    for (path, before) in &old.orders {
        let Some(after) = new.orders.get(path) else { continue };
        let common = |names: &[String], other: &[String]| -> Vec<Json> {
            names.iter().filter(|name| other.contains(name)).map(|name| Json::from(name.as_str())).collect()
        };
        let (before, after) = (common(before, after), common(after, before));
        if before != after {
            comparison.differences.push(Difference {
                path: format!("{path} (order)"),
                class: Class::Configuration,
                change: Change::Changed,
                personal: false,
                old: Some(Value::Plain(before.into())),
                new: Some(Value::Plain(after.into())),
                promised: None,
                also: Vec::new(),
            });
        }
    }
}

/// The code of both, by its digests: one difference, with every file that it is made of.
fn code(comparison: &mut Comparison, old: Named<'_>, new: Named<'_>) {
    let (before, after) = (old.code(), new.code());
    let paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let differing = paths.into_iter().filter(|path| before.get(path) != after.get(path));
    let files: Vec<CodeFile> = differing
        .map(|path| CodeFile {
            path: path.to_owned(),
            change: Change::of(before.contains_key(path), after.contains_key(path), false),
        })
        .collect();
    let digest = |side: Named<'_>| side.verified.package.manifest().code.digest.to_string();
    let code = Code { equal: files.is_empty(), old: digest(old), new: digest(new), files };
    if !code.equal {
        comparison.differences.push(Difference {
            path: "code".to_owned(),
            class: Class::Configuration,
            change: Change::Changed,
            personal: false,
            old: Some(Value::Plain(code.old.as_str().into())),
            new: Some(Value::Plain(code.new.as_str().into())),
            promised: None,
            also: Vec::new(),
        });
    }
    comparison.code = Some(code);
}

/// Files of other bytes whose difference is not told by their values: documents, and what says again what other values say.
/// An honest one follows from what differs, and nothing here can tell it from another: they were not compared. Where nothing
/// else differs, there is nothing to follow from, and each is a difference of its own.
fn documents(
    comparison: &mut Comparison,
    (old, of_old): (Named<'_>, &Said),
    (new, of_new): (Named<'_>, &Said),
) {
    let (before, after): (BTreeMap<&str, &File>, BTreeMap<&str, &File>) =
        (old.own().collect(), new.own().collect());
    let is_told = |file: &str| of_old.follows.get(file) == of_new.follows.get(file);
    let digest = |side: &BTreeMap<&str, &File>, path: &str| side.get(path).map(|file| file.sha256);
    let mut paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    // The salt has no value that could be told.
    paths.retain(|path| *path != SALT && digest(&before, path) != digest(&after, path));
    let told = comparison.differences.iter().flat_map(|one| std::iter::once(&one.path).chain(&one.also));
    for path in told.chain(comparison.not_counted.iter().map(|fact| &fact.path)) {
        let file = twins::file(path);
        if is_told(file) {
            paths.remove(file);
        }
    }
    let objects_differ = comparison.objects.as_ref().is_some_and(|objects| objects.differ());
    let counted_on = comparison.not_counted.iter().any(|fact| !classes::INPUTS.contains(&fact.why));
    if !comparison.differences.is_empty() || counted_on || objects_differ {
        comparison.documents = paths.into_iter().map(str::to_owned).collect();
        return;
    }
    for path in paths {
        let shown = |side: &BTreeMap<&str, &File>| {
            let file = side.get(path)?;
            Some(said::digest(file.personal, file.sha256))
        };
        let change = Change::of(before.contains_key(path), after.contains_key(path), false);
        let personal = [&before, &after].iter().any(|side| side.get(path).is_some_and(|file| file.personal));
        comparison.differences.push(Difference {
            path: path.to_owned(),
            class: Class::Cosmetic,
            change,
            personal,
            old: shown(&before),
            new: shown(&after),
            promised: None,
            also: Vec::new(),
        });
    }
}
