"""What the stories of the content look at: the unit and its state on the server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

from . import server
from .engine import environment
from .names import LAPTOP

KEY = "/etc/stuf/secrets/source_read"
STATE = "/var/lib/stufpack/content/state"
UNIT = "stuf-content@copy.service"
# Runs on the server.
STORE = """
import json, sys
from pathlib import Path
sys.path.insert(0, "/usr/local/lib/stuf-content")
from stuf_content import configuration, session
store = session.Session(configuration.read(Path("/etc/stuf/content.json"))).target
key = sys.argv[1]
"""
LOOK = """
there = store.head(key)
print(json.dumps(there.content_type if there else None))
"""
# What an object holds, and nothing else of it.
CHANGE = """
with store.reading(key) as (there, answer):
    was = answer.read()
store.put(key, bytes([was[0] ^ 1]) + was[1:], there)
"""


def exists(path: str) -> bool:
    """Whether a file is on the server."""
    return server.inside("sh", "-c", f"test -e {path} && echo yes || echo no") == "yes"


def state(name: str) -> Any:
    """A document of the copying program's; None where there is none yet."""
    found = server.inside("sh", "-c", f"cat {STATE}/{name} 2>/dev/null || echo null")
    return json.loads(found)


def unit_state() -> str:
    """What systemd says of the copy."""
    return server.inside("sh", "-c", f"systemctl is-active {UNIT} || true")


def content_type(key: str) -> str | None:
    """The content type of an object at the target; None where there is none."""
    found: str | None = json.loads(server.inside("python3", "-", key, stdin=(STORE + LOOK).encode()))
    return found


def change(key: str) -> None:
    """Changes one byte of an object at the target, or changes it back."""
    server.inside("python3", "-", key, stdin=(STORE + CHANGE).encode())


@contextlib.contextmanager
def started(command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command on the Trust Architect's machine that goes on meanwhile."""
    words = ["docker", "exec", LAPTOP.container, "bash", "-lc", command]
    with subprocess.Popen(
        words,
        env={**os.environ, **environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        yield process
