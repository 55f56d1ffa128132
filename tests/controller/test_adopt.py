"""Two machines, one target: the lease that lies there lets one of them work, and the other one take over."""

import json
import os
import shutil
import signal
import sys
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fixture import CHECKLIST, TEMPLATES, Package, Story
from real import AnsibleStory

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))

from lease import RENEW_SECONDS, SECONDS, Renewal
from playbook import Result

TASKS = TEMPLATES / "infrastructure/ansible/roles/stuf/tasks"
LEASE = f"""
    - name: Hold the lease of the installation
      ansible.builtin.import_tasks: {TASKS}/hold_lease.yml
      tags: [always, hold-lease]
"""
KEEP = f"""
    - name: Copy the journal
      ansible.builtin.import_tasks: {TASKS}/keep_journal.yml
      tags: [deploy/{{step}}, keep-journal]
"""
STEP = """
    - name: Do it, once it may
      ansible.builtin.shell: echo {step} >>{home}/done; while test -e {home}/wait-{step}; do sleep 0.1; done
      tags: [deploy/{step}]
"""
PLAYBOOK = """---
- name: {name}
  hosts: stuf
  gather_facts: false
  tasks:
{tasks}
"""


class TwoMachines(AnsibleStory):
    """One home for two states: that of the first machine, and that of a second one."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.state
        self.second = self.home / "second/harbour-staging"
        self.second.mkdir(parents=True)
        self.target = self.home / "target"
        (self.home / "done").touch()

    def leased(self) -> Package:
        """A package whose deploy has three steps, under a lease that lies in a folder of this test."""
        steps = ("pull-images", "place-project", "start-api")
        package = self.real(LEASE, *(STEP.format(step=step, home=self.home) + KEEP.format(step=step) for step in steps))
        ansible = package.root / "infrastructure/ansible"
        module = ansible / "library/stuf_lease.py"
        module.write_text(module.read_text().replace('"/var/lib/stufpack/controller"', repr(str(self.target))))
        keep = KEEP.format(step="x").replace("deploy/x, ", "")
        (ansible / "playbooks/keep-journal.yml").write_text(PLAYBOOK.format(name="Copy", tasks=keep))
        fetch, take = (
            f"    - ansible.builtin.import_tasks: {TASKS}/{file}.yml\n      tags: [{tag}]\n"
            for file, tag in (("fetch_lease", "fetch-journal"), ("take_lease", "take-lease"))
        )
        (ansible / "playbooks/adopt.yml").write_text(PLAYBOOK.format(name="Take over", tasks=fetch + take))
        package.seal()
        shutil.copytree(self.first / "venv", self.second / "venv", symlinks=True)
        return package

    @contextmanager
    def on_the_second(self) -> Iterator[None]:
        """Whatever is typed here is typed on the other machine."""
        self.state, self.environment["STUFPACK_STATE"] = self.second, str(self.second)
        try:
            yield
        finally:
            self.state = self.first
            del self.environment["STUFPACK_STATE"]

    def did(self) -> list[str]:
        """What was done at the target, in order."""
        return (self.home / "done").read_text().split()

    def lose(self, package: Package, step: str) -> None:
        """The first machine is lost in the middle of a step, with all that runs on it."""
        waits = self.home / f"wait-{step}"
        waits.touch()
        with self.running(package, "deploy") as process:
            self.until(lambda: step in self.did())
            tool = int((self.home / "pid").read_text())
            process.kill()
            process.wait()
            os.killpg(tool, signal.SIGKILL)
        waits.unlink()

    def becomes_old(self) -> None:
        """Time passes at the target."""
        lease = json.loads((self.target / "lease.json").read_text())
        (self.target / "lease.json").write_text(json.dumps(lease | {"until": lease["at"]}))

    def test_while_one_machine_runs_a_phase_the_other_is_refused_and_told_who_does(self) -> None:
        package = self.leased()
        waits = self.home / "wait-place-project"
        waits.touch()
        with self.running(package, "deploy") as process:
            self.until(lambda: "place-project" in self.did())
            with self.on_the_second():
                run = self.exits(75, package, "deploy", says="error[step.locked]")
                self.assertRegex(run.stdout, r"\w+@\S+ runs `./migrate deploy` of package 1, and has the lease until")
                self.assertIn("wait until it has ended there; if that machine is lost, from 20", run.stderr)
                run = self.exits(75, package, "adopt", "target", says="error[lease.held]")
                self.assertIn("runs `./migrate deploy` of package 1", run.stderr)
                self.assertEqual(self.journal(), ["pull-images:started", "pull-images:failed"])
            waits.unlink()
            self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.did(), ["pull-images", "place-project", "start-api"])

    def test_when_it_has_ended_the_other_one_takes_over_and_the_first_is_refused(self) -> None:
        package = self.leased()
        self.exits(0, package, "deploy")
        done = self.journal()
        with self.on_the_second():
            run = self.exits(12, package, "deploy", says="error[step.refused]")
            self.assertIn("next: ./migrate adopt target\n", run.stderr)
            run = self.exits(0, package, "adopt", "target")
            said = (
                r"has run `./migrate deploy` of package 1, last heard of 20.+; taken over, with 7 lines of its journal"
            )
            self.assertRegex(run.stdout, said)
            self.assertEqual(self.journal(), [*done, "adopt:done"])
            # What it had written itself, of the refused run, is kept beside.
            (beside,) = (self.second / "packages/1").glob("journal.jsonl.former-*")
            self.assertIn("pull-images", beside.read_text())
            self.exits(0, package, "adopt", "target", says="nothing to take over: this machine has run the migration")
        self.exits(12, package, "deploy", says="error[step.refused]")
        self.assertEqual(self.did(), ["pull-images", "place-project", "start-api"])

        # And back again: all that both did is in one chain.
        self.exits(0, package, "adopt", "target")
        self.assertEqual(self.journal(), [*done, "adopt:done", "adopt:done"])
        self.exits(0, package, "deploy")

    def test_a_lost_machine_is_taken_over_from_once_its_lease_is_old_and_its_last_step_is_repeated(self) -> None:
        package = self.leased()
        self.lose(package, "place-project")
        with self.on_the_second():
            self.exits(75, package, "adopt", "target", says="if that machine is lost, from 20")
            self.becomes_old()
            self.exits(0, package, "adopt", "target")
            run = self.exits(0, package, "deploy")
            self.assertRegex(run.stdout, r"(?m)^deploy/pull-images +done earlier$")
            self.assertEqual(self.journal()[-1], "end:finished")
        self.assertEqual(self.did(), ["pull-images", "place-project", "place-project", "start-api"])
        # It knows a line more than the target ever heard of.
        self.assertEqual(self.journal()[-1], "place-project:started")
        self.exits(0, package, "adopt", "target")
        self.assertEqual(len(list((self.first / "packages/1").glob("journal.jsonl.former-*"))), 1)

    def test_a_step_that_takes_longer_than_the_lease_renews_it_and_tells_of_its_beginning(self) -> None:
        package = self.leased()
        code = package.root / "infrastructure/controller/lease.py"
        code.write_text(code.read_text().replace("RENEW_SECONDS = 300", "RENEW_SECONDS = 1"))
        package.seal()
        waits = self.home / "wait-place-project"
        waits.touch()
        with self.running(package, "deploy") as process:
            self.until(lambda: "place-project" in self.did())
            journal = self.target / "packages/1/journal.jsonl"
            self.until(lambda: '"deploy/place-project","state":"started"' in journal.read_text())
            self.assertGreater(json.loads((self.target / "lease.json").read_text())["until"], time.time())
            waits.unlink()
            self.assertEqual(process.wait(60), 0)
        self.assertEqual(journal.read_text(), (self.first / "packages/1/journal.jsonl").read_text())
        self.assertEqual(self.did(), ["pull-images", "place-project", "start-api"])

    def test_what_people_decided_goes_along_and_of_variables_it_is_told_which(self) -> None:
        package = self.leased()
        (self.first / "local").mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.first / "local/vars.yml").write_text("proxy_https_port: 8443\n")
        self.exits(0, package, "deploy")
        (self.first / "approve-content").write_text("by: Ada\n")
        self.exits(0, package, "hold")
        self.exits(11, package, "deploy")
        self.exits(0, package, "resume")
        self.exits(0, package, "deploy")
        with self.on_the_second():
            run = self.exits(0, package, "adopt", "target")
            self.assertRegex(run.stdout, r"(?m)^  BRING local/vars.yml before you go on: .+ none stands at /")
            self.assertEqual((self.second / "approve-content").read_text(), "by: Ada\n")
            self.assertFalse((self.second / "local/vars.yml").exists())
        there = sorted(path.name for path in self.target.iterdir())
        self.assertEqual(there, ["approve-content", "lease.json", "packages"])

    def test_decisions_of_both_machines_never_stand_in_the_way(self) -> None:
        package = self.leased()
        self.exits(0, package, "deploy")
        gate = "approve-content"
        (self.first / gate).write_text("by: Ada\n")
        (self.first / f"{gate}~").write_text("an editor's\n")
        self.exits(0, package, "deploy")
        with self.on_the_second():
            self.exits(0, package, "adopt", "target")
            (self.second / gate).write_text("by: Ben\n")
            self.exits(0, package, "deploy")
        run = self.exits(0, package, "adopt", "target")
        self.assertIn(f"what stood here is kept as {self.first}/former-{gate}-", run.stdout)
        self.assertEqual((self.first / gate).read_text(), "by: Ben\n")
        self.exits(0, package, "deploy")
        with self.on_the_second():
            self.exits(0, package, "adopt", "target")
            (self.second / gate).unlink()
            self.exits(0, package, "deploy")
        self.exits(0, package, "adopt", "target")
        self.assertFalse((self.first / gate).exists(), "what was withdrawn would open the gate again")

    def test_a_newer_package_that_was_refused_here_goes_on_after_the_journal_of_the_older_one_was_taken_over(
        self,
    ) -> None:
        package = self.leased()
        self.lose(package, "place-project")
        newer = self.package("newer", 2)
        shutil.rmtree(newer.root / "infrastructure/ansible")
        shutil.copytree(package.root / "infrastructure/ansible", newer.root / "infrastructure/ansible")
        newer.seal()
        self.becomes_old()
        with self.on_the_second():
            self.exits(0, package, "adopt", "target")
            self.exits(0, package, "deploy")
        self.exits(12, newer, "deploy", says="error[step.refused]")
        self.exits(0, newer, "adopt", "target")
        self.exits(0, newer, "deploy")

    def test_nothing_is_taken_over_that_does_not_hold(self) -> None:
        package = self.leased()
        with self.on_the_second():
            self.exits(12, package, "adopt", "target", says="error[adopt.nothing]: no machine has run a phase")
        self.exits(0, package, "deploy")
        journal = self.target / "packages/1/journal.jsonl"
        whole = journal.read_text()
        journal.write_text(whole.replace('"done"', '"skipped"', 1))
        with self.on_the_second():
            run = self.exits(1, package, "adopt", "target", says="error[journal.chain]")
            self.assertIn("journal.jsonl:3\n", run.stderr)
            self.assertEqual(self.journal(), [])
            journal.write_text(whole)
            other = self.package("other")
            other.write("docs/more.md", "Another package of the same number.\n")
            other.plan["content"]["proof_at_source"] = 4
            shutil.rmtree(other.root / "infrastructure/ansible")
            shutil.copytree(package.root / "infrastructure/ansible", other.root / "infrastructure/ansible")
            self.exits(12, other.seal(), "adopt", "target", says="error[journal.other-plan]: there it belongs to plan")
            self.exits(12, package, "adopt", "source", says="error[adopt.source]")
            self.exits(2, package, "adopt", says="adopt wants one name after it: target")


COPY = "Copy the journal: ben@two runs it"
LOST = {"hosts": {"target": {"ignored": 1}}, "said": 75, "next": "wait", "failures": [COPY]}


class Lost(Story):
    """A machine that was not heard of for so long that another one has taken over, and that goes on all the same."""

    def copied(self) -> Package:
        """A package that copies its journal."""
        package = self.package()
        package.write("infrastructure/ansible/playbooks/keep-journal.yml", "---\n")
        return self.with_tools(package.seal())

    def test_no_further_step_begins_once_the_target_says_that_another_has_the_lease(self) -> None:
        package = self.copied()
        self.orders(keep_journal={"exit": 2, "result": LOST})
        run = self.exits(75, package, "deploy", says="error[lease.lost]: another machine has taken over this migration")
        self.assertIn(f"the journal was not copied to the target\n    {COPY}\n", run.stdout)
        self.assertIn("\nnext: wait\n", run.stderr)
        self.assertEqual(self.steps_run(), ["pull-images", "keep-journal"])
        self.assertEqual(self.journal(), ["pull-images:started", "pull-images:done", "hold:paused"])

    def told(self) -> int:
        """For how long the last copy of the journal renews the lease."""
        seconds: int = json.loads((self.state / "packages/1/lease.json").read_text())["seconds"]
        return seconds

    def test_a_run_gives_the_lease_back_however_it_ends(self) -> None:
        package = self.copied()
        self.exits(0, package, "deploy")
        self.assertEqual((self.told(), self.steps_run()[-1]), (0, "keep-journal"))
        failed = {"exit": 2, "result": {"hosts": {"target": {"failed": 1}}, "failures": ["Look: broke"]}}
        self.orders(deploy__place_project=failed)
        self.exits(1, package, "deploy")
        self.assertEqual((self.told(), self.steps_run()[-1]), (0, "keep-journal"))
        self.orders(deploy__place_project={"files": {"HOLD": ""}})
        self.exits(11, package, "deploy", says="HOLD is set")
        self.assertEqual((self.told(), self.steps_run()[-1]), (0, "keep-journal"))

    def test_a_sign_off_reaches_the_target_too_since_a_glass_will_have_its_line(self) -> None:
        package = self.copied()
        self.exits(0, package, "verify")
        filled = self.home / "filled.md"
        filled.write_text(CHECKLIST.replace("[ ]", "[x]"))
        copies = self.steps_run().count("keep-journal")
        self.exits(0, package, "sign-off", str(filled), "--by", "Ada")
        self.assertEqual(self.steps_run().count("keep-journal"), copies + 1)
        self.orders(keep_journal={"exit": 2, "result": LOST})
        run = self.exits(0, package, "sign-off", str(filled), "--by", "Bob")
        self.assertIn(f"the journal was not copied to the target\n    {COPY}\n", run.stdout)

    def test_a_target_that_refuses_or_is_gone_is_asked_no_more(self) -> None:
        package = self.copied()
        gone = {"hosts": {"target": {"unreachable": 1}}, "failures": ["Hold the lease: no route"]}
        for code, result in ((75, LOST | {"ahead": True}), (11, gone)):
            self.orders(deploy__pull_images={"exit": 2, "result": result})
            self.exits(code, package, "deploy")
        self.assertEqual((self.told(), self.steps_run()), (SECONDS, ["pull-images", "pull-images"]))


class Renewed(unittest.TestCase):
    """A step that takes longer than the lease lasts."""

    def wait(self, renewal: Renewal) -> None:
        """For as long as the lease is not renewed anew."""
        renewal.last = time.monotonic() - RENEW_SECONDS
        renewal.look()
        renewal.end()

    def test_it_is_renewed_while_a_long_step_runs_and_no_sooner_than_it_has_to_be(self) -> None:
        copies: list[Result] = []

        def copy() -> Result:
            copies.append(Result(0))
            return copies[-1]

        renewal = Renewal(copy)
        renewal.look()
        renewal.end()
        self.assertEqual(len(copies), 0)
        self.wait(renewal)
        renewal.look()
        renewal.end()
        self.assertEqual((len(copies), renewal.lost), (1, None))
        # Two copies may fail before it is lost.
        self.assertGreaterEqual(SECONDS, 3 * RENEW_SECONDS)

    def test_a_copy_that_is_refused_says_so_before_the_next_step(self) -> None:
        renewal = Renewal(lambda: Result(2, said=75, following="wait", log=Path("/log")))
        self.wait(renewal)
        assert renewal.lost is not None
        self.assertEqual((renewal.lost.exit, renewal.lost.next), (75, "wait"))

    def test_the_documents_tell_how_long_a_lost_machine_holds_it(self) -> None:
        said = (TEMPLATES / "docs/operations.md.jinja").read_text()
        self.assertIn(f"once the lease is old, {SECONDS // 60} minutes after the target last heard", said)


if __name__ == "__main__":
    unittest.main()
