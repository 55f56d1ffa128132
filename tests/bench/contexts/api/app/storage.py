"""The bucket, by the `minio` client: made at the first request, without a region (STUF.md, row 5)."""

import io
import os

from minio import Minio
from minio.error import S3Error

# Insecure defaults as in the real API (row 6).
ENDPOINT = os.environ.get("MINIO_ENDPOINT", "localhost:9000")
ACCESS_KEY = os.environ.get("MINIO_ROOT_USER", "minioadmin")
SECRET_KEY = os.environ.get("MINIO_ROOT_PASSWORD", "minioadmin")
SECURE = os.environ.get("MINIO_SECURE", "false").lower() == "true"
BUCKET = os.environ.get("MINIO_BUCKET_NAME", "stuf-uploads")

_client: Minio | None = None


def client() -> Minio:
    """The one client; the bucket is made when it is missing."""
    global _client
    if _client is None:
        made = Minio(ENDPOINT, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=SECURE)
        if not made.bucket_exists(BUCKET):
            made.make_bucket(BUCKET)
        _client = made
    return _client


def put(name: str, data: bytes, content_type: str, metadata: dict[str, str]) -> None:
    """Stores a whole object from memory."""
    client().put_object(BUCKET, name, io.BytesIO(data), len(data), content_type=content_type, metadata=metadata)


def get(name: str) -> tuple[bytes, dict[str, str], str]:
    """A whole object in memory, its metadata and content type."""
    response = client().get_object(BUCKET, name)
    try:
        data = response.data
    finally:
        response.close()
        response.release_conn()
    found = client().stat_object(BUCKET, name)
    return data, dict(found.metadata), found.content_type


def listing(prefix: str) -> list[dict[str, object]]:
    """Every object below a prefix."""
    return [
        {"name": found.object_name, "size": found.size, "modified": found.last_modified}
        for found in client().list_objects(BUCKET, prefix=prefix, recursive=True)
    ]


def exists(name: str) -> bool:
    """Whether an object is there."""
    try:
        client().stat_object(BUCKET, name)
    except S3Error:
        return False
    return True


def delete(name: str) -> None:
    """Deletes an object."""
    client().remove_object(BUCKET, name)
