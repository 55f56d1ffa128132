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
        self.sent: list[str] = []

    def users(self) -> list[dict[str, Any]]:
        return [{"id": f"id-{name}", "username": name, "enabled": True} for name in self.names]

    def has_password(self, user: str) -> bool:
        return user in self.passwords

    def invite(self, user: str, actions: list[str], query: dict[str, str]) -> None:
        assert (actions, query["client_id"]) == (["UPDATE_PASSWORD"], "stuf-spa")
        self.sent.append(user)


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

    def test_whoever_is_invited_again_as_the_plan_says_has_a_link_until_the_cutover(self) -> None:
        cutover = 30 * DAY
        for lifespan in (HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 30 * DAY):
            again = min(lifespan // 2, DAY)  # as chapter 11 prints it
            for first in range(0, cutover - again, 13 * HOUR):
                (self.folder / "invited.json").unlink(missing_ok=True)
                self.at(first, lifespan)
                self.at(cutover - again, lifespan)
                sent = json.loads((self.folder / "invited.json").read_text())
                self.assertGreaterEqual(min(sent.values()) + lifespan, NOW + cutover, (lifespan, first))


if __name__ == "__main__":
    unittest.main()
