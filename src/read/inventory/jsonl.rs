//! One JSON object on a line.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The columns of a line; read here one by one, since a line that is wrong must not end the reading.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'l> {
    #[serde(borrow)]
    pub key: Cow<'l, str>,
    pub size: u64,
    #[serde(borrow)]
    pub modified: Cow<'l, str>,
    #[serde(borrow)]
    pub content_type: Cow<'l, str>,
    #[serde(borrow, default)]
    pub sha256: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    pub metadata: BTreeMap<Cow<'l, str>, Cow<'l, str>>,
}
