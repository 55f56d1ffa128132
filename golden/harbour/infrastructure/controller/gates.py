"""Gates: small files by which people open, hold or turn back a run. Written by `approve`, `hold`, `panic` or an editor.

A gate file has lines `key: value` with the keys `digest`, `by`, `strategy`, for the content `batches`, for what
Terraform makes `plan-file`, where it rests on a report that one's digest as `report`, and one line `accepts` for each
check that warns: its id, and what was seen. An approval opens its gate for exactly one plan, and these very lists of
files, or that very file of Terraform's; of another plan's approval nothing follows.

An approval lasts as long as what its report looked at stands (`overtaken`). A newer report of the same asks anew where
it warns of something that nobody has accepted in the very words in which it was seen.
"""

import difflib
import json
import os
import pwd
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import overtaken
import planned
import provisioning
import report
import signoff
from console import plain
from journal import TAKES_BACK, Journal
from outcome import Stop, refused
from package import PROVES, Gate, Package
from state import State, replace

# `HOLD` and `PANIC` stop what goes forward. What takes back or only looks goes on.
_NEVER_HELD = TAKES_BACK | {"status"}
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KEYS = ("digest", "by", "strategy", "batches", "plan-file", "report", "accepts")
# A check's id that stands on a line of a gate file, and on a command line, as it is.
_CHECK = re.compile(r"[a-z0-9][a-z0-9._/-]{0,119}")
# The gate whose approval holds for the batch lists too: the plan has their figures, not what stands in them.
_OF_BATCHES = "approve-content"


@dataclass(frozen=True)
class Approval:
    """What stands in a gate file, the report that it was given on, and the newest when the gate opened."""

    gate: str
    digest: str
    by: str
    strategy: str
    report: Path | None
    newest: Path | None
    accepts: tuple[str, ...]  # ids alone: what was seen may name a user


@dataclass(frozen=True)
class _Basis:
    """The report that an approval rests on, and what it warns of: what was seen, by the check's id."""

    path: Path | None
    warnings: Mapping[str, str]


def me() -> str:
    """Who types the command, as far as the machine knows."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = f"uid-{os.geteuid()}"
    return f"{name}@{os.uname().nodename}"


def approve(
    package: Package,
    state: State,
    journal: Journal,
    gate: str,
    by: str | None,
    strategy: str | None,
    accepts: Sequence[str],
) -> str:
    """Opens a gate for this plan; returns what to tell.

    Needs no lock: it only counts when a phase begins. Refused (exit 12) before there is a report that it could rest on,
    and where that warns of something that is not accepted by name.
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
    who = me() if by is None else by.strip()
    if not signoff.is_name(who):
        what = f"--by must be a name: {signoff.NAME}"
        raise refused("gate.by", what, "approve", f"./migrate approve {word} --by NAME")
    if strategy is not None and not _WORD.fullmatch(strategy):
        raise refused(
            "gate.strategy", "a strategy is a word of a-z, 0-9 and -", "approve", "see MIGRATION-PLAN.md, chapter 13"
        )
    basis = _basis(package, state, journal, known)
    shown = _shown(state, known)
    _refuse_unknown(basis, accepts, known, by, strategy)
    _refuse_unaccepted(basis, accepts, known, by, strategy)
    lines = [f"digest: {package.plan_digest}", f"by: {who}", *([f"strategy: {strategy}"] if strategy else [])]
    lines += [f"batches: {package.batches_digest()}"] if name == _OF_BATCHES else []
    lines += [f"plan-file: {shown.digest}"] if shown else []
    lines += [f"report: {report.digest_of(basis.path)}"] if basis.path else []
    lines += [f"accepts: {check} {seen}".rstrip() for check, seen in basis.warnings.items()]
    replace(state.gate(name), "".join(f"{line}\n" for line in lines))
    said = [f"{name} is open for exactly this plan", *lines, *([f"rests on {basis.path}"] if basis.path else [])]
    said += [f"it does: {shown}"] if shown else []
    said += signoff.lines(package, state, journal) if known.report == signoff.PHASE else []
    said += [f"written to {state.gate(name)}; without this file it is closed again"]
    return "\n  ".join(said)


def _basis(package: Package, state: State, journal: Journal, gate: Gate) -> _Basis:
    """The report that an approval rests on; raises `Stop` (exit 12) where it is missing, old or bad.

    So is the proof of each phase that the approved one builds on.
    """
    if gate.report is None:
        return _Basis(None, {})
    for name in _proofs(package, gate):
        _sound(package, state, journal, gate, name)
    basis = _sound(package, state, journal, gate, gate.report)
    objections = signoff.objections(package, state, journal) if gate.report == signoff.PHASE else []
    if objections:
        raise refused(
            "gate.sign-off", f"a user's checklist says that something is wrong: {' · '.join(objections)}",
            str(state.here / "sign-offs"), "mend it, let the user sign again, then: " + gate.command,
        )  # fmt: skip
    return basis


