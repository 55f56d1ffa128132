"""The native inventory: every object of a bucket as the store itself lists it, with content type and metadata."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from . import exported
from .entries import Entry, is_content, is_left_out, store
from .outcome import about, count, refused
from .progress import Progress
from .refusals import SOURCE as SIDE
from .session import Session
from .store import Store
from .wire import StoreError

SOURCE = "source.jsonl"
NOT_GIVEN = "listed, and not given"


def contents(store_: Store, left_out: list[str] | None = None) -> dict[str, Entry]:
    """The listing of a bucket's content by key, without type and metadata, and which keys stay behind."""
    found: dict[str, Entry] = {}
    with _refusing():
        for entry in store_.listing():
            if entry.key in found:
                raise ValueError("the store lists a key twice")
            if is_content(entry.key):
                found[entry.key] = entry
            elif left_out is not None and is_left_out(entry.key):
                left_out.append(entry.key)
    return found


def must_be_listed(store_: Store) -> None:
    """Refuses a bucket that is not there, or does not let itself be listed."""
    with _refusing():
        next(store_.listing(), None)


def is_listed(store_: Store, key: str) -> bool:
    """Whether the bucket lists the key; raises where it lists nothing at all, since it is not there."""
    # Keys come in the order of their bytes, so of all that begin so the key itself comes first.
    first = next(store_.listing(key), None)
    return first is not None and first.key == key


@contextlib.contextmanager
def _refusing(what: str = "listed") -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        if error.status in (301, 400, 403, 404):
            raise refused(f"the bucket cannot be {what}: {error}", "look at bucket, region and credential") from None
        raise


def described(session: Session, listed: Collection[Entry]) -> tuple[dict[str, Entry], list[dict[str, str]]]:
    """Adds what only the source's objects themselves tell; the second part says what is listed and cannot be read."""
    found: dict[str, Entry] = {}
    if not listed:
        return found, []

    def ask(entry: Entry) -> tuple[Entry, Entry | None]:
        head = None
        # Where a name that nobody has is refused too it is the credential, and not one object.
        with _refusing("read"), session.refusals.apart(entry.key):
            head = session.source.head(entry.key, entry.modified)
            if head is None:
                raise StoreError(404, "", NOT_GIVEN, SIDE)
        return entry, head

    with Progress(session.given.state, session.patience, "inventory", objects=len(listed)) as progress:
        for entry, head in session.each_in_turn(listed, ask, progress):
            progress.done(1, 0)
            if head is not None:
                young = entry.is_young(session.source.listed_at)
                found[entry.key] = replace(head, young=True) if young else head
            elif session.refusals.enough:
                break
    return found, session.refusals.findings()


def keep(session: Session, ordered: list[Entry]) -> None:
    """Keeps an inventory of the source as the last one."""
    store(session.path(SOURCE), ordered)


def take(session: Session) -> dict[str, Any]:
    """Lists the source, compares with what the package expects, and keeps the inventory."""
    left_out: list[str] = []
    listed = contents(session.source, left_out)
    expected = session.given.objects
    told = exported.read(session, listed)
    wanted = told.names.keys()
    gone = sorted(wanted - listed.keys())
    new = len(listed.keys() - wanted)
    present, changed = len(wanted) - len(gone), len(told.changed)
    shrunken = len(gone) > exported.limit(session.given.delete_limit, len(wanted))
    if (expected and not listed) or shrunken:
        raise refused(
            f"the source does not hold what was exported: expected {expected}, found {present}",
            "look at bucket and credential at the source; if objects were deleted there, make a new export and package"
            + (
                f", or write `content_delete_limit: {len(gone)}` into local/vars.yml of the state folder"
                if listed
                else ""
            ),
            findings=about(gone, "exported, and gone") if listed else [],
            expected=expected,
            found=present,
        )
    exported.refuse_many_changed(session, told)
    del told, wanted
    found, unreadable = described(session, listed.values())
    if unreadable:
        said, known = f"expected {len(listed)}, found {len(found)}", {"found": len(found)}
        if session.refusals.enough:
            # The rest was not asked for, so nobody knows how many could be read.
            said, known = f"at least {len(unreadable)} of {len(listed)}", {}
        raise refused(
            f"the source lists objects that it does not give: {said}",
            "the same command; if they stay, ask the operator to look at these objects",
            findings=unreadable,
            expected=len(listed),
            **known,
        )
    ordered = [found[key] for key in listed]
    keep(session, ordered)
    beside = exported.count_beside(ordered)
    return {
        "message": f"source: {count(len(ordered), 'object')}; {exported.since([new, changed, len(gone)], left_out)}"
        + exported.beside(session, beside),
        "expected": expected,
        "objects": len(ordered),
        "bytes": sum(entry.size for entry in ordered),
        "new_since_export": new,
        "changed_since_export": changed,
        "gone_since_export": len(gone),
        "left_out": left_out,
        "beside": beside,
        "listed_at": session.source.listed_at,
    }
