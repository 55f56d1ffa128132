"""Gates: small files by which people open, hold or turn back a run. Written by `approve`, `hold`, `panic` or an editor.

A gate file has lines `key: value` with the keys `digest`, `by`, `strategy`, and for the content `batches`. An approval
opens its gate for exactly one plan, and these very lists of files; of another plan's approval nothing follows.
"""

import difflib
import json
import os
import pwd
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import planned
import report
import signoff
from journal import TAKES_BACK, Journal
from outcome import Stop, refused
from package import Gate, Package
from state import State, replace

# `HOLD` and `PANIC` stop what goes forward. What takes back or only looks goes on.
_NEVER_HELD = TAKES_BACK | {"status", "support"}
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KEYS = {"digest", "by", "strategy", "batches"}
# The gate whose approval holds for the batch lists too: the plan has their figures, not what stands in them.
_OF_BATCHES = "approve-content"


@dataclass(frozen=True)
class Approval:
    """What stands in a gate file, and the report that it rests on."""

    gate: str
    digest: str
    by: str
    strategy: str
    report: Path | None


def me() -> str:
    """Who types the command, as far as the machine knows."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = f"uid-{os.geteuid()}"
    return f"{name}@{os.uname().nodename}"


def approve(
    package: Package, state: State, journal: Journal, gate: str, by: str | None, strategy: str | None
) -> tuple[str, str]:
    """Opens a gate for this plan; returns what to tell and what to type next.

    Needs no lock: it only counts when a phase begins. Refused (exit 12) before there is a report that it could rest on.
    """
    word = gate.removeprefix("approve-")
    if word in package.not_needed:
        raise planned.not_automated(package, word)
    name = f"approve-{word}"
    known = package.gates.get(name)
    if known is None:
        words = [name.removeprefix("approve-") for name in package.gates]
        near = difflib.get_close_matches(word, words, 1)
        raise refused(
            "gate.unknown", f"there is no gate {gate!r}; the plan has {', '.join(words)}", "approve",
            f"./migrate approve {near[0]}, if that was meant" if near else "./migrate status names what comes next",
        )  # fmt: skip
    phase = package.phase(known.phase)
    if phase is None or not package.runs(phase):
        raise planned.not_automated(package, known.phase)
    who = by or me()
    if not who.isprintable() or not who.strip():
        raise refused("gate.by", "--by must be a name on one line", "approve", f"./migrate approve {word} --by NAME")
    if strategy is not None and not _WORD.fullmatch(strategy):
        raise refused(
            "gate.strategy", "a strategy is a word of a-z, 0-9 and -", "approve", "see MIGRATION-PLAN.md, chapter 13"
        )
    rests_on = _report(package, state, journal, known)
    lines = [f"digest: {package.plan_digest}", f"by: {who}", *([f"strategy: {strategy}"] if strategy else [])]
    lines += [f"batches: {package.batches_digest()}"] if name == _OF_BATCHES else []
    replace(state.gate(name), "".join(f"{line}\n" for line in lines))
    said = [f"{name} is open for exactly this plan", *lines, *([f"rests on {rests_on}"] if rests_on else [])]
    said += signoff.lines(state, journal) if known.report == signoff.PHASE else []
    said += [f"written to {state.gate(name)}; without this file it is closed again"]
    return "\n  ".join(said), f"./migrate {known.phase}"


def _report(package: Package, state: State, journal: Journal, gate: Gate) -> Path | None:
    """The report that an approval rests on; raises `Stop` (exit 12) where it is missing, old or bad."""
    if gate.report is None:
        return None
    again = f"./migrate {gate.report}, read its report, then: {gate.command}"
    path = report.newest(state, gate.report)
    where = str(path or state.here / "reports")
    if path is None:
        raise refused("gate.no-report", f"there is no report of {gate.report} yet to approve", where, again)
    try:
        found = json.loads(path.read_bytes())
        plan, verdict = found["plan"], found["verdict"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refused("gate.bad-report", f"the report cannot be read: {type(error).__name__}", where, again) from error
    if plan != package.plan_digest:
        raise refused("gate.bad-report", f"the newest report of {gate.report} is of another plan", where, again)
    if verdict not in ("pass", "warn"):
        raise refused("gate.bad-report", f"the newest report of {gate.report} says {verdict}", where, again)
    if not journal.is_finished(gate.report):
        raise refused("gate.bad-report", f"what {gate.report} looked at was taken back since", where, again)
    objections = signoff.objections(state, journal) if gate.report == signoff.PHASE else []
    if objections:
        raise refused(
            "gate.sign-off", f"a user's checklist says that something is wrong: {' · '.join(objections)}",
            str(state.here / "sign-offs"), "mend it, let the user sign again, then: " + gate.command,
        )  # fmt: skip
    return path


def way_to(gate: str | None, package: Package, state: State, journal: Journal) -> str | None:
    """What to type before a phase whose gate is closed; None where it is open or there is none."""
    if gate is None:
        return None
    try:
        approval(package, state, journal, gate)
    except Stop as closed:
        return closed.next
    return None


def approval(package: Package, state: State, journal: Journal, gate: str) -> Approval:
    """The approval of a gate for this plan, whose report still stands; raises `Stop` (exit 12) when there is none."""
    path, plan, known = state.gate(gate), package.plan_digest, package.gates.get(gate)
    report = None if known is None else _report(package, state, journal, known)
    command = known.command if known else f"./migrate approve {gate.removeprefix('approve-')}"
    reading = f"the report of {known.report}" if known and known.report else "MIGRATION-PLAN.md"
    command = f"read {reading}, then: {command}"
    try:
        kind = path.lstat()
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise refused("gate.closed", f"{gate} is not open: nobody has approved it", str(path), command) from None
    except (OSError, ValueError) as error:
        raise refused(
            "gate.unreadable", f"{gate} cannot be read: {type(error).__name__}", str(path), command
        ) from error
    if not stat.S_ISREG(kind.st_mode) or kind.st_uid != os.geteuid() or kind.st_mode & 0o022:
        raise refused(
            "gate.open-to-others", f"{gate} could have been written by someone else", str(path), f"ls -l '{path}'"
        )
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or key.strip() not in _KEYS or key.strip() in values:
            what = f"{gate} has a line that is none of digest:, by:, strategy:, batches:"
            raise refused("gate.line", what, f"{path}:{number}", command)
        values[key.strip()] = value.strip()
    if values.get("digest") != plan:
        raise refused(
            "gate.other-plan", f"{gate} was given for another plan than this package's {plan}", str(path), command
        )
    if gate == _OF_BATCHES and values.get("batches") != package.batches_digest():
        what = f"{gate} was given for other lists of files than this package's {package.batches_digest()}"
        raise refused("gate.other-batches", what, str(path), command)
    if not values.get("by"):
        raise refused("gate.nobody", f"{gate} does not say who approved it", str(path), command)
    return Approval(gate, plan, values["by"], values.get("strategy", ""), report)


def set_stop(state: State, name: str) -> None:
    """Writes `HOLD` or `PANIC`; needs no lock, since it must reach a run that has it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    replace(state.gate(name), f"by: {me()}\nat: {now}\n")


def standing(state: State, phase: str | None = None) -> str | None:
    """The stop that stands now, `PANIC` before `HOLD`; None for a phase that neither may hold back."""
    if phase in _NEVER_HELD:
        return None
    return next((name for name in ("PANIC", "HOLD") if os.path.lexists(state.gate(name))), None)
