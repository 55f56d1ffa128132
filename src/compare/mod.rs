//! Compares two exports, or two packages, by what they say, not by how it is written.
//!
//! Each becomes facts by key path: users are known by id, then by address, everything else by its name.
//! What differs has a class. With the ledger of the old export's migration, the new one is held against what the ledger
//! promises, and what it explains is told apart. Packages are compared once they are verified.

mod content;
mod export;
mod facts;
mod package;
mod pairs;
mod realm;
mod report;
mod settings;

pub use crate::model::Afterwards;
pub use content::LISTED;
pub use facts::{Class, Hidden, Value};
pub(crate) use package::{Leaf, Says, Thing, leaves};
pub use package::{Named, packages};
pub use report::{
    Change, Code, CodeFile, Compared, Comparison, Counts, Difference, Explained, NotCounted, Objects,
    Promise, Signed, Which, Why, schema,
};

use crate::check::store::Store;
use crate::model::{
    Checked, CheckedExport, ContentSummary, Export, Ledger, LeftOut, Realm, RenameRule, UserId,
};
use facts::Facts;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What stopped a comparison.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An inventory could not be read again.
    #[error(
        "the inventories could not be compared; next: leave both exports alone while they are compared, with room below TMPDIR, then repeat the command"
    )]
    Inventory(#[from] io::Error),
    /// A list of objects in a package that another version of the program writes in another way.
    #[error(
        "a list of objects is what its signer made, and is not written as this version of stufpack reads it; next: use the \
         version of stufpack that made the newer package"
    )]
    Lists(#[source] io::Error),
}

/// One of the two exports.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    name: &'a str,
    export: &'a Export,
    realm: Option<&'a Realm>,
    left_out: &'a [LeftOut],
    attachments: &'a BTreeMap<String, Vec<u8>>,
    content: &'a ContentSummary,
    inventory: Option<&'a Path>,
}

impl<'a> From<&'a CheckedExport> for Side<'a> {
    fn from(checked: &'a CheckedExport) -> Self {
        Self {
            name: &checked.name,
            export: &checked.export,
            realm: checked.realm.as_ref(),
            left_out: &checked.left_out,
            attachments: &checked.attachments,
            content: &checked.content,
            inventory: checked.inventory.as_deref(),
        }
    }
}

/// The migration by which the new export should have come from the old one.
#[derive(Clone, Copy, Debug)]
struct Migration<'a> {
    ledger: &'a Ledger,
    rename: Option<RenameRule>,
    /// What the target stores in.
    store: Store,
}

/// Compares two exports; differences of single objects are listed up to `most`, and all of them counted.
///
/// # Errors
/// When an inventory cannot be read.
pub fn exports(old: &CheckedExport, new: &CheckedExport, most: usize) -> Result<Comparison, Error> {
    compare(&old.into(), &new.into(), None, most)
}

/// Compares an export with the one that was made of the target after its migration.
///
/// # Errors
/// When an inventory cannot be read.
pub fn round_trip(
    name: &str,
    old: &Checked,
    left_out: &[LeftOut],
    ledger: &Ledger,
    new: &CheckedExport,
    most: usize,
) -> Result<Comparison, Error> {
    let side = Side {
        name,
        export: &old.export,
        realm: Some(&old.realm),
        left_out,
        attachments: &old.attachments,
        content: &old.content,
        inventory: old.inventory.as_deref(),
    };
    let store = Store::from(old.target.place.store());
    let migration = Migration { ledger, rename: old.target.content.rename_keys, store };
    compare(&side, &new.into(), Some(migration), most)
}

fn compare(
    old: &Side<'_>,
    new: &Side<'_>,
    migration: Option<Migration<'_>>,
    most: usize,
) -> Result<Comparison, Error> {
    let ids = pairs::users(&old.export.users, &new.export.users);
    let names = match (old.realm, new.realm) {
        (Some(old), Some(new)) => pairs::accounts(&old.users, &new.users),
        _ => BTreeMap::new(),
    };
    let both = old.realm.is_some() && new.realm.is_some();
    let mut of_old = said(old, &BTreeMap::new(), &BTreeMap::new(), both);
    let mut of_new = said(new, &ids, &names, both);
    of_old.miss_second_factor(&of_new);
    of_old.forget_alone(&of_new);
    of_new.forget_alone(&of_old);

    let mut comparison = Comparison::between(old, new, migration.is_some());
    settings::compare(&mut comparison, &of_old, &of_new, migration.map(|migration| migration.ledger));
    content::compare(&mut comparison, old, new, migration, most)?;
    comparison.finish();
    Ok(comparison)
}

/// Everything that one side says; people by the ids and names of the other.
fn said(
    side: &Side<'_>,
    ids: &BTreeMap<&UserId, &UserId>,
    names: &BTreeMap<&str, &str>,
    with_realm: bool,
) -> Facts {
    let mut facts = Facts::default();
    export::enter(&mut facts, side, ids);
    if let Some(realm) = side.realm.filter(|_| with_realm) {
        realm::enter(&mut facts, realm, side.left_out, names);
    }
    facts
}
