"""The bench's network and what stands around the customer's server: names, registry, mail and message receivers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import resource
import shutil
import socket
from pathlib import Path
from typing import Any

from . import authority, images
from .engine import SHARE, docker, docker_ok, locked
from .names import (
    ACCOUNT,
    ACME_DOMAIN,
    AMAZON,
    DOMAIN,
    EVERYONE,
    GATEWAY,
    HOSTED,
    INSTALLATION,
    MAIL,
    MAIL_PASSWORD,
    MAIL_USER,
    NAMES,
    NETWORK,
    REGISTRY,
    REGISTRY_HOST,
    SENTRY,
    SENTRY_KEY,
    SENTRY_PROJECT,
    SERVER,
    SUBNET,
    ZULIP,
    ZULIP_DOMAIN,
    ZULIP_KEY,
    Place,
)
from .outside import Outside, Way, trusting
from .paths import CACHE, instance_folder
from .shell import BenchError, run, say, wait_for

#: Written by `push_release`: service → name@sha256:…
RELEASE = instance_folder() / "release.json"
#: What every registry of this machine's benches serves.
STORE = CACHE / "registry"


def running(place: Place) -> bool:
    """Whether a participant's container runs."""
    return docker("ps", "--quiet", "--filter", f"name=^{place.container}$") != ""


def remove(place: Place) -> None:
    """Takes a participant away, with what was only its own."""
    if docker("ps", "--all", "--quiet", "--filter", f"name=^{place.container}$"):
        docker("rm", "--force", "--volumes", place.container)


def start() -> None:
    """Everything that stands around a server, with the release in the registry."""
    start_network()
    start_names()
    start_registry()
    start_mail()
    push_release()


def start_network() -> None:
    """The bridge on which everybody stands."""
    if not docker_ok("network", "inspect", NETWORK):
        take_left_bridges_away(GATEWAY)
        docker("network", "create", "--subnet", SUBNET, "--gateway", GATEWAY, NETWORK)


def take_left_bridges_away(gateway: str) -> None:
    """Bridges of an engine that was killed: they would still draw what is sent to the addresses behind `gateway`."""
    shown = run(["ip", "-json", "address", "show", "to", gateway]).stdout
    for link in json.loads(shown or b"[]"):
        # One with containers at it is up.
        if link["ifname"].startswith("br-") and link["operstate"] != "UP":
            run(["ip", "link", "delete", link["ifname"]])


