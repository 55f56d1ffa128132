//! Clients and roles that Keycloak makes in every realm, in the form in which it makes them.
//!
//! One that only one of two files has says nothing in this form. In any other form somebody changed it, which opens a realm
//! as well as a client of one's own.

use super::rules::{BUILT_IN, DEFAULT_ROLES, default_role};
use crate::model::tree::{Node, Value};

/// Keys of a client that say what it may do, and what Keycloak may have written there; of another key nothing may.
fn client_key_is_own(id: &str, realm: &str, key: &str, value: &Node) -> bool {
    let truth = || value.truth() == Some(true);
    match key {
        "id"
        | "clientId"
        | "name"
        | "description"
        | "enabled"
        | "alwaysDisplayInConsole"
        | "notBefore"
        | "surrogateAuthRequired"
        | "clientAuthenticatorType"
        | "bearerOnly"
        | "consentRequired"
        | "standardFlowEnabled"
        | "frontchannelLogout"
        | "protocol"
        | "nodeReRegistrationTimeout"
        | "fullScopeAllowed"
        | "access"
        | "defaultClientScopes"
        | "optionalClientScopes" => true,
        "publicClient" => !truth() || !matches!(id, "broker" | "realm-management"),
        "directAccessGrantsEnabled" => !truth() || id == "admin-cli",
        "secret" => value.text().is_some_and(super::rules::is_masked),
        "rootUrl" => matches!(value.text(), Some("${authBaseUrl}" | "${authAdminUrl}" | "")),
        "baseUrl" | "adminUrl" => {
            value.text().is_some_and(|text| text.is_empty() || is_page(id, realm, text))
        }
        "redirectUris" => each(value, |text| is_page(id, realm, text)),
        "webOrigins" => each(value, |text| text == "+"),
        "attributes" => value.entries().iter().all(|(key, value)| match key.text.as_str() {
            "realm_client" | "client.use.lightweight.access.token.enabled" => true,
            "pkce.code.challenge.method" => value.text() == Some("S256"),
            "post.logout.redirect.uris" => value.text() == Some("+"),
            _ => says_nothing(value),
        }),
        "protocolMappers" => value.items().iter().all(|mapper| {
            let kind = mapper.get("protocolMapper").and_then(Node::text);
            let claim = mapper.get("config").and_then(|config| config.get("claim.name")).and_then(Node::text);
            kind == Some("oidc-audience-resolve-mapper")
                || kind == Some("oidc-usermodel-attribute-mapper") && claim == Some("locale")
        }),
        _ => says_nothing(value),
    }
}

/// Whether a client of [`BUILT_IN`] stands as Keycloak makes it.
pub(super) fn client_is_own(client: &Node, id: &str, realm: &str) -> bool {
    let entries = client.entries();
    BUILT_IN.contains(&id)
        && entries.iter().all(|(key, value)| client_key_is_own(id, realm, &key.text, value))
}

/// Whether a role that Keycloak gives to everyone gives no more than it does by itself.
pub(super) fn role_is_own(role: &Node, name: &str, realm: &str) -> bool {
    let everyone = name == default_role(realm);
    let composites = role.get("composites").map(Node::entries).unwrap_or_default();
    let own = composites.iter().all(|(kind, value)| match kind.text.as_str() {
        "realm" => each(value, |role| DEFAULT_ROLES.contains(&role)),
        "client" => value.entries().iter().all(|(client, roles)| {
            client.text == "account" && each(roles, |role| matches!(role, "manage-account" | "view-profile"))
        }),
        _ => says_nothing(value),
    });
    if everyone {
        own
    } else {
        DEFAULT_ROLES.contains(&name) && composites.iter().all(|(_, value)| says_nothing(value))
    }
}

/// The pages of Keycloak's own clients, which lie on its own address.
fn is_page(id: &str, realm: &str, text: &str) -> bool {
    let page = match id {
        "account" | "account-console" => format!("/realms/{realm}/account/"),
        "security-admin-console" => format!("/admin/{realm}/console/"),
        _ => return false,
    };
    text.strip_prefix(&page).is_some_and(|rest| matches!(rest, "" | "*"))
}

fn each(list: &Node, is_own: impl Fn(&str) -> bool) -> bool {
    matches!(list.value, Value::List(_)) && list.items().iter().all(|item| item.text().is_some_and(&is_own))
}

/// Nothing, or a switch that is off.
fn says_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { text, .. } => node.is_null() || matches!(text.as_str(), "" | "false" | "0" | "-1"),
        Value::List(items) => items.iter().all(says_nothing),
        Value::Map(entries) => entries.iter().all(|(_, value)| says_nothing(value)),
    }
}
