"""What to type next, from what the package runs and what the journal knows: one answer for every command."""

import bootstrap
import gates
import overtaken
import planned
from journal import KEPT, TAKES_BACK, Journal
from outcome import Stop
from package import READS, Package, Phase
from state import State, is_locked, journals, newer_begun


def stands(journal: Journal) -> bool:
    """Whether anything was begun that a way back would take down, and has not taken back to its end."""
    built = journal.began_anew  # what the damaged one told of may stand
    for line in journal.steps():
        if line.phase in TAKES_BACK:
            built = built and line.state != "finished"
        elif line.phase not in READS | KEPT:
            built = True
    return built


def built(state: State) -> int | None:
    """The newest package of which something may stand; a journal that cannot be read proves nothing, so then it may.

    All of them build on the same machine, so what a newer one has taken back to its end is gone of the older ones too.
    """
    for number, journal in reversed(journals(state).items()):
        if journal is None or stands(journal):
            return number
        if any(line.phase in TAKES_BACK and line.state == "finished" for line in journal.steps()):
            return None
    return None


def way_back(package: Package, number: int) -> str:
    """What takes back what a package has built, which may be another one than this."""
    return f"./migrate {package.way_back}" + ("" if number == package.number else f", with package {number}")


def half_back(package: Package, journal: Journal) -> str | None:
    """The command of a way back that was begun and has not come to its end."""
    line = journal.half_back()
    phase = None if line is None else package.phase(line.phase)
    if phase is None:
        return None
    tried = {line.step for line in journal.of_this_pass(phase.id)}
    options = [step.only_with for step in phase.steps if step.only_with is not None and step.id in tried]
    return " ".join((f"./migrate {phase.id}", *options))


def following(package: Package, state: State, journal: Journal, *, ours: bool = False) -> str:
    """What to type next; where nothing is left that the package runs, where to read on.

    `ours` says that the caller has the lock itself.
    """
    if not ours and is_locked(state):
        return "wait until the run has ended, then: ./migrate status"
    back = half_back(package, journal)
    if back is not None:
        return back
    stop = gates.standing(state)
    standing = built(state) if stop == "PANIC" else None
    if standing is not None:
        return way_back(package, standing)
    newer = newer_begun(state)
    if newer is not None:
        return _use(newer)
    if stop is not None:
        return "./migrate resume"
    try:
        planned.in_time(package, journal)
    except Stop as late:
        return late.next
    if not bootstrap.is_ready(state, package.root):
        return "./migrate bootstrap"
    phase = next((phase for phase in _forward(package) if not overtaken.stands(package, journal, phase.id)), None)
    if phase is None:
        return _beyond(package)
    return gates.way_to(_gate(package, phase), package, state, journal) or f"./migrate {phase.id}"


def after(package: Package, state: State, journal: Journal, phase: Phase) -> str:
    """What comes after a phase that has just come to its end: after a way back a choice, else what `status` says."""
    taken_back = phase.id in TAKES_BACK and half_back(package, journal) is None and newer_begun(state) is None
    if not taken_back:
        return following(package, state, journal, ours=True)
    if gates.standing(state):
        return "./migrate resume"
    first = next((one.id for one in _forward(package) if one.id not in KEPT), "preflight")
    return f"./migrate {first}, should it begin anew"


def absent(package: Package) -> list[Phase]:
    """Phases of the plan that this package does not run, in order."""
    return [phase for phase in package.phases if not package.runs(phase)]


def _forward(package: Package) -> list[Phase]:
    return [phase for phase in package.phases if phase.forward and package.runs(phase)]


def _gate(package: Package, phase: Phase) -> str | None:
    """The gate that a phase comes to, before its first step or inside it."""
    inside = (name for step in phase.steps if (name := package.gate_before(step)) is not None)
    return phase.gate or next(inside, None)


def _use(newer: int) -> str:
    return f"use package {newer}, which has begun here"


def _beyond(package: Package) -> str:
    """After the last phase that this package runs."""
    rest = [phase.id for phase in absent(package) if phase.forward]
    if not rest:
        return "nothing is left"
    return f"MIGRATION-PLAN.md, chapter 6, {rest[0]}: this package runs nothing further, and lacks {', '.join(rest)}"
