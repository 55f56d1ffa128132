"""The validation report of a phase that checks. Its verdict is computed from the checks and cannot be set."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from package import Phase, Step
from playbook import Result
from state import replace

_ORDER = ("fail", "unverifiable", "not_run", "warn")


def check(step: Step, phase: str, result: Result) -> dict[str, Any]:
    """One step as a check: `not_run` until something was seen."""
    verdict, why = "not_run", "no task ran"
    if result.done:
        verdict, why = "pass", ""
    elif result.unreachable:
        verdict, why = "unverifiable", "the target did not answer"
    elif result.reported and (result.failed or result.status):
        verdict, why = "fail", "; ".join(result.failures)
    return {
        "id": step.id, "phase": phase, "verdict": verdict, "expected": step.title, "observed": list(result.lines),
        "evidence": [result.log.name], "why": why, "ran_at": _time(datetime.now(UTC)),
    }  # fmt: skip


def verdict(checks: Sequence[dict[str, Any]], required: int) -> str:
    """The worst of the checks; a report without checks, or with fewer than required, is `not_run`."""
    found = {check["verdict"] for check in checks}
    for word in _ORDER[:2]:
        if word in found:
            return word
    if len(checks) < max(1, required):
        return "not_run"
    return next((word for word in _ORDER if word in found), "pass")


def write(folder: Path, plan: str, phase: Phase, began: datetime, checks: Sequence[dict[str, Any]]) -> Path:
    """Writes the report of one run and returns its place."""
    counts: dict[str, int] = {}
    for one in checks:
        counts[one["verdict"]] = counts.get(one["verdict"], 0) + 1
    document = {
        "v": 1, "plan": plan, "phase": phase.id, "started": _time(began), "ended": _time(datetime.now(UTC)),
        "verdict": verdict(checks, sum(step.automated for step in phase.steps)),
        "checks": list(checks), "counts": counts,
    }  # fmt: skip
    path = folder / f"{phase.id}.json"
    replace(path, json.dumps(document, indent=1) + "\n")
    return path


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
