"""Users' sign-offs: the filled checklist, by name, kept as evidence; what approves the cutover rests on them too.

The checklist is docs/user-validation-checklist.md of the package. `[x]` in its boxes is tried and right, `[-]` tried
and wrong, `[ ]` not tried; people may write more behind them and on further lines. A later sign-off by the same name
takes the place of the earlier one.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import overtaken
from console import count
from journal import TAKES_BACK, Journal, Line
from outcome import Stop, refused
from package import Package
from report import time
from state import State, next_run, replace

STEP = "sign-off"
PHASE = "verify"
_BOX = re.compile(r"(?m)^\s*[-*] \[([ xX-])\] (.*\S)\s*$")
_VERDICTS = {"x": "pass", "-": "fail", " ": "not_run"}
_CHECKLIST = "docs/user-validation-checklist.md"
_LARGEST = 1 << 20
# What a glass takes for a person who acts; anything else would be left out of its record.
NAME = "at most 200 letters on one line, and not `none`"
_SHOWN = 3  # of the points that are named in a message


def sign(package: Package, state: State, journal: Journal, path: Path, by: str) -> tuple[int, str]:
    """Keeps a filled checklist; returns its run and what to tell. Needs the lock: it writes the journal.

    Refused (exit 12) where the file is no filled checklist of this package, or nothing stands that it could be about.
    """
    again = f"./migrate sign-off FILE --by NAME, where FILE is a filled copy of {_CHECKLIST}"
    by, name = by.strip(), str(path)
    if not is_name(by):
        raise refused("sign-off.by", f"--by must be the name of who tried it: {NAME}", "sign-off", again)
    if not path.is_absolute():
        raise refused("sign-off.path", "the folder in which it was typed has no name any more", name, again)
    if not overtaken.is_done(package, journal, PHASE):
        ran = overtaken.by(package, journal, PHASE) if journal.is_finished(PHASE) else None
        why = f": {ran} ran after it" if ran else ""
        raise refused(
            "sign-off.early", f"nothing that was verified stands, so nobody can have tried it{why}", str(journal.path),
            f"./migrate {PHASE}, then: {again}",
        )  # fmt: skip
    try:
        # A pipe or a device might never end.
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise refused("sign-off.file", f"it is no file of at most {_LARGEST >> 20} MiB", name, again)
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise refused("sign-off.file", f"it cannot be read: {type(error).__name__}", name, again) from error
    asked = [point for _, point in _BOX.findall((package.root / _CHECKLIST).read_text(encoding="utf-8"))]
    answers = [(_point(box[2], asked), box[1].lower()) for box in _BOX.finditer(text)]
    if sorted(point for point, _ in answers) != sorted(asked):
        what = f"it has {count(len(answers), 'box')}, and not those of this package's checklist, which has {len(asked)}"
        strange = next((box for box in _BOX.finditer(text) if _point(box[2], asked) not in asked), None)
        what += f"; line {text.count(chr(10), 0, strange.start(1)) + 1} is none of them" if strange else ""
        raise refused("sign-off.other", what, name, again)
    items = [{"text": point, "verdict": _VERDICTS[mark]} for point, mark in answers]
    run = next_run(state, journal)
    document = {
        "v": 1, "plan": package.plan_digest, "by": by, "at": time(datetime.now(UTC)), "verdict": _verdict(items),
        "items": items,
    }  # fmt: skip
    places = kept(state, run)
    places[0].parent.mkdir(mode=0o700, exist_ok=True)
    for place, content in zip(places, (json.dumps(document, indent=1, ensure_ascii=False) + "\n", text), strict=True):
        replace(place, content)
    evidence = [
        {"path": str(place.relative_to(state.root)), "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}
        for place in places
    ]
    journal.append(run, PHASE, STEP, "done", by=by, evidence=evidence)
    return run, f"signed off by {_words(document)}\n  kept in {places[0]}"


def _point(text: str, asked: list[str]) -> str:
    """What a box is about: the point of the checklist with which its text begins; a remark may stand behind it."""
    return max((point for point in asked if f"{text} ".startswith(f"{point} ")), key=len, default=text)


def is_name(text: str) -> bool:
    """Whether it can stand for a person in the journal and in a trailer of a commit."""
    return 0 < len(text.strip()) == len(text) <= 200 and text.isprintable() and text != "none"


def kept(state: State, run: int) -> tuple[Path, Path]:
    """Where the answers of a sign-off stand, and the filled copy itself."""
    folder = state.here / "sign-offs"
    return folder / f"{run}.json", folder / f"{run}.md"


def _verdict(items: list[dict[str, str]]) -> str:
    found = {item["verdict"] for item in items}
    return next((word for word in ("fail", "not_run") if word in found), "pass")


def _words(document: dict[str, Any]) -> str:
    open_points = [item["text"] for item in document["items"] if item["verdict"] != "pass"]
    shown = "".join(f"; {point}" for point in open_points[:_SHOWN])
    more = f"; … {len(open_points) - _SHOWN} more" if len(open_points) > _SHOWN else ""
    return f"{document['by']}, {document['at']}: {document['verdict']}{shown}{more}"


def standing(package: Package, state: State, journal: Journal) -> list[dict[str, Any]]:
    """The newest sign-off of each name, of what stands now: what was taken back since was signed for something else.

    So is what was built on something that ran again since. Only an objection stays, until its user signs again: a
    repeated import does not answer it, nor does the loss of its file. Whatever else is lost does not count.
    """
    return [found for found in _newest(package, state, journal) if isinstance(found, dict)]


def _newest(package: Package, state: State, journal: Journal) -> Iterator[dict[str, Any] | Stop]:
    """The newest sign-off of each name that stands; of one whose file is lost or changed, why it does not count."""
    for line in {line.by: line for line in _signed(journal)}.values():
        stands = overtaken.since(package, journal, PHASE, line.run) is None
        try:
            found: dict[str, Any] | Stop = _kept(state, line)
        except Stop as lost:
            copy = _copy(state, line)
            objects = copy is not None and copy["verdict"] == "fail"
            found = copy if copy is not None and objects else lost
            stands = stands or copy is None
        if stands or (isinstance(found, dict) and found["verdict"] == "fail"):
            yield found


def _kept(state: State, line: Line) -> dict[str, Any]:
    """The answers that a line of the journal tells of; raises `Stop` (exit 12) where they are gone, or other ones."""
    path, _ = kept(state, line.run)
    again = f"let {line.by} sign again"
    try:
        content = path.read_bytes()
        document: dict[str, Any] = json.loads(content)
    except (OSError, ValueError) as error:
        what = f"the sign-off of {line.by}, which the journal names, cannot be read: {type(error).__name__}"
        raise refused("sign-off.lost", what, str(path), again) from error
    if not _is_named(state, line, content):
        what = f"the sign-off of {line.by} is not the one that the journal names: it was changed since"
        raise refused("sign-off.changed", what, str(path), again)
    return document


def _copy(state: State, line: Line) -> dict[str, Any] | None:
    """The same answers in the operation folder of the sign-off, which tell whether what is lost was an objection."""
    try:
        content = (state.here / "operations" / f"{line.run}-{STEP}" / "sign-off.json").read_bytes()
    except OSError:
        return None
    document: dict[str, Any] | None = json.loads(content) if _is_named(state, line, content) else None
    return document


def _is_named(state: State, line: Line, content: bytes) -> bool:
    path, _ = kept(state, line.run)
    return line.evidence.get(str(path.relative_to(state.root))) == hashlib.sha256(content).hexdigest()


def _signed(journal: Journal) -> Iterator[Line]:
    lines = [line for line in journal.lines if line.plan == journal.plan and line.state != "refused"]
    last = max((place for place, line in enumerate(lines) if line.phase in TAKES_BACK), default=-1)
    yield from (line for line in lines[last + 1 :] if line.step == STEP)


def lines(package: Package, state: State, journal: Journal) -> list[str]:
    """The sign-offs for people; says so where there is none, and of a lost one what is to be done."""
    newest = list(_newest(package, state, journal))
    said = [f"signed off by {_words(found)}" for found in newest if not isinstance(found, Stop)]
    lost = [f"{found.what} ({found.where}); {found.next}" for found in newest if isinstance(found, Stop)]
    return [*(said or ["user validation: not_run, nobody has signed the checklist"]), *lost]


def objections(package: Package, state: State, journal: Journal) -> list[str]:
    """Sign-offs that say that something is wrong.

    Raises `Stop` (exit 12) for one that may have said so, since nothing is left that tells what it said.
    """
    for line in {line.by: line for line in _signed(journal)}.values():
        if _copy(state, line) is None:
            _kept(state, line)
    return [_words(document) for document in standing(package, state, journal) if document["verdict"] == "fail"]
