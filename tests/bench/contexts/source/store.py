"""moto, and the one answer of a bucket that it names otherwise than S3's own document: how it keeps versions."""

from typing import Any

from moto.s3.responses import S3Response  # type: ignore[import-not-found,unused-ignore]
from moto.server import main  # type: ignore[import-not-found,unused-ignore]

_answer = S3Response.get_bucket_versioning


def get_bucket_versioning(self: S3Response) -> Any:
    """The same, as the document `VersioningConfiguration`."""
    status, headers, body = _answer(self)
    return status, headers, body.replace("GetBucketVersioningResponse", "VersioningConfiguration")


S3Response.get_bucket_versioning = get_bucket_versioning

if __name__ == "__main__":
    main(["--host", "0.0.0.0", "--port", "443", "--ssl-cert", "/tls.crt", "--ssl-key", "/tls.key"])
