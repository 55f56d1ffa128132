// What a new realm has when nothing else is said.

export const REALM_DEFAULTS = {
  enabled: false,
  sslRequired: "external",
  registrationAllowed: false,
  loginWithEmailAllowed: true,
  duplicateEmailsAllowed: false,
  editUsernameAllowed: false,
  resetPasswordAllowed: false,
  verifyEmail: false,
  rememberMe: false,
  bruteForceProtected: false,
  failureFactor: 30,
  waitIncrementSeconds: 60,
  maxFailureWaitSeconds: 900,
  accessTokenLifespan: 300,
  ssoSessionIdleTimeout: 1800,
  ssoSessionMaxLifespan: 36000,
  accessCodeLifespan: 60,
  accessCodeLifespanLogin: 1800,
  actionTokenGeneratedByAdminLifespan: 43200,
  otpPolicyType: "totp",
  otpPolicyAlgorithm: "HmacSHA1",
  otpPolicyDigits: 6,
  otpPolicyPeriod: 30,
  otpPolicyLookAheadWindow: 1,
  otpPolicyCodeReusable: false,
  smtpServer: {},
  attributes: {},
};

const action = (alias, name, priority, enabled = true, defaultAction = false) => ({ alias, name, providerId: alias, enabled, defaultAction, priority, config: {} });

export const REQUIRED_ACTIONS = [
  action("CONFIGURE_TOTP", "Configure OTP", 10),
  action("TERMS_AND_CONDITIONS", "Terms and Conditions", 20, false),
  action("UPDATE_PASSWORD", "Update Password", 30),
  action("UPDATE_PROFILE", "Update Profile", 40),
  action("VERIFY_EMAIL", "Verify Email", 50),
  action("VERIFY_PROFILE", "Verify Profile", 100),
];

export const MANAGEMENT_ROLES = [
  "view-realm", "view-users", "view-clients", "view-events", "view-identity-providers", "view-authorization",
  "manage-realm", "manage-users", "manage-clients", "manage-events", "manage-identity-providers", "manage-authorization",
  "query-realms", "query-users", "query-clients", "query-groups", "create-client", "impersonation", "realm-admin",
];

const mapper = (name, protocolMapper, config = {}) => ({ name, protocol: "openid-connect", protocolMapper, config });
const property = (name, user, claim, type = "String") =>
  mapper(name, "oidc-usermodel-property-mapper", { "user.attribute": user, "claim.name": claim, "jsonType.label": type, "id.token.claim": "true", "access.token.claim": "true" });
const scope = (name, shown, protocolMappers) => ({ name, protocol: "openid-connect", attributes: { "include.in.token.scope": String(shown) }, protocolMappers });
const tokens = { "id.token.claim": "true", "access.token.claim": "true" };

export const DEFAULT_SCOPES = [
  scope("basic", false, [mapper("sub", "oidc-sub-mapper", { "access.token.claim": "true" })]),
  scope("profile", true, [
    property("username", "username", "preferred_username"),
    property("given name", "firstName", "given_name"),
    property("family name", "lastName", "family_name"),
    mapper("full name", "oidc-full-name-mapper", tokens),
  ]),
  scope("email", true, [property("email", "email", "email"), property("email verified", "emailVerified", "email_verified", "boolean")]),
  scope("roles", false, [
    mapper("realm roles", "oidc-usermodel-realm-role-mapper", { "claim.name": "realm_access.roles", "jsonType.label": "String", "multivalued": "true", "access.token.claim": "true" }),
    mapper("client roles", "oidc-usermodel-client-role-mapper", { "claim.name": "resource_access.${client_id}.roles", "jsonType.label": "String", "multivalued": "true", "access.token.claim": "true" }),
    mapper("audience resolve", "oidc-audience-resolve-mapper", { "access.token.claim": "true" }),
  ]),
  scope("web-origins", false, [mapper("allowed web origins", "oidc-allowed-origins-mapper", { "access.token.claim": "true" })]),
  scope("acr", false, [mapper("acr loa level", "oidc-acr-mapper", tokens)]),
  scope("offline_access", true, []),
];
