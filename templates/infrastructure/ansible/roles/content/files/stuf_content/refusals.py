"""What a store does not give or take: which side, whether one object, all of them or nothing for now, and what then.

- One object: it is named, with the store's words, and the run ends once everything else is done.
- The whole store, where it refuses the same for a name that nobody has: the run ends at once.
- An outage, where it was waited for in vain: the run ends too, since whatever comes next would be waited for as long.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .outcome import Stop, count, failed
from .wire import Outage, StoreError

if TYPE_CHECKING:
    from .session import Session

SOURCE, TARGET = "source", "target"
#: After so many objects nobody needs to know of more.
MOST = 1000
#: What a store does not do, and what to do about single objects of it.
SINGLE = {
    SOURCE: (
        "the source does not give",
        "let the operator look at the objects (archived, spoilt, or encrypted with a key that the reader may not use?) "
        "or take them away there",
    ),
    TARGET: ("the target does not take", "look at the target's storage: room, policy, key; the source is fine"),
}
#: What to do about a store that does nothing for anybody.
WHOLE = {SOURCE: "ask the operator to look at the credential and the bucket", TARGET: SINGLE[TARGET][1]}
#: What to do last, whatever it was.
AGAIN = "./migrate content"


def about_single(sides: Iterable[str]) -> list[str]:
    """What to do about single objects, by whose store does not give or take them."""
    found = set(sides)
    return [step for side, (_, step) in SINGLE.items() if side in found]


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
        #: By key: whose store it is, and its words.
        self.found: dict[str, tuple[str, str]] = {}

    @property
    def enough(self) -> bool:
        """Whether nobody needs to know of more."""
        return len(self.found) >= MOST

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
                self.found[key] = error.side, str(error)

    def findings(self) -> list[dict[str, str]]:
        """By key, for people and programs."""
        with self.lock:
            return [{"key": key, "why": why} for key, (_, why) in sorted(self.found.items())]

    def ended(self, error: StoreError) -> Stop:
        """What ends a run at once; what was refused before that is named all the same."""
        return failed(str(error), "What is there stays there.", about_all(error), findings=self.findings())

    def end(self) -> None:
        """Raises where there was one; called once everything else is carried."""
        if not self.found:
            return
        sides = Counter(side for side, _ in self.found.values())
        raise failed(
            "; ".join(f"{word} {count(sides[side], 'object')}" for side, (word, _) in SINGLE.items() if sides[side]),
            "Everything else was carried, and stays; these are as they were.",
            "; then ".join([*about_single(sides), AGAIN]),
            findings=self.findings(),
        )
