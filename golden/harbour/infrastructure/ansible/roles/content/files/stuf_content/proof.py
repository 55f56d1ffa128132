"""The verdict: every object read back, every key of both listings accounted for. A listing's silence proves nothing.

Reading back the target needs no window. Where the source has to be read too, since the export told no digest of that
write, those objects come last and keep to the windows. What was read back is written down, so that a proof that was
stopped goes on, and one whose end nobody saw is not made again; how long that counts, see `Examination`.
"""

from __future__ import annotations

import contextlib
import datetime
import enum
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import batches, copying, delta, exported, inventory, probe, refusals, single
from .batches import Line
from .carried import Ledger
from .copying import REPORT
from .entries import BESIDE, UNTOLD, Appending, Entry, read_lines, write_json
from .outcome import count
from .progress import Progress
from .refusals import Single, about_single
from .session import Session
from .wire import Outage, StoreError

VERIFIED, DIFFERS, MISSING, UNEXPECTED, UNVERIFIABLE = "verified", "differs", "missing", "unexpected", "unverifiable"
FAILED = (DIFFERS, MISSING, UNEXPECTED)
#: What was read back and found right, a line for each object.
READ_BACK = "proof.jsonl"
#: Seconds for which that counts: as long as the longest wait for a window.
COUNTS_FOR = 7 * 86400.0


class Verdict(enum.IntEnum):
    """Of the whole content, and the exit code that says it."""

    PASS = 0
    FAIL = 1
    UNVERIFIABLE = 2
    NOT_RUN = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one object, and why."""

    key: str
    verdict: str
    why: str
    #: What was looked at: the writes at source and target. Another write makes it void.
    versions: list[str]
    #: Whether it was verified just now, and a later write cannot be taken for one of these.
    lasts: bool = False


def prove(session: Session) -> dict[str, Any]:
    """Judges every object, writes the report and answers with the verdict."""
    begun = _now()
    source = copying.known_source(session)
    probe.must_be_two(session)
    # One list after the other, and none longer than it is needed: each is as long as the content.
    left_out: list[str] = []
    moved = _moved(source, inventory.contents(session.source, left_out))
    with Ledger(session, source) as ledger:
        lines, absent, renamed, since = _listed(session, ledger, source, moved["added"])
        gone = len(ledger.deleted)
    del ledger
    target = inventory.contents(session.target)
    # Whatever is not verified, by its key; of the others the number is enough.
    judged = {
        key: Judged(key, UNVERIFIABLE, f"{why} at the source since the inventory; delta carries it", [])
        for why, keys in moved.items()
        for key in keys
    }
    for key in absent:
        if key in judged:
            continue
        if renamed.get(key, key) not in target:
            judged[key] = Judged(key, MISSING, "listed by the package, and at neither side", [])
        else:
            judged[key] = Judged(key, UNVERIFIABLE, "gone at the source; delta takes it away", [])
    open_ = [entry for key, entry in source.items() if key not in judged]
    size, verified = sum(entry.size for entry in open_), 0
    expected = len(judged) + len(open_)
    with (
        Progress(session.given.state, session.patience, "prove", objects=len(open_), size=size) as progress,
        contextlib.closing(Examination(session, lines, renamed, target)) as examined,
    ):
        for result in examined.every(open_, progress):
            if result.verdict == VERIFIED:
                verified += 1
            else:
                judged[result.key] = result
            progress.done(1, source[result.key].size)
    for key in itertools.chain(source, absent, moved["added"]):
        target.pop(renamed.get(key, key), None)
    unexpected = [Judged(key, UNEXPECTED, "only at the target", []) for key in target]
    report = _report([*judged.values(), *unexpected], verified, expected, moved)
    beside = exported.count_beside(source.values())
    report |= {
        "gone": gone,
        "beside": beside,
        **since,
        "left_out": left_out,
        "transformed": len(renamed.keys() | {key for key, one in source.items() if session.wanted(one) is not one}),
        "bytes": sum(entry.size for entry in source.values()),
        "started": begun,
        "ended": _now(),
    }
    write_json(session.path(REPORT), report)
    counts = ", ".join(f"{word} {number}" for word, number in report["counts"].items())
    message = f"proof: {report['verdict']}; of {count(report['expected'], 'object')}: {counts}"
    message += f"; {exported.since(list(since.values()), left_out)}{exported.beside(session, beside)}"
    following = _following(report["counts"], list(examined.unread.values()))
    return {"message": message, **report, **following, "exit": int(Verdict[report["verdict"].upper()])}


def _report(judged: list[Judged], verified: int, expected: int, moved: dict[str, list[str]]) -> dict[str, Any]:
    counted = Counter(item.verdict for item in judged) + Counter({VERIFIED: verified})
    if counted[VERIFIED] + counted[UNVERIFIABLE] + counted[DIFFERS] + counted[MISSING] != expected:
        raise ValueError("the verdicts do not add up to the manifest")
    if any(counted[word] for word in FAILED):
        verdict = Verdict.FAIL
    elif counted[UNVERIFIABLE]:
        verdict = Verdict.UNVERIFIABLE
    else:
        verdict = Verdict.PASS if counted[VERIFIED] else Verdict.NOT_RUN
    return {
        "schema": 1,
        "verdict": verdict.name.lower(),
        "expected": expected,
        "counts": {word: counted[word] for word in (VERIFIED, UNVERIFIABLE, DIFFERS, MISSING, UNEXPECTED)},
        "findings": [
            {"key": item.key, "verdict": item.verdict, "why": item.why}
            for item in sorted(judged, key=lambda item: item.key)
        ],
        "delta": moved,
    }


def _following(counts: dict[str, int], unread: list[Single]) -> dict[str, str]:
    """What to do about what was found wrong, and about what a store did not let be read."""
    steps = []
    if counts[UNEXPECTED]:
        steps.append(
            "look at what is unexpected: nobody but a person can tell whose it is. What may go, name by its key in "
            "local/vars.yml of the state folder (`content_remove: [KEY]`)"
        )
    if any(counts[word] for word in FAILED):
        kept = "what that takes away or overwrites is kept below stufpack-backup/"
        last = f"./migrate content, which carries anew what differs or is missing; {kept}"
    elif unread:
        last = "./migrate content, which reads them again"
    else:
        return {}
    return {"next": about_single(unread, steps, last)}


def _moved(source: dict[str, Entry], now: dict[str, Entry]) -> dict[str, list[str]]:
    """What the source's listing tells now that the inventory did not."""
    return {
        "added": sorted(now.keys() - source.keys()),
        "changed": sorted(key for key in source.keys() & now.keys() if not source[key].same_version(now[key])),
        "deleted": sorted(source.keys() - now.keys()),
    }


