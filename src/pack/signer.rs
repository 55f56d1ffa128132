//! The key that signs packages and commits, in process.

use super::Error;
use crate::model::{Domain, Word};
use crate::named;
use serde::{Deserialize, Deserializer, Serialize};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey, PublicKey};
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Namespace of package signatures, so that a signature over a commit is never one over a package.
pub const NAMESPACE: &str = "stufpack";

/// Who signs, as named in signers files: `issuer/NAME` or `customer/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Principal(String);

impl Word for Principal {
    const EXPECTED: &'static str =
        "a principal such as issuer/releases@example.org (letters, digits and ._@+-)";
    const EXAMPLE: &'static str = "issuer/ops@example.org";

    fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("issuer/").or_else(|| text.strip_prefix("customer/"))?;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b));
        ((1..=100).contains(&name.len()) && plain).then(|| Self(text.to_owned()))
    }
}

impl Principal {
    /// The text as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether packages may be signed under this name.
    pub fn is_issuer(&self) -> bool {
        self.0.starts_with("issuer/")
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(Self::EXPECTED))
    }
}

/// A private key, unlocked. `Debug` tells its fingerprint only.
pub struct Signer {
    key: PrivateKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.fingerprint())
    }
}

impl Signer {
    /// Reads an OpenSSH key file that only its owner can read and that has no passphrase.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::KeyRead { path: path.to_owned(), source };
        let about = fs::metadata(path).map_err(read)?;
        let folder = about.is_dir().then_some("a folder");
        if let Some(kind) = folder.or_else(|| named::endless(path, &about)) {
            return Err(Error::KeyNoFile { path: path.to_owned(), kind });
        }
        let mut text = Vec::new();
        fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text)).map_err(read)?;
        let key = parse(&text, path)?;
        // Only of a key does it matter who can read it.
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::KeyExposed { path: path.to_owned(), mode });
        }
        Self::unlocked(key, path)
    }

    /// Reads an OpenSSH private key; `path` is for messages.
    pub fn from_openssh(key: &[u8], path: &Path) -> Result<Self, Error> {
        Self::unlocked(parse(key, path)?, path)
    }

    fn unlocked(key: PrivateKey, path: &Path) -> Result<Self, Error> {
        let path = || path.to_owned();
        if key.is_encrypted() {
            return Err(Error::KeyEncrypted { path: path() });
        }
        if !is_used_here(&key.algorithm()) {
            return Err(Error::KeyAlgorithm { path: path(), algorithm: key.algorithm().to_string() });
        }
        Ok(Self { key })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Who signs when nobody says: the key's comment if it is a principal `issuer/…`, else `issuer/INSTALLATION`.
    pub fn issuer(&self, installation: &Domain) -> Principal {
        self.named().unwrap_or_else(|| Principal(format!("issuer/{installation}")))
    }

    /// The issuer that the key's comment names.
    pub fn named(&self) -> Option<Principal> {
        Principal::parse(self.key.comment()).filter(Principal::is_issuer)
    }

    /// The line by which OpenSSH knows this key as `issuer`, for packages and kits alone.
    pub fn allowed_line(&self, issuer: &Principal) -> String {
        let key = PublicKey::new(self.public_key().key_data().clone(), "").to_openssh().unwrap_or_default();
        format!("{issuer} namespaces=\"{NAMESPACE}\" {}", key.trim_end())
    }

    /// An armoured SSH signature (SSHSIG), equal to what `ssh-keygen -Y sign -n NAMESPACE` writes.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, Error> {
        let signature = self.key.sign(namespace, HashAlg::Sha512, message).map_err(Error::Sign)?;
        signature.to_pem(LineEnding::LF).map_err(Error::Sign)
    }
}

/// More than any key file has; what never ends (`/dev/zero`) is not read for ever.
const LONGEST: u64 = 1 << 20;

fn parse(key: &[u8], path: &Path) -> Result<PrivateKey, Error> {
    PrivateKey::from_openssh(key).map_err(|_| Error::KeyForm { path: path.to_owned() })
}

/// Ed25519 and ECDSA P-256: both signed and verified in process, both deterministic here.
pub(crate) fn is_used_here(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 })
}
