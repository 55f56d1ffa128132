"""What to read and where, as the configuration file says it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from .failure import ExportError

T = TypeVar("T")
PROVIDERS = ("garage", "aws-s3")


@dataclass(frozen=True)
class IdentitySettings:
    """Keycloak; in `url`, `{SERVICE.NETWORK}` stands for a container's address."""

    url: str
    realm: str
    client: str
    secret_file: str


@dataclass(frozen=True)
class StorageSettings:
    """The bucket; `ca` is the PEM of an authority of the endpoint's own."""

    provider: str
    endpoint: str
    region: str
    bucket: str
    access_key_file: str
    secret_key_file: str
    ca: str | None


@dataclass(frozen=True)
class MachineSettings:
    """What stands on this machine beside the services."""

    project: str  # of Compose
    spa_volume: str  # holds the pages that are served, and the name of the image they are from
    pages: str  # folder with branding.json and branding/
    release: str  # the release document
    data: str  # folder on the disk that holds the files


@dataclass(frozen=True)
class OutsideSettings:
    """Where the public name is answered."""

    address: str
    port: int


@dataclass(frozen=True)
class Settings:
    """Everything."""

    installation: str
    sha256: bool  # whether every object is read for its digest
    identity: IdentitySettings
    storage: StorageSettings
    machine: MachineSettings
    outside: OutsideSettings


def read(path: str) -> Settings:
    """Reads the file; a key that is missing or unknown, or of another type, is an error."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"the configuration {path} cannot be read: {error}") from None
    if not isinstance(content, dict) or content.pop("schema", None) != 1:
        raise ExportError(f"the configuration {path} is not of schema 1")
    parts = {
        "identity": _part(IdentitySettings, content.pop("identity", None), "identity"),
        "storage": _part(StorageSettings, content.pop("storage", None), "storage"),
        "machine": _part(MachineSettings, content.pop("machine", None), "machine"),
        "outside": _part(OutsideSettings, content.pop("outside", None), "outside"),
    }
    settings = _part(Settings, content | parts, "the configuration")
    if settings.storage.provider not in PROVIDERS:
        raise ExportError(f"storage.provider is one of {', '.join(PROVIDERS)}")
    return settings


def _part(kind: type[T], content: Any, name: str) -> T:
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(content, dict) or set(content) != set(known):
        raise ExportError(f"{name} in the configuration has exactly: {', '.join(known)}")
    plain = {"str": str, "int": int, "bool": bool}
    for key, annotation in known.items():
        value = content[key]
        optional = annotation == "str | None"
        expected = str if optional else plain.get(str(annotation))
        if expected and type(value) is not expected and not (optional and value is None):
            raise ExportError(f"{key} in the configuration is not of type {annotation}")
    return kind(**content)


def secret(path: str) -> str:
    """One secret from its file; an empty or missing one is an error."""
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ExportError(f"the secret {path} cannot be read: {error.strerror}") from None
    if not value:
        raise ExportError(f"the secret {path} is empty")
    return value
