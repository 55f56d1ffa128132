//! What each kind of store can hold, so that a key which the target refuses, or renames in silence, is found before the
//! first byte moves. From native listings after copies (research, C1 to C20, and Garage 2.5), and of Azure what its
//! documentation says. The content program has the same rules (`stuf_content/keys.py`).

use crate::model::StorageProvider;

/// Kinds of target store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Garage, on a host.
    Garage,
    /// Amazon S3.
    S3,
    /// Azure Blob Storage.
    AzureBlob,
}

impl From<StorageProvider> for Store {
    fn from(kind: StorageProvider) -> Self {
        match kind {
            StorageProvider::Garage => Self::Garage,
            StorageProvider::S3 => Self::S3,
            StorageProvider::AzureBlob => Self::AzureBlob,
        }
    }
}

/// Bytes of a key at most; Azure counts characters, of which there are never more.
const LONGEST_KEY: usize = 1024;

/// Parts between slashes of a key in Azure at most.
const MOST_SEGMENTS: usize = 254;

/// Whether Azure holds no key with this character, beside control characters: private ones, and two that are none.
fn is_foreign(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fffe}' | '\u{ffff}')
}

/// Why the store cannot hold the key under its own name.
pub fn key_problem(store: Store, key: &str) -> Option<&'static str> {
    if key.len() > LONGEST_KEY {
        return Some("the key is longer than 1,024 bytes");
    }
    match store {
        Store::S3 => None,
        // Stored as `lead`, so it could overwrite an object of that name.
        Store::Garage => key.starts_with('/').then_some("the key begins with a slash"),
        Store::AzureBlob => {
            let segments = || key.split('/');
            if key.contains(|c: char| c.is_control()) {
                Some("the key holds a control character")
            } else if key.contains(is_foreign) {
                Some("the key holds a character that the store does not know")
            } else if key.contains('\\') {
                Some("the key holds a backslash")
            } else if key.ends_with('/') {
                Some("the key ends with a slash")
            } else if segments().any(|segment| segment == "." || segment == "..") {
                Some("the key holds a segment `.` or `..`")
            } else if segments().any(|segment| segment.ends_with('.')) {
                Some("a segment of the key ends with a dot")
            } else if segments().count() > MOST_SEGMENTS {
                Some("the key has more than 254 segments")
            } else {
                None
            }
        }
    }
}

/// The name under which the rule `percent-encode` lets the store hold the key; `None` where it cannot.
pub fn percent_encoded(store: Store, key: &str) -> Option<String> {
    use std::fmt::Write as _;
    let mut name = String::with_capacity(key.len() + 8);
    let segments = key.split('/').count();
    for (index, segment) in key.split('/').enumerate() {
        if index > 0 {
            // The slash at the beginning, and on Azure the one at the end, are what the store cannot hold.
            let leading = index == 1 && key.starts_with('/') && store == Store::Garage;
            let trailing = index + 1 == segments && segment.is_empty() && store == Store::AzureBlob;
            name.push_str(if leading || trailing { "%2F" } else { "/" });
        }
        let dots = store == Store::AzureBlob && segment.ends_with('.');
        let last = segment.char_indices().next_back().map(|(at, _)| at);
        for (at, c) in segment.char_indices() {
            let refused = c.is_control() || is_foreign(c) || c == '\\' || (dots && Some(at) == last);
            let encode = c == '%' || (store == Store::AzureBlob && refused);
            if encode {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(name, "%{byte:02X}");
                }
            } else {
                name.push(c);
            }
        }
    }
    key_problem(store, &name).is_none().then_some(name)
}

/// Whether rclone cannot carry the key, so that it is copied by itself with the store's own interface.
pub fn is_carried_alone(key: &str) -> bool {
    let bytes = key.as_bytes();
    // Without an early end these loops are done on many bytes at once.
    let control = bytes.iter().fold(false, |found, b| found | (*b < 0x20) | (*b == 0x7f));
    let hidden = bytes.first() == Some(&b'.')
        || bytes
            .iter()
            .zip(bytes.iter().skip(1))
            .fold(false, |found, (a, b)| found | ((*a == b'/') & (*b == b'.')));
    let dots = || bytes.split(|b| *b == b'/').any(|segment| matches!(segment, b"." | b".."));
    control || bytes.first() == Some(&b'/') || bytes.last() == Some(&b'/') || (hidden && dots())
}

