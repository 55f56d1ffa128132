"""Whether what a phase did still stands: the one answer for status, page, sign-offs, approvals, gates and what is next.

It does while nothing that the phase builds on, by the plan's own `after`, directly or through others, has run again
since, however that ended, and no way back was begun. Looking makes nothing, so a phase that only looks overtakes none,
nor do steps that show what a gate after them would let happen.

No phase is kept from running by it: a verification is how one sees what another deployment has left of an import. Where
it came to its end, it speaks for that import, which then need not be repeated.
"""

from collections.abc import Collection

from journal import KEPT, TAKES_BACK, Journal, Line
from package import CHECKS, READS, Package


def is_done(package: Package, journal: Journal, phase: str) -> bool:
    """Whether a phase has come to its end, and that still stands."""
    return journal.is_finished(phase) and by(package, journal, phase) is None


def stands(package: Package, journal: Journal, phase: str) -> bool:
    """Whether a phase need not be repeated: it is done, or what is left of it was checked since."""
    return is_done(package, journal, phase) or seen_by(package, journal, phase) is not None


def seen_by(package: Package, journal: Journal, phase: str) -> str | None:
    """The phase that checks and has come to its end over what is left of one that something ran over since."""
    if not journal.is_finished(phase):
        return None
    checks = (one.id for one in package.phases if one.id in CHECKS and phase in _ground(package, one.id))
    return next((name for name in checks if is_done(package, journal, name)), None)


def by(package: Package, journal: Journal, phase: str) -> str | None:
    """The phase that ran last of those that one builds on, after that one had come to its end; None where none did."""
    ends = [line.run for line in journal.steps() if line.phase == phase and line.state == "finished"]
    return _last(package, journal, ends[-1], _ground(package, phase)) if ends else None


def since(package: Package, journal: Journal, phase: str, run: int) -> str | None:
    """What ran last after a run, so that what was seen of a phase then is seen no more; None where all of it stands.

    It is a phase that this one builds on, or a way back.
    """
    back = frozenset[str]() if phase in KEPT else TAKES_BACK
    return _last(package, journal, run, _ground(package, phase) | back)


def in_words(what: str | None) -> str:
    """What became of that which a phase did or saw, after the word for it; without `what`, it never was whole."""
    if what is None:
        return "has not come to its end"
    return "was taken back since" if what in TAKES_BACK else f"no longer stands: {what} ran after it"


def _last(package: Package, journal: Journal, run: int, phases: Collection[str]) -> str | None:
    lines = (line for line in journal.steps() if line.run > run and line.phase in phases)
    later = [line.phase for line in lines if not _only_shows(package, line)]
    return later[-1] if later else None


def _only_shows(package: Package, line: Line) -> bool:
    """Whether a line is of a step before the gate inside its phase; without such a gate, of none."""
    phase = package.phase(line.phase)
    steps = phase.steps if phase is not None else ()
    gated = next((place for place, step in enumerate(steps) if package.gate_before(step) is not None), 0)
    return line.step in {step.id for step in steps[:gated]}


def _ground(package: Package, phase: str) -> frozenset[str]:
    """Everything that a phase builds on, directly or through others, but for what only looks."""
    found: set[str] = set()
    waiting = [phase]
    while waiting:
        known = package.phase(waiting.pop())
        fresh = set(known.after if known is not None else ()) - found
        found |= fresh
        waiting += sorted(fresh)
    return frozenset(found - READS - {phase})
