//! What is carried over from a realm, what is not and why, and what is a credential.

/// Clients that Keycloak makes in every realm.
pub(super) const BUILT_IN: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// Roles that Keycloak gives to everyone; they are not the tenant's.
pub(super) fn is_default_role(role: &str) -> bool {
    role.starts_with("default-roles-") || matches!(role, "offline_access" | "uma_authorization")
}

/// Settings of the realm that are carried over.
pub(super) const SETTINGS: [&str; 61] = [
    "accessCodeLifespan",
    "accessCodeLifespanLogin",
    "accessCodeLifespanUserAction",
    "accessTokenLifespan",
    "accessTokenLifespanForImplicitFlow",
    "accountTheme",
    "actionTokenGeneratedByAdminLifespan",
    "actionTokenGeneratedByUserLifespan",
    "adminEventsDetailsEnabled",
    "adminEventsEnabled",
    "adminTheme",
    "bruteForceProtected",
    "clientOfflineSessionIdleTimeout",
    "clientOfflineSessionMaxLifespan",
    "clientSessionIdleTimeout",
    "clientSessionMaxLifespan",
    "defaultLocale",
    "defaultSignatureAlgorithm",
    "duplicateEmailsAllowed",
    "editUsernameAllowed",
    "emailTheme",
    "enabled",
    "eventsEnabled",
    "eventsExpiration",
    "failureFactor",
    "internationalizationEnabled",
    "loginTheme",
    "loginWithEmailAllowed",
    "maxDeltaTimeSeconds",
    "maxFailureWaitSeconds",
    "maxTemporaryLockouts",
    "minimumQuickLoginWaitSeconds",
    "oauth2DeviceCodeLifespan",
    "oauth2DevicePollingInterval",
    "offlineSessionIdleTimeout",
    "offlineSessionMaxLifespan",
    "offlineSessionMaxLifespanEnabled",
    "otpPolicyAlgorithm",
    "otpPolicyCodeReusable",
    "otpPolicyDigits",
    "otpPolicyInitialCounter",
    "otpPolicyLookAheadWindow",
    "otpPolicyPeriod",
    "otpPolicyType",
    "passwordPolicy",
    "permanentLockout",
    "quickLoginCheckMilliSeconds",
    "refreshTokenMaxReuse",
    "registrationAllowed",
    "registrationEmailAsUsername",
    "rememberMe",
    "resetPasswordAllowed",
    "revokeRefreshToken",
    "ssoSessionIdleTimeout",
    "ssoSessionIdleTimeoutRememberMe",
    "ssoSessionMaxLifespan",
    "ssoSessionMaxLifespanRememberMe",
    "userManagedAccessAllowed",
    "verifyEmail",
    "waitIncrementSeconds",
    "webAuthnPolicyRpEntityName",
];

/// Why a key that no rule carries over is left out.
pub(super) fn reason(key: &str) -> &'static str {
    match key {
        "id" | "containerId" | "createdTimestamp" | "origin" | "keycloakVersion" => "made anew by Keycloak",
        "credentials" | "secret" | "registrationAccessToken" => "a credential: never carried over",
        "components" => "signing keys and providers are made anew",
        "smtpServer" => "mail is set by the target",
        "identityProviders" | "identityProviderMappers" | "federatedIdentities" | "socialLinks" => {
            "sign-in through other providers is not carried over"
        }
        "requiredActions" | "totp" | "disableableCredentialTypes" => "every user proves themselves anew",
        "groups"
        | "defaultGroups"
        | "clientRoles"
        | "client"
        | "composites"
        | "composite"
        | "scopeMappings"
        | "clientScopeMappings" => "STUF decides by realm roles and collections alone",
        "authenticationFlows"
        | "authenticatorConfig"
        | "browserFlow"
        | "directGrantFlow"
        | "registrationFlow"
        | "resetCredentialsFlow"
        | "clientAuthenticationFlow"
        | "dockerAuthenticationFlow"
        | "firstBrokerLoginFlow" => "sign-in flows are set by the package",
        "rootUrl" | "baseUrl" | "adminUrl" => "an address of the old installation",
        "defaultRole" | "defaultRoles" | "defaultDefaultClientScopes" | "defaultOptionalClientScopes" => {
            "Keycloak makes its defaults anew"
        }
        "browserSecurityHeaders" => "headers are set by the proxy and Keycloak's defaults",
        "displayNameHtml" => "markup is not carried over",
        "notBefore" | "access" | "clientConsents" => "belongs to sessions that end",
        _ => "not known to this version, so Keycloak's default applies",
    }
}

/// Whether a value below this key is a credential.
pub(super) fn is_credential(key: &str, path: &str) -> bool {
    if key == "credentials" {
        let last = path.rsplit('.').next().unwrap_or("");
        return matches!(last, "secretData" | "value" | "hashedSaltedValue" | "salt" | "credentialData")
            && last != "credentialData";
    }
    let word: String = key.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let words = [
        "secret",
        "password",
        "passwd",
        "passphrase",
        "privatekey",
        "apikey",
        "accesskey",
        "token",
        "authorization",
    ];
    // Settings about credentials, such as how long they live.
    let about = ["lifespan", "policy", "algorithm", "expir", "rotation", "grant", "signedresponse"];
    let about_at_end = [
        "time", "type", "format", "url", "uri", "uris", "enabled", "alg", "enc", "mode", "method", "claim",
        "scope", "header", "settings", "clientid",
    ];
    (word.ends_with("credential") || words.iter().any(|known| word.contains(known)))
        && !about.iter().any(|known| word.contains(known))
        && !about_at_end.iter().any(|end| word.ends_with(end))
}

/// Whether a text cannot be a credential, whatever its key is called.
pub(super) fn is_switch(text: &str) -> bool {
    text.is_empty() || matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "on" | "off")
}

/// Keycloak writes asterisks where it keeps a secret back.
pub(super) fn is_masked(text: &str) -> bool {
    text.is_empty() || text.chars().all(|c| c == '*') || text.starts_with("${")
}

pub(super) fn kind_of(path: &str) -> &'static str {
    if path.contains("credentials") {
        "credential of a user"
    } else if path.contains("components") {
        "key of the realm"
    } else if path.starts_with("clients") {
        "client secret"
    } else if path.starts_with("smtpServer") {
        "mail password"
    } else {
        "credential of the realm"
    }
}
