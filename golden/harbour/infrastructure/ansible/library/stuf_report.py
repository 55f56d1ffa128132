#!/usr/bin/python
"""Ansible module: writes the checks of one step for the report of its phase, and fails where one did not pass."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole

DOCUMENTATION = """
module: stuf_report
short_description: Write the checks of a step into the evidence of its run
description:
  - Runs on the controller, which makes the report of the phase from the files of all steps.
  - A check that does not hold both what was expected and what was observed has not run, whatever it says.
  - Fails where a check failed, could not be made, or had to run and did not, unless another task does.
options:
  folder: {description: Folder for this run's evidence., type: path, required: true}
  step: {description: Step id such as verify/sign-in., type: str, required: true}
  checks: {description: Checks of this step., type: list, elements: dict, required: true}
  judge: {description: Whether to fail by what the checks say., type: bool, default: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Keep the checks of this step
  stuf_report: {folder: /tmp/reports, step: verify/sign-in, checks: []}
"""
RETURN = """
count: {description: How many checks there are., type: int, returned: success}
"""

Check = dict[str, Any]
WORDS = ("fail", "unverifiable", "not_run", "warn", "pass")


def normal(check: Check, moment: str) -> Check:
    """A check with all its fields; one that does not hold expected and observed has not run."""
    word = check.get("verdict", "not_run")
    if word not in WORDS or check.get("expected") is None or check.get("observed") is None:
        word = "not_run"
    texts = {name: None if check.get(name) is None else str(check[name]) for name in ("observed", "why")}
    return {
        "id": str(check["id"]),
        "verdict": word,
        "expected": str(check.get("expected") or ""),
        **texts,
        "required": bool(check.get("required", True)),
        "ran_at": None if word == "not_run" else moment,
    }


def findings(checks: list[Check]) -> list[str]:
    """One sentence for each check that keeps the step from passing."""
    found = [] if checks else ["there is no check, so nothing was proven"]
    for check in checks:
        if check["verdict"] in ("pass", "warn") or (check["verdict"] == "not_run" and not check["required"]):
            continue
        said = f"expected {check['expected']}, observed {check['observed']}"
        found.append(
            f"{check['id']}: {check['why'] or said}" if check["observed"] is None else f"{check['id']}: {said}"
        )
    return found


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "step": {"type": "str", "required": True},
            "checks": {"type": "list", "elements": "dict", "required": True},
            "judge": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    # Evidence on the controller is no change of the installation; check mode makes none and proves nothing.
    if module.check_mode:
        module.exit_json(changed=False, count=0)
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    checks = [normal(check, moment) for check in given["checks"]]
    report = Path(given["folder"], "checks", f"{given['step'].replace('/', '-')}.json")
    report.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(report, json.dumps(checks, ensure_ascii=False, indent=2) + "\n")
    bad = findings(checks)
    if bad and given["judge"]:
        module.fail_json(msg=f"{len(bad)} of {len(checks)} checks did not pass: {'; '.join(bad)}")
    module.exit_json(changed=False, count=len(checks))


if __name__ == "__main__":
    main()
