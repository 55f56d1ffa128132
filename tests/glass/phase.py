"""Writes an operation folder with the controller's own code, as `./migrate` does after a run; prints its place."""

import hashlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ORDER = json.loads(sys.argv[1])
sys.path.insert(0, str(Path(ORDER["root"]) / "infrastructure/controller"))
os.umask(0o077)

import gates  # noqa: E402
import journal as journals  # noqa: E402
import operation  # noqa: E402
import report  # noqa: E402
import signoff  # noqa: E402
from outcome import Stop  # noqa: E402
from package import PROVES  # noqa: E402
from state import State, begin_anew, open_journal  # noqa: E402


class Clock(datetime):
    """The machine's clock, so many seconds ahead."""

    ahead = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """What it says."""
        return datetime.now(tz) + timedelta(seconds=cls.ahead)


def main() -> None:
    """One run of a phase, or a sign-off: its journal lines, its log, its evidence, its folder."""
    state = State(Path(ORDER["state"]), ORDER["number"])
    for folder in (state.here / "logs", state.secrets):
        folder.mkdir(parents=True, exist_ok=True)
    package: Any = SimpleNamespace(
        root=Path(ORDER["root"]), slug="harbour", number=ORDER["number"], plan_digest=ORDER["plan"],
        phase=lambda name: None,
    )  # fmt: skip
    phase = ORDER["phase"]
    try:
        journal = open_journal(state, package.plan_digest, repair=True)
    except Stop:
        begin_anew(state, package.plan_digest, phase)
        journal = open_journal(state, package.plan_digest, repair=True)
    run = journal.next_run
    journals.datetime = Clock  # type: ignore[misc]
    Clock.ahead = ORDER.get("ahead", 0) + ORDER.get("back", 0)
    if phase == signoff.STEP:
        answers, filled = signoff.kept(state, run)
        answers.parent.mkdir(exist_ok=True)
        now = report.time(Clock.now(UTC))
        document = {"v": 1, "by": ORDER["approved_by"], "at": now, "verdict": "pass", "items": []}
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
    # Only a proof is written, and named, before its step has ended.
    own = reports / f"{phase}.json"
    proof = [own] if phase in PROVES and own.exists() else []
    digests = {str(path.relative_to(state.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in proof}
    evidence = [{"path": path, "sha256": digest} for path, digest in digests.items()]
    journal.append(run, phase, step, "started")
    Clock.ahead = ORDER.get("ahead", 0)
    for place, word in ORDER["lines"]:
        place = step if place == "step" else place
        journal.append(run, phase, place, word, evidence=evidence if word == "done" else ())
    steps = [{"id": step, "state": "done", "changed": 1, "seconds": 0.1, "changed_tasks": ["Step"], "failures": []}]
    by = ORDER.get("approved_by")
    approval = gates.Approval(f"approve-{phase}", package.plan_digest, by, "", None, None, ()) if by else None
    ran = operation.Ran(SimpleNamespace(id=phase), run, ORDER["sums"], steps, approval)  # type: ignore[arg-type]
    place, hits = operation.write(package, state, journal, ran)
    print(place if place is not None else hits)


if __name__ == "__main__":
    main()
