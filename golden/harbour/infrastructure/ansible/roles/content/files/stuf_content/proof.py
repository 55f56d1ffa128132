"""The verdict: every object read back, every key of both listings accounted for. A listing's silence proves nothing."""

from __future__ import annotations

import datetime
import enum
import http.client
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from . import batches, copying, delta, inventory, single
from .batches import Line
from .carried import Ledger
from .copying import REPORT
from .entries import Appending, Entry, read_lines, write_json
from .outcome import count
from .progress import Progress
from .session import Session
from .wire import StoreError

VERIFIED, DIFFERS, MISSING, UNEXPECTED, UNVERIFIABLE = "verified", "differs", "missing", "unexpected", "unverifiable"
FAILED = (DIFFERS, MISSING, UNEXPECTED)


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


def prove(session: Session) -> dict[str, Any]:
    """Judges every object, writes the report and answers with the verdict."""
    begun = _now()
    source = copying.known_source(session)
    # One list after the other, and none longer than it is needed: each is as long as the content.
    moved = _moved(source, inventory.contents(session.source))
    with Ledger(session, source) as ledger:
        lines, absent, renamed = _listed(session, ledger, source, moved["added"])
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
    with Progress(session.given.state, "prove", objects=len(open_), size=size) as progress:
        examined = Examination(session, lines, renamed, target)
        for result in examined.every(open_):
            if result.verdict == VERIFIED:
                verified += 1
            else:
                judged[result.key] = result
            progress.done(1, source[result.key].size)
    for key in itertools.chain(source, absent, moved["added"]):
        target.pop(renamed.get(key, key), None)
    unexpected = [Judged(key, UNEXPECTED, "only at the target", []) for key in target]
    report = _report([*judged.values(), *unexpected], verified, expected, moved)
    report |= {
        "gone": gone,
        "transformed": len(renamed),
        "bytes": sum(entry.size for entry in source.values()),
        "started": begun,
        "ended": _now(),
    }
    write_json(session.path(REPORT), report)
    examined.forget()
    counts = ", ".join(f"{word} {number}" for word, number in report["counts"].items())
    message = f"proof: {report['verdict']}; of {count(report['expected'], 'object')}: {counts}"
    return {"message": message, **report, "exit": int(Verdict[report["verdict"].upper()])}


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


def _moved(source: dict[str, Entry], now: dict[str, Entry]) -> dict[str, list[str]]:
    """What the source's listing tells now that the inventory did not."""
    return {
        "added": sorted(now.keys() - source.keys()),
        "changed": sorted(key for key in source.keys() & now.keys() if not source[key].same_version(now[key])),
        "deleted": sorted(source.keys() - now.keys()),
    }


def _listed(
    session: Session, ledger: Ledger, source: dict[str, Entry], added: list[str]
) -> tuple[dict[str, Line], list[str], dict[str, str]]:
    """Of the lists: lines that bring a digest, keys that the source does not hold, and names that are not the key's."""
    digests: dict[str, Line] = {}
    absent: list[str] = []
    renamed: dict[str, str] = {}

    def note(key: str, given: str | None) -> None:
        known = ledger.at_target.get(key)
        name = known.target_key if known else delta.name(session, given, key)
        if name != key:
            renamed[key] = name

    for batch in batches.read(session.given.batches):
        for line in batch.lines:
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
    return digests, absent, renamed


class Examination:
    """Reads objects back. What an interrupted proof has read is not read again, as long as neither side wrote anew."""

    def __init__(
        self, session: Session, lines: dict[str, Line], renamed: dict[str, str], target: dict[str, Entry]
    ) -> None:
        self.session = session
        self.lines = lines
        self.renamed = renamed
        self.target = target
        self.path = session.path("proof.jsonl")
        self.earlier = {line["key"]: Judged(**line) for line in read_lines(self.path)}
        self.log = Appending(self.path)
        #: SHA-256 of the source's objects that were read, by key and write.
        self.read = {
            (line["key"], line["version"]): line["sha256"] for line in read_lines(session.path("hashes.jsonl"))
        }
        self.hashes = Appending(session.path("hashes.jsonl"))

    def every(self, entries: list[Entry]) -> Iterator[Judged]:
        """Judges each of the objects."""

        def look(entry: Entry) -> tuple[Judged, str | None]:
            before = self.earlier.get(entry.key)
            if before is not None and before.versions == self._versions(entry):
                return before, None
            return self._judge(entry)

        for judged, sha256 in self.session.each(entries, look):
            if sha256 is not None:
                self.hashes.add({"key": judged.key, "version": judged.versions[0], "sha256": sha256})
            if self.earlier.get(judged.key) is not judged and judged.verdict != UNVERIFIABLE:
                self.log.add(asdict(judged))
            yield judged

    def forget(self) -> None:
        """The report stands: the next proof begins anew."""
        self.log.close()
        self.hashes.close()
        self.path.unlink(missing_ok=True)

    def _versions(self, entry: Entry) -> list[str]:
        there = self.target.get(self.renamed.get(entry.key, entry.key))
        return [_version(entry), _version(there) if there else ""]

    def _judge(self, entry: Entry) -> tuple[Judged, str | None]:
        """The verdict, and the source's digest where it was read for it."""
        self.session.stopping.check()
        versions = self._versions(entry)
        try:
            verdict, why, sha256 = self._compare(entry)
        except (StoreError, OSError, http.client.HTTPException) as error:
            verdict, why, sha256 = UNVERIFIABLE, f"it could not be read: {error}", None
        return Judged(entry.key, verdict, why, versions), sha256

    def _compare(self, entry: Entry) -> tuple[str, str, str | None]:
        name = self.renamed.get(entry.key, entry.key)
        if name not in self.target:
            return MISSING, "not in the target's listing", None
        found = single.digest(self.session, self.session.target, name)
        if found is None:
            return MISSING, "listed by the target, and not given", None
        there, digest = found
        reasons = entry.differences(there)
        if there.size != entry.size:
            return DIFFERS, "; ".join(reasons), None
        wanted, was_read = self._wanted(entry)
        if wanted is None:
            return UNVERIFIABLE, "the source changed it while it was read; delta carries it", None
        if wanted != digest:
            reasons.insert(0, "other bytes: SHA-256")
        fresh = wanted if was_read else None
        return (DIFFERS, "; ".join(reasons), fresh) if reasons else (VERIFIED, "read back", fresh)

    def _wanted(self, entry: Entry) -> tuple[str | None, bool]:
        """The source's SHA-256: from the export where that is about this very write, else read."""
        line = self.lines.get(entry.key)
        if line is not None and line.sha256 and line.size == entry.size and _same_time(line.modified, entry.modified):
            # The lists name the algorithm, as every digest of a package does.
            return line.sha256.removeprefix("sha256:"), False
        if known := self.read.get((entry.key, _version(entry))):
            return known, False
        found = single.digest(self.session, self.session.source, entry.key)
        if found is None or found[0].etag != entry.etag or entry.differences(found[0]):
            return None, True
        return found[1], True


def _version(entry: Entry) -> str:
    return f"{entry.size} {entry.etag} {entry.modified}"


def _same_time(export: str, listing: str) -> bool:
    return datetime.datetime.fromisoformat(export) == datetime.datetime.fromisoformat(listing)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
