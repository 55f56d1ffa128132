//! Runs enter a glass in the order in which they ran: a journal that was recorded only ever goes on.
//!
//! An older run after a newer one would contradict what stands there, for ever, and so would a journal that went another way. A
//! journal may begin anew, where a state folder was lost; its runs then came after those that were recorded, as far as two clocks tell.

use super::glass::{Glass, Head};
use super::journal;
use super::listing::Trees;
use super::operation::{JOURNAL, OPERATION, Operation, folder, place};
use super::{AHEAD, Error};
use crate::model::{Digest, Timestamp, shell};
use git2::Odb;
use std::fs;
use std::path::{Path, PathBuf};

/// A larger file is no `operation.json` of ours.
const LARGEST_ABOUT: u64 = 1 << 20;

/// How a state folder goes on from the journal that a glass has.
const GO_ON: &str = "move this run's folder elsewhere, and those of the runs after it, put that journal in the place of \
                     packages/NUMBER/journal.jsonl of the state folder, then run the phase again";

/// Why a run cannot be recorded, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum Order {
    /// A run after it stands in the glass.
    #[error(
        "{folder} cannot be recorded any more: {newer}, which ran after it, is operation {operation} of this glass, with a journal \
         that holds all that this one tells; nothing was recorded; next: keep the folder, which alone has that run's reports and \
         evidence, and go on with what ran after {newer}",
        folder = folder.display()
    )]
    Late {
        /// The run's folder.
        folder: PathBuf,
        /// The run that was recorded, such as `8-abort`.
        newer: String,
        /// Its operation in the glass.
        operation: u32,
    },
    /// Runs before it stand beside it, not recorded, and could not be recorded after it.
    #[error(
        "{folder} cannot be recorded yet: {} ran before it and could not be recorded after it; nothing was recorded",
        names(waiting), folder = folder.display()
    )]
    Early {
        /// The run's folder.
        folder: PathBuf,
        /// The folders that come first, in their order.
        waiting: Vec<PathBuf>,
    },
    /// The run, or one after it of the same journal, stands in the glass.
    #[error(
        "{folder} cannot be recorded: the runs of its journal up to {newer} stand in this glass, the last as operation {operation}, \
         and each is recorded once; nothing was recorded; next: compare both: git -C {word} show main:{recorded}",
        folder = folder.display(), word = shell::path(glass)
    )]
    Twice {
        /// The run's folder.
        folder: PathBuf,
        /// The run that was recorded last, such as `8-abort`.
        newer: String,
        /// The glass.
        glass: PathBuf,
        /// Its operation in the glass.
        operation: u32,
        /// Its `operation.json` there.
        recorded: String,
    },
    /// The journal is not the one that was recorded.
    #[error(
        "{journal} cannot be recorded: line {line} is another than in operation {operation} of this glass, so the glass would \
         contradict itself; nothing was recorded; next: compare both: git -C {word} show main:{recorded} \
         (a state folder that was put back from an older copy went on another way: {go_on})",
        journal = journal.display(), word = shell::path(glass), go_on = GO_ON
    )]
    Another {
        /// The journal.
        journal: PathBuf,
        /// Its first line that differs.
        line: usize,
        /// The glass.
        glass: PathBuf,
        /// The operation that recorded it last.
        operation: u32,
        /// The journal's path there.
        recorded: String,
    },
    /// Another journal of the package is recorded, and this one tells of the same time.
    #[error(
        "{journal} cannot be recorded: it is another journal than that of {newer}, which is operation {operation} of this glass, and \
         its first run began at {begun}, before that one ended ({ended}); runs of a package follow each other, so one of the two \
         journals is not true; nothing was recorded; next: compare both: git -C {word} show main:{recorded} \
         (a state folder that was made anew begins after what was recorded from the one before it; where this machine's clock was \
         behind, correct it, then: {go_on})",
        journal = journal.display(), word = shell::path(glass), go_on = GO_ON
    )]
    Anew {
        /// The journal.
        journal: PathBuf,
        /// When its first run that leaves an operation began.
        begun: Timestamp,
        /// The run that was recorded last, such as `8-abort`.
        newer: String,
        /// When that ended.
        ended: Timestamp,
        /// The glass.
        glass: PathBuf,
        /// Its operation in the glass.
        operation: u32,
        /// Its journal's path there.
        recorded: String,
    },
}

/// A run that is to be recorded.
pub(super) struct Run<'a> {
    pub folder: &'a Path,
    pub operation: &'a Operation,
    pub journal: &'a [u8],
}

/// A journal as it was recorded last.
struct Last {
    operation: u32,
    path: String,
    about: Option<Operation>,
    lines: Vec<Digest>,
}

