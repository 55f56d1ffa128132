//! What stops a glass from being made, read or written.

use super::Order;
use crate::model::{Digest, Timestamp, shell};
use git2::Oid;
use std::io;
use std::path::{Path, PathBuf};

/// What stopped the program; the glass is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no glass at that path.
    #[error("{path} is not a glass: {why}", path = path.display())]
    NotAGlass {
        /// Where it was looked for.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// Something stands where a new glass should go.
    #[error("{path} is there already, so no glass was made; next: name a folder that is not there yet", path = path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// Another program writes to this glass.
    #[error("{path} is being written to by another program; nothing was recorded; next: wait until it has ended, then repeat the command", path = path.display())]
    Locked {
        /// The glass.
        path: PathBuf,
    },
    /// The history that others have is longer or another one.
    #[error(transparent)]
    Behind(Box<Behind>),
    /// The repository is set up in a way that hides or replaces history; nothing is written to it.
    #[error("the repository at {path} cannot be trusted: {}", list(findings), path = path.display())]
    Untrusted {
        /// The glass.
        path: PathBuf,
        /// What was found.
        findings: Vec<super::Finding>,
    },
    /// Git writes to this repository, or was stopped while it did.
    #[error("{lock} is there: git works on this glass, or was stopped while it did; nothing new was recorded; next: if no git works on it, rm {remove}, then repeat the command", lock = lock.display(), remove = shell::path(lock))]
    GitLocked {
        /// The file that is git's lock.
        lock: PathBuf,
    },
    /// Something stands in the work tree that a new commit would overwrite.
    #[error("{}", obstacle.tell(path, example))]
    WorkTree {
        /// The glass.
        path: PathBuf,
        /// One path below it.
        example: String,
        /// What is the matter with it.
        obstacle: Obstacle,
    },
    /// The commit stands, and the work tree does not show it yet.
    #[error(
        "operation {operation} is recorded as commit {commit}, but the work tree of {path} could not be written; next: mend what \
         the reason says, then repeat the command, which goes on there",
        path = path.display()
    )]
    CheckOut {
        /// The glass.
        path: PathBuf,
        /// The operation.
        operation: u32,
        /// Its commit.
        commit: Oid,
        /// Why.
        source: Box<Error>,
    },
    /// The package does not follow the last one recorded.
    #[error("{0}; nothing was recorded")]
    Sequence(Sequence),
    /// The package or operation belongs to another glass.
    #[error("the glass is of {glass}, this is of {given}; nothing was recorded")]
    Foreign {
        /// Whose glass it is.
        glass: String,
        /// Whose package or operation it is.
        given: String,
    },
    /// The key may not do this.
    #[error("{0}; nothing was recorded")]
    Key(String),
    /// Signing failed.
    #[error("the commit could not be signed")]
    Sign(#[from] crate::pack::Error),
    /// There are personal files and nobody to encrypt them to.
    #[error(
        "{count} files hold personal data and there is no recipient to encrypt them to; nothing was recorded; next: add --recipient age1…"
    )]
    NoRecipients {
        /// How many.
        count: usize,
    },
    /// Encrypting failed.
    #[error("personal files could not be encrypted")]
    Encrypt(#[from] crate::pack::age::Error),
    /// A value cannot stand in a commit message.
    #[error("{trailer} cannot be recorded: {why}; next: correct it, then repeat the command")]
    Value {
        /// The trailer.
        trailer: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A path cannot stand in a glass.
    #[error("{path:?} cannot stand in a glass")]
    Path {
        /// The path.
        path: String,
    },
    /// The folder of an operation is not as it must be.
    #[error("{path} cannot be recorded: {why}; next: correct it, then repeat the command", path = path.display())]
    Operation {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Who records it names others than the run does.
    #[error(
        "{path} cannot be recorded: {why}; nothing was recorded; next: leave --requested-by and --approved-by out, since a run is \
         recorded under the names that it has",
        path = path.display()
    )]
    Names {
        /// The file that names them.
        path: PathBuf,
        /// Who is named, and who was.
        why: String,
    },
    /// It stands there, encrypted to others than those who are named now.
    #[error(
        "operation {operation} was recorded before (commit {commit}), and --recipient changes nothing of it: whom its files were \
         encrypted to then, they stay encrypted to; next: {next}"
    )]
    Encrypted {
        /// The operation.
        operation: u32,
        /// Its commit.
        commit: Oid,
        /// How others come to read.
        next: &'static str,
    },
    /// The glass does not have the package that an operation ran.
    #[error("{folder} cannot be recorded: it ran package {number} ({sha256}), which this glass does not have; nothing was recorded", folder = folder.display())]
    NoPackage {
        /// The operation's folder.
        folder: PathBuf,
        /// The package's number.
        number: u32,
        /// SHA-256 of its `SHA256SUMS`.
        sha256: Digest,
    },
    /// It bears a date that has not come.
    #[error(
        "it bears the date {at}, and it is {now}: one of the two clocks is wrong, and a glass with a later date would fail every check until \
         then; nothing was recorded; next: correct this machine's clock if that is the wrong one; otherwise repeat the command \
         when {at} has come"
    )]
    Ahead {
        /// When the operation ended, or the package was exported.
        at: Timestamp,
        /// The time of recording.
        now: Timestamp,
    },
    /// A run cannot be recorded, or not before another one.
    #[error(transparent)]
    Order(Box<Order>),
    /// There is no operation of that number.
    #[error("{path} has no operation {number}, its last one is {last}; next: stufpack glass log {word} tells all", path = path.display(), word = shell::path(path))]
    NoOperation {
        /// The glass.
        path: PathBuf,
        /// What was asked for.
        number: u32,
        /// What there is.
        last: u32,
    },
    /// A secret stands in what was to be recorded.
    #[error(
        "a secret ({kind}) stands in {path}, line {line} (not shown); nothing was recorded; next: treat it as disclosed and replace it \
         where it is used; what has to be recorded is made anew without it"
    )]
    Secret {
        /// The file.
        path: String,
        /// What it is.
        kind: &'static str,
        /// Its line.
        line: usize,
    },
    /// The folder of a run was never written, since something stands in what the run left that no glass may hold.
    #[error(
        "{folder} was never written: a secret, or a person of the package in clear, stands in what its run left, and {note} tells \
         where; nothing was recorded; next: treat a secret as disclosed and replace it; later runs are recorded as ever",
        folder = folder.display(),
        note = note.display()
    )]
    Refused {
        /// The operation's folder.
        folder: PathBuf,
        /// The file beside it that says so.
        note: PathBuf,
    },
    /// A secret stands in a value for the commit message.
    #[error(
        "a secret ({kind}) stands in {trailer} (not shown); nothing was recorded; next: say it without the secret, and replace that \
         where it is used: a command line is seen by others"
    )]
    SecretValue {
        /// The trailer.
        trailer: &'static str,
        /// What it is.
        kind: &'static str,
    },
    /// Something stands where pages should go.
    #[error("{path} {what}; nothing was written; next: {next}", path = path.display())]
    Pages {
        /// The folder.
        path: PathBuf,
        /// What is the matter with it.
        what: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// An object of the repository is missing or of another kind.
    #[error("object {id} is not {what}")]
    Object {
        /// The object.
        id: Oid,
        /// What it should be.
        what: &'static str,
    },
    /// Reading or writing failed.
    #[error("{what} could not be read or written")]
    Io {
        /// What it was about.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The repository could not be read or written.
    #[error("the repository could not be read or written")]
    Git(#[from] git2::Error),
}

/// What keeps a work tree from being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody changed or added a file.
    Changed,
    /// Git does not show it, and the operation puts a file there.
    InTheWay {
        /// The operation that was to be recorded.
        operation: u32,
    },
    /// A checkout was interrupted, and this is neither of the tree before nor of the one after it.
    Foreign {
        /// The operation that was being checked out.
        operation: u32,
    },
}

impl Obstacle {
    fn tell(self, path: &Path, example: &str) -> String {
        let (word, place) = (shell::path(path), shell::path(&path.join(example)));
        let path = path.display();
        match self {
            Self::Changed => format!(
                "the work tree of {path} has changes of its own ({example}); nothing was recorded; next: git -C {word} status \
                 shows them; take them away, then repeat the command"
            ),
            Self::InTheWay { operation } => format!(
                "{example} stands in the work tree of {path}, ignored by git, where operation {operation} puts a file; nothing was \
                 recorded; next: mv {place} elsewhere, then repeat the command"
            ),
            Self::Foreign { operation } => format!(
                "the checkout of operation {operation} in {path} was interrupted, and somebody else wrote {example}; nothing new \
                 was recorded; next: keep a copy of {place} if you need it; git -C {word} reset --hard; then repeat the command"
            ),
        }
    }
}

/// Why a package does not follow the last one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sequence {
    /// It has a number that is not the next.
    #[error("the package has number {found}, the next one in this glass is {expected}")]
    Number {
        /// The next number.
        expected: u32,
        /// The package's number.
        found: u32,
    },
    /// It was made after another package.
    #[error("the package was made after {found}, the last one in this glass is {expected}")]
    Previous {
        /// The last package of the glass.
        expected: String,
        /// What the package names.
        found: String,
    },
    /// Another package of that number was recorded.
    #[error("another package {number} was recorded as operation {operation}")]
    Other {
        /// The number.
        number: u32,
        /// The operation.
        operation: u32,
    },
}

