"""The source kit's storage verbs between it and moto, which checks signatures and asks IAM who may do what."""

from __future__ import annotations

import datetime
import json
import ssl
import sys
import time
import unittest
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from stores import encrypted_moto

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "source_kit"), str(TESTS.parent / "templates/infrastructure/ansible/roles/content/files")]
from kit import MachineTest, example  # noqa: E402 (after the path)
from stuf_content import configuration  # noqa: E402 (as above)

#: What the kit's README tells the operator to allow, and nothing more.
README = (TESTS.parent / "templates/kit/source/README.md").read_text()
RIGHTS = README.partition("```json kit\n")[2].partition("```")[0]
READERS = README.partition("```json readers\n")[2].partition("```")[0]
OWN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Own",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::BUCKET/closed/*",
        }
    ],
}
ANYONE = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
numbers = iter(range(1, 1000))


def allow(who: dict[str, str], bucket: str) -> dict[str, str]:
    """A user with these rights; its key."""
    iam = client("iam", ANYONE)
    name = f"user-{next(numbers)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(who).replace("BUCKET", bucket))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def client(service: str, key: dict[str, str]):
    """Another client than the one under test."""
    server = encrypted_moto().server
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    return boto3.client(
        service, endpoint_url=server.endpoint, region_name="eu-west-1", verify=server.authority, config=config, **key
    )


def closing(anyone_until: int) -> None:
    """From now on moto checks keys; a large number lets everyone in again."""
    server = encrypted_moto().server
    address = f"{server.endpoint}/moto-api/reset-auth"
    asked = urllib.request.Request(address, str(anyone_until).encode(), {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=server.authority)).close()


