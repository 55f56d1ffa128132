"""AWS Signature Version 4, the only one here: Ansible's modules, both programs and the source kit sign with it.

It imports nothing of Ansible, so that the roles `content` and `export` place this very file on the target machine, and
the kit on the source's.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import urllib.parse
from dataclasses import dataclass, field

Parameters = dict[str, str]


@dataclass(frozen=True)
class Key:
    """An access key and the region it signs for."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


def path_of(bucket: str, key: str) -> str:
    """The path of a bucket or an object, byte for byte: neither `//` nor `..` is ever resolved."""
    return "/" + _quote(f"{bucket}/{key}" if key else bucket, "/")


def canonical_query(query: Parameters) -> str:
    """Query parameters as the signature wants them: sorted and percent-encoded."""
    pairs = sorted((_quote(name), _quote(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(
    key: Key,
    method: str,
    path: str,
    query: Parameters,
    headers: Parameters,
    digest: str,
    now: datetime.datetime | None = None,
    service: str = "s3",
) -> Parameters:
    """The headers of a signed request, given the SHA-256 of its body as `digest`."""
    moment = (now or datetime.datetime.now(datetime.UTC)).strftime("%Y%m%dT%H%M%SZ")
    every = {name.lower(): value for name, value in headers.items()}
    every |= {"x-amz-date": moment, "x-amz-content-sha256": digest}
    names = ";".join(sorted(every))
    # Runs of blanks are one blank in what is signed, and stay as they are in what is sent.
    lines = "".join(f"{name}:{' '.join(every[name].split())}\n" for name in sorted(every))
    canonical = "\n".join((method, path, canonical_query(query), lines, names, digest))
    scope = f"{moment[:8]}/{key.region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode(errors="surrogateescape")).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashed))
    secret = f"AWS4{key.secret_key}".encode()
    for part in (moment[:8], key.region, service, "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    every["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return every


def _quote(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe=safe + "~-._", errors="surrogateescape")
