"""How far the target machine is with what it does by itself: lines that the running playbook adds to a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console import Console


@dataclass
class Progress:
    """Prints what was added since the last look, and remembers whether the target was still at work."""

    path: Path
    console: Console
    step: str = ""
    goes_on: bool = False  # the target machine works on, whatever happens here
    _read: int = 0
    _shown: dict[str, Any] = field(default_factory=dict)

    def begin(self, step: str) -> None:
        """From here on the lines are of this step."""
        self.look()
        self.step, self.goes_on = step, False

    def look(self) -> None:
        """Reads the lines that are whole; what is not of their form is left out, since it decides nothing."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except OSError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for entry in _entries(whole):
            self._tell(*entry)

    def _tell(self, running: bool, line: str, figures: dict[str, Any]) -> None:
        self.goes_on = running
        if figures and figures != self._shown:
            self._shown = figures
            self.console.progress(f"{self.step:<32}", line, {"step": self.step} | figures)


def newest(path: Path) -> dict[str, Any] | None:
    """The figures that were told last; None where there are none."""
    lines = path.read_bytes() if path.exists() else b""
    return next((figures for *_, figures in reversed(list(_entries(lines))) if figures), None)


def _entries(lines: bytes) -> Iterator[tuple[bool, str, dict[str, Any]]]:
    """Whether the target goes on, its line for people, and its figures."""
    for line in lines.splitlines():
        try:
            entry = json.loads(line)
            yield bool(entry["running"]), str(entry["line"]), dict(entry["progress"])
        except (ValueError, KeyError, TypeError):
            continue
