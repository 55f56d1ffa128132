//! Finds secrets in bytes: kinds of key that are known by their form, and known values in every usual encoding.
//!
//! One pass over the bytes, whatever the number of values: every needle is known by its first eight bytes. Of four places
//! side by side one look tells, nearly always, that no needle begins at any of them, since every needle has five bytes at
//! one of its first four places that some needle has. How a value is written in all its encodings is worked
//! out when something begins like one of them, which is nearly never.

use super::Secret;
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rayon::prelude::*;
use std::sync::{LazyLock, OnceLock};

/// Shorter values are not searched for: they stand in texts by accident.
pub const SHORTEST: usize = 8;

/// A secret found, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it is, such as `private key` or `client secret`.
    pub kind: &'static str,
    /// How it is written, such as `plain` or `base64`.
    pub encoding: &'static str,
    /// Offset of its first byte.
    pub offset: usize,
}

/// Everything wanted, prepared once and used on any number of texts.
#[derive(Debug)]
pub struct Scanner {
    wanted: Vec<Wanted>,
    /// Sorted by their first eight bytes; of those with the same, the one that was added first counts.
    needles: Vec<Needle>,
    /// Of the first eight bytes of needles.
    begins: Filter,
    /// Of every five bytes that stand side by side in these.
    parts: Filter,
}

/// A value that may stand nowhere.
#[derive(Debug)]
struct Wanted {
    value: Secret,
    written: OnceLock<Encodings>,
}

/// A value in every encoding. `Debug` tells nothing of it.
struct Encodings(Vec<(&'static str, Vec<u8>)>);

impl std::fmt::Debug for Encodings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encodings({})", self.0.len())
    }
}

/// How something that is wanted begins, and what it would be.
#[derive(Debug)]
struct Needle {
    first: u64,
    of: Of,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Form(&'static Form),
    /// Places of a value and of one of its encodings.
    Value(usize, usize),
}

/// Begin of a form, its kind, and what must follow.
type Form = (&'static str, &'static str, fn(&[u8]) -> bool);

fn word(rest: &[u8], least: usize, also: &[u8]) -> bool {
    rest.iter().take_while(|b| b.is_ascii_alphanumeric() || also.contains(b)).count() >= least
}

/// Kinds of key that are known by how they begin (eight bytes at least).
const FORMS: &[Form] = &[
    ("-----BEGIN ", "private key", |rest| {
        let label = &rest[..rest.len().min(40)];
        let end = label.windows(5).position(|w| w == b"-----").unwrap_or(0);
        let label = &label[..end];
        label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")
    }),
    ("---- BEGIN SSH2 ", "private key", |rest| {
        let label = &rest[..rest.len().min(40)];
        let end = label.windows(4).position(|w| w == b"----").unwrap_or(0);
        label[..end].trim_ascii_end().ends_with(b"PRIVATE KEY")
    }),
    ("PuTTY-User-Key-File-", "private key", |_| true),
    ("AGE-SECRET-KEY-1", "age identity", |rest| word(rest, 20, b"")),
    ("AGE-PLUGIN-", "age identity", |rest| word(rest, 20, b"-")),
    ("github_pat_", "GitHub token", |rest| word(rest, 20, b"_")),
    ("sk_live_", "API key", |rest| word(rest, 16, b"")),
];

/// Begin of a short form, number of characters that follow, what else these may be, and its kind.
type ShortForm = (&'static [u8], usize, &'static [u8], &'static str);

/// Kinds of key whose begin is shorter than a needle.
const SHORT_FORMS: &[ShortForm] = &[
    (b"AKIA", 16, b"", "AWS access key id"),
    (b"ASIA", 16, b"", "AWS access key id"),
    (b"ghp_", 36, b"", "GitHub token"),
    (b"gho_", 36, b"", "GitHub token"),
    (b"ghs_", 36, b"", "GitHub token"),
    (b"ghu_", 36, b"", "GitHub token"),
    (b"ghr_", 36, b"", "GitHub token"),
    (b"glpat-", 20, b"_-", "GitLab token"),
    (b"xoxb-", 20, b"-", "Slack token"),
    (b"xoxp-", 20, b"-", "Slack token"),
    (b"eyJ", 40, b"_-.", "JSON Web Token"),
];

/// Whole begins of private keys, searched for in other encodings too.
const ENCODED_FORMS: &[(&str, &str)] = &[
    ("-----BEGIN PRIVATE KEY-----", "private key"),
    ("-----BEGIN RSA PRIVATE KEY-----", "private key"),
    ("-----BEGIN EC PRIVATE KEY-----", "private key"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "private key"),
    ("AGE-SECRET-KEY-1", "age identity"),
];

/// All of [`SHORT_FORMS`] and the begin of a URL's authority, found in one pass.
static SHORT: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let begins = SHORT_FORMS.iter().map(|(begin, ..)| *begin).chain([AUTHORITY]);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(begins).ok()
});

