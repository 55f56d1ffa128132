"""What is known of one object, and lists of such entries as JSON Lines: keys may hold anything, line breaks too."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

#: Below this delta keeps what it overwrites or takes away.
BACKUP = "stufpack-backup"
#: First segments of keys that are no content: what the import writes, what validation uses, what delta keeps.
RESERVED = frozenset({"config", "users", "users.json", "stufpack-validation", BACKUP})
#: A key that nobody has: whether a bucket answers at all is asked with it.
NOBODY = "stufpack-validation/nobody"
#: What the administration itself keeps of a STUF, which its export brings.
DOCUMENT = re.compile(r"users\.json|(config|users)/[^/]+\.json")
#: Headers beside content type and metadata that belong to an object.
HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


#: How S3 encrypts an object: with AES256 its ETag stays the MD5, with a key of KMS or of the customer it does not.
ENCRYPTION = "x-amz-server-side-encryption"
#: How many pairs of metadata S3 does not tell, since their names or texts do not fit into headers.
UNTOLD = "x-amz-missing-meta"
#: What S3 keeps beside an object and no copy carries, and the headers that tell of it: of tags only their number, and
#: that only to a key that may read them.
BESIDE = {"tags": "x-amz-tagging-count", "redirect": "x-amz-website-redirect-location"}
#: What most objects have of headers; nobody writes into what an entry holds.
NONE: dict[str, str] = {}
#: An ETag that is the MD5 of the bytes, and no count of parts.
MD5 = re.compile(r"[0-9a-f]{32}")
#: Listings tell whole seconds: what was written so shortly before one may have been written once more, unseen.
YOUNG = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as its store tells it."""

    key: str
    size: int
    etag: str
    modified: str
    content_type: str = ""
    metadata: dict[str, str] = field(default_factory=lambda: NONE)
    headers: dict[str, str] = field(default_factory=lambda: NONE)
    #: Whether it was so fresh when it was looked at that its time may not tell this write from the next one.
    young: bool = False
    #: Whether it is encrypted with a key of its own, so that its ETag is no MD5, though as long as one.
    sealed: bool = False
    #: Whether it has metadata of which the store tells the number alone, since HTTP cannot carry them.
    untold: bool = False
    #: What the store keeps beside it that is not carried, in the words of `BESIDE`.
    beside: tuple[str, ...] = ()

    @property
    def md5(self) -> str | None:
        """The MD5 of its bytes, where the store tells it."""
        return self.etag if MD5.fullmatch(self.etag) and not self.sealed else None

    def is_young(self, listed_at: float) -> bool:
        """Whether it was written that shortly before a listing, whose time is the store's own."""
        return datetime.datetime.fromisoformat(self.modified).timestamp() >= listed_at - YOUNG

    def same_version(self, other: Entry) -> bool:
        """Whether the store speaks of the same write."""
        return (self.size, self.etag, self.modified) == (other.size, other.etag, other.modified)

    def foreign(self, target: Entry) -> set[str]:
        """Names of metadata that rclone added at the target."""
        return (target.metadata.keys() & OWN) - self.metadata.keys()

    def differences(self, target: Entry) -> list[str]:
        """What of this object the target lost, changed or added, apart from bytes of equal number."""
        found = []
        if target.size != self.size:
            found.append(f"size {self.size} became {target.size}")
        if target.content_type != self.content_type:
            found.append(f"content type {escape(self.content_type)} became {escape(target.content_type)}")
        wanted, got = self.metadata, target.metadata
        changed = sorted(name for name in wanted if got.get(name) != wanted[name])
        added = sorted(set(got) - set(wanted))
        if changed:
            found.append(f"metadata lost or changed: {', '.join(map(escape, changed))}")
        if added:
            found.append(f"metadata added: {', '.join(map(escape, added))}")
        found += [
            f"header {name} lost, changed or added"
            for name in HEADERS
            if self.headers.get(name) != target.headers.get(name)
        ]
        return found


#: What is written under the key that nobody has, for a moment, to ask whether a bucket takes anything.
TRIAL = b"probe"
TRIED = Entry(NOBODY, len(TRIAL), "", "", "text/plain")
#: Metadata that rclone adds of its own, and the copy takes off again before it calls an object carried.
OWN = frozenset({"mtime", "btime"})


def escape(text: str) -> str:
    """A text of unknown content, for a line of a report."""
    return json.dumps(text, ensure_ascii=True)


def is_content(key: str) -> bool:
    """Whether a key is content, and none of the keys that the migration itself writes."""
    return key.split("/", 1)[0] not in RESERVED


