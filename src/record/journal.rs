//! The journal's chain: every line holds the digest of the line before it.

use super::operation::{Ended, JournalEnd};
use crate::model::{Digest, Timestamp, Word as _};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Where a journal is not what it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The line that was changed, from 1.
    pub line: u64,
    pub why: String,
}

#[derive(Deserialize)]
struct Line {
    n: u64,
    prev: String,
}

/// The `prev` of a first line that follows nothing.
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Checks a journal against itself and against the end that was written down; the digests of its lines.
pub(super) fn check(bytes: &[u8], end: &JournalEnd) -> Result<Vec<Digest>, Broken> {
    let mut digests: Vec<Digest> = Vec::new();
    let broken = |line: usize, why: &str| Broken { line: line as u64, why: why.to_owned() };
    for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let number = index + 1;
        if line.last() != Some(&b'\n') {
            return Err(broken(number, "the line is torn"));
        }
        let content: Line =
            serde_json::from_slice(line).map_err(|_| broken(number, "the line is no journal line"))?;
        if content.n != number as u64 {
            return Err(broken(number, "the line has another number"));
        }
        match digests.last() {
            Some(before) if before.hex() != content.prev => {
                return Err(broken(number - 1, "the next line holds another digest of this line"));
            }
            None if content.prev.len() != FIRST.len() => {
                return Err(broken(number, "the first line does not say what it follows"));
            }
            _ => {}
        }
        digests.push(Digest::of(line));
    }
    let last = digests.last().map_or_else(|| FIRST.to_owned(), Digest::hex);
    if digests.len() as u64 != end.lines {
        return Err(broken(digests.len(), "the journal had another number of lines when it was recorded"));
    }
    if last != end.sha256 {
        return Err(broken(digests.len(), "the last line was another when it was recorded"));
    }
    Ok(digests)
}

#[derive(Deserialize)]
struct Step {
    plan: Digest,
    run: u32,
    #[serde(default)]
    phase: String,
    step: String,
    state: String,
    #[serde(default)]
    at: String,
}

/// What a journal tells of one run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The phase, or `sign-off`.
    pub phase: String,
    /// How it ended; a sign-off has no result.
    pub ended: Option<Ended>,
}

/// Lines of a plan about what was done: a refusal, and a hold before a step, are not.
fn done(bytes: &[u8], plan: &Digest) -> impl DoubleEndedIterator<Item = Step> {
    let lines = bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Step>(line).ok());
    lines.filter(|line| {
        line.plan == *plan && line.state != "refused" && line.step != "gate" && line.step != "hold"
    })
}

/// A run as the last line about one of its steps, or about its end, tells it.
pub(super) fn told(bytes: &[u8], plan: &Digest, run: u32) -> Option<Told> {
    let last = done(bytes, plan).rfind(|line| line.run == run)?;
    if last.step == SIGN_OFF {
        return Some(Told { phase: last.step, ended: None });
    }
    let ended = match last.state.as_str() {
        "finished" => Ended::Finished,
        "rolled_back" => Ended::RolledBack,
        "failed" => Ended::Failed,
        _ => Ended::Paused,
    };
    Some(Told { phase: last.phase, ended: Some(ended) })
}

/// What these phases leave is asked again each time, so they leave no operation; as `operation.py` of a package has it.
const NOT_RECORDED: [&str; 4] = ["preflight", "status", "support", "export"];
/// A sign-off is the only line of its run.
pub(super) const SIGN_OFF: &str = "sign-off";

/// Runs of a plan that leave an operation, with their phases, in their order.
pub(super) fn due(bytes: &[u8], plan: &Digest) -> BTreeSet<(u32, String)> {
    let due = done(bytes, plan).filter_map(|line| match line.step.as_str() {
        SIGN_OFF => Some((line.run, SIGN_OFF.to_owned())),
        _ if line.state == "started" && !NOT_RECORDED.contains(&line.phase.as_str()) => {
            Some((line.run, line.phase))
        }
        _ => None,
    });
    due.collect()
}

/// When the first run of a plan that leaves an operation began; a line that does not tell its time is older than any.
pub(super) fn begun(bytes: &[u8], plan: &Digest) -> Option<Timestamp> {
    let first = done(bytes, plan).find(|line| !NOT_RECORDED.contains(&line.phase.as_str()))?;
    Some(Timestamp::parse(&first.at).unwrap_or(Timestamp(jiff::Timestamp::UNIX_EPOCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(lines: u64) -> (Vec<String>, JournalEnd) {
        let (mut all, mut prev) = (Vec::new(), FIRST.to_owned());
        for n in 1..=lines {
            let line = format!("{{\"v\":1,\"n\":{n},\"prev\":\"{prev}\",\"state\":\"done\"}}\n");
            prev = Digest::of(line.as_bytes()).hex();
            all.push(line);
        }
        (all, JournalEnd { lines, sha256: prev })
    }

    #[test]
    fn an_edited_line_is_named_wherever_it_stands() {
        let (lines, end) = journal(4);
        assert!(check(lines.concat().as_bytes(), &end).is_ok());
        for at in 0..4 {
            let mut edited = lines.clone();
            edited[at] = edited[at].replace("done", "gone");
            assert_eq!(check(edited.concat().as_bytes(), &end).unwrap_err().line, at as u64 + 1);
        }
    }

    #[test]
    fn lines_taken_away_or_torn_are_seen() {
        let (lines, end) = journal(3);
        assert!(check(lines[..2].concat().as_bytes(), &end).is_err());
        assert!(check(lines.concat().trim_end().as_bytes(), &end).is_err());
        assert!(check([&lines[0], &lines[2]].map(String::as_str).concat().as_bytes(), &end).is_err());
    }
}
