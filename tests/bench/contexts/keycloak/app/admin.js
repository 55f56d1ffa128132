// The admin interface below /admin/realms: its routes, who may call them, what they answer.
import crypto from "node:crypto";

import { policyProblem, setPassword } from "./credentials.js";
import { redirectAllowed } from "./oidc.js";
import { checkUnique, checkUser, addClient, addScope, addServiceAccount, createRealm, createUser, effectiveRoles, checkRedirect, texts } from "./realms.js";
import { DEFAULT_PROFILE, checkProfile, managedAttributes, profileOf, setProfile } from "./profile.js";
import { Refused, check } from "./representations.js";
import { send } from "./mail.js";
import { sign, verify } from "./tokens.js";
import { ACTION_NAMES } from "./login.js";
import { checkMapper } from "./mappers.js";
import { mappingRoutes } from "./admin_roles.js";

const ok = (json) => ({ status: 200, json });
const done = { status: 204 };
const created = (context, id) => ({ status: 201, headers: { location: `${context.requestBase}${context.path}/${id}` } });
const missing = (what) => new Refused(404, { error: what, error_description: "For more on this error consult the server log." });
const MASK = "**********";

// Who calls: a token of this realm or of master, and what its roles let it do.
export async function authorized(context) {
  const { view, headers } = context;
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const unauthorized = new Refused(401, { error: "HTTP 401 Unauthorized" });
  if (!token) throw unauthorized;
  let claims;
  try {
    claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url"));
  } catch {
    throw unauthorized;
  }
  const issuer = String(claims.iss ?? "").split("/realms/")[1];
  const realm = issuer ? await view.get("realm", issuer) : null;
  const payload = realm && verify(realm, token);
  if (payload?.typ !== "Bearer" || payload.iss !== context.issuerOf(realm.realm)) throw unauthorized;
  const user = payload.sid
    ? await view.get("user", (await view.get("session", payload.sid))?.userId ?? "")
    : await view.named("user", realm.realm, `service-account-${payload.azp}`.toLowerCase());
  if (!user?.enabled) throw unauthorized;
  const owned = (await effectiveRoles(view, realm, user)).map((role) => role.name);
  if (realm.realm === "master") return { all: owned.includes("admin"), roles: new Set() };
  // Outside master, what counts is what the token says, so scopes without a role mapper leave a caller with nothing.
  const roles = payload.resource_access?.["realm-management"]?.roles ?? [];
  return { realm: realm.realm, all: roles.includes("realm-admin"), roles: new Set(roles.filter((role) => owned.includes(role))) };
}

function demand(context, ...roles) {
  const { caller, realm } = context;
  if (caller.realm && caller.realm !== realm?.realm) throw new Refused(403, { error: "HTTP 403 Forbidden" });
  if (caller.all || roles.some((role) => caller.roles.has(role))) return;
  throw new Refused(403, { error: "HTTP 403 Forbidden" });
}

const VIEW_USERS = ["view-users", "manage-users"];
const VIEW_REALM = ["view-realm", "manage-realm"];
const VIEW_CLIENTS = ["view-clients", "manage-clients"];

async function entity(context, kind, id, what) {
  const found = await context.view.within(kind, context.realm.realm, id);
  if (!found) throw missing(what);
  return found;
}
export const userOf = (context) => entity(context, "user", context.params.user, "User not found");
const clientOf = (context) => entity(context, "client", context.params.client, "Could not find client");

const shownRealm = ({ keys, ...realm }) => ({ ...realm, smtpServer: realm.smtpServer?.password ? { ...realm.smtpServer, password: MASK } : realm.smtpServer });
const shownClient = (client) => client;

export function shownUser(realm, user, brief = false) {
  const { credentials, roles, serviceAccountClientId, ...shown } = user;
  const full = { ...shown, totp: (credentials ?? []).some((credential) => credential.type === "otp"), disableableCredentialTypes: [], notBefore: 0, access: { manage: true } };
  if (brief) delete full.attributes;
  return full;
}

