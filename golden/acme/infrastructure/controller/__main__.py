"""The controller of a migration package. `migrate` starts it after it has verified every file.

```text
migrate (sh) ──▶ package ──▶ state, lock ──▶ prechecks, gates ──▶ steps of one ansible-playbook ◀──▶ journal
```
"""

import argparse
import contextlib
import os
import sys
import traceback
from pathlib import Path

import adopt
import ahead
import bootstrap
import command
import gates
import lease
import operation
import package
import planned
import signoff
import status
import status_page
import stops
import support
from console import Console
from outcome import Exit, Stop, refused
from phase import Run
from state import State, keep_verified, lock, open_journal, open_state, replace


def _ours(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What `migrate` passes on before `--`, and what a person typed after it."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for option in ("--state", "--sums", "--signer", "--from"):
        parser.add_argument(option, required=True, dest="folder" if option == "--from" else None)
    place = words.index("--")
    return parser.parse_args(words[:place]), words[place + 1 :]


def _act(words: list[str], console: Console) -> Exit:
    given, people = _ours(words)
    typed = command.read(people)
    found = package.read(Path.cwd())
    if given.signer not in ("", found.issuer):
        raise refused(
            "verify.issuer", f"{given.signer} signed what calls itself a package of {found.issuer}", "manifest.json",
            "ask the sender for the package again",
        )  # fmt: skip
    state = open_state(Path(given.state), found)
    try:
        return _run(given, typed, found, state, console)
    except Exception as error:
        stop = _stop(error, state)
        support.after(found, state, given.sums, typed, stop)
        raise stop from (None if stop is error else error)


def _stop(error: Exception, state: State | None = None) -> Stop:
    """How an error ends the run; of one that nobody expected, the traceback stays in the state folder."""
    if isinstance(error, Stop):
        return error
    if isinstance(error, OSError):
        where = os.fsdecode(error.filename) if error.filename else "a file"
        said = error.strerror or str(error)
        return Stop(Exit.ERROR, "io", said, where, "The journal says what is done.", "./migrate status")
    where = "the controller"
    if state is not None:
        log = state.here / "logs/defect.log"
        with contextlib.suppress(OSError):
            replace(log, "".join(traceback.format_exception(error)))
            where = str(log)
    return Stop(
        Exit.ERROR, "controller.defect", f"the controller itself is wrong here ({type(error).__name__})", where,
        "The journal says what is done.", "./migrate status; report it to the sender of the package, with the bundle",
    )  # fmt: skip


def _run(
    given: argparse.Namespace, typed: command.Command, found: package.Package, state: State, console: Console
) -> Exit:
    console.document |= {
        "verb": typed.verb, "plan": found.plan_digest, "state": str(state.root),
        "package": {"number": found.number, "slug": found.slug, "environment": found.environment},
    }  # fmt: skip
    if typed.verb == "bootstrap":
        held = lock(state, "./migrate bootstrap")
        keep_verified(state, given.sums, given.signer)
        bootstrap.make(state, found.root, console, held)
        # The way back needs the tools, also that of an older package, or with a journal that cannot be read.
        journal = open_journal(state, found.plan_digest, repair=False, always=True)
        status_page.Page(found, state, journal).write(at_work=False)
        console.say(f"next: {ahead.following(found, state, journal, ours=True)}")
        return Exit.DONE
    if typed.verb == adopt.VERB:
        held = lock(state, f"./migrate {adopt.VERB} {typed.object}")
        keep_verified(state, given.sums, given.signer)
        return adopt.take_over(found, state, console, held, typed.object or "")
    if typed.verb == "status":
        return status.show(found, state, console)
    if typed.verb == "support":
        return support.show(found, state, given.sums, console)
    if typed.verb in ("approve", "hold", "resume", "panic"):
        said, following = _people(typed, found, state)
        status_page.refresh(found, state)
        console.say(f"{said}\nnext: {following}")
        console.document |= {"said": said, "next": following}
        return Exit.DONE
    if typed.verb == "sign-off":
        held = lock(state, "./migrate sign-off")
        keep_verified(state, given.sums, given.signer)
        journal = open_journal(state, found.plan_digest, repair=True)
        run, said = signoff.sign(found, state, journal, Path(given.folder, typed.object or ""), typed.by or "")
        console.say(said)
        operation.leave(console, lambda: operation.write_sign_off(found, state, journal, given.sums, run))
        # A glass will have that line: whoever adopts has to have it too.
        lease.copy_journal(found, state, console, "./migrate sign-off", held)
        status_page.Page(found, state, journal).write(at_work=False)
        console.say("next: ./migrate status")
        console.document |= {"said": said, "next": "./migrate status"}
        return Exit.DONE
    phase = found.phase(typed.verb)
    if phase is None:
        raise planned.not_automated(found, typed.verb)
    switches = (typed.check, typed.delete_data, typed.digests)
    return Run(found, state, console, phase, given.sums, given.signer, *switches)()


def _people(typed: command.Command, found: package.Package, state: State) -> tuple[str, str]:
    """The verbs by which people open, hold and turn; none takes the lock, since they must work while a run has it."""
    if typed.verb == "hold":
        return stops.hold(found, state)
    if typed.verb == "panic":
        return stops.panic(found, state)
    journal = open_journal(state, found.plan_digest, repair=False)
    if typed.verb == "resume":
        return stops.resume(found, state, journal)
    said = gates.approve(found, state, journal, typed.object or "", typed.by, typed.strategy, typed.accept)
    return said, ahead.following(found, state, journal)


def main() -> int:
    """Runs one verb and returns its exit code."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    console = Console(as_json="--json" in sys.argv)
    try:
        return console.close(_act(sys.argv[1:], console), None)
    except Stop as stop:
        return console.close(stop.exit, stop)
    except KeyboardInterrupt:
        end = Stop(
            Exit.PAUSED,
            "run.interrupted",
            "stopped by a signal",
            "before the first step",
            "No step was begun.",
            "repeat the command",
        )
    except Exception as error:
        end = _stop(error)
    return console.close(end.exit, end)


if __name__ == "__main__":
    sys.exit(main())
