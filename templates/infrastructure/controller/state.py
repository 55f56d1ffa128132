"""The state folder: everything a run keeps, outside the package. One per STUF and environment."""

import fcntl
import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import journal
from outcome import Exit, Stop, refused
from package import Package

# Ansible splits paths at some characters and fills in others, so the folder's name has none of them.
_PLAIN = re.compile(r"[\w./@+~ -]+")


@dataclass(frozen=True)
class State:
    """Where things stand; `root` is absolute and exists."""

    root: Path
    number: int

    @property
    def here(self) -> Path:
        """This package's own part: journal, reports, logs."""
        return self.root / "packages" / str(self.number)

    @property
    def secrets(self) -> Path:
        """One file per secret that the Trust Architect provides."""
        return self.root / "secrets"

    @property
    def overlay(self) -> Path:
        """The Trust Architect's own variables, read last."""
        return self.root / "local" / "vars.yml"

    @property
    def inventory(self) -> Path:
        """The inventory of a target that `provision` has made: `hosts.json` and the pinned `known_hosts`."""
        return self.root / "inventory" / "target"

    def gate(self, name: str) -> Path:
        """The file that opens a gate, or `HOLD`, or `PANIC`."""
        return self.root / name


def open_state(root: Path, package: Package) -> State:
    """Makes the folder where it is missing, and refuses one that belongs to someone or something else."""
    where = str(root)
    if not root.is_absolute() or not _PLAIN.fullmatch(where):
        raise refused(
            "state.path", "the state folder's path must be absolute, of letters, digits, blanks and . _ @ + ~ -",
            repr(where), "STUFPACK_STATE=/another/folder ./migrate …",
        )  # fmt: skip
    if root.resolve().is_relative_to(package.root.resolve()):
        raise refused(
            "state.inside", "the state folder stands inside the package, which is never written to", where,
            "STUFPACK_STATE=/another/folder ./migrate …",
        )  # fmt: skip
    state = State(root, package.number)
    try:
        for folder in (root, state.here, state.secrets, root / "local", state.here / "logs", state.here / "reports"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root.stat().st_uid != os.geteuid():
            raise PermissionError(1, "it belongs to another user")
        root.chmod(0o700)
        name = root / "installation"
        if not name.exists():
            replace(name, package.installation + "\n")
        owner = name.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise refused(
            "state.folder", f"the state folder cannot be used: {error.strerror}", where,
            f"ls -ld '{_standing(Path(error.filename or root))}'",
        ) from error  # fmt: skip
    if owner != package.installation:
        raise refused(
            "state.other", f"this is the state of {owner}, and the package is for {package.installation}", where,
            "unset STUFPACK_STATE, or name another folder",
        )  # fmt: skip
    return state


def _standing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there to be looked at."""
    return next((place for place in (path, *path.parents) if os.path.lexists(place)), path)


def replace(path: Path, content: str | bytes) -> None:
    """Writes a file whole or not at all, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@dataclass(frozen=True)
class Lock:
    """The one run at a time. Steps inherit the descriptor on purpose: an orphan keeps the lock until it ends."""

    descriptor: int


def lock(state: State, doing: str) -> Lock:
    """Takes the lock or raises `Stop` (exit 75) that says who has it. Held until the last process with it ends."""
    path = state.root / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Stop(
            Exit.LOCKED, "state.locked", "another run has the lock", f"{path}: {holder(state)}",
            "Nothing was begun and nothing was written.",
            "wait until it ends, then repeat; ./migrate status shows how far it is",
        ) from error  # fmt: skip
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "doing": doing, "since": began}).encode() + b"\n", 0)
    return Lock(descriptor)