def is_left_out(key: str) -> bool:
    """Whether a key that is no content is no document of the administration either: a file that stays behind."""
    return not is_content(key) and DOCUMENT.fullmatch(key) is None


def from_answer(key: str, modified: str, headers: dict[str, str]) -> Entry:
    """An entry from the headers of HEAD or GET; the time is the listing's, which both stores write alike."""
    prefix = "x-amz-meta-"
    return entry(
        key=key,
        size=int(headers.get("content-length", "-1")),
        etag=headers.get("etag", "").strip('"'),
        modified=modified,
        content_type=headers.get("content-type", ""),
        metadata={name.removeprefix(prefix): text for name, text in headers.items() if name.startswith(prefix)},
        headers={name: headers[name] for name in HEADERS if headers.get(name)},
        sealed=headers.get(ENCRYPTION, "").startswith("aws:kms") or f"{ENCRYPTION}-customer-algorithm" in headers,
        untold=headers.get(UNTOLD, "0") != "0",
        beside=tuple(word for word, header in BESIDE.items() if headers.get(header, "0") not in ("", "0")),
    )


def entry(
    key: str,
    size: int,
    etag: str,
    modified: str,
    content_type: str = "",
    metadata: dict[str, str] = NONE,
    headers: dict[str, str] = NONE,
    young: bool = False,
    sealed: bool = False,
    untold: bool = False,
    beside: Iterable[str] = (),
) -> Entry:
    """An entry whose texts are shared with every other that holds the same: there may be millions in several lists."""
    shared = sys.intern
    return Entry(
        shared(key), size, shared(etag), shared(modified), shared(content_type),
        {shared(name): shared(text) for name, text in metadata.items()} if metadata else NONE,
        {shared(name): shared(text) for name, text in headers.items()} if headers else NONE,
        young, sealed, untold, tuple(map(shared, beside)),
    )  # fmt: skip


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Replaces a file of JSON Lines as a whole."""
    with replacing(path) as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Replaces a JSON document as a whole."""
    with replacing(path) as file:
        file.write(json.dumps(document, ensure_ascii=True, indent=1) + "\n")


class replacing:  # noqa: N801 (reads as a statement)
    """`with replacing(path) as file`: the old file stays until the new one is whole and on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(path.name + ".new")

    def __enter__(self) -> Any:
        descriptor = os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.file = os.fdopen(descriptor, "w", encoding="ascii")
        return self.file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.file.flush()
            os.fsync(self.file.fileno())
        self.file.close()
        if kind is None:
            self.temporary.replace(self.path)
        else:
            self.temporary.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file that may be missing, as far as it was written whole (`_whole`)."""
    if not path.exists():
        return
    with path.open("rb") as file:
        left = _whole(file)
        file.seek(0)
        while left > 0:
            line = file.readline()
            left -= len(line)
            yield _line(path, line)


def _line(path: Path, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        # Not shown: it may hold a person's address.
        raise ValueError(f"{path} holds a line that this program did not write")
    return found


def _whole(file: IO[bytes]) -> int:
    """How far a file of lines was written whole: a kill tears the last one off, and a power cut leaves zeros.

    Nothing that was asked to be on the disk stands behind a zero, which no line holds: JSON writes it otherwise. Looked
    for in pieces, since the file may be larger than the memory, and a tail of zeros too.
    """
    end = begin = file.seek(0)
    while piece := file.read(1 << 20):
        zero = piece.find(b"\0")
        newline = piece.rfind(b"\n", 0, zero if zero >= 0 else len(piece))
        if newline >= 0:
            end = begin + newline + 1
        if zero >= 0:
            break
        begin += len(piece)
    return end


class Appending:
    """JSON Lines that grow; what was not written whole is cut off first."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.file = os.fdopen(descriptor, "rb+")
        self.file.truncate(_whole(self.file))

    def add(self, line: dict[str, Any], *, lasting: bool = False) -> None:
        """Adds a line and hands it to the system, so that a killed process has written it; or down to the disk."""
        self.file.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
        self.file.flush()
        if lasting:
            os.fsync(self.file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self.file.close()


def load(path: Path) -> dict[str, Entry]:
    """An inventory by key; a key that is listed twice is an error of the listing."""
    found: dict[str, Entry] = {}
    for line in read_lines(path):
        one = entry(**line)
        if one.key in found:
            raise ValueError(f"{path}: a key stands in it twice")
        found[one.key] = one
    return found


def store(path: Path, entries: Iterable[Entry]) -> None:
    """Writes an inventory."""
    write_lines(path, (asdict(entry) for entry in entries))
