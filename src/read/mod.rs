//! Reads an export and a target from disk into trees with positions; judges nothing but their form.

/// A parsed document: a tree in which every node knows where it stands.
#[derive(Debug)]
pub struct Document {
    /// The file as the user named it.
    pub name: std::sync::Arc<str>,
}
