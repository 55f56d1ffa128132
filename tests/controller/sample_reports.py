"""Lets the controller's own code write reports into a folder: `python3 sample_reports.py FOLDER`.

The published schema is held against them, and people look at them while they work on the pages.
"""

import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "templates/infrastructure/controller"))

import package
import report
from playbook import Result

#: Whatever a value may hold: markup of both forms, links, control and direction marks.
HOSTILE = (
    "</td><script>alert(1)</script> `|` **b** [x](javascript:y) https://e.example www.e.example _WWW.e.example"
    " {{ 7 }} \x1b[31m \u202e &amp;\n# h"
)


def write(folder: Path) -> None:
    """Reports of every verdict, each in a run of its own."""
    steps = tuple(
        package.Step(
            id=f"verify/{name}",
            title=f"Look at {name}",
            automated=True,
            by_person=False,
            instead=None,
            seconds=10,
            share=500,
            only_with=None,
            proof=f"{name} is right",
        )  # fmt: skip
        for name in ("first", "second")
    )
    phase = package.Phase("verify", "Verify the target", True, True, None, None, None, steps)
    of = package.Package(
        root=Path("/nowhere"), number=7, slug="harbour", environment="production", provider="host", provisioned=False,
        issuer="issuer/x", source="harbour.stuf.example",
        expires_at=datetime.now(UTC), plan_digest="sha256:" + "0" * 64, phases=(phase,),
        secrets=(), not_needed={}, gates={}, content_windows=(), content_changed=0, proof_at_source=0, not_here={},
    )  # fmt: skip
    good = Result(0, True, hosts=1, ok=3, lines=("all well",))
    bad = Result(2, True, hosts=1, failed=1, failures=(HOSTILE,))
    gone = Result(4, True, hosts=1, unreachable=1)
    own = {"id": HOSTILE, "verdict": "pass", "expected": HOSTILE, "observed": HOSTILE, "why": None, "required": True,
           "ran_at": "2026-11-21T00:00:00Z"}  # fmt: skip
    left = own | {"id": "left out", "verdict": "not_run", "observed": None, "required": False, "ran_at": None}
    warned = own | {"id": "slow", "verdict": "warn", "why": "slower than the source"}
    runs: dict[str, list[tuple[Result, list[dict[str, object]]]]] = {
        "pass": [(good, []), (good, [own, left])],
        "warn": [(good, [warned]), (good, [])],
        "not_run": [(good, [])],
        "unverifiable": [(gone, []), (good, [])],
        "fail": [(bad, []), (gone, [])],
    }
    for number, (expected, results) in enumerate(runs.items(), start=1):
        reports = folder / "reports" / str(number)
        (reports / "checks").mkdir(parents=True)
        checks = []
        for step, (result, finer) in zip(steps, results, strict=False):
            result = dataclasses.replace(result, log=folder / "logs" / f"{number}-{step.id.replace('/', '-')}.log")
            if finer:
                path = reports / "checks" / f"{step.id.replace('/', '-')}.json"
                path.write_text(json.dumps(finer))
            checks += report.checks_of(step, "verify", result, reports)
        made = report.write(of, phase, number, reports, datetime.now(UTC), checks, phase.steps)
        assert made["verdict"] == expected, (made, expected)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