/// What this clone has, and what its origin has.
#[derive(Debug, PartialEq, Eq)]
pub struct Behind {
    /// The clone.
    pub path: PathBuf,
    /// Its head.
    pub here: Oid,
    /// Number of its last operation.
    pub operation_here: u32,
    /// Head of the origin.
    pub there: Oid,
    /// Number of the origin's last operation, if it could be read.
    pub operation_there: Option<u32>,
    /// Whether both have what the other lacks.
    pub diverged: bool,
}

impl std::error::Error for Behind {}

impl std::fmt::Display for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, word) = (self.path.display(), shell::path(&self.path));
        let (here, there) = (short(self.here), short(self.there));
        let operation = self.operation_here;
        match (self.diverged, self.operation_there) {
            (true, _) => write!(
                f,
                "the glass and its origin went different ways\n  at {path}, branch main: operation {operation} here ({here}), {there} on origin\n\
                 Two people recorded at once, or one of both was rewritten. Nothing was recorded.\n\
                 next: look at both: git -C {word} fetch && git -C {word} log --oneline --left-right main...origin/main; where somebody \
                 else recorded meanwhile (>), that stays: git -C {word} reset --hard origin/main, then record again what only this \
                 clone had (<), in the same order"
            ),
            (false, Some(last)) => write!(
                f,
                "the glass has {} operations that this clone lacks\n  at {path}, branch main: operation {operation} here ({here}), {last} on origin ({there})\n\
                 A package made now would claim operation {} a second time, so nothing was recorded.\n\
                 next: git -C {word} pull --ff-only, then repeat the command",
                last.saturating_sub(operation),
                operation + 1,
            ),
            (false, None) => write!(
                f,
                "the glass has operations that this clone lacks\n  at {path}, branch main: operation {operation} here ({here}), {there} on origin\n\
                 A package made now would claim operation {} a second time, so nothing was recorded.\n\
                 next: git -C {word} pull --ff-only, then repeat the command",
                operation + 1,
            ),
        }
    }
}