def _shown(state: State, gate: Gate) -> provisioning.Shown | None:
    """The plan of Terraform's that an approval holds for; None for a gate that opens a whole phase.

    Raises `Stop` (exit 12) where no plan waits.
    """
    if gate.before is None:
        return None
    found = provisioning.waiting(state)
    if found is None:
        where = str(state.here / "terraform")
        raise refused("gate.no-plan", "no plan waits to be approved", where, f"./migrate {gate.phase}")
    return found


def _proofs(package: Package, gate: Gate) -> list[str]:
    """The phases that prove, of those that the approved one builds on and the package runs."""
    approved = package.phase(gate.phase)
    before = [package.phase(name) for name in (approved.after if approved else ()) if name in PROVES]
    return [phase.id for phase in before if phase is not None and package.runs(phase)]


def _sound(package: Package, state: State, journal: Journal, gate: Gate, phase: str) -> _Basis:
    """The newest report of a phase, which must be of this plan, have passed, and be about what still stands."""
    again = f"./migrate {phase}, read its report, then: {gate.command}"
    path = report.newest(state, phase)
    where = str(path or state.here / "reports")
    if path is None:
        raise refused("gate.no-report", f"there is no report of {phase} yet to approve", where, again)
    try:
        found = json.loads(path.read_bytes())
        plan, said, verdict = found["plan"], found["verdict"], report.verdict(found["checks"])
        warned: dict[str, str] = {}
        for check in (check for check in found["checks"] if check["verdict"] == "warn"):
            name = str(check["id"])
            warned[name] = f"{warned[name]} · {_seen(check)}" if name in warned else _seen(check)
        # A warning without a plain name could not be accepted by it.
        if not all(map(_CHECK.fullmatch, warned)):
            raise ValueError("its warnings")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refused("gate.bad-report", f"the report cannot be read: {type(error).__name__}", where, again) from error
    if plan != package.plan_digest:
        raise refused("gate.bad-report", f"the newest report of {phase} is of another plan", where, again)
    if said != verdict:
        what = f"the newest report of {phase} says {said}, and its checks come to {verdict}"
        raise refused("gate.bad-report", what, where, again)
    if verdict not in ("pass", "warn"):
        raise refused("gate.bad-report", f"the newest report of {phase} says {verdict}", where, again)
    since = overtaken.since(package, journal, phase, report.run_of(path))
    if since is not None or not overtaken.is_done(package, journal, phase):
        raise refused("gate.bad-report", f"what {phase} looked at {overtaken.in_words(since)}", where, again)
    return _Basis(path, warned)


def _seen(check: Mapping[str, object]) -> str:
    """What a check saw and why it warns of that, on one line, as it stands in a gate file."""
    said = "; ".join(str(check[key]) for key in ("observed", "why") if check[key])
    return plain(" ".join(said.split()))


def _refuse_unknown(basis: _Basis, accepts: Sequence[str], gate: Gate, by: str | None, strategy: str | None) -> None:
    """What is accepted must be warned of: a name that is mistyped accepts nothing."""
    unknown = [name for name in accepts if name not in basis.warnings]
    if unknown:
        what = f"the report warns of nothing called {', '.join(map(repr, unknown))}; {_told(basis)}"
        raise refused("gate.accept", what, str(basis.path or "approve"), _command(basis, gate, by, strategy))


def _refuse_unaccepted(basis: _Basis, accepts: Sequence[str], gate: Gate, by: str | None, strategy: str | None) -> None:
    left = [name for name in basis.warnings if name not in accepts]
    if left:
        what = f"nobody has accepted what the report of {gate.report} warns of: "
        command = f"read it, then, if you can live with that: {_command(basis, gate, by, strategy)}"
        told, names = what + _told(basis, accepts), what + ", ".join(left)
        raise refused("gate.warning", told, str(basis.path), command, page=names)


def _told(basis: _Basis, accepted: Sequence[str] = ()) -> str:
    """Each warning that is not accepted, with what was seen."""
    left = [f"{name} ({why})" for name, why in basis.warnings.items() if name not in accepted]
    return " · ".join(left) or "it warns of nothing"


def _command(basis: _Basis, gate: Gate, by: str | None, strategy: str | None) -> str:
    """The approval that accepts every warning, with what has been said besides."""
    said = [f"--by {shlex.quote(by)}"] if by else []
    if strategy:
        words = [f"./migrate approve {gate.phase}", *said, f"--strategy {shlex.quote(strategy)}"]
    else:
        words = [gate.command, *said]
    return " ".join([*words, *(f"--accept {name}" for name in basis.warnings)])


def way_to(gate: str | None, package: Package, state: State, journal: Journal) -> str | None:
    """What to type before a phase whose gate is closed; None where it is open or there is none."""
    if gate is None:
        return None
    try:
        approval(package, state, journal, gate)
    except Stop as closed:
        return closed.next
    return None


