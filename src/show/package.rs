//! A verified package: what is in it, who signed it, and what of it is the same for everyone.

use super::Error;
use super::needs::Needs;
use super::plan::{Document, Gate, NotNeeded, Phase, Time};
use crate::embedded;
use crate::model::{Digest, Environment, Kind, Pathway, Provider, Timestamp};
use crate::open::{Form, Standing, Verified};
use crate::pack::names::PLAN;
use crate::pack::{Manifest, Package, Previous};
use crate::plan::Counts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

impl Inspection {
    /// What a phase waits for, and where in it, as the end of a sentence about it.
    pub fn waits(&self, phase: &Phase) -> String {
        let gate = self.gates.iter().find(|gate| gate.phase == phase.id);
        match (&phase.gate, gate.and_then(|gate| Some((&gate.id, gate.before.as_ref()?)))) {
            (Some(gate), _) => format!(", waits for {gate}"),
            (None, Some((gate, step))) => format!(", waits for {gate} before {step}"),
            (None, None) => String::new(),
        }
    }
}

/// Version of the JSON.
const SCHEMA: u32 = 1;

/// What `stufpack inspect` tells of a verified package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "stufpack inspect --format json")]
pub struct Inspection {
    /// Version of this shape.
    pub schema: u32,
    /// Which package it is, who signed it, and how long it may be used.
    pub package: About,
    /// What is in it.
    pub contents: Contents,
    /// What it needs.
    pub needs: Needs,
    /// What it does, phase by phase.
    pub phases: Vec<Phase>,
    /// Phases that this target does not need.
    pub not_needed: Vec<NotNeeded>,
    /// What has to be approved.
    pub gates: Vec<Gate>,
    /// What it costs in time.
    pub time: Time,
}

/// Which package it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct About {
    /// Its name.
    pub name: String,
    /// The STUF.
    pub slug: String,
    /// Staging or production.
    pub environment: Environment,
    /// Which way.
    pub pathway: Pathway,
    /// Where it will run.
    pub provider: Provider,
    /// The installation that is left.
    pub installation: String,
    /// The name that is moved to.
    pub domain: String,
    /// Counted per issuer and installation, from 1.
    pub number: u32,
    /// The package before this one; `null` for the first.
    pub previous: Option<Before>,
    /// SHA-256 of `SHA256SUMS`, which is signed.
    pub sha256: String,
    /// Package id.
    pub id: String,
    /// Who signed it, as the signers file names them.
    pub principal: String,
    /// `SHA256:…` of the key.
    pub fingerprint: String,
    /// In which form it came.
    pub form: Form,
    /// Time of the export that it was made from.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Until when the first changing phase may begin.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// The moment for which that was judged.
    #[schemars(with = "String")]
    pub judged_at: Timestamp,
    /// Whether that moment lies within its time.
    pub standing: Standing,
    /// The program that made it, with its version.
    pub made_by: String,
}

/// The package before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Before {
    /// Its number.
    pub number: u32,
    /// SHA-256 of its `SHA256SUMS`.
    pub sha256: String,
}

/// What is in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contents {
    /// All files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is the same in every package of one version of the tool.
    pub code: Code,
    /// What is this tenant's, documents included, and personal files not.
    pub data: Part,
    /// Files that hold personal data.
    pub personal_files: u64,
    /// What lies where: the folders of the first level, and what stands beside them.
    pub folders: Vec<Folder>,
    /// What the content comes to that will be copied; none of it is in the package.
    pub content: Content,
    /// How many settings, of the export and those that the target leaves out, end which way.
    pub ledger: Counts,
}

/// The files that are the same for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Code {
    /// Their number.
    pub files: u64,
    /// SHA-256 of their lines in `SHA256SUMS`.
    pub digest: String,
    /// Whether each of them is what this version of the program puts into packages of that provider too.
    pub of_this_version: bool,
}

/// Files that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    /// Their number.
    pub files: u64,
    /// SHA-256 of their lines in `SHA256SUMS`.
    pub digest: String,
}

