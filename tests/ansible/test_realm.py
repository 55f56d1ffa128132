"""Every value of a package's realm is read back, and one that Keycloak has otherwise is named."""

from __future__ import annotations

import copy
import json
import tempfile
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules import module

settings = module("stuf_identity_settings")
made = module("stuf_identity_realm")
realm_utils = module("stufpack_realm")

PACKAGE = Path(__file__).resolve().parents[2] / "golden/harbour/configuration/integration-config/realm.json"
MAIL = {"host": "mail.example", "port": 587, "from": "stuf@example", "encryption": "starttls", "user": "stuf"}
PROFILE = realm_utils.PROFILE


def package() -> dict[str, Any]:
    """The realm's file of the example's package."""
    found: dict[str, Any] = json.loads(PACKAGE.read_text())
    return found


class Keycloak:
    """What Keycloak answers of a realm that it has made from a file, in its own order and with what it adds."""

    def __init__(self, realm: dict[str, Any]) -> None:
        held = copy.deepcopy(realm)
        self.clients = [
            client | {"id": f"id-{client['clientId']}", "secret": "made-here", "protocol": "openid-connect"}
            for client in reversed(held["clients"])
        ]
        for client in self.clients:
            client["attributes"] = {"realm_client": "false", **client.get("attributes", {})}
            client["defaultClientScopes"] = [*reversed(client["defaultClientScopes"]), "service_account"]
        self.scopes = [scope | {"id": scope["name"]} for scope in reversed(held["clientScopes"])]
        everyones = {"name": "default-roles-stuf"}
        roles = [*held["roles"]["realm"], everyones]
        self.named = {role["name"]: role | {"id": role["name"], "composite": role is everyones} for role in roles}
        self.clients += [{"id": "1", "clientId": "account"}, {"id": "2", "clientId": "realm-management"}]
        self.inner = [{"name": name, "clientRole": False} for name in ("offline_access", "uma_authorization")]
        self.inner += [{"name": "view-profile", "clientRole": True, "containerId": "1"}]
        self.accounts = {
            f"/clients/id-{user['serviceAccountClientId']}/service-account-user": user
            | {"id": user["username"], "emailVerified": False}
            for user in held["users"]
        }
        self.realm = held["realm"]
        self.profile = json.loads(held["components"][PROFILE][0]["config"][realm_utils.PROFILE_TEXT][0])
        plain = {key: value for key, value in held.items() if not isinstance(value, (dict, list))}
        mail = realm_utils.mail_settings(MAIL) | {"password": "**********"}
        self.top = plain | {"displayName": "Harbour", "smtpServer": mail, "notBefore": 0, "defaultRole": {"name": "x"}}

    def call(self, _method: str, path: str, *, expect: tuple[int, ...]) -> SimpleNamespace:
        known: dict[str, Any] = {
            "": self.top,
            "/clients": self.clients,
            "/client-scopes": self.scopes,
            "/users/profile": self.profile,
            "/roles-by-id/default-roles-stuf/composites": self.inner,
            **self.accounts,
        }
        status = 200 if path in known else 400
        assert status in expect, path
        return SimpleNamespace(status=status, json=lambda: copy.deepcopy(known[path]))

    def roles(self) -> dict[str, Any]:
        return self.named

    def roles_of(self, user: str) -> set[str]:
        (account,) = (one for one in self.accounts.values() if one["id"] == user)
        return {*account["realmRoles"], "default-roles-stuf"}

    def client(self, name: str) -> dict[str, Any]:
        (found,) = (one for one in self.clients if one["clientId"] == name)
        return found


def wrong(keycloak: Keycloak, realm: dict[str, Any]) -> dict[str, list[str]]:
    """What differs, by kind, where anything does."""
    found = settings.compare(keycloak, realm, "Harbour", MAIL)
    return {kind: paths for kind, paths in found.items() if paths}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all plain values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    else:
        yield path


