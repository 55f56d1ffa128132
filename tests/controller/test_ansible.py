"""Ansible itself with the package's callback plugin: what the controller relies on holds for real tasks."""

import json
import signal
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from fixture import TEMPLATES, Package
from real import AnsibleStory

# Each step notes the journal as it stands while the step runs.
STEP = """
    - name: Look at the journal
      ansible.builtin.command: cp {{{{ stufpack_state }}}}/packages/1/journal.jsonl {home}/{step}.seen
      tags: [deploy/{step}]
"""

COPY = """
    - name: Copy the journal
      ansible.builtin.command: cp {{{{ stufpack_state }}}}/packages/1/journal.jsonl {home}/{step}.kept
      changed_when: false
      tags: [deploy/{step}, keep-journal]
"""


# A phase of nine steps; a set of their names has another order for each seed of Python's hashes.
NINE = ["pull", "place", "start", "wait", "mid", "check", "tell", "clean", "close"]


def waits() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task of the roles that asks again until it has what it waits for."""
    for file in sorted((TEMPLATES / "infrastructure/ansible/roles").rglob("tasks/*.yml")):
        tasks = yaml.safe_load(file.read_text()) or []
        inner = [task for block in tasks for part in ("block", "rescue", "always") for task in block.get(part, ())]
        for task in (*tasks, *inner):
            if {"retries", "until", "delay"} & set(task):
                yield file.stem, task


class Steps(AnsibleStory):
    """Tasks that note what the journal says while they run."""

    def step(self, step: str, more: str = "") -> str:
        """The tasks of one step."""
        return STEP.format(home=self.home, step=step) + more + COPY.format(home=self.home, step=step)

    def seen(self, file: str) -> str:
        """The last line of a journal that a task copied, as `step:state`."""
        last = json.loads((self.home / file).read_text().splitlines()[-1])
        return f"{last['step'].rpartition('/')[2]}:{last['state']}"

    def log(self, step: str, run: int = 1) -> str:
        """What Ansible wrote while a step ran."""
        return (self.state / f"packages/1/logs/{run}-deploy-{step}.log").read_text()


class RealAnsible(Steps):
    def test_a_step_begins_after_its_line_and_is_done_before_the_next_begins(self) -> None:
        package = self.real(*(self.step(step) for step in ("pull-images", "place-project", "start-api")))
        run = self.exits(0, package, "deploy")

        for step in ("pull-images", "place-project", "start-api"):
            self.assertEqual(self.seen(f"{step}.seen"), f"{step}:started")
            self.assertRegex(run.stdout, rf"(?m)^deploy/{step} +done +1 change ")
            self.assertEqual(self.log(step).count("Look at the journal"), 1)
        self.assertEqual(self.seen("place-project.kept"), "place-project:done")
        self.assertEqual(self.seen("start-api.kept"), "end:finished")
        self.assertIn("deploy finished: 3 changes", run.stdout)

    def test_after_a_failure_nothing_runs_and_a_later_call_goes_on_there(self) -> None:
        check = f"""
    - name: Needs a file
      ansible.builtin.command: cat {self.home}/needed
      changed_when: false
      tags: [deploy/place-project]
"""
        package = self.real(self.step("pull-images"), self.step("place-project", check), self.step("start-api"))
        run = self.exits(1, package, "deploy", says="error[step.failed]")
        self.assertIn("No such file", run.stdout)
        self.assertFalse((self.home / "start-api.seen").exists())
        self.assertEqual(self.journal()[-1], "place-project:failed")
        (self.home / "pull-images.seen").unlink()
        (self.home / "needed").touch()

        run = self.exits(0, package, "deploy")

        self.assertRegex(run.stdout, r"(?m)^deploy/pull-images +done earlier$")
        self.assertFalse((self.home / "pull-images.seen").exists())
        self.assertEqual(self.seen("start-api.seen"), "start-api:started")

    def test_a_step_is_not_done_while_something_of_it_is_rescued_or_never_ran(self) -> None:
        rescued = """
    - name: Swallows a failure
      tags: [deploy/pull-images]
      block:
        - name: Fails
          ansible.builtin.command: "false"
      rescue:
        - name: Puts back
          ansible.builtin.command: "true"
