//! The batch lists: which objects are copied together, one JSON document per line, gzip.
//!
//! Lines of JSON and never a list of names, since keys may hold line breaks. The inventory is streamed once more, batch
//! by batch; only the finished, compressed lists stay in memory.

use super::{Error, gate};
use crate::check::store::{self, Store};
use crate::model::leak::Scanner;
use crate::model::{Checked, Digest, File, Files, RenameRule};
use crate::plan::{Batch, Plan};
use crate::read::inventory::{self, Object};
use flate2::{Compression, GzBuilder};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};

/// One object of a batch.
#[derive(Serialize)]
struct Line<'o> {
    key: &'o str,
    /// The name under which the target holds it, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_key: Option<String>,
    size: u64,
    modified: &'o str,
    content_type: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'o BTreeMap<String, String>,
    /// Whether the bulk tool cannot carry the key, so that it is copied by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
}

/// Every batch list, in the plan's order.
pub(super) fn files(plan: &Plan, checked: &Checked) -> Result<Files, Error> {
    let mut files = Files::new();
    let Some(path) = &checked.inventory else { return Ok(files) };
    let rename = checked.target.content.rename_keys == Some(RenameRule::PercentEncode);
    let rename = rename.then(|| Store::from(checked.target.place.store()));
    let mut objects = inventory::objects(path, checked.content.sorted)?;
    for batch in &plan.facts.content.batches {
        let list = list(batch, &mut objects, rename, &checked.secrets)?;
        files.insert(batch.path(), File::data(list).personal());
    }
    match objects.next() {
        None => Ok(files),
        Some(_) => Err(changed().into()),
    }
}

/// The list of one batch. The gzip header holds neither time nor name nor system, so that the bytes stay the same.
fn list(
    batch: &Batch,
    objects: &mut impl Iterator<Item = io::Result<Object>>,
    rename: Option<Store>,
    secrets: &Scanner,
) -> Result<Vec<u8>, Error> {
    let encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(3));
    // The encoder clears a buffer at every write, and a line is a few hundred bytes.
    let mut out = BufWriter::with_capacity(1 << 16, encoder);
    let mut bytes = 0_u64;
    let mut text = Vec::new();
    for _ in 0..batch.objects {
        let object = objects.next().ok_or_else(changed)??;
        bytes = bytes.saturating_add(object.size);
        text.clear();
        serde_json::to_writer(&mut text, &line(&object, rename)).map_err(io::Error::from)?;
        text.push(b'\n');
        let found: Vec<_> = gate::secrets(secrets, &batch.path(), &text).collect();
        if !found.is_empty() {
            return Err(Error::Secret(found));
        }
        out.write_all(&text)?;
    }
    if bytes != batch.bytes {
        return Err(changed().into());
    }
    Ok(out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?)
}

/// `rename`: the store whose rule renames the keys that it cannot hold.
fn line(object: &Object, rename: Option<Store>) -> Line<'_> {
    let unholdable = rename.filter(|store| store::key_problem(*store, &object.key).is_some());
    Line {
        key: &object.key,
        target_key: unholdable.and_then(|store| store::percent_encoded(store, &object.key)),
        size: object.size,
        modified: &object.modified,
        content_type: &object.content_type,
        sha256: object.sha256,
        metadata: &object.metadata,
        alone: store::is_carried_alone(&object.key),
    }
}

/// The inventory was checked before; what differs now was changed in between.
fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was changed after it was checked")
}
