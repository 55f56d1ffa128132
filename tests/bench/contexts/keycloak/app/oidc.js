// The OpenID Connect endpoints below /realms/<realm>/protocol/openid-connect, and discovery.
import crypto from "node:crypto";

import { codeMatches, codesOf, passwordMatches, passwordOf } from "./credentials.js";
import { pendingActions, startLogin } from "./login.js";
import { errorPage, infoPage } from "./pages.js";
import { Refused } from "./representations.js";
import { grant, publicKeys, verify } from "./tokens.js";

const json = (body, status = 200, headers = {}) => ({ status, json: body, headers: { "cache-control": "no-store", ...headers } });
const refuse = (status, error, description) => json({ error, ...(description ? { error_description: description } : {}) }, status);

export function discovery(context) {
  const at = `${context.issuer}/protocol/openid-connect`;
  // Server to server one may ask by another address; then only the browser's endpoints are the public ones.
  const back = context.dynamic ? `${context.requestBase}/realms/${context.realm.realm}/protocol/openid-connect` : at;
  return json({
    issuer: context.issuer,
    authorization_endpoint: `${at}/auth`,
    token_endpoint: `${back}/token`,
    introspection_endpoint: `${back}/token/introspect`,
    userinfo_endpoint: `${back}/userinfo`,
    end_session_endpoint: `${at}/logout`,
    jwks_uri: `${back}/certs`,
    grant_types_supported: ["authorization_code", "refresh_token", "password", "client_credentials"],
    response_types_supported: ["code"],
    response_modes_supported: ["query", "fragment"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["plain", "S256"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  });
}

export const certificates = ({ realm }) => json(publicKeys(realm));

// `https://host/*` allows `https://host` too: an application may name its origin, which has no slash at its end.
export function redirectAllowed(client, uri, list = client.redirectUris) {
  return list.some((allowed) => {
    if (!allowed.endsWith("*")) return uri === allowed;
    const start = allowed.slice(0, -1);
    return uri.startsWith(start) || uri === start.replace(/\/$/, "");
  });
}

export async function authorize(context) {
  const { view, realm, query } = context;
  const client = await view.named("client", realm.realm, query.client_id ?? "");
  if (!client) return errorPage(context, 400, "Client not found.");
  if (!client.enabled) return errorPage(context, 400, "Client disabled.");
  if (client.bearerOnly) return errorPage(context, 403, "Bearer-only applications are not allowed to initiate browser login.");
  if (!query.redirect_uri || !redirectAllowed(client, query.redirect_uri)) return errorPage(context, 400, "Invalid parameter: redirect_uri");
  const back = (error, description) => {
    const target = new URL(query.redirect_uri);
    const answer = new URLSearchParams({ error, error_description: description, ...(query.state ? { state: query.state } : {}), iss: context.issuer });
    if (query.response_mode === "fragment") target.hash = answer;
    else for (const [name, value] of answer) target.searchParams.set(name, value);
    return { status: 302, headers: { location: String(target) } };
  };
  if (query.response_type !== "code") return back("unsupported_response_type", "the stand-in knows the code flow only");
  if (!client.standardFlowEnabled) return back("unauthorized_client", "Client is not allowed to initiate browser login with given response_type. Standard flow is disabled for the client.");
  const method = client.attributes["pkce.code.challenge.method"];
  if (method && !query.code_challenge) return back("invalid_request", "Missing parameter: code_challenge_method");
  if (method && query.code_challenge_method !== method) return back("invalid_request", "Invalid parameter: code challenge method is not configured one");
  if (query.code_challenge && !["S256", "plain", undefined].includes(query.code_challenge_method)) return back("invalid_request", "Invalid parameter: code_challenge_method");
  const asked = (query.scope ?? "").split(" ").filter(Boolean);
  const known = [...client.defaultClientScopes, ...client.optionalClientScopes, "openid"];
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length) return back("invalid_scope", `Invalid scopes: ${query.scope}`);
  if (query.prompt === "none") return back("login_required", "the stand-in keeps no browser session");
  return startLogin(context, client, {
    redirectUri: query.redirect_uri, state: query.state, nonce: query.nonce, asked, responseMode: query.response_mode,
    challenge: query.code_challenge, challengeMethod: query.code_challenge_method ?? "plain",
  });
}

// Which client asks: by basic authentication or form fields.
async function clientOf({ view, realm, form, headers }) {
  let { client_id: id, client_secret: secret } = form;
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? "");
  if (basic) [id, secret] = Buffer.from(basic[1], "base64").toString().split(/:(.*)/s).map(decodeURIComponent);
  const client = id ? await view.named("client", realm.realm, id) : null;
  const unknown = { refused: refuse(401, "invalid_client", "Invalid client or Invalid client credentials") };
  if (!client) return unknown;
  if (!client.enabled) return { refused: refuse(401, "invalid_client", "Invalid client or Invalid client credentials") };
  if (client.publicClient) return { client };
  if (client.bearerOnly) return { refused: refuse(400, "invalid_client", "Bearer-only not allowed") };
  const same = secret && client.secret && crypto.timingSafeEqual(crypto.createHash("sha256").update(secret).digest(), crypto.createHash("sha256").update(client.secret).digest());
  return same ? { client } : { refused: refuse(401, "unauthorized_client", "Invalid client or Invalid client credentials") };
}

