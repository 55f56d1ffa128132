"""One container, through the Azure Blob interface itself. What a bucket is asked in `s3.py`, it is asked here.

Requests are signed with the account's key (Shared Key). The account is a part of the host's name, as in
`https://ACCOUNT.blob.core.windows.net`, or else the first part of every path, as with stand-ins for Azure.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import secrets
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime, parsedate_to_datetime

from stufpack_signature import Key, canonical_query, path_of

from . import trees
from .client import Client, etag_of
from .configuration import Place
from .entries import HEADERS, Entry, entry
from .limits import Stopping
from .patience import Patience
from .wire import Request, StoreError

#: The first version in which a listing tells names that XML cannot hold (`Encoded`) is of February 2021.
VERSION = "2021-12-02"
META = "x-ms-meta-"
#: Headers whose values are signed without their names, in this order.
SIGNED = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
#: Seconds between two looks at a copy that the service makes later.
LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Blob(Entry):
    """One object as Azure tells it: the ETag names the write alone, and the MD5 of the bytes may stand beside it."""

    content_md5: str = ""

    @property
    def md5(self) -> str | None:
        """The MD5 of its bytes, where the service keeps one: of blobs sent in blocks only where the sender told it."""
        return base64.b64decode(self.content_md5).hex() or None


class Store(Client):
    """A container and the way to it."""

    CALLED = "container"

    def __init__(
        self,
        place: Place,
        requests_per_second: int,
        stopping: Stopping,
        patience: Patience | None = None,
        side: str = "target",
    ) -> None:
        super().__init__(place, requests_per_second, stopping, patience, side)
        self.address = address(place)

    def listing(self, prefix: str = "") -> Iterator[Entry]:
        """Every blob in the store's order; without content type and metadata."""
        query = {"restype": "container", "comp": "list"} | ({"prefix": prefix} if prefix else {})
        page = self._pages()
        while True:
            tree = trees.parse(page(query), self.wire)
            for node in tree.iterfind("Blobs/Blob"):
                name = trees.text(node, "Name")
                encoded = node.find("Name[@Encoded='true']") is not None
                yield entry(
                    key=urllib.parse.unquote(name, errors="surrogateescape") if encoded else name,
                    size=int(trees.text(node, "Properties/Content-Length")),
                    etag=trees.text(node, "Properties/Etag").strip('"'),
                    modified=_time(trees.text(node, "Properties/Last-Modified")),
                )
            if tree.find("NextMarker") is None:
                text = f"{self.wire.host} lists container {self.place.bucket}, and not whether more follows"
                raise self.wire.error(200, "", text)
            marker = trees.text(tree, "NextMarker")
            if not marker:
                return
            query["marker"] = marker

    def put(self, key: str, body: bytes, like: Entry) -> str:
        """Stores a blob with type, metadata and headers of `like`, and returns its ETag."""
        asked = self._ask("PUT", key, headers=self._to_put(body, like), body=body)
        return etag_of(self._done(asked, (201,), "PUT"))

    @staticmethod
    def _to_put(body: bytes, like: Entry) -> dict[str, str]:
        return {"x-ms-blob-type": "BlockBlob", "content-md5": _md5(body), **_about(like)}

    def put_in_parts(self, key: str, pieces: Iterable[bytes], like: Entry) -> str:
        """Stores a large blob block by block, and returns its ETag; blocks are no blob before they are committed."""
        # All blocks of a blob have ids of one length, and these the length of rclone's: of its work some may be left.
        upload = secrets.token_bytes(8)
        blocks = []
        for number, piece in enumerate(pieces):
            block = base64.b64encode(upload + number.to_bytes(8, "big")).decode()
            query = {"comp": "block", "blockid": block}
            asked = self._ask("PUT", key, query=query, headers={"content-md5": _md5(piece)}, body=piece)
            self._done(asked, (201,), "PUT block")
            blocks.append(block)
        lines = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{lines}</BlockList>'.encode()
        headers = {"content-type": "application/xml; charset=UTF-8", "content-md5": _md5(body), **_about(like)}
        asked = self._ask("PUT", key, query={"comp": "blocklist"}, headers=headers, body=body)
        return etag_of(self._done(asked, (201,), "PUT block list"))

    def delete(self, key: str) -> None:
        """Deletes a blob; a missing one is fine."""
        self._done(self._ask("DELETE", key), (202, 404), "DELETE")

    def copy(self, key: str, to: str) -> None:
        """Copies a blob inside the container with everything that belongs to it, and waits until it is there."""
        source = self.address + path_of(self.place.bucket, key)
        try:
            told = self._done(self._ask("PUT", to, headers={"x-ms-copy-source": source}), (202,), "COPY")
        except StoreError as error:
            # The answer to an earlier try was lost, and that copy is under way.
            if error.code != "PendingCopyOperation":
                raise
            told = {"x-ms-copy-status": "pending"}
        while (state := told.get("x-ms-copy-status")) == "pending":
            self.stopping.wait(LOOK)
            told = self._done(self._ask("HEAD", to), (200,), "HEAD")
        if state != "success":
            raise self.wire.error(500, "CopyFailed", f"{self.wire.host} did not copy an object")

    def describe(self, key: str, like: Entry) -> None:
        """Gives a blob the metadata of `like`, whose type and headers it has."""
        asked = self._ask("PUT", key, query={"comp": "metadata"}, headers=_metadata(like))
        self._done(asked, (200,), "PUT metadata")

    def abandon_uploads(self, keys: set[str], below: str) -> int:
        """None: blocks that nobody committed go with the next commit of their blob, or by themselves after a week."""
        return 0

    def _request(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Request:
        path = urllib.parse.urlsplit(self.address).path + path_of(self.place.bucket, key)
        now = format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True)
        sent = {**(headers or {}), "host": self.wire.host, "x-ms-date": now, "x-ms-version": VERSION}
        sent["authorization"] = sign(self.place.key, method, path, query or {}, sent, len(body))
        search = canonical_query(query or {})
        return Request(method, path, f"?{search}" if search else "", sent, body)

    @staticmethod
    def _entry(key: str, modified: str, headers: dict[str, str]) -> Blob:
        return Blob(
            key=key,
            size=int(headers.get("content-length", "-1")),
            etag=etag_of(headers),
            modified=modified,
            content_type=headers.get("content-type", ""),
            metadata={name.removeprefix(META): text for name, text in headers.items() if name.startswith(META)},
            headers={name: headers[name] for name in HEADERS if headers.get(name)},
            content_md5=headers.get("content-md5", ""),
        )


