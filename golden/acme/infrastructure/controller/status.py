"""Where a migration stands: read from the journal, and asked of the target where tools and playbook are there.

It takes no lock and writes no journal, so that it also answers while a run goes on.
"""

import ahead
import bootstrap
import lease
import operation
import overtaken
import overview
import planned
import provisioning
import signoff
import status_page
from console import Console
from journal import DAMAGED, Journal
from outcome import Exit, Stop
from package import Package
from playbook import Interrupts, Runner, why_not_asked
from progress import last_figures
from state import State, holder, is_locked, open_journal


def show(package: Package, state: State, console: Console) -> Exit:
    """Prints what this package runs and how far it is, gates and stops, then what runs on the target."""
    try:
        journal = open_journal(state, package.plan_digest, repair=False, always=True)
    except Stop as stop:
        if stop.code == DAMAGED:
            _show_without(package, state, console, stop)
        raise
    share = overview.percent(package, journal)
    console.say(f"{package.slug} {package.environment}, package {package.number}: {share} % of what this package runs")
    late = planned.is_late(package, journal)
    if late:
        when, rest = package.expires_at.isoformat(), planned.still_runs(package)
        console.say(f"  expired on {when}: nothing that changes begins; {rest}")
    tools = bootstrap.is_ready(state, package.root)
    console.say(f"  {'bootstrap':<12} {'done' if tools else 'not yet'}")
    phases = overview.lasting(package, journal)
    for phase in overview.shown(package, phases):
        console.say(f"  {phase.id:<12} {phases[phase.id]}")
    if package.provisioned:
        _tell_provisioned(state, console)
    absent = [phase.id for phase in ahead.absent(package)]
    if absent:
        console.say(f"  not in this package: {', '.join(absent)}")
    reports = _reports(package, state, journal, console)
    signed = signoff.lines(package, state, journal) if signoff.PHASE in reports else []
    for line in signed:
        console.say(f"  {line}")
    page = status_page.refresh(package, state)
    if page is not None:
        console.document["page"] = str(page)
        console.say(f"  page: {page}")
    following = ahead.following(package, state, journal)
    console.document |= {
        "percent": share, "bootstrap": tools, "phases": phases, "absent": absent, "next": following,
        "reports": reports, "sign_offs": signed, "expired": late, "gates": _tell_closed(package, state, console),
    }  # fmt: skip
    _tell_records(state, journal, console)
    code = _ask(package, state, console, following)
    console.say(f"next: {following}")
    return code


def _show_without(package: Package, state: State, console: Console, damaged: Stop) -> None:
    """What is known where the journal cannot be read: which stops are set, what runs, and what the target answers."""
    console.say(f"{package.slug} {package.environment}, package {package.number}: how far it is, nobody can tell")
    closed = _tell_closed(package, state, console)
    console.document |= {"percent": None, "phases": None, "gates": closed, "next": damaged.next}
    try:
        _ask(package, state, console, damaged.next)
    except Stop as unknown:
        console.say(f"  {unknown.what}; {unknown.where}")


def _tell_closed(package: Package, state: State, console: Console) -> list[str]:
    """The gates and stops that stand as files, and what runs now."""
    closed = [name for name in (*package.gates, "HOLD", "PANIC") if state.gate(name).exists()]
    if closed:
        console.say(f"  set: {', '.join(closed)}")
    if is_locked(state):
        console.document["running"] = holder(state)
        console.say(f"  running: {holder(state)}")
    return closed


def _tell_provisioned(state: State, console: Console) -> None:
    """What was made in the account, and whether a plan waits there for a person."""
    made, waits = provisioning.made(state), provisioning.waiting(state)
    console.document["provisioned"] = {
        "made": None if made is None else {"at": made.at, "resources": list(made.resources)},
        "waits": None if waits is None else {"plan": waits.digest, "does": str(waits), "text": str(waits.text)},
    }
    console.say(f"  made by provision: {made if made is not None else 'nothing that this machine knows of'}")
    if waits is not None and waits.asks:
        console.say(f"  a plan waits to be applied: {waits}; {waits.text}")


def _tell_records(state: State, journal: Journal, console: Console) -> None:
    """What a glass has of it, as far as it is known here."""
    records = operation.standing(state, journal)
    console.document["records"] = {
        "recorded": [str(place) for place in records.recorded],
        "not_run": [str(place) for place in records.waiting],
        "missing": [f"{name}: {why}" for name, why in records.without.items()],
    }
    if records.recorded:
        console.say(f"  recorded in a glass: {', '.join(place.name for place in records.recorded)}")
    for place in records.waiting:
        console.say(f"  not recorded: {place.name}; one of (GLASS is yours):")
        for command in operation.commands(place):
            console.say(f"    {command}")
    for name, why in records.without.items():
        console.say(f"  not recorded: {name}, {why}")


def _reports(package: Package, state: State, journal: Journal, console: Console) -> dict[str, dict[str, str | None]]:
    """Says where the newest report of each phase that checks is, what it came to, and whether that still stands."""
    found: dict[str, dict[str, str | None]] = {}
    for phase, (verdict, path, since) in overview.reports(package, state, journal).items():
        page = str(path.with_suffix(".html"))
        found[phase] = {"verdict": verdict, "json": str(path), "html": page, "overtaken": since}
        console.say(f"  report of {phase}: {verdict}, {page}" + (f"; {overtaken.in_words(since)}" if since else ""))
    return found


def _ask(package: Package, state: State, console: Console, following: str) -> Exit:
    """Runs the status playbook; what it cannot learn is said, never taken for good."""
    phase = package.phase("status")
    if phase is None or not package.runs(phase):
        return Exit.DONE
    why_not = why_not_asked(package, state)
    if why_not is not None:
        console.say(f"  target: not asked, since {why_not}")
        console.document["target"] = "not asked"
        return Exit.DONE
    interrupts = Interrupts()
    interrupts.install()
    tools, ours = bootstrap.tools(state, package.root), lease.holder(state)
    runner = Runner(package, state, tools, None, "status", interrupts, holder=ours)
    runner.progress.unlink(missing_ok=True)
    for step in phase.steps:
        if not step.automated:
            continue
        result = runner.step(phase.id, step.id)
        console.document["target"] = {
            "state": "answered" if result.done else "unknown", "lines": list(result.lines),
            "content": last_figures(runner.progress),
        }  # fmt: skip
        for line in (*result.lines, *result.failures):
            console.say(f"  {line}")
        if not result.done:
            raise Stop(
                Exit.PAUSED, "status.unknown", "the target could not be asked", str(result.log),
                "What stands above is from the journal. Nothing was changed.",
                f"read the log, then: ./migrate status; the migration goes on with: {following}",
            )  # fmt: skip
        if not result.lines:
            console.say(f"  target: answered, see {result.log}")
    return Exit.DONE
