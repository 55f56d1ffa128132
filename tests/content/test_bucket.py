"""A bucket that is not on the machine, as Ansible's modules see it: over TLS, and by its own authority."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from stores import ACCESS_KEY, SECRET_KEY, encrypted_moto

sys.path.append(str(Path(__file__).resolve().parents[1] / "ansible"))
from modules import module  # noqa: E402 (after the path)

buckets = module("stuf_bucket")
probe = module("stuf_probe_storage")
documents = module("stuf_documents")
s3 = module("stufpack_s3")
StufError = module("stufpack_http").StufError


def nobody(command: list[str]) -> tuple[int, str, str]:
    """No program is asked where an endpoint is given."""
    raise AssertionError(command)


class Outside(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, value in (("storage_access_key", ACCESS_KEY), ("storage_secret_key", SECRET_KEY)):
            (self.folder / name).write_text(value)
        self.bucket = encrypted_moto().server.bucket()
        self.as_made()

    def as_made(self) -> None:
        """What Terraform makes of a bucket."""
        self.bucket.put_bucket_versioning(VersioningConfiguration={"Status": "Enabled"})
        by_default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.bucket.put_bucket_encryption(ServerSideEncryptionConfiguration={"Rules": [by_default]})

    def given(self, **other: Any) -> Any:
        """The bucket as a module opens it."""
        arguments = {
            "secrets_dir": str(self.folder),
            "bucket": self.bucket.name,
            "region": "us-east-1",
            "endpoint": self.bucket.endpoint,
            "authority": encrypted_moto().authority,
        }
        return s3.Bucket.of(arguments | other, nobody)

    def test_one_that_is_as_it_was_made_passes_and_keeps_nothing(self) -> None:
        self.assertEqual(buckets.look(self.given()), ([], "AES256"))
        self.assertEqual(self.bucket.listed(), [])

    def test_everything_that_is_otherwise_is_told_at_once(self) -> None:
        self.bucket = encrypted_moto().server.bucket()
        self.bucket.put_bucket_policy(
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "s3:GetObject",
                            "Resource": f"arn:aws:s3:::{self.bucket.name}/*",
                        }
                    ],
                }
            )
        )
        wrong, _ = buckets.look(self.given(region="eu-west-1"))
        self.assertEqual(
            wrong,
            [
                "it is in us-east-1, not in eu-west-1",
                "it keeps no earlier versions",
                "it does not encrypt what it keeps",
                "who has no key may read an object (the answer is 200, expected 403)",
            ],
        )
        self.assertEqual(self.bucket.listed(), [])

    def test_a_bucket_that_is_not_there_is_named_with_what_to_do(self) -> None:
        with self.assertRaises(StufError) as caught:
            buckets.look(self.given(bucket="nobody-s-bucket"))
        text = str(caught.exception)
        self.assertEqual(text, "storage answered 404 NoSuchBucket to LOCATION in bucket nobody-s-bucket under ''")
        self.assertEqual(buckets.advice(text), "; next: ./migrate provision")
        self.assertEqual(buckets.advice("storage answered 500 to LIST in bucket b under ''"), "")

    def test_no_other_authority_is_trusted(self) -> None:
        for authority in ("", None, encrypted_moto("target").authority):
            with self.assertRaisesRegex(StufError, "CERTIFICATE_VERIFY_FAILED"):
                buckets.look(self.given(authority=authority))

    def test_verify_reads_it_with_its_own_protocol(self) -> None:
        checks = probe.probe(self.given())
        self.assertEqual({check["verdict"] for check in checks}, {"pass"}, checks)
        self.assertEqual(len(checks), 5)

    def test_documents_are_written_and_restored(self) -> None:
        bucket = self.given()
        wanted = {"config/stuf_config.json": b'{"schema_version": 1}', "users.json": b"{}"}
        self.bucket.seed("users.json", b"old", content_type="application/json", metadata={})
        state = documents.saved(bucket, wanted)
        self.assertEqual(documents.write(bucket, wanted, False), 2)
        self.assertEqual(documents.write(bucket, wanted, False), 0)
        self.assertEqual({check["verdict"] for check in documents.compare(bucket, wanted)}, {"pass"})
        documents.restore(bucket, state, False)
        self.assertEqual(self.bucket.objects(), {"users.json": (b"old", "application/json", {})})

    def test_without_an_endpoint_it_is_garage_of_this_machine(self) -> None:
        def docker(command: list[str]) -> tuple[int, str, str]:
            return (0, "one\n", "") if command[1] == "ps" else (0, '{"stuf_data": {"IPAddress": "192.0.2.7"}}', "")

        for endpoint in ("", None):
            given = {"secrets_dir": str(self.folder), "bucket": "b", "region": "r", "authority": None}
            found = s3.Bucket.of(given | {"endpoint": endpoint}, docker)
            self.assertEqual((found.endpoint, found.authority), ("http://192.0.2.7:3900", None))


if __name__ == "__main__":
    unittest.main()
