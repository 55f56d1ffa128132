"""The first copy, batch by batch: rclone in bulk, the rest one by one, then a look at every object."""

from __future__ import annotations

import json
from typing import Any

from . import batches, bulk, inventory, keys, single
from .batches import Batch, Line
from .carried import Carried, Ledger
from .entries import Entry, load, write_json
from .outcome import count, failed, refused, say, some
from .progress import Progress
from .session import Session, stop_if_held

DONE = "batches.json"


def copy(session: Session) -> dict[str, Any]:
    """Copies what the package lists; goes on where an earlier run stopped."""
    bulk.check_version(session)
    stop_if_held(session)
    session.check()
    source = known_source(session)
    every = list(batches.read(session.given.batches))
    wanted = [line for batch in every for line in batch.lines]
    if len({name(line) for line in wanted}) != len(wanted):
        raise refused("two keys of the lists would become one at the target", "make a new package")
    abandoned = single.abandon_uploads(session, {name(line) for line in wanted})
    done = _done(session)
    totals = Totals()
    present = [source[line.key] for line in wanted if line.key in source]
    size = sum(entry.size for entry in present)
    with (
        Ledger(session) as ledger,
        Progress(session.given.state, "copy", objects=len(present), size=size, batches=len(every)) as progress,
    ):
        for batch in every:
            known = [source[line.key] for line in batch.lines if line.key in source]
            if done.get(batch.number) != batch.digest:
                stop_if_held(session)
                session.check()
                Work(session, ledger, progress, totals).batch(batch, source)
                done[batch.number] = batch.digest
                write_json(session.path(DONE), {"schema": 1, "done": done})
                say(f"batch {batch.number} of {len(every)} is copied: {count(len(known), 'object')}")
            else:
                totals.earlier += len(known)
            progress.under_way = (0, 0)
            progress.done(len(known), sum(entry.size for entry in known), 1)
    return {"batches": len(every), "objects": len(present), "bytes": size, "abandoned_uploads": abandoned} | vars(
        totals
    )


def name(line: Line) -> str:
    """The key at the target."""
    return line.target_key or line.key


def known_source(session: Session) -> dict[str, Entry]:
    """The inventory that was taken before."""
    if not session.path(inventory.SOURCE).exists():
        raise refused("the source's inventory was not taken", "stuf_content inventory")
    return load(session.path(inventory.SOURCE))


def is_complete(session: Session) -> bool:
    """Whether every batch was copied."""
    done = _done(session)
    return all(done.get(batch.number) == batch.digest for batch in batches.read(session.given.batches))


def _done(session: Session) -> dict[str, str]:
    path = session.path(DONE)
    found: dict[str, str] = json.loads(path.read_bytes())["done"] if path.exists() else {}
    return found


class Totals:
    """What became of the objects of a run."""

    def __init__(self) -> None:
        #: Objects of batches that were copied before this run.
        self.earlier = 0
        self.by_rclone = 0
        self.one_by_one = 0
        self.there_already = 0
        #: Listed by the package and gone at the source since.
        self.gone = 0
        #: Copied before and changed at the source since.
        self.left_for_delta = 0


class Work:
    """Copies the objects of one batch, or of one delta."""

    def __init__(self, session: Session, ledger: Ledger, progress: Progress, totals: Totals) -> None:
        self.session = session
        self.ledger = ledger
        self.progress = progress
        self.totals = totals

    def batch(self, batch: Batch, source: dict[str, Entry]) -> None:
        """Copies what the batch lists, apart from what delta has to carry."""
        pairs = []
        alone = set()
        for line in batch.lines:
            entry = source.get(line.key)
            before = self.ledger.at_target.get(line.key)
            if entry is None:
                self.totals.gone += 1
            elif before is not None and not before.entry.same_version(entry):
                self.totals.left_for_delta += 1
            else:
                pairs.append((entry, name(line)))
                if line.alone:
                    alone.add(line.key)
        self.objects(pairs, alone)

    def objects(self, pairs: list[tuple[Entry, str]], alone: set[str], *, overwrite: bool = False) -> None:
        """Brings objects to the target under the given names; those rclone cannot carry, or did not, one by one."""
        bulky: list[tuple[Entry, str]] = []
        singly: list[tuple[Entry, str]] = []
        for entry, key in pairs:
            by_itself = key != entry.key or entry.key in alone or keys.goes_alone(entry)
            (singly if by_itself else bulky).append((entry, key))
        if bulky:
            sent = bulk.send(self.session, [entry for entry, _ in bulky], self._tell, overwrite=overwrite)
            left = self._left_behind(bulky)
            self.totals.by_rclone += sent
            self.totals.there_already += max(0, len(bulky) - len(left) - sent)
            singly += left
        conflicts = []
        for pair in singly:
            try:
                sent_alone = single.carry(self.session, self.ledger, *pair, overwrite=overwrite)
            except single.Conflict:
                conflicts.append(pair[1])
                continue
            if sent_alone is None:
                self.totals.gone += 1
            elif sent_alone:
                self.totals.one_by_one += 1
            else:
                self.totals.there_already += 1
        if conflicts:
            raise failed(
                f"{count(len(conflicts), 'object')} at the target would get other bytes:\n{some(conflicts)}",
                "What was copied stays; these were not touched.",
                "look at them; who put them there? Take them away, then the same command",
                conflicts=conflicts,
            )

    def _left_behind(self, pairs: list[tuple[Entry, str]]) -> list[tuple[Entry, str]]:
        """What rclone did not bring, or not whole, by the target's own word; takes off what rclone added."""

        def look(pair: tuple[Entry, str]) -> tuple[tuple[Entry, str], bool]:
            there = self.session.target.head(pair[1])
            good = there is not None and single.looks_equal(pair[0], there)
            if good and there is not None and pair[0].foreign(there):
                # Inside the store, without the bytes: the target then holds what the source holds, and nothing more.
                self.session.target.copy(pair[1], pair[1], like=pair[0])
            return pair, good

        left = []
        for pair, good in self.session.each(pairs, look):
            if good:
                self.ledger.add(Carried(*pair))
            else:
                left.append(pair)
        return left

    def _tell(self, objects: int, size: int) -> None:
        self.progress.under_way = (objects, size)
