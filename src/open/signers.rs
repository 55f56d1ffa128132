//! Whom to trust: OpenSSH's `allowed_signers` and lists of revoked keys, read more strictly than OpenSSH does.

use super::problem::{Problem, Way};
use crate::model::{Timestamp, Word as _};
use crate::pack::Principal;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;
use std::path::{Path, PathBuf};

/// Who may sign what, and when.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    /// One entry per line.
    pub entries: Vec<Entry>,
    /// What messages call the file.
    name: String,
    /// Where the file lies, with links resolved; nowhere if it was not read from a file.
    pub(super) file: Option<PathBuf>,
}

/// One line of a signers file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its line, counted from 1.
    pub line: usize,
    /// Who; more than one, or a pattern, is refused when the key is used.
    pub principals: Vec<String>,
    /// For what, such as `stufpack` and `git`; no patterns.
    pub namespaces: Vec<String>,
    /// First moment at which the key is valid.
    pub valid_after: Option<Timestamp>,
    /// Last moment at which the key is valid.
    pub valid_before: Option<Timestamp>,
    /// The key.
    pub key: KeyData,
}

impl Signers {
    /// Reads a signers file; `name` is what messages call it. Every line must be right, since a line that one reader
    /// skips may be what another reader trusts.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, Vec<Problem>> {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let place = format!("{name}:{number}");
            let text = std::str::from_utf8(line);
            let read = text.map_err(|_| (Way::SignersLine, "is not UTF-8 text".to_owned()));
            match read.and_then(|line| entry(line, number)) {
                Ok(entry) => entries.extend(entry),
                Err((way, message)) => {
                    let problem = way.at(&place, message);
                    problems.push(match text.ok().and_then(|line| instead(way, line)) {
                        Some(next) => problem.next(next),
                        None => problem,
                    });
                }
            }
        }
        let foreign = [Way::SignersLine.code(), Way::SignersOption.code()];
        if problems.iter().filter(|problem| foreign.contains(&problem.code)).count() > MOST_LINES {
            problems = vec![another_file(text, name, &problems)];
        }
        if entries.is_empty() && problems.is_empty() {
            problems.push(Way::SignersEmpty.at(name, "lists nobody"));
        }
        if problems.is_empty() {
            Ok(Self { entries, name: name.to_owned(), file: None })
        } else {
            Err(problems)
        }
    }

    /// Whether the file lies in `folder`.
    pub(super) fn lies_in(&self, folder: &Path) -> bool {
        let file = self.file.as_deref();
        folder.canonicalize().is_ok_and(|folder| file.is_some_and(|file| file.starts_with(folder)))
    }

    /// What is wrong where the file lies in the package.
    pub(super) fn inside(&self) -> Problem {
        Way::SignersInside.at(&self.name, "lies inside the package, which cannot vouch for itself")
    }

    /// The one principal that may sign with `key` in `namespace` at the moment `at`.
    pub fn principal(&self, key: &KeyData, namespace: &str, at: Timestamp) -> Result<&str, Problem> {
        let mut entries = self.entries.iter().filter(|entry| entry.key == *key);
        let fingerprint = key.fingerprint(ssh_key::HashAlg::Sha256);
        let Some(entry) = entries.next() else {
            let message = format!("does not list the key that signed, {fingerprint}");
            return Err(Way::SignersUnknown.at(&self.name, message));
        };
        let line = format!("{}:{}", self.name, entry.line);
        if let Some(other) = entries.next() {
            let message = format!("lists the key of line {} again on line {}", entry.line, other.line);
            return Err(Way::SignersTwice.at(&line, message));
        }
        let [principal] = entry.principals.as_slice() else {
            return Err(Way::SignersPattern.at(&line, "names several principals for the key that signed"));
        };
        if principal.contains(['*', '?', '!']) {
            let message = format!("names the pattern {principal} instead of one principal");
            return Err(Way::SignersPattern.at(&line, message));
        }
        if !entry.namespaces.iter().any(|allowed| allowed == namespace) {
            let message =
                format!("allows {principal} for {}, but not for {namespace}", entry.namespaces.join(", "));
            let next = match namespace {
                "git" => {
                    "write namespaces=\"git,stufpack\" on this line: in a glass the key signs commits too"
                }
                _ => "write namespaces=\"stufpack\" on this line, or namespaces=\"git,stufpack\" for a glass",
            };
            return Err(Way::SignersPurpose.at(&line, message).next(next));
        }
        if let Some(after) = entry.valid_after.filter(|after| at < *after) {
            return Err(
                Way::SignersEarly.at(&line, format!("allows {principal} from {after} on, and not at {at}"))
            );
        }
        if let Some(before) = entry.valid_before.filter(|before| at > *before) {
            return Err(
                Way::SignersLate.at(&line, format!("allowed {principal} until {before}, and not at {at}"))
            );
        }
        Ok(principal)
    }
}

