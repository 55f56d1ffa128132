"""Credentials: whose line sshd gets, which verbs they allow, and that their end is an end."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import unittest
from typing import Any
from unittest.mock import patch

from kit import MachineTest, credentials, example, iam, main, program

UTC = datetime.UTC
SourceError, Unanswered = program("failure").SourceError, program("failure").Unanswered
store = program("store")


def ahead(**time: int) -> str:
    """A moment from now."""
    moment = datetime.datetime.now(UTC) + datetime.timedelta(**time)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class CredentialTest(MachineTest):
    """A machine with credentials, and a clock that moves."""

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


class Credentials(CredentialTest):
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

    def test_who_cuts_over_cannot_revoke_the_operator(self) -> None:
        key = self.root / "operator.pub"
        key.write_text("ssh-ed25519 " + "A" * 68)
        operator = str(self.does("admit", str(key), "until", ahead(days=1))["admitted"])
        self.issue()
        (mine,) = (one["id"] for one in self.does("status")["credentials"] if one["kind"] == "source-cutover")
        code, _, told = self.over_ssh(mine, f"revoke {operator}".encode())
        self.assertEqual((code, "may revoke itself" in told), (12, True), told)
        self.assertEqual(self.over_ssh(operator, b"status")[0], 0)
        self.assertEqual(self.over_ssh(mine, f"revoke {mine}".encode())[0], 0)
        self.assertEqual(self.over_ssh(mine, b"status")[0], 12)

    def test_a_broken_entry_lets_nobody_in_and_can_be_revoked(self) -> None:
        self.issue()
        broken = self.identifier()
        self.issue()
        (other,) = (one["id"] for one in self.does("status")["credentials"] if one["id"] != broken)
        entry = self.places.state / f"credentials/{broken}.json"
        for text in ("", "[]", "{", '{"id": "x"}', entry.read_text().replace("Z", "")):
            entry.write_text(text)
            code, said, told = self.over_ssh(broken, b"status")
            self.assertEqual((code, said, f"next: stuf-source revoke {broken}" in told), (1, "", True), told)
            self.assertEqual([one["id"] for one in self.does("status")["credentials"]], [other])
        self.does("revoke", broken)
        self.assertFalse(entry.exists())
        self.assertEqual([line.rsplit(" ", 1)[1] for line in self.lines()], [other])


class Watch(CredentialTest):
    """The timer's works: whatever stops one of them stops no other, and is told."""

    def setUp(self) -> None:
        super().setUp()
        self.issue(hours=1)

    def ends(self, code: int, *said: str) -> None:
        """The credential ends, whatever else goes wrong; that is told."""
        self.assertEqual(len(self.lines()), 1)
        self.at(hours=1, seconds=1)
        found, _, told = self.by_root("watch")
        self.assertEqual(found, code, told)
        for words in (*said, "ended: cutover-"):
            self.assertIn(words, told)
        self.assertEqual((self.lines(), credentials.Register(self.places).names()), ([], []))

    def test_a_broken_record_of_the_freeze(self) -> None:
        (self.places.state / "frozen.json").write_text("{")
        self.ends(11, "frozen.json is broken")

    def test_an_authority_that_is_none(self) -> None:
        self.does("freeze")
        for name in ("access_key_file", "secret_key_file"):
            (self.root / name).write_text("a-secret-of-the-storage")
        files = {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        self.settle(storage=example()["storage"] | files | {"ca": "-----BEGIN CERTIFICATE-----\nnone"})
        self.ends(1, "storage.ca of the settings is not a certificate")

    def test_a_missing_key_of_the_storage(self) -> None:
        self.does("freeze")
        self.settle(storage=example()["storage"] | {"access_key_file": str(self.root / "none")})
        self.ends(1, "the proxy was opened, the bucket was not", "cannot be read")
        self.assertFalse((self.switches / "read-only").exists())

    def test_a_log_that_takes_nothing(self) -> None:
        self.does("freeze")
        log = self.places.state / "log.jsonl"
        log.unlink()
        log.mkdir()
        self.ends(1, "nobody renewed the freeze", "the log could not be written (IsADirectoryError: Is a directory)")
        self.assertFalse((self.switches / "read-only").exists())

    def test_what_nobody_thought_of_is_told_without_its_words(self) -> None:
        with patch.object(main.Doors, "watch", side_effect=KeyError("a-secret-of-somebody")):
            self.ends(1, "the timer could not do its work (KeyError)")
        self.assertNotIn("a-secret-of-somebody", (self.places.state / "log.jsonl").read_text())

    def test_a_broken_entry_of_the_register(self) -> None:
        (self.places.state / "credentials/cutover-00000000.json").write_text("{")
        self.at(hours=1, seconds=1)
        code, _, told = self.by_root("watch")
        self.assertEqual((code, "cutover-00000000 is broken; next: stuf-source revoke" in told), (1, True), told)
        self.assertEqual(self.lines(), [])

    def test_a_storage_key_that_cannot_be_taken_away(self) -> None:
        ended = ahead(hours=1)
        readers = [f"read-0000000{number}" for number in range(3)]
        for name in readers:
            kept = credentials.Credential(name, "source-read", ended, "ssh-ed25519 AAAA", f"stuf-source-{name}")
            credentials.Register(self.places).keep(kept)
        for name in ("access_key_file", "secret_key_file"):
            (self.root / name).write_text("x")
        files = {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        self.settle(storage=example()["storage"] | files)
        removed: list[str] = []

        def remove(_: object, user: str) -> None:
            if user.endswith("0"):
                raise SourceError("DeleteUser was answered with 409 DeleteConflict")
            removed.append(user)

        self.at(hours=1, seconds=1)
        with patch.object(credentials.Store, "remove_reader", remove):
            code, _, told = self.by_root("watch")
        self.assertEqual((code, "DeleteConflict" in told), (1, True), told)
        self.assertEqual(removed, [f"stuf-source-{name}" for name in readers[1:]])
        self.assertEqual(credentials.Register(self.places).names(), readers[:1], "it is tried again")


class Answers(MachineTest):
    """What a store, or something in its place, answers."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("access_key_file", "secret_key_file"):
            (self.root / name).write_text("x")
        files = {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        self.settle(storage=example()["storage"] | files)
        self.asked = store.Store(program("settings").read(self.places.settings).storage)

    def test_what_never_reached_a_store_is_told_from_what_it_did_not_answer(self) -> None:
        connection = store.http.client.HTTPSConnection
        with patch.object(connection, "connect", side_effect=ConnectionRefusedError):
            with self.assertRaises(SourceError) as told:
                self.asked.set_policy(None)
            self.assertIs(type(told.exception), SourceError)
        silent = patch.object(connection, "request", side_effect=TimeoutError)
        with patch.object(connection, "connect"), silent, self.assertRaises(Unanswered):
            self.asked.set_policy(None)

    def test_what_is_no_answer_of_a_store_is_told_as_that(self) -> None:
        for status, body, kind in (
            (200, b"<html>", SourceError),
            (403, b"<html>", SourceError),
            (500, b"", Unanswered),
        ):
            with patch.object(store.Store, "_ask", return_value=store.Answer(status, body)):
                with self.subTest(status), self.assertRaises(SourceError) as told:
                    self.asked.policy()
                self.assertIs(type(told.exception), kind)
                with self.subTest(status), self.assertRaises(SourceError):
                    self.asked.remove_reader("stuf-source-read-1a2b3c4d")

    def answering(self, status: int, body: bytes) -> Any:
        """Everything is answered so."""
        return patch.object(store.Store, "_ask", return_value=store.Answer(status, body))

    #: What a proxy, a portal or another service sends, some of it with what a client would look for.
    PAGES = (
        b"",
        b"<html><p>",
        b"{}",
        b"\xff\xfe",
        b"<html><AccessKeyId>AKIA1</AccessKeyId><SecretAccessKey>none</SecretAccessKey></html>",
        b"<CreateAccessKeyResponse><AccessKeyId>AKIA1</AccessKeyId></CreateAccessKeyResponse>",
        b"<Error><Code>NoSuchEntity</Code></Error>",
        iam("CreateAccessKeyResponse", namespace="http://www.w3.org/1999/xhtml"),
        iam("ErrorResponse", "<Error><Code>Throttling</Code></Error>"),
        iam("GetUserResponse"),
    )

    def test_nothing_but_iam_s_own_answer_says_that_a_reader_was_made(self) -> None:
        for page in (*self.PAGES, iam("CreateUserResponse") + b"<p>"):
            with (
                self.subTest(page),
                self.answering(200, page),
                self.assertRaisesRegex(SourceError, r"\ACreateUser was answered with 200, and not by IAM; next: "),
            ):
                self.asked.add_reader("stuf-source-read-1a2b3c4d", ahead(days=1))
        asked = [iam(f"{action}Response") for action in ("CreateUser", "PutUserPolicy", "CreateAccessKey")]
        for last in (asked[2], iam("CreateAccessKeyResponse", "<AccessKeyId>AKIA1</AccessKeyId>")):
            answers = [store.Answer(200, body) for body in (*asked[:2], last)]
            with (
                self.subTest(last),
                patch.object(store.Store, "_ask", side_effect=answers),
                self.assertRaisesRegex(SourceError, "CreateAccessKey was answered without a key"),
            ):
                self.asked.add_reader("stuf-source-read-1a2b3c4d", ahead(days=1))

    def test_nothing_but_iam_s_own_answer_says_that_a_reader_is_gone(self) -> None:
        user = "stuf-source-read-1a2b3c4d"
        for status in (200, 404):
            for page in self.PAGES:
                with self.subTest(page, status=status), self.answering(status, page), self.assertRaises(SourceError):
                    self.asked.remove_reader(user)
        with self.answering(404, iam("ErrorResponse", "<Error><Code>NoSuchEntity</Code></Error>")):
            self.asked.remove_reader(user)

    def test_nothing_but_s3_s_own_answer_says_what_a_bucket_s_policy_is(self) -> None:
        for status in (200, 404):
            for page in (*self.PAGES, b"[]", b'{"error": "sign in"}', b"<Error><Code>NoSuchBucket</Code></Error>"):
                with self.subTest(page, status=status), self.answering(status, page), self.assertRaises(SourceError):
                    self.asked.policy()
        for name in ("<Error>", '<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'):
            with self.answering(404, f"{name}<Code>NoSuchBucketPolicy</Code></Error>".encode()):
                self.assertIsNone(self.asked.policy())

    def test_a_page_in_the_place_of_an_answer_leaves_open_what_became_of_a_policy(self) -> None:
        for policy in (None, {"Statement": []}):
            for page in (b"<html>", b'\n<?xml version="1.0"?><Error/>', b'{"error": "sign in"}'):
                with self.answering(200, page), self.assertRaisesRegex(Unanswered, "BucketPolicy was .* not by S3"):
                    self.asked.set_policy(policy)
            for status in (200, 204):
                with self.answering(status, b""):
                    self.asked.set_policy(policy)


if __name__ == "__main__":
    unittest.main()
