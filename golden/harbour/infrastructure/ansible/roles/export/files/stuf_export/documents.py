"""The configuration documents in the bucket, as the import writes them and the admin tool keeps them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from .failure import ExportError

Document = dict[str, Any]
SCHEMA_VERSION = 1
WORKERS = 8
CONFIG = "config/stuf_config.json"
FIELDS = "config/metadata_config.json"
READERS = "config/glass_readers.json"
USERS = "users/"
# What the import of a configuration writes, where validations work, and what later copies replaced: no content.
OWN_FOLDERS = ("config/", USERS, "stufpack-validation/", "stufpack-backup/")
OWN_KEYS = ("users.json",)
LOST = "next: the same once more; where it stays so, have the storage looked at"


class Bucket(Protocol):
    """What is asked of a store."""

    def get(self, key: str) -> bytes | None:
        """One object, or `None`."""

    def lists(self, key: str) -> bool:
        """Whether this very key is listed now."""


def is_content(key: str) -> bool:
    """Whether an object is the tenant's, and not the administration's."""
    return not key.startswith(OWN_FOLDERS) and key not in OWN_KEYS


def read(bucket: Bucket, key: str) -> Document | None:
    """One document, or `None` where there is none."""
    body = bucket.get(key)
    if body is None:
        return None
    shown = key if key.startswith("config/") else "users/ID.json"
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise ExportError(f"{shown} in the bucket is no document of schema_version {SCHEMA_VERSION}")
    return content


def required(bucket: Bucket, key: str) -> Document:
    """One document that every installation has."""
    found = read(bucket, key)
    if found is None:
        raise ExportError(f"the bucket has no {key}; next: ./migrate import, or have the admin tool write it")
    return found


def users(bucket: Bucket, keys: list[str]) -> list[Document]:
    """The documents of all users; one that was deleted since its listing is none, one that is listed still is lost."""
    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(lambda key: read(bucket, key), keys))
    if any(user is None and bucket.lists(key) for key, user in zip(keys, found, strict=True)):
        raise ExportError(f"the storage lists users/ID.json of a user and does not give it; {LOST}")
    return [user for user in found if user is not None]
