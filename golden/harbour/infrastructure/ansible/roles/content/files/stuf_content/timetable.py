"""Off-peak windows and bandwidths, weekly and in UTC: `mon-fri 22:00-06:00`, which ends a day later where it must."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from .outcome import refused

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORM = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)(?: UTC)?")
WEEK = 7 * 86400


@dataclass(frozen=True)
class Timetable:
    """Spans of the week in seconds from Monday 00:00; none means always."""

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, texts: list[str]) -> Timetable:
        """Reads windows as a target names them."""
        spans = []
        for text in texts:
            match = FORM.fullmatch(text)
            if not match or match[1] not in DAYS or (match[2] or "mon") not in DAYS:
                raise refused(f"window {text!r} is not of the form mon-fri 22:00-06:00", "./migrate content")
            first = DAYS.index(match[1])
            last = DAYS.index(match[2]) if match[2] else first
            start, end = (int(match[n]) * 3600 + int(match[n + 1]) * 60 for n in (3, 5))
            length = end - start if end > start else end - start + 86400
            for day in range((last - first) % 7 + 1):
                begin = (first + day) % 7 * 86400 + start
                spans.append((begin, begin + length))
        return cls(tuple(sorted(spans)))

    def remaining(self, now: datetime.datetime) -> float | None:
        """Seconds until bulk copying has to stop: 0 outside every window, `None` without windows."""
        if not self.spans:
            return None
        begin = at = _second(now)
        # Windows that touch are one; more than a week on end is always.
        while at - begin < WEEK:
            ends = [at + (end - start) - offset for start, end, offset in self._around(at)]
            if not ends:
                return at - begin
            at = max(ends)
        return None

    def opens(self, now: datetime.datetime) -> datetime.datetime:
        """When the next window opens; now, where one is open."""
        if self.remaining(now) != 0.0:
            return now
        second = _second(now)
        wait = min((start - second) % WEEK for start, _ in self.spans)
        return now + datetime.timedelta(seconds=wait)

    def ends(self, now: datetime.datetime, seconds: float) -> datetime.datetime:
        """When work that keeps to the windows is done, if it begins as soon as it may."""
        # Windows open and close at whole minutes, and so does the work that is left after each.
        at = now.replace(microsecond=0)
        while (open_for := self.remaining(at := self.opens(at))) is not None and open_for < seconds:
            seconds -= open_for
            at += datetime.timedelta(seconds=open_for)
        return at + datetime.timedelta(seconds=seconds)

    def _around(self, at: float) -> list[tuple[int, int, float]]:
        found = []
        for start, end in self.spans:
            offset = (at - start) % WEEK
            if offset < end - start:
                found.append((start, end, offset))
        return found


@dataclass(frozen=True)
class Rates:
    """Bytes per second, by the time of the week."""

    otherwise: int
    #: From which second of the week, until which, how many.
    spans: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def of(cls, otherwise: int, timed: list[tuple[str, int]]) -> Rates:
        """Reads a timetable: when, and how many bytes per second then."""
        spans = [(*span, rate) for text, rate in timed for span in Timetable.of([text]).spans]
        return cls(otherwise, tuple(sorted(spans)))

    def at(self, now: datetime.datetime) -> int:
        """What may be used now."""
        return self._in(_second(now))

    @property
    def highest(self) -> int:
        """What is never exceeded."""
        return max(self.otherwise, *(rate for _, _, rate in self.spans)) if self.spans else self.otherwise

    def for_rclone(self) -> str:
        """The same as rclone's `--bwlimit` has it, which goes by the clock of the time zone it is given."""
        if not self.spans:
            return f"{self.otherwise}B"
        steps = sorted({0} | {edge % WEEK for start, end, _ in self.spans for edge in (start, end)})
        return " ".join(f"{_written(step)},{self._in(step)}B" for step in steps)

    def _in(self, second: float) -> int:
        for start, end, rate in self.spans:
            if (second - start) % WEEK < end - start:
                return rate
        return self.otherwise


def _written(second: int) -> str:
    """`Mon-08:00`."""
    day, rest = divmod(second, 86400)
    return f"{DAYS[day].title()}-{rest // 3600:02}:{rest % 3600 // 60:02}"


def _second(now: datetime.datetime) -> float:
    utc = now.astimezone(datetime.UTC)
    return utc.weekday() * 86400 + utc.hour * 3600 + utc.minute * 60 + utc.second + utc.microsecond / 1e6
