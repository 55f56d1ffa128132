//! What stops sealing or writing.

use crate::model::shell;
use std::io;
use std::path::PathBuf;

/// What stopped the package from being made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file has a name that packages do not hold.
    #[error("{path:?} is not a plain name, so no package can hold it")]
    Name {
        /// The name.
        path: String,
    },
    /// A file has a name that `seal` gives to a file of its own.
    #[error("{path} is made while sealing and cannot be given")]
    Reserved {
        /// The name.
        path: String,
    },
    /// Two names that not every file system can hold side by side.
    #[error("{path} and {other} differ in case only, or one is a folder of the other")]
    Clash {
        /// The later name.
        path: String,
        /// The earlier name.
        other: String,
    },
    /// A file may be run and should not, or the reverse.
    #[error("{path} must be executable exactly if it is code that begins with #!")]
    Executable {
        /// The file.
        path: String,
    },
    /// There is no plan.
    #[error("MIGRATION-PLAN.json is missing")]
    PlanMissing,
    /// There is no bill of materials.
    #[error("bill-of-materials.cdx.json is missing")]
    BillMissing,
    /// The package would be larger than the format allows.
    #[error(
        "the package would have {entries} files and folders and {bytes} bytes; the limits are 60,000 and 2 GiB"
    )]
    TooLarge {
        /// Size of the zip.
        bytes: u64,
        /// Number of files and folders.
        entries: usize,
    },
    /// The signing key could not be read.
    #[error("the signing key {} could not be read; next: name an OpenSSH private key that this account can read", path.display())]
    KeyRead {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The signing key can be read by others.
    #[error("the signing key {} can be read by others (mode {mode:04o}); next: chmod 600 {}", path.display(), path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The signing key is protected by a passphrase.
    #[error(
        "the signing key {0} is protected by a passphrase, which cannot be asked for here; next: make a copy without one, on an \
         encrypted disk: cp -p {0} {0}.plain && ssh-keygen -p -N '' -f {0}.plain, then: --sign-key {0}.plain",
        path.display()
    )]
    KeyEncrypted {
        /// The key file.
        path: PathBuf,
    },
    /// The signing key is not an OpenSSH private key.
    #[error("{} is not an OpenSSH private key; next: name the private file of the pair (not .pub); ssh-keygen -t ed25519 makes one", path.display())]
    KeyForm {
        /// The key file.
        path: PathBuf,
    },
    /// What is named as the signing key is no file.
    #[error("{} is {kind}, not an OpenSSH private key; next: name the private file of the pair (not .pub); ssh-keygen -t ed25519 makes one", path.display())]
    KeyNoFile {
        /// What was named.
        path: PathBuf,
        /// What it is, such as `a named pipe`.
        kind: &'static str,
    },
    /// The signing key is of a kind that is not used here.
    #[error("the signing key {} is of type {algorithm}; Ed25519 and ECDSA P-256 are used here; next: ssh-keygen -t ed25519 makes one", path.display())]
    KeyAlgorithm {
        /// The key file.
        path: PathBuf,
        /// Its type.
        algorithm: String,
    },
    /// The signing key's comment names no issuer, and nothing else could.
    #[error(
        "the signing key's comment names no issuer, and a kit belongs to no installation whose name could stand for it; \
         next: ssh-keygen -c -C issuer/NAME -f KEY, then repeat the command"
    )]
    KeyNameless,
    /// Signing failed.
    #[error("signing failed")]
    Sign(#[source] ssh_key::Error),
    /// A file or folder could not be read or written.
    #[error("{} could not be {action}; next: mend what the reason says, then repeat the command", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// `read`, `written`, `made`.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Something else stands where the package should go.
    #[error("{} is there already with other bytes and was left as it is; next: choose another --out, or add --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The folder holds another package's `VERIFY.txt`, and there is one in a folder.
    #[error(
        "{} tells how another package is verified and was left as it is; next: give each package a folder of its own: --out {}",
        path.display(),
        shell::path(own)
    )]
    OtherPackage {
        /// The file.
        path: PathBuf,
        /// A folder that would be the package's own.
        own: PathBuf,
    },
    /// An encrypted package stands where this one should go, and encrypted bytes cannot be compared.
    #[error(
        "{} is there already and was left as it is (encryption is random, so its bytes cannot be compared); \
         next: choose another --out, or add --force",
        path.display()
    )]
    EncryptedExists {
        /// The file.
        path: PathBuf,
    },
    /// A folder stands where a file should go; files are overwritten, folders never.
    #[error("{} is a folder and was left as it is, --force or not; next: choose another --out, or move the folder away", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// Encryption or decryption failed.
    #[error(transparent)]
    Age(#[from] super::age::Error),
}
