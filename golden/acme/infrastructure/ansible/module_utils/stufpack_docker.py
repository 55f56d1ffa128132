"""Where a service of the Compose project listens: container addresses are reachable from the machine itself."""

from __future__ import annotations

import json
from collections.abc import Callable

from ansible.module_utils.stufpack_http import StufError

Run = Callable[[list[str]], tuple[int, str, str]]


def address(run: Run, service: str, network: str, project: str = "stuf") -> str:
    """The IPv4 address of a running service on one of the project's networks."""
    filters = [f"label=com.docker.compose.project={project}", f"label=com.docker.compose.service={service}"]
    listing = ["docker", "ps", "--quiet", "--no-trunc"]
    for entry in filters:
        listing += ["--filter", entry]
    code, output, errors = run(listing)
    if code != 0:
        raise StufError(f"docker ps failed: {errors.strip()}")
    names = output.split()
    if len(names) != 1:
        raise StufError(f"{len(names)} containers of service {service} are running, expected 1; next: ./migrate deploy")
    code, output, errors = run(["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", names[0]])
    if code != 0:
        raise StufError(f"docker inspect failed: {errors.strip()}")
    found = json.loads(output).get(f"{project}_{network}", {}).get("IPAddress")
    if not found:
        raise StufError(f"service {service} has no address on network {network}")
    return str(found)