class StorageVerbs(MachineTest):
    def setUp(self) -> None:
        super().setUp()
        self.bucket = f"kit-{next(numbers)}"
        closing(1_000_000)
        client("s3", ANYONE).create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        # moto looks at the actions of IAM and not at whose user they are about, nor at who has which boundary
        # (tests/source_kit/test_rights.py).
        rights = json.loads(RIGHTS.replace("arn:aws:iam::ACCOUNT:user/stuf-source/*", "*"))
        readers = READERS.replace("BUCKET", self.bucket).replace("REGION", "eu-west-1")
        bound = client("iam", ANYONE).create_policy(PolicyName=f"readers-{self.bucket}", PolicyDocument=readers)
        kit = allow(rights, self.bucket)
        everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        self.user = client("s3", allow({"Version": "2012-10-17", "Statement": everything}, self.bucket))
        self.iam = client("iam", allow({"Version": "2012-10-17", "Statement": everything}, self.bucket))
        closing(0)
        for name, value in zip(("access_key_file", "secret_key_file"), kit.values(), strict=True):
            (self.root / name).write_text(value + "\n")
        files = {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        there = encrypted_moto()
        where = {"endpoint": there.server.endpoint, "iam_endpoint": there.server.endpoint, "ca": there.authority}
        where |= {"readers_boundary": bound["Policy"]["Arn"]}
        self.settle(storage=example()["storage"] | files | where | {"bucket": self.bucket})
        self.user.put_object(Bucket=self.bucket, Key="a//b", Body=b"bytes")

    def refused(self, call, **words) -> None:
        """A call that the store must refuse."""
        with self.assertRaises(ClientError) as error:
            call(Bucket=self.bucket, **words)
        self.assertIn(error.exception.response["ResponseMetadata"]["HTTPStatusCode"], (401, 403))

    def issue(self, **time: int) -> dict:
        """A credential for reading."""
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(**time)
        return self.does("issue", "source-read", "until", f"{ends:%Y-%m-%dT%H:%M:%SZ}")

    @staticmethod
    def reader(credential: dict):
        """The store as the credential opens it."""
        storage = credential["storage"]
        key = {"aws_access_key_id": storage["access_key_id"], "aws_secret_access_key": storage["secret_access_key"]}
        return client("s3", key)

    def test_a_storage_key_reads_and_nothing_else_and_its_right_has_an_end_of_its_own(self) -> None:
        credential = self.issue(days=2)
        storage = credential["storage"]
        self.assertEqual((credential["schema"], credential["kind"], storage["provider"]), (1, "source-read", "aws-s3"))
        self.assertEqual((storage["bucket"], storage["ca"]), (self.bucket, encrypted_moto().authority))
        with self.subTest("and is what the content program reads"):
            file = self.root / "source_read"
            file.write_text(json.dumps(credential))
            file.chmod(0o600)
            known = configuration.credential(file)
            self.assertEqual((known.installation, known.place.bucket), ("example.stuf.pyx.io", self.bucket))
        reader = self.reader(credential)
        self.assertEqual(reader.get_object(Bucket=self.bucket, Key="a//b")["Body"].read(), b"bytes")
        self.assertEqual(reader.list_objects_v2(Bucket=self.bucket)["KeyCount"], 1)
        self.refused(reader.put_object, Key="x", Body=b"")
        self.refused(reader.delete_object, Key="a//b")
        self.refused(reader.put_bucket_policy, Policy=json.dumps(OWN))
        name = f"stuf-source-{self.does('status')['credentials'][0]['id']}"
        policy = self.iam.get_user_policy(UserName=name, PolicyName="read-one-bucket")["PolicyDocument"]
        ends = {"DateLessThan": {"aws:CurrentTime": credential["ends_at"]}}
        arn = f"arn:aws:s3:::{self.bucket}"
        # moto judges neither conditions nor keys of KMS; that the store itself refuses after the end, and decrypts
        # for whoever reads in this bucket, is AWS's to do.
        through = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
        allowed = (
            (["s3:ListBucket", "s3:GetBucketLocation"], arn, ends),
            (["s3:GetObject", "s3:GetObjectTagging"], f"{arn}/*", ends),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:*:key/*", ends | through),
        )
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition}
            for actions, resource, condition in allowed
        ]
        self.assertEqual(policy, {"Version": "2012-10-17", "Statement": statements})
        self.assertEqual(self.iam.get_user(UserName=name)["User"]["Path"], "/stuf-source/")

    def test_revoked_and_ended_keys_are_gone_from_the_store(self) -> None:
        first, second = self.issue(days=1), self.issue(seconds=2)
        identifiers = {one["ends_at"]: one["id"] for one in self.does("status")["credentials"]}
        self.does("revoke", identifiers[first["ends_at"]])
        self.refused(self.reader(first).get_object, Key="a//b")
        self.assertEqual(self.reader(second).list_objects_v2(Bucket=self.bucket)["KeyCount"], 1)
        ends = datetime.datetime.fromisoformat(second["ends_at"])
        while datetime.datetime.now(datetime.UTC) < ends:
            time.sleep(0.1)
        code, _, told = self.by_root("watch")
        self.assertEqual((code, told), (0, f"ended: {identifiers[second['ends_at']]}\n"))
        self.refused(self.reader(second).get_object, Key="a//b")
        self.assertEqual(self.does("status")["credentials"], [])
        left = {user["UserName"] for user in self.iam.list_users(PathPrefix="/stuf-source/")["Users"]}
        self.assertEqual(left & {f"stuf-source-{name}" for name in identifiers.values()}, set())

    def test_a_frozen_bucket_refuses_everyone_s_writes_and_gets_its_own_policy_back(self) -> None:
        for before in (None, json.loads(json.dumps(OWN).replace("BUCKET", self.bucket))):
            if before:
                self.user.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(before))
            self.assertEqual(self.does("freeze")["seen"]["bucket"], "read-only")
            self.refused(self.user.put_object, Key="late", Body=b"")
            self.refused(self.user.delete_object, Key="a//b")
            self.assertEqual(self.user.get_object(Bucket=self.bucket, Key="a//b")["Body"].read(), b"bytes")
            self.assertEqual(self.does("unfreeze")["seen"]["bucket"], "open")
            self.user.put_object(Bucket=self.bucket, Key="later", Body=b"")
            if before:
                found = json.loads(self.user.get_bucket_policy(Bucket=self.bucket)["Policy"])
                self.assertEqual(found, before)
                self.refused(self.user.put_object, Key="closed/x", Body=b"")
            else:
                with self.assertRaises(ClientError):
                    self.user.get_bucket_policy(Bucket=self.bucket)

    def test_a_key_of_the_kit_that_may_not_is_told_and_nothing_is_left(self) -> None:
        (self.root / "secret_key_file").write_text("another secret key of the same length....")
        code, said, told = self.by_root("issue", "source-read", "until", "2999-01-01T00:00:00Z")
        self.assertEqual((code, said), (12, ""), told)
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        code, said, told = self.by_root("issue", "source-read", "until", f"{ends:%Y-%m-%dT%H:%M:%SZ}")
        self.assertEqual((code, said), (1, ""), told)
        self.assertNotIn("another secret", told)
        self.assertEqual(self.places.authorized_keys.read_text(), "")


if __name__ == "__main__":
    unittest.main()