/// What stands before user and password in a URL.
const AUTHORITY: &[u8] = b"://";

/// Characters of a value whose encoding is longer than a needle's begin, and begins as that of the whole value does.
const ENOUGH: usize = 12;

impl Scanner {
    /// Prepares to look for keys by their form and for the values of `known`.
    pub fn new(known: &[Secret]) -> Self {
        let (begins, parts) = (Filter::default(), Filter::default());
        let mut scanner = Self { wanted: Vec::new(), needles: Vec::new(), begins, parts };
        for form in FORMS {
            scanner.add(first_eight(form.0.as_bytes()), Of::Form(form));
        }
        // In plain they are found by their form.
        let forms = ENCODED_FORMS.iter().map(|(form, kind)| (Secret::new(kind, *form), false));
        let long = known.iter().filter(|secret| secret.expose().len() >= SHORTEST);
        let wanted: Vec<(Secret, bool)> = forms.chain(long.map(|secret| (secret.clone(), true))).collect();
        let begins_of = |(value, in_plain): &(Secret, bool)| begins_of(value, *in_plain);
        // That of forms alone is made by whoever needs it first, while others wait: it may wait for none of them.
        let begins: Vec<Begins> = match known {
            [] => wanted.iter().map(begins_of).collect(),
            _ => wanted.par_iter().map(begins_of).collect(),
        };
        for (value, begins) in begins.into_iter().enumerate() {
            for (number, first) in begins {
                scanner.add(first, Of::Value(value, number));
            }
        }
        scanner.wanted =
            wanted.into_iter().map(|(value, _)| Wanted { value, written: OnceLock::new() }).collect();
        scanner.needles.sort_by_key(|needle| needle.first);
        scanner
    }

    fn add(&mut self, first: Option<u64>, of: Of) {
        let Some(first) = first else { return };
        self.begins.add(first);
        self.needles.push(Needle { first, of });
        for place in 0..PARTS {
            self.parts.add(part(first >> (8 * place)));
        }
    }

    /// Kind and encoding of what stands at the begin of `bytes`, if that is `needle`.
    fn is(&self, needle: &Needle, bytes: &[u8]) -> Option<(&'static str, &'static str)> {
        match needle.of {
            Of::Form((begin, kind, follows)) => {
                bytes.strip_prefix(begin.as_bytes()).is_some_and(follows).then_some((*kind, "plain"))
            }
            Of::Value(wanted, number) => {
                let Wanted { value, written } = &self.wanted[wanted];
                let written = written.get_or_init(|| Encodings(encodings(value.expose())));
                let (encoding, text) = &written.0[number];
                bytes.starts_with(text).then_some((value.kind(), *encoding))
            }
        }
    }

    /// The first of the known values that stands in `bytes` over several lines, as encoders wrap them, also in a text that was
    /// quoted and has `\n` for its line breaks; where it begins.
    pub fn scan_wrapped(&self, bytes: &[u8]) -> Option<Hit> {
        let text: Vec<u8> = unwrapped(bytes).map(|(_, byte)| byte).collect();
        let hit = self.needles_in(&text, |of| matches!(of, Of::Value(..))).into_iter().next()?;
        let (offset, _) = unwrapped(bytes).nth(hit.offset)?;
        Some(Hit { offset, ..hit })
    }