type Wrong = (Way, String);

/// One line: `PRINCIPALS OPTIONS KEYTYPE KEY [COMMENT]`; nothing for an empty line or a comment.
fn entry(line: &str, number: usize) -> Result<Option<Entry>, Wrong> {
    let line = line.trim_matches([' ', '\t', '\r']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let bad = |message: &str| (Way::SignersLine, message.to_owned());
    if line.chars().any(|character| character.is_control() && character != '\t') {
        return Err(bad("holds control characters"));
    }
    let (principals, rest) = line.split_once([' ', '\t']).ok_or_else(|| bad("has no key"))?;
    let principals: Vec<String> = principals.split(',').map(str::to_owned).collect();
    let is_pattern = |text: &String| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._@+-*?!".contains(&b))
    };
    if !principals.iter().all(is_pattern) {
        return Err(bad("names principals that are not letters, digits and /._@+-"));
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    if key(line).is_ok() {
        return Err(bad("is a public key alone: the name of its owner is missing at the front"));
    }
    let for_everything = || (Way::SignersUnsafe, "trusts the key for everything".to_owned());
    if key(rest).is_ok() {
        // The word after the principals is a key type, so there are no options.
        return Err(for_everything());
    }
    let (options, rest) = split_options(rest).ok_or_else(|| bad("has an open quote, or no key"))?;
    let options = read_options(options)?;
    let key = key(rest).map_err(|()| bad("has no public key that can be read after its options"))?;
    let namespaces = options.namespaces.ok_or_else(for_everything)?;
    Ok(Some(Entry {
        line: number,
        principals,
        namespaces,
        valid_after: options.valid_after,
        valid_before: options.valid_before,
        key,
    }))
}

/// What to write in place of a line, where that can be told.
fn instead(way: Way, line: &str) -> Option<String> {
    let glass = "for a glass with namespaces=\"git,stufpack\"";
    match way {
        Way::SignersUnsafe => {
            Some(format!("write namespaces=\"stufpack\" after the name, as VERIFY.txt has it; {glass}"))
        }
        Way::SignersLine if key(line.trim_ascii()).is_ok() => {
            let mut words = line.split_ascii_whitespace();
            let (algorithm, base64) = (words.next()?, words.next()?);
            let owner = words.next().and_then(Principal::parse);
            let owner = owner.as_ref().map_or("issuer/NAME", Principal::as_str);
            Some(format!("write the line so: {owner} namespaces=\"stufpack\" {algorithm} {base64} ({glass})"))
        }
        _ => None,
    }
}

/// More wrong lines than this come from another kind of file, of which each line would be told.
const MOST_LINES: usize = 5;

/// The one problem of a file that is something else.
fn another_file(text: &[u8], name: &str, problems: &[Problem]) -> Problem {
    if text.starts_with(crate::pack::VERIFY_TEXT_BEGINS.as_bytes()) {
        let next = "keep its one line that begins with issuer/ and take away all others";
        return Way::SignersLine.at(name, "is the whole of VERIFY.txt").next(next);
    }
    let message = format!(
        "has {} lines that name no signer; the first, {}, {}",
        problems.len(),
        problems[0].path,
        problems[0].message
    );
    let next = "name the file with the signer's line of VERIFY.txt, or keep nothing but such lines in it";
    Way::SignersLine.at(name, message).next(next)
}

/// A public key, perhaps with a comment.
fn key(text: &str) -> Result<KeyData, ()> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let (algorithm, base64) = (words.next().ok_or(())?, words.next().ok_or(())?);
    let key = PublicKey::from_openssh(&format!("{algorithm} {base64}")).map_err(|_| ())?;
    Ok(key.key_data().clone())
}

