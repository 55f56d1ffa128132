"""Each property of the module has an assertion that fails when its line is deleted: every line is, once.

A mutant is a copy of the module in a folder of its own, with the tests of the module turned to it. All of them are
tried by two runs of `terraform test` against one running provider; one by one they would take ten times as long.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deletions import DELETIONS, sentences
from workshop import MODULE, Terraform

#: By file: whose preconditions stand there, and the runs that each of them refuses, in their order.
PRECONDITIONS = {
    "instance.tf": (
        "aws_instance.server",
        [
            ["not_offered_here", "not_offered_anywhere"],
            ["older_than_nitro"],
            ["too_little_memory"],
            ["another_architecture"],
        ],
    ),
    # No mock can say that a zone is private, which is no computed value: test_planned.py asks moto for one.
    "dns.tf": ("aws_route53_record.server", [["zone_of_another_name"], []]),
}
PRECONDITION = re.compile(r"  precondition \{\n *condition *= (.*)")
RUN = re.compile(r'^run "(\w+)" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)


def turned(test: str, folder: str, words: str = "") -> str:
    """The text of a test, about the module in another folder; of its runs only those that have the words, if given."""

    def run(found: re.Match[str]) -> str:
        if words and f'"{words}"' not in found[0]:
            return ""
        return found[0].replace("{\n", f'{{\n  module {{\n    source = "./{folder}"\n  }}\n\n', 1)

    return RUN.sub(run, test)


class Deletions(unittest.TestCase):
    """The list in `deletions.py`, tried."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.terraform = Terraform(Path(cls.enterClassContext(tempfile.TemporaryDirectory())))
        for test in cls.terraform.folder.glob("*.tftest.hcl"):
            test.unlink()
        cls.terraform.init()
        cls.enterClassContext(cls.terraform.attached())

    def setUp(self) -> None:
        for folder in ("tests", "mutants"):
            shutil.rmtree(self.terraform.folder / folder, ignore_errors=True)

    def mutant(self, name: str, file: str, text: str) -> None:
        """A copy of the module in which one file has another text."""
        folder = self.terraform.folder / "mutants" / name
        ignored = shutil.ignore_patterns(".terraform*", "*.tftest.hcl", "mocks", "backends", "backend.tf")
        shutil.copytree(MODULE, folder, ignore=ignored)
        if file:
            (folder / file).write_text(text)

    def tried(self, tests: dict[str, str]) -> dict[str, set[tuple[str, str]]]:
        """What the errors of each test say, with the run that says it; two halves at once."""
        folder = self.terraform.folder / "tests"
        folder.mkdir()
        for name, text in tests.items():
            (folder / f"{name}.tftest.hcl").write_text(text)
        self.terraform.does("init", "-lockfile=readonly")
        names = sorted(tests)
        said: dict[str, set[tuple[str, str]]] = {name: set() for name in names}
        ran = set()

        def half(part: list[str]) -> str:
            filters = [f"-filter=tests/{name}.tftest.hcl" for name in part]
            return self.terraform.run("test", "-json", *filters).stdout

        with ThreadPoolExecutor(2) as pool:
            lines = [line for text in pool.map(half, [names[::2], names[1::2]]) for line in text.splitlines()]
        for line in lines:
            event = json.loads(line)
            name = Path(event.get("@testfile", "")).name.removesuffix(".tftest.hcl")
            if event["type"] == "test_run" and event["test_run"]["progress"] == "complete":
                ran.add(name)
            if event["type"] == "diagnostic" and event["diagnostic"]["severity"] == "error":
                detail = event["diagnostic"]["detail"] or event["diagnostic"]["summary"]
                said.setdefault(name, set()).add((event.get("@testrun", ""), detail))
        self.assertEqual(ran, set(names), "a mutant was not tried")
        return said

    def test_each_line_is_missed_by_its_own_assertion(self) -> None:
        of = sentences()
        self.assertEqual(
            set(of), {deletion.says for deletion in DELETIONS}, "assertions, and those that were seen to fail"
        )
        tests, wanted = {}, {}
        self.mutant("none", "", "")
        for file in sorted(set(of.values())):
            tests[f"none-{file.partition('.')[0]}"] = turned((MODULE / file).read_text(), "mutants/none")
        for number, deletion in enumerate(DELETIONS):
            name = f"{number:03}"
            wanted[name] = deletion
            self.mutant(name, deletion.file, deletion.broken((MODULE / deletion.file).read_text()))
            tests[name] = turned((MODULE / of[deletion.says]).read_text(), f"mutants/{name}", deletion.says)
        said = self.tried(tests)
        for name, found in said.items():
            if name in wanted:
                with self.subTest(wanted[name].text.strip()):
                    self.assertIn(wanted[name].says, {detail for _, detail in found})
            else:
                self.assertEqual(found, set(), f"{name}: nothing was deleted")

    def test_each_validation_is_missed(self) -> None:
        test = (MODULE / "variables.tftest.hcl").read_text()
        text = (MODULE / "variables.tf").read_text()
        name = ""

        def weaker(line: str) -> str:
            nonlocal name
            if found := re.match('variable "(.*)"', line):
                name = found[1]
            return f"    condition = var.{name} != null" if line.startswith("    condition ") else line

        self.mutant("weaker", "variables.tf", "\n".join(map(weaker, text.splitlines())))
        expected = {
            (run[1], name)
            for run in RUN.finditer(test)
            for name in re.findall(r"^    (var\.\w+),$", run[0], re.MULTILINE)
        }
        self.assertEqual(len(expected), text.count("\n  validation {\n"), "each validation is refused once")
        # A file each: what is planned of nonsense is an error, after which Terraform skips the runs that follow.
        said = self.tried({run: turned(test, "mutants/weaker", run) for run, _ in expected})
        missed = set()
        for run, detail in set().union(*said.values()):
            if found := re.match(
                r"The checkable object, (var\.\w+), was expected to report an error but did not", detail
            ):
                missed.add((run, found[1]))
        self.assertEqual(missed, expected)

    def test_each_precondition_is_missed(self) -> None:
        texts = [test.read_text() for test in MODULE.glob("*.tftest.hcl")]
        refused = {
            run[1]: text for text in texts for run in RUN.finditer(text) if "expect_failures = [aws_" in run[0]
        }  # fmt: skip
        tests, resources = {}, {}
        for file, (resource, runs) in PRECONDITIONS.items():
            text = (MODULE / file).read_text()
            places = list(PRECONDITION.finditer(text))
            self.assertEqual(len(places), len(runs), f"{file}: preconditions, and those that a run is refused by")
            for number, (place, names) in enumerate(zip(places, runs, strict=True)):
                weaker = f"{file.partition('.')[0]}-{number}"
                self.mutant(weaker, file, f"{text[: place.start(1)]}var.slug != null{text[place.end(1) :]}")
                for name in names:
                    tests[name] = turned(refused[name], f"mutants/{weaker}", name)
                    resources[name] = resource
        self.assertEqual(set(tests), set(refused), "runs that are tried, and those that are refused")
        said = self.tried(tests)
        for name, resource in resources.items():
            with self.subTest(name):
                missing = f"The checkable object, {resource}, was expected to report an error but did not"
                self.assertTrue(any(missing in detail for _, detail in said[name]), said[name])


if __name__ == "__main__":
    unittest.main()
