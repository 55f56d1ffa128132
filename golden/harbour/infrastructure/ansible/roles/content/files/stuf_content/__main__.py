"""`python3 -m stuf_content VERB --config FILE`: text on standard error, one JSON document on standard output."""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import configuration, copying, delta, inventory, names, probe, proof, reconcile, session, status
from .limits import Stopping
from .outcome import Exit, Stop, failed, say
from .session import Session
from .wire import StoreError

Verb = Callable[[Session], dict[str, Any]]


def _hold(run: Session) -> dict[str, Any]:
    session.hold(run)
    return {"message": "HOLD is set: what runs stops after the batch or the objects at which it is", "held": True}


def _release(run: Session) -> dict[str, Any]:
    was = session.release(run)
    return {"message": "HOLD is gone; nothing was started" if was else "there was no HOLD", "held": False}


def _seen(run: Session) -> dict[str, Any]:
    was = proof.seen(run)
    return {"message": "the next proof reads everything anew" if was else "there is no report to be seen", "seen": was}


#: Verbs that change or read for long, one at a time.
LOCKED: dict[str, Verb] = {
    "inventory": inventory.take,
    "copy": copying.copy,
    "delta": delta.carry,
    "prove": proof.prove,
    "reconcile": reconcile.reconcile,
}
FREE: dict[str, Verb] = {
    "probe": probe.probe,
    "check-keys": names.check,
    "status": status.tell,
    "hold": _hold,
    "release": _release,
    "seen": _seen,
}


def run(verb: str, config: Path, stopping: Stopping, *, wait: bool = False) -> tuple[int, dict[str, Any]]:
    """Does one verb; returns its exit code and its document."""
    work: Session | None = None
    try:
        work = Session(configuration.read(config), stopping, wait, patient=verb in LOCKED)
        document = _done(verb, work)
        say(document["message"])
        if "next" in document:
            say(f"next: {document['next']}")
        return int(document.pop("exit", Exit.DONE)), document
    except Stop as stop:
        said = stop
    except (OSError, ValueError, http.client.HTTPException) as error:
        said = failed(
            str(error),
            "What is there stays there.",
            "repair what the message names, then the same command",
            # What a store has refused by then is named all the same.
            findings=work.refusals.findings() if work else [],
        )
    say(said.text())
    return int(said.code), said.document()


def _done(verb: str, work: Session) -> dict[str, Any]:
    try:
        if verb in FREE:
            return FREE[verb](work)
        with work.locked():
            return LOCKED[verb](work)
    except StoreError as error:
        raise work.refusals.ended(error) from None


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="stuf_content", description=__doc__)
    parser.add_argument("verb", choices=[*LOCKED, *FREE])
    parser.add_argument("--config", type=Path, default=Path("/etc/stuf/content.json"))
    parser.add_argument("--wait", action="store_true", help="outside the windows wait for the next one, instead of 11")
    given = parser.parse_args()
    stopping = Stopping()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.event.set())
    code, document = run(given.verb, given.config, stopping, wait=given.wait)
    json.dump({"verb": given.verb, "exit": code, **document}, sys.stdout, ensure_ascii=True, indent=1)
    sys.stdout.write("\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
