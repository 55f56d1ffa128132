#!/usr/bin/python
"""Ansible module: tells what opens the realm, and came with no package."""

from __future__ import annotations

import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak
from ansible.module_utils.stufpack_realm import OPERATOR, OPERATOR_ROLES, SCOPES, foreign_roles, named

DOCUMENTATION = """
module: stuf_identity_openings
short_description: Tell what opens the realm beside what the package has
description:
  - M(stuf_identity_settings) looks for every value of the package. This looks for what lets somebody in, or up, beside
    it. That is clients of nobody's package, Keycloak's own clients led elsewhere, rights of service accounts, mappers,
    scopes that a client has, roles that bring others along, flows, identity providers, user federation, keys that were
    brought, and another address of the realm.
  - It tells their names, and changes nothing. Nobody's people are among them; M(stuf_identity_users) counts those.
  - What the operator may not read is told as unverifiable. The realm C(master) is not looked at.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  realm_file: {description: The package's realm.json on the machine., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Look for what opens the realm
  stuf_identity_openings:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    realm_file: /opt/stuf/configuration/integration-config/realm.json
"""
RETURN = """
checks: {description: One check., type: list, elements: dict, returned: always}
"""

Part = dict[str, Any]

# The flows that Keycloak gives to every realm.
FLOWS = {
    "browserFlow": "browser",
    "directGrantFlow": "direct grant",
    "registrationFlow": "registration",
    "resetCredentialsFlow": "reset credentials",
    "clientAuthenticationFlow": "clients",
    "dockerAuthenticationFlow": "docker auth",
    "firstBrokerLoginFlow": "first broker login",
}
# Clients that Keycloak makes in every realm, and where it keeps the pages of those that have any.
BUILT_IN = {
    "account": "/realms/{}/account/",
    "account-console": "/realms/{}/account/",
    "admin-cli": "",
    "broker": "",
    "realm-management": "",
    "security-admin-console": "/admin/{}/console/",
}
# What Keycloak writes there for addresses of its own.
OWN_ROOTS = (None, "", "${authBaseUrl}", "${authAdminUrl}")
# What roles of a client bring along of the same client in every realm: those that only ask for names, and these.
QUERY = "query-"
OWN_ROLES = {("account", "manage-account"): "manage-account-links", ("account", "manage-consent"): "view-consent"}
# This one brings all of them.
WHOLE = ("realm-management", "realm-admin")
# Further ways to a token: attributes that are switches.
GRANTS = ("grant.enabled", "token.exchange.enabled")
# Mappers that Keycloak itself gives to clients: they tell of the session and of the user's language. These write what
# nobody chooses, wherever they stand; the others may write any claim, so that it is theirs which counts.
OWN_MAPPERS = {"oidc-audience-resolve-mapper"}
OWN_CLAIMS: dict[str, set[str | None]] = {
    "oidc-usermodel-attribute-mapper": {"locale"},
    "oidc-usersessionmodel-note-mapper": {"auth_time", "clientAddress", "clientHost", "clientId", "client_id"},
}
# Scopes that Keycloak makes where a realm's file has none, and later versions in any realm; and their mappers.
OWN_SCOPES = {
    "acr", "address", "basic", "email", "microprofile-jwt", "offline_access", "organization", "phone", "profile",
    "role_list", "roles", "saml_organization", "service_account", "web-origins",
}  # fmt: skip
SCOPE_MAPPERS = {
    "oidc-acr-mapper", "oidc-address-mapper", "oidc-allowed-origins-mapper", "oidc-full-name-mapper", "oidc-sub-mapper",
    "saml-organization-membership-mapper", "saml-role-list-mapper",
}  # fmt: skip
SCOPE_CLAIMS: dict[str, set[str | None]] = {
    "oidc-organization-membership-mapper": {None, "organization"},
    "oidc-usermodel-client-role-mapper": {"resource_access.${client_id}.roles"},
    "oidc-usermodel-realm-role-mapper": {"groups", "realm_access.roles"},
}
# What those scopes say of a user, and from which field or attribute.
OF_USER = ("oidc-usermodel-attribute-mapper", "oidc-usermodel-property-mapper")
SOURCES = {
    "birthdate": "birthdate", "email": "email", "email_verified": "emailVerified", "family_name": "lastName",
    "gender": "gender", "given_name": "firstName", "locale": "locale", "middle_name": "middleName",
    "nickname": "nickname", "phone_number": "phoneNumber", "phone_number_verified": "phoneNumberVerified",
    "picture": "picture", "preferred_username": "username", "profile": "profile", "updated_at": "updatedAt",
    "upn": "username", "website": "website", "zoneinfo": "zoneinfo",
}  # fmt: skip
FEDERATION = "org.keycloak.storage.UserStorageProvider"
KEYS = "org.keycloak.keys.KeyProvider"
# Keycloak's own kinds of keys are called so; all others bring a key that somebody else may have too.
GENERATED = "-generated"
# The rest of a long list is told by its length, as is the rest of a long name.
SHOWN, LENGTH = 12, 80
PLAIN = re.compile(rf"[\w.:@/*+-]{{1,{LENGTH}}}", re.ASCII)
EXPECTED = (
    "no clients, scopes, mappers, roles of clients, flows, identity providers, user federation, keys or addresses open "
    "the realm beside what the package has"
)


