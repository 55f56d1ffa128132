//! The users' e-mail addresses, in whatever way formats and people write them.

use crate::model::leak::is_word_before;
use aho_corasick::{AhoCorasick, MatchKind};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// Addresses to look for, without regard to case.
pub(super) struct Addresses {
    /// Every way to write `@`: texts hold few of them, so the rest is compared where one stands.
    at: Option<AhoCorasick>,
    /// The people of each domain, by its writings in lower case.
    domains: BTreeMap<Vec<u8>, Arc<[Local]>>,
    /// How long those writings are.
    lengths: BTreeSet<usize>,
}

/// The part of an address before its `@`, in one of its writings; longer ones stand before shorter ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Local {
    length: Reverse<usize>,
    text: String,
    /// Whether it is a user's; the others are longer names that may stand where a user's stands.
    wanted: bool,
}

/// Every way to write `@`: plain, full width, and the escapes of URLs, HTML, JSON and Markdown. Where case does not count,
/// both are named: texts are passed over many bytes at once only where it counts.
const AT: [&str; 12] = [
    "@", "\u{ff20}", "%40", "&#64;", "&#x40;", "&#X40;", "&#x0040;", "&#X0040;", "&commat;", "\\u0040",
    "\\U0040", "\\@",
];

impl Addresses {
    /// Addresses that are `wanted`, and those that may be `named` though a wanted one stands in them.
    pub fn new<'a>(wanted: impl Iterator<Item = &'a str>, named: impl Iterator<Item = &'a str>) -> Self {
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
        let mut domains = BTreeMap::new();
        for (domain, locals) in by_domain {
            let locals: Arc<[Local]> = locals.into_iter().collect();
            for domain in writings(&domain) {
                domains.insert(domain.to_ascii_lowercase().into_bytes(), locals.clone());
            }
        }
        Self {
            at: AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(AT).ok(),
            lengths: domains.keys().map(Vec::len).collect(),
            domains,
        }
    }

    /// Whether one of them stands in `bytes` as a word of its own; `ada@example.org` is not in `nada@example.org`.
    pub fn stand_in(&self, bytes: &[u8]) -> bool {
        self.at.iter().flat_map(|at| at.find_iter(bytes)).any(|at| {
            let (before, after) = (&bytes[..at.start()], &bytes[at.end()..]);
            self.lengths.iter().take_while(|length| **length <= after.len()).any(|length| {
                let (domain, after) = after.split_at(*length);
                let Some(people) = self.domains.get(&domain.to_ascii_lowercase()) else { return false };
                // The longest name that ends there is the one that is meant.
                let named =
                    people.iter().find_map(|local| Some((local, without(before, local.text.as_bytes())?)));
                named.is_some_and(|(local, before)| {
                    local.wanted && !goes_on_before(before) && !goes_on_after(after)
                })
            })
        })
    }
}

/// One side of an address as it stands in text, URLs, HTML and Markdown.
fn writings(part: &str) -> BTreeSet<String> {
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
    let html = part.replace('&', "&amp;");
    let markdown: String = part
        .chars()
        .flat_map(|c| [matches!(c, '_' | '*' | '~' | '`' | '+' | '-' | '.').then_some('\\'), Some(c)])
        .flatten()
        .collect();
    BTreeSet::from([
        part.to_owned(),
        percent(b"-._~"),
        percent(b"-._~+"),
        percent(b"-_~"),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        html.replace('\'', "&apos;"),
        part.replace('_', "\\_"),
        markdown,
    ])
}

/// `bytes` without `end`, where they end with it in any case.
fn without<'b>(bytes: &'b [u8], end: &[u8]) -> Option<&'b [u8]> {
    let (before, last) = bytes.split_at_checked(bytes.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(before)
}

/// Whether an address begins further left. Signs that people write before an address are no part of it.
fn goes_on_before(before: &[u8]) -> bool {
    match before {
        [.., b'.'] => before.iter().rev().find(|b| **b != b'.').is_some_and(u8::is_ascii_alphanumeric),
        _ => is_word_before(before),
    }
}

/// Whether the name of a domain goes on.
fn goes_on_after(after: &[u8]) -> bool {
    match after {
        [b'-', next, ..] | [next, ..] => next.is_ascii_alphanumeric(),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        let wanted = ["ada@example.org", "o'neil_b@example.org"].into_iter();
        Addresses::new(wanted, ["files-ada@example.org"].into_iter()).stand_in(text.as_bytes())
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
            "mailto:ada%40example%2Eorg",
            "?to=%3Cada%40example.org%3E",
            r"line\nada@example.org",
            r"\u003cada@example.org",
            "ada&#64;example.org",
            "ada&commat;example.org",
            "ada\u{ff20}example.org",
            r"ada\@example.org",
            "o'neil_b@example.org",
            "o&#39;neil_b@example.org",
            r"o'neil\_b@example.org",
        ] {
            assert!(found(text), "{text}");
        }
        for (text, user) in [("ÄDA@example.org", "ÄDA@example.org"), ("a%2Bb@example.org", "a+b@example.org")]
        {
            let addresses = Addresses::new([user].into_iter(), std::iter::empty());
            assert!(addresses.stand_in(text.as_bytes()), "{text}");
        }
        for text in [
            "nada@example.org",
            "b.ada@example.org",
            "files-ada@example.org",
            "ada@example.organic",
            "ada@example.org-chart.example",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
