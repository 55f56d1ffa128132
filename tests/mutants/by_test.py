"""Mutants that a test notices: it passes in the tree, and fails in the broken copy, saying what it must."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.paths import CACHE, REPOSITORY
from bench.shell import say

from . import tree
from .mutant import Mutant
from .noticing import Unproven

#: Whose Python a folder of tests needs; every other runs with this one.
_PYTHON = {"tests/content": "python-content", "tests/controller": "python-judges", "tests/ansible": "python-judges"}


def judge(mutant: Mutant) -> str | None:
    """Which test failed, or None where the mutant survived."""
    passed, output = _run(REPOSITORY, mutant)
    if not passed:
        raise Unproven(f"{mutant.where} fails without the mutant too:\n{output[-3000:]}")
    with tree.broken(mutant):
        passed, output = _run(tree.TREE, mutant)
    if passed or not all(text in output for text in mutant.says):
        say(f"{mutant.where} {'passes' if passed else 'fails'}, and not as it must:\n{output[-3000:]}")
        return None
    return next(line.split()[1] for line in output.splitlines() if line.startswith(("FAIL:", "ERROR:")))


def _run(root: Path, mutant: Mutant) -> tuple[bool, str]:
    folder, name = mutant.test
    own = _PYTHON.get(folder)
    python = CACHE.parent / own / "bin" / "python" if own else Path(sys.executable)
    if not python.exists():
        raise Unproven(f"{python} is missing; next: tools/install content, tools/install quick")
    done = subprocess.run(
        [python, "-m", "unittest", name],
        cwd=root / folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # Neither is a run of nothing a success.
    return done.returncode == 0 and "\nRan 0 tests" not in done.stdout, done.stdout
