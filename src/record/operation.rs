//! Operations other than packages: a folder that a phase wrote becomes the next commit.

use super::glass::{Glass, Locked};
use super::listing::Trees;
use super::message::{Event, PackageRef, Validation};
use super::order::Run;
use super::package::{Change, Recorded, Recording, encrypt};
use super::packfile::Staging;
use super::tree::{Growing, Mode, is_safe};
use super::value::Value;
use super::worktree::Contents;
use super::{Error, claims, journal, paths};
use crate::model::leak::Scanner;
use crate::model::{Digest, Secret, Timestamp};
use crate::pack::names;
use git2::{ObjectType, Odb, Oid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The file that says what an operation was.
pub(super) const OPERATION: &str = "operation.json";
/// What the phase did, line by line.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// What the tools printed, which is kept apart.
const LOGS: &str = "logs/";
/// The folder that recording makes for encrypted files.
const PERSONAL: &str = "personal";
const MOST_FILES: usize = 10_000;
const LARGEST_FILE: u64 = 64 << 20;

/// What happened, as the phase that did it wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "operation.json of a STUF operation")]
pub struct Operation {
    /// Version of this format, 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// What kind of operation it was.
    pub event: Kind,
    /// Whose STUF it was done to.
    #[schemars(regex(pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"))]
    pub slug: String,
    /// The package that was run; every deployment, cutover and rollback has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageOf>,
    /// The phase, such as `deploy`; needs a journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The invocation's number in the journal; needs a journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// When it began, UTC.
    #[schemars(with = "String", regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))]
    pub started: Timestamp,
    /// When it ended, UTC.
    #[schemars(with = "String", regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))]
    pub ended: Timestamp,
    /// How it ended, as the journal's last line of that run has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Ended>,
    /// What its validation said; `not_run` without a journal.
    pub validation: Validation,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Where it was discussed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The end of `journal.jsonl`; needed if the folder has one, which every deployment, cutover and rollback has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalEnd>,
    /// Paths in the folder of the files that hold personal data; they are encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub personal: Vec<String>,
}

/// What can be recorded from a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something was deployed.
    Deployment,
    /// A configuration was changed.
    Configuration,
    /// Users were moved to the other side.
    Cutover,
    /// Something was taken back.
    Rollback,
    /// Who may do or read something was changed or listed.
    Access,
}

/// How a run of a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Every step is done.
    Finished,
    /// A step failed; what came before it stands, or could not all be put back.
    Failed,
    /// A step failed, and what was there before stands again.
    RolledBack,
    /// It stopped between or inside steps, and goes on when it is called again.
    Paused,
}

impl Ended {
    /// The word in `operation.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Paused => "paused",
        }
    }
}

/// The package that an operation ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageOf {
    /// Its number.
    #[schemars(range(min = 1))]
    pub number: u32,
    /// SHA-256 of its `SHA256SUMS`.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub sha256: Digest,
    /// SHA-256 of its `MIGRATION-PLAN.json`.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub plan: Digest,
}

/// Where a journal ended when it was recorded: without it, a change of the last line would not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalEnd {
    /// Number of lines.
    pub lines: u64,
    /// SHA-256 of the last line with its newline, 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
}

impl Kind {
    /// The event of the commit.
    pub fn event(self) -> Event {
        match self {
            Self::Deployment => Event::Deployment,
            Self::Configuration => Event::Configuration,
            Self::Cutover => Event::Cutover,
            Self::Rollback => Event::Rollback,
            Self::Access => Event::Access,
        }
    }
}

/// The folder below `audit/` that takes the operations of `event`.
pub(super) fn place(event: Event) -> Option<&'static str> {
    match event {
        Event::Deployment | Event::Cutover | Event::Rollback => Some("audit/deployment-history"),
        Event::Configuration => Some("audit/config-changes"),
        Event::Access => Some("audit/access-logs"),
        Event::Init | Event::Package => None,
    }
}

/// `0007-deployment`.
pub(super) fn folder(operation: u32, event: Event) -> String {
    format!("{operation:04}-{event}")
}

/// Why bytes are no `operation.json`.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// They are no JSON, or not of this form.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// They are of a later form.
    #[error("schema {0} is not known here")]
    Schema(u32),
    /// The operation's times are in the wrong order.
    #[error("it ended before it began")]
    EndsBefore,
    /// An operation that runs a package does not say which.
    #[error("it names no package")]
    NoPackage,
    /// It says something of a run, and nothing tells it.
    #[error("{0}, and has no journal that tells it")]
    NoJournal(&'static str),
    /// Each personal file is encrypted once.
    #[error("{0:?} stands twice in personal")]
    Twice(String),
}

