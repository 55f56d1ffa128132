"""Requests to one store over connections that stay open, one per thread; what failed on the way is tried again."""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType

from .limits import Pace
from .patience import SHORT, Patience

#: Seconds between the first tries.
PAUSES = (0.25, 1.0, 4.0)
#: Metadata, and headers that are lists: one that comes twice means all its values, as HTTP has it (RFC 9110, 5.3) and
#: S3 says of metadata. Of any other the last counts.
LISTS = re.compile(r"x-(amz|ms)-meta-.*|cache-control|content-encoding|content-language", re.S)
#: Answers that say "later", of which nothing was done.
LATER = (429, 500, 502, 503, 504)
#: Those that say no more than that the store is asked too often, or has no time. S3 throttles by prefix: what it
#: answers elsewhere tells nothing of that. All others may be about one object that is spoilt.
BUSY = (429, 503)
#: So many requests of one kind that were answered so one after the other, once one was waited for in vain, are the
#: store's matter.
IN_A_ROW = 16
#: What S3 calls 4xx, and what goes when it is asked anew. An upload that is unknown may be one that was completed, and
#: the answer to that was lost: sent anew, the object is the same.
PASSING = frozenset({"NoSuchUpload", "OperationAborted", "RequestTimeTooSkewed", "RequestTimeout"})
#: What is said here of an object of which only a part came.
BROKEN = "Broken"
#: Seconds until a connection has to be there, and until the next bytes come over it.
CONNECT, SECONDS = 20.0, 60.0


