// What Keycloak's JSON may hold: the fields of its own type definitions, no others.
import fs from "node:fs";

const TYPES = JSON.parse(fs.readFileSync(new URL("./types.json", import.meta.url), "utf8"));

// Where the definitions say `any`, the server has a type all the same.
TYPES.RealmRepresentation.clientScopes = "ClientScopeRepresentation[]";
TYPES.ComponentExportRepresentation.config = "any";
TYPES.RealmRepresentation.smtpServer = "any";
// Deprecated in Keycloak's Java class, so still read, and written in STUF's own realm file.
TYPES.ProtocolMapperRepresentation.consentRequired = "boolean";
TYPES.ProtocolMapperRepresentation.consentText = "string";

const SMTP_FIELDS = [
  "host", "port", "from", "fromDisplayName", "replyTo", "replyToDisplayName", "envelopeFrom", "ssl", "starttls", "auth",
  "user", "password", "authType", "allowutf8", "debug", "connectionTimeout", "timeout", "writeTimeout",
];

export class Refused extends Error {
  constructor(status, body) {
    super(body.errorMessage ?? body.error ?? String(status));
    this.status = status;
    this.body = body;
  }
}

export function check(value, type) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Refused(400, { error: `Cannot parse the JSON`, error_description: `a ${type} is a JSON object` });
  }
  const fields = TYPES[type];
  if (!fields) throw new Error(`no definition of ${type}`);
  for (const [name, inner] of Object.entries(value)) {
    if (!(name in fields)) {
      throw new Refused(400, { error: `Invalid json representation for ${type}. Unrecognized field "${name}" at line 1 column 1.` });
    }
    if (inner !== null) checkInner(inner, fields[name], `${type}.${name}`);
  }
  if (type === "RealmRepresentation" && value.smtpServer) {
    for (const [name, inner] of Object.entries(value.smtpServer)) {
      // A map of strings on the wire; Jackson turns scalars into strings.
      if (!SMTP_FIELDS.includes(name)) throw new Refused(400, { error: `the stand-in knows no smtpServer field "${name}"` });
      if (typeof inner === "object" && inner !== null) throw new Refused(400, { error: `Cannot parse the JSON` });
      value.smtpServer[name] = inner === null ? null : String(inner);
    }
  }
  return value;
}

function checkInner(value, type, where) {
  const wrong = () => new Refused(400, { error: "Cannot parse the JSON", error_description: `${where} is no ${type}` });
  const list = /^(?:\((.*)\)|([\w]+))\[\]$/.exec(type);
  if (list) {
    if (!Array.isArray(value)) throw wrong();
    for (const item of value) checkInner(item, list[1] ?? list[2], where);
    return;
  }
  const map = /^\{ \[index: string\]: (.*)$/.exec(type);
  if (map) {
    if (typeof value !== "object" || Array.isArray(value)) throw wrong();
    for (const inner of Object.values(value)) {
      for (const item of Array.isArray(inner) ? inner : [inner]) checkInner(item, map[1].replace(/\[\]$/, ""), where);
    }
    return;
  }
  if (type === "string") {
    // Jackson reads scalars as strings.
    if (typeof value === "object") throw wrong();
  } else if (type === "number") {
    if (typeof value !== "number" && !/^-?\d+$/.test(value)) throw wrong();
  } else if (type === "boolean") {
    if (typeof value !== "boolean" && value !== "true" && value !== "false") throw wrong();
  } else if (type.startsWith("Record<")) {
    if (typeof value !== "object" || Array.isArray(value)) throw wrong();
  } else if (type in TYPES) {
    check(value, type);
  }
}

// `${NAME}` and `${NAME:default}` in any string of an imported file; what has no value stays as it is (STUF.md, row 11).
export function resolved(value, environment) {
  if (typeof value === "string") {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_.]*)(?::([^}]*))?\}/g, (whole, name, fallback) => environment[name] ?? fallback ?? whole);
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, environment));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner, environment)]));
  }
  return value;
}
