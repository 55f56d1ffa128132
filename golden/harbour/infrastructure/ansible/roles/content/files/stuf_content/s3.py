"""One bucket, through the S3 interface itself: listings, objects, multipart uploads. Keys go through byte by byte."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar
from xml.sax.saxutils import escape

from stufpack_answers import AnswerError, objects
from stufpack_signature import canonical_query, path_of, sign

from . import trees
from .client import Client, etag_of
from .entries import Entry, entry, from_answer
from .wire import Answer, Request, StoreError

#: The largest object that S3 copies in one request, and of what size the parts of a larger one are.
MOST_COPIED, PART_COPIED = 5 << 30, 1 << 30
EMPTY = hashlib.sha256(b"").hexdigest()

Part = TypeVar("Part")


class Store(Client):
    """A bucket and the way to it."""

    CALLED = "bucket"
    _entry = staticmethod(from_answer)

    def listing(self, prefix: str = "") -> Iterator[Entry]:
        """Every object in the store's order, by ListObjectsV2; without content type and metadata."""
        try:
            for found in objects(self._pages(), prefix):
                yield entry(key=found.key, size=found.size, etag=found.etag, modified=found.modified)
        except AnswerError as error:
            text = f"{self.wire.host} {error}; it was asked for bucket {self.place.bucket}"
            raise self.wire.error(200, "", text) from None

    def put(self, key: str, body: bytes, like: Entry) -> str:
        """Stores an object with type, metadata and headers of `like`, and returns its ETag."""
        asked = self._ask("PUT", key, headers=self._to_put(body, like), body=body)
        return etag_of(self._done(asked, (200,), "PUT"))

    @staticmethod
    def _to_put(body: bytes, like: Entry) -> dict[str, str]:
        return _about(like)

    def delete(self, key: str) -> None:
        """Deletes an object; a missing one is fine."""
        self._done(self._ask("DELETE", key), (200, 204, 404), "DELETE")

    def copy(self, key: str, to: str) -> None:
        """Copies an object inside the bucket with everything that belongs to it."""
        there = self.head(key)
        if there is not None and there.size > MOST_COPIED:
            self._copy_in_parts(key, to, there.size, there)
        else:
            self._copy(key, to, {})

    def describe(self, key: str, like: Entry) -> None:
        """Gives an object type, metadata and headers of `like`: a copy onto itself, without the bytes."""
        if like.size > MOST_COPIED:
            self._copy_in_parts(key, key, like.size, like)
        else:
            self._copy(key, key, {"x-amz-metadata-directive": "REPLACE", **_about(like)})

    def _copy(self, key: str, to: str, headers: dict[str, str]) -> None:
        headers = {"x-amz-copy-source": path_of(self.place.bucket, key), **headers}
        self._made(self._ask("PUT", to, headers=headers, late=trees.late_status), "COPY")

    def _made(self, answer: Answer, verb: str) -> str:
        """The ETag of what was made inside the store, whose error may come after the 200, in the body."""
        with answer:
            self._expect(answer, (200,), verb)
            tree = trees.parse(answer.read(), self.wire)
        etag, code = trees.text(tree, "ETag"), trees.text(tree, "Code")
        if not etag:
            text = f"{self.wire.host} answered 200 {code} to {verb} in bucket {self.place.bucket}, and did not do it"
            raise self.wire.error(500, code, text)
        return etag

    def _copy_in_parts(self, key: str, to: str, size: int, like: Entry) -> None:
        """Copies an object that is too large for one request, part by part, and gives it what belongs to `like`."""
        ranges = [f"bytes={begin}-{min(begin + PART_COPIED, size) - 1}" for begin in range(0, size, PART_COPIED)]
        send = functools.partial(self._copy_part, key)
        try:
            self._in_parts(to, like, ranges, send)
        except StoreError as error:
            if error.code != "NoSuchUpload":
                raise
            # It was completed, and the answer to that was lost; or it was not. The same once more is the same.
            self._in_parts(to, like, ranges, send)

    def put_in_parts(self, key: str, pieces: Iterable[bytes], like: Entry) -> str:
        """Stores a large object piece by piece, and returns its ETag; what does not become whole is given up."""
        return self._in_parts(key, like, pieces, self._upload_part)

    def _in_parts(
        self, key: str, like: Entry, parts: Iterable[Part], send: Callable[[str, str, int, Part], str]
    ) -> str:
        upload = self._begin_upload(key, like)
        try:
            etags = [send(key, upload, number, part) for number, part in enumerate(parts, 1)]
            return self._complete_upload(key, upload, etags)
        except BaseException:
            # What cannot be given up now is by the next run, and does not hide what happened.
            with contextlib.suppress(StoreError):
                self._abort_upload(key, upload)
            raise

    def abandon_uploads(self, keys: set[str], below: str) -> int:
        """Gives up what an interrupted run left open; uploads of other keys are somebody else's."""
        found = [(key, upload) for key, upload in self._uploads() if key in keys or key.startswith(below)]
        for key, upload in found:
            self._abort_upload(key, upload)
        return len(found)

    def _begin_upload(self, key: str, like: Entry) -> str:
        """Begins a multipart upload and returns its id."""
        with self._ask("POST", key, query={"uploads": ""}, headers=_about(like)) as answer:
            self._expect(answer, (200,), "POST uploads")
            return trees.text(trees.parse(answer.read(), self.wire), "UploadId")

    def _upload_part(self, key: str, upload: str, number: int, body: bytes) -> str:
        """Sends one part and returns its ETag."""
        query = {"partNumber": str(number), "uploadId": upload}
        return self._done(self._ask("PUT", key, query=query, body=body), (200,), "PUT part")["etag"]

    def _copy_part(self, source: str, key: str, upload: str, number: int, part: str) -> str:
        """Takes one part from an object of the bucket and returns its ETag."""
        query = {"partNumber": str(number), "uploadId": upload}
        headers = {"x-amz-copy-source": path_of(self.place.bucket, source), "x-amz-copy-source-range": part}
        return self._made(self._ask("PUT", key, query=query, headers=headers, late=trees.late_status), "COPY part")

    def _complete_upload(self, key: str, upload: str, parts: list[str]) -> str:
        """Makes the object of its parts and returns its ETag."""
        lines = "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>{escape(etag)}</ETag></Part>" for n, etag in enumerate(parts, 1)
        )
        body = f"<CompleteMultipartUpload>{lines}</CompleteMultipartUpload>".encode()
        asked = self._ask("POST", key, query={"uploadId": upload}, body=body, late=trees.late_status)
        return self._made(asked, "POST complete").strip('"')

    def _abort_upload(self, key: str, upload: str) -> None:
        """Gives up a multipart upload; one that is gone is fine."""
        asked = self._ask("DELETE", key, query={"uploadId": upload}, urgent=True)
        self._done(asked, (200, 204, 404), "DELETE upload")

    def _uploads(self) -> list[tuple[str, str]]:
        """Key and id of every multipart upload that is open."""
        found: list[tuple[str, str]] = []
        query = {"uploads": "", "encoding-type": "url"}
        while True:
            with self._ask("GET", query=query) as answer:
                self._expect(answer, (200,), "LIST uploads")
                tree = trees.parse(answer.read(), self.wire)
            encoded = trees.text(tree, "EncodingType") == "url"
            for node in tree.iterfind("Upload"):
                key = trees.text(node, "Key")
                key = urllib.parse.unquote_plus(key, errors="surrogateescape") if encoded else key
                found.append((key, trees.text(node, "UploadId")))
            if trees.text(tree, "IsTruncated") != "true":
                return found
            query |= {
                "key-marker": trees.text(tree, "NextKeyMarker"),
                "upload-id-marker": trees.text(tree, "NextUploadIdMarker"),
            }

    def _request(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Request:
        path = path_of(self.place.bucket, key)
        digest = hashlib.sha256(body).hexdigest() if body else EMPTY
        signed = sign(self.place.key, method, path, query or {}, {**(headers or {}), "host": self.wire.host}, digest)
        search = canonical_query(query or {})
        return Request(method, path, f"?{search}" if search else "", signed, body)


def _about(like: Entry) -> dict[str, str]:
    headers = {f"x-amz-meta-{name}": text for name, text in like.metadata.items()}
    return {**headers, **like.headers, "content-type": like.content_type or "binary/octet-stream"}
