"""What a mutant is: one text of one file replaced, and who must notice; read from `broken/NAME.toml`."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.paths import REPOSITORY

FOLDER = Path(__file__).resolve().parent / "broken"
#: How many run by turns in `make test`.
AT_ONCE = 3

_KEYS = {"breaks", "file", "text", "replacement", "says"}
_BY_PHASE = {"carried_by", "phase", "step", "exit", "by_hand", "left_at"}
_BY_TEST = {"test"}


class Stale(Exception):
    """A mutant that no longer fits the tree: it would prove nothing."""


@dataclass(frozen=True)
class Mutant:
    """One place to break, and who must notice."""

    name: str
    breaks: str
    file: str
    text: str
    replacement: str
    #: What the one who notices must say.
    says: tuple[str, ...]
    #: Phases that bring it to the server and end well; then the phase that must not, its step and its exit code.
    carried_by: tuple[str, ...] = ()
    phase: str = ""
    step: str = ""
    exit: int = 1
    #: What somebody changes on the machine before, so that there is something to do.
    by_hand: str = ""
    #: A file at the target in which the step leaves what it tells nobody else; where it is named, it must say so there.
    left_at: str = ""
    #: Or a test: the folder below `tests/`, and a name in it as unittest takes it.
    test: tuple[str, ...] = ()

    @property
    def kind(self) -> int:
        """0 where the server must be deployed anew with it, 1 where one phase is enough, 2 for a test."""
        if self.test:
            return 2
        return 0 if self.carried_by else 1

    @property
    def where(self) -> str:
        """Who must notice, for the table."""
        return "/".join(self.test) if self.test else self.phase

    def broken(self, text: str) -> str:
        """The file's text with the mutation; raises `Stale` where there is not exactly one place for it."""
        count = text.count(self.text)
        if count != 1:
            raise Stale(f"{self.name}: its text stands {count} times in {self.file}, expected once")
        return text.replace(self.text, self.replacement)


def read(path: Path) -> Mutant:
    """Reads one mutant; a key that is unknown or missing is an error."""
    given: dict[str, Any] = tomllib.loads(path.read_text())
    kinds = [keys for keys in (_BY_PHASE, _BY_TEST) if keys & set(given)]
    if len(kinds) != 1 or not _KEYS <= set(given) <= _KEYS | kinds[0] or not given["says"]:
        raise Stale(f"{path.stem}: its keys are {', '.join(sorted(given))}")
    if "test" not in given and not {"phase", "step"} <= set(given):
        raise Stale(f"{path.stem}: it names no phase and step")
    lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    mutant = Mutant(path.stem, **{**given, **lists})
    mutant.broken((REPOSITORY / mutant.file).read_text())
    return mutant


def every() -> list[Mutant]:
    """All mutants; those that need most of the server first. Each fits the tree."""
    found = [read(path) for path in sorted(FOLDER.glob("*.toml"))]
    return sorted(found, key=lambda mutant: (mutant.kind, mutant.name))


def by_turns() -> tuple[int, list[Mutant]]:
    """The number of the commit, and the mutants whose turn it is: one of each kind where the kinds are as many."""
    done = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True
    )
    number = int(done.stdout)
    all_of_them = every()
    turns = -(-len(all_of_them) // AT_ONCE)
    # Backwards: after one that needs a single phase, less has to pass again than after one that is deployed.
    return number, all_of_them[number % turns :: turns][::-1]
