"""A journal that cannot be read closes the way forward, and never the way back: nothing of it is lost, or believed."""

import hashlib
import json
import re
import subprocess
import unittest
from pathlib import Path

from fixture import TEMPLATES, Package, Story, mode

FAILS = {"exit": 2, "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["Stop: broke"]}}
ANSWERS = {"result": {"hosts": {"target": {"ok": 1}}, "lines": ["stuf-api: healthy"]}}
ABORTED = ["stop-services:started", "stop-services:done", "end:finished"]


class Damaged(Story):
    def setUp(self) -> None:
        super().setUp()
        self.lines = self.state / "packages/1/journal.jsonl"
        self.kept = self.state / "packages/1/journal.jsonl.damaged-2"

    def deployed(self) -> Package:
        """A package that has deployed, and whose journal ends with a line that a power cut has left."""
        package = self.ready()
        self.exits(0, package, "deploy")
        self.damage(self.lines)
        return package

    @staticmethod
    def damage(path: Path) -> None:
        """Adds a line of zero bytes."""
        path.write_bytes(path.read_bytes() + b"\0\0\0\0\n")

    def test_whatever_the_damage_is_every_verb_says_which_line_and_how_to_go_back(self) -> None:
        package = self.deployed()
        whole = self.lines.read_bytes()
        lines = whole.splitlines(keepends=True)
        cases = (
            (8, whole, "it is no JSON text"),
            (7, b"".join([*lines[:6], b"\xff\xfe\x00\n"]), "it is no JSON text"),
            (2, whole.replace(b'"state":"done"', b'"state":"gone"', 1), "state or plan is not known here"),
            (3, b"".join([*lines[:2], *lines[3:]]), "line 3 says it is line 4"),
        )
        for line, content, why in cases:
            with self.subTest(line):
                self.lines.write_bytes(content)
                for verb in ("status", "import", "resume", "bootstrap"):
                    said = f"[journal.chain]: the journal was changed or damaged: {why}\n"
                    run = self.exits(1, package, verb, says=said)
                    self.assertIn(f"\n  at {self.lines}:{line}\n", run.stderr)
                    on, back = run.stderr.rpartition("\nnext: ")[2].split("; to take down what stands instead: ")
                    self.assertEqual(on, "docs/troubleshooting.md, journal.chain, which tells how to go on")
                    self.assertEqual(back, "./migrate abort, which keeps this journal.jsonl beside a new one\n")
                self.assertEqual(self.lines.read_bytes(), content)

    def test_status_says_what_can_be_known_without_it(self) -> None:
        package = self.deployed()
        self.exits(0, package, "panic", says="next: ./migrate abort\n")
        self.orders(status__show_services=ANSWERS)
        run = self.exits(1, package, "status", says="error[journal.chain]")
        said = "harbour staging, package 1: how far it is, nobody can tell\n  set: PANIC\n  stuf-api: healthy\n"
        self.assertEqual(run.stdout, said)
        document = json.loads(self.migrate(package, "status", "--json").stdout)
        self.assertEqual((document["percent"], document["gates"]), (None, ["PANIC"]))
        self.orders(status__show_services={"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}})
        run = self.exits(1, package, "status", says="error[journal.chain]")
        self.assertIn("  the target could not be asked; ", run.stdout)

    def test_abort_does_all_of_its_steps_and_keeps_the_damaged_one_beside_a_new_one(self) -> None:
        package = self.deployed()
        damaged = self.lines.read_bytes()
        self.exits(0, package, "panic")
        run = self.exits(0, package, "abort")

        self.assertIn(f"it is kept as {self.kept}; a new one begins, and abort does all of its steps\n", run.stdout)
        self.assertEqual((self.kept.read_bytes(), mode(self.kept), mode(self.lines)), (damaged, 0o600, 0o600))
        self.assertEqual(self.journal(), ["journal:refused", *ABORTED])
        (named,) = json.loads(self.lines.read_text().splitlines()[0])["evidence"]
        digest = hashlib.sha256(damaged).hexdigest()
        self.assertEqual(named, {"path": "packages/1/journal.jsonl.damaged-2", "sha256": digest})
        with self.subTest("runs before it and after it are recorded each with the journal of its time"):
            records = json.loads(self.migrate(package, "status", "--json").stdout)["records"]
            self.assertEqual([Path(name).name for name in records["not_run"]], ["1-deploy", "3-abort"])
            about = json.loads((self.state / "packages/1/operations/3-abort/operation.json").read_text())
            self.assertEqual((about["result"], about["run"], about["journal"]["lines"]), ("finished", 3, 4))
        self.exits(0, package, "resume", says="PANIC is gone")
        self.exits(0, package, "status", says="next: ./migrate preflight\n")
        self.exits(0, package, "deploy")

    def test_until_it_has_come_to_its_end_what_was_built_may_stand(self) -> None:
        package = self.deployed()
        self.exits(0, package, "panic")
        self.orders(abort__stop_services=FAILS)
        self.exits(1, package, "abort")
        self.exits(11, package, "resume", says="and what was built stands")
        self.exits(0, package, "status", says="next: ./migrate abort\n")
        second = self.ready("second", 2)
        self.exits(11, second, "resume", says="./migrate abort, with package 1")
        with self.subTest("damaged once more, it is put aside once more"):
            self.damage(self.lines)
            self.orders()
            self.exits(0, package, "abort")
            kept = sorted(path.name for path in self.lines.parent.glob("journal.jsonl.damaged-*"))
            self.assertEqual(kept, ["journal.jsonl.damaged-2", "journal.jsonl.damaged-4"])
            self.exits(0, package, "resume")

    def test_refused_before_its_first_step_the_way_back_stays_what_comes_next(self) -> None:
        package = self.deployed()
        tools = next(self.state.glob("venv/*/complete"))
        tools.unlink()
        self.exits(12, package, "abort", says="error[tools.missing]")
        self.assertEqual(self.journal(), ["journal:refused", "gate:refused"])
        self.exits(0, package, "status", says="next: ./migrate abort\n")
        self.exits(0, package, "panic", says="next: ./migrate abort\n")
        tools.touch()
        self.exits(0, package, "abort")

    def test_with_what_is_left_of_it_in_its_place_a_run_goes_on_under_a_number_of_its_own(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        self.orders(import__import_users=FAILS)
        self.exits(1, package, "import")
        lines = self.lines.read_bytes().splitlines(keepends=True)
        self.damage(self.lines)
        self.exits(1, package, "import", says=f"at {self.lines}:{len(lines) + 1}\n")
        whole = self.state / "packages/1/operations/1-deploy/journal.jsonl"
        cases = {
            "the lines before the damaged one": b"".join(lines),
            "the folder of the last whole run": whole.read_bytes(),
        }
        self.orders()
        for number, (name, content) in enumerate(cases.items(), start=3):
            with self.subTest(name):
                self.lines.write_bytes(content)
                self.calls_file.unlink()
                self.exits(0, package, "import", says=f"import, run {number}\n")
                self.assertEqual(self.steps_run(), ["save-before-state", "import-users"])

    def test_looking_at_what_abort_would_do_puts_nothing_aside(self) -> None:
        package = self.deployed()
        before = self.lines.read_bytes()
        self.exits(0, package, "abort", "--check", says="the journal was changed or damaged")
        self.assertEqual((self.lines.read_bytes(), self.kept.exists()), (before, False))

    def test_a_newer_package_that_began_at_a_line_of_it_is_read_as_before(self) -> None:
        first = self.ready()
        self.exits(0, first, "preflight")
        second = self.ready("second", 2)
        self.exits(0, second, "deploy")
        self.damage(self.lines)
        self.exits(0, second, "status")
        self.exits(0, first, "abort")
        self.exits(0, second, "status", says="next: ./migrate ")

    def test_one_that_was_put_back_shorter_as_troubleshooting_says_still_bears_what_began_at_its_end(self) -> None:
        page = (TEMPLATES / "docs/troubleshooting.md.jinja").read_text()
        (keeps,) = re.findall(r'\{\{ "(cp [^"]*journal\.jsonl[^"]*)"\|code \}\}', page)
        first = self.ready()
        self.exits(0, first, "deploy")
        whole = self.lines.read_bytes().splitlines(keepends=True)
        self.exits(0, first, "import")
        second = self.ready("second", 2)
        self.exits(0, second, "deploy")
        # The second time, what is damaged and what is kept are shorter than what the newer package began at.
        for damaged in (len(whole), len(whole) - 2):
            with self.subTest(damaged):
                lines = self.lines.read_bytes().splitlines(keepends=True)
                self.lines.write_bytes(b"".join([*lines[:damaged], b"\0\0\n", *lines[damaged + 1 :]]))
                self.exits(1, first, "status", says=f"at {self.lines}:{damaged + 1}\n")
                subprocess.run(["sh", "-euc", keeps], cwd=self.lines.parent, check=True)
                self.lines.write_bytes(b"".join(lines[:damaged]))
                self.exits(0, first, "status", says="next: use package 2, which has begun here\n")
                self.exits(0, second, "status")
        self.exits(0, second, "import", says="import, run 2\n")


if __name__ == "__main__":
    unittest.main()
