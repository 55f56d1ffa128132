"""What people type beside the phases, and whether each answer says what is so and what to type next."""

import hashlib
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

from fixture import CHECKLIST, Package, Story, mode


class Words(Story):
    def test_a_mistyped_verb_is_told_at_once_even_where_nothing_is_verified_yet(self) -> None:
        package = self.package().seal()
        self.signers.unlink()
        run = self.exits(2, package, "deplyo", says="error[usage]: there is no verb deplyo")
        self.assertIn("next: ./migrate deploy, if that was meant;", run.stderr)
        for verb in ("--deploy", "hold resume", "lunch", "Deploy", ""):
            self.exits(2, package, verb, says="error[usage]")
        self.assertFalse(self.state.exists())

    def test_on_a_disk_that_is_full_panic_still_stops_what_runs(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        own = self.state
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import gates, errno\n"
            "def full(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
            "gates.replace = full\n"
            "class State:\n"
            "    def gate(self, name): return sys.argv[2] + '/' + name\n"
            "gates.set_stop(State(), 'PANIC'); print(gates.standing(State()))\n"
        )
        words = [sys.executable, "-c", code, str(package.root / "infrastructure/controller"), str(own)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "PANIC\n")
        self.exits(11, package, "prepare", says="PANIC is set")

    def test_what_a_verb_does_not_take_begins_nothing(self) -> None:
        package = self.ready()
        answers = {
            ("deploy", "now"): "next: ./migrate deploy",
            ("prepare", "deploy"): "one phase or verb per call",
            ("approve",): "approve wants one name after it: a gate of MIGRATION-PLAN.md",
            ("approve", "cutover", "--by"): "--by needs a value after it",
            ("status", "--check"): "--check has no meaning for status",
            ("deploy", "--strategy", "x"): "belongs to approve alone",
            ("deploy", "--chek"): "next: ./migrate deploy --check, if that was meant",
            ("abort", "--delete-all"): "there is no option --delete-all",
            ("deploy", "--delete-data"): "--delete-data belongs to abort alone",
            ("content", "--digests"): "--digests belongs to export alone",
        }
        for words, answer in answers.items():
            run = self.exits(2, package, *words, says="error[usage]")
            self.assertIn(answer, run.stderr)
            self.assertIn(f"\n  at ./migrate {' '.join(words)}\n", run.stderr)
        self.assertEqual((self.steps_run(), self.journal()), ([], []))

    def test_the_usage_lists_what_the_package_runs_and_apart_from_it_what_is_planned(self) -> None:
        package = self.package().seal()
        runs, planned = self._usage(package)
        self.assertEqual(runs, ["preflight", "prepare", "deploy", "import", "verify", "cutover"])
        self.assertIn("content", planned)
        self.assertIn("\n  adopt target  ", self.usage(package))
        self.assertNotIn("approve", planned)
        self.assertIn("\n  approve GATE [--by NAME] [--strategy S] [--accept CHECK] ", self.usage(package))
        self.assertIn("\n  resume  ", self.usage(package))

        (package.root / "infrastructure/ansible/playbooks/cutover.yml").unlink()
        (package.root / "infrastructure/ansible/playbooks/cutover.yml").with_name("content.yml").write_text("---\n")
        runs, planned = self._usage(package)
        self.assertIn("content", runs)
        self.assertIn("cutover", planned)
        # Only the cutover has strategies.
        self.assertIn("\n  approve GATE [--by NAME] [--accept CHECK]   opens a gate ( content )", self.usage(package))

    def test_every_word_of_a_real_package_is_in_its_usage_exactly_once(self) -> None:
        package = self.package().seal()
        templates = Path(__file__).resolve().parents[2] / "templates/infrastructure/ansible/playbooks"
        playbooks = {path.stem for path in templates.glob("*.yml")} - {"adopt", "keep-journal", "hold", "support"}
        for path in (package.root / "infrastructure/ansible/playbooks").iterdir():
            path.unlink()
        for name in playbooks:
            package.write(f"infrastructure/ansible/playbooks/{name}.yml", "---\n")
        runs, planned = self._usage(package)
        # Without Terraform there is nothing that its playbook could do.
        self.assertEqual(set(runs), playbooks - {"status", "abort", "provision"})
        self.assertTrue(set(runs).isdisjoint(planned))
        # Nor is it planned: the machine is there. Who types it is told so.
        self.assertNotIn("provision", planned)
        told = self.exits(11, self.with_tools(package.seal()), "provision").stderr
        self.assertNotIn("there is no verb", told)
        self.assertEqual("approve" in planned, not playbooks & {"provision", "content", "cutover", "finalize"})

    def usage(self, package: Package) -> str:
        """What it prints without a verb."""
        return self.exits(0, package).stdout

    def _usage(self, package: Package) -> tuple[list[str], list[str]]:
        text = self.usage(package)
        for words in (("--help",), ("bootstrap", "--help"), ("preflight", "--check", "-h"), ("nonsense", "--help")):
            self.assertEqual(text, self.exits(0, package, *words).stdout)
        runs = re.search(r"(?m)^  (preflight .*)$", text)
        planned = re.search(r"(?m)^Planned, not in this package.*:\n +(.*)$", text)
        self.assertTrue(runs and planned, text)
        return runs[1].split() if runs else [], planned[1].split() if planned else []


