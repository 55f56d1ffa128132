"""Where a migration stands, from package, journal and state folder alone: no machine is asked.

Nothing that a tool printed is in it and no user's name: ids and titles of steps, states, times, figures, and the
commands that open gates. So the page that is made of it may be looked at on any screen.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ahead
import gates
import operation
import overtaken
import planned
import provisioning
import reason
import report
from console import count, duration
from journal import TAKES_BACK, Journal, Line
from package import CHECKS, Package, Phase, Step
from progress import Progress, in_words
from state import State

# What the journal's word for the end of a step means to people.
_ENDS = {
    "failed": "failed",
    "lost": "is not known, since the target did not answer",
    "paused": "was stopped in its middle",
    "undo_failed": "could not be taken back",
}
_KILLED = "is not known, since the run was killed"
# Lines that belong to no step.
_REFUSED = "was refused before its first step"
_CLOSED = "stopped before a step whose gate is closed"
_HELD = "stopped between two steps"
_PAUSED = "was held before its first step"
_BACK = "was taken back, so what was there before stands again"


def percent(package: Package, journal: Journal) -> int:
    """Done share of what this package runs forward, as the plan shares it out; steps by hand count with their phase."""
    return (1000 - sum(step.share for step in _undone(package, journal))) // 10


def standing(package: Package, journal: Journal, phase: Phase) -> str:
    """One phase in words."""
    if not package.runs(phase):
        return "not in this package"
    if overtaken.is_done(package, journal, phase.id):
        return "done"
    if journal.is_finished(phase.id):
        ran = f"{overtaken.by(package, journal, phase.id)} ran after it"
        seen = overtaken.seen_by(package, journal, phase.id)
        return f"to be repeated: {ran}" if seen is None else f"done; {ran}, and {seen} has checked it since"
    last = {line.step: line.state for line in journal.of_this_pass(phase.id)}
    if not last:
        return "not yet" if phase.forward else "not asked for"
    total = sum(step.automated for step in phase.steps)
    bad = [f"{step} {state.replace('_', ' ')}" for step, state in last.items() if state not in ("done", "skipped")]
    done = f"{len(last) - len(bad)} of {count(total, 'step')}"
    return done + (f", {', '.join(bad)}" if bad else "")


def lasting(package: Package, journal: Journal) -> dict[str, str]:
    """Every phase that has a standing, in words; `status` and what else only looks has none of its own."""
    phases = [phase for phase in package.phases if phase.forward or phase.id in TAKES_BACK]
    return {phase.id: standing(package, journal, phase) for phase in phases}


def shown(package: Package, phases: dict[str, str]) -> list[Phase]:
    """The phases that people are told of: those that run, a way back only once it was asked for."""
    named = [phase for phase in package.phases if phase.id in phases and package.runs(phase)]
    return [phase for phase in named if phase.forward or phases[phase.id] != "not asked for"]


def reports(package: Package, state: State, journal: Journal) -> dict[str, tuple[str, Path, str | None]]:
    """The newest report of each phase that checks: what it came to, where its JSON is, what has run since below it."""
    found: dict[str, tuple[str, Path, str | None]] = {}
    for phase in package.phases:
        path = report.newest(state, phase.id) if phase.id in CHECKS else None
        if path is None:
            continue
        try:
            verdict = str(json.loads(path.read_bytes())["verdict"])
        except (OSError, ValueError, KeyError, TypeError):
            verdict = "unreadable"
        found[phase.id] = (verdict, path, overtaken.since(package, journal, phase.id, report.run_of(path)))
    return found


def document(
    package: Package, state: State, journal: Journal, at_work: bool, progress: Progress | None
) -> dict[str, Any]:
    """Everything that the page tells; `at_work` says that a run goes on."""
    phases = lasting(package, journal)
    last = {line.phase: line.at for line in journal.lines if line.plan == journal.plan}
    trouble = _trouble(package, state, journal, at_work)
    following = reason.for_page(ahead.following(package, state, journal, ours=True), journal)
    left = _left(package, journal)
    return {
        "slug": package.slug, "environment": package.environment, "number": package.number,
        "percent": percent(package, journal), "written": report.time(datetime.now(UTC)),
        "begun": next((line.at for line in journal.lines), None),
        "expires": package.expires_at.isoformat(), "expired": planned.is_late(package, journal),
        "left": duration(left) if left else None,
        "running": _running(package, journal, progress) if at_work else None,
        "next": trouble["next"] if trouble and trouble["repeat"] else following,
        "trouble": trouble,
        "waits": _waits(package, state, journal),
        "phases": [
            {"title": phase.heading, "standing": phases[phase.id], "at": last.get(phase.id)}
            for phase in shown(package, phases)
        ],
        "absent": [phase.id for phase in ahead.absent(package)],
        "reports": [
            {"phase": phase, "verdict": verdict, "path": str(path.with_suffix(".html").relative_to(state.root)),
             "overtaken": since}
            for phase, (verdict, path, since) in reports(package, state, journal).items()
        ],
        "made": str(found) if (found := provisioning.made(state)) is not None else None,
        "unrecorded": len(operation.standing(state, journal).waiting),
    }  # fmt: skip


def _left(package: Package, journal: Journal) -> int:
    """Planned seconds of what this package runs on the way forward and is not done."""
    return sum(step.seconds for step in _undone(package, journal))


def _undone(package: Package, journal: Journal) -> list[Step]:
    """The steps that this package runs on the way forward and that are not done."""
    done = journal.achieved()
    return [
        step
        for phase in package.phases if phase.forward and package.runs(phase)
        for step in phase.steps if not {step.id, phase.id} & done
    ]  # fmt: skip


def _named(package: Package, step: str) -> str:
    """A step by its title, with its id."""
    titles = {one.id: one.title for phase in package.phases for one in phase.steps}
    return f"{titles[step]} ({step})" if step in titles else step


def _running(package: Package, journal: Journal, progress: Progress | None) -> dict[str, str | None] | None:
    """The step that the journal says has begun, and how far the target is with it."""
    line = next((line for line in reversed(journal.lines) if line.plan == journal.plan), None)
    if line is None:
        return None
    phase = package.phase(line.phase)
    begun = line.state == "started"
    told = in_words(progress.figures) if begun and progress is not None and progress.step == line.step else ""
    return {
        "phase": f"{phase.heading if phase else line.phase}, run {line.run}",
        "step": _named(package, line.step) if begun else None, "since": line.at, "told": told,
    }  # fmt: skip


def _trouble(package: Package, state: State, journal: Journal, at_work: bool) -> dict[str, Any] | None:
    """What stopped the last run, and what to type; nothing where it came to its end, or nothing has failed so far.

    `repeat` says that this is to be typed still; what a refusal said may be done by now.
    """
    lines = [line for line in journal.lines if line.plan == journal.plan and line.step != "sign-off"]
    # A way back that was begun stays what stopped, whatever was looked at or refused since.
    back, last = journal.half_back(), lines[-1].run if lines else 0
    at_work = at_work and (back is None or back.run == last)
    lines = [line for line in lines if line.run == (last if back is None else back.run)]
    if not lines or lines[-1].state == "finished":
        return None
    phase = package.phase(lines[-1].phase)
    ended: dict[str, Line] = {line.step: line for line in lines}
    found = [one for line in ended.values() if (one := _ending(package, state, lines, line, at_work)) is not None]
    if not found:
        return None
    back_again = ahead.half_back(package, journal)
    beside = back_again is None and any(step in ended for step in ("gate", "hold"))
    why = reason.read(state, lines[-1].run) if beside else None
    again = (why.next if why else None) if beside else back_again or f"./migrate {lines[-1].phase}"
    title = phase.heading if phase else lines[-1].phase
    return {"phase": f"{title}, run {lines[-1].run}", "steps": found, "next": again, "repeat": not beside}


def _ending(package: Package, state: State, lines: list[Line], line: Line, at_work: bool) -> dict[str, Any] | None:
    """The last line of one step, if that is a bad one; of a stop between two, or before the first, why."""
    log = f"packages/{package.number}/logs/{line.run}-{line.step.replace('/', '-')}.log"
    if line.step in ("gate", "hold"):
        begun = any(one.run == line.run and one.state == "started" for one in lines)
        closed, held = (_CLOSED, _HELD) if begun else (_REFUSED, _PAUSED)
        how = closed if line.step == "gate" else held
        return _told(line.phase, how, line, why=reason.read(state, line.run))
    if line.step == "end":
        return _told(line.phase, _BACK, line) if line.state == "rolled_back" else None
    ended = _ENDS.get(line.state) or (_KILLED if line.state == "started" and not at_work else None)
    return _told(_named(package, line.step), ended, line, log) if ended else None


def _told(step: str, how: str, line: Line, log: str | None = None, why: reason.Reason | None = None) -> dict[str, Any]:
    shown = None if why is None else {"code": why.code, "what": why.what}
    return {"step": step, "how": how, "at": line.at, "log": log, "why": shown}


def _waits(package: Package, state: State, journal: Journal) -> list[dict[str, str | None]]:
    """What waits for a person: stops that are set, gates that are not passed, secrets that are missing."""
    found: list[dict[str, str | None]] = []
    for name in ("PANIC", "HOLD"):
        if state.gate(name).exists():
            standing = ahead.built(state) if name == "PANIC" else None
            command = "./migrate resume" if standing is None else ahead.way_back(package, standing)
            found.append({"what": name, "whom": "whoever set it", "command": command})
    for secret in package.secrets:
        phase = package.phase(secret.needed_by)
        waits = phase is not None and package.runs(phase) and not overtaken.stands(package, journal, phase.id)
        if secret.origin == "provided" and waits and not (state.secrets / secret.name).exists():
            whom = f"the Trust Architect, before {secret.needed_by}"
            command = f"./migrate {secret.needed_by} says how to give it"
            found.append({"what": f"secret {secret.name}", "whom": whom, "command": command})
    for name, gate in package.gates.items():
        phase = package.phase(gate.phase)
        if phase is None or not package.runs(phase) or overtaken.is_done(package, journal, phase.id):
            continue
        way = gates.way_to(name, package, state, journal)
        shown = None if way is None else reason.for_page(way, journal)
        found.append({"what": name, "whom": "the Trust Architect" if way else "nobody: it is open", "command": shown})
    return found
