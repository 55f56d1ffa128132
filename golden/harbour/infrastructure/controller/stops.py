"""What `hold`, `resume` and `panic` do, and what a run says that meets one of them before a step.

Copying and proving the content goes on at the target machine, whether anyone follows it or not. A run that follows it
passes a stop on; where none does, it is told here.

`HOLD` is taken away by `resume`. `PANIC` is not, as long as something stands that the way back would take down: then
`resume` would be the wrong word typed at night. Neither ever holds back `abort`, `rollback` or `status`.

A stop is one for all packages of the state folder: what one of them copies, or has built, another one's word reaches.
"""

import ahead
import bootstrap
import gates
import provisioning
from journal import Journal
from outcome import Exit, Stop
from package import Package
from playbook import Interrupts, Runner
from state import State, holder, is_locked, journals

# Tag and playbook that ask what copies or proves at the target to stop.
TELL = "hold"


def hold(package: Package, state: State) -> tuple[str, str]:
    """Sets `HOLD`; returns what to tell and what to type next."""
    gates.set_stop(state, "HOLD")
    return f"HOLD is set: {_who_stops(package, state)}; what was done stays done", "./migrate resume, when it may go on"


def panic(package: Package, state: State) -> tuple[str, str]:
    """Sets `PANIC`; works whatever the journal looks like. It takes nothing back: the way back is the next command."""
    gates.set_stop(state, "PANIC")
    following = _after_panic(package, state)
    if is_locked(state):
        following = f"./migrate status, until the run has stopped, then: {following}"
    back = ", ".join(sorted(name for name in ("abort", "rollback") if _runs(package, name)))
    said = f"PANIC is set: {_who_stops(package, state)}. Nothing is taken back yet; {back} and status still run"
    return said, following


def resume(package: Package, state: State, journal: Journal) -> tuple[str, str]:
    """Takes `HOLD` away, and `PANIC` where nothing stands. It starts nothing: that is the next command's part."""
    for name in ("HOLD", "PANIC"):
        path = state.gate(name)
        if path.is_dir() and not path.is_symlink():
            what, following = f"{name} is a folder, which is not taken away", f"rmdir '{path}', then: ./migrate resume"
            raise Stop(Exit.PAUSED, f"gate.{name.lower()}", what, str(path), "Nothing was taken away.", following)
    held, panicked = (state.gate(name).exists() for name in ("HOLD", "PANIC"))
    state.gate("HOLD").unlink(missing_ok=True)
    if panicked and ahead.built(state) is not None:
        raise paused(package, state, "PANIC", "HOLD is gone." if held else "There was no HOLD.")
    state.gate("PANIC").unlink(missing_ok=True)
    gone = " and ".join(name for name, was in (("HOLD", held), ("PANIC", panicked)) if was)
    said = f"{gone} {'are' if held and panicked else 'is'} gone; nothing was started" if gone else "there was no HOLD"
    return said, ahead.following(package, state, journal)


def paused(package: Package, state: State, name: str, so_far: str) -> Stop:
    """What a command says that `HOLD` or `PANIC` keeps from going forward."""
    path, built = state.gate(name), ahead.built(state)
    if name == "HOLD":
        what, following = "HOLD is set, so nothing goes forward", "./migrate resume, then the same command again"
    else:
        what = "PANIC is set, so nothing goes forward" + (", and what was built stands" if built is not None else "")
        following = _after_panic(package, state)
        if built is not None:
            following += f"; if it was set by mistake: rm '{path}'"
    return Stop(Exit.PAUSED, f"gate.{name.lower()}", what, str(path), so_far, following)


def _after_panic(package: Package, state: State) -> str:
    built = ahead.built(state)
    if built is not None:
        return ahead.way_back(package, built)
    nothing = "nothing is built" if provisioning.made(state) is None else "what provision made stays as it is"
    return f"./migrate resume, when it may go on: {nothing}"


def _who_stops(package: Package, state: State) -> str:
    if is_locked(state):
        copying = ", a copy or proof at the end of its batch or object" if package.playbook(TELL).is_file() else ""
        return f"the run that goes on stops before its next step{copying} ({holder(state)})"
    return f"nothing runs now, and no phase begins that goes forward{_tell_target(package, state)}"


def _tell_target(package: Package, state: State) -> str:
    """Passes the stop on to what runs at the target with nobody following; in words, what became of it."""
    copying = [number for number, journal in journals(state).items() if _may_copy(journal)]
    can_tell = package.playbook(TELL).is_file()
    copying = [number for number in copying if can_tell or number != package.number]
    if not copying:
        return ""
    if not can_tell:
        return f"; WHAT PACKAGE {copying[-1]} COPIES GOES ON; next: ./migrate hold, with package {copying[-1]}"
    if not bootstrap.is_ready(state, package.root):
        return "; THE TARGET COULD NOT BE TOLD, so what runs there goes on; next: ./migrate bootstrap, ./migrate hold"
    interrupts = Interrupts()
    interrupts.install()
    tools = bootstrap.tools(state, package.root)
    result = Runner(package, state, tools, None, TELL, interrupts).step(TELL, TELL)
    if result.done:
        return "; " + ("; ".join(result.lines) or "the target was told")
    return f"; THE TARGET COULD NOT BE TOLD, so what runs there goes on (see {result.log}); next: ./migrate hold"


def _may_copy(journal: Journal | None) -> bool:
    """Whether content was begun and not brought to its end, whatever came after; an unreadable journal may say so."""
    if journal is None or (journal.began_anew and ahead.stands(journal)):
        return True
    lines = [line.state for line in journal.steps() if line.phase == "content"]
    return lines[-1:] not in ([], ["finished"])


def _runs(package: Package, name: str) -> bool:
    phase = package.phase(name)
    return phase is not None and package.runs(phase)
