"""What the plan says of a phase before it begins: its order, its time, and what there is instead of what is not run."""

import textwrap
from datetime import UTC, datetime

from journal import Journal
from outcome import Exit, Stop, refused
from package import NEVER_EXPIRES, Package, Phase

_NOTHING = "No step was begun: no host or account was changed."
_BY_HAND = "by hand"
_STATUS = "./migrate status names what this package runs next"


def not_automated(package: Package, name: str) -> Stop:
    """What a phase or verb says that this package documents but does not run."""
    if name in package.not_needed:
        what = f"this target needs no {name}: {package.not_needed[name]}"
        return Stop(Exit.PAUSED, "phase.not-needed", what, "MIGRATION-PLAN.md, chapter 1", _NOTHING, _STATUS)
    phase = package.phase(name)
    what = f"this package does not run {name}"
    if phase is None:
        where = "MIGRATION-PLAN.md, chapter 6, Planned, not in this package"
        means = _wrapped(package.not_here.get(name, "Ask the sender for a package that does."))
        return Stop(Exit.PAUSED, "verb.not-automated", what, where, f"{_NOTHING}\n{means}", _STATUS)
    steps = _steps(phase)
    by_hand = any(line.endswith(_BY_HAND) for line in steps)
    chapter = 6 if phase.forward else 10
    return Stop(
        Exit.PAUSED, "phase.not-automated", what, f"MIGRATION-PLAN.md, chapter {chapter}, {phase.heading}",
        "\n".join((_NOTHING, *([_wrapped(phase.instead)] if phase.instead else []), *steps)),
        f"read what is done by hand at that place; {_STATUS}" if by_hand else _STATUS,
    )  # fmt: skip


def in_order(package: Package, journal: Journal, phase: Phase) -> None:
    """Raises `Stop` (exit 12) where what the phase builds on does not stand; names the first phase that is missing."""
    missing = first = _missing(package, journal, phase)
    while earlier := first and _missing(package, journal, first):
        first = earlier
    if missing is not None and first is not None:
        raise refused(
            "phase.too-early", f"{phase.id} builds on {missing.id}, which has not come to its end", str(journal.path),
            f"./migrate {first.id}",
        )  # fmt: skip


def _missing(package: Package, journal: Journal, phase: Phase) -> Phase | None:
    """The first of the phases that one builds on that does not stand, of those that the package runs."""
    before = (package.phase(name) for name in phase.after if not journal.stands(name))
    return next((found for found in before if found is not None and package.runs(found)), None)


def is_late(package: Package, journal: Journal) -> bool:
    """Whether the package was to be begun earlier and was not."""
    return not journal.has_begun and datetime.now(UTC) >= package.expires_at


def still_runs(package: Package) -> str:
    """Of a late package: the phases that run all the same."""
    others = [phase.id for phase in package.phases if phase.id in NEVER_EXPIRES - {"status"} and package.runs(phase)]
    return f"{', '.join(others)} and status still run" if others else "status still runs"


def in_time(package: Package, journal: Journal) -> None:
    """Raises `Stop` (exit 12) where the package is late; `bootstrap` never asks, since the way back needs the tools."""
    if is_late(package, journal):
        raise refused(
            "package.expired", f"the package was to be begun before {package.expires_at.isoformat()}",
            "manifest.json, expiresAt", "ask the sender for a package from a new export",
        )  # fmt: skip


def _steps(phase: Phase) -> list[str]:
    """Each step that no playbook does, under the id that is its heading in the plan."""
    words = []
    for step in phase.steps:
        if step.by_person if step.instead is None else step.instead.by_hand:
            words.append(f"  {step.id:<32} {_BY_HAND}")
        elif not step.automated:
            words.append(f"  {step.id:<32} not in this package")
    return words


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 80, break_long_words=False, break_on_hyphens=False)
