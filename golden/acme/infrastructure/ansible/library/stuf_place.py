#!/usr/bin/python
"""Ansible module: trees of files, placed in one go, whole and without leftovers."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_place
short_description: Place trees of files in one go
description:
  - An action plugin of the same name reads the files on the controller. One call for many files instead of several per
    file; what earlier packages left in a tree is removed.
options:
  trees:
    description: >-
      Trees with C(source) below C(root), or C(name) and C(text) of a single file; C(target) folder, C(mode) of files,
      C(whole) (nothing else stays), C(beside) (what stands there and begins with another line is kept beside, under its
      name and the digest of that line).
    type: list
    elements: dict
    required: true
author: [stufpack]
"""
EXAMPLES = """
- name: Place the project
  stuf_place:
    root: /home/me/package
    trees: [{source: infrastructure/compose/caddy, target: /opt/stuf/compose/caddy, mode: "0644", whole: true}]
"""
RETURN = """
placed: {description: Number of files that were or would be written., type: int, returned: always}
removed: {description: Number of files that were or would be removed., type: int, returned: always}
"""


def place(tree: dict[str, Any], dry: bool) -> tuple[int, int]:
    """Brings one tree to the wanted state; the numbers of files written and removed."""
    target = Path(tree["target"])
    mode = int(tree["mode"], 8)
    wanted: dict[Path, bytes] = {}
    for file in tree["files"]:
        path = Path(file["path"])
        if path.is_absolute() or ".." in path.parts:
            raise StufError("a file's place leads out of its tree")
        wanted[target / path] = base64.b64decode(file["content"])
    if tree.get("beside") and not dry:
        for path, content in wanted.items():
            _keep_other(path, content)
    written = sum(_write(path, content, mode, target, dry) for path, content in wanted.items())
    removed = 0
    if "only" in tree and target.is_dir():
        only = {target / path for path in tree["only"]}
        for path in sorted(target.rglob("*")):
            if path not in only and not path.is_dir():
                removed += 1
                if not dry:
                    path.unlink()
    return written, removed


def _write(path: Path, content: bytes, mode: int, top: Path, dry: bool) -> bool:
    if path.is_file() and not path.is_symlink():
        state = path.stat()
        right = (state.st_mode & 0o7777, state.st_uid, state.st_gid) == (mode, 0, 0)
        if right and path.read_bytes() == content:
            return False
    if dry:
        return True
    _folders(path.parent, mode, top)
    write_whole(path, content, mode, owner=0)
    return True


def _keep_other(path: Path, content: bytes) -> None:
    """Moves away what is no earlier state of the same file: such a file only grows, so its first line stays."""
    if path.is_file() and not path.is_symlink():
        first = path.read_bytes().partition(b"\n")[0]
        if first != content.partition(b"\n")[0]:
            path.replace(path.with_name(f"{path.name}.former-{hashlib.sha256(first).hexdigest()[:12]}"))


def _folders(folder: Path, mode: int, top: Path) -> None:
    """New folders of a tree may be entered by whoever may read its files; what lies above the tree is there already."""
    for path in reversed((folder, *folder.parents)):
        if (path == top or top in path.parents) and not path.is_dir():
            path.mkdir()
            path.chmod(mode | (mode & 0o444) >> 2)


def main() -> None:
    """Runs as an Ansible module."""
    # Personal data passes here, so the arguments are kept out of the system's log.
    module = AnsibleModule(
        argument_spec={"trees": {"type": "list", "elements": "dict", "required": True, "no_log": True}},
        supports_check_mode=True,
    )
    try:
        done = [place(tree, module.check_mode) for tree in module.params["trees"]]
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    placed, removed = (sum(numbers) for numbers in zip(*done, strict=True))
    module.exit_json(changed=placed + removed > 0, placed=placed, removed=removed)


if __name__ == "__main__":
    main()
