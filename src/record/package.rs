//! Recording: one signed commit per operation, and the branch moves last.

use super::commit::Draft;
use super::error::Sequence;
use super::glass::{Glass, Head, Locked, Manifest};
use super::listing::Trees;
use super::message::{Event, Message, PackageRef, Validation};
use super::packfile::{Blob, Durable, Staging};
use super::rights::Rights;
use super::structure::BRANCH;
use super::tree::{Growing, Mode, is_safe};
use super::value::Value;
use super::worktree::Contents;
use super::{Error, TOOL, glass, paths};
use crate::embedded;
use crate::model::AgeRecipient;
use crate::open::{self, Revoked, Signers};
use crate::pack::names::{PLAN, SUMS_PERSONAL};
use crate::pack::{self, Package, Previous, Signer};
use crate::threads::at_once;
use git2::{ObjectType, Odb, Oid};
use rayon::prelude::*;
use std::borrow::Cow;
use std::io;
use std::path::Path;

/// Who records, and what people say about it.
pub struct Recording<'a> {
    /// Signs the commit.
    pub key: &'a Signer,
    /// Who may sign.
    pub signers: &'a Signers,
    /// Whom personal files are encrypted to; nobody: the recipients of the glass's last package.
    pub recipients: &'a [AgeRecipient],
    /// Who asked for it.
    pub requested_by: Option<Value>,
    /// Who approved it.
    pub approved_by: Option<Value>,
    /// Where it was discussed.
    pub ticket: Option<Value>,
}

/// What recording did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The commit.
    pub commit: Oid,
    /// Number of its operation.
    pub operation: u32,
    /// Whether the glass grew; not if the same was recorded before.
    pub new: bool,
    /// Personal files of what was recorded before: they stand encrypted, so nothing can be said about these.
    pub uncompared: usize,
    /// Runs before this one that the glass will never have, such as `7-abort`: no folder of them was here.
    pub left_out: Vec<String>,
    /// Whom its personal files were encrypted to now; nobody where there are none, or it was recorded before.
    pub recipients: Vec<AgeRecipient>,
    /// Whom those of the glass were encrypted to until now, where it brought others for all that is to come.
    pub replaced: Vec<AgeRecipient>,
}

/// An operation that is ready to be recorded: its commit lies on the disk, and no branch leads to it.
///
/// Dropped, nothing was recorded.
#[must_use = "nothing is recorded before `record`"]
pub struct Staged<'s>(Stage<'s>);

enum Stage<'s> {
    /// The glass has it.
    Known(Recorded),
    New(Box<New<'s>>),
}

struct New<'s> {
    glass: &'s Glass,
    head: Head,
    commit: Oid,
    operation: u32,
    tree: Oid,
    objects: Durable,
    contents: Contents<'s>,
    recipients: Vec<AgeRecipient>,
    replaced: Vec<AgeRecipient>,
}

impl Locked {
    /// Records a verified package as the next operation. The same package twice is one commit.
    pub fn record_package(&self, package: &Package, recording: &Recording<'_>) -> Result<Recorded, Error> {
        self.stage_package(package, recording)?.record()
    }

