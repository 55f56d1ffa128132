"""What the operator says of this machine and its STUF, once, at the installation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import Refused

#: A policy of the account's own; one of AWS's has no account in its name.
BOUNDARY = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:policy/[A-Za-z0-9+=,.@_/-]{1,512}")
HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True)
class Ssh:
    """How this machine is reached from outside."""

    host: str
    port: int


@dataclass(frozen=True)
class Storage:
    """The bucket as it is reached from outside, and the key with which its readers are made (`README.md`, part 2)."""

    endpoint: str
    region: str
    bucket: str
    ca: str | None
    iam_endpoint: str
    iam_region: str
    access_key_file: str
    secret_key_file: str
    #: Settings of a kit from before readers were bounded have none: it still revokes, freezes and goes.
    readers_boundary: str | None = None

    def boundary(self) -> str:
        """The policy beyond which no reader may do anything."""
        if self.readers_boundary is None:
            raise Refused(
                "the settings have no storage.readers_boundary, so what a storage key may do would have no bound; "
                "next: make it as README.md shows, part 2, write it into the settings, ./install SETTINGS"
            )
        return self.readers_boundary


@dataclass(frozen=True)
class Settings:
    """Everything; `export` is the configuration of the exporting program, as that program reads it."""

    ssh: Ssh
    storage: Storage | None
    switches: Path
    export: dict[str, Any]

    @property
    def installation(self) -> str:
        """The hosted name of this STUF."""
        return str(self.export["installation"])


def read(path: Path, following: str = "write them as README.md shows, part 1, and name that file") -> Settings:
    """Reads the file; a key that is missing or unknown, or of another type, is an error.

    `following` is what to do where there is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"the settings {path} cannot be read: {error.strerror}; next: {following}") from None
    except ValueError:
        # Without the parser's message, which shows a piece of the text.
        raise Refused(f"the settings {path} are not JSON") from None
    top = _exactly(content, "the settings", schema=int, ssh=dict, storage=(dict, type(None)), switches=str, export=dict)
    if top["schema"] != 1:
        raise Refused("the settings are not of schema 1")
    ssh = Ssh(**_exactly(top["ssh"], "ssh", host=str, port=int))
    if not HOST.fullmatch(ssh.host) or not 0 < ssh.port < 65536:
        raise Refused("ssh.host is not a host name in small letters, or ssh.port not a port")
    if not HOST.fullmatch(str(top["export"].get("installation"))):
        raise Refused("export.installation is not a host name")
    return Settings(ssh, _storage(top["storage"]), Path(top["switches"]), top["export"])


def _storage(given: Any) -> Storage | None:
    if given is None:
        return None
    bounded = ("readers_boundary",) if "readers_boundary" in given else ()
    words = dict.fromkeys(("endpoint", "region", "bucket", "iam_endpoint", "iam_region", *bounded), str)
    files = dict.fromkeys(("access_key_file", "secret_key_file"), str)
    storage = Storage(**_exactly(given, "storage", ca=(str, type(None)), **words, **files))
    for endpoint in (storage.endpoint, storage.iam_endpoint):
        if not re.fullmatch(r"https://[a-z0-9.-]+(:[0-9]{1,5})?", endpoint):
            raise Refused("storage.endpoint and storage.iam_endpoint have the form https://HOST or https://HOST:PORT")
    if bounded and not BOUNDARY.fullmatch(storage.boundary()):
        raise Refused("storage.readers_boundary has the form arn:aws:iam::ACCOUNT:policy/NAME, of a policy of your own")
    return storage


def _exactly(given: Any, where: str, **expected: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or set(given) != set(expected):
        raise Refused(f"{where}: expected exactly the keys {', '.join(expected)}")
    for name, kind in expected.items():
        if not isinstance(given[name], kind) or isinstance(given[name], bool) or given[name] == "":
            raise Refused(f"{where}: {name} is not of the type that README.md shows, or is empty")
    return given


def secret(path: str) -> str:
    """One secret from its file; an empty or missing one is an error."""
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise Refused(f"the secret {path} cannot be read") from None
    if not value:
        raise Refused(f"the secret {path} is empty")
    return value
