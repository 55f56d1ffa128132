"""A state in a bucket, which is moto's: how it comes there and back, and what is typed after a run that was broken off.

The real Terraform, its built-in resource, and the commands that docs/operations.md and `provision` print.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from account import client, start_moto
from workshop import HERE, MODULE

sys.path.insert(0, str(HERE.parent / "ansible"))
from modules import module  # noqa: E402

made = module("stufpack_terraform")
StufError = module("stufpack_http").StufError
PAGE = HERE.parents[1] / "templates/docs/operations.md.jinja"
BUCKET, KEY = "states", "stuf/acme-production.tfstate"


class Kept(unittest.TestCase):
    """A package of one resource, a bucket for its state, and nothing made yet."""

    def setUp(self) -> None:
        self.state = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.state / "console").write_text("")
        self.endpoint = start_moto(self, self.state / "console")
        self.bucket = client(self.endpoint, "s3")
        self.bucket.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.package, self.own = self.state / "package", self.state / "local/terraform"
        for folder in (self.package / "backends", self.own, self.state / "packages/1/terraform"):
            folder.mkdir(parents=True)
        # Where people type, with a `./migrate` that only notes how it was called.
        self.folder = self.state / "unpacked"
        self.folder.mkdir()
        (self.folder / "migrate").write_text('#!/bin/sh\necho "$@" >>called\n')
        (self.folder / "migrate").chmod(0o700)
        shutil.copy(MODULE / "backend.tf", self.package)
        shutil.copy(MODULE / "backends/s3.tf", self.package / "backends")
        (self.package / "main.tf").write_text('resource "terraform_data" "one" {\n  input = "one"\n}\n')
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.state), "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        self.terraform = made.Terraform(self.state / "terraform", self.state / "packages/1/terraform", environment)
        self.terraform.code.mkdir(parents=True)

    def provision(self) -> dict[str, Any]:
        """What the steps of `provision` do before anything is applied; what the plan would do."""
        self.terraform.place(self.package, self.own)
        self.terraform.init(self.own)
        return self.terraform.plan(keep=True)

    def keep_in_the_bucket(self) -> None:
        """Says what operations.md has one say."""
        shutil.copy(self.package / "backends/s3.tf", self.own / "backend_override.tf")
        settings = {"bucket": BUCKET, "key": KEY, "region": "eu-west-1"}
        lines = [f'{name} = "{text}"\n' for name, text in settings.items()]
        # moto has no names below its own.
        (self.own / "backend.tfbackend").write_text("".join([*lines, "use_path_style = true\n"]))

    def types(self, script: str, status: int = 0) -> str:
        """Types a command in a package's folder, and answers yes; what was said."""
        environment = self.terraform.environment | {"CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            ["bash", "-euc", script], cwd=self.folder, env=environment, input="yes\n",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def called(self) -> list[str]:
        """How `./migrate` was called since this was asked last; it is there still."""
        self.assertTrue((self.folder / "migrate").exists())
        calls = self.folder / "called"
        found = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return found


class Moved(Kept):
    def moves(self, backend: str = "") -> None:
        """Types the block that moves a state, with another end where one is given, and answers yes."""
        block = re.search(r"```bash move\n(.*?)```", PAGE.read_text(), re.DOTALL)
        assert block is not None
        script = block[1].replace("{{ site.made.terraform|fenced }}", str(self.state / "terraform"))
        script = re.sub(r"-backend-config=\S+", backend, script) if backend else script
        self.assertNotIn("{{", script)
        self.types(script)

    def test_a_state_that_is_a_file_moves_to_a_bucket_and_back_and_nothing_is_made_twice(self) -> None:
        self.assertEqual(self.provision()["made"], 1)
        self.terraform.apply()
        file = self.state / "terraform/terraform.tfstate"
        # Terraform gives it another lineage when it moves it.
        before = json.loads(file.read_text())["resources"]

        self.keep_in_the_bucket()
        with self.subTest("provision stops before it shows a plan, and says why"):
            with self.assertRaisesRegex(StufError, "Backend configuration changed"):
                self.provision()
            self.assertNotIn("Contents", self.bucket.list_objects_v2(Bucket=BUCKET))
        with self.subTest("moved, it is the same state, and there is nothing to make"):
            self.moves()
            there = json.loads(self.bucket.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
            self.assertEqual(there["resources"], before)
            found = self.provision()
            self.assertEqual((found["made"], found["applies"]), (0, False))
            self.assertEqual(self.terraform.answers("state", "list").split(), ["terraform_data.one"])
        with self.subTest("and back"):
            for path in list(self.own.iterdir()):
                path.unlink()
            with self.assertRaisesRegex(StufError, "Backend configuration changed"):
                self.provision()
            back = re.search(r'"(-backend-config=path=\S+?)"\|code', PAGE.read_text())
            assert back is not None
            self.moves(back[1])
            self.assertEqual(json.loads(file.read_text())["resources"], before)
            self.assertEqual(self.provision()["made"], 0)


class BrokenOff(Kept):
    def setUp(self) -> None:
        super().setUp()
        self.keep_in_the_bucket()

    def has(self, command: str, more: str = "") -> None:
        """The package's resource, which runs a command once it is made."""
        run = f'  provisioner "local-exec" {{\n    command = {json.dumps(command)}\n  }}\n'
        (self.package / "main.tf").write_text(f'resource "terraform_data" "one" {{\n  count = 1\n{run}{more}}}\n')

    def locks(self) -> None:
        """Leaves a lock, as an apply does that cannot give it back."""
        lock = {"ID": "6f1ed0c5-93a4-5d33-2b0c-1d4c1c1e7d11", "Operation": "OperationTypeApply", "Who": "ada@here"}
        self.bucket.put_object(Bucket=BUCKET, Key=f"{KEY}.tflock", Body=json.dumps(lock).encode())

    def test_what_was_made_while_neither_state_nor_lock_could_be_written_is_known_again_once_it_is_typed(self) -> None:
        reset = f"web.Request('{self.endpoint}/moto-api/reset', method='POST')"
        self.has(f'{sys.executable} -c "import urllib.request as web; web.urlopen({reset})"')
        self.provision()
        with self.assertRaisesRegex(StufError, r"(?s)\ABefore anything else, .*\nError: Failed to save state\n"):
            self.terraform.apply()
        left = self.terraform.code / "errored.tfstate"
        before = json.loads(left.read_text())["resources"]
        self.bucket.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        # What ended the writing of the state has kept the lock from being given back too.
        self.locks()
        with self.assertRaises(made.Stopped) as stopped:
            self.provision()
        following, first = stopped.exception.following, str(stopped.exception).splitlines()[-1]
        with self.subTest("typed whole it is refused for the lock, and takes nothing away"):
            said = self.types(following, status=1)
            self.assertEqual((left.exists(), self.called()), (True, []))
        with self.subTest("the lock is opened by the ID that it names, with the command that stands above"):
            told, _, command = first.partition(", by the ID that it names: ")
            self.assertTrue(told.startswith("Where Terraform refuses that since the state is locked, "), first)
            (lock,) = re.findall(r"\bID: +(\S+)", said)
            self.types(re.sub(r"\bID$", lock, command))
        with self.subTest("typed whole again, it is the state, and the phase is called"):
            self.types(following)
            self.assertEqual((left.exists(), self.called()), (False, ["provision"]))
        there = json.loads(self.bucket.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
        self.assertEqual(there["resources"], before)
        self.assertEqual(self.provision()["made"], 0)

    def test_a_lock_that_was_left_is_opened_and_what_was_half_made_is_taken_for_whole_by_what_is_printed(self) -> None:
        self.has("exit 1", "  lifecycle {\n    prevent_destroy = true\n  }\n")
        self.provision()
        with self.assertRaisesRegex(StufError, "local-exec provisioner error"):
            self.terraform.apply()
        self.locks()
        with self.subTest("another's lock"):
            with mock.patch.object(made, "LOCK", "-lock-timeout=0s"), self.assertRaises(made.Stopped) as stopped:
                self.provision()
            said = str(stopped.exception).splitlines()[1]
            start = "Where it was broken off, and nobody's runs: "
            self.assertEqual((stopped.exception.status, said.startswith(start)), (75, True), said)
            self.types(said.removeprefix(start))
        with self.subTest("what may not be destroyed, and is marked to be made anew"):
            with self.assertRaises(StufError) as refused:
                self.provision()
            said = str(refused.exception).splitlines()[-1]
            start = (
                "terraform_data.one[0] is marked to be made anew, since the run that made it was broken off. "
                "Where it is whole in the account: "
            )
            self.assertTrue(said.startswith(start), refused.exception)
            self.types(said.removeprefix(start))
            found = self.provision()
            self.assertEqual((found["made"], found["destroyed"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
