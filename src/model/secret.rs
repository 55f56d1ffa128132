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

/// Whether a field of this name may hold a secret, so that its value is never shown.
pub fn may_be_secret(field: &str) -> bool {
    let field: String = field.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
    let words =
        ["password", "passwd", "secret", "token", "dsn", "credential", "apikey", "privatekey", "salt"];
    field.ends_with("key") || words.iter().any(|word| field.contains(word))
}

/// Whether `text` has the form of a secret: a known kind of key, or one long word without meaning.
pub fn looks_like_secret(text: &str) -> bool {
    if !super::leak::scan(text.as_bytes(), &[]).is_empty() {
        return true;
    }
    // Public by their kind, and worth showing.
    if ["ssh-", "ecdsa-", "age1", "sha256:", "http://", "https://"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        return false;
    }
    let digest = text.rsplit_once("@sha256:").map_or(text, |(name, _)| name);
    digest.split(|c: char| c.is_whitespace() || "/.,:;@-_".contains(c)).any(|word| {
        word.len() >= 20
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_graphic())
    })
}
