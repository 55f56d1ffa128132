"""What was added, changed or deleted at the source since the last pass; nothing is lost at the target.

Looking for it takes listings and single questions, at any time. Carrying reads the source's objects, so it keeps to the
windows as a copy does, and goes portion by portion: between two of them a hold stops it, and what a portion brought
stands in the ledger, so that the next pass goes on there.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from . import bulk, copying, exported, inventory, keys, names, single
from .carried import Carried, Ledger
from .copying import Totals, Work
from .entries import BACKUP, Entry
from .outcome import about, count, refused
from .progress import Progress
from .session import Session, stop_if_held

#: The most that a portion holds; a larger object is one of its own.
PORTION_OBJECTS, PORTION_BYTES = 1_000, 1 << 30

#: What became of a name in `content_remove`.
TAKEN, LEFT, ABSENT = "taken_away", "left", "not_there"

#: An object of the source, and its key at the target.
Pair = tuple[Entry, str]


def carry(session: Session) -> dict[str, Any]:
    """Carries the difference between what the target was given and what the source has now."""
    bulk.check_version(session)
    stop_if_held(session)
    if not copying.is_complete(session):
        raise refused("the first copy is not complete", "./migrate content, which copies first")
    with Ledger(session) as ledger:
        listed = inventory.contents(session.source)
        told = exported.read(session, listed)
        given = told.names
        held = (ledger.at_target.keys() | ledger.intended.keys() | given.keys()) - ledger.deleted
        gone = sorted(held - listed.keys())
        _refuse_too_many(session, gone, len(held), listed)
        del held
        exported.refuse_many_changed(session, told)
        current = _current(session, ledger, listed)
        for key in current:
            given.setdefault(key, None)
        names.look(session, current, given)
        wrong = _found_wrong(session)
        changed = [entry for key, entry in current.items() if key in wrong or _is_new(ledger, entry, key)]
        pairs = [(entry, name(session, given[entry.key], entry.key)) for entry in changed]
        abandoned = session.target.abandon_uploads({key for _, key in pairs}, f"{BACKUP}/")
        copying.proof_is_void(session)
        size = sum(entry.size for entry in changed)
        with Progress(session.given.state, session.patience, "delta", objects=len(changed), size=size) as progress:
            carrying = Carrying(session, ledger, progress, wrong)
            # What is gone goes first: the name that the rule gave it may be the own one of a key that came.
            deleted = carrying.delete(gone)
            removed = carrying.remove(
                {name(session, given[key], key) for key in listed} if session.given.remove else set()
            )
            carrying.every(pairs)
            session.refusals.end()
        inventory.keep(session, [current[key] for key in listed])
        session.path(copying.OLD_REPORT).unlink(missing_ok=True)
    return {
        "message": f"delta: {count(len(changed), 'object')} added or changed, {len(gone)} gone at the source"
        + _removed(removed),
        "added_or_changed": len(changed),
        "deleted": deleted + len(removed[TAKEN]),
        "gone": len(gone),
        "removed": removed,
        "backup": {"prefix": carrying.prefix, "objects": len(carrying.saved) + deleted + len(removed[TAKEN])},
        "listed_at": session.source.listed_at,
        "abandoned_uploads": abandoned,
    } | vars(carrying.work.totals)


def _removed(removed: dict[str, list[str]]) -> str:
    """For people: what became of what `content_remove` names; a name that is mistyped is not at the target."""
    words = {TAKEN: "taken away", LEFT: "left, since the source has it", ABSENT: "not at the target"}
    found = [f"{len(removed[what])} {word}" for what, word in words.items() if removed[what]]
    return f"; of `content_remove` {', '.join(found)}" if found else ""


def _found_wrong(session: Session) -> set[str]:
    """What the last proof found to differ or to be missing: it is carried again, until a whole delta has done so."""
    found: set[str] = set()
    for path in map(session.path, (copying.OLD_REPORT, copying.REPORT)):
        findings = json.loads(path.read_bytes())["findings"] if path.exists() else []
        found |= {finding["key"] for finding in findings if finding["verdict"] in ("differs", "missing")}
    return found


def _refuse_too_many(session: Session, gone: list[str], held: int, listed: dict[str, Entry]) -> None:
    limit = exported.limit(session.given.delete_limit, held)
    if gone and (len(gone) > limit or not listed):
        raise refused(
            f"{count(len(gone), 'object')} would be deleted, and the limit is {limit}"
            + ("" if listed else "; the source is empty"),
            "look at the source; if that was meant, write "
            f"`content_delete_limit: {len(gone)}` into local/vars.yml of the state folder, then ./migrate content"
            if listed
            else "look at bucket and credential at the source; whatever is there, it deletes nothing here",
            findings=about(gone, "gone at the source") if listed else [],
            deletions=len(gone),
            limit=limit,
        )


def _current(session: Session, ledger: Ledger, listed: dict[str, Entry]) -> dict[str, Entry]:
    """The source now, with types and metadata; only what may have changed is asked for."""
    found: dict[str, Entry] = {}
    ask = []
    for key, entry in listed.items():
        known = ledger.at_target.get(key)
        # Of one that was young when it was looked at the time is no proof, however long ago that look was; and what is
        # kept beside an object comes and goes without another time.
        if known is not None and known.entry.same_version(entry) and not (known.entry.young or known.entry.beside):
            found[key] = known.entry
        else:
            ask.append(entry)
    described, unreadable = inventory.described(session, ask)
    if unreadable:
        raise refused(
            f"the source lists {session.refusals.number(len(unreadable))} that it does not give",
            "the same command; if they stay, ask the operator to look at them",
            findings=unreadable,
        )
    for key, entry in described.items():
        known = ledger.at_target.get(key)
        if known is not None and not _is_new(ledger, entry, key) and known.entry != entry:
            ledger.add(replace(known, entry=entry))
    return found | described


def _is_new(ledger: Ledger, entry: Entry, key: str) -> bool:
    known = ledger.at_target.get(key)
    return known is None or not known.entry.same_version(entry) or bool(known.entry.differences(entry))


def name(session: Session, given: str | None, key: str) -> str:
    """The key at the target: as the package lists it, else by the rule."""
    return given or keys.target_name(session.given.store, key, rename=session.given.rename) or key


class Carrying:
    """One pass that writes and deletes at the target; what it overwrites or takes away is saved first."""

    def __init__(self, session: Session, ledger: Ledger, progress: Progress, wrong: set[str]) -> None:
        self.session = session
        self.ledger = ledger
        self.progress = progress
        self.wrong = wrong
        self.work = Work(session, ledger, progress, Totals())
        self.prefix = f"{BACKUP}/{datetime.datetime.now(datetime.UTC).strftime('%Y%m%dT%H%M%S.%fZ')}/"
        #: Keys of the target of which this pass has saved what stood there; a second time it would save its own work.
        self.saved: set[str] = set()

    def every(self, pairs: list[Pair]) -> None:
        """Carries all of them, portion by portion, in the windows."""
        with self.session.in_windows():
            for portion in _portions(pairs):
                self.session.in_turn(functools.partial(self._portion, portion), self.progress)
                self.progress.under_way = (0, 0)
                self.progress.done(len(portion), sum(entry.size for entry, _ in portion))

    def _portion(self, pairs: list[Pair]) -> None:
        left = self._save(pairs)
        self.work.objects(left, set(), overwrite=True)

    def _save(self, pairs: list[Pair]) -> list[Pair]:
        """Saves what will be overwritten; leaves out what an interrupted pass brought already."""
        left = []

        def look(pair: Pair) -> tuple[Pair, Entry | None, bool]:
            there, seen = None, False
            if not self.session.refusals.enough:
                with self.session.refusals.apart(pair[0].key):
                    there, seen = self.session.target.head(pair[1]), True
            return pair, there, seen

        for pair, there, seen in self.session.each(pairs, look):
            if not seen:
                continue
            entry, key = pair
            # Where a proof has read something wrong the store's digest says nothing: it may stand beside spoilt bytes.
            if there is not None and entry.key not in self.wrong and self._is_there(entry, there):
                self.ledger.add(Carried(*pair))
                continue
            # What cannot be saved is not overwritten.
            with self.session.refusals.apart(entry.key):
                if there is not None and key not in self.saved:
                    self.session.target.copy(key, self._backup_name(key))
                    self.saved.add(key)
                left.append(pair)
        return left

    def delete(self, gone: list[str]) -> int:
        """Takes away at the target what is gone at the source, each saved first; returns how many were there.

        What stands under a name that another key was carried to is that key's, and stays.
        """
        deleted, lost = 0, set(gone)
        others = {one.target_key for key, one in self.ledger.at_target.items() if key not in lost} if lost else set()
        for key in gone:
            self.session.boundary(self.progress)
            # Of more than enough none is tried: the run ends anyhow, and the next finds them gone again.
            if self.session.refusals.enough:
                break
            with self.session.refusals.apart(key):
                ours = self.ledger.name(key)
                if ours is not None and ours not in others and self.session.target.head(ours) is not None:
                    self._take_away(ours)
                    deleted += 1
                self.ledger.delete(key)
        return deleted

    def remove(self, wanted: set[str]) -> dict[str, list[str]]:
        """Takes away what somebody has named, each saved first, but for names of what the source has; tells of each."""
        removed: dict[str, list[str]] = {TAKEN: [], LEFT: [], ABSENT: []}
        for key in sorted(self.session.given.remove):
            self.session.boundary(self.progress)
            with self.session.refusals.apart(key):
                what = LEFT if key in wanted else ABSENT if self.session.target.head(key) is None else TAKEN
                if what == TAKEN:
                    self._take_away(key)
                removed[what].append(key)
        return removed

    def _take_away(self, key: str) -> None:
        self.session.target.copy(key, self._backup_name(key))
        self.session.target.delete(key)

    def _is_there(self, entry: Entry, there: Entry) -> bool:
        return single.is_equal(self.session.wanted(entry), there)

    def _backup_name(self, key: str) -> str:
        """The key below the prefix; where the store cannot hold that, its digest, by which the ledger finds it."""
        name = self.prefix + key
        if keys.key_problem(self.session.given.store, name) is None:
            return name
        return f"{self.prefix}long/{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}"


def _portions(pairs: list[Pair]) -> Iterator[list[Pair]]:
    portion: list[Pair] = []
    size = 0
    for pair in pairs:
        if portion and (len(portion) == PORTION_OBJECTS or size + pair[0].size > PORTION_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(pair)
        size += pair[0].size
    if portion:
        yield portion
