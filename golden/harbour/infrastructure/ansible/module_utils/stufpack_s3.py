"""The few S3 calls that modules need."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.stufpack_answers import AnswerError, document, objects
from ansible.module_utils.stufpack_docker import Run, address
from ansible.module_utils.stufpack_http import Answer, StufError, read_secret, request
from ansible.module_utils.stufpack_signature import Key, Parameters, canonical_query, path_of, sign

# Which bucket a module means, where it is, and who vouches for it.
ARGUMENTS = {
    "secrets_dir": {"type": "path", "required": True, "no_log": False},
    "bucket": {"type": "str", "required": True},
    "region": {"type": "str", "required": True},
    "endpoint": {"type": "str"},
    "authority": {"type": "str"},
}


def garage(run: Run) -> str:
    """Where Garage of this machine listens now."""
    return f"http://{address(run, 'garage', 'data')}:3900"


@dataclass(frozen=True)
class Bucket:
    """One bucket behind an S3 endpoint, addressed by path."""

    endpoint: str
    name: str
    region: str
    access_key: str
    secret_key: str
    authority: str | None = None

    @classmethod
    def of(cls, given: dict[str, Any], run: Run) -> Bucket:
        """The bucket that a module's arguments name; without an endpoint, in Garage of this machine."""
        folder = given["secrets_dir"]
        return cls(
            endpoint=(given["endpoint"] or garage(run)).rstrip("/"),
            name=given["bucket"],
            region=given["region"],
            access_key=read_secret(folder, "storage_access_key"),
            secret_key=read_secret(folder, "storage_secret_key"),
            authority=given["authority"] or None,
        )

    def put(self, key: str, body: bytes, content_type: str, metadata: dict[str, str] | None = None) -> Answer:
        """Stores one object; what the store says of it."""
        headers = {"content-type": content_type}
        headers |= {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        return self._expect(self._call("PUT", key, body=body, headers=headers), (200,), "PUT", key)

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

        def page(query: Parameters) -> bytes:
            return self._expect(self._call("GET", "", query=query), (200,), "LIST", prefix).body

        try:
            return [found.key for found in objects(page, prefix)]
        except AnswerError as error:
            raise StufError(f"storage {error}, of bucket {self.name} under {prefix.split('/', 1)[0]!r}") from None

    def location(self) -> str:
        """The region where the store says that the bucket is."""
        answer = self._expect(self._call("GET", "", query={"location": ""}), (200,), "LOCATION", "")
        try:
            told = document(answer.body, "LocationConstraint").text or ""
        except AnswerError as error:
            raise StufError(f"storage {error}, of bucket {self.name}") from None
        # What S3 calls its first two regions.
        return {"": "us-east-1", "EU": "eu-west-1"}.get(told.strip(), told.strip())

    def stranger(self, key: str) -> int:
        """The status that somebody gets who asks for an object without a key."""
        return request("GET", self.endpoint + path_of(self.name, key), authority=self.authority).status

    def _expect(self, answer: Answer, statuses: tuple[int, ...], verb: str, key: str) -> Answer:
        if answer.status not in statuses:
            shown = key.split("/", 1)[0]
            code = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", answer.body)
            said = f"{answer.status} {code[1].decode()}" if code else str(answer.status)
            raise StufError(f"storage answered {said} to {verb} in bucket {self.name} under {shown!r}")
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
        sent = body if method == "PUT" else None
        return request(method, url, headers=signed, body=sent, authority=self.authority)
