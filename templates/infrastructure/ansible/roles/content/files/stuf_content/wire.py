"""Requests to one store over connections that stay open, one per thread; what failed on the way is tried again."""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from .limits import Pace, Stopping

TRIES = 4
#: Metadata, and headers that are lists: one that comes twice means all its values, as HTTP has it (RFC 9110, 5.3) and
#: S3 says of metadata. Of any other the last counts.
LISTS = re.compile(r"x-(amz|ms)-meta-.*|cache-control|content-encoding|content-language", re.S)
#: Answers that say "later", of which nothing was done.
LATER = (429, 500, 502, 503, 504)
SECONDS = 60.0


class StoreError(Exception):
    """A store that did not answer, or not as asked; the text is safe to log."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Answer:
    """The head of an answer, and its body: read already, or to be read piece by piece; to be closed."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> None:
        self.status = response.status
        # Header bytes come as Latin-1; as text they are what was meant, or kept byte by byte.
        self.headers: dict[str, str] = {}
        for given, value in response.getheaders():
            name, text = given.lower(), value.encode("latin-1").decode("utf-8", "surrogateescape")
            before = self.headers.get(name) if LISTS.fullmatch(name) else None
            self.headers[name] = text if before is None else f"{before},{text}"
        self.response = response
        self.connection = connection
        self.whole: bytes | None = None

    def read_whole(self) -> bytes:
        """Reads the body; raises where the connection ends before it."""
        self.whole = self.response.read()
        return self.whole

    def read(self, most: int | None = None) -> bytes:
        """The next bytes of the body, all of them without a limit."""
        if self.whole is None:
            return self.response.read(most)
        found, self.whole = self.whole[:most], self.whole[len(self.whole[:most]) :]
        return found

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.response.isclosed():
            self.connection.close()


@dataclass(frozen=True)
class Request:
    """One request, signed already."""

    method: str
    path: str
    search: str
    headers: dict[str, str]
    body: bytes
    #: Whether it tidies up, which a stop does not keep from being sent.
    urgent: bool = False
    #: Whether the body of a 200 is read piece by piece by whoever asks. Any other is read here, and asked for again
    #: where only a half comes.
    streamed: bool = False
    #: What the body of a 200 makes of the status, of requests that are answered before they are done.
    late: Callable[[bytes], int] | None = None


class Wire:
    """The connections to one endpoint. No proxy from the environment, no redirect."""

    def __init__(self, endpoint: str, authority: str | None, pace: Pace, stopping: Stopping) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        self.host = parts.netloc
        self.name, self.port = parts.hostname or "", parts.port
        self.context = ssl.create_default_context(cadata=authority) if parts.scheme == "https" else None
        self.pace = pace
        self.stopping = stopping
        self.local = threading.local()

    def send(self, request: Request) -> Answer:
        """Sends a request; the answer is whole, but for the body of one that is streamed."""
        answer = self._send(request)
        for attempt in range(TRIES - 1):
            if isinstance(answer, Answer) and answer.status not in LATER:
                return answer
            if isinstance(answer, Answer):
                with answer:
                    pass
            # A certificate does not get better.
            if request.urgent or isinstance(answer, ssl.SSLCertVerificationError):
                break
            self.stopping.wait(0.25 * 4**attempt)
            answer = self._send(request)
        if isinstance(answer, Answer):
            return answer
        raise StoreError(0, "NoAnswer", f"{self.host} does not answer ({answer})")

    def _send(self, request: Request) -> Answer | OSError | http.client.HTTPException:
        if not request.urgent:
            self.pace.take()
        connection = self._connection()
        try:
            connection.putrequest(
                request.method, request.path + request.search, skip_accept_encoding=True, skip_host=True
            )
            for name, value in request.headers.items():
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            if request.method in ("PUT", "POST"):
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body or None)
            answer = Answer(connection.getresponse(), connection)
            if not (request.streamed and answer.status == 200):
                body = answer.read_whole()
                if request.late and answer.status == 200:
                    answer.status = request.late(body)
            return answer
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return error

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self.local, "connection", None)
        if connection is None:
            if self.context:
                connection = http.client.HTTPSConnection(self.name, self.port, timeout=SECONDS, context=self.context)
            else:
                connection = http.client.HTTPConnection(self.name, self.port, timeout=SECONDS)
            self.local.connection = connection
        return connection
