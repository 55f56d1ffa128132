"""`ci-cd/plan-terraform` of a package, with the real Terraform, its real provider and the real module, against moto.

The state is in a bucket, by the package's own `backends/s3.tf`; AWS lends a role for a token, as the pipelines have it.
It is a story, told in order: what is planned in an empty account is made, and planned again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from account import client, endpoints, start_moto, where_providers_are
from workshop import HERE, IN_GO, MODULE, Terraform

SHIPPED = HERE.parents[1] / "templates/ci-cd/aws"
STATE = ("states", "stuf/terraform.tfstate")
BACKEND = f"""bucket = "{STATE[0]}"
key = "{STATE[1]}"
region = "eu-west-1"
use_path_style = true
"""
#: What calls are called as rights of IAM, where they are not called the same.
RIGHTS = {
    "S3": {
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration", "GetBucketCors": "GetBucketCORS",
        "GetBucketEncryption": "GetEncryptionConfiguration", "HeadBucket": "ListBucket",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration", "ListObjectsV2": "ListBucket",
        "GetBucketReplication": "GetReplicationConfiguration", "HeadObject": "GetObject",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    },
}  # fmt: skip
SERVICES = {"CloudWatch": "cloudwatch", "CloudWatch Logs": "logs", "Route 53": "route53"}
#: Nobody needs to be allowed these.
FREE = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}
#: moto knows too little of budgets to plan one; the machine types of the ten-line target ask for credits.
UNMEASURED = {"budgets:ViewBudget", "budgets:ListTagsForResource", "ec2:DescribeInstanceCreditSpecifications"}
#: IAM knows no resource of these (the Service Authorization Reference has none in their rows): allowed at a named one,
#: they are denied.
PLACELESS = re.compile(
    r"ec2:Describe(?!InstanceAttribute|VpcAttribute)\w+|logs:DescribeLogGroups|route53:ListHostedZones|"
    "sns:GetSubscriptionAttributes"
)
COMMENT = ("### What Terraform", "Package: ", "To be made: ", "Taken away, with", "The plan. What", "Nothing is to be")


def allowed() -> dict[str, set[str]]:
    """What `plan-role.json` allows, and where."""
    found: dict[str, set[str]] = {}
    for statement in json.loads((SHIPPED / "plan-role.json").read_text())["Statement"]:
        actions, places = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            found.setdefault(action, set()).update([places] if isinstance(places, str) else places)
    return found


class Role(unittest.TestCase):
    """The role by itself, as IAM reads it."""

    def test_it_only_allows_and_only_what_reads(self) -> None:
        for statement in json.loads((SHIPPED / "plan-role.json").read_text())["Statement"]:
            self.assertEqual(statement["Effect"], "Allow")
        for action in allowed():
            self.assertRegex(action, r"^[a-z0-9]+:(Describe|Get|List|View)\w+$")
        # No upload can be read, nor anything else that an object holds.
        self.assertEqual(allowed()["s3:GetObject"], {"arn:aws:s3:::STATE-BUCKET/STATE-KEY"})

    def test_what_has_no_resource_is_allowed_at_all_of_them(self) -> None:
        placeless = {action: places for action, places in allowed().items() if PLACELESS.fullmatch(action)}
        self.assertGreater(len(placeless), 20)
        self.assertEqual({action: places for action, places in placeless.items() if "*" not in places}, {})


class Glass(unittest.TestCase):
    """A glass whose package sets every option that a target can, and an account that is empty at first."""

    def setUp(self) -> None:
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.home / "console").write_text("")
        self.endpoint = start_moto(self, self.home / "console")
        self.s3 = client(self.endpoint, "s3")
        self.s3.create_bucket(Bucket=STATE[0], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.put_bucket_versioning(Bucket=STATE[0], VersioningConfiguration={"Status": "Enabled"})
        route53 = client(self.endpoint, "route53")
        zone = route53.create_hosted_zone(Name="acme.example", CallerReference="test")["HostedZone"]["Id"]
        everything = json.loads((HERE / "cases/everything.tfvars.json").read_text())
        # moto does not tell whom a budget tells.
        left_out = {"budget_monthly_usd": 0, "dns_zone_id": zone.rpartition("/")[2]}
        self.values: dict[str, Any] = everything | left_out

        self.clone, self.own, self.temporary = self.home / "glass", self.home / "own", self.home / "tmp"
        for folder in (self.clone, self.own, self.temporary, self.home / "bin"):
            folder.mkdir()
        shutil.copy(MODULE / "backends/s3.tf", self.own / "backend_override.tf")
        where = ", ".join(f'{service} = "{self.endpoint}"' for service in ("s3", "sts"))
        (self.own / "backend.tfbackend").write_text(f"{BACKEND}endpoints = {{ {where} }}\n")
        # Without keys: the role is lent.
        lines = endpoints(self.endpoint).splitlines()
        override = "\n".join(line for line in lines if "_key " not in line)
        (self.own / "endpoints_override.tf").write_text(override + "\n")
        (self.home / "identity").write_text("a.token.of-nobody")
        real = shutil.which("terraform")
        self.assertIsNotNone(real, "terraform 1.11 or newer is needed on PATH")
        # Between the script and Terraform, to write down what AWS is asked for.
        shim = self.home / "bin/terraform"
        shim.write_text(f'#!/bin/sh\nTF_LOG=DEBUG TF_LOG_PATH="{self.home}/log" exec {real} "$@"\n')
        shim.chmod(0o755)
        self.environment = {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}", "HOME": str(self.home), "TMPDIR": str(self.temporary),
            "TF_CLI_CONFIG_FILE": str(where_providers_are(self.home / "terraformrc")),
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/stuf-plan", "AWS_ROLE_SESSION_NAME": "stuf-plan-1",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.home / "identity"),
            # None of these may reach Terraform.
            "TF_VAR_instance_type": "t3.nano", "TF_CLI_ARGS_plan": "-destroy", "TF_WORKSPACE": "other",
            **IN_GO,
        }  # fmt: skip
        self.git("init", "--quiet", "--initial-branch=main")
        shutil.copytree(MODULE, self.clone / "infrastructure/terraform", ignore=shutil.ignore_patterns(".terraform"))
        manifest = '{\n  "package": {\n    "name": "acme-production-1",\n    "number": 1\n  }\n}\n'
        (self.clone / "manifest.json").write_text(manifest)

    def git(self, *words: str) -> str:
        """Runs git in the glass."""
        command = ["git", "-c", "user.name=issuer/tests", "-c", "user.email=issuer/tests", *words]
        return subprocess.run(command, cwd=self.clone, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def commit(self, **values: Any) -> str:
        """Records the Terraform that stands in the glass's folder, with these values changed."""
        path = self.clone / "infrastructure/terraform/terraform.tfvars.json"
        path.write_text(json.dumps(self.values | values))
        self.git("add", ".")
        self.git("commit", "--quiet", "--message=State")
        # What lies in the folder is never planned.
        path.write_text("{}")
        return self.git("rev-parse", "HEAD")

    def run_script(self, commit: str, own: Path) -> subprocess.CompletedProcess[str]:
        """Runs the script as a pipeline does; it leaves nothing behind."""
        done = subprocess.run(
            ["sh", SHIPPED / "plan-terraform", self.clone, commit, own],
            cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(list(self.temporary.iterdir()), [])
        return done

    def refused(self, commit: str, own: Path) -> str:
        """Why nothing was planned."""
        done = self.run_script(commit, own)
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stderr


class Planned(Glass):
    """What a reviewer reads of it."""

    def planned(self, commit: str) -> str:
        """The comment; no value gets out of its blocks."""
        done = self.run_script(commit, self.own)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        head = f"### What Terraform would do for the glass at {commit[:12]}\n\nPackage: acme-production-1.\n\n"
        self.assertTrue(done.stdout.startswith(head), done.stdout)
        for line in done.stdout.splitlines():
            self.assertTrue(not line or line.startswith(("    ", *COMMENT)), line)
        return done.stdout.removeprefix(head)

    def make(self, commit: str) -> None:
        """Makes what a commit says, by Terraform itself."""
        terraform = Terraform(self.home)
        shutil.rmtree(terraform.folder)
        archive = subprocess.run(["git", "archive", commit], cwd=self.clone, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", self.home / "made"], input=archive, check=True)
        terraform.folder = self.home / "made/infrastructure/terraform"
        for override in self.own.glob("*_override.tf"):
            shutil.copy(override, terraform.folder)
        terraform.environment |= {name: text for name, text in self.environment.items() if name.startswith("AWS_")}
        terraform.init(f"-backend-config={self.own / 'backend.tfbackend'}")
        terraform.does("apply", "-auto-approve")

    def versions(self) -> list[str]:
        """Everything that ever stood in the state's bucket, locks included."""
        found = self.s3.list_object_versions(Bucket=STATE[0])
        return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in found.get(kind, ())]

    def test_a_reviewer_reads_what_would_be_made_changed_and_lost(self) -> None:
        first = self.commit()
        with self.subTest("in an empty account all is made, and nothing is written there"):
            said = self.planned(first)
            self.assertRegex(said, r"^To be made: 58\. To be changed: 0\. To be destroyed: 0\. ")
            self.assertIn("\n      # aws_instance.server will be created\n", said)
            self.assertIn('+ instance_type                        = "m7i.large"', said)
            self.assertNotIn("Taken away", said)
            self.assertEqual(self.versions(), [])
            self.assertEqual([one["Name"] for one in self.s3.list_buckets()["Buckets"]], [STATE[0]])
        (self.home / "made").mkdir()
        self.make(first)
        before = self.versions()
        self.assertIn(STATE[1], before)
        (self.home / "log").unlink()
        with self.subTest("once it is made, nothing is to be done"):
            self.assertEqual(self.planned(first), "Nothing is to be made, changed or destroyed.\n")
        with self.subTest("and the role's rights are what that asks for, no more"):
            self.assert_rights()
        # Each plan takes ten seconds: what does not hide each other is planned in one.
        rule = '"aws_vpc_security_group_egress_rule" "out" {\n  description = sensitive("not-to-be-seen")\n}\n'
        (self.own / "rule_override.tf").write_text(f"resource {rule}")
        said = self.planned(self.commit(noncurrent_version_days=60))
        (self.own / "rule_override.tf").unlink()
        with self.subTest("a changed value is shown as it changes"):
            self.assertRegex(said, r"^To be made: 0\. To be changed: 5\. To be destroyed: 0\. ")
            self.assertRegex(said, r"\n      +~ noncurrent_days +(.*)= 45 -> 60\n")
        with self.subTest("what is sensitive stays hidden, and what it belongs to is named"):
            self.assertEqual(said.count("(sensitive value)"), 4)
            self.assertNotIn("not-to-be-seen", said)
        self.take_away_the_disk()
        said = self.planned(self.commit(web_cidrs=["192.0.2.0/25"], slug="acme-two"))
        self.git("checkout", "--quiet", "--force", first)
        lost = said.split("Taken away, with what is in it:\n\n")[1].split("\n\n")[0].splitlines()
        with self.subTest("a package without the data disk takes it away: that is told before anything else"):
            self.assertIn("    destroyed: aws_ebs_volume.data", lost)
            self.assertIn('    destroyed: aws_vpc_security_group_ingress_rule.https["192.0.2.0/24"]', lost)
            self.assertLess(said.index("aws_ebs_volume.data"), said.index("The plan. "))
        with self.subTest("a server that is made anew is told there too"):
            self.assertIn("    made anew: aws_instance.server", lost)
        with self.subTest("what Terraform refuses is red, in its own words"):
            vpc = {"VPCRegion": "eu-west-1", "VPCId": "vpc-0123456789abcdef0"}
            made = client(self.endpoint, "route53").create_hosted_zone(
                Name="acme.example", CallerReference="private", HostedZoneConfig={"PrivateZone": True}, VPC=vpc
            )
            zone = made["HostedZone"]["Id"].rpartition("/")[2]
            said = self.refused(self.commit(bucket_name="another-bucket", dns_zone_id=zone), self.own)
            self.assertIn(f"Zone {zone} is private: nobody outside", " ".join(said.split()))
            # Which of the two comes first is Terraform's own affair.
            self.assertIn("not planned: Terraform could not plan\n| ", said)
            self.assertIn("\n| Instance cannot be destroyed: ", said)
            self.assertIn("aws_s3_bucket.uploads has lifecycle.prevent_destroy set", said)
        with self.subTest("none of that wrote into the state's bucket"):
            self.assertEqual(self.versions(), before)

    def take_away_the_disk(self) -> None:
        """Leaves the disk out of the module, as another version of a package might."""
        folder = self.clone / "infrastructure/terraform"
        text = (folder / "instance.tf").read_text()
        for kind in ("aws_ebs_volume", "aws_volume_attachment"):
            text, count = re.subn(rf'(?ms)^resource "{kind}" "data" \{{\n.*?^\}}\n', "", text)
            self.assertEqual(count, 1)
        (folder / "instance.tf").write_text(text)
        text, count = re.subn(r"data_device = .*", 'data_device = "none"', (folder / "outputs.tf").read_text())
        self.assertEqual(count, 1)
        (folder / "outputs.tf").write_text(text)

    def assert_rights(self) -> None:
        """`plan-role.json` allows what was just asked for."""
        asked = set()
        for line in (self.home / "log").read_text(errors="replace").splitlines():
            service = re.search(r'\brpc\.service="?([A-Z][A-Za-z0-9]+(?: [A-Za-z0-9]+)?)"? ', line + " ")
            method = re.search(r"\brpc\.method=(\w+)", line)
            if service and method:
                called = RIGHTS.get(service[1], {}).get(method[1], method[1])
                asked.add(f"{SERVICES.get(service[1], service[1].lower())}:{called}")
        self.assertGreater(len(asked), 50)
        self.assertEqual((asked - FREE) | UNMEASURED, set(allowed()))


class NotPlanned(Glass):
    """Why there is nothing to read."""

    def test_what_cannot_be_planned_is_told(self) -> None:
        commit = self.commit()
        with self.subTest("a state on somebody's machine is no failure"):
            for own in (self.home / "none", self.temporary):
                done = self.run_script(commit, own)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("\nNot planned: Terraform's state is a file on the Trust Architect's", done.stdout)
                self.assertEqual(len(done.stdout.splitlines()), 5)
            self.assertFalse((self.home / "log").exists(), "Terraform was not even called")
        with self.subTest("a place without its name is"):
            half = self.home / "half"
            half.mkdir()
            shutil.copy(self.own / "backend_override.tf", half)
            self.assertIn("by backend s3, and there is no backend.tfbackend", self.refused(commit, half))
        with self.subTest("a bucket that is not there is told by Terraform, behind a mark"):
            backend = self.own / "backend.tfbackend"
            backend.write_text(backend.read_text().replace("states", "no-such-bucket"))
            said = self.refused(commit, self.own)
            self.assertIn("not planned: Terraform could not be prepared\n| ", said)
            self.assertIn('S3 bucket "no-such-bucket" does not exist', said)
        with self.subTest("so are commits that are none, or hold no Terraform"):
            self.assertIn("is not a whole commit id", self.refused("main", self.own))
            self.git("rm", "--quiet", "-r", "--force", "infrastructure")
            self.git("commit", "--quiet", "--message=Other")
            self.assertIn("there is no Terraform in", self.refused(self.git("rev-parse", "HEAD"), self.own))


if __name__ == "__main__":
    unittest.main()
