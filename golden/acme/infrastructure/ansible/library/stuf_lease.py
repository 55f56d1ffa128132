#!/usr/bin/python
"""Ansible module: which controller has the lease of this installation, and beside it what that one keeps here."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_lease
short_description: Hold, look at or take over the lease of an installation
description:
  - One controller at a time works at an installation. While the lease of another lasts, this one is refused
    (C(stufpack_exit) 75). Afterwards it is refused as well (12), since what was done stands in a journal that it does
    not have; it can take over lease and journal.
  - Time is this machine's, and nobody else's. An action plugin of the same name brings the journal and gates of the
    controller.
  - In check mode it only looks.
options:
  state:
    description: >-
      C(looked_at) refuses, C(told) only tells who has it, C(held) holds or renews it and keeps C(files), C(fetched)
      gives lease and files of another whose lease is old, C(taken) takes it over if it still is what C(mark) says.
    type: str
    required: true
    choices: [looked_at, told, held, fetched, taken]
  lease:
    description: C(holder); to hold it C(who), C(doing), C(package) and C(seconds) that it lasts, 0 to give it back.
    type: dict
    required: true
  files:
    description: Journals, approvals and stops with C(path) and C(content), in Base64.
    type: list
    elements: dict
  back:
    description: Whether the run takes things back; nobody's old lease keeps it from that.
    type: bool
    default: false
  mark: {description: What C(fetched) had found., type: str}
author: [stufpack]
"""
EXAMPLES = """
- name: Hold the lease
  stuf_lease: {state: held, root: "{{ stufpack_state }}", package: 1}
"""
RETURN = """
line: {description: Who has the lease., type: str, returned: success}
own: {description: Whether it is this controller., type: bool, returned: success}
mark: {description: What the lease is., type: str, returned: when fetched}
files: {description: What the other controller has kept here., type: list, returned: when fetched}
"""

FOLDER = Path("/var/lib/stufpack/controller")
LOCKED, REFUSED = 75, 12
JOURNAL = r"packages/[1-9][0-9]{0,8}/journal\.jsonl"
# What people have decided; where one is no longer there, it goes here too.
DECIDED = r"approve-[a-z]{1,20}|HOLD|PANIC"
ADOPT = "./migrate adopt target"


class RefusedError(Exception):
    """The lease is another's: why, with the exit status and the next command."""

    def __init__(self, said: str, status: int, following: str) -> None:
        super().__init__(said)
        self.status, self.following = status, following


