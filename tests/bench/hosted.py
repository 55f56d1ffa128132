"""The source kit on a machine, installed as its README says, and what somebody asks of it over SSH."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import authority, server, source
from .engine import docker, environment
from .names import DOMAIN, HOSTED, INSTALLATION, SOURCE, Place
from .network import remove
from .paths import REPOSITORY, instance_folder
from .shell import BenchError, run

KIT = "/root/stufpack-source-kit"
SETTINGS = "/root/settings.json"
SWITCHES = "/var/lib/stufpack/switches"
EXAMPLE = REPOSITORY / "templates" / "kit" / "source" / "settings.example.json"


def start(program: Path, filled: dict[str, Any]) -> Kit:
    """The hosted side's machine: nothing but the kit, whose storage is the source's."""
    remove(HOSTED)
    server.boot(HOSTED)
    return equip(program, filled)


def equip(program: Path, filled: dict[str, Any]) -> Kit:
    """Installs the kit on the hosted side's machine; its storage is the source's."""
    server.inside("install", "-d", SWITCHES, "/etc/stuf/secrets", place=HOSTED)
    settings: dict[str, Any] = json.loads(EXAMPLE.read_text())
    endpoint, ca = f"https://{SOURCE.name}", authority.authority("source").certificate.read_text()
    where = {"endpoint": endpoint, "iam_endpoint": endpoint, "ca": ca, "bucket": source.BUCKET}
    settings["storage"] |= where
    # With the files' digests, so that a proof need not read them at the source again.
    settings["export"] |= {"installation": INSTALLATION, "sha256": True}
    settings["export"]["storage"] |= {name: where[name] for name in ("endpoint", "ca", "bucket")}
    kit = Kit.deliver(HOSTED, program, settings)
    for name, value in zip(("access", "secret"), filled["keys"]["kit"], strict=True):
        server.place_file(kit.place, f"/etc/stuf/secrets/source_kit_{name}_key", value)
    kit.install()
    return kit


def deployed() -> dict[str, Any]:
    """Settings for a STUF that a package deployed: its store is reached through its proxy alone."""
    settings: dict[str, Any] = json.loads(EXAMPLE.read_text())
    store = {
        "provider": "garage",
        "endpoint": "http://{garage.data}:3900",
        "region": "us-east-1",
        "bucket": source.BUCKET,
    }
    settings["export"] |= {"installation": DOMAIN}
    settings["export"]["storage"] |= store
    return settings | {"storage": None}


def ahead(**time: int) -> str:
    """A moment from now."""
    return f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(**time):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Kit:
    """A kit that was delivered to a machine."""

    place: Place
    folder: Path

    @classmethod
    def deliver(cls, place: Place, program: Path, settings: dict[str, Any]) -> Kit:
        """Makes a kit and brings it there, with the settings; installs nothing."""
        folder = instance_folder() / f"kit-{place.name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kit = cls(place, folder)
        (folder / "known").write_text("".join(f"{place.address} {key}\n" for key in server.host_keys(place)))
        for name in ("issuer", "operator", "stranger"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"issuer/{name}", "-f", folder / name])
        run([program, "kit", "source", "--out", folder / "out", "--sign-key", folder / "issuer"], log="kit")
        run(["unzip", "-q", folder / "out" / "stufpack-source-kit.zip", "-d", folder])
        docker("cp", folder / "stufpack-source-kit", f"{place.container}:{KIT}")
        docker("cp", folder / "operator.pub", f"{place.container}:/root/operator.pub")
        kit.inside("chown", "-R", "root:root", "/root")
        server.place_file(place, SETTINGS, json.dumps(settings | {"ssh": {"host": place.address, "port": 22}}))
        return kit

    def install(self) -> str:
        """Installs it, and lets the operator's key in; what it said."""
        said = self.inside(f"{KIT}/install", SETTINGS)
        self.inside("stuf-source", "admit", "/root/operator.pub", "until", ahead(hours=2))
        return said

    def export(self, to: Path) -> tuple[str, float, str]:
        """Makes an export there and brings it here: what was typed, for how long it ran, what it said."""
        command = f"./export {SETTINGS} /root/exports"
        begun = time.monotonic()
        said = self.inside("sh", "-euc", f"cd {KIT}; exec {command} 2>&1")
        taken = time.monotonic() - begun
        server.fetch(self.place, said.splitlines()[-1], to)
        return command, taken, said

    def inside(self, *words: str) -> str:
        """Runs a program there as root, past SSH."""
        return server.inside(*words, place=self.place)

    def tried(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Runs a program there as root that may fail."""
        return run(["docker", "exec", self.place.container, *words], env=environment(), check=False)

    def client(self, key: str) -> list[str]:
        """Options with which OpenSSH uses this key and no other."""
        files = ["-F", "none", "-i", str(self.folder / key), "-o", f"UserKnownHostsFile={self.folder / 'known'}"]
        settings = ("IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "StrictHostKeyChecking=yes")
        return [*files, *(word for setting in settings for word in ("-o", setting))]

    def ssh(
        self, key: str, *words: str, options: tuple[str, ...] = (), seconds: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """What somebody with this key gets to hear."""
        command = ["ssh", "-T", *self.client(key), *options, f"stuf-source@{self.place.address}", *words]
        return run(command, check=False, timeout=seconds)

    def asked(self, key: str, request: str) -> dict[str, Any]:
        """The answer to a request that must be good."""
        done = self.ssh(key, request)
        if done.returncode != 0:
            raise BenchError(f"{request!r} was answered with {done.returncode}: {done.stderr.decode()}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def issue(self, name: str, kind: str = "source-read", **time: int) -> dict[str, Any]:
        """A credential, asked for by the operator over SSH; its key is in the file `name`."""
        made = self.asked("operator", f"issue {kind} until {ahead(**(time or {'hours': 1}))}")
        key = self.folder / name
        key.unlink(missing_ok=True)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(made["ssh"]["private_key"])
        return made
