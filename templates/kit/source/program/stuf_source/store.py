"""AWS as this kit needs it: readers of one bucket (IAM), and the bucket's policy (S3)."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import ssl
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import Any

from stufpack_signature import Key, canonical_query, path_of, sign

from .failure import SourceError, Unanswered
from .settings import Storage, secret

TIMEOUT_SECONDS = 30.0
#: Users that this kit makes stand below this path, and its own key may touch no others.
PATH = "/stuf-source/"
POLICY = "read-one-bucket"
#: What IAM says of a user, a key or a policy that is not there.
GONE = "NoSuchEntity"
VERSION = "2010-05-08"
#: How pages begin: HTML, XML, JSON.
PAGE = (b"<", b"{", b"[")
#: A document of IAM, by its namespace; whether China's has a name of its own is not known here.
DOCUMENT = re.compile(r"\{https://iam\.amazonaws\.com(?:\.cn)?/doc/2010-05-08/\}(.+)")


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    body: bytes

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of that name; none where the body is no XML."""
        tree = self._tree()
        return [] if tree is None else [node.text or "" for node in tree.iter() if _local(node) == name]

    def found(self, name: str) -> str:
        """The text of the first of them."""
        return next(iter(self.texts(name)), "")

    def is_iam(self, name: str) -> bool:
        """Whether it is IAM's document of that name, and no page of something that stands between."""
        tree = self._tree()
        found = None if tree is None else DOCUMENT.fullmatch(tree.tag)
        return found is not None and found[1] == name

    def error(self) -> str:
        """What S3 or IAM calls its error; empty where neither has answered."""
        tree = self._tree()
        told = tree is not None and (_local(tree) == "Error" or self.is_iam("ErrorResponse"))
        code = self.found("Code") if told else ""
        return code if code.isalnum() else ""

    def _tree(self) -> ElementTree.Element | None:
        try:
            return ElementTree.fromstring(self.body)  # noqa: S314 (expat builds in limits, and the service is our own)
        except ElementTree.ParseError:
            return None


def _local(node: ElementTree.Element) -> str:
    return node.tag.rsplit("}", 1)[-1]


def reading(storage: Storage, until: str) -> dict[str, Any]:
    """What a reader of the bucket may, and until when."""
    bucket = f"arn:aws:s3:::{storage.bucket}"
    ending = {"DateLessThan": {"aws:CurrentTime": until}}
    # S3 decrypts on behalf of whoever reads, each object with the key that it was encrypted with: nobody knows all of
    # them, so the reader may use any of the region's, through S3 alone, and with them reads what it may read there.
    through = {"StringEquals": {"kms:ViaService": f"s3.{storage.region}.amazonaws.com"}}
    allowed = (
        (["s3:ListBucket", "s3:GetBucketLocation"], bucket, ending),
        # Of tags the copy tells only that there are some, which it does not carry.
        (["s3:GetObject", "s3:GetObjectTagging"], f"{bucket}/*", ending),
        ("kms:Decrypt", f"arn:aws:kms:{storage.region}:*:key/*", ending | through),
    )
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition}
        for actions, resource, condition in allowed
    ]
    return {"Version": "2012-10-17", "Statement": statements}


@dataclass(frozen=True)
class Reader:
    """A key that reads the bucket and nothing else."""

    access_key: str
    secret_key: str = field(repr=False)


