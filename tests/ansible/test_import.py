"""Users are imported all or nothing, and a second import changes nothing."""

from __future__ import annotations

import copy
import itertools
import json
import re
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from modules import module

users = module("stuf_identity_users")
StufError = module("stufpack_http").StufError
FILE = "/names.json"
NAMED = f", named at the target in {FILE}"


class Realm:
    """Keycloak as the module sees it, in memory; may fail at a given call."""

    realm = "stuf"

    def __init__(self, *present: dict[str, Any], fails_at: int = 0) -> None:
        self.held = {user["id"]: {"realm": {"default-roles-stuf"}, **user} for user in present}
        self.clients: dict[str, set[str]] = {}  # roles of clients by user
        self.grouped: set[str] = set()
        self.calls = 0
        self.fails_at = fails_at

    def _write(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise StufError("Keycloak answered 500")

    def roles(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"id": name, "name": name} for name in ("member", "admin", "default-roles-stuf", "default-roles-b")
        }

    def users(self) -> list[dict[str, Any]]:
        return [copy.deepcopy({k: v for k, v in user.items() if k != "realm"}) for user in self.held.values()]

    def user(self, name: str) -> dict[str, Any] | None:
        return next((user for user in self.users() if user["username"] == name), None)

    def create(self, user: dict[str, Any]) -> str:
        self._write()
        new = f"id-{user['username']}"
        self.held[new] = {"id": new, "realm": {"default-roles-stuf"}, **copy.deepcopy(user)}
        return new

    def update(self, user_id: str, user: dict[str, Any]) -> None:
        self._write()
        self.held[user_id] = {"realm": self.held[user_id]["realm"], **copy.deepcopy(user)}

    def delete(self, user_id: str) -> None:
        del self.held[user_id]

    def roles_of(self, user_id: str) -> set[str]:
        return set(self.held[user_id]["realm"])

    def rights_of(self, user_id: str) -> tuple[set[str], set[str]]:
        return self.roles_of(user_id), self.clients.get(user_id, set())

    def has_groups(self) -> bool:
        return bool(self.grouped)

    def in_groups(self, user_id: str) -> bool:
        return user_id in self.grouped

    def grant(self, user_id: str, roles: list[dict[str, Any]]) -> None:
        self._write()
        self.held[user_id]["realm"] |= {role["name"] for role in roles}

    def revoke(self, user_id: str, roles: list[dict[str, Any]]) -> None:
        self._write()
        self.held[user_id]["realm"] -= {role["name"] for role in roles}

    def state(self) -> dict[str, Any]:
        return copy.deepcopy(self.held)


def wanted(*names: str, **fields: Any) -> dict[str, Any]:
    return {
        name: {
            "username": name,
            "email": f"{name}@example.invalid",
            "firstName": "{{ 7 * 7 }}",
            "lastName": "${HOME}",
            "enabled": True,
            "emailVerified": True,
            "attributes": {"collections": ['{"docs":["read"]}']},
            "requiredActions": ["UPDATE_PASSWORD"],
            "realmRoles": ["member"],
            **fields,
        }
        for name in names
    }