class Kept:
    """The folder of lease and copies, as this machine's clock sees it."""

    def __init__(self, folder: Path, now: float) -> None:
        self.folder, self.now = folder, now
        self.path = folder / "lease.json"
        self.known = self._read()

    def _read(self) -> dict[str, Any] | None:
        if not self.path.is_file():
            return None
        try:
            found = json.loads(self.path.read_bytes())
            words = {name: str(found[name]) for name in ("holder", "who", "doing")}
            if not all(word.isprintable() for word in words.values()):
                raise ValueError
            return {**words, **{name: int(found[name]) for name in ("package", "at", "until")}}
        except (ValueError, KeyError, TypeError) as error:
            raise StufError(
                f"{self.path} is no lease, so nobody can tell which machine runs the migration. Next: make sure that "
                f"none does, then on that machine: sudo rm {self.path}"
            ) from error

    @property
    def mark(self) -> str:
        """What the lease is now."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest() if self.path.is_file() else ""

    @property
    def lasts(self) -> bool:
        """Whether a run has it now, as far as one can know."""
        return self.known is not None and self.now < self.known["until"]

    def is_of(self, holder: str) -> bool:
        """Whether it is this controller's, or nobody's."""
        return self.known is None or self.known["holder"] == holder

    def line(self, holder: str) -> str:
        """Who has it, in words."""
        if self.known is None:
            return "nobody has run a phase that changes this machine"
        known = self.known
        run = f"`{known['doing']}` of package {known['package']}"
        if self.lasts:
            return f"{known['who']} runs {run}, and has the lease until {_clock(known['until'])} unless it goes on"
        whose = "" if known["holder"] == holder else ", on another machine than this"
        return f"{known['who']} has run {run}, last heard of {_clock(known['at'])}{whose}"

    def refuse(self, holder: str, back: bool = False) -> None:
        """Raises where the lease is another controller's."""
        if self.is_of(holder):
            return
        if self.lasts:
            raise self._busy(holder)
        if not back:
            raise RefusedError(
                f"{self.line(holder)}. Its journal tells what was done, and a copy of it lies here. Next: {ADOPT}",
                REFUSED,
                ADOPT,
            )

    def _busy(self, holder: str) -> RefusedError:
        known = self.known or {}
        following = f"wait until it has ended there; if that machine is lost, from {_clock(known['until'])} on: {ADOPT}"
        return RefusedError(f"{self.line(holder)}. Next: {following}", LOCKED, following)

    def fetched(self, holder: str) -> dict[str, Any]:
        """Lease and files of another, to be taken over; raises while it lasts, and where there is none."""
        files = list(self._files())
        if self.known is None and not files:
            raise RefusedError(
                "no machine has run a phase that changes this one: nothing can be taken over. Next: ./migrate status",
                REFUSED,
                "./migrate status",
            )
        # Where somebody has removed a damaged lease, what lies beside it is nobody's.
        own = self.known is not None and self.is_of(holder)
        if self.lasts and not own:
            raise self._busy(holder)
        return {"own": own, "mark": self.mark, "files": [] if own else files, "line": self.line(holder)}

    def _files(self) -> Iterator[dict[str, str]]:
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(self.folder))
            if re.fullmatch(f"{JOURNAL}|{DECIDED}", name):
                yield {"path": name, "content": base64.b64encode(path.read_bytes()).decode()}

    def take(self, mark: str | None) -> None:
        """Raises unless the lease is still what was fetched."""
        if mark != self.mark:
            following = f"wait a little, then: {ADOPT}"
            said = f"the lease was taken or renewed by another machine just now. Next: {following}"
            raise RefusedError(said, LOCKED, following)

    def hold(self, lease: Mapping[str, Any], files: Sequence[Mapping[str, str]]) -> None:
        """Keeps the files and writes the lease, in this order: who takes it over finds what belongs to it."""
        wanted = {file["path"]: base64.b64decode(file["content"]) for file in files}
        strange = [name for name in wanted if not re.fullmatch(f"{JOURNAL}|{DECIDED}", name)]
        if strange:
            raise StufError(f"nothing like {strange[0]} is kept here")
        for name, content in wanted.items():
            path = self.folder / name
            for above in (path.parent.parent, path.parent):
                above.mkdir(mode=0o700, exist_ok=True)
            if re.fullmatch(JOURNAL, name):
                _grow(path, content)
            else:
                write_whole(path, content)
        for path in self.folder.iterdir():
            if re.fullmatch(DECIDED, path.name) and path.name not in wanted:
                path.unlink()
        at = int(self.now)
        told = {name: lease[name] for name in ("holder", "who", "doing", "package")}
        write_whole(self.path, json.dumps({**told, "at": at, "until": at + int(lease["seconds"])}) + "\n")


def _grow(path: Path, content: bytes) -> None:
    """A journal only grows: a longer one stays, and what is no part of it is kept beside, under its digest."""
    before = path.read_bytes() if path.is_file() else b""
    if before and before.startswith(content):
        return
    if not content.startswith(before):
        path.replace(path.with_name(f"{path.name}.former-{hashlib.sha256(before).hexdigest()[:12]}"))
    write_whole(path, content)


def _clock(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time, where there is a folder yet."""
    if not folder.is_dir():
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def act(given: Mapping[str, Any], folder: Path, now: float, dry: bool) -> dict[str, Any]:
    """Does what is wanted; the answer."""
    state, lease = given["state"], given["lease"]
    writes = state in ("held", "taken") and not dry
    if writes:
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
    with _alone(folder):
        holder = lease["holder"]
        kept = Kept(folder, now)
        if state == "fetched":
            return kept.fetched(holder)
        if state in ("looked_at", "held"):
            kept.refuse(holder, bool(given.get("back")))
        elif state == "taken":
            kept.take(given.get("mark"))
        if writes:
            kept.hold(lease, given.get("files") or [])
        return {"own": kept.is_of(holder), "line": kept.line(holder)}


def main() -> None:
    """Runs as an Ansible module."""
    # Not into the system's log: the journals are long.
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str", "required": True, "choices": ["looked_at", "told", "held", "fetched", "taken"],
            },
            "lease": {"type": "dict", "required": True},
            "files": {"type": "list", "elements": "dict"},
            "back": {"type": "bool", "default": False},
            "mark": {"type": "str"},
        },
        supports_check_mode=True,
        no_log=True,
    )  # fmt: skip
    try:
        module.exit_json(changed=False, **act(module.params, FOLDER, time.time(), module.check_mode))
    except RefusedError as error:
        module.fail_json(msg=str(error), stufpack_exit=error.status, stufpack_next=error.following)
    except (StufError, OSError) as error:
        if module.params["back"]:
            # A full disk, or a lease that is none, must not keep anybody from taking things down.
            module.exit_json(changed=False, line="nobody can tell", own=True, warnings=[f"no lease was taken: {error}"])
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
