// What Keycloak's JSON may hold: what the type definitions of its own admin client say, and nothing else.
// The types are written as tests/bench/representations.py tells.
import fs from "node:fs";

const TYPES = JSON.parse(fs.readFileSync(new URL("./types.json", import.meta.url), "utf8"));

// The definitions know maps of one value where Keycloak's own classes have a MultivaluedHashMap: on the wire, lists.
for (const [type, field] of [["RealmRepresentation", "components"], ["ComponentExportRepresentation", "config"], ["ComponentExportRepresentation", "subComponents"]]) {
  const kind = TYPES[type].fields[field];
  kind.map = { list: kind.map };
}

export class Refused extends Error {
  constructor(status, body) {
    super(body.errorMessage ?? body.error ?? String(status));
    this.status = status;
    this.body = body;
  }
}

// Refuses what is not of a type, in Keycloak's words; a null stands for what is absent, there as here.
export function check(value, type) {
  if (!(type in TYPES)) throw new Error(`no definition of ${type}`);
  demand(value, { named: type }, type, type);
  return value;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// `type`: the innermost representation with a name; `where`: the path to the value.
function demand(value, kind, type, where) {
  const wrong = () => new Refused(400, { error: "unknown_error", error_description: `Cannot parse the JSON: ${where}` });
  if (typeof kind === "string") {
    if (kind !== "any" && typeof value !== kind) throw wrong();
  } else if (kind.named) {
    demand(value, TYPES[kind.named], kind.named, where);
  } else if (kind.word !== undefined) {
    if (value !== kind.word) throw wrong();
  } else if (kind.one) {
    if (!kind.one.some((inner) => fits(value, inner, type, where))) throw wrong();
  } else if (kind.list) {
    if (!Array.isArray(value)) throw wrong();
    for (const inner of value) demand(inner, kind.list, type, where);
  } else if (kind.map) {
    if (!isObject(value)) throw wrong();
    for (const [name, inner] of Object.entries(value)) if (inner !== null) demand(inner, kind.map, type, `${where}.${name}`);
  } else {
    if (!isObject(value)) throw wrong();
    for (const [name, inner] of Object.entries(value)) {
      if (!Object.hasOwn(kind.fields, name)) {
        throw new Refused(400, { error: `Invalid json representation for ${type}. Unrecognized field "${name}" at line 1 column 1.` });
      }
      if (inner !== null) demand(inner, kind.fields[name], type, `${where}.${name}`);
    }
    for (const name of kind.needed) if (value[name] === undefined) throw wrong();
  }
}

function fits(value, kind, type, where) {
  try {
    demand(value, kind, type, where);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
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
