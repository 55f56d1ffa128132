"""What the target was given: each object as the source had it then. The base of every delta."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass

from .entries import Appending, Entry, read_lines
from .session import Session


@dataclass(frozen=True)
class Carried:
    """One object at the target; `etag` is the target's, where it was written by this program itself."""

    entry: Entry
    target_key: str
    etag: str | None = None


class Ledger:
    """Grows by a line per object; the last line of a key counts."""

    def __init__(self, session: Session) -> None:
        self.path = session.path("carried.jsonl")
        self.at_target: dict[str, Carried] = {}
        #: Keys that are gone at the source, and taken away at the target where they were there.
        self.deleted: set[str] = set()
        for line in read_lines(self.path):
            if "deleted" in line:
                self._forget(line["deleted"])
            else:
                self._keep(Carried(Entry(**line["entry"]), line["target_key"], line["etag"]))
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
