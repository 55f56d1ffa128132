//! From trees to types that cannot hold a wrong value, with every finding at once.
//!
//! First each document is walked by itself ([`crate::model::walk`]), then what only shows across fields, documents and
//! files is looked at. A value that could not be read has a placeholder, and what depends on it is not told twice.

mod attachments;
mod content;
mod envelope;
mod notes;
mod people;
mod realm;
mod secrets;
mod settings;
pub mod store;
mod target;

pub use crate::model::codes::CODES;
pub use crate::model::leak::{Hit, Scanner, scan};
pub use envelope::{export_schema, target_schema};

pub(crate) use realm::{default_role, is_default_role};

use crate::model::tree::Document;
use crate::model::{
    Checked, CheckedExport, ContentSummary, Digest, Export, Finding, Leaves, LeftOut, Realm, Severity,
    Source, Target, Timestamp, codes, secret,
};
use content::Purpose;
use notes::Notes;

/// Checks an export with its target.
///
/// # Errors
/// Every finding, warnings included, in the order of files and lines, when at least one is more than a warning.
pub fn all(source: Source) -> Result<Checked, Vec<Finding>> {
    let (checked, document) = checked(source)?;
    // A tree is many small values, and somebody else may take them apart.
    rayon::spawn(move || drop(document));
    Ok(checked)
}

/// Checks an export with its target as [`all`] does, and tells what the realm's file holds beside what is carried over.
///
/// # Errors
/// As [`all`].
pub fn all_with_left_out(source: Source) -> Result<(Checked, Vec<LeftOut>), Vec<Finding>> {
    checked(source).map(|(checked, document)| {
        let left_out = document.as_ref().map(|document| realm::left_out(document, &checked.realm));
        (checked, left_out.unwrap_or_default())
    })
}

fn checked(source: Source) -> Result<(Checked, Option<Document>), Vec<Finding>> {
    let mut notes = Notes::new(&source);
    if envelope::misplaced(&mut notes) {
        return Err(notes.sorted());
    }
    let parts = run(&source, &mut notes, Purpose::Package);
    let findings = notes.sorted();
    match parts {
        Parts {
            export: Some(export),
            target: Some(target),
            realm: Some(realm),
            content,
            digest,
            secrets,
            leaves,
        } if passes(&findings) => {
            let checked = Checked {
                export,
                target,
                realm,
                attachments: source.attachments,
                content,
                inventory: source.inventory,
                export_digest: digest,
                target_digest: source.target_digest.unwrap_or(Digest([0; 32])),
                leaves,
                secrets,
                warnings: findings,
                unpacked: source.unpacked,
            };
            Ok((checked, source.realm))
        }
        _ => Err(findings),
    }
}

/// What keeps an export from being migrated, and not from being compared: it says what it says, however well its parts
/// fit each other. A comparison then names the part that was changed.
const DISAGREEMENTS: [&codes::CodeInfo; 7] = [
    &codes::GLASS_REPOSITORY,
    &codes::REALM_USER_MISSING,
    &codes::REALM_USER_UNLISTED,
    &codes::REALM_USER_STATUS,
    &codes::REALM_USER_ROLES,
    &codes::REALM_USER_COLLECTIONS,
    &codes::REALM_ROLE_MISSING,
];

/// Checks an export that is to be compared with another one.
///
/// # Errors
/// As [`all`].
pub fn export(source: Source) -> Result<CheckedExport, Vec<Finding>> {
    let mut notes = Notes::new(&source);
    if envelope::misplaced(&mut notes) {
        return Err(notes.sorted());
    }
    let Parts { export, realm, content, .. } = run(&source, &mut notes, Purpose::Findings);
    let is_one_of =
        |finding: &Finding, codes: &[&codes::CodeInfo]| codes.iter().any(|info| info.code == finding.code);
    let missing = [&codes::REALM_MISSING, &codes::INVENTORY_MISSING];
    let (lacks, findings): (Vec<_>, Vec<_>) =
        notes.sorted().into_iter().partition(|finding| is_one_of(finding, &missing));
    let stops =
        |finding: &Finding| finding.severity != Severity::Warning && !is_one_of(finding, &DISAGREEMENTS);
    match export {
        Some(export) if !findings.iter().any(stops) => {
            let left_out = source.realm.as_ref().zip(realm.as_ref());
            Ok(CheckedExport {
                name: source.folder,
                export,
                left_out: left_out
                    .map(|(document, realm)| realm::left_out(document, realm))
                    .unwrap_or_default(),
                realm,
                attachments: source.attachments,
                content,
                inventory: source.inventory,
                lacks,
                warnings: findings,
                unpacked: source.unpacked,
            })
        }
        _ => Err(lacks.into_iter().chain(findings).collect()),
    }
}

