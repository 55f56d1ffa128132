"""The customer's account at Amazon, behind Amazon's own names: what stands there, and what only its owner can do.

Nothing of a package is replaced for it. The bench's resolver answers every name below `amazonaws.com` with one
container, whose certificate is of the bench's public authority: who trusts the web's speaks to it as to Amazon.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import authority, images, server
from .engine import docker
from .names import ACCOUNT, AMAZON, SERVER
from .network import open_port, participate, remove
from .shell import wait_for

REGION = "eu-west-1"
#: What stands for Session Manager, on each of the three machines that have a part in it.
SESSION_MANAGER = Path(__file__).resolve().parent / "contexts" / "account" / "session_manager.py"
#: The names of services: of all regions, of this one's, and of its buckets.
SERVED = (AMAZON, f"*.{AMAZON}", f"*.{REGION}.{AMAZON}", f"*.s3.{REGION}.{AMAZON}")

# Runs beside the account; what follows leaves its answer in `answer`.
ASK = """
import boto3, hashlib, json, sys, urllib.request, ssl, warnings
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
endpoint, (access, secret) = "https://127.0.0.1", given["key"]
def of(service):
    return boto3.client(service, endpoint_url=endpoint, region_name=given["region"], verify=False,
                        aws_access_key_id=access, aws_secret_access_key=secret)
"""
ANSWER = "\njson.dump(answer, sys.stdout, default=str)\n"
OPEN = """
iam = of("iam")
every = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
iam.create_user(UserName="architect")
iam.put_user_policy(UserName="architect", PolicyName="everything", PolicyDocument=json.dumps(every))
key = iam.create_access_key(UserName="architect")["AccessKey"]
answer = [key["AccessKeyId"], key["SecretAccessKey"]]
"""
KEY_OF = """
key = of("iam").create_access_key(UserName=given["user"])["AccessKey"]
answer = [key["AccessKeyId"], key["SecretAccessKey"]]
"""
MACHINES = """
ec2 = of("ec2")
keys = {one["KeyName"]: one["PublicKey"] for one in ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]}
disks = {one["VolumeId"]: one for one in ec2.describe_volumes()["Volumes"]}
groups = {one["GroupId"]: one for one in ec2.describe_security_groups()["SecurityGroups"]}
answer = []
for reservation in ec2.describe_instances()["Reservations"]:
    for one in reservation["Instances"]:
        attached = {mapping["DeviceName"]: mapping["Ebs"]["VolumeId"] for mapping in one["BlockDeviceMappings"]}
        answer.append({
            "id": one["InstanceId"],
            "state": one["State"]["Name"],
            "image": one["ImageId"],
            "address": one.get("PublicIpAddress"),
            "key": keys[one["KeyName"]],
            "tokens": one["MetadataOptions"]["HttpTokens"],
            "root": one["RootDeviceName"],
            "disks": {device: [id, disks[id]["Size"], disks[id]["Encrypted"]] for device, id in attached.items()},
            "open": sorted(
                [rule["FromPort"], source.get("CidrIp") or source["CidrIpv6"]]
                for group in one["SecurityGroups"]
                for rule in groups[group["GroupId"]]["IpPermissions"]
                for source in [*rule["IpRanges"], *rule["Ipv6Ranges"]]
            ),
        })
"""
BUCKETS = """
answer = [one["Name"] for one in of("s3").list_buckets()["Buckets"]]
"""
BUCKET = """
s3, name = of("s3"), given["bucket"]
encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
answer = {
    "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
    "encryption": [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in encryption],
    "closed": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
    "policy": json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]),
    "unfinished": len(s3.list_multipart_uploads(Bucket=name).get("Uploads", [])),
}
"""
OBJECTS = """
s3, name = of("s3"), given["bucket"]
answer = {}
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
    for listed in page.get("Contents", []):
        there = s3.get_object(Bucket=name, Key=listed["Key"])
        body = there["Body"].read()
        answer[listed["Key"]] = {
            "size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "content_type": there["ContentType"],
            # Header bytes come as Latin-1.
            "metadata": {name: text.encode("latin-1").decode() for name, text in there["Metadata"].items()},
        }
