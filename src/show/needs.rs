//! What has to be there before a package can run: tools, images, secrets by name, and the way in to both sides.

use crate::model::Files;
use crate::pack::{Manifest, SecretOrigin, SecretPhase};
use crate::plan::Side;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use ssh_key::{HashAlg, PublicKey};

/// The machine that is moved to, as Ansible reaches it, and its host keys.
const HOSTS: &str = "infrastructure/ansible/inventory/target/hosts.yml";
const KNOWN_HOSTS: &str = "infrastructure/ansible/inventory/target/known_hosts";
/// How the names of secrets begin that open the source.
const OF_THE_SOURCE: &str = "source_";

/// What a package needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Needs {
    /// Tools on the controller's machine.
    pub tools: Vec<Version>,
    /// Ansible collections.
    pub collections: Vec<Version>,
    /// Images, each by digest.
    pub images: Vec<Image>,
    /// Secrets, by name.
    pub secrets: Vec<Secret>,
    /// How each side is reached.
    pub access: Vec<Access>,
}

/// Something in the versions that do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Such as `>= 3.11`.
    pub version: String,
}

/// The image of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Image {
    /// The service.
    pub service: String,
    /// The image.
    pub image: String,
}

/// A secret that the package knows by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Secret {
    /// File name below `secrets/`.
    pub name: String,
    /// How it comes to be.
    pub origin: SecretOrigin,
    /// The phase that cannot begin without it.
    pub needed_by: SecretPhase,
    /// What it is for.
    pub purpose: String,
}

/// The way in to one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Access {
    /// Which side.
    pub side: Side,
    /// Where it is; of a machine that is still to be made, nothing is known.
    pub address: Option<String>,
    /// The account there.
    pub account: Option<String>,
    /// The port of SSH there.
    pub port: Option<u16>,
    /// Fingerprints of the host keys that are accepted.
    pub host_keys: Vec<String>,
    /// Secrets that somebody has to hand over for it, by name.
    pub secrets: Vec<String>,
}

impl Needs {
    pub(super) fn of(manifest: &Manifest, files: &Files) -> Self {
        let versions = |pairs: &std::collections::BTreeMap<String, String>| {
            let versions = pairs.iter();
            versions.map(|(name, version)| Version { name: name.clone(), version: version.clone() }).collect()
        };
        let images = manifest.requires.images.iter();
        let secrets = manifest.secrets.iter();
        Self {
            tools: versions(&manifest.requires.tools),
            collections: versions(&manifest.requires.collections),
            images: images
                .map(|(service, image)| Image { service: service.clone(), image: image.to_string() })
                .collect(),
            secrets: secrets
                .map(|secret| Secret {
                    name: secret.name.to_string(),
                    origin: secret.origin,
                    needed_by: secret.needed_by,
                    purpose: secret.purpose.clone(),
                })
                .collect(),
            access: vec![source(manifest), target(files)],
        }
    }
}

fn source(manifest: &Manifest) -> Access {
    let names = manifest.secrets.iter().map(|secret| secret.name.to_string());
    Access {
        side: Side::Source,
        address: Some(manifest.package.installation.to_string()),
        account: None,
        port: None,
        host_keys: Vec::new(),
        secrets: names.filter(|name| name.starts_with(OF_THE_SOURCE)).collect(),
    }
}

fn target(files: &Files) -> Access {
    let text = |path: &str| files.get(path).and_then(|file| std::str::from_utf8(&file.bytes).ok());
    let hosts: Value = text(HOSTS).and_then(|text| serde_yaml::from_str(text).ok()).unwrap_or_default();
    let host = &hosts["stuf"]["hosts"]["target"];
    let word = |key: &str| host[key].as_str().map(str::to_owned);
    Access {
        side: Side::Target,
        address: word("ansible_host"),
        account: word("ansible_user"),
        port: host["ansible_port"].as_u64().and_then(|port| u16::try_from(port).ok()),
        host_keys: text(KNOWN_HOSTS).unwrap_or_default().lines().filter_map(fingerprint).collect(),
        secrets: Vec::new(),
    }
}

/// The fingerprint of the key on a line of `known_hosts`.
fn fingerprint(line: &str) -> Option<String> {
    let (_, key) = line.split_once(' ')?;
    PublicKey::from_openssh(key).ok().map(|key| key.fingerprint(HashAlg::Sha256).to_string())
}
