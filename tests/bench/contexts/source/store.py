"""moto, mended in two answers: how a bucket keeps versions is named as S3 does; who has no key is refused."""

from typing import Any

from moto.s3.exceptions import S3AccessDeniedError  # type: ignore[import-not-found,unused-ignore]
from moto.s3.responses import S3Response  # type: ignore[import-not-found,unused-ignore]
from moto.server import main  # type: ignore[import-not-found,unused-ignore]

_answer = S3Response.get_bucket_versioning
_authorize = S3Response._authenticate_and_authorize_s3_action


def get_bucket_versioning(self: S3Response) -> Any:
    """The same, as the document `VersioningConfiguration`."""
    status, headers, body = _answer(self)
    return status, headers, body.replace("GetBucketVersioningResponse", "VersioningConfiguration")


def _authenticate_and_authorize_s3_action(self: S3Response, *words: Any, **named: Any) -> None:
    """The same, of requests that are signed; moto breaks (500) at others as soon as it asks who may do what."""
    if "Authorization" not in self.headers:
        raise S3AccessDeniedError
    _authorize(self, *words, **named)


S3Response.get_bucket_versioning = get_bucket_versioning
S3Response._authenticate_and_authorize_s3_action = _authenticate_and_authorize_s3_action

if __name__ == "__main__":
    main(["--host", "0.0.0.0", "--port", "443", "--ssl-cert", "/tls.crt", "--ssl-key", "/tls.key"])