def _listed(
    session: Session, ledger: Ledger, source: dict[str, Entry], added: list[str]
) -> tuple[dict[str, Line], list[str], dict[str, str], dict[str, int]]:
    """Of the lists: lines that bring a digest, keys that the source does not hold, other names, and counts."""
    digests: dict[str, Line] = {}
    absent: list[str] = []
    renamed: dict[str, str] = {}
    present = changed = gone = 0

    def note(key: str, given: str | None) -> None:
        name = ledger.name(key) or delta.name(session, given, key)
        if name != key:
            renamed[key] = name

    for batch in batches.read(session.given.batches):
        for line in batch.lines:
            entry = source.get(line.key)
            present += entry is not None
            gone += entry is None
            changed += entry is not None and not exported.is_same_write(line, entry)
            if line.key in ledger.deleted:
                continue
            if line.key not in source:
                absent.append(line.key)
            elif line.sha256:
                digests[line.key] = line
            if line.key not in source or line.target_key:
                note(line.key, line.target_key)
    for key in itertools.chain(source, added):
        if key not in renamed:
            note(key, None)
    return digests, absent, renamed, exported.told(source, present, changed, gone)


def seen(session: Session) -> bool:
    """The report was handed to a person: the next proof reads everything anew. Says whether there was one."""
    if not session.path(REPORT).exists():
        return False
    session.path(READ_BACK).unlink(missing_ok=True)
    return True


