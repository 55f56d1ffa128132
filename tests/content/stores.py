"""Stores to copy between: moto, which answers as S3 does, the real Garage, and Azurite, which answers as Azure does.

Each test has buckets of its own.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import itertools
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench import fetch  # noqa: E402 (after the path; builds Garage where it is not kept yet)

ACCESS_KEY = "GK" + "1a" * 12
SECRET_KEY = "c0ffee" * 10 + "beef"
#: Azurite takes the account and the key that it is told.
ACCOUNT = "stufpack"
ACCOUNT_KEY = base64.b64encode(SECRET_KEY.encode()).decode()
CONFIGURATION = """
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:{port}"
[admin]
api_bind_addr = "127.0.0.1:{admin}"
"""
MOTO = Path(sys.executable).with_name("moto_server")
NODE = fetch.CACHE.parent / "node-azurite/node_modules"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A running store."""

    endpoint: str
    #: The file of its authority, where it has one of its own.
    authority: str | None = None

    def bucket(self) -> Bucket:
        """A new, empty bucket."""
        name = f"bucket-{next(numbers)}"
        client = _client(self.endpoint, self.authority)
        client.create_bucket(Bucket=name)
        return Bucket(self.endpoint, name, client)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[tuple[str, str]]]:
        """What moto was asked meanwhile: method and key."""
        self._recorder("reset-recording")
        self._recorder("start-recording")
        found: list[tuple[str, str]] = []
        yield found
        self._recorder("stop-recording")
        recording = self._recorder("download-recording").decode().strip()
        while recording:
            # Of requests at once the ends of lines come late: one document stands right after the other.
            request, end = json.JSONDecoder().raw_decode(recording)
            recording = recording[end:].lstrip()
            path = urllib.parse.unquote(urllib.parse.urlsplit(request["url"]).path)
            found.append((request["method"], path.lstrip("/").partition("/")[2]))

    def _recorder(self, verb: str) -> bytes:
        method = "GET" if verb.startswith("download") else "POST"
        request = urllib.request.Request(f"{self.endpoint}/moto-api/recorder/{verb}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


@functools.cache
def _client(endpoint: str, authority: str | None):
    """One for all buckets of a server: making it costs more than most tests."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        verify=authority,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


@dataclass(frozen=True)
class Bucket:
    """A bucket, seen by boto3: another client than the one under test."""

    endpoint: str
    name: str
    client: object
    #: Access key and secret key.
    keys: ClassVar = (ACCESS_KEY, SECRET_KEY)

    def __getattr__(self, call: str):
        return functools.partial(getattr(self.client, call), Bucket=self.name)

    def seed(self, key: str, body: bytes, content_type="application/x-demo", metadata=None, **headers: str) -> None:
        """Stores an object with the metadata that STUF's own have, and with other headers, by boto's names."""
        pairs = {"uploader": "user@example.org", "original_filename": "demo.bin"} if metadata is None else metadata
        self.put_object(Key=key, Body=body, ContentType=content_type, Metadata=pairs, **headers)

    def listed(self, prefix: str = "") -> list[str]:
        """Every key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def objects(self, prefix: str = "") -> dict[str, tuple]:
        """Bytes, type and metadata by key."""
        found = {}
        for key in self.listed(prefix):
            answer = self.get_object(Key=key)
            found[key] = (answer["Body"].read(), answer["ContentType"], answer["Metadata"])
        return found

    def watch_writes(self) -> None:
        """From now on every write is kept as a version of its own."""
        self.put_bucket_versioning(VersioningConfiguration={"Status": "Enabled"})

    def written(self) -> set[str]:
        """Keys that were written since; not asked of the program under test."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)
        versions = [item for page in pages for item in page.get("Versions", ())]
        return {item["Key"] for item in versions if item["VersionId"] != "null"}

    def open_uploads(self) -> int:
        """Multipart uploads that nobody completed."""
        return len(self.list_multipart_uploads().get("Uploads", ()))

    def remote(self) -> str:
        """The store in rclone's configuration."""
        return (
            f"type = s3\nprovider = Other\naccess_key_id = {ACCESS_KEY}\n"
            f"secret_access_key = {SECRET_KEY}\nregion = us-east-1\nendpoint = {self.endpoint}\n"
        )


@dataclass(frozen=True)
class Container:
    """A container of Azurite, seen by Azure's own client, and asked with the words of a bucket."""

    endpoint: str
    name: str
    client: Any
    keys: ClassVar = (ACCOUNT, ACCOUNT_KEY)

    def seed(self, key: str, body: bytes, content_type="application/x-demo", metadata=None, **headers: str) -> None:
        """Stores a blob with the metadata that STUF's own have, over what is there; headers by boto's names."""
        from azure.storage.blob import ContentSettings

        pairs = {"uploader": "user@example.org", "original_filename": "demo.bin"} if metadata is None else metadata
        others = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): text for name, text in headers.items()}
        settings = ContentSettings(content_type=content_type, **others)
        self.client.upload_blob(key, body, overwrite=True, content_settings=settings, metadata=pairs)

    def listed(self, prefix: str = "") -> list[str]:
        """Every name."""
        return list(self.client.list_blob_names(name_starts_with=prefix or None))

    def objects(self, prefix: str = "") -> dict[str, tuple]:
        """Bytes, type and metadata by name."""
        found = {}
        for key in self.listed(prefix):
            head = self.head_object(key)
            found[key] = (self.client.download_blob(key).readall(), head["ContentType"], head["Metadata"])
        return found

    def head_object(self, Key: str) -> dict[str, Any]:  # noqa: N803 (a bucket's word)
        """Type and metadata, whose names are the same in any case; beside them the other headers and the MD5."""
        found = self.client.get_blob_client(Key).get_blob_properties()
        settings = found.content_settings
        return {
            "ContentType": settings.content_type,
            "Metadata": {name.lower(): text for name, text in found.metadata.items()},
            "CacheControl": settings.cache_control,
            "ContentDisposition": settings.content_disposition,
            "ContentLanguage": settings.content_language,
            "MD5": bytes(settings.content_md5).hex() if settings.content_md5 else None,
        }

    def delete_object(self, Key: str) -> None:  # noqa: N803 (a bucket's word)
        """Deletes."""
        self.client.delete_blob(Key)

    def watch_writes(self) -> None:
        """Remembers each blob's ETag, which every write changes."""
        object.__setattr__(self, "before", self._etags())

    def written(self) -> set[str]:
        """Names that were written since."""
        return {key for key, etag in self._etags().items() if self.before.get(key) != etag}

    def _etags(self) -> dict[str, str]:
        return {blob.name: blob.etag for blob in self.client.list_blobs()}

    def remote(self) -> str:
        """The store in rclone's configuration."""
        return f"type = azureblob\naccount = {ACCOUNT}\nkey = {ACCOUNT_KEY}\nendpoint = {self.endpoint}/{ACCOUNT}\n"


