"""Two buckets in this process, whose answers a story changes; the program runs here too, and nothing waits for real.

For what a store does only when it is ill: half answers, errors behind a 200, refusals of one object, outages.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import http.server
import io
import sys
import threading
import urllib.parse
import warnings
from collections.abc import Callable
from email.utils import formatdate
from unittest import mock
from xml.sax.saxutils import escape

from cases import ANSIBLE, Case

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content import __main__ as program  # noqa: E402 (after the path)
from stuf_content.limits import Stopping  # noqa: E402

OLD = "2026-11-01T08:00:00.000Z"
RCLONE = '#!/bin/sh\n[ "$1" = version ] && echo "rclone v1.75.2"\nexit 0\n'


class Asked(http.server.BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        store: Scripted = self.server  # type: ignore[assignment]
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = urllib.parse.urlsplit(self.path)
        self.key = urllib.parse.unquote(parts.path[1:], errors="surrogateescape").partition("/")[2]
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        with store.lock:
            store.asked.append((self.command, self.key))
        if not (store.instead and store.instead(self)):
            store.answer(self)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def says(self, status: int, body: bytes = b"", *, short: int = 0, **headers: str) -> bool:
        """Answers, with so many bytes of the body missing; a header of no text is left out."""
        self.send_response_only(status)
        told = {"date": formatdate(usegmt=True), "content-length": str(len(body)), **headers}
        for name, text in told.items():
            if text:
                self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) - short])
        self.close_connection = self.close_connection or short > 0
        return True

    def error(self, status: int, code: str, **headers: str) -> bool:
        """Answers with an error of S3."""
        return self.says(status, f"<Error><Code>{code}</Code></Error>".encode(), **headers)

    @property
    def lists(self) -> bool:
        """Whether it asks for a listing."""
        return "list-type" in self.query

    @property
    def copies(self) -> bool:
        """Whether it asks for a copy inside the bucket."""
        return "x-amz-copy-source" in self.headers

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Scripted(http.server.ThreadingHTTPServer):
    """A bucket."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.name = name
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.keys = ("access-key", "secret-key")
        #: Bytes, type, metadata and time by key.
        self.held: dict[str, tuple[bytes, str, dict[str, str], str]] = {}
        #: Method and key of every request.
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        #: Answers in the place of the bucket where it returns true.
        self.instead: Callable[[Asked], bool | None] | None = None

    def seed(self, key: str, body: bytes, modified: str = OLD) -> None:
        """An object."""
        self.held[key] = body, "text/plain", {"uploader": "u"}, modified

    def answer(self, asked: Asked) -> None:
        """As S3 answers."""
        held = self.held.get(asked.key)
        if asked.lists:
            asked.says(200, self._listing(asked.query.get("prefix", "")))
        elif "uploads" in asked.query:
            asked.says(
                200, b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
            )
        elif asked.command in ("GET", "HEAD"):
            if held is None:
                asked.error(404, "NoSuchKey")
                return
            body, kind, metadata, _ = held
            told = {f"x-amz-meta-{name}": text for name, text in metadata.items()}
            asked.says(200, body, etag=f'"{_md5(body)}"', content_type=kind, **told)
        elif asked.command == "DELETE":
            self.held.pop(asked.key, None)
            asked.says(204)
        elif asked.copies:
            source = urllib.parse.unquote(asked.headers["x-amz-copy-source"]).split("/", 2)[2]
            body, kind, metadata, _ = self.held[source]
            self.held[asked.key] = body, kind, metadata, _now()
            asked.says(200, f'<CopyObjectResult><ETag>"{_md5(body)}"</ETag></CopyObjectResult>'.encode())
        else:
            pairs = {name.lower(): text for name, text in asked.headers.items()}
            metadata = {name[11:]: text for name, text in pairs.items() if name.startswith("x-amz-meta-")}
            self.held[asked.key] = asked.body, pairs["content-type"], metadata, _now()
            asked.says(200, etag=f'"{_md5(asked.body)}"')

    def _listing(self, prefix: str) -> bytes:
        lines = [
            f"<Contents><Key>{escape(urllib.parse.quote(key))}</Key><LastModified>{modified}</LastModified>"
            f'<ETag>"{_md5(body)}"</ETag><Size>{len(body)}</Size></Contents>'
            for key, (body, _, _, modified) in sorted(self.held.items())
            if key.startswith(prefix)
        ]
        head = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{''.join(lines)}</ListBucketResult>".encode()


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class ScriptedCase(Case):
    """Ten objects at the source, nothing at the target; time goes by only where the program waits."""

    def setUp(self) -> None:
        super().setUp()
        self.between(*(self._served(name) for name in ("source", "target")))
        rclone = self.folder / "rclone"
        rclone.write_text(RCLONE)
        rclone.chmod(0o755)
        self.configure(rclone=str(rclone))
        for number in range(10):
            self.source.seed(f"c/{number}", b"body %d" % number)
        self.list_source()
        #: What people read of the last verb.
        self.said = ""
        # Connections stay open, one per thread, and end with it.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        #: Seconds that were waited, one after the other.
        self.waited: list[float] = []
        self.stopping = Stopping()

        def wait(stopping: Stopping, seconds: float) -> None:
            self.waits(seconds)
            stopping.check()

        patch = mock.patch.object(Stopping, "wait", wait)
        patch.start()
        self.addCleanup(patch.stop)

    def _served(self, name: str) -> Scripted:
        store = self.enterContext(Scripted(name))
        threading.Thread(target=store.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(store.shutdown)
        return store

    def waits(self, seconds: float) -> None:
        """Time goes by."""
        self.waited.append(seconds)

    def list_source(self, size: int = 10_000) -> None:
        """Batch lists of what the source holds."""
        lines = [
            {"key": key, "size": len(body), "modified": f"{modified[:19]}Z", "content_type": kind, "metadata": pairs}
            for key, (body, kind, pairs, modified) in sorted(self.source.held.items())
        ]
        self.write_lists(lines, size)

    def does(self, verb: str, code: int = 0, *, wait: bool = False) -> dict:
        """Runs a verb here; its document."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            found, document = program.run(verb, self.folder / "content.json", self.stopping, wait=wait)
        self.said = said.getvalue()
        self.assertEqual(found, code, self.said)
        return document

    def once(self, of: Callable[[Asked], bool], answer: Callable[[Asked], bool], times: int = 1) -> Callable:
        """What such a request is answered the first times."""
        left = [times]

        def instead(asked: Asked) -> bool:
            if not left[0] or not of(asked):
                return False
            left[0] -= 1
            return answer(asked)

        return instead
