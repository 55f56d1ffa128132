//! A commit that records what was done: it adds its own folder and touches nothing else.

use super::walk::{Journal, State};
use crate::model::Digest;
use crate::pack::age;
use crate::record::claims;
use crate::record::error::Error;
use crate::record::finding::Finding;
use crate::record::journal;
use crate::record::listing::Change;
use crate::record::message::Message;
use crate::record::operation::{JOURNAL, OPERATION, Operation, folder, place};
use crate::record::order;
use crate::record::paths;
use crate::record::tree::{Mode, is_safe};
use crate::record::value::Value;
use git2::Oid;
use std::collections::BTreeMap;

pub(super) fn check(
    state: &mut State<'_>,
    message: &Message,
    changes: &[Change],
    alone: bool,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let Some(place) = place(message.event) else {
        return Ok(());
    };
    let own = folder(message.operation, message.event);
    let (mine, logs) = (format!("{place}/{own}/"), format!("{}/{own}/", paths::APPENDED[1]));
    let mut files = BTreeMap::new();
    for change in changes {
        let path = change.path.as_str();
        match (&change.before, &change.after) {
            (None, Some(entry)) if path.starts_with(&mine) || path.starts_with(&logs) => {
                if entry.mode != Mode::File || !is_safe(path) {
                    found.push(
                        Finding::new("glass.path", "it is not a plain file with a plain name").at(path),
                    );
                    continue;
                }
                // Reading it shows that it is there and what it says it is.
                state.blobs.digest(entry.id)?;
                if let Some(name) = path.strip_prefix(&mine) {
                    files.insert(name, entry.id);
                }
            }
            (None, Some(_)) if paths::is_appended(path) => {
                found.push(
                    Finding::new("glass.path", format!("an operation adds files to {mine} and {logs} only"))
                        .at(path),
                );
            }
            (_, after) if paths::is_appended(path) => {
                let what = if after.is_some() { "changed" } else { "taken away" };
                found.push(
                    Finding::new("glass.append_only", format!("it was recorded before and was {what} now"))
                        .at(path),
                );
            }
            _ => {
                let message = "only a package that an issuer signed may change it";
                found.push(Finding::new("glass.path", message).at(path));
            }
        }
    }
    let Some(about) = files.get(OPERATION) else {
        found.push(
            Finding::new("glass.operation.missing", "it does not say what was done").at(mine + OPERATION),
        );
        return Ok(());
    };
    let operation = match Operation::parse(state.blobs.odb.read(*about)?.data()) {
        Ok(operation) => operation,
        Err(why) => {
            found.push(Finding::new("glass.operation.form", why.to_string()).at(mine + OPERATION));
            return Ok(());
        }
    };
    trailers(state, message, &operation, alone, &mine, found);
    personal(state, &files, &operation, &mine, found)?;
    let read = |path: &str| {
        let blob = files.get(path).map(|id| state.blobs.odb.read(*id)).transpose();
        blob.map(|blob| blob.map(|blob| blob.data().to_vec()))
    };
    let report = claims::report(&operation).map(|path| read(&path)).transpose()?.flatten();
    let (approval, journal) = (read(claims::approval(&operation))?, read(JOURNAL)?);
    let clear = claims::Clear {
        journal: journal.as_deref(),
        report: report.as_deref(),
        approval: approval.as_deref(),
    };
    if let Err(why) = claims::check(&operation, clear) {
        found.push(Finding::new("glass.operation.form", why).at(mine.clone() + OPERATION));
    }
    if let (Some(bytes), Some(end)) = (&journal, &operation.journal) {
        match journal::check(bytes, end) {
            Err(broken) => {
                let message = format!("the chain of digests breaks: {}", broken.why);
                found.push(Finding::new("glass.journal", message).at(mine + JOURNAL).line(broken.line));
            }
            Ok(lines) => {
                if let Err(why) = claims::check_run(&operation, bytes) {
                    found.push(Finding::new("glass.journal", why).at(mine.clone() + JOURNAL));
                }
                if let Err((line, why)) = continued(state, &operation, message.operation, bytes, lines) {
                    found.push(Finding::new("glass.journal", why).at(mine.clone() + JOURNAL).line(line));
                }
            }
        }
    } else if journal.is_some() != operation.journal.is_some() {
        let message = "a journal and what operation.json says of it are not there together";
        found.push(Finding::new("glass.journal", message).at(mine + JOURNAL));
    }
    Ok(())
}

