"""Where the content stands, from the files of the state folder alone."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

from .copying import REPORT
from .progress import line
from .session import Session


def tell(session: Session) -> dict[str, Any]:
    """Progress, hold, lock and the last verdict."""
    progress = _read(session, "progress.json")
    report = _read(session, REPORT)
    document: dict[str, Any] = {
        "message": f"{line(progress)} ({progress['state']})" if progress else "nothing was begun",
        "progress": progress,
        "held": session.path("HOLD").exists(),
        "running": _is_locked(session),
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
