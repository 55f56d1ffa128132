"""What the plan describes and this package does not run: where it stands, what it means, what a person can do."""

import textwrap

from outcome import Exit, Stop
from package import Package, Phase

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


def _steps(phase: Phase) -> list[str]:
    """Each step that no playbook does, under the id that is its heading in the plan."""
    words = []
    for step in phase.steps:
        if step.by_person or (step.instead is not None and step.instead.by_hand):
            words.append(f"  {step.id:<32} {_BY_HAND}")
        elif not step.automated:
            words.append(f"  {step.id:<32} not in this package")
    return words


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 80, break_long_words=False, break_on_hyphens=False)
