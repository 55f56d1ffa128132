#!/usr/bin/python
"""Ansible module: writes the checks of one step, and computes the report of the phase from all of them."""

from __future__ import annotations

import datetime
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stuf_report
short_description: Write the checks of a step into the report of its phase
description:
  - Runs on the controller. Each step has a file of its own; the phase's report is computed anew from all of them.
  - The verdict is computed, never given; a step that has not run is C(not_run), and so is a report without checks.
options:
  folder: {description: Folder for this run's evidence., type: path, required: true}
  phase: {description: Name of the phase., type: str, required: true}
  step: {description: Name of the step., type: str, required: true}
  steps: {description: Every step of the phase that has to have run., type: list, elements: str, required: true}
  checks: {description: Checks of this step., type: list, elements: dict, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Write the report
  stuf_report: {folder: /tmp/reports, phase: verify, step: sign-in, steps: [sign-in], checks: []}
"""
RETURN = """
verdict: {description: Verdict of this step., type: str, returned: always}
findings: {description: One sentence per check that did not pass., type: list, elements: str, returned: always}
"""

Check = dict[str, Any]
# From worst to best: the first that occurs is the verdict.
ORDER = ("fail", "unverifiable", "not_run", "warn", "pass")


def verdict(checks: list[Check]) -> str:
    """The worst verdict of all checks; without any, nothing was proven."""
    found = {check["verdict"] for check in checks}
    return next((word for word in ORDER if word in found), "not_run")


def normal(check: Check, phase: str, moment: str) -> Check:
    """A check with all its fields; one that does not hold expected and observed has not run."""
    word = check.get("verdict", "not_run")
    if word not in ORDER or check.get("expected") is None or check.get("observed") is None:
        word = "not_run"
    fields = {name: check.get(name) for name in ("expected", "observed", "evidence", "why")}
    return {"id": check["id"], "phase": phase, "verdict": word, **fields, "ran_at": moment}


def report(folder: Path, phase: str, steps: list[str]) -> dict[str, Any]:
    """The report of the phase, from the files of its steps."""
    checks: list[Check] = []
    for step in steps:
        path = folder / f"{phase}-{step}.json"
        if path.exists():
            checks += json.loads(path.read_text(encoding="utf-8"))
        else:
            empty = {"id": step, "verdict": "not_run", "why": "this step has not run"}
            checks.append(normal(empty, phase, ""))
    moments = sorted(check["ran_at"] for check in checks if check["ran_at"])
    return {
        "v": 1,
        "phase": phase,
        "started": moments[0] if moments else None,
        "ended": moments[-1] if moments else None,
        "verdict": verdict(checks),
        "checks": checks,
        "counts": {word: Counter(check["verdict"] for check in checks)[word] for word in ORDER},
    }


def write(path: Path, content: Any) -> None:
    """Replaces a file that only its owner may read."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.write("\n")
    temporary.replace(path)


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "phase": {"type": "str", "required": True},
            "step": {"type": "str", "required": True},
            "steps": {"type": "list", "elements": "str", "required": True},
            "checks": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    checks = [normal(check, given["phase"], moment) for check in given["checks"]]
    folder = Path(given["folder"])
    if not module.check_mode:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(folder / f"{given['phase']}-{given['step']}.json", checks)
        write(folder / f"{given['phase']}-checks.json", report(folder, given["phase"], given["steps"]))
    findings = [
        f"{check['id']}: expected {check['expected']}, observed {check['observed']}"
        for check in checks
        if check["verdict"] not in ("pass", "warn")
    ]
    # Evidence on the controller is no change of the installation.
    module.exit_json(changed=False, verdict=verdict(checks), findings=findings)


if __name__ == "__main__":
    main()
