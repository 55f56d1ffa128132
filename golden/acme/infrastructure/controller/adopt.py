"""`./migrate adopt target`: goes on with a migration that another machine has begun and does not go on with.

What it needs lies at the target: the lease says who ran it last, and beside it lie the journals and what people
decided. Both are taken over only once that lease is old or given back. The journals come first, and stand here before
the lease is taken, so that this may be cut off anywhere and called again.
"""

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import ahead
import bootstrap
import gates
import lease
import provisioning
import status_page
from console import Console, count
from journal import ADOPTED, Journal
from outcome import UNTOUCHED, Exit, Stop, refused
from package import Package
from playbook import Interrupts, Result, Runner
from state import Lock, State, next_run, open_journal, replace

# Verb, and playbook of what it asks the target; its two steps.
VERB = "adopt"
_FETCH, _TAKE = "fetch-journal", "take-lease"
_HALF = "The journal stands here already, and the lease is not taken: nothing was begun."
# Where it can take over from: nothing lies at the source yet.
SIDES = ("target",)


@dataclass
class Adoption:
    """One call, under the lock."""

    package: Package
    state: State
    console: Console
    runner: Runner

    def __call__(self) -> Exit:
        """Fetches, checks, puts in place, takes the lease; raises `Stop` where any of it cannot be."""
        shutil.rmtree(self.runner.reports, ignore_errors=True)
        lease.write(self.state, f"./migrate {VERB} target", 0)
        self._ask(_FETCH)
        fetched = self.runner.reports
        told = json.loads((fetched / "lease.json").read_bytes())
        if told["own"]:
            journal = open_journal(self.state, self.package.plan_digest, repair=False, always=True)
            said = "nothing to take over: this machine has run the migration itself"
        else:
            lines = self._checked(fetched)
            aside = [kept for path in _files(fetched) if (kept := self._place(fetched, path)) is not None]
            aside += self._withdrawn(fetched)
            journal = open_journal(self.state, self.package.plan_digest, repair=True, always=True)
            journal.append(next_run(self.state, journal), VERB, ADOPTED, "done", by=gates.me())
            self._ask(_TAKE)
            said = f"{told['line']}; taken over, with {count(lines, 'line')} of its journal"
            said += "".join(f"\n  what stood here is kept as {path}" for path in aside)
            said += self._overlay(journal)
        shutil.rmtree(fetched, ignore_errors=True)
        following = ahead.following(self.package, self.state, journal, ours=True)
        status_page.Page(self.package, self.state, journal).write(at_work=False)
        self.console.say(f"{said}\nnext: {following}")
        self.console.document |= {"said": said, "next": following}
        return Exit.DONE

    def _ask(self, step: str) -> None:
        """Runs one of the two steps; raises `Stop` with what the target answered."""
        result = self.runner.step(VERB, step)
        if not result.done:
            raise self._stop(step, result)

    def _stop(self, step: str, result: Result) -> Stop:
        known = UNTOUCHED if step == _FETCH else _HALF
        again, log = f"./migrate {VERB} target", str(result.log)
        if self.runner.interrupts.received is not None:
            return Stop(Exit.PAUSED, "run.interrupted", "stopped by a signal", step, known, again)
        if result.unreachable:
            what, again = "the target does not answer over SSH", f"read the log, then: {again}"
            return Stop(Exit.PAUSED, "step.unreachable", what, log, known, again)
        # Each failure begins with its task and may end with what to type.
        said = [failure.partition(": ")[2].partition(" Next: ")[0] for failure in result.failures]
        what, following = "; ".join(said), result.following or again
        if result.said == Exit.LOCKED:
            return Stop(Exit.LOCKED, "lease.held", what, log, known, following)
        if result.said == Exit.REFUSED:
            return Stop(Exit.REFUSED, "adopt.nothing", what, log, known, following)
        again = f"read the end of the log, then: {again}"
        return Stop(Exit.ERROR, "step.failed", what or "the target did not answer as it must", log, known, again)

    def _checked(self, fetched: Path) -> int:
        """Reads the journals that were fetched as if they stood here; the lines of this package's.

        Raises `Stop` where a chain does not hold, a newer package has begun, or the same number with another plan.
        """
        (fetched / "packages" / str(self.package.number)).mkdir(parents=True, exist_ok=True)
        there = State(fetched, self.package.number)
        journal = open_journal(there, self.package.plan_digest, repair=False)
        foreign = journal.foreign()
        if foreign is not None:
            raise refused(
                "journal.other-plan",
                f"there it belongs to plan {foreign.plan}, and this package has {self.package.plan_digest}",
                str(journal.path), "adopt with the package that was begun there",
            )  # fmt: skip
        return len(journal.lines)

    def _place(self, fetched: Path, path: Path) -> Path | None:
        """Puts a file in its place here; what stood there and is no part of it is kept beside, and told."""
        place, content, aside = self.state.root / path.relative_to(fetched), path.read_bytes(), None
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = place.read_bytes() if place.is_file() else b""
        is_journal = place.suffix == ".jsonl"
        if is_journal and before.startswith(content):
            return None
        if before and not (is_journal and content.startswith(before)):
            aside = _aside(place) if before != content else None
        replace(place, content)
        return aside

    def _withdrawn(self, fetched: Path) -> list[Path]:
        """Approvals that were taken back there meanwhile; those that stand here are kept beside."""
        there = {path.name for path in fetched.iterdir()}
        gates_here = [self.state.gate(name) for name in self.package.gates if name not in there]
        return [_aside(path, remove=True) for path in gates_here if path.is_file()]

    def _overlay(self, journal: Journal) -> str:
        """Whether the variables of whoever ran it are here; they may hold anything, so no copy of them lies there."""
        name = "local/vars.yml"
        there = [line.evidence[name] for line in journal.lines if name in line.evidence]
        here = None
        with contextlib.suppress(OSError):
            here = hashlib.sha256(self.state.overlay.read_bytes()).hexdigest()
        if not there or there[-1] == here:
            return ""
        return (
            f"\n  BRING {name} before you go on: runs there used one (sha256 {there[-1]}), and "
            f"{'another stands' if here else 'none stands'} at {self.state.overlay}"
        )


def _aside(path: Path, *, remove: bool = False) -> Path:
    """Keeps what stands there under another name, which is no gate's; where."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    journal = path.suffix == ".jsonl"
    kept = path.with_name(f"{path.name}.former-{digest}" if journal else f"former-{path.name}-{digest}")
    replace(kept, path.read_bytes())
    if remove:
        path.unlink()
    return kept


def _files(folder: Path) -> list[Path]:
    """Journals and decisions, without what is told of the lease."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "lease.json")


def take_over(package: Package, state: State, console: Console, held: Lock, side: str) -> Exit:
    """Runs the verb; the caller has the lock and has kept what was verified."""
    if side not in SIDES:
        raise refused(
            "adopt.source", "no copy of the journal lies at the source yet", "MIGRATION-PLAN.md, chapter 6",
            f"./migrate {VERB} target",
        )  # fmt: skip
    if not provisioning.is_known(package, state):
        raise provisioning.unknown(state, VERB)
    interrupts = Interrupts()
    interrupts.install()
    tools = bootstrap.tools(state, package.root)
    runner = Runner(package, state, tools, held, VERB, interrupts, holder=lease.holder(state))
    return Adoption(package, state, console, runner)()
