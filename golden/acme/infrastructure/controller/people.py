"""Finds the people of the package in what stands in clear: addresses and whole names of its users.

Both are told by where they stand, never shown. A first or a last name alone is a word like any other, and is not
searched for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Where a package keeps its users; one that is not there names nobody.
_USERS = ("configuration/api-config/users/users.json", "configuration/integration-config/realm-users.json")
# What stands between addresses; so that a line is gone through once, however long its words are.
_BETWEEN = re.compile(r"[\s\"'<>()\[\]{},;:=\\]+")
SHORTEST = 8
_NAMING = ("username", "email", "firstName", "lastName")


@dataclass
class People:
    """Addresses and names, without regard to upper and lower case, and the words of which they are made."""

    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


def known(root: Path) -> People:
    """The users of the package; a file that cannot be read is an error, since nothing finds whom it names."""
    people = People()
    for path in (root / name for name in _USERS):
        if not path.is_file():
            continue
        for user in _objects(json.loads(path.read_bytes())):
            people.addresses |= {text.casefold() for text in user.values() if isinstance(text, str) and "@" in text}
            first, last = user.get("firstName"), user.get("lastName")
            if isinstance(first, str) and isinstance(last, str) and first.strip() and last.strip():
                name = f"{first.strip()} {last.strip()}".casefold()
                people.names |= {name} if len(name) >= SHORTEST else set()
            parts = (str(user.get(key) or "").partition("@")[0] for key in _NAMING)
            people.words.update(word for text in parts for word in re.split(r"[\W_]+", text) if len(word) > 1)
    return people


def _objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _named(name: str, line: str) -> bool:
    """Whether a line has the whole name, and not longer words of which it is the beginning or the end."""
    return name in line and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) is not None


def search(files: Mapping[str, bytes], people: People) -> list[str]:
    """The lines of the files that name somebody, as `path, line N`; of each file the first."""
    found = []
    for path, content in files.items():
        for number, line in enumerate(content.decode(errors="replace").casefold().splitlines(), start=1):
            addresses = {word.rstrip(".!?") for word in _BETWEEN.split(line) if "@" in word}
            if addresses & people.addresses or any(_named(name, line) for name in people.names):
                found.append(f"{path}, line {number}")
                break
    return found
