"""What a verb works with: both stores, the state folder and its lock, the clock, the word to stop."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import functools
import itertools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from . import configuration, exported, keys
from .configuration import Configuration, Credential
from .entries import NOBODY, TRIAL, TRIED, Entry
from .limits import Pace, Stopping
from .outcome import Exit, Stop, say
from .patience import LASTS, MARK, Patience
from .progress import Progress
from .refusals import TARGET, Refusals
from .store import Store, opened
from .timetable import Timetable
from .wire import Outage, StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 8
UNLIMITED = 1_000_000


class Closed(Stop):
    """The window is closed."""

    def __init__(self, opens: datetime.datetime, **facts: Any) -> None:
        text = opens.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        super().__init__(
            Exit.PAUSED,
            f"the window is closed; the next one opens at {text}",
            "What is there stays there; nothing is sent again.",
            "the same command, once it is open",
            opens_at=text,
            **facts,
        )
        self.opens = opens
        self.opens_at = text


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass
class Session:
    """One run of one verb."""

    given: Configuration
    stopping: Stopping = field(default_factory=Stopping)
    #: Whether a closed window is waited for.
    wait: bool = False
    #: Whether a store that answers nobody is waited for: not where a person waits for the answer.
    patient: bool = False
    now: Callable[[], datetime.datetime] = _now

    def __post_init__(self) -> None:
        self.given.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The limit is for the source, where people work. The target is this machine's own, or says itself when it is
        # asked too often, and is asked again later.
        self.patience = Patience(
            self.stopping,
            LASTS if self.patient else 0.0,
            mark=self.path(MARK) if self.patient else None,
            check=functools.partial(stop_if_held, self) if self.patient else lambda: None,
            # A window may have closed while a store was waited for.
            resumes=self.window,
            now=self.now,
        )
        #: What the stores do not give or take.
        self.refusals = Refusals(self)
        self.target = opened(self.given.store, self.given.target, UNLIMITED, self.stopping, self.patience, "target")
        #: Bytes that are read from the source, by every thread together.
        self.line = Pace(lambda: self.given.rates.at(self.now()), self.stopping)
        #: The descriptor that holds the lock, for children to hold it too.
        self.lock = -1
        #: When it may run: always, but for what reads the source's objects, which keeps to the windows.
        self.timetable = Timetable()
        self._credential: Credential | None = None
        self._source: Store | None = None
        #: Taken for good by who tells that the target does not let a trial be deleted: once is enough.
        self._left = threading.Lock()

    @property
    def credential(self) -> Credential:
        """The source's credential, read when it is first needed."""
        if self._credential is None:
            found = configuration.credential(self.given.credential)
            exported.check_source(self.given, found.place)
            self._credential = found
        return self._credential

    @property
    def source(self) -> Store:
        """The source's bucket."""
        if self._source is None:
            place, pace = self.credential.place, self.given.requests_per_second
            self._source = opened("aws-s3", place, pace, self.stopping, self.patience, "source")
        return self._source

    def stores_answer(self) -> None:
        """Waits until both do; raises where one does not in time, or refuses everything."""
        for store in (self.source, self.target):
            store.head(NOBODY)

    def asks(self, side: str) -> None:
        """Raises where this store does nothing for anybody: the source is to be read, the target to be written too.

        That the target does not let a trial be deleted is no such word: it may be written all the same.
        """
        if side != TARGET:
            self.source.head(NOBODY)
            return
        self.target.head(NOBODY)
        self.target.put(NOBODY, TRIAL, TRIED)
        try:
            self.target.delete(NOBODY)
        except StoreError as error:
            if isinstance(error, Outage):
                raise
            # It takes what it is given, which is what was asked.
            if self._left.acquire(blocking=False):
                say(f"{NOBODY}, a trial, stays at the target: {error}")

    def wanted(self, entry: Entry) -> Entry:
        """The source's object as the target is to hold it; the very same where nothing of it is renamed."""
        return keys.as_held(self.given.store, entry, rename=self.given.rename)

    def path(self, name: str) -> Path:
        """A file of the state folder."""
        return self.given.state / name

    def check(self) -> None:
        """Raises where a stop was asked for, or where the window has closed."""
        self.stopping.check()
        self.window()

    def window(self) -> float | None:
        """Seconds until the window closes, `None` without windows; raises outside of them."""
        remaining = self.timetable.remaining(self.now())
        if remaining == 0.0:
            raise Closed(self.timetable.opens(self.now()))
        return remaining

    @contextlib.contextmanager
    def in_windows(self) -> Iterator[None]:
        """What is done meanwhile reads the source's objects, and keeps to the off-peak windows."""
        self.timetable = self.given.windows
        try:
            yield
        finally:
            self.timetable = Timetable()

    def boundary(self, progress: Progress) -> None:
        """Between two pieces of work: ends where a person or a signal asks for it, waits for the window if told to."""
        while True:
            stop_if_held(self)
            try:
                return self.check()
            except Closed as closed:
                if not self.wait:
                    raise
                self._wait_for(closed, progress)

    def _wait_for(self, closed: Closed, progress: Progress) -> None:
        say(closed.message)
        progress.state, progress.waits_until = "waiting", closed.opens_at
        try:
            while self.now() < closed.opens:
                stop_if_held(self)
                self.stopping.wait(min(5.0, max(0.0, (closed.opens - self.now()).total_seconds())))
        finally:
            progress.state, progress.waits_until = "running", None

    def in_turn(self, work: Callable[[], None], progress: Progress) -> None:
        """One piece of work after a boundary; once more where the window closed in its middle."""
        while True:
            self.boundary(progress)
            try:
                return work()
            except Closed:
                if not self.wait:
                    raise

    def each_in_turn(
        self, items: Iterable[Item], work: Callable[[Item], Result], progress: Progress
    ) -> Iterator[Result]:
        """`each`, with a boundary before every item: what was begun is finished and told before it stops or waits.

        Where the window closes on an item itself, since its store was waited for, that and what was not told yet is
        done again in the next.
        """
        rest, numbers = deque(items), itertools.count()
        begun: dict[int, Item] = {}

        def allowed() -> Iterator[int]:
            while rest:
                stop_if_held(self)
                self.check()
                number = next(numbers)
                begun[number] = rest.popleft()
                yield number

        def done(number: int) -> tuple[int, Result]:
            return number, work(begun[number])

        while rest:
            self.boundary(progress)
            try:
                for number, result in self.each(allowed(), done):
                    del begun[number]
                    yield result
            except Closed:
                if not self.wait:
                    raise
                rest.extend(begun.values())
                begun.clear()

    def each(self, items: Iterable[Item], work: Callable[[Item], Result], threads: int = THREADS) -> Iterator[Result]:
        """Does the work of every item with some threads; yields results as they come, raises the first error.

        Where the items themselves end with an error, what was begun is finished and yielded before that is raised.
        """
        pending = iter(items)
        lock = threading.Lock()
        results: queue.Queue[Result | BaseException | None] = queue.Queue(threads * 4)
        over = threading.Event()
        ended: list[BaseException] = []

        def take() -> Item:
            with lock:
                try:
                    return next(pending)
                except StopIteration:
                    raise
                except BaseException as error:  # noqa: B036 (raised again by the reader)
                    ended.append(error)
                    raise StopIteration from error

        def put(result: Result | BaseException | None) -> None:
            while not over.is_set():
                with contextlib.suppress(queue.Full):
                    results.put(result, timeout=0.2)
                    return

        def run() -> None:
            try:
                while not over.is_set():
                    item = take()
                    put(work(item))
            except StopIteration:
                put(None)
            except BaseException as error:  # noqa: B036 (raised again by the reader)
                put(error)

        workers = [threading.Thread(target=run) for _ in range(threads)]
        for worker in workers:
            worker.start()
        left = threads
        try:
            while left:
                result = results.get()
                if result is None:
                    left -= 1
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
        finally:
            over.set()
            for worker in workers:
                worker.join()
        if ended:
            raise ended[0]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the state folder's lock. rclone inherits it, so that it is held as long as anything still copies."""
        descriptor = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Stop(
                    Exit.LOCKED,
                    "another run works here",
                    "This one did nothing.",
                    "wait for it, or look: ./migrate status",
                ) from None
            self.lock = descriptor
            # Of a run that was killed while it waited.
            self.path(MARK).unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)


def hold(session: Session) -> None:
    """Asks what runs to stop after the batch or the objects at which it is, and keeps it from starting."""
    os.close(os.open(session.path("HOLD"), os.O_WRONLY | os.O_CREAT, 0o600))


def release(session: Session) -> bool:
    """Takes the hold away; says whether there was one."""
    was = session.path("HOLD").exists()
    session.path("HOLD").unlink(missing_ok=True)
    return was


def stop_if_held(session: Session) -> None:
    """Raises where a hold is set."""
    if session.path("HOLD").exists():
        raise Stop(
            Exit.PAUSED,
            "HOLD is set",
            "What was copied or read stays so; nothing was begun after it.",
            "./migrate resume, then ./migrate content",
        )
