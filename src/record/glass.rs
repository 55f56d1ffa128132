//! A glass that is open for reading, or locked for writing.

use super::commit::Commit;
use super::error::Behind;
use super::listing::Trees;
use super::message::{Event, Message, PackageRef};
use super::rights::Rights;
use super::structure::{self, BRANCH};
use super::{AHEAD, Error, Finding, packfile, paths};
use crate::model::{Digest, Domain, Slug, Timestamp, Word};
use crate::pack::{self, Previous, Principal};
use git2::{Odb, Oid, Repository, RepositoryOpenFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A glass, open for reading.
pub struct Glass {
    pub(super) repository: Repository,
    pub(super) path: PathBuf,
}

/// A glass that nobody else writes to until this is dropped.
#[must_use = "the lock is let go when this is dropped"]
pub struct Locked {
    pub(super) glass: Glass,
    lock: File,
    /// The time of recording, where somebody told it: what is later cannot have happened.
    now: Option<Timestamp>,
}

impl Drop for Locked {
    /// Lets go at once: closing alone would not while a child that was just started still has the descriptor.
    fn drop(&mut self) {
        // Failing leaves the lock to the end of the process.
        let _ = self.lock.unlock();
    }
}

/// What stands in `audit/glass.json`, from the root on and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    /// Version of this file.
    pub schema: u32,
    /// Whose glass it is.
    pub slug: String,
}

/// The last commit.
pub(super) struct Head {
    pub id: Oid,
    pub tree: Oid,
    pub time: i64,
    pub operation: u32,
}

/// What the next package and the next operation will be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The next operation's number.
    pub operation: u32,
    /// The next package's number.
    pub package: u32,
    /// What the next package follows.
    pub previous: Option<Previous>,
    /// The last package, with what it was made of: the same export, target and program make the same package again, which keeps its number.
    pub last: Option<LastPackage>,
}

impl Numbers {
    /// Number and predecessor of a package made now from `source` and `target`.
    ///
    /// The same export, target and program make the last package again: it keeps its number, and recording it changes nothing.
    pub fn of(&self, source: &Digest, target: &Digest) -> (u32, Option<Previous>) {
        let same = |last: &&LastPackage| {
            last.source == *source && last.target == *target && last.tool == pack::Tool::this()
        };
        match self.last.as_ref().filter(same) {
            Some(last) => (last.number, last.previous.clone()),
            None => (self.package, self.previous.clone()),
        }
    }
}

/// A package that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPackage {
    /// Its number.
    pub number: u32,
    /// What it followed.
    pub previous: Option<Previous>,
    /// SHA-256 of its `SHA256SUMS`.
    pub sha256: Digest,
    /// SHA-256 over the export's files.
    pub source: Digest,
    /// SHA-256 of the target document.
    pub target: Digest,
    /// The program that made it.
    pub tool: pack::Tool,
}

