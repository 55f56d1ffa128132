"""How a verb stops; the numbers are those of `./migrate`."""

from __future__ import annotations


class SourceError(Exception):
    """Something could not be done; the text names no person and no secret."""

    code = 1


class Unanswered(SourceError):
    """Whether the store did it, or will, is not known."""


class Undecided(SourceError):
    """Somebody else changed what would be put back: a person decides."""

    code = 11


class Refused(SourceError):
    """Nothing was changed."""

    code = 12


class Locked(SourceError):
    """Another verb is at work."""

    code = 75
