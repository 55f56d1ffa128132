"""What the package says of the source, held against what the source says now.

A STUF lives while it migrates: some files come, change and go between export and copy. Many that contradict the export
are another bucket, or one that was overwritten, and are carried only once somebody has looked and said so.
"""

from __future__ import annotations

import datetime
import urllib.parse
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import batches
from .batches import Line
from .configuration import Configuration, Place
from .entries import BESIDE, Entry
from .outcome import Stop, about, count, refused

if TYPE_CHECKING:
    from .session import Session

#: What is few whatever a source holds, and the share that is few of many.
FEW, SHARE = 100, 100
#: Names of its buckets are one for all its endpoints.
AWS = ".amazonaws.com"


@dataclass(slots=True)
class Exported:
    """What the batch lists say, beside a listing of the source."""

    #: Every key, and the target's name for it where it is another.
    names: dict[str, str | None] = field(default_factory=dict)
    #: Keys that the source holds otherwise than the export saw them.
    changed: list[str] = field(default_factory=list)


def read(session: Session, listed: Mapping[str, Entry]) -> Exported:
    """The batch lists, held against a listing of now."""
    found = Exported()
    for batch in batches.read(session.given.batches):
        for line in batch.lines:
            found.names[line.key] = line.target_key
            entry = listed.get(line.key)
            if entry is not None and not is_same_write(line, entry):
                found.changed.append(line.key)
    found.changed.sort()
    return found


def is_same_write(line: Line, entry: Entry) -> bool:
    """Whether size and time are the export's, which tells whole seconds."""
    return line.size == entry.size and _second(line.modified) == _second(entry.modified)


def _second(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(microsecond=0)


def limit(said: int | None, of: int) -> int:
    """How many of so many objects may contradict the export unasked: few, and never more than half."""
    return said if said is not None else min(max(FEW, of // SHARE), of // 2)


def refuse_many_changed(session: Session, exported: Exported) -> None:
    """Refuses a source that contradicts the export in more than a few objects."""
    changed, few = exported.changed, limit(session.given.change_limit, len(exported.names))
    # One may be all there is, and was touched.
    if len(changed) > few and (len(changed) > 1 or session.given.change_limit is not None):
        raise refused(
            f"{count(len(changed), 'object')} changed at the source since the export, and the limit is {few}",
            "look at the source: is it this installation's bucket, and did its users do that? If so, write "
            f"`content_change_limit: {len(changed)}` into local/vars.yml of the state folder, then ./migrate content",
            findings=about(changed, "size or time is not the export's"),
            changed=len(changed),
            limit=few,
        )


def check_source(given: Configuration, place: Place) -> None:
    """Refuses a bucket that is not the export's, and one that is the target itself."""
    if given.source_bucket is not None and place.bucket != given.source_bucket:
        raise refused(
            f"the credential is for bucket {place.bucket}, and the export is of bucket {given.source_bucket}",
            "ask the operator for a credential of the export's bucket; if the files moved since, make a new export and "
            f"package, or write `content_source_bucket: {place.bucket}` into local/vars.yml of the state folder",
            bucket=place.bucket,
            exported=given.source_bucket,
        )
    if place.bucket == given.target.bucket and _is_same_store(place, given.target):
        raise one_bucket(place)


def one_bucket(place: Place) -> Stop:
    """What is copied onto itself would be proven by itself."""
    return refused(
        f"source and target are one bucket: {place.bucket}",
        "ask the operator for a credential of the source's bucket; this one is for the target's",
    )


def _is_same_store(one: Place, other: Place) -> bool:
    here, there = _address(one), _address(other)
    return here == there or (here[0].endswith(AWS) and there[0].endswith(AWS))


def _address(place: Place) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(place.endpoint)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def since(counts: list[int], left_out: list[str]) -> str:
    """For people: how many are new, changed and gone."""
    new, changed, gone = counts
    behind = f"; {len(left_out)} left out, whose names are the administration's" if left_out else ""
    return f"since the export: {new} new, {changed} changed, {gone} gone{behind}"


def count_beside(entries: Iterable[Entry]) -> dict[str, int]:
    """For programs: how many objects have what no copy carries."""
    counted = Counter(word for entry in entries for word in entry.beside)
    return {word: counted[word] for word in BESIDE}


def beside(session: Session, counts: Mapping[str, int]) -> str:
    """For people: the same, and that it keeps objects from being proven until somebody has said that it may stay."""
    found = [word for word, number in counts.items() if number]
    if not found:
        return ""
    named = " and ".join(f"{counts[word]} with {'tags' if word == 'tags' else 'a website redirect'}" for word in found)
    return f"; {named}, not carried" + ("" if session.given.leave.issuperset(found) else " and so unverifiable")


def told(source: Collection[str], present: int, changed: int, gone: int) -> dict[str, int]:
    """For programs."""
    return {"new_since_export": len(source) - present, "changed_since_export": changed, "gone_since_export": gone}
