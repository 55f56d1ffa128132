"""The few S3 calls that are needed, signed with AWS Signature Version 4."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from ansible.module_utils.stufpack_http import Answer, StufError, request

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
Parameters = dict[str, str]


@dataclass(frozen=True)
class Bucket:
    """One bucket behind an S3 endpoint, addressed by path."""

    endpoint: str
    name: str
    region: str
    access_key: str
    secret_key: str

    def put(self, key: str, body: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        """Stores one object."""
        headers = {"content-type": content_type}
        headers |= {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        self._expect(self._call("PUT", key, body=body, headers=headers), (200,), "PUT", key)

    def get(self, key: str) -> Answer | None:
        """One object with its headers, or `None` where there is none."""
        answer = self._call("GET", key)
        if answer.status == 404:
            return None
        return self._expect(answer, (200,), "GET", key)

    def delete(self, key: str) -> None:
        """Deletes one object; a missing one is fine."""
        self._expect(self._call("DELETE", key), (200, 204, 404), "DELETE", key)

    def keys(self, prefix: str = "") -> list[str]:
        """Every key that starts with `prefix`, in the order of the store."""
        found: list[str] = []
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
            if token:
                query["continuation-token"] = token
            answer = self._expect(self._call("GET", "", query=query), (200,), "LIST", prefix)
            tree = ElementTree.fromstring(answer.body)  # noqa: S314 (our own Garage, on this machine)
            found += [urllib.parse.unquote_plus(node.text or "") for node in tree.iter(f"{NAMESPACE}Key")]
            token = tree.findtext(f"{NAMESPACE}NextContinuationToken") or ""
            if not token:
                return found

    def _expect(self, answer: Answer, statuses: tuple[int, ...], verb: str, key: str) -> Answer:
        if answer.status not in statuses:
            shown = key.split("/", 1)[0]
            raise StufError(f"storage answered {answer.status} to {verb} in bucket {self.name} under {shown!r}")
        return answer

    def _call(
        self,
        method: str,
        key: str,
        *,
        query: Parameters | None = None,
        headers: Parameters | None = None,
        body: bytes = b"",
    ) -> Answer:
        path = "/" + urllib.parse.quote(f"{self.name}/{key}" if key else self.name, safe="/~-._")
        host = urllib.parse.urlsplit(self.endpoint).netloc
        signed = sign(self, method, path, query or {}, {**(headers or {}), "host": host}, body)
        search = canonical_query(query or {})
        url = self.endpoint + path + (f"?{search}" if search else "")
        return request(method, url, headers=signed, body=body if method == "PUT" else None)


def canonical_query(query: Parameters) -> str:
    """Query parameters as the signature wants them: sorted and percent-encoded."""
    pairs = sorted((_quote(name), _quote(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(
    bucket: Bucket,
    method: str,
    path: str,
    query: Parameters,
    headers: Parameters,
    body: bytes,
    now: datetime.datetime | None = None,
) -> Parameters:
    """The headers of a signed request."""
    moment = (now or datetime.datetime.now(datetime.UTC)).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    every = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    every |= {"x-amz-date": moment, "x-amz-content-sha256": digest}
    names = ";".join(sorted(every))
    lines = "".join(f"{name}:{every[name]}\n" for name in sorted(every))
    canonical = "\n".join((method, path, canonical_query(query), lines, names, digest))
    scope = f"{moment[:8]}/{bucket.region}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{bucket.secret_key}".encode()
    for part in (moment[:8], bucket.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    every["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={bucket.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return every


def _quote(text: str) -> str:
    return urllib.parse.quote(text, safe="~-._")