async function updateRealm(context) {
  demand(context, "manage-realm");
  const { view, realm, body } = context;
  check(body, "RealmRepresentation");
  if (body.realm !== undefined && body.realm !== realm.realm) throw new Refused(400, { error: "the stand-in renames no realm" });
  // Entities of their own are not taken from an update.
  for (const [field, value] of Object.entries(body)) if (!["id", "users", "clients", "clientScopes", "roles"].includes(field)) realm[field] = merged(realm, field, value);
  checkProfile(profileOf(realm));
  await view.save("realm", realm.realm, realm.realm, realm);
  return done;
}

function merged(realm, field, value) {
  if (field !== "smtpServer") return value;
  return texts(value?.password === MASK ? { ...value, password: realm.smtpServer?.password } : value);
}

async function users(context) {
  demand(context, ...VIEW_USERS, "query-users");
  const { view, realm, query } = context;
  const known = ["search", "username", "email", "firstName", "lastName", "exact", "enabled", "emailVerified", "first", "max", "briefRepresentation", "q"];
  for (const name of Object.keys(query)) if (!known.includes(name)) throw new Refused(400, { error: `the stand-in does not know the query ${name}` });
  const found = matching(await view.all("user", realm.realm), query);
  const first = Number(query.first ?? 0);
  // Without `max`, a hundred are answered.
  return ok(found.slice(first, first + Number(query.max ?? 100)).map((user) => shownUser(realm, user, query.briefRepresentation === "true")));
}

function matching(all, query) {
  const exact = query.exact === "true";
  const fits = (value, asked) => asked === undefined || (exact ? (value ?? "").toLowerCase() === asked.toLowerCase() : (value ?? "").toLowerCase().includes(asked.toLowerCase()));
  return all.filter((user) => !user.serviceAccountClientId)
    .filter((user) => ["username", "email", "firstName", "lastName"].every((field) => fits(user[field], query[field])))
    .filter((user) => query.enabled === undefined || String(user.enabled) === query.enabled)
    .filter((user) => !query.search || query.search.trim().split(/\s+/).every((word) => ["username", "email", "firstName", "lastName"].some((field) => (user[field] ?? "").toLowerCase().includes(word.replaceAll("*", "").toLowerCase()))))
    .filter((user) => !query.q || query.q.split(" ").every((pair) => { const [name, value] = pair.split(":"); return user.attributes?.[name]?.includes(value); }));
}

async function updateUser(context) {
  demand(context, "manage-users");
  const { view, realm, body } = context;
  const user = await userOf(context);
  check(body, "UserRepresentation");
  const username = body.username?.trim().toLowerCase();
  if (username !== undefined && username !== user.username && !realm.editUsernameAllowed) throw new Refused(400, { field: "username", errorMessage: "error-user-attribute-read-only", params: ["username"] });
  if (username) user.username = username;
  for (const field of ["email", "firstName", "lastName", "enabled", "emailVerified", "requiredActions"]) if (body[field] !== undefined && body[field] !== null) user[field] = body[field];
  user.email = user.email?.trim().toLowerCase() || undefined;
  if (body.attributes !== undefined) user.attributes = user.serviceAccountClientId ? Object.fromEntries(Object.entries(body.attributes).map(([name, value]) => [name, [value].flat().map(String)])) : managedAttributes(realm, body.attributes);
  if (!user.serviceAccountClientId) checkUser(realm, user);
  await checkUnique(view, realm, user);
  for (const credential of body.credentials ?? []) setPassword(user, credential.value, credential.temporary ?? false);
  await view.save("user", user.id, user.username, user);
  return done;
}

async function endSessions({ view, realm }, user) {
  for (const session of await view.all("session", realm.realm)) if (session.userId === user.id) await view.remove("session", session.id);
}

async function resetPassword(context) {
  demand(context, "manage-users");
  const { view, realm, body } = context;
  const user = await userOf(context);
  check(body, "CredentialRepresentation");
  if (body.type !== undefined && body.type !== "password") throw new Refused(400, { error: "No password provided" });
  if (!body.value?.trim()) throw new Refused(400, { error: "Empty password not allowed" });
  const problem = policyProblem(realm, user, body.value);
  if (problem) throw new Refused(400, { error: problem, error_description: "Invalid password" });
  setPassword(user, body.value, body.temporary ?? false);
  await view.save("user", user.id, user.username, user);
  return done;
}

