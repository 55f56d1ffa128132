#!/usr/bin/python
"""Ansible module: secrets as files on the machine, made where missing, one copy per service that reads them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_secrets
short_description: Make missing secrets and hand each service its own copies
description:
  - Values are made on the machine and stand in files with mode 0600 only; they are no argument, result or log line.
  - A secret that exists is never changed. A provided one that is missing, and any empty one, is an error.
options:
  folder: {description: Folder of the secret files., type: path, required: true}
  secrets: {description: Secrets with C(name) and C(origin)., type: list, elements: dict, required: true}
  readers: {description: Services with the number they run under and the names they read., type: dict, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Make the secrets
  stuf_secrets:
    folder: /etc/stuf/secrets
    secrets: [{name: postgres_password, origin: generated}]
    readers: {postgres: {uid: 999, names: [postgres_password]}}
"""
RETURN = """
made: {description: Names of the secrets that were or would be made., type: list, elements: str, returned: always}
"""

# Formats that a program asks for; every other secret is 256 bits of text.
FORMATS = {
    "storage_access_key": lambda: f"GK{secrets.token_hex(12)}",
    "storage_secret_key": lambda: secrets.token_hex(32),
    "garage_rpc_secret": lambda: secrets.token_hex(32),
}


def make(name: str) -> str:
    """A new value in the format that its reader wants."""
    return FORMATS.get(name, lambda: secrets.token_urlsafe(32))()


def place(path: Path, content: bytes, owner: int) -> bool:
    """Puts a file with mode 0600 in place and says whether anything changed."""
    if path.is_file() and not path.is_symlink():
        state = path.stat()
        right = state.st_mode & 0o7777 == 0o600 and state.st_uid == owner and state.st_gid == owner
        if right and path.read_bytes() == content:
            return False
    write_whole(path, content, owner=owner)
    return True


def folders(folder: Path, readers: dict[str, Any], dry: bool) -> bool:
    """Makes the folders, each for its owner alone."""
    changed = False
    wanted = [(folder, 0), (folder / "services", 0)]
    wanted += [(folder / "services" / name, reader["uid"]) for name, reader in readers.items()]
    for path, owner in wanted:
        state = path.stat() if path.is_dir() else None
        if state and state.st_mode & 0o7777 == 0o700 and state.st_uid == owner:
            continue
        changed = True
        if not dry:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            os.chown(path, owner, owner)
    return changed


def converge(given: dict[str, Any], dry: bool) -> tuple[bool, list[str]]:
    """Makes what is missing and copies it to who reads it."""
    folder = Path(given["folder"])
    changed = folders(folder, given["readers"], dry)
    made: list[str] = []
    values: dict[str, bytes] = {}
    for entry in given["secrets"]:
        name = str(entry["name"])
        if not name.replace("_", "").isalnum() or not name.islower():
            raise StufError("a secret's name must be of a-z, 0-9 and _")
        path = folder / name
        if path.exists():
            values[name] = path.read_bytes()
            if not values[name].strip():
                raise StufError(f"secret {name} is empty at {path}; next: fill or delete it, then ./migrate prepare")
        elif entry["origin"] == "generated":
            made.append(name)
            values[name] = make(name).encode()
        else:
            told = f" ({entry['purpose']})" if entry.get("purpose") else ""
            raise StufError(f"secret {name}{told} is missing; next: write it to secrets/{name} in the state folder")
        changed = name in made or (not dry and place(path, values[name], 0)) or changed
        if name in made and not dry:
            place(path, values[name], 0)
    for service, reader in given["readers"].items():
        for name in reader["names"]:
            if name not in values:
                raise StufError(f"service {service} reads secret {name}, which the package does not name")
            if not dry:
                copy = folder / "services" / service / name
                changed = place(copy, values[name], reader["uid"]) or changed
    return changed, made


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "secrets": {"type": "list", "elements": "dict", "required": True, "no_log": False},
            "readers": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        changed, made = converge(module.params, module.check_mode)
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, made=made)


if __name__ == "__main__":
    main()
