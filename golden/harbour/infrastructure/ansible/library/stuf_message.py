#!/usr/bin/python
"""Ansible module: the migration's own messages to Zulip and Sentry, one for each event, and that they arrived."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import urllib.parse
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import Answer, StufError, read_secret, request

DOCUMENTATION = """
module: stuf_message
short_description: Tell Zulip and Sentry of an event, once, and prove that it arrived
description:
  - Runs on the target, which needs the way out anyway. Keys are read from files there, and stand in no argument.
  - An event has an id that follows from the installation, the package, its name and its occurrence. Zulip is asked for
    a message with this id before one is sent and after; Sentry gets the id as the event's own, and what it took is
    noted in a file. So a repetition tells nobody twice, and a new occurrence is told and looked for anew.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  configuration_dir: {description: The package's integration-config on the machine., type: path, required: true}
  notes_dir: {description: Where it is noted what Sentry took., type: path, required: true}
  services: {description: C(zulip) and C(sentry)., type: list, elements: str, required: true}
  installation: {description: Slug and environment., type: str, required: true}
  package: {description: Number of the package., type: int, required: true}
  event: {description: What happened in one word., type: str, required: true}
  occurrence: {description: Which one it is of an event that may happen again., type: str, default: ""}
  text: {description: What happened in one sentence without personal data., type: str, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Tell of the import
  stuf_message:
    secrets_dir: /etc/stuf/secrets
    configuration_dir: /opt/stuf/configuration/integration-config
    notes_dir: /var/lib/stufpack/messages
    services: [zulip, sentry]
    installation: harbour production
    package: 1
    event: import
    text: Users and configuration are in.
"""
RETURN = """
checks: {description: One entry per service., type: list, elements: dict, returned: always}
"""

CLIENT = "stufpack/1"
# The bot's last messages in its topic; a migration sends a few.
SEARCHED = 100


@dataclass(frozen=True)
class Event:
    """What happened, with an id that is the same whoever tells of it again."""

    installation: str
    package: int
    name: str
    text: str
    occurrence: str = ""

    @property
    def id(self) -> str:
        """32 lower-case hexadecimal digits of a UUID, as Sentry wants them."""
        known = [self.installation, str(self.package), self.name, *([self.occurrence] if self.occurrence else [])]
        digest = hashlib.sha256("\n".join(known).encode()).digest()
        return uuid.UUID(bytes=digest[:16], version=4).hex


class Zulip:
    """The bot's view of one topic of one channel."""

    def __init__(self, settings: dict[str, Any], key: str) -> None:
        self.site = str(settings["site"]).rstrip("/")
        self.channel, self.topic, self.bot = settings["channel"], settings["topic"], settings["bot_email"]
        basic = base64.b64encode(f"{self.bot}:{key}".encode()).decode()
        self.headers = {"authorization": f"Basic {basic}", "user-agent": CLIENT}

    def find(self, event: Event) -> dict[str, Any] | None:
        """The message that tells of the event, where there is one."""
        narrow = [("stream", self.channel), ("topic", self.topic), ("sender", self.bot)]
        query = {
            "anchor": "newest",
            "num_before": str(SEARCHED),
            "num_after": "0",
            "apply_markdown": "false",
            "narrow": json.dumps([{"operator": name, "operand": value} for name, value in narrow]),
        }
        found = self._call("GET", f"/api/v1/messages?{urllib.parse.urlencode(query)}")
        return next((message for message in found["messages"] if event.id in message["content"]), None)

    def send(self, event: Event) -> None:
        """Sends the message."""
        form = {
            "type": "stream",
            # As JSON, since a name made of digits would be taken for an id.
            "to": json.dumps(self.channel),
            "topic": self.topic,
            "content": f"**{event.installation}**, package {event.package}: {event.text}\n`stufpack {event.id}`",
        }
        self._call("POST", "/api/v1/messages", urllib.parse.urlencode(form).encode())

    def _call(self, method: str, target: str, body: bytes | None = None) -> Any:
        kind = {"content-type": "application/x-www-form-urlencoded"} if body else {}
        answer = request(method, self.site + target, headers={**self.headers, **kind}, body=body)
        content = _json(answer)
        if answer.status != 200 or content.get("result") != "success":
            raise StufError(f"Zulip at {self.site} answered {answer.status} {_word(content.get('code'))}".rstrip())
        return content


class Sentry:
    """The ingestion that a DSN names."""

    def __init__(self, dsn: str, environment: str | None) -> None:
        parts = urllib.parse.urlsplit(dsn)
        prefix, _, project = parts.path.rpartition("/")
        # A DSN is never shown: its key lets anyone send.
        if parts.scheme not in ("http", "https") or not parts.username or not parts.hostname or not project.isdigit():
            raise StufError("the secret sentry_dsn is not of the form https://KEY@HOST/PROJECT")
        host = parts.hostname + (f":{parts.port}" if parts.port else "")
        self.url = f"{parts.scheme}://{host}{prefix}/api/{project}/envelope/"
        self.host, self.key, self.environment = host, parts.username, environment

    def send(self, event: Event, now: datetime.datetime) -> str:
        """Sends the event and returns the id under which it was taken."""
        moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        content = {
            "event_id": event.id,
            "timestamp": moment,
            "platform": "other",
            "level": "info",
            "logger": "stufpack",
            "message": {"formatted": f"{event.installation}, package {event.package}: {event.text}"},
            "tags": {"stufpack.event": event.name},
            **({"environment": self.environment} if self.environment else {}),
        }
        payload = json.dumps(content).encode()
        head = {"event_id": event.id, "sent_at": moment}
        item = {"type": "event", "content_type": "application/json", "length": len(payload)}
        body = b"\n".join((json.dumps(head).encode(), json.dumps(item).encode(), payload, b""))
        headers = {
            "content-type": "application/x-sentry-envelope",
            "user-agent": CLIENT,
            "x-sentry-auth": f"Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={self.key}",
        }
        answer = request("POST", self.url, headers=headers, body=body)
        if answer.status != 200:
            raise StufError(f"Sentry at {self.host} answered {answer.status} {_detail(answer)}".rstrip())
        return str(_json(answer).get("id"))


def _json(answer: Answer) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _word(text: object) -> str:
    """A plain error code; never a text that may hold a value."""
    return text if isinstance(text, str) and text.replace("_", "").isalnum() and len(text) < 60 else ""


def _detail(answer: Answer) -> str:
    text = str(_json(answer).get("detail", ""))
    return f"({text})" if text and len(text) < 120 and text.replace(" ", "").replace("-", "").isalnum() else ""


def zulip(given: dict[str, Any], event: Event) -> tuple[bool, str]:
    """Sends what is not there yet; whether anything was sent, and what is there now."""
    settings = _settings(given, "zulip")
    server = Zulip(settings, read_secret(given["secrets_dir"], str(settings["api_key_secret"])))
    found = server.find(event)
    sent = found is None
    if found is None:
        server.send(event)
        found = server.find(event)
    if found is None:
        raise StufError(f"Zulip at {server.site} took the message and does not show it in its topic")
    return sent, f"message {found['id']} of the bot in the topic"


def sentry(given: dict[str, Any], event: Event) -> tuple[bool, str]:
    """Sends what was not taken yet; whether anything was sent, and under which id it was taken."""
    note = Path(given["notes_dir"], f"sentry-{event.id}")
    if note.exists():
        return False, note.read_text(encoding="utf-8").strip()
    settings = _settings(given, "sentry")
    server = Sentry(read_secret(given["secrets_dir"], str(settings["dsn_secret"])), settings["environment"])
    now = datetime.datetime.now(datetime.UTC)
    taken = server.send(event, now)
    if taken != event.id:
        raise StufError(f"Sentry at {server.host} took the event under another id")
    said = f"taken at {now:%Y-%m-%dT%H:%M:%SZ} under its id {event.id}"
    Path(given["notes_dir"]).mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(note, f"{said}\n")
    return True, said


def _settings(given: dict[str, Any], name: str) -> dict[str, Any]:
    text = Path(given["configuration_dir"], f"{name}.json").read_text(encoding="utf-8")
    settings: dict[str, Any] | None = json.loads(text)[name]
    if settings is None:
        raise StufError(f"the package has no settings for {name}")
    return settings


SERVICES = {"zulip": (zulip, "the message stands in its topic"), "sentry": (sentry, "the event was taken")}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "configuration_dir": {"type": "path", "required": True},
            "notes_dir": {"type": "path", "required": True},
            "services": {"type": "list", "elements": "str", "required": True, "choices": [*SERVICES]},
            "installation": {"type": "str", "required": True},
            "package": {"type": "int", "required": True},
            "event": {"type": "str", "required": True},
            "occurrence": {"type": "str", "default": ""},
            "text": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, checks=[])
    event = Event(given["installation"], given["package"], given["event"], given["text"], given["occurrence"])
    changed, checks = False, []
    for service in given["services"]:
        tell, expected = SERVICES[service]
        check = {"id": f"messages/{event.name}/{service}", "expected": expected}
        # One that does not answer must not keep the other from being told.
        try:
            sent, observed = tell(given, event)
            changed = changed or sent
            checks.append({**check, "observed": observed, "verdict": "pass"})
        except (StufError, OSError, KeyError, ValueError) as error:
            said = str(error) if isinstance(error, StufError) else type(error).__name__
            checks.append({**check, "observed": said, "verdict": "fail"})
    module.exit_json(changed=changed, checks=checks)


if __name__ == "__main__":
    main()