async function executeActions(context) {
  demand(context, "manage-users");
  const { view, realm, query, body } = context;
  const user = await userOf(context);
  if (!Array.isArray(body) || body.some((action) => typeof action !== "string")) throw new Refused(400, { error: "Cannot parse the JSON" });
  if (!user.email) throw new Refused(400, { errorMessage: "User email missing" });
  if (!user.enabled) throw new Refused(400, { errorMessage: "User is disabled" });
  if (query.redirect_uri && !query.client_id) throw new Refused(400, { errorMessage: "Client id missing" });
  const clientId = query.client_id ?? "account";
  const client = await view.named("client", realm.realm, clientId);
  if (!client) throw new Refused(400, { errorMessage: "Client doesn't exist" });
  if (!client.enabled) throw new Refused(400, { errorMessage: "Client is not enabled" });
  if (query.redirect_uri && !redirectAllowed(client, query.redirect_uri)) throw new Refused(400, { errorMessage: "Invalid redirect uri." });
  const known = realm.requiredActions.filter((action) => action.enabled && ACTION_NAMES.includes(action.alias)).map((action) => action.alias);
  if (!body.every((action) => known.includes(action))) throw new Refused(400, { errorMessage: "Provided invalid required actions" });
  const lifespan = Number(query.lifespan ?? realm.actionTokenGeneratedByAdminLifespan);
  const now = Math.floor(Date.now() / 1000);
  const key = sign(realm, { typ: "execute-actions", exp: now + lifespan, iat: now, jti: crypto.randomUUID(), nonce: crypto.randomUUID(), iss: context.issuer, aud: context.issuer, sub: user.id, azp: clientId, rqac: body, ...(query.redirect_uri ? { reduri: query.redirect_uri } : {}) });
  const link = `${context.issuer}/login-actions/action-token?key=${key}`;
  const names = body.map((alias) => realm.requiredActions.find((action) => action.alias === alias).name).join(", ");
  const shown = realm.displayName || realm.realm;
  const text = `Your administrator has just requested that you update your ${shown} account by performing the following action(s): ${names}. Click on the link below to start this process.\n\n${link}\n\nThis link will expire within ${Math.floor(lifespan / 60)} minutes.\n\nIf you are unaware that your administrator has requested this, just ignore this message and nothing will be changed.`;
  const html = `<html>\n<body>\n<p>${text.split("\n\n")[0]}</p><p><a href="${link}" rel="nofollow">Link to account update</a></p>\n</body>\n</html>`;
  try {
    await send(context.configuration, realm, user, "Update Your Account", text, html);
  } catch (error) {
    console.error(`Failed to send execute actions email: ${error.message}`);
    throw new Refused(500, { errorMessage: "Failed to send execute actions email: Error when attempting to send the email to the server. More information is available in the server log." });
  }
  return done;
}

async function updateClient(context) {
  demand(context, "manage-clients");
  const { view, realm, body } = context;
  const client = await clientOf(context);
  check(body, "ClientRepresentation");
  for (const mapper of body.protocolMappers ?? []) checkMapper(mapper);
  for (const uri of body.redirectUris ?? []) checkRedirect(uri);
  // Scopes have routes of their own; an update does not touch them.
  for (const [field, value] of Object.entries(body)) if (!["id", "defaultClientScopes", "optionalClientScopes"].includes(field)) client[field] = value;
  await view.save("client", client.id, client.clientId, client);
  if (client.serviceAccountsEnabled) await addServiceAccount(view, realm, client);
  return done;
}

async function clientScope(context, change) {
  demand(context, "manage-clients");
  const client = await clientOf(context);
  const scope = await entity(context, "scope", context.params.scope, "Could not find client scope");
  client.defaultClientScopes = client.defaultClientScopes.filter((name) => name !== scope.name);
  if (change === "add") client.defaultClientScopes.push(scope.name);
  await context.view.save("client", client.id, client.clientId, client);
  return done;
}

