"""What stands before moto and answers in its place where a real store answers otherwise."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import http.server
import re
import threading
import urllib.parse
from collections.abc import Iterator

#: An ETag in a listing of moto, as AWS quotes it or as moto does.
LISTED = re.compile(rb"(?<=<ETag>)(&quot;|\")([0-9a-f]{32})(?=&quot;|\")")
HOP = ("connection", "content-length", "transfer-encoding")
WRITES = ("PUT", "POST", "DELETE")


def sealed(etag: bytes) -> bytes:
    """An ETag as AWS gives it with SSE-KMS: as long as an MD5, and not that of the bytes."""
    return hashlib.md5(b"sealed" + etag, usedforsecurity=False).hexdigest().encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands on what is asked, and changes what is answered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        front: Front = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if front.read_only and self.command in WRITES:
            self._answer(403, [], b"<Error><Code>AccessDenied</Code></Error>")
            return
        with front.lock:
            front.asked.append((self.command, urllib.parse.unquote(self.path.partition("?")[0]).split("/", 2)[-1]))
        behind = http.client.HTTPConnection(front.behind)
        with contextlib.closing(behind):
            # The host stays the front's: the signature is about it.
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                behind.putheader(name, value)
            behind.endheaders(body or None)
            answer = behind.getresponse()
            found = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
        if front.kms:
            found = LISTED.sub(lambda match: match[1] + sealed(match[2]), found)
            etags = [value for name, value in headers if name.lower() == "etag"]
            headers = [pair for pair in headers if pair[0].lower() != "etag"]
            headers += [("etag", f'"{_sealed(value)}"') for value in etags]
            headers += [("x-amz-server-side-encryption", "aws:kms") for _ in etags]
        if front.untold and any(name.lower() == front.untold for name, _ in headers):
            headers = [pair for pair in headers if pair[0].lower() != front.untold] + [("x-amz-missing-meta", "1")]
        headers += [(name, "again") for name, _ in headers if name.lower() == front.doubled]
        size = answer.getheader("content-length") if self.command == "HEAD" else None
        self._answer(answer.status, headers, found, size)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, size: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", size or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _sealed(etag: str) -> str:
    plain = etag.strip('"')
    return sealed(plain.encode()).decode() if re.fullmatch(r"[0-9a-f]{32}", plain) else plain


class Front(http.server.ThreadingHTTPServer):
    """A server before another."""

    daemon_threads = True

    def __init__(self, endpoint: str, *, kms: bool, read_only: bool, untold: str | None, doubled: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = urllib.parse.urlsplit(endpoint).netloc
        self.kms, self.read_only = kms, read_only
        #: A header of metadata that is only counted, as AWS does with what HTTP cannot carry.
        self.untold = untold
        #: A header that comes a second time.
        self.doubled = doubled
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        #: Method and key of everything that was handed on.
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()


@contextlib.contextmanager
def front(
    endpoint: str,
    *,
    kms: bool = False,
    read_only: bool = False,
    untold: str | None = None,
    doubled: str | None = None,
) -> Iterator[Front]:
    """Another address of a store: with ETags of SSE-KMS, for reading alone, with a header not told, or told twice."""
    with Front(endpoint, kms=kms, read_only=read_only, untold=untold, doubled=doubled) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server
        finally:
            server.shutdown()
