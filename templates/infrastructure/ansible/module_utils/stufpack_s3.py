"""The few S3 calls that modules need."""

from __future__ import annotations

import hashlib
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from ansible.module_utils.stufpack_http import Answer, StufError, request
from ansible.module_utils.stufpack_signature import Key, Parameters, canonical_query, path_of, sign

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


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
        path = path_of(self.name, key)
        host = urllib.parse.urlsplit(self.endpoint).netloc
        signer = Key(self.access_key, self.secret_key, self.region)
        digest = hashlib.sha256(body).hexdigest()
        signed = sign(signer, method, path, query or {}, {**(headers or {}), "host": host}, digest)
        search = canonical_query(query or {})
        url = self.endpoint + path + (f"?{search}" if search else "")
        return request(method, url, headers=signed, body=body if method == "PUT" else None)
