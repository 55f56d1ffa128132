#!/usr/bin/python
"""Ansible module: tells which images run on this machine, by digest, and fails where one is not the package's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_images
short_description: Tell which images run
description:
  - Asks Docker for the image of each container of the Compose project, and reads from which image the pages were taken.
  - A digest is the one under which Docker knows the image that a container runs, not the one in a configuration.
  - Changes nothing.
options:
  expected:
    description: Images by service as the package has them; without it nothing is compared.
    type: dict
author: [stufpack]
"""
EXAMPLES = """
- name: Ask which images run
  stuf_images: {expected: {api: registry.example/api@sha256:…}}
"""
RETURN = """
images: {description: Images by service, each NAME@sha256:DIGEST., type: dict, returned: success}
"""

Run = Callable[[list[str]], tuple[int, str, str]]
PROJECT, PAGES = "stuf", "stuf_spa"
# Compose calls the proxy by what it does, the package by what it is.
NAMES = {"proxy": "caddy"}


def ask(run: Run, *command: str) -> str:
    """The output of a program that must succeed."""
    code, output, errors = run(list(command))
    if code != 0:
        raise StufError(f"{' '.join(command[:3])} ended with {code}: {errors.strip()}")
    return output


def running(run: Run) -> dict[str, str]:
    """Images by service, as they really run."""
    project = f"label=com.docker.compose.project={PROJECT}"
    containers = ask(run, "docker", "ps", "--quiet", "--no-trunc", "--filter", project).split()
    found = {}
    for container in json.loads(ask(run, "docker", "inspect", *containers)) if containers else []:
        service = str(container["Config"]["Labels"]["com.docker.compose.service"])
        found[NAMES.get(service, service)] = image_of(run, container)
    noted = pages(run)
    return found | ({"spa": noted} if found and noted else {})


def image_of(run: Run, container: dict[str, Any]) -> str:
    """The name that a container was started by, with the digest of what it runs."""
    name, _, wanted = str(container["Config"]["Image"]).partition("@")
    (image,) = json.loads(ask(run, "docker", "image", "inspect", str(container["Image"])))
    digests = sorted(known.partition("@")[2] for known in image.get("RepoDigests") or [])
    if not digests:
        raise StufError(f"{name} was built on this machine and has no digest of a registry")
    return f"{name}@{wanted if wanted in digests else digests[0]}"


def pages(run: Run) -> str | None:
    """From which image the pages were taken that the proxy serves; none where there are no pages."""
    code, output, _ = run(["docker", "volume", "inspect", "--format", "{{.Mountpoint}}", PAGES])
    noted = Path(output.strip()) / "current" / ".image"
    return noted.read_text(encoding="utf-8").strip() if code == 0 and noted.is_file() else None


def differing(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """What runs otherwise than the package has it."""
    names = sorted(set(found) | set(expected))
    return [
        f"{name} runs {found.get(name, 'nothing')}, the package has {expected.get(name, 'none of it')}"
        for name in names
        if found.get(name) != expected.get(name)
    ]


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(argument_spec={"expected": {"type": "dict"}}, supports_check_mode=True)
    try:
        found = running(lambda command: module.run_command(command))
    except StufError as error:
        module.fail_json(msg=str(error))
    # Check mode has started nothing, so what is missing says nothing.
    wrong = differing(found, module.params["expected"] or found) if not module.check_mode else []
    if wrong:
        module.fail_json(msg=f"{'; '.join(wrong)}; next: ./migrate deploy", images=found)
    module.exit_json(changed=False, images=found)


if __name__ == "__main__":
    main()
