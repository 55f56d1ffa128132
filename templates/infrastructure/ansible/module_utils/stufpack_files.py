"""Files that stand there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
    """

    def __init__(self, saved: Path, dry: bool) -> None:
        self.path = saved.with_suffix(".begun")
        self.dry = dry
        self.began = ""
        self.again = False  # whether another run came upon it
        self.wrote: dict[str, list[Any]] = {}  # by name, each form in which an import writes it
        if self.path.is_file():
            note = json.loads(self.path.read_text(encoding="utf-8"))
            self.began, self.again, self.wrote = note["began"], note["again"], note["wrote"]

    @property
    def since(self) -> str:
        """When an import before this one began that was neither finished nor put back; empty where none was."""
        return self.began if self.again else ""

    def adds(self, wanted: Mapping[str, Any]) -> None:
        """Before the first of them is written; what an earlier import has begun to write stays noted."""
        self.began = self.began or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        for name, one in wanted.items():
            forms = self.wrote.setdefault(name, [])
            if one not in forms:
                forms.append(one)
        self._note()

    def stays(self) -> None:
        """Another run has saved what stands, and goes on from it."""
        if self.wrote:
            self.again = True
            self._note()

    def ends(self) -> None:
        """Everything stands again as it was saved."""
        if not self.dry:
            self.path.unlink(missing_ok=True)

    def _note(self) -> None:
        if not self.dry:
            note = {"began": self.began, "again": self.again, "wrote": self.wrote}
            write_whole(self.path, json.dumps(note, ensure_ascii=False))