/// What a history needs to know of a manifest; older and newer ones may say more.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub package: Identity,
    pub created_at: Timestamp,
    pub source: Document,
    pub target: Document,
    pub plan: Document,
    pub tool: pack::Tool,
    pub personal: Personal,
    pub code: Code,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Identity {
    /// Its name: the zip's without its ending.
    pub name: String,
    pub slug: Slug,
    pub number: u32,
    pub previous: Option<Previous>,
    pub issuer: Principal,
    pub installation: Domain,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    pub digest: Digest,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Code {
    pub files: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Personal {
    pub count: u32,
}

impl Glass {
    /// Opens the glass at exactly `path`: a bare repository or one with a work tree.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let none: [&str; 0] = [];
        let repository = Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none)
            .map_err(|error| Error::NotAGlass { path: path.to_owned(), why: error.message().to_owned() })?;
        Ok(Self { repository, path: path.to_owned() })
    }

    /// Keeps other writers away. Whoever dies with the lock lets it go.
    pub fn lock(self) -> Result<Locked, Error> {
        let name = self.repository.commondir().join("stufpack.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(|source| Error::io(name.display().to_string(), source))?;
        // Who else may write has to open it; who does not own it cannot change it, and need not.
        let _ = Rights::of(&self.repository).give(&lock, 0o666);
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::Locked { path: self.path }),
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(Error::io(name.display().to_string(), source));
            }
        }
        let findings = structure::problems(&self.repository)?;
        if !findings.is_empty() {
            return Err(Error::Untrusted { path: self.path, findings });
        }
        packfile::sweep(&self.objects());
        Ok(Locked { glass: self, lock, now: None })
    }

    /// Where objects are.
    pub(super) fn objects(&self) -> PathBuf {
        self.repository.commondir().join("objects")
    }

    /// The folders that belong to it: the work tree if it has one, and the repository itself.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        [self.repository.workdir(), Some(self.repository.path()), Some(self.repository.commondir())]
            .into_iter()
            .flatten()
    }

    /// The commit that `main` stands at.
    pub(super) fn tip(&self) -> Result<Oid, Error> {
        self.repository
            .find_reference(BRANCH)
            .ok()
            .and_then(|reference| reference.target())
            .ok_or_else(|| self.not("there is no branch main"))
    }

    pub(super) fn head(&self, odb: &Odb<'_>) -> Result<Head, Error> {
        let id = self.tip()?;
        let (commit, message) = self.read(odb, id)?;
        Ok(Head { id, tree: commit.tree, time: commit.time, operation: message.operation })
    }

    /// A commit and what it says.
    pub(super) fn read(&self, odb: &Odb<'_>, id: Oid) -> Result<(Commit, Message), Error> {
        let object = odb.read(id)?;
        let commit = Commit::parse(object.data()).map_err(|why| {
            self.untrusted(
                Finding::new("glass.commit", format!("commit {id} cannot be read: {why}")).commit(id),
            )
        })?;
        let message = Message::parse(&commit.message).map_err(|why| {
            let why = format!("the message of commit {id} is not one of this program: {why}");
            self.untrusted(Finding::new("glass.message", why).commit(id))
        })?;
        Ok((commit, message))
    }

    pub(super) fn about(&self, odb: &Odb<'_>, trees: &mut Trees<'_>, root: Oid) -> Result<About, Error> {
        let entry = trees.find(root, paths::ABOUT)?;
        let entry = entry.ok_or_else(|| self.not(format!("{} is missing", paths::ABOUT)))?;
        let blob = odb.read(entry.id)?;
        serde_json::from_slice(blob.data()).map_err(|_| self.not(format!("{} cannot be read", paths::ABOUT)))
    }

    /// Refuses a repository that is no glass: of an ordinary one, every commit would be told as wrong.
    ///
    /// A glass that was tampered with still is one: either its last message or its last tree says so.
    pub(super) fn is_one(&self, odb: &Odb<'_>, tip: Oid) -> Result<(), Error> {
        let Some(commit) = odb.read(tip).ok().and_then(|object| Commit::parse(object.data()).ok()) else {
            return Ok(());
        };
        let says_so = Message::parse(&commit.message).is_ok();
        if says_so || Trees::new(odb).find(commit.tree, paths::ABOUT).map_or(true, |about| about.is_some()) {
            return Ok(());
        }
        Err(self.not(format!("it is a repository without {}", paths::ABOUT)))
    }

    fn untrusted(&self, finding: Finding) -> Error {
        Error::Untrusted { path: self.path.clone(), findings: vec![finding] }
    }

    fn not(&self, why: impl Into<String>) -> Error {
        Error::NotAGlass { path: self.path.clone(), why: why.into() }
    }

    /// The head of the origin, as this clone last heard of it.
    pub(super) fn origins_head(&self) -> Option<Oid> {
        self.repository.find_reference("refs/remotes/origin/main").ok()?.target()
    }

    /// Refuses when the origin, as far as this machine knows it, has operations that this clone lacks.
    fn is_current(&self, odb: &Odb<'_>, head: &Head) -> Result<(), Error> {
        let mut known: Vec<Oid> = self.origins_head().into_iter().collect();
        let origin = self.origin();
        if let Some(origin) = &origin
            && let Ok(reference) = origin.find_reference(BRANCH)
        {
            known.extend(reference.target());
        }
        for there in known {
            if there == head.id
                || (odb.exists(there) && self.repository.graph_descendant_of(head.id, there)?)
            {
                continue;
            }
            let (their, is_ours_below) = if odb.exists(there) {
                (self.read(odb, there).ok(), self.repository.graph_descendant_of(there, head.id)?)
            } else if let Some(origin) = &origin {
                let theirs =
                    Glass { path: origin.path().to_owned(), repository: Repository::open(origin.path())? };
                let message = theirs.read(&origin.odb()?, there).ok();
                let below = origin.odb()?.exists(head.id) && origin.graph_descendant_of(there, head.id)?;
                (message, below)
            } else {
                (None, false)
            };
            return Err(Error::Behind(Box::new(Behind {
                path: self.path.clone(),
                here: head.id,
                operation_here: head.operation,
                there,
                operation_there: their.map(|(_, message)| message.operation),
                diverged: !is_ours_below,
            })));
        }
        Ok(())
    }

    /// The repository this one was cloned from, if it lies on this machine.
    fn origin(&self) -> Option<Repository> {
        let remote = self.repository.find_remote("origin").ok()?;
        let url = remote.url().ok()?.to_owned();
        let path = url.strip_prefix("file://").unwrap_or(&url);
        Path::new(path).is_absolute().then(|| Repository::open(path).ok())?
    }
}

