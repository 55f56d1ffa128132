"""Writes an operation folder with the controller's own code, as `./migrate` does after a run; prints its place."""

import hashlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ORDER = json.loads(sys.argv[1])
sys.path.insert(0, str(Path(ORDER["root"]) / "infrastructure/controller"))
os.umask(0o077)

import gates  # noqa: E402
import operation  # noqa: E402
import report  # noqa: E402
import signoff  # noqa: E402
from state import State, open_journal  # noqa: E402


def main() -> None:
    """One run of a phase, or a sign-off: its journal lines, its log, its evidence, its folder."""
    state = State(Path(ORDER["state"]), ORDER["number"])
    for folder in (state.here / "logs", state.secrets):
        folder.mkdir(parents=True, exist_ok=True)
    package: Any = SimpleNamespace(
        root=Path(ORDER["root"]), slug="harbour", number=ORDER["number"], plan_digest=ORDER["plan"],
        phase=lambda name: None,
    )  # fmt: skip
    journal = open_journal(state, package.plan_digest, repair=True)
    run, phase = journal.next_run, ORDER["phase"]
    since = datetime.now(UTC) + timedelta(seconds=ORDER.get("back", 0))
    if phase == signoff.STEP:
        answers, filled = signoff.kept(state, run)
        answers.parent.mkdir(exist_ok=True)
        document = {"v": 1, "by": ORDER["approved_by"], "at": report.time(since), "verdict": "pass", "items": []}
        answers.write_text(json.dumps(document, indent=1))
        filled.write_text("- [x] The invitation came to ada@example.org.\n")
        digest = hashlib.sha256(answers.read_bytes()).hexdigest()
        named = {"path": str(answers.relative_to(state.root)), "sha256": digest}
        journal.append(run, signoff.PHASE, signoff.STEP, "done", by=ORDER["approved_by"], evidence=[named])
        print(operation.write_sign_off(package, state, journal, ORDER["sums"], run)[0])
        return
    reports = state.here / "reports" / str(run)
    reports.mkdir(parents=True, exist_ok=True)
    for name, content in ORDER["evidence"].items():
        (reports / name).write_text(content)
    (state.here / "logs" / f"{run}-{phase}-step.log").write_text("ok  ada@example.org\n")
    step = f"{phase}/step"
    for place, word in ((step, "started"), *(ORDER["lines"])):
        journal.append(run, phase, place, word)
    steps = [{"id": step, "state": "done", "changed": 1, "seconds": 0.1, "changed_tasks": ["Step"], "failures": []}]
    by = ORDER.get("approved_by")
    approval = gates.Approval(f"approve-{phase}", package.plan_digest, by, "", None, None, ()) if by else None
    ran = operation.Ran(SimpleNamespace(id=phase), run, since, ORDER["sums"], steps, approval)  # type: ignore[arg-type]
    place, hits = operation.write(package, state, journal, ran)
    print(place if place is not None else hits)


if __name__ == "__main__":
    main()
