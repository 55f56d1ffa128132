"""When copying may run: the weekly windows of the plan, in UTC, and when work that keeps to them is done."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 1440
_WEEK = 7 * _DAY
_FORM = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d) UTC")


def ends(now: datetime, windows: Sequence[str], seconds: int) -> datetime:
    """When so many seconds of work are done that begin now, or when the next window opens; none means always.

    `now` is in UTC. Raises ValueError for what is no window.
    """
    if not windows or seconds <= 0:
        return now + timedelta(seconds=seconds)
    open_at = _minutes(windows)
    # Whole weeks are passed over, but for the last second of one: work ends in a window.
    weeks, rest_of_week = divmod(seconds - 1, 60 * sum(open_at))
    at, left = now + timedelta(weeks=weeks), timedelta(seconds=rest_of_week + 1)
    while True:
        rest = timedelta(minutes=1) - timedelta(seconds=at.second, microseconds=at.microsecond)
        if open_at[at.weekday() * _DAY + at.hour * 60 + at.minute]:
            if left <= rest:
                return at + left
            left -= rest
        at += rest


def _minutes(windows: Sequence[str]) -> list[bool]:
    """Of each minute of a week, whether a window is open."""
    found = [False] * _WEEK
    for text in windows:
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no window")
        first = _DAYS.index(match[1])
        last = _DAYS.index(match[2]) if match[2] else first
        start, end = (int(match[n]) * 60 + int(match[n + 1]) for n in (3, 5))
        length = end - start if end > start else end - start + _DAY
        for day in range((last - first) % 7 + 1):
            begin = (first + day) * _DAY + start
            for minute in range(begin, begin + length):
                found[minute % _WEEK] = True
    return found