def is_locked(state: State) -> bool:
    """Whether a run, or a step that outlived its run, has the lock now."""
    try:
        descriptor = os.open(state.root / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(state: State) -> str:
    """Who has the lock, as far as one can see: the note in it, and the living processes that have it open."""
    path = state.root / "lock"
    try:
        note = json.loads(path.read_bytes())
        text = f"`{note['doing']}`, process {note['pid']}, since {note['since']}"
        if not Path(f"/proc/{int(note['pid'])}").exists():
            text += ", which is gone; what it started goes on"
    except (OSError, ValueError, KeyError, TypeError):
        text = "just begun"
    living = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and any(
                os.path.realpath(link) == os.path.realpath(path) for link in (process / "fd").iterdir()
            ):
                living.append(f"{process.name} {(process / 'comm').read_text(errors='replace').strip()}")
        except OSError:
            continue  # ended meanwhile, or another user's
    return f"{text} (open in: {', '.join(living)})" if living else text


def keep_verified(state: State, sums: str, signer: str) -> None:
    """Keeps the digest that was verified, and refuses other bytes under a number that has begun.

    Called under the lock. `migrate` has checked the signature, or has found the kept digest equal.
    """
    path = state.here / "verified"
    kept = path.read_text(encoding="utf-8").split() if path.exists() else []
    if kept and kept[0] == sums:
        return
    if kept and (state.here / "journal.jsonl").exists():
        raise refused(
            "package.other", f"package {state.number} has begun with other bytes than these", str(path),
            "go on with the package that was begun, or ask the sender for one with a new number",
        )  # fmt: skip
    if not signer:
        raise refused("package.unverified", "nobody has verified this package", str(path), "start it by ./migrate")
    replace(path, f"{sums} {signer}\n")


def open_journal(state: State, plan: str, *, repair: bool, always: bool = False) -> journal.Journal:
    """This package's journal, bound to a line of a package before it: to the last one, when it was begun.

    Raises `Stop` (exit 12) where a newer package has begun, but for what `always` runs: looking, and the way back.
    """
    newer = None if always else newer_begun(state)
    if newer is not None:
        raise refused(
            "package.older", f"package {newer} has begun here, and this is the older package {state.number}",
            str(_journal_of(state, newer)), f"use package {newer}; this one's status and way back still run",
        )  # fmt: skip
    earlier = _earlier(state)
    return journal.read(state.here / "journal.jsonl", plan, earlier[-1], earlier=earlier, repair=repair)


def begin_anew(state: State, plan: str, phase: str) -> Path:
    """Puts a damaged journal aside for a way back, under the lock; where it is kept."""
    return journal.put_aside(state.here / "journal.jsonl", plan, phase, _last_run(state) + 1, _earlier(state)[-1])


def next_run(state: State, known: journal.Journal) -> int:
    """The number of the invocation that begins now: after what the journal tells of, and after whatever left a trace.

    A person may have put an older copy in a damaged one's place; none gets a number twice.
    """
    return max(known.next_run, _last_run(state) + 1)


def _last_run(state: State) -> int:
    """The last run that has left anything."""
    named = re.compile(r"(?:journal\.jsonl\.damaged-)?(\d+)(?:-.*)?")
    places = (place for folder in ("logs", "reports", "operations", ".") for place in (state.here / folder).glob("*"))
    return max((int(found[1]) for place in places if (found := named.fullmatch(place.name))), default=0)


def _earlier(state: State) -> list[str]:
    """The digests of the lines at which this package's journal may begin, of journals of packages before it."""
    # The one before it may go on while this one only looks, so that line does not stay its last.
    earlier = [journal.FIRST]
    for number in _numbers(state):
        if number < state.number and _journal_of(state, number).is_file():
            here = State(state.root, number).here
            aside = [path for kind in ("damaged", "former") for path in sorted(here.glob(f"journal.jsonl.{kind}-*"))]
            for path in (*aside, _journal_of(state, number)):
                whole = path.read_bytes().splitlines(keepends=True)
                earlier += [hashlib.sha256(line).hexdigest() for line in whole if line.endswith(b"\n")]
    return earlier


def journals(state: State) -> dict[int, journal.Journal | None]:
    """The journal of each package here by the package's number, in order; None for one that cannot be read."""
    return {number: _read(State(state.root, number)) for number in _numbers(state)}


def newer_begun(state: State) -> int | None:
    """The newest package above this one that has begun here; one whose journal cannot be read has."""
    newer = ((number, _read(State(state.root, number))) for number in _numbers(state) if number > state.number)
    return max((number for number, one in newer if one is None or one.has_begun), default=None)


def _read(state: State) -> journal.Journal | None:
    """A package's journal with the plan that its own lines name."""
    try:
        found = open_journal(state, "", repair=False, always=True)
    except (Stop, OSError):
        return None
    told = (line.plan for line in found.lines if line.state != "refused" or line.step == journal.ANEW)
    found.plan = next(told, "")
    return found


def _numbers(state: State) -> list[int]:
    return sorted(int(place.name) for place in (state.root / "packages").iterdir() if place.name.isdigit())


def _journal_of(state: State, number: int) -> Path:
    return State(state.root, number).here / "journal.jsonl"
