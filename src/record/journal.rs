//! The journal's chain: every line holds the digest of the line before it.

use super::operation::{Ended, JournalEnd};
use crate::model::{Digest, Timestamp, Word as _};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Where a journal is not what it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The line that was changed, from 1.
    pub line: u64,
    pub why: String,
}

/// One line; what cannot be read as one breaks the chain, so that none is passed over.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    n: u64,
    #[serde(default)]
    prev: String,
    plan: Digest,
    run: u32,
    #[serde(default)]
    phase: String,
    step: String,
    state: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    evidence: Vec<Evidence>,
}

/// A file that a step has left in the state folder.
#[derive(Deserialize)]
struct Evidence {
    path: String,
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

/// What a journal tells of one run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The phase, or `sign-off`.
    pub phase: String,
    /// How it ended; a sign-off has no result.
    pub ended: Option<Ended>,
    /// When it began and ended; none where a line does not tell its time.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Whether it came to a verdict, of which a report stands beside the journal.
    pub judged: bool,
    /// Every step that is not done.
    pub undone: Vec<Undone>,
    /// The first of these on which its report rests: what a proof found is told as soon as it was found, whatever failed later.
    pub unproven: Option<Undone>,
}

/// A step that is not done, and the state of its last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undone {
    pub step: String,
    pub state: String,
}

/// Lines of a plan about what was done: a refusal, and a hold before a step, are not.
fn done(bytes: &[u8], plan: &Digest) -> impl Iterator<Item = Line> {
    let lines = bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.filter(|line| {
        line.plan == *plan && line.state != "refused" && line.step != "gate" && line.step != "hold"
    })
}

/// A run as its lines tell it: the last one about a step, or about its end, says how it ended.
pub(super) fn told(bytes: &[u8], plan: &Digest, run: u32) -> Option<Told> {
    let lines: Vec<Line> = done(bytes, plan).filter(|line| line.run == run).collect();
    let (first, last) = (lines.first()?, lines.last()?);
    let until = Timestamp::parse(&last.at);
    // A clock may have stepped back meanwhile.
    let times = Timestamp::parse(&first.at).zip(until).map(|(since, until)| (since.min(until), until));
    if last.step == SIGN_OFF {
        let phase = SIGN_OFF.to_owned();
        return Some(Told { phase, ended: None, times, judged: true, undone: Vec::new(), unproven: None });
    }
    let ended = match last.state.as_str() {
        "finished" => Ended::Finished,
        "rolled_back" => Ended::RolledBack,
        "failed" | "undo_failed" => Ended::Failed,
        _ => Ended::Paused,
    };
    let report = format!("/reports/{run}/{}.json", last.phase);
    let names_report = |line: &&Line| line.evidence.iter().any(|file| file.path.ends_with(&report));
    let proof = lines.iter().rev().find(names_report).filter(|_| last.phase != CHECKS);
    // Who checks leaves a report of what was not right, and of everything once it has come to its end.
    let judged = if last.phase == CHECKS {
        lines.iter().any(|line| !matches!(line.state.as_str(), "started" | "done"))
    } else {
        proof.is_some()
    };
    let undone = self::undone(&lines);
    let unproven = match proof {
        Some(proof) => self::undone(std::slice::from_ref(proof)).pop(),
        None => undone.first().cloned(),
    };
    Some(Told { phase: last.phase.clone(), ended: Some(ended), times, judged, undone, unproven })
}

/// Steps whose last line does not say that they are done, by name.
fn undone(lines: &[Line]) -> Vec<Undone> {
    let steps = lines.iter().filter(|line| line.step != END);
    let last: BTreeMap<&str, &str> = steps.map(|line| (line.step.as_str(), line.state.as_str())).collect();
    last.into_iter()
        .filter(|(_, state)| !matches!(*state, "done" | "skipped"))
        .map(|(step, state)| Undone { step: step.to_owned(), state: state.to_owned() })
        .collect()
}

