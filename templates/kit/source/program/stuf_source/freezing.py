"""The STUF closes for writing, for as long as somebody renews it, and leads people to its new address.

Two doors are closed: the proxy answers uploads and deletions with 503 and Retry-After while the switch `read-only` is
there, and the bucket's policy denies writes to everyone, which ends whatever goes past the proxy. What was there before
is written down first and put back as it was. A redirected STUF never opens by itself: its users write elsewhere.
"""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .failure import Refused, SourceError, Undecided
from .places import Places, rendered, write
from .settings import Settings
from .store import Store

#: After so long without `renew`, a STUF that is frozen and not redirected opens again.
LEASE = datetime.timedelta(seconds=600)
TIME = "%Y-%m-%dT%H:%M:%SZ"
SWITCH = "read-only"
STATEMENT = "StufSourceFreeze"
#: Everything that changes an object or begins one; ending an upload that has begun stays possible.
WRITES = ["s3:PutObject*", "s3:DeleteObject*", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:RestoreObject"]


@dataclass(frozen=True)
class Frozen:
    """What was done, and what was there before."""

    since: str
    lease_until: str
    policy_before: Any
    policy_after: Any
    redirect: str | None = None


class Doors:
    """Freezing and redirecting."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self._file = places.state / "frozen.json"
        self._switch = settings.switches / SWITCH
        self._addresses = settings.switches / "redirect"
        self._bucket = settings.storage.bucket if settings.storage else ""
        self._store = Store(settings.storage) if settings.storage else None

    def state(self) -> Frozen | None:
        """What is written down."""
        try:
            return Frozen(**json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def seen(self) -> dict[str, Any]:
        """What is really so, whatever is written down."""
        return {
            "proxy": "read-only" if self._switch.exists() else "open",
            "bucket": self._seen_bucket(),
            "redirect": next((file.name for file in sorted(self._addresses.glob("*"))), None),
        }

    def freeze(self, now: datetime.datetime) -> str:
        """Closes both doors; a second time it renews, and closes a proxy that somebody opened."""
        if self.state() is not None:
            if self._seen_bucket() == "open":
                raise Undecided("somebody opened the bucket meanwhile; next: unfreeze, then freeze again")
            _throw(self._switch)
            return self.renew(now)
        if not self._switch.parent.is_dir():
            raise Refused(f"there is no folder {self._switch.parent} for the proxy's switches")
        before = self._store.policy() if self._store else None
        after = _with_denial(before, self._bucket) if self._store else None
        self._keep(Frozen(now.strftime(TIME), _lease(now), before, after))
        try:
            _throw(self._switch)
            if self._store:
                self._store.set_policy(after)
        except BaseException:
            self.unfreeze()
            raise
        return f"frozen; opens by itself at {_lease(now)} unless renewed"

    def renew(self, now: datetime.datetime) -> str:
        """Puts the end of the lease off."""
        held = self._held("renewed")
        self._keep(Frozen(**{**asdict(held), "lease_until": _lease(now)}))
        return f"frozen since {held.since}; opens by itself at {_lease(now)} unless renewed"

    def unfreeze(self) -> str:
        """Puts back what was there before, unless somebody else has changed it meanwhile."""
        held = self._held("opened")
        if held.redirect:
            raise Refused(f"users are led to {held.redirect}; next: restore, then unfreeze")
        if self._store:
            there = self._store.policy()
            if there == held.policy_after and there != held.policy_before:
                self._store.set_policy(held.policy_before)
            elif there != held.policy_before:
                raise Undecided(
                    "the bucket's policy is neither what was there before the freeze nor what the freeze made of it, "
                    f"so somebody changed it; nothing was opened; next: take out its statement {STATEMENT} by hand, "
                    f"then {self._file} says what was there before"
                )
        self._switch.unlink(missing_ok=True)
        self._file.unlink()
        return "open"

    def redirect(self, host: str) -> str:
        """Leads everyone to the new address, path and query kept; only a frozen STUF is left for another."""
        held = self._held("redirected")
        if held.redirect not in (None, host):
            raise Refused(f"users are led to {held.redirect} already; next: restore, then redirect again")
        # Written down first: once one user was led away, nothing opens by itself any more.
        self._keep(Frozen(**{**asdict(held), "redirect": host}))
        self._addresses.mkdir(mode=0o755, exist_ok=True)
        self._addresses.chmod(0o755)
        _throw(self._addresses / host)
        return f"everyone is led to https://{host}"

    def restore(self, now: datetime.datetime) -> str:
        """Answers itself again; stays frozen, with a new lease."""
        held = self._held("restored")
        for file in self._addresses.glob("*"):
            file.unlink()
        self._keep(Frozen(**{**asdict(held), "redirect": None, "lease_until": _lease(now)}))
        return f"answers itself; frozen, opens by itself at {_lease(now)} unless renewed"

    def watch(self, now: datetime.datetime) -> str | None:
        """Opens a STUF whose lease is over: whoever froze it has gone."""
        held = self.state()
        if (
            held is None
            or held.redirect
            or now < datetime.datetime.strptime(held.lease_until, TIME).replace(tzinfo=datetime.UTC)
        ):
            return None
        return f"nobody renewed the freeze until {held.lease_until}: {self.unfreeze()}"

    def _held(self, done: str) -> Frozen:
        held = self.state()
        if held is None:
            raise Refused(f"it is not frozen, so it cannot be {done}")
        return held

    def _keep(self, frozen: Frozen) -> None:
        write(self._file, rendered(asdict(frozen)))

    def _seen_bucket(self) -> str:
        if self._store is None:
            return "not managed"
        try:
            return "read-only" if any(map(_is_ours, _statements(self._store.policy()))) else "open"
        except SourceError as error:
            return f"unknown: {error}"


def _throw(switch: Path) -> None:
    """Makes an empty file that the proxy sees; whatever stands beside it under another name would be a switch too."""
    os.close(os.open(switch, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644))
    switch.chmod(0o644)


def _lease(now: datetime.datetime) -> str:
    return (now + LEASE).strftime(TIME)


def _statements(policy: Any) -> list[Any]:
    found = (policy or {}).get("Statement") or []
    return found if isinstance(found, list) else [found]


def _is_ours(statement: Any) -> bool:
    return isinstance(statement, dict) and statement.get("Sid") == STATEMENT


def _with_denial(policy: Any, bucket: str) -> Any:
    denial = {
        "Sid": STATEMENT,
        "Effect": "Deny",
        "Principal": "*",
        "Action": WRITES,
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    others = [statement for statement in _statements(policy) if not _is_ours(statement)]
    return {**(policy or {"Version": "2012-10-17"}), "Statement": [*others, denial]}