impl Operation {
    /// The published JSON Schema.
    pub fn schema() -> String {
        let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Self)).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads `operation.json`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, OperationError> {
        let operation: Self = serde_json::from_slice(bytes)?;
        if operation.schema != 1 {
            return Err(OperationError::Schema(operation.schema));
        }
        if operation.ended < operation.started {
            return Err(OperationError::EndsBefore);
        }
        let runs = matches!(operation.event, Kind::Deployment | Kind::Cutover | Kind::Rollback);
        if runs && operation.package.is_none() {
            return Err(OperationError::NoPackage);
        }
        if let Some(what) = operation.says_of_a_run().filter(|_| operation.journal.is_none()) {
            return Err(OperationError::NoJournal(what));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = operation.personal.iter().find(|name| !names.insert(*name)) {
            return Err(OperationError::Twice(twice.clone()));
        }
        Ok(operation)
    }

    /// What only a journal can prove: that a phase ran, how it ended, and what its checks found.
    fn says_of_a_run(&self) -> Option<&'static str> {
        let says = [
            (self.result.is_some(), "it says how a run ended"),
            (self.phase.is_some(), "it names a phase"),
            (self.run.is_some(), "it names a run"),
            (self.validation != Validation::NotRun, "it says how it was validated"),
            (
                matches!(self.event, Kind::Deployment | Kind::Cutover | Kind::Rollback),
                "it is a deployment, a cutover or a rollback",
            ),
        ];
        says.into_iter().find_map(|(said, what)| said.then_some(what))
    }

    pub(super) fn reference(&self) -> Option<PackageRef> {
        self.package.as_ref().map(|package| PackageRef {
            number: package.number,
            sha256: package.sha256,
            plan: package.plan,
        })
    }
}

