"""Limits that a store and its line bear: requests per second, bytes per second. And the word to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .outcome import Exit, Stop


class Stopping:
    """Set by TERM, INT or HUP; whoever waits or works for long looks at it."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def check(self) -> None:
        """Raises where a stop was asked for."""
        if self.event.is_set():
            raise Stop(
                Exit.PAUSED,
                "stopped by a signal",
                "What is there stays there; nothing is sent again.",
                "the same command goes on where this one stopped",
            )

    def wait(self, seconds: float) -> None:
        """Waits, and is woken by a stop."""
        self.event.wait(seconds)
        self.check()


class Pace:
    """At most so many units per second, shared by every thread; a burst is spread out after it."""

    def __init__(self, per_second: Callable[[], float], stopping: Stopping) -> None:
        self.per_second = per_second
        self.stopping = stopping
        self.lock = threading.Lock()
        self.free_at = time.monotonic()

    def take(self, units: int = 1) -> None:
        """Waits until these units may be used."""
        with self.lock:
            now = time.monotonic()
            begin = max(self.free_at, now)
            self.free_at = begin + units / self.per_second()
        if begin > now:
            self.stopping.wait(begin - now)
        else:
            self.stopping.check()
