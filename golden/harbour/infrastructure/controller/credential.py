"""The credential of the source: its form, before anything begins that would need it. Its values are never shown."""

import hashlib
import json
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import windows
from journal import Journal
from outcome import Stop, refused
from package import Package, Phase, Step
from state import State, replace

# The secret's name, and the kind of credential that its file holds.
SOURCE_READ = "source_read"
KIND = "source-read"
#: The step that brings it to the target.
PLACED_BY = "content/place-read-key"
#: The steps that read the source's files, and keep to the windows there.
COPIES = "content/copy-batches"
PROVES = "content/prove-batches"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_STORAGE = ("provider", "endpoint", "region", "bucket", "access_key_id", "secret_access_key")


def how_to_give(name: str, path: Path) -> str:
    """What to type so that a secret lies where it belongs, in no argument list and in no history."""
    if name == SOURCE_READ:
        return f"install -m 0600 FILE-OF-THE-OPERATOR '{path}'"
    # `read` and `printf` are built into the shell.
    return f"""bash -c 'umask 077; read -rsp "{name}: " v; printf %s "$v" >"$0"' '{path}'"""


def check(path: Path, package: Package, phase: Phase, journal: Journal) -> str | None:
    """Raises `Stop` (exit 12) unless this is a credential for this installation that outlasts the phase as planned.

    Once copying was begun nobody here knows how much is left of it, and it goes on at the target: then one will do that
    has not ended. What is to be said to whoever follows it, where that may not be enough.
    """
    given = _object(path)
    if (given.get("schema"), given.get("kind")) != (1, KIND):
        raise _refused(path, f"it is no {KIND} of schema 1")
    if given.get("installation") != package.source:
        raise _refused(path, f"it is for another installation than {package.source}")
    storage = given.get("storage")
    if not isinstance(storage, dict) or not all(isinstance(storage.get(key), str) and storage[key] for key in _STORAGE):
        raise _refused(path, f"its `storage` must have {', '.join(_STORAGE)}")
    if not isinstance(storage.get("ca"), str | None):
        raise _refused(path, "its `storage.ca` must be a certificate as text, or null")
    parts = urllib.parse.urlsplit(storage["endpoint"])
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise _refused(path, "its `storage.endpoint` is not https, so files would cross the network in clear")
    ends_at, now = _time(path, given.get("ends_at")), datetime.now(UTC)
    if ends_at <= now:
        raise _refused(path, f"it has ended, at {ends_at.isoformat()}")
    needed = needed_until(package, phase, now)
    if ends_at > needed:
        return None
    ends, until = ends_at.isoformat(), needed.isoformat(timespec="seconds")
    if any(line.step == COPIES for line in journal.of_this_pass(phase.id)):
        return f"{SOURCE_READ} ends at {ends}; all of the phase from now on would need it until {until}, as planned"
    waits = ", which reads the source's files in its windows alone," if package.content_windows else ""
    raise _refused(path, f"it ends at {ends}; the phase{waits} needs it until {until}, as planned")


def place(path: Path) -> dict[str, str]:
    """Where a credential says that the storage is, and who vouches for it; empty where none is given that says so."""
    try:
        storage = json.loads(path.read_bytes())["storage"]
        return {key: str(storage[key]) for key in ("endpoint", "bucket", "ca") if storage.get(key)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def is_used_up(phase: Phase, done: set[str]) -> bool:
    """Whether a pass goes on after everything that reads the source: nobody needs another one to end it.

    Where every step is done and its end is not, all of them run again.
    """
    steps = [step.id for step in phase.steps if step.automated]
    return PROVES in steps and not done.issuperset(steps) and done.issuperset(steps[: steps.index(PROVES) + 1])


def needed_until(package: Package, phase: Phase, now: datetime) -> datetime:
    """When the phase ends as planned, if it begins now: what reads the source's files waits for its windows."""
    at = now
    for step in phase.steps:
        for seconds, waits in _parts(package, step):
            at = windows.ends(at, package.content_windows if waits else (), seconds)
    return at


def _parts(package: Package, step: Step) -> tuple[tuple[int, bool], ...]:
    """The seconds of a step, one part after the other, and whether each keeps to the windows."""
    if step.id != PROVES:
        return ((step.seconds, step.id == COPIES),)
    # What changed meanwhile is carried first; then the target is read back, and last what has no digest.
    at_source = package.proof_at_source
    return ((package.content_changed, True), (step.seconds - at_source, False), (at_source, True))


class Placed:
    """Which credential lies at the target: another one that the Trust Architect gives meanwhile is brought there too.

    By its digest, in a file beside the journal that leaves this machine as little as the credential itself. It hears of
    every step; one that brings no credential is nothing to it.
    """

    def __init__(self, state: State) -> None:
        self._given = state.secrets / SOURCE_READ
        self._kept = state.here / f"{SOURCE_READ}.sha256"
        self._brought = ""

    def begins(self, step: Step) -> None:
        """A step begins, and will bring the one that is given now."""
        if step.id == PLACED_BY:
            self._brought = self._digest()

    def is_done(self, step: Step) -> None:
        """A step has come to its end."""
        if step.id == PLACED_BY:
            replace(self._kept, f"{self._brought}\n")

    def holds(self, step: Step) -> bool:
        """Whether what a step did earlier still holds: another one that was given since was not brought."""
        return step.id != PLACED_BY or (self._kept.is_file() and self._kept.read_text().strip() == self._digest())

    def _digest(self) -> str:
        return hashlib.sha256(self._given.read_bytes()).hexdigest()


def _object(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_bytes())
    except (OSError, ValueError):
        given = None  # without the parser's words, which would show a piece of it
    if not isinstance(given, dict):
        raise _refused(path, "it is not a JSON object")
    return given


def _time(path: Path, text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise _refused(path, "its `ends_at` is not a time such as 2026-12-19T21:04:00Z")
    return found


def _refused(path: Path, why: str) -> Stop:
    return refused(
        "secret.form", f"this credential cannot be used: {why}", str(path),
        "ask the operator of the source for another one, and put it there",
    )  # fmt: skip
