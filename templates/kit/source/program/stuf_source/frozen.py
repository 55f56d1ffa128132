"""What is written down of a freeze, from before its first change until nothing of it can be left."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from . import moments
from .failure import Undecided
from .places import Places, rendered, write


@dataclass(frozen=True)
class Frozen:
    """What was done, and what was there before."""

    since: str
    lease_until: str
    #: Without a statement of an earlier freeze, which nobody would take out any more.
    policy_before: Any
    switch_before: bool
    redirects_before: list[str] = field(default_factory=list)
    redirect: str | None = None
    #: The doors were opened; written down still, as the bucket may be changed late by a request that nobody answered.
    opening: bool = False
    unsettled_until: str | None = None

    def over(self, now: datetime.datetime) -> bool:
        """Whether nobody renewed it in time."""
        return now >= moments.read(self.lease_until)

    def unsettled(self, now: datetime.datetime) -> bool:
        """Whether the store may still do what it never answered to."""
        return self.unsettled_until is not None and now < moments.read(self.unsettled_until)


class Record:
    """The file, if there is one."""

    def __init__(self, places: Places) -> None:
        self.file = places.state / "frozen.json"

    def read(self) -> Frozen | None:
        """What is written down."""
        try:
            found = Frozen(**json.loads(self.file.read_text(encoding="utf-8")))
            for text in (found.lease_until, found.unsettled_until or found.lease_until):
                moments.read(text)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise Undecided(
                f"{self.file} is broken, so what was there before the freeze is not known; "
                "next: set the bucket's policy and the proxy's switches by hand, then take that file away"
            ) from None
        return found

    def keep(self, frozen: Frozen) -> None:
        """Writes it down."""
        write(self.file, rendered(asdict(frozen)))

    def forget(self) -> None:
        """Takes it away: everything is as it was before."""
        self.file.unlink()

    def unfinished(self) -> str | None:
        """Why the kit and its settings have to stay for now, and what ends that; nothing where they need not."""
        found = self.read()
        if found is None:
            return None
        if found.opening:
            return f"an earlier freeze is not settled until {found.unsettled_until}; next: the same after that"
        if found.redirect:
            return f"users are led to {found.redirect}; next: once they may come back, restore and unfreeze"
        return "the STUF is frozen; next: stuf-source unfreeze, then the same once more"
