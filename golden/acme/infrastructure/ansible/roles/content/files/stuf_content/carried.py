"""What the target was given: each object as the source had it then. The base of every delta.

Before anything is sent, its names are written down: a run that ends in the middle knows what it has put there.
"""

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
    """Grows by a line per object, and by one for all that is sent together; the last word on a key counts."""

    def __init__(self, session: Session, source: Mapping[str, Entry] = MappingProxyType({})) -> None:
        """`source` is an inventory that is in memory: what was carried as it tells is not held twice."""
        self.path = session.path("carried.jsonl")
        self.at_target: dict[str, Carried] = {}
        #: Keys that are gone at the source, and taken away at the target where they were there.
        self.deleted: set[str] = set()
        #: Keys that a run was about to send, and their names at the target: what stands there is its work.
        self.intended: dict[str, str] = {}
        for line in read_lines(self.path):
            if "deleted" in line:
                self._forget(line["deleted"])
            elif "intended" in line:
                self._intend(line["intended"])
            elif "withdrawn" in line:
                self.intended.pop(line["withdrawn"], None)
            else:
                one = entry(**line["entry"])
                known = source.get(one.key)
                target_key, etag = line["target_key"], line["etag"]
                target_key = one.key if target_key == one.key else target_key
                self._keep(Carried(known if known == one else one, target_key, etag))
        #: Of these, what earlier runs meant to send and did not see at the target.
        self.unsettled = frozenset(self.intended)
        self.lines = Appending(self.path)
        self.lock = threading.Lock()

    def add(self, carried: Carried) -> None:
        """Remembers an object that is at the target now."""
        with self.lock:
            self._keep(carried)
            self.lines.add({"entry": asdict(carried.entry), "target_key": carried.target_key, "etag": carried.etag})

    def intend(self, names: dict[str, str]) -> None:
        """Remembers, before they are sent, keys of which the target holds nothing yet, and their names there."""
        with self.lock:
            new = {key: name for key, name in names.items() if key not in self.at_target and key not in self.intended}
            if new:
                self._intend(new)
                self.lines.add({"intended": new}, lasting=True)

    def withdraw(self, key: str) -> None:
        """Remembers that somebody else has put there what stands under a key that was to be sent."""
        with self.lock:
            if self.intended.pop(key, None) is not None:
                self.lines.add({"withdrawn": key})

    def name(self, key: str) -> str | None:
        """Under what name the target was given the key, or may have been; `None` where nothing was."""
        known = self.at_target.get(key)
        return known.target_key if known else self.intended.get(key)

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
        self.intended.pop(carried.entry.key, None)
        self.deleted.discard(carried.entry.key)

    def _intend(self, names: dict[str, str]) -> None:
        self.intended |= names
        self.deleted -= names.keys()

    def _forget(self, key: str) -> None:
        self.at_target.pop(key, None)
        self.intended.pop(key, None)
        self.deleted.add(key)
