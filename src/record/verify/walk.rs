//! One commit after the other.

use super::Trust;
use super::appended;
use super::package;
use crate::model::{Digest, Domain, Timestamp, Word as _};
use crate::pack::Principal;
use crate::record::commit::{Commit, NAMESPACE};
use crate::record::finding::{BEYOND, Finding};
use crate::record::listing::{BOUNDS, Change, Trees};
use crate::record::log::Entry;
use crate::record::message::{Event, Message, PackageRef};
use crate::record::tree::Mode;
use crate::record::{AHEAD, Error, moment, paths};
use git2::{Odb, Oid, Repository};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::io;

/// A commit with its id.
pub(super) struct Link {
    pub id: Oid,
    pub commit: Commit,
}

/// The commits from the root to `tip`, along first parents.
pub(super) fn chain(odb: &Odb<'_>, tip: Oid, findings: &mut Vec<Finding>) -> Vec<Link> {
    let mut chain = Vec::new();
    let mut next = Some(tip);
    while let Some(link) = next.and_then(|id| link(odb, id, findings)) {
        next = link.commit.parents.first().copied();
        chain.push(link);
    }
    chain.reverse();
    chain
}

/// Reads one commit, or says why it cannot be read.
pub(super) fn link(odb: &Odb<'_>, id: Oid, findings: &mut Vec<Finding>) -> Option<Link> {
    let object = match odb.read(id) {
        Ok(object) => object,
        Err(error) => {
            let message = format!("the commit is missing or damaged: {}", error.message());
            findings.push(Finding::new("glass.object", message).commit(id));
            return None;
        }
    };
    match Commit::parse(object.data()) {
        Ok(commit) => Some(Link { id, commit }),
        Err(why) => {
            findings
                .push(Finding::new("glass.commit", format!("the commit cannot be read: {why}")).commit(id));
            None
        }
    }
}

/// The digests of files, each file read once.
pub(super) struct Blobs<'a> {
    pub odb: &'a Odb<'a>,
    digests: HashMap<Oid, Digest>,
}

impl<'a> Blobs<'a> {
    fn new(odb: &'a Odb<'a>) -> Self {
        Self { odb, digests: HashMap::new() }
    }

    pub fn digest(&mut self, id: Oid) -> Result<Digest, Error> {
        if let Some(digest) = self.digests.get(&id) {
            return Ok(*digest);
        }
        let digest = Digest::of(self.odb.read(id)?.data());
        self.digests.insert(id, digest);
        Ok(digest)
    }
}

/// What is known after the commits so far.
pub(super) struct State<'a> {
    pub trees: Trees<'a>,
    pub blobs: Blobs<'a>,
    /// The last package of every issuer and installation.
    pub last: HashMap<(Principal, Domain), (u32, Digest)>,
    /// Every package so far.
    pub packages: Vec<PackageRef>,
    /// Every journal as it was recorded last, by plan and first line.
    pub journals: HashMap<(Option<Digest>, Option<Digest>), Journal>,
    /// The last operation of every plan that brought a journal, and when it ended.
    pub ended: HashMap<Option<Digest>, (u32, Timestamp)>,
    /// Whose glass it is.
    pub slug: Option<String>,
    /// Whether a package was not looked at, so that nothing is known of what the next one follows.
    pub passed_over: bool,
}

/// A journal as it was recorded last.
pub(super) struct Journal {
    pub lines: Vec<Digest>,
    /// The newest run of it that was recorded.
    pub run: Option<u32>,
    /// The operation that recorded that.
    pub operation: u32,
}

/// The commit before.
#[derive(Clone, Copy)]
struct Before {
    id: Oid,
    tree: Oid,
    time: i64,
    operation: Option<u32>,
}

impl<'a> State<'a> {
    fn new(odb: &'a Odb<'a>) -> Self {
        Self {
            trees: Trees::new(odb),
            blobs: Blobs::new(odb),
            last: HashMap::new(),
            packages: Vec::new(),
            journals: HashMap::new(),
            ended: HashMap::new(),
            slug: None,
            passed_over: false,
        }
    }
}

