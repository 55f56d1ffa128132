"""Keycloak's realm by its admin interface: what decides who may do what. Credentials are left where they are."""

from __future__ import annotations

import itertools
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .failure import ExportError
from .representation import (
    FEDERATION,
    SECOND_FACTOR,
    Representation,
    action_of,
    carried,
    client_of,
    federation_of,
    has_second_factor,
    mapper_of,
    named,
    provider_of,
    scope_of,
    texts,
    user_of,
)
from .rights import Rights, is_visitor
from .settings import IdentitySettings, secret
from .web import Answer, Server

PAGE = 200
WORKERS = 8

GRANT = (
    "the client that exports lacks a role for it; next: ./migrate deploy grants what is missing; where a kit exports, "
    "give its client every role of 1a of the kit's README"
)
# Maps of the realm's own, beside its plain settings.
MAPS = ("attributes", "browserSecurityHeaders")


@dataclass(frozen=True)
class Read:
    """A realm without credentials, and what it says beyond its own representation."""

    realm: Representation
    ids: dict[str, str]  # Keycloak's own, by user name
    second_factor: bool  # whether everyone who may sign in has one, or must set one up first
    secrets: list[str]  # seen on the way; they must stand nowhere in the export
    visitors: int  # users of a validation that is going on or was interrupted, who are left out


class Identity:
    """One realm, asked as a confidential client of its own."""

    def __init__(self, settings: IdentitySettings, url: str) -> None:
        self._server = Server(url)
        self._realm = urllib.parse.quote(settings.realm, safe="")
        self._client = settings.client
        self._secret = secret(settings.secret_file)
        self._lock = threading.Lock()
        self._token = ""
        self._expires = 0.0

    def read(self, domain: str) -> Read:
        """Reads everything; with `domain`, the installation's own, the addresses of a validation's users are formed."""
        top = self._get("")
        clients = self._get("/clients")
        secrets = [self._secret, *(str(client["secret"]) for client in clients if client.get("secret"))]
        clients = [client for client in clients if client["clientId"] != self._client]
        everybody = self._people()
        accounts = [
            self._get(f"/clients/{client['id']}/service-account-user") | {"serviceAccountClientId": client["clientId"]}
            for client in clients
            if client.get("serviceAccountsEnabled") and not client.get("publicClient")
        ]
        rights = Rights(str(top["realm"]), clients, self._get, self._pages)
        with ThreadPoolExecutor(WORKERS) as workers:
            held = dict(workers.map(lambda user: (user["id"], rights.of(user["id"])), (*everybody, *accounts)))
        everyones = top.get("defaultGroups") or []
        people = [user for user in everybody if not is_visitor(user, held[user["id"]], domain, everyones)]
        shown = [(user, held[user["id"]]) for user in (*people, *accounts)]
        rights.give_no_collections(found for _, found in shown)
        actions = self._get("/authentication/required-actions")
        asked = any(action["alias"] == SECOND_FACTOR and action.get("enabled") for action in actions)
        realm = {key: value for key, value in sorted(top.items()) if key != "id" and carried(key, value)}
        realm["roles"] = rights.roles()
        realm["clients"] = sorted(map(client_of, clients), key=lambda client: str(client["clientId"]))
        realm["clientScopes"] = named(map(scope_of, self._get("/client-scopes")))
        realm["users"] = sorted(itertools.starmap(user_of, shown), key=lambda user: str(user["username"]))
        realm["requiredActions"] = sorted(map(action_of, actions), key=lambda action: str(action["alias"]))
        further = {"groups": rights.groups, "defaultGroups": top.get("defaultGroups")}
        further |= {key: texts(top.get(key)) for key in MAPS} | self._from_elsewhere()
        realm |= {key: value for key, value in further.items() if value}
        ids = {str(user["username"]): str(user["id"]) for user in people}
        # What the realm asks of new users by itself is asked of nobody who is there.
        second_factor = all(has_second_factor(user, asked) for user in people)
        return Read(realm, ids, second_factor, secrets, len(everybody) - len(people))

    def _from_elsewhere(self) -> Representation:
        """Other places to sign in from, what they say of people, and directories that bring people."""
        providers = self._get("/identity-provider/instances")
        names = (urllib.parse.quote(str(provider["alias"]), safe="") for provider in providers)
        mappers = [mapper for name in names for mapper in self._get(f"/identity-provider/instances/{name}/mappers")]
        federation = named(map(federation_of, self._get("/components", type=FEDERATION)))
        return {
            "identityProviders": sorted(map(provider_of, providers), key=lambda one: str(one["alias"])),
            "identityProviderMappers": named(map(mapper_of, mappers)),
            "components": {FEDERATION: federation} if federation else {},
        }

    def _people(self) -> list[Representation]:
        """Every person; a page that came twice or not at all while somebody wrote shows in the count."""
        found = {user["id"]: user for user in self._pages("/users", briefRepresentation="false")}
        if len(found) != int(self._get("/users/count")):
            raise ExportError("the users changed while they were read; next: the same once more")
        return list(found.values())

    def _pages(self, path: str, **query: str) -> list[Representation]:
        found: list[Representation] = []
        while True:
            page = self._get(path, first=str(len(found)), max=str(PAGE), **query)
            found += page
            if len(page) < PAGE:
                return found

    def _get(self, path: str, **query: str) -> Any:
        return self._content(self._ask(path, **query), path)

    def _ask(self, path: str, **query: str) -> Answer:
        search = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"authorization": f"Bearer {self._bearer()}", "accept": "application/json"}
        return self._server.ask("GET", f"/admin/realms/{self._realm}{path}{search}", headers)

    def _content(self, answer: Answer, path: str) -> Any:
        if answer.status != 200:
            hint = f"; {GRANT}" if answer.status == 403 else ""
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
        if parts[place - 1] in ("users", "clients", "groups", "roles-by-id", "instances") and parts[place] not in plain:
            parts[place] = "ID"
    return "/".join(parts) or "/"
