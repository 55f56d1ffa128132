"""Phase `content`: what is approved, which credential is good enough, how far it is, and what stops it."""

import json
import os
import pty
import signal
import subprocess
import sys
import unittest
from datetime import UTC, datetime, timedelta
from typing import Any

from fixture import TEMPLATES, Package, Story, mode

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import credential as needs  # noqa: E402
import package as packages  # noqa: E402
import windows  # noqa: E402

SECRET = "canary-3f9d8e2b71"
FIGURES = {"objects_done": 3, "objects": 8, "bytes_done": 30, "bytes": 80, "rate": 5, "remaining_seconds": 10}


def credential(**changed: Any) -> dict[str, Any]:
    """A credential as the operator's kit issues it."""
    ends_at = datetime.now(UTC) + timedelta(days=10)
    storage = {
        "provider": "aws-s3", "endpoint": "https://s3.example", "region": "eu-west-1", "bucket": "uploads",
        "access_key_id": "AKIA", "secret_access_key": SECRET, "ca": None,
    }  # fmt: skip
    return {
        "schema": 1, "kind": "source-read", "installation": "harbour.example",
        "ends_at": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "ssh": None, "storage": storage | changed.pop("storage", {}),
    } | changed  # fmt: skip


def moves(running: bool, **figures: Any) -> dict[str, Any]:
    """A line that the playbook adds while the target copies."""
    return {"running": running, "verb": "copy", "line": "copy: 3 of 8 objects", "progress": FIGURES | figures}


def ends(said: int) -> dict[str, Any]:
    """A step that ends with the exit status of the program at the target."""
    counts = {"ok": 1, "failed": 1, "changed": 0, "unreachable": 0}
    return {"exit": 2, "result": {"hosts": {"target": counts}, "failures": ["Copy: it said why"], "said": said}}


