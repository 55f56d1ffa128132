"""What can come out beside noticed and survived."""

from __future__ import annotations


class Unproven(Exception):
    """The unmutated control does not pass, or the mutant did not get as far as the phase that must notice it."""
