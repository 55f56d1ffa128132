// Realms, their clients, scopes, roles and users: how they come to be by default, by file and by call.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { passwordOf, setPassword } from "./credentials.js";
import { checkMapper } from "./mappers.js";
import { checkProfile, findings, managedAttributes, profileOf } from "./profile.js";
import { Refused, check, resolved } from "./representations.js";
import { DEFAULT_SCOPES, MANAGEMENT_ROLES, REALM_DEFAULTS, REQUIRED_ACTIONS } from "./defaults.js";

const newId = () => crypto.randomUUID();

// Kept beside a realm, not in it: its lists are entities of their own.
const ENTITIES = ["id", "users", "clients", "clientScopes", "roles", "groups", "scopeMappings", "clientScopeMappings", "defaultRole", "defaultRoles"];
const UNKNOWN_TO_STAND_IN = [
  "authenticationFlows", "authenticatorConfig", "identityProviders", "groups", "clientPolicies", "organizations",
  "userFederationProviders", "applications", "oauthClients",
];
const FLOWS = { browserFlow: "browser", directGrantFlow: "direct grant", registrationFlow: "registration", resetCredentialsFlow: "reset credentials", clientAuthenticationFlow: "clients", dockerAuthenticationFlow: "docker auth", firstBrokerLoginFlow: "first broker login" };

export async function createRealm(view, representation) {
  check(representation, "RealmRepresentation");
  const name = representation.realm;
  if (!name) throw new Refused(400, { errorMessage: "Realm name cannot be empty" });
  if (await view.get("realm", name)) throw new Refused(409, { errorMessage: `Conflict detected. See logs for details` });
  for (const field of UNKNOWN_TO_STAND_IN) {
    if (representation[field]?.length) throw new Refused(400, { error: `the stand-in does not know the realm's ${field}` });
  }
  for (const [field, flow] of Object.entries(FLOWS)) {
    if (representation[field] !== undefined && representation[field] !== flow) throw new Refused(400, { error: `the stand-in knows no ${field} '${representation[field]}'` });
  }
  const keys = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const realm = { ...REALM_DEFAULTS, id: representation.id ?? newId() };
  for (const [field, value] of Object.entries(representation)) if (!ENTITIES.includes(field)) realm[field] = value;
  realm.smtpServer = texts(realm.smtpServer);
  realm.requiredActions = representation.requiredActions ?? REQUIRED_ACTIONS;
  checkProfile(profileOf(realm));
  realm.keys = { kid: newId(), private: keys.privateKey.export({ type: "pkcs8", format: "pem" }) };
  // As in Keycloak: a file that brings client scopes of its own gets none of the built-in ones.
  const scopes = representation.clientScopes ?? DEFAULT_SCOPES;
  realm.defaultDefaultClientScopes = representation.clientScopes
    ? representation.defaultDefaultClientScopes ?? []
    : ["basic", "profile", "email", "roles", "web-origins", "acr"];
  realm.defaultOptionalClientScopes = representation.clientScopes ? representation.defaultOptionalClientScopes ?? [] : ["offline_access"];
  await view.add("realm", name, name, name, realm);
  for (const scope of scopes) await addScope(view, realm, structuredClone(scope));
  await addDefaultRoles(view, realm);
  for (const role of representation.roles?.realm ?? []) await addRole(view, realm, role, null, true);
  const clients = [...builtInClients(realm), ...(representation.clients ?? [])];
  for (const client of clients) await addClient(view, realm, structuredClone(client));
  for (const role of MANAGEMENT_ROLES) await addRole(view, realm, { name: role }, await view.named("client", name, "realm-management"));
  for (const [clientId, roles] of Object.entries(representation.roles?.client ?? {})) {
    const client = await view.named("client", name, clientId);
    if (!client) throw new Refused(400, { error: `App doesn't exist in role definitions: ${clientId}` });
    for (const role of roles) await addRole(view, realm, role, client, true);
  }
  for (const user of representation.users ?? []) await importUser(view, realm, user);
  return realm;
}

// A map of texts on the wire, whatever the definitions say; Jackson makes texts of numbers and switches.
export function texts(map) {
  return Object.fromEntries(Object.entries(map ?? {}).map(([name, value]) => {
    if (typeof value === "object" && value !== null) throw new Refused(400, { error: "unknown_error", error_description: `Cannot parse the JSON: ${name}` });
    return [name, value === null ? null : String(value)];
  }));
}

function builtInClients(realm) {
  const common = { protocol: "openid-connect", enabled: true, fullScopeAllowed: false, standardFlowEnabled: true };
  return [
    { ...common, clientId: "account", publicClient: true, redirectUris: [`/realms/${realm.realm}/account/*`] },
    { ...common, clientId: "admin-cli", publicClient: true, directAccessGrantsEnabled: true, standardFlowEnabled: false },
    { ...common, clientId: "realm-management", bearerOnly: true },
  ];
}

