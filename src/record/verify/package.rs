//! A commit that records a package: its tree is exactly what an issuer signed, and what stood there before beside it.

use super::Trust;
use super::walk::State;
use crate::model::{AgeRecipient, Digest, Timestamp, Word as _};
use crate::open;
use crate::open::SignedBy;
use crate::pack::names::{MANIFEST, PLAN, SIGNATURE, SUMS, is_plain};
use crate::pack::{age, sums};
use crate::record::commit::Commit;
use crate::record::error::Error;
use crate::record::finding::Finding;
use crate::record::glass::Manifest;
use crate::record::listing::Change;
use crate::record::message::{Message, PackageRef};
use crate::record::tree::{Entry, Mode, is_safe};
use crate::record::{moment, paths};
use std::collections::{BTreeMap, BTreeSet};

/// A commit that records a package.
pub(super) struct Recorded<'a> {
    pub commit: &'a Commit,
    pub message: &'a Message,
    /// What differs from the commit before.
    pub changes: &'a [Change],
    /// Whether nothing is known of what came before it.
    pub alone: bool,
    /// When it was not there yet, whatever it says.
    pub not_before: Option<Timestamp>,
}

pub(super) fn check(
    state: &mut State<'_>,
    recorded: &Recorded<'_>,
    trust: &Trust<'_>,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let Recorded { commit, message, changes, alone, not_before } = *recorded;
    for change in changes {
        if paths::is_appended(&change.path) || change.path == paths::ATTRIBUTES {
            found.push(Finding::new("glass.path", "a package may not change it").at(&change.path));
        }
    }
    let Some(reference) = &message.package else {
        found.push(Finding::new("glass.trailer", "it records a package and does not say which"));
        return Ok(());
    };
    let files = state.trees.files(commit.tree, &paths::is_appended)?;
    let Some(sums) = read(state, &files, SUMS)? else {
        found.push(Finding::new("glass.package.sums", "there is no list of the package's files").at(SUMS));
        return Ok(());
    };
    if Digest::of(&sums) != reference.sha256 {
        found.push(Finding::new("glass.trailer", "Package-SHA256 is not the digest of SHA256SUMS").at(SUMS));
    }
    let manifest = manifest(state, &files, reference, message.name.as_deref(), found)?;
    files_against(state, &files, &sums, manifest.as_ref(), found)?;
    let signature = read(state, &files, SIGNATURE)?.unwrap_or_default();
    let then = open::Trust {
        signers: trust.signers.clone(),
        revoked: trust.revoked.clone(),
        at: manifest.as_ref().map_or(moment(commit.time), |manifest| manifest.created_at),
    };
    if then.at.seconds() > commit.time {
        found.push(Finding::new("glass.date", "it was recorded before the package was made"));
    }
    match open::signed_by(&sums, &signature, &then) {
        Err(problems) => found.extend(
            problems
                .into_iter()
                .map(|problem| Finding::new(problem.code.0, problem.message).at(problem.path)),
        ),
        Ok(SignedBy { principal, .. }) => {
            let named = manifest.as_ref().map(|manifest| &manifest.package.issuer);
            if !principal.is_issuer() || named.is_some_and(|named| *named != principal) {
                let message =
                    format!("it is signed by {principal}, who is not the issuer that the manifest names");
                found.push(Finding::new("glass.package.signature", message).at(SIGNATURE));
            }
            found.extend(not_before.and_then(|seen| signed_since(&sums, &signature, then, seen)));
        }
    }
    if let Some(manifest) = manifest {
        follows(state, manifest, reference, alone, found);
    }
    state.packages.push(reference.clone());
    Ok(())
}

/// A package that was recorded after the head last seen may have been signed after that, by a key that had ended then, and say that
/// it is older: nobody can tell.
fn signed_since(sums: &[u8], signature: &[u8], then: open::Trust, seen: Timestamp) -> Option<Finding> {
    let created = then.at;
    let now = open::Trust { at: seen, ..then };
    let problem =
        open::signed_by(sums, signature, &now).err().filter(|_| created < seen)?.into_iter().next()?;
    let why = format!(
        "it was recorded after the head last seen, and says that it was made before; {}: {}",
        problem.path, problem.message
    );
    Some(Finding::unknown("glass.package.backdated", why).at(SIGNATURE))
}

fn read(
    state: &mut State<'_>,
    files: &BTreeMap<String, Entry>,
    path: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(entry) = files.get(path) else {
        return Ok(None);
    };
    Ok(Some(state.blobs.odb.read(entry.id)?.data().to_vec()))
}

fn manifest(
    state: &mut State<'_>,
    files: &BTreeMap<String, Entry>,
    reference: &PackageRef,
    name: Option<&str>,
    found: &mut Vec<Finding>,
) -> Result<Option<Manifest>, Error> {
    let bytes = read(state, files, MANIFEST)?.unwrap_or_default();
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
        found.push(Finding::new("glass.package.manifest", "it is missing or cannot be read").at(MANIFEST));
        return Ok(None);
    };
    if manifest.package.number != reference.number {
        let message = format!(
            "Package-Number is {}, the manifest's number {}",
            reference.number, manifest.package.number
        );
        found.push(Finding::new("glass.trailer", message).at(MANIFEST));
    }
    if name != Some(manifest.package.name.as_str()) {
        let message = format!("the subject does not name {}, which the manifest does", manifest.package.name);
        found.push(Finding::new("glass.trailer", message).at(MANIFEST));
    }
    let plan = files.get(PLAN).map(|entry| state.blobs.digest(entry.id)).transpose()?;
    if plan != Some(reference.plan) || manifest.plan.digest != reference.plan {
        let message = "Plan-SHA256, the manifest's plan and the plan itself are not the same";
        found.push(Finding::new("glass.trailer", message).at(PLAN));
    }
    if state.slug.as_deref().is_some_and(|slug| slug != manifest.package.slug.as_str()) {
        let message = format!("it is a package of {}, and this is another glass", manifest.package.slug);
        found.push(Finding::new("glass.package.manifest", message).at(MANIFEST));
    }
    Ok(Some(manifest))
}

