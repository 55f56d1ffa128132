"""What a package says of its realm, held against what Keycloak answers: every stated value is there, or is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Part = dict[str, Any]
# The client through which everything after `deploy` acts, and what it may do by roles of `realm-management`.
OPERATOR = "stufpack-operator"
OPERATOR_ROLES = (
    "manage-users",
    "query-users",
    "view-clients",
    "view-identity-providers",
    "view-realm",
    "view-users",
)
# Roles that Keycloak makes in every realm, beside the one that it gives to everyone; a package neither grants nor
# revokes them.
OWN_ROLES = {"offline_access", "uma_authorization"}
# Roles of its client `account` that Keycloak gives to everyone.
EVERYONES = {"manage-account", "view-profile"}
# A scope that Keycloak itself gives to clients with a service account, where the realm has it.
OWN_SCOPE = "service_account"
SCOPES = ("defaultClientScopes", "optionalClientScopes")
# The one component of a package, and where Keycloak keeps its text.
PROFILE = "org.keycloak.userprofile.UserProfileProvider"
PROFILE_TEXT = "kc.user.profile.config"


def digest(realm_file: str) -> str:
    """By which a realm's file is known again."""
    return hashlib.sha256(Path(realm_file).read_bytes()).hexdigest()


def foreign_roles(names: Iterable[str], realm: str) -> set[str]:
    """Roles of `realm` that are the package's business, among them those that are only called much like Keycloak's."""
    return {*names} - OWN_ROLES - {default_role(realm)}


def default_role(realm: str) -> str:
    """The role that Keycloak gives to everyone."""
    return f"default-roles-{realm.lower()}"


def is_everyones(role: Part, client: str | None) -> bool:
    """Whether Keycloak by itself gives a role, of a client or of the realm, to everyone."""
    if role.get("clientRole"):
        return client == "account" and role["name"] in EVERYONES
    return role["name"] in OWN_ROLES


def mail_settings(mail: Part | None) -> dict[str, str]:
    """The mail server as Keycloak keeps it, its password aside; empty where there is none."""
    if not mail:
        return {}
    settings = {
        "host": str(mail["host"]),
        "port": str(mail["port"]),
        "from": str(mail["from"]),
        "starttls": str(mail["encryption"] == "starttls").lower(),
        "ssl": str(mail["encryption"] == "tls").lower(),
        "auth": str(bool(mail.get("user"))).lower(),
    }
    return settings | ({"user": str(mail["user"])} if mail.get("user") else {})


def differing(stated: Any, found: Any, at: str = "") -> list[str]:
    """Paths of the stated values that are not there; what else is there is Keycloak's own, but for lists of texts."""
    if isinstance(stated, dict):
        if not isinstance(found, dict):
            return [at]
        return [path for key, value in stated.items() for path in differing(value, found.get(key), _below(at, key))]
    if isinstance(stated, list) and any(isinstance(one, dict) for one in stated):
        return differing(named(stated), named(found or []), at)
    if isinstance(stated, list):
        return [] if not stated and not found or set(stated) == _texts(found) else [at]
    return [] if _same(stated, found) else [at]


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _texts(found: Any) -> set[str]:
    return {one for one in found or [] if isinstance(one, str)}


def _same(stated: Any, found: Any) -> bool:
    """Whether two plain values are one: null says nothing, and an empty text is not kept. `True` is not 1."""
    if stated is None or found is None:
        return stated in (None, "")
    return type(stated) is type(found) and bool(stated == found)


def named(parts: list[Part], key: str = "name") -> dict[str, Part]:
    """Entries of a list by their name, which Keycloak keeps in an order of its own."""
    return {str(part[key]): part for part in parts}


def settings(realm: Part) -> Part:
    """What the realm itself holds, without its parts; the password policy as Keycloak writes it."""
    plain = {key: value for key, value in realm.items() if not isinstance(value, (dict, list))}
    if plain.get("passwordPolicy"):
        rules = str(plain["passwordPolicy"]).split(" and ")
        plain["passwordPolicy"] = " and ".join(rule.strip().removesuffix("()") for rule in rules)
    return plain


def stated_clients(realm: Part) -> dict[str, Part]:
    """The clients of a package without their secrets; a scope that the file only mentions is none, as in Keycloak."""
    scopes = {scope["name"] for scope in realm["clientScopes"]} - {OWN_SCOPE}
    return {name: _client(client, scopes.__contains__) for name, client in named(realm["clients"], "clientId").items()}


def found_clients(clients: list[Part]) -> dict[str, Part]:
    """The clients that Keycloak has, without what it gives them unasked."""
    return {name: _client(client, OWN_SCOPE.__ne__) for name, client in named(clients, "clientId").items()}


def _client(client: Part, counts: Callable[[str], bool]) -> Part:
    kept = {key: value for key, value in client.items() if key != "secret"}
    return kept | {key: list(filter(counts, kept[key])) for key in SCOPES if key in kept}


def unread(realm: Part) -> list[str]:
    """What a realm's file holds beside the parts that are read back: nothing, or nobody would know of its loss."""
    known = {"roles", "clientScopes", "clients", "users", "components"}
    found = [key for key, value in realm.items() if isinstance(value, (dict, list)) and key not in known]
    found += [f"roles.{key}" for key in realm["roles"] if key != "realm"]
    found += [f"components.{key}" for key in realm["components"] if key != PROFILE]
    return found + [f"users.{user['username']}" for user in realm["users"] if not user.get("serviceAccountClientId")]