/// What a commit tells without what came before its parent.
struct Alone {
    message: Option<Message>,
    found: Vec<Finding>,
    /// What differs from its parent; nothing where its trees were not read.
    changes: Option<Result<Vec<Change>, Error>>,
}

/// Commits that one thread looks at: many against the trees that the first of them needs anew, few against a history.
const STRETCH: usize = 32;

/// The place of the head last seen, and when that was: commits up to it were made before it was seen, the others after.
fn seen(chain: &[Link], trust: &Trust<'_>) -> Option<(usize, i64)> {
    let seen = trust.last_seen?;
    let at = chain.iter().position(|link| link.id == seen.commit)?;
    let time = seen.at.map_or(chain[at].commit.time, |time| time.seconds());
    Some((at, time))
}

/// Looks at every commit by itself and at what differs from its parent, on every core.
///
/// Each operation adds to a folder, whose tree then is one entry longer: reading those trees is what takes time.
fn alone(repository: &Repository, chain: &[Link], trust: &Trust<'_>) -> Result<Vec<Alone>, Error> {
    let seen = seen(chain, trust);
    let path = repository.path();
    let stretch = |repository: &Repository, number: usize, links: &[Link]| -> Result<Vec<Alone>, Error> {
        let odb = repository.odb()?;
        let mut trees = Trees::new(&odb);
        let look = |(place, link): (usize, &Link)| {
            let index = number * STRETCH + place;
            let not_before = seen.filter(|(at, _)| index > *at).map(|(_, time)| time);
            let mut found = Vec::new();
            let message = one(link, trust, not_before, &mut found);
            let before = index.checked_sub(1).map(|before| chain[before].commit.tree);
            let changes = is_known(&found).then(|| trees.changes(before, Some(link.commit.tree)));
            trees.turn();
            Alone { message, found, changes }
        };
        Ok(links.iter().enumerate().map(look).collect())
    };
    let stretches: Vec<Vec<Alone>> = chain
        .par_chunks(STRETCH)
        .enumerate()
        // libgit2's handles are each for one thread.
        .map_init(
            || Repository::open(path),
            |repository, (number, links)| match repository {
                Ok(repository) => stretch(repository, number, links),
                Err(error) => Err(Error::io(path.display().to_string(), io::Error::other(error.to_string()))),
            },
        )
        .collect::<Result<_, _>>()?;
    Ok(stretches.into_iter().flatten().collect())
}