/// What a check alone tells.
#[derive(Debug)]
pub struct Looked {
    /// Every finding.
    pub findings: Vec<Finding>,
    /// What a package would be that is made of it, where one can be.
    pub package: Option<Prospect>,
}

/// What would become of an export and a target that fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// When the package would expire.
    pub expires_at: Timestamp,
    /// What it moves where, in words: targets of two installations are easily taken for each other.
    pub moves: String,
}

impl Prospect {
    /// Of `export` and `target`.
    pub fn of(export: &Export, target: &Target) -> Self {
        let (from, to) = (&export.installation, &target.domain);
        let (provider, environment) = (target.provider(), target.environment);
        Self {
            expires_at: export.exported_at.plus(target.validity),
            moves: format!("{from} to {to} ({provider}, {environment})"),
        }
    }
}

/// Every finding about an export, and about a target where there is one: those that [`all`] tells, and nothing for a
/// package (digests, batches), so that checking alone is fast.
pub fn look(source: &Source) -> Looked {
    let mut notes = Notes::new(source);
    if envelope::misplaced(&mut notes) {
        return Looked { findings: notes.sorted(), package: None };
    }
    let parts = run(source, &mut notes, Purpose::Findings);
    let findings = notes.sorted();
    let both = parts.export.zip(parts.target).filter(|_| passes(&findings));
    let package = both.map(|(export, target)| Prospect::of(&export, &target));
    Looked { findings, package }
}

fn passes(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity == Severity::Warning)
}

/// What the checks made of the files; placeholders included, so it is looked at together with the findings only.
struct Parts {
    export: Option<Export>,
    target: Option<Target>,
    realm: Option<Realm>,
    content: ContentSummary,
    digest: Digest,
    secrets: Scanner,
    leaves: Leaves,
}

fn run(source: &Source, notes: &mut Notes<'_>, purpose: Purpose) -> Parts {
    let mut beside = Notes::empty(source);
    let (realm, (export, target)) =
        rayon::join(|| realm::walk(&mut beside), || (envelope::export(notes), envelope::target(notes)));
    notes.findings.append(&mut beside.findings);
    let known = secret::known(realm.as_ref(), export.as_ref());
    // All look at the same trees, and none at what another finds.
    let ((leaves, (secrets, mut leaks)), (content, digest)) = rayon::join(
        || rayon::join(|| leaves(source, purpose), || secrets::check(source, &known)),
        || {
            if let Some(export) = &export {
                settings::check(notes, export);
                people::check(notes, export);
                attachments::check(notes, export);
                if let Some(realm) = &realm {
                    realm::compare(notes, export, realm);
                }
            }
            if let Some(target) = &target {
                target::check(notes, target, export.as_ref());
            }
            content::check(notes, export.as_ref(), target.as_ref(), purpose)
        },
    );
    notes.findings.append(&mut leaks);
    secrets::short(notes, realm.as_ref(), export.as_ref());
    if let Some(target) = &target {
        target::largest(notes, target, content.largest);
    }
    Parts { export, target, realm, content, digest: source.export_digest(digest), secrets, leaves }
}

/// What the ledger of a package has to account for.
fn leaves(source: &Source, purpose: Purpose) -> Leaves {
    if purpose == Purpose::Findings {
        return Leaves::default();
    }
    let of = |document: Option<&Document>| document.map(|document| document.leaves().collect());
    let (realm, export) = rayon::join(|| of(source.realm.as_ref()), || of(Some(&source.export)));
    Leaves { export: export.unwrap_or_default(), realm: realm.unwrap_or_default() }
}
