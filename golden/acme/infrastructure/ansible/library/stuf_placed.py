#!/usr/bin/python
"""Ansible module: whether files of the package stand at the target as the package has them, and no others beside."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stuf_placed
short_description: Hold placed files against the package
description:
  - An action plugin of the same name reads the digests in the package's sums on the controller, makes a check of what
    is found, and refuses with the exit status of a precheck where that is asked for.
  - Compares here, so that neither content nor the digest of a personal file is a result or a line of a log.
  - Changes nothing.
options:
  folders: {description: Folders in which nothing else may stand., type: list, elements: path, required: true}
  paths: {description: Every file that has to stand there., type: list, elements: path, required: true}
  digests: {description: Their SHA-256 in the same order., type: list, elements: str, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Hold what the import reads against the package
  stuf_placed:
    root: /home/me/package
    trees: [{source: configuration/api-config, target: /opt/stuf/configuration/api-config}]
"""
RETURN = """
otherwise: {description: A phrase for each file that is not as it should., type: list, elements: str, returned: success}
"""


def otherwise(folders: list[str], wanted: dict[str, str]) -> list[str]:
    """What is not as it should, by the files' places in order."""
    every = [path for folder in folders for path in Path(folder).rglob("*")]
    there = {str(path) for path in every if path.is_symlink() or not path.is_dir()}
    found = dict.fromkeys(there - wanted.keys(), "not of the package")
    for path, digest in wanted.items():
        file = Path(path)
        if path not in there:
            found[path] = "missing"
        elif file.is_symlink() or not file.is_file():
            found[path] = "no plain file"
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            found[path] = "other bytes"
    return [f"{path}: {how}" for path, how in sorted(found.items())]


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "path", "required": True},
            "paths": {"type": "list", "elements": "path", "required": True},
            # By the digest of a personal file one could try guesses at what is in it.
            "digests": {"type": "list", "elements": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    wanted = dict(zip(given["paths"], given["digests"], strict=True))
    try:
        module.exit_json(changed=False, otherwise=otherwise(given["folders"], wanted))
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
