"""What `hold`, `resume` and `panic` do, and what a run says that meets one of them before a step.

Copying and proving the content goes on at the target machine, whether anyone follows it or not. A run that follows it
passes a stop on; where none does, it is told here.

`HOLD` is taken away by `resume`. `PANIC` is not, as long as something stands that the way back would take down: then
`resume` would be the wrong word typed at night. Neither ever holds back `abort`, `rollback` or `status`.
"""

import ahead
import bootstrap
import gates
import provisioning
from journal import Journal
from outcome import Exit, Stop
from package import Package
from playbook import Interrupts, Runner
from state import State, holder, is_locked, open_journal

# Tag and playbook that ask what copies or proves at the target to stop.
TELL = "hold"


def hold(package: Package, state: State) -> tuple[str, str]:
    """Sets `HOLD`; returns what to tell and what to type next."""
    gates.set_stop(state, "HOLD")
    return f"HOLD is set: {_who_stops(package, state)}; what was done stays done", "./migrate resume, when it may go on"


def panic(package: Package, state: State) -> tuple[str, str]:
    """Sets `PANIC`; works whatever the journal looks like. It takes nothing back: the way back is the next command."""
    gates.set_stop(state, "PANIC")
    following = _after_panic(package, state, _stands(package, state))
    if is_locked(state):
        following = f"./migrate status, until the run has stopped, then: {following}"
    back = ", ".join(sorted(name for name in ("abort", "rollback") if _runs(package, name)))
    said = f"PANIC is set: {_who_stops(package, state)}. Nothing is taken back yet; {back} and status still run"
    return said, following


def resume(package: Package, state: State, journal: Journal) -> tuple[str, str]:
    """Takes `HOLD` away, and `PANIC` where nothing stands. It starts nothing: that is the next command's part."""
    held, panicked = (state.gate(name).exists() for name in ("HOLD", "PANIC"))
    state.gate("HOLD").unlink(missing_ok=True)
    if panicked and ahead.stands(journal):
        raise paused(package, state, journal, "PANIC", "HOLD is gone." if held else "There was no HOLD.")
    state.gate("PANIC").unlink(missing_ok=True)
    gone = " and ".join(name for name, was in (("HOLD", held), ("PANIC", panicked)) if was)
    said = f"{gone} {'are' if held and panicked else 'is'} gone; nothing was started" if gone else "there was no HOLD"
    return said, ahead.following(package, state, journal)


def paused(package: Package, state: State, journal: Journal, name: str, so_far: str) -> Stop:
    """What a command says that `HOLD` or `PANIC` keeps from going forward."""
    path, built = state.gate(name), ahead.stands(journal)
    if name == "HOLD":
        what, following = "HOLD is set, so nothing goes forward", "./migrate resume, then the same command again"
    else:
        what = "PANIC is set, so nothing goes forward" + (", and what was built stands" if built else "")
        following = _after_panic(package, state, built)
        if built:
            following += f"; if it was set by mistake: rm '{path}'"
    return Stop(Exit.PAUSED, f"gate.{name.lower()}", what, str(path), so_far, following)


def _after_panic(package: Package, state: State, built: bool) -> str:
    if built:
        return f"./migrate {package.way_back}"
    nothing = "nothing is built" if provisioning.made(state) is None else "what provision made stays as it is"
    return f"./migrate resume, when it may go on: {nothing}"


def _who_stops(package: Package, state: State) -> str:
    if is_locked(state):
        copying = ", a copy or proof at the end of its batch or object" if package.playbook(TELL).is_file() else ""
        return f"the run that goes on stops before its next step{copying} ({holder(state)})"
    return f"nothing runs now, and no phase begins that goes forward{_tell_target(package, state)}"


def _tell_target(package: Package, state: State) -> str:
    """Passes the stop on to what runs at the target with nobody following; in words, what became of it."""
    if not package.playbook(TELL).is_file() or not bootstrap.is_ready(state, package.root):
        return ""
    try:
        begun = open_journal(state, package.plan_digest, repair=False).of_this_pass("content")
    except (Stop, OSError):
        begun = []
    if not begun:
        return ""
    interrupts = Interrupts()
    interrupts.install()
    tools = bootstrap.tools(state, package.root)
    result = Runner(package, state, tools, None, TELL, interrupts).step(TELL, TELL)
    if result.done:
        return "; " + ("; ".join(result.lines) or "the target was told")
    return f"; THE TARGET COULD NOT BE TOLD, so what runs there goes on (see {result.log}); next: ./migrate hold"


def _stands(package: Package, state: State) -> bool:
    """Whether something may stand; a journal that cannot be read proves nothing, so then it may."""
    try:
        return ahead.stands(open_journal(state, package.plan_digest, repair=False))
    except (Stop, OSError):
        return True


def _runs(package: Package, name: str) -> bool:
    phase = package.phase(name)
    return phase is not None and package.runs(phase)