    /// Does everything that recording a verified package takes, but for moving the branch.
    pub fn stage_package<'s>(
        &'s self,
        package: &'s Package,
        recording: &Recording<'_>,
    ) -> Result<Staged<'s>, Error> {
        let glass = &self.glass;
        let odb = glass.repository.odb()?;
        let mut trees = Trees::new(&odb);
        let head = self.current(&odb)?;
        let manifest = package.manifest();
        let identity = &manifest.package;
        glass.is_of(&odb, &mut trees, &head, identity.slug.as_str())?;
        issued(package, recording.signers)?;
        glass.finish_checkout(&head)?;
        if let Some(recorded) = glass.find_package(&odb, &head, package)? {
            return Ok(Staged(Stage::Known(recorded)));
        }
        self.has_come(manifest.created_at)?;
        let last = glass.last_package(&odb, &head, &identity.issuer, &identity.installation)?;
        follows(last.as_ref().map(|(_, last)| (last.number, last.sha256)), identity)?;

        let mut staging = Staging::new(&odb);
        let mut tree = Growing::default();
        let (mut clear, mut personal) = (Vec::new(), Vec::new());
        for (path, file) in package.files() {
            if !is_safe(path) || paths::is_glass(path) {
                return Err(Error::Path { path: path.clone() });
            }
            match file.personal {
                true if path == SUMS_PERSONAL => {}
                true => personal.push(file),
                false => clear.push((path, file)),
            }
        }
        let recipients = glass.recipients(&odb, &mut trees, &head, recording.recipients)?;
        if recipients.is_empty() && !personal.is_empty() {
            return Err(Error::NoRecipients { count: personal.len() });
        }
        // The list of names first: who decrypts it knows what the others are.
        let list = package.files().get(SUMS_PERSONAL).into_iter();
        let sealed: Vec<_> = list
            .chain(personal)
            .collect::<Vec<_>>()
            .par_iter()
            .map(|file| encrypt(&file.bytes, &recipients))
            .collect::<Result<_, _>>()?;
        let dense: Vec<_> = sealed.iter().map(|bytes| Blob::Dense(bytes)).collect();
        let blobs: Vec<_> = clear
            .iter()
            .map(|(path, file)| match embedded::blob(path, &file.sha256) {
                Some(blob) => Blob::Ready(blob, file.bytes.len()),
                None => Blob::Plain(&file.bytes),
            })
            .collect();
        let mut contents = Contents::new();
        for ((path, file), id) in clear.iter().zip(staging.add_blobs(&blobs)?) {
            contents.insert(id, Cow::Borrowed(&*file.bytes));
            tree.place(path, if file.executable { Mode::Executable } else { Mode::File }, id);
        }
        let dense = staging.add_blobs(&dense)?;
        for (number, (id, bytes)) in dense.into_iter().zip(sealed).enumerate() {
            contents.insert(id, Cow::Owned(bytes));
            tree.place(&paths::personal(number), Mode::File, id);
        }
        let lines: String = recipients.iter().map(|recipient| format!("{recipient}\n")).collect();
        tree.place(paths::RECIPIENTS, Mode::File, staging.add(ObjectType::Blob, lines.as_bytes())?);
        for path in paths::APPENDED.into_iter().chain([paths::ATTRIBUTES]) {
            if let Some(entry) = trees.find(head.tree, path)? {
                tree.place(path, entry.mode, entry.id);
            }
        }
        let reference = PackageRef {
            number: identity.number,
            sha256: package.sha256(),
            plan: package.files().get(PLAN).map_or(manifest.plan.digest, |file| file.sha256),
        };
        let change = Change {
            event: Event::Package,
            package: Some(reference),
            name: Some(identity.name.clone()),
            tree,
            at: manifest.created_at.seconds(),
            validation: Validation::NotRun,
            replaced: glass.recipients(&odb, &mut trees, &head, &[])?,
            recipients,
        };
        glass.stage(staging, head, change, recording, contents)
    }
}

/// What a commit is to hold.
pub(super) struct Change {
    pub event: Event,
    pub package: Option<PackageRef>,
    /// Name of the package that is recorded.
    pub name: Option<String>,
    pub tree: Growing,
    /// When it happened, in seconds since 1970; no commit is older than the one before it.
    pub at: i64,
    pub validation: Validation,
    /// Whom its personal files are encrypted to, if it has any.
    pub recipients: Vec<AgeRecipient>,
    /// Whom those of the glass are encrypted to, if it changes that.
    pub replaced: Vec<AgeRecipient>,
}

impl Staged<'_> {
    /// Moves the branch; then the work tree, which is but a view.
    pub fn record(self) -> Result<Recorded, Error> {
        match self.0 {
            Stage::Known(recorded) => Ok(recorded),
            Stage::New(new) => new.record(),
        }
    }
}

