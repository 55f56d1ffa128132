"""Two stores in memory, whose clock stands where a story puts it, and the program's own verbs between them.

For what depends on the second of a write, on the hour of the week, or on the object at which something happens: no real
store can be asked to answer then.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import hashlib
import json
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

from cases import ANSIBLE

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content import bulk, configuration, session  # noqa: E402 (after the path)
from stuf_content.entries import Entry  # noqa: E402
from stuf_content.timetable import Rates, Timetable  # noqa: E402
from stuf_content.wire import StoreError  # noqa: E402

#: A Monday at noon.
NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


class Body:
    """An answer's body."""

    def __init__(self, body: bytes) -> None:
        self.left = body

    def read(self, most: int | None = None) -> bytes:
        """The next bytes."""
        found, self.left = self.left[:most], self.left[len(self.left[:most]) :]
        return found


@dataclass
class Memory:
    """A bucket."""

    now: Callable[[], datetime.datetime]
    held: dict[str, tuple[Entry, bytes]] = field(default_factory=dict)
    listed_at: float = 0.0
    #: Keys whose bytes were read.
    read: list[str] = field(default_factory=list)
    #: Called with each key before its bytes are read.
    watch: Callable[[str], None] = lambda _: None
    gone: bool = False

    def write(self, key: str, body: bytes, *, ago: float = 60.0, parts: bool = False, **metadata: str) -> None:
        """An object, written so many seconds ago; of one in parts the ETag is no digest."""
        at = (self.now() - datetime.timedelta(seconds=ago)).replace(microsecond=0)
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest() + ("-2" if parts else "")
        modified = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.held[key] = Entry(key, len(body), etag, modified, "text/plain", metadata), body

    def listing(self, prefix: str = "") -> Iterator[Entry]:
        """As ListObjectsV2 tells it."""
        self._answers()
        self.listed_at = self.now().timestamp()
        for key in sorted(self.held):
            one = self.held[key][0]
            if key.startswith(prefix):
                yield Entry(key, one.size, one.etag, one.modified)

    def _answers(self) -> None:
        if self.gone:
            raise StoreError(404, "NoSuchBucket", "there is no such bucket", "source")

    def head(self, key: str, modified: str = "") -> Entry | None:
        """As HEAD tells it: a bucket that is gone answers as an object that is gone."""
        found = None if self.gone else self.held.get(key)
        return replace(found[0], modified=modified) if found else None

    @contextlib.contextmanager
    def reading(self, key: str, modified: str = "") -> Iterator[tuple[Entry, Body] | None]:
        """An object opened for reading."""
        self.watch(key)
        head = self.head(key, modified)
        if head is None:
            yield None
        else:
            self.read.append(key)
            yield head, Body(self.held[key][1])

    def put(self, key: str, body: bytes, like: Entry) -> str:
        """Stores an object."""
        self.write(key, body, ago=0)
        one = self.held[key][0]
        self.held[key] = replace(one, content_type=like.content_type, metadata=like.metadata), body
        return one.etag

    def copy(self, key: str, to: str) -> None:
        """Copies inside of the bucket."""
        one, body = self.held[key]
        self.put(to, body, one)

    def delete(self, key: str) -> None:
        """Deletes."""
        self.held.pop(key, None)

    def abandon_uploads(self, keys: set[str], below: str) -> int:
        """None."""
        return 0


class MemoryCase(unittest.TestCase):
    """Both stores, the state folder, and a session over them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stuf-content-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.batches = self.folder / "batches"
        self.batches.mkdir()
        self.time = NOON
        self.windows: list[str] = []
        #: What was sent in bulk, call by call.
        self.sent: list[list[str]] = []
        self.source, self.target = Memory(lambda: self.time), Memory(lambda: self.time)
        for patch in (mock.patch.object(bulk, "check_version"), mock.patch.object(bulk, "send", self.send)):
            patch.start()
            self.addCleanup(patch.stop)

    def send(self, run: session.Session, entries: list[Entry], tell: object, *, overwrite: bool = False) -> int:
        """What rclone does; outside of the windows nothing."""
        run.window()
        self.sent.append([entry.key for entry in entries])
        for entry in entries:
            if entry.key in self.source.held:
                one, body = self.source.held[entry.key]
                self.target.put(entry.key, body, one)
        return len(entries)

    def session(self, *, wait: bool = False) -> session.Session:
        """A run of a verb, now."""
        place = configuration.Place("http://127.0.0.1:1", "bucket", None)
        given = configuration.Configuration(
            credential=self.folder / "none", target=place, store="aws-s3", batches=self.batches,
            state=self.folder / "state", rclone=self.folder / "rclone", objects=len(self.source.held), bytes=1,
            rates=Rates.of(1 << 40, []), windows=Timetable.of(self.windows), requests_per_second=1_000_000,
            delete_limit=100,
        )  # fmt: skip
        run = session.Session(given, wait=wait, now=lambda: self.time)
        run.target, run._source = self.target, self.source
        return run

    def list_source(self, *, digests: bool = False) -> None:
        """A batch list of what the source holds now."""
        lines = []
        for key, (one, body) in self.source.held.items():
            digest = {"sha256": f"sha256:{hashlib.sha256(body).hexdigest()}"} if digests else {}
            told = {"key": key, "size": one.size, "modified": one.modified, "content_type": one.content_type}
            lines.append(json.dumps(told | digest) + "\n")
        (self.batches / "00001.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))

    def hold(self, at: int) -> None:
        """A person holds it while the target's object of that number is read."""

        def watch(_: str) -> None:
            if len(self.target.read) + 1 == at:
                session.hold(self.session())
                # Long enough for all others to see it before this one is read.
                time.sleep(0.5)

        self.target.watch = watch

    def later(self, **time: float) -> None:
        """Time goes by."""
        self.time += datetime.timedelta(**time)