class Planned(Story):
    def test_a_phase_that_is_not_run_says_what_that_means_and_where_each_step_stands(self) -> None:
        package = self.ready()
        run = self.exits(11, package, "content", says="paused[phase.not-automated]: this package does not run content")
        self.assertIn("\n  at MIGRATION-PLAN.md, chapter 6, Content (content)\n", run.stderr)
        self.assertIn("\nNothing of content happens.\n", run.stderr)
        self.assertRegex(run.stderr, r"(?m)^  content/copy-objects +not in this package$")
        self.assertRegex(run.stderr, r"(?m)^  content/look-at-it +by hand$")
        self.assertNotIn("next: ./migrate content", run.stderr)
        self.assertEqual(self.steps_run(), [])

    def test_what_people_would_do_between_its_steps_is_not_theirs_to_do_without_them(self) -> None:
        package = self.package()
        [phase] = [phase for phase in package.plan["phases"] if phase["id"] == "content"]
        tell = phase["steps"][0] | {"id": "content/tell-users", "actor": "trust-architect"}
        phase["steps"].append(tell | {"instead": {"not_here": {"means": "nobody was moved"}}})
        phase["steps"].append(tell | {"id": "content/look-again", "instead": None})
        run = self.exits(11, self.with_tools(package.seal()), "content")
        self.assertRegex(run.stderr, r"(?m)^  content/tell-users +not in this package$")
        self.assertRegex(run.stderr, r"(?m)^  content/look-again +by hand$")

    def test_a_verb_that_is_not_there_says_what_to_do_instead(self) -> None:
        package = self.package()
        package.plan["verbs"].append({"id": "approve", "automated": False, "instead": "Nothing waits."})
        self.with_tools(package.seal())
        self.exits(11, package, "provision", says="this target needs no provision: the machine exists already")


