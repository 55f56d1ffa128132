// The two HTTP interfaces: 8080 for people and programs, 9000 for health.
import http from "node:http";

import { authorized, routes as adminRoutes } from "./admin.js";
import { Guesses } from "./guesses.js";
import { actionToken, authenticate, requiredAction } from "./login.js";
import { authorize, certificates, discovery, logout, logoutByBrowser, realmInfo, token, userInfo } from "./oidc.js";
import { Refused } from "./representations.js";
import { firstStart, importFolder } from "./realms.js";
import { Conflict, Store } from "./store.js";

const PUBLIC = [
  ["GET", "/realms/:realm", realmInfo],
  ["GET", "/realms/:realm/.well-known/openid-configuration", discovery],
  ["GET", "/realms/:realm/protocol/openid-connect/certs", certificates],
  ["GET", "/realms/:realm/protocol/openid-connect/auth", authorize],
  ["POST", "/realms/:realm/protocol/openid-connect/token", token],
  ["GET", "/realms/:realm/protocol/openid-connect/userinfo", userInfo],
  ["GET", "/realms/:realm/protocol/openid-connect/logout", logoutByBrowser],
  ["POST", "/realms/:realm/protocol/openid-connect/logout", logout],
  ["GET", "/realms/:realm/login-actions/authenticate", authenticate],
  ["POST", "/realms/:realm/login-actions/authenticate", authenticate],
  ["GET", "/realms/:realm/login-actions/required-action", requiredAction],
  ["POST", "/realms/:realm/login-actions/required-action", requiredAction],
  ["GET", "/realms/:realm/login-actions/action-token", actionToken],
];

const ROUTES = [...PUBLIC.map((route) => [...route, false]), ...adminRoutes.map((route) => [...route, true])]
  .map(([method, path, handler, admin]) => ({ method, handler, admin, steps: path.split("/") }));

function find(path, method) {
  const steps = path.split("/");
  let known = false;
  for (const route of ROUTES) {
    if (route.steps.length !== steps.length) continue;
    const params = {};
    const fits = route.steps.every((step, index) => {
      if (!step.startsWith(":")) return step === steps[index];
      params[step.slice(1)] = decodeURIComponent(steps[index]);
      return steps[index] !== "";
    });
    if (!fits) continue;
    known = true;
    if (route.method === method) return { route, params };
  }
  return { known };
}

const isPrivate = (address) => /^(::1|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|f[cd]|fe80)/.test(address.replace(/^::ffff:/, ""));

// Scheme, host and client address as the proxy tells them, when the server is told to believe it.
function origin(configuration, request) {
  const result = { scheme: "http", host: request.headers.host ?? "localhost", address: request.socket.remoteAddress ?? "" };
  if (configuration.proxyHeaders === "xforwarded") {
    const first = (name) => request.headers[name]?.split(",")[0].trim();
    result.scheme = first("x-forwarded-proto") ?? result.scheme;
    result.host = first("x-forwarded-host") ?? result.host;
    const port = first("x-forwarded-port");
    if (port && !result.host.includes(":") && !["80", "443"].includes(port)) result.host += `:${port}`;
    result.address = first("x-forwarded-for") ?? result.address;
  } else if (configuration.proxyHeaders === "forwarded") {
    const pairs = Object.fromEntries((request.headers.forwarded ?? "").split(",")[0].split(";").map((pair) => pair.trim().toLowerCase().split("=")));
    result.scheme = pairs.proto ?? result.scheme;
    result.host = pairs.host ?? result.host;
    result.address = pairs.for?.replace(/^"?\[?|\]?"?$/g, "") ?? result.address;
  }
  return result;
}

function publicBase(configuration, from) {
  if (!configuration.frontend) return `${from.scheme}://${from.host}${configuration.relativePath}`;
  if (configuration.frontend.url) return configuration.frontend.url;
  const port = /:(\d+)$/.exec(from.host)?.[0] ?? "";
  return `${from.scheme}://${configuration.frontend.host}${port}${configuration.relativePath}`;
}

async function body(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > 10_485_760) throw new Refused(413, { error: "too large" });
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parse(text, type, admin) {
  if (!text) return { form: {} };
  if (admin) {
    if (!type.startsWith("application/json")) throw new Refused(415, { error: "HTTP 415 Unsupported Media Type" });
    try {
      return { body: JSON.parse(text), form: {} };
    } catch {
      throw new Refused(400, { error: "Cannot parse the JSON" });
    }
  }
  if (!type.startsWith("application/x-www-form-urlencoded")) throw new Refused(415, { error: "HTTP 415 Unsupported Media Type" });
  return { form: Object.fromEntries(new URLSearchParams(text)) };
}