class Store:
    """The bucket and its readers, by the operator's key; the key is read when it is needed, as the proxy needs none."""

    def __init__(self, settings: Storage) -> None:
        self._settings = settings

    def add_reader(self, name: str, until: str) -> Reader:
        """Makes a reader whose right ends by itself, even when nobody takes the key away."""
        policy, bound = reading(self._settings, until), self._settings.boundary()
        self._iam("CreateUser", UserName=name, Path=PATH, PermissionsBoundary=bound)
        self._iam("PutUserPolicy", UserName=name, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
        made = self._iam("CreateAccessKey", UserName=name)
        reader = Reader(made.found("AccessKeyId"), made.found("SecretAccessKey"))
        if not (reader.access_key and reader.secret_key):
            raise SourceError("CreateAccessKey was answered without a key")
        return reader

    def remove_reader(self, name: str) -> None:
        """Takes a reader and its keys away; one that is gone already is fine."""
        held = self._iam("ListAccessKeys", gone_is_fine=True, UserName=name)
        for key in held.texts("AccessKeyId"):
            self._iam("DeleteAccessKey", gone_is_fine=True, UserName=name, AccessKeyId=key)
        self._iam("DeleteUserPolicy", gone_is_fine=True, UserName=name, PolicyName=POLICY)
        self._iam("DeleteUser", gone_is_fine=True, UserName=name)

    def policy(self) -> Any:
        """The bucket's policy, or None where it has none."""
        answer = self._bucket("GET")
        # By its word: a page of something between says 404 too, and a bucket that is not there has a word of its own.
        if answer.status == 404 and answer.error() == "NoSuchBucketPolicy":
            return None
        self._expect(answer, "GetBucketPolicy", 200)
        try:
            found = json.loads(answer.body)
        except ValueError:
            found = None
        if not isinstance(found, dict) or "Statement" not in found:
            raise SourceError("GetBucketPolicy was answered with something that is no policy")
        return found

    def set_policy(self, policy: Any) -> None:
        """Gives the bucket a policy, or takes its policy away."""
        verb = "Delete" if policy is None else "Put"
        answer = self._bucket("DELETE") if policy is None else self._bucket("PUT", json.dumps(policy).encode())
        self._expect(answer, f"{verb}BucketPolicy", 204, 200)
        # S3 says nothing more, others a word at most; a page of something between does not tell what the store did.
        if answer.body.lstrip().startswith(PAGE):
            raise Unanswered(f"{verb}BucketPolicy was answered with {answer.status}, and not by S3")

    def _iam(self, action: str, *, gone_is_fine: bool = False, **parameters: str) -> Answer:
        fields = {"Action": action, "Version": VERSION, **parameters}
        body = urllib.parse.urlencode(fields).encode()
        key = self._key(self._settings.iam_region)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self._ask(self._settings.iam_endpoint, key, "POST", "/", {}, headers, body, "iam")
        if gone_is_fine and answer.status == 404 and answer.is_iam("ErrorResponse") and answer.error() == GONE:
            return answer
        self._expect(answer, action, 200)
        if not answer.is_iam(f"{action}Response"):
            raise SourceError(f"{action} was answered with 200, and not by IAM; next: look at storage.iam_endpoint")
        return answer

    def _bucket(self, method: str, body: bytes = b"") -> Answer:
        key = self._key(self._settings.region)
        headers = {"content-type": "application/json"} if body else {}
        path = path_of(self._settings.bucket, "")
        return self._ask(self._settings.endpoint, key, method, path, {"policy": ""}, headers, body, "s3")

    def _key(self, region: str) -> Key:
        return Key(secret(self._settings.access_key_file), secret(self._settings.secret_key_file), region)

    def _ask(
        self,
        endpoint: str,
        key: Key,
        method: str,
        path: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
        service: str,
    ) -> Answer:
        parts = urllib.parse.urlsplit(endpoint)
        digest = hashlib.sha256(body).hexdigest()
        signed = sign(key, method, path, query, {"host": parts.netloc, **headers}, digest, service=service)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, context=self._trusted()
        )
        with contextlib.closing(connection):
            try:
                connection.connect()
            except OSError as error:
                raise SourceError(f"{parts.netloc} cannot be reached ({type(error).__name__})") from None
            try:
                connection.request(method, path + (f"?{canonical_query(query)}" if query else ""), body, signed)
                response = connection.getresponse()
                return Answer(response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                raise Unanswered(f"{parts.netloc} does not answer ({type(error).__name__})") from None

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cadata=self._settings.ca)
        except (OSError, ValueError, TypeError):
            raise SourceError("storage.ca of the settings is not a certificate that can be read") from None

    def _expect(self, answer: Answer, action: str, *statuses: int) -> None:
        if answer.status in statuses:
            return
        # A server's own failure does not say that nothing was done.
        failure = Unanswered if answer.status >= 500 else SourceError
        raise failure(f"{action} was answered with {answer.status} {answer.error()}".rstrip())