/// What the operation calls personal stands encrypted and numbered, and nowhere in clear.
fn personal(
    state: &mut State<'_>,
    files: &BTreeMap<&str, Oid>,
    operation: &Operation,
    mine: &str,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let mut sealed = 0;
    for (path, id) in files {
        let at = || [mine, path].concat();
        if operation.personal.iter().any(|name| name == path) {
            found.push(
                Finding::new("glass.operation.personal", "a personal file stands here in clear").at(at()),
            );
        }
        if claims::is_evidence(path) {
            let text = "evidence stands here in clear, which may name anybody";
            found.push(Finding::new("glass.operation.personal", text).at(at()));
        }
        if path.starts_with("personal/") {
            sealed += 1;
            if age::recipients(state.blobs.odb.read(*id)?.data()).is_none_or(|count| count == 0) {
                found.push(Finding::new("glass.operation.personal", "it is not encrypted").at(at()));
            }
        }
    }
    if sealed != operation.personal.len() {
        let text = format!(
            "there are {sealed} encrypted files, the operation tells of {}",
            operation.personal.len()
        );
        found.push(Finding::new("glass.operation.personal", text).at([mine, "personal"].concat()));
    }
    Ok(())
}

fn trailers(
    state: &State<'_>,
    message: &Message,
    operation: &Operation,
    alone: bool,
    mine: &str,
    found: &mut Vec<Finding>,
) {
    let agrees = operation.event.event() == message.event
        && operation.reference() == message.package
        && operation.validation == message.validation;
    if !agrees {
        let text = "Event, Package or Validation is not what the operation says of itself";
        found.push(Finding::new("glass.trailer", text).at([mine, OPERATION].concat()));
    }
    let [requested_by, approved_by] =
        [&message.requested_by, &message.approved_by].map(|name| name.as_ref().map(Value::as_str));
    if let Err(why) = claims::check_people(operation, requested_by, approved_by) {
        found.push(Finding::new("glass.trailer", why).at([mine, OPERATION].concat()));
    }
    if state.slug.as_deref().is_some_and(|slug| slug != operation.slug) {
        found.push(
            Finding::new("glass.operation.form", "it was done to another STUF")
                .at([mine, OPERATION].concat()),
        );
    }
    if let Some(package) = &message.package
        && !alone
        && !state.packages.contains(package)
    {
        let text = format!("it is about package {}, which was not recorded before it", package.number);
        found.push(Finding::new("glass.trailer", text));
    }
}

/// A journal that was recorded before goes on, with another run, and one with another first line (of a state folder made anew) tells
/// of what came after; the line that does not, and why.
fn continued(
    state: &mut State<'_>,
    operation: &Operation,
    number: u32,
    bytes: &[u8],
    lines: Vec<Digest>,
) -> Result<(), (u64, String)> {
    let plan = operation.package.as_ref().map(|package| package.plan);
    let before = state.ended.insert(plan, (number, operation.ended));
    let journal = (plan, lines.first().copied());
    let told = if let Some(Journal { lines: recorded, run, operation: last }) = state.journals.get(&journal) {
        let same = recorded.iter().zip(&lines).take_while(|(a, b)| a == b).count();
        if same < recorded.len() {
            Err((same as u64 + 1, "the line is another than when the journal was recorded last".to_owned()))
        } else if operation.run <= *run {
            let why = format!(
                "its runs up to that of operation {last} were recorded before, and each is recorded once"
            );
            Err((1, why))
        } else {
            Ok(())
        }
    } else {
        match (before, plan.and_then(|plan| journal::begun(bytes, &plan))) {
            (Some((number, ended)), Some(begun)) if order::overlaps(begun, ended) => {
                let why = format!(
                    "it is another journal than that of operation {number}, which ended at {ended}, and its first run began at {begun}"
                );
                Err((1, why))
            }
            _ => Ok(()),
        }
    };
    state.journals.insert(journal, Journal { lines, run: operation.run, operation: number });
    told
}
