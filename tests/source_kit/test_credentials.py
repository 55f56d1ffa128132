"""Credentials: whose line sshd gets, which verbs they allow, and that their end is an end."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import unittest
from unittest.mock import patch

from kit import MachineTest, credentials, main

UTC = datetime.UTC


def ahead(**time: int) -> str:
    """A moment from now."""
    moment = datetime.datetime.now(UTC) + datetime.timedelta(**time)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Credentials(MachineTest):
    def issue(self, **time: int) -> dict[str, object]:
        """A cutover credential: an SSH key alone, so that no store is needed."""
        return self.does("issue", "source-cutover", "until", ahead(**(time or {"days": 1})))

    def identifier(self) -> str:
        """The name of the one credential."""
        return str(self.does("status")["credentials"][0]["id"])

    def lines(self) -> list[str]:
        """What sshd reads."""
        return self.places.authorized_keys.read_text().splitlines()

    def at(self, **time: int) -> None:
        """Lets the program's clock show another time from now on."""
        moved = datetime.datetime.now(UTC) + datetime.timedelta(**time)

        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
                return cls.fromtimestamp(moved.timestamp(), tz)

        clock = patch.object(main.datetime, "datetime", Clock)
        clock.start()
        self.addCleanup(clock.stop)

    def test_a_key_may_call_one_program_until_its_end_and_nothing_else(self) -> None:
        ends = ahead(days=2)
        made = self.does("issue", "source-cutover", "until", ends)
        (line,) = self.lines()
        identifier = self.identifier()
        stamp = re.sub("[-:T]", "", ends)
        command = f"/usr/bin/sudo -n /usr/local/lib/stuf-source/serve {identifier}"
        self.assertTrue(line.startswith(f'restrict,expiry-time="{stamp}",command="{command}" ssh-ed25519 AAAA'), line)
        self.assertTrue(line.endswith(f" {identifier}"))
        ssh = made["ssh"]
        self.assertEqual((ssh["host"], ssh["port"], ssh["user"]), ("source.example.org", 22, "root"))
        self.assertEqual(ssh["host_keys"], ["ssh-ed25519 AAAAhost"])
        key = self.root / "key"
        key.write_text(ssh["private_key"])
        key.chmod(0o600)
        public = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
        self.assertIn(" ".join(public.split()[:2]), line)

    def test_what_is_secret_is_in_the_answer_alone(self) -> None:
        private = str(self.issue()["ssh"]["private_key"])
        secret = private.splitlines()[2].encode()
        for file in self.root.rglob("*"):
            if file.is_file():
                self.assertNotIn(secret, file.read_bytes(), file)
        kept = [file for file in self.places.state.rglob("*") if file.is_file()]
        self.assertEqual({file.name: file.stat().st_mode & 0o077 for file in kept}, {file.name: 0 for file in kept})

    def test_an_end_is_after_now_and_within_ninety_days(self) -> None:
        for time in ({"seconds": -1}, {"days": 91}):
            code, _, told = self.by_root("issue", "source-cutover", "until", ahead(**time))
            self.assertEqual((code, "within 90 days" in told), (12, True), told)
        self.assertFalse(self.places.authorized_keys.exists())

    def test_no_storage_key_is_promised_where_none_can_be_made(self) -> None:
        code, _, told = self.by_root("issue", "source-read", "until", ahead(days=1))
        self.assertEqual((code, "no storage" in told), (12, True), told)

    def test_a_request_is_answered_and_noted_without_what_came_with_it(self) -> None:
        self.issue()
        identifier = self.identifier()
        code, said, _ = self.over_ssh(identifier, b"status")
        self.assertEqual((code, json.loads(said)["installation"]), (0, "example.stuf.pyx.io"))
        code, said, told = self.over_ssh(identifier, b"status; id #secret-of-somebody")
        self.assertEqual((code, said), (12, ""))
        log = (self.places.state / "log.jsonl").read_text()
        self.assertNotIn("secret-of-somebody", log + told)
        noted = [(entry["by"], entry["what"], entry["exit"]) for entry in map(json.loads, log.splitlines())]
        self.assertEqual(noted[-2:], [(identifier, "status", 0), (identifier, "refused", 12)])

    def test_a_kind_keeps_to_its_verbs(self) -> None:
        self.issue()
        code, _, told = self.over_ssh(self.identifier(), f"issue source-read until {ahead(days=1)}".encode())
        self.assertEqual((code, "source-cutover may not issue" in told), (12, True), told)

    def test_after_its_end_a_credential_is_refused_even_before_it_is_taken_away(self) -> None:
        self.issue(hours=1)
        identifier = self.identifier()
        self.assertEqual(self.over_ssh(identifier, b"status")[0], 0)
        self.at(hours=1, seconds=1)
        code, said, told = self.over_ssh(identifier, b"status")
        self.assertEqual((code, said), (12, ""))
        self.assertIn("ended at", told)
        self.assertEqual(len(self.lines()), 1)
        self.assertEqual(self.by_root("watch")[0], 0)
        self.assertEqual(self.lines(), [])
        code, _, told = self.over_ssh(identifier, b"status")
        self.assertEqual((code, "no such credential" in told), (12, True))

    def test_revoked_is_revoked_and_others_stay(self) -> None:
        self.issue()
        first = self.identifier()
        self.issue()
        self.assertEqual(self.does("revoke", first), {"revoked": first})
        self.assertNotIn(first, "".join(self.lines()))
        self.assertEqual(len(self.lines()), 1)
        self.assertEqual(self.over_ssh(first, b"status")[0], 12)
        self.assertEqual(self.over_ssh(self.identifier(), b"status")[0], 0)
        self.assertEqual(self.by_root("revoke", first)[0], 12)

    def test_a_name_that_is_none_opens_nothing(self) -> None:
        for name in ("", "../frozen", "read-1a2b3c4d/../x", "cutover-00000000", "root", "read-1a2b3c4d\n"):
            with self.subTest(name):
                self.assertEqual(self.over_ssh(name, b"status")[0], 12)

    def test_an_operators_key_may_ask_for_every_verb_and_is_taken_as_a_key_alone(self) -> None:
        key = self.root / "operator.pub"
        blob = "A" * 68
        for text in (f'command="sh" ssh-ed25519 {blob}', "ssh-rsa AAAA", f"ssh-dss {blob}", "", "\nssh-ed25519 x"):
            key.write_text(text)
            self.assertEqual(self.by_root("admit", str(key), "until", ahead(days=1))[0], 12, text)
        key.write_text(f'ssh-ed25519 {blob} me@here\ncommand="sh" ssh-ed25519 {blob}\n')
        admitted = self.does("admit", str(key), "until", ahead(days=1))
        (line,) = self.lines()
        self.assertTrue(line.endswith(f" ssh-ed25519 {blob} {admitted['admitted']}"), line)
        code, said, told = self.over_ssh(
            str(admitted["admitted"]), f"issue source-cutover until {ahead(days=1)}".encode()
        )
        self.assertEqual((code, json.loads(said)["kind"]), (0, "source-cutover"), told)

    def test_who_may_only_read_sees_its_own_end_alone(self) -> None:
        self.issue()
        mine = credentials.Credential("read-1a2b3c4d", "source-read", ahead(days=1), "ssh-ed25519 AAAA", None)
        credentials.Register(self.places).keep(mine)
        seen = json.loads(self.over_ssh("read-1a2b3c4d", b"status")[1])["credentials"]
        self.assertEqual([one["id"] for one in seen], ["read-1a2b3c4d"])


if __name__ == "__main__":
    unittest.main()
