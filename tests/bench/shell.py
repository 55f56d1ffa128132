"""Running programs: a failure says what was run, where its output is, and the end of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .paths import logs_folder


class BenchError(Exception):
    """The bench could not do something; the message says what and where to look."""


def run(
    command: Sequence[str | Path],
    *,
    log: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float = 1800,
    check: bool = True,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a program and returns its output; with `log`, keeps the output in the logs folder too."""
    arguments = [str(word) for word in command]
    done = subprocess.run(
        arguments,
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=timeout,
        cwd=cwd,
        check=False,
    )
    where = ""
    if log:
        file = logs_folder() / f"{log}.log"
        with file.open("ab") as out:
            out.write(f"$ {' '.join(arguments)}\n".encode() + done.stdout + done.stderr)
        where = f"; whole output in {file}"
    if check and done.returncode != 0:
        tail = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        raise BenchError(f"`{' '.join(arguments)[:400]}` ended with {done.returncode}{where}\n{tail}")
    return done


def text(command: Sequence[str | Path], **options: object) -> str:
    """Standard output of a program, without the last newline."""
    return run(command, **options).stdout.decode().rstrip("\n")  # type: ignore[arg-type]


def say(message: str) -> None:
    """Tells the person at the terminal what happens."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def wait_for(what: str, ready: Callable[[], bool], seconds: float, pause: float = 0.5) -> None:
    """Waits until `ready` says so; a `BenchError` names what did not come."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise BenchError(f"{what} did not come within {seconds:.0f} s; logs are in {logs_folder()}")
        time.sleep(pause)
