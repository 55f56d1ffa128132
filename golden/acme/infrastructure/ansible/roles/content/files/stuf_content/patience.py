"""A store that answers nobody is waited for: how long, what is told meanwhile, and what ends it."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .entries import write_json
from .limits import Stopping
from .outcome import say

#: Seconds for which a run that nobody attends waits for a store: longer than a restart of it, or of what stands before.
LASTS = 900.0
#: Seconds before each of the next tries, once the short ones were in vain; the last stands for all others.
GROWING = (16.0, 60.0)
#: Seconds that nobody needs to be told of; no pause is longer where a person waits for the answer.
SHORT = 5.0
#: Seconds between two looks for a hold.
LOOK = 1.0
#: The file that tells of it; a verb may wait before it has any progress.
MARK = "waits.json"


def _nothing() -> None:
    pass


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Patience:
    """What one run has, for both its stores; without seconds it has none."""

    def __init__(
        self,
        stopping: Stopping,
        seconds: float = 0.0,
        *,
        mark: Path | None = None,
        check: Callable[[], None] = _nothing,
        resumes: Callable[[], object] = _nothing,
        now: Callable[[], datetime.datetime] = _now,
    ) -> None:
        """`check` raises where somebody holds the run, `resumes` where what is read may not be read any more."""
        self.stopping = stopping
        self.seconds = seconds
        self.mark = mark
        self.check = check
        self.resumes = resumes
        self.now = now
        self.lock = threading.RLock()
        #: Which store is waited for, since when, and by how many threads.
        self.waits: dict[str, tuple[str, int]] = {}

    @property
    def most(self) -> str:
        """How long it lasts, for people."""
        return f"{self.seconds / 60:.0f} min"

    def pause(self, side: str, host: str, seconds: float) -> None:
        """Waits a while. A stop ends it at once; so does a hold where it takes long, and then it is told."""
        left = seconds if self.seconds else min(seconds, SHORT)
        if left <= SHORT:
            self.stopping.wait(left)
            return
        with self.told(side, host):
            while left > 0:
                self.check()
                self.stopping.wait(min(LOOK, left))
                left -= LOOK

    def longer(self, side: str, host: str) -> Callable[[float], bool]:
        """Pauses that grow, or are as long as the store asks for; the answer is false once patience is at its end."""
        end = self.now() + datetime.timedelta(seconds=self.seconds)
        growing = itertools.chain(GROWING, itertools.repeat(GROWING[-1]))

        def pause(asked: float) -> bool:
            left = (end - self.now()).total_seconds()
            if left <= 0:
                return False
            self.pause(side, host, min(left, asked if asked > SHORT else next(growing)))
            return True

        return pause

    @contextlib.contextmanager
    def told(self, side: str, host: str) -> Iterator[None]:
        """Somebody waits for a store meanwhile; the first of them says so, and the last that it is over."""
        with self.lock:
            since, number = self.waits.get(side, (self.now().strftime("%Y-%m-%dT%H:%M:%SZ"), 0))
            self.waits[side] = since, number + 1
            if not number:
                say(f"the {side}'s store does not answer ({host}): waiting for it since {since}, {self.most} at most")
                self._write()
        try:
            yield
        finally:
            with self.lock:
                since, number = self.waits.pop(side)
                if number > 1:
                    self.waits[side] = since, number - 1
                else:
                    self._write()

    def document(self) -> dict[str, str | None]:
        """For programs: which store is waited for, `source` or `target`, and since when; nothing where none is."""
        with self.lock:
            side, (since, _) = next(iter(self.waits.items()), (None, (None, 0)))
        return {"waits_for": side, "waits_since": since}

    def _write(self) -> None:
        """Leaves word for `status`; on a full disk the work itself meets that, and tells it."""
        if self.mark is None:
            return
        with contextlib.suppress(OSError):
            if self.waits:
                write_json(self.mark, self.document())
            else:
                self.mark.unlink(missing_ok=True)
