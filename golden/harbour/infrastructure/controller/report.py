"""The validation report of a phase that checks or proves: JSON, Markdown and HTML from the same checks.

The verdict is computed from the checks and cannot be set. A step whose playbook looks closer leaves its checks in the
run's folder (module `stuf_report`); any other step is one check itself.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import report_page
from package import Package, Phase, Step
from playbook import Result
from state import State, replace

Check = dict[str, Any]
# From worst to best: the first that occurs is the verdict.
ORDER = ("fail", "unverifiable", "not_run", "warn", "pass")
# Of one check, in the order in which they are written; the steps' own files leave out what only the controller knows.
_OURS = ("phase", "step", "evidence")
_ORDERED = ("id", "phase", "step", "verdict", "required", "expected", "observed", "why", "evidence", "ran_at")


def checks_of(step: Step, phase: str, result: Result, reports: Path) -> list[Check]:
    """What a step that has run proved: its own checks, and the step itself where they do not explain how it ended."""
    common = {"phase": phase, "step": step.id, "evidence": [_evidence(result.log, reports)]}
    path = _own(step, reports)
    try:
        found = _read(path) if path.exists() else []
    except (OSError, ValueError, TypeError) as error:
        why = f"the checks of this step cannot be read: {type(error).__name__}"
        return [_of_step(step, "unverifiable", None, why) | common]
    finer = [one | common | {"evidence": [*common["evidence"], _evidence(path, reports)]} for one in found]
    if finer and (result.done or verdict(finer) not in ("pass", "warn")):
        return finer
    return [*finer, _seen(step, result) | common]


def has_own(step: Step, reports: Path) -> bool:
    """Whether a step that has run left checks of its own."""
    return _own(step, reports).exists()


def _own(step: Step, reports: Path) -> Path:
    return reports / "checks" / f"{step.id.replace('/', '-')}.json"


def _read(path: Path) -> list[Check]:
    found: list[Check] = json.loads(path.read_bytes())
    for one in found:
        if set(one) != set(_ORDERED) - set(_OURS) or one["verdict"] not in ORDER:
            raise ValueError("not a check")
    return found


def _seen(step: Step, result: Result) -> Check:
    """A step without checks of its own: `not_run` until something was seen."""
    if result.done:
        tasks = f"{result.ok} tasks succeeded, none failed"
        return _of_step(step, "pass", "; ".join(result.lines) or tasks, None)
    if result.unreachable:
        return _of_step(step, "unverifiable", None, "the target did not answer")
    if result.reported and (result.failed or result.status):
        failures = "; ".join(result.failures)
        return _of_step(step, "fail", failures or "a task failed", failures or "see the log")
    return _of_step(step, "not_run", None, "no task ran")


def _of_step(step: Step, word: str, observed: str | None, why: str | None) -> Check:
    return {
        "id": step.id.partition("/")[2], "verdict": word, "expected": step.proof, "observed": observed, "why": why,
        "required": True, "ran_at": time(datetime.now(UTC)) if word != "not_run" else None,
    }  # fmt: skip


def of_records(phase: str, recorded: Sequence[str], not_recorded: Mapping[str, str]) -> list[Check]:
    """Whether a glass has the record of each earlier run; nothing waits for that, so a missing one is `not_run`.

    The runs by name, those without a record with the reason.
    """
    now = time(datetime.now(UTC))
    found: dict[str, Check] = {
        run: {"verdict": "pass", "observed": "the note that recording leaves", "why": None,
              "evidence": [f"operations/{run}.recorded"], "ran_at": now}
        for run in recorded
    }  # fmt: skip
    found |= {
        run: {"verdict": "not_run", "observed": None, "why": f"not recorded: {why}", "evidence": [], "ran_at": None}
        for run, why in not_recorded.items()
    }
    common = {"phase": phase, "step": f"{phase}/record", "required": False, "expected": "a glass has its record"}
    return [{"id": f"record/{run}"} | common | one for run, one in found.items()]


def verdict(checks: Sequence[Check]) -> str:
    """The worst of the checks; one that need not run counts only when it did, and of no check nothing follows.

    Raises `ValueError` for a word that is no verdict.
    """
    found = {check["verdict"] for check in checks if check["required"] or check["verdict"] != "not_run"}
    if not found <= set(ORDER):
        raise ValueError("not a verdict")
    return next((word for word in ORDER if word in found), "not_run")


def write(
    package: Package, phase: Phase, run: int, folder: Path, began: datetime, checks: Sequence[Check],
    steps: Sequence[Step],
) -> dict[str, str]:  # fmt: skip
    """Writes the report of one run about these steps in its three forms; returns verdict and places."""
    ran = {check["step"] for check in checks}
    missing = [
        _of_step(step, "not_run", None, "the run ended before this step")
        | {"phase": phase.id, "step": step.id, "evidence": []}
        for step in steps
        if step.automated and step.id not in ran
    ]
    every = [{name: check[name] for name in _ORDERED} for check in (*checks, *missing)]
    count = Counter(check["verdict"] for check in every)
    document = {
        "v": 1, "plan": package.plan_digest,
        "package": {"slug": package.slug, "environment": package.environment, "number": package.number},
        "phase": phase.id, "run": run, "started": time(began), "ended": time(datetime.now(UTC)),
        "verdict": verdict(every), "checks": every, "counts": {word: count[word] for word in reversed(ORDER)},
    }  # fmt: skip
    titles = {f"{phase.id}/record": "What a glass has of this migration"}
    titles |= {f"{phase.id}/secrets": "Secrets that only you have"}
    titles |= {step.id: step.title for step in phase.steps}
    forms = {
        "json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        "md": report_page.markdown(document, phase.title, titles),
        "html": report_page.html(document, phase.title, titles),
    }
    for form, text in forms.items():
        replace(folder / f"{phase.id}.{form}", text)
    return {"verdict": str(document["verdict"])} | {form: str(folder / f"{phase.id}.{form}") for form in forms}


def newest(state: State, phase: str) -> Path | None:
    """The JSON of the newest report of a phase."""
    found = [path for path in state.here.glob(f"reports/*/{phase}.json") if path.parent.name.isdigit()]
    return max(found, key=run_of, default=None)


def run_of(path: Path) -> int:
    """The run that wrote a report."""
    return int(path.parent.name)


def by_digest(state: State, phase: str, digest: str) -> Path | None:
    """The JSON of the report of a phase with these bytes: what somebody read, if it stands here as it was read."""
    found = sorted(state.here.glob(f"reports/*/{phase}.json"))
    return next((path for path in found if path.parent.name.isdigit() and digest_of(path) == digest), None)


def digest_of(path: Path) -> str:
    """The digest by which an approval names a report."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _evidence(path: Path, reports: Path) -> str:
    """The path from the package's part of the state folder, so that a copy elsewhere is understood."""
    root = reports.parent.parent
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def time(moment: datetime) -> str:
    """A moment as it stands in reports."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
