"""What the target was given: each object as the source had it then. The base of every delta."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from .entries import Appending, Entry, entry, read_lines
from .session import Session


@dataclass(frozen=True, slots=True)
class Carried:
    """One object at the target; `etag` is the target's, where it was written by this program itself."""

    entry: Entry
    target_key: str
    etag: str | None = None


class Ledger:
    """Grows by a line per object; the last line of a key counts."""

    def __init__(self, session: Session, source: Mapping[str, Entry] = MappingProxyType({})) -> None:
        """`source` is an inventory that is in memory: what was carried as it tells is not held twice."""
        self.path = session.path("carried.jsonl")
        self.at_target: dict[str, Carried] = {}
        #: Keys that are gone at the source, and taken away at the target where they were there.
        self.deleted: set[str] = set()
        for line in read_lines(self.path):
            if "deleted" in line:
                self._forget(line["deleted"])
            else:
                one = entry(**line["entry"])
                known = source.get(one.key)
                target_key, etag = line["target_key"], line["etag"]
                target_key = one.key if target_key == one.key else target_key
                self._keep(Carried(known if known == one else one, target_key, etag))
        self.lines = Appending(self.path)
        self.lock = threading.Lock()

    def add(self, carried: Carried) -> None:
        """Remembers an object that is at the target now."""
        with self.lock:
            self._keep(carried)
            self.lines.add({"entry": asdict(carried.entry), "target_key": carried.target_key, "etag": carried.etag})

    def delete(self, key: str) -> None:
        """Remembers that a key is gone at the source."""
        with self.lock:
            self._forget(key)
            self.lines.add({"deleted": key})

    def close(self) -> None:
        """Closes the file."""
        self.lines.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, carried: Carried) -> None:
        self.at_target[carried.entry.key] = carried
        self.deleted.discard(carried.entry.key)

    def _forget(self, key: str) -> None:
        self.at_target.pop(key, None)
        self.deleted.add(key)
