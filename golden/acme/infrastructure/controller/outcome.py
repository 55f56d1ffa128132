"""How a run ends: exit codes, and the one exception that stops it with a message for people."""

import enum
from dataclasses import dataclass


class Exit(enum.IntEnum):
    """Exit codes of `migrate`. The documents and the fleet's tools rely on them."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    ROLLED_BACK = 10
    PAUSED = 11
    REFUSED = 12
    LOCKED = 75


UNTOUCHED = "Checked before the first step: no host or account was changed."


@dataclass(eq=False)
class Stop(Exception):
    """Stops the run: what, where, state of things, next command. Never holds a secret."""

    exit: Exit
    code: str
    what: str
    where: str
    state: str
    next: str
    page: str | None = None  # the same as `what`, for a page, where that tells what a tool has told
    bundle: str | None = None  # where the bundle of a failure lies, in words

    def text(self) -> str:
        """The message as it stands in a terminal."""
        word = "paused" if self.exit is Exit.PAUSED else "error"
        bundle = "" if self.bundle is None else f"{self.bundle}\n"
        return f"{word}[{self.code}]: {self.what}\n  at {self.where}\n{self.state}\n{bundle}next: {self.next}"

    def document(self) -> dict[str, str | None]:
        """The same for `--json`."""
        told = {"code": self.code, "what": self.what, "where": self.where, "state": self.state, "next": self.next}
        return told | {"support": self.bundle}


def refused(code: str, what: str, where: str, next_command: str, page: str | None = None) -> Stop:
    """A precheck's no: nothing was changed."""
    return Stop(Exit.REFUSED, code, what, where, UNTOUCHED, next_command, page)