class Content(Story):
    def copying(self) -> Package:
        """A package that copies, its credential in place, approved."""
        package = self.with_tools(self.package().copying().seal())
        self.exits(0, package, "preflight")
        self.give(credential())
        self.exits(0, package, "approve", "content")
        return package

    def give(self, document: Any) -> None:
        """Puts the credential where the Trust Architect would."""
        path = self.state / "secrets/source_read"
        path.unlink(missing_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        path.chmod(0o644)


class Approval(Content):
    def test_an_approval_holds_for_the_very_lists_of_files(self) -> None:
        package = self.copying()
        gate = self.state / "approve-content"
        by_hand = "grep -E '  (configuration/salt|content/batches/.*)$' SHA256SUMS.personal | sha256sum"
        digest = subprocess.check_output(["sh", "-c", by_hand], cwd=package.root, text=True).split()[0]
        self.assertIn(f"batches: sha256:{digest}\n", gate.read_text())

        given = gate.read_text()
        gate.write_text(given.replace(digest, "0" * 64))
        self.exits(12, package, "content", says="error[gate.other-batches]")
        gate.write_text("".join(line for line in given.splitlines(True) if not line.startswith("batches")))
        self.exits(12, package, "content", says="error[gate.other-batches]")
        self.assertEqual(self.steps_run()[-1], "reach-target")
        gate.write_text(given)
        self.exits(0, package, "content")

    def test_an_approval_falls_with_what_abort_took_down(self) -> None:
        package = self.copying()
        self.exits(0, package, "content")
        self.exits(0, package, "abort", "--delete-data")
        for phase in ("preflight", "prepare", "deploy"):
            self.exits(0, package, phase)
        ran = len(self.steps_run())
        run = self.exits(12, package, "content", says="error[gate.overtaken]: approve-content was given on ")
        self.assertIn("taken back since", run.stderr)
        self.assertIn("next: read the report of preflight, then: ./migrate approve content\n", run.stderr)
        self.assertEqual(len(self.steps_run()), ran)
        self.exits(0, package, "approve", "content")
        self.exits(0, package, "content")


class Credential(Content):
    def test_a_missing_credential_is_asked_for_before_content_and_not_before(self) -> None:
        package = self.copying()
        (self.state / "secrets/source_read").unlink()
        self.exits(0, package, "prepare")
        run = self.exits(12, package, "content", says="error[secret.missing]")
        self.assertIn("install -m 0600", run.stderr)
        self.assertEqual(self.journal()[-1], "gate:refused")

    def test_preflight_is_told_where_the_storage_is_and_no_key_of_it(self) -> None:
        package = self.with_tools(self.package().copying().seal())
        for document, told in (
            (None, {}),
            (f'{{"secret": "{SECRET}", ', {}),
            ('{"storage": [1]}', {}),
            (credential(), {"endpoint": "https://s3.example", "bucket": "uploads"}),
            (credential(storage={"ca": "a certificate"}),
             {"endpoint": "https://s3.example", "bucket": "uploads", "ca": "a certificate"}),
        ):  # fmt: skip
            if document is not None:
                self.give(document)
            run = self.migrate(package, "preflight")
            (text, *_) = sorted(
                (self.state / "packages/1").glob("variables-*.json"), key=lambda file: -file.stat().st_mtime_ns
            )
            self.assertEqual(json.loads(text.read_text())["stufpack_source"], told, run.stderr)
            self.assertNotIn(SECRET, text.read_text())

    def test_preflight_refuses_one_that_would_not_do_until_it_is_not_needed_any_more(self) -> None:
        package = self.copying()
        self.give(credential(ends_at=datetime.now(UTC).isoformat()))
        run = self.exits(12, package, "preflight", says="error[secret.form]")
        self.assertRegex(run.stdout, r"(?m)^secrets/source_read +this credential cannot be used: it has ended, at ")
        self.give(credential())
        self.exits(0, package, "preflight")
        self.exits(0, package, "approve", "content")
        self.exits(0, package, "content")
        self.give(credential(ends_at=datetime.now(UTC).isoformat()))
        self.exits(0, package, "preflight")

    def test_only_a_sound_credential_is_taken_and_none_is_ever_shown(self) -> None:
        package = self.copying()
        now = datetime.now(UTC).isoformat()
        wrong: dict[str, Any] = {
            "not a JSON object": f'{{"secret": "{SECRET}", ',
            "no source-read of schema 1": credential(kind="source-cutover"),
            "another installation": credential(installation="other.example"),
            "must have provider": credential(storage={"secret_access_key": ""}),
            "must be a certificate": credential(storage={"ca": 5}),
            "not https": credential(storage={"endpoint": "http://s3.example"}),
            "it has ended, at ": credential(ends_at=now),
            "not a time": credential(ends_at="2999-01-01T00:00:00"),
        }
        ran = len(self.steps_run())
        for why, document in wrong.items():
            with self.subTest(why):
                self.give(document)
                run = self.exits(12, package, "content", says="error[secret.form]")
                self.assertIn(why, run.stderr)
                self.assertNotIn(SECRET, run.stdout + run.stderr)
        self.assertEqual(len(self.steps_run()), ran)

        self.give(credential(storage={"endpoint": "http://127.0.0.1:9000"}))
        self.exits(0, package, "content")
        self.assertEqual(mode(self.state / "secrets/source_read"), 0o600)

    def test_one_that_ends_while_copying_still_waits_for_its_window_is_refused(self) -> None:
        """A window that opens in three days, and a credential that would do for what is planned in it."""
        opens = (datetime.now(UTC) + timedelta(days=3)).replace(hour=8, minute=0, second=0, microsecond=0)
        unsealed = self.package().copying()
        unsealed.plan["content"]["may_run"] = [f"{opens:%a} 08:00-20:00 UTC".lower().replace("utc", "UTC")]
        package = self.with_tools(unsealed.seal())
        self.exits(0, package, "preflight")
        self.give(credential(ends_at=(opens - timedelta(hours=12)).isoformat()))
        self.exits(0, package, "approve", "content")
        run = self.exits(12, package, "content", says="error[secret.form]")
        # Ten seconds of copying, four of carrying what changed, and twenty of what is done after it.
        until = (opens + timedelta(seconds=34)).isoformat()
        why = f"which reads the source's files in its windows alone, needs it until {until}, as planned"
        self.assertIn(why, run.stderr)
        self.give(credential(ends_at=(opens + timedelta(minutes=1)).isoformat()))
        self.exits(0, package, "content")

    def test_the_proof_waits_for_a_window_wherever_it_reads_the_source(self) -> None:
        """Four seconds of carrying what changed, seven of reading back the target, three of reading the source."""
        unsealed = self.package().copying()
        unsealed.plan["content"]["may_run"] = ["mon-fri 20:00-06:00 UTC", "sat 08:00-20:00 UTC"]
        package = packages.read(unsealed.seal().root)
        phase = package.phase("content")
        assert phase is not None
        cases = (
            # 2026-11-28 is a Saturday, and the window after it Monday's. Ten seconds to place the key, ten to copy.
            ("2026-11-28T19:58:00", "2026-11-28T19:58:44"),
            ("2026-11-28T19:59:26", "2026-11-28T20:00:10"),  # all but the last step
            ("2026-11-28T19:59:27", "2026-11-30T20:00:11"),  # the last second of reading the source
            ("2026-11-28T19:59:35", "2026-11-30T20:00:13"),  # only reading it
            ("2026-11-28T19:59:37", "2026-11-30T20:00:21"),  # the last second of carrying, and all after it
            ("2026-11-28T19:59:45", "2026-11-30T20:00:29"),  # five seconds of copying
        )
        for now, expected in cases:
            with self.subTest(now):
                found = needs.needed_until(package, phase, datetime.fromisoformat(now))
                self.assertEqual(found.isoformat(), expected)

    def test_once_copying_was_begun_one_will_do_that_has_not_ended(self) -> None:
        unsealed = self.package().copying()
        content = next(phase for phase in unsealed.plan["phases"] if phase["id"] == "content")
        for step in content["steps"]:
            step["estimate"] = {"seconds": 3 * 86400 if step["id"] == "content/copy-batches" else 10}
        package = self.with_tools(unsealed.seal())
        self.exits(0, package, "preflight")
        self.exits(0, package, "approve", "content")
        # Three days of copying, and of one key a day is left.
        lasts, soon = credential(), (datetime.now(UTC) + timedelta(days=1)).isoformat()
        self.give(lasts)
        self.orders(content__place_read_key=ends(1))
        self.exits(1, package, "content")
        self.give(credential(ends_at=soon))
        self.exits(12, package, "content", says="; the phase needs it until ")
        self.give(lasts)
        self.orders(content__copy_batches=ends(11))
        self.assertNotIn("source_read ends at", self.exits(11, package, "content").stdout)
        self.give(credential(ends_at=soon))
        run = self.exits(11, package, "content")
        self.assertIn(f"    source_read ends at {soon}; all of the phase from now on would need it until ", run.stdout)
        self.give(credential(ends_at=datetime.now(UTC).isoformat()))
        self.exits(12, package, "content", says="this credential cannot be used: it has ended, at ")
        with self.subTest("another pass copies anew"):
            self.orders()
            self.give(lasts)
            self.exits(0, package, "content")
            self.give(credential(ends_at=soon))
            self.exits(12, package, "content", says="; the phase needs it until ")

    def test_once_all_is_proven_the_phase_ends_with_whichever_and_with_none(self) -> None:
        package = self.copying()
        lost = {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}
        self.orders(content__remove_read_key=lost)
        self.exits(11, package, "content")
        given = self.state / "secrets/source_read"
        now = datetime.now(UTC)
        cases: dict[str, Any] = {
            "it ends before a whole phase would": credential(ends_at=(now + timedelta(seconds=20)).isoformat()),
            "it has ended": credential(ends_at=now.isoformat()),
            "another one": credential(storage={"access_key_id": "AKIB"}),
            "none": None,
        }
        for why, document in cases.items():
            with self.subTest(why):
                given.unlink()
                if document is not None:
                    self.give(document)
                ran = len(self.steps_run())
                run = self.exits(11, package, "content", says="step.unreachable")
                self.assertNotIn("source_read", run.stdout)
                self.assertEqual(self.steps_run()[ran:], ["remove-read-key"])
        self.orders()
        with self.subTest("what is only looked at is all of the phase"):
            self.exits(12, package, "content", "--check", says="error[secret.missing]")
        self.exits(0, package, "content")
        with self.subTest("another pass reads the source again"):
            self.exits(12, package, "content", says="error[secret.missing]")
        with self.subTest("and so does one that was cut off before it could say that it had ended"):
            lines = self.state / "packages/1/journal.jsonl"
            whole = lines.read_bytes().splitlines(keepends=True)
            lines.write_bytes(b"".join(whole[: self.journal().index("end:finished", -2)]))
            self.assertEqual(self.journal()[-1], "remove-read-key:done")
            self.exits(12, package, "content", says="error[secret.missing]")

    def test_work_that_keeps_to_the_windows_ends_when_they_let_it(self) -> None:
        nights = ["mon-fri 20:00-06:00 UTC", "sat 08:00-20:00 UTC"]
        cases = (
            # 2026-11-22 is a Sunday.
            ("2026-11-22T17:36:00", nights, 60, "2026-11-23T20:01:00"),
            ("2026-11-24T05:59:30", nights, 60, "2026-11-24T20:00:30"),
            ("2026-11-24T05:59:00", nights, 60, "2026-11-24T06:00:00"),
            ("2026-11-21T08:00:00", nights, 13 * 3600, "2026-11-23T21:00:00"),
            ("2026-11-23T20:00:00", nights, 62 * 3600, "2026-11-28T20:00:00"),
            ("2026-11-23T20:00:00", nights, 2 * 62 * 3600 + 1, "2026-12-07T20:00:01"),
            ("2026-11-22T23:00:00", ["sun 22:00-04:00 UTC"], 5 * 3600, "2026-11-23T04:00:00"),
            ("2026-11-22T17:36:00", nights, 0, "2026-11-22T17:36:00"),
            ("2026-11-22T17:36:00", [], 60, "2026-11-22T17:37:00"),
        )
        for now, allowed, seconds, expected in cases:
            with self.subTest(now=now, seconds=seconds):
                found = windows.ends(datetime.fromisoformat(now), allowed, seconds)
                self.assertEqual(found.isoformat(), expected)
        self.assertRaises(ValueError, windows.ends, datetime.now(UTC), ["someday 22:00-06:00 UTC"], 1)
        self.assertRaises(ValueError, windows.ends, datetime.now(UTC), ["mon 22:00-06:00"], 1)

    def test_another_one_that_is_given_meanwhile_is_placed_too(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches=ends(1))
        self.exits(1, package, "content")
        self.give(credential(storage={"access_key_id": "AKIB"}))
        self.orders(content__place_read_key=ends(1))
        self.exits(1, package, "content")
        # What was not brought is brought by the next run, and what was is not brought again.
        self.orders(content__copy_batches=ends(1))
        self.exits(1, package, "content")
        self.exits(1, package, "content")
        ran = self.steps_run()[-6:]
        first, renewed = ["place-read-key", "copy-batches"], ["place-read-key"]
        self.assertEqual(ran, [*first, *renewed, *first, "copy-batches"])
        with self.subTest("and the file that tells which one it was leaves nothing of it"):
            kept = next(self.state.rglob("source_read.sha256"))
            self.assertEqual(mode(kept), 0o600)
            self.assertNotIn(SECRET, kept.read_text())


class Following(Content):
    def test_for_programs_standard_output_is_json_lines_with_the_document_last(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches={"progress": [moves(True), moves(True), moves(False, objects_done=8)]})
        run = self.exits(0, package, "content", "--json")
        *progress, document = map(json.loads, run.stdout.splitlines())
        self.assertEqual([line["progress"]["objects_done"] for line in progress], [3, 8])
        self.assertEqual(progress[0]["progress"], {"step": "content/copy-batches"} | FIGURES)
        self.assertEqual((document["outcome"], len(document["steps"])), ("done", 4))
        self.assertEqual(list(self.state.rglob("progress-*")), [])

    def test_on_a_terminal_one_line_moves_and_ends_as_every_other(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches={"progress": [moves(True), "not of its form"], "changed": 1})
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            ["sh", package.root / "migrate", "content"], env=self.process_environment(), stdin=subprocess.DEVNULL,
            stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        output = b""
        while True:
            try:
                output += os.read(controller, 65536)
            except OSError:  # the last one has closed it
                break
        os.close(controller)
        self.assertEqual(process.wait(), 0, output)
        self.assertRegex(
            output.decode(),
            r"\r\x1b\[Kcontent/copy-batches +copy: 3 of 8 objects\r\x1b\[Kcontent/copy-batches +done +1 change ",
        )

    def test_the_page_follows_the_copy(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches={"progress": [moves(True)], "waits_for": str(self.home / "go")})
        page = self.state / "status.html"
        with self.running(package, "content") as process:
            self.until(lambda: "\n3 of 8 objects, 0.0 of 0.0 MB, 10 s left</dd>" in page.read_text())
            (self.home / "go").touch()
            self.assertEqual(process.wait(60), 0)
        self.assertNotIn("3 of 8 objects", page.read_text())

    def test_a_signal_leaves_a_copy_or_a_proof_running_and_says_so(self) -> None:
        package = self.copying()
        for step in ("copy-batches", "prove-batches"):
            order = {"progress": [moves(True)], "waits_for": str(self.home / "never")}
            self.orders(**{f"content__{step.replace('-', '_')}": order})
            with self.running(package, "content", "--json") as process:
                assert process.stdout is not None
                self.assertIn("progress", process.stdout.readline())
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(60), 11)
                assert process.stderr is not None
                said = process.stderr.read()
            self.assertIn(f"goes on with content/{step}: ./migrate content follows it, ./migrate hold stops it.", said)
            self.assertEqual(self.journal()[-1], f"{step}:paused")

    def test_a_lost_line_leaves_a_proof_running_and_says_so_and_the_same_command_follows_it(self) -> None:
        package = self.copying()
        lost = {"exit": 4, "result": {"hosts": {"target": {"ok": 1, "unreachable": 1}}}}
        self.orders(content__prove_batches=lost | {"progress": [moves(True)]})
        run = self.exits(11, package, "content", says="step.unreachable")
        self.assertIn("The target machine goes on with content/prove-batches by itself; ./migrate content", run.stderr)
        self.assertEqual(self.journal()[-1], "prove-batches:lost")
        ran = len(self.steps_run())
        # It is not known to work there where the last that was heard of it was its end.
        self.orders(content__prove_batches=lost | {"progress": [moves(True), moves(False)]})
        run = self.exits(11, package, "content", says="step.unreachable")
        self.assertIn("Whether content/prove-batches happened is unknown; it will be repeated.", run.stderr)
        self.orders()
        self.exits(0, package, "content")
        again = [step for step in self.steps_run()[ran:] if step != "keep-journal"]
        self.assertEqual(again, ["prove-batches", "prove-batches", "remove-read-key"])

    def test_status_has_the_figures_for_machines(self) -> None:
        package = self.copying()
        told = [moves(False) | {"verb": "status"}]
        self.orders(
            status__show_services={"progress": told, "result": {"hosts": {"target": {"ok": 1}}, "lines": ["x"]}}
        )
        document = json.loads(self.exits(0, package, "status", "--json").stdout)
        self.assertEqual(document["target"]["content"], FIGURES)
        self.orders()
        document = json.loads(self.exits(0, package, "status", "--json").stdout)
        self.assertIsNone(document["target"]["content"], "figures of another time are none")

    def test_what_the_program_at_the_target_says_decides_how_the_run_ends(self) -> None:
        cases = {11: (11, "paused[step.paused]"), 12: (12, "error[step.refused]"), 75: (75, "error[step.locked]"),
                 1: (1, "error[step.failed]")}  # fmt: skip
        package = self.copying()
        for said, (code, says) in cases.items():
            with self.subTest(said):
                self.orders(content__copy_batches=ends(said))
                run = self.exits(code, package, "content", says=says)
                self.assertIn("it said why", run.stdout)
        self.orders()
        run = self.exits(0, package, "content")
        self.assertRegex(run.stdout, r"(?m)^content/place-read-key +done earlier$")

    def test_o16_hold_stops_a_followed_copy_and_resume_lets_content_go_on(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches=ends(11) | {"waits_for": str(self.home / "held")})
        with self.running(package, "content") as process:
            self.until(lambda: "copy-batches:started" in self.journal())
            self.exits(0, package, "hold", says="its next step, a copy or proof at the end of its batch or object")
            (self.home / "held").touch()
            self.assertEqual(process.wait(60), 11)
            assert process.stderr is not None
            self.assertIn("paused[gate.hold]", process.stderr.read())
        self.assertEqual(self.journal()[-1], "copy-batches:paused")
        self.orders()
        self.exits(0, package, "resume", says="HOLD is gone")
        self.exits(0, package, "content")
        self.assertEqual(self.steps_run().count("place-read-key"), 1)

    def test_hold_reaches_a_copy_that_nobody_follows(self) -> None:
        package = self.copying()
        self.exits(0, package, "hold")
        self.assertNotIn("hold", self.steps_run(), "nothing was begun, so there is nobody to tell")
        self.exits(0, package, "resume")
        self.orders(content__copy_batches=ends(11))
        self.exits(11, package, "content")
        for verb in ("hold", "panic"):
            told = {"hosts": {"target": {"ok": 1}}, "lines": ["the copy stops"]}
            self.orders(hold={"result": told})
            self.exits(0, package, verb, says="no phase begins that goes forward; the copy stops")
        self.assertEqual(self.steps_run()[-2:], ["hold", "hold"])
        self.orders(hold={"result": {"hosts": {"target": {"unreachable": 1}}}, "exit": 4})
        self.exits(0, package, "hold", says="THE TARGET COULD NOT BE TOLD")
        self.assertTrue((self.state / "HOLD").exists())


