"""What a Trust Architect may choose: every option stands in a case, and every case is planned."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from workshop import CASES, HERE, MODULE, Terraform


class Options(unittest.TestCase):
    """Cases against the module's variables, without Terraform."""

    def test_every_variable_is_set_by_a_case_and_no_case_sets_another(self) -> None:
        variables = set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text(), re.MULTILINE))
        chosen = {name for case in CASES for name in json.loads(case.read_text())}
        self.assertGreater(len(variables), 20)
        self.assertEqual(variables, chosen)

    def test_every_variable_says_what_it_is_and_takes_no_null(self) -> None:
        text = (MODULE / "variables.tf").read_text()
        names = set(re.findall(r'^variable "(\w+)"', text, flags=re.MULTILINE))
        for block in re.split(r'^variable "', text, flags=re.MULTILINE)[1:]:
            name = block.split('"', 1)[0]
            with self.subTest(name):
                self.assertRegex(block, r'\n  description = ".{20,}\."\n')
                self.assertRegex(block, r"\n  type        = (string|bool|number|set\((string|number)\))\n")
                self.assertIn("\n  nullable    = false\n", block)
                for message in re.findall(r'error_message = "(.*)"', block):
                    self.assertTrue(set(re.findall(r"\w+", message)) & names, message)
                if "= bool" not in block:
                    self.assertIn("\n  validation {\n", block)


class Planned(unittest.TestCase):
    """Cases planned by Terraform, with a provider that asks nobody."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.terraform = Terraform(cls.folder)
        shutil.copy(HERE / "planned.tftest.hcl", cls.terraform.folder)
        cls.terraform.init()
        cls.enterClassContext(cls.terraform.attached())

    def test_every_case_is_planned(self) -> None:
        for case in CASES:
            with self.subTest(case.name):
                said = self.terraform.does("test", "-filter=planned.tftest.hcl", f"-var-file={case}")
                self.assertIn("1 passed, 0 failed", said)

    def test_the_modules_own_tests_hold_with_anybodys_values(self) -> None:
        values = self.terraform.folder / "terraform.tfvars.json"
        for case in CASES:
            with self.subTest(case.name):
                shutil.copy(case, values)
                self.terraform.does("test", *(f"-filter={test.name}" for test in MODULE.glob("*.tftest.hcl")))
        values.unlink()

    def test_a_value_that_no_installation_can_have_is_refused(self) -> None:
        case = json.loads(next(case for case in CASES if case.name.startswith("ten-lines")).read_text())
        broken = self.folder / "broken.tfvars.json"
        broken.write_text(json.dumps({**case, "ssh_cidrs": ["0.0.0.0/0"]}))
        done = self.terraform.run("test", "-filter=planned.tftest.hcl", f"-var-file={broken}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("SSH for the whole internet is refused", " ".join(done.stdout.split()))


if __name__ == "__main__":
    unittest.main()
