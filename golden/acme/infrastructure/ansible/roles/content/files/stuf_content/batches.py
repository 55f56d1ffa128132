"""The package's batch lists: which objects are copied together, one JSON document per line, gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .entries import NONE
from .outcome import Stop, refused

FOLLOWING = "./migrate content, which places the lists anew from the package"


@dataclass(frozen=True, slots=True)
class Line:
    """One object as the export saw it."""

    key: str
    size: int
    modified: str
    content_type: str
    target_key: str | None = None
    sha256: str | None = None
    metadata: dict[str, str] = field(default_factory=lambda: NONE)
    alone: bool = False


@dataclass(frozen=True)
class Batch:
    """One list: its number, the digest of its file, its objects."""

    number: str
    digest: str
    lines: tuple[Line, ...]


def read(folder: Path, *, metadata: bool = False) -> Iterator[Batch]:
    """Every batch in order, one in memory at a time; with metadata only where that is asked for."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        number = path.name.removesuffix(".jsonl.gz")
        if not re.fullmatch(r"[0-9]+", number):
            raise refused(f"{path} is no batch list", FOLLOWING)
        try:
            packed = path.read_bytes()
            text = gzip.decompress(packed).decode("utf-8")
            # Not `splitlines`: it would cut at characters that JSON may hold raw.
            lines = tuple(_line(json.loads(line), metadata) for line in io.StringIO(text, newline="\n"))
        except (OSError, EOFError, zlib.error, ValueError, TypeError):
            raise _broken(path) from None
        yield Batch(number, hashlib.sha256(packed).hexdigest(), lines)


def _line(said: dict[str, Any], metadata: bool) -> Line:
    """Texts that inventories hold too are shared with them."""
    if not metadata:
        said.pop("metadata", None)
    shared = {name: sys.intern(said[name]) for name in ("key", "modified", "content_type")}
    return Line(**said | shared)


def _broken(path: Path) -> Stop:
    return refused(f"batch list {path} cannot be read whole", FOLLOWING)
