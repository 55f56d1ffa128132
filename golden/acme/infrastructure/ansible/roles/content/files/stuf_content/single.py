"""Copies one object through the storage's own interface: what rclone cannot carry, and what it left behind."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from . import inventory
from .carried import Carried, Ledger
from .entries import Entry
from .refusals import SOURCE, TARGET
from .store import Store
from .wire import BROKEN, BUSY, Answer, Outage, StoreError, broken

if TYPE_CHECKING:
    from .session import Session

Result = TypeVar("Result")

PART = 16 << 20
CHUNK = 256 << 10
TRIES = 3


class Outcome(enum.Enum):
    """What became of one object."""

    SENT = enum.auto()
    THERE = enum.auto()
    GONE = enum.auto()
    #: Written anew at the source since the inventory; delta carries it.
    CHANGED = enum.auto()
    #: The target holds other bytes under the key, which this program did not write.
    CONFLICT = enum.auto()
    #: A store does not give or take it.
    REFUSED = enum.auto()


def carry(session: Session, ledger: Ledger, entry: Entry, key: str, *, overwrite: bool = False) -> Outcome:
    """Brings one object to the target."""
    session.check()
    there = session.target.head(key)
    if there is not None and not overwrite:
        now = session.source.head(entry.key)
        if now is None:
            return _gone(session, entry)
        if now.etag != entry.etag or entry.differences(now):
            return Outcome.CHANGED
        equal, wanted = _equal_bytes(session, ledger, entry, there), session.wanted(entry)
        if equal and not wanted.differences(there):
            ledger.add(Carried(entry, key, there.etag))
            return Outcome.THERE
        if not equal and entry.key in ledger.unsettled:
            # An earlier run has put it there as it was then; delta saves what it overwrites.
            return Outcome.CHANGED
        if not equal:
            ledger.withdraw(entry.key)
            return Outcome.CONFLICT
    # What was refused will be so again, and for a store that has no time was waited.
    sent = again(
        session, lambda: _send(session, entry, key), lambda error: not error.refuses and error.status not in BUSY
    )
    if sent is None:
        return _gone(session, entry)
    ledger.add(Carried(replace(sent[0], young=entry.young), key, sent[1]))
    return Outcome.SENT


def again(session: Session, work: Callable[[], Result], passes: Callable[[StoreError], bool]) -> Result:
    """Does it some times, where what failed passes; nothing is tried again once a store was waited for in vain."""
    for attempt in range(TRIES - 1):
        try:
            return work()
        except StoreError as error:
            if isinstance(error, Outage) or not passes(error):
                raise
        session.stopping.wait(0.5 * 4**attempt)
        session.check()
    return work()


def _gone(session: Session, entry: Entry) -> Outcome:
    """That an object is gone says its bucket, and not its silence: a bucket that is gone gives no object either."""
    try:
        listed = inventory.is_listed(session.source, entry.key)
    except StoreError as error:
        if not error.refuses:
            raise
        # Not about this object: the bucket itself gives nothing.
        raise session.refusals.ended(error) from None
    if listed:
        raise StoreError(404, "", inventory.NOT_GIVEN, SOURCE)
    return Outcome.GONE


def looks_equal(entry: Entry, there: Entry) -> bool:
    """Whether nothing that the stores say without reading speaks against equal objects, but for what rclone adds."""
    comparable = there.md5 and entry.md5
    added = entry.foreign(there)
    plain = replace(there, metadata={name: text for name, text in there.metadata.items() if name not in added})
    return not entry.differences(plain) and (not comparable or there.md5 == entry.md5)


def is_equal(entry: Entry, there: Entry) -> bool:
    """Whether the stores' own digests say that the objects are equal."""
    return there.md5 is not None and there.md5 == entry.md5 and not entry.differences(there)


def digest(session: Session, store: Store, key: str) -> tuple[Entry, str] | None:
    """SHA-256 of an object's bytes, read whole, once more where that breaks off; `None` where there is none."""
    return again(session, lambda: _digest(session, store, key), lambda error: error.code == BROKEN)


def _digest(session: Session, store: Store, key: str) -> tuple[Entry, str] | None:
    with store.reading(key) as opened:
        if opened is None:
            return None
        entry, body = opened
        found = hashlib.sha256()
        size = 0
        slowly = store is not session.target
        while chunk := body.read(CHUNK):
            session.stopping.check()
            if slowly:
                session.line.take(len(chunk))
            found.update(chunk)
            size += len(chunk)
        if size != entry.size:
            raise broken(TARGET if store is session.target else SOURCE, f"{entry.size - size} bytes are missing")
        return entry, found.hexdigest()


def _equal_bytes(session: Session, ledger: Ledger, entry: Entry, there: Entry) -> bool:
    """Whether the target's bytes are the source's, by the cheapest proof at hand."""
    if there.size != entry.size:
        return False
    known = ledger.at_target.get(entry.key)
    if known is not None and known.etag == there.etag and known.entry.same_version(entry):
        return True
    if there.md5 and entry.md5:
        return there.md5 == entry.md5
    # Sent in parts, so no digest is told: both are read.
    ours, theirs = digest(session, session.target, there.key), digest(session, session.source, entry.key)
    return ours is not None and theirs is not None and ours[1] == theirs[1]


def _send(session: Session, entry: Entry, key: str) -> tuple[Entry, str] | None:
    with session.source.reading(entry.key, entry.modified) as opened:
        if opened is None:
            return None
        like, body = opened
        wanted = session.wanted(like)
        if like.size <= PART:
            return like, session.target.put(key, _exactly(session, body, like.size), wanted)
        # At most 10,000 parts are allowed.
        part = max(PART, -(-like.size // (9000 << 20)) << 20)
        pieces = (_exactly(session, body, min(part, like.size - begin)) for begin in range(0, like.size, part))
        return like, session.target.put_in_parts(key, pieces, wanted)


def _exactly(session: Session, body: Answer, size: int) -> bytes:
    """So many bytes of the source, at the speed that is allowed."""
    pieces = bytearray()
    while len(pieces) < size:
        wanted = min(CHUNK, size - len(pieces))
        session.line.take(wanted)
        piece = body.read(wanted)
        if not piece:
            raise broken(SOURCE, f"{size - len(pieces)} bytes are missing")
        pieces += piece
    return bytes(pieces)
