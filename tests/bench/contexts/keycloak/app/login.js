// Signing in by browser, required actions, and the links of invitations.
import crypto from "node:crypto";

import { base32, codeMatches, codesOf, newSecret, passwordMatches, passwordOf, policyProblem, setPassword } from "./credentials.js";
import { newSession, userByLogin } from "./oidc.js";
import { authenticatorPage, codePage, errorPage, infoPage, loginPage, passwordPage, profilePage } from "./pages.js";
import { checkUnique } from "./realms.js";
import { findings } from "./profile.js";
import { verify } from "./tokens.js";

const HANDLERS = { UPDATE_PASSWORD: updatePassword, CONFIGURE_TOTP: configureCode, VERIFY_PROFILE: updateProfile, UPDATE_PROFILE: updateProfile };
export const ACTION_NAMES = Object.keys(HANDLERS);

// The actions a user still owes, in the realm's order; an incomplete profile is one of them.
export function pendingActions(realm, user, actions = user.requiredActions ?? []) {
  const wanted = new Set(actions);
  const enabled = realm.requiredActions.filter((action) => action.enabled).sort((one, other) => (one.priority ?? 0) - (other.priority ?? 0));
  if (!user.serviceAccountClientId && findings(realm, user, "user").length) wanted.add("VERIFY_PROFILE");
  return enabled.map((action) => action.alias).filter((alias) => wanted.has(alias));
}

const remaining = (context, login, user) => (login.kind === "link"
  ? login.actions.filter((action) => !login.done.includes(action))
  : pendingActions(context.realm, user));

function url(context, login, path, extra = {}) {
  const query = new URLSearchParams({ ...extra, client_id: login.clientId, tab_id: login.tab });
  return `${context.issuer}/login-actions/${path}?${query}`;
}

function open(context, client, details) {
  const login = { id: crypto.randomBytes(24).toString("base64url"), tab: crypto.randomBytes(8).toString("base64url"), realm: context.realm.realm, clientId: client.clientId, expires: Date.now() + context.realm.accessCodeLifespanLogin * 1000, ...details };
  context.logins.set(login.id, login);
  const cookie = `AUTH_SESSION_ID=${login.id}; Version=1; Path=${context.cookiePath}; SameSite=None; Secure; HttpOnly`;
  return { login, cookies: [cookie] };
}

// The sign-in that this browser began: by its cookie and its tab, or not at all.
function resume(context) {
  const login = context.logins.get(context.cookies.AUTH_SESSION_ID ?? "");
  const fits = login && login.realm === context.realm.realm && login.tab === context.query.tab_id && login.clientId === context.query.client_id;
  return fits && login.expires > Date.now() ? login : null;
}

const cookieMissing = (context) => errorPage(context, 400, "Restart login cookie not found. It may have expired; it may have been deleted or cookies are disabled in your browser. If cookies are disabled then enable them. Click Back to Application to login again.");

export function startLogin(context, client, request) {
  const { login, cookies } = open(context, client, { kind: "code", ...request });
  return loginPage(context, url(context, login, "authenticate"), context.query.login_hint ?? "", null, { cookies });
}

export async function authenticate(context) {
  const { view, realm, form, guesses } = context;
  const login = resume(context);
  if (!login) return cookieMissing(context);
  const action = url(context, login, "authenticate");
  if (context.method === "GET") return login.checked ? codePage(context, action) : loginPage(context, action, "");
  if (!login.checked) {
    const user = await userByLogin(view, realm, form.username ?? "");
    const wrong = () => loginPage(context, action, form.username, "Invalid username or password.");
    if (user && guesses.locked(realm, user)) return wrong();
    const stored = user && passwordOf(user);
    if (!stored || !passwordMatches(stored, form.password ?? "")) {
      if (user) guesses.wrong(realm, user);
      return wrong();
    }
    if (!user.enabled) return loginPage(context, action, form.username, "Account is disabled, contact your administrator.");
    login.userId = user.id;
    login.checked = true;
    if (codesOf(user).length) return codePage(context, action);
    return goOn(context, login, user);
  }
  const user = await view.get("user", login.userId);
  const codes = codesOf(user);
  if (codes.length) {
    if (guesses.locked(realm, user)) return codePage(context, action, "Invalid authenticator code.");
    const matching = codes.find((code) => codeMatches(realm, code.secret, form.otp));
    const used = matching && `${matching.id}:${form.otp}`;
    if (!matching || (!realm.otpPolicyCodeReusable && context.usedCodes.has(used))) {
      guesses.wrong(realm, user);
      return codePage(context, action, "Invalid authenticator code.");
    }
    context.usedCodes.add(used);
  }
  return goOn(context, login, user);
}

// To the next required action, or back to the application.
async function goOn(context, login, user) {
  const { realm, issuer } = context;
  context.guesses.right(user);
  login.userId = user.id;
  login.authenticated = true;
  const [next] = remaining(context, login, user);
  if (next) return { status: 302, headers: { location: url(context, login, "required-action", { execution: next }) } };
  context.logins.delete(login.id);
  if (login.kind === "link") return linkDone(context, login);
  const session = await newSession(context, user, { clientId: login.clientId });
  const code = `${crypto.randomUUID()}.${session.id}.${crypto.randomUUID()}`;
  context.codes.set(code, { ...login, sessionId: session.id, expires: Date.now() + realm.accessCodeLifespan * 1000 });
  const target = new URL(login.redirectUri);
  const answer = { ...(login.state ? { state: login.state } : {}), session_state: session.id, iss: issuer, code };
  if (login.responseMode === "fragment") target.hash = new URLSearchParams(answer);
  else for (const [name, value] of Object.entries(answer)) target.searchParams.set(name, value);
  return { status: 302, headers: { location: String(target) } };
}

