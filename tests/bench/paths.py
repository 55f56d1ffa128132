"""Where the bench keeps things, and how costly results are found again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CONTEXTS = Path(__file__).resolve().parent / "contexts"

#: Everything costly: root file systems, wheels, npm packages, Garage, Docker's data. Survives a clone.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stufpack" / "bench"

#: Sockets, process ids and locks: gone after a restart of the machine.
RUN = Path(os.environ.get("STUFPACK_BENCH_RUN") or "/run/stufpack-bench")

CLONE = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:6]
#: A second bench of the same clone, beside the first; empty for the first.
PART = os.environ.get("STUFPACK_BENCH_PART", "")
#: Names containers and networks, so that two clones on one machine do not meet, nor the parts of one clone.
INSTANCE = f"{CLONE}-{PART}" if PART else CLONE


def instance_folder() -> Path:
    """The folder of this clone's bench: keys, mails, logs."""
    folder = CACHE / "instances" / INSTANCE
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def logs_folder() -> Path:
    """The one folder in which a failure can be read up."""
    folder = instance_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest_of(*inputs: str | bytes | Path) -> str:
    """A short digest of texts, files and whole folders (names, modes and bytes)."""
    total = hashlib.sha256()
    for value in inputs:
        if isinstance(value, Path):
            for file in sorted(value.rglob("*")) if value.is_dir() else [value]:
                if file.is_file() and "__pycache__" not in file.parts:
                    name = str(file.relative_to(value)) if value.is_dir() else file.name
                    mode = "x" if os.access(file, os.X_OK) else "-"
                    total.update(f"{name}\0{mode}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        else:
            total.update(value.encode() if isinstance(value, str) else value)
            total.update(b"\0")
    return total.hexdigest()[:16]
