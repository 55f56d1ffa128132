"""The first copy, batch by batch: rclone in bulk, the rest one by one, then a look at every object."""

from __future__ import annotations

import functools
import json
from collections.abc import Set
from typing import Any

from . import batches, bulk, inventory, keys, single
from .batches import Batch, Line
from .carried import Carried, Ledger
from .entries import BACKUP, Entry, is_content, load, write_json
from .outcome import about, count, failed, refused, say
from .progress import Progress
from .session import Session, stop_if_held
from .wire import Outage, StoreError

DONE = "batches.json"
REPORT = "report.json"
#: The last report, once something was written at the target since: what it found wrong is still to be carried.
OLD_REPORT = "report.old.json"


def copy(session: Session) -> dict[str, Any]:
    """Copies what the package lists; goes on where an earlier run stopped."""
    with session.in_windows():
        return _copy(session)


def _copy(session: Session) -> dict[str, Any]:
    bulk.check_version(session)
    stop_if_held(session)
    if not session.wait:
        session.check()
    source = known_source(session)
    # A bucket that is gone answers as an object does that is gone.
    inventory.must_be_listed(session.source)
    every = list(batches.read(session.given.batches))
    wanted = [line for batch in every for line in batch.lines]
    if len({name(line) for line in wanted}) != len(wanted):
        raise refused("two keys of the lists would become one at the target", "make a new package")
    abandoned = session.target.abandon_uploads({name(line) for line in wanted}, f"{BACKUP}/")
    done = _done(session)
    proof_is_void(session)
    totals = Totals()
    present = [source[line.key] for line in wanted if line.key in source]
    size = sum(entry.size for entry in present)
    with (
        Ledger(session, source) as ledger,
        Progress(
            session.given.state, session.patience, "copy", objects=len(present), size=size, batches=len(every)
        ) as progress,
    ):
        work = Work(session, ledger, progress, totals, _others(session, ledger))
        for batch in every:
            known = [source[line.key] for line in batch.lines if line.key in source]
            if done.get(batch.number) == batch.digest:
                totals.earlier += len(known)
            else:
                session.in_turn(functools.partial(work.batch, batch, source), progress)
                progress.under_way = (0, 0)
                if lost := sum(line.key in session.refusals.found for line in batch.lines):
                    say(f"batch {batch.number} of {len(every)} is not whole: {count(lost, 'object')} refused")
                    if session.refusals.enough:
                        break
                    continue
                done[batch.number] = batch.digest
                write_json(session.path(DONE), {"schema": 1, "done": done})
                say(f"batch {batch.number} of {len(every)} is copied: {count(len(known), 'object')}")
            progress.done(len(known), sum(entry.size for entry in known), 1)
        session.refusals.end()
    there = len(present) - totals.vanished
    copied = f"{count(there, 'object')} in {count(len(every), 'batch')} {'is' if there == 1 else 'are'} at the target"
    since = f"; {totals.vanished} went at the source meanwhile" if totals.vanished else ""
    return {
        "message": f"copy: {copied}{since}",
        "batches": len(every),
        "objects": len(present),
        "bytes": size,
        "abandoned_uploads": abandoned,
        **vars(totals),
    }


def proof_is_void(session: Session) -> None:
    """What was proven before is about another state; what was found wrong stays known until a delta has carried it."""
    if session.path(REPORT).exists():
        session.path(REPORT).replace(session.path(OLD_REPORT))


def name(line: Line) -> str:
    """The key at the target."""
    return line.target_key or line.key


def known_source(session: Session) -> dict[str, Entry]:
    """The inventory that was taken before."""
    if not session.path(inventory.SOURCE).exists():
        raise refused("the source's inventory was not taken", "./migrate content, which takes it")
    return load(session.path(inventory.SOURCE))


def _others(session: Session, ledger: Ledger) -> set[str]:
    """Keys that the target lists, and that no run has put there as far as it knows."""
    ours = {carried.target_key for carried in ledger.at_target.values()} | set(ledger.intended.values())
    return {entry.key for entry in session.target.listing() if is_content(entry.key) and entry.key not in ours}


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
        #: Of these: they were still there when the inventory was taken.
        self.vanished = 0
        #: Copied before and changed at the source since.
        self.left_for_delta = 0


class Work:
    """Copies the objects of one batch, or of one delta."""

    def __init__(
        self, session: Session, ledger: Ledger, progress: Progress, totals: Totals, others: Set[str] = frozenset()
    ) -> None:
        """`others` are keys of the target that somebody else has put there; what is overwritten is nobody else's."""
        self.session = session
        self.ledger = ledger
        self.progress = progress
        self.totals = totals
        self.others = others

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
        self.ledger.intend({entry.key: key for entry, key in pairs if key not in self.others})
        for entry, key in pairs:
            renamed = key != entry.key or self.session.wanted(entry) is not entry
            by_itself = renamed or entry.key in alone or keys.goes_alone(entry)
            (singly if by_itself else bulky).append((entry, key))
        if bulky:
            sent = bulk.send(self.session, [entry for entry, _ in bulky], self._tell, overwrite=overwrite)
            left = self._left_behind(bulky)
            self.totals.by_rclone += sent
            self.totals.there_already += max(0, len(bulky) - len(left) - sent)
            singly += left

        def carry(pair: tuple[Entry, str]) -> tuple[str, single.Outcome]:
            outcome = single.Outcome.REFUSED
            # Of more than enough none is tried: the run ends anyhow, and these are not called carried.
            if not self.session.refusals.enough:
                with self.session.refusals.apart(pair[0].key):
                    outcome = single.carry(self.session, self.ledger, *pair, overwrite=overwrite)
            return pair[1], outcome

        outcomes: dict[single.Outcome, list[str]] = {outcome: [] for outcome in single.Outcome}
        for key, outcome in self.session.each(singly, carry, threads=4):
            outcomes[outcome].append(key)
        self.totals.one_by_one += len(outcomes[single.Outcome.SENT])
        self.totals.there_already += len(outcomes[single.Outcome.THERE])
        self.totals.gone += len(outcomes[single.Outcome.GONE])
        self.totals.vanished += len(outcomes[single.Outcome.GONE])
        self.totals.left_for_delta += len(outcomes[single.Outcome.CHANGED])
        conflicts = outcomes[single.Outcome.CONFLICT]
        if conflicts:
            raise failed(
                f"{count(len(conflicts), 'object')} at the target would get other bytes",
                "What was copied stays; these were not touched.",
                "look at them; who put them there? Take them away, then the same command",
                findings=about(sorted(conflicts), "the target holds other bytes, which no copy put there"),
            )

    def _left_behind(self, pairs: list[tuple[Entry, str]]) -> list[tuple[Entry, str]]:
        """What rclone did not bring, or not whole, by the target's own word; takes off what rclone added."""

        def look(pair: tuple[Entry, str]) -> tuple[tuple[Entry, str], bool]:
            try:
                there = self.session.target.head(pair[1])
                good = there is not None and single.looks_equal(pair[0], there)
                if good and there is not None and pair[0].foreign(there):
                    # Inside the store, without the bytes: the target then holds what the source holds, nothing more.
                    self.session.target.describe(pair[1], pair[0])
            except StoreError as error:
                if isinstance(error, Outage):
                    raise
                # It goes by itself, and is named where that fails too.
                good = False
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
