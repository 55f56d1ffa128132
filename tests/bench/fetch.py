"""What images are made of and a build cannot fetch itself: wheels, npm packages, Garage. Kept by its inputs' digest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import representations
from .engine import locked
from .paths import CACHE, CONTEXTS, digest_of
from .shell import BenchError, run, say

GARAGE_VERSION = "2.5.0"
#: Where Debian puts `libsodium.a`.
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
NPM_VERSION = "10.8.2"  # what node:20-alpine brings
ADMIN_CLIENT = "@keycloak/keycloak-admin-client"
ADMIN_CLIENT_VERSION = "26.7.4"
ADMIN_CLIENT_SHA512 = "Zrjt3SqMXk/aUCLWYhxDbNl/WSzns3Hr+IrJN2Tw4rEsRXpLC1ABUhB1n7mjw+OsxDvxVhF8QtwHuAUA8tQmkw=="
#: What the identity stand-in is given or shows; what these are made of comes with them.
REPRESENTATIONS = (
    "ClientRepresentation",
    "ClientScopeRepresentation",
    "CredentialRepresentation",
    "ProtocolMapperRepresentation",
    "RealmRepresentation",
    "RequiredActionProviderRepresentation",
    "RoleMappingPayload",
    "RoleRepresentation",
    "UserProfileConfig",
    "UserRepresentation",
)


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


def _modules(image: str) -> Path:
    package = CONTEXTS / image / "app"
    inputs = (package / "package.json", package / "package-lock.json")
    return kept(f"{image}-modules", inputs, lambda folder: _npm_install(image, folder, package))


def keycloak_modules() -> Path:
    """The identity stand-in's modules."""
    return _modules("keycloak")


def browser_modules() -> Path:
    """What drives the browser; it brings none itself."""
    return _modules("browser")


def keycloak_types() -> Path:
    """`types.json`: Keycloak's representations, as its own admin client defines them."""

    def make(folder: Path) -> None:
        packed = f"{ADMIN_CLIENT}@{ADMIN_CLIENT_VERSION}"
        run(["npm", "pack", "--ignore-scripts", packed], cwd=folder, log="fetch-keycloak-types")
        (archive,) = folder.glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != ADMIN_CLIENT_SHA512:
            raise BenchError(f"{packed} has SHA-512 {digest}, expected {ADMIN_CLIENT_SHA512}")
        definitions = {}
        with tarfile.open(archive) as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                if content and re.fullmatch(r"package/lib/defs/\w+\.d\.ts", entry.name):
                    definitions[Path(entry.name).name] = content.read().decode()
        types = representations.read(definitions, REPRESENTATIONS)
        (folder / "types.json").write_text(json.dumps(types, indent=1, sort_keys=True))
        archive.unlink()

    code = Path(representations.__file__)
    return kept("keycloak-types", (ADMIN_CLIENT_VERSION, ADMIN_CLIENT_SHA512, *REPRESENTATIONS, code), make)


def garage() -> Path:
    """The folder with the real Garage, built from source (minutes, once)."""

    def make(folder: Path) -> None:
        build = CACHE / "garage-build"
        say(f"building Garage {GARAGE_VERSION} from source (3 to 14 minutes, once)")
        run(
            ["nice", "-n", "10", "cargo", "install", "garage", "--version", GARAGE_VERSION, "--locked", "--debug"]
            + ["--root", folder / "install", "--target-dir", build],
            # `--debug` builds in a fifth of the time; symbols are dropped so that the image stays small.
            env={"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_TARGET_DIR": str(build), "SODIUM_LIB_DIR": str(LIBRARIES)},
            log="build-garage",
            timeout=3600,
        )
        binary = folder / "install" / "bin" / "garage"
        run(["strip", binary])
        binary.rename(folder / "garage")
        shutil.rmtree(folder / "install")
        shutil.rmtree(build, ignore_errors=True)

    return kept("garage", (GARAGE_VERSION, "debug stripped, libsodium of Debian"), make)