def participate(place: Place, *options: str | Path) -> list[str | Path]:
    """The `docker run` words that give a participant its address, name and resolver."""
    resolver = instance_folder() / "resolv.conf"
    resolver.write_text(f"nameserver {NAMES.address}\nsearch bench.test\n")
    return [
        "run",
        "--detach",
        *SHARE,
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
    records += [f"--host-record={domain},{SERVER.address}" for domain in (DOMAIN, ACME_DOMAIN)]
    records.append(f"--host-record={INSTALLATION},{HOSTED.address}")
    records.append(f"--host-record={ZULIP_DOMAIN},{ZULIP.address}")
    # Whatever is asked of Amazon is asked of the account, and reaches nobody else.
    records += [f"--address=/{AMAZON}/{ACCOUNT.address}", f"--local=/{AMAZON}/"]
    docker(
        *participate(NAMES),
        images.image("services"),
        "dnsmasq",
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--log-facility=-",
        "--local=/bench.test/",
        # No other name there is asked for outside.
        "--local=/stuf.pyx.io/",
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
    STORE.mkdir(parents=True, exist_ok=True)
    configuration = instance_folder() / "registry.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: warn}\n"
        "storage: {filesystem: {rootdirectory: /store}, delete: {enabled: true}}\n"
        "http: {addr: ':5000', tls: {certificate: /tls.crt, key: /tls.key}}\n"
    )
    docker(
        *participate(REGISTRY),
        "--volume",
        f"{STORE}:/store",
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


def start_messages(zulip: dict[str, str]) -> None:
    """Receivers of the messages to a Zulip channel and to Sentry, each with a certificate of the public authority."""
    about = {
        "ZULIP_CHANNEL": zulip["channel"],
        "ZULIP_BOT": zulip["bot_email"],
        "ZULIP_KEY": ZULIP_KEY,
        "SENTRY_PROJECT": SENTRY_PROJECT,
        "SENTRY_KEY": SENTRY_KEY,
    }
    for place, program, name in ((ZULIP, "zulip", ZULIP_DOMAIN), (SENTRY, "sentry", SENTRY.name)):
        remove(place)
        shutil.rmtree(messages_folder(program), ignore_errors=True)
        messages_folder(program).mkdir(parents=True)
        own = authority.issue("public", name)
        volumes = [f"{messages_folder(program)}:/received", f"{own.certificate}:/tls.crt:ro", f"{own.key}:/tls.key:ro"]
        values = {**about, "CERTIFICATE": "/tls.crt", "KEY": "/tls.key"}
        docker(
            *participate(place),
            *[word for volume in volumes for word in ("--volume", volume)],
            *[word for key, value in values.items() for word in ("--env", f"{key}={value}")],
            images.image("services"),
            "python3",
            "-u",
            f"/opt/{program}.py",
        )
    for place in (ZULIP, SENTRY):
        wait_for(f"the receiver {place.name}", lambda place=place: open_port(place.address, 443), 30)  # type: ignore[misc]


def messages_folder(program: str) -> Path:
    """Where received messages lie, one JSON file each."""
    return instance_folder() / program


def received_messages(program: str) -> list[dict[str, Any]]:
    """What a receiver took, oldest first."""
    return [json.loads(file.read_text()) for file in sorted(messages_folder(program).glob("*.json"))]


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


def open_ports(address: str, ports: range) -> set[int]:
    """Which TCP ports answer from outside."""

    async def answers(port: int, gate: asyncio.Semaphore) -> int | None:
        async with gate:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1.5)
            except (TimeoutError, OSError):
                return None
            writer.close()
            return port

    # A port behind the firewall answers nothing, so the scan takes as long as its rounds: few, of many sockets each.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = min(most, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))

    async def scan() -> set[int]:
        gate = asyncio.Semaphore(files // 2)
        return {port for port in await asyncio.gather(*(answers(port, gate) for port in ports)) if port}

    return asyncio.run(scan())


def release() -> dict[str, str]:
    """The release document that was written last."""
    found: dict[str, str] = json.loads(RELEASE.read_text())
    return found


def push_release() -> dict[str, str]:
    """Sees that every service's image is in the registry and writes the release document: service → name@sha256:…"""
    with locked("registry"):
        pushed = {service: f"{REGISTRY_HOST}/stuf/{service}@{pushed_once(service)}" for service in images.SERVICES}
    RELEASE.write_text(json.dumps(pushed, indent=2) + "\n")
    say(f"images in the registry; release document: {RELEASE}")
    return pushed


def pushed_once(service: str) -> str:
    """The digest of a service's image in the registry, which is pushed only where it is missing.

    All benches of this machine have one store. A push writes its small files anew even where nothing changes, and what
    asks the registry of another bench in that moment reads an empty file and gets 500.
    """
    local = images.image(service)
    note = STORE / "pushed" / docker("image", "inspect", "--format", "{{.Id}}", local).removeprefix("sha256:")
    if note.is_file() and in_registry(service, known := note.read_text(encoding="utf-8")):
        return known
    by_address = f"{REGISTRY.address}:5000/stuf/{service}:bench"
    docker("tag", local, by_address)
    output = docker("push", by_address, log=f"push-{service}")
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", output)
    if found is None:
        raise BenchError(f"pushing {service} gave no digest:\n{output}")
    note.parent.mkdir(exist_ok=True)
    note.write_text(found[1], encoding="utf-8")
    return found[1]


def in_registry(service: str, digest: str) -> bool:
    """Whether the registry answers with a manifest of this digest."""
    way = Way(REGISTRY.address, 5000, trusting(authority.authority("registry").certificate))
    accepted = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    url = f"https://{REGISTRY_HOST}/v2/stuf/{service}/manifests/{digest}"
    answer = Outside({REGISTRY.name: way}).ask("GET", url, headers={"Accept": accepted})
    return answer.status == 200 and f"sha256:{hashlib.sha256(answer.body).hexdigest()}" == digest
