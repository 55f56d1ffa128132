"""A small strict Zulip: takes a bot's messages to one channel, and shows them as documented.

After https://zulip.com/api/send-message, get-messages, http-headers and rest-error-handling. What the real one takes
and this one does not know is an error here, so that nothing else is relied on.
"""

import base64
import json
import os
from pathlib import Path
from urllib.parse import parse_qs

from web import Receiver, Reply, Request, serve

TOPIC_LENGTH = 60  # max_topic_length of a server as it is installed
CONTENT_LENGTH = 10_000


class Refused(Exception):
    """A request that the interface refuses."""

    def __init__(self, message: str, code: str = "BAD_REQUEST", status: int = 400, **more: object) -> None:
        super().__init__(message)
        content = {"result": "error", "msg": message, "code": code, **more}
        basic = (("WWW-Authenticate", 'Basic realm="zulip"'),) if code == "UNAUTHORIZED" else ()
        self.reply = Reply(status, content, basic)


class Zulip(Receiver):
    """One channel, one bot."""

    def __init__(self, folder: Path, channel: str, bot: str, key: str) -> None:
        super().__init__(folder)
        self.channel, self.bot, self.key = channel, bot, key

    def answer(self, request: Request) -> Reply:
        try:
            if request.path != "/api/v1/messages":
                raise Refused("Not found", status=404)
            self._authenticate(request)
            if "user-agent" not in request.headers:
                raise Refused("the documentation asks clients for a User-Agent")
            if request.method == "POST":
                return self._send(request)
            if request.method == "GET":
                return self._show(request)
            raise Refused("Method Not Allowed", "METHOD_NOT_ALLOWED", 405)
        except Refused as refused:
            return refused.reply

    def _authenticate(self, request: Request) -> None:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            raise Refused("Not logged in: API authentication or user session required", "UNAUTHORIZED", 401)
        try:
            user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise Refused("Invalid authorization header for basic auth", "UNAUTHORIZED", 401) from None
        if user != self.bot or key != self.key:
            malformed = len(key) != 32 or not key.isalnum()
            raise Refused("Malformed API key" if malformed else "Invalid API key", "INVALID_API_KEY", 401)

    def _send(self, request: Request) -> Reply:
        if request.query or request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Refused("parameters of a POST stand in its form")
        given = _single(parse_qs(request.body.decode(), keep_blank_values=True, strict_parsing=True))
        kind, to = _needed(given, "type"), _needed(given, "to")
        content, topic = _needed(given, "content"), given.get("topic")
        unknown = set(given) - {"type", "to", "content", "topic"}
        if unknown:
            raise Refused(f"unsupported here: {sorted(unknown)}")
        if kind not in ("channel", "stream"):
            raise Refused("Invalid type")
        if topic is None or not topic.strip():
            raise Refused("Missing topic" if topic is None else "Topic can't be empty!")
        self._channel(to)
        if not content.strip():
            raise Refused("Message must not be empty")
        if len(content) > CONTENT_LENGTH or len(topic) > TOPIC_LENGTH:
            raise Refused("longer than the server's limits, which cut it short")
        number = len(self.kept()) + 1
        message = {
            "id": number, "type": "stream", "display_recipient": self.channel, "subject": topic,
            "sender_email": self.bot, "content": content, "content_type": "text/x-markdown",
        }  # fmt: skip
        self.keep(f"{number:06d}", message)
        return Reply(200, {"result": "success", "msg": "", "id": number})

    def _channel(self, to: str) -> None:
        """`to` is JSON, or else a name."""
        try:
            named = json.loads(to)
        except ValueError:
            named = to
        if isinstance(named, int):
            raise Refused(f"Channel with ID '{named}' does not exist", "STREAM_DOES_NOT_EXIST", stream_id=named)
        if not isinstance(named, str):
            raise Refused("Expected exactly one channel")
        if named != self.channel:
            raise Refused(f"Channel '{named}' does not exist", "STREAM_DOES_NOT_EXIST", stream=named)

    def _show(self, request: Request) -> Reply:
        if request.body:
            raise Refused("parameters of a GET stand in its query")
        given = _single(request.query)
        if set(given) != {"anchor", "num_before", "num_after", "apply_markdown", "narrow"}:
            raise Refused(f"only the documented narrow reading is known here, not {sorted(given)}")
        if given["anchor"] != "newest" or given["num_after"] != "0" or given["apply_markdown"] != "false":
            raise Refused("only the newest messages in Markdown are known here")
        if not given["num_before"].isdigit() or int(given["num_before"]) > 5000:
            raise Refused("Invalid num_before", "REQUEST_VARIABLE_INVALID", var_name="num_before")
        try:
            terms = {term["operator"]: term["operand"] for term in json.loads(given["narrow"])}
        except (ValueError, KeyError, TypeError):
            raise Refused('Argument "narrow" is not valid JSON.', "REQUEST_VARIABLE_INVALID") from None
        channel = terms.pop("channel", terms.pop("stream", None))
        if channel != self.channel:
            raise Refused("Invalid narrow operator: unknown channel", "BAD_NARROW", desc="unknown channel")
        if set(terms) - {"topic", "sender"}:
            raise Refused("Invalid narrow operator", "BAD_NARROW", desc="unknown operator")
        fields = {"topic": "subject", "sender": "sender_email"}
        found = [one for one in self.kept() if all(one[fields[name]] == value for name, value in terms.items())]
        newest = found[-int(given["num_before"]) :] if int(given["num_before"]) else []
        return Reply(
            200,
            {"result": "success", "msg": "", "messages": newest, "anchor": 10000000000000000, "found_newest": True,
             "found_oldest": len(newest) == len(found), "found_anchor": False, "history_limited": False},
        )  # fmt: skip


def _single(given: dict[str, list[str]]) -> dict[str, str]:
    twice = [name for name, values in given.items() if len(values) != 1]
    if twice:
        raise Refused(f"given twice: {twice}")
    return {name: values[0] for name, values in given.items()}


def _needed(given: dict[str, str], name: str) -> str:
    if name not in given:
        raise Refused(f"Missing '{name}' argument", "REQUEST_VARIABLE_MISSING", var_name=name)
    return given[name]


if __name__ == "__main__":
    serve(Zulip(Path("/received"), os.environ["ZULIP_CHANNEL"], os.environ["ZULIP_BOT"], os.environ["ZULIP_KEY"]))
