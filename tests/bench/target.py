"""The choices of whoever has a package made for a machine of the bench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import authority, network, server
from .names import (
    MAIL,
    MAIL_PASSWORD,
    MAIL_USER,
    SENTRY,
    SENTRY_KEY,
    SENTRY_PROJECT,
    SUBNET,
    ZULIP_KEY,
    Place,
)
from .shell import run


def target(place: Place, domain: str) -> dict[str, Any]:
    """The target of a machine that is there."""
    host = {"address": place.address, "port": 22, "user": "deploy", "hostKeys": server.host_keys(place)}
    # The bench's disk is this machine's, which is whatever it is.
    return _document({"provider": "host", "host": host, "requireDiskEncryption": False}, domain)


def target_at_amazon(region: str, domain: str, disk: str) -> dict[str, Any]:
    """The target of a machine that Terraform has made, with a data disk of this size."""
    # The first three are for everybody; the registry is the bench's.
    ports = [80, 443, 587, 5000]
    choices = {"region": region, "sshPublicKey": server.public_key(), "egressPorts": ports, "dataVolume": disk}
    # No network is let in: one signs in through Session Manager.
    return _document({"provider": "aws", "aws": choices}, domain, "garage", ssh=[])


def _document(where: dict[str, Any], domain: str, *without: str, ssh: Sequence[str] = (SUBNET,)) -> dict[str, Any]:
    """A target document (JSON is accepted wherever YAML is), what runs nowhere there, and who may sign in."""
    return {
        "apiVersion": "stufpack.dev/v1",
        "kind": "StufTarget",
        "spec": {
            "pathway": "hosted-to-self",
            "environment": "production",
            "domain": domain,
            **where,
            "tls": {"mode": "provided"},
            "mail": {
                "host": MAIL.name,
                "port": 587,
                "from": f"stuf@{domain}",
                "encryption": "starttls",
                "user": MAIL_USER,
                "passwordSecret": "mail_password",
            },
            "identity": {"invitation": "mail"},
            "allow": {"ssh": list(ssh)},
            "images": {name: image for name, image in network.release().items() if name not in without},
            "registry": {"ca": authority.authority("registry").certificate.read_text()},
            # Many small batches, slow enough to be met in the middle, and slower but for the timetable.
            "content": {
                "bandwidth": "1 Mbit/s",
                "timetable": ["mon-sun 00:00-12:00 6 Mbit/s", "mon-sun 12:00-00:00 6 Mbit/s"],
                "requestsPerSecond": 1000,
                "batchObjects": 32,
            },
        },
    }


def secrets() -> dict[str, str]:
    """What only a Trust Architect has, as a package's README.md asks for it, by the names of the files."""
    return {
        "mail_password": MAIL_PASSWORD,
        "zulip_api_key": ZULIP_KEY,
        "sentry_dsn": f"https://{SENTRY_KEY}@{SENTRY.name}/{SENTRY_PROJECT}",
    }


def make_issuer(folder: Path, name: str) -> None:
    """Makes a key `issuer` that signs packages and glasses in this name, and `signers`, which trusts it."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / "issuer"])
    public = " ".join((folder / "issuer.pub").read_text().split()[:2])
    (folder / "signers").write_text(f'{name} namespaces="git,stufpack" {public}\n')
