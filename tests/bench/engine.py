"""The Docker engine of the bench: started when none runs, shared when one does, stopped by who started it.

Its data, socket and process id are its own (never those of an engine that the machine may have), and every
call names the socket, so `DOCKER_HOST` of the caller is never used by accident.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .paths import CACHE, PART, REPOSITORY, RUN
from .shell import BenchError, run, say, text, wait_for

SOCKET = RUN / "docker.sock"
HOST = f"unix://{SOCKET}"
STATE = RUN / "engine.json"
#: Nobody's settings and sign-ins.
CLIENT = CACHE / "client"
#: Words of `docker run`: a bench beside the first gives way to it, which is the one that everything waits for.
SHARE = ("--cpu-shares", "256") if PART else ()


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One at a time on this machine; the lock is gone when its holder is."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment() -> dict[str, str]:
    """What a Docker client needs to talk to this engine."""
    return {
        "DOCKER_HOST": HOST,
        "DOCKER_CONFIG": str(CLIENT),
        "DOCKER_BUILDKIT": "0",
        "DOCKER_CLI_HINTS": "false",
    }


def docker(*words: str | Path, **options: object) -> str:
    """Calls the Docker client and returns what it printed."""
    return text(["docker", *words], env=environment(), **options)


def docker_ok(*words: str | Path) -> bool:
    """Whether a Docker command succeeds."""
    return run(["docker", *words], env=environment(), check=False).returncode == 0


def answers() -> bool:
    """Whether an engine answers at the socket."""
    return SOCKET.exists() and docker_ok("version")


@dataclass(frozen=True)
class Engine:
    """A running engine, and the clone that started it."""

    pid: int
    owner: str

    @property
    def ours(self) -> bool:
        """Whether this clone started it, and may stop it."""
        return self.owner == str(REPOSITORY)


def current() -> Engine | None:
    """The engine that runs, if one does."""
    if not (STATE.exists() and answers()):
        return None
    state = json.loads(STATE.read_text())
    return Engine(pid=state["pid"], owner=state["owner"])


def start() -> Engine:
    """Starts the engine, or finds the one that runs."""
    with locked("engine"):
        if running := current():
            return running
        if os.geteuid() != 0:
            raise BenchError("a Docker engine needs root; next: run this as root on a machine made for tests")
        log_path = CACHE / "dockerd.log"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        for stale in (RUN / "docker.pid", SOCKET):
            stale.unlink(missing_ok=True)
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [
                    "dockerd",
                    f"--data-root={CACHE / 'docker'}",
                    f"--exec-root={RUN / 'exec'}",
                    f"--pidfile={RUN / 'docker.pid'}",
                    f"--host={HOST}",
                    # No docker0: builds use the host's network, containers the bench's own, so that
                    # a second engine on this machine keeps its bridge.
                    "--bridge=none",
                    # Pushed to by address over a network that never leaves this machine; the server under
                    # test checks the registry's certificate.
                    "--insecure-registry=10.213.0.0/16",
                    "--log-level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def ready() -> bool:
            if process.poll() is not None:
                raise BenchError(f"dockerd ended with {process.returncode}; read {log_path}")
            return answers()

        wait_for("the Docker engine", ready, 60)
        STATE.write_text(json.dumps({"pid": process.pid, "owner": str(REPOSITORY)}))
        say(f"engine started (pid {process.pid}, DOCKER_HOST={HOST})")
        return Engine(pid=process.pid, owner=str(REPOSITORY))


def stop() -> None:
    """Stops the engine that this clone started; one of another clone stays."""
    with locked("engine"):
        running = current()
        if running is None:
            say("no engine runs")
            return
        if not running.ours:
            say(f"the engine belongs to {running.owner}: left running")
            return
        others = docker("ps", "--format", "{{.Names}}").split()
        if others:
            say(f"containers of others still run, engine left running: {', '.join(others)}")
            return
        os.kill(running.pid, signal.SIGTERM)
        wait_for("the engine's end", lambda: not Path(f"/proc/{running.pid}").exists() or _is_zombie(running.pid), 60)
        STATE.unlink(missing_ok=True)
        say("engine stopped")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
