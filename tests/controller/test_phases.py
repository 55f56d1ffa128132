"""Phases run in the plan's order, and the journal says what is known whatever ends a run."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import unittest
from pathlib import Path

from fixture import Package, Story, mode

ALL = ["pull-images", "place-project", "start-api"]
COUNTS = dict.fromkeys(("pass", "warn", "not_run", "unverifiable", "fail"), 0)
WHOLE = [word for step in ALL for word in (f"{step}:started", f"{step}:done")] + ["end:finished"]


class Order(Story):
    def in_order(self) -> Package:
        """A package whose phases build on each other, as those of every plan do."""
        package = self.package()
        before: list[str] = []
        for phase in package.plan["phases"]:
            if phase["id"] in ("preflight", "prepare", "deploy", "import"):
                phase["after"], before = before, [phase["id"]]
        return self.with_tools(package.seal())

    def test_a_phase_begins_only_where_what_it_builds_on_stands(self) -> None:
        package = self.in_order()
        for phase in ("deploy", "import", "prepare"):
            run = self.exits(12, package, phase, says="error[phase.too-early]")
            self.assertIn("next: ./migrate preflight\n", run.stderr)
        self.assertEqual(self.steps_run(), [])

        for phase in ("preflight", "prepare", "deploy", "import"):
            self.exits(0, package, phase)

    def test_what_is_taken_down_is_built_on_no_longer_and_a_prepared_machine_stays_so(self) -> None:
        package = self.in_order()
        for phase in ("preflight", "prepare", "deploy", "abort"):
            self.exits(0, package, phase)

        run = self.exits(12, package, "import", says="import builds on deploy")
        self.assertIn("next: ./migrate deploy\n", run.stderr)
        self.exits(0, package, "deploy")
        self.exits(0, package, "import")

    def test_a_phase_that_failed_is_not_built_on(self) -> None:
        package = self.in_order()
        self.exits(0, package, "preflight")
        self.orders(prepare__update_system={"exit": 2, "result": {"hosts": {"target": {"failed": 1}}}})
        self.exits(1, package, "prepare")
        self.exits(12, package, "deploy", says="deploy builds on prepare")


class Running(Story):
    def test_a_phase_runs_its_steps_in_order_and_journals_each(self) -> None:
        run = self.exits(0, self.ready(), "deploy")

        self.assertEqual(self.steps_run(), ALL)
        self.assertEqual(self.journal(), WHOLE)
        self.assertRegex(run.stdout, r"(?m)^deploy/pull-images +done +0 changes +0\.\d s$")
        self.assertIn("next: ./migrate preflight", run.stdout)  # which nobody has run yet

    def test_a_step_gets_what_the_playbooks_rely_on(self) -> None:
        self.exits(0, self.ready(), "deploy")

        call = self.calls()[0]
        here = self.state / "packages/1"
        self.assertEqual(call["cwd"], str(here))
        self.assertEqual(
            call["argv"],
            ["-i", "package/infrastructure/ansible/inventory/target",
             "package/infrastructure/ansible/playbooks/deploy.yml",
             "--tags", "deploy/pull-images,deploy/place-project,deploy/start-api", "-e", "@variables-1.json",
             "--skip-tags", "keep-journal"],
        )  # fmt: skip
        variables = json.loads((here / "variables-1.json").read_text())
        self.assertEqual(
            {name: variables[name] for name in variables if name != "stufpack_holder"},
            {"stufpack_package_root": str(here / "package"), "stufpack_state": str(self.state),
             "stufpack_package_number": 1, "stufpack_provider": "host",
             "stufpack_reports": str(here / "reports/1"), "stufpack_run": 1, "stufpack_delete_data": False,
             "stufpack_digests": False, "stufpack_source": {},
             "stufpack_tools": str(next((self.state / "venv").iterdir()) / "bin"),
             "stufpack_progress": str(here / "progress-1.jsonl")},
        )  # fmt: skip
        self.assertEqual(Path(variables["stufpack_package_root"]).resolve(), (self.home / "package").resolve())
        given = call["environment"]
        self.assertTrue(all(value.startswith(str(self.state)) for name, value in given.items() if name in (
            "ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP", "ANSIBLE_COLLECTIONS_PATH")))  # fmt: skip
        self.assertEqual(given["PYTHONDONTWRITEBYTECODE"], "1")

    def test_a_finished_phase_runs_whole_again_and_shows_that_nothing_changed(self) -> None:
        package = self.ready()
        self.orders(deploy__pull_images={"changed": 3})
        self.assertIn("deploy finished: 3 changes", self.exits(0, package, "deploy").stdout)
        self.orders()

        run = self.exits(0, package, "deploy")

        self.assertIn("deploy finished: 0 changes", run.stdout)
        self.assertEqual(self.journal(), WHOLE * 2)

    def test_a_failed_step_is_repeated_and_what_came_before_is_not(self) -> None:
        package = self.ready()
        self.orders(
            deploy__place_project={
                "exit": 2,
                "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["disk full"]},
            }
        )
        run = self.exits(1, package, "deploy", says="error[step.failed]")
        self.assertIn("disk full", run.stdout)
        self.orders()

        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "place-project", "start-api"])

    def test_what_was_taken_down_is_built_anew_even_after_an_interrupted_deploy(self) -> None:
        package = self.ready()
        self.orders(deploy__start_api={"exit": 2})
        self.migrate(package, "deploy")
        self.exits(0, package, "abort")
        self.orders()
        self.calls_file.unlink()

        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ALL)

    def test_data_is_deleted_only_when_asked_for(self) -> None:
        package = self.ready()
        self.exits(0, package, "abort")
        self.assertEqual(self.steps_run(), ["stop-services"])
        self.exits(0, package, "abort", "--delete-data")
        self.assertEqual(self.steps_run()[1:], ["stop-services", "delete-data"])
        self.exits(2, package, "deploy", "--delete-data", says="error[usage]")

    def test_files_are_read_for_their_digests_only_when_asked_for(self) -> None:
        package = self.package()
        package.plan["phases"].append(package._phase(("export", ["read-installation"])))
        package.write("infrastructure/ansible/playbooks/export.yml", "---\n")
        self.with_tools(package.seal())
        for number, options in enumerate(([], ["--digests"]), 1):
            self.exits(0, package, "export", *options)
            variables = json.loads((self.state / f"packages/1/variables-{number}.json").read_text())
            self.assertIs(variables["stufpack_digests"], bool(options))
        self.exits(2, package, "verify", "--digests", says="--digests belongs to export alone")
        self.assertEqual(self.steps_run(), ["read-installation", "read-installation"])

    def test_evidence_and_the_overlay_are_recorded_by_digest(self) -> None:
        package = self.ready()
        self.exits(0, package, "status")
        overlay = self.state / "local/vars.yml"
        overlay.write_text("stuf_api_memory_mib: 2048\n")
        self.orders(deploy__pull_images={"leaves": "images.json"})
        self.calls_file.unlink()

        self.exits(0, package, "deploy")

        self.assertEqual(self.calls()[0]["argv"][-4:-2], ["-e", f"@{overlay}"])
        lines = [json.loads(line) for line in (self.state / "packages/1/journal.jsonl").read_text().splitlines()]
        done = lines[1]
        self.assertEqual([line["step"] for line in lines if "evidence" in line], ["deploy/pull-images"])
        self.assertEqual(
            done["evidence"],
            [{"path": "packages/1/reports/1/images.json", "sha256": hashlib.sha256(b"evidence\n").hexdigest()},
             {"path": "local/vars.yml", "sha256": hashlib.sha256(overlay.read_bytes()).hexdigest()}],
        )  # fmt: skip

    def test_the_journal_goes_to_the_target_after_each_step_and_a_failed_copy_stops_nothing(self) -> None:
        package = self.package()
        package.write("infrastructure/ansible/playbooks/keep-journal.yml", "---\n")
        self.with_tools(package.seal())
        self.orders(keep_journal={"exit": 2})
        self.exits(0, package, "preflight")
        self.assertNotIn("keep-journal", self.steps_run())
        self.calls_file.unlink()

        run = self.exits(0, package, "import")

        self.assertEqual(self.steps_run(), ["save-before-state", "keep-journal", "import-users", "keep-journal"])
        self.assertEqual(run.stdout.count("the journal was not copied to the target"), 2)

    def test_json_is_one_document_and_text_goes_to_standard_error(self) -> None:
        package = self.ready()
        self.orders(deploy__pull_images={"changed": 2})
        document = json.loads(self.exits(0, package, "deploy", "--json").stdout)

        self.assertEqual(
            (document["exit"], document["outcome"], document["changes"], document["next"]),
            (0, "done", 2, "./migrate preflight"),
        )
        first = document["steps"][0]
        self.assertEqual((first["id"], first["state"], first["changed"]), ("deploy/pull-images", "done", 2))
        document = json.loads(self.exits(11, package, "content", "--json").stdout)
        self.assertEqual((document["outcome"], document["error"]["code"]), ("paused", "phase.not-automated"))

    def test_without_bootstrap_nothing_begins(self) -> None:
        self.exits(12, self.package().seal(), "deploy", says="next: ./migrate bootstrap")

    def test_control_characters_of_a_target_never_reach_the_terminal(self) -> None:
        self.orders(deploy__pull_images={"result": {"hosts": {"target": {"ok": 1}}, "lines": ["\x1b[2Jwiped\r"]}})
        run = self.exits(0, self.ready(), "deploy")
        self.assertIn("    \\x1b[2Jwiped\\r", run.stdout)

    def test_a_refused_or_held_run_takes_nothing_back(self) -> None:
        package = self.ready()
        self.exits(0, package, "prepare")
        self.orders(deploy__place_project={"exit": 2})
        self.migrate(package, "deploy")
        self.exits(0, package, "hold")
        for phase in ("prepare", "deploy", "verify"):
            self.exits(11, package, phase, says="paused[gate.hold]")
        self.exits(0, package, "resume")
        self.orders()

        self.assertRegex(self.exits(0, package, "status").stdout, r"(?m)^  prepare +done$")
        self.calls_file.unlink()
        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ["place-project", "start-api"])

    def test_a_long_message_is_cut_and_names_its_log(self) -> None:
        text = "\n".join(f"line {number}" for number in range(40))
        self.orders(deploy__pull_images={"result": {"hosts": {"target": {"ok": 1}}, "lines": [text]}})
        run = self.exits(0, self.ready(), "deploy")
        self.assertIn("    line 14\n    … more in /", run.stdout)
        self.assertNotIn("line 15", run.stdout)


class Verdicts(Story):
    """What Ansible's exit status alone would get wrong."""

    def ends(self, code: int, says: str, last: str, phase: str = "deploy", **order: object) -> Package:
        """Runs a phase with one unusual step, compares exit code and last line, and returns the package."""
        step = {
            "deploy": "deploy__pull_images",
            "preflight": "preflight__reach_target",
            "import": "import__import_users",
        }[phase]
        self.orders(**{step: order})
        package = self.ready()
        self.exits(code, package, phase, says=f"[{says}]")
        self.assertEqual(self.journal()[-1], last)
        return package

    def test_a_tag_that_matches_nothing_is_not_done(self) -> None:
        self.ends(11, "step.not-run", "pull-images:failed", no_tasks=True)
        self.assertEqual(self.steps_run(), [])

    def test_a_later_tag_that_matches_nothing_is_not_done_and_nothing_goes_past_it(self) -> None:
        for step, before in (("place_project", ALL[:1]), ("start_api", ALL[:2])):
            with self.subTest(step):
                self.again()
                self.orders(**{f"deploy__{step}": {"no_tasks": True}})
                self.exits(11, self.ready(), "deploy", says="[step.not-run]")
                self.assertEqual(self.steps_run(), before)
                name = step.replace("_", "-")
                self.assertEqual(self.journal()[-2:], [f"{name}:started", f"{name}:failed"])

    def test_a_step_whose_every_task_was_skipped_is_not_done_and_has_proved_nothing(self) -> None:
        skipped = {"hosts": {"target": {"skipped": 3}}}
        self.ends(11, "step.not-run", "pull-images:failed", result=skipped)
        self.assertEqual(self.steps_run(), ALL[:1])
        self.again()
        self.orders(preflight__check_controller={"result": skipped})
        self.exits(11, self.ready(), "preflight", says="paused[step.not-run]: no task ran, so nothing is known")
        document = json.loads((self.state / "packages/1/reports/1/preflight.json").read_text())
        self.assertEqual((document["verdict"], document["counts"]), ("not_run", COUNTS | {"not_run": 1, "pass": 1}))
        self.assertEqual(document["checks"][0]["why"], "no task ran")

    def test_a_run_without_a_result_is_not_done(self) -> None:
        self.ends(11, "step.not-run", "pull-images:failed", result=None)

    def test_a_result_of_another_form_is_not_done(self) -> None:
        self.ends(11, "step.not-run", "pull-images:failed", result=["hosts"])

    def test_an_unreachable_target_is_lost(self) -> None:
        self.ends(
            11,
            "step.unreachable",
            "pull-images:lost",
            exit=4,
            result={"hosts": {"target": {"ok": 0, "unreachable": 1}}},
        )

    def test_an_unreachable_target_in_preflight_is_a_refusal(self) -> None:
        unreachable = {"hosts": {"target": {"unreachable": 1}}}
        self.ends(12, "step.unreachable", "end:refused", phase="preflight", exit=4, result=unreachable)

    def test_what_to_type_next_has_the_option_that_was_typed(self) -> None:
        package = self.package()
        package.plan["phases"].append(package._phase(("export", ["read"])))
        package.write("infrastructure/ansible/playbooks/export.yml", "---\n")
        self.with_tools(package.seal())
        lost = {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}
        self.orders(abort__stop_services=lost, export__read=lost, deploy__pull_images={"exit": 2})
        for code, typed in ((11, "abort --delete-data"), (11, "export --digests"), (1, "deploy --check")):
            with self.subTest(typed):
                run = self.exits(code, package, *typed.split())
                self.assertTrue(run.stderr.endswith(f"then: ./migrate {typed}\n"), run.stderr)

    def test_o17_a_failure_that_a_rescue_swallowed_is_a_rollback(self) -> None:
        self.ends(10, "step.rolled-back", "end:rolled_back", result={"hosts": {"target": {"ok": 3, "rescued": 1}}})

    def test_an_import_that_was_taken_back_is_a_rollback_and_starts_over(self) -> None:
        result = {"hosts": {"target": {"ok": 3, "failed": 1, "rescued": 1}}, "rolled_back": True}
        package = self.ends(10, "step.rolled-back", "end:rolled_back", phase="import", exit=2, result=result)
        self.orders()
        self.calls_file.unlink()
        self.exits(0, package, "import")
        self.assertEqual(self.steps_run(), ["save-before-state", "import-users"])

    def test_an_import_that_could_not_be_put_back_is_done_again_from_what_it_saves_first(self) -> None:
        package = self.package()
        place = next(place for place, phase in enumerate(package.plan["phases"]) if phase["id"] == "import")
        steps = ["save-before-state", "import-users", "write-documents", "read-back"]
        package.plan["phases"][place] = Package._phase(("import", steps))
        self.with_tools(package.seal())
        half = {"hosts": {"target": {"ok": 3, "failed": 1, "rescued": 1}}, "undo_failed": True}
        gone = {"hosts": {"target": {"ok": 3, "unreachable": 1, "rescued": 1}}, "said": 12}
        for result, why in ((half, "that failed too"), (gone, "the target no longer answered")):
            self.orders(import__write_documents={"exit": 2, "result": result})
            run = self.exits(1, package, "import", says=f"was to be put back, and {why}\n")
            self.assertIn("error[step.undo-failed]: import/write-documents failed", run.stderr)
            self.assertIn("cause, then: ./migrate import\n", run.stderr)
            self.assertEqual((self.journal()[-1], self.steps_run()), ("write-documents:undo_failed", steps[:3]))
            self.calls_file.unlink()
            status = self.exits(0, package, "status").stdout
            self.assertRegex(status, r"(?m)^  import +1 of 4 steps, import/write-documents undo failed$")
            self.assertIn('"fail">could not be taken back</span>', (self.state / "status.html").read_text())
            self.calls_file.unlink()

        back = {"hosts": {"target": {"ok": 3, "failed": 1, "rescued": 1}}, "rolled_back": True}
        self.orders(import__read_back={"exit": 2, "result": back})
        self.exits(10, package, "import", says="error[step.rolled-back]")
        self.assertEqual(self.steps_run(), steps)
        self.calls_file.unlink()
        self.orders()
        self.exits(0, package, "import")
        self.assertEqual(self.steps_run(), steps)

    def test_what_could_not_be_put_back_is_taken_down_by_abort_and_then_begins_anew(self) -> None:
        half = {"hosts": {"target": {"ok": 3, "failed": 1, "rescued": 1}}, "undo_failed": True}
        package = self.ends(1, "step.undo-failed", "import-users:undo_failed", phase="import", exit=2, result=half)
        self.exits(0, package, "panic", says="next: ./migrate abort")
        self.exits(0, package, "abort")
        self.exits(0, package, "resume")
        self.orders()
        self.calls_file.unlink()
        self.exits(0, package, "import")
        self.assertEqual(self.steps_run(), ["save-before-state", "import-users"])


