#!/usr/bin/python
"""Ansible module: removes the images that packages brought to this machine; one that something else uses stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_remove_images
short_description: Remove the images that packages brought
description:
  - By digest, so that another version of the same repository, which somebody else has fetched, stays. Docker writes
    names of Docker Hub shorter than a package does.
  - An image that a container uses stays, and is told.
options:
  images: {description: "Images of this package, each NAME@sha256:DIGEST.", type: list, elements: str, required: true}
  note: {description: Those that packages have fetched; what stays is left in it., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Remove the images
  stuf_remove_images: {images: [docker.io/library/caddy@sha256:…], note: /var/lib/stufpack/images}
"""
RETURN = """
removed: {description: What was or would be removed., type: list, elements: str, returned: success}
kept: {description: "What stays, and why.", type: list, elements: str, returned: success}
"""

Run = Callable[[list[str]], tuple[int, str, str]]


def whole(reference: str) -> str:
    """A name in full, as Docker understands it: with its registry, without a tag; what follows `@` stays."""
    name, at, digest = reference.partition("@")
    registry, slash, path = name.partition("/")
    if not slash or not (set(".:") & set(registry) or registry == "localhost" or registry != registry.lower()):
        registry, path = "docker.io", name
    if registry in ("docker.io", "index.docker.io"):
        registry, path = "docker.io", path if "/" in path else f"library/{path}"
    return f"{registry}/{path.partition(':')[0]}{at}{digest}"


def ask(run: Run, *command: str) -> str:
    """The output of a program that must succeed."""
    code, output, errors = run(list(command))
    if code != 0:
        raise StufError(f"{' '.join(command[:3])} ended with {code}: {errors.strip()}")
    return output


def asked_of(run: Run, listed: list[str], inspect: list[str]) -> list[dict[str, Any]]:
    """What Docker knows of each thing of a list; the same thing may be listed by several names."""
    found = list(dict.fromkeys(ask(run, *listed).split()))
    if not found:
        return []
    code, output, errors = run([*inspect, *found])
    # What another hand removed after it was listed is left out of the answer, and named among the errors.
    gone = errors.strip() and all("no such " in line.lower() for line in errors.strip().splitlines())
    if code != 0 and not gone:
        raise StufError(f"{' '.join(inspect)} ended with {code}: {errors.strip()}")
    known: list[dict[str, Any]] = json.loads(output)
    return known


def users(run: Run) -> dict[str, list[str]]:
    """Names of containers, running or not, by the image that they were made from."""
    found: dict[str, list[str]] = {}
    for container in asked_of(run, ["docker", "ps", "--all", "--quiet", "--no-trunc"], ["docker", "inspect"]):
        found.setdefault(str(container["Image"]), []).append(str(container["Name"]).lstrip("/"))
    return found


class Images:
    """The images of this machine, as far as packages brought them or have others of the same repository."""

    def __init__(self, brought: Iterable[str]) -> None:
        self.brought = {whole(image): image for image in brought}
        self.repositories = {image.partition("@")[0] for image in self.brought}
        self.removed: list[str] = []
        self.kept: list[str] = []
        # Those of the packages that stay, as the packages have them.
        self.staying: set[str] = set()

    def remove(self, run: Run, dry: bool) -> None:
        """Removes what nobody uses."""
        in_use = users(run)
        listed = ["docker", "image", "ls", "--all", "--quiet", "--no-trunc"]
        for image in asked_of(run, listed, ["docker", "image", "inspect"]):
            digests, tags = (image.get(key) or [] for key in ("RepoDigests", "RepoTags"))
            ours = [name for name in digests if whole(name) in self.brought]
            if not ours and any(whole(name).partition("@")[0] in self.repositories for name in (*digests, *tags)):
                self.kept.append(f"{(tags or digests)[0]} stays: no package brought it")
            for name in ours:
                why = (
                    f"used by container {', '.join(sorted(in_use.get(image['Id'], [])))}"
                    if image["Id"] in in_use
                    else ""
                )
                why = why or ("" if dry else self._refused(run, name))
                if why:
                    self.kept.append(f"{name} stays: {why}")
                    self.staying.add(self.brought[whole(name)])
                else:
                    self.removed.append(name)

    @staticmethod
    def _refused(run: Run, name: str) -> str:
        """Removes one name; Docker's words where something else needs the image."""
        code, _, errors = run(["docker", "image", "rm", name])
        said = errors.strip()
        if code == 0 or "no such image" in said.lower():
            return ""
        if "conflict" in said.lower():
            return said
        raise StufError(f"docker image rm {name} ended with {code}: {said}")


def noted(note: Path) -> list[str]:
    """What packages have fetched so far."""
    return note.read_text(encoding="utf-8").split() if note.is_file() else []


def settle(run: Run, package: list[str], note: Path, dry: bool) -> dict[str, Any]:
    """Removes the images and leaves in the note what stays."""
    before = noted(note)
    images = Images([*package, *before])
    images.remove(run, dry)
    after = sorted(images.staying)
    if not dry and not after:
        note.unlink(missing_ok=True)
    elif not dry and after != before:
        write_whole(note, "".join(f"{image}\n" for image in after), owner=0)
    return {"changed": bool(images.removed) or after != before, "removed": images.removed, "kept": images.kept}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "note": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        answer = settle(
            lambda command: module.run_command(command), given["images"], Path(given["note"]), module.check_mode
        )
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