impl Locked {
    /// Records the operation that `folder` describes as the next one. The same folder twice is one commit.
    ///
    /// No file may hold a key of a known form or one of the `known` secrets, in any usual encoding, encrypted files
    /// included. Files that `operation.json` calls personal are encrypted.
    pub fn record_operation(
        &self,
        folder: &Path,
        known: &[Secret],
        recording: &Recording<'_>,
    ) -> Result<Recorded, Error> {
        let glass = &self.glass;
        let odb = glass.repository.odb()?;
        let mut trees = Trees::new(&odb);
        let files = read_folder(folder)?;
        let wrong = |file: &str, why: String| Error::Operation { path: folder.join(file), why };
        let about = files.get(OPERATION).ok_or_else(|| wrong(OPERATION, "it is missing".to_owned()))?;
        let operation = Operation::parse(about).map_err(|why| wrong(OPERATION, why.to_string()))?;
        check_journal(&operation, &files).map_err(|why| wrong(JOURNAL, why))?;
        let is_personal = |path: &str| operation.personal.iter().any(|name| name == path);
        let in_clear = |path: &str| files.get(path).filter(|_| !is_personal(path)).map(Vec::as_slice);
        let clear = claims::Clear {
            journal: in_clear(JOURNAL),
            report: claims::report(&operation).and_then(|path| in_clear(&path)),
            approval: in_clear(claims::approval(&operation)),
        };
        claims::check(&operation, clear).map_err(|why| wrong(OPERATION, why))?;
        let named = |given: &Option<Value>, written: &Option<String>| {
            given.as_ref().map(|name| name.as_str().to_owned()).or_else(|| written.clone())
        };
        let requested_by = named(&recording.requested_by, &operation.requested_by);
        let approved_by = named(&recording.approved_by, &operation.approved_by);
        claims::check_people(&operation, requested_by.as_deref(), approved_by.as_deref())
            .map_err(|why| Error::Names { path: folder.join(OPERATION), why })?;
        if let Some(clear) = files.keys().find(|path| claims::is_evidence(path) && !is_personal(path)) {
            return Err(wrong(
                clear,
                "it is evidence, and operation.json does not list it in personal".to_owned(),
            ));
        }
        if let Some(name) =
            operation.personal.iter().find(|name| !files.contains_key(*name) || is_fixed(name))
        {
            return Err(wrong(
                OPERATION,
                format!("{name:?} is called personal and is no file of the folder"),
            ));
        }
        let head = self.current(&odb)?;
        glass.is_of(&odb, &mut trees, &head, &operation.slug)?;
        glass.finish_checkout(&head)?;
        let scanner = Scanner::new(known);
        for (path, bytes) in &files {
            if let Some(hit) = scanner.scan(bytes).into_iter().next().or_else(|| scanner.scan_wrapped(bytes))
            {
                let line = bytes[..hit.offset].iter().filter(|byte| **byte == b'\n').count() + 1;
                return Err(Error::Secret { path: path.clone(), kind: hit.kind, line });
            }
        }
        let event = operation.event.event();
        let Some(place) = place(event) else {
            return Err(wrong(OPERATION, format!("{event} is not recorded from a folder")));
        };
        if let Some(recorded) =
            glass.find_operation(&odb, &mut trees, head.tree, place, &files, &is_personal)?
        {
            return Ok(recorded);
        }
        self.has_come(operation.ended)?;
        if let Some(package) = operation.reference() {
            glass.has_package(&odb, head.id, &package, folder)?;
        }
        let left_out = match files.get(JOURNAL) {
            Some(journal) => {
                let run = Run { folder, operation: &operation, journal };
                glass.follows(&odb, &mut trees, &head, &run)?
            }
            None => Vec::new(),
        };

        let number = head.operation + 1;
        let name = self::folder(number, event);
        let mut staging = Staging::new(&odb);
        let mut tree = Growing::default();
        glass.keep(&mut trees, head.tree, &mut tree)?;
        let recipients = glass.recipients(&odb, &mut trees, &head, recording.recipients)?;
        if recipients.is_empty() && !operation.personal.is_empty() {
            return Err(Error::NoRecipients { count: operation.personal.len() });
        }
        let mut personal = 0;
        for (path, bytes) in &files {
            if is_personal(path) {
                personal += 1;
                let id = staging.add(ObjectType::Blob, &encrypt(bytes, &recipients)?)?;
                tree.place(&format!("{place}/{name}/{PERSONAL}/{personal:04}.age"), Mode::File, id);
                continue;
            }
            let id = staging.add(ObjectType::Blob, bytes)?;
            match path.strip_prefix(LOGS) {
                Some(log) => tree.place(&format!("{}/{name}/{log}", paths::APPENDED[1]), Mode::File, id),
                None => tree.place(&format!("{place}/{name}/{path}"), Mode::File, id),
            }
        }
        let value = |trailer, given: &Option<Value>, written: &Option<String>| match (given, written) {
            (Some(given), _) => Ok(Some(given.clone())),
            (None, Some(text)) => Value::parse(trailer, text).map(Some),
            (None, None) => Ok(None),
        };
        let recording = Recording {
            requested_by: value("Requested-By", &recording.requested_by, &operation.requested_by)?,
            approved_by: value("Approved-By", &recording.approved_by, &operation.approved_by)?,
            ticket: value("Ticket", &recording.ticket, &operation.ticket)?,
            ..*recording
        };
        let change = Change {
            event,
            package: operation.reference(),
            name: None,
            tree,
            at: operation.ended.seconds(),
            validation: operation.validation,
            replaced: if personal == 0 { Vec::new() } else { recipients.clone() },
            recipients: if personal == 0 { Vec::new() } else { recipients },
        };
        let recorded = glass.stage(staging, head, change, &recording, Contents::new())?.record()?;
        Ok(Recorded { left_out, ..recorded })
    }
}

impl Glass {
    /// Places everything that a tree holds, opened as far as an operation adds to it.
    fn keep(&self, trees: &mut Trees<'_>, root: Oid, tree: &mut Growing) -> Result<(), Error> {
        let opened = |path: &str| {
            [
                "audit",
                "audit/deployment-history",
                "audit/config-changes",
                "audit/access-logs",
                "infrastructure",
            ]
            .contains(&path)
                || path == paths::APPENDED[1]
        };
        let mut open = vec![(String::new(), root)];
        while let Some((prefix, id)) = open.pop() {
            for entry in trees.read(id)?.entries() {
                let path = [prefix.as_str(), entry.name].concat();
                if entry.mode == Mode::Folder && opened(&path) {
                    open.push((format!("{path}/"), entry.id));
                } else {
                    tree.place(&path, entry.mode, entry.id);
                }
            }
        }
        Ok(())
    }

