//! What people name to be read: what may never end is told, and not waited for.

use std::fs::Metadata;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// What a path leads to that may never come to an end.
///
/// A pipe of the shell's own, as `<(…)` is one, has a writer and no name that leads to it, so it is read; of a pipe with a name
/// nobody knows who writes into it, and a device such as `/dev/zero` goes on for ever. A socket cannot be opened.
pub(crate) fn endless(path: &Path, about: &Metadata) -> Option<&'static str> {
    let kind = about.file_type();
    if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else if kind.is_fifo() && path.canonicalize().is_ok() {
        Some("a named pipe")
    } else {
        None
    }
}