    /// What begins in `bytes` like a needle, and is it.
    ///
    /// Every byte of a package passes this loop, so it looks at every fourth place only, and there at five bytes: a needle
    /// that begins there or at one of the three places before has them in its first eight.
    fn needles_in(&self, bytes: &[u8], counts: impl Fn(Of) -> bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut look = |place: usize, eight: u64| {
            if self.parts.may_have(part(eight)) {
                hits.extend(self.begin_near(place, bytes, &counts));
            }
        };
        let windows = bytes.windows(8).step_by(PARTS).map(|window| first_eight(window).unwrap_or_default());
        let mut next = 0;
        for eight in windows {
            look(next, eight);
            next += PARTS;
        }
        // The last place has five to seven bytes after it.
        if let Some(rest @ [_, _, _, _, _, ..]) = bytes.get(next..) {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            look(next, u64::from_le_bytes(last));
        }
        hits
    }

    /// The needles that begin at `place` or at one of the three places before.
    #[cold]
    fn begin_near(&self, place: usize, bytes: &[u8], counts: &impl Fn(Of) -> bool) -> Vec<Hit> {
        let begin_at = |offset: usize| {
            let first = first_eight(&bytes[offset..])?;
            self.begins.may_have(first).then(|| self.begins_with(first, bytes, offset, counts))?
        };
        ((place + 1).saturating_sub(PARTS)..=place).filter_map(begin_at).collect()
    }

    /// The needle that is what stands at `offset`, whose eight bytes are `first`.
    fn begins_with(
        &self,
        first: u64,
        bytes: &[u8],
        offset: usize,
        counts: &impl Fn(Of) -> bool,
    ) -> Option<Hit> {
        let at = self.needles.partition_point(|needle| needle.first < first);
        let same = self.needles[at..].iter().take_while(|needle| needle.first == first);
        let found =
            same.filter(|needle| counts(needle.of)).find_map(|needle| self.is(needle, &bytes[offset..]));
        found.map(|(kind, encoding)| Hit { kind, encoding, offset })
    }

    /// Everything found in `bytes`, in order; overlapping finds of one place are told once.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Hit> {
        if bytes.len() < SHORTEST {
            return Vec::new();
        }
        let mut hits = self.needles_in(bytes, |_| true);
        // None of them begins inside of another in such a way that it could count there.
        for found in SHORT.iter().flat_map(|begins| begins.find_iter(bytes)) {
            let (offset, rest) = (found.start(), &bytes[found.end()..]);
            let kind = match SHORT_FORMS.get(found.pattern().as_usize()) {
                Some(form) => {
                    let alone = !is_word_before(&bytes[..offset]);
                    (alone && goes_on(form, rest)).then_some(form.3)
                }
                None => password_in_url(rest).then_some("password in a URL"),
            };
            hits.extend(kind.map(|kind| Hit { kind, encoding: "plain", offset }));
        }
        hits.sort_by_key(|hit| hit.offset);
        hits.dedup_by_key(|hit| hit.offset);
        hits
    }
}

/// Bytes with their places, without blanks, line breaks, and what stands for these in a text that was quoted.
fn unwrapped(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut rest = bytes.iter().copied().enumerate().peekable();
    std::iter::from_fn(move || {
        loop {
            let (place, byte) = rest.next()?;
            if byte == b'\\' && rest.next_if(|(_, next)| matches!(next, b'n' | b'r')).is_some() {
                continue;
            }
            if !matches!(byte, b' ' | b'\t'..=b'\r') {
                return Some((place, byte));
            }
        }
    })
}

/// Whether a word that begins where `before` ends goes on further left.
///
/// An escape such as `\n`, `\u003c`, `\x3c` and `%3C` is no part of a word, though its last character looks like a letter.
pub fn is_word_before(before: &[u8]) -> bool {
    let escaped = match before {
        [.., b'%', a, b] | [.., b'\\', b'x', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()),
        [.., b'\\', letter] => b"nrtbf".contains(letter),
        _ => false,
    };
    !escaped && before.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether what follows the begin of a short form makes it one.
fn goes_on((_, least, also, kind): &ShortForm, rest: &[u8]) -> bool {
    let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || also.contains(b)).count();
    let dots = *kind != "JSON Web Token" || rest[..length].iter().filter(|b| **b == b'.').count() == 2;
    length >= *least && dots
}