    /// The operation that recorded the same folder: the same names, and the clear files equal.
    fn find_operation(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        root: Oid,
        place: &str,
        files: &BTreeMap<String, Vec<u8>>,
        is_personal: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Recorded>, Error> {
        let about = Oid::hash_object(ObjectType::Blob, &files[OPERATION])?;
        // Nearly always: nothing with these bytes was ever recorded.
        if !odb.exists(about) {
            return Ok(None);
        }
        let Some(folder) = trees.find(root, place)? else {
            return Ok(None);
        };
        let clear = files.iter().filter(|(path, _)| !is_personal(path));
        let clear: BTreeMap<String, Oid> = clear
            .map(|(path, bytes)| Ok((path.clone(), Oid::hash_object(ObjectType::Blob, bytes)?)))
            .collect::<Result<_, Error>>()?;
        for entry in trees.read(folder.id)?.entries().filter(|entry| entry.mode == Mode::Folder) {
            if trees.find(entry.id, OPERATION)?.is_none_or(|found| found.id != about) {
                continue;
            }
            // Which files are personal stands in operation.json, which is equal.
            let mut recorded = trees.files(entry.id, &|path| path == PERSONAL)?;
            if let Some(logs) = trees.find(root, &format!("{}/{}", paths::APPENDED[1], entry.name))? {
                let logs = trees.files(logs.id, &|_| false)?;
                recorded.extend(logs.into_iter().map(|(path, log)| (format!("{LOGS}{path}"), log)));
            }
            if recorded.into_iter().map(|(path, entry)| (path, entry.id)).eq(clear.clone()) {
                let found = self.commit_of(odb, entry.name)?;
                let uncompared = files.len() - clear.len();
                return Ok(found.map(|recorded| Recorded { uncompared, ..recorded }));
            }
        }
        Ok(None)
    }

    fn commit_of(&self, odb: &Odb<'_>, folder: &str) -> Result<Option<Recorded>, Error> {
        let mut next = Some(self.tip()?);
        while let Some(id) = next {
            let (commit, message) = self.read(odb, id)?;
            if self::folder(message.operation, message.event) == folder {
                return Ok(Some(Recorded {
                    commit: id,
                    operation: message.operation,
                    new: false,
                    uncompared: 0,
                    left_out: Vec::new(),
                    recipients: Vec::new(),
                    replaced: Vec::new(),
                }));
            }
            next = commit.parents.first().copied();
        }
        Ok(None)
    }

    /// An operation can only be about a package that stands in this glass.
    fn has_package(
        &self,
        odb: &Odb<'_>,
        head: Oid,
        package: &PackageRef,
        folder: &Path,
    ) -> Result<(), Error> {
        let mut next = Some(head);
        while let Some(id) = next {
            let (commit, message) = self.read(odb, id)?;
            if message.event == Event::Package && message.package.as_ref() == Some(package) {
                return Ok(());
            }
            next = commit.parents.first().copied();
        }
        Err(Error::NoPackage { folder: folder.to_owned(), number: package.number, sha256: package.sha256 })
    }
}

fn is_fixed(path: &str) -> bool {
    path == OPERATION || path == JOURNAL
}

fn check_journal(operation: &Operation, files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    match (files.get(JOURNAL), &operation.journal) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("operation.json tells of a journal, and there is none".to_owned()),
        (Some(_), None) => Err("operation.json does not say where the journal ends".to_owned()),
        (Some(bytes), Some(end)) => {
            journal::check(bytes, end).map_err(|broken| format!("line {}: {}", broken.line, broken.why))?;
            claims::check_run(operation, bytes)
        }
    }
}

/// Every regular file of a folder by its path; anything else is refused.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).follow_links(false).follow_root_links(true) {
        let entry = entry.map_err(|error| Error::io(folder.display().to_string(), error.into()))?;
        let wrong = |why: &str| Error::Operation { path: entry.path().to_owned(), why: why.to_owned() };
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            return Err(wrong("it is neither a file nor a folder"));
        }
        let path = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        let path =
            path.filter(|path| is_safe(path)).ok_or_else(|| wrong("its name cannot stand in a glass"))?;
        if path.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(PERSONAL)) {
            return Err(wrong("the folder personal/ is made by recording"));
        }
        if entry.metadata().is_ok_and(|about| about.len() > LARGEST_FILE) {
            return Err(wrong("it is larger than 64 MiB"));
        }
        if files.len() == MOST_FILES {
            return Err(wrong("the folder has more than 10,000 files"));
        }
        let bytes = std::fs::read(entry.path())
            .map_err(|source| Error::io(entry.path().display().to_string(), source))?;
        files.insert(path.to_owned(), bytes);
    }
    match names::clashes(files.keys().map(String::as_str)).pop() {
        None => Ok(files),
        Some((path, other)) => Err(Error::Operation {
            path: folder.join(&path),
            why: format!("its name and {other:?} differ in case only, which not every machine can check out"),
        }),
    }
}
