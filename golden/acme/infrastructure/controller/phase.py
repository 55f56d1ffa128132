"""Runs one phase: prechecks, then its steps in the plan's order, a journal line before and after each.

One `ansible-playbook` runs all steps that are due; it waits before each until the journal has its line.

The journal speaks for what happened, not Ansible's exit status. A step whose last line is not `done` is unknown and is
repeated, hence every step is idempotent. A phase that came to its end is run whole again.
"""

import hashlib
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ahead
import bootstrap
import command
import credential
import gates
import given
import lease
import operation
import planned
import provisioning
import reason
import report
import stops
from console import Console, count, duration
from journal import DAMAGED, TAKES_BACK, Journal
from outcome import UNTOUCHED, Exit, Stop, refused
from package import CHECKS, LOCAL, NEVER_EXPIRES, PROVES, PUTS_BACK, READS, Package, Phase, Step
from playbook import GRACE_SECONDS, KEEP, Interrupts, Result, Runner
from progress import Progress
from state import State, begin_anew, keep_verified, lock, next_run, open_journal
from status_page import Page

PREFLIGHT = "preflight"
# Of one message of a playbook; the log has the rest.
SHOWN_LINES = 15


@dataclass
class Run:
    """One invocation of one phase."""

    package: Package
    state: State
    console: Console
    phase: Phase
    sums: str
    signer: str
    check: bool = False
    delete_data: bool = False
    digests: bool = False
    approval: gates.Approval | None = None  # the one by which this run went through its gate

    @property
    def command(self) -> str:
        """What was typed, to be typed again: without an option it would do something else."""
        return command.spelled(self.phase.id, check=self.check, delete_data=self.delete_data, digests=self.digests)

    def __call__(self) -> Exit:
        """Runs the phase; raises `Stop` for everything but a plain success."""
        package, phase = self.package, self.phase
        if not package.runs(phase):
            raise planned.not_automated(package, phase.id)
        held = lock(self.state, self.command)
        keep_verified(self.state, self.sums, self.signer)
        journal = self._journal()
        number = next_run(self.state, journal)
        page = Page(package, self.state, journal, wanted=not self.check)
        try:
            tools = self._precheck(journal)
        except Stop as stop:
            if not self.check and stop.exit in (Exit.REFUSED, Exit.PAUSED):
                word, state = ("gate", "refused") if stop.exit is Exit.REFUSED else ("hold", "paused")
                journal.append(number, phase.id, word, state)
                reason.keep(package, self.state, journal, number, stop)
            page.write(at_work=False)
            raise
        interrupts = Interrupts()
        interrupts.install()
        run = "check" if self.check else str(number)
        switches = (self.check, self.delete_data, self.digests)
        runner = Runner(package, self.state, tools, held, run, interrupts, *switches, lease.holder(self.state))
        runner.progress.unlink(missing_ok=True)
        progress = page.progress = Progress(runner.progress, self.console)
        lease.write(self.state, self.command, lease.SECONDS)
        copier = replace(runner, run="lease", interrupts=Interrupts())
        renewal = lease.Renewal(lambda: copier.step(KEEP, KEEP))
        steps = _Steps(self, journal, runner, progress, page, renewal, number)
        runner.watch = steps.watch
        try:
            return steps.run()
        finally:
            runner.progress.unlink(missing_ok=True)
            page.write(at_work=False)

    def _journal(self) -> Journal:
        """The journal; a way back goes on where it is damaged, with a new one beside which that is kept."""
        plan, back = self.package.plan_digest, self.phase.id in TAKES_BACK
        try:
            return open_journal(self.state, plan, repair=not self.check, always=back)
        except Stop as stop:
            if stop.code != DAMAGED or not back:
                raise
            self.console.say(f"{stop.what}\n    at {stop.where}")
            if self.check:
                return Journal(self.state.here / "journal.jsonl", plan)
            kept = begin_anew(self.state, plan, self.phase.id)
            self.console.document["damaged"] = str(kept)
            self.console.say(f"    it is kept as {kept}; a new one begins, and {self.phase.id} does all of its steps")
            return open_journal(self.state, plan, repair=True, always=True)

    def _precheck(self, journal: Journal) -> Path:
        """Everything that may refuse before the first step; returns the folder of the tools."""
        package, phase = self.package, self.phase
        standing = gates.standing(self.state, phase.id)
        if standing is not None:
            raise stops.paused(package, self.state, standing, "No step was begun.")
        foreign = journal.foreign()
        if foreign is not None:
            raise refused(
                "journal.other-plan",
                f"the journal belongs to plan {foreign.plan}, the package has {package.plan_digest}", str(journal.path),
                "go on with the package that was begun, or ask the sender for one with a new number",
            )  # fmt: skip
        planned.in_order(package, journal, phase)
        provisioning.refuse_unknown(package, self.state, phase)
        gate = package.gate_of(phase)
        if gate is not None:
            self.approval = gates.approval(package, self.state, journal, gate)
        if phase.id not in NEVER_EXPIRES:
            planned.in_time(package, journal)
        remark = given.demand(package, self.state, journal, phase, self.command, check=self.check)
        if remark is not None:
            self.console.say(f"    {remark}")
        return bootstrap.tools(self.state, package.root)


