"""A person's browser: Chromium on a machine of its own, which trusts whom the web trusts and nobody else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import asdict, dataclass
from typing import Any

from . import images
from .engine import docker, environment
from .names import BROWSER, REGISTRY_HOST
from .network import participate, remove
from .outside import Person, Stuf
from .paths import logs_folder

#: The longest that a visit may take, waiting for a fresh one-time code included.
SECONDS = 90
#: Nobody's page: another origin, with a certificate by an authority that browsers do not know.
STRANGER = f"https://{REGISTRY_HOST}/v2/"


@dataclass(frozen=True)
class Upload:
    """A file as a person chooses it, and what they say about it."""

    name: str
    type: str
    data: bytes
    metadata: dict[str, str]


def start() -> None:
    """A browser that nobody has used."""
    remove(BROWSER)
    docker(*participate(BROWSER), "--init", images.image("browser"))


def visit(stuf: Stuf, person: Person, collection: str, upload: Upload) -> dict[str, Any]:
    """What a person does at a STUF by its pages (contexts/browser/app/visit.js), and what the browser noted of it."""
    chosen = {**asdict(upload), "base64": base64.b64encode(upload.data).decode()}
    del chosen["data"]
    asked = {
        "origin": stuf.origin,
        "identity": stuf.identity,
        "stranger": STRANGER,
        "username": person.username,
        "password": person.password,
        "collection": collection,
        "file": chosen,
    }
    words = ["docker", "exec", "--interactive", BROWSER.container, "timeout", str(SECONDS)]
    with (
        (logs_folder() / "browser.log").open("wb") as log,
        subprocess.Popen(
            [*words, "node", "/opt/browser/visit.js"],
            # What nobody else may know goes by standard input: arguments and environments can be looked at.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment()},
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None

        def tell(line: str) -> None:
            assert process.stdin is not None
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()

        tell(json.dumps(asked))
        told: dict[str, Any] = {}
        for line in process.stdout:
            told = json.loads(line)
            if told.get("ask") == "code":
                tell(person.next_code())
    if process.returncode != 0:
        said = (logs_folder() / "browser.log").read_text(errors="replace")
        raise AssertionError(f"the visit ended with {process.returncode}:\n{said}")
    return told
