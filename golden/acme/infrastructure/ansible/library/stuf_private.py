#!/usr/bin/python
"""Ansible module: whether an account without any right reads what is private on this machine."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stuf_private
short_description: Find the private files that an account without any right could read
description:
  - Looks as that account, and proves that it looked by a file that everyone may read.
  - What could not be looked at is unverifiable, never private.
options:
  places: {description: Files and folders to look at and into., type: list, elements: path, required: true}
  account: {description: An account without any right., type: str, default: nobody}
author: [stufpack]
"""
EXAMPLES = """
- name: Look for private files as an account without any right
  stuf_private: {places: [/etc/stuf]}
"""
RETURN = """
check: {description: What was seen, as a check of the report., type: dict, returned: always}
"""

# Who cannot find this file cannot look for any other.
EVERYONES = "/etc/passwd"
# What `find` says, in English, of a folder that the account may not look into.
KEPT_OUT = "Permission denied"


def looked(places: list[str], account: str) -> tuple[str, str]:
    """What `find` prints as that account: the files it may read, each ended by a NUL, and what it says besides."""
    try:
        found = pwd.getpwnam(account)
    except KeyError:
        return "", f"there is no account {account}"
    try:
        done = subprocess.run(
            ["find", EVERYONES, *places, "-type", "f", "-readable", "-print0"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=found.pw_uid,
            group=found.pw_gid,
            extra_groups=[],
        )
    except (OSError, subprocess.SubprocessError) as error:
        return "", f"find could not be run as {account} ({type(error).__name__})"
    return done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace")


def check(places: list[str], account: str) -> dict[str, str]:
    """The check: passed where the account looked everywhere, and was kept out or found nothing that it could read."""
    missing = [f"{place} is not there" for place in places if not Path(place).exists()]
    printed, said = looked(places, account)
    readable = set(filter(None, printed.split("\0")))
    unseen = missing or [line for line in said.splitlines() if not line.endswith(KEPT_OUT)]
    if EVERYONES not in readable:
        unseen = unseen or [f"{account} does not even find {EVERYONES}"]
    readable.discard(EVERYONES)
    return {
        "id": "strangers/files",
        "expected": "no other account of the machine reads secrets, people's data or the journal",
        "observed": ", ".join(sorted(readable) or unseen) or "none",
        "verdict": "fail" if readable else "unverifiable" if unseen else "pass",
    }


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "places": {"type": "list", "elements": "path", "required": True},
            "account": {"type": "str", "default": "nobody"},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, check=check(module.params["places"], module.params["account"]))


if __name__ == "__main__":
    main()
