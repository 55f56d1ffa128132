"""`./migrate support`: a bundle for whoever helps, redacted; and the one that each failure makes by itself.

It takes no lock and needs no tools, so that it also answers while a run goes on, before `bootstrap`, and where the
journal cannot be read. Only the verb asks the target too, where that can be asked: after a failure nothing more is
tried there. The bundle is one file in the state folder, for its owner alone, until a person sends it.
"""

import contextlib
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import bootstrap
import bundle
import command
from bundle import Why
from console import Console
from outcome import Exit, Stop
from package import Package
from playbook import Interrupts, Runner, why_not_asked
from state import State

# Verb, and tag and playbook of what it asks the target.
VERB = "support"
# Failures of a step where the exit code does not tell; what a step says of itself, that it waits or was held, is none.
_FAILED = frozenset({"step.failed", "step.unreachable", "step.not-run"})


def is_failure(stop: Stop) -> bool:
    """Whether something went wrong; a refusal, a gate or a stop that somebody set is no failure."""
    return stop.exit in (Exit.ERROR, Exit.ROLLED_BACK) or stop.code in _FAILED


def after(package: Package, state: State, sums: str, typed: command.Command, stop: Stop) -> None:
    """Makes a bundle of a failure and says in the message where it lies; that none could be made changes nothing."""
    if not is_failure(stop) or typed.verb == VERB:
        return
    try:
        place = bundle.make(package, state, Why(sums, command.in_words(typed), stop))
    except (Exception, KeyboardInterrupt) as error:  # whatever it is, the failure is what has to be told
        stop.bundle = f"No bundle for support could be made ({_reason(error)}); ./migrate support tries again."
    else:
        stop.bundle = f"For support, redacted: {place}; README.txt in it tells what it holds."


def _reason(error: BaseException) -> str:
    """Why there is no bundle, without a value: the message of an error that Python raises may quote one."""
    if isinstance(error, Stop):
        return error.what
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def show(package: Package, state: State, sums: str, console: Console) -> Exit:
    """Makes a bundle because somebody asked for it, and says what is in it, how to read it and what to do with it."""
    with _answers(package, state) as (answers, why_not):
        place = bundle.make(package, state, Why(sums, f"./migrate {VERB}", answers=answers))
    files = bundle.names(place)
    console.say(f"bundle: {place}")
    console.say(f"  in it: {_in_words(files)}")
    if why_not is not None:
        console.say(f"  without what the target says: {why_not}")
    console.say("  masked: names, addresses, file names, secrets; README.txt in it tells how")
    console.say(f"  read it before you send it: tar -xzOf {shlex.quote(str(place))} | less")
    following = "send it to whoever helps, with the message of the failure; ./migrate status goes on"
    console.say(f"next: {following}")
    console.document |= {"bundle": str(place), "files": files, "target": why_not or "answered", "next": following}
    return Exit.DONE


def _in_words(files: list[str]) -> str:
    """The files of a bundle, those of its folders by their number."""
    folders = Counter(name.partition("/")[0] for name in files if "/" in name)
    counted = [f"{number} in {folder}/" for folder, number in folders.items()]
    return ", ".join([name for name in files if "/" not in name] + counted)


@contextlib.contextmanager
def _answers(package: Package, state: State) -> Iterator[tuple[dict[str, str], str | None]]:
    """What the target answers, by name; or why it was not asked, or did not answer. Nothing of it stays here."""
    asks = package.playbook(VERB).is_file()
    why_not = why_not_asked(package, state) if asks else "this package does not ask for it"
    if why_not is not None:
        yield {}, why_not
        return
    interrupts = Interrupts()
    runner = Runner(package, state, bootstrap.tools(state, package.root), None, VERB, interrupts)
    shutil.rmtree(runner.reports, ignore_errors=True)
    try:
        with interrupts.installed():
            result = runner.step(VERB, VERB)
        if interrupts.received is not None:
            raise KeyboardInterrupt
        found = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in _files(runner.reports)}
        yield found, None if result.done else f"it could not be asked, see {result.log}"
    finally:
        shutil.rmtree(runner.reports, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
