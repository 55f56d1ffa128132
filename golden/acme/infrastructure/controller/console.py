"""What people and programs read: one line per step, or JSON. Control characters of others never reach a terminal."""

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

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
    """`1 change`, `2 changes`, `2 boxes`."""
    ending = "" if number == 1 else "es" if word.endswith("x") else "s"
    return f"{number} {word}{ending}"


def _put(stream: TextIO, text: str) -> None:
    """Writes at once. Where the reader has gone (`| head`) a run goes on all the same, and says the rest to nobody."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # Python writes what is still in its buffer once more when it ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# Where nobody watches a line move, how often one is written.
SECONDS_BETWEEN_LINES = 60.0


@dataclass
class Console:
    """Text on standard output; with `--json` text goes to standard error, and one document to standard output.

    A step that tells how far it is makes standard output JSON Lines: `{"progress": …}` each time, the document last.
    """

    as_json: bool = False
    document: dict[str, Any] = field(default_factory=lambda: {"v": 1})
    streamed: bool = False  # standard output is JSON Lines
    _head: str | None = None  # what has to be said again when a moving line ends
    _told: float = field(default_factory=time.monotonic)

    def say(self, text: str, end: str = "\n") -> None:
        """Text for people."""
        self._write(plain(text) + end)

    def _write(self, text: str) -> None:
        _put(sys.stderr if self.as_json else sys.stdout, text)

    def progress(self, head: str, text: str, entry: dict[str, Any]) -> None:
        """How far the running step is: a line that moves on a terminal, one a minute elsewhere, and one of JSON."""
        if self.as_json:
            _put(sys.stdout, json.dumps({"progress": entry}) + "\n")
            self.streamed = True
        if (sys.stderr if self.as_json else sys.stdout).isatty():
            line = plain(f"{head} {text}").replace("\n", " ")
            self._write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])
            self._head = f"\r\x1b[K{plain(head)} "
        elif time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self.say(f"\n    {text}", end="")
            self._head = f"\n{plain(head)} "

    def step(self, entry: dict[str, Any], text: str) -> None:
        """The end of a step's line, and its entry in the document."""
        if self._head is not None:
            self._write(self._head)
            self._head = None
        self.say(text)
        self.document.setdefault("steps", []).append(entry)

    def close(self, code: Exit, stop: Stop | None) -> int:
        """Says how the run ended and returns its exit code."""
        if stop is not None:
            _put(sys.stderr, plain(stop.text()) + "\n")
        if self.as_json:
            self.document |= {
                "exit": int(code),
                "outcome": code.name.lower(),
                "error": stop.document() if stop else None,
            }
            _put(sys.stdout, json.dumps(self.document, indent=None if self.streamed else 1) + "\n")
        return int(code)
