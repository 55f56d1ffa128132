"""How a verb ends, and what people read of it."""

from __future__ import annotations

import enum
import json
import sys
from typing import Any


class Exit(enum.IntEnum):
    """Exit codes; `prove` has codes of its own (`proof.Verdict`)."""

    DONE = 0
    FAILED = 1
    PAUSED = 11
    REFUSED = 12
    LOCKED = 75


class Stop(Exception):
    """Ends a verb: what happened, how things stand now, what to do next."""

    def __init__(self, code: Exit, message: str, state: str, following: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.state = state
        self.following = following
        self.facts = facts

    def text(self) -> str:
        """For people."""
        word = {Exit.PAUSED: "paused", Exit.REFUSED: "refused", Exit.LOCKED: "locked"}.get(self.code, "error")
        return f"{word}: {self.message}\n{self.state}\nnext: {self.following}"

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"message": self.message, "state": self.state, "next": self.following, **self.facts}


def refused(message: str, following: str, **facts: Any) -> Stop:
    """A precheck that did not pass."""
    return Stop(Exit.REFUSED, message, "Nothing was changed, at neither side.", following, **facts)


def failed(message: str, state: str, following: str, **facts: Any) -> Stop:
    """Something went wrong on the way."""
    return Stop(Exit.FAILED, message, state, following, **facts)


def escaped(key: str) -> str:
    """A key as JSON writes it in ASCII, so that no control character reaches a terminal and no line breaks."""
    return json.dumps(key, ensure_ascii=True)


def some(keys: list[str], most: int = 20) -> str:
    """The first keys of a list, one a line."""
    lines = [f"  {escaped(key)}" for key in keys[:most]]
    if len(keys) > most:
        lines.append(f"  and {len(keys) - most} more")
    return "\n".join(lines)


def count(number: int, word: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def say(text: str) -> None:
    """A line for people; control characters are shown, not obeyed."""
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    sys.stderr.write(shown.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stderr.flush()
