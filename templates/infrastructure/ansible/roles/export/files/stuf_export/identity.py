"""Keycloak's realm by its admin interface: what decides who may do what. Credentials are left where they are."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .failure import ExportError
from .settings import IdentitySettings, secret
from .web import Server

Representation = dict[str, Any]
PAGE = 200
WORKERS = 8
BUILT_IN = ("account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console")
# Roles that Keycloak makes in every realm, beside the one that it gives to everyone: no part of the tenant's.
DEFAULT_ROLES = ("offline_access", "uma_authorization")
# The collection in which validations and Trust Architects upload, and the users of validations.
VALIDATION = "stufpack-validation"
VALIDATION_USERS = re.compile(rf"{VALIDATION}(-[0-9]+)?")
TRUST_ARCHITECT = "trust-architect"

CLIENT_FIELDS = (
    "clientId", "name", "description", "enabled", "publicClient", "bearerOnly", "serviceAccountsEnabled",
    "directAccessGrantsEnabled", "standardFlowEnabled", "implicitFlowEnabled",
)  # fmt: skip
CLIENT_LISTS = ("redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes")
USER_FIELDS = ("username", "email", "firstName", "lastName", "enabled", "emailVerified")
# As src/check/realm/rules.rs has them: names of credentials, and of settings about credentials.
CREDENTIALS = (
    "secret", "password", "passwd", "passphrase", "privatekey", "apikey", "accesskey", "token", "authorization",
)  # fmt: skip
ABOUT = ("lifespan", "policy", "algorithm", "expir", "rotation", "grant", "signedresponse")
ABOUT_AT_END = (
    "time", "size", "type", "format", "url", "uri", "uris", "enabled", "alg", "enc", "mode", "method", "claim", "scope",
    "header", "settings", "clientid",
)  # fmt: skip
SWITCHES = ("", "true", "false", "on", "off")


@dataclass(frozen=True)
class Read:
    """A realm without credentials, and what it says beyond its own representation."""

    realm: Representation
    ids: dict[str, str]  # Keycloak's own, by user name
    second_factor: bool  # whether everyone who may sign in has one, or must set one up first
    secrets: list[str]  # seen on the way; they must stand nowhere in the export


class Identity:
    """One realm, asked as a confidential client of its own."""

    def __init__(self, settings: IdentitySettings, url: str) -> None:
        self._server = Server(url)
        self._realm = urllib.parse.quote(settings.realm, safe="")
        self._own_roles = {*DEFAULT_ROLES, f"default-roles-{settings.realm.lower()}"}
        self._client = settings.client
        self._secret = secret(settings.secret_file)
        self._lock = threading.Lock()
        self._token = ""
        self._expires = 0.0

    def read(self) -> Read:
        """Reads everything."""
        top = self._get("")
        clients = [client for client in self._get("/clients") if client["clientId"] not in BUILT_IN]
        secrets = [self._secret, *(str(client["secret"]) for client in clients if client.get("secret"))]
        clients = [client for client in clients if client["clientId"] != self._client]
        people = [user for user in self._people() if not VALIDATION_USERS.fullmatch(user["username"])]
        accounts = [
            self._get(f"/clients/{client['id']}/service-account-user") | {"serviceAccountClientId": client["clientId"]}
            for client in clients
            if client.get("serviceAccountsEnabled") and not client.get("publicClient")
        ]
        with ThreadPoolExecutor(WORKERS) as workers:
            roles = list(workers.map(self._roles_of, (user["id"] for user in (*people, *accounts))))
        required = any(
            action["alias"] == "CONFIGURE_TOTP" and action.get("enabled") and action.get("defaultAction")
            for action in self._get("/authentication/required-actions")
        )
        realm = {key: value for key, value in sorted(top.items()) if key != "id" and carried(key, value)}
        roles_here = [role for role in self._pages("/roles") if role["name"] not in self._own_roles]
        realm["roles"] = {"realm": _named(map(_role, roles_here))}
        realm["clients"] = sorted((_client(client) for client in clients), key=lambda client: str(client["clientId"]))
        realm["clientScopes"] = _named(_scope(scope) for scope in self._get("/client-scopes"))
        users = [_user(user, held) for user, held in zip((*people, *accounts), roles, strict=True)]
        realm["users"] = sorted(users, key=lambda user: str(user["username"]))
        ids = {str(user["username"]): str(user["id"]) for user in people}
        return Read(realm, ids, required or all(map(_has_second_factor, people)), secrets)

    def _people(self) -> list[Representation]:
        """Every person; a page that came twice or not at all while somebody wrote shows in the count."""
        found = {user["id"]: user for user in self._pages("/users", briefRepresentation="false")}
        if len(found) != int(self._get("/users/count")):
            raise ExportError("the users changed while they were read; next: the same once more")
        return list(found.values())

    def _roles_of(self, user: str) -> list[str]:
        # Those that another role or a group brings along too: STUF reads the roles in a token, where they all stand.
        held = self._get(f"/users/{user}/role-mappings/realm/composite")
        return sorted(role["name"] for role in held if role["name"] not in self._own_roles)

    def _pages(self, path: str, **query: str) -> list[Representation]:
        found: list[Representation] = []
        while True:
            page = self._get(path, first=str(len(found)), max=str(PAGE), **query)
            found += page
            if len(page) < PAGE:
                return found

    def _get(self, path: str, **query: str) -> Any:
        search = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"authorization": f"Bearer {self._bearer()}", "accept": "application/json"}
        answer = self._server.ask("GET", f"/admin/realms/{self._realm}{path}{search}", headers)
        if answer.status != 200:
            hint = "; next: ./migrate deploy grants what is missing" if answer.status == 403 else ""
            raise ExportError(f"Keycloak answered {answer.status} to GET {_shown(path)}{hint}")
        return answer.json()

    def _bearer(self) -> str:
        with self._lock:
            if time.monotonic() >= self._expires:
                form = {"grant_type": "client_credentials", "client_id": self._client, "client_secret": self._secret}
                answer = self._server.ask(
                    "POST",
                    f"/realms/{self._realm}/protocol/openid-connect/token",
                    {"content-type": "application/x-www-form-urlencoded"},
                    urllib.parse.urlencode(form).encode(),
                )
                if answer.status != 200:
                    raise ExportError(f"Keycloak refused {self._client} with status {answer.status}")
                content = answer.json()
                self._token = str(content["access_token"])
                self._expires = time.monotonic() + max(0, int(content.get("expires_in", 60)) - 15)
            return self._token


def _shown(path: str) -> str:
    """A path without ids."""
    parts = path.split("/")
    plain = {"count"}
    for place in range(2, len(parts)):
        if parts[place - 1] in ("users", "clients") and parts[place] not in plain:
            parts[place] = "ID"
    return "/".join(parts) or "/"


def is_credential(name: str) -> bool:
    """Whether a value of this name is a credential."""
    word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    named = word.endswith("credential") or any(part in word for part in CREDENTIALS)
    return named and not any(part in word for part in ABOUT) and not word.endswith(ABOUT_AT_END)


def carried(key: str, value: Any) -> bool:
    """Whether a setting of the realm is taken: plain values only, and no credential."""
    return isinstance(value, (str, int, bool)) and not (is_credential(key) and str(value).lower() not in SWITCHES)


def _texts(values: Any) -> dict[str, Any]:
    """A map without the entries that are credentials by their names."""
    return {key: value for key, value in sorted((values or {}).items()) if carried(key, value)}


def _named(found: Iterable[Representation]) -> list[Representation]:
    return sorted(found, key=lambda one: str(one["name"]))


def _role(role: Representation) -> Representation:
    return {"name": role["name"], **({"description": role["description"]} if role.get("description") else {})}


def _mappers(found: Any) -> list[Representation]:
    mappers = []
    for mapper in found or []:
        config = _texts(mapper.get("config"))
        # A fixed value that is written into tokens, under a name that stands beside it.
        fixed = str(config.get("claim.name") or config.get("attribute.name") or "")
        if is_credential(fixed):
            config = {key: value for key, value in config.items() if key not in ("claim.value", "attribute.value")}
        shown = {key: mapper[key] for key in ("name", "protocol", "protocolMapper", "consentRequired") if key in mapper}
        mappers.append(shown | {"config": config})
    return _named(mappers)


def _scope(scope: Representation) -> Representation:
    shown = {key: scope[key] for key in ("name", "description", "protocol") if scope.get(key)}
    return shown | {
        "attributes": _texts(scope.get("attributes")),
        "protocolMappers": _mappers(scope.get("protocolMappers")),
    }


def _client(client: Representation) -> Representation:
    shown = {key: client[key] for key in CLIENT_FIELDS if client.get(key) is not None}
    shown |= {key: sorted(client.get(key) or []) for key in CLIENT_LISTS}
    attributes = {key: value for key, value in _texts(client.get("attributes")).items() if "secret" not in key}
    return shown | {"attributes": attributes, "protocolMappers": _mappers(client.get("protocolMappers"))}


def _user(user: Representation, roles: list[str]) -> Representation:
    shown = {key: user[key] for key in USER_FIELDS if user.get(key) is not None}
    attributes = {key: value for key, value in sorted((user.get("attributes") or {}).items()) if not is_credential(key)}
    held = collections_of({"attributes": attributes})
    # The import gives it to them, and to nobody else: with another user it is shown.
    if held and TRUST_ARCHITECT in roles and held.pop(VALIDATION, None):
        attributes["collections"] = [json.dumps(held, separators=(",", ":"))]
    account = user.get("serviceAccountClientId")
    return (
        shown
        | {"attributes": attributes, "realmRoles": roles}
        | ({"serviceAccountClientId": account} if account else {})
    )


def _has_second_factor(user: Representation) -> bool:
    return not user.get("enabled") or bool(user.get("totp")) or "CONFIGURE_TOTP" in (user.get("requiredActions") or [])


def collections_of(user: Representation) -> dict[str, list[str]] | None:
    """What a user may do by collection, as tokens will say it; `None` where the attribute is no such thing."""
    values = user["attributes"].get("collections") or ["{}"]
    try:
        found = json.loads(values[0])
        return {str(name): [str(word) for word in words] for name, words in sorted(found.items())}
    except (ValueError, TypeError, AttributeError):
        return None
