"""Where a migration stands: read from the journal, and asked of the target where tools and playbook are there.

It takes no lock and writes no journal, so that it also answers while a run goes on.
"""

import bootstrap
import gates
from console import Console, count
from journal import Journal
from outcome import Exit, Stop
from package import Package, Phase
from playbook import Interrupts, Runner
from state import State, holder, is_locked, open_journal


def percent(package: Package, journal: Journal) -> int:
    """Done share of the main line, by planned time; steps by hand count with their phase."""
    done = journal.achieved()
    shares = [step.share for phase in package.phases for step in phase.steps if {step.id, phase.id} & done]
    return sum(shares) // 10


def standing(package: Package, journal: Journal, phase: Phase) -> str:
    """One phase in words."""
    if journal.is_finished(phase.id):
        return "done"
    last = {line.step: line.state for line in journal.of_this_pass(phase.id)}
    if not last:
        return "not yet" if package.runs(phase) else "not run by this package"
    total = sum(step.automated for step in phase.steps)
    bad = [f"{step} {state}" for step, state in last.items() if state not in ("done", "skipped")]
    done = f"{len(last) - len(bad)} of {count(total, 'step')}"
    return done + (f", {', '.join(bad)}" if bad else "")


def show(package: Package, state: State, console: Console) -> Exit:
    """Prints phases, percentage and gates, then what runs on the target."""
    journal = open_journal(state, package.plan_digest, repair=False)
    share = percent(package, journal)
    console.say(f"{package.slug} {package.environment}, package {package.number}: {share} % of the way forward")
    phases = {phase.id: standing(package, journal, phase) for phase in package.phases}
    for name, words in phases.items():
        console.say(f"  {name:<12} {words}")
    following = _next(package, journal)
    closed = [name for name in (*gates.GATES, "HOLD", "PANIC") if state.gate(name).exists()]
    console.document |= {"percent": share, "phases": phases, "gates": closed, "next": following}
    if closed:
        console.say(f"  set: {', '.join(closed)}")
    if is_locked(state):
        console.document["running"] = holder(state)
        console.say(f"  running: {holder(state)}")
    code = _ask(package, state, console)
    console.say(f"next: {following}" if following else "next: nothing is left that this package runs")
    return code


def _next(package: Package, journal: Journal) -> str | None:
    for phase in package.phases:
        if phase.forward and package.runs(phase) and not journal.is_finished(phase.id):
            return f"./migrate {phase.id}"
    return None


def _ask(package: Package, state: State, console: Console) -> Exit:
    """Runs the status playbook; what it cannot learn is said, never taken for good."""
    phase = package.phase("status")
    if phase is None or not package.runs(phase):
        return Exit.DONE
    if not bootstrap.is_ready(state, package.root):
        console.say("  target: not asked, since the tools are not installed (./migrate bootstrap)")
        console.document["target"] = "not asked"
        return Exit.DONE
    interrupts = Interrupts()
    interrupts.install()
    runner = Runner(package, state, bootstrap.tools(state, package.root), None, "status", interrupts)
    for step in phase.steps:
        if not step.automated:
            continue
        result = runner.step(phase.id, step.id)
        console.document["target"] = {"state": "answered" if result.done else "unknown", "lines": list(result.lines)}
        for line in (*result.lines, *result.failures):
            console.say(f"  {line}")
        if not result.done:
            raise Stop(
                Exit.PAUSED, "status.unknown", "the target could not be asked", str(result.log),
                "What stands above is from the journal. Nothing was changed.", "read the log, then: ./migrate status",
            )  # fmt: skip
        if not result.lines:
            console.say(f"  target: answered, see {result.log}")
    return Exit.DONE
