"""Fills the source's bucket after an inventory, and makes keys for it. Runs beside moto, once.

Reads a JSON document on standard input: `bucket`, `region`, `keys` (rights by who has them) and `objects` (key, size,
content_type, metadata). Writes one: `objects` as the store really holds them, with SHA-256 and time, and `keys`. What
moto cannot hold is left out.
"""

import hashlib
import http.client
import json
import ssl
import sys
import urllib.parse
import urllib.request
from typing import Any

import boto3  # type: ignore[import-not-found,unused-ignore]

ENDPOINT = "https://127.0.0.1"
PREFIX = "x-amz-meta-"
# Somebody's, which nobody checks yet; without any, one is a stranger who may read nothing.
SIGNED = "AWS4-HMAC-SHA256 Credential=nobody/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"
# This program stands beside the store; others check its certificate.
TRUSTING = ssl._create_unverified_context()


def content(key: str, size: int) -> bytes:
    """Bytes that look like nothing and are the same every time."""
    block = hashlib.sha256(key.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


class Bucket:
    """The bucket, asked while no signature is checked: header values go through byte for byte."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection = http.client.HTTPSConnection("127.0.0.1", context=TRUSTING)

    def ask(self, method: str, key: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        """One request; the answer's headers, or None where it is an error."""
        self.connection.putrequest(method, f"/{self.name}/{urllib.parse.quote(key, safe='/')}")
        for name, value in {"Content-Length": str(len(body)), "Authorization": SIGNED, **(headers or {})}.items():
            self.connection.putheader(name, value.encode())
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        response.read()
        return response.headers if response.status == 200 else None

    def fill(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """Stores an object and says what is stored."""
        body = content(given["key"], given["size"])
        headers = {"Content-Type": given["content_type"]}
        # What no header can hold, no store of this kind does: line ends, and blanks around a value.
        held = {name: value.strip() for name, value in given["metadata"].items() if not set(value) & set("\r\n")}
        headers |= {f"{PREFIX}{name}": value for name, value in held.items()}
        if self.ask("PUT", given["key"], body, headers) is None:
            return None
        there = self.ask("HEAD", given["key"])
        metadata = {
            name.lower().removeprefix(PREFIX): value.encode("latin-1").decode()
            for name, value in there.items()
            if name.lower().startswith(PREFIX)
        }
        sha256 = hashlib.sha256(body).hexdigest()
        return {**given, "content_type": there["Content-Type"], "metadata": metadata, "sha256": sha256}


def main() -> None:
    """Fills, makes the keys, and from then on lets nobody in without one."""
    given = json.load(sys.stdin)
    common = {"endpoint_url": ENDPOINT, "region_name": given["region"], "verify": False}
    anyone = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
    s3 = boto3.client("s3", **common, **anyone)
    s3.create_bucket(Bucket=given["bucket"], CreateBucketConfiguration={"LocationConstraint": given["region"]})
    encrypted = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=given["bucket"], ServerSideEncryptionConfiguration={"Rules": [encrypted]})
    s3.put_bucket_versioning(Bucket=given["bucket"], VersioningConfiguration={"Status": "Enabled"})
    bucket = Bucket(given["bucket"])
    stored = {item["key"]: item for item in map(bucket.fill, given["objects"]) if item is not None}
    objects = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=given["bucket"]):
        for listed in page["Contents"]:
            modified = listed["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")
            objects.append({**stored[listed["Key"]], "size": listed["Size"], "modified": modified})
    iam = boto3.client("iam", **common, **anyone)
    keys = {}
    for user, rights in given["keys"].items():
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=json.dumps(rights))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        keys[user] = [key["AccessKeyId"], key["SecretAccessKey"]]
    closing = urllib.request.Request(
        f"{ENDPOINT}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST"
    )
    urllib.request.urlopen(closing, context=TRUSTING).close()
    json.dump({"objects": objects, "keys": keys}, sys.stdout)


if __name__ == "__main__":
    main()
