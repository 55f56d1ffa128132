//! The secrets of an installation: names, purposes and origins, never values.

use super::facts::Messages;
use crate::model::{Digest, Notifications, Realm, RealmClient, Target};
use crate::provider::Site;
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

/// The phase that cannot begin without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NeededBy {
    /// What runs at the target.
    Prepare,
    /// What makes Keycloak's user in a database of the provider's.
    Deploy,
    /// What reads the source.
    Content,
}

/// One secret, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretUse {
    /// File name below `secrets/`.
    pub name: String,
    /// How it comes to be.
    pub origin: Origin,
    /// The phase that cannot begin without it.
    pub needed_by: NeededBy,
    /// What it is for, and where it is not made at the target, how one gets it.
    pub purpose: String,
}

/// Every secret of the migration: those of the target in the order in which `deploy` uses them, then the source's.
pub(super) fn needed(
    target: &Target,
    realm: &Realm,
    notifications: &Notifications,
    site: &Site,
) -> Vec<SecretUse> {
    let mut secrets: Vec<SecretUse> = [
        ("postgres_password", "Keycloak signs in to its database with it"),
        ("keycloak_admin_password", "first administrator of Keycloak"),
        ("keycloak_client_secret", "the API proves itself to Keycloak with it (client stuf-api)"),
        (
            "keycloak_service_secret",
            "import and verify prove themselves to Keycloak with it (client stufpack-operator)",
        ),
    ]
    .into_iter()
    .map(|(name, purpose)| SecretUse {
        name: name.to_owned(),
        origin: Origin::Generated,
        needed_by: NeededBy::Prepare,
        purpose: purpose.to_owned(),
    })
    .collect();
    secrets.extend(site.storage.secrets.iter().map(|secret| SecretUse {
        name: secret.name.to_owned(),
        origin: if secret.provided { Origin::Provided } else { Origin::Generated },
        needed_by: NeededBy::Prepare,
        purpose: secret.purpose.clone(),
    }));
    secrets.extend(site.database.iter().map(|database| SecretUse {
        name: database.secret.to_owned(),
        origin: Origin::Provided,
        needed_by: NeededBy::Deploy,
        purpose: database.purpose.clone(),
    }));
    let further = |client: &&RealmClient| !client.public && client.client_id != API_CLIENT;
    secrets.extend(realm.clients.values().filter(further).map(|client| SecretUse {
        name: client_secret_name(&client.client_id),
        origin: Origin::Generated,
        needed_by: NeededBy::Prepare,
        purpose: "a further service of the realm proves itself to Keycloak with it".to_owned(),
    }));
    if let Some(name) = target.mail.as_ref().and_then(|mail| mail.password_secret.as_ref()) {
        secrets.push(SecretUse {
            name: name.to_string(),
            origin: Origin::Provided,
            needed_by: NeededBy::Prepare,
            purpose: "Keycloak signs in to the mail server with it".to_owned(),
        });
    }
    secrets.extend(Messages::of(notifications).into_iter().map(|service| {
        SecretUse {
            name: service.secret().to_owned(),
            origin: Origin::Provided,
            needed_by: NeededBy::Prepare,
            purpose: match service {
                Messages::Zulip => "API key of the bot that writes to the Zulip channel",
                Messages::Sentry => "DSN of a client key of this installation's own in Sentry",
            }
            .to_owned(),
        }
    }));
    secrets.push(SecretUse {
        name: SOURCE_READ.to_owned(),
        origin: Origin::Provided,
        needed_by: NeededBy::Content,
        purpose: "reads the source's files while they are copied; the operator issues it, with an end"
            .to_owned(),
    });
    secrets
}

/// The credential with which the source is read, as the source's kit issues it.
const SOURCE_READ: &str = "source_read";

/// The client of the API itself.
pub(super) const API_CLIENT: &str = "stuf-api";

/// Name of the secret of a confidential client; in capitals it is the variable that the realm's file asks for.
///
/// Different clients have different names: those that are not made of `a-z`, `0-9` and `-` alone, or are too long for a
/// file name's rule, are told apart by the beginning of their digest.
pub fn client_secret_name(client_id: &str) -> String {
    if client_id == API_CLIENT {
        return "keycloak_client_secret".to_owned();
    }
    let plain = client_id.len() <= 40
        && !client_id.is_empty()
        && client_id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let word = if plain {
        client_id.replace('-', "_")
    } else {
        Digest::of(client_id.as_bytes()).hex()[..16].to_owned()
    };
    format!("keycloak_client_secret_{word}")
}

#[cfg(test)]
mod tests {
    use super::client_secret_name;
    use crate::model::{SecretName, Word as _};
    use std::collections::BTreeSet;

    #[test]
    fn every_client_has_a_secret_name_of_its_own_that_is_a_file_name() {
        let long = "x".repeat(300);
        let clients = [
            "stuf-api",
            "survey-robot",
            "survey_robot",
            "Survey-Robot",
            "ü",
            "",
            "a b",
            "a.b",
            long.as_str(),
        ];
        let names: BTreeSet<String> = clients.iter().map(|client| client_secret_name(client)).collect();

        assert_eq!(names.len(), clients.len());
        assert!(
            names.contains("keycloak_client_secret") && names.contains("keycloak_client_secret_survey_robot")
        );
        assert!(names.iter().all(|name| SecretName::parse(name).is_some()), "{names:?}");
    }
}
