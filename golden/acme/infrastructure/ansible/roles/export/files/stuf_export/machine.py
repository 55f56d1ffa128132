"""What really runs on this machine: containers with their images, ports that answer, and the disk below the files."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .failure import ExportError

Run = Callable[[list[str]], str]
# Compose calls the proxy by what it does, an export by what it is.
SERVICES = {"api": "api", "keycloak": "keycloak", "postgres": "postgres", "garage": "garage", "proxy": "caddy"}
LISTENING = "0A"
SHOWN = 300  # letters of what a program said that failed


def run(command: list[str]) -> str:
    """The output of a program that must succeed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"{command[0]} cannot be run ({type(error).__name__})") from None
    if done.returncode != 0:
        # Its own last line: of what these programs are asked, none names a person or a secret.
        said = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        plain = "".join(letter if letter.isprintable() else "?" for letter in said)
        raise ExportError(f"{' '.join(command[:2])} ended with {done.returncode}: {plain[:SHOWN]}")
    return done.stdout


class Machine:
    """The containers of one Compose project."""

    def __init__(self, project: str, ask: Run = run) -> None:
        self._ask = ask
        self._project = project
        names = ask(
            ["docker", "ps", "--quiet", "--no-trunc", "--filter", f"label=com.docker.compose.project={project}"]
        )
        self._found: list[dict[str, Any]] = json.loads(ask(["docker", "inspect", *names.split()])) if names else []

    def _services(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for container in self._found:
            yield str((container["Config"].get("Labels") or {}).get("com.docker.compose.service")), container

    def resolved(self, url: str) -> str:
        """An address in which `{SERVICE.NETWORK}` has become the container's own."""
        return re.sub(r"\{([a-z0-9-]+)\.([a-z0-9-]+)\}", lambda found: self._address(found[1], found[2]), url)

    def _address(self, service: str, network: str) -> str:
        found = [container for name, container in self._services() if name == service]
        if len(found) != 1:
            raise ExportError(f"{len(found)} containers of service {service} are running, expected 1")
        networks = found[0]["NetworkSettings"]["Networks"]
        address = networks.get(f"{self._project}_{network}", {}).get("IPAddress")
        if not address:
            raise ExportError(f"service {service} has no address on network {network}")
        return str(address)

    def images(self, spa_volume: str) -> dict[str, str]:
        """The images that run, by digest; the one of the pages as it was noted when they were taken out of it."""
        found = {SERVICES[name]: self._image(container) for name, container in self._services() if name in SERVICES}
        mounted = json.loads(self._ask(["docker", "volume", "inspect", spa_volume]))[0]["Mountpoint"]
        noted = Path(mounted) / "current" / ".image"
        try:
            found["spa"] = noted.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ExportError(f"the image of the pages is not noted at {noted}: {error.strerror}") from None
        return found

    def _image(self, container: dict[str, Any]) -> str:
        named = str(container["Config"]["Image"])
        if "@sha256:" in named:
            return named
        known = json.loads(self._ask(["docker", "image", "inspect", str(container["Image"])]))[0]
        digests = sorted(known.get("RepoDigests") or [])
        if not digests:
            raise ExportError(f"the image {named} was built here and has no digest of a registry")
        return str(digests[0])

    def ports(self, proc: Path = Path("/proc/net")) -> list[int]:
        """TCP ports bound to more than this machine; what a firewall refuses counts too: nobody asks from outside."""
        found = set()
        for _, container in self._services():
            for port, bindings in (container["NetworkSettings"].get("Ports") or {}).items():
                for binding in bindings or []:
                    if port.endswith("/tcp") and not binding["HostIp"].startswith(("127.", "::1")):
                        found.add(int(binding["HostPort"]))
        for table in ("tcp", "tcp6"):
            place = proc / table
            if place.exists():
                found |= set(_listening(place.read_text(encoding="ascii")))
        return sorted(found)

    def encryption(self, folder: str) -> str:
        """How the disk below a folder is encrypted, as far as this machine can see."""
        mount = json.loads(self._ask(["findmnt", "--json", "--target", folder, "--output", "SOURCE,FSTYPE,MAJ:MIN"]))[
            "filesystems"
        ][0]
        if mount["fstype"] == "zfs":
            value = self._ask(["zfs", "get", "-H", "-o", "value", "encryption", str(mount["source"])]).strip()
            return "none" if value in ("", "off", "-") else f"zfs {value}"
        devices = json.loads(self._ask(["lsblk", "--json", "--output", "NAME,TYPE,MAJ:MIN"]))["blockdevices"]
        crypt = _below_crypt(devices, str(mount["maj:min"]))
        return "unknown" if crypt is None else "dm-crypt" if crypt else "none"


def _listening(table: str) -> Iterator[int]:
    """Ports of listening sockets, loopback aside; addresses stand there as hexadecimal words of the machine's order."""
    for line in table.splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        address, port = local.split(":")
        v4 = address[-8:] if len(address) == 8 or address[:24] == "0000000000000000FFFF0000" else None
        loopback = v4.endswith("7F") if v4 else address == "0" * 24 + "01000000"
        if state == LISTENING and not loopback:
            yield int(port, 16)


def _below_crypt(devices: list[dict[str, Any]], number: str, under: bool = False) -> bool | None:
    """Whether the device `MAJ:MIN` stands on a crypt layer; `None` where it is not found."""
    for device in devices:
        here = under or device.get("type") == "crypt"
        if device.get("maj:min") == number:
            return here
        below = _below_crypt(device.get("children") or [], number, here)
        if below is not None:
            return below
    return None


def release(path: str) -> dict[str, Any]:
    """The release document that came with what runs."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        images = {str(service): str(image) for service, image in document["images"].items()}
        return {"version": str(document["version"]), "commit": str(document["commit"]), "images": images}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"the release document {path} cannot be read ({type(error).__name__})") from None
