"""What images are made of and a build cannot fetch itself: wheels, npm packages, Garage. Kept by its inputs' digest."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .engine import locked
from .paths import CACHE, CONTEXTS, digest_of
from .shell import run, say

GARAGE_VERSION = "2.5.0"
NPM_VERSION = "10.8.2"  # what node:20-alpine brings
ADMIN_CLIENT_VERSION = "26.7.4"


def kept(name: str, inputs: tuple[str | Path, ...], make: Callable[[Path], None]) -> Path:
    """A folder made once per state of its inputs; appears whole or not at all."""
    folder = CACHE / "fetched" / f"{name}-{digest_of(*inputs)}"
    with locked(f"fetch-{name}"):
        if not folder.exists():
            say(f"fetching {name}")
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
            try:
                make(partial)
                partial.chmod(0o755)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def wheels(image: str) -> Path:
    """The wheels that an image is made of, for its Python."""
    requirements = CONTEXTS / image / "requirements.txt"

    def make(folder: Path) -> None:
        platforms = ["manylinux2014_x86_64", "manylinux_2_28_x86_64", "any"]
        run(
            ["python3", "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--require-hashes", "--no-deps"]
            + ["--python-version", "3.13", "--implementation", "cp"]
            + [word for platform in platforms for word in ("--platform", platform)]
            + ["--dest", folder, "--requirement", requirements],
            log=f"fetch-{image}-wheels",
        )

    return kept(f"{image}-wheels", ("3.13", requirements), make)


def _npm_install(name: str, folder: Path, package: Path) -> None:
    for file in ("package.json", "package-lock.json"):
        shutil.copy(package / file, folder / file)
    # Not `npm ci`: it wants every platform's native helper (esbuild, rollup) in the lock file; what is in there is
    # still installed by its integrity digest, for glibc on x86-64 as in the image.
    run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, log=f"fetch-{name}")


def spa_modules() -> Path:
    """npm itself and the SPA's modules: `npm/` and `spa/node_modules`."""
    package = CONTEXTS / "spa" / "app"

    def make(folder: Path) -> None:
        (folder / "spa").mkdir()
        (folder / "npm").mkdir()
        _npm_install("spa", folder / "spa", package)
        run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"npm@{NPM_VERSION}"],
            cwd=folder / "npm",
            log="fetch-npm",
        )

    return kept("spa-modules", (NPM_VERSION, package / "package.json", package / "package-lock.json"), make)


def keycloak_modules() -> Path:
    """The identity stand-in's modules."""
    package = CONTEXTS / "keycloak" / "app"
    inputs = (package / "package.json", package / "package-lock.json")
    return kept("keycloak-modules", inputs, lambda folder: _npm_install("keycloak", folder, package))


def keycloak_types() -> Path:
    """`types.json`: the fields of each of Keycloak's representations, as its own admin client defines them."""

    def make(folder: Path) -> None:
        work = folder / "work"
        work.mkdir()
        (work / "package.json").write_text('{"private": true}')
        run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            + [f"@keycloak/keycloak-admin-client@{ADMIN_CLIENT_VERSION}"],
            cwd=work,
            log="fetch-keycloak-types",
        )
        definitions = work / "node_modules" / "@keycloak" / "keycloak-admin-client" / "lib" / "defs"
        types: dict[str, dict[str, str]] = {}
        for file in sorted(definitions.glob("*.d.ts")):
            types |= _interfaces(file.read_text())
        shutil.rmtree(work)
        (folder / "types.json").write_text(json.dumps(types, indent=1, sort_keys=True))

    return kept("keycloak-types", (ADMIN_CLIENT_VERSION, Path(__file__)), make)


def _interfaces(definition: str) -> dict[str, dict[str, str]]:
    """Field name → TypeScript type, for every interface of a definition file."""
    found = {}
    for match in re.finditer(r"interface (\w+)(?: extends \w+)? \{(.*?)^\}", definition, re.S | re.M):
        fields = re.findall(r'^\s+"?([\w.]+)"?\??: ([^;]+);', match[2], re.M)
        found[match[1]] = {name: " ".join(kind.split()) for name, kind in fields}
    return found


def garage() -> Path:
    """The folder with the real Garage, built from source (minutes, once)."""

    def make(folder: Path) -> None:
        build = CACHE / "garage-build"
        say(f"building Garage {GARAGE_VERSION} from source (3 to 14 minutes, once)")
        run(
            ["nice", "-n", "10", "cargo", "install", "garage", "--version", GARAGE_VERSION, "--locked", "--debug"]
            + ["--root", folder / "install", "--target-dir", build],
            # `--debug` builds in a fifth of the time; symbols are dropped so that the image stays small.
            env={"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_TARGET_DIR": str(build)},
            log="build-garage",
            timeout=3600,
        )
        binary = folder / "install" / "bin" / "garage"
        run(["strip", binary])
        binary.rename(folder / "garage")
        shutil.rmtree(folder / "install")
        shutil.rmtree(build, ignore_errors=True)

    return kept("garage", (GARAGE_VERSION, "debug stripped"), make)
