"""An export of what runs here: the exporting program does the work, as every customer's installation has it done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import contents, settings
from .failure import SourceError

#: Where the programs stand, in the kit as on a machine where it is installed.
PROGRAM = Path(__file__).resolve().parents[1]


def read(configuration: dict[str, Any], out: Path | None = None) -> None:
    """Writes the export's tar to standard output, or to a new file; people's lines go to standard error."""
    given = os.memfd_create("export.json")
    try:
        os.write(given, json.dumps(configuration).encode())
        words = ["read", "--config", f"/proc/self/fd/{given}", *(["--out", str(out)] if out else [])]
        _run(words, given)
    finally:
        os.close(given)


def first_export(configuration: dict[str, Any], folder: Path) -> None:
    """Makes an export's folder below `folder`, whole or not at all; says where it is."""
    with tempfile.TemporaryDirectory() as work:
        tar = Path(work) / "export.tar"
        read(configuration, tar)
        number = len(list(folder.glob("*-*"))) + 1 if folder.is_dir() else 1
        _run(["place", "--tar", str(tar), "--into", str(folder), "--number", str(number)])


def _run(words: list[str], *descriptors: int) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "stuf_export", *words],
        cwd=PROGRAM,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        check=False,
    )
    if done.returncode != 0:
        raise SourceError("no export was made; why stands above; next: mend that, then the same once more")


def main(arguments: list[str]) -> int:
    """Makes an export with the settings of the kit, installed or not."""
    os.umask(0o077)
    if len(arguments) != 2 or arguments[0].startswith("-"):
        print("usage: ./export SETTINGS FOLDER, as root; an export's folder is made in FOLDER", file=sys.stderr)
        return 2
    try:
        # Attested nowhere, and checked all the same: half of one kit and half of another would read something else.
        contents.checked(PROGRAM.parent)
        first_export(settings.read(Path(arguments[0])).export, Path(arguments[1]))
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    return 0