export async function requiredAction(context) {
  const login = resume(context);
  if (!login?.authenticated) return cookieMissing(context);
  const user = await context.view.get("user", login.userId);
  if (!user?.enabled) return errorPage(context, 400, "Account is disabled, contact your administrator.");
  const [next] = remaining(context, login, user);
  if (!next) return goOn(context, login, user);
  if (context.query.execution !== next) return { status: 302, headers: { location: url(context, login, "required-action", { execution: next }) } };
  const handler = HANDLERS[next];
  if (!handler) return errorPage(context, 500, `the stand-in does not know the action ${next}`);
  const shown = await handler(context, login, user, url(context, login, "required-action", { execution: next }));
  if (shown) return shown;
  login.done?.push(next);
  user.requiredActions = (user.requiredActions ?? []).filter((action) => action !== next);
  await context.view.save("user", user.id, user.username, user);
  return goOn(context, login, user);
}

async function updatePassword(context, login, user, action) {
  const { "password-new": password, "password-confirm": confirmed } = context.form;
  if (context.method === "GET") return passwordPage(context, action, user.username);
  if (!password) return passwordPage(context, action, user.username, "Please specify password.");
  if (password !== confirmed) return passwordPage(context, action, user.username, "Passwords don't match.");
  const problem = policyProblem(context.realm, user, password);
  if (problem) return passwordPage(context, action, user.username, `Invalid password: ${problem}`);
  setPassword(user, password, false);
  return null;
}

async function configureCode(context, login, user, action) {
  const { form, query, realm } = context;
  const manual = query.mode === "manual" || form.mode === "manual";
  login.secret ??= newSecret();
  const show = (error) => authenticatorPage(context, action, login.secret, base32(login.secret).match(/.{1,4}/g).join(" "), manual, error);
  if (context.method === "GET") return show();
  if (form.totpSecret !== login.secret || !codeMatches(realm, login.secret, form.totp)) return show("Invalid authenticator code.");
  user.credentials.push({ id: crypto.randomUUID(), type: "otp", userLabel: form.userLabel ?? "", createdDate: Date.now(), secret: login.secret });
  return null;
}

async function updateProfile(context, login, user, action) {
  if (context.method === "GET") return profilePage(context, action, user);
  for (const field of ["email", "firstName", "lastName"]) user[field] = context.form[field] || undefined;
  user.email = user.email?.toLowerCase();
  const [problem] = findings(context.realm, user, "user");
  if (problem) return profilePage(context, action, user, `${problem.field}: ${problem.errorMessage}`);
  await checkUnique(context.view, context.realm, user);
  return null;
}

// The link of an invitation: first a page that names the actions, then the actions, then the link is used up.
export async function actionToken(context) {
  const { view, realm, query } = context;
  const payload = verify(realm, query.key ?? "");
  if (payload?.typ !== "execute-actions") return errorPage(context, 400, "Action expired. Please continue with login now.");
  if (await view.get("used", payload.nonce)) return errorPage(context, 400, "Action expired. Please continue with login now.");
  const user = await view.get("user", payload.sub);
  if (!user) return errorPage(context, 400, "Invalid user");
  if (!user.enabled) return errorPage(context, 400, "Account is disabled, contact your administrator.");
  let login = resume(context);
  if (login?.kind === "link" && login.nonce === payload.nonce) {
    user.emailVerified = true;
    await view.save("user", user.id, user.username, user);
    return goOn(context, login, user);
  }
  const actions = pendingOrder(realm, payload.rqac);
  let cookies;
  ({ login, cookies } = open(context, { clientId: payload.azp }, { kind: "link", actions, done: [], nonce: payload.nonce, linkExpires: payload.exp, redirectUri: payload.reduri, userId: user.id }));
  const names = actions.map((alias) => realm.requiredActions.find((action) => action.alias === alias)?.name ?? alias);
  const href = `${context.issuer}/login-actions/action-token?${new URLSearchParams({ key: query.key, client_id: login.clientId, tab_id: login.tab })}`;
  return infoPage(context, "Perform the following action(s)", names, { href, text: "» Click here to proceed" }, { cookies });
}

function pendingOrder(realm, actions) {
  const order = realm.requiredActions.filter((action) => action.enabled).sort((one, other) => (one.priority ?? 0) - (other.priority ?? 0)).map((action) => action.alias);
  return order.filter((alias) => actions.includes(alias));
}

async function linkDone(context, login) {
  await context.view.add("used", context.realm.realm, login.nonce, login.nonce, { expires: login.linkExpires });
  const link = login.redirectUri ? { href: login.redirectUri, text: "« Back to Application" } : null;
  return infoPage(context, "Your account has been updated.", [], link);
}
