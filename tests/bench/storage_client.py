"""A started Garage and a started API, for tests of the API stand-in."""

from __future__ import annotations

from pathlib import Path

from . import images
from .identity_client import DOMAIN, Identity, as_options, temporary
from .outside import Outside, Stuf, Way
from .testing import Container, ImageTest, get

ACCESS_KEY = "GK" + "1" * 24
SECRET_KEY = "2" * 64
CONFIGURATION = """
metadata_dir = "/var/lib/garage/meta"
data_dir = "/var/lib/garage/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "[::]:3901"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "[::]:3900"
[admin]
api_bind_addr = "[::]:3903"
"""


def start_storage(test: ImageTest, *options: str, bucket: str | None = "stuf-uploads") -> Container:
    """A Garage with the bench's key, allowed to make buckets, and a bucket when one is named."""
    folder = Path(temporary(test))
    (folder / "garage.toml").write_text(CONFIGURATION)
    (folder / "garage.toml").chmod(0o644)
    settings = {
        "GARAGE_RPC_SECRET": "0" * 64,
        "GARAGE_ADMIN_TOKEN": "bench-admin-token",
        "GARAGE_DEFAULT_ACCESS_KEY": ACCESS_KEY,
        "GARAGE_DEFAULT_SECRET_KEY": SECRET_KEY,
        **({"GARAGE_DEFAULT_BUCKET": bucket} if bucket else {}),
    }
    command = ["/garage", "server", "--single-node", *(["--default-bucket"] if bucket else ["--default-access-key"])]
    mount = ("--volume", f"{folder / 'garage.toml'}:/etc/garage.toml:ro")
    garage = test.start(images.image("garage"), *command, options=(*as_options(settings), *mount, *options))
    garage.wait("health", lambda: get(f"http://{garage.address}:3903/health")[0] == 200)
    return garage


#: As a package runs it: the image's own command without `--reload`.
PRODUCTION = ("uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000")


def start_api(test: ImageTest, storage: Container | None, identity: Identity | None, *options: str) -> Container:
    """The API, pointed at storage and identity."""
    settings = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
    if storage:
        settings["MINIO_ENDPOINT"] = f"{storage.address}:3900"
    if identity:
        settings |= {
            "KEYCLOAK_URL": f"http://{identity.container.address}:8080/auth",
            "KEYCLOAK_ISSUER_URL": f"https://{DOMAIN}/auth",
        }
    api = test.start(images.image("api"), *PRODUCTION, options=(*as_options(settings), *options))
    api.wait("health", lambda: get(f"http://{api.address}:8000/api/health")[0] == 200)
    return api


def asked_directly(api: Container) -> Stuf:
    """The API as its proxy asks it."""
    return Stuf(Outside({DOMAIN: Way(api.address, 8000, None)}), DOMAIN)


def in_bucket(api: Container, code: str) -> str:
    """Runs a line of Python in the API's container, with its own storage module."""
    return api.text("python", "-c", f"import storage\n{code}")
