"""An export as a tar, and the tar as an export's folder: few names, known before, and no way out of the folder."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import shutil
import tarfile
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from .failure import ExportError

DOCUMENT = "export.json"
REALM = "realm.json"
INVENTORY = "inventory.jsonl.gz"
NAMES = re.compile(r"export\.json|realm\.json|inventory\.jsonl\.gz|branding/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
REQUIRED = (DOCUMENT, REALM, INVENTORY)
# Of a file of an export; an inventory of fifty million objects stays below it.
LARGEST = 64 << 30


class Gate:
    """Lets no known secret through."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Shorter ones would be found in ordinary words.
        self._forms = {form for secret in secrets if len(secret) >= 8 for form in _forms(secret)}

    def passed(self, name: str, content: bytes) -> bytes:
        """The same bytes, when none of the secrets stands in them."""
        if any(form in content for form in self._forms):
            raise ExportError(f"a credential of the installation stands in what would be {name}; nothing was written")
        return content


def _forms(secret: str) -> Iterator[bytes]:
    """How a secret may stand in a file: as it is, escaped for JSON or a URL, in hexadecimal, within base64."""
    plain = secret.encode()
    yield plain
    for ascii_only in (False, True):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1].encode()
    yield urllib.parse.quote(plain, safe="").encode()
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    # Where it begins in the middle of three bytes, its first characters are also its neighbour's; so are the last.
    for before, first in enumerate((0, 2, 3)):
        last = (before + len(plain)) * 8 // 6
        text = base64.b64encode(bytes(before) + plain)[first:last]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))


def rendered(content: Any) -> bytes:
    """A document as bytes, the same each time."""
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


class Inventory:
    """The inventory as it is written: a line per object, and their totals."""

    def __init__(self, file: IO[bytes], gate: Gate) -> None:
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
        self._gate = gate
        self.objects = 0
        self.bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        """One object."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        self._file.write(self._gate.passed(INVENTORY, line) + b"\n")
        self.objects += 1
        self.bytes += int(row["size"])

    def close(self) -> None:
        """Ends the file's last block."""
        self._file.close()


def write(out: IO[bytes], files: dict[str, bytes], inventory: IO[bytes], moment: int) -> None:
    """The tar, in the order of names; every entry belongs to nobody and has the time of the export."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted((*files, INVENTORY)):
            content: IO[bytes] = inventory if name == INVENTORY else io.BytesIO(files[name])
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime = 0o600, moment
            entry.size = content.seek(0, os.SEEK_END)
            content.seek(0)
            tar.addfile(entry, content)


def create(path: str) -> IO[bytes]:
    """A new file for the account that owns its folder, so that it can be fetched without more rights."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    folder = Path(path).absolute().parent.stat()
    os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return os.fdopen(descriptor, "wb")


def place(tar: str, folder: str, number: int) -> Path:
    """The export's folder below `folder`, named by time and number: whole and private, or not there at all."""
    above = Path(folder)
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = above / f".{number}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        document = _unpack(tar, draft)
        moment = re.sub(r"[-:]", "", str(document["metadata"]["exportedAt"]))
        if not re.fullmatch(r"\d{8}T\d{6}Z", moment):
            raise ExportError("the export does not say when it was made")
        ready = above / f"{moment}-{number}"
        draft.rename(ready)
    except (OSError, ValueError, KeyError, TypeError, EOFError, tarfile.TarError) as error:
        raise ExportError(
            f"the export did not arrive whole ({type(error).__name__}); next: the same once more"
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return ready


def _unpack(tar: str, draft: Path) -> dict[str, Any]:
    names = set()
    with tarfile.open(tar, mode="r:") as found:
        for entry in found:
            content = found.extractfile(entry) if entry.isreg() else None
            if content is None or not NAMES.fullmatch(entry.name) or entry.name in names or entry.size > LARGEST:
                raise ExportError("the export holds a file that does not belong to one")
            names.add(entry.name)
            target = draft / entry.name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(content, file)
    if not set(REQUIRED) <= names:
        raise ExportError("the export did not arrive whole: a file is missing; next: the same once more")
    document: dict[str, Any] = json.loads((draft / DOCUMENT).read_bytes())
    json.loads((draft / REALM).read_bytes())
    lines = size = 0
    with gzip.open(draft / INVENTORY) as inventory:
        for line in inventory:
            lines += 1
            size += int(json.loads(line)["size"])
    counted = document["spec"]["content"]
    if (counted["objects"], counted["bytes"]) != (lines, size):
        raise ExportError("the inventory does not add up to what the export counts; next: the same once more")
    return document
