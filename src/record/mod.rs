//! Records packages and operations in a glass, and checks what was recorded.
//!
//! ```text
//! init ──▶ root      record ──▶ one signed commit      log ──▶ operations      verify ──▶ Audit
//! ```
//!
//! A glass is a git repository with one branch, `main`: operation 0 makes it, every later operation is exactly one commit, signed
//! with an SSH key, that says what happened in twelve trailers. The package stands at the root of the tree; `audit/` and
//! `infrastructure/deployment-logs/` only grow; personal files stand encrypted in `personal/`, under numbers.

mod claims;
mod commit;
mod diff;
mod error;
mod finding;
mod glass;
mod history;
mod init;
mod journal;
mod listing;
mod log;
mod meaning;
mod message;
mod notes;
mod oldpacks;
mod operation;
mod order;
mod package;
mod packfile;
mod paths;
mod rights;
mod secrets;
mod sensitive;
mod site;
mod structure;
mod tree;
mod value;
mod verify;
mod worktree;

pub use diff::{Comparison, Difference, diff};
pub use error::{Behind, Error, Obstacle, Sequence};
pub use finding::{Finding, Verdict};
pub use glass::{Glass, LastPackage, Locked, Numbers};
pub use history::{History, Past, Signature, Standing, history};
pub use init::{Founding, init};
pub use log::{Entry, Ran, log};
pub use meaning::{Area, Changed, Meaning, meaning};
pub use message::{Event, Message, MessageError, PackageRef, TRAILERS, Validation};
pub(crate) use notes::forget as forget_notes;
pub use operation::{Ended, JournalEnd, Kind, Operation, OperationError, PackageOf};
pub use order::Order;
pub use package::{Recorded, Recording, Staged, recipients_at, record};
pub use secrets::beside as secrets_beside;
pub use site::{Pages, comparison, pages, publish};
pub use value::Value;
pub use verify::{Audit, Seen, Trust, verify};

use crate::model::{Timestamp, Word as _};
use crate::open::Signers;
use crate::pack::{Principal, Signer};

/// What the trailer `Tool` says.
const TOOL: &str = concat!("stufpack ", env!("CARGO_PKG_VERSION"));

/// How far a clock may be ahead, in seconds.
const AHEAD: i64 = 300;

/// Under which name `key` may write to a glass at `at`.
fn writer(signers: &Signers, key: &Signer, at: Timestamp) -> Result<Principal, Error> {
    signers
        .principal(key.public_key().key_data(), commit::NAMESPACE, at)
        .map_err(|problem| {
            Error::Key(format!("the signing key ({}) may not sign: {problem}", key.fingerprint()))
        })
        .and_then(|name| {
            Principal::parse(name).ok_or_else(|| {
                Error::Key(format!("the signing key is of {name}, who is neither issuer/… nor customer/…"))
            })
        })
}

/// Seconds since 1970 as a time.
fn moment(seconds: i64) -> Timestamp {
    Timestamp(jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX))
}