/// Checks every commit, oldest first.
pub(super) fn check(
    repository: &Repository,
    chain: &[Link],
    trust: &Trust<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Entry>, Error> {
    let odb = repository.odb()?;
    let mut state = State::new(&odb);
    let mut entries = Vec::new();
    let mut before: Option<Before> = None;
    let seen = seen(chain, trust);
    for (index, (link, alone)) in chain.iter().zip(alone(repository, chain, trust)?).enumerate() {
        let Alone { message, mut found, changes } = alone;
        let not_before = seen.filter(|(at, _)| index > *at).map(|(_, time)| moment(time));
        let (message, around) = (message.as_ref(), Around { before, changes, alone: false, not_before });
        if let Err(error) = content(&mut state, trust, link, message, around, &mut found) {
            found.push(unreadable(&error));
        }
        finish(link, message, found, findings);
        state.trees.turn();
        before = Some(Before {
            id: link.id,
            tree: link.commit.tree,
            time: link.commit.time,
            operation: message.map(|message| message.operation),
        });
        entries.extend(message.map(|message| Entry::of(link.id, &link.commit, message)));
    }
    Ok(entries)
}

/// Checks one commit against its parent, and believes the parent.
pub(super) fn check_one(
    odb: &Odb<'_>,
    link: &Link,
    trust: &Trust<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Entry> {
    let mut state = State::new(odb);
    let mut found = Vec::new();
    let message = one(link, trust, None, &mut found);
    let before =
        link.commit.parents.first().and_then(|id| self::link(odb, *id, &mut found)).map(|parent| Before {
            id: parent.id,
            tree: parent.commit.tree,
            time: parent.commit.time,
            operation: Message::parse(&parent.commit.message).ok().map(|message| message.operation),
        });
    let changes = is_known(&found)
        .then(|| state.trees.changes(before.map(|before| before.tree), Some(link.commit.tree)));
    let around = Around { before, changes, alone: true, not_before: None };
    if let Err(error) = content(&mut state, trust, link, message.as_ref(), around, &mut found) {
        found.push(unreadable(&error));
    }
    finish(link, message.as_ref(), found, findings);
    message.map(|message| Entry::of(link.id, &link.commit, &message))
}

fn finish(link: &Link, message: Option<&Message>, found: Vec<Finding>, findings: &mut Vec<Finding>) {
    findings.extend(found.into_iter().map(|mut finding| {
        finding.commit = Some(link.id.to_string());
        finding.operation = message.map(|message| message.operation);
        finding
    }));
}

fn unreadable(error: &Error) -> Finding {
    let message = match error {
        Error::Git(error) => format!("an object is missing or damaged: {}", error.message()),
        Error::Object { id, what: BOUNDS } => {
            format!(
                "{BEYOND}: folder {id} lies deeper, or with it there are more files, than any package or record has"
            )
        }
        error => format!("an object is missing or damaged: {error}"),
    };
    Finding::new("glass.object", message)
}

/// The commit by itself: form, signature, signer, what it says.
fn one(link: &Link, trust: &Trust<'_>, not_before: Option<i64>, found: &mut Vec<Finding>) -> Option<Message> {
    let commit = &link.commit;
    for flaw in &commit.flaws {
        found.push(Finding::new("glass.commit", *flaw));
    }
    if commit.parents.len() > 1 {
        found.push(Finding::new("glass.merge", "it is a merge, and a glass is one line of operations"));
    }
    if let Err(finding) = signer(commit, trust, not_before) {
        found.push(finding);
    }
    if commit.time > trust.now.seconds() + AHEAD {
        found.push(Finding::new("glass.date", "its date lies in the future"));
    }
    match Message::parse(&commit.message) {
        Ok(message) => Some(message),
        Err(why) => {
            found.push(Finding::new(
                "glass.message",
                format!("its message is not one of this program: {why}"),
            ));
            None
        }
    }
}

/// Whether somebody whom the signers name signed it.
fn is_known(found: &[Finding]) -> bool {
    !found.iter().any(Finding::is_of_nobody)
}

/// Whether somebody who was allowed to signed it, under the name that it bears.
fn signer(commit: &Commit, trust: &Trust<'_>, not_before: Option<i64>) -> Result<(), Finding> {
    let signature = commit.signature().map_err(|why| Finding::new("glass.signature", why))?;
    let key = signature.public_key();
    let print = ssh_key::PublicKey::from(key.clone()).fingerprint(ssh_key::HashAlg::Sha256);
    if trust.revoked.contains(key) {
        return Err(Finding::new("verify.revoked", format!("its key {print} was revoked")));
    }
    let principal = trust
        .signers
        .principal(key, NAMESPACE, moment(commit.time))
        .map_err(|problem| Finding::new(problem.code.0, format!("{}: {}", problem.path, problem.message)))?;
    if let Some(seen) = not_before.filter(|seen| *seen > commit.time)
        && let Err(problem) = trust.signers.principal(key, NAMESPACE, moment(seen))
    {
        let why = format!(
            "it was made after the head last seen, whatever its date says; {}: {}",
            problem.path, problem.message
        );
        return Err(Finding::new("glass.backdated", why));
    }
    if Principal::parse(principal).is_none() {
        let why = format!("it is signed by {principal}, who is neither issuer/NAME nor customer/NAME");
        return Err(Finding::new("verify.signers.role", why));
    }
    if principal != commit.committer {
        return Err(Finding::new(
            "glass.committer",
            format!("it is signed by {principal} and bears the name {:?}", commit.committer),
        ));
    }
    Ok(())
}

/// What a commit is held against.
struct Around {
    before: Option<Before>,
    /// What differs from its tree; nothing where that was not looked at.
    changes: Option<Result<Vec<Change>, Error>>,
    /// Whether nothing is known of what came before that.
    alone: bool,
    /// When it was not there yet, whatever it says.
    not_before: Option<Timestamp>,
}

/// The commit against the one before it.
fn content(
    state: &mut State<'_>,
    trust: &Trust<'_>,
    link: &Link,
    message: Option<&Message>,
    around: Around,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let Around { before, changes, alone, not_before } = around;
    let commit = &link.commit;
    if let Some(before) = before {
        debug_assert_eq!(commit.parents.first(), Some(&before.id));
        if commit.time < before.time {
            found.push(Finding::new("glass.date", "it bears an earlier date than the operation before it"));
        }
    }
    let changes = changes.transpose()?;
    let Some(message) = message else {
        return Ok(());
    };
    if message.after != commit.tree || message.before != before.map(|before| before.tree) {
        found.push(Finding::new(
            "glass.trailer",
            "Before and After do not name the trees before and after it",
        ));
    }
    let expected = before.map_or(Some(0), |before| before.operation.map(|operation| operation + 1));
    if expected.is_some_and(|expected| expected != message.operation) {
        let expected = expected.unwrap_or_default();
        found.push(Finding::new(
            "glass.operation",
            format!("it is operation {} where {expected} is due", message.operation),
        ));
    }
    let Some(changes) = changes else {
        // What comes after it may still be about its package.
        state.passed_over |= message.event == Event::Package;
        state.packages.extend(message.package.clone().filter(|_| message.event == Event::Package));
        return Ok(());
    };
    match message.event {
        Event::Init if before.is_none() => root(state, commit, &changes, found),
        Event::Init => {
            found.push(Finding::new("glass.path", "only the first operation makes a glass"));
            Ok(())
        }
        _ if before.is_none() => {
            found.push(Finding::new("glass.root", "the first operation is none that makes a glass"));
            Ok(())
        }
        Event::Package => {
            let recorded = package::Recorded { commit, message, changes: &changes, alone, not_before };
            package::check(state, &recorded, trust, found)
        }
        _ => appended::check(state, message, &changes, alone, found),
    }
}

fn root(
    state: &mut State<'_>,
    commit: &Commit,
    changes: &[Change],
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let expected = [paths::ATTRIBUTES, paths::ABOUT, paths::FIRST_SIGNERS];
    let there: HashSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    for path in there.iter().filter(|path| !expected.contains(path)) {
        found.push(Finding::new("glass.root", "it does not belong into an empty glass").at(*path));
    }
    for change in
        changes.iter().filter(|change| change.after.as_ref().is_some_and(|entry| entry.mode != Mode::File))
    {
        found.push(Finding::new("glass.root", "it is no plain file").at(&change.path));
    }
    for path in expected.iter().filter(|path| !there.contains(*path)) {
        found.push(Finding::new("glass.root", "an empty glass needs it").at(*path));
    }
    if let Some(entry) = state.trees.find(commit.tree, paths::ATTRIBUTES)?
        && state.blobs.odb.read(entry.id)?.data() != paths::ATTRIBUTES_TEXT.as_bytes()
    {
        found.push(Finding::new("glass.root", "it lets checkouts change bytes").at(paths::ATTRIBUTES));
    }
    if let Some(entry) = state.trees.find(commit.tree, paths::ABOUT)? {
        let about =
            serde_json::from_slice::<crate::record::glass::About>(state.blobs.odb.read(entry.id)?.data());
        match about {
            Ok(about) if about.schema == 1 => state.slug = Some(about.slug),
            _ => {
                found.push(Finding::new("glass.root", "it does not say whose glass this is").at(paths::ABOUT))
            }
        }
    }
    Ok(())
}