impl Error {
    /// Stable and documented, such as `glass.behind`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAGlass { .. } => "glass.none",
            Self::Exists { .. } => "glass.exists",
            Self::Locked { .. } | Self::GitLocked { .. } => "glass.locked",
            Self::Behind(behind) if behind.diverged => "glass.diverged",
            Self::Behind(_) => "glass.behind",
            Self::Untrusted { .. } => "glass.untrusted",
            Self::WorkTree { .. } | Self::CheckOut { .. } => "glass.worktree",
            Self::Sequence(_) => "glass.sequence",
            Self::Foreign { .. } => "glass.foreign",
            Self::Key(_) => "glass.key",
            Self::Sign(_) => "glass.sign",
            Self::NoRecipients { .. } | Self::Encrypt(_) | Self::Encrypted { .. } => "glass.recipients",
            Self::Value { .. } => "glass.value",
            Self::Path { .. } => "glass.path",
            Self::Operation { .. }
            | Self::Names { .. }
            | Self::NoPackage { .. }
            | Self::NoOperation { .. } => "glass.operation",
            Self::Order(_) => "glass.order",
            Self::Ahead { .. } => "glass.date",
            Self::Secret { .. } | Self::SecretValue { .. } => "gate.secret",
            Self::Refused { .. } => "gate.refused",
            Self::Pages { .. } => "glass.pages",
            Self::Object { .. } => "glass.object",
            Self::Io { .. } | Self::Git(_) => "glass.io",
        }
    }

    pub(super) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}

/// The first seven digits, as people write them.
pub(super) fn short(id: Oid) -> String {
    id.to_string().chars().take(7).collect()
}

fn list(findings: &[super::Finding]) -> String {
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    messages.join("; ")
}