"""
        own = "        - {name: Stop, ansible.builtin.fail: {msg: stands again}}\n"
        breaks = rescued.replace('"true"', '"false"')
        lost = rescued.replace('"true"\n', '"true"\n          vars: {ansible_connection: ssh, ansible_port: 1}\n')
        cases = {
            "rescued": (10, "step.rolled-back", rescued),
            "rescued, and stopped by the play": (10, "step.rolled-back", rescued + own),
            "the rescue fails": (1, "and that failed too", breaks + own),
            "the rescue loses the target": (1, "and the target no longer answered", lost + own),
            # The task that always runs is of no step.
            "never ran": (11, "step.not-run", None),
        }
        for name, (code, says, more) in cases.items():
            with self.subTest(name):
                self.again()
                first = "" if more is None else self.step("pull-images", more)
                package = self.real(first, self.step("place-project"), self.step("start-api"))
                self.exits(code, package, "deploy", says=says)
                state, end = {10: ("failed", ["end:rolled_back"]), 1: ("undo_failed", []), 11: ("failed", [])}[code]
                self.assertEqual(self.journal()[1:], [f"pull-images:{state}", *end])
                self.assertFalse((self.home / "place-project.seen").exists())

    def test_without_the_controller_the_running_step_ends_and_no_other_begins(self) -> None:
        wait = f"""
    - name: Wait
      ansible.builtin.shell: touch {self.home}/waiting; while ! test -e {self.home}/go; do sleep 0.1; done
      tags: [deploy/pull-images]
    - name: End
      ansible.builtin.command: touch {self.home}/ended
      tags: [deploy/pull-images]
"""
        package = self.real(self.step("pull-images", wait), self.step("place-project"), self.step("start-api"))
        with self.running(package, "deploy") as process:
            self.until(lambda: (self.home / "waiting").exists())
            process.kill()
            process.wait()
        self.exits(75, package, "deploy")
        (self.home / "go").touch()
        self.until(lambda: not Path("/proc", (self.home / "pid").read_text().strip()).exists())

        self.assertTrue((self.home / "ended").exists())
        self.assertFalse((self.home / "place-project.seen").exists())
        self.assertEqual(self.journal(), ["pull-images:started"])

    def test_hold_and_signals_stop_between_and_inside_steps(self) -> None:
        wait = f"""
    - name: Wait
      ansible.builtin.shell: touch {self.home}/waiting; while ! test -e {self.home}/go; do sleep 0.1; done
      tags: [deploy/pull-images]