impl Glass {
    /// Refuses a run that does not follow what was recorded; the runs before it that will never be, since no folder of them is here.
    pub(super) fn follows(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        head: &Head,
        run: &Run<'_>,
    ) -> Result<Vec<String>, Error> {
        let lines = digests(run.journal);
        let (last, other) = self.last_journals(odb, trees, head, run.operation, &lines)?;
        if last.is_none() {
            self.begins_after(run, other)?;
        }
        let recorded = last.as_ref().map_or(0, |last| last.lines.len());
        if let Some(last) = &last {
            let same = last.lines.iter().zip(&lines).take_while(|(a, b)| a == b).count();
            if same < recorded {
                return Err(Error::Order(Box::new(if same == lines.len() {
                    Order::Late {
                        folder: run.folder.to_owned(),
                        newer: last.name(),
                        operation: last.operation,
                    }
                } else {
                    Order::Another {
                        journal: run.folder.join(JOURNAL),
                        line: same + 1,
                        glass: self.path.clone(),
                        operation: last.operation,
                        recorded: last.path.clone(),
                    }
                })));
            }
        }
        let since = last.as_ref().and_then(|last| last.about.as_ref()?.run).unwrap_or(0);
        if let Some(last) = last.as_ref().filter(|_| run.operation.run.is_some_and(|run| run <= since)) {
            return Err(Error::Order(Box::new(Order::Twice {
                folder: run.folder.to_owned(),
                newer: last.name(),
                glass: self.path.clone(),
                operation: last.operation,
                recorded: last.path.replace(JOURNAL, OPERATION),
            })));
        }
        let waiting = waiting(run, &lines, recorded);
        if !waiting.is_empty() {
            return Err(Error::Order(Box::new(Order::Early { folder: run.folder.to_owned(), waiting })));
        }
        let (Some(package), Some(number)) = (&run.operation.package, run.operation.run) else {
            return Ok(Vec::new());
        };
        let due = journal::due(run.journal, &package.plan).into_iter();
        let between = due.filter(|(run, _)| *run > since && *run < number);
        Ok(between.map(|(run, phase)| format!("{run}-{phase}")).collect())
    }

    /// Refuses a journal that begins anew, but with what was done before the run that was recorded last had ended.
    fn begins_after(&self, run: &Run<'_>, other: Option<Last>) -> Result<(), Error> {
        let package = run.operation.package.as_ref();
        let begun = package.and_then(|package| journal::begun(run.journal, &package.plan));
        let (Some(last), Some(begun)) = (other, begun) else {
            return Ok(());
        };
        match last.about.as_ref().map(|about| about.ended).filter(|ended| overlaps(begun, *ended)) {
            None => Ok(()),
            Some(ended) => Err(Error::Order(Box::new(Order::Anew {
                journal: run.folder.join(JOURNAL),
                begun,
                newer: last.name(),
                ended,
                glass: self.path.clone(),
                operation: last.operation,
                recorded: last.path,
            }))),
        }
    }

    /// The journal that begins with the same line, of the same plan, as the glass has it; without one, the plan's last.
    fn last_journals(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        head: &Head,
        operation: &Operation,
        lines: &[Digest],
    ) -> Result<(Option<Last>, Option<Last>), Error> {
        let package = operation.reference();
        let (mut next, mut other) = (Some(head.id), None);
        while let Some(id) = next {
            let (commit, message) = self.read(odb, id)?;
            next = commit.parents.first().copied();
            let Some(place) = place(message.event).filter(|_| message.package == package) else {
                continue;
            };
            let own = format!("{place}/{}", folder(message.operation, message.event));
            let path = format!("{own}/{JOURNAL}");
            let Some(journal) = trees.find(commit.tree, &path)? else {
                continue;
            };
            let recorded = digests(odb.read(journal.id)?.data());
            let is_same = recorded.first() == lines.first();
            if !is_same && other.is_some() {
                continue;
            }
            let about = match trees.find(commit.tree, &format!("{own}/{OPERATION}"))? {
                Some(about) => Operation::parse(odb.read(about.id)?.data()).ok(),
                None => None,
            };
            let last = Last { operation: message.operation, path, about, lines: recorded };
            if is_same {
                return Ok((Some(last), other));
            }
            other = Some(last);
        }
        Ok((None, other))
    }
}

/// Whether a run began before another had ended, by more than the clock may have been ahead by which that was recorded.
pub(super) fn overlaps(begun: Timestamp, ended: Timestamp) -> bool {
    begun.seconds() + AHEAD < ended.seconds()
}

impl Last {
    fn name(&self) -> String {
        self.about.as_ref().and_then(name).unwrap_or_else(|| "a run".to_owned())
    }
}

/// Folders beside a run's whose journals this one goes on from, and the recorded one does not hold; in their order.
fn waiting(run: &Run<'_>, lines: &[Digest], recorded: usize) -> Vec<PathBuf> {
    // What cannot be read is not there for anybody who records.
    let Ok(own) = run.folder.canonicalize() else {
        return Vec::new();
    };
    let beside = own.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in beside.map(|entry| entry.path()).filter(|path| *path != own) {
        let about = path.join(OPERATION);
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || !fs::metadata(&about).is_ok_and(|about| about.is_file() && about.len() <= LARGEST_ABOUT)
        {
            continue;
        }
        let Some(other) = fs::read(about).ok().and_then(|bytes| Operation::parse(&bytes).ok()) else {
            continue;
        };
        let Some(end) = other.journal.filter(|_| other.package == run.operation.package) else {
            continue;
        };
        let Ok(count) = usize::try_from(end.lines) else {
            continue;
        };
        let last = count.checked_sub(1).and_then(|last| lines.get(last));
        let goes_on = count < lines.len() && last.is_some_and(|last| last.hex() == end.sha256);
        if goes_on && count > recorded {
            found.push((count, path));
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

fn digests(journal: &[u8]) -> Vec<Digest> {
    journal.split_inclusive(|byte| *byte == b'\n').map(Digest::of).collect()
}

/// `8-abort`.
fn name(operation: &Operation) -> Option<String> {
    Some(format!("{}-{}", operation.run?, operation.phase.as_ref()?))
}

/// `6-import and 7-abort`.
fn names(folders: &[PathBuf]) -> String {
    let names: Vec<_> =
        folders.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        Some((last, _)) => last.to_string(),
        None => String::new(),
    }
}
