"""Gates: small files by which people open, hold or turn back a run. Written by `approve`, `hold`, `panic` or an editor.

A gate file has lines `key: value` with the keys `digest`, `by` and `strategy`. An approval opens its gate for exactly
one plan; of another plan's approval nothing follows.
"""

import os
import pwd
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime

from outcome import Exit, Stop, refused
from package import Package
from state import State, replace

GATES = ("approve-provision", "approve-content", "approve-cutover", "approve-finalize")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KEYS = {"digest", "by", "strategy"}


@dataclass(frozen=True)
class Approval:
    """What stands in a gate file."""

    digest: str
    by: str
    strategy: str


def me() -> str:
    """Who types the command, as far as the machine knows."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = f"uid-{os.geteuid()}"
    return f"{name}@{os.uname().nodename}"


def approve(state: State, gate: str, plan: str, by: str | None, strategy: str | None) -> str:
    """Opens a gate for this plan; returns what to tell. Needs no lock: it only counts when a phase begins."""
    name = gate if gate.startswith("approve-") else f"approve-{gate}"
    if name not in GATES:
        raise refused(
            "gate.unknown",
            f"there is no gate {gate!r}",
            "approve",
            f"./migrate approve {GATES[2].removeprefix('approve-')}",
        )
    who = by or me()
    if not who.isprintable() or not who.strip():
        raise refused("gate.by", "--by must be a name on one line", "approve", f"./migrate approve {gate} --by NAME")
    if strategy is not None and not _WORD.fullmatch(strategy):
        raise refused(
            "gate.strategy", "a strategy is a word of a-z, 0-9 and -", "approve", "see MIGRATION-PLAN.md, strategies"
        )
    replace(state.gate(name), f"digest: {plan}\nby: {who}\n" + (f"strategy: {strategy}\n" if strategy else ""))
    return f"{name} is open for plan {plan}, by {who}"


def approval(state: State, gate: str, package: Package) -> Approval:
    """The approval of a gate for this plan; raises `Stop` (exit 12) when there is none."""
    path, plan = state.gate(gate), package.plan_digest
    command = f"read MIGRATION-PLAN.md, then: {package.gates.get(gate, f'./migrate approve {gate}')}"
    try:
        kind = path.lstat()
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise refused("gate.closed", f"{gate} is not open", str(path), command) from None
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
            raise refused(
                "gate.line", f"{gate} has a line that is none of digest:, by:, strategy:", f"{path}:{number}", command
            )
        values[key.strip()] = value.strip()
    if values.get("digest") != plan:
        raise refused(
            "gate.other-plan", f"{gate} was given for another plan than this package's {plan}", str(path), command
        )
    return Approval(plan, values.get("by", ""), values.get("strategy", ""))


def hold(state: State, name: str) -> str:
    """Writes `HOLD` or `PANIC`; needs no lock, since it must reach a run that has it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    replace(state.gate(name), f"by: {me()}\nat: {now}\n")
    if name == "HOLD":
        return "HOLD is set: a run stops before its next step. next: ./migrate resume"
    return "PANIC is set: nothing goes forward any more. next: ./migrate rollback"


def resume(state: State) -> str:
    """Takes `HOLD` away. It starts nothing: that is the next command's part."""
    held = state.gate("HOLD").exists()
    state.gate("HOLD").unlink(missing_ok=True)
    if state.gate("PANIC").exists():
        raise Stop(
            Exit.PAUSED, "gate.panic", "PANIC is set, so nothing goes forward", str(state.gate("PANIC")),
            "HOLD is gone." if held else "There was no HOLD.",
            f"./migrate rollback; if it was set by mistake: rm '{state.gate('PANIC')}'",
        )  # fmt: skip
    return "HOLD is gone. next: the phase that paused; ./migrate status names it" if held else "there was no HOLD"


def standing(state: State) -> str | None:
    """The stop that stands now: `PANIC` before `HOLD`."""
    return next((name for name in ("PANIC", "HOLD") if os.path.lexists(state.gate(name))), None)


def paused(state: State, name: str, so_far: str) -> Stop:
    """What a run says when it meets `HOLD` or `PANIC` before a step."""
    path = state.gate(name)
    forward = "./migrate resume, then the same phase again"
    back = f"./migrate rollback; if it was set by mistake: rm '{path}'"
    return Stop(
        Exit.PAUSED, f"gate.{name.lower()}", f"{name} is set", str(path), so_far, forward if name == "HOLD" else back
    )