PROOF = {"id": "content/objects", "verdict": "pass", "expected": "each of 8 objects", "observed": "verified 8",
         "why": None, "required": True, "ran_at": "2026-11-21T00:00:00Z"}  # fmt: skip


class Proof(Content):
    def proving(self, verdict: str = "pass", said: int = 0) -> None:
        """What the proving step leaves, and how it ends."""
        ending = ends(said) if said else {}
        self.orders(content__prove_batches=ending | {"checks": [PROOF | {"verdict": verdict}]})

    def validation(self, run: int) -> Any:
        """What the operation folder of a run says of its proof."""
        folder = self.state / f"packages/1/operations/{run}-content"
        return json.loads((folder / "operation.json").read_text())["validation"]

    def cutting_over(self) -> Package:
        """A package whose cutover builds on content and verification, as every plan has it."""
        package = self.package().copying()
        for phase in package.plan["phases"]:
            if phase["id"] == "cutover":
                phase["after"] = ["content", "verify"]
        self.with_tools(package.seal())
        self.exits(0, package, "preflight")
        self.give(credential())
        self.exits(0, package, "approve", "content")
        return package

    def test_an_operation_says_what_its_proof_came_to(self) -> None:
        package = self.copying()
        said = (("fail", 1, 1), ("unverifiable", 11, 11), ("pass", 0, 0), ("not_run", 0, 0))
        for run, (verdict, exit_code, code) in enumerate(said, start=2):
            with self.subTest(verdict):
                self.proving(verdict, exit_code)
                self.exits(code, package, "content")
                self.assertEqual(self.validation(run), verdict)
        report = json.loads((self.state / "packages/1/reports/5/content.json").read_text())
        self.assertEqual([check["id"] for check in report["checks"]], ["content/objects"])
        self.assertEqual(report["checks"][0]["step"], "content/prove-batches")
        clear = self.state / "packages/1/operations/5-content/reports/content.json"
        self.assertNotIn("verified 8", clear.read_text())

    def test_where_no_proof_came_to_a_verdict_there_is_no_report(self) -> None:
        package = self.copying()
        self.orders(content__copy_batches=ends(11))
        self.exits(11, package, "content")
        self.assertEqual(self.validation(2), "not_run")
        self.orders(content__prove_batches=ends(1))
        self.exits(1, package, "content")
        self.assertEqual(self.validation(3), "not_run")
        self.proving()
        self.exits(0, package, "content", "--check")
        self.assertEqual(list(self.state.rglob("content.json")), [])

    def test_a_verdict_stands_though_the_phase_stops_after_it(self) -> None:
        package = self.copying()
        self.proving()
        orders = json.loads(self.orders_file.read_text())
        self.orders_file.write_text(json.dumps(orders | {"content/remove-read-key": ends(1)}))
        self.exits(1, package, "content")
        self.assertEqual(self.validation(2), "pass")

    def test_the_cutover_rests_on_a_proof_that_passed_and_the_verification_does_not(self) -> None:
        package = self.cutting_over()
        self.exits(0, package, "verify")
        missing = self.exits(12, package, "approve", "cutover", says="error[gate.no-report]")
        self.assertIn("next: ./migrate content, read its report, then: ./migrate approve cutover", missing.stderr)
        run = self.exits(12, package, "cutover", says="error[phase.too-early]")
        self.assertIn("next: ./migrate content\n", run.stderr)
        self.proving("fail", 1)
        self.exits(1, package, "content")
        self.exits(12, package, "approve", "cutover", says="the newest report of content says fail")
        self.proving()
        self.exits(0, package, "content")
        self.exits(0, package, "approve", "cutover")
        self.proving("unverifiable", 11)
        self.exits(11, package, "content")
        self.exits(12, package, "cutover", says="error[phase.too-early]")
        self.exits(12, package, "approve", "cutover", says="the newest report of content says unverifiable")
        # Another pass that has not come to its proof takes the old one's word away too.
        self.proving()
        self.exits(0, package, "content")
        self.orders(content__copy_batches=ends(11))
        self.exits(11, package, "content")
        self.exits(12, package, "approve", "cutover", says="what content looked at has not come to its end")
        self.proving()
        self.exits(0, package, "content")
        self.exits(0, package, "cutover")


if __name__ == "__main__":
    unittest.main()
