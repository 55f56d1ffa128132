"""Which keys and metadata the target's store can hold, and which keys the bulk tool cannot carry.

The rules are those by which the package was checked (from native listings after copies, and of Azure what its
documentation says); they are applied anew, since objects came after the export.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import replace

from .configuration import AZURE
from .entries import OWN, Entry, escape

LONGEST = 1024
#: Parts between slashes of a key in Azure.
MOST_SEGMENTS = 254
METADATA_BYTES = {"garage": 2 << 10, "aws-s3": 2 << 10, AZURE: 8 << 10}
#: A name that HTTP can carry in a header.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: What Azure takes for a name of metadata.
IDENTIFIER = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")
#: What Azure takes for a text of metadata.
PLAIN = re.compile(r"[\t -~]*")
#: Characters that no key in Azure holds; a backslash becomes a slash there.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
FOREIGN = re.compile("[\ue000-\uf8ff\ufffe\uffff\udc80-\udcff]")
#: Characters by which rclone writes others that it cannot: control pictures, full-width dot, slash and backslash, its
#: quote.
WRITTEN_FOR_OTHERS = re.compile("[\u2400-\u2421\uff0e\uff0f\uff3c\u201b]")
#: Names that mean something else to rclone than a user's pair.
TAKEN = OWN | {
    "atime", "cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "tier"
}  # fmt: skip


def key_problem(store: str, key: str) -> str | None:
    """Why the store cannot hold the key under its own name."""
    if len(key.encode(errors="surrogateescape")) > LONGEST:
        return "the key is longer than 1,024 bytes"
    # Stored as `lead`, so it could overwrite an object of that name.
    if store == "garage" and key.startswith("/"):
        return "the key begins with a slash"
    return _azure_problem(key) if store == AZURE else None


def _azure_problem(key: str) -> str | None:
    segments = key.split("/")
    problems = (
        (CONTROL.search(key), "the key holds a control character"),
        (FOREIGN.search(key), "the key holds a character that the store does not know"),
        ("\\" in key, "the key holds a backslash"),
        (key.endswith("/"), "the key ends with a slash"),
        ("." in segments or ".." in segments, "the key holds a segment `.` or `..`"),
        (any(segment.endswith(".") for segment in segments), "a segment of the key ends with a dot"),
        (len(segments) > MOST_SEGMENTS, "the key has more than 254 segments"),
    )
    return next((problem for found, problem in problems if found), None)


def percent_encoded(store: str, key: str) -> str | None:
    """The name under which the rule `percent-encode` lets the store hold the key; `None` where it cannot."""
    name = key.replace("%", "%25")
    if store == "garage" and name.startswith("/"):
        name = "%2F" + name[1:]
    if store == AZURE:
        for foreign in (CONTROL, FOREIGN):
            name = foreign.sub(lambda found: urllib.parse.quote(found[0], errors="surrogateescape"), name)
        name = re.sub(r"\.(?=/|\Z)", "%2E", name.replace("\\", "%5C"))
        name = re.sub(r"/\Z", "%2F", name)
    return None if key_problem(store, name) else name


def target_name(store: str, key: str, *, rename: bool) -> str | None:
    """The name that the target gives a key; `None` where it can hold none."""
    if key_problem(store, key) is None:
        return key
    return percent_encoded(store, key) if rename else None


def metadata_problem(store: str, entry: Entry, *, rename: bool) -> str | None:
    """Why the store cannot hold the metadata."""
    if not all(TOKEN.fullmatch(name) for name in entry.metadata):
        return "a metadata name is not one that HTTP can carry"
    held = as_held(store, entry, rename=rename)
    if store == AZURE and (problem := _azure_metadata_problem(entry, held)):
        return problem
    size = sum(len((name + text).encode(errors="surrogateescape")) for name, text in held.metadata.items())
    return "the metadata is larger than the store holds" if size > METADATA_BYTES[store] else None


def _azure_metadata_problem(entry: Entry, held: Entry) -> str | None:
    for name in sorted(held.metadata):
        if not IDENTIFIER.fullmatch(name):
            return f"the metadata name {escape(name)} is not an identifier"
        if not PLAIN.fullmatch(held.metadata[name]):
            return f"the metadata {escape(name)} holds characters beyond ASCII"
    # Names of Azure are the same whatever their case.
    if len({name.lower() for name in held.metadata}) < len(entry.metadata):
        return "two metadata names would become the same"
    return "the store keeps no header `expires`" if "expires" in entry.headers else None


def as_held(store: str, entry: Entry, *, rename: bool) -> Entry:
    """The object with the metadata names that the target gives it; the very same where these are its own.

    The rule is the keys' (`percent-encode`), with a character in the place of `%` that an identifier may hold.
    """
    if store != AZURE or not rename or all(IDENTIFIER.fullmatch(name) for name in entry.metadata):
        return entry
    return replace(entry, metadata={_identifier(name): text for name, text in entry.metadata.items()})


def _identifier(name: str) -> str:
    if IDENTIFIER.fullmatch(name):
        return name
    return "".join(c if c.isalpha() or (at and c.isdigit()) else f"_{ord(c):02x}" for at, c in enumerate(name))


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
