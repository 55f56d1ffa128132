//! Finds secrets in bytes: kinds of key that are known by their form, and known values in every usual encoding.
//!
//! One pass over the bytes, whatever the number of values: every needle is known by its first eight bytes, and a small
//! filter tells for nearly every place that no needle begins there.

use super::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashMap;

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
    needles: HashMap<u64, Vec<Needle>>,
    filter: Vec<u64>,
}

struct Needle {
    bytes: Vec<u8>,
    kind: &'static str,
    encoding: &'static str,
    /// What must follow for a form; values need nothing more.
    rest: fn(&[u8]) -> bool,
}

impl std::fmt::Debug for Needle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Needle({}, {})", self.kind, self.encoding)
    }
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

/// Kinds of key whose begin is shorter than a needle: begin, number of characters that follow, what else these may be.
const SHORT_FORMS: &[(&[u8], usize, &[u8], &str)] = &[
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

impl Scanner {
    /// Prepares to look for keys by their form and for the values of `known`.
    pub fn new(known: &[Secret]) -> Self {
        let mut scanner = Self { needles: HashMap::new(), filter: vec![0; 1024] };
        for (begin, kind, rest) in FORMS {
            scanner.add(begin.as_bytes(), kind, "plain", *rest);
        }
        for (form, kind) in ENCODED_FORMS {
            for (encoding, bytes) in encodings(form) {
                if encoding != "plain" {
                    scanner.add(&bytes, kind, encoding, |_| true);
                }
            }
        }
        for secret in known.iter().filter(|secret| secret.expose().len() >= SHORTEST) {
            for (encoding, bytes) in encodings(secret.expose()) {
                scanner.add(&bytes, secret.kind(), encoding, |_| true);
            }
        }
        scanner
    }

    fn add(&mut self, bytes: &[u8], kind: &'static str, encoding: &'static str, rest: fn(&[u8]) -> bool) {
        let Some(first) = first_eight(bytes) else { return };
        let same = self.needles.entry(first).or_default();
        if same.iter().any(|needle| needle.bytes == bytes) {
            return;
        }
        same.push(Needle { bytes: bytes.to_vec(), kind, encoding, rest });
        let (word, bit) = slot(first);
        self.filter[word] |= bit;
    }

    /// Everything found in `bytes`, in order; overlapping finds of one place are told once.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for (offset, window) in bytes.windows(8).enumerate() {
            let first = u64::from_le_bytes(window.try_into().unwrap_or_default());
            let (word, bit) = slot(first);
            if self.filter[word] & bit == 0 {
                continue;
            }
            for needle in self.needles.get(&first).into_iter().flatten() {
                let found =
                    bytes[offset..].strip_prefix(&needle.bytes[..]).is_some_and(|rest| (needle.rest)(rest));
                if found {
                    hits.push(Hit { kind: needle.kind, encoding: needle.encoding, offset });
                    break;
                }
            }
        }
        for (begin, least, also, kind) in SHORT_FORMS {
            for offset in memchr::memmem::find_iter(bytes, begin) {
                let alone = offset == 0 || !bytes[offset - 1].is_ascii_alphanumeric();
                let rest = &bytes[offset + begin.len()..];
                let dots = *kind != "JSON Web Token" || {
                    let length =
                        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || also.contains(b)).count();
                    rest[..length].iter().filter(|b| **b == b'.').count() == 2
                };
                if alone && word(rest, *least, also) && dots {
                    hits.push(Hit { kind, encoding: "plain", offset });
                }
            }
        }
        for offset in memchr::memmem::find_iter(bytes, b"://") {
            if password_in_url(&bytes[offset + 3..]) {
                hits.push(Hit { kind: "password in a URL", encoding: "plain", offset });
            }
        }
        hits.sort_by_key(|hit| hit.offset);
        hits.dedup_by_key(|hit| hit.offset);
        hits
    }
}

/// Looks for keys by their form and for the values of `known`; prepare a [`Scanner`] for more than one text.
pub fn scan(bytes: &[u8], known: &[Secret]) -> Vec<Hit> {
    if known.is_empty() {
        static FORMS_ONLY: std::sync::LazyLock<Scanner> = std::sync::LazyLock::new(|| Scanner::new(&[]));
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

/// Word and bit of the filter that stand for eight bytes.
fn slot(first: u64) -> (usize, u64) {
    let hash = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

/// A value as it stands in files of every usual format.
fn encodings(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let ascii_json = units(&json, LOWER, |unit| unit < 128);
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
        ("JSON", ascii_json),
        ("JSON", json.into_bytes()),
        ("URL", percent(false, LOWER)),
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
        ("HTML", html.replace('"', "&quot;").replace('\'', "&#39;").into_bytes()),
        ("HTML", html.replace('"', "&quot;").replace('\'', "&#x27;").into_bytes()),
        ("HTML", html.into_bytes()),
        ("quoted", value.replace('\'', "''").into_bytes()),
        ("quoted", value.replace('\'', "'\\''").into_bytes()),
        ("quoted", value.replace('$', "$$").into_bytes()),
    ];
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