class Look:
    """One look at a realm."""

    def __init__(self, keycloak: Keycloak, realm: Part) -> None:
        self.keycloak = keycloak
        self.realm = realm
        self.grouped = keycloak.has_groups()
        self.found: list[str] = []
        self.unseen: list[str] = []

    def all(self) -> None:
        """Looks everywhere."""
        self.found += of_realm(self._ask("", "the realm's settings") or {}, self.realm)
        clients = self._ask("/clients", "clients") or []
        stated = named(self.realm["clients"], "clientId")
        for client in sorted(clients, key=lambda one: str(one["clientId"])):
            name = str(client["clientId"])
            self.found += of_client(client, stated.get(name), self.realm["realm"])
            self._roles(client)
            if client.get("serviceAccountsEnabled"):
                self._account(client)
        self._scopes({str(name) for client in clients for key in SCOPES for name in client.get(key) or []})
        providers = self._ask("/identity-provider/instances", "identity providers") or []
        self.found += [f"identityProviders.{provider['alias']}" for provider in providers]
        stores = self._ask("/components", "user federation", {"type": FEDERATION}) or []
        self.found += [f"userFederation.{store['name']}" for store in stores]
        keys = self._ask("/components", "keys", {"type": KEYS}) or []
        self.found += [
            f"keys.{key.get('name') or key['id']}" for key in keys if not str(key["providerId"]).endswith(GENERATED)
        ]

    def _scopes(self, given: set[str]) -> None:
        """Scopes of the package by what else they write; of the others those that a client has, which are `given`."""
        scopes = named(self._ask("/client-scopes", "client scopes") or [])
        stated = named(self.realm["clientScopes"])
        for name, scope in stated.items():
            self.found += [f"clientScopes.{name}.{path}" for path in further_mappers(scopes.get(name, {}), scope)]
        for name in sorted(given.intersection(scopes).difference(stated)):
            self.found += [f"clientScopes.{name}{path}" for path in of_scope(scopes[name])]

    def _roles(self, client: Part) -> None:
        """Roles of a client that bring along what Keycloak does not let them bring."""
        for role in self._ask(f"/clients/{client['id']}/roles", "roles of clients") or []:
            if not role.get("composite"):
                continue
            inner = self._ask(f"/roles-by-id/{role['id']}/composites", "roles of clients") or []
            if any(not _is_own_role(one, role["name"], client) for one in inner):
                self.found.append(f"clients.{client['clientId']}.roles.{role['name']}.composites")

    def _account(self, client: Part) -> None:
        """Rights of a service account; realm roles are compared with the package where it has the account."""
        of = f"clients.{client['clientId']}.serviceAccount"
        user = self._ask(f"/clients/{client['id']}/service-account-user", "service accounts")
        held = self._ask(f"/users/{user['id']}/role-mappings", "service accounts") if user else None
        if not user or held is None:
            return
        mappings = (held.get("clientMappings") or {}).items()
        rights = {f"{name}/{role['name']}" for name, found in mappings for role in found["mappings"]}
        if client["clientId"] == OPERATOR:
            rights -= {f"realm-management/{role}" for role in OPERATOR_ROLES}
        if client["clientId"] not in (one["serviceAccountClientId"] for one in self.realm["users"]):
            rights |= foreign_roles((role["name"] for role in held.get("realmMappings") or []), self.realm["realm"])
        if self.grouped and self.keycloak.in_groups(user["id"]):
            rights.add("groups")
        self.found += [f"{of}.{right}" for right in sorted(rights)]

    def _ask(self, path: str, what: str, query: dict[str, str] | None = None) -> Any:
        """What Keycloak answers; `None` where the operator may not know, or where a client has no account."""
        turned_off = (400,) if path.endswith("/service-account-user") else ()
        answer = self.keycloak.call("GET", path, query=query, expect=(200, 403, *turned_off))
        if answer.status == 403 and what not in self.unseen:
            self.unseen.append(what)
        return answer.json() if answer.status == 200 else None


def of_realm(top: Part, stated: Part) -> list[str]:
    """Settings of the realm itself."""
    found = [key for key, own in FLOWS.items() if top.get(key) not in (None, "", stated.get(key, own))]
    found += [key for key in ("adminPermissionsEnabled", "defaultGroups") if top.get(key)]
    return found + (["attributes.frontendUrl"] if (top.get("attributes") or {}).get("frontendUrl") else [])


def of_client(client: Part, stated: Part | None, realm: str) -> list[str]:
    """A client: one of nobody's package is told whole, another by what opens it."""
    name = str(client["clientId"])
    if stated is not None:
        wrong = [key for key in ("rootUrl", "adminUrl") if client.get(key) and not stated.get(key)]
    elif name in BUILT_IN:
        wrong = _led_elsewhere(client, realm)
    else:
        return [f"clients.{name}"]
    return [f"clients.{name}.{path}" for path in wrong + _further(client, stated or {})]


