//! The parts of an exported Keycloak realm that a migration reads.
//!
//! Field names follow Keycloak's `RealmRepresentation`; everything not named here stands in [`Realm::dropped`].

use super::{CollectionName, Permission, Secret};
use std::collections::{BTreeMap, BTreeSet};

/// A realm as exported, credentials already apart.
#[derive(Clone, Debug)]
pub struct Realm {
    /// `realm`, such as `stuf`.
    pub name: String,
    /// `displayName`, free text.
    pub display_name: Option<String>,
    /// `sslRequired` as exported.
    pub ssl_required: Option<String>,
    /// Realm roles, by name, with description.
    pub roles: BTreeMap<String, String>,
    /// Clients by `clientId`.
    pub clients: BTreeMap<String, RealmClient>,
    /// Client scopes by name, as exported (`protocolMappers` included), without secrets.
    pub client_scopes: BTreeMap<String, serde_json::Value>,
    /// Users by lower-case user name.
    pub users: BTreeMap<String, RealmUser>,
    /// Further realm settings that are carried over as they are, by key (scalars only).
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Key paths that are not carried over, with the reason.
    pub dropped: Vec<(String, &'static str)>,
    /// Of these, how those below an item of a list are called by its name: `clients[account]` for `clients[0]`.
    pub called: BTreeMap<String, String>,
    /// Every credential found, with its key path; never written anywhere.
    pub credentials: Vec<(String, Secret)>,
}

/// One client of the realm.
#[derive(Clone, Debug)]
pub struct RealmClient {
    /// `clientId`.
    pub client_id: String,
    /// `publicClient`.
    pub public: bool,
    /// `serviceAccountsEnabled`.
    pub service_account: bool,
    /// `directAccessGrantsEnabled` (password grant).
    pub direct_access_grants: bool,
    /// `standardFlowEnabled`.
    pub standard_flow: bool,
    /// `redirectUris`.
    pub redirect_uris: Vec<String>,
    /// `webOrigins`.
    pub web_origins: Vec<String>,
    /// `defaultClientScopes`.
    pub default_scopes: Vec<String>,
    /// `optionalClientScopes`.
    pub optional_scopes: Vec<String>,
    /// `protocolMappers`, as exported.
    pub protocol_mappers: Vec<serde_json::Value>,
    /// `attributes`, as exported.
    pub attributes: BTreeMap<String, String>,
}

/// One user of the realm.
#[derive(Clone, Debug)]
pub struct RealmUser {
    /// `username`.
    pub username: String,
    /// `email`.
    pub email: Option<String>,
    /// `firstName`.
    pub first_name: Option<String>,
    /// `lastName`.
    pub last_name: Option<String>,
    /// `enabled`.
    pub enabled: bool,
    /// `emailVerified`.
    pub email_verified: bool,
    /// `realmRoles`.
    pub roles: BTreeSet<String>,
    /// `attributes.collections`, parsed from its JSON text.
    pub collections: BTreeMap<CollectionName, BTreeSet<Permission>>,
    /// Other attributes, as exported.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// `serviceAccountClientId`: the user is the service account of that client.
    pub service_account_of: Option<String>,
}
