"""Files that stand there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path


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
    """The note of what an import writes, beside what was saved before it: until it is taken away, that has to stay."""

    def __init__(self, saved: Path, dry: bool) -> None:
        self.path = saved.with_suffix(".begun")
        self.dry = dry
        self.names: frozenset[str] = frozenset()
        if self.path.is_file():
            self.names = frozenset(json.loads(self.path.read_text(encoding="utf-8")))

    def adds(self, names: Iterable[str]) -> None:
        """Before the first of them is written; what an earlier import has begun to write stays named."""
        self.names = self.names.union(names)
        if not self.dry:
            write_whole(self.path, json.dumps(sorted(self.names), ensure_ascii=False))

    def ends(self) -> None:
        """Everything stands again as it was saved."""
        if not self.dry:
            self.path.unlink(missing_ok=True)
