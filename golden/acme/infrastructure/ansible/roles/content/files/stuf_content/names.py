"""Before the first byte: every key and metadata name that the target cannot hold and for which no rule stands."""

from __future__ import annotations

from typing import Any

from . import batches, inventory, keys
from .entries import Entry, load
from .outcome import count, refused
from .session import Session


def check(session: Session) -> dict[str, Any]:
    """Looks at what the package lists and at what the source holds now."""
    taken = session.path(inventory.SOURCE)
    entries = load(taken) if taken.exists() else {}
    names: dict[str, str | None] = {}
    for batch in batches.read(session.given.batches, metadata=True):
        for line in batch.lines:
            names[line.key] = line.target_key
            if line.key not in entries:
                entries[line.key] = Entry(line.key, line.size, "", line.modified, line.content_type, line.metadata)
    return look(session, entries, names)


def look(session: Session, entries: dict[str, Entry], given: dict[str, str | None]) -> dict[str, Any]:
    """Refuses what cannot be held; tells what is renamed, and what goes one by one."""
    store, rename = session.given.store, session.given.rename
    problems: dict[str, str] = {}
    renamed: dict[str, str] = {}
    described: dict[str, list[str]] = {}
    holders: dict[str, str] = {}
    for key, entry in sorted(entries.items()):
        name = given.get(key) or keys.target_name(store, key, rename=rename)
        problem = keys.metadata_problem(store, entry, rename=rename)
        if name is None or keys.key_problem(store, name):
            problem = keys.key_problem(store, key)
        elif (other := holders.setdefault(name, key)) != key:
            problem = f"it would become the same key as {other}"
        elif name != key:
            renamed[key] = name
        if problem:
            problems[key] = problem
        elif (held := session.wanted(entry)) is not entry:
            described[key] = sorted(held.metadata.keys() - entry.metadata.keys())
    if problems:
        raise refused(
            f"{count(len(problems), 'key')} cannot be held by the target",
            "set spec.content.renameKeys in the target and make a new package, or rename the objects at the source",
            findings=[{"key": key, "why": problem} for key, problem in problems.items()],
        )
    by_rule = renamed.keys() | described.keys()
    alone = [key for key, entry in sorted(entries.items()) if key in by_rule or keys.goes_alone(entry)]
    return {
        "message": f"{count(len(entries), 'key')}: {len(by_rule)} renamed by the rule, {len(alone)} to copy one by one",
        "objects": len(entries),
        "renamed": [{"key": key, "target_key": name} for key, name in renamed.items()],
        "renamed_metadata": [{"key": key, "names": found} for key, found in described.items()],
        "alone": alone,
    }
