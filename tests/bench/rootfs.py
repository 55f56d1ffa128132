"""Root file systems by debootstrap, from the mirror that this machine itself uses."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .engine import docker, docker_ok, locked
from .paths import CACHE, digest_of
from .shell import BenchError, run, say


@dataclass(frozen=True)
class Mirrors:
    """Where Debian packages come from."""

    main: str
    security: str


def mirrors() -> Mirrors:
    """The mirrors in this machine's own apt sources."""
    found: list[str] = []
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if file.is_file():
            for line in file.read_text().splitlines():
                if line.startswith("URIs:"):
                    found += line.split()[1:]
                elif match := re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)", line):
                    found.append(match[1])
    main = next((uri for uri in found if uri.rstrip("/").endswith("/debian")), None)
    security = next((uri for uri in found if "debian-security" in uri), None)
    if not main or not security:
        raise BenchError("no Debian mirror in /etc/apt/sources*; the bench runs on Debian 12")
    return Mirrors(main.rstrip("/"), security.rstrip("/"))


def sources(suite: str) -> str:
    """The apt sources of a suite, with its updates and security fixes."""
    at = mirrors()
    return f"deb {at.main} {suite} main\ndeb {at.main} {suite}-updates main\ndeb {at.security} {suite}-security main\n"


def base(suite: str) -> str:
    """The image of a bare Debian `suite` with its package lists; made once, kept as a file and in the engine."""
    key = digest_of("debootstrap minbase 2", suite, sources(suite))
    image = f"stufbench/{suite}:{key}"
    archive = CACHE / "rootfs" / f"{suite}-{key}.tar"
    with locked(f"rootfs-{suite}"):
        if docker_ok("image", "inspect", image):
            return image
        if not archive.exists():
            say(f"debootstrap {suite} (about a minute, once)")
            _debootstrap(suite, archive)
        docker("import", "--change", 'CMD ["bash"]', archive, image)
    return image


def _debootstrap(suite: str, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"stufbench-{suite}-", dir=archive.parent))
    try:
        root = folder / "root"
        run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, root, mirrors().main],
            log=f"debootstrap-{suite}",
        )
        (root / "etc/apt/sources.list").write_text(sources(suite))
        # As in the images of the Docker library: services do not start while packages are installed.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        (root / "etc/apt/apt.conf.d/99bench").write_text(
            'Acquire::Languages "none";\nAPT::Install-Recommends "false";\nAPT::Install-Suggests "false";\n'
        )
        for name in ("etc/resolv.conf", "etc/hostname"):
            (root / name).unlink(missing_ok=True)
        for cached in (root / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()
        partial = archive.with_suffix(".partial")
        run(["tar", "--xattrs", "--numeric-owner", "-C", root, "-cf", partial, "."])
        partial.rename(archive)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
