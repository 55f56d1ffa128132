"""`python3 -m mutants`: breaks the generator place by place, and ends with a table. Run it by `tools/prove`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass

from bench.shell import BenchError, say

from . import by_test, mutant, tree
from .by_phase import Machine
from .mutant import Mutant, Stale
from .noticing import Unproven

NOTICED, SURVIVED, UNPROVEN = "noticed", "SURVIVED", "UNPROVEN"


@dataclass(frozen=True)
class Result:
    """What came of one mutant, and who noticed it or why nothing was proven."""

    word: str
    by: str
    seconds: int


class Prover:
    """One run; restores a deployed server or takes the one of the stories, where a mutant needs it."""

    def __init__(self, digest: str, *, after_its_story: bool) -> None:
        self.digest = digest
        self.after_its_story = after_its_story
        self._machine: Machine | None = None

    def machine(self) -> Machine:
        """The server, deployed."""
        if self._machine is None:
            take = Machine.after_its_story if self.after_its_story else Machine.restored_or_made
            self._machine = take(self.digest)
        return self._machine

    def judge(self, one: Mutant) -> Result:
        """Breaks the generator in one place; whoever must notice looks."""
        begun = time.monotonic()
        say(f"mutant {one.name}: {one.breaks}; {one.where} must notice")
        try:
            by = by_test.judge(one) if one.test else self.machine().judge(one)
            word = NOTICED if by else SURVIVED
        except (Unproven, Stale, BenchError) as error:
            say(str(error))
            word, by = UNPROVEN, str(error)
        result = Result(word, (by or "nobody").splitlines()[0], round(time.monotonic() - begun))
        say(f"mutant {one.name}: {result.word} by {result.by}")
        return result

    def put_back(self) -> None:
        """Leaves the server of the stories without a mutant."""
        if self.after_its_story and self._machine is not None:
            self._machine.put_back()


class Kept:
    """What was noticed in this very tree, so that a run that was stopped goes on where it was."""

    def __init__(self, digest: str) -> None:
        self.path = tree.PLACE / "noticed.json"
        self.digest = digest
        self.found: dict[str, Result] = {}
        with contextlib.suppress(FileNotFoundError):
            kept = json.loads(self.path.read_text())
            if kept["tree"] == digest:
                self.found = {name: Result(**result) for name, result in kept["noticed"].items()}

    def keep(self, name: str, result: Result) -> None:
        """Writes it down at once."""
        self.found[name] = result
        noticed = {known: asdict(one) for known, one in self.found.items() if one.word == NOTICED}
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps({"tree": self.digest, "noticed": noticed}, indent=1))
        draft.replace(self.path)


def table(results: dict[str, tuple[Mutant, Result]]) -> int:
    """Prints what came of each; 1 where one was not noticed."""
    wide = max(map(len, results))
    print(f"\n{'mutant':<{wide}}  seconds  result    by")
    for name, (one, result) in results.items():
        print(f"{name:<{wide}}  {result.seconds:7}  {result.word:<8}  {result.by[:150] if result.by else one.where}")
    bad = [name for name, (_, result) in results.items() if result.word != NOTICED]
    print(f"\n{len(results) - len(bad)} noticed, {len(bad)} not" + (f": {', '.join(bad)}" if bad else ""))
    return 1 if bad else 0


def main() -> int:
    """Proves what is asked for."""
    parser = argparse.ArgumentParser(prog="prove", description=__doc__)
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--by-turns", action="store_true", help="those whose turn it is, on a server that a story left")
    some.add_argument("--ahead", action="store_true", help="builds what those whose turn it is need; runs nothing")
    some.add_argument("--list", action="store_true", help="names all, and that each fits the tree; runs nothing")
    parser.add_argument("names", nargs="*", help="these only, whatever is known of them; otherwise all that are left")
    given = parser.parse_args()
    every = {one.name: one for one in mutant.every()}
    if given.list:
        print(*(f"{one.name}: {one.breaks}; {one.where} must notice" for one in every.values()), sep="\n")
        return 0
    with tree.locked():
        digest = tree.copy()
        if given.ahead:
            tree.build_ahead(digest, [one for one in mutant.by_turns()[1] if not one.test])
            return 0
        kept = Kept(digest)
        chosen = [every[name] for name in given.names] or list(every.values())
        if given.by_turns:
            commit, chosen = mutant.by_turns()
            say(f"at commit {commit} it is the turn of {', '.join(one.name for one in chosen)}")
        prover = Prover(digest, after_its_story=given.by_turns)
        results = {}
        for one in chosen:
            known = None if given.by_turns or given.names else kept.found.get(one.name)
            result = known or prover.judge(one)
            kept.keep(one.name, result)
            results[one.name] = (one, result)
        code = table(results)
        prover.put_back()
        return code


if __name__ == "__main__":
    sys.exit(main())