async function answer(memory, configuration, store, request) {
  const [rawPath, rawQuery = ""] = request.url.split(/\?(.*)/s);
  const prefix = configuration.relativePath;
  if (prefix && rawPath !== prefix && !rawPath.startsWith(`${prefix}/`)) return { status: 404, json: { error: "Unable to find matching target resource method" } };
  const path = rawPath.slice(prefix.length);
  const { route, params, known } = find(path, request.method);
  if (!route) return known ? { status: 405, json: { error: "HTTP 405 Method Not Allowed" } } : { status: 404, json: { error: "Unable to find matching target resource method" } };
  const from = origin(configuration, request);
  const base = publicBase(configuration, from);
  const text = await body(request);
  return store.transaction(async (view) => {
    const realm = params.realm ? await view.get("realm", params.realm) : null;
    const issuerOf = (name) => `${base}/realms/${name}`;
    const context = {
      ...memory, configuration, view, realm, params, path: `${prefix}${path}`, method: request.method, headers: request.headers,
      query: Object.fromEntries(new URLSearchParams(rawQuery)), issuerOf, issuer: realm ? issuerOf(realm.realm) : null,
      requestBase: `${from.scheme}://${from.host}`, dynamic: configuration.backchannelDynamic,
      cookies: Object.fromEntries((request.headers.cookie ?? "").split("; ").map((pair) => pair.split(/=(.*)/s))),
      cookiePath: `${new URL(base).pathname.replace(/\/$/, "")}/realms/${params.realm}/`,
      ...parse(text, request.headers["content-type"] ?? "", route.admin),
    };
    if (route.admin) {
      context.caller = await authorized(context);
      if (params.realm && !realm) throw new Refused(404, { error: "Realm not found." });
    } else {
      if (!realm) throw new Refused(404, { error: "Realm does not exist" });
      if (!realm.enabled) throw new Refused(403, { error: "access_denied", error_description: "Realm not enabled" });
    }
    const strict = realm?.sslRequired === "all" || (realm?.sslRequired === "external" && !isPrivate(from.address));
    if (strict && from.scheme !== "https") throw new Refused(403, { error: "invalid_request", error_description: "HTTPS required" });
    return route.handler(context);
  });
}

function write(response, { status, json, text, headers = {} }) {
  const content = json === undefined ? text ?? "" : JSON.stringify(json);
  response.writeHead(status, { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers, "content-length": Buffer.byteLength(content) });
  response.end(content);
}

function listener(configuration, store) {
  const memory = { logins: new Map(), codes: new Map(), usedCodes: new Set(), guesses: new Guesses() };
  return async (request, response) => {
    try {
      write(response, await answer(memory, configuration, store, request));
    } catch (error) {
      if (error instanceof Refused) write(response, { status: error.status, json: error.body });
      else if (error instanceof Conflict) write(response, { status: 409, json: { errorMessage: `Conflict: ${error.message} exists` } });
      else {
        console.error(error);
        write(response, { status: 500, json: { error: "unknown_error", error_description: "For more on this error consult the server log." } });
      }
    }
  };
}

function health(configuration, store, state) {
  return async (request, response) => {
    const path = request.url.split("?")[0];
    const at = `${configuration.managementPath}/health`;
    if (!configuration.health || ![at, `${at}/ready`, `${at}/live`, `${at}/started`].includes(path)) return write(response, { status: 404, text: "" });
    const up = path.endsWith("/live") || (state.started && (await store.healthy()));
    return write(response, { status: up ? 200 : 503, json: { status: up ? "UP" : "DOWN", checks: [] } });
  };
}

export async function start(configuration) {
  const store = new Store(configuration.database);
  await store.open();
  const state = { started: false };
  const servers = [];
  if (configuration.management) servers.push(http.createServer(health(configuration, store, state)).listen(configuration.managementPort, configuration.host));
  await firstStart(store, configuration.bootstrapAdmin);
  if (configuration.importRealm) await importFolder(store, configuration.importFolder, process.env);
  servers.push(http.createServer(listener(configuration, store)).listen(configuration.port, configuration.host));
  state.started = true;
  console.log(`Stand-in for Keycloak started. Listening on: http://${configuration.host}:${configuration.port}`);
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      for (const server of servers) server.close();
      process.exit(143);
    });
  }
}
