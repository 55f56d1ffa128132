"""Which keys and metadata the target's store can hold, and which keys the bulk tool cannot carry.

The rules are those by which the package was checked (from native listings after copies); they are applied anew, since
objects came after the export.
"""

from __future__ import annotations

import re

from .entries import OWN, Entry

LONGEST = 1024
METADATA_BYTES = 2048
#: A name that HTTP can carry in a header.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: Characters by which rclone writes others that it cannot: control pictures, full-width dot and slash, its quote.
WRITTEN_FOR_OTHERS = re.compile("[\u2400-\u2421\uff0e\uff0f\u201b]")
#: Names that mean something else to rclone than a user's pair.
TAKEN = OWN | {
    "atime", "cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "tier"
}  # fmt: skip


def key_problem(store: str, key: str) -> str | None:
    """Why the store cannot hold the key under its own name."""
    if len(key.encode(errors="surrogateescape")) > LONGEST:
        return "the key is longer than 1,024 bytes"
    # Stored as `lead`, so it could overwrite an object of that name.
    return "the key begins with a slash" if store == "garage" and key.startswith("/") else None


def percent_encoded(store: str, key: str) -> str | None:
    """The name under which the rule `percent-encode` lets the store hold the key; `None` where none is short enough."""
    name = key.replace("%", "%25")
    if store == "garage" and name.startswith("/"):
        name = "%2F" + name[1:]
    return None if key_problem(store, name) else name


def target_name(store: str, key: str, *, rename: bool) -> str | None:
    """The name that the target gives a key; `None` where it can hold none."""
    if key_problem(store, key) is None:
        return key
    return percent_encoded(store, key) if rename else None


def metadata_problem(entry: Entry) -> str | None:
    """Why no store can hold the metadata."""
    if not all(TOKEN.fullmatch(name) for name in entry.metadata):
        return "a metadata name is not one that HTTP can carry"
    size = sum(len((name + text).encode(errors="surrogateescape")) for name, text in entry.metadata.items())
    return "the metadata is larger than the store holds" if size > METADATA_BYTES else None


def is_carried_alone(key: str) -> bool:
    """Whether rclone would rename or skip the key, so that it is copied through the storage's own interface."""
    segments = key.split("/")
    return (
        key.startswith("/")
        or key.endswith("/")
        or "." in segments
        or ".." in segments
        or any(ord(c) < 0x20 or ord(c) == 0x7F or 0xD800 <= ord(c) <= 0xDFFF for c in key)
        or WRITTEN_FOR_OTHERS.search(key) is not None
    )


def goes_alone(entry: Entry) -> bool:
    """Whether key, metadata or headers of the object are beyond rclone."""
    return is_carried_alone(entry.key) or bool(TAKEN & entry.metadata.keys()) or "expires" in entry.headers
