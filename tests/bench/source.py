"""The hosted side's object storage: a bucket filled after harbour's inventory, and a key that can only read it."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

from . import authority, images
from .engine import docker
from .names import SOURCE
from .network import open_port, participate, remove
from .paths import REPOSITORY
from .shell import wait_for

INSTALLATION = "harbour.stuf.pyx.io"
BUCKET = "harbour-stuf-uploads"
REGION = "eu-west-1"
#: The names, types and metadata are harbour's, the bytes fewer: enough that a copy can be met in its middle.
LARGEST = 80_000


def start() -> dict[str, Any]:
    """A fresh store, filled; what `fill.py` says of it."""
    remove(SOURCE)
    own = authority.issue("source", SOURCE.name)
    tls = ["--volume", f"{own.certificate}:/tls.crt:ro", "--volume", f"{own.key}:/tls.key:ro"]
    docker(*participate(SOURCE, *tls), images.image("source"))
    wait_for("the source's storage", lambda: open_port(SOURCE.address, 443), 30)
    wanted = {"bucket": BUCKET, "region": REGION, "objects": _objects()}
    fill = ["exec", "--interactive", SOURCE.container, "/opt/moto/bin/python3", "-W", "ignore", "/opt/fill.py"]
    found: dict[str, Any] = json.loads(docker(*fill, stdin=json.dumps(wanted).encode()))
    return found


def _objects() -> list[dict[str, Any]]:
    inventory = REPOSITORY / "examples" / "harbour" / "export" / "inventory.csv"
    with inventory.open(newline="") as file:
        return [
            {
                "key": row["key"],
                "size": min(int(row["size"]), LARGEST),
                "content_type": row["content_type"],
                "metadata": json.loads(row["metadata"] or "{}"),
            }
            for row in csv.DictReader(file)
        ]


def write_inventory(path: Path, objects: list[dict[str, Any]]) -> None:
    """What the store really holds, as an export tells it."""
    columns = ("key", "size", "modified", "content_type", "sha256", "metadata")
    path.write_text("".join(json.dumps({name: item[name] for name in columns}) + "\n" for item in objects))


def credential(filled: dict[str, Any]) -> dict[str, Any]:
    """What the operator hands to the Trust Architect."""
    ends_at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    return {
        "schema": 1,
        "kind": "source-read",
        "installation": INSTALLATION,
        "ends_at": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        # Not used by the copy, and not to be seen at the target.
        "ssh": {
            "host": SOURCE.name,
            "port": 22,
            "user": "stuf-source",
            "host_keys": [],
            "private_key": "canary-of-the-source",
        },
        "storage": {
            "provider": "aws-s3",
            "endpoint": f"https://{SOURCE.name}",
            "region": REGION,
            "bucket": BUCKET,
            "access_key_id": filled["access_key_id"],
            "secret_access_key": filled["secret_access_key"],
            "ca": authority.authority("source").certificate.read_text(),
        },
    }
