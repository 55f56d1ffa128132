"""Why a run stopped where no step of it failed: kept for the page of the status, which anyone may see.

A reason is made of the package's own words. Where a tool has told a part of it, `Stop.page` has the words without; who
signed is "a user", and the home folder is `~`. Then it is searched as an operation folder is, for every known secret
and the people of the package: where one is found, or that cannot be looked for, its code alone is kept.
"""

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import leak
import people
from journal import Journal
from outcome import Stop
from package import Package
from state import State, replace


@dataclass(frozen=True)
class Reason:
    """What may be shown of a stop: its code; what it was and what it said to type, where that may be."""

    code: str
    what: str | None
    next: str | None


def keep(package: Package, state: State, journal: Journal, run: int, stop: Stop) -> None:
    """Keeps why a run stopped; that it could not be kept changes nothing of what was refused."""
    said = {"what": stop.page or stop.what, "next": stop.next}
    told = {name: for_page(text, journal) for name, text in said.items()}
    document = {"v": 1, "code": stop.code} | (told if _may_be_shown(package, state, told) else {})
    with contextlib.suppress(OSError):
        replace(_place(state, run), json.dumps(document, indent=1) + "\n")


def read(state: State, run: int) -> Reason | None:
    """Why a run stopped; None where that was not kept."""
    try:
        found = json.loads(_place(state, run).read_bytes())
        return Reason(found["code"], found.get("what"), found.get("next"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def for_page(text: str, journal: Journal) -> str:
    """A text of ours without who has signed, and without the home folder's name; a shell finds it by `~` too."""
    for name in {line.by for line in journal.lines if line.by}:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "a user", text)
    home = str(Path.home()).rstrip("/")
    return text.replace(f"'{home}/", "~/'").replace(f"{home}/", "~/") if home else text


def _may_be_shown(package: Package, state: State, told: dict[str, str]) -> bool:
    files = {name: text.encode() for name, text in told.items()}
    try:
        return not leak.search(files, leak.known(state.root)) and not people.search(files, people.known(package.root))
    except (OSError, ValueError):
        return False


def _place(state: State, run: int) -> Path:
    return state.here / "logs" / f"{run}-stopped.json"