async function addDefaultRoles(view, realm) {
  for (const name of ["offline_access", "uma_authorization"]) await addRole(view, realm, { name });
  const inner = [];
  for (const name of ["offline_access", "uma_authorization"]) inner.push((await view.named("role", realm.realm, name)).id);
  await addRole(view, realm, { name: `default-roles-${realm.realm}`, composite: true });
  const role = await view.named("role", realm.realm, `default-roles-${realm.realm}`);
  await view.save("role", role.id, role.name, { ...role, inner });
}

export const roleKey = (name, client) => (client ? `${client.id}/${name}` : name);

export async function addRole(view, realm, representation, client = null, tolerant = false) {
  check(representation, "RoleRepresentation");
  if (!representation.name) throw new Refused(400, { errorMessage: "role has no name" });
  if (representation.composites) throw new Refused(400, { error: "the stand-in knows no composite roles" });
  const key = roleKey(representation.name, client);
  if (tolerant && (await view.named("role", realm.realm, key))) return;
  const role = {
    id: representation.id ?? newId(),
    name: representation.name,
    description: representation.description ?? "",
    attributes: representation.attributes ?? {},
    composite: representation.composite ?? false,
    clientRole: client !== null,
    containerId: client?.id ?? realm.id,
  };
  await view.add("role", realm.realm, role.id, key, role);
}

export async function addScope(view, realm, representation) {
  check(representation, "ClientScopeRepresentation");
  if (!representation.name) throw new Refused(400, { errorMessage: "client scope has no name" });
  for (const mapper of representation.protocolMappers ?? []) checkMapper(mapper);
  const scope = { protocol: "openid-connect", attributes: {}, ...representation, id: representation.id ?? newId() };
  await view.add("scope", realm.realm, scope.id, scope.name, scope);
  return scope;
}

export async function addClient(view, realm, representation) {
  check(representation, "ClientRepresentation");
  if (!representation.clientId) throw new Refused(400, { errorMessage: "Client id missing" });
  for (const mapper of representation.protocolMappers ?? []) checkMapper(mapper);
  for (const uri of representation.redirectUris ?? []) checkRedirect(uri);
  const names = (await view.all("scope", realm.realm)).map((scope) => scope.name);
  const client = {
    enabled: true, publicClient: false, bearerOnly: false, standardFlowEnabled: true, implicitFlowEnabled: false,
    directAccessGrantsEnabled: false, serviceAccountsEnabled: false, fullScopeAllowed: true, protocol: "openid-connect",
    clientAuthenticatorType: "client-secret", redirectUris: [], webOrigins: [], attributes: {}, protocolMappers: [],
    ...representation,
    id: representation.id ?? newId(),
  };
  // A scope that does not exist is dropped with a warning.
  for (const [field, fallback] of [["defaultClientScopes", realm.defaultDefaultClientScopes], ["optionalClientScopes", realm.defaultOptionalClientScopes]]) {
    client[field] = (representation[field] ?? fallback).filter((name) => {
      if (names.includes(name)) return true;
      console.warn(`Referenced client scope '${name}' doesn't exist. Ignoring`);
      return false;
    });
  }
  if (!client.publicClient && !client.bearerOnly) client.secret ??= crypto.randomBytes(24).toString("base64url");
  await view.add("client", realm.realm, client.id, client.clientId, client);
  if (client.serviceAccountsEnabled) await addServiceAccount(view, realm, client);
  return client;
}

