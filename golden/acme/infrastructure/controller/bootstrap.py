"""The tools: a virtual environment in the state folder, every wheel by digest, one per requirements.txt and Python.

pip takes the wheels from wherever it is configured to (`pip.conf`, PIP_INDEX_URL, PIP_FIND_LINKS): the digests
decide, not the place.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from console import Console
from outcome import Exit, Stop, refused
from state import Lock, State, replace

REQUIREMENTS = "infrastructure/controller/requirements.txt"

# Of 17,000 files nearly all are modules of collections, which Ansible sends elsewhere and never imports here.
COMPILE = """
import compileall, re, sys
compileall.compile_dir(sys.argv[1], quiet=2, rx=re.compile("/ansible_collections/"))
"""


def _folder(state: State, root: Path) -> Path:
    digest = hashlib.sha256((root / REQUIREMENTS).read_bytes()).hexdigest()
    return state.root / "venv" / f"py{sys.version_info.major}.{sys.version_info.minor}-{digest[:16]}"


def tools(state: State, root: Path) -> Path:
    """The folder of ansible-playbook and the others; raises `Stop` (exit 12) when `bootstrap` has not made it."""
    folder = _folder(state, root)
    if not (folder / "complete").is_file():
        raise refused(
            "tools.missing", "the tools of this package are not installed", str(folder), "./migrate bootstrap"
        )
    return folder / "bin"


def is_ready(state: State, root: Path) -> bool:
    """Whether `bootstrap` is done for this package and this Python."""
    return (_folder(state, root) / "complete").is_file()


def make(state: State, root: Path, console: Console, lock: Lock) -> None:
    """Makes the environment, or says that it is there. A half-made one is made anew, never mended."""
    folder = _folder(state, root)
    if is_ready(state, root):
        console.say(f"bootstrap: already done ({folder})")
        return
    log = state.here / "logs" / "bootstrap.log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    console.say(f"bootstrap: installing from {REQUIREMENTS}, every wheel by its digest; takes a few minutes")
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    wheels = ["install", "--require-hashes", "--only-binary", ":all:", "--no-compile", "-r", str(root / REQUIREMENTS)]
    _run(
        [sys.executable, "-m", "venv", str(folder)],
        log,
        lock,
        "python3 -m venv works (Debian: apt-get install python3-venv)",
    )
    _run([*pip, *wheels], log, lock, "pip reaches a package index (pip config list)")
    _run([python, "-c", COMPILE, str(folder / "lib")], log, lock, "the disk has room")
    _run([str(folder / "bin" / "ansible-playbook"), "--version"], log, lock, "Ansible starts")
    replace(folder / "complete", hashlib.sha256((root / REQUIREMENTS).read_bytes()).hexdigest() + "\n")
    console.say("bootstrap finished")


def _run(command: list[str], log: Path, lock: Lock, needed: str) -> None:
    """Runs one command with its output in the log; the next `bootstrap` starts over where it fails."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "PYTHON", "LC_", "STUFPACK_"))
    }
    environment = kept | {"LC_ALL": "C.UTF-8", "PYTHONNOUSERSITE": "1"}
    with log.open("ab") as output:
        status = subprocess.run(
            command, cwd=log.parent, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=(lock.descriptor,), check=False,
        ).returncode  # fmt: skip
    if status != 0:
        last = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()][-3:]
        shown = "".join(f"\n  {line[:300]}" for line in last)
        raise Stop(
            Exit.ERROR, "bootstrap.failed", f"{Path(command[0]).name} ended with {status}{shown}", str(log),
            "No host or account was changed; a half-made environment is never used.",
            f"see that {needed}, then: ./migrate bootstrap",
        )  # fmt: skip