def changed(realm: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The realm with one other value."""
    found = copy.deepcopy(realm)
    inner: Any = found
    for step in path[:-1]:
        inner = inner[step]
    held = inner[path[-1]]
    inner[path[-1]] = not held if isinstance(held, bool) else held + 1 if isinstance(held, int) else f"{held}x"
    return found


class ReadBack(unittest.TestCase):
    def test_a_realm_made_from_the_file_is_as_the_file_says(self) -> None:
        self.assertEqual(wrong(Keycloak(package()), package()), {})

    def test_each_value_of_the_file_is_missed_when_keycloak_has_another(self) -> None:
        realm = package()
        # Made anew at the target, made of another value, and the profile's text, which is taken apart below.
        not_compared = [
            path for path in leaves(realm)
            if path[-1] in ("secret", "username", "serviceAccountClientId") or path[0] == "components"
        ]  # fmt: skip
        self.assertEqual({path[-1] for path in not_compared if path[0] == "clients"}, {"secret"})
        default = [path for path in leaves(realm) if path[-2:-1] == ("realmRoles",) and path[-1] == 0]
        places = [path for path in leaves(realm) if path not in (*not_compared, *default)]
        self.assertGreater(len(places), 150)
        for path in places:
            with self.subTest(path):
                # What is renamed at the source of an account or a scope is missed under its own name.
                self.assertNotEqual(wrong(Keycloak(changed(realm, path)), realm), {})

    def test_a_role_that_brings_rights_along_is_named(self) -> None:
        for role in (
            {"name": "realm-admin", "clientRole": True, "containerId": "2"},
            {"name": "view-profile", "clientRole": True, "containerId": "2"},
            {"name": "admin", "clientRole": False},
        ):
            keycloak = Keycloak(package())
            keycloak.inner.append(role)
            self.assertEqual(wrong(keycloak, package()), {"realm-roles": ["default-roles-stuf.composites"]})
        keycloak = Keycloak(package())
        keycloak.named["project-participant"]["composite"] = True
        self.assertEqual(wrong(keycloak, package()), {"realm-roles": ["project-participant.composite"]})

    def test_what_differs_is_named_and_not_shown(self) -> None:
        def found(change: Callable[[Keycloak], object]) -> dict[str, list[str]]:
            keycloak = Keycloak(package())
            change(keycloak)
            return wrong(keycloak, package())

        spa, mapper = "stuf-spa", "collections"
        scope = next(at for at, one in enumerate(reversed(package()["clientScopes"])) if one["name"] == "stuf:access")
        account = "/clients/id-stuf-api/service-account-user"
        for change, expected in (
            (lambda k: k.top.update(accessTokenLifespan=299), {"realm": ["accessTokenLifespan"]}),
            (lambda k: k.top.update(bruteForceProtected=1), {"realm": ["bruteForceProtected"]}),
            (lambda k: k.top.pop("passwordPolicy"), {"realm": ["passwordPolicy"]}),
            (lambda k: k.top.update(displayName="Other"), {"name-and-mail": ["displayName"]}),
            (lambda k: k.top["smtpServer"].update(ssl="true"), {"name-and-mail": ["smtpServer.ssl"]}),
            (lambda k: k.named.pop("service"), {"realm-roles": ["service"]}),
            (lambda k: k.client(spa)["redirectUris"].append("*"), {"clients": [f"{spa}.redirectUris"]}),
            (lambda k: k.client(spa)["defaultClientScopes"].append("x"), {"clients": [f"{spa}.defaultClientScopes"]}),
            (
                lambda k: k.client(spa)["attributes"].pop("pkce.code.challenge.method"),
                {"clients": [f"{spa}.attributes.pkce.code.challenge.method"]},
            ),
            (lambda k: k.clients.remove(k.client(spa)), {"clients": [spa]}),
            (
                lambda k: k.scopes[scope]["protocolMappers"][0]["config"].update({"claim.name": "other"}),
                {"client-scopes": [f"stuf:access.protocolMappers.{mapper}.config.claim.name"]},
            ),
            (
                lambda k: k.scopes[scope]["protocolMappers"].pop(0),
                {"client-scopes": [f"stuf:access.protocolMappers.{mapper}"]},
            ),
            (
                lambda k: k.accounts[account]["realmRoles"].append("admin"),
                {"service-accounts": ["stuf-api.realmRoles"]},
            ),
            (lambda k: k.accounts.pop(account), {"service-accounts": ["stuf-api"]}),
            (
                lambda k: k.profile.update(unmanagedAttributePolicy="ENABLED"),
                {"user-profile": ["unmanagedAttributePolicy"]},
            ),
            (
                lambda k: k.profile["attributes"][4]["permissions"]["edit"].append("user"),
                {"user-profile": ["attributes.collections.permissions.edit"]},
            ),
        ):
            with self.subTest(expected):
                self.assertEqual(found(change), expected)

    def test_what_keycloak_writes_in_another_way_is_the_same(self) -> None:
        realm = package() | {"passwordPolicy": "length(12) and notUsername()"}
        realm["clients"][1]["attributes"]["empty"] = ""
        realm["clients"][1]["optionalClientScopes"].append("only-mentioned")
        keycloak = Keycloak(realm)
        keycloak.top["passwordPolicy"] = "length(12) and notUsername"
        client = keycloak.client(realm["clients"][1]["clientId"])
        del client["attributes"]["empty"], client["protocolMappers"]
        client["optionalClientScopes"].remove("only-mentioned")
        self.assertEqual(wrong(keycloak, realm), {})
        self.assertEqual(settings.compare(keycloak, realm, None, None)["name-and-mail"], ["smtpServer"])

    def test_a_part_that_nobody_reads_back_is_an_error(self) -> None:
        for part in (
            {"groups": []},
            {"roles": {"realm": [], "client": {}}},
            {"users": [{"username": "ada"}]},
            {"components": {PROFILE: package()["components"][PROFILE], "org.keycloak.keys.KeyProvider": []}},
        ):
            with self.subTest(part), self.assertRaises(module("stufpack_http").StufError):
                wrong(Keycloak(package()), package() | part)


class FromWhichFile(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file, self.note = Path(folder.name, "realm.json"), Path(folder.name, "note")
        self.file.write_text("{}")
        self.given = {"realm_file": str(self.file), "made_from": str(self.note)}

    def grant(self, held: tuple[str, ...], *, dry: bool = False) -> None:
        def call(method: str, path: str, **_: Any) -> SimpleNamespace:
            if path == "/clients":
                return SimpleNamespace(json=lambda: [{"id": "1"}])
            if path.endswith("/service-account-user"):
                return SimpleNamespace(json=lambda: {"id": "2"})
            names = held if "role-mappings" in path else realm_utils.OPERATOR_ROLES
            if method == "POST":
                self.assertTrue(self.note.exists() or held, "the note comes first: afterwards nobody would know")
            return SimpleNamespace(json=lambda: [{"id": name, "name": name} for name in names])

        made.grant(SimpleNamespace(call=call), self.given, dry)

    def made_from_it(self) -> bool:
        return bool(settings.is_made_from(str(self.file), str(self.note)))

    def test_the_file_is_noted_when_the_realm_is_new_and_never_again(self) -> None:
        self.assertFalse(self.made_from_it())
        self.grant((), dry=True)
        self.assertFalse(self.note.exists())
        self.grant(())
        self.assertTrue(self.made_from_it())
        self.file.write_text('{"realm": "of a later package"}')
        self.grant(realm_utils.OPERATOR_ROLES)
        self.grant(realm_utils.OPERATOR_ROLES[1:])
        self.assertFalse(self.made_from_it())

    def test_what_differs_fails_a_new_realm_and_warns_of_an_older_one(self) -> None:
        found = dict.fromkeys((*settings.KINDS, *settings.ALWAYS), [])
        found |= {"realm": ["accessTokenLifespan"], "name-and-mail": ["displayName"]}

        def verdicts(made_from_it: bool) -> dict[str, str]:
            return {check["id"]: check["verdict"] for check in settings.checks(found, made_from_it)}

        self.assertEqual(verdicts(True)["identity/realm"], "fail")
        self.assertEqual(verdicts(False)["identity/realm"], "warn")
        # What deploy sets each time belongs to every package.
        self.assertEqual({verdicts(way)["identity/name-and-mail"] for way in (True, False)}, {"fail"})
        self.assertEqual(list(verdicts(False).values()).count("pass"), 5)

    def test_a_long_list_is_told_by_its_length(self) -> None:
        found = dict.fromkeys((*settings.KINDS, *settings.ALWAYS), [])
        found |= {"clients": [f"client-{number}" for number in range(15)]}
        (check,) = (one for one in settings.checks(found, True) if one["verdict"] == "fail")
        self.assertTrue(check["observed"].endswith("client-11 and 3 more"), check["observed"])


if __name__ == "__main__":
    unittest.main()