class Checks(Story):
    def test_preflight_goes_past_a_failed_check_and_reports_all(self) -> None:
        package = self.ready()
        self.orders(
            preflight__check_controller={
                "exit": 2,
                "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["no age"]},
            }
        )
        self.exits(12, package, "preflight", says="error[step.failed]")

        self.assertEqual(self.steps_run(), ["check-controller", "reach-target"])
        report = json.loads((self.state / "packages/1/reports/1/preflight.json").read_text())
        self.assertEqual((report["verdict"], report["counts"]), ("fail", COUNTS | {"fail": 1, "pass": 1}))
        self.orders()
        self.exits(0, package, "preflight")
        self.assertEqual(
            json.loads((self.state / "packages/1/reports/2/preflight.json").read_text())["verdict"], "pass"
        )

    def test_what_only_a_person_can_check_is_named_and_counts_with_its_phase(self) -> None:
        package = self.ready()
        run = self.exits(0, package, "verify")
        self.assertRegex(
            run.stdout, r"(?m)^verify/ask-a-user +by hand  ask-a-user; MIGRATION-PLAN.md, verify/ask-a-user$"
        )
        self.assertEqual(self.steps_run(), ["sign-in", "read-storage"])
        self.assertIn("21 % of what this package runs", self.exits(0, package, "status").stdout)

    def test_a_failed_verification_is_exit_1(self) -> None:
        self.orders(verify__sign_in={"exit": 2, "result": {"hosts": {"target": {"failed": 1}}}})
        self.exits(1, self.ready(), "verify", says="error[step.failed]")

    def test_o09_check_runs_every_step_and_leaves_no_journal(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy", "--check")

        self.assertEqual(self.steps_run(), ALL)
        self.assertTrue(all("--check" in call["argv"] for call in self.calls()))
        self.assertFalse((self.state / "packages/1/journal.jsonl").exists())

    def test_a_step_of_which_check_mode_looked_at_nothing_is_called_skipped(self) -> None:
        self.orders(deploy__pull_images={"result": {"hosts": {"target": {"ok": 0, "skipped": 3}}}})
        run = self.exits(0, self.ready(), "deploy", "--check")
        self.assertRegex(run.stdout, r"(?m)^deploy/pull-images +skipped ")
        self.assertRegex(run.stdout, r"(?m)^deploy/place-project +checked ")


class Secrets(Story):
    def test_a_secret_that_only_the_architect_has_is_asked_for_before_prepare(self) -> None:
        secrets = [
            {"name": name, "origin": origin, "needed_by": phase, "purpose": "what it is for"}
            for name, origin, phase in (
                ("mail_password", "provided", "prepare"),
                ("postgres_password", "generated", "prepare"),
                ("source_read", "provided", "content"),
            )
        ]
        package = self.ready(secrets=secrets)
        run = self.exits(12, package, "prepare", says="error[secret.missing]")
        self.assertNotIn("postgres_password", run.stderr)
        self.assertNotIn("source_read", run.stderr)

        command = next(line.strip() for line in run.stderr.splitlines() if line.strip().startswith("bash -c"))
        subprocess.run(["sh", "-c", command], input="pa ss'\\word\n", text=True, check=True)

        secret = self.state / "secrets/mail_password"
        self.assertEqual((secret.read_text(), mode(secret)), ("pa ss'\\word", 0o600))
        self.exits(0, package, "prepare")

    def test_preflight_asks_for_it_already_and_looks_at_everything_else_all_the_same(self) -> None:
        secrets = [
            {"name": name, "origin": "provided", "needed_by": phase, "purpose": "what it is for"}
            for name, phase in (("mail_password", "prepare"), ("zulip_api_key", "prepare"), ("source_read", "content"))
        ]
        package = self.ready(secrets=secrets)
        for orders, steps in (
            ({}, 2),
            ({"preflight__reach_target": {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}}, 4),
        ):
            self.orders(**orders)
            run = self.exits(12, package, "preflight")
            self.assertEqual(len(self.steps_run()), steps)
            self.assertRegex(run.stdout, r"(?m)^secrets/mail_password +not given yet; prepare asks for it$")
            self.assertRegex(run.stdout, r"(?m)^secrets/source_read +not given yet; content asks for it$")
        self.orders()
        run = self.exits(12, package, "preflight", says="error[secret.missing]")
        self.assertEqual(run.stderr.count("bash -c"), 2)
        for name in ("mail_password", "zulip_api_key"):
            (self.state / "secrets" / name).write_text("given")
        self.exits(0, package, "preflight")
        newest = max(
            (self.state / "packages/1/reports").glob("*/preflight.json"), key=lambda path: int(path.parent.name)
        )
        checks = {check["id"]: check["verdict"] for check in json.loads(newest.read_text())["checks"]}
        verdicts = [checks[f"secrets/{secret['name']}"] for secret in secrets]
        self.assertEqual(verdicts, ["pass", "pass", "not_run"])


class Stopping(Story):
    """However a run ends, a later one knows what is known and repeats what is not."""

    def test_o10_of_two_starts_one_runs_and_one_is_locked_at_once(self) -> None:
        package = self.ready()
        go = self.home / "go"
        self.orders(deploy__pull_images={"waits_for": str(go)})
        with self.running(package, "deploy") as first:
            self.until(lambda: self.calls())
            # At once: the first cannot end before the second has.
            run = self.exits(75, package, "deploy", says="error[state.locked]")
            self.assertIsNone(first.poll())
            self.assertIn("./migrate deploy", run.stderr)
            self.assertEqual(self.journal(), ["pull-images:started"])
            self.orders(status__show_services={})
            self.exits(0, package, "status", says="running: `./migrate deploy`")
            go.touch()
            self.assertEqual(first.wait(60), 0)
        self.assertEqual(self.journal(), WHOLE)

    def test_o10_of_two_that_start_at_the_same_moment_one_runs(self) -> None:
        package = self.ready()
        go = self.home / "go"
        self.orders(deploy__pull_images={"waits_for": str(go)})
        with self.running(package, "deploy") as one, self.running(package, "deploy") as other:
            self.until(lambda: one.poll() is not None or other.poll() is not None)
            self.assertEqual({one.poll(), other.poll()}, {75, None})
            go.touch()
            self.assertEqual({one.wait(60), other.wait(60)}, {0, 75})
        self.assertEqual((self.journal(), self.steps_run()), (WHOLE, ALL))

    def test_o04_a_step_that_outlives_its_killed_run_blocks_the_next_until_it_ends(self) -> None:
        package = self.ready()
        go = self.home / "go"
        self.orders(deploy__place_project={"waits_for": str(go)})
        with self.running(package, "deploy") as process:
            self.until(lambda: len(self.calls()) == 2)
            process.kill()
            process.wait()
        self.exits(75, package, "deploy", says="which is gone; what it started goes on")

        go.touch()
        self.until(lambda: self.migrate(package, "deploy").returncode == 0)

        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "place-project", "start-api"])
        self.assertEqual(
            self.journal(),
            ["pull-images:started", "pull-images:done", "place-project:started",
             "place-project:started", "place-project:done", "start-api:started", "start-api:done", "end:finished"],
        )  # fmt: skip

    def test_o20_a_signal_ends_the_step_says_so_and_the_next_run_repeats_it(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                self.again()
                package = self.ready()
                self.orders(deploy__place_project={"waits_for": str(self.home / "never")})
                with self.running(package, "deploy") as process:
                    self.until(lambda: len(self.calls()) == 2)
                    process.send_signal(number)
                    self.assertEqual(process.wait(60), 11)
                self.assertEqual(self.journal()[-2:], ["place-project:started", "place-project:paused"])
                self.orders()
                self.exits(0, package, "deploy")
                self.assertEqual(self.steps_run(), ["pull-images", "place-project", "place-project", "start-api"])

    def test_o07_a_torn_last_line_is_set_aside_and_no_step_repeated(self) -> None:
        package = self.ready()
        self.orders(deploy__place_project={"exit": 2})
        self.migrate(package, "deploy")
        journal = self.state / "packages/1/journal.jsonl"
        with journal.open("a") as file:
            file.write('{"v":1,"n":5,"prev')
        self.orders()

        self.exits(0, package, "deploy")

        self.assertEqual((journal.parent / "journal.jsonl.torn").read_text(), '{"v":1,"n":5,"prev\n')
        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "place-project", "start-api"])

    def test_o19_a_full_state_folder_lets_no_further_step_begin(self) -> None:
        package = self.ready()
        for _ in range(4):
            self.exits(0, package, "deploy")
        journal = self.state / "packages/1/journal.jsonl"
        before = journal.read_bytes()
        ran = len(self.calls())
        # Any file may grow to 40 bytes more than the journal has: the next line fits by half.
        limit = len(before) + 40

        process = subprocess.run(
            ["sh", package.root / "migrate", "deploy"],
            env=self.process_environment() | {"FAKE_CALLS": os.devnull},
            text=True,
            capture_output=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )

        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("error[journal.write]", process.stderr)
        self.assertEqual((journal.read_bytes(), len(self.calls())), (before, ran))


