//! The command line as it was typed, and commands as they can be pasted.

use super::report::printable;
use crate::model::{Instead, shell};
use std::ffi::OsString;

/// What the user typed, to be shown again: whole, or with other words.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a>(pub &'a [OsString]);

impl Typed<'_> {
    /// The same command.
    pub fn again(&self) -> String {
        self.instead([])
    }

    /// The same command with each word replaced that was not meant.
    pub fn instead<'i>(&self, instead: impl IntoIterator<Item = &'i Instead>) -> String {
        let mut words = self.0.to_vec();
        for Instead { option, named, meant } in instead {
            let place = match option {
                Some(option) => self.value(option, named),
                None => self.by_itself(named),
            };
            if let Some(place) = place {
                let joined = option.filter(|_| self.0[place].to_string_lossy().starts_with("--"));
                words[place] = joined.map_or(meant.clone(), |option| format!("{option}={meant}")).into();
            }
        }
        let words: Vec<OsString> = words.into_iter().skip(1).collect();
        command(words)
    }

    /// Where the value `named` of an option stands: after it, or in one word with it.
    fn value(&self, option: &str, named: &str) -> Option<usize> {
        let after = |place: usize| place > 0 && self.0[place - 1] == *option && is(&self.0[place], named);
        let joined = |place: usize| is(&self.0[place], &format!("{option}={named}"));
        (0..self.0.len()).find(|place| after(*place) || joined(*place))
    }

    /// Where `named` stands that is no option's value.
    fn by_itself(&self, named: &str) -> Option<usize> {
        let follows_option = |place: usize| self.0[place - 1].to_string_lossy().starts_with("--");
        (1..self.0.len()).find(|place| is(&self.0[*place], named) && !follows_option(*place))
    }
}

/// Whether a word is this path; a slash at its end means nothing.
fn is(word: &OsString, path: &str) -> bool {
    let word = word.to_string_lossy();
    word == path || word.trim_end_matches('/') == path
}

/// A command of this program with these words, quoted for a POSIX shell.
///
/// It begins as the user began: with a path where PATH does not lead here.
pub fn command(words: impl IntoIterator<Item = impl Into<OsString>>) -> String {
    let program = std::env::args_os().next().filter(|program| !program.is_empty());
    let program = program.unwrap_or_else(|| "stufpack".into());
    let words = words.into_iter().map(Into::into);
    let words: Vec<String> = std::iter::once(program).chain(words).map(|word| quoted(&word)).collect();
    words.join(" ")
}

fn quoted(word: &OsString) -> String {
    shell::word(&printable(&word.to_string_lossy()))
}
