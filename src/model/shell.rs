//! Words of a command that people copy into a POSIX shell.

use std::path::Path;

/// The word as it has to be typed: plain where nothing in it means anything to a shell, else in single quotes.
pub fn word(text: &str) -> String {
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:,@+".contains(&b));
    if !text.is_empty() && plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A path as a word; one that is no text cannot be typed, and is shown as near as can be.
pub fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}
