"""What the controller knows of a state and a plan of the real Terraform (S03), by its built-in provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from workshop import HERE

sys.path.insert(0, str(HERE.parents[1] / "templates/infrastructure/controller"))
import leak  # noqa: E402

MODULE = """
variable "given" {
  type      = string
  sensitive = true
}

resource "terraform_data" "text" {
  input = sensitive("held-text-of-the-first")
}

resource "terraform_data" "deep" {
  input = { names = ["clear-name-of-one", sensitive("held-name-of-another")], other = "clear-other-text" }
}

resource "terraform_data" "many" {
  for_each         = { a = "clear-a-of-many", b = "clear-b-of-many" }
  input            = toset([each.value, sensitive("held-element-${each.key}-of-a-set")])
  triggers_replace = var.given
}

resource "terraform_data" "short" {
  input = sensitive("eu-west-1")
}

output "secret" {
  value     = "held-output-of-${terraform_data.text.id}"
  sensitive = true
}

output "clear" {
  value = "clear-output-of-all"
}
"""
GIVEN = "held-as-it-was-given"


class Known(unittest.TestCase):
    maxDiff = None

    def test_s03_every_value_that_terraform_marks_is_known_from_its_state_and_from_its_plan(self) -> None:
        self.assertIsNotNone(shutil.which("terraform"), "terraform 1.11 or newer is needed on PATH")
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        code, plans = root / "terraform/code", root / "packages/1/terraform"
        for folder in (code, plans):
            folder.mkdir(parents=True)
        (code / "main.tf").write_text(MODULE)
        state = root / "terraform/terraform.tfstate"
        environment = {"PATH": os.environ["PATH"], "HOME": str(root), "TF_VAR_given": GIVEN, "CHECKPOINT_DISABLE": "1"}

        def terraform(*words: str) -> str:
            done = subprocess.run(
                ["terraform", *words], cwd=code, env=environment, capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        terraform("init", "-input=false")
        terraform("plan", f"-state={state}", "-out=plan.tfplan")
        (plans / "plan.json").write_text(terraform("show", "-json", "plan.tfplan"))
        with self.subTest("the plan, before there is anything"):
            # A set with a secret element is secret as a whole.
            marked = {
                "Terraform's terraform_data.text": ["held-text-of-the-first"],
                "Terraform's terraform_data.deep": ["held-name-of-another"],
                "Terraform's terraform_data.many": [
                    "clear-a-of-many", "clear-b-of-many", GIVEN, "held-element-a-of-a-set", "held-element-b-of-a-set",
                ],
            }  # fmt: skip
            self.assertEqual(self.told(root), marked | {"Terraform's var.given": [GIVEN]})
        terraform("apply", f"-state={state}", f"-state-out={state}", "plan.tfplan")
        (plans / "plan.json").unlink()
        shown = terraform("state", "show", "-no-color", f"-state={state}", "terraform_data.text").splitlines()
        identity = next(line.split('"')[1] for line in shown if line.strip().startswith("id "))
        with self.subTest("the state"):
            marked["Terraform's output.secret"] = [f"held-output-of-{identity}"]
            self.assertEqual(self.told(root), marked)
            log = {"a.log": b"made: held-element-b-of-a-set"}
            self.assertEqual(
                list(map(str, leak.search(log, leak.known(root)))),
                ["Terraform's terraform_data.many (plain) in a.log, line 1"],
            )

    def told(self, root: Path) -> dict[str, list[str]]:
        """What is searched for, in an order of its own: Terraform lists what it marks in another one each time."""
        return {name: sorted(value.decode() for value in values) for name, values in leak.known(root).items()}


if __name__ == "__main__":
    unittest.main()