class AllOrNothing(unittest.TestCase):
    def test_a_second_import_changes_nothing(self) -> None:
        realm = Realm()
        first = users.Import(realm, wanted("ada", "bob"), False)
        first.apply()
        second = users.Import(realm, wanted("ada", "bob"), False)
        second.apply()
        self.assertEqual((first.counts["created"], first.changed), (2, True))
        self.assertEqual((second.counts["unchanged"], second.changed), (2, False))

    def test_check_mode_counts_and_writes_nothing(self) -> None:
        realm = Realm()
        work = users.Import(realm, wanted("ada"), True)
        work.apply()
        self.assertEqual((work.counts["created"], realm.held), (1, {}))

    def test_a_failure_at_any_call_leaves_what_was_there(self) -> None:
        ada = {**wanted("ada")["ada"], "id": "1", "enabled": False, "attributes": {"collections": ["{}"], "own": ["x"]}}
        ada.pop("realmRoles")
        other = {"id": "2", "username": "stays", "enabled": True}
        for call in range(1, 7):
            with self.subTest(call=call):
                realm = Realm(ada, other, fails_at=call)
                before = realm.state()
                package = wanted("ada", "bob", "eve")
                saved = users.by_name(users.Import(realm, package, False).save())
                with self.assertRaises(StufError):
                    users.Import(realm, package, False).apply()
                realm.fails_at = 0
                users.Import(realm, package, False).restore(saved)
                self.assertEqual(realm.state(), before)

    def test_what_stands_half_never_becomes_what_stood_before_also_for_a_newer_package(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            saved, names = str(Path(folder, "users.json")), str(Path(folder, "users-otherwise.json"))

            def does(state: str, package: dict[str, Any], dry: bool = False) -> bool:
                return bool(users.run(users.Import(realm, package, dry, names), state, saved))

            ada, eve = ({**wanted(name)[name], "id": name, "enabled": False} for name in ("ada", "eve"))
            ada.pop("realmRoles")
            eve.pop("realmRoles")
            realm = Realm(ada, eve)
            before = realm.state()
            first, second = wanted("ada", "bob"), wanted("ada", "eve", "kim")
            self.assertFalse(does("saved", first))
            does("imported", first, dry=True)
            self.assertFalse(does("saved", first, dry=True))
            realm.fails_at = realm.calls + 4
            with self.assertRaises(StufError):
                does("imported", first)
            # Nothing put back what it had written; it saves once more, and then a package with other users comes.
            realm.fails_at = 0
            self.assertTrue(does("saved", first))
            self.assertTrue(does("saved", second))
            does("imported", second)
            does("restored", second, dry=True)
            self.assertTrue(does("saved", second))
            does("restored", second)
            self.assertEqual(realm.state(), before)
            with self.subTest("put back, it is saved anew"):
                self.assertEqual([path.name for path in Path(folder).iterdir()], ["users.json"])
                realm.held["ada"]["firstName"] = "Ada"
                self.assertFalse(does("saved", second))
                does("imported", second)
                does("restored", second)
                self.assertEqual(realm.held["ada"]["firstName"], "Ada")

    def test_users_who_are_not_in_the_package_are_kept_and_counted(self) -> None:
        realm = Realm({"id": "9", "username": "stays", "enabled": True})
        work = users.Import(realm, wanted("ada"), False)
        work.apply()
        self.assertIn("9", realm.held)
        self.assertEqual(work.counts["kept"], 1)

    def test_an_attribute_that_the_package_does_not_give_is_taken_and_keycloaks_own_stays(self) -> None:
        realm = Realm()
        users.Import(realm, wanted("ada"), False).apply()
        realm.held["id-ada"]["attributes"].update(groups=["all"], locale=["de"])
        for updated in (1, 0):
            work = users.Import(realm, wanted("ada"), False)
            work.apply()
            self.assertEqual(work.counts["updated"], updated)
        left = {"collections": ['{"docs":["read"]}'], "locale": ["de"]}
        self.assertEqual(realm.held["id-ada"]["attributes"], left)

    def test_a_second_factor_that_the_package_asks_for_is_set_up_by_whoever_has_none(self) -> None:
        def imported(asked: bool, **present: Any) -> tuple[int, list[str]]:
            plain = {"id": "1", **wanted("ada", requiredActions=[], totp=False)["ada"], "realm": {"member"}, **present}
            realm = Realm({key: value for key, value in plain.items() if key != "realmRoles"})
            package = wanted("ada", requiredActions=["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if asked else [])])
            first = users.Import(realm, package, False)
            first.apply()
            again = users.Import(realm, package, False)
            again.apply()
            self.assertFalse(again.changed)
            return first.counts["updated"], realm.held["1"]["requiredActions"]

        self.assertEqual(imported(True), (1, ["CONFIGURE_TOTP"]))
        self.assertEqual(imported(True, requiredActions=["VERIFY_EMAIL"]), (1, ["VERIFY_EMAIL", "CONFIGURE_TOTP"]))
        self.assertEqual(imported(True, enabled=False)[1], ["CONFIGURE_TOTP"])
        self.assertEqual(imported(True, totp=True), (0, []))
        self.assertEqual(imported(False), (0, []))

    def test_a_user_without_second_factor_is_told_where_the_package_asks_for_one(self) -> None:
        def said(asked: bool, **changes: Any) -> list[tuple[str, str]]:
            package = wanted("ada", "bob", requiredActions=["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if asked else [])])
            realm = Realm()
            users.Import(realm, package, False).apply()
            realm.held["id-ada"].update(changes)
            work = users.Import(realm, package, False, FILE)
            work.compare()
            factor = [one for one in work.checks if one["id"] == "identity/second-factor"]
            return [(check["verdict"], check["observed"]) for check in factor]

        # As an invited user stands there who has not set up anything.
        self.assertEqual(said(True), [("pass", "so it is")])
        self.assertEqual(said(True, requiredActions=[], totp=True), [("pass", "so it is")])
        self.assertEqual(said(True, requiredActions=["UPDATE_PASSWORD"]), [("fail", f"1 otherwise{NAMED}")])
        self.assertEqual(said(True, requiredActions=[], totp=False, enabled=False), [("pass", "so it is")])
        self.assertEqual(said(False, requiredActions=[]), [])

    def test_users_of_the_target_alone_are_told_by_their_number(self) -> None:
        def said(*present: dict[str, Any]) -> tuple[str, str]:
            realm = Realm(*present)
            users.Import(realm, wanted("ada"), False).apply()
            work = users.Import(realm, wanted("ada"), False, FILE)
            work.compare()
            (found,) = (check for check in work.checks if check["id"] == "identity/others")
            return found["verdict"], found["observed"]

        stays = {"id": "9", "username": "stays", "enabled": True}
        self.assertEqual(said(stays), ("warn", f"1 more, kept as they are{NAMED}"))
        self.assertEqual(said(stays, {**stays, "id": "8", "username": "Second"})[1], f"2 more, kept as they are{NAMED}")
        self.assertEqual(said({**stays, "enabled": False}), ("pass", "so it is"))
        # Those of a validation are gone before; no name hides anybody.
        for name in ("stufpack-validation", "stufpack-validation-12", "stufpack-validation-x"):
            self.assertEqual(said({**stays, "username": name})[0], "warn")

    def test_a_role_that_the_package_does_not_give_is_taken(self) -> None:
        realm = Realm()
        users.Import(realm, wanted("ada"), False).apply()
        # The second is only called like the one that Keycloak gives to everyone.
        realm.held["id-ada"]["realm"] |= {"admin", "default-roles-b"}
        work = users.Import(realm, wanted("ada"), False)
        work.apply()
        self.assertEqual(realm.roles_of("id-ada"), {"member", "default-roles-stuf"})

    def test_rights_that_no_package_gives_are_told_by_the_number_of_people(self) -> None:
        def said(change: Callable[[Realm], object]) -> tuple[str, str]:
            realm = Realm({"id": "9", "username": "stays", "enabled": True}, {"id": "8", "username": "gone"})
            users.Import(realm, wanted("ada"), False).apply()
            change(realm)
            work = users.Import(realm, wanted("ada"), False, FILE)
            work.compare()
            (found,) = (check for check in work.checks if check["id"] == "identity/further-rights")
            return found["verdict"], found["observed"]

        one = ("warn", f"1 otherwise, kept as they are{NAMED}")
        self.assertEqual(said(lambda realm: None), ("pass", "so it is"))
        self.assertEqual(said(lambda realm: realm.clients.update({"id-ada": {"realm-management/realm-admin"}})), one)
        self.assertEqual(said(lambda realm: realm.clients.update({"9": {"realm-management/manage-users"}})), one)
        self.assertEqual(said(lambda realm: realm.grouped.add("id-ada")), one)
        self.assertEqual(said(lambda realm: realm.held["id-ada"]["realm"].add("offline_access")), one)
        hidden = Realm({"id": "7", "username": "stufpack-validation-99", "enabled": True}).held
        self.assertEqual(said(lambda realm: (realm.held.update(hidden), realm.clients.update({"7": {"a/x"}}))), one)
        # Who may not sign in can do nothing with them.
        self.assertEqual(said(lambda realm: realm.clients.update({"8": {"account/x"}}))[0], "pass")
        both = said(lambda realm: (realm.grouped.add("9"), realm.clients.update({"id-ada": {"account/x"}})))
        self.assertEqual(both, ("warn", f"2 otherwise, kept as they are{NAMED}"))

    def test_a_role_that_the_realm_lacks_stops_before_the_first_change(self) -> None:
        realm = Realm()
        with self.assertRaises(StufError):
            users.Import(realm, wanted("ada", realmRoles=["nobody-knows"]), False)
        self.assertEqual(realm.calls, 0)

    def test_reading_back_finds_one_changed_byte_and_says_of_what_kind(self) -> None:
        def failing(change: Callable[[dict[str, Any]], object]) -> list[str]:
            realm = Realm()
            users.Import(realm, wanted("ada", "bob"), False).apply()
            change(realm.held)
            work = users.Import(realm, wanted("ada", "bob"), False)
            work.compare()
            self.assertNotIn("ada", str(work.checks))
            return [check["id"].removeprefix("identity/") for check in work.checks if check["verdict"] == "fail"]

        claim = '{"docs":["reaD"]}'
        alone = '{"docs":["read"],"stufpack-validation":["read"]}'

        def let_validate(held: dict[str, Any]) -> None:
            held["id-ada"]["attributes"].update(collections=[alone])

        stranger = {"id": "9", "username": "eve", "attributes": {"collections": [alone]}, "realm": set()}
        stays = {"id": "8", "username": "stays", "enabled": True, "realm": set()}
        for change, kinds in (
            (lambda held: held, []),
            (lambda held: held.update({"8": stays}), []),
            (lambda held: held.pop("id-ada"), ["users"]),
            (lambda held: held["id-ada"].update(lastName="${HOMe}"), ["fields"]),
            (lambda held: held["id-ada"].update(email="ada@example.invalid."), ["fields"]),
            (lambda held: held["id-ada"].update(enabled=False), ["fields"]),
            (lambda held: held["id-ada"]["attributes"].update(collections=[claim]), ["attributes"]),
            (lambda held: held["id-ada"].update(attributes={}), ["attributes"]),
            (lambda held: held["id-ada"]["attributes"].update(groups=["all"]), ["attributes"]),
            (lambda held: held["id-ada"]["attributes"].update(locale=["de"], groups=[""]), []),
            (lambda held: held["id-ada"]["realm"].add("admin"), ["roles"]),
            (lambda held: held["id-ada"]["realm"].remove("member"), ["roles"]),
            (lambda held: held.update({"9": stranger}), ["validation-collection"]),
            (let_validate, ["attributes", "validation-collection"]),
        ):
            with self.subTest(kinds):
                self.assertEqual(failing(change), kinds)


class CutOff(unittest.TestCase):
    """What imports left by halves goes back to what stood before the first, and what others changed since stays."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.realm = Realm()
        disk = mock.patch("os.fsync")  # hundreds of small files
        disk.start()
        self.addCleanup(disk.stop)

    def does(self, state: str, package: dict[str, Any], fails_after: int = 0) -> str:
        """When an import before it began, as told, after one run in which at most that many calls are answered."""
        names, saved = str(self.folder / "users-otherwise.json"), str(self.folder / "users.json")
        self.realm.fails_at = fails_after and self.realm.calls + fails_after
        try:
            return str(users.run(users.Import(self.realm, package, False, names), state, saved))
        finally:
            self.realm.fails_at = 0

    def breaks_off(self, state: str, package: dict[str, Any], fails_after: int) -> bool:
        try:
            self.does(state, package, fails_after)
        except StufError:
            return True
        return False

    def stands(self, *names: str, **fields: Any) -> Realm:
        """A realm with these users, as they stood before any import."""
        people = wanted(*names, **{"realmRoles": [], **fields})
        self.realm = Realm(*({**user, "id": name} for name, user in people.items()))
        for user in self.realm.held.values():
            user["realm"] = {"default-roles-stuf", *user.pop("realmRoles")}
        return self.realm

    def test_wherever_two_imports_and_a_putting_back_break_off_everybody_comes_back(self) -> None:
        first = wanted("ada", "bob", requiredActions=["UPDATE_PASSWORD", "CONFIGURE_TOTP"], realmRoles=["admin"])
        second = wanted("bob", "eve", "kim", attributes={"permissions": ["x"]})
        third = wanted("ada", "lou")
        whole = set()
        for calls in itertools.product(range(1, 6), range(1, 9), range(1, 4)):
            with self.subTest(calls):
                fields = {"enabled": False, "attributes": {"own": ["x"], "locale": ["de"]}, "requiredActions": []}
                before = self.stands("ada", "eve", realmRoles=["member"], **fields).state()
                begun = [self.does("saved", first)]
                whole.add(not self.breaks_off("imported", first, calls[0]))
                begun.append(self.does("saved", second))
                whole.add(not self.breaks_off("imported", second, calls[1]))
                whole.add(not self.breaks_off("restored", second, calls[2]))
                begun.append(self.does("saved", third))
                self.breaks_off("imported", third, 3)
                self.does("restored", third)
                self.assertEqual(self.realm.state(), before)
                self.assertEqual([bool(since) for since in begun[:2]], [False, True])
                self.assertEqual([path.name for path in self.folder.glob("*.begun")], [])
        self.assertEqual(whole, {False, True})

    def test_what_others_changed_since_stays_whoever_is_in_the_newer_package(self) -> None:
        first, second = wanted("ada", "eve", "bob", "joe"), wanted("eve", "kim", "lou")
        for newer in (second, first):
            with self.subTest("same" if newer is first else "newer"):
                self.stands("ada", "eve", "ian", lastName="before")
                self.does("saved", first)
                # Both are written, and bob is created, without his roles.
                self.assertTrue(self.breaks_off("imported", first, 6))
                self.assertIn("id-bob", self.realm.held)
                self.realm.held["ada"]["enabled"] = False
                self.realm.held["eve"]["realm"].add("admin")
                self.realm.update("eve", {**self.realm.held["eve"], "firstName": "Eve, married"})
                self.realm.create({"username": "joe", "enabled": True})
                joe = self.realm.state()["id-joe"]
                self.does("saved", newer)
                self.assertTrue(self.breaks_off("imported", newer, 3))
                self.does("restored", newer)
                held = self.realm.state()
                self.assertEqual(sorted(held), ["ada", "eve", "ian", "id-joe"])
                self.assertEqual((held["ada"]["enabled"], held["ada"]["lastName"]), (False, "before"))
                self.assertEqual((held["eve"]["firstName"], held["eve"]["lastName"]), ("Eve, married", "before"))
                self.assertEqual(held["eve"]["realm"], {"default-roles-stuf", "admin"})
                self.assertEqual(held["id-joe"], joe)

    def test_whom_an_import_did_not_come_to_is_not_its_own_however_others_made_him(self) -> None:
        first, second = wanted("ada", "bob", "zoe"), wanted("ada", "bob", "zoe", "kim")
        self.stands()
        self.does("saved", first)
        # It stops at bob, and nothing puts ada back; zoe is made by hand, to the letter as the package has her.
        self.assertTrue(self.breaks_off("imported", first, 3))
        self.realm.create({key: value for key, value in first["zoe"].items() if key != "realmRoles"})
        zoe = self.realm.state()["id-zoe"]
        self.does("saved", second)
        self.assertTrue(self.breaks_off("imported", second, 5))
        self.does("restored", second)
        self.assertEqual(self.realm.state(), {"id-zoe": zoe})

    def test_each_user_is_noted_on_disk_before_he_is_written_and_who_is_not_written_is_not(self) -> None:
        package = wanted("eve", "ada", "bob", "joe")
        self.stands("ada", lastName="before")
        users.Import(self.realm, wanted("eve", "joe"), False).apply()
        self.realm.revoke("id-joe", [{"name": "member"}])
        write, seen = self.realm._write, []

        def noted() -> None:
            seen.append(sorted(users.Begun(self.folder / "users.json", True).wrote))
            write()

        self.does("saved", package)
        with mock.patch.object(self.realm, "_write", noted):
            self.does("imported", package)
        self.assertEqual(seen, [["ada"]] * 2 + [["ada", "bob"]] * 2 + [["ada", "bob", "joe"]])

    def test_a_note_that_was_cut_off_while_it_was_written_is_of_nobody(self) -> None:
        package = wanted("ada", "bob")
        note = self.folder / "users.begun"
        before = self.stands("ada", "bob", lastName="before").state()
        self.does("saved", package)
        self.assertTrue(self.breaks_off("imported", package, 4))
        whole = note.read_bytes()
        second = whole.index(b"\n") + 1
        for length in range(second, len(whole)):
            note.write_bytes(whole[:length])
            begun = users.Begun(self.folder / "users.json", False)
            self.assertEqual(list(begun.wrote), ["ada"])
            begun.adds("bob", package["bob"])
            # Which minute it was is noted too, and may be another one by now.
            both = [re.sub(rb"\d\d:\d\d UTC", b"UTC", text) for text in (note.read_bytes(), whole)]
            self.assertEqual((both[0], list(begun.wrote)), (both[1], ["ada", "bob"]))
        for length in (0, 1, second - 1):
            note.write_bytes(whole[:length])
            self.assertEqual(self.does("saved", package), "")
            self.assertFalse(note.exists())
        self.realm.held = before
        note.write_bytes(whole)
        self.assertNotEqual(self.does("saved", package), "")

    def test_whom_a_newer_package_does_not_have_stands_as_before_once_that_is_in(self) -> None:
        first, second = wanted("ada", "bob", "eve", realmRoles=["admin"]), wanted("eve", "kim")
        whole = set()
        for calls in itertools.product(range(1, 9), range(1, 9)):
            with self.subTest(calls):
                before = self.stands("bob", "ian", realmRoles=["member"], enabled=False).state()
                self.does("saved", first)
                # ada is created, bob may sign in; and nothing puts them back.
                self.breaks_off("imported", first, calls[0])
                for call in (calls[1], 0):
                    self.does("saved", second)
                    whole.add(not self.breaks_off("imported", second, call))
                held = self.realm.state()
                self.assertEqual({name: held[name] for name in before}, before)
                self.assertEqual(sorted(held), ["bob", "ian", "id-eve", "id-kim"])
                noted = users.Begun(self.folder / "users.json", True).wrote
                self.assertEqual(sorted(noted), ["eve", "kim"])
                (self.folder / "users.begun").unlink()
        self.assertEqual(whole, {False, True})

    def test_how_many_were_put_back_whom_the_package_does_not_have_is_told_with_when_their_import_began(self) -> None:
        first, second = wanted("ada", "bob", "eve", "joe"), wanted("kim")
        self.stands("bob", "eve", lastName="before")
        self.does("saved", first)
        self.does("imported", first)
        # Others have taken eve over since, and ada signs in even after it is saved.
        self.realm.update("eve", {**self.realm.held["eve"], "lastName": "Eve, married"})
        self.realm.revoke("eve", [{"name": "member"}])
        self.assertNotEqual(self.does("saved", second), "")
        self.realm.update("id-ada", {**self.realm.held["id-ada"], "requiredActions": []})
        work = users.Import(self.realm, second, False, str(self.folder / "names.json"))
        since = users.run(work, "imported", str(self.folder / "users.json"))
        self.assertRegex(since, r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$")
        self.assertEqual(work.summary, "users of the package: 1, 1 created, 3 kept, 2 put back")
        self.assertTrue(work.changed)
        held = self.realm.state()
        self.assertEqual([user["lastName"] for user in held.values()], ["before", "Eve, married", "${HOME}", "${HOME}"])
        self.assertEqual(sorted(held), ["bob", "eve", "id-ada", "id-kim"])
        # Of that import nothing stands any more by halves.
        self.does("restored", second)
        self.assertEqual(sorted(self.realm.held), ["bob", "eve", "id-ada"])
        self.assertEqual([path.name for path in self.folder.glob("*.begun")], [])

    def test_whom_others_deleted_since_is_missed_by_nobody_and_comes_back_by_no_import(self) -> None:
        for newer in (wanted("eve", "kim", "lou"), wanted("ada", "eve")):
            with self.subTest(sorted(newer)):
                first = wanted("ada", "eve")
                before = self.stands("ada", "eve", lastName="before").state()
                self.does("saved", first)
                self.assertTrue(self.breaks_off("imported", first, 3))
                self.realm.delete("ada")
                self.does("saved", newer)
                self.assertTrue(self.breaks_off("imported", newer, 3))
                self.does("restored", newer)
                self.assertEqual(self.realm.state(), {"eve": before["eve"]})

    def test_whom_others_delete_while_it_runs_is_counted_and_everybody_else_comes_back(self) -> None:
        package = wanted("ada", "eve")
        before = self.stands("ada", "eve", lastName="before").state()
        self.does("saved", package)
        self.does("imported", package)
        self.realm.delete("ada")
        work = users.Import(self.realm, package, False)
        users.run(work, "restored", str(self.folder / "users.json"))
        self.assertEqual(self.realm.state(), {"eve": before["eve"]})
        self.assertEqual(work.summary, "users of the package: 2, 1 updated, 1 roles, 1 gone")

    def test_each_value_is_the_imports_or_that_of_others(self) -> None:
        asked = wanted("ada", requiredActions=["UPDATE_PASSWORD", "CONFIGURE_TOTP"], attributes={"own": ["a"]})["ada"]
        stood = {**wanted("ada", lastName="L", attributes={"left": ["l"]}, requiredActions=[])["ada"], "id": "1"}
        stood["realmRoles"] = ["admin"]
        # As the import leaves somebody who was there.
        written = {**asked, "id": "1", "requiredActions": ["CONFIGURE_TOTP"], "realmRoles": ["member"]}

        def found(before: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
            now = {**written, **changes}
            was = users.before_halves(before, [asked], copy.deepcopy(now))
            names = sorted(stood)
            return was and {name: was[name] for name in names if was[name] != (before or {}).get(name)}

        self.assertEqual(found(stood), {})
        for changes in (
            {"enabled": False}, {"email": "new@example.invalid"}, {"requiredActions": []},
            {"requiredActions": ["VERIFY_EMAIL"]},
        ):  # fmt: skip
            with self.subTest(changes):
                self.assertEqual(found(stood, **changes), {k: v for k, v in changes.items() if v != []})
        self.assertEqual(found(stood, email="ADA@example.invalid"), {})
        given = found(stood, attributes={"own": ["a"], "locale": ["de"], "more": ["m"]})
        self.assertEqual(given, {"attributes": {"left": ["l"], "locale": ["de"], "more": ["m"]}})
        self.assertEqual(found(stood, realmRoles=["auditor", "member"]), {"realmRoles": ["admin", "auditor"]})
        # An import never asks for a second factor where there is one, so others did; and what was asked before stays.
        had = {**stood, "totp": True}
        self.assertEqual(found(had, totp=True), {"requiredActions": ["CONFIGURE_TOTP"]})
        with self.subTest("created"):
            new = {"requiredActions": ["CONFIGURE_TOTP", "UPDATE_PASSWORD"]}
            self.assertIsNone(found(None, **new))
            self.assertIsNone(found({**stood, "id": "deleted and made anew"}, **new))
            self.assertIsNone(found(None, **new, realmRoles=[]))
            for changes in ({"realmRoles": ["admin"]}, {"requiredActions": ["CONFIGURE_TOTP"]}, {"lastName": "x"}):
                self.assertEqual(found(None, **{**new, **changes})["username"], "ada")


class Names(unittest.TestCase):
    """No report and no log names anybody; one file at the target does, for root."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file, self.saved = (Path(folder.name, name) for name in ("names.json", "users.json"))
        self.package = wanted("ada", "bob")

    def run_as(self, state: str, realm: Realm) -> Any:
        work = users.Import(realm, self.package, False, str(self.file))
        users.run(work, state, str(self.saved))
        return work

    def named(self) -> Any:
        return json.loads(self.file.read_text()) if self.file.exists() else None

    def test_whom_an_import_stopped_at_is_named_after_everybody_is_put_back(self) -> None:
        realm = Realm(fails_at=3)  # two calls for each of them
        self.run_as("saved", realm)
        with self.assertRaises(StufError) as stopped:
            self.run_as("imported", realm)
        said = f"Keycloak answered 500; for whom: sudo cat {self.file}, at the target"
        self.assertEqual(str(stopped.exception), said)
        self.run_as("restored", realm)
        self.assertEqual(realm.held, {})
        self.assertEqual(self.named(), {"bob": ["import: Keycloak answered 500"]})
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        with self.subTest("until nobody is to be named"):
            self.run_as("imported", realm)
            self.assertIsNone(self.named())

    def test_whom_a_comparison_tells_of_is_named_by_the_checks_and_in_none_of_them(self) -> None:
        realm = Realm({"id": "9", "username": "stays", "enabled": True})
        self.run_as("imported", realm)
        realm.held["id-ada"].update(lastName="x", attributes={"collections": ['{"stufpack-validation":["read"]}']})
        realm.held["id-bob"]["realm"].add("admin")
        realm.clients["9"] = {"account/x"}
        work = self.run_as("compared", realm)
        self.assertEqual(
            {name: sorted(told) for name, told in self.named().items()},
            {
                "ada": ["identity/attributes", "identity/fields", "identity/validation-collection"],
                "bob": ["identity/roles"],
                "stays": ["identity/further-rights", "identity/others"],
            },
        )
        said = str([work.checks, work.summary]).replace(str(self.file), "")
        self.assertEqual([name for name in ("ada", "bob", "stays") if name in said], [])
        self.run_as("imported", realm)
        del realm.held["9"]
        self.run_as("compared", realm)
        self.assertIsNone(self.named())

    def test_a_dry_run_leaves_the_file_as_it_is(self) -> None:
        self.file.write_text("{}")
        users.run(users.Import(Realm(), self.package, True, str(self.file)), "compared", str(self.saved))
        self.assertEqual(self.named(), {})


if __name__ == "__main__":
    unittest.main()
