"""A state that is a file moves to a bucket and back, by what docs/operations.md prints; the bucket is moto's."""

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

from account import client, start_moto
from workshop import HERE, MODULE

sys.path.insert(0, str(HERE.parent / "ansible"))
from modules import module  # noqa: E402

made = module("stufpack_terraform")
StufError = module("stufpack_http").StufError
PAGE = HERE.parents[1] / "templates/docs/operations.md.jinja"
BUCKET, KEY = "states", "stuf/acme-production.tfstate"


class Moved(unittest.TestCase):
    def setUp(self) -> None:
        self.state = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.state / "console").write_text("")
        self.endpoint = start_moto(self, self.state / "console")
        self.bucket = client(self.endpoint, "s3")
        self.bucket.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.package, self.own = self.state / "package", self.state / "local/terraform"
        for folder in (self.package / "backends", self.own, self.state / "packages/1/terraform"):
            folder.mkdir(parents=True)
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

    def moves(self, backend: str = "") -> None:
        """Types the block that moves a state, with another end where one is given, and answers yes."""
        block = re.search(r"```bash move\n(.*?)```", PAGE.read_text(), re.DOTALL)
        assert block is not None
        script = block[1].replace("{{ site.made.terraform|fenced }}", str(self.state / "terraform"))
        script = re.sub(r"-backend-config=\S+", backend, script) if backend else script
        self.assertNotIn("{{", script)
        environment = self.terraform.environment | {"CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            ["bash", "-euc", script], env=environment, input="yes\n", capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_state_that_is_a_file_moves_to_a_bucket_and_back_and_nothing_is_made_twice(self) -> None:
        self.assertEqual(self.provision()["made"], 1)
        self.terraform.apply()
        file = self.state / "terraform/terraform.tfstate"
        # Terraform gives it another lineage when it moves it.
        before = json.loads(file.read_text())["resources"]

        shutil.copy(self.package / "backends/s3.tf", self.own / "backend_override.tf")
        settings = {"bucket": BUCKET, "key": KEY, "region": "eu-west-1"}
        lines = [f'{name} = "{text}"\n' for name, text in settings.items()]
        # moto has no names below its own.
        (self.own / "backend.tfbackend").write_text("".join([*lines, "use_path_style = true\n"]))
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


if __name__ == "__main__":
    unittest.main()