@dataclass
class _Steps:
    """The steps of one run: what is due, what began, what is known of it. Listens to Ansible's call."""

    of: Run
    journal: Journal
    runner: Runner
    progress: Progress
    page: Page
    renewal: lease.Renewal
    number: int
    due: list[Step] = field(default_factory=list)  # the first is the one that runs or comes next
    begun: float = 0.0  # when the running step began
    changes: int = 0
    stops: list[Stop] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False  # no further step begins in this run
    lost: bool = False  # the target does not answer, refuses, or is still at work: nothing more is tried there
    given_back: bool = False  # the target has been told that the run is over
    passed_over: bool = False  # Ansible came to a later step than the one that is due
    finished: bool = False  # the journal has the end's line
    named: dict[str, str] = field(default_factory=dict)  # evidence that stands in the journal already
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.placed = credential.Placed(self.of.state)

    def run(self) -> Exit:
        """All steps that are due, then the end of the phase."""
        phase, package, console = self.of.phase, self.of.package, self.of.console
        console.document |= {"run": self.number, "check": self.of.check, "steps": []}
        title = f"{package.slug} {package.environment}, package {package.number}: {phase.id}, run {self.number}"
        console.say(title + (", check only" if self.of.check else ""))
        back = ahead.half_back(package, self.journal)
        if back is not None and phase.id not in TAKES_BACK:
            console.say(f"    {back} was begun and has not come to its end; what it did not take down stands")
        start = time.monotonic()
        try:
            self._all()
        finally:
            if not self.lost:
                self._keep()
            self.renewal.end()
            self._leave()
        console.document["changes"] = self.changes
        self._farewell(f"{count(self.changes, 'change')}, {duration(time.monotonic() - start)}")
        return Exit.DONE

    def _all(self) -> None:
        """Every step that is due, and what is written at the end of them; raises `Stop` where it is a bad one."""
        self.due = self._due()
        # One call, but for a phase that checks: it goes on after a failure, with which Ansible ended.
        try:
            while self.due and not self.over:
                self._call()
        except Stop:
            # Whatever was not right before it was stopped is told in its report too.
            if self.stops:
                self._report()
            raise
        if self.of.phase.id == PREFLIGHT and self.runner.interrupts.received is None:
            self._look_ahead()
        if self.stops:
            self._report()
            self._end_badly()
            raise self.stops[0]
        if not self.finished:
            self._finish()

    def _look_ahead(self) -> None:
        """What the phases to come need of the Trust Architect: asked for now, since nothing has changed yet."""
        checks, stops = given.outlook(self.of.package, self.of.state, self.journal, self.of.phase)
        self.checks += checks
        self.stops += stops
        for check in checks:
            if check["why"] is not None:
                self.of.console.say(f"{check['id']:<32} {check['why']}")

    def _leave(self) -> None:
        """The operation folder, however the run ended; that none could be written changes nothing of what was done."""
        of = self.of
        if of.check or (self.number, of.phase.id) not in operation.due(self.journal):
            return
        steps = of.console.document["steps"]
        ran = operation.Ran(of.phase, self.number, of.sums, steps, of.approval)
        operation.leave(of.console, lambda: operation.write(of.package, of.state, self.journal, ran))

    def _call(self) -> None:
        """One call of Ansible; a due step of which it ran no task is not done."""
        stops = len(self.stops)
        self.passed_over = False
        status = self.runner.steps(self.of.phase.id, [step.id for step in self.due], self, keep=self._keeps)
        if self.due and len(self.stops) == stops:
            self._begin()
            step = self.due[0].id
            self.ends(step, Result(0 if self.passed_over else status, reported=True, log=self.runner.log(step)))

    def begins(self, step: str) -> bool:
        """Whether a step may begin: the one that is due, after its line is in the journal."""
        if step == KEEP:
            if not self.due and not self.stops:
                self._finish()
                self._give_back()
            return not self.over
        self.passed_over = bool(self.due) and step != self.due[0].id
        if self.over or self.passed_over or not self.due:
            return False
        self._begin()
        return True

    def _begin(self) -> None:
        step = self.due[0]
        self._may_begin(step)
        self.of.console.say(f"{step.id:<32} ", end="")
        self._note(step.id, "started")
        self.placed.begins(step)
        self.progress.begin(step.id)
        self.begun = time.monotonic()

    def ends(self, step: str, result: Result) -> None:
        """Journals how a step ended, and decides whether the run goes on."""
        if step == KEEP:
            self._kept(result)
            return
        now = self.due.pop(0)
        self.progress.look()
        self.changes += result.changed
        found = report.checks_of(now, self.of.phase.id, result, self.runner.reports)
        self.checks += found
        self._proven(now, found)
        stop = self._verdict(now, result, time.monotonic() - self.begun)
        if stop is not None:
            self.stops.append(stop)
            self.lost = result.ahead or result.unreachable > 0 or result.status is None
            signalled = self.runner.interrupts.received is not None
            self.over = self.lost or signalled or not result.reported or self.of.phase.id not in CHECKS

    def _report(self) -> None:
        """The validation report of a phase that checks, whatever its verdict."""
        if self.of.phase.id in CHECKS and not self.of.check:
            folder = self.runner.reports
            checks = [*self.checks, *self._records()]
            made = report.write(
                self.of.package, self.of.phase, self.number, folder, self.since, checks, self.of.phase.steps
            )
            self.of.console.say(f"report: {made['verdict']}, {made['html']} (also .md and .json)")
            self.of.console.document["report"] = made

    def _proven(self, step: Step, checks: list[report.Check]) -> None:
        """The report of a phase that proves, as soon as a proof has come to a verdict: later steps add nothing to it.

        Nothing is said of it, since the step's own lines tell the verdict and whatever is not right.
        """
        of = self.of
        if of.phase.id in PROVES and not of.check and report.has_own(step, self.runner.reports):
            folder = self.runner.reports
            of.console.document["report"] = report.write(
                of.package, of.phase, self.number, folder, self.since, checks, [step]
            )

    def _records(self) -> list[report.Check]:
        """Whether a glass has what ran before; asked only in a phase that is recorded itself, which comes later."""
        of = self.of
        if (self.number, of.phase.id) not in operation.due(self.journal):
            return []
        records = operation.standing(of.state, self.journal)
        waits = {place.name: "./migrate status prints the commands that record it" for place in records.waiting}
        own = operation.folder(of.state, self.number, of.phase.id).name
        missing = {name: why for name, why in (waits | records.without).items() if name != own}
        return report.of_records(of.phase.id, [place.name for place in records.recorded], missing)

    def _finish(self) -> None:
        """Every step is done: says so, before the last copy of the journal is made."""
        self._report()
        self._note("end", "finished")
        self.finished = True

    def _farewell(self, sums: str) -> None:
        """What is left for people, and what to type next."""
        phase, console = self.of.phase, self.of.console
        by_hand = [step for step in phase.steps if not step.automated]
        for step in by_hand:
            console.say(f"{step.id:<32} by hand  {step.title}; MIGRATION-PLAN.md, {step.id}")
        console.say(f"{phase.id} {'checked' if self.of.check else 'finished'}: {sums}")
        if phase.id in TAKES_BACK and self.of.package.provisioned:
            console.document["kept"] = provisioning.kept(self.of.state)
            for line in console.document["kept"]:
                console.say(line)
        following = ahead.after(self.of.package, self.of.state, self.journal, phase)
        console.say(f"next: {following}")
        console.document["by_hand"] = [step.id for step in by_hand]
        console.document["next"] = following

    @property
    def _keeps(self) -> bool:
        """Whether the journal goes to the target after each step; preflight changes nothing anywhere."""
        # Those that only look are for any machine; where it is provisioned there may be none yet.
        here = self.of.phase.id in LOCAL | {PREFLIGHT, "export"}
        return not self.of.check and not here and self.of.package.playbook(KEEP).is_file()

    def _keep(self) -> None:
        """The last copy of the journal, in a call of its own where the phase's call did not come to that."""
        if self._keeps and not self.given_back:
            self._give_back()
            # A signal that has ended the step does not end this.
            self._kept(replace(self.runner, interrupts=Interrupts()).step(KEEP, KEEP))

    def _give_back(self) -> None:
        """Has the copy that is made next end the lease."""
        self.given_back = True
        self.renewal.end()
        lease.write(self.of.state, self.of.command, 0)

    def _kept(self, result: Result) -> None:
        self.renewal.heard(result)
        lease.tell(self.of.console, result)

    def watch(self) -> None:
        """Again and again while Ansible runs: the page is kept up to date, and the lease."""
        self.page.keep()
        if self._keeps and not self.given_back:
            self.renewal.look()

    def _due(self) -> list[Step]:
        """Steps to run: all of them, or from the first that is not done where a pass was interrupted."""
        phase = self.of.phase
        options = {None, "--delete-data"} if self.of.delete_data else {None}
        steps = [step for step in phase.steps if step.automated and step.only_with in options]
        if phase.id in READS or self.of.check:
            return steps
        done = self.journal.done(phase.id)
        first = next((place for place, step in enumerate(steps) if step.id not in done), 0)
        again = [step for step in steps[:first] if not self._holds(step, done)]
        for step in steps[:first]:
            if step not in again:
                self.of.console.step({"id": step.id, "state": "done", "earlier": True}, f"{step.id:<32} done earlier")
        return again + steps[first:]

    def _holds(self, step: Step, done: set[str]) -> bool:
        """Whether what a step did earlier still holds."""
        if provisioning.holds(self.of.state, step, done):
            return credential.is_used_up(self.of.phase, done) or self.placed.holds(step)
        self.of.console.say(f"{step.id:<32} again: the plan that was shown is gone, or was tried already")
        return False

    def _may_begin(self, step: Step) -> None:
        """Stops before a step, not inside it: `HOLD`, `PANIC`, a closed gate, or a signal that came between two."""
        so_far = f"Stopped before {step.id}; what the lines above call done is done."
        if self.renewal.lost is not None:
            self.lost = True
            raise self._stopped("hold", "paused", self.renewal.lost)
        name = gates.standing(self.of.state, self.of.phase.id)
        if name is not None:
            raise self._stopped("hold", "paused", stops.paused(self.of.package, self.of.state, name, so_far))
        if self.runner.interrupts.received is not None:
            stop = Stop(Exit.PAUSED, "run.interrupted", "stopped by a signal", step.id, so_far, self.of.command)
            raise self._stopped("hold", "paused", stop)
        gate = self.of.package.gate_before(step)
        if gate is not None and self.of.check:
            # What is approved there comes to be in a run alone.
            self.of.console.document.setdefault("gates", []).append({"gate": gate, "state": "not evaluated"})
            self.of.console.say(f"{gate:<32} not evaluated: a run stops before {step.id} until it is open")
        elif gate is not None:
            try:
                self.of.approval = gates.approval(self.of.package, self.of.state, self.journal, gate)
            except Stop as closed:
                closed.state = so_far
                self._stopped("gate", "refused", closed)
                raise

    def _stopped(self, word: str, state: str, stop: Stop) -> Stop:
        """Keeps why the run goes no further, then journals that it does not; the stop itself, to be raised."""
        if not self.of.check:
            reason.keep(self.of.package, self.of.state, self.journal, self.number, stop)
        self._note(word, state)
        return stop

    def _verdict(self, step: Step, result: Result, seconds: float) -> Stop | None:
        """Journals what is known of a step, prints its line, and says how to stop if it is not done."""
        state, stop = self._judge(step, result)
        self._note(step.id, state, self._evidence())
        if state == "done" and not self.of.check:
            self.placed.is_done(step)
        if self.of.check and state == "done":
            state = "checked" if result.ok else "skipped"
        entry = {
            "id": step.id, "state": state, "changed": result.changed, "seconds": round(seconds, 1),
            "changed_tasks": list(result.changed_tasks), "lines": list(result.lines), "failures": list(result.failures),
            "log": str(result.log),
        }  # fmt: skip
        text = f"{state:<8} {count(result.changed, 'change'):<10} {duration(seconds)}"
        for said in (*result.lines, *result.failures):
            head, rest = said.split("\n")[:SHOWN_LINES], said.count("\n") >= SHOWN_LINES
            text += "".join(f"\n    {line}" for line in (*head, *([f"… more in {result.log}"] if rest else [])))
        self.of.console.step(entry, text)
        return stop

    def _judge(self, step: Step, result: Result) -> tuple[str, Stop | None]:
        """The journal's state of a step, and the stop that follows from it."""
        phase, log, again = self.of.phase.id, str(result.log), self.of.command
        looks = phase in READS or self.of.check
        # Check mode leaves commands out, and with them whole steps.
        if result.done or (self.of.check and result.clean):
            return "done", None
        if result.status is None:
            what = f"it did not end within {GRACE_SECONDS:.0f} s after the signal; it goes on and keeps the lock"
            return "paused", Stop(
                Exit.PAUSED, "run.interrupted", what, log, f"{step.id} is unknown; {self._repeated(step)}.", again
            )
        if self.runner.interrupts.received is not None:
            known = f"{step.id} was stopped in its middle; {self._repeated(step)}."
            if self.progress.goes_on:
                known = f"The target machine goes on with {step.id}: {again} follows it, ./migrate hold stops it."
            return "paused", Stop(Exit.PAUSED, "run.interrupted", "stopped by a signal", step.id, known, again)
        if result.undo_failed and not self.of.check:
            return "undo_failed", self._half(step, result, again)
        if result.said in (Exit.PAUSED, Exit.REFUSED, Exit.LOCKED):
            return self._said(step, result, again)
        if result.rolled_back:
            known = f"{step.id} failed and was taken back; what was there before stands again."
            return "failed", Stop(
                Exit.ROLLED_BACK, "step.rolled-back", "a step failed and was rolled back", log, known, again
            )
        if result.unreachable:
            known = (
                UNTOUCHED if phase == PREFLIGHT else f"Whether {step.id} happened is unknown; {self._repeated(step)}."
            )
            if self.progress.goes_on:
                known = f"The target machine goes on with {step.id} by itself; {again} follows it again."
            code = Exit.REFUSED if phase == PREFLIGHT else Exit.PAUSED
            return "lost", Stop(
                code,
                "step.unreachable",
                "the target does not answer over SSH",
                log,
                known,
                "read the log, then: " + again,
            )
        if result.status == 0:
            what = "no task ran" if result.reported else "Ansible ended without a result"
            return "failed", Stop(
                Exit.PAUSED,
                "step.not-run",
                f"{what}, so nothing is known",
                log,
                f"{step.id} counts as not done.",
                again,
            )
        known = f"What came before {step.id} is done; {step.id} is not, and will be repeated."
        if step.id in PUTS_BACK:
            known = f"{step.id} is not done; {self._repeated(step)}."
        if looks:
            known = "Nothing was changed."
        code = Exit.REFUSED if phase == PREFLIGHT else Exit.ERROR
        return "failed", Stop(
            code, "step.failed", f"{step.id} failed", log, known, f"read the end of the log, then: {again}"
        )

    def _repeated(self, step: Step) -> str:
        """What the next run does again after a step of which nobody knows how it ended."""
        if step.id in PUTS_BACK and not self.of.check:
            return f"what stood before may have been put back, so all that {self.of.phase.id} writes is written again"
        return "it will be repeated"

    def _half(self, step: Step, result: Result, again: str) -> Stop:
        """What follows where a step failed, and putting back what was there before failed too."""
        why = "the target no longer answered" if result.unreachable else "that failed too"
        known = (
            f"What {self.of.phase.id} has written may stand there by halves. What stood before is saved, and stays so: "
            f"{again} goes on from it, and puts it back should a step fail again."
        )
        return Stop(
            Exit.ERROR, "step.undo-failed", f"{step.id} failed, what was there before was to be put back, and {why}",
            str(result.log), known, f"read the end of the log, remove the cause, then: {again}",
        )  # fmt: skip

    def _said(self, step: Step, result: Result, again: str) -> tuple[str, Stop]:
        """What follows from the exit status of the program that worked at the target; why stands above."""
        # What is named to be typed is printed alone: whoever takes the whole line types nothing else.
        log, following = str(result.log), result.following or f"read what stands above, then: {again}"
        known = f"{step.id} is not done and will be repeated; what it has done is not done again."
        if result.said == Exit.REFUSED:
            what = f"{step.id} refused, and changed nothing"
            return "failed", Stop(Exit.REFUSED, "step.refused", what, log, known, following)
        if result.said == Exit.LOCKED:
            what = f"another run at the target has the lock that {step.id} needs"
            return "failed", Stop(Exit.LOCKED, "step.locked", what, log, known, following)
        name = gates.standing(self.of.state, self.of.phase.id)
        if name is not None:
            return "paused", stops.paused(self.of.package, self.of.state, name, known)
        return "paused", Stop(Exit.PAUSED, "step.paused", f"{step.id} has paused", log, known, following)

    def _end_badly(self) -> None:
        if any(stop.exit is Exit.ROLLED_BACK for stop in self.stops):
            self._note("end", "rolled_back")
        elif any(stop.exit is Exit.REFUSED for stop in self.stops):
            self._note("end", "refused")
        if len(self.stops) > 1:
            what = ", ".join(stop.what for stop in self.stops)
            self.of.console.say(f"{count(len(self.stops), 'step')} not done: {what}")

    def _note(self, step: str, state: str, evidence: list[dict[str, str]] | None = None) -> None:
        if not self.of.check:
            self.journal.append(self.number, self.of.phase.id, step, state, evidence=evidence or ())
            self.page.write(at_work=True)

    def _evidence(self) -> list[dict[str, str]]:
        """What a step left in the run's folder, and the Trust Architect's own variables, each named once."""
        files = [path for path in sorted(self.runner.reports.rglob("*")) if path.is_file() and not path.is_symlink()]
        files += [self.of.state.overlay] if self.of.state.overlay.is_file() else []
        if self.of.phase.id in LOCAL:
            files += provisioning.evidence(self.of.state, self.runner.run)
        found = {
            str(path.relative_to(self.of.state.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }
        fresh = [{"path": path, "sha256": digest} for path, digest in found.items() if self.named.get(path) != digest]
        self.named |= found
        return fresh