class StoreError(Exception):
    """A store that did not answer, or not as asked; the text is safe to log."""

    def __init__(self, status: int, code: str, text: str, side: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        #: Whose store it is: `source` or `target`.
        self.side = side

    @property
    def refuses(self) -> bool:
        """Whether the store has looked at the request and said no, which it will say again."""
        return 400 <= self.status < 500 and self.status not in (408, *LATER) and self.code not in PASSING


class Outage(StoreError):
    """A store that was waited for and has answered nobody: whatever is asked next waits as long."""


def broken(side: str, why: str) -> StoreError:
    """An object of which only a part came; it may come whole when it is asked for anew."""
    return StoreError(0, BROKEN, f"the {side}'s store broke off in the middle of an object ({why})", side)


class Answer:
    """The head of an answer, and its body: read already, or to be read piece by piece; to be closed."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, side: str) -> None:
        self.status = response.status
        self.side = side
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
            try:
                return self.response.read(most)
            except (OSError, http.client.HTTPException) as error:
                raise broken(self.side, str(error)) from None
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
    #: Whether it is about the name that nobody has: how that is answered tells nothing of what is asked of others.
    trial: bool = False

    @property
    def kind(self) -> tuple[str, bool]:
        """What a store may have time for while it has none for others: to list, tell of an object, give or take it."""
        return self.method, self.streamed


@dataclass
class Vain:
    """What became of requests of one kind since one was waited for in vain, so that no other is."""

    #: Whether one was answered since.
    answered: bool = False
    #: How many were told "later" since then, one after the other.
    in_a_row: int = 0


Answered = Answer | OSError | http.client.HTTPException


def is_good(answer: Answered) -> bool:
    """Whether it is one, whatever it says, and not that the store cannot now."""
    return isinstance(answer, Answer) and answer.status not in LATER


def asked_for(answer: Answered) -> float:
    """The seconds for which the store asks to be left alone (`Retry-After`), by its own clock."""
    if not isinstance(answer, Answer):
        return 0.0
    told = answer.headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}", told):
        return float(told)
    try:
        later, now = (parsedate_to_datetime(text).timestamp() for text in (told, answer.headers["date"]))
    except (KeyError, ValueError, OverflowError):
        return 0.0
    return max(0.0, later - now)


def _is_busy(answer: Answered) -> bool:
    return isinstance(answer, Answer) and (answer.status in BUSY or asked_for(answer) > 0)


class Wire:
    """The connections to one endpoint. No proxy from the environment, no redirect."""

    def __init__(self, endpoint: str, authority: str | None, pace: Pace, patience: Patience, side: str) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        self.host = parts.netloc
        self.name, self.port = parts.hostname or "", parts.port
        self.context = ssl.create_default_context(cadata=authority) if parts.scheme == "https" else None
        self.pace = pace
        self.patience = patience
        #: Whose store it is, for people.
        self.side = side
        #: A request of this method for a name that nobody has: what any store does at once that does it for anybody.
        self.question: Callable[[str], Request] | None = None
        #: The kinds of which a request was waited for in vain, while the store did the same for that name.
        self.in_vain: dict[tuple[str, bool], Vain] = {}
        self.lock = threading.Lock()
        self.local = threading.local()

    def send(self, make: Callable[[], Request]) -> Answer:
        """Sends a request, signed anew each time; the answer is whole, but for the body of one that is streamed.

        What was tried some times in vain has failed. Where the store answers nobody it is waited for first.
        """
        request, answer = self._tried(make)
        if self._is_silent(request, answer):
            request, answer = self._awaited(make, request, answer)
        self._count(request, answer)
        if isinstance(answer, Answer):
            return answer
        raise self.error(0, "NoAnswer", f"{self.host} does not answer ({answer})")

    def error(self, status: int, code: str, text: str) -> StoreError:
        """What this store did not do."""
        return StoreError(status, code, " ".join(text.split()), self.side)

    def _tried(self, make: Callable[[], Request]) -> tuple[Request, Answered]:
        """Some tries, with pauses in which what ails a store for a moment passes."""
        for pause in (*PAUSES, None):
            request = make()
            answer = self._send(request)
            # A certificate does not get better.
            if is_good(answer) or pause is None or request.urgent or isinstance(answer, ssl.SSLCertVerificationError):
                break
            asked = asked_for(answer)
            if asked > SHORT and self.patience.seconds:
                break
            self.patience.pause(self.side, self.host, max(pause, asked))
            self._resume(request)
        return request, answer

    def _is_silent(self, request: Request, answer: Answered) -> bool:
        """Whether the store is waited for: it has no time, or says nothing to anybody and not to this request alone."""
        final = is_good(answer) or request.urgent or isinstance(answer, ssl.SSLCertVerificationError)
        if final or not self.patience.seconds or self.question is None:
            return False
        # Of a store that says when to come back, or that it is busy, nothing else is asked.
        return (_is_busy(answer) and request.kind not in self.in_vain) or not self._answers(request)

    def _answers(self, request: Request) -> bool:
        """Whether the store does the same for a name that nobody has. That it reads does not say that it writes."""
        if self.question is None or request.method in ("GET", "HEAD"):
            return self.question is None or is_good(self._send(self.question("HEAD")))
        good = is_good(self._send(self.question("PUT")))
        # It may have been written though no answer came.
        self._send(self.question("DELETE"))
        return good

    def _awaited(self, make: Callable[[], Request], request: Request, answer: Answered) -> tuple[Request, Answered]:
        """The same, once the store answers again; raises where that takes too long, or where a stop or a hold comes."""
        pause = self.patience.longer(self.side, self.host)
        with self.patience.told(self.side, self.host):
            while self._is_silent(request, answer):
                if not pause(asked_for(answer)):
                    if not self._answers(request):
                        raise self._outage(answer)
                    # It is this object that is ill, and any other like it is waited for no more.
                    self.in_vain.setdefault(request.kind, Vain())
                    return request, answer
                self._resume(request)
                request = make()
                answer = self._send(request)
        # Back, and maybe not with all that it is asked.
        return (request, answer) if is_good(answer) else self._tried(make)

    def _count(self, request: Request, answer: Answered) -> None:
        """Raises where the store has had no time for such a request since one was waited for in vain."""
        with self.lock:
            vain = self.in_vain.get(request.kind)
            if vain is None or request.trial:
                return
            if is_good(answer):
                vain.answered, vain.in_a_row = True, 0
            elif _is_busy(answer):
                vain.in_a_row += 1
                if vain.in_a_row < IN_A_ROW:
                    return
                if not vain.answered:
                    raise self._outage(answer)
                # It had time meanwhile, so it may have time again: the next is waited for as the first was.
                del self.in_vain[request.kind]

    def _outage(self, answer: Answered) -> Outage:
        last = answer.status if isinstance(answer, Answer) else answer
        return Outage(0, "NoAnswer", f"{self.host} could not answer for {self.patience.most} ({last})", self.side)

    def _resume(self, request: Request) -> None:
        """Raises where what is to be read may not be read any more."""
        if request.streamed:
            self.patience.resumes()

    def _send(self, request: Request) -> Answered:
        if not request.urgent:
            self.pace.take()
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            if connection.sock is not None:
                connection.sock.settimeout(SECONDS)
            connection.putrequest(
                request.method, request.path + request.search, skip_accept_encoding=True, skip_host=True
            )
            for name, value in request.headers.items():
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            if request.method in ("PUT", "POST"):
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body or None)
            answer = Answer(connection.getresponse(), connection, self.side)
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
                connection = http.client.HTTPSConnection(self.name, self.port, timeout=CONNECT, context=self.context)
            else:
                connection = http.client.HTTPConnection(self.name, self.port, timeout=CONNECT)
            self.local.connection = connection
        return connection
