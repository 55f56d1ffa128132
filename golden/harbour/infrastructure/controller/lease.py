"""The lease of the installation: which machine runs the migration, as the target knows it.

It is kept at the target beside a copy of the journal. Another machine is refused there: with 75 while the lease lasts,
later with 12, since it does not have the journal; `./migrate adopt target` takes both over. The clock that counts is
the target's. Each copy of the journal renews the lease, a step that takes long by copies of its own; the end of a run
gives it back, and a run that is lost keeps it for as long as it lasts.
"""

import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bootstrap
import gates
from console import Console
from outcome import Exit, Stop
from package import Package
from playbook import KEEP, Interrupts, Result, Runner, why_not_asked
from state import Lock, State, replace

SECONDS = 900
RENEW_SECONDS = 300
AGAIN_SECONDS = 60


def holder(state: State) -> str:
    """Which controller this is: this state folder on this machine, since a copy of the folder elsewhere is another."""
    path = state.root / "holder"
    if not path.is_file():
        draft = path.with_name(f".holder.{os.getpid()}")
        replace(draft, secrets.token_hex(16) + "\n")
        with contextlib.suppress(FileExistsError):  # another command was first
            os.link(draft, path)
        draft.unlink()
    try:
        machine = Path("/etc/machine-id").read_bytes()
    except OSError:
        machine = b""
    return hashlib.sha256(path.read_bytes() + machine).hexdigest()[:32]


def write(state: State, doing: str, seconds: int) -> None:
    """What the next copy of the journal tells the target; none of it lasts once a run gives it back."""
    told = {"holder": holder(state), "who": gates.me(), "doing": doing, "package": state.number, "seconds": seconds}
    replace(state.here / "lease.json", json.dumps(told) + "\n")


def copy_journal(package: Package, state: State, console: Console, doing: str, held: Lock) -> None:
    """Has the target know of a line that no phase has written, once it can be asked; that it did not hear is told."""
    if not package.playbook(KEEP).is_file() or why_not_asked(package, state) is not None:
        return
    write(state, doing, 0)
    runner = Runner(package, state, bootstrap.tools(state, package.root), held, "lease", Interrupts())
    tell(console, runner.step(KEEP, KEEP))


def tell(console: Console, result: Result) -> None:
    """Says where a copy was not made, and why."""
    if not result.done or result.ignored:
        why = "".join(f"\n    {line}" for line in result.failures) or f"; see {result.log}"
        console.say(f"    the journal was not copied to the target{why}")


@dataclass
class Renewal:
    """Renews the lease while a long step runs, by a copy of the journal beside it."""

    copy: Callable[[], Result]
    last: float = field(default_factory=time.monotonic)
    lost: Stop | None = None  # another machine has the lease by now
    _beside: threading.Thread | None = None

    def look(self) -> None:
        """Begins a copy where the last one was long ago; called again and again while Ansible runs."""
        if time.monotonic() - self.last >= RENEW_SECONDS and not self._runs:
            self.last = time.monotonic()
            self._beside = threading.Thread(target=self._renew, daemon=True)
            self._beside.start()

    @property
    def _runs(self) -> bool:
        return self._beside is not None and self._beside.is_alive()

    def _renew(self) -> None:
        self.heard(self.copy())

    def heard(self, result: Result) -> None:
        """What became of a copy; one that failed is made again, one that was refused ends the run."""
        # One that failed is tried again soon: the lease lasts for three of them.
        self.last = time.monotonic() - (0 if result.done else RENEW_SECONDS - AGAIN_SECONDS)
        if result.said is not None:
            self.lost = Stop(
                Exit.LOCKED, "lease.lost", "another machine has taken over this migration", str(result.log),
                "No further step was begun. What stands in the journal here, and not there, is done all the same.",
                result.following or "./migrate status",
            )  # fmt: skip

    def end(self) -> None:
        """Waits for a copy that is being made: the last one must not be overtaken by it."""
        if self._beside is not None:
            self._beside.join()
