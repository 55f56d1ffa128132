"""What a store does not give or take: which side, whether one object, all of them or nothing for now, and what then.

- One object: it is named, with the store's words, and the run ends once everything else is done.
- The whole store, where it refuses the same for a name that nobody has: the run ends at once.
- An outage, where it was waited for in vain: the run ends too, since whatever comes next would be waited for as long.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .outcome import Stop, count, failed
from .wire import Outage, StoreError

if TYPE_CHECKING:
    from .session import Session

SOURCE, TARGET = "source", "target"
#: After so many objects nobody needs to know of more.
MOST = 1000
#: What the store of a side does not do.
WORDS = {SOURCE: "the source does not give", TARGET: "the target does not take"}
#: What to do about what it has refused, whose answer will be the same until somebody changes something.
REFUSED = {
    SOURCE: "let the operator look at the objects that it refuses (archived, or encrypted with a key that the reader "
    "may not use?) or take them away there",
    TARGET: "look at the target's storage: room, policy, key; the source is fine",
}
#: What to do about what it has failed in, if it does so again: that may pass, so nobody is to take an original away.
FAILED = {
    SOURCE: "where the source fails in the same objects again, let the operator look at its storage",
    TARGET: "where the target fails in the same objects again, look at its storage; the source is fine",
}
#: What to do about a store that does nothing for anybody.
WHOLE = {SOURCE: "ask the operator to look at the credential and the bucket", TARGET: REFUSED[TARGET]}
#: What goes on where it was.
AGAIN = "./migrate content"


@dataclass(frozen=True, slots=True)
class Single:
    """What a store did not do for one object: whose it is, whether it has refused that, and its words."""

    side: str
    refused: bool
    why: str


def single(error: StoreError) -> Single:
    """What an error says of one object."""
    return Single(error.side, error.refuses, str(error))


def about_single(found: Collection[Single], before: Iterable[str] = (), last: str = AGAIN) -> str:
    """What to do about single objects, one step after the other; `before` comes first, and what is typed last."""
    refused = [REFUSED[side] for side in WORDS if any(one.side == side and one.refused for one in found)]
    failed_in = [FAILED[side] for side in WORDS if any(one.side == side and not one.refused for one in found)]
    return "; ".join(["; then ".join([*before, *refused, last]), *failed_in])


def about_all(error: StoreError) -> str:
    """What to do about an error that ended a run."""
    if isinstance(error, Outage):
        return f"find out why the {error.side}'s store does not answer; then {AGAIN}, which goes on where it was"
    return f"{WHOLE[error.side]}; then {AGAIN}"


class Refusals:
    """What the stores do not give or take in one run: every other object is carried before it ends."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lock = threading.Lock()
        self.found: dict[str, Single] = {}

    @property
    def enough(self) -> bool:
        """Whether nobody needs to know of more."""
        return len(self.found) >= MOST

    def number(self, objects: int) -> str:
        """So many objects, for people: of more than enough the rest was not tried."""
        return f"{'at least ' if self.enough else ''}{count(objects, 'object')}"

    @contextlib.contextmanager
    def apart(self, key: str) -> Iterator[None]:
        """What a store refuses meanwhile, or fails in, is about this object; or it is the store, and ends the run."""
        # In a window that closed it may have been refused, and is not any more.
        with self.lock:
            self.found.pop(key, None)
        try:
            yield
        except StoreError as error:
            if isinstance(error, Outage):
                raise
            self.session.asks(error.side)
            with self.lock:
                self.found[key] = single(error)

    def findings(self) -> list[dict[str, str]]:
        """By key, for people and programs."""
        with self.lock:
            return [{"key": key, "why": one.why} for key, one in sorted(self.found.items())]

    def ended(self, error: StoreError) -> Stop:
        """What ends a run at once; what was refused before that is named all the same."""
        return failed(str(error), "What is there stays there.", about_all(error), findings=self.findings())

    def end(self) -> None:
        """Raises where there was one; called once everything else is carried."""
        if not self.found:
            return
        sides = Counter(one.side for one in self.found.values())
        raise failed(
            "; ".join(f"{word} {self.number(sides[side])}" for side, word in WORDS.items() if sides[side]),
            "What else was carried stays; these are as they were.",
            about_single(self.found.values()),
            findings=self.findings(),
        )
