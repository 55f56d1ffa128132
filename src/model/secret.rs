//! A value that must never be printed, serialised or compared in a message.

use std::fmt;

/// Text that is or may be a secret.
///
/// Has no `Display` and no `Serialize`; `Debug` tells kind and length only. The gate before packing asks for the bytes
/// through [`Secret::expose`], to make sure that they stand nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: &'static str,
    value: String,
}

impl Secret {
    /// Wraps `value`; `kind` is what people call it, such as `client secret`.
    pub fn new(kind: &'static str, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }

    /// What people call it, such as `client secret`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Length of the value in characters, which may be shown.
    pub fn length(&self) -> usize {
        self.value.chars().count()
    }

    /// The value itself, for the gate that searches for it.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, {} characters)", self.kind, self.length())
    }
}