export function checkRedirect(uri) {
  if (/\*./.test(uri) || /[\s<>"]/.test(uri)) throw new Refused(400, { errorMessage: "A redirect URI is not a valid URI" });
}

export async function addServiceAccount(view, realm, client) {
  const username = `service-account-${client.clientId}`.toLowerCase();
  const found = await view.named("user", realm.realm, username);
  if (found) return found;
  const user = { id: newId(), username, enabled: true, emailVerified: false, attributes: {}, requiredActions: [], credentials: [], createdTimestamp: Date.now(), serviceAccountClientId: client.clientId, roles: [await defaultRole(view, realm)] };
  return view.add("user", realm.realm, user.id, username, user);
}

async function defaultRole(view, realm) {
  return (await view.named("role", realm.realm, `default-roles-${realm.realm}`)).id;
}

// A user of a realm file: the profile does not look at it, and roles and credentials count.
async function importUser(view, realm, representation) {
  check(representation, "UserRepresentation");
  const username = representation.username?.toLowerCase();
  let user = await view.named("user", realm.realm, username);
  if (!user) {
    user = { id: representation.id ?? newId(), username, enabled: representation.enabled ?? false, credentials: [], createdTimestamp: Date.now(), roles: [await defaultRole(view, realm)] };
    await view.add("user", realm.realm, user.id, username, user);
  }
  for (const field of ["email", "firstName", "lastName", "emailVerified", "requiredActions", "serviceAccountClientId"]) if (representation[field] !== undefined) user[field] = representation[field];
  user.email = user.email?.toLowerCase();
  user.attributes = Object.fromEntries(Object.entries(representation.attributes ?? {}).map(([name, value]) => [name, [value].flat().map(String)]));
  for (const credential of representation.credentials ?? []) {
    if (credential.type !== "password" || credential.value === undefined) throw new Refused(400, { error: "the stand-in imports plain passwords only" });
    setPassword(user, credential.value, credential.temporary ?? false);
  }
  for (const name of representation.realmRoles ?? []) {
    await addRole(view, realm, { name }, null, true);
    user.roles.push((await view.named("role", realm.realm, name)).id);
  }
  for (const [clientId, names] of Object.entries(representation.clientRoles ?? {})) {
    const client = await view.named("client", realm.realm, clientId);
    if (!client) throw new Refused(400, { error: `Unable to find client role mappings for client: ${clientId}` });
    for (const name of names) {
      await addRole(view, realm, { name }, client, true);
      user.roles.push((await view.named("role", realm.realm, roleKey(name, client))).id);
    }
  }
  await view.save("user", user.id, username, user);
}

// A user by the admin interface: the profile decides, and `realmRoles` and `clientRoles` are not looked at.
export async function createUser(view, realm, representation) {
  check(representation, "UserRepresentation");
  const email = representation.email?.trim().toLowerCase() || undefined;
  const username = realm.registrationEmailAsUsername ? email : representation.username?.trim().toLowerCase();
  if (!username) throw new Refused(400, { errorMessage: "User name is missing" });
  const user = {
    id: newId(), username, email, firstName: representation.firstName, lastName: representation.lastName,
    enabled: representation.enabled ?? false, emailVerified: representation.emailVerified ?? false,
    attributes: managedAttributes(realm, representation.attributes), requiredActions: representation.requiredActions ?? [],
    credentials: [], createdTimestamp: Date.now(), roles: [await defaultRole(view, realm)],
  };
  checkUser(realm, user);
  await checkUnique(view, realm, user);
  for (const credential of representation.credentials ?? []) {
    if (credential.type !== "password" || credential.value === undefined) throw new Refused(400, { errorMessage: "the stand-in takes plain passwords only" });
    setPassword(user, credential.value, credential.temporary ?? false);
  }
  return view.add("user", realm.realm, user.id, username, user);
}

export function checkUser(realm, user) {
  const found = findings(realm, user, "admin");
  if (found.length === 1) throw new Refused(400, found[0]);
  if (found.length > 1) throw new Refused(400, { errors: found });
  const known = realm.requiredActions.filter((action) => action.enabled).map((action) => action.alias);
  for (const action of user.requiredActions ?? []) if (!known.includes(action)) console.warn(`user ${user.id} is asked for '${action}', which the realm does not have`);
}

export async function checkUnique(view, realm, user) {
  const other = await view.named("user", realm.realm, user.username);
  if (other && other.id !== user.id) throw new Refused(409, { errorMessage: "User exists with same username" });
  if (!user.email || realm.duplicateEmailsAllowed) return;
  for (const person of await view.having("user", realm.realm, "email", user.email)) {
    if (person.id !== user.id) throw new Refused(409, { errorMessage: "User exists with same email" });
  }
}

// Every role of a user, those inside composite roles too.
export async function effectiveRoles(view, realm, user) {
  const all = new Map((await view.all("role", realm.realm)).map((role) => [role.id, role]));
  const found = new Map();
  const open = [...(user.roles ?? [])];
  while (open.length) {
    const role = all.get(open.pop());
    if (role && !found.has(role.id)) {
      found.set(role.id, role);
      open.push(...(role.inner ?? []));
    }
  }
  return [...found.values()];
}

export async function firstStart(store, bootstrapAdmin) {
  await store.transaction(async (view) => {
    if (await view.get("realm", "master")) return;
    const realm = await createRealm(view, { realm: "master", enabled: true, accessTokenLifespan: 60 });
    await addRole(view, realm, { name: "admin", description: "${role_admin}" });
    if (!bootstrapAdmin?.password) return;
    const user = await createUser(view, realm, { username: bootstrapAdmin.username, enabled: true });
    setPassword(user, bootstrapAdmin.password, false);
    user.attributes.is_temporary_admin = ["true"];
    user.roles.push((await view.named("role", "master", "admin")).id);
    await view.save("user", user.id, user.username, user);
    if (!passwordOf(user)) throw new Error("no administrator");
  });
}

// Each *.json of the import folder; a realm that exists is left alone (STUF.md, row 11).
export async function importFolder(store, folder, environment) {
  if (!fs.existsSync(folder)) return;
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
    const representation = resolved(JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")), environment);
    await store.transaction(async (view) => {
      if (await view.get("realm", representation.realm)) {
        console.log(`Realm '${representation.realm}' already exists. Import skipped`);
        return;
      }
      await createRealm(view, representation);
      console.log(`Realm '${representation.realm}' imported`);
    });
  }
}
