//! What is carried over from a realm, what is not and why, and what is a credential.

/// Clients that Keycloak makes in every realm.
pub(super) const BUILT_IN: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// Roles that Keycloak makes in every realm, beside the one that it gives to everyone.
pub(super) const DEFAULT_ROLES: [&str; 2] = ["offline_access", "uma_authorization"];

/// The role that Keycloak gives to everyone in `realm`.
pub(crate) fn default_role(realm: &str) -> String {
    format!("default-roles-{}", realm.to_lowercase())
}

/// Roles of `realm` that are Keycloak's own and not the tenant's; a name that only begins like one is the tenant's.
pub(crate) fn is_default_role(role: &str, realm: &str) -> bool {
    DEFAULT_ROLES.contains(&role) || role == default_role(realm)
}

/// What a setting of the realm may be.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Truth,
    Whole,
    Text,
    PasswordPolicy,
    Algorithm,
    OtpAlgorithm,
    OtpType,
    OtpDigits,
}

impl Form {
    /// What the finding expects.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Form::Truth => "true or false",
            Form::Whole => "a whole number of 0 to 2147483647",
            Form::Text => "a text",
            Form::PasswordPolicy => "a password policy such as length(12) and notUsername",
            Form::Algorithm => "a signature algorithm such as RS256",
            Form::OtpAlgorithm => "HmacSHA1, HmacSHA256 or HmacSHA512",
            Form::OtpType => "totp or hotp",
            Form::OtpDigits => "6 or 8",
        }
    }

    /// Whether a scalar, quoted or not, has this form.
    pub(super) fn fits(self, text: &str, quoted: bool) -> bool {
        const ALGORITHMS: [&str; 13] = [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256",
            "HS384", "HS512", "EdDSA",
        ];
        match self {
            Form::Truth => !quoted && matches!(text, "true" | "false"),
            Form::Whole => !quoted && text.parse::<i32>().is_ok_and(|number| number >= 0),
            Form::Text => quoted,
            Form::PasswordPolicy => {
                let rule = text.split('(').next().unwrap_or_default();
                let rule = rule.split(" and ").next().unwrap_or_default().trim();
                let named = !rule.is_empty() && rule.bytes().all(|b| b.is_ascii_alphanumeric());
                quoted && (text.is_empty() || named)
            }
            Form::Algorithm => quoted && ALGORITHMS.contains(&text),
            Form::OtpAlgorithm => quoted && matches!(text, "HmacSHA1" | "HmacSHA256" | "HmacSHA512"),
            Form::OtpType => quoted && matches!(text, "totp" | "hotp"),
            Form::OtpDigits => !quoted && matches!(text, "6" | "8"),
        }
    }
}

/// Settings of the realm that are read, and what each may be.
pub(super) const SETTINGS: [(&str, Form); 61] = [
    ("accessCodeLifespan", Form::Whole),
    ("accessCodeLifespanLogin", Form::Whole),
    ("accessCodeLifespanUserAction", Form::Whole),
    ("accessTokenLifespan", Form::Whole),
    ("accessTokenLifespanForImplicitFlow", Form::Whole),
    ("accountTheme", Form::Text),
    ("actionTokenGeneratedByAdminLifespan", Form::Whole),
    ("actionTokenGeneratedByUserLifespan", Form::Whole),
    ("adminEventsDetailsEnabled", Form::Truth),
    ("adminEventsEnabled", Form::Truth),
    ("adminTheme", Form::Text),
    ("bruteForceProtected", Form::Truth),
    ("clientOfflineSessionIdleTimeout", Form::Whole),
    ("clientOfflineSessionMaxLifespan", Form::Whole),
    ("clientSessionIdleTimeout", Form::Whole),
    ("clientSessionMaxLifespan", Form::Whole),
    ("defaultLocale", Form::Text),
    ("defaultSignatureAlgorithm", Form::Algorithm),
    ("duplicateEmailsAllowed", Form::Truth),
    ("editUsernameAllowed", Form::Truth),
    ("emailTheme", Form::Text),
    ("enabled", Form::Truth),
    ("eventsEnabled", Form::Truth),
    ("eventsExpiration", Form::Whole),
    ("failureFactor", Form::Whole),
    ("internationalizationEnabled", Form::Truth),
    ("loginTheme", Form::Text),
    ("loginWithEmailAllowed", Form::Truth),
    ("maxDeltaTimeSeconds", Form::Whole),
    ("maxFailureWaitSeconds", Form::Whole),
    ("maxTemporaryLockouts", Form::Whole),
    ("minimumQuickLoginWaitSeconds", Form::Whole),
    ("oauth2DeviceCodeLifespan", Form::Whole),
    ("oauth2DevicePollingInterval", Form::Whole),
    ("offlineSessionIdleTimeout", Form::Whole),
    ("offlineSessionMaxLifespan", Form::Whole),
    ("offlineSessionMaxLifespanEnabled", Form::Truth),
    ("otpPolicyAlgorithm", Form::OtpAlgorithm),
    ("otpPolicyCodeReusable", Form::Truth),
    ("otpPolicyDigits", Form::OtpDigits),
    ("otpPolicyInitialCounter", Form::Whole),
    ("otpPolicyLookAheadWindow", Form::Whole),
    ("otpPolicyPeriod", Form::Whole),
    ("otpPolicyType", Form::OtpType),
    ("passwordPolicy", Form::PasswordPolicy),
    ("permanentLockout", Form::Truth),
    ("quickLoginCheckMilliSeconds", Form::Whole),
    ("refreshTokenMaxReuse", Form::Whole),
    ("registrationAllowed", Form::Truth),
    ("registrationEmailAsUsername", Form::Truth),
    ("rememberMe", Form::Truth),
    ("resetPasswordAllowed", Form::Truth),
    ("revokeRefreshToken", Form::Truth),
    ("ssoSessionIdleTimeout", Form::Whole),
    ("ssoSessionIdleTimeoutRememberMe", Form::Whole),
    ("ssoSessionMaxLifespan", Form::Whole),
    ("ssoSessionMaxLifespanRememberMe", Form::Whole),
    ("userManagedAccessAllowed", Form::Truth),
    ("verifyEmail", Form::Truth),
    ("waitIncrementSeconds", Form::Whole),
    ("webAuthnPolicyRpEntityName", Form::Text),
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
        "time", "size", "type", "format", "url", "uri", "uris", "enabled", "alg", "enc", "mode", "method",
        "claim", "scope", "header", "settings", "clientid",
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