/// A folder of the package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Folder {
    /// Its path, or nothing for the package's own folder.
    pub path: String,
    /// Files in it, and below it unless it is the package's own.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What will be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Content {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Batches in which they are copied.
    pub batches: u64,
}

/// What a verified package holds, needs, does and costs, judged at `at`.
///
/// # Errors
/// When the package was made by a version of the program that writes its plan in another way.
pub fn package(verified: &Verified, at: Timestamp) -> Result<Inspection, Error> {
    let package = &verified.package;
    let manifest = package.manifest();
    let plan = plan(package)?;
    let content = Content {
        objects: plan.content.objects,
        bytes: plan.content.bytes,
        batches: plan.content.batches.len() as u64,
    };
    Ok(Inspection {
        schema: SCHEMA,
        package: about(verified, plan.plan.domain, at),
        contents: contents(package, content, plan.ledger),
        needs: Needs::of(manifest, package.files()),
        phases: plan.phases.into_iter().map(Phase::from).collect(),
        not_needed: plan.not_needed,
        gates: plan.gates,
        time: Time::of(plan.first_screen, plan.timetable, &plan.thresholds),
    })
}

fn plan(package: &Package) -> Result<Document, Error> {
    let bytes: &[u8] = package.files().get(PLAN).map_or(&[], |file| &file.bytes);
    serde_json::from_slice(bytes).map_err(|error| Error::Form {
        path: PLAN,
        line: error.line(),
        column: error.column(),
        made_by: package.manifest().tool.version.clone(),
    })
}

fn about(verified: &Verified, domain: String, at: Timestamp) -> About {
    let package = &verified.package;
    let Manifest { package: identity, created_at, expires_at, tool, .. } = package.manifest();
    About {
        name: package.name(),
        slug: identity.slug.to_string(),
        environment: identity.environment,
        pathway: identity.pathway,
        provider: identity.provider,
        installation: identity.installation.to_string(),
        domain,
        number: identity.number,
        previous: identity
            .previous
            .as_ref()
            .map(|Previous { number, sha256 }| Before { number: *number, sha256: sha256.to_string() }),
        sha256: package.sha256().to_string(),
        id: identity.id.to_string(),
        principal: verified.signed_by.principal.to_string(),
        fingerprint: verified.signed_by.fingerprint.clone(),
        form: verified.form,
        created_at: *created_at,
        expires_at: *expires_at,
        judged_at: at,
        standing: verified.standing,
        made_by: format!("{} {}", tool.name, tool.version),
    }
}

fn contents(package: &Package, content: Content, ledger: Counts) -> Contents {
    let (files, manifest) = (package.files(), package.manifest());
    let mut folders: BTreeMap<&str, Folder> = BTreeMap::new();
    for (path, file) in files {
        let top = path.split_once('/').map_or("", |(top, _)| top);
        let folder =
            folders.entry(top).or_insert_with(|| Folder { path: top.to_owned(), ..Folder::default() });
        folder.files += 1;
        folder.bytes += file.bytes.len() as u64;
    }
    let code = || files.iter().filter(|(_, file)| file.kind == Kind::Code);
    // What this program puts into a package of that provider, and where.
    let provider = manifest.package.provider.as_str();
    let ours: BTreeMap<&str, Digest> =
        embedded::code(provider).map(|file| (file.path, Digest(file.sha256))).collect();
    Contents {
        files: files.len() as u64,
        bytes: files.values().map(|file| file.bytes.len() as u64).sum(),
        code: Code {
            files: code().count() as u64,
            digest: manifest.code.digest.to_string(),
            of_this_version: code().all(|(path, file)| ours.get(path.as_str()) == Some(&file.sha256)),
        },
        data: Part { files: u64::from(manifest.data.count), digest: manifest.data.digest.to_string() },
        personal_files: u64::from(manifest.personal.count),
        folders: folders.into_values().collect(),
        content,
        ledger,
    }
}

/// The published schema of the JSON.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Inspection);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
