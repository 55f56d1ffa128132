//! A package against the commit that recorded it.

use super::Error;
use super::glass::{Glass, Head};
use super::listing::Trees;
use super::message::Event;
use super::paths;
use crate::pack::Package;
use git2::{ObjectType, Odb, Oid};
use serde::Serialize;
use std::path::Path;

/// How a file of the package and the same file in the glass differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// Other bytes.
    Changed,
    /// The package has it, the glass does not.
    Missing,
    /// The glass has it, the package does not.
    Unexpected,
}

/// What a package and its commit have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The commit that recorded it, or else the package of its number; nobody recorded it if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Number of its operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<u32>,
    /// Every file that differs. Personal files are compared by number: in the glass they are encrypted.
    pub differences: Vec<(String, Difference)>,
}

impl Comparison {
    /// Whether the glass holds exactly this package.
    pub fn is_equal(&self) -> bool {
        self.commit.is_some() && self.differences.is_empty()
    }
}

/// Compares a package with the commit that recorded it.
///
/// Clear files are compared byte for byte. `PERSONAL.sha256`, which is clear, binds the encrypted ones.
pub fn diff(path: &Path, package: &Package) -> Result<Comparison, Error> {
    let glass = Glass::open(path)?;
    let odb = glass.repository.odb()?;
    let mut trees = Trees::new(&odb);
    let Some(record) = record_of(&glass, &odb, &mut trees, package)? else {
        return Ok(Comparison { commit: None, operation: None, differences: Vec::new() });
    };
    Ok(Comparison {
        commit: Some(record.id.to_string()),
        operation: Some(record.operation),
        differences: compare(&mut trees, record.tree, package)?,
    })
}

/// The last commit that says it recorded this very package; else that of its number, of its own issuer and installation if
/// there is one.
///
/// Numbers count for each issuer and installation, so another's package may bear the same. Whose counter it is stands in the
/// manifest, which is just what may have been changed: where none fits, the number alone decides.
fn record_of(
    glass: &Glass,
    odb: &Odb<'_>,
    trees: &mut Trees<'_>,
    package: &Package,
) -> Result<Option<Head>, Error> {
    let (identity, sha256) = (&package.manifest().package, package.sha256());
    let (mut of_its_counter, mut of_its_number) = (None, None);
    let mut next = Some(glass.tip()?);
    while let Some(id) = next {
        let (commit, message) = glass.read(odb, id)?;
        next = commit.parents.first().copied();
        let (Event::Package, Some(recorded)) = (message.event, &message.package) else { continue };
        let head = || Head { id, tree: commit.tree, time: commit.time, operation: message.operation };
        if recorded.sha256 == sha256 {
            return Ok(Some(head()));
        }
        if recorded.number != identity.number || of_its_counter.is_some() {
            continue;
        }
        let manifest = glass.manifest(odb, trees, commit.tree);
        if manifest.is_ok_and(|there| {
            there.package.issuer == identity.issuer && there.package.installation == identity.installation
        }) {
            of_its_counter = Some(head());
        } else if of_its_number.is_none() {
            of_its_number = Some(head());
        }
    }
    Ok(of_its_counter.or(of_its_number))
}

fn compare(trees: &mut Trees<'_>, tree: Oid, package: &Package) -> Result<Vec<(String, Difference)>, Error> {
    let mut there = trees.files(tree, &paths::is_appended)?;
    there.remove(paths::ATTRIBUTES);
    there.remove(paths::RECIPIENTS);
    let mut differences = Vec::new();
    let mut number = 0;
    for (path, file) in package.files() {
        if file.personal {
            let place = paths::personal(number);
            number += 1;
            if there.remove(&place).is_none() {
                differences.push((place, Difference::Missing));
            }
            continue;
        }
        match there.remove(path) {
            None => differences.push((path.clone(), Difference::Missing)),
            Some(entry) if entry.id != Oid::hash_object(ObjectType::Blob, &file.bytes)? => {
                differences.push((path.clone(), Difference::Changed));
            }
            Some(_) => {}
        }
    }
    differences.extend(there.into_keys().map(|path| (path, Difference::Unexpected)));
    differences.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(differences)
}
