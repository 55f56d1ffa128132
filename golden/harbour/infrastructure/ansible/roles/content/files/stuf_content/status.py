"""Where the content stands, from the files of the state folder alone."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

from .copying import REPORT
from .patience import MARK
from .progress import line, waiting
from .session import Session


def tell(session: Session) -> dict[str, Any]:
    """Progress, hold, lock and the last verdict."""
    running = _is_locked(session)
    progress = _read(session, "progress.json")
    # A verb may wait for a store before it has any progress of its own.
    waits = _read(session, MARK) if running else None
    if progress and waits:
        progress |= {"state": "waiting", **waits}
    message = f"{line(progress)} ({progress['state']})" if progress else f"nothing was begun{waiting(waits or {})}"
    report = _read(session, REPORT)
    document: dict[str, Any] = {
        "message": message,
        "progress": progress,
        "held": session.path("HOLD").exists(),
        "running": running,
        "verdict": report["verdict"] if report else None,
        "counts": report["counts"] if report else None,
    }
    return document


def _read(session: Session, name: str) -> dict[str, Any] | None:
    path = session.path(name)
    found: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
    return found


def _is_locked(session: Session) -> bool:
    descriptor = os.open(session.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