/// Looks for keys by their form and for the values of `known`; prepare a [`Scanner`] for more than one text.
pub fn scan(bytes: &[u8], known: &[Secret]) -> Vec<Hit> {
    if known.is_empty() {
        static FORMS_ONLY: LazyLock<Scanner> = LazyLock::new(|| Scanner::new(&[]));
        return FORMS_ONLY.scan(bytes);
    }
    Scanner::new(known).scan(bytes)
}

/// Whether user and password stand before the `@` of a URL; what stands for a password in an example is none.
fn password_in_url(rest: &[u8]) -> bool {
    let end = rest.iter().position(|b| b.is_ascii_whitespace() || b"/\\?#\"'<>`|".contains(b));
    let Ok(authority) = std::str::from_utf8(&rest[..end.unwrap_or(rest.len()).min(1024)]) else {
        return false;
    };
    let Some((user, host)) = authority.rsplit_once('@') else { return false };
    let Some((_, password)) = user.split_once(':') else { return false };
    // A port, then another address: `https://a.example:8080,ada@example.org`.
    let first = password.split([',', ';']).next().unwrap_or_default();
    let port = first.len() < password.len() && first.bytes().all(|b| b.is_ascii_digit());
    let stands_for_one = password.bytes().all(|b| b"*.x".contains(&b))
        || ["${", "$(", "{{", "%24%7B"].iter().any(|begin| password.starts_with(begin));
    !port && !stands_for_one && host.starts_with(|c: char| c.is_alphanumeric() || c == '[')
}

fn first_eight(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|first| u64::from_le_bytes(*first))
}

/// Places at which five bytes stand within a needle's first eight.
const PARTS: usize = 4;

/// The first five of eight bytes.
fn part(eight: u64) -> u64 {
    eight << 24
}

/// Tells of most numbers that were never added that they were not.
#[derive(Debug)]
struct Filter(Box<[u64; 1024]>);

impl Default for Filter {
    fn default() -> Self {
        Self(Box::new([0; 1024]))
    }
}

impl Filter {
    fn add(&mut self, number: u64) {
        let (word, bit) = slot(number);
        self.0[word] |= bit;
    }

    fn may_have(&self, number: u64) -> bool {
        let (word, bit) = slot(number);
        self.0[word] & bit != 0
    }
}