@functools.cache
def moto() -> Server:
    """A moto of this process."""
    folder = _folder()
    port = _free_port()
    _start([MOTO, "-H", "127.0.0.1", "-p", str(port)], {"MOTO_RECORDER_FILEPATH": str(folder / "recording")})
    _wait(f"http://127.0.0.1:{port}/moto-api/data.json")
    return Server(f"http://127.0.0.1:{port}")


@dataclass(frozen=True)
class Encrypted:
    """A moto with TLS by an authority that nobody knows."""

    server: Server
    authority: str


@functools.cache
def encrypted_moto(_name: str = "source") -> Encrypted:
    """A moto behind TLS, one for each name, each with an authority of its own."""
    folder = _folder()
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = _free_port()
    _start([MOTO, "-H", "127.0.0.1", "-p", str(port), "-s", "-c", certificate, "-k", key], {})
    context = ssl.create_default_context(cafile=str(certificate))
    _wait(f"https://127.0.0.1:{port}/moto-api/data.json", context)
    return Encrypted(Server(f"https://127.0.0.1:{port}", str(certificate)), certificate.read_text())


@functools.cache
def garage() -> Server:
    """A Garage of this process, on its own empty disk."""
    folder = _folder()
    port, rpc, admin = _free_port(), _free_port(), _free_port()
    config = folder / "garage.toml"
    config.write_text(CONFIGURATION.format(folder=folder, port=port, rpc=rpc, admin=admin))
    environment = {
        "GARAGE_RPC_SECRET": "0" * 64,
        "GARAGE_DEFAULT_ACCESS_KEY": ACCESS_KEY,
        "GARAGE_DEFAULT_SECRET_KEY": SECRET_KEY,
        "GARAGE_DEFAULT_BUCKET": "first",
    }
    program = fetch.garage() / "garage"
    _start([program, "--config", config, "server", "--single-node", "--default-bucket"], environment)
    _wait(f"http://127.0.0.1:{admin}/health")
    allow = [program, "--config", config, "key", "allow", "--create-bucket", ACCESS_KEY]
    subprocess.run(
        allow, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return Server(f"http://127.0.0.1:{port}")


@dataclass(frozen=True)
class Account:
    """A running Azurite."""

    endpoint: str

    def container(self) -> Container:
        """A new, empty container."""
        from azure.core.credentials import AzureNamedKeyCredential
        from azure.storage.blob import BlobServiceClient

        credential = AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY)
        name = f"container-{next(numbers)}"
        with_account = BlobServiceClient(f"{self.endpoint}/{ACCOUNT}", credential=credential)
        return Container(self.endpoint, name, with_account.create_container(name))


@functools.cache
def azurite() -> Account:
    """An Azurite of this process, on its own empty disk."""
    port = _free_port()
    place = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", _folder()]
    # rclone and Azure's client speak newer versions of the interface than it knows; telemetry goes to an outside host.
    flags = ["--skipApiVersionCheck", "--loose", "--disableTelemetry", "--silent"]
    program = [NODE / ".bin/node", NODE / "azurite/dist/src/blob/main.js"]
    _start([*program, *place, *flags], {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"})
    _wait(f"http://127.0.0.1:{port}/")
    return Account(f"http://127.0.0.1:{port}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _start(command: list, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [str(word) for word in command],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def end() -> None:
        process.terminate()
        process.wait()

    atexit.register(end)


def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="stuf-store-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _wait(address: str, context: ssl.SSLContext | None = None) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5, context=context):
                return
        except urllib.error.HTTPError as error:
            # Who is asked without a credential refuses, and is there.
            if error.code < 500:
                return
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing answers at {address}")
