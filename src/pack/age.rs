//! Encryption to age recipients, for whole packages and for personal files in a glass.

use crate::model::AgeRecipient;
use crate::named;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The first bytes of every age file.
pub const HEADER: &[u8] = b"age-encryption.org/v1\n";

/// What stopped encryption or decryption.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody to encrypt to.
    #[error("there is no recipient to encrypt to; next: add spec.recipients to the target")]
    NoRecipients,
    /// Encrypting failed.
    #[error("encryption failed: {0}")]
    Encrypt(String),
    /// An identity file could not be read.
    #[error("the identity file {} could not be read; next: name the file that age-keygen wrote", path.display())]
    IdentityRead {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An identity file holds something else; its lines are not shown.
    #[error("{} holds no age identity (AGE-SECRET-KEY-1…) without passphrase{}; next: name the file that age-keygen wrote", path.display(), at(*line))]
    IdentityForm {
        /// The file.
        path: PathBuf,
        /// The first line that is none, 0 where no line is.
        line: usize,
    },
    /// What is named as an identity file is none.
    #[error("{} is {kind}, not a file with an age identity; next: name the file that age-keygen wrote", path.display())]
    IdentityNoFile {
        /// What was named.
        path: PathBuf,
        /// What it is, such as `a named pipe`.
        kind: &'static str,
    },
    /// Not an age file, or a damaged one.
    #[error("not an age file, or a damaged one")]
    Form,
    /// None of the identities is a recipient.
    #[error("encrypted to others: none of the given identities opens it")]
    NotForUs,
    /// The content does not fit its authentication: changed or cut off.
    #[error("the encrypted content was changed or cut off")]
    Changed,
    /// More content than expected.
    #[error("the decrypted content is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

fn at(line: usize) -> String {
    if line == 0 { String::new() } else { format!(": line {line} is none") }
}

/// A text that holds no identities; none of its lines is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no age identity (AGE-SECRET-KEY-1…) without passphrase{}", at(*line))]
pub struct NoIdentity {
    /// The first line that is none, 0 where there is no line.
    pub line: usize,
}

/// Secret keys that open age files. `Debug` tells their number only.
#[derive(Clone)]
pub struct Identities(Vec<::age::x25519::Identity>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl Identities {
    /// Reads an identity file as `age-keygen` writes it.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::IdentityRead { path: path.to_owned(), source };
        if let Some(kind) = named::endless(path, &path.metadata().map_err(read)?) {
            return Err(Error::IdentityNoFile { path: path.to_owned(), kind });
        }
        let file = std::fs::File::open(path).map_err(read)?;
        let mut text = Vec::new();
        file.take(1 << 20).read_to_end(&mut text).map_err(read)?;
        Self::parse(&text).map_err(|NoIdentity { line }| Error::IdentityForm { path: path.to_owned(), line })
    }

    /// Reads identities, one per line.
    ///
    /// # Errors
    ///
    /// A line that is none.
    pub fn parse(text: &[u8]) -> Result<Self, NoIdentity> {
        let mut identities = Vec::new();
        for (index, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let identity = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
            identities.push(identity.ok_or(NoIdentity { line: index + 1 })?);
        }
        if identities.is_empty() { Err(NoIdentity { line: 0 }) } else { Ok(Self(identities)) }
    }
}

/// Whether `bytes` begin as an age file does.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(HEADER)
}

/// To how many recipients `bytes` are encrypted; nothing where they are no age file to recipients such as [`AgeRecipient`]s.
///
/// The whole header is read. What follows it looks like noise to everybody but a recipient, who alone can tell what it is.
pub fn recipients(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.strip_prefix(HEADER)?;
    let mut count = 0;
    loop {
        let first = line(&mut rest)?;
        if let Some(code) = first.strip_prefix(b"--- ") {
            return (is_base64(code) && code.len() == KEY && rest.len() >= SHORTEST).then_some(count);
        }
        let mut words = first.strip_prefix(b"-> ")?.split(|byte| *byte == b' ');
        let kind = words.next()?;
        let mut body = 0;
        // The last line is shorter than the others.
        loop {
            let part = line(&mut rest).filter(|part| part.len() <= WIDTH && is_base64(part))?;
            body += part.len();
            if part.len() < WIDTH {
                break;
            }
        }
        match (kind, words.next(), words.next()) {
            (b"X25519", Some(share), None) if share.len() == KEY && is_base64(share) && body == KEY => {
                count += 1
            }
            // What some programs add so that others expect the unknown.
            _ if kind.ends_with(b"-grease") => {}
            _ => return None,
        }
    }
}

