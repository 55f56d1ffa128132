"""Before anything: does the credential read, and only read? Does the target answer? Is rclone new enough?"""

from __future__ import annotations

import datetime
import secrets
from typing import Any

from . import bulk, exported, inventory
from .entries import Entry
from .outcome import count, refused
from .session import Session
from .wire import StoreError

PREFIX = "stufpack-validation/"
DENIED = 403


def probe(session: Session) -> dict[str, Any]:
    """Tries each thing that the copy will need, and each that the credential must not be able to do."""
    version = bulk.check_version(session)
    ends_at = session.credential.ends_at
    needed_until = session.given.needed_until or _at_least(session)
    ends = f"{ends_at:%Y-%m-%dT%H:%M:%SZ}"
    if ends_at < needed_until:
        raise refused(
            f"the source's credential ends at {ends}, and is needed until {needed_until:%Y-%m-%dT%H:%M:%SZ}",
            "ask the operator for one that lasts: issue source-read",
            ends_at=ends,
        )
    name = f"{PREFIX}{secrets.token_hex(16)}"
    _reads(session)
    _cannot_write(session, name)
    _target(session, name)
    return {
        "message": f"the source can be read and not written, the target works, rclone is {version}",
        "installation": session.credential.installation,
        "ends_at": ends,
        "rclone": version,
    }


def must_be_two(session: Session) -> None:
    """Refuses source and target that are one bucket, whatever the two are called: each object would prove itself."""
    name = f"{PREFIX}{secrets.token_hex(16)}"
    session.target.put(name, b"", Entry(name, 0, "", "", "text/plain"))
    try:
        shared = inventory.is_listed(session.source, name)
    finally:
        session.target.delete(name)
    if shared:
        raise exported.one_bucket(session.credential.place)


def _at_least(session: Session) -> datetime.datetime:
    """When the copy ends at the earliest: it waits for its windows."""
    return session.given.windows.ends(session.now(), session.given.bytes / session.given.rates.highest)


def _reads(session: Session) -> None:
    try:
        next(session.source.listing(), None)
    except StoreError as error:
        raise refused(f"the source cannot be read: {error}", "ask the operator to look at the credential") from None


def _cannot_write(session: Session, name: str) -> None:
    """Tries to write and to delete a name that nobody uses: both have to be refused."""
    could = []
    try:
        session.source.put(name, b"", Entry(name, 0, "", "", "text/plain"))
        could.append("write")
    except StoreError as error:
        _is_denied(error)
    try:
        session.source.delete(name)
        could.append("delete")
    except StoreError as error:
        _is_denied(error)
    if could:
        raise refused(
            f"the source's credential can {' and '.join(could)}; it must be able to read only",
            "ask the operator to issue source-read anew; this one should be revoked",
            could=could,
        )


def _is_denied(error: StoreError) -> None:
    if error.status != DENIED:
        raise refused(f"whether the source's credential can write was not to be found out: {error}", "the same command")


def _target(session: Session, name: str) -> None:
    like = Entry(name, 5, "", "", "text/x-stufpack", {"uploader": "stufpack-validation"})
    try:
        next(session.target.listing(), None)
        session.target.put(name, b"probe", like)
        try:
            there = session.target.head(name)
            # Whatever the two are called: what was put here is not to be seen there.
            shared = inventory.is_listed(session.source, name)
        finally:
            session.target.delete(name)
    except StoreError as error:
        raise refused(
            f"the target's bucket does not work: {error}", "./migrate deploy, then ./migrate verify"
        ) from None
    if shared:
        raise exported.one_bucket(session.credential.place)
    if there is None or like.differences(there):
        raise refused(f"the target does not keep an object as it was given ({count(5, 'byte')})", "./migrate verify")