class Chain(Story):
    def test_every_line_is_bound_to_the_one_before_as_stock_tools_show(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        journal = self.state / "packages/1/journal.jsonl"

        second = json.loads(journal.read_text().splitlines()[1])
        stock = subprocess.run(
            ["sh", "-c", 'sed -n 1p "$0" | sha256sum', journal], capture_output=True, text=True, check=True
        ).stdout

        self.assertEqual(second["prev"], stock.split()[0])
        self.assertEqual(list(second), ["v", "n", "prev", "plan", "run", "phase", "step", "state", "at"])
        self.assertEqual(
            (second["v"], second["n"], second["plan"], second["step"]), (1, 2, package.digest, "deploy/pull-images")
        )

    def test_an_edited_journal_is_refused_with_its_line(self) -> None:
        edits = {
            "state": ('pull-images","state":"started', 'pull-images","state":"done', 2),
            "unknown key": ('{"v":1,"n":2', '{"x":1,"v":1,"n":2', 2),
            "version": ('{"v":1,"n":3', '{"v":2,"n":3', 3),
        }
        package = self.ready()
        self.exits(0, package, "deploy")
        journal = self.state / "packages/1/journal.jsonl"
        sound = journal.read_text()
        for name, (old, new, line) in edits.items():
            with self.subTest(name):
                self.assertIn(old, sound)
                journal.write_text(sound.replace(old, new, 1))
                self.exits(1, package, "deploy", says=f"{journal}:{line}")
        journal.write_text("".join(sound.splitlines(keepends=True)[1:]))
        self.exits(1, package, "deploy", says=f"{journal}:1")
        self.assertEqual(self.steps_run(), ALL)

    def test_the_journal_of_the_next_package_begins_at_the_last_line_of_the_old(self) -> None:
        old = self.ready()
        self.exits(0, old, "deploy")
        new = self.ready("second", number=2)
        self.exits(0, new, "deploy")

        last = (self.state / "packages/1/journal.jsonl").read_bytes().splitlines(keepends=True)[-1]
        first = json.loads((self.state / "packages/2/journal.jsonl").read_text().splitlines()[0])

        self.assertEqual((first["n"], first["prev"]), (1, hashlib.sha256(last).hexdigest()))
        self.exits(12, old, "deploy", says="error[package.older]")

    def test_o08_a_journal_of_another_plan_is_refused_and_nothing_runs(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        (self.state / "packages/1/verified").unlink()
        package.plan["plan"] = {"other": True}
        self.with_tools(package.seal())
        ran = len(self.calls())

        self.exits(12, package, "deploy", says="error[journal.other-plan]")

        self.assertEqual((len(self.calls()), self.journal()[-1]), (ran, "gate:refused"))


if __name__ == "__main__":
    unittest.main()
