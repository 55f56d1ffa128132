"""The migration's own messages, sent to the bench's strict receivers: told once, and refused where they are wrong."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from modules import ROOT, module

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench/contexts/services"))

import sentry as sentry_receiver
import web
import zulip as zulip_receiver

messages = module("stuf_message")
StufError = module("stufpack_http").StufError

CHANNEL, TOPIC, BOT, KEY = 'harbour/uploads #1 "live"', "Uploads – {{ 7 }} ${NOW}", "bot@zulip.example", "a1" * 16
PROJECT, PUBLIC = "42", "0123456789abcdef" * 2
NOW = datetime.now(UTC)


@contextlib.contextmanager
def serving(receiver: web.Receiver) -> Iterator[str]:
    """A receiver without TLS on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Quiet", (web.handler(receiver),), {"log_message": _quiet}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _quiet(*_: object) -> None:
    """No log."""


class Receivers(unittest.TestCase):
    """Both receivers on this machine, and a package's settings for them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("zulip", "sentry", "secrets", "configuration"):
            (self.folder / name).mkdir()
        self.zulip = zulip_receiver.Zulip(self.folder / "zulip", CHANNEL, BOT, KEY)
        self.sentry = sentry_receiver.Sentry(self.folder / "sentry", PROJECT, PUBLIC)
        self.at: dict[str, str] = {}
        for name, receiver in (("zulip", self.zulip), ("sentry", self.sentry)):
            self.at[name] = self.enterContext(serving(receiver))
        self.secret("zulip_api_key", KEY)
        self.secret("sentry_dsn", f"http://{PUBLIC}@{self.at['sentry']}/{PROJECT}")
        self.settings()

    def secret(self, name: str, value: str) -> None:
        (self.folder / "secrets" / name).write_text(value)

    def settings(self, **zulip: str) -> None:
        """The package's settings."""
        about = {"site": f"http://{self.at['zulip']}", "channel": CHANNEL, "topic": TOPIC, "bot_email": BOT}
        documents = {
            "zulip": {**about, "api_key_secret": "zulip_api_key", **zulip},
            "sentry": {"environment": "production: no", "dsn_secret": "sentry_dsn"},
        }
        for name, content in documents.items():
            text = json.dumps({"schema_version": 1, name: content})
            (self.folder / "configuration" / f"{name}.json").write_text(text)

    @property
    def given(self) -> dict[str, str]:
        folders = {"secrets_dir": "secrets", "configuration_dir": "configuration", "notes_dir": "notes"}
        return {name: str(self.folder / place) for name, place in folders.items()}

    @staticmethod
    def event(name: str = "import", package: int = 1, occurrence: str = "") -> Any:
        return messages.Event("harbour production", package, name, "60 users are in.", occurrence)