/// Splits at the first space outside quotes.
fn split_options(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => {
                return Some((&text[..index], text[index + 1..].trim_start_matches([' ', '\t'])));
            }
            _ => {}
        }
    }
    None
}

#[derive(Default)]
struct Options {
    namespaces: Option<Vec<String>>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

/// Options: `NAME` or `NAME="VALUE"`, joined by commas; names in any case.
fn read_options(text: &str) -> Result<Options, Wrong> {
    let mut options = Options::default();
    let mut rest = text;
    loop {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let (name, after) = (rest[..end].to_ascii_lowercase(), &rest[end..]);
        let bad = |message: String| (Way::SignersOption, message);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(after) => {
                let (value, after) = after
                    .split_once('"')
                    .ok_or_else(|| bad(format!("{} has an open quote", super::problem::shown(&name))))?;
                (Some(value), after)
            }
            None if after.starts_with('=') => {
                return Err(bad("has an option whose value is not in quotes".to_owned()));
            }
            None => (None, after),
        };
        let twice = || bad(format!("gives {name} twice"));
        match (name.as_str(), value) {
            ("namespaces", Some(value)) => {
                let previous = options.namespaces.replace(namespaces(value)?);
                previous.map_or(Ok(()), |_| Err(twice()))?;
            }
            ("valid-after", Some(value)) => {
                let previous = options.valid_after.replace(date(value)?);
                previous.map_or(Ok(()), |_| Err(twice()))?;
            }
            ("valid-before", Some(value)) => {
                let previous = options.valid_before.replace(date(value)?);
                previous.map_or(Ok(()), |_| Err(twice()))?;
            }
            ("cert-authority", None) => {
                return Err((
                    Way::SignersAuthority,
                    "trusts a certificate authority; list the keys themselves".to_owned(),
                ));
            }
            _ => {
                return Err(bad(format!(
                    "has the option {}, which is not known",
                    super::problem::shown(&name)
                )));
            }
        }
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(options),
            None => return Err(bad("has something between a value and the next comma".to_owned())),
        }
    }
}

fn namespaces(value: &str) -> Result<Vec<String>, Wrong> {
    let plain = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b))
    };
    if value.split(',').all(plain) {
        Ok(value.split(',').map(str::to_owned).collect())
    } else {
        let message = "has a pattern in namespaces=; name each, such as namespaces=\"stufpack\"";
        Err((Way::SignersNamespaces, message.to_owned()))
    }
}

/// `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`.
fn date(value: &str) -> Result<Timestamp, Wrong> {
    let wrong = || {
        let message = "has a date that is not like 20261119Z or 20261119210400Z (without Z it means another moment \
                       in another time zone)";
        (Way::SignersDate, message.to_owned())
    };
    let digits = value.strip_suffix('Z').ok_or_else(wrong)?;
    if ![8, 12, 14].contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let padded = format!("{digits:0<14}");
    let (d, t) = padded.split_at(8);
    let text = format!("{}-{}-{}T{}:{}:{}Z", &d[..4], &d[4..6], &d[6..], &t[..2], &t[2..4], &t[4..]);
    text.parse().map(Timestamp).map_err(|_| wrong())
}

/// Keys that are not trusted any more.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    keys: Vec<KeyData>,
}

impl Revoked {
    /// Reads a list of public keys, one per line, as `ssh-keygen -Y verify -r` takes it.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, Vec<Problem>> {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match std::str::from_utf8(line).map_err(|_| ()).and_then(key) {
                Ok(key) => keys.push(key),
                Err(()) => {
                    let message = "is no public key (binary revocation lists are not read here)";
                    problems.push(Way::RevokedForm.at(&format!("{name}:{}", index + 1), message));
                    break;
                }
            }
        }
        if problems.is_empty() { Ok(Self { keys }) } else { Err(problems) }
    }

    /// Whether `key` is revoked.
    pub fn contains(&self, key: &KeyData) -> bool {
        self.keys.contains(key)
    }
}
