//! The users' phone numbers, with whatever people write between the digits.

use crate::model::leak::is_word_before;
use std::collections::{BTreeSet, HashSet};

/// Shorter numbers are not looked for: they stand in texts by accident.
const SHORTEST: usize = 7;
/// Numbers shorter than this are looked for behind `+` or `00` only: dates and counts have as many digits.
const SHORTEST_BARE: usize = 9;
/// Digits of the longest number (ITU-T E.164) and of a prefix `00`.
const LONGEST: usize = 15 + 2;
/// Signs between two digits, at most.
const WIDEST_GAP: usize = 4;
/// Digits of a country's code, at most (ITU-T E.164).
const COUNTRY: usize = 3;

/// Phone numbers to look for.
#[derive(Default)]
pub(super) struct Phones {
    /// In their digits, with the country's code or with the `0` that stands for it at home.
    digits: HashSet<Vec<u8>>,
    /// How many digits they have.
    lengths: BTreeSet<usize>,
}

impl Phones {
    /// Numbers as E.164 writes them: `+`, the country's code, the rest.
    pub fn new<'a>(numbers: impl Iterator<Item = &'a str>) -> Self {
        let mut phones = Self::default();
        for number in numbers {
            let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
            if digits.len() < SHORTEST {
                continue;
            }
            // How long the country's code is cannot be told from the number alone.
            let at_home = (1..=COUNTRY).map(|code| [b"0", &digits[code..]].concat());
            let at_home: Vec<_> = at_home.filter(|digits| digits.len() >= SHORTEST_BARE).collect();
            for digits in at_home.into_iter().chain([digits]) {
                phones.lengths.insert(digits.len());
                phones.digits.insert(digits);
            }
        }
        phones
    }

    /// Whether one of them stands in `bytes` as a word of its own.
    pub fn stand_in(&self, bytes: &[u8]) -> bool {
        !self.digits.is_empty()
            && (0..bytes.len())
                .filter(|at| bytes[*at].is_ascii_digit() && !is_word_before(&bytes[..*at]))
                .any(|at| self.begins_at(bytes, at))
    }

    /// Whether one of them begins with the digit at `at`.
    fn begins_at(&self, bytes: &[u8], at: usize) -> bool {
        let (digits, ends) = collect(&bytes[at..]);
        let abroad = digits.starts_with(b"00");
        let called = abroad || before(bytes, at).ends_with(b"+") || bytes[..at].ends_with(b"%2B");
        let digits = if abroad { &digits[2..] } else { &digits[..] };
        let skipped = ends.len() - digits.len();
        self.lengths.iter().take_while(|length| **length <= digits.len()).any(|length| {
            let end = at + ends[skipped + length - 1];
            let goes_on = bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
            let number = called || (*length >= SHORTEST_BARE && !is_date_or_address(&bytes[at..end]));
            !goes_on && number && self.digits.contains(&digits[..*length])
        })
    }
}

/// What stands before `at`, without an opening bracket: `+(49) 30`.
fn before(bytes: &[u8], at: usize) -> &[u8] {
    let before = &bytes[..at];
    before.strip_suffix(b"(").unwrap_or(before)
}

/// The digits at the begin of `bytes`, and where each of them ends; signs that people put between them are passed over.
fn collect(bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut digits, mut ends) = (Vec::with_capacity(LONGEST), Vec::with_capacity(LONGEST));
    let mut at = 0;
    while digits.len() < LONGEST && bytes.get(at).is_some_and(u8::is_ascii_digit) {
        digits.push(bytes[at]);
        at += 1;
        ends.push(at);
        at += gap(&bytes[at..]);
    }
    (digits, ends)
}

/// Length of what people write between two digits: spaces, hyphens, brackets, and the `(0)` that is not dialled from abroad.
fn gap(bytes: &[u8]) -> usize {
    let mut length = 0;
    for _ in 0..WIDEST_GAP {
        length += match &bytes[length..] {
            [b'(', b'0', b')', ..] => 3,
            [b' ' | b'\t' | b'\n' | b'-' | b'.' | b'/' | b'(' | b')', ..] => 1,
            [b'\\', b'n' | b't', ..] => 2,
            // No-break space; hyphens, dashes and spaces of the general punctuation.
            [0xc2, 0xa0, ..] => 2,
            [0xe2, 0x80, 0x80..=0x95 | 0xaf, ..] => 3,
            _ => break,
        };
    }
    length
}

/// Whether digits that are no number stand so: `2026-11-19 21` and `198.51.100.17`.
fn is_date_or_address(text: &[u8]) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let hyphens = text.get(4) == Some(&b'-') && text.get(7) == Some(&b'-');
    let date = hyphens && digits(0..4) && digits(5..7) && digits(8..10);
    let address = std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok());
    date || address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        Phones::new(["+49301000222", "+20261119", "+2026111921", "+19851001717"].into_iter())
            .stand_in(text.as_bytes())
    }

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for text in [
            "+49301000222",
            "+49 30 1000222",
            "+49 (30) 100-02-22",
            "+(49) 30 1000222",
            "+49 (0)30 1000222",
            "+49 (0) 30 1000222",
            "0049 30/1000222",
            "(0049) 30/1000222",
            "49301000222",
            "030 1000222",
            "030/1000222 (Zentrale)",
            "+49 30 1000222 (24/7)",
            "+49 30 1000222 9-17 Uhr",
            "0049301000222/0049301000333",
            "Zimmer 2 0049 30 1000222",
            "Call:\\n0049 30 1000222",
            "Call:\\t49301000222",
            "+49\\n30\\n1000222",
            "tel:%2B49301000222",
            "a%2049301000222",
            "+49\u{a0}30\u{202f}1000222",
            "+49 30\u{2013}1000\u{2011}222",
            "+20 261119",
            "0020261119",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "149301000222",
            "493010002223",
            "4930100022a2",
            "x49301000222",
            "49301000222x",
            "2026-11-19",
            "2026-11-19 21:04",
            "198.51.100.17",
            "20261119",
            "1000222",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
