"""Delta and proof in one run under one lock, so that nobody has to be there between the two."""

from __future__ import annotations

from typing import Any

from . import delta, proof
from .session import Session


def reconcile(session: Session) -> dict[str, Any]:
    """Carries what changed at the source, then proves every object; the exit code is the proof's."""
    carried = delta.carry(session)
    return {**proof.prove(session), "carried": carried}
