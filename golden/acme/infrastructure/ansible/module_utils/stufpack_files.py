"""Files that stand there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: str | bytes, mode: int = 0o600, owner: int | None = None) -> None:
    """Puts a file in place once it is whole and on disk; until then what was there stays. No link is followed."""
    draft = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        if owner is not None:
            os.fchown(file.fileno(), owner, owner)
        os.fchmod(file.fileno(), mode)
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Begun:
    """The note of what an import writes, beside what was saved before it, as long as it may stand there by halves.

    What stands as it is noted is the import's; what stands otherwise is as it was before, or others changed it since.
    Each line is one user or document in one form, and is on disk before that is written.
    """

    def __init__(self, saved: Path, dry: bool) -> None:
        self.path = saved.with_suffix(".begun")
        self.dry = dry
        self.now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        text = self.path.read_bytes() if self.path.is_file() else b""
        # A line without its end is of a run that was cut off there, before it wrote anything for it.
        self.length = text.rfind(b"\n") + 1
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in text[: self.length].splitlines()]
        self.wrote: dict[str, list[Any]] = {}  # by name, each form in which an import has written it or was about to
        for line in self.lines:
            self.wrote.setdefault(line["name"], []).append(line["form"])
        self.since = self._since()

    def adds(self, name: str, form: Any) -> None:
        """Just before this one is written; what an earlier import has begun to write stays noted."""
        if form in self.wrote.get(name, ()):
            return
        self.wrote.setdefault(name, []).append(form)
        self.lines.append({"began": self.now, "again": False, "name": name, "form": form})
        if self.dry:
            return
        text = _as_line(self.lines[-1])
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self.path, flags, 0o600), "wb") as file:
            file.truncate(self.length)
            file.seek(self.length)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.length += len(text)

    def stays(self) -> None:
        """Another run has saved what stands, and goes on from it."""
        for line in self.lines:
            line["again"] = True
        self.since = self._since()
        self._keep()

    def forgets(self, names: Collection[str]) -> None:
        """These stand again as they were saved."""
        self.lines = [line for line in self.lines if line["name"] not in names]
        self.wrote = {name: forms for name, forms in self.wrote.items() if name not in names}
        self._keep()

    def ends(self) -> None:
        """Everything stands again as it was saved."""
        self.forgets(list(self.wrote))

    def _since(self) -> str:
        """When the first import before this run began of which something may stand by halves; empty where none did."""
        return min((str(line["began"]) for line in self.lines if line["again"]), default="")

    def _keep(self) -> None:
        text = b"".join(map(_as_line, self.lines))
        self.length = len(text)
        if self.dry:
            return
        if text:
            write_whole(self.path, text)
        else:
            self.path.unlink(missing_ok=True)


def _as_line(note: dict[str, Any]) -> bytes:
    """In letters of ASCII alone, so that no text in it ends a line."""
    return f"{json.dumps(note)}\n".encode()