impl New<'_> {
    fn record(self) -> Result<Recorded, Error> {
        let Self { glass, head, commit, operation, tree, objects, contents, recipients, replaced } = self;
        let repository = &glass.repository;
        let rights = Rights::of(repository);
        let failed = |source| Error::io(glass.objects().display().to_string(), source);
        let old_packs = objects.publish().map_err(failed)?;
        let odb = repository.odb()?;
        odb.refresh()?;
        // What cannot be read back must not become the head.
        odb.read(commit).map_err(|error| failed(io::Error::other(error)))?;
        // Compares and swaps: somebody who does not know our lock (git itself) may have been faster.
        let log = format!("stufpack: operation {operation}");
        let moved = repository.reference_matching(BRANCH, commit, true, head.id, &log);
        moved.map_err(|error| glass.held(error))?;
        for name in [BRANCH, "logs/refs/heads/main", "logs/HEAD"] {
            rights.give_at(&repository.commondir().join(name));
        }
        old_packs.remove();
        if !repository.is_bare() {
            let tree_of = |id| repository.find_tree(id).map_err(Error::from);
            let show = || glass.check_out(Some(&tree_of(head.tree)?), &tree_of(tree)?, &contents);
            show().map_err(|error| glass.half_shown(operation, commit, error))?;
            rights.give_at(&repository.path().join("index"));
        }
        let replaced = if replaced == recipients { Vec::new() } else { replaced };
        Ok(Recorded {
            commit,
            operation,
            new: true,
            uncompared: 0,
            left_out: Vec::new(),
            recipients,
            replaced,
        })
    }
}

