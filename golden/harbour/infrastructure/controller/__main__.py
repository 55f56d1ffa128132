"""The controller of a migration package. `migrate` starts it after it has verified every file.

```text
migrate (sh) ──▶ package ──▶ state, lock ──▶ prechecks, gates ──▶ one ansible-playbook per step ──▶ journal
```
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

import bootstrap
import gates
import package
import status
from console import Console
from outcome import Exit, Stop, refused
from phase import Run, not_automated
from state import keep_verified, lock, open_state

PHASES = (
    "preflight", "backup", "provision", "prepare", "deploy", "import", "invite", "content", "verify", "cutover",
    "watch", "finalize", "rollback", "abort", "restore", "export", "status", "support",
)  # fmt: skip
VERBS = (*PHASES, "bootstrap", "approve", "hold", "resume", "panic", "adopt")


class _Parser(argparse.ArgumentParser):
    """Says wrong usage as everything else is said."""

    def error(self, message: str) -> NoReturn:
        raise Stop(
            Exit.ERROR,
            "usage",
            message,
            "the command line",
            "Nothing was begun.",
            "./migrate, without a verb, shows them all",
        )


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="./migrate", allow_abbrev=False, add_help=False)
    parser.add_argument("--state", required=True)
    parser.add_argument("--sums", required=True)
    parser.add_argument("--signer", required=True)
    ours, typed = words, list[str]()
    if "--" in words:
        ours, typed = words[: words.index("--")], words[words.index("--") + 1 :]
    given = parser.parse_args(ours)
    people = _Parser(prog="./migrate", allow_abbrev=False, add_help=False)
    people.add_argument("verb", choices=VERBS, metavar="VERB")
    people.add_argument("object", nargs="?")
    people.add_argument("--check", action="store_true")
    people.add_argument("--json", action="store_true")
    people.add_argument("--delete-data", action="store_true")
    people.add_argument("--strategy")
    people.add_argument("--by")
    people.parse_args(typed, namespace=given)
    _belongs(given, people)
    return given


def _belongs(given: argparse.Namespace, parser: _Parser) -> None:
    """Refuses an option that its verb would ignore: it was meant to do something."""
    verb = given.verb
    takes_object = {"approve": True, "adopt": True}.get(verb, False)
    if (given.object is not None) != takes_object:
        parser.error(f"{verb} takes one name after it" if takes_object else f"{verb} takes no {given.object!r}")
    if given.delete_data and verb != "abort":
        parser.error("--delete-data belongs to abort alone")
    if (given.strategy or given.by) and verb != "approve":
        parser.error("--strategy and --by belong to approve alone")
    if given.check and (verb not in PHASES or verb == "status"):
        parser.error(f"--check has no meaning for {verb}")


def _act(given: argparse.Namespace, console: Console) -> Exit:
    found = package.read(Path.cwd())
    if given.signer not in ("", found.issuer):
        raise refused(
            "verify.issuer", f"{given.signer} signed what calls itself a package of {found.issuer}", "manifest.json",
            "ask the sender for the package again",
        )  # fmt: skip
    state = open_state(Path(given.state), found)
    console.document |= {
        "verb": given.verb, "plan": found.plan_digest, "state": str(state.root),
        "package": {"number": found.number, "slug": found.slug, "environment": found.environment},
    }  # fmt: skip
    verb: str = given.verb
    if verb == "bootstrap":
        held = lock(state, "./migrate bootstrap")
        keep_verified(state, given.sums, given.signer)
        bootstrap.make(state, found.root, console, held)
        return Exit.DONE
    if verb == "status":
        return status.show(found, state, console)
    if verb == "approve":
        console.say(gates.approve(state, given.object, found.plan_digest, given.by, given.strategy))
        return Exit.DONE
    if verb in ("hold", "panic"):
        console.say(gates.hold(state, verb.upper()))
        return Exit.DONE
    if verb == "resume":
        console.say(gates.resume(state))
        return Exit.DONE
    phase = found.phase(verb)
    if phase is None:
        raise not_automated(found, verb)
    return Run(found, state, console, phase, given.sums, given.signer, given.check, given.delete_data)()


def main() -> int:
    """Runs one verb and returns its exit code."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    console = Console(as_json="--json" in sys.argv)
    try:
        return console.close(_act(_arguments(sys.argv[1:]), console), None)
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
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename else "a file"
        end = Stop(
            Exit.ERROR, "io", error.strerror or str(error), where, "The journal says what is done.", "./migrate status"
        )
    return console.close(end.exit, end)


if __name__ == "__main__":
    sys.exit(main())
