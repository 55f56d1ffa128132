//! The secrets of an installation: names, purposes and origins, never values.

use crate::model::Target;
use schemars::JsonSchema;
use serde::Serialize;

/// How a secret comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made on the target machine when it is missing.
    Generated,
    /// A file that the Trust Architect puts into the state folder.
    Provided,
}

/// One secret, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretUse {
    /// File name below `secrets/`.
    pub name: String,
    /// How it comes to be.
    pub origin: Origin,
    /// What it is for.
    pub purpose: &'static str,
}

/// Every secret that the target needs, in the order in which `deploy` uses them.
pub(super) fn needed(target: &Target) -> Vec<SecretUse> {
    let mut secrets: Vec<SecretUse> = [
        ("postgres_password", "Keycloak signs in to its database with it"),
        ("keycloak_admin_password", "first administrator of Keycloak"),
        ("keycloak_client_secret", "the API proves itself to Keycloak with it (client stuf-api)"),
        (
            "keycloak_service_secret",
            "import and verify prove themselves to Keycloak with it (client stufpack-operator)",
        ),
        ("storage_access_key", "name of the key with which the API reads and writes the bucket"),
        ("storage_secret_key", "the API signs its requests to the object storage with it"),
        ("garage_rpc_secret", "nodes of the object storage recognise each other by it"),
        ("garage_admin_token", "the object storage is set up with it"),
    ]
    .into_iter()
    .map(|(name, purpose)| SecretUse { name: name.to_owned(), origin: Origin::Generated, purpose })
    .collect();
    if let Some(name) = target.mail.as_ref().and_then(|mail| mail.password_secret.as_ref()) {
        secrets.push(SecretUse {
            name: name.to_string(),
            origin: Origin::Provided,
            purpose: "Keycloak signs in to the mail server with it",
        });
    }
    secrets
}
