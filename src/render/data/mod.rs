//! The data files: the only files, beside the documents, in which a tenant's values stand.

mod ansible;
mod application;
mod compose;
mod realm;
mod terraform;

use crate::model::{Checked, File, Files};
use crate::plan::Plan;
use serde_json::Value;

/// Every data file of the package.
pub(super) fn files(plan: &Plan, checked: &Checked) -> Files {
    let mut files = Files::new();
    ansible::add(&mut files, plan, checked);
    compose::add(&mut files, plan, checked);
    application::add(&mut files, plan, checked);
    realm::add(&mut files, checked);
    terraform::add(&mut files, plan);
    files
}

/// A JSON data file, indented, with a line feed at its end.
fn json(value: &Value) -> File {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    File::data(text)
}
