#!/usr/bin/python
"""Ansible module: tells whether a program has read its files as they are now, by a note made after it has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole

DOCUMENTATION = """
module: stuf_loaded
short_description: Tell whether a program has read its files as they are now
description:
  - What changes a file cannot be asked later whether the program was restarted after it. A run may end between the two,
    and the next one finds the file as it should be. So the restart hangs on a note that is made after it.
  - A file that was written again counts as another, also with the same content, since nobody knows what was read
    meanwhile. By content it does not: that is for a container, which keeps the file that it was made with.
options:
  files: {description: Files and folders that the program reads., type: list, elements: path, required: true}
  note: {description: The note; it lasts as long as what the program runs on., type: path, required: true}
  by_content: {description: A file written again with the same content is the same., type: bool, default: false}
  loaded: {description: "The program has read them now, so the note is made.", type: bool, default: false}
author: [stufpack]
"""
EXAMPLES = """
- name: Ask whether Docker has read its settings
  stuf_loaded: {files: [/etc/docker/daemon.json], note: /etc/docker/stuf-loaded}
"""
RETURN = """
due: {description: Whether something has changed since the program read it., type: bool, returned: success}
"""


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files of a program, those in folders too."""
    for path in paths:
        yield from sorted(inside for inside in path.rglob("*") if inside.is_file()) if path.is_dir() else [path]


def state(paths: Iterable[Path], by_content: bool) -> str:
    """Each file with its digest, and when it was written; one that is not there is one of a state too."""
    lines = []
    for file in files_of(paths):
        known = "none"
        if file.is_file():
            # In seconds, which is what archives and images of a machine keep of it.
            written = "" if by_content else f" {int(file.stat().st_mtime)}"
            known = f"{hashlib.sha256(file.read_bytes()).hexdigest()}{written}"
        lines.append(f"{known}  {file}\n")
    return "".join(lines)


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "path", "required": True},
            "note": {"type": "path", "required": True},
            "by_content": {"type": "bool", "default": False},
            "loaded": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    paths, note = [Path(path) for path in module.params["files"]], Path(module.params["note"])
    try:
        now = state(paths, module.params["by_content"])
        other = not note.is_file() or note.read_text(encoding="utf-8") != now
        if other and module.params["loaded"] and not module.check_mode:
            write_whole(note, now)
    except OSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=other and module.params["loaded"], due=other)


if __name__ == "__main__":
    main()