/// Characters of 32 bytes in base64.
const KEY: usize = 43;
/// Characters of a whole line of a header.
const WIDTH: usize = 64;
/// Bytes that follow the header of an empty file: what its key is made with, and the last part's code.
const SHORTEST: usize = 16 + 16;

/// Takes a line from the begin of `rest`.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(b'\n', rest)?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    Some(line)
}

fn is_base64(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

/// Encrypts `bytes` to every one of `recipients`; random by design, so never the same twice.
pub fn encrypt(bytes: &[u8], recipients: &[AgeRecipient]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 2048 + 1024);
    encrypt_into(&mut out, recipients, |out| out.write_all(bytes))?;
    Ok(out)
}

/// Encrypts what `fill` writes, while it writes.
pub fn encrypt_into<W: io::Write>(
    out: W,
    recipients: &[AgeRecipient],
    fill: impl FnOnce(&mut ::age::stream::StreamWriter<W>) -> io::Result<()>,
) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Encrypt(error.to_string());
    let mut writer = encryptor(recipients, out)?;
    fill(&mut writer).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(())
}

fn encryptor<W: io::Write>(
    recipients: &[AgeRecipient],
    out: W,
) -> Result<::age::stream::StreamWriter<W>, Error> {
    let recipients: Vec<::age::x25519::Recipient> = recipients
        .iter()
        .map(|recipient| recipient.as_str().parse().map_err(|why: &str| Error::Encrypt(why.to_owned())))
        .collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Error::NoRecipients);
    }
    ::age::Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn ::age::Recipient))
        .map_err(|error| Error::Encrypt(error.to_string()))?
        .wrap_output(out)
        .map_err(|error| Error::Encrypt(error.to_string()))
}

/// Decrypts `bytes` with the first of `identities` that opens it; at most `limit` bytes come out.
pub fn decrypt(bytes: &[u8], identities: &Identities, limit: u64) -> Result<Vec<u8>, Error> {
    use ::age::DecryptError;
    let decryptor = ::age::Decryptor::new_buffered(bytes).map_err(|_| Error::Form)?;
    let keys = identities.0.iter().map(|identity| identity as &dyn ::age::Identity);
    let reader = decryptor.decrypt(keys).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Error::NotForUs,
        _ => Error::Form,
    })?;
    let mut out = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut out).map_err(|_| Error::Changed)?;
    if out.len() as u64 > limit {
        return Err(Error::TooLarge { limit });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word as _;

    /// `glass record --recipient AGE1…`: stock tools, which read them in a glass, know no capitals.
    #[test]
    fn a_recipient_in_capitals_is_kept_in_small_letters() {
        let text = ::age::x25519::Identity::generate().to_public().to_string();
        let recipient = AgeRecipient::parse(&text.to_ascii_uppercase()).unwrap();
        assert_eq!(recipient.as_str(), text);
        assert_eq!(AgeRecipient::parse(&text.replacen('a', "A", 1)), None);
    }

    #[test]
    fn a_whole_header_tells_to_how_many_a_file_is_encrypted_and_nothing_less_is_one() {
        let recipients: Vec<AgeRecipient> = (0..3)
            .map(|_| ::age::x25519::Identity::generate().to_public().to_string())
            .map(|text| AgeRecipient::parse(&text).unwrap())
            .collect();
        // Each of them also has what the encoder adds by chance.
        for _ in 0..40 {
            for to in 1..=3 {
                assert_eq!(super::recipients(&encrypt(b"", &recipients[..to]).unwrap()), Some(to));
            }
        }
        let sealed = encrypt(b"ada@example.org", &recipients[..1]).unwrap();
        let end = sealed.windows(4).position(|part| part == b"--- ").unwrap() + 4 + KEY + 1;
        for cut in [HEADER.len(), end - 2, end, end + SHORTEST - 1] {
            assert_eq!(super::recipients(&sealed[..cut]), None, "{cut}");
        }
        let clear = [HEADER, b"ada@example.org in clear\n"].concat();
        let scrypt = String::from_utf8_lossy(&sealed).replacen("X25519", "scrypt", 1);
        for other in [clear, scrypt.into_bytes()] {
            assert_eq!(super::recipients(&other), None);
        }
    }
}