/// The list and the tree, both ways.
fn files_against(
    state: &mut State<'_>,
    files: &BTreeMap<String, Entry>,
    sums: &[u8],
    manifest: Option<&Manifest>,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let mut rest: BTreeMap<&str, &Entry> = files.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
    for path in [SUMS, SIGNATURE, paths::ATTRIBUTES] {
        rest.remove(path);
    }
    for (path, entry) in files {
        if entry.mode == Mode::Foreign || !is_safe(path) && path != paths::ATTRIBUTES {
            found.push(Finding::new("glass.package.kind", "it is no plain file with a plain name").at(path));
        }
    }
    let text = std::str::from_utf8(sums).unwrap_or_default();
    let mut last = "";
    for (index, line) in text.split_terminator('\n').enumerate() {
        let Some((digest, path)) = sums::line(line).filter(|(_, path)| is_plain(path) && last < *path) else {
            let message = "the line is not a digest and a plain name after the one before";
            found.push(Finding::new("glass.package.sums", message).at(SUMS).line(index as u64 + 1));
            continue;
        };
        last = path;
        match rest.remove(path) {
            None => found.push(Finding::new("glass.package.missing", "it is listed and not there").at(path)),
            Some(entry) if state.blobs.digest(entry.id)? != digest => {
                found.push(
                    Finding::new("glass.package.sum", "it has another digest than the list says").at(path),
                );
            }
            Some(entry) => {
                let may_run =
                    manifest.is_some_and(|manifest| manifest.code.files.iter().any(|file| file == path));
                if entry.mode == Mode::Executable && !may_run {
                    found.push(Finding::new("glass.package.mode", "it may be run and is no code").at(path));
                }
            }
        }
    }
    if text.is_empty() || !text.ends_with('\n') {
        found.push(Finding::new("glass.package.sums", "the list is empty or cut off").at(SUMS));
    }
    rest.remove(paths::RECIPIENTS);
    let number = personal(state, files, &mut rest, found)?;
    let count = manifest.map(|manifest| manifest.personal.count as usize);
    if count.is_some_and(|count| count + 1 != number) {
        let message = format!(
            "there are {number} encrypted files, the manifest tells of {} and their list",
            count.unwrap_or(0)
        );
        found.push(Finding::new("glass.package.personal", message).at(paths::PERSONAL));
    }
    for path in rest.keys() {
        found.push(Finding::new("glass.package.unlisted", "it is there and no list names it").at(*path));
    }
    Ok(())
}

/// Personal files: the list of names as number 0, then one for each of its lines, each encrypted to all that the list of recipients
/// names; how many there are.
fn personal(
    state: &mut State<'_>,
    files: &BTreeMap<String, Entry>,
    rest: &mut BTreeMap<&str, &Entry>,
    found: &mut Vec<Finding>,
) -> Result<usize, Error> {
    let listed = read(state, files, paths::RECIPIENTS)?.unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed);
    let read = |line| AgeRecipient::parse(line).filter(|recipient| recipient.as_str() == line);
    let all: Option<BTreeSet<AgeRecipient>> = listed.lines().map(read).collect();
    let all = all.filter(|all| !all.is_empty() && all.len() == listed.lines().count());
    if all.is_none() {
        let message = "it does not name those to whom the personal files are encrypted, each once";
        found.push(Finding::new("glass.package.personal", message).at(paths::RECIPIENTS));
    }
    let mut number = 0;
    while let Some(entry) = rest.remove(paths::personal(number).as_str()) {
        let sealed = state.blobs.odb.read(entry.id)?;
        let message = match (age::recipients(sealed.data()), &all) {
            (None | Some(0), _) => {
                Some("a personal file stands here in clear, or something else does".to_owned())
            }
            (Some(count), Some(all)) if count != all.len() => Some(format!(
                "it is encrypted to {count} recipients, and {} names {}",
                paths::RECIPIENTS,
                all.len()
            )),
            _ => None,
        };
        found.extend(
            message
                .map(|message| Finding::new("glass.package.personal", message).at(paths::personal(number))),
        );
        number += 1;
    }
    Ok(number)
}

/// Its number and what it follows.
fn follows(
    state: &mut State<'_>,
    manifest: Manifest,
    reference: &PackageRef,
    alone: bool,
    found: &mut Vec<Finding>,
) {
    let package = manifest.package;
    let counter = (package.issuer, package.installation);
    let last = state.last.get(&counter).copied();
    let previous = package.previous.map(|previous| (previous.number, previous.sha256));
    let expected = last.map_or(1, |(number, _)| number + 1);
    let is_unknown = alone || std::mem::take(&mut state.passed_over);
    if !is_unknown && (package.number != expected || previous != last) {
        let message = format!(
            "it is package {}, made after {}; the next one is {expected}",
            package.number,
            name(previous)
        );
        found.push(Finding::new("glass.package.sequence", message).at(MANIFEST));
    }
    state.last.insert(counter, (package.number, reference.sha256));
}

fn name(package: Option<(u32, Digest)>) -> String {
    package.map_or_else(|| "none".to_owned(), |(number, sha256)| format!("{number} ({})", sha256.hex()))
}
