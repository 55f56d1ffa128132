"""What may be done by more than roles and collections of one's own: groups, roles within roles, roles of clients.

No migration carries it over: STUF decides by realm roles and collections alone. It is exported all the same, in the
form of Keycloak's own export, so that the ledger says what is left behind, and a comparison of two exports what was
opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .failure import ExportError
from .representation import BUILT_IN, VALIDATION, Representation, is_credential, named

Ask = Callable[..., Any]
# Roles that Keycloak makes in every realm, beside the one that it gives to everyone.
OWN_ROLES = ("offline_access", "uma_authorization")
# What roles of Keycloak's own clients bring along of the same client; `realm-admin` all of it.
OWN_COMPOSITES = {
    ("account", "manage-account"): ("manage-account-links",),
    ("account", "manage-consent"): ("view-consent",),
    ("realm-management", "view-clients"): ("query-clients",),
    ("realm-management", "view-users"): ("query-groups", "query-users"),
}
ALL_OF_ITS_CLIENT = ("realm-management", "realm-admin")

# How a validation calls the users whom it makes and removes.
VISITORS = re.compile(rf"{VALIDATION}(-[0-9]+)?")
VISITORS_NAME = ("Stufpack", "Validation")


class Rights:
    """Groups and roles of a realm, and what each user holds of them."""

    def __init__(self, realm: str, clients: list[Representation], get: Ask, pages: Ask) -> None:
        self._get = get
        self._pages = pages
        self._everyones = f"default-roles-{realm.lower()}"
        self._clients = {str(client["id"]): str(client["clientId"]) for client in clients}
        self.groups = named(map(self._group, pages("/groups", briefRepresentation="false")))

    def roles(self) -> Representation:
        """The realm's roles; and those of clients, of Keycloak's own clients only what was made to bring more along."""
        clients = {client: self._of_client(key, client) for key, client in self._clients.items()}
        held = {client: roles for client, roles in sorted(clients.items()) if roles}
        return {"realm": named(map(self._role, self._pages("/roles"))), **({"client": held} if held else {})}

    def _of_client(self, key: str, client: str) -> list[Representation]:
        roles = named(map(self._role, self._get(f"/clients/{key}/roles")))
        return [role for role in roles if client not in BUILT_IN or _brings_more(role, client)]

    def _role(self, role: Representation) -> Representation:
        shown = {"name": role["name"], **({"description": role["description"]} if role.get("description") else {})}
        if not role.get("composite"):
            return shown
        inner = self._get(f"/roles-by-id/{role['id']}/composites")
        return shown | {"composites": self._sorted_by_client(inner)}

    def _sorted_by_client(self, roles: list[Representation]) -> Representation:
        realm = sorted(role["name"] for role in roles if not role.get("clientRole"))
        clients: dict[str, list[str]] = {}
        for role in roles:
            if role.get("clientRole"):
                # A client that the export itself works with is left out, and known by its id alone.
                key = str(role["containerId"])
                clients.setdefault(self._clients.get(key, key), []).append(role["name"])
        by_client = {client: sorted(held) for client, held in sorted(clients.items())}
        return {**({"realm": realm} if realm else {}), **({"client": by_client} if by_client else {})}

    def _group(self, group: Representation) -> Representation:
        # Up to 22 Keycloak answers the whole tree; later it says how many are below, and is asked for them.
        below = group.get("subGroups") or []
        if not below and group.get("subGroupCount"):
            below = self._pages(f"/groups/{group['id']}/children", briefRepresentation="false")
        shown = {"name": group["name"], "path": group["path"]}
        held = sorted((group.get("attributes") or {}).items())
        attributes = {key: values for key, values in held if not is_credential(key)}
        roles = {key: group[key] for key in ("realmRoles", "clientRoles") if group.get(key)}
        inner = {"subGroups": named(map(self._group, below))} if below else {}
        return {**shown, **({"attributes": attributes} if attributes else {}), **roles, **inner}

    def of(self, user: str) -> Representation:
        """Roles and groups of a user.

        Realm roles are those that another role or a group brings along too: STUF reads the roles in a token, where they
        all stand. Keycloak's own everyone has in this way, so that only those are told which are given to the user.
        """
        direct = self._get(f"/users/{user}/role-mappings")
        given = {role["name"] for role in direct.get("realmMappings") or []}
        held = {role["name"] for role in self._get(f"/users/{user}/role-mappings/realm/composite")}
        mappings = (direct.get("clientMappings") or {}).items()
        clients = {client: sorted(role["name"] for role in found["mappings"]) for client, found in sorted(mappings)}
        groups = sorted(str(group["path"]) for group in self._pages(f"/users/{user}/groups")) if self.groups else []
        return {
            "realmRoles": sorted(held - {*OWN_ROLES, self._everyones} | given & {*OWN_ROLES}),
            **({"clientRoles": clients} if clients else {}),
            **({"groups": groups} if groups else {}),
        }

    def give_no_collections(self, users: Iterable[Representation]) -> None:
        """Refuses where a group gives permissions: Keycloak names them in tokens, and they would be lost on the way."""
        giving = tuple(f"{path}/" for path in _giving(self.groups))
        count = sum(any(f"{group}/".startswith(giving) for group in user.get("groups") or []) for user in users)
        if giving and count:
            raise ExportError(
                f"a group of Keycloak gives permissions to {count} of its members by its attribute `collections`, and "
                "no migration moves groups; next: in Keycloak, write the attribute to the members themselves, take it "
                "from the group, then the same once more"
            )


def is_visitor(user: Representation, held: Representation, domain: str, everyones: list[str]) -> bool:
    """Whether a validation makes such a user, and no person who only has such a name: `stuf_probe_user` knows the same.

    They hold roles of the realm at most, and are in the groups alone that everybody new is put into.
    """
    name, address = (str(user.get(key) or "").lower() for key in ("username", "email"))
    called = (user.get("firstName"), user.get("lastName")) == VISITORS_NAME
    more = held.get("clientRoles") or {*held.get("groups", ())} - {*everyones} or {*OWN_ROLES} & {*held["realmRoles"]}
    return bool(VISITORS.fullmatch(name)) and called and address == f"{name}@{domain}".lower() and not more


def _brings_more(role: Representation, client: str) -> bool:
    """Whether a role of Keycloak's own brings along what it does not by itself."""
    inner = role.get("composites") or {}
    beyond = "realm" in inner or any(name != client for name in inner.get("client") or {})
    name = (client, str(role["name"]))
    own = OWN_COMPOSITES.get(name, ())
    return beyond or name != ALL_OF_ITS_CLIENT and not {*(inner.get("client") or {}).get(client, [])} <= {*own}


def _giving(groups: list[Representation]) -> Iterable[str]:
    """Paths of the groups with permissions; what is below them has them too."""
    for group in groups:
        if any((group.get("attributes") or {}).get("collections") or []):
            yield group["path"]
        yield from _giving(group.get("subGroups") or [])
