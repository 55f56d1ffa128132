"""Moments as requests, records and people's lines have them: to the second, in UTC."""

from __future__ import annotations

import datetime

FORM = "%Y-%m-%dT%H:%M:%SZ"


def shown(moment: datetime.datetime) -> str:
    """A moment as text."""
    return moment.strftime(FORM)


def read(text: str) -> datetime.datetime:
    """The moment of a text; a `ValueError` where it is none."""
    return datetime.datetime.strptime(text, FORM).replace(tzinfo=datetime.UTC)
