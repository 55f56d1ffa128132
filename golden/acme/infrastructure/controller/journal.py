"""The journal: one JSON object per line, each bound to the line before it by SHA-256.

A line is one `write` and one `fsync`, so a reader sees whole lines and at most one torn last one, which is set aside
and never guessed at. `prev` is the SHA-256 of the previous line's bytes with its newline, as `sed -n 3p | sha256sum`
prints it. Order is the order of lines, never `at`.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from outcome import Exit, Stop
from package import PUTS_BACK, READS, SAVES

FIRST = "0" * 64
TAKES_BACK = frozenset({"abort", "rollback"})
# What was made in an account stays there, whatever a way back takes down on the machine.
KEPT = frozenset({"provision"})
# What no way back takes down: the machine was looked at, and stays prepared.
_STAYS = frozenset({"preflight", "prepare"}) | KEPT
# The code of the stop over a journal that cannot be read, with which only looking and the way back go on.
DAMAGED = "journal.chain"
# The step of the first line of a journal that takes the place of a damaged one; its evidence is what is kept of that.
# The line's state is `refused`, so recorders pass over it, as over every line that tells of nothing done.
ANEW = "journal"
# The step of a line that tells of no step: another machine went on from here.
ADOPTED = "adopt"
STATES = frozenset({
    "started", "done", "failed", "undone", "undo_failed", "skipped", "paused", "lost",
    "finished", "rolled_back", "refused",
})  # fmt: skip
_OF_PEOPLE = frozenset({"gate", "hold", "sign-off", ADOPTED})
_TYPES: Mapping[str, type] = {
    "v": int, "n": int, "prev": str, "plan": str, "run": int, "phase": str, "step": str, "state": str, "at": str,
    "by": str, "evidence": list,
}  # fmt: skip
_OPTIONAL = {"by", "evidence"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Line:
    """What the controller needs to know of one line."""

    plan: str
    run: int
    phase: str
    step: str
    state: str
    at: str
    by: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by path


@dataclass
class Journal:
    """A journal that was read and whose chain holds."""

    path: Path
    plan: str
    lines: list[Line] = field(default_factory=list)
    last: str = FIRST

    @property
    def next_run(self) -> int:
        """Number of the invocation that begins now."""
        return max((line.run for line in self.lines), default=0) + 1

    @property
    def began_anew(self) -> bool:
        """Whether it takes the place of a damaged one: what was done before, nobody can tell from it."""
        return bool(self.lines) and self.lines[0].step == ANEW

    @property
    def has_begun(self) -> bool:
        """Whether a step of a phase was begun that does more than look; a refusal begins none."""
        return self.began_anew or any(line.state == "started" and line.phase not in READS for line in self.lines)

    def foreign(self) -> Line | None:
        """A line of another plan; refusals aside, one journal belongs to one plan."""
        return next((line for line in self.lines if line.plan != self.plan and line.state != "refused"), None)

    def steps(self) -> Iterator[Line]:
        """Lines about steps and ends of this plan; a refusal, and what people decide in between, takes none back."""
        for line in self.lines:
            if line.plan == self.plan and line.state != "refused" and line.step not in _OF_PEOPLE:
                yield line

    def of_this_pass(self, phase: str) -> list[Line]:
        """Lines of the current pass over a phase: after its last end, and after anything that took it back."""
        lines: list[Line] = []
        for line in self.steps():
            # What `abort` or `rollback` may have taken down is not done, however far they came.
            if line.phase in TAKES_BACK and phase != line.phase and phase not in KEPT:
                lines = []
            elif line.phase == phase:
                lines = _standing(lines) if lines and lines[-1].run != line.run else lines
                lines = [] if line.step == "end" else [*lines, line]
                # As long as a step runs, what came before it stands.
                lines = lines if line.state == "started" else _standing(lines)
        return lines

    def half_back(self) -> Line | None:
        """The last line of a way back that has not come to its end, where nothing was begun since that builds.

        After a damaged journal it is the line with which that way back has put it aside.
        """
        found = self.lines[0] if self.began_anew else None
        for line in self.steps():
            if line.phase in TAKES_BACK:
                found = None if line.state == "finished" else line
            elif line.phase not in READS | KEPT:
                found = None
        return found

    def done(self, phase: str) -> set[str]:
        """Steps of the current pass that a run which begins now need not do: whose last line says done (or skipped).

        What was saved to be put back is saved anew as long as that may come to it, so what follows is done again too.
        """
        last = {line.step: line.state for line in _standing(self.of_this_pass(phase))}
        done = {step for step, state in last.items() if state in ("done", "skipped")}
        return done if done >= PUTS_BACK else done - SAVES

    def is_finished(self, phase: str) -> bool:
        """Whether the last pass over a phase came to its end and nothing took it back since."""
        finished = False
        for line in self.steps():
            if line.phase == phase or (line.phase in TAKES_BACK and phase not in KEPT):
                finished = line.phase == phase and line.state == "finished"
        return finished

    def stands(self, phase: str) -> bool:
        """Whether a phase came to its end and what it made is still there, so that others may build on it."""
        if phase not in _STAYS:
            return self.is_finished(phase)
        return any(line.phase == phase and line.state == "finished" for line in self.steps())

    def achieved(self) -> set[str]:
        """Steps and phases done once and not taken back: what the percentage counts; repeating never lowers it."""
        done: set[str] = set()
        for line in self.steps():
            if line.phase in TAKES_BACK:
                done = {name for name in done if name.partition("/")[0] in KEPT}
            elif line.state in ("done", "finished"):
                done.add(line.phase if line.step == "end" else line.step)
        return done

    def append(
        self, run: int, phase: str, step: str, state: str, *,
        by: str | None = None, evidence: Sequence[Mapping[str, str]] = (),
    ) -> None:  # fmt: skip
        """Writes one line and waits until it is on the disk; raises `Stop` (exit 1) when it is not."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entry: dict[str, Any] = {
            "v": 1, "n": len(self.lines) + 1, "prev": self.last, "plan": self.plan, "run": run,
            "phase": phase, "step": step, "state": state, "at": at,
        }  # fmt: skip
        if by is not None:
            entry["by"] = by
        if evidence:
            entry["evidence"] = [dict(item) for item in evidence]
        data = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            _write(self.path, data)
        except OSError as error:
            raise Stop(
                Exit.ERROR, "journal.write", f"the journal takes no line: {error.strerror}", str(self.path),
                f"`{step}: {state}` is not recorded, and no further step was begun.",
                "make room in the state folder, then repeat the command",
            ) from error  # fmt: skip
        self.lines.append(Line(self.plan, run, phase, step, state, at, by, _evidence(entry)))
        self.last = hashlib.sha256(data).hexdigest()


