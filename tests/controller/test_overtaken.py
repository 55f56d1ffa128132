"""What was verified, and what people said of it, stands only while nothing below it has run again."""

import json
import re
import unittest

from fixture import CHECKLIST, Package, Story

FAILS = {"exit": 2, "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["Import: broke"]}}
FORWARD = ("preflight", "prepare", "deploy", "import", "verify")


class Overtaken(Story):
    def verified(self) -> Package:
        """A package whose phases build on each other, brought to the end of its verification."""
        package = self.with_tools(self.package().building().seal())
        for phase in FORWARD:
            self.exits(0, package, phase)
        return package

    def import_breaks(self, package: Package) -> None:
        """Another import, which fails half-way."""
        self.orders(import__import_users=FAILS)
        self.exits(1, package, "import")
        self.orders()

    def signs(self, package: Package, mark: str = "x", by: str = "Ada") -> None:
        """A user's checklist, every box with this mark."""
        self.exits(0, package, "sign-off", self.filled(mark), "--by", by)

    def filled(self, mark: str = "x") -> str:
        """Where a filled checklist lies."""
        path = self.home / "filled.md"
        path.write_text(CHECKLIST.replace("[ ]", f"[{mark}]"))
        return str(path)

    def standing(self, package: Package, phase: str) -> str:
        """One phase in the words of `status`."""
        found = re.search(rf"(?m)^  {phase} +(.*)$", self.exits(0, package, "status").stdout)
        assert found is not None
        return found[1]

    def test_an_import_that_breaks_after_the_verification_takes_its_word_away_everywhere(self) -> None:
        package = self.verified()
        self.signs(package)
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "status", says="next: ./migrate cutover\n")

        self.import_breaks(package)

        self.assertEqual(self.standing(package, "verify"), "to be repeated: import ran after it")
        said = self.exits(0, package, "status").stdout
        self.assertIn("reports/5/verify.html; no longer stands: import ran after it\n", said)
        self.assertIn("nobody has signed the checklist", said)
        self.assertIn("next: ./migrate import\n", said)
        document = json.loads(self.exits(0, package, "status", "--json").stdout)
        self.assertEqual(document["phases"]["verify"], "to be repeated: import ran after it")
        self.assertEqual(document["reports"]["verify"]["overtaken"], "import")
        self.assertEqual(document["reports"]["preflight"]["overtaken"], None)
        page = (self.state / "status.html").read_text()
        self.assertIn("to be repeated: import ran after it", page)
        self.assertIn(">pass</a>; no longer stands: import ran after it", page)
        self.assertIn("<code>./migrate verify, read its report, then: ./migrate approve cutover", page)

        run = self.exits(12, package, "sign-off", self.filled(), "--by", "Bob", says="error[sign-off.early]")
        self.assertIn("nobody can have tried it: import ran after it", run.stderr)
        told = "what verify looked at no longer stands: import ran after it"
        self.exits(12, package, "approve", "cutover", says=told)
        self.exits(12, package, "cutover", says=f"error[gate.bad-report]: {told}")
        self.assertEqual(list(self.state.glob("packages/1/operations/*-cutover")), [])

    def test_a_deployment_and_an_import_anew_want_a_verification_and_a_sign_off_anew(self) -> None:
        package = self.verified()
        self.signs(package)
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "deploy", says="next: ./migrate import\n")
        self.assertEqual(self.standing(package, "import"), "to be repeated: deploy ran after it")
        self.exits(0, package, "import")
        self.exits(12, package, "approve", "cutover", says="error[gate.bad-report]")

        self.exits(0, package, "verify")
        self.assertEqual([self.standing(package, phase) for phase in FORWARD], ["done"] * 5)
        self.exits(0, package, "status", says="nobody has signed the checklist")
        self.signs(package)
        said = self.exits(0, package, "approve", "cutover").stdout
        self.assertIn("signed off by Ada, ", said)
        self.exits(0, package, "cutover")

    def test_a_verification_sees_what_another_deployment_has_left_and_speaks_for_that(self) -> None:
        package = self.verified()
        self.signs(package)
        self.exits(0, package, "deploy")
        self.exits(0, package, "verify")
        self.assertEqual(self.standing(package, "verify"), "done")
        self.assertEqual(self.standing(package, "import"), "done; deploy ran after it, and verify has checked it since")
        self.exits(0, package, "status", says="nobody has signed the checklist")
        self.signs(package)
        self.exits(0, package, "approve", "cutover", says="signed off by Ada, ")
        self.exits(0, package, "cutover")
        # What stood on that verification falls with the next deployment, and the import has to be repeated again.
        self.exits(0, package, "deploy", says="next: ./migrate import\n")
        self.assertEqual(self.standing(package, "import"), "to be repeated: deploy ran after it")

    def test_approval_phase_status_and_page_name_the_same_next_command(self) -> None:
        package = self.verified()
        for again in ((), ("deploy", "verify"), ("prepare", "verify"), ("deploy", "import", "verify")):
            for phase in again:
                self.exits(0, package, phase)
            self.exits(0, package, "approve", "cutover", says="next: ./migrate cutover\n")
            self.exits(0, package, "status", says="next: ./migrate cutover\n")
            page = (self.state / "status.html").read_text()
            self.assertIn("<dt>Next</dt><dd><code>./migrate cutover</code></dd>", page)
        # Whoever looks again is told what is next, not what stands behind it in the plan.
        self.exits(0, package, "preflight", says="next: ./migrate cutover\n")
        # A stop that somebody has set comes before all of it, for an approval too.
        self.exits(0, package, "hold")
        self.exits(0, package, "approve", "cutover", says="next: ./migrate resume\n")

    def test_looking_again_overtakes_nothing_whatever_it_sees(self) -> None:
        package = self.verified()
        self.signs(package)
        self.exits(0, package, "preflight")
        self.orders(preflight__reach_target=FAILS)
        self.exits(12, package, "preflight")
        self.orders()
        self.exits(0, package, "import", "--check")
        self.exits(11, package, "content")
        self.assertEqual([self.standing(package, phase) for phase in FORWARD[1:]], ["done"] * 4)
        self.exits(0, package, "status", says="signed off by Ada, ")
        self.exits(0, package, "approve", "cutover")
        self.exits(0, package, "cutover")

    def test_an_objection_is_answered_by_its_user_and_not_by_another_import(self) -> None:
        package = self.verified()
        self.signs(package, "-", by="Bob")
        self.exits(0, package, "import")
        self.exits(0, package, "verify")
        run = self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        self.assertIn("Bob, ", run.stderr)
        self.signs(package, by="Bob")
        self.exits(0, package, "approve", "cutover")
        # What Bob has taken back does not come to life again where his newer word has fallen.
        self.exits(0, package, "import")
        self.exits(0, package, "verify")
        self.exits(0, package, "status", says="nobody has signed the checklist")
        self.exits(0, package, "approve", "cutover")

    def test_a_sign_off_that_is_lost_or_touched_is_told_in_a_line_and_counts_no_more(self) -> None:
        for lost in (True, False):
            self.again()
            package = self.verified()
            self.signs(package)
            self.touch(lost)
            why = "cannot be read: FileNotFoundError" if lost else "is not the one that the journal names"
            run = self.exits(0, package, "status", says="user validation: not_run, nobody has signed the checklist\n")
            self.assertRegex(run.stdout, rf"\n  the sign-off of Ada.* {why}.*; let Ada sign again\n")
            self.assertIn("not recorded: 6-sign-off; one of", run.stdout)
            self.exits(0, package, "panic")
            self.exits(0, package, "status", says="next: ./migrate abort\n")
            (self.state / "PANIC").unlink()
            document = json.loads(self.exits(0, package, "status", "--json").stdout)
            self.assertEqual((len(document["sign_offs"]), len(document["records"]["not_run"])), (2, 5))

            run = self.exits(0, package, "sign-off", self.filled(), "--by", "Bob", says="signed off by Bob, ")
            self.assertIn("operations/7-sign-off\n", run.stdout)
            self.exits(0, package, "approve", "cutover", says="; let Ada sign again")
            self.signs(package)
            self.assertNotIn("sign again", self.exits(0, package, "status").stdout)

    def test_an_objection_stays_though_its_file_is_lost_and_so_does_what_may_have_been_one(self) -> None:
        package = self.verified()
        self.signs(package, "-")
        self.touch(lost=True)
        self.exits(0, package, "status", says="signed off by Ada, ")
        self.exits(12, package, "approve", "cutover", says="error[gate.sign-off]")
        self.signs(package)
        for folder in (self.state / "packages/1/operations").glob("*-sign-off"):
            folder.rename(self.home / folder.name)
        self.exits(0, package, "approve", "cutover")
        self.touch(lost=True)
        self.exits(0, package, "status", says="next: let Ada sign again\n")
        self.exits(12, package, "approve", "cutover", says="error[sign-off.lost]")

    def touch(self, lost: bool) -> None:
        """Loses what was answered, or gives it other ends of lines."""
        for path in (self.state / "packages/1/sign-offs").glob("*.json"):
            if lost:
                path.unlink()
            else:
                path.write_text(path.read_text().replace("\n", "\r\n"))

    def test_a_proof_of_the_content_falls_with_the_deployment_that_it_stood_on(self) -> None:
        package = self.package().copying().building()
        package.manifest["secrets"] = []
        self.with_tools(package.seal())
        (self.state / "secrets").mkdir(mode=0o700)
        (self.state / "secrets/source_read").write_text("{}")
        self.exits(0, package, "preflight")
        self.exits(0, package, "approve", "content")
        for phase in ("prepare", "deploy", "content", "import", "verify"):
            self.exits(0, package, phase)
        self.assertEqual(self.standing(package, "content"), "done")
        self.exits(0, package, "import")
        self.assertEqual(self.standing(package, "content"), "done")
        self.exits(0, package, "deploy")
        self.assertEqual(self.standing(package, "content"), "to be repeated: deploy ran after it")
        self.assertIn("approve-content", (self.state / "status.html").read_text())


if __name__ == "__main__":
    unittest.main()
