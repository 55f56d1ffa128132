"""Whether the files of an unpacked kit are those of its list, and no others.

This finds what was left out, left over or damaged. Who made the list is for `VERIFY.txt` to show, before any of these
programs runs: whoever could change a file could change this one.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .failure import Refused

SUMS = "SHA256SUMS"
#: What the list cannot name.
UNLISTED = {SUMS, f"{SUMS}.sig"}
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
AGAIN = "next: unpack the kit into a new folder, verify it there, and keep nothing of your own in it"


@dataclass(frozen=True)
class Contents:
    """The kit's files as they were read when they were checked."""

    digest: str
    files: dict[str, bytes]


def checked(kit: Path) -> Contents:
    """Reads every file of a kit; one that is missing, changed or not on the list is refused."""
    try:
        sums = (kit / SUMS).read_bytes()
        listed = _listed(sums)
        present = _present(kit)
        _same(set(listed), present - UNLISTED)
        files = {name: (kit / name).read_bytes() for name in listed}
    except OSError as error:
        raise Refused(f"the kit in {kit} cannot be read: {error.strerror}; {AGAIN}") from None
    changed = [name for name, digest in listed.items() if hashlib.sha256(files[name]).hexdigest() != digest]
    if changed:
        raise Refused(f"not as {SUMS} says: {_few(changed)}; {AGAIN}")
    return Contents(hashlib.sha256(sums).hexdigest(), files)


def _listed(sums: bytes) -> dict[str, str]:
    lines = [LINE.fullmatch(line) for line in sums.decode(errors="replace").removesuffix("\n").split("\n")]
    found = {line[2]: line[1] for line in lines if line}
    if len(found) != len(lines):
        raise Refused(f"{SUMS} is not a kit's list; {AGAIN}")
    return found


def _present(kit: Path) -> set[str]:
    """Every file, by its path; a link or a device is refused, whatever its name."""
    found = set()
    for folder, folders, files in os.walk(kit):
        for path in (Path(folder) / name for name in (*folders, *files)):
            if path.is_symlink() or (not path.is_dir() and not path.is_file()):
                raise Refused(f"neither a file nor a folder: {_few([str(path.relative_to(kit))])}; {AGAIN}")
            if path.is_file():
                found.add(str(path.relative_to(kit)))
    return found


def _same(listed: set[str], present: set[str]) -> None:
    if present - listed:
        raise Refused(f"not in {SUMS}: {_few(present - listed)}; {AGAIN}")
    if listed - present:
        raise Refused(f"missing, though {SUMS} has it: {_few(listed - present)}; {AGAIN}")


def _few(names: set[str] | list[str]) -> str:
    # A name that is not the kit's may hold anything; a terminal gets what can be printed.
    shown = [ascii(name)[1:-1] for name in sorted(names)[:5]]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