export async function token(context) {
  const { form } = context;
  if (!form.grant_type) return refuse(400, "invalid_request", "Missing form parameter: grant_type");
  const grants = { password, client_credentials: clientCredentials, authorization_code: authorizationCode, refresh_token: refresh };
  if (!Object.hasOwn(grants, form.grant_type)) return refuse(400, "unsupported_grant_type", "Unsupported grant_type");
  const { client, refused } = await clientOf(context);
  return refused ?? grants[form.grant_type](context, client);
}

async function give(context, client, user, asked, session, nonce) {
  const { view, realm, issuer } = context;
  const { answer, unknown } = await grant(view, { realm, client, user, asked, issuer, session, nonce });
  return unknown ? refuse(400, "invalid_scope", `Invalid scopes: ${asked.join(" ")}`) : json(answer);
}

export async function newSession({ view, realm }, user, client) {
  const session = { id: crypto.randomUUID(), userId: user.id, clientId: client.clientId, started: Math.floor(Date.now() / 1000) };
  return view.add("session", realm.realm, session.id, session.id, session);
}

const asked = (form) => (form.scope ?? "").split(" ").filter(Boolean);

async function password(context, client) {
  const { view, realm, form, guesses } = context;
  if (!client.directAccessGrantsEnabled) return refuse(400, "unauthorized_client", "Client not allowed for direct access grants");
  const user = await userByLogin(view, realm, form.username ?? "");
  if (!form.username) return refuse(401, "invalid_request", "Missing parameter: username");
  if (user && guesses.locked(realm, user)) return refuse(401, "invalid_grant", "Invalid user credentials");
  const stored = user && passwordOf(user);
  if (!stored || !passwordMatches(stored, form.password ?? "")) {
    if (user) guesses.wrong(realm, user);
    return refuse(401, "invalid_grant", "Invalid user credentials");
  }
  if (!user.enabled) return refuse(400, "invalid_grant", "Account disabled");
  const codes = codesOf(user);
  if (codes.length && !codes.some((code) => codeMatches(realm, code.secret, form.totp))) {
    guesses.wrong(realm, user);
    return refuse(401, "invalid_grant", "Invalid user credentials");
  }
  if (pendingActions(realm, user).length) return refuse(400, "invalid_grant", "Account is not fully set up");
  guesses.right(user);
  return give(context, client, user, asked(form), await newSession(context, user, client));
}

async function clientCredentials(context, client) {
  const { view, realm, form } = context;
  if (client.publicClient) return refuse(401, "unauthorized_client", "Public client not allowed to retrieve service account");
  if (!client.serviceAccountsEnabled) return refuse(401, "unauthorized_client", "Client not enabled to retrieve service account");
  const user = await view.named("user", realm.realm, `service-account-${client.clientId}`.toLowerCase());
  if (!user?.enabled) return refuse(401, "invalid_request", "User 'service-account' disabled");
  return give(context, client, user, asked(form), null);
}

async function authorizationCode(context, client) {
  const { view, realm, form, codes } = context;
  const login = codes.get(form.code ?? "");
  codes.delete(form.code ?? ""); // a code works once
  if (!login || login.realm !== realm.realm || login.expires < Date.now()) return refuse(400, "invalid_grant", "Code not valid");
  if (login.clientId !== client.clientId) return refuse(400, "invalid_grant", "Auth error");
  if (login.redirectUri !== form.redirect_uri) return refuse(400, "invalid_grant", "Incorrect redirect_uri");
  if (login.challenge) {
    if (!form.code_verifier) return refuse(400, "invalid_grant", "PKCE code verifier not specified");
    const hashed = login.challengeMethod === "S256" ? crypto.createHash("sha256").update(form.code_verifier).digest("base64url") : form.code_verifier;
    if (hashed !== login.challenge) return refuse(400, "invalid_grant", "PKCE verification failed: Code mismatch");
  } else if (form.code_verifier) {
    return refuse(400, "invalid_grant", "PKCE code verifier specified but challenge not present in authorization");
  }
  const user = await view.get("user", login.userId);
  if (!user?.enabled) return refuse(400, "invalid_grant", "User disabled");
  const session = await view.get("session", login.sessionId);
  if (!session) return refuse(400, "invalid_grant", "Session not active");
  return give(context, client, user, login.asked, session, login.nonce);
}

