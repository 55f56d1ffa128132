"""Invitations: nobody is left with a link that ends before it is needed, and nobody gets two without need."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from modules import module

invitations = module("stuf_invitations")
HOUR, DAY = 3600, 86_400
NOW = 1_800_000_000.0


class Realm:
    """Keycloak as the module sees it: who has a password, and to whom it has sent a message."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.passwords: set[str] = set()
        self.owing: set[str] = set()  # who has to change it at the next sign-in
        self.sent: list[str] = []
        self.refuses: set[str] = set()
        self.set: dict[str, str] = {}
        self.corrected: dict[str, str] = {}  # addresses of users that somebody has changed

    def users(self) -> list[dict[str, Any]]:
        addresses = {name: f"{name}@harbour.example" for name in self.names} | self.corrected
        people = [
            {"id": f"id-{name}", "username": name, "email": addresses[name], "enabled": True} for name in self.names
        ]
        return [user | {"requiredActions": ["UPDATE_PASSWORD"] * (user["id"] in self.owing)} for user in people]

    def has_password(self, user: str) -> bool:
        return user in self.passwords

    def invite(self, user: str, actions: list[str], query: dict[str, str]) -> None:
        assert (actions, query["client_id"]) == (["UPDATE_PASSWORD"], "stuf-spa")
        if user in self.refuses:
            raise invitations.StufError("Keycloak answered 500 to PUT /users/ID/execute-actions-email")
        self.sent.append(user)

    def set_password(self, user: str, password: str, *, temporary: bool) -> None:
        assert temporary
        if user in self.refuses:
            raise invitations.StufError("Keycloak answered 400 to PUT /users/ID/reset-password (invalidPassword)")
        self.passwords.add(user)
        self.owing.add(user)
        self.set[user] = password


