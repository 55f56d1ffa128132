//! What was done, one line per operation.

use super::Error;
use super::commit::Commit;
use super::glass::Glass;
use super::listing::Trees;
use super::message::{Event, Message, PackageRef, Validation};
use super::operation::{Ended, OPERATION, Operation, folder, place};
use git2::{Odb, Oid};
use serde::Serialize;
use std::path::Path;

/// One operation of a glass, as its commit tells it; [`super::verify`] says whether that is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 0.
    pub operation: u32,
    /// What happened.
    pub event: Event,
    /// The commit.
    pub commit: String,
    /// When, UTC.
    pub at: String,
    /// Under whose name it was recorded.
    pub by: String,
    /// The package that it makes or concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageRef>,
    /// Name of the package that it makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was run, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Where it was discussed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What its validation said.
    pub validation: Validation,
    /// What recorded it.
    pub tool: String,
}

/// One run of a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// The phase.
    pub phase: String,
    /// The invocation's number in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Ended>,
    /// When it began, UTC.
    pub started: String,
    /// When it ended, UTC.
    pub ended: String,
}

impl Entry {
    pub(super) fn of(id: Oid, commit: &Commit, message: &Message) -> Self {
        let text = |value: &Option<super::Value>| value.as_ref().map(|value| value.as_str().to_owned());
        Self {
            operation: message.operation,
            event: message.event,
            commit: id.to_string(),
            at: date(commit.time),
            by: commit.committer.clone(),
            package: message.package.clone(),
            name: message.name.clone(),
            ran: None,
            requested_by: text(&message.requested_by),
            approved_by: text(&message.approved_by),
            ticket: text(&message.ticket),
            validation: message.validation,
            tool: message.tool.as_str().to_owned(),
        }
    }
}

/// The moment so many seconds after 1970 began, UTC; a number that is none as it is.
pub(super) fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The operations of the glass at `path`, oldest first.
pub fn log(path: &Path) -> Result<Vec<Entry>, Error> {
    let glass = Glass::open(path)?;
    let odb = glass.repository.odb()?;
    let mut trees = Trees::new(&odb);
    let mut entries = Vec::new();
    let tip = glass.tip()?;
    glass.is_one(&odb, tip)?;
    let mut next = Some(tip);
    while let Some(id) = next {
        let (commit, message) = glass.read(&odb, id)?;
        next = commit.parents.first().copied();
        let mut entry = Entry::of(id, &commit, &message);
        entry.ran = ran(&odb, &mut trees, commit.tree, &message)?;
        entries.push(entry);
        trees.turn();
    }
    entries.reverse();
    Ok(entries)
}

/// What `operation.json` says of the run; a folder that says nothing of the kind is for `verify` to find.
pub(super) fn ran(
    odb: &Odb<'_>,
    trees: &mut Trees<'_>,
    tree: Oid,
    message: &Message,
) -> Result<Option<Ran>, Error> {
    let Some(place) = place(message.event) else { return Ok(None) };
    let path = format!("{place}/{}/{OPERATION}", folder(message.operation, message.event));
    let Some(found) = trees.find(tree, &path)? else { return Ok(None) };
    let Ok(about) = Operation::parse(odb.read(found.id)?.data()) else { return Ok(None) };
    Ok(about.phase.map(|phase| Ran {
        phase,
        run: about.run,
        result: about.result,
        started: about.started.to_string(),
        ended: about.ended.to_string(),
    }))
}