def read(path: Path, plan: str, first: str = FIRST, *, earlier: Collection[str] = (), repair: bool) -> Journal:
    """Reads a journal and proves its chain; with `repair` (only under the lock) a torn last line is set aside.

    It begins at `first`, or at one of `earlier`. Raises `Stop` (exit 1) naming the line where the chain breaks: such a
    journal speaks for nothing.
    """
    journal = Journal(path, plan, last=first)
    data = path.read_bytes() if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if repair and whole != data:
        _write(path.with_name(path.name + ".torn"), data[len(whole) :] + b"\n")
        os.truncate(path, len(whole))
    for number, line in enumerate(whole.splitlines(keepends=True), start=1):
        try:
            before = {journal.last} if number > 1 else {first, *earlier}
            journal.lines.append(_parse(line, number, before))
        except (ValueError, TypeError) as error:
            raise Stop(
                Exit.ERROR, "journal.chain", f"the journal was changed or damaged: {error}", f"{path}:{number}",
                "What was done can no longer be known from it, so no step was begun.",
                f"docs/troubleshooting.md, {DAMAGED}, which tells how to go on; to take down what stands instead: "
                f"./migrate abort, which keeps this {path.name} beside a new one",
            ) from error  # fmt: skip
        journal.last = hashlib.sha256(line).hexdigest()
    return journal


def put_aside(path: Path, plan: str, phase: str, run: int, first: str) -> Path:
    """Keeps a damaged journal beside, byte for byte, and puts one in its place whose first line names it.

    Returns where it is kept. Whenever this is cut off, one of the two is the journal. Under the lock.
    """
    data = path.read_bytes()
    kept = path.with_name(f"{path.name}.damaged-{run}")
    _write(kept, data)
    draft = Journal(path.with_name(f".{path.name}.anew"), plan, last=first)
    draft.path.unlink(missing_ok=True)
    named = {"path": f"packages/{path.parent.name}/{kept.name}", "sha256": hashlib.sha256(data).hexdigest()}
    draft.append(run, phase, ANEW, "refused", evidence=[named])
    draft.path.replace(path)
    return kept


def _standing(lines: list[Line]) -> list[Line]:
    """What a pass has done that stands for certain.

    Where a step that puts back what was there before has begun and is not done, nobody knows what of the steps before
    it was put back; only what was saved is there for certain. Such a step may have been killed in the middle of that.
    """
    last = lines[-1] if lines else None
    if last is None or last.step not in PUTS_BACK or last.state in ("done", "skipped"):
        return lines
    return [*(one for one in lines if one.step in SAVES), last]


def _parse(data: bytes, number: int, before: Collection[str]) -> Line:
    try:
        entry = json.loads(data.decode("utf-8"))
    except ValueError:
        raise ValueError("it is no JSON text") from None
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    for key, value in entry.items():
        if key not in _TYPES:
            raise ValueError(f"unknown key {key!r}")
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise TypeError(f"{key} has the wrong type")
    missing = set(_TYPES) - _OPTIONAL - set(entry)
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    if entry["v"] != 1:
        raise ValueError(f"version {entry['v']} is not known here")
    if entry["n"] != number:
        raise ValueError(f"line {number} says it is line {entry['n']}")
    if entry["prev"] not in before:
        raise ValueError("it does not follow the line before")
    if entry["state"] not in STATES or not _DIGEST.fullmatch(entry["plan"]):
        raise ValueError("state or plan is not known here")
    about = (entry["plan"], entry["run"], entry["phase"], entry["step"], entry["state"], entry["at"])
    return Line(*about, entry.get("by"), _evidence(entry))


def _evidence(entry: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for item in entry.get("evidence", ()):
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("path", "sha256")):
            raise TypeError("evidence has the wrong type")
        found[item["path"]] = item["sha256"]
    return found


def _write(path: Path, data: bytes) -> None:
    """One write, then to disk; what was written by halves is taken back."""
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(handle).st_size
        try:
            written = os.write(handle, data)
            if written != len(data):
                raise OSError(28, "no room for a whole line")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)
    if new:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
