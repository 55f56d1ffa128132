"""The STUF closes for writing, for as long as somebody renews it, and leads people to its new address.

Two doors are closed: the proxy answers uploads and deletions with 503 and Retry-After while the switch `read-only` is
there, and the bucket's policy denies writes to everyone, which ends whatever goes past the proxy. What was there before
is written down first and put back as it was. A redirected STUF never opens by itself: its users write elsewhere.

Somebody may open a door by hand. So whoever renews, or leads people away, is told by the doors and not by what is
written down: what is uploaded meanwhile would be missing at the new address. A bucket is closed by nothing less
than the whole statement of the freeze; what has to go when it opens is known by its name.

A request to the store that nobody answered may be done late, and close a bucket of which nothing is written down any
more, or open one that is to be closed. So the record stays until no such request can be outstanding.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import moments, policies
from .failure import Refused, SourceError, Unanswered, Undecided
from .frozen import Frozen, Record
from .places import Places
from .settings import Settings
from .store import Store

#: After so long without `renew`, a STUF that is frozen and not redirected opens again.
LEASE = datetime.timedelta(seconds=600)
#: A request of this age is refused by its signature (900 s), with time for one that came in at the last moment.
OUTSTANDING = datetime.timedelta(seconds=1200)
SWITCH = "read-only"
#: What is seen of a bucket to which nobody writes past the proxy.
CLOSED = ("read-only", "not managed")
#: What is seen of one whose statement of the freeze has the name alone left: edited, it may deny nothing to anybody.
CHANGED = f"changed: the statement {policies.STATEMENT} is not as the freeze wrote it"


class Doors:
    """Freezing and redirecting."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self._record = Record(places)
        self._switch = settings.switches / SWITCH
        self._addresses = settings.switches / "redirect"
        self._bucket = settings.storage.bucket if settings.storage else ""
        self._store = Store(settings.storage) if settings.storage else None

    def state(self) -> Frozen | None:
        """What is written down."""
        return self._record.read()

    def seen(self) -> dict[str, Any]:
        """What is really so, whatever is written down."""
        return {
            "proxy": "read-only" if self._switch.exists() else "open",
            "bucket": self._seen_bucket(),
            "redirect": next(iter(self._redirects()), None),
        }

    def freeze(self, now: datetime.datetime) -> str:
        """Closes both doors; a second time it renews, and closes the one that somebody opened."""
        held = self.state()
        if held and (held.opening or held.unsettled(now)):
            raise Refused(f"an earlier freeze is not settled: {_still(held)}; next: unfreeze, the same after that time")
        if held:
            opened = self._opened(held)
            return self._close_again(held, opened, now) if opened else self._put_off(held, now)
        if not self._switch.parent.is_dir():
            raise Refused(f"there is no folder {self._switch.parent} for the proxy's switches")
        before = policies.without_denial(self._store.policy()) if self._store else None
        held = Frozen(moments.shown(now), _lease(now), before, self._switch.exists(), self._redirects())
        self._record.keep(held)
        try:
            _throw(self._switch)
            self._give(policies.with_denial(before, self._bucket), held, now)
        except BaseException as error:
            self._give_up(held, error, now)
            raise
        return f"frozen; opens by itself at {_lease(now)} unless renewed"

    def renew(self, now: datetime.datetime) -> str:
        """Puts the end of the lease off, where both doors are closed."""
        return self._put_off(self._closed("renewed", now), now)

    def unfreeze(self, now: datetime.datetime) -> str:
        """Puts back what was there before, unless somebody else has changed it meanwhile."""
        held = self.state()
        if held and held.opening:
            return self._settle(held, now) or f"open; {_still(held)}"
        held = self._held("opened")
        if held.redirect:
            raise Refused(f"users are led to {held.redirect}; next: restore, then unfreeze")
        if self._store and not policies.same_otherwise(self._store.policy(), held.policy_before):
            raise self._changed_otherwise("unfreeze")
        # Given even where the statement is not seen: a store may read a policy back late.
        try:
            self._give(held.policy_before, held, now, opens=True)
        except Unanswered as error:
            left = self._leave(self.state() or held)
            raise Unanswered(f"{error}; the proxy is open, and the timer opens the bucket; {_still(left)}") from None
        if held.unsettled(now):
            self._leave(held)
            return f"open; {_still(held)}"
        self._put_switch_back(held)
        self._record.forget()
        return "open" if not held.switch_before else "as before the freeze: the proxy was read-only, and stays so"

    def redirect(self, host: str, now: datetime.datetime) -> str:
        """Leads everyone to the new address, path and query kept; only a frozen STUF is left for another."""
        held = self._closed("redirected", now)
        if held.redirect not in (None, host):
            raise Refused(f"users are led to {held.redirect} already; next: restore, then redirect again")
        others = [name for name in self._redirects() if name != host]
        if others:
            raise Refused(f"users are led to {others[0]} already, not by this program; next: take that switch away")
        # Written down first: once one user was led away, nothing opens by itself any more.
        self._record.keep(replace(held, redirect=host))
        self._addresses.mkdir(mode=0o755, exist_ok=True)
        self._addresses.chmod(0o755)
        _throw(self._addresses / host)
        return f"everyone is led to https://{host}"

    def restore(self, now: datetime.datetime) -> str:
        """Answers itself again, where it did before the freeze; stays frozen, with a new lease."""
        held = self._held("restored")
        # Before anybody comes back. What a bucket does that cannot be asked keeps nobody from coming back.
        _throw(self._switch)
        if held.redirect and held.redirect not in held.redirects_before:
            (self._addresses / held.redirect).unlink(missing_ok=True)
        self._record.keep(replace(held, redirect=None, lease_until=_lease(now)))
        bucket = self._seen_bucket()
        doors = "frozen" if bucket in CLOSED else f"the proxy is read-only, the bucket is {bucket}"
        return f"answers itself; {doors}; opens by itself at {_lease(now)} unless renewed"

    def watch(self, now: datetime.datetime) -> str | None:
        """Opens a STUF whose lease is over, as whoever froze it has gone; ends what an earlier freeze left open."""
        held = self.state()
        if held and held.opening:
            return self._settle(held, now)
        if held is None or held.redirect or not held.over(now):
            return None
        over = f"nobody renewed the freeze until {held.lease_until}"
        # In any case: nobody has to wait for a store that cannot be asked, or for a person to decide about its policy.
        self._put_switch_back(held)
        try:
            return f"{over}: {self.unfreeze(now)}"
        except SourceError as error:
            kind = SourceError if isinstance(error, Refused) else type(error)
            raise kind(f"{over}: the proxy was opened, the bucket was not: {error}; the timer tries again") from None

    def _give(self, policy: Any, held: Frozen, now: datetime.datetime, *, opens: bool = False) -> None:
        """Gives the bucket a policy; written down before, for as long as the request may be outstanding."""
        if self._store is None:
            return
        # A full disk keeps it from being closed, and not from being opened.
        with contextlib.suppress(*((OSError,) if opens else ())):
            self._record.keep(replace(held, unsettled_until=moments.shown(now + OUTSTANDING)))
        try:
            self._store.set_policy(policy)
        except Unanswered:
            raise
        except SourceError:
            # Refused, so nothing is outstanding but what was before.
            self._record.keep(held)
            raise
        with contextlib.suppress(*((OSError,) if opens else ())):
            self._record.keep(held)

    def _give_up(self, held: Frozen, error: BaseException, now: datetime.datetime) -> None:
        """Opens the proxy after a freeze that did not come about; what becomes of the bucket may show later."""
        left = self.state() or held
        if not left.unsettled(now):
            self._put_switch_back(held)
            self._record.forget()
            return
        left = self._leave(left)
        # The timer tries again.
        with contextlib.suppress(SourceError):
            self._settle(left, now)
        if isinstance(error, SourceError):
            raise Unanswered(f"{error}; nothing is frozen; {_still(left)}") from None

    def _settle(self, held: Frozen, now: datetime.datetime) -> str | None:
        """Opens a bucket that a late request closed; once none can be outstanding, forgets the freeze."""
        there = self._store.policy() if self._store else None
        # By its name: an edited statement is no more wanted there than the whole one.
        if policies.bears_name(there):
            # Others may have changed the rest by now, as they may where nothing is frozen.
            self._give(policies.without_denial(there), held, now, opens=True)
            return "the bucket was found closed, and was opened again"
        if held.unsettled(now):
            return None
        self._record.forget()
        return "open: no request of the freeze can be outstanding any more"

    def _leave(self, held: Frozen) -> Frozen:
        """Opens the proxy, and leaves it to the timer what becomes of the bucket."""
        self._put_switch_back(held)
        left = replace(held, opening=True)
        self._record.keep(left)
        return left

    def _held(self, done: str) -> Frozen:
        held = self.state()
        if held is None or held.opening:
            raise Refused(f"it is not frozen, so it cannot be {done}")
        return held

    def _closed(self, done: str, now: datetime.datetime) -> Frozen:
        """A freeze that holds: the doors are asked, and no request can be outstanding that would open one."""
        held = self._held(done)
        if held.unsettled(now):
            raise Refused(f"the freeze is not settled: {_still(held)}; next: unfreeze, and freeze after that time")
        if not self._switch.exists():
            raise Undecided(
                f"somebody opened the proxy, so it cannot be {done}, and files may have come since {held.since}; "
                "next: freeze, which closes it again, and copy what came"
            )
        if self._store and not policies.denies(there := self._store.policy(), self._bucket):
            edited = f"somebody changed the statement {policies.STATEMENT} of the bucket's policy"
            raise Undecided(
                f"{edited if policies.bears_name(there) else 'somebody opened the bucket'}, so it cannot be {done}, "
                f"and files may have come since {held.since}; next: freeze, which closes it again, and copy what came"
            )
        return held

    def _opened(self, held: Frozen) -> list[str]:
        """The doors that somebody opened; what was changed in the policy beside the freeze is left to a person."""
        opened = [] if self._switch.exists() else ["the proxy"]
        there = self._store.policy() if self._store else None
        if self._store is None or policies.denies(there, self._bucket):
            return opened
        if not policies.same_otherwise(there, held.policy_before):
            raise self._changed_otherwise("freeze")
        return [*opened, "the bucket"]

    def _close_again(self, held: Frozen, opened: list[str], now: datetime.datetime) -> str:
        """Closes these doors, and renews; where that fails, the lease ends when it would have ended."""
        # What was written until now came after the time that was written down.
        held = replace(held, since=moments.shown(now))
        self._record.keep(held)
        _throw(self._switch)
        if "the bucket" in opened:
            try:
                self._give(policies.with_denial(held.policy_before, self._bucket), held, now)
            except Unanswered as error:
                left = self.state() or held
                raise Unanswered(f"{error}; the proxy is closed, the bucket may be open; {_still(left)}") from None
        # The bucket is not asked once more, as a store may read a policy back late; the next `renew` asks it.
        return f"closed again, as somebody had opened {' and '.join(opened)}; {self._put_off(held, now)}"

    def _put_off(self, held: Frozen, now: datetime.datetime) -> str:
        self._record.keep(replace(held, lease_until=_lease(now)))
        return f"frozen since {held.since}; opens by itself at {_lease(now)} unless renewed"

    def _changed_otherwise(self, verb: str) -> Undecided:
        return Undecided(
            "the bucket's policy is not what it was before the freeze, so somebody changed it; it was left so; "
            f"next: make it by hand what {self._record.file} says, with or without the statement "
            f"{policies.STATEMENT}, then {verb}"
        )

    def _put_switch_back(self, held: Frozen) -> None:
        if not held.switch_before:
            self._switch.unlink(missing_ok=True)

    def _redirects(self) -> list[str]:
        return sorted(file.name for file in self._addresses.glob("*"))

    def _seen_bucket(self) -> str:
        if self._store is None:
            return "not managed"
        try:
            there = self._store.policy()
        except SourceError as error:
            return f"unknown: {error}"
        if policies.denies(there, self._bucket):
            return "read-only"
        return CHANGED if policies.bears_name(there) else "open"


def _throw(switch: Path) -> None:
    """Makes an empty file that the proxy sees; whatever stands beside it under another name would be a switch too."""
    os.close(os.open(switch, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644))
    switch.chmod(0o644)


def _lease(now: datetime.datetime) -> str:
    return moments.shown(now + LEASE)


def _still(held: Frozen) -> str:
    return f"until {held.unsettled_until} the store may do what it did not answer to, and the timer looks after it"
