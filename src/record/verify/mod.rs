//! Checks a whole history, from the pinned root to the head.
//!
//! Everything is computed from the objects themselves: each is read once and its id computed again (libgit2 does so on every read),
//! each signature is verified in process, each tree is compared with the one before. What only somebody outside can know (that this
//! is the history everyone else saw) is `unverifiable` until a pin is given.

mod appended;
mod package;
mod walk;

use super::Error;
use super::error::short;
use super::finding::{Finding, Verdict};
use super::glass::Glass;
use super::log::Entry;
use super::structure;
use crate::model::Timestamp;
use crate::open::{Revoked, Signers};
use git2::{Oid, Repository};
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;

/// What the one who checks brings from outside.
pub struct Trust<'a> {
    /// Who may sign.
    pub signers: &'a Signers,
    /// Whose signatures count no more.
    pub revoked: &'a Revoked,
    /// Commits that must stand in the history: the root, or any head known by another way.
    pub pins: &'a [Oid],
    /// The head that was seen last.
    pub last_seen: Option<Seen>,
    /// The time of the check: no commit can be younger.
    pub now: Timestamp,
}

/// A head, and when it was seen: whatever follows it was made later, whatever date it bears.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The head.
    pub commit: Oid,
    /// When it was seen; the head's own date if nobody remembers.
    pub at: Option<Timestamp>,
}

/// The outcome of a check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The first commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The last commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Every operation that could be read, oldest first.
    pub operations: Vec<Entry>,
    /// Everything that is wrong or could not be known.
    pub findings: Vec<Finding>,
}

/// Checks the glass at `path`.
pub fn verify(path: &Path, trust: &Trust<'_>) -> Result<Audit, Error> {
    let glass = Glass::open(path)?;
    let mut findings = structure::problems(&glass.repository)?;
    let tip = match glass.tip() {
        Ok(tip) => tip,
        Err(error) => {
            // That HEAD is another branch follows from it.
            findings.retain(|finding| finding.code != "glass.head");
            findings.push(Finding::new(error.code(), error.to_string()));
            return Ok(audit(findings, None, None, Vec::new()));
        }
    };
    let odb = glass.repository.odb()?;
    if let Err(error) = glass.is_one(&odb, tip) {
        return Ok(audit(vec![Finding::new(error.code(), error.to_string())], None, Some(tip), Vec::new()));
    }
    let chain = walk::chain(&odb, tip, &mut findings);
    let ids: HashSet<Oid> = chain.iter().map(|link| link.id).collect();
    refs(&glass.repository, &ids, tip, &mut findings)?;
    pins(trust, &ids, tip, &mut findings);
    let operations = walk::check(&glass.repository, &chain, trust, &mut findings)?;
    let root = chain.first().map(|link| link.id);
    Ok(audit(findings, root, Some(tip), operations))
}

impl Glass {
    /// Checks the head alone: who signed it, what it says, and that its tree is what it says. What a writer does first.
    pub fn verify_head(&self, trust: &Trust<'_>) -> Result<Audit, Error> {
        let mut findings = structure::problems(&self.repository)?;
        let tip = self.tip()?;
        let odb = self.repository.odb()?;
        self.is_one(&odb, tip)?;
        let link = walk::link(&odb, tip, &mut findings);
        let operations: Vec<Entry> = link
            .map(|link| walk::check_one(&odb, &link, trust, &mut findings))
            .into_iter()
            .flatten()
            .collect();
        // A head alone proves nothing about what came before it; that is not what is asked here.
        Ok(audit(findings, None, Some(tip), operations))
    }
}

fn audit(findings: Vec<Finding>, root: Option<Oid>, head: Option<Oid>, operations: Vec<Entry>) -> Audit {
    Audit {
        verdict: findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass),
        root: root.map(|id| id.to_string()),
        head: head.map(|id| id.to_string()),
        operations,
        findings,
    }
}

/// No branch, tag or note may hold a history beside the one that is checked.
fn refs(
    repository: &Repository,
    chain: &HashSet<Oid>,
    tip: Oid,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    for (name, commit) in structure::refs(repository)? {
        let message = match commit {
            Some(commit) if chain.contains(&commit) => continue,
            Some(commit) if name.starts_with("refs/remotes/") => {
                if repository.graph_descendant_of(commit, tip).unwrap_or(false) {
                    let (here, there) = (short(tip), short(commit));
                    let message = format!(
                        "the other side has operations that this clone lacks: {here} here, {there} there"
                    );
                    findings.push(Finding::new("glass.behind", message).at(name).commit(commit));
                    continue;
                }
                let (here, there) = (short(tip), short(commit));
                format!("the other side has another history than this clone: {here} here, {there} there")
            }
            Some(_) => "it holds commits that the glass does not have".to_owned(),
            None => "it does not lead to a commit".to_owned(),
        };
        let finding = Finding::new("glass.side_branch", message).at(name);
        findings.push(match commit {
            Some(commit) => finding.commit(commit),
            None => finding,
        });
    }
    Ok(())
}

/// Only what somebody knows from elsewhere shows that the history was not written anew.
fn pins(trust: &Trust<'_>, chain: &HashSet<Oid>, tip: Oid, findings: &mut Vec<Finding>) {
    let seen = trust.last_seen.map(|seen| ("the head last seen", seen.commit));
    let pinned = trust.pins.iter().map(|pin| ("the pinned commit", *pin));
    let mut any = false;
    for (what, commit) in pinned.chain(seen) {
        any = true;
        if !chain.contains(&commit) {
            let message = format!(
                "{what} {commit} is not in this history, which ends at {tip}: it was written anew or cut off"
            );
            findings.push(Finding::new("glass.pin", message).commit(commit));
        }
    }
    if !any {
        findings.push(Finding::unknown(
            "glass.unpinned",
            format!(
                "nobody can tell from the glass alone that its history was not written anew with a good key; give a commit that is \
                 known by another way (--pin), or the head that was seen last (--last-seen); this history ends at {tip}"
            ),
        ));
    }
}
