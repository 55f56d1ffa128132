"""A small strict Sentry: takes event envelopes of one project.

After https://develop.sentry.dev/sdk/envelopes/ and the event payload documentation; refusals as Relay words
them. What the real one takes and this one does not know is an error here, so that nothing else is relied on.
"""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from web import Receiver, Reply, Request, serve

EVENT_ID = re.compile(r"[0-9a-f]{32}")
LEVELS = {"fatal", "error", "warning", "info", "debug"}
FIELDS = {"event_id", "timestamp", "platform", "level", "logger", "message", "tags", "environment"}


class Refused(Exception):
    """A request that the ingestion refuses."""

    def __init__(self, status: int, detail: str, *causes: str) -> None:
        super().__init__(detail)
        content: dict[str, object] = {"detail": detail} | ({"causes": list(causes)} if causes else {})
        self.reply = Reply(status, content, (("X-Sentry-Error", detail),))


class Sentry(Receiver):
    """One project with one key."""

    def __init__(self, folder: Path, project: str, key: str) -> None:
        super().__init__(folder)
        self.project, self.key = project, key

    def answer(self, request: Request) -> Reply:
        try:
            found = re.fullmatch(r"/api/([^/]+)/envelope/", request.path)
            if found is None:
                raise Refused(404, "not found")
            if request.method != "POST":
                raise Refused(405, "method not allowed")
            if not found[1].isdigit():
                raise Refused(400, "bad project path parameter")
            self._authenticate(request, found[1])
            if request.headers.get("content-type") != "application/x-sentry-envelope":
                raise Refused(400, "unknown content type")
            event = _event(request.body)
            identity = str(event["event_id"])
            # The same event a second time is answered as the first, and dropped.
            if not (self.folder / f"{identity}.json").exists():
                self.keep(identity, event)
            return Reply(200, {"id": identity})
        except Refused as refused:
            return refused.reply

    def _authenticate(self, request: Request, project: str) -> None:
        header = request.headers.get("x-sentry-auth")
        if request.query:
            raise Refused(401, "multiple authorization payloads detected")
        if header is None:
            raise Refused(401, "missing authorization information")
        scheme, _, rest = header.partition(" ")
        pairs = dict(re.findall(r"(sentry_[a-z]+)=([^,\s]+)", rest))
        if scheme.lower() != "sentry" or "sentry_key" not in pairs:
            raise Refused(401, "bad x-sentry-auth header")
        if pairs.get("sentry_version") != "7" or "sentry_client" not in pairs:
            raise Refused(400, f"unsupported protocol version ({pairs.get('sentry_version', 'none')})")
        if not EVENT_ID.fullmatch(pairs["sentry_key"]):
            raise Refused(400, "bad sentry DSN public key")
        if pairs["sentry_key"] != self.key or project != self.project:
            raise Refused(403, "event submission rejected with_reason: ProjectId")


def _event(body: bytes) -> dict[str, object]:
    """The one event of an envelope: two lines of headers, a payload of the length that the second one names."""
    head_line, _, rest = body.partition(b"\n")
    item_line, _, rest = rest.partition(b"\n")
    head, item = _object(head_line, "envelope header"), _object(item_line, "item header")
    if set(head) - {"event_id", "sent_at", "dsn", "sdk"}:
        raise Refused(400, "invalid event envelope", "unknown header")
    if item.get("type") != "event" or set(item) - {"type", "length", "content_type"}:
        raise Refused(400, "invalid event envelope", "one event is expected here")
    length = item.get("length")
    if not isinstance(length, int) or rest[length:] not in (b"", b"\n") or len(rest) < length:
        raise Refused(400, "invalid event envelope", "unexpected end of item payload")
    event = _object(rest[:length], "event")
    identity = event.get("event_id")
    if not isinstance(identity, str) or not EVENT_ID.fullmatch(identity) or identity == "0" * 32:
        raise Refused(400, "invalid event id")
    if head.get("event_id") != identity:
        raise Refused(400, "invalid event envelope", "event id mismatch")
    for moment in (head.get("sent_at"), event.get("timestamp")):
        _moment(moment)
    message = event.get("message")
    right = (
        set(event) <= FIELDS
        and event.get("platform") == "other"
        and event.get("level") in LEVELS
        and isinstance(message, dict)
        and isinstance(message.get("formatted"), str)
        and all(isinstance(value, str) and len(value) <= 200 for value in _tags(event).values())
    )
    if not right:
        raise Refused(400, "invalid JSON data", "not an event as it is documented")
    return event


def _tags(event: dict[str, object]) -> dict[str, object]:
    tags = event.get("tags", {})
    return tags if isinstance(tags, dict) else {"tags": None}


def _moment(value: object) -> None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(400, "invalid event envelope", "a time is RFC 3339") from None
    # Older events are dropped, and ones of the future too.
    if moment.tzinfo is None or abs(datetime.now(UTC) - moment) > timedelta(hours=1):
        raise Refused(400, "invalid event envelope", "a time of now with its zone is expected")


def _object(text: bytes, what: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "invalid event envelope", f"{what} is no JSON object")
    return found


if __name__ == "__main__":
    serve(Sentry(Path("/received"), os.environ["SENTRY_PROJECT"], os.environ["SENTRY_KEY"]))