"""
CLOSE = """
unchecked = ssl._create_unverified_context()
closing = urllib.request.Request(endpoint + "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST")
urllib.request.urlopen(closing, context=unchecked).close()
answer = None
"""
# As anybody's client would, through the name that the world knows.
TRY = """
from botocore.exceptions import ClientError
calls = {
    "head": lambda s3: s3.head_bucket(Bucket=given["bucket"]),
    "list": lambda s3: s3.list_objects_v2(Bucket=given["bucket"]),
    "policy": lambda s3: s3.get_bucket_policy(Bucket=given["bucket"]),
    "open": lambda s3: s3.delete_public_access_block(Bucket=given["bucket"]),
    "other": lambda s3: s3.create_bucket(Bucket="another-bucket"),
    "users": lambda s3: of("iam").list_users(),
}
answer = {}
for name, call in calls.items():
    try:
        call(of("s3"))
        answer[name] = 200
    except ClientError as error:
        answer[name] = error.response["ResponseMetadata"]["HTTPStatusCode"]
"""


@dataclass(frozen=True)
class Account:
    """An account that is in use, and the key of who owns it."""

    #: Access key and secret key of the administrator.
    key: list[str]

    @classmethod
    def start(cls) -> Account:
        """A new account, with an administrator and nothing else."""
        remove(ACCOUNT)
        own = authority.issue("public", *SERVED)
        tls = ["--volume", f"{own.certificate}:/tls.crt:ro", "--volume", f"{own.key}:/tls.key:ro"]
        docker(*participate(ACCOUNT, *tls, "--env", f"ADDRESS={SERVER.address}"), images.image("account"))
        wait_for("the account", lambda: open_port(ACCOUNT.address, 443), 60)
        return cls(cls(["nobody", "nobody"]).ask(OPEN))

    def ask(self, code: str, **given: Any) -> Any:
        """What the account says, asked by its administrator, or by whoever's `key` is given."""
        words = ["exec", "--interactive", ACCOUNT.container, "/opt/moto/bin/python3", "-c", ASK + code + ANSWER]
        about = {"key": self.key, "region": REGION, **given}
        return json.loads(docker(*words, stdin=json.dumps(about).encode()))

    def serve_sessions(self, instance: str) -> None:
        """Session Manager from now on, and the agent on the machine that has this id."""
        agent = "/usr/local/sbin/agent"
        docker("exec", "--detach", ACCOUNT.container, "python3", "/opt/account/session_manager.py", "serve")
        docker("cp", SESSION_MANAGER, f"{SERVER.container}:{agent}")
        docker("exec", "--detach", SERVER.container, agent, "wait", f"ssmmessages.{REGION}.{AMAZON}", instance)

    def prints(self, text: str) -> None:
        """What the machine's console has shown so far."""
        server.inside("sh", "-c", "cat >/console", place=ACCOUNT, stdin=text.encode())

    def machines(self) -> list[dict[str, Any]]:
        """Every machine that was ever asked for, with its disks and what reaches it."""
        found: list[dict[str, Any]] = self.ask(MACHINES)
        return found

    def buckets(self) -> list[str]:
        """The names of the buckets."""
        found: list[str] = self.ask(BUCKETS)
        return found

    def bucket(self, name: str) -> dict[str, Any]:
        """How a bucket is set up."""
        found: dict[str, Any] = self.ask(BUCKET, bucket=name)
        return found

    def objects(self, name: str) -> dict[str, dict[str, Any]]:
        """What a bucket holds, by key."""
        found: dict[str, dict[str, Any]] = self.ask(OBJECTS, bucket=name)
        return found

    def make_key(self, user: str) -> list[str]:
        """A new access key of a user, as `aws iam create-access-key` makes it."""
        found: list[str] = self.ask(KEY_OF, user=user)
        return found

    def tries(self, key: list[str], bucket: str) -> dict[str, int]:
        """How calls of every kind end for whoever has this key."""
        found: dict[str, int] = self.ask(TRY, key=key, bucket=bucket)
        return found

    def check_everybody(self) -> None:
        """From now on each request must be signed, and allowed by IAM; before, whoever asked was answered."""
        self.ask(CLOSE)
