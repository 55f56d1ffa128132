// Roles, and who has them, in the admin interface.
import { Refused, check } from "./representations.js";
import { addRole, effectiveRoles, roleKey } from "./realms.js";

const shown = ({ inner, ...role }) => role;

export function mappingRoutes({ demand, VIEW_USERS, VIEW_REALM, VIEW_CLIENTS, ok, done, created, missing, userOf, clientOf }) {
  const realmRole = async ({ view, realm, params }) => {
    const role = await view.named("role", realm.realm, params.role);
    if (!role || role.clientRole) throw missing("Could not find role");
    return role;
  };

  const ofRealm = (role) => !role.clientRole;
  const ofClient = (client) => (role) => role.containerId === client.id;

  async function direct({ view, realm }, user, fits) {
    const all = await view.all("role", realm.realm);
    return all.filter((role) => user.roles.includes(role.id)).filter(fits);
  }

  // Both name and id of each role must fit, as in Keycloak.
  async function named(context, fits) {
    if (!Array.isArray(context.body)) throw new Refused(400, { error: "Cannot parse the JSON" });
    const found = [];
    for (const representation of context.body) {
      check(representation, "RoleMappingPayload");
      const role = await context.view.get("role", representation.id);
      if (!role || role.name !== representation.name || !fits(role)) throw missing("Role not found");
      found.push(role.id);
    }
    return found;
  }

  async function change(context, fits, add) {
    demand(context, "manage-users");
    const user = await userOf(context);
    const roles = await named(context, fits);
    user.roles = user.roles.filter((id) => !roles.includes(id)).concat(add ? roles : []);
    await context.view.save("user", user.id, user.username, user);
    return done;
  }

  const users = "/admin/realms/:realm/users/:user/role-mappings";
  return [
    ["GET", users, async (context) => {
      demand(context, ...VIEW_USERS);
      const user = await userOf(context);
      const clientMappings = {};
      for (const client of await context.view.all("client", context.realm.realm)) {
        const mappings = await direct(context, user, ofClient(client));
        if (mappings.length) clientMappings[client.clientId] = { id: client.id, client: client.clientId, mappings: mappings.map(shown) };
      }
      return ok({ realmMappings: (await direct(context, user, ofRealm)).map(shown), clientMappings });
    }],
    ["GET", `${users}/realm`, async (context) => { demand(context, ...VIEW_USERS); return ok((await direct(context, await userOf(context), ofRealm)).map(shown)); }],
    ["POST", `${users}/realm`, (context) => change(context, ofRealm, true)],
    ["DELETE", `${users}/realm`, (context) => change(context, ofRealm, false)],
    ["GET", `${users}/realm/composite`, async (context) => {
      demand(context, ...VIEW_USERS);
      return ok((await effectiveRoles(context.view, context.realm, await userOf(context))).filter(ofRealm).map(shown));
    }],
    ["GET", `${users}/clients/:client`, async (context) => {
      demand(context, ...VIEW_USERS);
      return ok((await direct(context, await userOf(context), ofClient(await clientOf(context)))).map(shown));
    }],
    ["POST", `${users}/clients/:client`, async (context) => change(context, ofClient(await clientOf(context)), true)],
    ["DELETE", `${users}/clients/:client`, async (context) => change(context, ofClient(await clientOf(context)), false)],

    ["GET", "/admin/realms/:realm/roles", async (context) => {
      demand(context, ...VIEW_REALM);
      const first = Number(context.query.first ?? 0);
      const found = (await context.view.all("role", context.realm.realm)).filter(ofRealm);
      return ok(found.slice(first, context.query.max === undefined ? undefined : first + Number(context.query.max)).map(shown));
    }],
    ["POST", "/admin/realms/:realm/roles", async (context) => {
      demand(context, "manage-realm");
      if (await context.view.named("role", context.realm.realm, context.body?.name ?? "")) throw new Refused(409, { errorMessage: `Role with name ${context.body.name} already exists` });
      await addRole(context.view, context.realm, context.body);
      return created(context, encodeURIComponent(context.body.name));
    }],
    ["GET", "/admin/realms/:realm/roles/:role", async (context) => { demand(context, ...VIEW_REALM); return ok(shown(await realmRole(context))); }],
    ["DELETE", "/admin/realms/:realm/roles/:role", async (context) => {
      demand(context, "manage-realm");
      await context.view.remove("role", (await realmRole(context)).id);
      return done;
    }],
    ["GET", "/admin/realms/:realm/roles/:role/users", async (context) => {
      demand(context, ...VIEW_REALM);
      const role = await realmRole(context);
      const first = Number(context.query.first ?? 0);
      const found = (await context.view.all("user", context.realm.realm)).filter((user) => user.roles.includes(role.id));
      return ok(found.slice(first, first + Number(context.query.max ?? 100)).map(({ credentials, roles, ...user }) => user));
    }],
    ["GET", "/admin/realms/:realm/roles-by-id/:role/composites", async (context) => {
      const all = await context.view.all("role", context.realm.realm);
      const role = all.find((one) => one.id === context.params.role);
      if (!role) throw missing("Could not find role with id");
      demand(context, ...(role.clientRole ? VIEW_CLIENTS : VIEW_REALM));
      return ok(all.filter((one) => role.inner?.includes(one.id)).map(shown));
    }],
    ["GET", "/admin/realms/:realm/clients/:client/roles", async (context) => {
      demand(context, ...VIEW_CLIENTS);
      const client = await clientOf(context);
      return ok((await context.view.all("role", context.realm.realm)).filter(ofClient(client)).map(shown));
    }],
    ["GET", "/admin/realms/:realm/clients/:client/roles/:role", async (context) => {
      demand(context, ...VIEW_CLIENTS);
      const role = await context.view.named("role", context.realm.realm, roleKey(context.params.role, await clientOf(context)));
      if (!role) throw missing("Could not find role");
      return ok(shown(role));
    }],
  ];
}
