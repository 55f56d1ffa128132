#!/usr/bin/python
"""Ansible module: the file system of the data volume, which is made on a blank device and on no other."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_volume
short_description: Find the data volume's file system, or make it where the device is blank
description:
  - A device with an ext4 file system of this label is the data volume, whichever machine wrote it, and stays as it is.
  - A file system is made only where lsblk, blkid and wipefs find nothing, nobody uses the device, and its first and
    last bytes are zero. Anything else is an error, and nothing is written.
options:
  device: {description: The device by a name that stays., type: str, required: true}
  label: {description: Label of the file system., type: str, required: true}
  folders:
    description: Folders that the volume will cover; one that holds files on another disk is an error.
    type: list
    elements: path
    default: []
author: [stufpack]
"""
EXAMPLES = """
- name: Find the data volume
  stuf_volume:
    device: /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0
    label: stuf-data
    folders: [/var/lib/docker]
"""
RETURN = """
uuid: {description: UUID of the file system, or null where check mode would make one., type: str, returned: success}
number: {description: Number of the device as MAJOR:MINOR., type: str, returned: success}
"""

Run = Callable[[list[str]], tuple[int, str, str]]
SAMPLE = 1 << 20
# What `prepare` keeps on the machine before the volume is mounted, and again after that: lease and journal.
COPIED_AGAIN = re.compile(r"controller")


def signature(run: Run, device: str) -> dict[str, str]:
    """What blkid reads on the device itself; nothing where it finds nothing."""
    code, output, _ = run(["blkid", "--probe", "--output", "export", device])
    if code not in (0, 2):
        return {"TYPE": f"something that blkid cannot tell (it ended with {code})"}
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line) if code == 0 else {}


def holdings(run: Run, device: str) -> list[str]:
    """Everything that speaks against the device being blank."""
    found = []
    code, output, _ = run(["lsblk", "--noheadings", "--list", "--output", "NAME,TYPE,MOUNTPOINT", device])
    lines = [line.split() for line in output.splitlines() if line.strip()]
    if code != 0 or not lines:
        found.append("lsblk does not know it")
    elif len(lines) > 1 or len(lines[0]) > 2:
        found.append("it has partitions or is in use: " + ", ".join(" ".join(line) for line in lines))
    told = signature(run, device)
    if told:
        kind = " ".join(told[name] for name in ("TYPE", "PTTYPE", "LABEL") if told.get(name))
        found.append(f"blkid finds {kind or 'a signature'}")
    code, output, _ = run(["wipefs", "--noheadings", "--output", "TYPE", device])
    kinds = output.split()
    if code != 0 or kinds:
        found.append(f"wipefs finds {', '.join(kinds)}" if kinds else f"wipefs ended with {code}")
    return found + unlike_zero(device)


def unlike_zero(device: str) -> list[str]:
    """Whether its ends hold bytes, which no signature need stand in; or whether somebody else uses it."""
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        return [f"it cannot be opened alone: {error.strerror}"]
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        for place in (0, max(0, size - SAMPLE)):
            file.seek(place)
            if any(file.read(SAMPLE)):
                return ["its first or last bytes are not zero"]
    return [] if size else ["it has no bytes"]


def covered(folders: list[str]) -> list[str]:
    """Folders that hold files and would be hidden below the volume."""
    found = []
    for folder in map(Path, folders):
        if folder.is_dir() and not folder.is_mount():
            names = [entry.name for entry in folder.iterdir() if not COPIED_AGAIN.fullmatch(entry.name)]
            found += [f"{folder} ({len(names)} {'entry' if len(names) == 1 else 'entries'})"] if names else []
    return found


def twins(run: Run, uuid: str) -> list[str]:
    """Devices that carry this UUID: a volume that was made from a snapshot carries that of its original."""
    _, output, _ = run(["blkid", "--cache-file", "/dev/null", "--match-token", f"UUID={uuid}", "--output", "device"])
    return sorted(set(output.split()))


def converge(run: Run, device: str, label: str, folders: list[str], dry: bool) -> tuple[str | None, bool]:
    """The UUID of the data volume's file system, and whether it was or would be made."""
    path = os.path.realpath(device)
    if not Path(path).exists() or not stat.S_ISBLK(Path(path).stat().st_mode):
        raise StufError(
            f"there is no block device at {device or 'the place that the inventory names'}; nothing was written. "
            "Next: lsblk at the target; where the volume is missing, ./migrate provision"
        )
    hidden = covered(folders)
    if hidden:
        raise StufError(
            f"files stand where the data volume belongs: {', '.join(hidden)}; nothing was written. Next: look at "
            "them at the target, move them away, then ./migrate prepare"
        )
    found, made = signature(run, path), False
    if (found.get("TYPE"), found.get("LABEL")) != ("ext4", label):
        held = holdings(run, path)
        if held:
            raise StufError(
                f"{device} is neither blank nor a data volume of STUF: {'; '.join(held)}. Nothing was written to it. "
                "Next: find out whose it is; only you can empty it"
            )
        made = True
        if dry:
            return None, made
        code, _, errors = run(["mkfs.ext4", "-q", "-L", label, path])
        if code != 0:
            raise StufError(f"mkfs.ext4 ended with {code} on {device}: {errors.strip()}")
        found = signature(run, path)
    uuid = found["UUID"]
    others = [name for name in twins(run, uuid) if os.path.realpath(name) != path]
    if others:
        names = ", ".join(others)
        raise StufError(f"{names} is a copy of {device}, with the same UUID. Next: detach the one that is old")
    return uuid, made


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "device": {"type": "str", "required": True},
            "label": {"type": "str", "required": True},
            "folders": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        uuid, made = converge(
            lambda command: module.run_command(command),
            given["device"],
            given["label"],
            given["folders"],
            module.check_mode,
        )
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    device = Path(given["device"]).stat().st_rdev
    module.exit_json(changed=made, uuid=uuid, number=f"{os.major(device)}:{os.minor(device)}")


if __name__ == "__main__":
    main()
