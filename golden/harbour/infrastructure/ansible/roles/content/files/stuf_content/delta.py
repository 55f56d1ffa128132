"""What was added, changed or deleted at the source since the last pass; nothing is lost at the target."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

from . import batches, bulk, copying, inventory, keys, names, single
from .carried import Carried, Ledger
from .copying import Totals, Work
from .entries import Entry
from .outcome import about, count, refused
from .progress import Progress
from .session import Session, stop_if_held

BACKUP = "stufpack-backup"
#: Listings tell whole seconds: what was written about when the last one was taken may have been written once more.
YOUNG = 2.0


def carry(session: Session) -> dict[str, Any]:
    """Carries the difference between what the target was given and what the source has now."""
    bulk.check_version(session)
    stop_if_held(session)
    session.check()
    if not copying.is_complete(session):
        raise refused("the first copy is not complete", "stuf_content copy")
    with Ledger(session) as ledger:
        given = {line.key: line.target_key for batch in batches.read(session.given.batches) for line in batch.lines}
        listed = inventory.contents(session.source)
        gone = sorted(((ledger.at_target.keys() | given.keys()) - listed.keys()) - ledger.deleted)
        _refuse_too_many(session, gone, listed)
        current = _current(session, ledger, listed)
        for key in current:
            given.setdefault(key, None)
        names.look(session, current, given)
        wrong = _found_wrong(session)
        changed = [entry for key, entry in current.items() if key in wrong or _is_new(ledger, entry, key)]
        totals = Totals()
        prefix = f"{BACKUP}/{datetime.datetime.now(datetime.UTC).strftime('%Y%m%dT%H%M%S.%fZ')}/"
        pairs = [(entry, name(session, given[entry.key], entry.key)) for entry in changed]
        abandoned = single.abandon_uploads(session, {key for _, key in pairs})
        size = sum(entry.size for entry in changed)
        with Progress(session.given.state, "delta", objects=len(changed), size=size) as progress:
            pairs, kept = _keep(session, ledger, pairs, prefix)
            Work(session, ledger, progress, totals).objects(pairs, set(), overwrite=True)
            progress.done(len(changed), size)
            deleted = _delete(session, ledger, gone, prefix)
        inventory.keep(session, [current[key] for key in listed])
        copying.proof_is_void(session)
    return {
        "message": f"delta: {count(len(changed), 'object')} added or changed, {len(gone)} gone at the source",
        "added_or_changed": len(changed),
        "deleted": deleted,
        "gone": len(gone),
        "backup": {"prefix": prefix, "objects": kept + deleted},
        "listed_at": session.source.listed_at,
        "abandoned_uploads": abandoned,
    } | vars(totals)


def _found_wrong(session: Session) -> set[str]:
    """What the last proof found to differ or to be missing: it is carried again."""
    path = session.path(copying.REPORT)
    findings = json.loads(path.read_bytes())["findings"] if path.exists() else []
    return {found["key"] for found in findings if found["verdict"] in ("differs", "missing")}


def _refuse_too_many(session: Session, gone: list[str], listed: dict[str, Entry]) -> None:
    limit = session.given.delete_limit
    if gone and (len(gone) > limit or not listed):
        raise refused(
            f"{count(len(gone), 'object')} would be deleted, and the limit is {limit}"
            + ("" if listed else "; the source is empty"),
            "look at the source; if that was meant, raise the limit in the configuration",
            findings=about(gone, "gone at the source") if listed else [],
            deletions=len(gone),
            limit=limit,
        )


def _current(session: Session, ledger: Ledger, listed: dict[str, Entry]) -> dict[str, Entry]:
    """The source now, with types and metadata; only what may have changed is asked for."""
    found: dict[str, Entry] = {}
    ask = []
    listed_at = inventory.last_listed_at(session)
    for key, entry in listed.items():
        known = ledger.at_target.get(key)
        if known is not None and known.entry.same_version(entry) and not _is_young(entry, listed_at):
            found[key] = known.entry
        else:
            ask.append(entry)
    described, unreadable = inventory.described(session, ask)
    if unreadable:
        raise refused(
            f"the source lists {count(len(unreadable), 'object')} that it does not give",
            "the same command; if they stay, ask the operator to look at them",
            findings=about(unreadable, "listed, and not given"),
        )
    return found | described


def _is_young(entry: Entry, listed_at: float) -> bool:
    """Whether it was written so shortly before the last listing that its time does not tell one write from the next."""
    return datetime.datetime.fromisoformat(entry.modified).timestamp() >= listed_at - YOUNG


def _is_new(ledger: Ledger, entry: Entry, key: str) -> bool:
    known = ledger.at_target.get(key)
    return known is None or not known.entry.same_version(entry) or bool(known.entry.differences(entry))


def name(session: Session, given: str | None, key: str) -> str:
    """The key at the target: as the package lists it, else by the rule."""
    return given or keys.target_name(session.given.store, key, rename=session.given.rename) or key


def _keep(
    session: Session, ledger: Ledger, pairs: list[tuple[Entry, str]], prefix: str
) -> tuple[list[tuple[Entry, str]], int]:
    """Saves what will be overwritten; leaves out what an interrupted pass brought already."""
    left = []
    kept = 0

    def look(pair: tuple[Entry, str]) -> tuple[tuple[Entry, str], Entry | None]:
        return pair, session.target.head(pair[1])

    for pair, there in session.each(pairs, look):
        if there is not None and single.is_equal(pair[0], there):
            ledger.add(Carried(*pair))
            continue
        if there is not None:
            session.target.copy(pair[1], _backup_name(prefix, pair[1]))
            kept += 1
        left.append(pair)
    return left, kept


def _delete(session: Session, ledger: Ledger, gone: list[str], prefix: str) -> int:
    """Takes away at the target what is gone at the source, each saved first; returns how many were there."""
    deleted = 0
    for key in gone:
        session.check()
        known = ledger.at_target.get(key)
        if known is not None and session.target.head(known.target_key) is not None:
            session.target.copy(known.target_key, _backup_name(prefix, known.target_key))
            session.target.delete(known.target_key)
            deleted += 1
        ledger.delete(key)
    return deleted


def _backup_name(prefix: str, key: str) -> str:
    """The key below the prefix; where that is too long, its digest, by which the ledger finds it."""
    name = prefix + key
    if len(name.encode(errors="surrogateescape")) <= keys.LONGEST:
        return name
    return f"{prefix}long/{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}"
