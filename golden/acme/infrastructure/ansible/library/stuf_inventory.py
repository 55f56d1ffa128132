#!/usr/bin/python
"""Ansible module: the inventory of a machine that was just made, with its host keys pinned."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils import stufpack_host_keys, stufpack_provider
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_inventory
short_description: Write the inventory of a new machine and pin its host keys
description:
  - Writes C(hosts.json) and C(ssh_config) from what Terraform tells of the machine, and C(known_hosts) from what the
    machine shows at its first boot, read from its provider.
  - Keys are pinned once. Others later are refused (C(stufpack_exit) 12), whoever pinned the first. Keys that do not
    come are told with the way by hand (C(stufpack_exit) 11).
options:
  provider: {description: "The provider's word.", type: str, required: true}
  values: {description: The file of the values that Terraform got., type: path, required: true}
  output: {description: What Terraform tells of the machine., type: dict, required: true}
  folder: {description: Where the inventory goes., type: path, required: true}
  seconds: {description: How long to wait for host keys., type: int, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Write the inventory
  stuf_inventory: {provider: aws, values: /values.json, output: "{{ made.value }}", folder: /inventory, seconds: 300}
"""
RETURN = """
lines: {description: What is left for a person., type: list, elements: str, returned: success}
"""

# Seconds between two looks at what a machine shows.
AGAIN = 10.0
PAUSED, REFUSED = 11, 12
# Ansible reads a text of the inventory as a template, so these hold nothing that could be one.
FORMS = {
    "address": re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}"),
    "user": re.compile(r"[a-z_][a-z0-9_-]{0,31}"),
    "instance_id": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
    "data_device": re.compile(r"/dev/[A-Za-z0-9_./-]{1,200}"),
}
# Of a database outside, which a file of Compose names too; the rest of what Terraform tells of it is for people.
DATABASE = {
    "host": re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"),
    "port": re.compile(r"[1-9][0-9]{0,4}"),
    "name": re.compile(r"keycloak"),
    "user": re.compile(r"[a-z_][a-z0-9_]{0,62}"),
}


class Told(StufError):
    """Something that the controller says with an exit status of its own."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def hosts(output: dict[str, Any], through: str | None) -> dict[str, Any]:
    """The inventory of the one machine; raises `StufError` for what Ansible could read as anything but a plain text."""
    database = output["database"]
    wrong = [key for key, form in FORMS.items() if not form.fullmatch(str(output.get(key)))]
    if database is not None:
        wrong += [f"database.{key}" for key, form in DATABASE.items() if not form.fullmatch(str(database.get(key)))]
    if wrong:
        raise StufError(f"what Terraform tells of the machine is not of its form: {', '.join(wrong)}")
    host = {
        "ansible_host": output["address"], "ansible_port": 22, "ansible_user": output["user"],
        "instance_id": output["instance_id"], "data_device": output["data_device"],
        "database": None if database is None else {key: database[key] for key in DATABASE},
    }  # fmt: skip
    if through is not None:
        # Beside the play's own arguments for ssh, which pin the host keys, and never instead of them.
        ways = ("ansible_ssh_extra_args", "ansible_sftp_extra_args", "ansible_scp_extra_args")
        host |= dict.fromkeys(ways, f"-o ProxyCommand='{through}'")
    return {"stuf": {"hosts": {"target": host}}}


def for_ssh(document: dict[str, Any], known_hosts: Path, through: str | None) -> str:
    """The same for the SSH client, since the documents have people type `ssh -F ssh_config target`."""
    host = document["stuf"]["hosts"]["target"]
    pinned = str(known_hosts).replace("%", "%%")
    lines = [
        "Host target",
        f"  HostName {host['ansible_host']}",
        f"  Port {host['ansible_port']}",
        f"  User {host['ansible_user']}",
        f'  UserKnownHostsFile "{pinned}"',
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        *([f"  ProxyCommand {through}"] if through is not None else []),
    ]
    return "".join(f"{line}\n" for line in lines)


def write(path: Path, text: str) -> bool:
    """Writes a file whole; whether it was another."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_whole(path, text)
    return True


def await_keys(console: Callable[[], str], seconds: float, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """The keys that a machine shows, which may take until its first boot is over; none where they do not come."""
    end = time.monotonic() + seconds
    while not (keys := stufpack_host_keys.shown(console())) and time.monotonic() < end:
        sleep(AGAIN)
    return keys


def settle(given: dict[str, Any]) -> dict[str, Any]:
    """Writes the inventory and sees to its keys."""
    provider = stufpack_provider.of(given["provider"])
    values, output = json.loads(Path(given["values"]).read_bytes()), given["output"]
    folder = Path(given["folder"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known_hosts, address = folder / "known_hosts", str(output["address"])
    through = provider.way_in(values, output)
    document = hosts(output, through)
    changed = write(folder / "hosts.json", json.dumps(document, indent=1) + "\n")
    changed = write(folder / "ssh_config", for_ssh(document, known_hosts, through)) or changed
    there = stufpack_host_keys.pinned(known_hosts, address)
    try:
        keys = await_keys(lambda: provider.console(values, output), 0 if there else given["seconds"])
    except StufError:
        # Where keys are pinned already nothing has to be shown; what is shown all the same has to be those.
        if not there:
            raise
        keys = []
    if not keys and not there:
        raise Told(
            f"the machine has not shown its host keys within {given['seconds']} s. It may still be starting: call the "
            f"phase again. By hand: {provider.by_hand(values, output)}. Of each key write a line into {known_hosts}: "
            f"{address} KIND KEY",
            PAUSED,
        )
    try:
        changed = (bool(keys) and stufpack_host_keys.pin(known_hosts, address, keys)) or changed
    except stufpack_host_keys.Refused as error:
        raise Told(
            f"{error}. Another machine answers there, unless this one ({output['instance_id']}) was made anew by a "
            f"plan that you have approved: then take the lines of {address} out of that file, and call the phase again",
            REFUSED,
        ) from error
    reached = f"{output['user']}@{address} ({output['instance_id']}), host keys pinned in {known_hosts}"
    return {"changed": changed, "lines": [reached, *provider.left(values, output)]}


def main() -> None:
    """Runs as an Ansible module."""
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "provider": {"type": "str", "required": True},
            "values": path,
            "output": {"type": "dict", "required": True},
            "folder": path,
            "seconds": {"type": "int", "required": True},
        }
    )
    os.umask(0o077)
    try:
        module.exit_json(**settle(module.params))
    except Told as error:
        module.fail_json(msg=str(error), stufpack_exit=error.status)
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
