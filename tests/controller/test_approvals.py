"""What an approval opens: this plan, what its report saw as it was seen, and only while that stands."""

import hashlib
import json
import os
import sys
import unittest
from unittest import mock

from fixture import TEMPLATES, Package, Story, mode

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import gates  # noqa: E402
from outcome import Stop  # noqa: E402

WARNS = {"id": "mail/second", "verdict": "warn", "expected": "a second mail server", "observed": "none",
         "why": "no second server", "required": True, "ran_at": "2026-11-21T00:00:00Z"}  # fmt: skip


class Approvals(Story):
    def verified(self) -> Package:
        """A package whose verification has passed, so that the cutover may be approved."""
        package = self.ready()
        self.exits(0, package, "verify")
        return package

    def report(self, run: int = 1) -> str:
        """The digest by which an approval names the report of a verification."""
        content = (self.state / f"packages/1/reports/{run}/verify.json").read_bytes()
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def test_nothing_is_approved_before_the_report_that_it_rests_on(self) -> None:
        package = self.ready()
        run = self.exits(12, package, "approve", "cutover", says="error[gate.no-report]")
        self.assertIn("next: ./migrate verify, read its report, then: ./migrate approve cutover", run.stderr)
        self.orders(verify__sign_in={"exit": 2, "result": {"hosts": {"target": {"failed": 1}}}})
        self.migrate(package, "verify")
        self.exits(12, package, "approve", "cutover", says="the newest report of verify says fail")
        self.assertFalse((self.state / "approve-cutover").exists())

    def test_an_approval_holds_only_while_what_was_verified_stands(self) -> None:
        package = self.verified()
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "abort")
        self.exits(12, package, "approve", "cutover", says="what verify looked at was taken back since")
        self.exits(12, package, "cutover", says="error[gate.bad-report]")
        self.assertEqual(self.journal()[-1], "gate:refused")

    def test_a_phase_that_is_not_run_cannot_be_approved(self) -> None:
        package = self.ready()
        self.exits(11, package, "approve", "content", says="this package does not run content")
        self.exits(11, package, "approve", "provision", says="this target needs no provision")
        run = self.exits(12, package, "approve", "cutovr", says="error[gate.unknown]")
        self.assertIn("next: ./migrate approve cutover, if that was meant\n", run.stderr)
        self.assertEqual(list(self.state.glob("approve-*")), [])

    def test_o01_without_approval_no_step_runs(self) -> None:
        package = self.verified()
        ran = len(self.steps_run())
        run = self.exits(12, package, "cutover", says="error[gate.closed]")
        self.assertIn("next: read the report of verify, then: ./migrate approve cutover", run.stderr)
        self.assertEqual((self.journal()[-1], len(self.steps_run())), ("gate:refused", ran))

    def test_o02_an_approval_opens_its_gate_for_exactly_this_plan_and_names_who_gave_it(self) -> None:
        package = self.verified()
        gate = self.state / "approve-cutover"
        run = self.exits(0, package, "approve", "cutover", "--strategy", "phased", "--by", "Ada Lovelace")
        given = f"digest: {package.digest}\nby: Ada Lovelace\nstrategy: phased\nreport: {self.report()}\n"
        self.assertEqual(gate.read_text(), given)
        self.assertEqual(mode(gate), 0o600)
        for said in (package.digest, "by: Ada Lovelace", "reports/1/verify.json"):
            self.assertIn(said, run.stdout)

        gate.write_text(f"digest: sha256:{'0' * 64}\nby: Ada\n")
        self.exits(12, package, "cutover", says="error[gate.other-plan]")
        for nobody in ("", "by: none\n", f"by: {'A' * 201}\n"):
            gate.write_text(f"digest: {package.digest}\n{nobody}")
            self.exits(12, package, "cutover", says="error[gate.nobody]")
        for name in ("none", " ", "A" * 201):
            self.exits(12, package, "approve", "cutover", "--by", name, says="error[gate.by]")
        for other in ("", f"report: sha256:{'0' * 64}\n"):
            gate.write_text(f"digest: {package.digest}\nby: Ada\n{other}")
            self.exits(12, package, "cutover", says="error[gate.other-report]")
        gate.write_text(f"digest: {package.digest}\nby: Ada\n\nreport: {self.report()}\n")
        self.exits(0, package, "cutover")

    def test_a_gate_with_unknown_lines_or_open_to_others_stays_closed(self) -> None:
        package = self.verified()
        self.exits(0, package, "approve", "cutover")
        gate = self.state / "approve-cutover"
        for open_to in (0o666, 0o620, 0o602):
            gate.chmod(open_to)
            run = self.exits(12, package, "cutover", says="error[gate.open-to-others]")
            self.assertIn(f"\nnext: see by whom: ls -l '{gate}'; then ", run.stderr)
            self.assertRegex(run.stderr, r"then: \./migrate approve cutover[a-z -]*, which writes it anew\n$")
        self.exits(0, package, "approve", "cutover")
        self.assertEqual(mode(gate), 0o600)
        gate.write_text(gate.read_text() + "force: yes\n")
        self.exits(12, package, "cutover", says="error[gate.line]")

    def test_a_gate_that_belongs_to_somebody_else_stays_closed(self) -> None:
        gate = self.home / "approve-cutover"
        gate.write_text("by: Ada\n")
        gate.chmod(0o600)
        self.assertEqual(gates.written(gate, "approve-cutover", "approve again"), "by: Ada\n")
        other = os.geteuid() + 1
        with mock.patch.object(os, "geteuid", return_value=other), self.assertRaises(Stop) as closed:
            gates.written(gate, "approve-cutover", "approve again")
        self.assertEqual(closed.exception.code, "gate.open-to-others")

    def test_a_gate_that_is_no_file_stays_closed_and_nobody_waits_for_it(self) -> None:
        package = self.verified()
        gate = self.state / "approve-cutover"
        self.exits(0, package, "approve", "cutover")
        gate.rename(self.home / "given")
        for kind in ("a pipe", "a link"):
            if kind == "a pipe":
                os.mkfifo(gate)
            else:
                gate.symlink_to(self.home / "given")
            self.exits(12, package, "cutover", says="error[gate.unreadable]: approve-cutover is no plain file")
            self.exits(0, package, "status", says="set: approve-cutover")
            page = (self.state / "status.html").read_text()
            self.assertIn("read the report of verify, then: ./migrate approve", page)
            gate.unlink()
        (self.home / "given").rename(gate)
        self.exits(0, package, "cutover")

    def test_a_stop_that_is_a_folder_holds_and_resume_says_how_it_goes_away(self) -> None:
        package = self.ready()
        for name in ("HOLD", "PANIC"):
            folder = self.state / name
            folder.mkdir()
            self.exits(11, package, "verify", says=f"paused[gate.{name.lower()}]")
            run = self.exits(11, package, "resume", says=f"paused[gate.{name.lower()}]: {name} is a folder")
            self.assertIn(f"next: rmdir '{folder}', then: ./migrate resume\n", run.stderr)
            folder.rmdir()
        self.exits(0, package, "resume", says="there was no HOLD")

    def test_a_warning_keeps_the_gate_closed_until_it_is_accepted_by_name(self) -> None:
        package = self.ready()
        slow = WARNS | {"id": "times/p95", "observed": "0.46 s", "why": None}
        self.orders(verify__sign_in={"checks": [slow, WARNS]})
        approve = "./migrate approve cutover --strategy immediate --accept times/p95 --accept mail/second"
        self.exits(0, package, "verify")
        waits = f"<code>read the report of verify, which warns of times/p95, mail/second, then: {approve}</code>"
        self.assertIn(waits, (self.state / "status.html").read_text())
        gate = self.state / "approve-cutover"

        for given in ((), ("--accept", "times/p95")):
            run = self.exits(12, package, "approve", "cutover", "--by", "Ada B", *given, says="error[gate.warning]")
            self.assertIn("mail/second (none; no second server)", run.stderr)
            self.assertEqual("times/p95 (0.46 s)" in run.stderr, not given)
            again = approve.replace("immediate", "immediate --by 'Ada B'")
            self.assertIn(f"next: read it, then, if you can live with that: {again}\n", run.stderr)
        both = ("--accept", "mail/second", "--accept=times/p95")
        run = self.exits(12, package, "approve", "cutover", *both, "--accept", "times", says="error[gate.accept]")
        self.assertIn("the report warns of nothing called 'times'", run.stderr)
        self.exits(2, package, "verify", "--accept", "x", says="--accept belongs to approve alone")
        self.assertFalse(gate.exists())
        run = self.exits(0, package, "approve", "cutover", "--by", "Ada", *both)
        seen = "accepts: times/p95 0.46 s\naccepts: mail/second none; no second server\n"
        self.assertEqual(gate.read_text(), f"digest: {package.digest}\nby: Ada\nreport: {self.report()}\n{seen}")

        # A later report counts: what it warns of beside that was accepted by nobody, what is well again needs no more.
        self.orders(verify__sign_in={"checks": [slow, WARNS | {"id": "disk/room"}]})
        self.exits(0, package, "verify")
        run = self.exits(12, package, "cutover", says="error[gate.warning]")
        self.assertIn("disk/room (none; no second server)", run.stderr)
        self.assertNotIn("times/p95 (", run.stderr)
        self.orders(verify__sign_in={"checks": [slow]})
        self.exits(0, package, "verify")
        self.exits(0, package, "cutover")
        approval = json.loads((self.state / "packages/1/operations/5-cutover/approval.json").read_text())
        self.assertEqual(approval["accepts"], ["times/p95", "mail/second"])
        # Each is named as what it was: the report that was read, and the newest when the gate opened.
        named = {key: (approval[key]["path"], f"sha256:{approval[key]['sha256']}") for key in ("report", "newest")}
        self.assertEqual(
            named,
            {"report": ("reports/1/verify.json", self.report(1)), "newest": ("reports/4/verify.json", self.report(4))},
        )

    def test_a_warning_is_accepted_as_it_was_seen_and_not_by_its_name_alone(self) -> None:
        slow = WARNS | {"id": "times/p95", "observed": "0.46 s", "why": None}
        worse = {
            "4600 s, 99 % failed": [slow | {"observed": "4600 s, 99 % failed"}],
            "0.46 s; slower than yesterday": [slow | {"why": "slower than yesterday"}],
            "0.46 s · 4600 s": [slow, slow | {"observed": "4600 s"}],
        }
        for told, checks in worse.items():
            with self.subTest(told):
                self.again()
                package = self.ready()
                self.orders(verify__sign_in={"checks": [slow]})
                self.exits(0, package, "verify")
                self.exits(0, package, "approve", "cutover", "--by", "Ada", "--accept", "times/p95")
                self.orders(verify__sign_in={"checks": checks})
                self.exits(0, package, "verify")
                run = self.exits(12, package, "cutover", says="error[gate.warning]")
                self.assertIn(f"times/p95 ({told})", run.stderr)
                self.assertEqual(list(self.state.glob("packages/1/operations/*-cutover")), [])
                self.exits(0, package, "approve", "cutover", "--by", "Ada", "--accept", "times/p95")
                self.exits(0, package, "cutover")

    def test_what_was_seen_takes_one_line_of_the_gate_whatever_it_holds(self) -> None:
        package = self.ready()
        hostile = {"observed": "0.46 s\nby: Eve\u2028digest: x \x1b[2J", "why": "\taccepts: disk/room\x85"}
        self.orders(verify__sign_in={"checks": [WARNS | hostile]})
        self.exits(0, package, "verify")
        self.exits(0, package, "approve", "cutover", "--by", "Ada", "--accept", "mail/second")
        lines = (self.state / "approve-cutover").read_text().splitlines()
        seen = r"0.46 s by: Eve digest: x \x1b[2J; accepts: disk/room"
        self.assertEqual(lines[1:], ["by: Ada", f"report: {self.report()}", f"accepts: mail/second {seen}"])
        self.exits(0, package, "cutover")

    def test_an_approval_of_what_was_taken_back_opens_nothing_that_was_built_since(self) -> None:
        package = self.verified()
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "abort")
        self.exits(0, package, "verify")
        run = self.exits(12, package, "cutover", says="error[gate.overtaken]: approve-cutover was given on ")
        self.assertIn("reports/1/verify.json, and what that looked at was taken back since", run.stderr)
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "cutover")

    def test_an_approval_from_before_the_warning_does_not_open_the_gate(self) -> None:
        package = self.verified()
        self.exits(0, package, "approve", "cutover", "--strategy", "phased")
        self.orders(verify__sign_in={"checks": [WARNS]})
        self.exits(0, package, "verify")
        run = self.exits(12, package, "cutover", says="error[gate.warning]")
        self.assertRegex(run.stderr, r"./migrate approve cutover --by \S+ --strategy phased --accept mail/second")
        with (self.state / "approve-cutover").open("a") as gate:
            gate.write("accepts: mail/second\n")
        self.exits(12, package, "cutover", says="error[gate.warning]")
        with (self.state / "approve-cutover").open("a") as gate:
            gate.write("accepts: mail/second none; no second server\n")
        self.exits(0, package, "cutover")

    def test_a_warning_that_cannot_be_named_proves_nothing(self) -> None:
        for change in ({"id": "a b"}, {"id": "--by"}, {"id": "x\naccepts"}):
            with self.subTest(change):
                package = self.ready()
                self.orders(verify__sign_in={"checks": [WARNS | change]})
                self.exits(0, package, "verify")
                self.exits(12, package, "approve", "cutover", says="error[gate.bad-report]")
                self.again()

    def test_a_report_whose_verdict_does_not_follow_from_its_checks_opens_no_gate(self) -> None:
        package = self.verified()
        path = self.state / "packages/1/reports/1/verify.json"
        read = path.read_text()
        document = json.loads(read)
        self.exits(0, package, "approve", "cutover")
        for word in ("fail", "unverifiable", "not_run", "warn"):
            with self.subTest(word):
                changed = {**document, "checks": [document["checks"][0] | {"verdict": word}, *document["checks"][1:]]}
                path.write_text(json.dumps(changed))
                says = f"the newest report of verify says pass, and its checks come to {word}"
                self.exits(12, package, "approve", "cutover", says=says)
                self.exits(12, package, "cutover", says="error[gate.bad-report]")
        for changed in (
            {**document, "checks": [document["checks"][0] | {"verdict": "good"}, *document["checks"][1:]]},
            {**document, "checks": []},
            {**document, "verdict": "warn"},
        ):
            path.write_text(json.dumps(changed))
            self.exits(12, package, "approve", "cutover", says="error[gate.bad-report]")
        # The same verdicts in other bytes are not what was read.
        path.write_text(json.dumps(document))
        self.exits(12, package, "cutover", says="error[gate.other-report]")
        path.write_text(read)
        self.exits(0, package, "cutover")

    def test_o09_check_evaluates_the_gate_all_the_same(self) -> None:
        package = self.verified()
        lines = len(self.journal())
        self.exits(12, package, "cutover", "--check", says="error[gate.closed]")
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "cutover", "--check")
        self.assertEqual(len(self.journal()), lines)


if __name__ == "__main__":
    unittest.main()
