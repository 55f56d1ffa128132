"""Copies one object through the storage's own interface: what rclone cannot carry, and what it left behind."""

from __future__ import annotations

import enum
import hashlib
import http.client
from dataclasses import replace
from typing import TYPE_CHECKING

from . import inventory
from .carried import Carried, Ledger
from .entries import Entry
from .outcome import failed
from .store import Store
from .wire import Answer, Outage, StoreError

if TYPE_CHECKING:
    from .session import Session

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
    #: A store refuses it, and no other.
    REFUSED = enum.auto()


class Refused(Exception):
    """A store does not give or take this one object; the text is safe to log."""


def carry(session: Session, ledger: Ledger, entry: Entry, key: str, *, overwrite: bool = False) -> Outcome:
    """Brings one object to the target."""
    session.check()
    try:
        return _carry(session, ledger, entry, key, overwrite=overwrite)
    except StoreError as error:
        if not error.refuses:
            raise
        raise Refused(str(error)) from None


def _carry(session: Session, ledger: Ledger, entry: Entry, key: str, *, overwrite: bool) -> Outcome:
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
    for attempt in range(TRIES):
        try:
            sent = _send(session, entry, key)
        except (OSError, http.client.HTTPException, StoreError) as error:
            if isinstance(error, Outage) or (isinstance(error, StoreError) and error.refuses):
                raise
            if attempt == TRIES - 1:
                raise failed(
                    f"an object could not be copied by itself ({error})",
                    "What was copied stays; nothing of this object is at the target.",
                    "the same command, once the stores answer",
                ) from None
            session.stopping.wait(0.5 * 4**attempt)
            session.check()
        else:
            break
    if sent is None:
        return _gone(session, entry)
    ledger.add(Carried(replace(sent[0], young=entry.young), key, sent[1]))
    return Outcome.SENT


def _gone(session: Session, entry: Entry) -> Outcome:
    """That an object is gone says its bucket, and not its silence: a bucket that is gone gives no object either."""
    try:
        listed = inventory.is_listed(session.source, entry.key)
    except StoreError as error:
        # Not about this object: the bucket itself gives nothing.
        raise failed(
            str(error), "What was copied stays.", "look at bucket and credential, then the same command"
        ) from None
    if listed:
        raise Refused(inventory.NOT_GIVEN)
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
    """SHA-256 of an object's bytes, read whole; `None` where there is none."""
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
            raise http.client.IncompleteRead(b"", entry.size - size)
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
            raise http.client.IncompleteRead(b"", size - len(pieces))
        pieces += piece
    return bytes(pieces)