async function profileChange(context) {
  demand(context, "manage-realm");
  setProfile(context.realm, context.body);
  await context.view.save("realm", context.realm.realm, context.realm.realm, context.realm);
  return ok(context.body);
}

// What a realm's file brought; nothing else makes one here.
function components(context) {
  demand(context, ...VIEW_REALM);
  const { realm, query } = context;
  for (const name of Object.keys(query)) if (name !== "type") throw new Refused(400, { error: `the stand-in does not know the query ${name}` });
  const all = Object.entries(realm.components ?? {}).flatMap(([providerType, found]) => found.map(({ subComponents, ...one }) => ({ ...one, providerType, parentId: realm.id })));
  return ok(all.filter((one) => query.type === undefined || one.providerType === query.type));
}

export const routes = [
  ["POST", "/admin/realms", async (context) => {
    demand({ ...context, realm: null });
    const realm = await createRealm(context.view, context.body);
    return created(context, realm.realm);
  }],
  ["GET", "/admin/realms/:realm", async (context) => { demand(context, ...VIEW_REALM); return ok(shownRealm(context.realm)); }],
  ["PUT", "/admin/realms/:realm", updateRealm],
  ["DELETE", "/admin/realms/:realm", async (context) => { demand(context, "manage-realm"); await context.view.removeRealm(context.realm.realm); return done; }],

  ["GET", "/admin/realms/:realm/users", users],
  ["POST", "/admin/realms/:realm/users", async (context) => { demand(context, "manage-users"); return created(context, (await createUser(context.view, context.realm, context.body)).id); }],
  ["GET", "/admin/realms/:realm/users/count", async (context) => { demand(context, ...VIEW_USERS); return ok(matching(await context.view.all("user", context.realm.realm), context.query).length); }],
  ["GET", "/admin/realms/:realm/users/profile", async (context) => { demand(context, ...VIEW_REALM, ...VIEW_USERS); return ok(profileOf(context.realm) ?? DEFAULT_PROFILE); }],
  ["PUT", "/admin/realms/:realm/users/profile", profileChange],
  ["GET", "/admin/realms/:realm/users/:user", async (context) => { demand(context, ...VIEW_USERS); return ok(shownUser(context.realm, await userOf(context))); }],
  ["PUT", "/admin/realms/:realm/users/:user", updateUser],
  ["DELETE", "/admin/realms/:realm/users/:user", async (context) => {
    demand(context, "manage-users");
    const user = await userOf(context);
    await endSessions(context, user);
    await context.view.remove("user", user.id);
    return done;
  }],
  ["PUT", "/admin/realms/:realm/users/:user/reset-password", resetPassword],
  ["PUT", "/admin/realms/:realm/users/:user/execute-actions-email", executeActions],
  ["POST", "/admin/realms/:realm/users/:user/logout", async (context) => { demand(context, "manage-users"); await endSessions(context, await userOf(context)); return done; }],
  ["GET", "/admin/realms/:realm/users/:user/credentials", async (context) => { demand(context, ...VIEW_USERS); return ok(((await userOf(context)).credentials ?? []).map(({ id, type, userLabel, createdDate }) => ({ id, type, userLabel, createdDate }))); }],
  ["DELETE", "/admin/realms/:realm/users/:user/credentials/:credential", async (context) => {
    demand(context, "manage-users");
    const user = await userOf(context);
    const kept = user.credentials.filter((credential) => credential.id !== context.params.credential);
    if (kept.length === user.credentials.length) throw missing("Credential not found");
    await context.view.save("user", user.id, user.username, { ...user, credentials: kept });
    return done;
  }],
  ...mappingRoutes({ demand, VIEW_USERS, VIEW_REALM, VIEW_CLIENTS, ok, done, created, missing, userOf, clientOf, entity }),

  ["GET", "/admin/realms/:realm/clients", async (context) => {
    demand(context, ...VIEW_CLIENTS);
    const all = await context.view.all("client", context.realm.realm);
    return ok(all.filter((client) => context.query.clientId === undefined || client.clientId === context.query.clientId).map(shownClient));
  }],
  ["POST", "/admin/realms/:realm/clients", async (context) => {
    demand(context, "manage-clients");
    if (await context.view.named("client", context.realm.realm, context.body?.clientId ?? "")) throw new Refused(409, { errorMessage: `Client ${context.body.clientId} already exists` });
    return created(context, (await addClient(context.view, context.realm, context.body)).id);
  }],
  ["GET", "/admin/realms/:realm/clients/:client", async (context) => { demand(context, ...VIEW_CLIENTS); return ok(shownClient(await clientOf(context))); }],
  ["PUT", "/admin/realms/:realm/clients/:client", updateClient],
  ["DELETE", "/admin/realms/:realm/clients/:client", async (context) => { demand(context, "manage-clients"); await context.view.remove("client", (await clientOf(context)).id); return done; }],
  ["GET", "/admin/realms/:realm/clients/:client/client-secret", async (context) => { demand(context, ...VIEW_CLIENTS); return ok({ type: "secret", value: (await clientOf(context)).secret }); }],
  ["POST", "/admin/realms/:realm/clients/:client/client-secret", async (context) => {
    demand(context, "manage-clients");
    const client = await clientOf(context);
    client.secret = crypto.randomBytes(24).toString("base64url");
    await context.view.save("client", client.id, client.clientId, client);
    return ok({ type: "secret", value: client.secret });
  }],
  ["GET", "/admin/realms/:realm/clients/:client/service-account-user", async (context) => {
    demand(context, ...VIEW_CLIENTS);
    const client = await clientOf(context);
    if (!client.serviceAccountsEnabled) throw new Refused(400, { error: "unknown_error", error_description: `Service account not enabled for the client '${client.clientId}'` });
    return ok(shownUser(context.realm, await context.view.named("user", context.realm.realm, `service-account-${client.clientId}`.toLowerCase())));
  }],
  ["GET", "/admin/realms/:realm/clients/:client/default-client-scopes", async (context) => {
    demand(context, ...VIEW_CLIENTS);
    const names = (await clientOf(context)).defaultClientScopes;
    return ok((await context.view.all("scope", context.realm.realm)).filter((scope) => names.includes(scope.name)).map(({ id, name }) => ({ id, name })));
  }],
  ["PUT", "/admin/realms/:realm/clients/:client/default-client-scopes/:scope", (context) => clientScope(context, "add")],
  ["DELETE", "/admin/realms/:realm/clients/:client/default-client-scopes/:scope", (context) => clientScope(context, "remove")],
  ["GET", "/admin/realms/:realm/client-scopes", async (context) => { demand(context, ...VIEW_CLIENTS); return ok(await context.view.all("scope", context.realm.realm)); }],
  ["POST", "/admin/realms/:realm/client-scopes", async (context) => {
    demand(context, "manage-clients");
    if (await context.view.named("scope", context.realm.realm, context.body?.name ?? "")) throw new Refused(409, { errorMessage: `Client Scope ${context.body.name} already exists` });
    return created(context, (await addScope(context.view, context.realm, context.body)).id);
  }],
  ["GET", "/admin/realms/:realm/components", components],
  // A realm that has either is refused, and nothing here makes one.
  ["GET", "/admin/realms/:realm/identity-provider/instances", async (context) => { demand(context, "view-identity-providers", "manage-identity-providers"); return ok([]); }],
  ["GET", "/admin/realms/:realm/groups", async (context) => { demand(context, ...VIEW_USERS, "query-groups"); return ok([]); }],
  ["GET", "/admin/realms/:realm/authentication/required-actions", async (context) => { demand(context, ...VIEW_REALM); return ok(context.realm.requiredActions); }],
  ["PUT", "/admin/realms/:realm/authentication/required-actions/:alias", async (context) => {
    demand(context, "manage-realm");
    check(context.body, "RequiredActionProviderRepresentation");
    const found = context.realm.requiredActions.find((action) => action.alias === context.params.alias);
    if (!found) throw missing("Failed to find required action");
    Object.assign(found, context.body);
    await context.view.save("realm", context.realm.realm, context.realm.realm, context.realm);
    return done;
  }],
];

