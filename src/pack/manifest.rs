//! `manifest.json`: what the package is, bound to its sums.

use super::names::MANIFEST;
use super::{Principal, sums};
use crate::model::{
    Digest, Domain, Environment, Files, ImageReference, Kind, Pathway, Provider, Salt, SecretName, Slug,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The only schema so far.
pub const SCHEMA: u32 = 1;

/// What `kind` says.
pub const KIND: &str = "StufPackage";

/// What the manifest says beyond what the files tell.
#[derive(Clone, Debug)]
pub struct Details {
    /// The STUF.
    pub slug: Slug,
    /// Staging or production.
    pub environment: Environment,
    /// Which way.
    pub pathway: Pathway,
    /// Where it will run.
    pub provider: Provider,
    /// Counted per issuer and installation, from 1.
    pub number: u32,
    /// The package before this one.
    pub previous: Option<Previous>,
    /// Who signs; see [`super::Signer::issuer`].
    pub issuer: Principal,
    /// The installation that the export comes from.
    pub installation: Domain,
    /// The export's time.
    pub created_at: Timestamp,
    /// Until when the first changing phase may begin.
    pub expires_at: Timestamp,
    /// This program.
    pub tool: Tool,
    /// SHA-256 over the export's files.
    pub source: Digest,
    /// SHA-256 of the target document.
    pub target: Digest,
    /// What the controller's machine and the target need.
    pub requires: Requires,
    /// The secrets by name; sorted by `seal`.
    pub secrets: Vec<NeededSecret>,
    /// The export's salt.
    pub salt: Salt,
}

/// Which package it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// SHA-256 of the lines of `SHA256SUMS` without the manifest's own.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub id: Digest,
    /// `{slug}-{environment}-{pathway}-{provider}-{number}`, the zip's name without its ending.
    pub name: String,
    /// The STUF; also the zip's one folder.
    #[schemars(with = "String", regex(pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"))]
    pub slug: Slug,
    /// Staging or production.
    pub environment: Environment,
    /// Which way.
    pub pathway: Pathway,
    /// Where it will run.
    pub provider: Provider,
    /// Counted per issuer and installation, from 1.
    #[schemars(range(min = 1))]
    pub number: u32,
    /// The package before this one; `null` for the first.
    pub previous: Option<Previous>,
    /// Principal of the signer.
    #[schemars(with = "String", regex(pattern = "^issuer/[A-Za-z0-9._@+-]{1,100}$"))]
    pub issuer: Principal,
    /// The installation that the export comes from.
    #[schemars(with = "String")]
    pub installation: Domain,
}

/// The package before this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its number.
    pub number: u32,
    /// SHA-256 of its `SHA256SUMS`.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub sha256: Digest,
}

/// The program that made the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `stufpack`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// A document that the package was made from or holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its SHA-256.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: Digest,
}

/// How a secret comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretOrigin {
    /// Made on the target machine when it is missing.
    Generated,
    /// A file that the Trust Architect puts into the state folder.
    Provided,
}

/// The phase that cannot begin without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretPhase {
    /// What runs at the target.
    Prepare,
    /// What makes Keycloak's user in a database of the provider's.
    Deploy,
    /// What reads the source.
    Content,
}

/// The name of a secret; never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeededSecret {
    /// File name below `secrets/`.
    #[schemars(with = "String", regex(pattern = "^[a-z0-9_]{1,64}$"))]
    pub name: SecretName,
    /// How it comes to be.
    pub origin: SecretOrigin,
    /// The phase that cannot begin without it.
    pub needed_by: SecretPhase,
    /// What it is for.
    pub purpose: String,
}

/// What has to be there before the package can run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// Tools on the controller's machine, with the versions that do, such as `>= 3.11`.
    pub tools: BTreeMap<String, String>,
    /// Ansible collections, with their versions.
    pub collections: BTreeMap<String, String>,
    /// Images by service, each by digest.
    #[schemars(with = "BTreeMap<String, String>")]
    pub images: BTreeMap<String, ImageReference>,
}

/// The files that are the same in every package of one version of the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// SHA-256 of their lines in `SHA256SUMS`.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: Digest,
    /// Their paths, in byte order.
    pub files: Vec<String>,
}

/// The clear files that hold this tenant's values, documents included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// SHA-256 of their lines in `SHA256SUMS`: all but code's and the manifest's own.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: Digest,
    /// Their number.
    pub count: u32,
}

/// The files that hold personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    /// Number of lines in `SHA256SUMS.personal`.
    pub count: u32,
}

