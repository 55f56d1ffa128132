"""A private copy of the tree, in which a file is broken, and the program that is built from it.

The copy lies at one place for all clones, so that the compiler finds most of its work done; a lock keeps them apart.
Programs may be built ahead of their time, while something else waits: they are known by the digest of the copy.
Dependencies are the ones that the clone has compiled already: hard links, since nobody writes to them again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.paths import CACHE, REPOSITORY
from bench.shell import run

from .mutant import Mutant

PLACE = CACHE.parent / "mutants"
TREE = PLACE / "tree"
AHEAD = PLACE / "ahead"

_LIBRARIES = {".rlib", ".rmeta", ".so", ".d"}


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One run at a time on this machine."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def copy() -> str:
    """Makes the copy equal to the tree, commits or not; returns its digest. Equal files keep their times for Cargo."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True).stdout.decode()
    names = sorted({name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()})
    total = hashlib.sha256()
    for name in names:
        content = (REPOSITORY / name).read_bytes()
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        copied = TREE / name
        if not copied.is_file() or copied.read_bytes() != content:
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, copied)
        copied.chmod((REPOSITORY / name).stat().st_mode)
    wanted = {TREE / name for name in names}
    for path in TREE.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    return total.hexdigest()[:16]


@contextlib.contextmanager
def broken(mutant: Mutant) -> Iterator[None]:
    """The copy with this one mutant in it."""
    path = TREE / mutant.file
    whole = path.read_text()
    path.write_text(mutant.broken(whole))
    try:
        yield
    finally:
        path.write_text(whole)


def build_ahead(digest: str, mutants: list[Mutant]) -> None:
    """Builds the broken programs of this copy that will be asked for; those of an earlier one go."""
    shutil.rmtree(AHEAD, ignore_errors=True)
    AHEAD.mkdir()
    for mutant in mutants:
        whole = _ahead(digest, mutant)
        shutil.copy2(_build(mutant), whole.with_suffix(".new")).replace(whole)


def program(digest: str, mutant: Mutant) -> Path:
    """The `stufpack` of the copy with this one mutant in it."""
    ahead = _ahead(digest, mutant)
    return ahead if ahead.exists() else _build(mutant)


def _ahead(digest: str, mutant: Mutant) -> Path:
    return AHEAD / f"{mutant.name}-{digest}"


def _build(mutant: Mutant) -> Path:
    target = _target()
    # Most of the crate is what it was before the mutant, so the compiler keeps its notes.
    environment = {"CARGO_TARGET_DIR": str(target), "CARGO_INCREMENTAL": "1"}
    with broken(mutant):
        run(["cargo", "build", "--locked", "--quiet"], cwd=TREE, env=environment, log="mutants-build")
    return target / "debug" / "stufpack"


def _target() -> Path:
    """The folder to build in, with the dependencies that stand in the clone's own."""
    compiler = run(["rustc", "--version"]).stdout
    manifest = (TREE / "Cargo.toml").read_text()
    made_from = (compiler, (TREE / "Cargo.lock").read_bytes(), manifest[manifest.index("[profile") :].encode())
    key = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:12]
    target = PLACE / f"target-{key}"
    for old in PLACE.glob("target-*"):
        if old != target:
            shutil.rmtree(old)
    theirs = (REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")).resolve() / "debug"
    for part in (".fingerprint", "build", "deps"):
        for path in (theirs / part).rglob("*"):
            name = path.relative_to(theirs / part).parts[0]
            ours = target / "debug" / path.relative_to(theirs)
            # The program and its tests are what is built here, and Cargo tells by times what is new.
            other = name.startswith(("stufpack-", "libstufpack-")) or (part == "deps" and path.suffix not in _LIBRARIES)
            if path.is_file() and not other and not ours.exists():
                ours.parent.mkdir(parents=True, exist_ok=True)
                _give(path, ours, linked=part == "deps")
    return target


def _give(path: Path, ours: Path, *, linked: bool) -> None:
    """A library is replaced, never written to, so both may have the same; of anything else, a copy."""
    if linked:
        with contextlib.suppress(OSError):  # another file system
            ours.hardlink_to(path)
            return
    shutil.copy2(path, ours)