def approval(package: Package, state: State, journal: Journal, gate: str) -> Approval | None:
    """The approval of a gate for this plan, whose report still stands; raises `Stop` (exit 12) when there is none.

    None where nothing is to be approved: a plan of Terraform's that changes nothing.
    """
    path, plan, known = state.gate(gate), package.plan_digest, package.gates.get(gate)
    if known is None:
        where = "MIGRATION-PLAN.json"
        raise refused("gate.unknown", f"the plan has no {gate}", where, "ask the sender for the package again")
    basis = _basis(package, state, journal, known)
    shown = _shown(state, known)
    if shown is not None and not shown.asks:
        return None
    reading = f"the report of {known.report}" if known.report else "MIGRATION-PLAN.md"
    reading, does = (str(shown.text), f" ({shown})") if shown else (reading, "")
    warns = f", which warns of {', '.join(basis.warnings)}" if basis.warnings else ""
    command = f"read {reading}{warns}, then: {_command(basis, known, None, None)}"
    try:
        text = written(path, gate, command)
    except FileNotFoundError:
        raise refused("gate.closed", f"{gate} is not open: nobody has approved it{does}", str(path), command) from None
    values, accepts = _values(text, path, gate, command)
    if values.get("digest") != plan:
        raise refused(
            "gate.other-plan", f"{gate} was given for another plan than this package's {plan}", str(path), command
        )
    if gate == _OF_BATCHES and values.get("batches") != package.batches_digest():
        what = f"{gate} was given for other lists of files than this package's {package.batches_digest()}"
        raise refused("gate.other-batches", what, str(path), command)
    if shown is not None and values.get("plan-file") != shown.digest:
        what = f"{gate} was given for another plan of Terraform's than the one that waits{does}, {shown.digest}"
        raise refused("gate.other-plan-file", what, str(path), command)
    if not signoff.is_name(values.get("by", "")):
        raise refused("gate.nobody", f"{gate} does not say who approved it: {signoff.NAME}", str(path), command)
    given_on = _given_on(package, state, journal, known, gate, values.get("report", ""), command)
    same = [check for check, seen in accepts.items() if basis.warnings.get(check) == seen]
    _refuse_unaccepted(basis, same, known, values["by"], values.get("strategy"))
    return Approval(gate, plan, values["by"], values.get("strategy", ""), given_on, basis.path, tuple(accepts))


def written(path: Path, gate: str, command: str) -> str:
    """What stands in a gate file; raises `Stop` (exit 12) for one that nobody else must have been able to write.

    It is looked at before it is opened: a pipe would never end.
    """
    try:
        kind = path.lstat()
        if not stat.S_ISREG(kind.st_mode):
            raise refused("gate.unreadable", f"{gate} is no plain file", str(path), command)
        if kind.st_uid != os.geteuid() or kind.st_mode & 0o022:
            what = f"{gate} could have been written by someone else"
            following = f"see by whom: ls -l '{path}'; then {command}, which writes it anew"
            raise refused("gate.open-to-others", what, str(path), following)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        what = f"{gate} cannot be read: {type(error).__name__}"
        raise refused("gate.unreadable", what, str(path), command) from error


def _values(text: str, path: Path, gate: str, command: str) -> tuple[dict[str, str], dict[str, str]]:
    """The lines of a gate file by their keys, and what it accepts: what was seen, by the check's id."""
    values: dict[str, str] = {}
    accepts: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or key not in _KEYS or key in values:
            what = f"{gate} has a line that is none of {', '.join(f'{key}:' for key in _KEYS)}"
            raise refused("gate.line", what, f"{path}:{number}", command)
        if key == "accepts":
            check, _, seen = value.partition(" ")
            accepts[check] = seen.strip()
        else:
            values[key] = value
    return values, accepts


def _given_on(
    package: Package, state: State, journal: Journal, gate: Gate, name: str, digest: str, command: str
) -> Path | None:
    """The report that an approval names, of which everything must stand as it was; raises `Stop` (exit 12) otherwise.

    None for a gate that rests on no report.
    """
    if gate.report is None:
        return None
    where = str(state.gate(name))
    path = report.by_digest(state, gate.report, digest)
    if path is None:
        what = f"{name} names no report of {gate.report} that stands here as it was read"
        raise refused("gate.other-report", what, where, command)
    since = overtaken.since(package, journal, gate.report, report.run_of(path))
    if since is not None:
        what = f"{name} was given on {path}, and what that looked at {overtaken.in_words(since)}"
        raise refused("gate.overtaken", what, where, command)
    return path


def set_stop(state: State, name: str) -> None:
    """Writes `HOLD` or `PANIC`; needs no lock, since it must reach a run that has it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        replace(state.gate(name), f"by: {me()}\nat: {now}\n")
    except OSError:
        # Only its name counts, and for that a disk that is full has room.
        os.close(os.open(state.gate(name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def standing(state: State, phase: str | None = None) -> str | None:
    """The stop that stands now, `PANIC` before `HOLD`; None for a phase that neither may hold back."""
    if phase in _NEVER_HELD:
        return None
    return next((name for name in ("PANIC", "HOLD") if os.path.lexists(state.gate(name))), None)
