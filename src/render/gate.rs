//! The gate that every rendered byte passes before it is packed.

/// A secret that stands in a rendered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Path inside the package.
    pub path: String,
    /// What it is, such as `client secret`; never the value.
    pub kind: String,
}
