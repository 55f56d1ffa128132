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
    let is_key = field.ends_with("key") && !field.ends_with("publickey");
    is_key || words.iter().any(|word| field.contains(word))
}

/// What stands before the `@` of each URL in `text`: user and password.
pub fn userinfos(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.match_indices("://").filter_map(|(index, begin)| {
        let rest = &text[index + begin.len()..];
        let end = rest
            .find(|c: char| c.is_whitespace() || c.is_control() || "/\\?#\"'<>`|".contains(c))
            .unwrap_or(rest.len());
        let (user, host) = rest[..end].rsplit_once('@')?;
        let host = host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
        let (user, password) = user.split_once(':').map_or((user, None), |(user, rest)| (user, Some(rest)));
        let password = password.filter(|password| !password.is_empty());
        (host && !(user.is_empty() && password.is_none())).then_some((user, password))
    })
}

/// What lets someone in with the URLs in `text`: their passwords, and the long keys that stand alone before the `@`.
pub fn url_secrets(text: &str) -> impl Iterator<Item = &str> {
    userinfos(text).filter_map(|(user, password)| {
        let is_key = user.len() >= 16 && user.bytes().any(|b| b.is_ascii_digit());
        password.or(is_key.then_some(user))
    })
}

/// Every secret that an input brings in fields of its own, with what makes it up: they may stand nowhere else.
pub fn known(realm: Option<&super::Realm>, export: Option<&super::Export>) -> Vec<Secret> {
    let mut known: Vec<Secret> =
        realm.into_iter().flat_map(|realm| &realm.credentials).map(|(_, secret)| secret.clone()).collect();
    let sentry = export.and_then(|export| export.notifications.sentry.as_ref());
    if let Some(dsn) = sentry.and_then(|sentry| sentry.dsn.as_ref()) {
        for (user, password) in userinfos(dsn.expose()) {
            known
                .extend([Some(user), password].into_iter().flatten().map(|part| Secret::new(dsn.kind, part)));
        }
        known.push(dsn.clone());
    }
    known
}

/// Whether `text` has the form of a secret: a known kind of key, or one long word without meaning.
pub fn looks_like_secret(text: &str) -> bool {
    if !super::leak::scan(text.as_bytes(), &[]).is_empty() {
        return true;
    }
    if userinfos(text).next().is_some() {
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