class Examination:
    """Reads objects back.

    What an earlier proof has verified is not read again where nobody has seen that proof's report yet, where both
    listings of now tell the very writes that it looked at, where both were old enough then to be told from a next
    write, and where it is no longer ago than `COUNTS_FOR`. Whatever is in doubt is read.
    """

    def __init__(
        self, session: Session, lines: dict[str, Line], renamed: dict[str, str], target: dict[str, Entry]
    ) -> None:
        self.session = session
        self.lines = lines
        self.renamed = renamed
        self.target = target
        since = session.now().timestamp() - COUNTS_FOR
        #: The writes that were verified earlier, by key.
        self.earlier: dict[str, list[str]] = {
            line["key"]: line["versions"] for line in read_lines(session.path(READ_BACK)) if line["at"] >= since
        }
        #: What a store did not let be read, by key.
        self.unread: dict[str, Single] = {}
        self.log = Appending(session.path(READ_BACK))
        #: SHA-256 of the source's objects that were read, by key and write.
        self.read = {
            (line["key"], line["version"]): line["sha256"] for line in read_lines(session.path("hashes.jsonl"))
        }
        self.hashes = Appending(session.path("hashes.jsonl"))

    def every(self, entries: list[Entry], progress: Progress) -> Iterator[Judged]:
        """Judges each of the objects; a hold ends it after the objects at which it is."""
        to_read = [entry for entry in entries if self._needs_source(entry)]
        later = {entry.key for entry in to_read}
        yield from self._each([entry for entry in entries if entry.key not in later], progress)
        with self.session.in_windows():
            yield from self._each(to_read, progress)

    def _each(self, entries: list[Entry], progress: Progress) -> Iterator[Judged]:
        for judged, sha256 in self.session.each_in_turn(entries, self._look, progress):
            if sha256 is not None:
                self.hashes.add({"key": judged.key, "version": judged.versions[0], "sha256": sha256})
            if judged.lasts:
                at = self.session.now().timestamp()
                self.log.add({"key": judged.key, "versions": judged.versions, "at": at})
            yield judged

    def _look(self, entry: Entry) -> tuple[Judged, str | None]:
        if self._is_known(entry):
            return Judged(entry.key, VERIFIED, "read back", self._versions(entry)), None
        return self._judge(entry)

    def _is_known(self, entry: Entry) -> bool:
        known = self.earlier.get(entry.key) == self._versions(entry)
        return known and not entry.untold and not self._stays(entry)

    def _needs_source(self, entry: Entry) -> bool:
        """Whether its source's object is read too: nobody has told the digest, and there is one at the target."""
        here = self.renamed.get(entry.key, entry.key) in self.target
        return here and not self._is_known(entry) and self._told(entry) is None

    def close(self) -> None:
        """Closes what was written down."""
        self.log.close()
        self.hashes.close()

    def _versions(self, entry: Entry) -> list[str]:
        there = self.target.get(self.renamed.get(entry.key, entry.key))
        return [_version(entry), _version(there) if there else ""]

    def _judge(self, entry: Entry) -> tuple[Judged, str | None]:
        """The verdict, and the source's digest where it was read for it."""
        self.session.stopping.check()
        versions = self._versions(entry)
        try:
            verdict, why, sha256 = self._compare(entry)
        except Outage:
            # All that is left would be waited for as long.
            raise
        except StoreError as error:
            verdict, why, sha256 = UNVERIFIABLE, f"it could not be read: {error}", None
            self.unread[entry.key] = refusals.single(error)
        there = self.target.get(self.renamed.get(entry.key, entry.key))
        old_enough = there is not None and not there.is_young(self.session.target.listed_at) and not entry.young
        return Judged(entry.key, verdict, why, versions, verdict == VERIFIED and old_enough), sha256

    def _compare(self, entry: Entry) -> tuple[str, str, str | None]:
        name = self.renamed.get(entry.key, entry.key)
        if name not in self.target:
            return MISSING, "not in the target's listing", None
        found = single.digest(self.session, self.session.target, name)
        if found is None:
            return MISSING, "listed by the target, and not given", None
        there, digest = found
        reasons = self.session.wanted(entry).differences(there)
        if there.size != entry.size:
            return DIFFERS, "; ".join(reasons), None
        wanted, was_read = self._wanted(entry)
        if wanted is None:
            return UNVERIFIABLE, "the source changed it while it was read; delta carries it", None
        if wanted != digest:
            reasons.insert(0, "other bytes: SHA-256")
        fresh = wanted if was_read else None
        if reasons:
            return DIFFERS, "; ".join(reasons), fresh
        for side, one in (("source", entry), ("target", there)):
            if one.untold:
                return UNVERIFIABLE, f"the {side} has metadata of it that HTTP cannot carry ({UNTOLD})", fresh
        if stays := self._stays(entry):
            return UNVERIFIABLE, _not_carried(stays), fresh
        return VERIFIED, "read back", fresh

    def _stays(self, entry: Entry) -> list[str]:
        """What the source keeps beside the object, is not carried, and nobody has said that it may stay behind."""
        return [word for word in entry.beside if word not in self.session.given.leave]

    def _wanted(self, entry: Entry) -> tuple[str | None, bool]:
        """The source's SHA-256: from the export where that is about this very write, else read."""
        if told := self._told(entry):
            # Its bytes are told by the ETag; what else belongs to it, by its time, and of a young one by a look.
            return (told if not entry.young or self._is_unchanged(entry) else None), False
        found = single.digest(self.session, self.session.source, entry.key)
        if found is None or found[0].etag != entry.etag or entry.differences(found[0]):
            return None, True
        return found[1], True

    def _told(self, entry: Entry) -> str | None:
        """The SHA-256 of this very write, where the export told it or it was read before."""
        line = self.lines.get(entry.key)
        if line is not None and line.sha256 and exported.is_same_write(line, entry):
            # The lists name the algorithm, as every digest of a package does.
            return line.sha256.removeprefix("sha256:")
        return self.read.get((entry.key, _version(entry)))

    def _is_unchanged(self, entry: Entry) -> bool:
        now = self.session.source.head(entry.key)
        return now is not None and now.etag == entry.etag and not entry.differences(now)


def _not_carried(words: list[str]) -> str:
    headers = ", ".join(BESIDE[word] for word in words)
    said = f"`content_leave_behind: [{', '.join(words)}]` in local/vars.yml says that they may stay behind"
    return f"the source has what is not carried beside its content ({headers}); {said}"


def _version(entry: Entry) -> str:
    return f"{entry.size} {entry.etag} {entry.modified}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
