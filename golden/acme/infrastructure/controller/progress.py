"""How far the target machine is with what it does by itself: lines that the running playbook adds to a file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console import Console, count, duration

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass
class Progress:
    """Prints what was added since the last look, and remembers whether the target was still at work."""

    path: Path
    console: Console
    step: str = ""
    goes_on: bool = False  # the target machine works on, whatever happens here
    figures: Mapping[str, Any] = field(default_factory=dict)  # of this step, as told last
    _read: int = 0
    _shown: dict[str, Any] = field(default_factory=dict)

    def begin(self, step: str) -> None:
        """From here on the lines are of this step."""
        self.look()
        self.step, self.goes_on, self.figures = step, False, {}

    def look(self) -> None:
        """Reads the lines that were added."""
        entries, self._read = _entries(self.path, self._read)
        for entry in entries:
            self._tell(*entry)

    def _tell(self, running: bool, line: str, figures: dict[str, Any]) -> None:
        self.goes_on = running
        if figures and figures != self._shown:
            self._shown = self.figures = figures
            self.console.progress(f"{self.step:<32}", line, {"step": self.step} | figures)


def in_words(figures: Mapping[str, Any]) -> str:
    """How far it is, of numbers, times and our own words: whatever else the target has told is no part of it."""
    done, objects, sent, size, left = (
        value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
        for value in map(figures.get, ("objects_done", "objects", "bytes_done", "bytes", "remaining_seconds"))
    )
    parts = []
    if done is not None and objects is not None:
        parts.append(f"{done} of {count(objects, 'object')}")
    if sent is not None and size is not None:
        parts.append(f"{sent / 1e6:.1f} of {size / 1e6:.1f} MB")
    store, since = figures.get("waits_for"), str(figures.get("waits_since"))
    if store in ("source", "target"):
        parts.append(f"waits for the {store}'s store" + (f" since {since}" if MOMENT.fullmatch(since) else ""))
    elif figures.get("state") == "waiting":
        parts.append("waits for its window")
    elif left is not None:
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def last_figures(path: Path) -> dict[str, Any] | None:
    """The figures that were told last; none where nothing was told."""
    return next((figures for _, _, figures in reversed(_entries(path, 0)[0]) if figures), None)


def _entries(path: Path, begin: int) -> tuple[list[tuple[bool, str, dict[str, Any]]], int]:
    """Lines that are whole, from there on, and how far they go; others decide nothing, so they are left out."""
    try:
        with path.open("rb") as file:
            file.seek(begin)
            added = file.read()
    except OSError:
        return [], begin
    whole = added[: added.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        try:
            entry = json.loads(line)
            found.append((bool(entry["running"]), str(entry["line"]), dict(entry["progress"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found, begin + len(whole)