def _led_elsewhere(client: Part, realm: str) -> list[str]:
    """What of one of Keycloak's own clients is otherwise than Keycloak makes it, and lets somebody in."""
    name = client["clientId"]
    page = BUILT_IN[name]
    own = {page.format(one) for one in (realm, urllib.parse.quote(realm, safe=""))} if page else set()
    pages = own | {f"{one}*" for one in own}
    right = {
        "redirectUris": pages.issuperset(client.get("redirectUris") or []),
        "webOrigins": {"+"}.issuperset(client.get("webOrigins") or []),
        "rootUrl": client.get("rootUrl") in OWN_ROOTS,
        "baseUrl": not client.get("baseUrl") or client["baseUrl"] in pages,
        "adminUrl": not client.get("adminUrl") or client["adminUrl"] in pages,
        "publicClient": not client.get("publicClient") or name not in ("broker", "realm-management"),
        "directAccessGrantsEnabled": not client.get("directAccessGrantsEnabled") or name == "admin-cli",
        "serviceAccountsEnabled": not client.get("serviceAccountsEnabled"),
        "implicitFlowEnabled": not client.get("implicitFlowEnabled"),
        "attributes.post.logout.redirect.uris": _attributes(client).get("post.logout.redirect.uris", "") in ("", "+"),
    }
    return [key for key, as_made in right.items() if not as_made]


def _further(client: Part, stated: Part) -> list[str]:
    """What opens any client."""
    flows = client.get("authenticationFlowBindingOverrides") or {}
    found = ["authenticationFlowBindingOverrides"] if any(flows.values()) else []
    found += ["authorizationServicesEnabled"] if client.get("authorizationServicesEnabled") else []
    for key, value in sorted(_attributes(client).items()):
        if key.endswith(GRANTS) and value == "true" != _attributes(stated).get(key):
            found.append(f"attributes.{key}")
    return found + further_mappers(client, stated)


def further_mappers(part: Part, stated: Part) -> list[str]:
    """Mappers beside the stated ones: each writes into tokens what the API believes."""
    known = {mapper["name"] for mapper in stated.get("protocolMappers") or []}
    found = [mapper for mapper in part.get("protocolMappers") or [] if mapper["name"] not in known]
    return sorted(f"protocolMappers.{mapper['name']}" for mapper in found if not _is_own_mapper(mapper))


def of_scope(scope: Part) -> list[str]:
    """A scope of nobody's package that a client has: Keycloak's own by what else it writes, another one whole."""
    if scope["name"] not in OWN_SCOPES:
        return [""]
    mappers = scope.get("protocolMappers") or []
    return sorted(f".protocolMappers.{mapper['name']}" for mapper in mappers if not _is_own_of_scope(mapper))


def _is_own_mapper(mapper: Part) -> bool:
    kind = str(mapper.get("protocolMapper"))
    return kind in OWN_MAPPERS or _claim(mapper) in OWN_CLAIMS.get(kind, ())


def _is_own_of_scope(mapper: Part) -> bool:
    """Whether Keycloak gives a mapper to a scope of its own: it tells what is so, under the name that all expect."""
    kind, claim = str(mapper.get("protocolMapper")), _claim(mapper)
    if kind in OF_USER and claim in SOURCES:
        return bool(mapper["config"].get("user.attribute") == SOURCES[claim])
    return kind in SCOPE_MAPPERS or claim in SCOPE_CLAIMS.get(kind, ()) or _is_own_mapper(mapper)


def _claim(mapper: Part) -> str | None:
    return (mapper.get("config") or {}).get("claim.name") or None


def _is_own_role(inner: Part, role: str, client: Part) -> bool:
    """Whether a role of a client is brought along by another one of it in every realm."""
    same = bool(inner.get("clientRole")) and inner.get("containerId") == client["id"]
    name = (str(client["clientId"]), role)
    return same and (name == WHOLE or inner["name"].startswith(QUERY) or inner["name"] == OWN_ROLES.get(name))


def _attributes(client: Part) -> Part:
    return client.get("attributes") or {}


def check(found: list[str], unseen: list[str]) -> Part:
    """What opens the realm is a warning, since its owner may want it; what was not looked at is not known."""
    shown = [name if PLAIN.fullmatch(name) else json.dumps(name)[:LENGTH] for name in found[:SHOWN]]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = [f"beside it: {', '.join(shown)}{more}"] if found else []
    if unseen:
        lacking = f"{OPERATOR} may not look at {', '.join(unseen)}"
        said.append(f"{lacking}; next: ./migrate deploy, which gives it the rights")
    verdict = "unverifiable" if unseen else "warn" if found else "pass"
    observed = "; ".join(said) or "so it is"
    return {"id": "identity/opened", "expected": EXPECTED, "observed": observed, "verdict": verdict}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "realm_file": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        look = Look(keycloak, json.loads(Path(given["realm_file"]).read_text(encoding="utf-8")))
        look.all()
    except (StufError, OSError, ValueError, LookupError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, checks=[check(look.found, look.unseen)])


if __name__ == "__main__":
    main()
