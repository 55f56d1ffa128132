"""The choices of whoever has a package made for a machine of the bench."""

from __future__ import annotations

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
    """A target document (JSON is accepted wherever YAML is)."""
    return {
        "apiVersion": "stufpack.dev/v1",
        "kind": "StufTarget",
        "spec": {
            "pathway": "hosted-to-self",
            "provider": "host",
            "environment": "production",
            "domain": domain,
            "host": {"address": place.address, "port": 22, "user": "deploy", "hostKeys": server.host_keys(place)},
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
            "allow": {"ssh": [SUBNET]},
            "images": network.release(),
            "registry": {"ca": authority.authority("registry").certificate.read_text()},
            # The bench's disk is this machine's, which is whatever it is.
            "requireDiskEncryption": False,
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
