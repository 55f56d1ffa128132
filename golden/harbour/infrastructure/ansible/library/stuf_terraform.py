#!/usr/bin/python
"""Ansible module: one thing that Terraform does for the phase `provision`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_terraform import Stopped, Terraform, lines

DOCUMENTATION = """
module: stuf_terraform
short_description: Check, prepare, plan, apply, read or archive with Terraform
description:
  - Works in a copy of the package's module below O(root), with data and state of its own.
  - A plan waits in O(plans) until it is applied, with a digest beside it. It is applied once; whatever became of that,
    it waits no longer. In check mode a plan is made and not kept, and nothing is applied.
  - A state that another call works on ends it with C(stufpack_exit) 75, a plan that was overtaken with 11. What an
    earlier run left that could not write the state is refused with 12.
options:
  verb:
    description: What to do.
    type: str
    required: true
    choices: [check, init, plan, apply, output, archive]
  root: {description: Folder of the installation's Terraform., type: path, required: true}
  plans: {description: Folder of the package's plans., type: path, required: true}
  package: {description: Folder of the module in the package; for C(init)., type: path}
  overlay: {description: "Folder of a person's own override files; for C(init).", type: path}
  reports: {description: Folder for the run's evidence; for C(plan)., type: path}
  name: {description: Name of an output; for C(output)., type: str}
  archive: {description: File for a copy of the state; for C(archive)., type: path}
author: [stufpack]
"""
EXAMPLES = """
- name: Plan what is to be made
  stuf_terraform: {verb: plan, root: /state/terraform, plans: /state/packages/1/terraform, reports: /evidence}
"""
RETURN = """
lines: {description: What it came to in words., type: list, elements: str, returned: always}
value: {description: The output., type: raw, returned: for C(output)}
"""


def act(terraform: Terraform, given: dict[str, Any], check: bool) -> dict[str, Any]:
    """What the verb came to, as the module's result."""
    match given["verb"]:
        case "check":
            return {"changed": False, "lines": [f"Terraform {terraform.version()}"]}
        case "init":
            changed = terraform.place(Path(given["package"]), Path(given["overlay"]))
            terraform.init(Path(given["overlay"]))
            return {"changed": changed, "lines": []}
        case "plan":
            found = terraform.plan(keep=not check)
            if not check:
                evidence = Path(given["reports"], "terraform-plan.json")
                evidence.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            return {"changed": False, "lines": lines(found, terraform.plans / "plan.txt")}
        case "apply":
            changed = terraform.apply()
            return {"changed": changed, "lines": [] if changed else ["nothing was to be applied"]}
        case "output":
            return {"changed": False, "lines": [], "value": terraform.output(given["name"])}
        case _:
            path = Path(given["archive"])
            return {"changed": terraform.archive(path), "lines": [f"a copy of Terraform's state: {path}"]}


def main() -> None:
    """Runs as an Ansible module."""
    text = {"type": "str"}
    path = {"type": "path"}
    module = AnsibleModule(
        argument_spec={
            "verb": {**text, "required": True, "choices": ["check", "init", "plan", "apply", "output", "archive"]},
            "root": {**path, "required": True},
            "plans": {**path, "required": True},
            "package": path,
            "overlay": path,
            "reports": path,
            "name": text,
            "archive": path,
        },
        required_if=[
            ("verb", "init", ["package", "overlay"]),
            ("verb", "plan", ["reports"]),
            ("verb", "output", ["name"]),
            ("verb", "archive", ["archive"]),
        ],
        supports_check_mode=True,
    )
    os.umask(0o077)
    given = module.params
    terraform = Terraform(Path(given["root"]), Path(given["plans"]))
    for folder in (terraform.root, terraform.code, terraform.plans):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        module.exit_json(**act(terraform, given, module.check_mode))
    except Stopped as error:
        following = {"stufpack_next": error.following} if error.following else {}
        module.fail_json(msg=str(error), stufpack_exit=error.status, **following)
    except (StufError, OSError, ValueError, KeyError) as error:
        known = isinstance(error, (StufError, OSError))
        said = str(error) if known else f"what Terraform answers is not understood: {error}"
        # What is found before anything is begun has changed nothing.
        refused = {"stufpack_exit": 12} if given["verb"] in ("check", "init") else {}
        module.fail_json(msg=said, **refused)


if __name__ == "__main__":
    main()