impl Glass {
    /// Makes the commit and puts it on the disk with its objects, while it is looked whether the work tree can take it.
    pub(super) fn stage<'s>(
        &'s self,
        mut staging: Staging<'_>,
        head: Head,
        change: Change,
        recording: &Recording<'_>,
        contents: Contents<'s>,
    ) -> Result<Staged<'s>, Error> {
        let time = change.at.max(head.time);
        let principal = super::writer(recording.signers, recording.key, super::moment(time))?;
        let tree = change.tree.write(&mut staging)?;
        let operation = head.operation + 1;
        let message = Message {
            event: change.event,
            operation,
            package: change.package,
            name: change.name,
            before: Some(head.tree),
            after: tree,
            requested_by: recording.requested_by.clone(),
            approved_by: recording.approved_by.clone(),
            ticket: recording.ticket.clone(),
            validation: change.validation,
            tool: Value::parse("Tool", TOOL)?,
        };
        let text = message.render();
        let draft =
            Draft { tree, parent: Some(head.id), principal: principal.as_str(), time, message: &text };
        let commit = staging.add(ObjectType::Commit, &draft.sign(recording.key)?)?;

        let objects = self.objects();
        let failed = |source| Error::io(objects.display().to_string(), source);
        let rights = Rights::of(&self.repository);
        let packed = staging.pack(&objects).map_err(failed)?;
        let (written, may_stand) =
            at_once(|| packed.write(rights), || self.may_stand(&head, &change.tree, operation));
        may_stand?;
        let objects = written.map_err(failed)?;
        Ok(Staged(Stage::New(Box::new(New {
            glass: self,
            head,
            commit,
            operation,
            tree,
            objects,
            contents,
            recipients: change.recipients,
            replaced: change.replaced,
        }))))
    }

    /// Refuses where git, or somebody who works in the work tree, is in the way of `operation`.
    fn may_stand(&self, head: &Head, tree: &Growing, operation: u32) -> Result<(), Error> {
        self.is_free()?;
        if !self.repository.is_bare() {
            self.is_clean()?;
            self.has_room(head.tree, tree, operation)?;
        }
        Ok(())
    }

    pub(super) fn is_of(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        head: &Head,
        given: &str,
    ) -> Result<(), Error> {
        let about = self.about(odb, trees, head.tree)?;
        if glass::slug(&about).is_some_and(|slug| slug.as_str() == given) {
            return Ok(());
        }
        Err(Error::Foreign { glass: about.slug, given: given.to_owned() })
    }

    /// The operation that recorded this package; an error if it was another of the same number.
    fn find_package(&self, odb: &Odb<'_>, head: &Head, package: &Package) -> Result<Option<Recorded>, Error> {
        let identity = &package.manifest().package;
        let mut trees = Trees::new(odb);
        let mut next = Some(head.id);
        while let Some(id) = next {
            let (commit, message) = self.read(odb, id)?;
            next = commit.parents.first().copied();
            let (Event::Package, Some(recorded)) = (message.event, &message.package) else {
                continue;
            };
            if recorded.sha256 == package.sha256() {
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
            if recorded.number <= identity.number {
                let Manifest { package: other, .. } = self.manifest(odb, &mut trees, commit.tree)?;
                let same_counter =
                    other.issuer == identity.issuer && other.installation == identity.installation;
                if same_counter && recorded.number == identity.number {
                    let sequence = Sequence::Other { number: recorded.number, operation: message.operation };
                    return Err(Error::Sequence(sequence));
                }
                if same_counter {
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Whom to encrypt to: those given, or those of the last package.
    pub(super) fn recipients(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        head: &Head,
        given: &[AgeRecipient],
    ) -> Result<Vec<AgeRecipient>, Error> {
        use crate::model::Word as _;
        if !given.is_empty() {
            let mut recipients = given.to_vec();
            recipients.sort();
            recipients.dedup();
            return Ok(recipients);
        }
        let Some(entry) = trees.find(head.tree, paths::RECIPIENTS)? else {
            return Ok(Vec::new());
        };
        let blob = odb.read(entry.id)?;
        Ok(String::from_utf8_lossy(blob.data()).lines().filter_map(AgeRecipient::parse).collect())
    }
}

/// Whom personal files of the glass at `path` were encrypted to when `commit` was recorded.
pub fn recipients_at(path: &Path, commit: Oid) -> Result<Vec<AgeRecipient>, Error> {
    let glass = Glass::open(path)?;
    let odb = glass.repository.odb()?;
    let (commit, message) = glass.read(&odb, commit)?;
    let head = Head { id: glass.tip()?, tree: commit.tree, time: commit.time, operation: message.operation };
    glass.recipients(&odb, &mut Trees::new(&odb), &head, &[])
}

pub(super) fn encrypt(bytes: &[u8], recipients: &[AgeRecipient]) -> Result<Vec<u8>, Error> {
    pack::age::encrypt(bytes, recipients).map_err(Error::from)
}

/// Checks that a package follows the last one of its issuer and installation.
fn follows(last: Option<(u32, crate::model::Digest)>, package: &pack::Identity) -> Result<(), Error> {
    let expected = last.map_or(1, |(number, _)| number + 1);
    if package.number != expected {
        return Err(Error::Sequence(Sequence::Number { expected, found: package.number }));
    }
    let name = |previous: Option<(u32, String)>| {
        previous.map_or_else(
            || "no package".to_owned(),
            |(number, sha256)| format!("package {number} ({sha256})"),
        )
    };
    let last = last.map(|(number, sha256)| (number, sha256.hex()));
    let found = package.previous.as_ref().map(|Previous { number, sha256 }| (*number, sha256.hex()));
    if last == found {
        return Ok(());
    }
    Err(Error::Sequence(Sequence::Previous { expected: name(last), found: name(found) }))
}

/// Checks once more that an issuer signed the package: only then does it enter.
fn issued(package: &Package, signers: &Signers) -> Result<(), Error> {
    let trust = open::Trust {
        signers: signers.clone(),
        revoked: Revoked::default(),
        at: package.manifest().created_at,
    };
    let refused = |why: String| Error::Key(format!("the package cannot enter: {why}"));
    let by = open::signed_by(package.sums(), package.signature(), &trust)
        .map_err(|problems| refused(problems.first().map_or_else(String::new, ToString::to_string)))?;
    let named = &package.manifest().package.issuer;
    if !by.principal.is_issuer() || by.principal != *named {
        return Err(refused(format!(
            "it is signed by {}, its manifest names {named} as issuer",
            by.principal
        )));
    }
    Ok(())
}

/// Records a package in the glass at `path`: opens, locks, records.
pub fn record(path: &Path, package: &Package, recording: &Recording<'_>) -> Result<Recorded, Error> {
    Glass::open(path)?.lock()?.record_package(package, recording)
}
