"""What stood before an import stays saved, and comes back whole, however a run of it was cut off."""

import signal
import sys
import unittest
from typing import Any

import yaml
from fixture import TEMPLATES, Package, Story

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
from package import PUTS_BACK, SAVES

STEPS = ["save-before-state", "import-users", "write-documents", "read-back", "send-messages"]
PLAY = TEMPLATES / "infrastructure/ansible/playbooks/import.yml"


def failed(**more: Any) -> dict[str, Any]:
    """A step that failed."""
    return {"exit": 2, "result": {"hosts": {"target": {"ok": 1, "failed": 1}}} | more}


class CutOff(Story):
    def importing(self) -> Package:
        """A package whose import has the steps of every plan."""
        package = self.package()
        place = next(place for place, phase in enumerate(package.plan["phases"]) if phase["id"] == "import")
        package.plan["phases"][place] = Package._phase(("import", STEPS))
        return self.with_tools(package.seal())

    def goes_on_with(self, package: Package, *steps: str) -> None:
        """The next run, in which nothing fails, runs these steps."""
        self.orders()
        self.calls_file.unlink()
        self.exits(0, package, "import")
        self.assertEqual(self.steps_run(), list(steps))

    def interrupted(self, package: Package) -> None:
        """Ctrl-C while documents are written, or while a rescue puts back what stood before: nobody knows which."""
        self.orders(import__write_documents={"waits_for": str(self.home / "never")})
        with self.running(package, "import") as process:
            self.until(lambda: len(self.calls()) == 3)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, self.journal()[-1]), (11, "write-documents:paused"))
        self.assertIn("so all that import writes is written again.\nnext: ./migrate import\n", said)

    def lost(self, package: Package) -> None:
        self.orders(import__write_documents={"exit": 4, "result": {"hosts": {"target": {"ok": 1, "unreachable": 1}}}})
        run = self.exits(11, package, "import", says="paused[step.unreachable]")
        self.assertIn("happened is unknown; what stood before may have been put back, so all that import", run.stderr)

    def ansible_killed(self, package: Package) -> None:
        self.orders(import__write_documents={"exit": 137, "result": None})
        run = self.exits(1, package, "import", says="error[step.failed]")
        self.assertIn("import/write-documents is not done; what stood before may have been put back", run.stderr)

    def controller_killed(self, package: Package) -> None:
        """A power cut at the controller leaves the line with which the step began."""
        self.lost(package)
        path = self.state / "packages/1/journal.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
        self.assertEqual(self.journal()[-1], "write-documents:started")
        status = self.exits(0, package, "status").stdout
        self.assertRegex(status, r"(?m)^  import +2 of 5 steps, import/write-documents started$")

    def stopped_between(self, package: Package) -> None:
        """Nothing runs, and nothing was put back; others may change what stands until somebody goes on."""
        self.lost(package)
        path = self.state / "packages/1/journal.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
        self.assertEqual(self.journal()[-1], "import-users:done")

    def test_wherever_an_import_was_cut_off_the_next_run_saves_anew_and_does_all_of_it_again(self) -> None:
        for cut in (self.interrupted, self.lost, self.ansible_killed, self.controller_killed, self.stopped_between):
            with self.subTest(cut.__name__):
                self.again()
                package = self.importing()
                cut(package)
                self.goes_on_with(package, *STEPS)

    def test_what_was_done_again_is_not_done_a_third_time(self) -> None:
        package = self.importing()
        self.controller_killed(package)
        self.orders(import__read_back={"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}})
        self.exits(11, package, "import")
        self.orders(import__send_messages=failed())
        self.exits(1, package, "import", says="What came before import/send-messages is done")
        with self.subTest("that nobody could be told takes nothing back"):
            self.goes_on_with(package, "send-messages")

    def test_a_check_speaks_of_nothing_that_was_put_back(self) -> None:
        package = self.importing()
        self.orders(import__write_documents=failed())
        run = self.exits(1, package, "import", "--check")
        self.assertIn("\nNothing was changed.\n", run.stderr)


class Play(unittest.TestCase):
    """What the controller takes for granted of the playbook."""

    def test_the_steps_that_put_back_are_those_with_a_rescue_and_each_puts_back_everything(self) -> None:
        rescues = {}
        for path in sorted(PLAY.parent.glob("*.yml")):
            (play,) = yaml.safe_load(path.read_text())
            for task in play["tasks"]:
                if "rescue" in task:
                    (step,) = task["tags"]
                    roles = [one["ansible.builtin.import_role"] for one in task["rescue"][:-1]]
                    rescues[step] = [(role["name"], role["tasks_from"]) for role in roles]
        back = [("identity", "restore_before_state"), ("storage", "restore_before_state")]
        self.assertEqual(rescues, dict.fromkeys(PUTS_BACK, back))

    def test_what_is_put_back_is_saved_by_the_one_step_that_saves(self) -> None:
        (play,) = yaml.safe_load(PLAY.read_text())
        saves = {
            task["tags"][0] for task in play["tasks"]
            if "before" in task.get("vars", {}).values() and "save_state" in str(task)
        }  # fmt: skip
        self.assertEqual(saves, SAVES)


if __name__ == "__main__":
    unittest.main()
