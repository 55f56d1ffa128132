//! The gate that every rendered byte passes before it is packed: no secret anywhere, no personal datum outside (P) files.

use super::Error;
use crate::model::leak::Hit;
use crate::model::{Checked, Files, Kind, Target, Tls};
use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

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
    /// Every way to write `@` and a domain. People of one domain are many, so what stands before it is compared then.
    domains: Option<AhoCorasick>,
    /// The people of the domain of each of its patterns.
    people: Vec<Arc<[Local]>>,
    phones: Option<AhoCorasick>,
}

/// The part of an address before its `@`, in one of its writings; longer ones stand before shorter ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Local {
    length: Reverse<usize>,
    text: String,
    /// Whether it is a user's; the others are longer names that may stand where a user's stands.
    wanted: bool,
}

fn addresses(checked: &Checked) -> Addresses {
    let named = named_by_target(&checked.target);
    let users = &checked.export.users;
    let emails = users.values().map(|user| user.email.as_str());
    let known = checked.realm.users.values().filter_map(|user| user.email.as_deref());
    let wanted =
        emails.chain(known).filter(|email| !named.iter().any(|other| other.eq_ignore_ascii_case(email)));
    let phones: Vec<String> = users
        .values()
        .filter_map(|user| user.phone.as_ref())
        .map(|phone| phone.as_str().chars().filter(char::is_ascii_digit).collect())
        .filter(|digits: &String| digits.len() >= 7)
        .collect();
    Addresses::new(wanted, named.iter().map(String::as_str), &phones)
}

impl Addresses {
    fn new<'a>(
        wanted: impl Iterator<Item = &'a str>,
        named: impl Iterator<Item = &'a str>,
        phones: &[String],
    ) -> Self {
        // Export and realm name the same people, and case does not count.
        let mut by_domain: BTreeMap<String, BTreeSet<Local>> = BTreeMap::new();
        let all = wanted.map(|email| (email, true)).chain(named.map(|email| (email, false)));
        for (email, wanted) in all {
            // What has no `@` is no address, and nothing to look for.
            let Some((local, domain)) = email.rsplit_once('@') else { continue };
            let people = by_domain.entry(domain.to_ascii_lowercase()).or_default();
            people.extend(writings(local).into_iter().map(|text| Local {
                length: Reverse(text.len()),
                text,
                wanted,
            }));
        }
        let mut patterns = Vec::new();
        let mut people = Vec::new();
        for (domain, locals) in by_domain {
            let locals: Arc<[Local]> = locals.into_iter().collect();
            for domain in writings(&domain) {
                for at in ["@", "%40", "&#64;", "&#x40;", "\\u0040"] {
                    patterns.push([at, &domain].concat());
                    people.push(locals.clone());
                }
            }
        }
        Self { domains: automaton(&patterns), people, phones: automaton(phones) }
    }
}

/// Looks for all `words` at once, without regard to case; those that overlap are all found.
fn automaton(words: &[String]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
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

/// One side of an address as it stands in text and in URLs.
fn writings(part: &str) -> Vec<String> {
    let percent = |kept: &[u8]| {
        let mut text = String::with_capacity(part.len() + 8);
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                text.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    };
    let mut all = vec![part.to_owned(), percent(b"-._~"), percent(b"-._~+")];
    all.dedup();
    all
}

/// Whether an address or number stands in `bytes` as a word of its own; `ada@example.org` is not in `nada@example.org`.
fn stands_alone(addresses: &Addresses, bytes: &[u8]) -> Option<&'static str> {
    let named =
        addresses.domains.iter().flat_map(|domains| domains.find_overlapping_iter(bytes)).any(|hit| {
            let before = &bytes[..hit.start()];
            // The longest name that ends there is the one that is meant.
            let mut locals = addresses.people[hit.pattern().as_usize()].iter();
            let named = locals.find_map(|local| Some((local, without(before, local.text.as_bytes())?)));
            named.is_some_and(|(local, before)| {
                local.wanted && !goes_on_before(before) && !goes_on_after(&bytes[hit.end()..])
            })
        });
    if named {
        return Some("a user's e-mail address");
    }
    let phones = addresses.phones.as_ref()?;
    let digits = close_up(bytes);
    let called = phones.find_overlapping_iter(&digits).any(|hit| {
        let before = &digits[..hit.start()];
        let before = before.strip_suffix(b"00").unwrap_or(before);
        let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        !word(before.last()) && !word(digits.get(hit.end()))
    });
    called.then_some("a user's phone number")
}

/// `bytes` without `end`, where they end with it in any case.
fn without<'b>(bytes: &'b [u8], end: &[u8]) -> Option<&'b [u8]> {
    let (before, last) = bytes.split_at_checked(bytes.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(before)
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
        let phones = ["491701234567".to_owned()];
        let addresses =
            Addresses::new(["ada@example.org"].into_iter(), ["files-ada@example.org"].into_iter(), &phones);
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
        for (text, user) in [("ÄDA@example.org", "ÄDA@example.org"), ("a%2Bb@example.org", "a+b@example.org")]
        {
            let addresses = Addresses::new([user].into_iter(), std::iter::empty(), &[]);
            assert!(stands_alone(&addresses, text.as_bytes()).is_some(), "{text}");
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
