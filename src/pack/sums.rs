//! Lists in the format of `sha256sum`: 64 hexadecimal digits, two spaces, a plain name, a newline.

use crate::model::Digest;

/// The list of `entries`, in the order given.
pub fn text<'a>(entries: impl IntoIterator<Item = (&'a str, Digest)>) -> String {
    let mut text = String::new();
    for (path, digest) in entries {
        push(&mut text, path, &digest);
    }
    text
}

/// Appends one line.
pub fn push(text: &mut String, path: &str, digest: &Digest) {
    text.push_str(&digest.hex());
    text.push_str("  ");
    text.push_str(path);
    text.push('\n');
}

/// One line without its newline, read strictly: lower-case digits, two spaces; the name is not judged here.
pub fn line(line: &str) -> Option<(Digest, &str)> {
    let (digits, path) = line.split_at_checked(64)?;
    let path = path.strip_prefix("  ")?;
    let lower = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut bytes = [0; 32];
    (lower && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some((Digest(bytes), path))
}
