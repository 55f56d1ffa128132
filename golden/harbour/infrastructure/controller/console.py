"""What people and programs read: one line per step, or one JSON document. Control characters never reach a terminal."""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from outcome import Exit, Stop


def plain(text: str) -> str:
    """The text with every control character shown instead of obeyed."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def duration(seconds: float) -> str:
    """A duration for people: 0.4 s, 12 s, 3 min 4 s, 2 h 5 min."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, word: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


@dataclass
class Console:
    """Text on standard output; with `--json` text goes to standard error, and one document to standard output."""

    as_json: bool = False
    document: dict[str, Any] = field(default_factory=lambda: {"v": 1})

    def say(self, text: str, end: str = "\n") -> None:
        """Text for people."""
        stream = sys.stderr if self.as_json else sys.stdout
        stream.write(plain(text) + end)
        stream.flush()

    def step(self, entry: dict[str, Any], text: str) -> None:
        """The end of a step's line, and its entry in the document."""
        self.say(text)
        self.document.setdefault("steps", []).append(entry)

    def close(self, code: Exit, stop: Stop | None) -> int:
        """Says how the run ended and returns its exit code."""
        if stop is not None:
            sys.stderr.write(plain(stop.text()) + "\n")
        if self.as_json:
            self.document |= {
                "exit": int(code),
                "outcome": code.name.lower(),
                "error": stop.document() if stop else None,
            }
            json.dump(self.document, sys.stdout, indent=1)
            sys.stdout.write("\n")
            sys.stdout.flush()
        return int(code)
