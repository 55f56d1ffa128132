//! A history as somebody looks at it who trusts nobody: each commit with what is known of it, and what it changed.
//!
//! It is checked as a whole first; what is told of a commit never comes without what the check said of it.

use super::commit::Commit;
use super::finding::{Finding, Verdict};
use super::glass::Glass;
use super::listing::Trees;
use super::log::{self, Entry};
use super::meaning::{self, Changed, Facts, Reader};
use super::message::Message;
use super::verify::{Audit, Trust, verify};
use super::{Error, paths};
use crate::model::{Slug, Word as _};
use crate::open::Signers;
use git2::{Odb, Oid};
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;

/// A history that was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Whose glass it is, where its root says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// What the check of the whole said.
    pub audit: Audit,
    /// Every commit that could be read, oldest first.
    pub commits: Vec<Past>,
}

/// One commit of a history.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// Its id.
    pub commit: String,
    /// The date that it bears, UTC.
    pub at: String,
    /// The name that it bears.
    pub name: String,
    /// What its message says; nothing if that is none of this program's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Who signed it; nobody if it bears no signature that fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Whether to believe it.
    pub standing: Standing,
    /// Why not.
    pub findings: Vec<Finding>,
    /// What differs from the commit before; nothing is known where one of both could not be read, or nobody known signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Changed>>,
}

/// A key whose signature fits a commit, and what the signers file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// The key's fingerprint, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// Whose key it is; nobody's if no line or more than one has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What it may sign: `git` for commits, `stufpack` for packages.
    pub namespaces: Vec<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_after: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_before: Option<String>,
}

/// Whether a commit can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It and every commit before it are right.
    Verified,
    /// Something is wrong with it.
    Wrong,
    /// It is right by itself and stands on a commit that is not: the place of that, counted from 0.
    After(usize),
    /// It is right by itself, and what came before the first commit here cannot be read.
    Cut,
}

impl History {
    /// What was found that belongs to no commit here: about the repository, its branches, pins.
    pub fn of_the_whole(&self) -> impl Iterator<Item = &Finding> {
        let here: HashSet<&str> = self.commits.iter().map(|past| past.commit.as_str()).collect();
        let belongs = move |finding: &&Finding| finding.commit.as_deref().is_none_or(|id| !here.contains(id));
        self.audit.findings.iter().filter(belongs)
    }
}

/// Checks the glass at `path` and tells what every commit of it changed.
pub fn history(path: &Path, trust: &Trust<'_>) -> Result<History, Error> {
    let audit = verify(path, trust)?;
    let glass = Glass::open(path)?;
    let odb = glass.repository.odb()?;
    let tip = match &audit.head {
        Some(head) => Oid::from_str(head)?,
        None => glass.tip()?,
    };
    glass.is_one(&odb, tip)?;
    let (chain, cut) = chain(&odb, tip);
    let (mut reader, mut trees) = (Reader::new(&odb), Trees::new(&odb));
    let slug = chain.first().and_then(|(_, root)| slug(&odb, &mut trees, root.tree));
    let mut before = (!cut).then(Facts::default);
    let mut broken = None;
    let mut commits = Vec::with_capacity(chain.len());
    for (index, (id, commit)) in chain.into_iter().enumerate() {
        let id_text = id.to_string();
        let of_it = |finding: &&Finding| finding.commit.as_deref() == Some(id_text.as_str());
        let findings: Vec<Finding> = audit.findings.iter().filter(of_it).cloned().collect();
        let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        let standing = match broken {
            _ if wrong => Standing::Wrong,
            Some(index) => Standing::After(index),
            None if cut => Standing::Cut,
            None => Standing::Verified,
        };
        if wrong && broken.is_none() {
            broken = Some(index);
        }
        let is_known = !findings.iter().any(Finding::is_of_nobody);
        let entry = Message::parse(&commit.message).ok().map(|message| {
            let ran = is_known.then(|| log::ran(&odb, &mut trees, commit.tree, &message));
            let ran = ran.and_then(|ran| ran.ok().flatten());
            Entry { ran, ..Entry::of(id, &commit, &message) }
        });
        trees.turn();
        // What cannot be read has a finding of its own, and so has what nobody known signed.
        let after = is_known.then(|| reader.facts(commit.tree).ok()).flatten();
        let changes = before.as_ref().zip(after.as_ref());
        let changes = changes.map(|(before, after)| meaning::changes(before, after));
        before = after;
        commits.push(Past {
            at: log::date(commit.time),
            name: commit.committer.clone(),
            entry,
            signature: signature(&commit, trust.signers),
            standing,
            findings,
            changes,
            commit: id_text,
        });
    }
    Ok(History { slug, audit, commits })
}

/// The commits up to `tip`, oldest first, and whether there should be more before them.
fn chain(odb: &Odb<'_>, tip: Oid) -> (Vec<(Oid, Commit)>, bool) {
    let mut chain = Vec::new();
    let mut next = Some(tip);
    while let Some(id) = next {
        let Some(commit) = odb.read(id).ok().and_then(|object| Commit::parse(object.data()).ok()) else {
            break;
        };
        next = commit.parents.first().copied();
        chain.push((id, commit));
    }
    chain.reverse();
    (chain, next.is_some())
}

/// Whose glass it is, as its first tree says.
fn slug(odb: &Odb<'_>, trees: &mut Trees<'_>, tree: Oid) -> Option<String> {
    let entry = trees.find(tree, paths::ABOUT).ok()??;
    let about: super::glass::About = serde_json::from_slice(odb.read(entry.id).ok()?.data()).ok()?;
    Slug::parse(&about.slug).map(|slug| slug.as_str().to_owned())
}

/// The key that signed, if its signature fits; what the signers file allows it is for the check to judge.
fn signature(commit: &Commit, signers: &Signers) -> Option<Signature> {
    let signature = commit.signature().ok()?;
    let key = signature.public_key();
    let mut lines = signers.entries.iter().filter(|entry| entry.key == *key);
    let line = match (lines.next(), lines.next()) {
        (Some(line), None) => Some(line),
        _ => None,
    };
    Some(Signature {
        fingerprint: key.fingerprint(ssh_key::HashAlg::Sha256).to_string(),
        principal: line.map(|line| line.principals.join(", ")),
        namespaces: line.map(|line| line.namespaces.clone()).unwrap_or_default(),
        valid_after: line.and_then(|line| line.valid_after).map(|at| at.to_string()),
        valid_before: line.and_then(|line| line.valid_before).map(|at| at.to_string()),
    })
}