async function refresh(context, client) {
  const { view, realm, form } = context;
  const payload = verify(realm, form.refresh_token ?? "");
  if (payload?.typ !== "Refresh") return refuse(400, "invalid_grant", "Invalid refresh token");
  if (payload.azp !== client.clientId) return refuse(400, "invalid_grant", "Invalid refresh token. Token client and authorized client don't match");
  const session = await view.get("session", payload.sid);
  const user = await view.get("user", payload.sub);
  if (!session || !user) return refuse(400, "invalid_grant", "Session not active");
  if (!user.enabled) return refuse(400, "invalid_grant", "User disabled");
  return give(context, client, user, payload.asked.split(" ").filter(Boolean), session);
}

export async function userByLogin(view, realm, name) {
  const login = name.trim().toLowerCase();
  const byName = await view.named("user", realm.realm, login);
  if (byName || !realm.loginWithEmailAllowed || !login.includes("@")) return byName;
  return (await view.all("user", realm.realm)).find((user) => user.email === login) ?? null;
}

export async function userInfo(context) {
  const { view, realm, headers } = context;
  const payload = verify(realm, /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "");
  if (payload?.typ !== "Bearer") return refuse(401, "invalid_token", "Token verification failed");
  if (!payload.scope.split(" ").includes("openid")) return refuse(403, "insufficient_scope", "Missing openid scope");
  const session = payload.sid && (await view.get("session", payload.sid));
  const user = session && (await view.get("user", session.userId));
  if (!user?.enabled) return refuse(401, "invalid_token", "User session not found or doesn't have client attached on it");
  const { preferred_username, email, email_verified, given_name, family_name, name, collections } = payload;
  return json({ sub: user.id, preferred_username, email, email_verified, given_name, family_name, name, collections });
}

// Where a client may lead people after they signed out; `+`, or nothing, means where it may lead them after signing in.
function afterLogout(client) {
  const list = (client.attributes["post.logout.redirect.uris"] || "+").split("##");
  return list.flatMap((entry) => ({ "+": client.redirectUris, "-": [] })[entry] ?? [entry]);
}

// Signing out in the browser: the ID token says which session ends, without asking again.
export async function logoutByBrowser(context) {
  const { view, realm, query } = context;
  if (!query.id_token_hint) return errorPage(context, 400, "the stand-in asks nobody whether to sign out: id_token_hint is needed");
  const hint = verify(realm, query.id_token_hint);
  const client = hint?.typ === "ID" && (await view.named("client", realm.realm, hint.azp));
  if (!client || (query.client_id && query.client_id !== client.clientId)) return errorPage(context, 400, "Invalid parameter: id_token_hint");
  const back = query.post_logout_redirect_uri;
  if (back && !redirectAllowed(client, back, afterLogout(client))) return errorPage(context, 400, "Invalid redirect uri");
  await view.remove("session", hint.sid);
  if (!back) return infoPage(context, "You are logged out", []);
  const target = new URL(back);
  if (query.state) target.searchParams.set("state", query.state);
  return { status: 302, headers: { location: String(target) } };
}

export async function logout(context) {
  const { view, realm, form } = context;
  if (!form.refresh_token) return errorPage(context, 400, "the stand-in knows logout by refresh token or ID token only");
  const { client, refused } = await clientOf(context);
  if (refused) return refused;
  const payload = verify(realm, form.refresh_token);
  if (payload?.typ !== "Refresh" || payload.azp !== client.clientId) return refuse(400, "invalid_grant", "Invalid refresh token");
  await view.remove("session", payload.sid);
  return { status: 204 };
}

export function realmInfo(context) {
  const { realm, issuer } = context;
  const key = publicKeys(realm).keys[0];
  if (!realm.enabled) throw new Refused(403, { error: "Realm not enabled" });
  return json({ realm: realm.realm, public_key: key.n, "token-service": `${issuer}/protocol/openid-connect`, "account-service": `${issuer}/account`, "tokens-not-before": 0 });
}