/// Why the store cannot hold a metadata name; where names are renamed, the content program makes identifiers of them.
pub fn metadata_problem(store: Store, name: &[u8], rename: bool) -> Option<&'static str> {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let identifier = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    if name.is_empty() || !name.iter().all(token) {
        return Some("a metadata name is not one that HTTP can carry");
    }
    let identified = name.iter().all(identifier) && !name[0].is_ascii_digit();
    (store == Store::AzureBlob && !identified && !rename).then_some("a metadata name is not an identifier")
}

/// Bytes of all names and values together at most.
pub fn metadata_limit(store: Store) -> usize {
    match store {
        Store::Garage | Store::S3 => 2 << 10,
        Store::AzureBlob => 8 << 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The awkward keys on which the table was made.
    const K17: [&str; 17] = [
        "plain/a.txt",
        "/lead",
        "a//b",
        "nf/caf\u{e9}.txt",
        "nf/cafe\u{301}.txt",
        "sp/ü user@example.org/20260101-000000-my file (1).pdf",
        "dir/file.",
        "per%2Fcent",
        "dot/../up",
        "plus+a&b=c",
        "tab\tq\"uote",
        "back\\slash",
        "case/A.txt",
        "case/a.txt",
        "zero",
        "trail/",
        "empty/",
    ];

    fn refused(store: Store) -> Vec<&'static str> {
        K17.into_iter().filter(|key| key_problem(store, key).is_some()).collect()
    }

    #[test]
    fn each_store_refuses_exactly_what_was_seen() {
        assert_eq!(refused(Store::Garage), ["/lead"]);
        assert_eq!(refused(Store::S3), [""; 0]);
        let azure = ["dir/file.", "dot/../up", "tab\tq\"uote", "back\\slash", "trail/", "empty/"];
        assert_eq!(refused(Store::AzureBlob), azure);
    }

    #[test]
    fn a_renamed_key_can_be_held_and_no_two_become_one() {
        for store in [Store::Garage, Store::AzureBlob] {
            let names: Vec<_> = refused(store).into_iter().map(|key| percent_encoded(store, key)).collect();
            for (index, name) in names.iter().enumerate() {
                let name = name.as_ref().expect("all of these are short");
                assert_eq!(key_problem(store, name), None, "{name}");
                assert_eq!(names.iter().position(|other| other.as_ref() == Some(name)), Some(index));
            }
        }
        assert_eq!(percent_encoded(Store::Garage, "/lead").as_deref(), Some("%2Flead"));
        assert_eq!(percent_encoded(Store::Garage, &"x".repeat(1025)), None);
        let encoded = |key: &&str| percent_encoded(Store::AzureBlob, key).expect("all of these are short");
        let names: Vec<_> = refused(Store::AzureBlob).iter().map(encoded).collect();
        let expected =
            ["dir/file%2E", "dot/.%2E/up", "tab%09q\"uote", "back%5Cslash", "trail%2F", "empty%2F"];
        assert_eq!(names, expected);
    }

    #[test]
    fn azure_refuses_what_its_documentation_says() {
        let problem = |key: &str| key_problem(Store::AzureBlob, key);
        assert_eq!(problem("a\u{e000}"), Some("the key holds a character that the store does not know"));
        assert_eq!(percent_encoded(Store::AzureBlob, "a\u{e000}").as_deref(), Some("a%EE%80%80"));
        assert_eq!(problem("a\u{81}"), Some("the key holds a control character"));
        assert_eq!(problem(&"a/".repeat(254)), Some("the key ends with a slash"));
        assert_eq!(problem(&["a"; 254].join("/")), None);
        let deep = ["a"; 255].join("/");
        assert_eq!(problem(&deep), Some("the key has more than 254 segments"));
        assert_eq!(percent_encoded(Store::AzureBlob, &deep), None);
    }

    #[test]
    fn a_metadata_name_that_is_no_identifier_is_refused_by_azure_alone_or_renamed() {
        for (name, identified) in [("original_filename", true), ("original-filename", false), ("1st", false)]
        {
            let problem = |store, rename| metadata_problem(store, name.as_bytes(), rename);
            let refused = (!identified).then_some("a metadata name is not an identifier");
            assert_eq!(problem(Store::AzureBlob, false), refused);
            assert_eq!(problem(Store::AzureBlob, true), None);
            assert_eq!(problem(Store::S3, false), None);
        }
        let carried = Some("a metadata name is not one that HTTP can carry");
        assert_eq!(metadata_problem(Store::AzureBlob, "ä".as_bytes(), true), carried);
    }
}
