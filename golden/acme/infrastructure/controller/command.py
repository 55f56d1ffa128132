"""What people type after `./migrate`: one verb and what belongs to it."""

import difflib
import shlex
from dataclasses import dataclass

from outcome import Exit, Stop

PHASES = (
    "preflight", "backup", "provision", "prepare", "deploy", "import", "content", "invite", "verify", "cutover",
    "watch", "finalize", "rollback", "abort", "restore", "export", "status",
)  # fmt: skip
VERBS = (*PHASES, "bootstrap", "support", "sign-off", "approve", "hold", "resume", "panic", "adopt")
# Verbs that want a name after them, and what such a name looks like.
_OBJECTS = {
    "approve": "a gate of MIGRATION-PLAN.md, chapter 13",
    "sign-off": "the filled checklist",
    "adopt": "target, where the journal of the other machine lies",
}
_SWITCHES = ("--check", "--json", "--delete-data", "--digests")
_ALL = "./migrate, without a verb, lists verbs and options"
_VALUES = ("--strategy", "--by", "--accept")


@dataclass
class Command:
    """One command, whose options all belong to its verb."""

    verb: str
    object: str | None = None
    check: bool = False
    delete_data: bool = False
    digests: bool = False
    strategy: str | None = None
    by: str | None = None
    accept: tuple[str, ...] = ()


def read(words: list[str]) -> Command:
    """Reads the words after `./migrate`; raises `Stop` (exit 2) for what no verb takes."""
    verb = words[0] if words else ""
    if verb not in VERBS:
        raise _wrong(words, f"there is no verb {verb!r}", _nearest(verb, VERBS))
    values: dict[str, str] = {}
    accept: list[str] = []
    names: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        option, equals, value = word.partition("=")
        if option in _VALUES:
            value = value if equals else next(rest, "")
            if not value or value.startswith("-"):
                raise _wrong(words, f"{option} needs a value after it", f"./migrate {verb} … {option} VALUE")
            values[option] = value
            accept += [value] if option == "--accept" else []
        elif word in _SWITCHES:
            values[word] = "yes"
        elif word.startswith("-"):
            near = _nearest(option, (*_SWITCHES, *_VALUES)).replace("./migrate --", f"./migrate {verb} --")
            raise _wrong(words, f"there is no option {option}", near)
        else:
            names.append(word)
    _belong(words, verb, names, values)
    return Command(
        verb, names[0] if names else None, "--check" in values, "--delete-data" in values, "--digests" in values,
        values.get("--strategy"), values.get("--by"), tuple(accept),
    )  # fmt: skip


def spelled(verb: str, *, check: bool, delete_data: bool, digests: bool) -> str:
    """A command with those of its options that are given."""
    options = {"--check": check, "--delete-data": delete_data, "--digests": digests}
    return " ".join((f"./migrate {verb}", *(name for name, given in options.items() if given)))


def in_words(command: Command) -> str:
    """What was typed, without names of files and people."""
    gate = f" {command.object}" if command.verb == "approve" and command.object else ""
    switches = {"check": command.check, "delete_data": command.delete_data, "digests": command.digests}
    return spelled(command.verb + gate, **switches)


def _belong(words: list[str], verb: str, names: list[str], values: dict[str, str]) -> None:
    """Refuses what the verb would ignore: it was meant to do something."""
    if verb in _OBJECTS and len(names) != 1:
        wanted = f"{verb} wants one name after it: {_OBJECTS[verb]}"
        raise _wrong(words, wanted, _ALL)
    if verb not in _OBJECTS and names:
        also = "; one phase or verb per call" if names[0] in VERBS else ""
        raise _wrong(words, f"{verb} takes no {names[0]!r}{also}", f"./migrate {verb}")
    if "--delete-data" in values and verb != "abort":
        raise _wrong(words, "--delete-data belongs to abort alone", f"./migrate {verb}")
    if "--digests" in values and verb != "export":
        raise _wrong(words, "--digests belongs to export alone", f"./migrate {verb}")
    for option in ("--strategy", "--accept"):
        if option in values and verb != "approve":
            raise _wrong(words, f"{option} belongs to approve alone", f"./migrate {verb}")
    if "--by" in values and verb not in ("approve", "sign-off"):
        raise _wrong(words, "--by belongs to approve and sign-off alone", f"./migrate {verb}")
    if verb == "sign-off" and "--by" not in values:
        following = f"./migrate sign-off {shlex.quote(names[0])} --by NAME"
        raise _wrong(words, "sign-off needs --by, the name of who tried it", following)
    if "--check" in values and (verb not in PHASES or verb == "status"):
        raise _wrong(words, f"--check has no meaning for {verb}, which changes no machine", f"./migrate {verb}")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"./migrate {near[0]}, if that was meant; {_ALL}" if near else _ALL


def _wrong(words: list[str], what: str, following: str) -> Stop:
    return Stop(Exit.USAGE, "usage", what, f"./migrate {' '.join(words)}", "Nothing was begun.", following)
