//! A commit as bytes: how it is made, signed, read and checked, without anything that git would add from a configuration.

use crate::pack::Signer;
use git2::Oid;
use ssh_key::{LineEnding, SshSig};

/// The namespace in which git's commits are signed.
pub(super) const NAMESPACE: &str = "git";

/// One commit, read from its bytes.
#[derive(Debug)]
pub(super) struct Commit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents; a commit of the glass has one, the root none.
    pub parents: Vec<Oid>,
    /// The committer's name.
    pub committer: String,
    /// When it says that it was made, in seconds since 1970.
    pub time: i64,
    /// What it says.
    pub message: String,
    /// What of its form is not as this program writes it.
    pub flaws: Vec<&'static str>,
    /// The SSH signature in its armour, if there is one.
    signature: Option<String>,
    /// What was signed: the commit without its signature.
    payload: Vec<u8>,
}

/// What a commit is made of.
pub(super) struct Draft<'a> {
    pub tree: Oid,
    pub parent: Option<Oid>,
    pub principal: &'a str,
    pub time: i64,
    pub message: &'a str,
}

impl Draft<'_> {
    /// The signed commit.
    pub fn sign(&self, key: &Signer) -> Result<Vec<u8>, crate::pack::Error> {
        let (head, message) = self.parts();
        let payload = [head.as_str(), "\n", message].concat();
        let signature = key.sign(NAMESPACE, payload.as_bytes())?;
        Ok([&head, "gpgsig ", &signature.trim_end().replace('\n', "\n "), "\n\n", message]
            .concat()
            .into_bytes())
    }

    fn parts(&self) -> (String, &str) {
        let person = format!("{0} <{0}> {1} +0000", self.principal, self.time);
        let parent = self.parent.map_or_else(String::new, |id| format!("parent {id}\n"));
        let head = format!("tree {}\n{parent}author {person}\ncommitter {person}\n", self.tree);
        (head, self.message)
    }
}

impl Commit {
    /// Reads a commit of any origin; what [`Draft::sign`] would not have made so is listed in `flaws`.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let (head, message) = text.split_once("\n\n").ok_or("it has no message")?;
        let mut lines = head.split('\n').peekable();
        let mut unsigned = String::with_capacity(text.len());
        let mut flaws = Vec::new();
        let tree =
            lines.peek().and_then(|line| id(line, "tree ")).ok_or("it does not begin with its tree")?;
        let (mut parents, mut author, mut committer, mut signature) = (Vec::new(), None, None, None);
        while let Some(line) = lines.next() {
            if let Some(first) = line.strip_prefix("gpgsig ").filter(|_| signature.is_none()) {
                let mut armour = first.to_owned();
                while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
                    armour.push('\n');
                    armour.push_str(&line[1..]);
                }
                armour.push('\n');
                signature = Some(armour);
                continue;
            }
            match line.split_once(' ') {
                Some(("parent", _)) => {
                    parents.push(id(line, "parent ").ok_or("it has a parent that is no id")?)
                }
                Some(("author", who)) if author.is_none() => author = Some(who),
                Some(("committer", who)) if committer.is_none() => committer = Some(who),
                Some(("tree", _)) if unsigned.is_empty() => {}
                _ => flaws.push("it has a header that does not belong there"),
            }
            unsigned.push_str(line);
            unsigned.push('\n');
        }
        let person = committer.and_then(person).ok_or("it has no committer with a time")?;
        if author != committer || !person.exact {
            flaws.push("author and committer are not written as one principal at one time in UTC");
        }
        Ok(Self {
            tree,
            parents,
            committer: person.name.to_owned(),
            time: person.seconds,
            message: message.to_owned(),
            signature,
            flaws,
            payload: [&unsigned, "\n", message].concat().into_bytes(),
        })
    }

    /// The signature, if there is one that fits this commit; says why not.
    pub fn signature(&self) -> Result<SshSig, &'static str> {
        let armour = self.signature.as_deref().ok_or("it is not signed")?;
        let signature = SshSig::from_pem(armour).map_err(|_| "its signature is not an SSH signature")?;
        // Otherwise the same signature, wrapped in another way, would make another commit without the key.
        if signature.to_pem(LineEnding::LF).map_or(true, |made| made.trim_end() != armour.trim_end()) {
            return Err("its signature is not written as ssh-keygen writes signatures");
        }
        if signature.namespace() != NAMESPACE {
            return Err("its signature was not made for a commit (another namespace)");
        }
        ssh_key::PublicKey::from(signature.public_key().clone())
            .verify(NAMESPACE, &self.payload, &signature)
            .map_err(|_| "its signature does not fit its content")?;
        Ok(signature)
    }
}

fn id(line: &str, prefix: &str) -> Option<Oid> {
    let hex = line.strip_prefix(prefix)?;
    (hex.len() == 40).then(|| Oid::from_str(hex).ok())?
}

struct Person<'a> {
    name: &'a str,
    seconds: i64,
    /// Whether it is exactly `NAME <NAME> SECONDS +0000`.
    exact: bool,
}

fn person(text: &str) -> Option<Person<'_>> {
    let (who, zone) = text.rsplit_once(' ')?;
    let (who, time) = who.rsplit_once(' ')?;
    let (name, email) = who.strip_suffix('>')?.split_once(" <")?;
    let seconds: i64 = time.parse().ok()?;
    Some(Person {
        name,
        seconds,
        exact: name == email
            && !name.is_empty()
            && zone == "+0000"
            && seconds >= 0
            && seconds.to_string() == time,
    })
}
