"""The bench's network and what stands around the customer's server: names, registry, mail receiver."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

from . import authority, images
from .engine import docker, docker_ok
from .names import (
    DOMAIN,
    EVERYONE,
    GATEWAY,
    MAIL,
    MAIL_PASSWORD,
    MAIL_USER,
    NAMES,
    NETWORK,
    REGISTRY,
    REGISTRY_HOST,
    SERVER,
    SUBNET,
    Place,
)
from .paths import CACHE, instance_folder
from .shell import BenchError, say, wait_for

#: Written by `push_release`: service → name@sha256:…
RELEASE = instance_folder() / "release.json"


def running(place: Place) -> bool:
    """Whether a participant's container runs."""
    return docker("ps", "--quiet", "--filter", f"name=^{place.container}$") != ""


def remove(place: Place) -> None:
    """Takes a participant away, with what was only its own."""
    if docker("ps", "--all", "--quiet", "--filter", f"name=^{place.container}$"):
        docker("rm", "--force", "--volumes", place.container)


def start_network() -> None:
    """The bridge on which everybody stands."""
    if not docker_ok("network", "inspect", NETWORK):
        docker("network", "create", "--subnet", SUBNET, "--gateway", GATEWAY, NETWORK)


def participate(place: Place, *options: str | Path) -> list[str | Path]:
    """The `docker run` words that give a participant its address, name and resolver."""
    resolver = instance_folder() / "resolv.conf"
    resolver.write_text(f"nameserver {NAMES.address}\nsearch bench.test\n")
    return [
        "run",
        "--detach",
        "--name",
        place.container,
        "--hostname",
        place.name,
        "--network",
        NETWORK,
        "--ip",
        place.address,
        "--volume",
        f"{resolver}:/etc/resolv.conf:ro",
        *options,
    ]


def start_names() -> None:
    """A resolver that knows the bench's names and asks this machine's resolver for the others."""
    if running(NAMES):
        return
    remove(NAMES)
    upstream = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")
    ]
    usable = [address for address in upstream if not address.startswith("127.")]
    if not usable:
        raise BenchError(
            "the resolver is on loopback, out of containers' reach; next: name a real one in /etc/resolv.conf"
        )
    records = [f"--host-record={place.name},{place.address}" for place in EVERYONE]
    records.append(f"--host-record={DOMAIN},{SERVER.address}")
    docker(
        *participate(NAMES),
        images.image("services"),
        "dnsmasq",
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--log-facility=-",
        "--local=/bench.test/",
        "--user=root",
        *[f"--server={address}" for address in usable],
        *records,
    )


def start_registry() -> None:
    """An image registry behind TLS by an authority that nobody trusts by itself."""
    if running(REGISTRY):
        return
    remove(REGISTRY)
    own = authority.issue("registry", REGISTRY.name, REGISTRY.address)
    store = CACHE / "registry"
    store.mkdir(parents=True, exist_ok=True)
    configuration = instance_folder() / "registry.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: warn}\n"
        "storage: {filesystem: {rootdirectory: /store}, delete: {enabled: true}}\n"
        "http: {addr: ':5000', tls: {certificate: /tls.crt, key: /tls.key}}\n"
    )
    docker(
        *participate(REGISTRY),
        "--volume",
        f"{store}:/store",
        "--volume",
        f"{own.certificate}:/tls.crt:ro",
        "--volume",
        f"{own.key}:/tls.key:ro",
        "--volume",
        f"{configuration}:/registry.yml:ro",
        images.image("services"),
        "docker-registry",
        "serve",
        "/registry.yml",
    )
    wait_for("the registry", lambda: open_port(REGISTRY.address, 5000), 30)


def start_mail() -> None:
    """A mail receiver with a certificate of the public authority."""
    if running(MAIL):
        return
    remove(MAIL)
    own = authority.issue("public", MAIL.name)
    shutil.rmtree(mails_folder(), ignore_errors=True)
    mails_folder().mkdir(parents=True)
    docker(
        *participate(MAIL),
        "--volume",
        f"{mails_folder()}:/mails",
        "--volume",
        f"{own.certificate}:/tls.crt:ro",
        "--volume",
        f"{own.key}:/tls.key:ro",
        "--env",
        f"MAIL_USER={MAIL_USER}",
        "--env",
        f"MAIL_PASSWORD={MAIL_PASSWORD}",
        "--env",
        "MAIL_CERTIFICATE=/tls.crt",
        "--env",
        "MAIL_KEY=/tls.key",
        images.image("services"),
        "python3",
        "-u",
        "/opt/mail.py",
    )
    wait_for("the mail receiver", lambda: open_port(MAIL.address, 587), 30)


def mails_folder() -> Path:
    """Where received mails lie, one `.eml` and one envelope each."""
    return instance_folder() / "mails"


def open_port(address: str, port: int, seconds: float = 2) -> bool:
    """Whether a TCP port answers."""
    try:
        socket.create_connection((address, port), seconds).close()
    except OSError:
        return False
    return True


def release() -> dict[str, str]:
    """The release document that was written last."""
    found: dict[str, str] = json.loads(RELEASE.read_text())
    return found


def push_release() -> dict[str, str]:
    """Pushes every service's image and writes the release document: service → name@sha256:…"""
    pushed = {}
    for service in images.SERVICES:
        local = images.image(service)
        repository = f"stuf/{service}"
        by_address = f"{REGISTRY.address}:5000/{repository}:bench"
        docker("tag", local, by_address)
        output = docker("push", by_address, log=f"push-{service}")
        digest = next(
            (
                word
                for line in output.splitlines()
                if "digest:" in line
                for word in line.split()
                if word.startswith("sha256:")
            ),
            None,
        )
        if digest is None:
            raise BenchError(f"pushing {service} gave no digest:\n{output}")
        pushed[service] = f"{REGISTRY_HOST}/{repository}@{digest}"
    RELEASE.write_text(json.dumps(pushed, indent=2) + "\n")
    say(f"images pushed; release document: {RELEASE}")
    return pushed
