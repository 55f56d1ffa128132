"""The bench's images: each is made once per state of what it is made from, and that state is its tag."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import authority, fetch, rootfs
from .engine import docker, docker_ok, environment, locked
from .paths import CACHE, CONTEXTS, digest_of
from .shell import BenchError, run, say

#: What a package deploys, in the order in which they are made.
SERVICES = ("postgres", "garage", "keycloak", "api", "spa", "caddy")

#: What stands around it.
MACHINES = ("services", "source", "account", "server", "hosted", "laptop", "browser")


@dataclass(frozen=True)
class Recipe:
    """How an image is made: a context, files added to it, and for images without Debian a `/rootfs` to take out."""

    suite: str | None = "trixie"
    #: Another of these images, in place of a Debian.
    of: str | None = None
    #: Path in the build context → folder or file to put there.
    added: dict[str, Callable[[], Path]] = field(default_factory=dict)
    #: Dockerfile instructions for the image made of the build's `/rootfs`; empty when the build is the image.
    flat: tuple[str, ...] = ()


def _public() -> Path:
    return authority.authority("public").certificate


def _machine_authorities() -> Path:
    """The authorities that this machine trusts, so that `pip` works in the Trust Architect's container too."""
    folder = CACHE / "machine"
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / "machine.crt"
    local = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    text = "".join(file.read_text() for file in local) or _public().read_text()
    if not bundle.exists() or bundle.read_text() != text:
        bundle.write_text(text)
    return bundle


def _garage_rootfs() -> Path:
    """Garage, its libraries and the empty folders that the official image has."""
    source = fetch.garage()
    folder = CACHE / "fetched" / f"garage-rootfs-{source.name.removeprefix('garage-')}"
    if not folder.exists():
        partial = Path(tempfile.mkdtemp(prefix=".garage-rootfs-", dir=folder.parent))
        shutil.copy2(source / "garage", partial / "garage")
        listing = run(["ldd", source / "garage"]).stdout.decode()
        for library in re.findall(r"(/\S+)", listing):
            at = partial / library.lstrip("/")
            at.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(library).resolve(), at)
        partial.chmod(0o755)
        partial.rename(folder)
    return folder


RECIPES: dict[str, Recipe] = {
    "services": Recipe(),
    "source": Recipe(added={"wheels": lambda: fetch.wheels("source")}),
    "account": Recipe(of="source"),
    "server": Recipe(added={"public-authority.crt": _public}),
    "hosted": Recipe(of="server"),
    "laptop": Recipe(suite="bookworm", added={"public-authority.crt": _public, "machine.crt": _machine_authorities}),
    "browser": Recipe(
        added={
            "node_modules": lambda: fetch.browser_modules() / "node_modules",
            "public-authority.crt": _public,
        }
    ),
    "postgres": Recipe(),
    "garage": Recipe(suite=None, added={"rootfs": _garage_rootfs}),
    "api": Recipe(added={"wheels": lambda: fetch.wheels("api")}),
    "spa": Recipe(
        added={"node": fetch.spa_modules},
        flat=(
            "ENV NODE_VERSION=20 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "WORKDIR /app",
            "EXPOSE 3000",
            'ENTRYPOINT ["/app/docker-entrypoint.sh"]',
        ),
    ),
    "caddy": Recipe(
        flat=(
            "ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data CADDY_VERSION=v2.6.2 "
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "EXPOSE 80 443 443/udp 2019",
            "WORKDIR /srv",
            'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
        ),
    ),
    "keycloak": Recipe(
        added={
            "node_modules": lambda: fetch.keycloak_modules() / "node_modules",
            "types.json": lambda: fetch.keycloak_types() / "types.json",
            "public-authority.crt": _public,
        },
        flat=(
            "ENV LANG=en_US.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "USER 1000",
            "EXPOSE 8080 8443 9000",
            'ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]',
        ),
    ),
}


def image(name: str) -> str:
    """The image of that name, made if it is not there; returns its local tag."""
    recipe = RECIPES[name]
    base = image(recipe.of) if recipe.of else rootfs.base(recipe.suite) if recipe.suite else ""
    added = {path: make() for path, make in recipe.added.items()}
    # Fetched folders carry the digest of their inputs in their name, so their bytes need no reading again.
    parts = [
        value.name if str(value).startswith(str(CACHE / "fetched")) and value.is_dir() else value
        for value in added.values()
    ]
    key = digest_of(CONTEXTS / name, base, *recipe.flat, *sorted(added), *parts)
    tag = f"stufbench/{name}:{key}"
    with locked(f"image-{name}"):
        if not docker_ok("image", "inspect", tag):
            say(f"building {name}")
            _build(name, tag, recipe, base, added)
    return tag


def _build(name: str, tag: str, recipe: Recipe, base: str, added: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"stufbench-{name}-") as temporary:
        context = Path(temporary) / "context"
        shutil.copytree(CONTEXTS / name, context)
        for path, source in added.items():
            if source.is_dir():
                shutil.copytree(source, context / path, symlinks=True)
            else:
                shutil.copy2(source, context / path)
        target = f"stufbench/{name}-build:latest" if recipe.flat else tag
        arguments = ["--build-arg", f"BASE={base}"] if base else []
        docker("build", "--network", "host", *arguments, "--tag", target, context, log=f"image-{name}")
        if recipe.flat:
            _flatten(target, tag, recipe.flat)


def _flatten(built: str, tag: str, instructions: tuple[str, ...]) -> None:
    """Makes an image of the `/rootfs` inside another one, keeping owners, modes and file capabilities."""
    changes = [word for line in instructions for word in ("--change", line)]
    take = ["docker", "run", "--rm", "--network", "none", built]
    take += ["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", "/rootfs", "-cf", "-", "."]
    with subprocess.Popen(take, stdout=subprocess.PIPE, env={**os.environ, **environment()}) as source:
        run_import = subprocess.run(
            ["docker", "import", *changes, "-", tag],
            stdin=source.stdout,
            env={**os.environ, **environment()},
            capture_output=True,
            check=False,
        )
    if source.returncode != 0 or run_import.returncode != 0:
        raise BenchError(f"{tag} could not be taken out of {built}: {run_import.stderr.decode(errors='replace')}")


def every(names: tuple[str, ...] = SERVICES + MACHINES) -> dict[str, str]:
    """All images, by name. Two at a time: making one is as much waiting as work."""
    with ThreadPoolExecutor(2) as both:
        return dict(zip(names, both.map(image, names), strict=True))
