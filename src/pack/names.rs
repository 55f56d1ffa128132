//! The names that files of a package may have.
//!
//! Names are ours and plain, so coreutils' escaping of odd names (a leading `\` on the line) never applies: a name
//! that would need it is refused on both sides.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Sums of every clear file; the one signed file.
pub const SUMS: &str = "SHA256SUMS";
/// SSH signature over [`SUMS`].
pub const SIGNATURE: &str = "SHA256SUMS.sig";
/// Sums of every personal file; personal itself.
pub const SUMS_PERSONAL: &str = "SHA256SUMS.personal";
/// One line, naming [`SUMS_PERSONAL`]: binds the personal files to the signature.
pub const PERSONAL: &str = "PERSONAL.sha256";
/// What the package is.
pub const MANIFEST: &str = "manifest.json";
/// 32 random bytes in hexadecimal, so that [`PERSONAL`] does not let anyone guess personal files.
pub const SALT: &str = "configuration/salt";
/// The plan that the controller follows; its digest is the plan digest.
pub const PLAN: &str = "MIGRATION-PLAN.json";
/// What the package runs and needs, for tools that look for versions and digests.
pub const BILL: &str = "bill-of-materials.cdx.json";
/// Stands in a glass, which tells by it whose it is, and in no package.
pub const GLASS: &str = "audit/glass.json";

/// Files that `seal` makes itself.
pub const MADE_HERE: [&str; 6] = [SUMS, SIGNATURE, SUMS_PERSONAL, PERSONAL, MANIFEST, SALT];

/// Files that no list names: the lists themselves and the signature.
pub const UNLISTED: [&str; 3] = [SUMS, SIGNATURE, SUMS_PERSONAL];

const LONGEST: usize = 200;

/// What git takes for its own wherever it stands, in any case.
const GITS_OWN: [&str; 4] = [".git", ".gitattributes", ".gitignore", ".gitmodules"];

/// Whether `path` is a plain relative path: segments of ASCII letters, digits and `._@+-`, none of which is `.` or
/// `..`, begins with `-` or means something to git, at most 200 bytes in all.
pub fn is_plain(path: &str) -> bool {
    path.len() <= LONGEST
        && path.split('/').all(|segment| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && !segment.starts_with('-')
                && !GITS_OWN.iter().any(|own| segment.eq_ignore_ascii_case(own))
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b))
        })
}

/// Pairs of paths that a file system without case cannot hold side by side, or of which one is a folder of the other.
///
/// Quick where neighbours share their folders, as in byte order.
pub fn clashes<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let mut folded: HashMap<String, (&str, bool)> = HashMap::new();
    let mut clashes = Vec::new();
    // The folder of the path before, and all above it, have their places.
    let mut above = "";
    for path in paths {
        let known = shared_folders(above, path);
        above = folder_of(path);
        for (end, is_file) in ends(path).skip_while(|(end, _)| *end <= known) {
            let part = &path[..end];
            match folded.entry(part.to_lowercase()) {
                Entry::Vacant(place) => {
                    place.insert((part, is_file));
                }
                Entry::Occupied(place) => {
                    let (other, other_is_file) = *place.get();
                    if other != part || other_is_file || is_file {
                        clashes.push((path.to_owned(), other.to_owned()));
                        above = folder_of(part);
                        break;
                    }
                }
            }
        }
    }
    clashes
}

/// The folder in which `path` stands, without trailing slash; empty at the top.
fn folder_of(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

/// Length of the longest folder above `path` that is `above` or above it too; 0 where there is none.
pub(crate) fn shared_folders(above: &str, path: &str) -> usize {
    let mut shared = above;
    while !shared.is_empty() && !path.strip_prefix(shared).is_some_and(|rest| rest.starts_with('/')) {
        shared = folder_of(shared);
    }
    shared.len()
}

/// Every folder above `path`, outermost first, without trailing slash.
pub fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn ends(path: &str) -> impl Iterator<Item = (usize, bool)> {
    path.match_indices('/').map(|(at, _)| (at, false)).chain(std::iter::once((path.len(), true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_pass_and_others_do_not() {
        for name in ["migrate", "infrastructure/compose/.env", "content/batches/00001.jsonl.gz"] {
            assert!(is_plain(name), "{name}");
        }
        for name in [".git/hooks/post-checkout", "a/.GIT", ".gitattributes", "a/.gitmodules"] {
            assert!(!is_plain(name), "{name}");
        }
        let long = "a/".repeat(100) + "a";
        for name in ["", "/a", "a/", "a//b", "../a", "a/./b", "a b", "a\\b", "a\nb", "é", "-a", "a/-b", &long]
        {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn twins_and_files_above_files_clash() {
        let clashes = |names: &[&str]| clashes(names.iter().copied()).len();
        assert_eq!(clashes(&["a/b", "a/c", "b"]), 0);
        assert_eq!(clashes(&["a/b", "A/c"]), 1);
        assert_eq!(clashes(&["README.md", "Readme.md", "readme.md"]), 2);
        assert_eq!(clashes(&["a", "a/b"]), 1);
        assert_eq!(clashes(&["a/b", "a"]), 1);
        assert_eq!(clashes(&["a/b/c", "A/b", "A/d"]), 2);
        assert_eq!(clashes(&["a/b/c", "a/B/d", "a/B/e", "a/b/d"]), 2);
    }

    #[test]
    fn neighbours_share_the_folders_that_are_above_both() {
        for (above, path, shared) in [
            ("", "a", ""),
            ("a", "a/b", "a"),
            ("a/b", "a/b/c/d", "a/b"),
            ("a/b", "a/bc/d", "a"),
            ("a/bc", "a/b/d", "a"),
            ("ab", "a/b", ""),
            ("a/b/c", "a/b", "a"),
        ] {
            assert_eq!(&path[..shared_folders(above, path)], shared, "{above} and {path}");
        }
    }
}
