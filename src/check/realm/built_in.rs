//! Clients and roles that Keycloak makes in every realm, in the form in which it makes them.
//!
//! One that only one of two files has says nothing in this form. In any other form somebody changed it, which opens a realm
//! as well as a client of one's own.

use super::rules::{BUILT_IN, DEFAULT_ROLES, default_role};
use crate::model::tree::{Node, Value};

/// Keys of a client that say what it may do, and what Keycloak may have written there; of another key nothing may.
fn client_key_is_own(id: &str, realm: &str, key: &str, value: &Node) -> bool {
    let is = |own: bool| value.truth() == Some(own);
    let of_programs = matches!(id, "broker" | "realm-management");
    match key {
        "id"
        | "clientId"
        | "name"
        | "description"
        | "alwaysDisplayInConsole"
        | "notBefore"
        | "frontchannelLogout"
        | "nodeReRegistrationTimeout"
        | "access"
        // Each realm has its own; they are compared beside this.
        | "defaultClientScopes"
        | "optionalClientScopes" => true,
        "enabled" => is(true),
        "publicClient" => is(!of_programs),
        "bearerOnly" => of_programs || is(false),
        "standardFlowEnabled" => is(id != "admin-cli"),
        "directAccessGrantsEnabled" => is(id == "admin-cli"),
        // On since version 26.
        "fullScopeAllowed" => is(false) || matches!(id, "admin-cli" | "security-admin-console"),
        "protocol" => value.text() == Some("openid-connect"),
        "clientAuthenticatorType" => value.text() == Some("client-secret"),
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

/// Whether a client of Keycloak's own has roles that bring along no more than they do by themselves.
pub(super) fn roles_of_client_are_own(roles: &Node, client: &str) -> bool {
    BUILT_IN.contains(&client)
        && roles.items().iter().all(|role| {
            let name = role.get("name").and_then(Node::text).unwrap_or_default();
            let composites = role.get("composites").map(Node::entries).unwrap_or_default();
            composites.iter().all(|(kind, value)| match kind.text.as_str() {
                "client" => value.entries().iter().all(|(of, inner)| {
                    of.text == client && each(inner, |inner| brings_along(client, name, inner))
                }),
                _ => says_nothing(value),
            })
        })
}

/// Roles within roles of one client, as Keycloak makes them.
fn brings_along(client: &str, role: &str, inner: &str) -> bool {
    match (client, role) {
        ("account", "manage-account") => inner == "manage-account-links",
        ("account", "manage-consent") => inner == "view-consent",
        ("realm-management", "view-clients") => inner == "query-clients",
        ("realm-management", "view-users") => matches!(inner, "query-groups" | "query-users"),
        (client, role) => (client, role) == ("realm-management", "realm-admin"),
    }
}

/// Whether a setting of the realm names the flow that Keycloak makes for it.
pub(super) fn flow_is_own(key: &str, value: &Node) -> bool {
    let own = match key {
        "browserFlow" => "browser",
        "clientAuthenticationFlow" => "clients",
        "directGrantFlow" => "direct grant",
        "dockerAuthenticationFlow" => "docker auth",
        "firstBrokerLoginFlow" => "first broker login",
        "registrationFlow" => "registration",
        "resetCredentialsFlow" => "reset credentials",
        _ => return false,
    };
    value.text() == Some(own)
}

/// Whether an attribute of the realm is as Keycloak writes it.
pub(super) fn attribute_is_own(name: &str, value: &Node) -> bool {
    let own = match name {
        "acr.loa.map" => "{}",
        "cibaAuthRequestedUserHint" => "login_hint",
        "cibaBackchannelTokenDeliveryMode" => "poll",
        "cibaExpiresIn" => "120",
        "cibaInterval" | "oauth2DevicePollingInterval" => "5",
        "oauth2DeviceCodeLifespan" => "600",
        "parRequestUriLifespan" => "60",
        "userProfileEnabled" => "true",
        _ => "",
    };
    says_nothing(value) || value.text() == Some(own)
}

/// Whether a header of the realm's pages is as Keycloak sends it; an empty one is sent no more.
pub(super) fn header_is_own(name: &str, value: &Node) -> bool {
    let own = match name {
        "contentSecurityPolicy" => "frame-src 'self'; frame-ancestors 'self'; object-src 'none';",
        "contentSecurityPolicyReportOnly" => "",
        "referrerPolicy" => "no-referrer",
        "strictTransportSecurity" => "max-age=31536000; includeSubDomains",
        "xContentTypeOptions" => "nosniff",
        "xFrameOptions" => "SAMEORIGIN",
        "xRobotsTag" => "none",
        "xXSSProtection" => "1; mode=block",
        _ => return false,
    };
    value.text() == Some(own)
}

/// Whether something that people may have to do stands as Keycloak makes it: asked of nobody by itself, and done by what it is
/// called after.
pub(super) fn action_is_own(action: &Node, alias: &str) -> bool {
    let enabled = action.get("enabled").and_then(Node::truth);
    let own = match alias {
        "CONFIGURE_TOTP" | "UPDATE_PASSWORD" | "UPDATE_PROFILE" | "VERIFY_EMAIL" => enabled != Some(false),
        "TERMS_AND_CONDITIONS" | "UPDATE_EMAIL" | "delete_account" | "terms_and_conditions" => {
            enabled != Some(true)
        }
        // Off in one version, on in another.
        "CONFIGURE_RECOVERY_AUTHN_CODES"
        | "VERIFY_PROFILE"
        | "delete_credential"
        | "idp_link"
        | "update_user_locale"
        | "webauthn-register"
        | "webauthn-register-passwordless" => true,
        _ => false,
    };
    let provider = action.get("providerId").and_then(Node::text);
    let own = own && provider.is_none_or(|provider| provider.eq_ignore_ascii_case(alias));
    own && ["config", "defaultAction"].iter().all(|key| action.get(key).is_none_or(says_nothing))
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
