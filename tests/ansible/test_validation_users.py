"""Who is made for a validation is gone after it; who else has such a name goes too, and not without a word."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from modules import module

probe_user = module("stuf_probe_user")
keycloaks = module("stufpack_keycloak")
StufError = module("stufpack_http").StufError
DOMAIN = "Files.example"
NAMES = ["stufpack-validation", "stufpack-validation-1", "stufpack-validation-99", "Stufpack-Validation-7"]


def visitor(name: str, **other: Any) -> dict[str, Any]:
    """A user as a validation makes them; Keycloak keeps addresses in lower case."""
    address = f"{name}@{DOMAIN}".lower()
    made = {"id": name, "username": name, "firstName": "Stufpack", "lastName": "Validation", "email": address}
    return made | {"enabled": True, **other}


class Realm:
    """Keycloak's answers about people; roles and groups by user."""

    def __init__(self, *people: dict[str, Any]) -> None:
        self.people = list(people)
        self.rights: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.default_groups: list[str] = []
        self.refuses = False

    def call(self, method: str, path: str, *, query: dict[str, str] | None = None, **_: Any) -> SimpleNamespace:
        found = self.answer(method, path, query or {})
        return SimpleNamespace(json=lambda: found)

    def answer(self, method: str, path: str, query: dict[str, str]) -> Any:
        match path.split("/")[1:]:
            case []:
                return {"defaultGroups": self.default_groups}
            case ["groups"]:
                return [{"path": path} for paths in self.groups.values() for path in paths]
            case ["users"]:
                # As Keycloak does: the word may stand anywhere in a name, and nothing comes beyond a page.
                found = [one for one in self.people if query.get("username", "") in one["username"].lower()]
                return found[int(query["first"]) :][: int(query["max"])]
            case ["users", who, "role-mappings"]:
                return {"realmMappings": [{"name": "default-roles-stuf"}], **self.rights.get(who, {})}
            case ["users", who, "groups"]:
                return [{"path": path} for path in self.groups.get(who, [])]
        if self.refuses:
            raise StufError("Keycloak answered 500")
        self.people = [one for one in self.people if (method, path) != ("DELETE", f"/users/{one['id']}")]
        return None


class ValidationUsers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "users-removed.json")

    def absent(self, realm: Realm) -> None:
        keycloak = keycloaks.Keycloak("http://keycloak", "stuf", {}, "stuf")
        with mock.patch.object(keycloak, "call", realm.call):
            probe_user.absent(keycloak, DOMAIN, self.file)

    def kept(self) -> list[str]:
        """Of whom the file tells."""
        return [user["username"] for user in json.loads(self.file.read_text())] if self.file.exists() else []

    def told(self, realm: Realm) -> list[str]:
        """Of whom the file tells after a removal of everybody, from none that was there before."""
        self.file.unlink(missing_ok=True)
        self.absent(realm)
        self.assertEqual(realm.people, [])
        return self.kept()

    def test_whoever_has_a_name_of_theirs_goes_and_nobody_else(self) -> None:
        others = ["ada", "stufpack-validation-x", "stufpack-validation-1-", "not-stufpack-validation"]
        realm = Realm(*map(visitor, (*others, *NAMES)))
        self.absent(realm)
        self.assertEqual([one["username"] for one in realm.people], others)
        self.assertFalse(self.file.exists())
        many = [visitor(f"stufpack-validation-{number}") for number in range(3, 450)]
        self.assertEqual(self.told(Realm(*many)), [])

    def test_what_a_validation_makes_is_its_own_whatever_the_package_gives(self) -> None:
        made = []

        class Making:
            def roles(self) -> dict[str, Any]:
                return {"trust-architect": {}}

            def create(self, user: dict[str, Any]) -> str:
                made.append({**user, "id": str(len(made)), "email": user["email"].lower()})
                return made[-1]["id"]  # type: ignore[no-any-return]

            def grant(self, user: str, roles: list[dict[str, Any]]) -> None: ...

        for roles in ([], ["trust-architect"]):
            held = {"name": f"stufpack-validation-{len(made) + 1}", "collections": {}, "roles": roles}
            probe_user.create(Making(), DOMAIN, held, [])
        realm = Realm(*made)
        realm.rights["1"] = {"realmMappings": [{"name": "trust-architect"}, {"name": "default-roles-stuf"}]}
        # Who is new is put there by the realm itself.
        realm.groups, realm.default_groups = {"0": ["/all"], "1": ["/all"]}, ["/all"]
        self.assertEqual(self.told(realm), [])

    def test_who_is_otherwise_is_kept_for_root_and_told_by_a_number(self) -> None:
        for change in ({"email": "eve@example.org"}, {"email": None}, {"firstName": "Eve"}, {"lastName": ""}):
            with self.subTest(change):
                self.assertEqual(self.told(Realm(visitor(NAMES[1], **change))), [NAMES[1]])
        administrator = {"clientMappings": {"realm-management": {"mappings": [{"name": "realm-admin"}]}}}
        by_hand = {"realmMappings": [{"name": "offline_access"}]}
        for change in (
            lambda realm: realm.rights.update({NAMES[2]: administrator}),
            lambda realm: realm.rights.update({NAMES[2]: by_hand}),
            lambda realm: realm.groups.update({NAMES[2]: ["/administrators"]}),
        ):
            realm = Realm(*map(visitor, NAMES))
            change(realm)
            self.assertEqual(self.told(realm), [NAMES[2]])
        realm = Realm(visitor(NAMES[2]))
        realm.rights[NAMES[2]] = administrator
        self.told(realm)
        (user,) = json.loads(self.file.read_text())
        self.assertEqual(
            (user["clientRoles"], user["email"]), (["realm-management/realm-admin"], f"{NAMES[2]}@files.example")
        )
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        found = probe_user.check(self.file)
        said = f"1 removed who had one and whom no validation made, kept at the target in {self.file}"
        self.assertEqual((found["verdict"], found["observed"]), ("warn", said))

    def test_it_is_told_until_somebody_has_looked(self) -> None:
        self.absent(Realm(visitor(NAMES[0], email="eve@example.org")))
        self.absent(Realm(visitor(NAMES[1])))
        self.assertEqual((self.kept(), probe_user.check(self.file)["verdict"]), ([NAMES[0]], "warn"))
        self.absent(Realm(visitor(NAMES[1], email="eve@example.org")))
        self.assertEqual(self.kept(), NAMES[:2])
        self.file.unlink()
        self.absent(Realm(visitor(NAMES[1])))
        self.assertEqual((self.kept(), probe_user.check(self.file)["verdict"]), ([], "pass"))

    def test_nobody_goes_who_is_not_kept_and_a_removal_that_ended_early_tells_each_once(self) -> None:
        realm = Realm(visitor(NAMES[0], email="eve@example.org"))
        realm.refuses = True
        with self.assertRaises(StufError):
            self.absent(realm)
        self.assertEqual(self.kept(), [NAMES[0]])
        realm.refuses = False
        self.absent(realm)
        self.assertEqual((self.kept(), realm.people), ([NAMES[0]], []))
        realm = Realm(visitor(NAMES[1], email="eve@example.org"))
        self.file.write_text("[")
        with self.assertRaises(ValueError):
            self.absent(realm)
        self.assertEqual(len(realm.people), 1)


if __name__ == "__main__":
    unittest.main()