/// Word and bit of a filter that stand for a number.
fn slot(number: u64) -> (usize, u64) {
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

/// Places of encodings, and how a value begins in each.
type Begins = Vec<(usize, Option<u64>)>;

/// The first eight bytes of a value in each of its encodings, with the encoding's place, or in all but plain text.
fn begins_of(value: &Secret, in_plain: bool) -> Begins {
    let text = value.expose();
    let begin = text.char_indices().nth(ENOUGH).map_or(text, |(end, _)| &text[..end]);
    let encodings = encodings(begin).into_iter().enumerate();
    encodings
        .filter(|(_, (encoding, _))| in_plain || *encoding != "plain")
        .map(|(number, (_, bytes))| (number, first_eight(&bytes)))
        .collect()
}

/// A value as it stands in files of every usual format.
fn encodings(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.get(1..json.len() - 1).unwrap_or_default().to_owned();
    let ascii_json = units(&json, LOWER, |unit| unit < 128);
    // A result in a message in a result: escaped twice.
    let twice = |written: &[u8]| {
        let written = String::from_utf8_lossy(written);
        let escaped = serde_json::to_string(&written).unwrap_or_default();
        units(escaped.get(1..escaped.len() - 1).unwrap_or_default(), LOWER, |unit| unit < 128)
    };
    let twice = [twice(json.as_bytes()), twice(&ascii_json)];
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let percent =
        |slash: bool, digits| escapes(bytes, b"%", digits, |b| unreserved(b) || (slash && b == b'/'));
    let all_of = |prefix: &[u8], digits| escapes(bytes, prefix, digits, |_| false);
    let spaces_as_plus = String::from_utf8_lossy(&percent(false, UPPER)).replace("%20", "+").into_bytes();
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut all = vec![
        ("plain", bytes.to_vec()),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("hexadecimal", hex::encode_upper(bytes).into_bytes()),
        ("JSON", json.replace('/', "\\/").into_bytes()),
        ("JSON", String::from_utf8_lossy(&ascii_json).replace('/', "\\/").into_bytes()),
        ("JSON", ascii_json),
        ("JSON", json.into_bytes()),
        ("URL", percent(false, LOWER)),
        ("URL", percent(true, LOWER)),
        ("URL", percent(true, UPPER)),
        ("URL", spaces_as_plus),
        ("URL", percent(false, UPPER)),
        ("URL", all_of(b"%", LOWER)),
        ("URL", all_of(b"%", UPPER)),
        ("JSON", units(value, LOWER, |_| false)),
        ("JSON", units(value, UPPER, |_| false)),
        ("escapes", all_of(b"\\x", LOWER)),
        ("hexadecimal", all_of(b":", UPPER).split_off(1)),
        ("hexadecimal", all_of(b":", LOWER).split_off(1)),
        ("hexadecimal", all_of(b" ", UPPER).split_off(1)),
        ("hexadecimal", all_of(b" ", LOWER).split_off(1)),
        ("HTML", html.replace('"', "&quot;").replace('\'', "&#39;").into_bytes()),
        ("HTML", html.replace('"', "&quot;").replace('\'', "&#x27;").into_bytes()),
        ("HTML", html.into_bytes()),
        ("quoted", value.replace('\'', "''").into_bytes()),
        ("quoted", value.replace('\'', "'\\''").into_bytes()),
        ("quoted", value.replace('\'', "'\"'\"'").into_bytes()),
        ("quoted", value.replace('$', "$$").into_bytes()),
        // Python chooses the quotes around a text by what stands in it.
        ("Python", python(value, "").into_bytes()),
        ("Python", python(value, "'").into_bytes()),
    ];
    all.extend(twice.map(|text| ("JSON", text)));
    for shift in 0..3 {
        // What stands before the value shifts it by up to two bytes; the characters it shares with its neighbours are cut.
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(bytes);
        let first = [0, 2, 3][shift];
        let shared = usize::from(shifted.len() % 3 != 0);
        for (name, text) in
            [("base64", STANDARD_NO_PAD.encode(&shifted)), ("base64url", URL_SAFE_NO_PAD.encode(&shifted))]
        {
            all.push((name, text.as_bytes()[first..text.len() - shared].to_vec()));
        }
    }
    all
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Each byte as `prefix` and two digits, but for those that `keep` lets stand.
fn escapes(bytes: &[u8], prefix: &[u8], digits: &[u8; 16], keep: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * (prefix.len() + 2));
    for byte in bytes {
        if keep(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(prefix);
            out.extend([byte >> 4, byte & 15].map(|digit| digits[usize::from(digit)]));
        }
    }
    out
}

/// A text as Python shows it: control characters escaped, and of quotes those that are named.
fn python(text: &str, quotes: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == '\\' || quotes.contains(c) => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Each UTF-16 unit as `\u` and four digits, but for those of ASCII that `keep` lets stand.
fn units(text: &str, digits: &[u8; 16], keep: impl Fn(u16) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 6);
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if keep(unit) => out.push(byte),
            _ => {
                out.extend_from_slice(b"\\u");
                out.extend([12, 8, 4, 0].map(|shift| digits[usize::from(unit >> shift & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_value_is_found_in_every_encoding_at_every_offset() {
        let value = "fake \"näme\" & $ecret/for+tests'";
        let secret = Secret::new("client secret", value);
        let scanner = Scanner::new(&[secret]);
        for (encoding, bytes) in encodings(value) {
            let text = [b"before ", &bytes[..], b" after"].concat();
            assert_eq!(scanner.scan(&text).len(), 1, "{encoding}");
        }
        for shift in 0..12 {
            let inside = format!("{}{value} and more", "x".repeat(shift));
            for text in [STANDARD_NO_PAD.encode(&inside), URL_SAFE_NO_PAD.encode(&inside)] {
                assert_eq!(scanner.scan(text.as_bytes()).len(), 1, "shift {shift}");
            }
        }
        assert_eq!(scanner.scan(b"nothing to be found here, fake or not"), []);
    }

    #[test]
    fn a_known_value_is_found_at_every_place_up_to_both_ends() {
        let scanner =
            Scanner::new(&[Secret::new("client secret", "fakefake"), Secret::new("salt", "nosecrets")]);
        for (before, after) in (0..13).flat_map(|before| (0..13).map(move |after| (before, after))) {
            for (value, kind) in [("fakefake", "client secret"), ("nosecrets", "salt")] {
                let text = format!("{}{value}{}", ".".repeat(before), ".".repeat(after));
                let expected = [Hit { kind, encoding: "plain", offset: before }];
                assert_eq!(scanner.scan(text.as_bytes()), expected, "{before} before, {after} after");
            }
        }
    }

    #[test]
    fn the_begin_of_a_value_is_written_as_the_begin_of_the_whole() {
        let values = [
            "fake \"näme\" & $ecret/for+tests'",
            "''''''''''''''''''''''''",
            "\u{1f512}\u{7}é\\/ fake %&<>\"",
            "0123456789abc",
        ];
        for value in values {
            for end in value.char_indices().map(|(end, _)| end).skip(ENOUGH) {
                for ((encoding, begin), (_, whole)) in encodings(&value[..end]).iter().zip(encodings(value)) {
                    assert!(begin.len() >= SHORTEST, "{encoding}");
                    assert!(whole.starts_with(begin), "{encoding} of {value:?} up to {end}");
                }
            }
        }
    }

    #[test]
    fn keys_are_known_by_their_form() {
        let dashes = "-----";
        let cases = [
            (format!("{dashes}BEGIN OPENSSH PRIVATE KEY{dashes}"), "private key"),
            (format!("{dashes}BEGIN PRIVATE KEY{dashes}"), "private key"),
            (format!("{}{}", "AGE-SECRET-KEY-1", "Q".repeat(58)), "age identity"),
            (format!("{}{}", "AKIA", "A".repeat(16)), "AWS access key id"),
            (format!("{}{}", "ghp_", "a".repeat(36)), "GitHub token"),
            (format!("{}{}", "ghu_", "a".repeat(36)), "GitHub token"),
            (format!("{}{}", "gho_", "a".repeat(36)), "GitHub token"),
            (format!("{}{}", "ghs_", "a".repeat(36)), "GitHub token"),
            (format!("{dashes}BEGIN PGP PRIVATE KEY BLOCK{dashes}"), "private key"),
            ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----".to_owned(), "private key"),
        ];
        for (text, kind) in cases {
            let found = scan(format!("in a text: {text}\n").as_bytes(), &[]);
            assert_eq!(found, [Hit { kind, encoding: "plain", offset: 11 }]);
        }
        let token = format!("{}{}", "AKIA", "A".repeat(16));
        for before in ["", "\\n", "\\t", "\\u003c", "\\x3c", "%20", "%3D", "\n", "-", "key="] {
            assert_eq!(scan(format!("so: {before}{token}").as_bytes(), &[]).len(), 1, "{before:?}");
        }
        assert_eq!(scan(format!("part of a longer word: X{token}").as_bytes(), &[]), []);
        let url = scan(b"clone https://ada:fake-word@git.example/x", &[]);
        assert_eq!(url, [Hit { kind: "password in a URL", encoding: "plain", offset: 11 }]);
        for innocent in [
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----",
            "---- BEGIN SSH2 PUBLIC KEY ----",
            "AKIA is short",
            "eyJust a word",
            "https://a.example:8080/ada@example.org",
            "https://a.example:8080 ada@example.org",
            "https://a.example:8080,ada@example.org",
            "postgres://stuf:${POSTGRES_PASSWORD}@database/stuf",
            "ssh://git@host.example:22/x",
        ] {
            assert_eq!(scan(innocent.as_bytes(), &[]), []);
        }
    }
}
