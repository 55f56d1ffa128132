"""The secrets that only the Trust Architect has: each is a file of the state folder, and none is ever shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import credential
import report
from journal import Journal
from outcome import Stop, refused
from package import Package, Phase, Secret
from state import State

# Of these phases nothing can come before what they need is given, so preflight asks for it.
_NEXT = frozenset({"preflight", "prepare"})


def demand(package: Package, state: State, journal: Journal, phase: Phase, command: str, *, check: bool) -> str | None:
    """Raises `Stop` (exit 12) unless what the phase needs is there; what is to be said to whoever runs it."""
    proven = not check and credential.is_used_up(phase, journal.done(phase.id))
    needed = [
        (secret, path) for secret, path in _provided(package, state)
        if secret.needed_by == phase.id and not (proven and secret.name == credential.SOURCE_READ)
    ]  # fmt: skip
    missing = [(secret, path) for secret, path in needed if _lacks(path)]
    if missing:
        raise _missing(state, missing, command)
    remark = None
    for secret, path in needed:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        if secret.name == credential.SOURCE_READ:
            remark = credential.check(path, package, phase, journal)
    return remark


def outlook(package: Package, state: State, journal: Journal, phase: Phase) -> tuple[list[report.Check], list[Stop]]:
    """What preflight finds of the secrets of phases to come: a check for each, and what has to be mended first.

    A credential that has an end is looked at as if its phase began now.
    """
    checks: list[report.Check] = []
    lacking, stops = [], []
    for secret, path in _provided(package, state):
        why: str | None = None
        unmet = False
        if _lacks(path):
            why = f"not given yet; {secret.needed_by} asks for it"
            unmet = secret.needed_by in _NEXT and not journal.is_finished(secret.needed_by)
            lacking += [(secret, path)] if unmet else []
        elif stop := _unusable(package, journal, secret, path):
            why, unmet = stop.what, True
            stops.append(stop)
        word = "pass" if why is None else "fail" if unmet else "not_run"
        checks.append({
            "id": f"secrets/{secret.name}", "phase": phase.id, "step": f"{phase.id}/secrets", "verdict": word,
            "required": unmet, "expected": f"given before {secret.needed_by}",
            "observed": "given" if why is None else None, "why": why, "evidence": [],
            "ran_at": report.time(datetime.now(UTC)) if word != "not_run" else None,
        })  # fmt: skip
    return checks, ([_missing(state, lacking, f"./migrate {phase.id}")] if lacking else []) + stops


def _unusable(package: Package, journal: Journal, secret: Secret, path: Path) -> Stop | None:
    """Why the credential of the source cannot be used in its phase; of any other secret nobody here knows."""
    needed_by = package.phase(secret.needed_by)
    if secret.name != credential.SOURCE_READ or needed_by is None:
        return None
    if journal.is_finished(needed_by.id) or credential.is_used_up(needed_by, journal.done(needed_by.id)):
        return None
    try:
        credential.check(path, package, needed_by, journal)
    except Stop as stop:
        return stop
    return None


def _provided(package: Package, state: State) -> Iterator[tuple[Secret, Path]]:
    for secret in package.secrets:
        if secret.origin == "provided":
            yield secret, state.secrets / secret.name


def _lacks(path: Path) -> bool:
    return not path.is_file() or path.stat().st_size == 0


def _missing(state: State, missing: list[tuple[Secret, Path]], command: str) -> Stop:
    commands = "\n  ".join(credential.how_to_give(secret.name, path) for secret, path in missing)
    names = "; ".join(f"{secret.name} ({secret.purpose or 'see README.md'})" for secret, _ in missing)
    return refused(
        "secret.missing", f"secrets that only you have are missing or empty: {names}", str(state.secrets),
        f"give each once, then {command} again\n  {commands}",
    )  # fmt: skip
