//! The gate that every rendered byte passes before it is packed: no secret anywhere, no personal datum outside (P) files.

use super::Error;
use crate::model::leak::Hit;
use crate::model::{Checked, Files, Kind, Target, Tls};
use aho_corasick::{AhoCorasick, MatchKind};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

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
    let made = || files.par_iter().filter(|(_, file)| file.kind != Kind::Code);
    let secrets = || -> Vec<Leak> {
        let hits = |bytes| checked.secrets.scan(bytes).into_iter();
        let what = |hit: Hit| format!("{} ({})", hit.kind, hit.encoding);
        made()
            .flat_map_iter(|(path, file)| hits(&file.bytes).map(move |hit| leak(path, &what(hit))))
            .collect()
    };
    let persons = || -> Vec<Leak> {
        let people = addresses(checked);
        made()
            .filter(|(_, file)| !file.personal)
            .filter_map(|(path, file)| Some(leak(path, stands_alone(&people, &file.bytes)?)))
            .collect()
    };
    match rayon::join(secrets, persons) {
        (secrets, _) if !secrets.is_empty() => Err(Error::Secret(secrets)),
        (_, persons) if !persons.is_empty() => Err(Error::Personal(persons)),
        _ => Ok(()),
    }
}

fn leak(path: &str, what: &str) -> Leak {
    Leak { path: path.to_owned(), what: what.to_owned() }
}

/// What names a user: addresses without regard to case, and phone numbers in their digits.
struct Addresses {
    automaton: Option<AhoCorasick>,
    /// Patterns before this one are wanted; the others are longer words that may stand where they stand.
    wanted: usize,
    phones: Option<AhoCorasick>,
}

fn addresses(checked: &Checked) -> Addresses {
    let named = named_by_target(&checked.target);
    let users = &checked.export.users;
    let emails = users.values().map(|user| user.email.as_str());
    let known = checked.realm.users.values().filter_map(|user| user.email.as_deref());
    // Export and realm name the same people, and case does not count.
    let emails: BTreeSet<String> = emails
        .chain(known)
        .filter(|email| !email.is_empty() && !named.iter().any(|other| other.eq_ignore_ascii_case(email)))
        .map(str::to_ascii_lowercase)
        .collect();
    let mut words: Vec<String> = emails.iter().flat_map(|email| writings(email)).collect();
    let wanted = words.len();
    words.extend(named.iter().flat_map(|email| writings(email)));
    let phones: Vec<String> = users
        .values()
        .filter_map(|user| user.phone.as_ref())
        .map(|phone| phone.as_str().chars().filter(char::is_ascii_digit).collect())
        .filter(|digits: &String| digits.len() >= 7)
        .collect();
    let build = |words: &[String]| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(words)
            .ok()
    };
    Addresses { automaton: build(&words), wanted, phones: build(&phones) }
}

/// Addresses that the target names: who acts is named in clear, and a user can be who acts.
fn named_by_target(target: &Target) -> Vec<String> {
    let mut named = Vec::new();
    if let Tls::Acme { email, .. } = &target.tls {
        named.push(email.to_string());
    }
    if let Some(mail) = &target.mail {
        named.push(mail.from.to_string());
        named.extend(mail.user.iter().map(ToString::to_string).filter(|user| user.contains('@')));
    }
    named
}

/// An address as it stands in text, URLs, markup and JSON.
fn writings(email: &str) -> Vec<String> {
    let percent = |kept: &[u8]| {
        let mut text = String::with_capacity(email.len() + 8);
        for byte in email.bytes() {
            if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                text.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    };
    let mut all: Vec<String> = ["@", "%40", "&#64;", "&#x40;", "\\u0040"]
        .iter()
        .map(|at| email.replace('@', at))
        .chain([percent(b"-._~"), percent(b"-._~@+")])
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Whether an address or number stands in `bytes` as a word of its own; `ada@example.org` is not in `nada@example.org`.
fn stands_alone(addresses: &Addresses, bytes: &[u8]) -> Option<&'static str> {
    let named = addresses.automaton.iter().flat_map(|automaton| automaton.find_iter(bytes)).any(|hit| {
        hit.pattern().as_usize() < addresses.wanted
            && !goes_on_before(&bytes[..hit.start()])
            && !goes_on_after(&bytes[hit.end()..])
    });
    if named {
        return Some("a user's e-mail address");
    }
    let phones = addresses.phones.as_ref()?;
    let digits = close_up(bytes);
    let called = phones.find_iter(&digits).any(|hit| {
        let before = &digits[..hit.start()];
        let before = before.strip_suffix(b"00").unwrap_or(before);
        let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        !word(before.last()) && !word(digits.get(hit.end()))
    });
    called.then_some("a user's phone number")
}

/// Whether an address begins further left. What people and formats write before an address is no part of it: signs,
/// and escapes such as `\n` and `%3C`, whose last character looks like a letter.
fn goes_on_before(before: &[u8]) -> bool {
    let escaped = match before {
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()),
        [.., b'\\', letter] => b"nrtbf".contains(letter),
        _ => false,
    };
    match before {
        _ if escaped => false,
        [.., b'.'] => before.iter().rev().find(|b| **b != b'.').is_some_and(u8::is_ascii_alphanumeric),
        [.., last] => last.is_ascii_alphanumeric(),
        [] => false,
    }
}

/// Whether the name of a domain goes on.
fn goes_on_after(after: &[u8]) -> bool {
    match after {
        [b'-', next, ..] => next.is_ascii_alphanumeric(),
        [next, ..] => next.is_ascii_alphanumeric(),
        [] => false,
    }
}

/// Without what people write between the digits of a phone number.
fn close_up(bytes: &[u8]) -> Vec<u8> {
    let mut closed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        closed.push(*byte);
        rest = after;
        if byte.is_ascii_digit() && rest.first().is_some_and(is_between) {
            let gap = rest.iter().take(3).take_while(|byte| is_between(byte)).count();
            if rest.get(gap).is_some_and(u8::is_ascii_digit) {
                rest = &rest[gap..];
            }
        }
    }
    closed
}

fn is_between(byte: &u8) -> bool {
    b" -./()".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        let words = writings("ada@example.org");
        let wanted = words.len();
        let words = [words, writings("files-ada@example.org")].concat();
        let build = |words: &[String]| {
            let kind = MatchKind::LeftmostLongest;
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(kind).build(words).ok()
        };
        let addresses =
            Addresses { automaton: build(&words), wanted, phones: build(&["491701234567".to_owned()]) };
        stands_alone(&addresses, text.as_bytes()).is_some()
    }

    #[test]
    fn people_are_found_however_they_are_written() {
        for text in [
            "Ask Ada@Example.org.",
            "-ada@example.org",
            "_ada@example.org_",
            "+ada@example.org",
            "to-ada@example.org",
            "...ada@example.org",
            "mailto:ada%40example.org",
            "?to=%3Cada%40example.org%3E",
            r"line\nada@example.org",
            r"\u003cada@example.org",
            "ada&#64;example.org",
            "+491701234567",
            "+49 170 1234567",
            "+49 (170) 123-45-67",
            "0049 170/1234567",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "nada@example.org",
            "b.ada@example.org",
            "files-ada@example.org",
            "ada@example.organic",
            "ada@example.org-chart.example",
            "1491701234567",
            "4917012345678",
            "49170123456a7",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
