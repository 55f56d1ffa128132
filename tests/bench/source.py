"""The hosted side's object storage: a bucket filled after harbour's inventory, and keys for it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from . import authority, images
from .engine import docker
from .names import SOURCE
from .network import open_port, participate, remove
from .paths import REPOSITORY
from .shell import wait_for

BUCKET = "harbour-stuf-uploads"
REGION = "eu-west-1"
#: The names, types and metadata are harbour's, the bytes fewer: enough that a copy can be met in its middle.
LARGEST = 80_000


def start() -> dict[str, Any]:
    """A fresh store with harbour's files, and keys of the kit's and of the API; what `fill.py` says of it."""
    files = listed(REPOSITORY / "examples" / "harbour" / "export" / "inventory.csv")
    return fill(BUCKET, REGION, files, {"kit": _kit_rights(), "api": rights_in(BUCKET)})


def fill(bucket: str, region: str, files: list[dict[str, Any]], keys: dict[str, Any]) -> dict[str, Any]:
    """A fresh store with these files in a bucket, and keys by who has them and with which rights."""
    remove(SOURCE)
    own = authority.issue("source", SOURCE.name)
    tls = ["--volume", f"{own.certificate}:/tls.crt:ro", "--volume", f"{own.key}:/tls.key:ro"]
    docker(*participate(SOURCE, *tls), images.image("source"))
    wait_for("the source's storage", lambda: open_port(SOURCE.address, 443), 30)
    wanted = {"bucket": bucket, "region": region, "objects": files, "keys": keys}
    filling = ["exec", "--interactive", SOURCE.container, "/opt/moto/bin/python3", "-W", "ignore", "/opt/fill.py"]
    found: dict[str, Any] = json.loads(docker(*filling, stdin=json.dumps(wanted).encode()))
    return found


# Runs beside the store, with the keys of the STUF that it belongs to.
CHANGE = """
import boto3, json, sys
given = json.load(sys.stdin)
access, secret = given["keys"]
store = boto3.client("s3", endpoint_url="https://127.0.0.1", region_name=given["region"], verify=False,
                     aws_access_key_id=access, aws_secret_access_key=secret)
where = {"Bucket": given["bucket"], "Key": given["key"]}
if given["how"] == "add":
    store.put_object(**where, Body=b"came later", ContentType="text/plain", Metadata={"comment": "late"})
elif given["how"] == "remove":
    store.delete_object(**where)
else:
    there = store.get_object(**where)
    body = there["Body"].read()
    store.put_object(**where, Body=body, ContentType=given["how"], Metadata=there["Metadata"])
"""


def change(filled: dict[str, Any], key: str, how: str) -> None:
    """What users do at the source meanwhile: `add` a file, `remove` it, or give one the content type that is named."""
    given = {"bucket": BUCKET, "region": REGION, "keys": filled["keys"]["api"], "key": key, "how": how}
    words = ["exec", "--interactive", SOURCE.container, "/opt/moto/bin/python3", "-W", "ignore", "-c", CHANGE]
    docker(*words, stdin=json.dumps(given).encode())


def plain(filled: dict[str, Any]) -> list[dict[str, Any]]:
    """Files that hold something, and that a client which takes ASCII alone can write again as they were."""
    return [item for item in filled["objects"] if item["size"] and item["metadata"] and _ascii(item)]


def _ascii(item: dict[str, Any]) -> bool:
    return all(text.isascii() for text in (item["key"], *item["metadata"], *item["metadata"].values()))


def listed(inventory: Path) -> list[dict[str, Any]]:
    """The files of an example's inventory, none of them large."""
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


def rights_in(bucket: str, *actions: str) -> Any:
    """Rights in a bucket: all that a STUF needs of its own, or these actions alone."""
    arn = f"arn:aws:s3:::{bucket}"
    statement = {"Effect": "Allow", "Action": list(actions) or "s3:*", "Resource": [arn, f"{arn}/*"]}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _kit_rights() -> Any:
    """What the source kit's README tells the operator to allow its key."""
    readme = REPOSITORY / "templates" / "kit" / "source" / "README.md"
    rights = readme.read_text().partition("```json kit\n")[2].partition("```")[0]
    # moto looks at the actions of IAM and not at whose user they are about, nor at who has which boundary.
    return json.loads(rights.replace("arn:aws:iam::ACCOUNT:user/stuf-source/*", "*").replace("BUCKET", BUCKET))
