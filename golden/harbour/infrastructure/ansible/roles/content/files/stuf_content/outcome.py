"""How a verb ends, and what people read of it."""

from __future__ import annotations

import enum
import json
import sys
from typing import Any

#: Keys that a message shows; programs get them all.
MOST = 20


class Exit(enum.IntEnum):
    """Exit codes; `prove` has codes of its own (`proof.Verdict`)."""

    DONE = 0
    FAILED = 1
    PAUSED = 11
    REFUSED = 12
    LOCKED = 75


class Stop(Exception):
    """Ends a verb: what happened, how things stand now, what to do next."""

    def __init__(
        self,
        code: Exit,
        message: str,
        state: str,
        following: str,
        findings: list[dict[str, str]] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.findings = findings or []
        self.code = code
        self.message = message
        self.state = state
        self.following = following
        self.facts = facts

    def text(self) -> str:
        """For people."""
        word = {Exit.PAUSED: "paused", Exit.REFUSED: "refused", Exit.LOCKED: "locked"}.get(self.code, "error")
        lines = [f"  {escaped(found['key'])}: {found['why']}" for found in self.findings[:MOST]]
        if len(self.findings) > MOST:
            lines.append(f"  and {len(self.findings) - MOST} more")
        return "\n".join([f"{word}: {self.message}", *lines, self.state, f"next: {self.following}"])

    def document(self) -> dict[str, Any]:
        """For programs: `message` is one line, `findings` are the keys it is about."""
        told = {"message": self.message, "findings": self.findings}
        return told | {"error": {"state": self.state, "next": self.following, **self.facts}}


def about(keys: list[str], why: str) -> list[dict[str, str]]:
    """Findings that say the same of some keys."""
    return [{"key": key, "why": why} for key in keys]


def refused(message: str, following: str, **facts: Any) -> Stop:
    """A precheck that did not pass."""
    return Stop(Exit.REFUSED, message, "Nothing was changed, at neither side.", following, **facts)


def failed(message: str, state: str, following: str, **facts: Any) -> Stop:
    """Something went wrong on the way."""
    return Stop(Exit.FAILED, message, state, following, **facts)


def escaped(key: str) -> str:
    """A key as JSON writes it in ASCII, so that no control character reaches a terminal and no line breaks."""
    return json.dumps(key, ensure_ascii=True)


def count(number: int, word: str) -> str:
    """`1 object`, `2 objects`, `2 batches`."""
    ending = "" if number == 1 else "es" if word.endswith("ch") else "s"
    return f"{number} {word}{ending}"


def say(text: str) -> None:
    """A line for people; control characters are shown, not obeyed."""
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    sys.stderr.write(shown.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stderr.flush()