"""
        package = self.real(self.step("pull-images", wait), self.step("place-project"), self.step("start-api"))
        with self.running(package, "deploy") as process:
            self.until(lambda: (self.home / "waiting").exists())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), 11)
        self.assertEqual(self.journal()[-1], "pull-images:paused")
        (self.home / "waiting").unlink()
        with self.running(package, "deploy") as process:
            self.until(lambda: (self.home / "waiting").exists())
            self.exits(0, package, "hold")
            (self.home / "go").touch()
            self.assertEqual(process.wait(60), 11)
        self.assertEqual(self.journal()[-2:], ["pull-images:done", "hold:paused"])
        self.assertFalse((self.home / "place-project.seen").exists())


class Placed(AnsibleStory):
    """What is read at the target is held against the package before anything of a step happens."""

    verbosity = "-vvv"

    def setUp(self) -> None:
        super().setUp()
        roles = TEMPLATES / "infrastructure/ansible/roles"
        (task,) = yaml.safe_load((roles / "stuf/tasks/hold_placed.yml").read_text())
        there = self.home / "target"
        tree = {"source": "configuration/api-config", "target": str(there)}
        task |= {"tags": ["deploy/pull-images"], "vars": {"stuf_read_trees": [tree]}}
        change = {"name": "Change", "ansible.builtin.file": {"path": f"{self.home}/changed", "state": "touch"}}
        steps = ("pull-images", "place-project", "start-api")
        tasks = [task, *({**change, "tags": [f"deploy/{step}"]} for step in steps)]
        self.deploys = self.real(*(f"    - {json.dumps(one)}\n" for one in tasks))
        self.users = there / "users/users.json"
        self.users.parent.mkdir(parents=True)
        self.users.write_bytes((self.deploys.root / "configuration/api-config/users/users.json").read_bytes())

    def test_a_changed_byte_is_refused_with_the_files_name_before_anything_changes(self) -> None:
        right = self.users.read_text()
        self.users.write_text(right.replace("[]", "{}"))
        run = self.exits(12, self.deploys, "deploy", says="error[step.refused]")
        self.assertIn(f"not as the package has them: {self.users}: other bytes. Next: ./migrate deploy", run.stdout)
        self.assertIn("next: ./migrate deploy\n", run.stderr)
        self.assertFalse((self.home / "changed").exists())
        with self.subTest("no log tells a digest, with which one could try guesses at a personal file"):
            log = (self.state / "packages/1/logs/1-deploy-pull-images.log").read_text()
            sums = (self.deploys.root / "SHA256SUMS.personal").read_text()
            digest = next(line[:64] for line in sums.splitlines() if line.endswith("/users.json"))
            self.assertIn("Using module file", log)
            self.assertNotIn(digest, log)
        self.users.write_text(right)
        self.exits(0, self.deploys, "deploy")
        self.assertTrue((self.home / "changed").exists())


class WaitsAndOrder(Steps):
    def test_o13_a_wait_asks_once_more_than_its_retries_and_then_its_step_has_failed(self) -> None:
        asked = self.home / "asked"
        wait = {
            "name": "Wait", "ansible.builtin.shell": f"echo >>{asked}; false", "register": "health",
            "until": "health.rc == 0", "retries": 4, "delay": 0, "tags": ["deploy/pull-images"],
        }  # fmt: skip
        package = self.real(f"    - {json.dumps(wait)}\n", self.step("place-project"), self.step("start-api"))

        self.exits(1, package, "deploy", says="error[step.failed]")

        self.assertEqual(asked.read_text().count("\n"), 5)
        log = self.log("pull-images")
        self.assertEqual([number for number in range(1, 7) if f"attempt {number}\n" in log], [1, 2, 3, 4])
        self.assertEqual(self.journal()[-1], "pull-images:failed")

    def test_o13_every_wait_of_the_roles_says_how_often_until_when_and_how_long(self) -> None:
        found = list(waits())
        self.assertGreater(len(found), 2)
        for file, task in found:
            # What is not said would be three retries of five seconds, or no second look at all.
            self.assertLessEqual({"retries", "delay", "until", "register"}, set(task), f"{file}: {task['name']}")

    def nine(self, seed: int, needing: Sequence[str]) -> Package:
        """A package whose deploy has nine steps, some of which need a file of their name; with a seed for hashes."""
        task = "    - {{name: A step, ansible.builtin.assert: {{that: {that}}}, tags: [deploy/{step}]}}\n"
        needed = {step: json.dumps(f"'{self.home}/{step}' is file") for step in needing}
        package = self.real(*(task.format(step=step, that=needed.get(step, "true")) for step in NINE))
        place = next(place for place, phase in enumerate(package.plan["phases"]) if phase["id"] == "deploy")
        package.plan["phases"][place] = Package._phase(("deploy", NINE))
        package.seal()
        tool = next(self.state.glob("venv/*/bin/ansible-playbook"))
        tool.write_text(tool.read_text().replace("exec ", f"export PYTHONHASHSEED={seed}\nexec "))
        return package

    def test_o14_what_is_left_of_nine_steps_runs_in_the_plans_order(self) -> None:
        """Eight are left after the first; after `mid`, with which all before it are done, the last four."""
        for seed in (1, 2, 3):
            with self.subTest(seed):
                self.again()
                package = self.nine(seed, ("place", "check"))
                for missing, ran in (("place", NINE[:2]), ("check", NINE[1:6]), (None, NINE[5:])):
                    begun = len(self.journal())
                    self.exits(1 if missing else 0, package, "deploy", says="error[step.failed]" if missing else "")
                    lines = self.journal()[begun:]
                    started = [line.removesuffix(":started") for line in lines if line.endswith(":started")]
                    self.assertEqual(started, ran)
                    (self.home / (missing or "end")).touch()


if __name__ == "__main__":
    unittest.main()