/// What these phases leave is asked again each time, so they leave no operation; as `operation.py` of a package has it.
const NOT_RECORDED: [&str; 3] = ["preflight", "status", "export"];
/// The phase that is recorded for what it found.
const CHECKS: &str = "verify";
/// The line that ends a pass over a phase.
const END: &str = "end";
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
            let line = format!(
                "{{\"v\":1,\"n\":{n},\"prev\":\"{prev}\",\"plan\":\"sha256:{FIRST}\",\"run\":1,\"step\":\"a\",\"state\":\"done\"}}\n"
            );
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

    #[test]
    fn a_line_that_says_nothing_of_a_step_is_none() {
        let (lines, _) = journal(1);
        let line = lines[0].replace("\"run\":1", "\"run\":\"1\"");
        let end = JournalEnd { lines: 1, sha256: Digest::of(line.as_bytes()).hex() };
        assert_eq!(check(line.as_bytes(), &end).unwrap_err().why, "the line is no journal line");
    }

    /// `operation.py` and `record.sh` of a package map the same words.
    #[test]
    fn how_a_run_ended_is_told_by_its_last_line() {
        let plan = Digest::parse(&format!("sha256:{FIRST}")).unwrap();
        for (state, ended) in [
            ("finished", Ended::Finished),
            ("rolled_back", Ended::RolledBack),
            ("failed", Ended::Failed),
            ("undo_failed", Ended::Failed),
            ("lost", Ended::Paused),
            ("started", Ended::Paused),
        ] {
            let line = format!(
                "{{\"plan\":\"sha256:{FIRST}\",\"run\":1,\"phase\":\"import\",\"step\":\"a\",\"state\":\"{state}\"}}\n"
            );
            assert_eq!(told(line.as_bytes(), &plan, 1).unwrap().ended, Some(ended), "{state}");
        }
    }

    #[test]
    fn a_run_is_told_with_its_times_and_whether_a_report_of_it_must_be_there() {
        let line = |state: &str, second: u32, more: &str| {
            format!(
                "{{\"plan\":\"sha256:{FIRST}\",\"run\":7,\"phase\":\"PHASE\",\"step\":\"a\",\"state\":\"{state}\",\
                 \"at\":\"2026-01-10T00:00:{second:02}Z\"{more}}}\n"
            )
        };
        let plan = Digest::parse(&format!("sha256:{FIRST}")).unwrap();
        let told = |phase: &str, lines: &[String]| {
            let told = told(lines.concat().replace("PHASE", phase).as_bytes(), &plan, 7).unwrap();
            let times = told.times.map(|(since, until)| format!("{since} {until}"));
            let state = told.unproven.map(|undone| undone.state);
            (told.judged, state.unwrap_or_default(), times.unwrap_or_default())
        };
        let named = r#","evidence":[{"path":"packages/1/reports/7/content.json","sha256":""}]"#;
        let cases = [
            ("verify", ["started", "done"], "", false, ""),
            ("verify", ["failed", "done"], "", true, ""),
            ("verify", ["done", "failed"], "", true, "failed"),
            ("content", ["done", "paused"], "", false, "paused"),
            // What a proof found stands, whatever came after it.
            ("content", ["done", "started"], named, true, ""),
            ("content", ["failed", "done"], named, true, "failed"),
            ("deploy", ["done", "started"], named, false, "started"),
        ];
        for (phase, [first, second], more, judged, state) in cases {
            let lines = [line(first, 1, more), line(second, 5, "")];
            let times = "2026-01-10T00:00:01Z 2026-01-10T00:00:05Z".to_owned();
            assert_eq!(told(phase, &lines), (judged, state.to_owned(), times), "{phase} {first} {second}");
        }
        let end = line("finished", 5, "").replace("\"a\"", "\"end\"");
        let (judged, state, _) = told("verify", &[line("done", 1, ""), end]);
        assert_eq!((judged, state.as_str()), (true, ""));
        let back = [line("started", 9, ""), line("done", 5, "")];
        assert_eq!(told("deploy", &back).2, "2026-01-10T00:00:05Z 2026-01-10T00:00:05Z");
    }
}
