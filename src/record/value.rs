//! Text that stands in one line of a commit message, and cannot make a second one.

use super::Error;
use crate::model::leak;
use std::fmt;

/// The value of a trailer: 1 to 200 visible characters, no control and no text-direction characters, no outer space.
///
/// A line break in a ticket number would forge a trailer, a direction override would show one that is not there; so such
/// text is refused, not repaired.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(String);

impl Value {
    /// Reads the value of `trailer` from what a person or a file gave; a key in it would stand in the history for ever.
    pub fn parse(trailer: &'static str, text: &str) -> Result<Self, Error> {
        if let Some(hit) = leak::scan(text.as_bytes(), &[]).first() {
            return Err(Error::SecretValue { trailer, kind: hit.kind });
        }
        Self::read(trailer, text)
    }

    /// Reads the value of `trailer` from a history.
    pub(super) fn read(trailer: &'static str, text: &str) -> Result<Self, Error> {
        let refused = |why| Err(Error::Value { trailer, why });
        if text.trim().is_empty() {
            return refused("it is empty");
        }
        if text.chars().count() > 200 {
            return refused("it is longer than 200 characters");
        }
        if text.trim() != text {
            return refused("it begins or ends with a space");
        }
        if text.chars().any(breaks_a_line) {
            return refused("it holds a line break or another control character");
        }
        if text.chars().any(deceives) {
            return refused("it holds a character that hides or turns text");
        }
        if text == NONE {
            return refused("the word “none” means that there is no value");
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands in a trailer that has no value.
pub(super) const NONE: &str = "none";

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn deceives(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn what_could_forge_or_hide_a_line_is_refused() {
        for text in [
            "",
            " ",
            "a ",
            "a\nApproved-By: me",
            "a\rb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\0",
            "none",
            "a\tb",
            "x\u{200b}",
        ] {
            assert!(Value::parse("Ticket", text).is_err(), "{text:?}");
        }
        assert!(Value::parse("Ticket", &"x".repeat(201)).is_err());
    }

    #[test]
    fn a_key_is_refused_and_not_told() {
        let fake = format!("glpat-{}", "FAKE".repeat(6));
        for text in [fake.clone(), format!("see {fake}"), format!("AGE-SECRET-KEY-1{}\n", "FAKE".repeat(14))]
        {
            let error = Value::parse("Ticket", &text).unwrap_err();
            assert!(matches!(error, super::Error::SecretValue { trailer: "Ticket", .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("FAKE"), "{error:?}");
        }
        assert!(Value::read("Ticket", &fake).is_ok(), "what stands in a history stays readable");
    }

    #[test]
    fn text_of_any_language_is_kept() {
        for text in ["OPS-17", "Ådne Ø (on call): $(id) {{ x }}", "مها الأحمد", "a: b"] {
            assert_eq!(Value::parse("Ticket", text).unwrap().as_str(), text);
        }
    }
}