class Messages(Receivers):
    def test_zulip_gets_one_message_for_each_event_however_often_it_is_told(self) -> None:
        self.assertTrue(messages.zulip(self.given, self.event())[0])
        self.assertEqual(messages.zulip(self.given, self.event()), (False, "message 1 of the bot in the topic"))
        self.assertTrue(messages.zulip(self.given, self.event("verify"))[0])
        self.assertTrue(messages.zulip(self.given, self.event(package=2))[0])
        kept = self.zulip.kept()
        self.assertEqual(len(kept), 3)
        self.assertEqual((kept[0]["display_recipient"], kept[0]["subject"]), (CHANNEL, TOPIC))
        self.assertIn("**harbour production**, package 1: 60 users are in.", str(kept[0]["content"]))

    def test_sentry_takes_one_event_also_where_nobody_noted_that_it_did(self) -> None:
        sent, said = messages.sentry(self.given, self.event())
        self.assertEqual((sent, messages.sentry(self.given, self.event())), (True, (False, said)))
        for note in (self.folder / "notes").iterdir():
            self.assertEqual(note.stat().st_mode & 0o777, 0o600)
            note.unlink()
        self.assertTrue(messages.sentry(self.given, self.event())[0])
        (kept,) = self.sentry.kept()
        self.assertEqual(
            (kept["level"], kept["environment"], kept["tags"]), ("info", "production: no", {"stufpack.event": "import"})
        )

    def test_each_run_of_a_verification_sends_its_own_and_a_repeated_step_none(self) -> None:
        for service, receiver in ((messages.zulip, self.zulip), (messages.sentry, self.sentry)):
            for run in ("run 4", "run 5"):
                said = [service(self.given, self.event("verify", occurrence=run)) for _ in range(3)]
                self.assertEqual([sent for sent, _ in said], [True, False, False])
                self.assertEqual(len({observed for _, observed in said}), 1)
            self.assertEqual(len(receiver.kept()), 2)

    def test_what_an_earlier_run_left_does_not_show_that_messages_arrive_now(self) -> None:
        for service in (messages.zulip, messages.sentry):
            service(self.given, self.event("verify", occurrence="run 4"))
        self.secret("zulip_api_key", "b2" * 16)
        self.secret("sentry_dsn", f"http://{'f' * 32}@{self.at['sentry']}/{PROJECT}")
        for service, answer in ((messages.zulip, "answered 401"), (messages.sentry, "answered 403")):
            with self.assertRaisesRegex(StufError, answer):
                service(self.given, self.event("verify", occurrence="run 5"))

    def test_verify_tells_of_each_run_and_import_of_itself_once(self) -> None:
        told = {}
        for phase in ("import", "verify"):
            (play,) = yaml.safe_load((ROOT / f"playbooks/{phase}.yml").read_text())
            told[phase] = [task["vars"] for task in play["tasks"] if "notification_event" in task.get("vars", {})]
        self.assertEqual([found["notification_occurrence"] for found in told["import"]], [""])
        (verify,) = told["verify"]
        self.assertIn("{{ stufpack_run }}", verify["notification_occurrence"])
        (send, _) = yaml.safe_load((ROOT / "roles/notification/tasks/send.yml").read_text())
        self.assertEqual(send["stuf_message"]["occurrence"], "{{ notification_occurrence }}")

    def test_what_is_refused_is_said_without_a_secret(self) -> None:
        for wrong, said in (
            (lambda: self.secret("zulip_api_key", "b2" * 16), "answered 401 INVALID_API_KEY"),
            (lambda: self.settings(channel="other"), "answered 400 BAD_NARROW"),
            (lambda: self.settings(topic="t" * 61), "answered 400 BAD_REQUEST"),
        ):
            wrong()
            with self.assertRaises(StufError) as refused:
                messages.zulip(self.given, self.event())
            self.assertIn(said, str(refused.exception))
            self.assertNotIn("b2b2", str(refused.exception))
            self.secret("zulip_api_key", KEY)
            self.settings()
        other = "f" * 32
        for dsn, said in (
            (f"http://{other}@{self.at['sentry']}/{PROJECT}", "answered 403"),
            (f"http://{PUBLIC}@{self.at['sentry']}/7", "answered 403"),
            (f"http://{self.at['sentry']}/{PROJECT}", "is not of the form"),
            (f"http://{PUBLIC}@{self.at['sentry']}/project", "is not of the form"),
        ):
            self.secret("sentry_dsn", dsn)
            with self.assertRaises(StufError) as refused:
                messages.sentry(self.given, self.event())
            self.assertIn(said, str(refused.exception))
            for hidden in (other, PUBLIC):
                self.assertNotIn(hidden, str(refused.exception))
        self.assertEqual((self.zulip.kept(), self.sentry.kept()), ([], []))

    def test_a_message_that_zulip_does_not_show_did_not_arrive(self) -> None:
        self.zulip.keep = _quiet  # type: ignore[method-assign,assignment]
        with self.assertRaisesRegex(StufError, "does not show it"):
            messages.zulip(self.given, self.event())


class ZulipReceiver(Receivers):
    """What the documentation refuses, and how."""

    def ask(self, method: str, form: dict[str, str], user: str = f"{BOT}:{KEY}", **headers: str) -> tuple[int, Any]:
        target = f"http://{self.at['zulip']}/api/v1/messages"
        body = urllib.parse.urlencode(form)
        if method == "GET":
            target, body = f"{target}?{body}", ""
        every = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode(), "User-Agent": "t", **headers}
        return call(urllib.request.Request(target, body.encode() or None, every, method=method))

    def test_a_message_is_taken_as_documented_and_nothing_else(self) -> None:
        good = {"type": "channel", "to": json.dumps(CHANNEL), "topic": "t", "content": "c"}
        self.assertEqual(self.ask("POST", good), (200, {"result": "success", "msg": "", "id": 1}))
        self.assertEqual(self.ask("POST", {**good, "to": CHANNEL})[0], 200)
        for change, status, code in (
            ({"to": "other"}, 400, "STREAM_DOES_NOT_EXIST"),
            ({"to": "17"}, 400, "STREAM_DOES_NOT_EXIST"),
            ({"type": "private"}, 400, "BAD_REQUEST"),
            ({"content": " "}, 400, "BAD_REQUEST"),
            ({"subject": "t"}, 400, "BAD_REQUEST"),
        ):
            found, content = self.ask("POST", {**good, **change})
            self.assertEqual((found, content["code"], content["result"]), (status, code, "error"), change)
        for missing in ("type", "to", "content"):
            found, content = self.ask("POST", {name: value for name, value in good.items() if name != missing})
            self.assertEqual((found, content["code"], content["var_name"]), (400, "REQUEST_VARIABLE_MISSING", missing))
        self.assertEqual(self.ask("POST", {k: v for k, v in good.items() if k != "topic"})[1]["msg"], "Missing topic")
        for user, code in ((f"{BOT}:short", "INVALID_API_KEY"), (f"other@x:{KEY}", "INVALID_API_KEY")):
            found, content = self.ask("POST", good, user)
            self.assertEqual((found, content["code"]), (401, code))
        self.assertEqual(self.ask("POST", good, Authorization="Bearer x")[1]["code"], "UNAUTHORIZED")
        self.assertEqual(self.ask("POST", good, **{"Content-Type": "application/json"})[0], 400)
        self.assertEqual(self.ask("PUT", good)[0], 405)
        self.assertEqual(len(self.zulip.kept()), 2)