/// What the package is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "manifest.json of a STUF migration package")]
pub struct Manifest {
    /// Version of this format, 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// `StufPackage`.
    #[schemars(regex(pattern = "^StufPackage$"))]
    pub kind: String,
    /// Which package it is.
    pub package: Identity,
    /// The export's time, UTC.
    #[schemars(with = "String", regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))]
    pub created_at: Timestamp,
    /// Until when the first changing phase may begin, UTC.
    #[schemars(with = "String", regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))]
    pub expires_at: Timestamp,
    /// The program that made the package.
    pub tool: Tool,
    /// The export, all of its files.
    pub source: Source,
    /// The target document.
    pub target: Source,
    /// `MIGRATION-PLAN.json`; its digest is what approvals name.
    pub plan: Source,
    /// `bill-of-materials.cdx.json`: what the package runs and needs (CycloneDX).
    pub bill: Source,
    /// What is the same in every package of one version of the tool.
    pub code: Code,
    /// What is this tenant's.
    pub data: Data,
    /// What is personal.
    pub personal: Personal,
    /// What has to be there before the package can run.
    pub requires: Requires,
    /// The secrets by name, sorted.
    pub secrets: Vec<NeededSecret>,
}

/// What follows from the files alone; the manifest repeats it, verification computes it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Package id.
    pub id: Digest,
    /// Digest over the code's lines.
    pub code: Digest,
    /// Digest over the data's lines.
    pub data: Digest,
    /// Number of data files.
    pub data_count: u32,
    /// Number of personal files.
    pub personal_count: u32,
}

/// Computes what the manifest says of the files from the `clear` list, in byte order; its own line may be among them.
pub fn derive<'a>(
    clear: impl IntoIterator<Item = (&'a str, Digest)>,
    personal_count: usize,
    is_code: impl Fn(&str) -> bool,
) -> Derived {
    let (mut all, mut code, mut data) = (String::new(), String::new(), String::new());
    let mut data_count = 0;
    for (path, digest) in clear.into_iter().filter(|(path, _)| *path != MANIFEST) {
        sums::push(&mut all, path, &digest);
        if is_code(path) {
            sums::push(&mut code, path, &digest);
        } else {
            sums::push(&mut data, path, &digest);
            data_count += 1;
        }
    }
    Derived {
        id: Digest::of(all.as_bytes()),
        code: Digest::of(code.as_bytes()),
        data: Digest::of(data.as_bytes()),
        data_count,
        personal_count: u32::try_from(personal_count).unwrap_or(u32::MAX),
    }
}

impl Manifest {
    /// The manifest of `files`, salt and `PERSONAL.sha256` among them, with the digests of plan and bill of materials.
    pub(super) fn new(files: &Files, details: &Details, plan: Digest, bill: Digest) -> Self {
        let clear = files.iter().filter(|(_, file)| !file.personal);
        let is_code = |path: &str| files.get(path).is_some_and(|file| file.kind == Kind::Code);
        let derived = derive(
            clear.clone().map(|(path, file)| (path.as_str(), file.sha256)),
            files.values().filter(|file| file.personal).count(),
            is_code,
        );
        let mut secrets = details.secrets.clone();
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        secrets.dedup_by(|a, b| a.name == b.name);
        Self {
            schema: SCHEMA,
            kind: KIND.to_owned(),
            package: Identity {
                id: derived.id,
                name: details.name(),
                slug: details.slug.clone(),
                environment: details.environment,
                pathway: details.pathway,
                provider: details.provider,
                number: details.number,
                previous: details.previous.clone(),
                issuer: details.issuer.clone(),
                installation: details.installation.clone(),
            },
            created_at: details.created_at,
            expires_at: details.expires_at,
            tool: details.tool.clone(),
            source: Source { digest: details.source },
            target: Source { digest: details.target },
            plan: Source { digest: plan },
            bill: Source { digest: bill },
            code: Code {
                digest: derived.code,
                files: clear.filter(|(path, _)| is_code(path)).map(|(path, _)| path.clone()).collect(),
            },
            data: Data { digest: derived.data, count: derived.data_count },
            personal: Personal { count: derived.personal_count },
            requires: details.requires.clone(),
            secrets,
        }
    }

    /// The one way to write it: indented JSON with a newline at the end.
    pub fn text(&self) -> String {
        // Plain strings, numbers and maps with text keys: serialising cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The published JSON Schema.
    pub fn schema() -> String {
        let schema = schemars::schema_for!(Manifest);
        let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Details {
    /// `{slug}-{environment}-{pathway}-{provider}-{number}`.
    pub fn name(&self) -> String {
        name(&self.slug, self.environment, self.pathway, self.provider, self.number)
    }
}

impl Identity {
    /// What [`Identity::name`] must be.
    pub fn derived_name(&self) -> String {
        name(&self.slug, self.environment, self.pathway, self.provider, self.number)
    }
}

fn name(slug: &Slug, environment: Environment, pathway: Pathway, provider: Provider, number: u32) -> String {
    format!("{slug}-{}-{}-{}-{number}", word(environment), word(pathway), word(provider))
}

/// A word of a closed list, as serde writes it.
pub(super) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
