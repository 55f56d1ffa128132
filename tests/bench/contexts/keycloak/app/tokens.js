// Signed tokens: RS256, issued by `<public address>/realms/<realm>`.
import crypto from "node:crypto";

import { claims } from "./mappers.js";
import { effectiveRoles } from "./realms.js";

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function sign(realm, payload) {
  const head = encode({ alg: "RS256", typ: "JWT", kid: realm.keys.kid });
  const body = `${head}.${encode(payload)}`;
  return `${body}.${crypto.sign("sha256", Buffer.from(body), realm.keys.private).toString("base64url")}`;
}

// The payload of a token this realm signed that has not expired; null otherwise.
export function verify(realm, token) {
  const [head, body, signature] = String(token).split(".");
  if (!signature) return null;
  const key = crypto.createPublicKey(realm.keys.private);
  if (!crypto.verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) return null;
  const payload = JSON.parse(Buffer.from(body, "base64url"));
  return payload.exp > Date.now() / 1000 ? payload : null;
}

export function publicKeys(realm) {
  const key = crypto.createPublicKey(realm.keys.private).export({ format: "jwk" });
  return { keys: [{ kid: realm.keys.kid, kty: "RSA", alg: "RS256", use: "sig", n: key.n, e: key.e }] };
}

// The scopes that count for a request: the client's defaults and, of its optional ones, those asked for.
export async function scopesFor(view, realm, client, asked) {
  const all = await view.all("scope", realm.realm);
  const wanted = asked.filter((name) => name !== "openid");
  const known = [...client.defaultClientScopes, ...client.optionalClientScopes];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length) return { unknown };
  const names = new Set([...client.defaultClientScopes, ...wanted]);
  return { scopes: all.filter((scope) => names.has(scope.name)) };
}

export async function grant(view, { realm, client, user, asked, issuer, session, nonce }) {
  const { scopes, unknown } = await scopesFor(view, realm, client, asked);
  if (unknown) return { unknown };
  const mappers = [...scopes.flatMap((scope) => scope.protocolMappers ?? []), ...client.protocolMappers];
  const clients = await view.all("client", realm.realm);
  const roles = await effectiveRoles(view, realm, user);
  const context = { user, client, clients, roles, notes: { client_id: client.clientId, clientHost: "127.0.0.1" } };
  const now = Math.floor(Date.now() / 1000);
  const lifespan = Number(client.attributes["access.token.lifespan"] || realm.accessTokenLifespan);
  const openid = asked.includes("openid");
  const shown = scopes.filter((scope) => scope.attributes["include.in.token.scope"] === "true").map((scope) => scope.name);
  const scope = [...(openid ? ["openid"] : []), ...shown].join(" ");
  const common = { iat: now, iss: issuer, azp: client.clientId, ...(session ? { sid: session.id } : {}) };
  const answer = {
    access_token: sign(realm, {
      exp: now + lifespan, jti: crypto.randomUUID(), typ: "Bearer", ...common, scope, ...claims(mappers, context, "access"),
    }),
    expires_in: lifespan,
    refresh_expires_in: session ? realm.ssoSessionIdleTimeout : 0,
    token_type: "Bearer",
    "not-before-policy": 0,
    scope,
  };
  if (session) {
    answer.refresh_token = sign(realm, {
      exp: now + realm.ssoSessionIdleTimeout, iat: now, jti: crypto.randomUUID(), iss: issuer, aud: issuer, sub: user.id,
      typ: "Refresh", azp: client.clientId, sid: session.id, scope, asked: asked.join(" "),
    });
    answer.session_state = session.id;
  }
  if (openid) {
    answer.id_token = sign(realm, {
      exp: now + lifespan, jti: crypto.randomUUID(), typ: "ID", ...common, auth_time: session?.started ?? now, sub: user.id,
      ...(nonce ? { nonce } : {}), ...claims(mappers, context, "id"), aud: client.clientId,
    });
  }
  return { answer };
}