def address(place: Place) -> str:
    """Where the account's containers are."""
    host = urllib.parse.urlsplit(place.endpoint).hostname or ""
    account = place.key.access_key
    return place.endpoint if host.startswith(f"{account}.") else f"{place.endpoint}/{account}"


def sign(key: Key, method: str, path: str, query: dict[str, str], headers: dict[str, str], size: int) -> str:
    """The authorization of a request whose body has so many bytes."""
    told = {**headers, "content-length": str(size) if size else ""}
    own = sorted((name for name in headers if name.startswith("x-ms-")), key=_order)
    text = "\n".join(
        (
            method,
            *(told.get(name, "") for name in SIGNED),
            *(f"{name}:{headers[name].strip()}" for name in own),
            f"/{key.access_key}{path}",
            *(f"{name}:{query[name]}" for name in sorted(query)),
        )
    )
    secret = base64.b64decode(key.secret_key)
    digest = hmac.new(secret, text.encode(errors="surrogateescape"), hashlib.sha256).digest()
    return f"SharedKey {key.access_key}:{base64.b64encode(digest).decode()}"


def _order(name: str) -> str:
    """By what the service sorts names: as in a dictionary, without hyphens, and the underscore before all others."""
    return name.replace("-", "").replace("_", " ")


def _about(like: Entry) -> dict[str, str]:
    """What belongs to a blob, as it is told with its bytes."""
    told = {**like.headers, "content-type": like.content_type or "application/octet-stream"}
    return {**_metadata(like), **{f"x-ms-blob-{name}": text for name, text in told.items()}}


def _metadata(like: Entry) -> dict[str, str]:
    return {f"{META}{name}": text for name, text in like.metadata.items()}


def _time(text: str) -> str:
    """A time as S3's listings have it."""
    return parsedate_to_datetime(text).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _md5(body: bytes) -> str:
    """By which the service sees that the bytes arrived: a signature of this kind is not about them."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
