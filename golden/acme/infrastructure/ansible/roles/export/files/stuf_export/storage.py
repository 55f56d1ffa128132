"""The bucket as its store lists it. Every request is a GET or a HEAD, signed with AWS Signature Version 4."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import stufpack_answers
from stufpack_answers import AnswerError, Listed
from stufpack_signature import Key, canonical_query, path_of, sign

from .failure import ExportError
from .settings import StorageSettings, secret
from .web import Answer, Server, Sink

EMPTY = hashlib.sha256(b"").hexdigest()
METADATA = "x-amz-meta-"
# What a key hears that may use a bucket and not read its settings, such as the application's own.
DENIED = 403


@dataclass(frozen=True)
class Head:
    """What a listing leaves out."""

    content_type: str
    metadata: dict[str, str]


class Store:
    """One bucket, addressed by path."""

    def __init__(self, settings: StorageSettings, endpoint: str) -> None:
        self._server = Server(endpoint, settings.ca)
        self._bucket = settings.bucket
        self._key = Key(secret(settings.access_key_file), secret(settings.secret_key_file), settings.region)

    @property
    def secrets(self) -> list[str]:
        """What must stand in no export."""
        return [self._key.access_key, self._key.secret_key]

    def objects(self, prefix: str = "") -> Iterator[Listed]:
        """Every object in the order of the store, which is that of the keys' bytes; stops where it is not whole."""
        try:
            for found in stufpack_answers.objects(self._page, prefix):
                found.key.encode()
                yield found._replace(modified=f"{found.modified[:19]}Z")
        except AnswerError as error:
            raise ExportError(f"the storage {error}") from None
        except UnicodeEncodeError:
            raise ExportError("the storage lists a key that is not UTF-8") from None

    def lists(self, key: str) -> bool:
        """Whether this very key is listed now."""
        # Keys come in the order of their bytes, so of all that begin so the key itself comes first.
        first = next(self.objects(key), None)
        return first is not None and first.key == key

    def get(self, key: str) -> bytes | None:
        """One object, or `None` where there is none."""
        answer = self._call("GET", key)
        return None if answer.status == 404 else self._expect(answer, "read").body

    def head(self, key: str) -> Head | None:
        """Type and metadata of one object, or `None` where it is gone."""
        answer = self._call("HEAD", key)
        if answer.status == 404:
            return None
        self._expect(answer, "look at an object")
        pairs: dict[str, str] = {}
        for name, value in answer.headers:
            if name.startswith(METADATA):
                short = name.removeprefix(METADATA)
                # A header that comes twice means both values, as S3 itself puts them into one.
                pairs[short] = f"{pairs[short]},{text(value)}" if short in pairs else text(value)
        return Head(answer.header("content-type") or "application/octet-stream", dict(sorted(pairs.items())))

    def digest(self, key: str) -> str | None:
        """SHA-256 of what one object holds, by reading it; `None` where it is gone."""
        found = hashlib.sha256()

        def anew() -> Sink:
            nonlocal found
            found = hashlib.sha256()
            return found.update

        answer = self._call("GET", key, sink=anew)
        if answer.status == 404:
            return None
        self._expect(answer, "read")
        return found.hexdigest()

    def versioning(self, like: str) -> bool:
        """Whether the store keeps earlier versions; where the key may not ask, as the object `like` shows it."""
        answer = self._call("GET", "", {"versioning": ""})
        if answer.status == DENIED:
            return self._shown(like, "x-amz-version-id") not in ("", "null")
        asked = self._expect(answer, "ask for versioning")
        return _told(asked, "VersioningConfiguration", "Status") == "Enabled"

    def encryption(self, like: str) -> str:
        """How the store encrypts by itself; where the key may not ask, as the object `like` shows it."""
        answer = self._call("GET", "", {"encryption": ""})
        if answer.status == DENIED:
            return self._shown(like, "x-amz-server-side-encryption") or "none"
        if answer.status == 404:
            return "none"
        asked = self._expect(answer, "ask for encryption")
        return _told(asked, "ServerSideEncryptionConfiguration", "SSEAlgorithm") or "none"

    def _page(self, query: dict[str, str]) -> bytes:
        return self._expect(self._call("GET", "", query), "list").body

    def _shown(self, key: str, name: str) -> str:
        """A header of an object that is there."""
        return self._expect(self._call("HEAD", key), "look at an object").header(name) or ""

    def _expect(self, answer: Answer, what: str) -> Answer:
        if answer.status != 200:
            raise ExportError(f"the storage answered {answer.status} to: {what}")
        return answer

    def _call(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        sink: Callable[[], Sink] | None = None,
    ) -> Answer:
        path, asked = path_of(self._bucket, key), query or {}
        headers = sign(self._key, method, path, asked, {"host": self._server.host}, EMPTY)
        return self._server.ask(method, path + (f"?{canonical_query(asked)}" if asked else ""), headers, sink=sink)


def text(value: str) -> str:
    """A metadata value as it was given: UTF-8, which HTTP takes for Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _told(answer: Answer, document: str, name: str) -> str | None:
    """The text of an element of this document; another one tells nothing, and is not taken for a no."""
    try:
        tree = stufpack_answers.document(answer.body, document)
    except AnswerError as error:
        raise ExportError(f"the storage {error}") from None
    return next((node.text for node in tree.iter(name)), None)