class Mail(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.realm = Realm("ada", "bob")
        users = {"users": [{"username": name} for name in self.realm.names]}
        (self.folder / "users.json").write_text(json.dumps(users))

    def at(self, moment: float, lifespan: int) -> list[str]:
        """To whom a call at a moment sends."""
        given = {
            "require_totp": False, "work_dir": str(self.folder), "users_file": str(self.folder / "users.json"),
            "lifespan_seconds": lifespan, "redirect_uri": "https://harbour.example/",
        }  # fmt: skip
        self.realm.sent.clear()
        invitations.Invitations(self.realm, given, dry=False).mail(NOW + moment)
        return sorted(self.realm.sent)

    def test_a_link_that_holds_for_longer_than_a_day_is_not_sent_twice(self) -> None:
        self.assertEqual(self.at(0, 3 * DAY), ["id-ada", "id-bob"])
        self.assertEqual(self.at(60, 3 * DAY), [])
        self.assertEqual(self.at(2 * DAY - 1, 3 * DAY), [])

    def test_one_that_has_ended_or_ends_within_a_day_is_sent_anew_to_whoever_has_no_password(self) -> None:
        self.at(0, 3 * DAY)
        self.realm.passwords.add("id-ada")
        self.assertEqual(self.at(2 * DAY, 3 * DAY), ["id-bob"])
        self.assertEqual(self.at(2 * DAY + 60, 3 * DAY), [])
        self.assertEqual(self.at(9 * DAY, 3 * DAY), ["id-bob"])

    def test_whose_address_was_corrected_gets_a_link_at_once_and_once(self) -> None:
        self.at(0, 3 * DAY)
        self.realm.corrected["ada"] = "Ada.Right@harbour.example"
        self.assertEqual(self.at(HOUR, 3 * DAY), ["id-ada"])
        self.realm.corrected["ada"] = "ada.right@harbour.example"
        self.assertEqual(self.at(2 * HOUR, 3 * DAY), [])
        self.assertEqual(self.at(2 * DAY, 3 * DAY), ["id-bob"])

    def test_what_an_earlier_version_noted_still_keeps_from_sending_twice(self) -> None:
        (self.folder / "invited.json").write_text(json.dumps({"id-ada": NOW, "id-bob": NOW - 2 * DAY}))
        self.assertEqual(self.at(HOUR, 3 * DAY), ["id-bob"])
        self.assertEqual(self.at(2 * DAY, 3 * DAY), ["id-ada"])

    def test_whoever_is_invited_again_as_the_plan_says_has_a_link_until_the_cutover(self) -> None:
        cutover = 30 * DAY
        for lifespan in (HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 30 * DAY):
            again = min(lifespan // 2, DAY)  # as chapter 11 prints it
            for first in range(0, cutover - again, 13 * HOUR):
                (self.folder / "invited.json").unlink(missing_ok=True)
                self.at(first, lifespan)
                self.at(cutover - again, lifespan)
                sent = json.loads((self.folder / "invited.json").read_text())
                self.assertGreaterEqual(
                    min(note["at"] for note in sent.values()) + lifespan, NOW + cutover, (lifespan, first)
                )


class Refusals(unittest.TestCase):
    """One address that Keycloak refuses keeps nobody else waiting."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.refusals = self.folder / "refused-invitations.json"
        self.realm = Realm(*(f"user{number:02}" for number in range(54)))
        users = {"users": [{"username": name} for name in self.realm.names]}
        (self.folder / "users.json").write_text(json.dumps(users))

    def call(self, state: str = "mailed", moment: float = 0) -> tuple[dict[str, int], str]:
        """The numbers of one call, and what it says where somebody was refused."""
        given = {
            "require_totp": False, "work_dir": str(self.folder), "users_file": str(self.folder / "users.json"),
            "lifespan_seconds": 3 * DAY, "redirect_uri": "https://harbour.example/",
        }  # fmt: skip
        self.realm.sent.clear()
        work = invitations.Invitations(self.realm, given, dry=False)
        if state == "mailed":
            work.mail(NOW + moment)
        else:
            work.prepare()
            work = invitations.Invitations(self.realm, given, dry=False)
            work.set()
        said = work.keep_refused()
        return {word: number for word, number in work.counts.items() if number}, said

    def test_everybody_else_is_invited_and_the_next_call_tries_only_who_is_missing(self) -> None:
        self.realm.refuses = {"id-user03", "id-user30"}
        counts, said = self.call()
        self.assertEqual(counts, {"invited": 52, "refused": 2})
        self.assertEqual(
            said,
            "2 refused, 52 invited, 0 invited before, 0 set up, 0 disabled. Who was refused, and why: sudo cat "
            f"{self.refusals}, at the target. Next: correct that, then ./migrate invite, which invites those who are "
            "missing and nobody else",
        )
        self.assertEqual(self.refusals.stat().st_mode & 0o777, 0o600)
        left = json.loads(self.refusals.read_text())
        self.assertEqual([one["username"] for one in left], ["user03", "user30"])
        self.assertIn("answered 500", left[0]["why"])

        self.realm.refuses = {"id-user30"}
        counts, said = self.call(moment=60)
        self.assertEqual((counts, self.realm.sent), ({"invited": 1, "waiting": 52, "refused": 1}, ["id-user03"]))
        self.assertEqual([one["username"] for one in json.loads(self.refusals.read_text())], ["user30"])

        self.realm.refuses = set()
        counts, said = self.call(moment=120)
        self.assertEqual((counts, said, self.realm.sent), ({"invited": 1, "waiting": 53}, "", ["id-user30"]))
        self.assertFalse(self.refusals.exists())

    def test_where_all_are_refused_it_ends_early_and_those_come_last_the_next_time(self) -> None:
        self.realm.refuses = {f"id-user{number:02}" for number in range(20)}
        counts, said = self.call()
        self.assertEqual(counts, {"refused": 10, "not_tried": 44})
        self.assertIn("; 44 not tried, since 10 in a row were refused: see that mail goes out. Who", said)
        self.assertEqual(self.call()[0], {"refused": 10, "not_tried": 44})
        left = [one["username"] for one in json.loads(self.refusals.read_text())]
        self.assertEqual(left, [f"user{number:02}" for number in range(20)])
        # Who was tried longest ago is tried first, so nobody waits for ever behind those who are refused each time.
        self.realm.refuses = {f"id-user{number:02}" for number in range(10)}
        self.assertEqual(self.call()[0], {"invited": 34, "refused": 10, "not_tried": 10})
        self.assertEqual(self.call()[0], {"invited": 10, "waiting": 34, "refused": 10})

    def test_a_password_that_is_refused_waits_and_the_others_are_set(self) -> None:
        self.realm.refuses = {"id-user03"}
        counts, said = self.call("one-time-password")
        self.assertEqual(counts, {"invited": 53, "refused": 1})
        self.assertTrue(said.startswith("1 refused, 53 invited, "))
        waiting = self.folder / "one-time-passwords.json"
        (entry,) = json.loads(waiting.read_text()).values()
        self.assertEqual(entry["username"], "user03")

        self.realm.refuses = set()
        counts, said = self.call("one-time-password")
        self.assertEqual((counts, said), ({"invited": 1, "waiting": 53}, ""))
        self.assertEqual(self.realm.set["id-user03"], entry["password"])
        self.assertFalse(waiting.exists() or self.refusals.exists())


class OneTime(unittest.TestCase):
    """One-time passwords, handed over by people."""

    def test_a_password_that_nobody_has_used_yet_is_waiting_and_one_that_was_deleted_is_made_anew(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        users = Path(folder.name) / "users.json"
        users.write_text(json.dumps({"users": [{"username": "ada"}, {"username": "bob"}]}))
        realm = Realm("ada", "bob")
        given = {
            "require_totp": True, "work_dir": folder.name, "users_file": str(users), "lifespan_seconds": HOUR,
            "redirect_uri": "https://harbour.example/",
        }  # fmt: skip

        def called() -> tuple[list[str], dict[str, int]]:
            made = invitations.Invitations(realm, given, dry=False).prepare()
            work = invitations.Invitations(realm, given, dry=False)
            work.set()
            counts = {word: number for word, number in work.counts.items() if number}
            return [line.split(",")[0].strip('"') for line in made.splitlines()], counts

        self.assertEqual(called(), (["ada", "bob"], {"invited": 2}))
        self.assertEqual(called(), ([], {"waiting": 2}))
        realm.owing.discard("id-ada")
        self.assertEqual(called(), ([], {"waiting": 1, "set_up": 1}))
        realm.passwords.discard("id-bob")
        self.assertEqual(called(), (["bob"], {"invited": 1, "set_up": 1}))


if __name__ == "__main__":
    unittest.main()