impl Locked {
    /// Goes on only if the head is what it says and was signed by somebody who may.
    ///
    /// Looks at the head alone, which is enough not to build on something foreign; [`super::verify`] looks at the whole history.
    pub fn trusted(mut self, trust: &super::Trust<'_>) -> Result<Self, Error> {
        let audit = self.glass.verify_head(trust)?;
        if audit.findings.is_empty() {
            self.now = Some(trust.now);
            return Ok(self);
        }
        Err(Error::Untrusted { path: self.glass.path.clone(), findings: audit.findings })
    }

    /// Refuses what bears a date that has not come: until it came, nobody could check the glass or add to it.
    pub(super) fn has_come(&self, at: Timestamp) -> Result<(), Error> {
        match self.now.filter(|now| at.seconds() > now.seconds() + AHEAD) {
            Some(now) => Err(Error::Ahead { at, now }),
            None => Ok(()),
        }
    }

    /// The next numbers for a package that `issuer` makes from `installation`; refuses a clone that is behind.
    pub fn numbers(&self, issuer: &Principal, installation: &Domain) -> Result<Numbers, Error> {
        let odb = self.glass.repository.odb()?;
        let head = self.current(&odb)?;
        let last = self.glass.last_package(&odb, &head, issuer, installation)?.map(|(_, last)| last);
        Ok(Numbers {
            operation: head.operation + 1,
            package: last.as_ref().map_or(1, |last| last.number + 1),
            previous: last.as_ref().map(|last| Previous { number: last.number, sha256: last.sha256 }),
            last,
        })
    }

    /// The head, which is at least as new as the origin's.
    pub(super) fn current(&self, odb: &Odb<'_>) -> Result<Head, Error> {
        let head = self.glass.head(odb)?;
        self.glass.is_current(odb, &head)?;
        Ok(head)
    }
}

impl Glass {
    /// The last package of that issuer and installation, and the commit that recorded it.
    pub(super) fn last_package(
        &self,
        odb: &Odb<'_>,
        head: &Head,
        issuer: &Principal,
        installation: &Domain,
    ) -> Result<Option<(Oid, LastPackage)>, Error> {
        let mut trees = Trees::new(odb);
        let mut next = Some(head.id);
        while let Some(id) = next {
            let (commit, message) = self.read(odb, id)?;
            next = commit.parents.first().copied();
            let (Event::Package, Some(package)) = (message.event, &message.package) else {
                continue;
            };
            let manifest = self.manifest(odb, &mut trees, commit.tree)?;
            if manifest.package.issuer == *issuer && manifest.package.installation == *installation {
                return Ok(Some((id, last(&manifest, package))));
            }
        }
        Ok(None)
    }

    /// The manifest in a tree.
    pub(super) fn manifest(
        &self,
        odb: &Odb<'_>,
        trees: &mut Trees<'_>,
        tree: Oid,
    ) -> Result<Manifest, Error> {
        let entry = trees.find(tree, crate::pack::names::MANIFEST)?;
        let entry = entry.ok_or_else(|| self.not("manifest.json is missing"))?;
        let blob = odb.read(entry.id)?;
        serde_json::from_slice(blob.data())
            .map_err(|error| self.not(format!("manifest.json cannot be read: {error}")))
    }
}

fn last(manifest: &Manifest, package: &PackageRef) -> LastPackage {
    LastPackage {
        number: manifest.package.number,
        previous: manifest.package.previous.clone(),
        sha256: package.sha256,
        source: manifest.source.digest,
        target: manifest.target.digest,
        tool: manifest.tool.clone(),
    }
}

/// The slug as a type, or the reason why the file does not hold one.
pub(super) fn slug(about: &About) -> Option<Slug> {
    Slug::parse(&about.slug)
}
