"""Keycloak's admin REST interface: users, realm roles, invitations."""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import Any

from ansible.module_utils.stufpack_docker import Run, address
from ansible.module_utils.stufpack_http import Answer, StufError, read_secret, request

User = dict[str, Any]
PAGE = 200


def base_here(run: Run) -> str:
    """Where the Keycloak of this machine answers."""
    return f"http://{address(run, 'keycloak', 'backend')}:8080/auth"


class Keycloak:
    """One realm, spoken to as a service client or as the bootstrap administrator."""

    def __init__(self, base: str, realm: str, credentials: dict[str, str], sign_in_realm: str) -> None:
        self.realm = realm
        self._base = base.rstrip("/")
        self._realm = urllib.parse.quote(realm, safe="")
        self._credentials = credentials
        self._sign_in_realm = urllib.parse.quote(sign_in_realm, safe="")
        self._token = ""
        self._expires = 0.0

    @classmethod
    def as_service(cls, base: str, realm: str, client: str, secret: str) -> Keycloak:
        """A confidential client of the realm itself."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        return cls(base, realm, form, realm)

    @classmethod
    def as_operator(cls, run: Run, realm: str, secrets_dir: str) -> Keycloak:
        """The service account of this machine's Keycloak to which `deploy` gives the rights for everything after it."""
        base = base_here(run)
        return cls.as_service(base, realm, "stufpack-operator", read_secret(secrets_dir, "keycloak_service_secret"))

    @classmethod
    def as_administrator(cls, base: str, realm: str, name: str, password: str) -> Keycloak:
        """The administrator that the first start made, through the realm `master`."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": name, "password": password}
        return cls(base, realm, form, "master")

    def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None, expect: tuple[int, ...]
    ) -> Answer:
        """One call below `/admin/realms/REALM`; any other status than the expected ones is an error."""
        search = f"?{urllib.parse.urlencode(query)}" if query else ""
        url = f"{self._base}/admin/realms/{self._realm}{path}{search}"
        headers = {"authorization": f"Bearer {self._bearer()}", "accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        answer = request(method, url, headers=headers, body=data)
        if answer.status not in expect:
            raise StufError(f"Keycloak answered {answer.status} to {method} {_template(path)}{_reason(answer)}")
        return answer

    def _bearer(self) -> str:
        if time.monotonic() < self._expires:
            return self._token
        url = f"{self._base}/realms/{self._sign_in_realm}/protocol/openid-connect/token"
        form = urllib.parse.urlencode(self._credentials).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = request("POST", url, headers=headers, body=form)
        if answer.status != 200:
            who = self._credentials["client_id"]
            raise StufError(f"Keycloak refused {who} with status {answer.status}")
        content = answer.json()
        self._token = str(content["access_token"])
        self._expires = time.monotonic() + max(0, int(content.get("expires_in", 60)) - 15)
        return self._token

    def users(self, name: str = "") -> list[User]:
        """Users whose name holds a word, with all attributes; service accounts are left out by Keycloak itself."""
        found: list[User] = []
        while True:
            query = {"first": str(len(found)), "max": str(PAGE), "briefRepresentation": "false"}
            page = self.call("GET", "/users", query=query | ({"username": name} if name else {}), expect=(200,)).json()
            found += page
            if len(page) < PAGE:
                return found

    def user(self, name: str) -> User | None:
        """One user by exact name."""
        query = {"username": name, "exact": "true", "briefRepresentation": "false"}
        found = self.call("GET", "/users", query=query, expect=(200,)).json()
        return found[0] if found else None

    def create(self, user: User) -> str:
        """Creates a user and returns its id."""
        answer = self.call("POST", "/users", body=user, expect=(201,))
        return answer.headers["location"].rstrip("/").rsplit("/", 1)[-1]

    def update(self, user_id: str, user: User) -> None:
        """Replaces a user's representation."""
        self.call("PUT", f"/users/{user_id}", body=user, expect=(204,))

    def delete(self, user_id: str) -> None:
        """Deletes a user; a missing one is fine."""
        self.call("DELETE", f"/users/{user_id}", expect=(204, 404))

    def roles(self) -> dict[str, dict[str, Any]]:
        """The realm's roles by name."""
        query = {"first": "0", "max": "10000"}
        return {role["name"]: role for role in self.call("GET", "/roles", query=query, expect=(200,)).json()}

    def roles_of(self, user_id: str) -> set[str]:
        """Names of the realm roles that a user holds directly."""
        found = self.call("GET", f"/users/{user_id}/role-mappings/realm", expect=(200,)).json()
        return {role["name"] for role in found}

    def rights_of(self, user_id: str) -> tuple[set[str], set[str]]:
        """What a user holds directly: names of realm roles, and `CLIENT/ROLE` of clients' roles."""
        found = self.call("GET", f"/users/{user_id}/role-mappings", expect=(200,)).json()
        clients = (found.get("clientMappings") or {}).items()
        of_clients = {f"{client}/{role['name']}" for client, held in clients for role in held["mappings"]}
        return {role["name"] for role in found.get("realmMappings") or []}, of_clients

    def has_groups(self) -> bool:
        """Whether the realm has groups at all."""
        return bool(self.call("GET", "/groups", query={"first": "0", "max": "1"}, expect=(200,)).json())

    def in_groups(self, user_id: str) -> bool:
        """Whether a user is in a group."""
        path = f"/users/{user_id}/groups"
        return bool(self.call("GET", path, query={"first": "0", "max": "1"}, expect=(200,)).json())

    def groups_of(self, user_id: str) -> set[str]:
        """Paths of the groups that a user is in."""
        return {group["path"] for group in self.call("GET", f"/users/{user_id}/groups", expect=(200,)).json()}

    def default_groups(self) -> set[str]:
        """Paths of the groups that everybody new is put into."""
        return set(self.call("GET", "", expect=(200,)).json().get("defaultGroups") or [])

    def grant(self, user_id: str, roles: list[dict[str, Any]]) -> None:
        """Gives realm roles to a user."""
        self.call("POST", f"/users/{user_id}/role-mappings/realm", body=_slim(roles), expect=(204,))

    def revoke(self, user_id: str, roles: list[dict[str, Any]]) -> None:
        """Takes realm roles from a user."""
        self.call("DELETE", f"/users/{user_id}/role-mappings/realm", body=_slim(roles), expect=(204,))

    def has_password(self, user_id: str) -> bool:
        """Whether a password is set, be it temporary or the user's own."""
        found = self.call("GET", f"/users/{user_id}/credentials", expect=(200,)).json()
        return any(credential.get("type") == "password" for credential in found)

    def set_password(self, user_id: str, password: str, *, temporary: bool) -> None:
        """Sets a password; a temporary one must be changed at the first sign-in."""
        body = {"type": "password", "value": password, "temporary": temporary}
        self.call("PUT", f"/users/{user_id}/reset-password", body=body, expect=(204,))

    def invite(self, user_id: str, actions: list[str], query: dict[str, str]) -> None:
        """Lets Keycloak send its message with a link that leads through the actions."""
        self.call("PUT", f"/users/{user_id}/execute-actions-email", query=query, body=actions, expect=(204,))


def _slim(roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": role["id"], "name": role["name"]} for role in roles]


def _template(path: str) -> str:
    """The path without ids, so that messages can be compared and name nobody."""
    parts = path.split("/")
    return "/".join(
        "ID" if number > 1 and parts[number - 1] in ("users", "clients") else part for number, part in enumerate(parts)
    )


def _reason(answer: Answer) -> str:
    """Keycloak's own word for it, where it is a plain error code; never a text that may hold a value."""
    try:
        content = answer.json()
    except ValueError:
        return ""
    word = content.get("error") if isinstance(content, dict) else None
    return f" ({word})" if isinstance(word, str) and word.replace("_", "").isalnum() and len(word) < 40 else ""
