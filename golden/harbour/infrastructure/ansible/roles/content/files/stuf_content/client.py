"""What a bucket of S3 and a container of Azure are asked alike, of which only request and words are another."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import ClassVar

from . import trees
from .configuration import Place
from .entries import NOBODY, TRIAL, TRIED, Entry
from .limits import Pace, Stopping
from .patience import Patience
from .wire import Answer, Request, Wire


class Client(ABC):
    """One place of a store and the way to it."""

    #: What a store of this kind calls such a place.
    CALLED: ClassVar[str]

    def __init__(
        self,
        place: Place,
        requests_per_second: int,
        stopping: Stopping,
        patience: Patience | None = None,
        side: str = "target",
    ) -> None:
        self.place = place
        self.stopping = stopping
        pace = Pace(lambda: requests_per_second, stopping)
        self.wire = Wire(place.endpoint, place.authority, pace, patience or Patience(stopping), side)
        self.wire.question = self._question
        #: The store's own clock at the last listing's begin, in seconds.
        self.listed_at = 0.0

    def head(self, key: str, modified: str = "") -> Entry | None:
        """What the store says of one object, `None` where there is none."""
        with self._ask("HEAD", key) as answer:
            answer.read()
            if answer.status == 404:
                return None
            self._expect(answer, (200,), "HEAD")
            return self._entry(key, modified, answer.headers)

    @contextlib.contextmanager
    def reading(self, key: str, modified: str = "") -> Iterator[tuple[Entry, Answer] | None]:
        """An object opened for reading, `None` where there is none."""
        with self._ask("GET", key, streamed=True) as answer:
            if answer.status == 404:
                answer.read()
                yield None
                return
            self._expect(answer, (200,), "GET")
            yield self._entry(key, modified, answer.headers), answer

    def _ask(
        self,
        method: str,
        key: str = "",
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        urgent: bool = False,
        streamed: bool = False,
        late: Callable[[bytes], int] | None = None,
    ) -> Answer:
        """Sends a request; the flags are those of `Request`."""

        def make() -> Request:
            signed = self._request(method, key, query, headers, body)
            return replace(signed, urgent=urgent, streamed=streamed, late=late, trial=key == NOBODY)

        return self.wire.send(make)

    def _question(self, method: str) -> Request:
        """HEAD, PUT or DELETE of a name that nobody has."""
        if method != "PUT":
            return self._request(method, NOBODY)
        return self._request(method, NOBODY, None, self._to_put(TRIAL, TRIED), TRIAL)

    @staticmethod
    @abstractmethod
    def _to_put(body: bytes, like: Entry) -> dict[str, str]:
        """The headers of a PUT of this body, with type, metadata and headers of `like`."""

    @abstractmethod
    def _request(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Request:
        """A request, signed now as this kind wants it: a signature is good for some minutes only."""

    @staticmethod
    @abstractmethod
    def _entry(key: str, modified: str, headers: dict[str, str]) -> Entry:
        """What the headers of HEAD or GET say of an object; the time is the listing's."""

    def _pages(self) -> Callable[[dict[str, str]], bytes]:
        """Asks for the pages of one listing, which has begun when the store answers for the first."""
        begun = False

        def page(query: dict[str, str]) -> bytes:
            nonlocal begun
            with self._ask("GET", query=query) as answer:
                self._expect(answer, (200,), "LIST")
                if not begun:
                    self.listed_at = self._time_of(answer)
                    begun = True
                return answer.read()

        return page

    def _time_of(self, answer: Answer) -> float:
        """The store's own clock, by which the age of what it lists is told."""
        try:
            return parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            text = f"{self.wire.host} lists {self.CALLED} {self.place.bucket}, and not when"
            raise self.wire.error(200, "", text) from None

    def _done(self, answer: Answer, statuses: tuple[int, ...], verb: str) -> dict[str, str]:
        """The headers of an answer whose body says nothing."""
        with answer as told:
            self._expect(told, statuses, verb)
            told.read()
            return told.headers

    def _expect(self, answer: Answer, statuses: tuple[int, ...], verb: str) -> None:
        """Raises what a store has answered that it should not; of HEAD only Azure tells more than the number."""
        if answer.status in statuses:
            return
        code = answer.headers.get("x-ms-error-code") or trees.error_code(answer.read(65536))
        # The key stays out of the text: it may hold a person's address, and this goes to a journal.
        text = f"{self.wire.host} answered {answer.status} {code} to {verb} in {self.CALLED} {self.place.bucket}"
        raise self.wire.error(answer.status, code, text)


def etag_of(headers: dict[str, str]) -> str:
    """By what the store knows this write again."""
    return headers.get("etag", "").strip('"')
