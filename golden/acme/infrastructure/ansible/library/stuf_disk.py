#!/usr/bin/python
"""Ansible module: whether a folder lies on an encrypted block device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stuf_disk
short_description: Find out whether a folder lies on an encrypted disk
description:
  - Follows the folder's file system down to its devices and looks for a layer of dm-crypt (LUKS) or an encrypted ZFS.
  - Encryption below the machine (by a hypervisor or the drive) cannot be seen from inside, and is C(unknown).
options:
  path: {description: Folder to look at; a missing one is looked up by its parents., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Look at the disk below the volumes
  stuf_disk: {path: /var/lib/docker}
"""
RETURN = """
verdict: {description: One of C(encrypted), C(plain), C(unknown)., type: str, returned: always}
why: {description: What was seen., type: str, returned: always}
"""

Device = dict[str, Any]


def encrypted_above(devices: list[Device], number: str, under: bool = False) -> bool | None:
    """Whether the device `MAJ:MIN` stands on a crypt layer; `None` where it is not found."""
    for device in devices:
        here = under or device.get("type") == "crypt"
        if device.get("maj:min") == number:
            return here
        below = encrypted_above(device.get("children") or [], number, here)
        if below is not None:
            return below
    return None


def existing(path: str) -> str:
    """The folder itself, or its nearest parent that is there."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    return str(place)


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    path = existing(module.params["path"])
    code, output, _ = module.run_command(["findmnt", "--json", "--target", path, "--output", "SOURCE,FSTYPE,MAJ:MIN"])
    if code != 0:
        module.exit_json(changed=False, verdict="unknown", why=f"findmnt knows no mount for {path}")
    mount = json.loads(output)["filesystems"][0]
    if mount["fstype"] == "zfs":
        _, value, _ = module.run_command(["zfs", "get", "-H", "-o", "value", "encryption", str(mount["source"])])
        verdict = "plain" if value.strip() in ("", "off", "-") else "encrypted"
        module.exit_json(changed=False, verdict=verdict, why=f"{path} is on ZFS")
    code, output, _ = module.run_command(["lsblk", "--json", "--output", "NAME,TYPE,MAJ:MIN"])
    found = encrypted_above(json.loads(output)["blockdevices"], str(mount["maj:min"])) if code == 0 else None
    if found is None:
        module.exit_json(
            changed=False, verdict="unknown", why=f"{path} is on {mount['fstype']}, no disk of this machine"
        )
    why = f"{path} is on {mount['source']}, {'on top of' if found else 'without'} a dm-crypt layer"
    module.exit_json(changed=False, verdict="encrypted" if found else "plain", why=why)


if __name__ == "__main__":
    main()