class SentryReceiver(Receivers):
    """What Relay refuses, and how."""

    def ask(self, body: bytes, path: str = f"/api/{PROJECT}/envelope/", **headers: str) -> tuple[int, Any]:
        every = {
            "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=t/1, sentry_key={PUBLIC}",
            "Content-Type": "application/x-sentry-envelope",
        }
        given = {name: value for name, value in (every | headers).items() if value}
        return call(urllib.request.Request(f"http://{self.at['sentry']}{path}", body, given, method="POST"))

    @staticmethod
    def envelope(length: int | None = None, head: dict[str, Any] | None = None, **event: Any) -> bytes:
        moment = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
        content = {"event_id": "1" * 32, "timestamp": moment, "platform": "other", "level": "info",
                   "message": {"formatted": "m"}} | event  # fmt: skip
        payload = json.dumps(content).encode()
        item = {"type": "event", "length": len(payload) if length is None else length}
        lines = ({"event_id": "1" * 32, "sent_at": moment} if head is None else head, item)
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines) + payload

    def test_an_event_is_taken_as_documented_and_nothing_else(self) -> None:
        self.assertEqual(self.ask(self.envelope()), (200, {"id": "1" * 32}))
        self.assertEqual(self.ask(self.envelope(level="error")), (200, {"id": "1" * 32}))
        self.assertEqual([kept["level"] for kept in self.sentry.kept()], ["info"], "the same id is told once")
        for body in (
            self.envelope(length=3), self.envelope(length=9999), self.envelope(head={"event_id": "2" * 32}),
            self.envelope(event_id="1111-1"), self.envelope(event_id="0" * 32), self.envelope(platform="cobol"),
            self.envelope(level="loud"), self.envelope(shoe_size=42), self.envelope(timestamp="2020-01-01T00:00:00Z"),
            self.envelope(timestamp=NOW.strftime("%Y-%m-%dT%H:%M:%S")), self.envelope(tags={"a": 1}), b"", b"{}\n{}\n",
        ):  # fmt: skip
            self.assertEqual(self.ask(body)[0], 400, body)
        auth = f"Sentry sentry_version=7, sentry_client=t/1, sentry_key={PUBLIC}"
        for path, status, header in (
            ("/api/7/envelope/", 403, auth), ("/api/x/envelope/", 400, auth), (f"/api/{PROJECT}/store/", 404, auth),
            (f"/api/{PROJECT}/envelope/?sentry_key={PUBLIC}", 401, auth), (f"/api/{PROJECT}/envelope/", 401, ""),
            (f"/api/{PROJECT}/envelope/", 401, "Bearer x"),
            (f"/api/{PROJECT}/envelope/", 400, auth.replace("=7", "=6")),
            (f"/api/{PROJECT}/envelope/", 400, auth.replace(PUBLIC, "short")),
            (f"/api/{PROJECT}/envelope/", 403, auth.replace(PUBLIC, "f" * 32)),
        ):  # fmt: skip
            found, content = self.ask(self.envelope(), path, **{"X-Sentry-Auth": header})
            self.assertEqual((found, set(content)), (status, {"detail"}), (path, header))
        self.assertEqual(self.ask(self.envelope(), **{"Content-Type": "text/plain"})[0], 400)


def call(request: urllib.request.Request) -> tuple[int, Any]:
    """Status and content of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


if __name__ == "__main__":
    unittest.main()
