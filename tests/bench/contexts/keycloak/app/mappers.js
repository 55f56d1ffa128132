// Protocol mappers: how a user becomes the claims of a token.
import { Refused, check } from "./representations.js";

const KINDS = {
  "oidc-usermodel-property-mapper": ({ user }, config) => typed(user[config["user.attribute"]], config),
  "oidc-usermodel-attribute-mapper": ({ user }, config) => {
    const root = ["username", "email", "firstName", "lastName"].includes(config["user.attribute"]);
    const values = root ? [user[config["user.attribute"]]] : user.attributes?.[config["user.attribute"]] ?? [];
    if (config.multivalued === "true") return values.map((value) => typed(value, config));
    return typed(values[0], config);
  },
  "oidc-usermodel-realm-role-mapper": ({ roles }) => named(roles.filter((role) => !role.clientRole)),
  "oidc-full-name-mapper": ({ user }) => [user.firstName, user.lastName].filter(Boolean).join(" ") || undefined,
  "oidc-sub-mapper": ({ user }) => user.id,
  "oidc-acr-mapper": () => "1",
  "oidc-allowed-origins-mapper": ({ client }) => client.webOrigins,
  "oidc-hardcoded-claim-mapper": (_, config) => typed(config["claim.value"], config),
  "oidc-usersessionmodel-note-mapper": ({ notes }, config) => typed(notes?.[config["user.session.note"]], config),
  // These two write more than one claim, or none; see `claims`.
  "oidc-usermodel-client-role-mapper": null,
  "oidc-audience-mapper": null,
  "oidc-audience-resolve-mapper": null,
};

const FIXED_CLAIM = { "oidc-full-name-mapper": "name", "oidc-sub-mapper": "sub", "oidc-acr-mapper": "acr", "oidc-allowed-origins-mapper": "allowed-origins" };

export function checkMapper(mapper) {
  check(mapper, "ProtocolMapperRepresentation");
  if (!(mapper.protocolMapper in KINDS)) throw new Refused(400, { errorMessage: `ProtocolMapper provider not found: ${mapper.protocolMapper}` });
  if (!mapper.name) throw new Refused(400, { errorMessage: "protocol mapper has no name" });
}

const named = (roles) => roles.map((role) => role.name).sort();

function typed(value, config) {
  if (value === undefined || value === null || value === "") return undefined;
  switch (config["jsonType.label"]) {
    case "JSON":
      try {
        return JSON.parse(value);
      } catch {
        return undefined; // Keycloak logs it and leaves the claim out
      }
    case "boolean": return String(value) === "true";
    case "int": case "long": return Number(value);
    default: return String(value);
  }
}

// `context`: user, client, roles, every client by id, notes. `token`: "access" or "id".
export function claims(mappers, context, token) {
  const result = {};
  const audience = new Set();
  for (const mapper of mappers) {
    const config = mapper.config ?? {};
    if (config[`${token}.token.claim`] !== "true") continue;
    if (mapper.protocolMapper === "oidc-audience-mapper") {
      const value = config["included.client.audience"] || config["included.custom.audience"];
      if (value) audience.add(value);
    } else if (mapper.protocolMapper === "oidc-audience-resolve-mapper") {
      for (const client of clientsOf(context)) if (client.clientId !== context.client.clientId) audience.add(client.clientId);
    } else if (mapper.protocolMapper === "oidc-usermodel-client-role-mapper") {
      for (const client of clientsOf(context)) {
        const names = named(context.roles.filter((role) => role.containerId === client.id));
        place(result, (config["claim.name"] ?? "").replace("${client_id}", client.clientId.replaceAll(".", "\\.")), names);
      }
    } else {
      const value = KINDS[mapper.protocolMapper](context, config);
      const empty = value === undefined || (Array.isArray(value) && value.length === 0);
      if (!empty) place(result, FIXED_CLAIM[mapper.protocolMapper] ?? config["claim.name"], value);
    }
  }
  if (audience.size) result.aud = audience.size === 1 ? [...audience][0] : [...audience];
  return result;
}

function clientsOf({ roles, clients }) {
  const ids = new Set(roles.filter((role) => role.clientRole).map((role) => role.containerId));
  return clients.filter((client) => ids.has(client.id));
}

// `a.b.c` is a path; `\.` is a point.
function place(target, path, value) {
  if (!path) return;
  const steps = path.split(/(?<!\\)\./).map((step) => step.replaceAll("\\.", "."));
  const last = steps.pop();
  let at = target;
  for (const step of steps) at = at[step] ??= {};
  at[last] = value;
}