class Stops(Story):
    def test_o03_hold_stops_before_the_next_step_and_resume_lets_it_go_on(self) -> None:
        package = self.ready()
        go = self.home / "go"
        self.orders(deploy__pull_images={"waits_for": str(go)})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.calls())
            self.exits(0, package, "hold", says="the run that goes on stops before its next step (`./migrate deploy`")
            go.touch()
            self.assertEqual(process.wait(60), 11)
        self.assertEqual(self.journal(), ["pull-images:started", "pull-images:done", "hold:paused"])
        self.exits(11, package, "deploy", says="next: ./migrate resume, then the same command again")

        run = self.exits(0, package, "resume", says="HOLD is gone; nothing was started")
        self.assertIn("next: ./migrate preflight", run.stdout)
        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "start-api"])

    def test_hold_where_nothing_runs_says_so_and_lets_one_go_back(self) -> None:
        package = self.ready()
        self.exits(0, package, "hold", says="nothing runs now, and no phase begins that goes forward")
        self.exits(11, package, "verify", says="paused[gate.hold]")
        self.exits(0, package, "abort")
        self.exits(0, package, "resume")
        self.exits(0, package, "resume", says="there was no HOLD")

    def test_after_panic_only_the_way_back_is_open_and_it_is_named(self) -> None:
        package = self.ready()
        self.exits(0, package, "prepare")
        self.exits(0, package, "panic", says="next: ./migrate abort\n")
        for phase in ("deploy", "verify", "preflight"):
            run = self.exits(11, package, phase, says="paused[gate.panic]")
            self.assertIn("next: ./migrate abort; if it was set by mistake: rm '", run.stderr)
        self.exits(0, package, "status", says="next: ./migrate abort\n")
        self.exits(11, package, "resume", says="PANIC is set, so nothing goes forward, and what was built stands")

        run = self.exits(0, package, "abort")

        self.assertIn("next: ./migrate resume", run.stdout)
        self.exits(11, package, "deploy", says="next: ./migrate resume")
        self.exits(0, package, "resume", says="PANIC is gone; nothing was started")
        self.exits(0, package, "deploy")

    def test_panic_in_the_middle_stops_the_run_and_the_way_back_is_not_stopped_by_it(self) -> None:
        package = self.ready()
        go = self.home / "go"
        self.orders(deploy__pull_images={"waits_for": str(go)})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.calls())
            run = self.exits(0, package, "panic")
            self.assertIn("next: ./migrate status, until the run has stopped, then: ./migrate abort\n", run.stdout)
            go.touch()
            self.assertEqual(process.wait(60), 11)
        self.orders(abort__stop_services={"exit": 2})
        self.exits(1, package, "abort")
        self.exits(11, package, "resume", says="paused[gate.panic]")
        self.orders()
        self.exits(0, package, "abort", "--delete-data")
        self.assertEqual(self.steps_run()[-2:], ["stop-services", "delete-data"])

    def test_an_abort_that_did_not_come_to_its_end_is_next_until_it_has_or_something_is_built(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        lost = {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}
        self.orders(abort__delete_data=lost)
        back = "./migrate abort --delete-data"
        self.exits(11, package, "abort", "--delete-data", says=f"next: read the log, then: {back}\n")
        self.exits(0, package, "status", says=f"next: {back}\n")
        begun = f"    {back} was begun and has not come to its end; what it did not take down stands\n"
        looked = self.exits(0, package, "preflight")
        self.assertIn(begun, looked.stdout)
        self.assertTrue(looked.stdout.endswith(f"next: {back}\n"), looked.stdout)
        self.exits(12, package, "cutover")
        page = (self.state / "status.html").read_text()
        self.assertIn("<h2>What stopped Abort (abort), run 2</h2>", page)
        self.assertIn(f"read the log, then <code>{back}</code>", page)

        self.assertIn(begun, self.exits(0, package, "deploy").stdout)
        self.exits(0, package, "status", says="next: ./migrate prepare\n")
        self.assertNotIn("What stopped", (self.state / "status.html").read_text())
        self.migrate(package, "abort", "--delete-data")
        self.orders()
        said = self.exits(0, package, "abort", "--delete-data").stdout
        self.assertNotIn("was begun", said)
        self.exits(0, package, "status", says="next: ./migrate preflight\n")

    def test_where_a_package_runs_rollback_panic_names_it(self) -> None:
        package = self.package()
        package.plan["phases"].append(Package._phase(("rollback", ["unfreeze"])) | {"place": "back"})
        package.write("infrastructure/ansible/playbooks/rollback.yml", "---\n")
        self.with_tools(package.seal())
        self.exits(0, package, "deploy")
        self.exits(0, package, "panic", says="next: ./migrate rollback\n")
        self.exits(0, package, "rollback")

    def test_panic_before_anything_was_built_is_taken_away_by_resume(self) -> None:
        package = self.ready()
        self.exits(0, package, "panic", says="next: ./migrate resume, when it may go on: nothing is built\n")
        self.exits(11, package, "deploy", says="paused[gate.panic]")
        self.exits(0, package, "resume", says="PANIC is gone")

    def test_panic_works_with_a_journal_that_cannot_be_read(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        (self.state / "packages/1/journal.jsonl").write_text("{}\n")
        self.exits(0, package, "panic", says="next: ./migrate abort\n")
        self.assertTrue((self.state / "PANIC").exists())


class Status(Story):
    def test_status_tells_phases_share_and_what_comes_next(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        self.orders(
            deploy__place_project={"exit": 2},
            status__show_services={"result": {"hosts": {"target": {"ok": 1}}, "lines": ["api healthy"]}},
        )
        self.migrate(package, "deploy")
        before = self.journal()

        run = self.exits(0, package, "status")

        self.assertIn("harbour staging, package 1: 21 % of what this package runs\n", run.stdout)  # 3 of 14 equal steps
        self.assertRegex(run.stdout, r"(?m)^  bootstrap +done$")
        self.assertRegex(run.stdout, r"(?m)^  preflight +done$")
        self.assertRegex(run.stdout, r"(?m)^  deploy +1 of 3 steps, deploy/place-project failed$")
        self.assertRegex(run.stdout, r"(?m)^  not in this package: content$")
        self.assertNotRegex(run.stdout, r"(?m)^  (status|abort) ")
        self.assertIn("api healthy", run.stdout)
        self.assertIn("next: ./migrate prepare", run.stdout)
        self.assertEqual(self.journal(), before)

    def test_when_everything_that_the_package_runs_is_done_it_says_a_hundred(self) -> None:
        package = self.package()
        package.plan["phases"].append(package._phase(("watch", ["watch-it"])))
        package.plan["phases"][-1]["steps"][0]["estimate"]["seconds"] = 86400
        (package.root / "infrastructure/ansible/playbooks/cutover.yml").unlink()
        self.with_tools(package.seal())
        for phase in ("preflight", "prepare", "deploy", "import", "verify"):
            self.exits(0, package, phase)
        run = self.exits(0, package, "status", says="harbour staging, package 1: 100 % of what this package runs\n")
        self.assertRegex(run.stdout, r"next: .*this package runs nothing further, and lacks .*watch\n$")

    def test_a_reader_who_goes_away_stops_nothing(self) -> None:
        package = self.ready()
        reader, gone = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, gone)
        start = ["sh", str(package.root / "migrate")]
        for verb in ("status", "status --json", "deploy", "deploy --json"):
            words = [*start, *verb.split()]
            run = subprocess.run(
                words, env=self.process_environment(), stdout=gone, stderr=subprocess.PIPE, text=True, check=False
            )
            self.assertEqual(run.returncode, 0, verb)
            self.assertNotIn("error", run.stderr.lower(), verb)
        self.assertEqual(self.journal().count("start-api:done"), 2)

        words = [*start, "approve", "cutover"]
        refused = subprocess.run(words, env=self.process_environment(), stdout=gone, stderr=gone, check=False)
        self.assertEqual(refused.returncode, 12)

    def test_before_bootstrap_the_next_command_is_bootstrap(self) -> None:
        package = self.package().seal()
        run = self.exits(0, package, "status")
        self.assertRegex(run.stdout, r"(?m)^  bootstrap +not yet$")
        self.assertTrue(run.stdout.endswith("next: ./migrate bootstrap\n"), run.stdout)

    def test_next_is_the_report_then_the_approval_then_the_phase_and_at_the_end_what_is_left(self) -> None:
        package = self.ready()
        for phase in ("preflight", "prepare", "deploy", "import"):
            self.exits(0, package, phase)
        run = self.exits(0, package, "verify")
        approve = "read the report of verify, then: ./migrate approve cutover --strategy immediate"
        self.assertIn(f"next: {approve}\n", run.stdout)
        document = json.loads(self.exits(0, package, "status", "--json").stdout)
        self.assertEqual((document["next"], document["absent"]), (approve, ["content"]))
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "status", says="next: ./migrate cutover\n")
        run = self.exits(0, package, "cutover")
        self.assertIn(
            "next: MIGRATION-PLAN.md, chapter 6, content: this package runs nothing further, and lacks content\n",
            run.stdout,
        )

    def test_a_target_that_does_not_answer_is_unknown_not_fine(self) -> None:
        self.orders(status__show_services={"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}})
        self.exits(11, self.ready(), "status", says="paused[status.unknown]")


class SigningOff(Story):
    def filled(self, marks: str = "xx", text: str = CHECKLIST) -> str:
        """A copy of the checklist with these marks in its boxes."""
        for mark in marks:
            text = text.replace("- [ ]", f"- [{mark}]", 1)
        path = self.home / "filled.md"
        path.write_text(f"Tried on Monday.\n{text}")
        return str(path)

    def verified(self) -> Package:
        package = self.ready()
        self.exits(0, package, "verify")
        return package

    def test_a_filled_checklist_is_kept_by_name_in_file_and_journal(self) -> None:
        package = self.verified()
        self.assertIn("nobody has signed the checklist", self.exits(0, package, "status").stdout)
        run = self.exits(0, package, "sign-off", self.filled(), "--by", "Ada Lovelace")
        self.assertIn("signed off by Ada Lovelace, ", run.stdout)

        kept = self.state / "packages/1/sign-offs/2.json"
        document = json.loads(kept.read_text())
        self.assertEqual(
            (document["by"], document["verdict"], document["plan"]), ("Ada Lovelace", "pass", package.digest)
        )
        self.assertEqual([item["verdict"] for item in document["items"]], ["pass", "pass"])
        self.assertEqual((mode(kept), mode(kept.with_suffix(".md"))), (0o600, 0o600))
        line = json.loads((self.state / "packages/1/journal.jsonl").read_text().splitlines()[-1])
        self.assertEqual((line["phase"], line["step"], line["by"]), ("verify", "sign-off", "Ada Lovelace"))
        digests = {name: hashlib.sha256((self.state / name).read_bytes()).hexdigest() for name in (
            "packages/1/sign-offs/2.json", "packages/1/sign-offs/2.md")}  # fmt: skip
        self.assertEqual({item["path"]: item["sha256"] for item in line["evidence"]}, digests)

        said = self.exits(0, package, "approve", "cutover", "--by", "Eve").stdout
        self.assertIn("signed off by Ada Lovelace, ", said)
        self.assertIn("signed off by Ada Lovelace, ", self.exits(0, package, "status").stdout)

    def test_a_checklist_is_found_from_where_the_command_is_typed(self) -> None:
        package = self.verified()
        Path(self.filled()).rename(self.home / "of Ada.md")
        (self.home / "elsewhere\n").mkdir()
        for number, (folder, name) in enumerate(((".", "of Ada.md"), ("elsewhere\n", "../of Ada.md")), start=2):
            run = subprocess.run(
                ["sh", package.root / "migrate", "sign-off", name, "--by", "Ada"], cwd=self.home / folder,
                env=self.process_environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertTrue((self.state / f"packages/1/sign-offs/{number}.md").is_file())
        run = self.exits(12, package, "sign-off", "none.md", "--by", "Ada", says="error[sign-off.file]")
        self.assertIn("\n  at /none.md\n", run.stderr)

    def test_a_remark_behind_a_box_belongs_to_its_point(self) -> None:
        package = self.verified()
        remarked = CHECKLIST.replace("in.\n", "in. (took two tries)\n").replace("file`.\n", "file`.\n\nAll well.\n")
        self.exits(0, package, "sign-off", self.filled(text=remarked), "--by", "Ada")
        document = json.loads((self.state / "packages/1/sign-offs/2.json").read_text())
        self.assertEqual([item["text"] for item in document["items"]], ["I signed in.", "I uploaded `a file`."])
        self.assertIn("(took two tries)", (self.state / "packages/1/sign-offs/2.md").read_text())
        for other in (CHECKLIST.replace("in.\n", "in.never\n"), CHECKLIST.replace("signed", "never signed")):
            refused = self.exits(12, package, "sign-off", self.filled(text=other), "--by", "Ada")
            self.assertIn("; line 4 is none of them", refused.stderr)

    def test_what_was_not_tried_is_told_and_what_is_wrong_keeps_the_gate_closed(self) -> None:
        package = self.verified()
        said = self.exits(0, package, "sign-off", self.filled("x"), "--by", "Bob").stdout
        self.assertIn(": not_run; I uploaded `a file`.\n", said)
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "sign-off", self.filled("x-"), "--by", "Ada")
        run = self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        self.assertIn("Ada, ", run.stderr)
        self.assertNotIn("Bob, ", run.stderr)
        self.exits(12, package, "cutover", says="error[gate.sign-off]")
        # The same user, however the name was typed.
        self.exits(0, package, "sign-off", self.filled(), "--by", " Ada ")
        self.exits(0, package, "approve", "cutover")

    def test_a_sign_off_of_what_was_taken_back_does_not_count(self) -> None:
        package = self.verified()
        self.exits(0, package, "sign-off", self.filled(), "--by", "Ada")
        self.exits(0, package, "abort")
        self.exits(12, package, "sign-off", self.filled(), "--by", "Ada", says="error[sign-off.early]")
        self.exits(0, package, "verify")
        self.assertIn("nobody has signed the checklist", self.exits(0, package, "status").stdout)

    def test_what_is_no_checklist_of_this_package_is_refused(self) -> None:
        package = self.verified()
        before = self.journal()
        for words, code in (
            ((self.filled(), "--by", "a\nb"), "sign-off.by"),
            ((self.filled(), "--by", "none"), "sign-off.by"),
            ((self.filled(), "--by", "A" * 201), "sign-off.by"),
            (("/dev/zero", "--by", "Ada"), "sign-off.file"),
            ((str(self.home), "--by", "Ada"), "sign-off.file"),
            ((str(self.home / "none.md"), "--by", "Ada"), "sign-off.file"),
            ((self.filled(text="- [x] I signed in.\n"), "--by", "Ada"), "sign-off.other"),
            ((self.filled(text=CHECKLIST + "- [x] I signed in.\n"), "--by", "Ada"), "sign-off.other"),
        ):
            with self.subTest(code):
                self.exits(12, package, "sign-off", *words, says=f"error[{code}]")
        few = self.filled(text="- [x] I signed in.\n")
        self.exits(12, package, "sign-off", few, "--by", "Ada", says="it has 1 box, and not those of this package's")
        self.exits(2, package, "sign-off", "--by", "Ada", says="error[usage]")
        nobody = self.exits(2, package, "sign-off", "/tmp/of Ada.md", says="sign-off needs --by, the name of who")
        self.assertIn("next: ./migrate sign-off '/tmp/of Ada.md' --by NAME\n", nobody.stderr)
        self.exits(2, package, "verify", "--by", "Ada", says="--by belongs to approve and sign-off alone")
        self.assertEqual((self.journal(), (self.state / "packages/1/sign-offs").exists()), (before, False))

    def test_a_lost_sign_off_of_which_nothing_tells_any_more_is_told_and_nothing_is_approved(self) -> None:
        package = self.verified()
        self.exits(0, package, "sign-off", self.filled(), "--by", "Ada")
        (self.state / "packages/1/operations/2-sign-off").rename(self.home / "elsewhere")
        (self.state / "packages/1/sign-offs/2.json").unlink()
        self.exits(12, package, "approve", "cutover", says="error[sign-off.lost]: the sign-off of Ada")
        self.exits(0, package, "sign-off", self.filled(), "--by", "Ada")
        self.exits(0, package, "approve", "cutover")

    def test_a_sign_off_that_was_changed_after_it_was_given_is_told_by_name_and_removes_no_objection(self) -> None:
        package = self.verified()
        self.exits(0, package, "sign-off", self.filled(), "--by", "Bob")
        self.exits(0, package, "sign-off", self.filled("x-"), "--by", "Ada")
        self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        kept = self.state / "packages/1/sign-offs/3.json"
        signed = kept.read_text()
        kept.write_text(signed.replace('"fail"', '"pass"'))
        self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        self.exits(0, package, "status", says="signed off by Ada, ")
        folder = self.state / "packages/1/operations/3-sign-off"
        folder.rename(self.home / "elsewhere")
        run = self.exits(12, package, "approve", "cutover", says="error[sign-off.changed]: the sign-off of Ada is not")
        self.assertIn("next: let Ada sign again\n", run.stderr)
        self.exits(0, package, "status", says="the sign-off of Ada is not the one that the journal names")
        kept.write_text(signed)
        self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        kept.write_text("")
        self.exits(0, package, "sign-off", self.filled(), "--by", "Ada")
        self.exits(0, package, "approve", "cutover")


if __name__ == "__main__":
    unittest.main()
