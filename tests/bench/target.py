"""The choices of whoever has a package made for a machine of the bench."""

from __future__ import annotations

from typing import Any

from . import authority, network, server
from .names import MAIL, MAIL_USER, SUBNET, Place


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
            # Many small batches, slow enough to be met in the middle.
            "content": {"bandwidth": "6 Mbit/s", "requestsPerSecond": 1000, "batchObjects": 32},
        },
    }
