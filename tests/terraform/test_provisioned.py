"""`./migrate provision` with the real Terraform, its real provider, the real module and Ansible itself, against moto.

Everything is the package's but what stands for AWS: moto (the bench's `account.py` says where it is mended), the
override file that leads there, and the programs of Session Manager, which only tell their versions. Told in order.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import unittest
from pathlib import Path
from typing import Any

from account import client, endpoints, start_moto, where_providers_are
from workshop import HERE, IN_GO, MODULE

sys.path.insert(0, str(HERE.parent / "controller"))

from fixture import TEMPLATES, Package, Story  # noqa: E402

ANSIBLE = "infrastructure/ansible"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stufpack"
#: The linters' Python has Ansible, this one has boto3 and runs the modules; a package's own has both.
PLAYBOOK = CACHE / "python-judges/bin/ansible-playbook"
DEBIAN = "ami-0d13202611010000a"
KEYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
CONSOLE = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEYS} root@ip\n-----END SSH HOST KEY KEYS-----\n"
STEPS = ("check-account", "init-terraform", "show-plan", "apply-plan", "write-inventory", "archive-state")


def case(name: str) -> dict[str, Any]:
    """The values of a case."""
    return json.loads((HERE / f"cases/{name}.tfvars.json").read_text())


class Provisioned(Story):
    """An account of AWS, empty at first, and a package whose target is made there."""

    def setUp(self) -> None:
        super().setUp()
        self.assertTrue(PLAYBOOK.exists(), f"{PLAYBOOK} is missing; next: tools/install terraform")
        self.assertIsNotNone(shutil.which("terraform"), "terraform 1.11 or newer is needed on PATH")
        self.console = self.home / "console"
        self.console.write_text("[    0.0] booting\n")
        self.endpoint = start_moto(self, self.console)
        own = self.state / "local/terraform/endpoints_override.tf"
        own.parent.mkdir(parents=True)
        own.write_text(endpoints(self.endpoint))
        for name, version in (("aws", "aws-cli/2.0.0 Python/3.13.5"), ("session-manager-plugin", "1.2.764.0")):
            program = self.home / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/sh\necho {version}\n")
            program.chmod(0o755)
        self.environment = {
            "PATH": f"{self.home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_CLI_CONFIG_FILE": str(where_providers_are(self.home / "terraformrc")),
            # Neither may reach Terraform.
            "TF_VAR_instance_type": "t3.nano", "TF_CLI_ARGS_plan": "-destroy",
            **IN_GO,
        }  # fmt: skip

    def provisioning(self, folder: str, number: int, **values: Any) -> Package:
        """A package for these values, with everything of the real one that provision uses."""
        package = self.package(folder, number).provisions()
        shutil.rmtree(package.root / ANSIBLE)
        shutil.copytree(TEMPLATES / ANSIBLE, package.root / ANSIBLE, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        shutil.rmtree(package.root / "infrastructure/terraform")
        shutil.copytree(MODULE, package.root / "infrastructure/terraform", ignore=shutil.ignore_patterns(".terraform"))
        package.write("infrastructure/terraform/terraform.tfvars.json", json.dumps(values))
        package.shell("chmod -R go-w . && find . -type d -empty -delete")
        self.with_tools(package.seal())
        tool = next(self.state.glob("venv/*/bin/ansible-playbook"))
        extra = f"-e ansible_python_interpreter={sys.executable} -e terraform_host_keys_seconds=0"
        tool.write_text(f'#!/bin/sh\n[ "$1" = --version ] || exec {PLAYBOOK} {extra} "$@"\n')
        return package

    def aws(self, service: str) -> Any:
        """Another client than the one under test."""
        return client(self.endpoint, service)

    def server(self) -> dict[str, Any]:
        """The one machine, as AWS tells of it."""
        (reservation,) = self.aws("ec2").describe_instances()["Reservations"]
        (found,) = reservation["Instances"]
        return found

    def all_is_made_and_a_second_time_changes_nothing(self, values: dict[str, Any]) -> Package:
        """The whole way to a machine."""
        package = self.provisioning("package", 1, **values)
        with self.subTest("a plan is shown, and nothing is made before it is approved"):
            run = self.exits(12, package, "provision", says="error[gate.closed]")
            self.assertRegex(run.stdout, r"\+\d\d made, ~0 changed, -0 destroyed: ")
            self.assertEqual(self.aws("ec2").describe_instances()["Reservations"], [])
            self.assertEqual(self.aws("s3").list_buckets()["Buckets"], [])
            text = (self.state / "packages/1/terraform/plan.txt").read_text()
            self.assertIn("# aws_instance.server will be created", text)
            self.assertNotIn("terraform apply", text)
        with self.subTest("host keys that do not come are told with the way by hand; what was made stays made"):
            self.exits(0, package, "approve", "provision", "--by", "Ada")
            run = self.exits(11, package, "provision", says="paused[step.paused]")
            self.assertIn("aws ssm start-session --region eu-west-1 --target i-", run.stdout)
            instance = self.server()["InstanceId"]
        with self.subTest("once they are shown, they are pinned"):
            self.console.write_text(CONSOLE)
            run = self.exits(0, package, "provision")
            self.assertRegex(run.stdout, r"(?m)^provision/apply-plan +done earlier$")
            (address,) = self.aws("ec2").describe_addresses()["Addresses"]
            inventory = self.state / "inventory/target"
            self.assertEqual((inventory / "known_hosts").read_text(), f"{address['PublicIp']} {KEYS}\n")
            host = json.loads((inventory / "hosts.json").read_text())["stuf"]["hosts"]["target"]
            self.assertEqual((host["ansible_host"], host["instance_id"]), (address["PublicIp"], instance))
            self.assertEqual(address["InstanceId"], instance)
        with self.subTest("the key of the storage is to be made by hand"):
            user = "stuf-acme-staging-api"
            self.assertIn(f"aws iam create-access-key --user-name {user}", run.stdout)
            self.assertEqual(self.aws("iam").list_access_keys(UserName=user)["AccessKeyMetadata"], [])
            secret = self.aws("iam").create_access_key(UserName=user)["AccessKey"]["SecretAccessKey"]
        with self.subTest("a second time there is nothing to approve, and nothing changes"):
            (self.state / "approve-provision").unlink()
            run = self.migrate(package, "provision")
            self.assertEqual(run.returncode, 0, (self.state / "packages/1/terraform/plan.txt").read_text())
            self.assertIn("nothing is to be made, changed or destroyed", run.stdout)
            self.assertIn("provision finished: 0 changes", run.stdout)
            self.assertEqual(self.server()["InstanceId"], instance)
        with self.subTest("and no state knows the key"):
            for path in self.state.rglob("*"):
                if path.is_file() and path.suffix in (".tfstate", ".json", ".txt", ".log"):
                    self.assertNotIn(secret, path.read_text(errors="replace"), path)
        return package


class Least(Provisioned):
    def test_ten_lines_become_a_machine_by_the_very_plan_that_was_approved(self) -> None:
        with self.subTest("credentials of another account are refused before anything is planned"):
            wrong = self.provisioning("wrong", 9, **case("ten-lines"), account_id="999999999999")
            run = self.exits(12, wrong, "provision", says="error[step.refused]")
            self.assertIn("are of account 123456789012, and the target names 999999999999", run.stdout)
            self.assertFalse((self.state / "terraform/code/main.tf").exists())
            shutil.rmtree(self.state / "packages/9")
        package = self.all_is_made_and_a_second_time_changes_nothing(case("ten-lines"))
        server = self.server()
        with self.subTest("it is Debian's, closed, and as large as the target says"):
            self.assertEqual((server["ImageId"], server["InstanceType"]), (DEBIAN, "t3.large"))
            self.assertEqual(server["MetadataOptions"]["HttpTokens"], "required")
            (group,) = server["SecurityGroups"]
            rules = self.aws("ec2").describe_security_group_rules(
                Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}]
            )
            found = {(rule["IsEgress"], rule["FromPort"]) for rule in rules["SecurityGroupRules"]}
            self.assertEqual(found, {(False, 80), (False, 443), (True, 80), (True, 443), (True, 587)})
        with self.subTest("the state is archived with each run, and nobody else can read any of it"):
            archived = sorted(path.name for path in (self.state / "terraform/archive").iterdir())
            self.assertEqual(archived, [f"1-{run}.tfstate" for run in (3, 4)])
            modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (self.state / "terraform").rglob("*.tf*")}
            self.assertEqual(modes, {0})
        with self.subTest("a machine that was left switched off is started, once that is approved"):
            self.aws("ec2").stop_instances(InstanceIds=[server["InstanceId"]])
            run = self.exits(12, package, "provision", says="error[gate.closed]")
            self.assertIn("+0 made, ~1 changed, -0 destroyed: ", run.stdout)
            self.assertEqual(self.server()["State"]["Name"], "stopped")
            self.exits(0, package, "approve", "provision", "--by", "Ada")
            self.exits(0, package, "provision")
            self.assertEqual(self.server()["State"]["Name"], "running")
        with self.subTest("another machine at that address is refused"):
            self.console.write_text(CONSOLE.replace("IKqa", "IKqb"))
            run = self.exits(12, package, "provision", says="error[step.refused]")
            self.assertIn("shows other host keys than those that are pinned for it", run.stdout)
            self.assertIn(KEYS, (self.state / "inventory/target/known_hosts").read_text())
        with self.subTest("what would make the machine anew says so, and keeps its gate closed"):
            again = self.provisioning("again", 2, **case("ten-lines") | {"slug": "acme-two"})
            run = self.exits(12, again, "provision", says="IT TAKES AWAY, with what is in it: ")
            self.assertIn("TAKEN AWAY, with what is in it: aws_instance.server (made anew)", run.stdout)
            self.assertEqual(self.server()["InstanceId"], server["InstanceId"])


class Most(Provisioned):
    def test_every_option_is_made_and_a_second_time_changes_nothing(self) -> None:
        zone = self.aws("route53").create_hosted_zone(Name="acme.example", CallerReference="test")["HostedZone"]["Id"]
        # moto does not tell whom a budget tells (DescribeSubscribersForNotification), so there is none.
        values = case("everything") | {"dns_zone_id": zone.rpartition("/")[2], "budget_monthly_usd": 0}
        package = self.all_is_made_and_a_second_time_changes_nothing(values | {"ssh_cidrs": []})
        records = self.aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        (record,) = (record for record in records if record["Type"] == "A")
        address = self.aws("ec2").describe_addresses()["Addresses"][0]["PublicIp"]
        self.assertEqual((record["Name"], record["ResourceRecords"]), ("files.acme.example.", [{"Value": address}]))
        alarms = {alarm["AlarmName"] for alarm in self.aws("cloudwatch").describe_alarms()["MetricAlarms"]}
        wanted = ("server-unreachable", "server-busy", "database-full")
        self.assertEqual(alarms, {f"stuf-acme-staging-{what}" for what in wanted})
        self.assert_database(package)

    def assert_database(self, package: Package) -> None:
        """It is closed, and its administrator's password stands nowhere; what is printed says where one gets it."""
        (made,) = self.aws("rds").describe_db_instances()["DBInstances"]
        found = {name: made[name] for name in ("DeletionProtection", "StorageEncrypted", "PubliclyAccessible")}
        self.assertEqual(found, {"DeletionProtection": True, "StorageEncrypted": True, "PubliclyAccessible": False})
        secret = made["MasterUserSecret"]["SecretArn"]
        given = json.loads(self.aws("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        run = self.exits(0, package, "provision")
        self.assertIn(f"--secret-id '{secret}'", run.stdout)
        for path in self.state.rglob("*"):
            if path.is_file() and path.suffix in (".tfstate", ".json", ".txt", ".log"):
                self.assertNotIn(given["password"], path.read_text(errors="replace"), path)
        hosts = json.loads((self.state / "inventory/target/hosts.json").read_text())
        endpoint = made["Endpoint"]
        wanted = {"host": endpoint["Address"], "port": endpoint["Port"], "name": "keycloak", "user": "stuf"}
        self.assertEqual(hosts["stuf"]["hosts"]["target"]["database"], wanted)


if __name__ == "__main__":
    unittest.main()
