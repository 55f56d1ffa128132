"""Where a verb stands: a JSON document that is replaced every second, a line of JSON for each, a line for people."""

from __future__ import annotations

import datetime
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

from .entries import Appending, write_json
from .outcome import count, say
from .patience import Patience

#: Seconds over which the rate is taken.
SPAN = 30.0
PEOPLE = 10.0


class Progress:
    """Counts what is done; a thread of its own tells it."""

    def __init__(
        self, state: Path, patience: Patience, phase: str, *, objects: int = 0, size: int = 0, batches: int = 0
    ) -> None:
        self.patience = patience
        self.path = state / "progress.json"
        self.lines = Appending(state / "progress.jsonl")
        self.phase = phase
        self.objects, self.bytes, self.batches = objects, size, batches
        self.objects_done = self.bytes_done = self.batches_done = 0
        #: What the bulk tool says of the batch it works at, not yet proven to be there.
        self.under_way = (0, 0)
        self.state = "running"
        #: When the window opens that is waited for.
        self.waits_until: str | None = None
        self.told = ""
        self.lock = threading.Lock()
        self.seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._tell, daemon=True)

    def done(self, objects: int, size: int, batches: int = 0) -> None:
        """Adds what is finished."""
        with self.lock:
            self.objects_done += objects
            self.bytes_done += size
            self.batches_done += batches

    def document(self) -> dict[str, Any]:
        """The state now."""
        with self.lock:
            objects = min(self.objects, self.objects_done + self.under_way[0])
            size = min(self.bytes, self.bytes_done + self.under_way[1])
            now = time.monotonic()
            self.seen.append((now, size))
            while len(self.seen) > 2 and now - self.seen[0][0] > SPAN:
                self.seen.popleft()
            seconds = now - self.seen[0][0]
            waits = self.patience.document()
            rate = max(0, int((size - self.seen[0][1]) / seconds)) if seconds > 0 else 0
            return {
                "phase": self.phase,
                "batches_done": self.batches_done,
                "batches": self.batches,
                "objects_done": objects,
                "objects": self.objects,
                "bytes_done": size,
                "bytes": self.bytes,
                "rate": rate,
                "remaining_seconds": (self.bytes - size) // rate if rate else None,
                "state": "waiting" if waits["waits_for"] and self.state == "running" else self.state,
                "waits_until": self.waits_until,
                **waits,
                "at": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }

    def __enter__(self) -> Progress:
        self._write()
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.thread.join()
        if self.state == "running":
            code = getattr(value, "code", None)
            self.state = "done" if kind is None else "paused" if code == 11 else "failed"
        self._write()
        self.lines.close()

    def _tell(self) -> None:
        told = time.monotonic()
        while not self.over.wait(1.0):
            try:
                document = self._write()
            except OSError:
                # A full disk, which the work itself meets and tells; once there is room again, so is this.
                continue
            if self.state == "running" and time.monotonic() - told >= PEOPLE:
                told = time.monotonic()
                say(line(document))

    def _write(self) -> dict[str, Any]:
        document = self.document()
        write_json(self.path, document)
        # One that waits for hours has nothing new to tell every second.
        if document["state"] != "waiting" or self.told != "waiting":
            self.lines.add(document)
        self.told = document["state"]
        return document


def line(document: dict[str, Any]) -> str:
    """One line for people."""
    parts = [f"{document['phase']}: {document['objects_done']} of {count(document['objects'], 'object')}"]
    if document["batches"]:
        parts.append(f"{document['batches_done']} of {count(document['batches'], 'batch')}")
    parts.append(f"{document['bytes_done'] / 1e6:.1f} of {document['bytes'] / 1e6:.1f} MB")
    parts.append(f"{document['rate'] * 8 / 1e6:.1f} Mbit/s")
    if document["remaining_seconds"] is not None:
        parts.append(f"{document['remaining_seconds'] // 60} min {document['remaining_seconds'] % 60} s left")
    if document["waits_until"]:
        parts.append(f"waits until {document['waits_until']}")
    return ", ".join(parts) + waiting(document)


def waiting(document: dict[str, Any]) -> str:
    """For people: which store is waited for, and since when."""
    side = document.get("waits_for")
    return f", waits for the {side}'s store since {document['waits_since']}" if side else ""
