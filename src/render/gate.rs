//! The gate that every rendered byte passes before it is packed: no secret anywhere, no personal datum outside (P) files.

use super::Error;
use crate::model::leak::Scanner;
use crate::model::{Checked, Files, Kind, Secret};
use aho_corasick::{AhoCorasick, MatchKind};

/// Something that stands in a rendered file and must not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Leak {
    /// Path inside the package.
    pub path: String,
    /// What it is, such as `client secret`; never the value.
    pub what: String,
}

/// Searches every data file and document; code is the same for everyone and holds no value.
pub(super) fn pass(files: &Files, checked: &Checked) -> Result<(), Error> {
    let made = || files.iter().filter(|(_, file)| file.kind != Kind::Code);
    let secrets = Scanner::new(&known_secrets(checked));
    let mut leaks = Vec::new();
    for (path, file) in made() {
        let hits = secrets.scan(&file.bytes);
        leaks.extend(hits.iter().map(|hit| leak(path, &format!("{} ({})", hit.kind, hit.encoding))));
    }
    if !leaks.is_empty() {
        return Err(Error::Secret(leaks));
    }
    let people = addresses(checked);
    for (path, file) in made().filter(|(_, file)| !file.personal) {
        leaks.extend(stands_alone(&people, &file.bytes).map(|what| leak(path, what)));
    }
    if leaks.is_empty() { Ok(()) } else { Err(Error::Personal(leaks)) }
}

fn leak(path: &str, what: &str) -> Leak {
    Leak { path: path.to_owned(), what: what.to_owned() }
}

/// Every secret that the input brought: it may stand nowhere in the output, in no encoding.
fn known_secrets(checked: &Checked) -> Vec<Secret> {
    crate::model::secret::known(Some(&checked.realm), Some(&checked.export))
}

/// What names a user: addresses without regard to case, and phone numbers.
struct Addresses {
    automaton: Option<AhoCorasick>,
    emails: usize,
}

fn addresses(checked: &Checked) -> Addresses {
    let users = &checked.export.users;
    let emails: Vec<&str> = users.values().map(|user| user.email.as_str()).collect();
    let known: Vec<&str> = checked.realm.users.values().filter_map(|user| user.email.as_deref()).collect();
    let phones: Vec<&str> =
        users.values().filter_map(|user| user.phone.as_ref().map(|phone| phone.as_str())).collect();
    let words: Vec<&str> =
        emails.iter().chain(&known).chain(&phones).copied().filter(|word| !word.is_empty()).collect();
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .ok();
    Addresses { automaton, emails: emails.len() + known.len() }
}

/// Whether an address or number stands in `bytes` as a word of its own; `ada@example.org` is not in `nada@example.org`.
fn stands_alone(addresses: &Addresses, bytes: &[u8]) -> Option<&'static str> {
    let part_of_word =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-+".contains(b));
    let automaton = addresses.automaton.as_ref()?;
    automaton
        .find_iter(bytes)
        .find(|hit| {
            let before = hit.start().checked_sub(1).and_then(|index| bytes.get(index));
            let after = bytes.get(hit.end()).filter(|b| **b != b'.');
            !part_of_word(before) && !part_of_word(after)
        })
        .map(|hit| {
            if hit.pattern().as_usize() < addresses.emails {
                "a user's e-mail address"
            } else {
                "a user's phone number"
            }
        })
}
