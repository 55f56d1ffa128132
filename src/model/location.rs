//! Where something stands in an input.

use serde::Serialize;
use std::sync::Arc;

/// A place in an input file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// The file as the user named it, such as `export/export.yaml`.
    pub file: Arc<str>,
    /// Line, counted from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// Column in characters, counted from 1; 0 where the line as a whole is meant.
    pub column: u32,
    /// Key path inside the document, such as `spec.users[3].email`; empty for the document itself.
    pub path: String,
}

impl Location {
    /// The file as a whole.
    pub fn file(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 0, column: 0, path: String::new() }
    }
}
