"""`./migrate provision`: a plan of Terraform's is shown, and nothing of it happens until that very file is approved."""

import hashlib
import json
import subprocess
import unittest
from typing import Any

from fixture import PROVISION, Package, Story, mode

WAITS = "packages/1/terraform/plan.tfplan"
MADE = ["aws_instance.server", "aws_s3_bucket.uploads"]


def shows(plan: str, made: int = 2, lost: tuple[str, ...] = (), changed: int = 0) -> dict[str, Any]:
    """The files that the step which shows a plan leaves."""
    digest = hashlib.sha256(plan.encode()).hexdigest()
    found = {"plan": f"sha256:{digest}", "made": made, "changed": changed, "destroyed": len(lost), "lost": list(lost)}
    folder = "packages/1/terraform"
    files = {f"{folder}/plan.tfplan": plan, f"{folder}/plan-summary.json": json.dumps(found)}
    return {"files": files | {f"{folder}/plan.txt": f"{plan}, in words\n"}}


def applies(*resources: str, **more: Any) -> dict[str, Any]:
    """What the step that applies a plan leaves, which takes it away first."""
    made = {"at": "2026-11-22T07:00:00Z", "resources": list(resources)}
    return {"removes": [WAITS], "files": {"terraform/made.json": json.dumps(made)}, "changed": 1} | more


INVENTORY = {"files": {"inventory/target/hosts.json": "{}", "inventory/target/known_hosts": "192.0.2.10 KIND KEY\n"}}


class Provision(Story):
    """A package whose target is made first."""

    def provisioned(self, folder: str = "package") -> Package:
        """Such a package, sealed, with its tools."""
        return self.with_tools(self.package(folder).provisions().seal())

    def makes(self, show: dict[str, Any], apply: dict[str, Any] | None = None, **more: Any) -> None:
        """What the steps of provision leave."""
        steps = {"provision__show_plan": show, "provision__apply_plan": apply or applies(*MADE)}
        self.orders(**(steps | {"provision__write_inventory": INVENTORY} | more))

    def made(self) -> Package:
        """A package whose provision has come to its end."""
        package = self.provisioned()
        self.makes(shows("one"))
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision", "--by", "Ada")
        self.exits(0, package, "provision")
        return package


class Gate(Provision):
    def test_a_plan_is_shown_and_nothing_of_it_happens_until_it_is_approved(self) -> None:
        package = self.provisioned()
        self.makes(shows("one"))
        run = self.exits(12, package, "provision", says="error[gate.closed]")
        self.assertEqual(self.steps_run(), PROVISION[:3])
        self.assertIn("approve-provision is not open: nobody has approved it (+2 ~0 -0)", run.stderr)
        plan = self.state / "packages/1/terraform/plan.txt"
        self.assertIn(f"next: read {plan}, then: ./migrate approve provision\n", run.stderr)
        self.assertIn("Stopped before provision/apply-plan; what the lines above call done is done.", run.stderr)
        self.assertEqual(self.journal()[-2:], ["show-plan:done", "gate:refused"])

        # Asked again it shows nothing new, and waits still.
        run = self.exits(12, package, "provision", says="error[gate.closed]")
        self.assertRegex(run.stdout, r"(?m)^provision/show-plan +done earlier$")
        self.assertEqual(self.steps_run(), PROVISION[:3])

        run = self.exits(0, package, "approve", "provision", "--by", "Ada")
        digest = hashlib.sha256(b"one").hexdigest()
        gate = self.state / "approve-provision"
        self.assertEqual(gate.read_text(), f"digest: {package.digest}\nby: Ada\nplan-file: sha256:{digest}\n")
        self.assertEqual(mode(gate), 0o600)
        self.assertIn("it does: +2 ~0 -0\n", run.stdout)
        self.assertIn("next: ./migrate provision\n", run.stdout)

        run = self.exits(0, package, "provision")
        self.assertEqual(self.steps_run(), PROVISION)
        self.assertIn("next: ./migrate preflight\n", run.stdout)

    def test_an_approval_of_another_plan_file_opens_nothing(self) -> None:
        package = self.provisioned()
        self.makes(shows("one"))
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision")
        # Somebody plans once more, with the same figures.
        for name, text in shows("another")["files"].items():
            (self.state / name).write_text(text)
        run = self.exits(12, package, "provision", says="error[gate.other-plan-file]")
        self.assertIn(f"sha256:{hashlib.sha256(b'another').hexdigest()}", run.stderr)
        gate = self.state / "approve-provision"
        gate.write_text("".join(f"{line}\n" for line in gate.read_text().splitlines() if "plan-file" not in line))
        self.exits(12, package, "provision", says="error[gate.other-plan-file]")
        self.assertNotIn("apply-plan", self.steps_run())
        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "provision")

    def test_nothing_is_approved_before_there_is_a_plan(self) -> None:
        package = self.provisioned()
        run = self.exits(12, package, "approve", "provision", says="error[gate.no-plan]")
        self.assertIn("next: ./migrate provision\n", run.stderr)
        self.assertFalse((self.state / "approve-provision").exists())

    def test_a_plan_that_is_gone_or_was_changed_is_told_and_shown_again(self) -> None:
        for how in ("gone", "changed"):
            with self.subTest(how):
                self.again()
                package = self.provisioned()
                self.makes(shows("one"))
                self.exits(12, package, "provision")
                self.exits(0, package, "approve", "provision")
                plan = self.state / WAITS
                if how == "gone":
                    plan.unlink()
                else:
                    plan.write_text("two")
                self.exits(12, package, "approve", "provision", says="error[gate.no-plan]")
                self.makes(shows("three"))
                run = self.exits(12, package, "provision", says="error[gate.other-plan-file]")
                self.assertRegex(run.stdout, r"(?m)^provision/show-plan +again: the plan that was shown is gone")
                self.assertEqual(self.steps_run(), [*PROVISION[:3], "show-plan"])

    def test_a_plan_without_changes_needs_no_approval(self) -> None:
        package = self.made()
        self.makes(shows("nothing", made=0), {"removes": [WAITS]})
        (self.state / "approve-provision").unlink()
        self.exits(0, package, "provision")
        self.assertEqual(self.steps_run(), [*PROVISION[:3], *PROVISION[3:], *PROVISION])

    def test_what_a_plan_destroys_is_told_wherever_it_waits(self) -> None:
        package = self.provisioned()
        self.makes(shows("one", lost=("aws_instance.server (made anew)",), changed=1))
        told = "+2 ~1 -1; IT TAKES AWAY, with what is in it: aws_instance.server (made anew)"
        self.exits(12, package, "provision", says=told)
        self.exits(0, package, "status", says=f"a plan waits to be applied: {told}")
        self.exits(0, package, "approve", "provision", says=f"it does: {told}")

    def test_to_look_at_it_needs_no_approval_and_calls_no_gate_open(self) -> None:
        package = self.provisioned()
        run = self.exits(0, package, "provision", "--check")
        self.assertRegex(run.stdout, r"(?m)^approve-provision +not evaluated: a run stops before provision/apply-plan ")
        document = json.loads(self.exits(0, package, "provision", "--check", "--json").stdout)
        self.assertEqual(document["gates"], [{"gate": "approve-provision", "state": "not evaluated"}])
        self.assertEqual(self.steps_run(), PROVISION * 2)
        self.assertIn("--check", self.calls()[0]["argv"])
        self.assertEqual(self.journal(), [])

    def test_a_hold_keeps_an_approved_plan_from_being_applied(self) -> None:
        package = self.provisioned()
        self.makes(shows("one"))
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "hold")
        self.exits(11, package, "provision", says="paused[gate.hold]")
        self.exits(0, package, "resume", says="next: ./migrate provision\n")
        self.exits(0, package, "provision")


class Killed(Provision):
    def test_a_run_that_was_killed_while_it_made_something_shows_what_is_left(self) -> None:
        package = self.provisioned()
        self.makes(shows("one"))
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision")
        self.makes(shows("one"), applies("aws_instance.server", waits_for=str(self.home / "go")))
        with self.running(package, "provision") as process:
            self.until(lambda: (self.state / "terraform/made.json").exists())
            process.kill()
            process.wait()
        (self.home / "go").touch()
        self.until(lambda: "running:" not in self.migrate(package, "status").stdout)
        self.assertEqual(self.journal()[-1], "apply-plan:started")
        self.exits(0, package, "status", says="made by provision: 1 resource in the account")

        self.makes(shows("the rest", made=1))
        run = self.exits(12, package, "provision", says="error[gate.other-plan-file]")
        self.assertRegex(run.stdout, r"(?m)^provision/show-plan +again: ")
        self.assertRegex(run.stdout, r"(?m)^provision/init-terraform +done earlier$")
        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "provision")

    def test_a_failure_after_it_was_made_goes_on_without_a_plan(self) -> None:
        package = self.provisioned()
        failed = {"exit": 2, "result": {"hosts": {"localhost": {"failed": 1}}, "said": 11}}
        self.makes(shows("one"), provision__write_inventory=failed)
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision")
        self.exits(11, package, "provision", says="paused[step.paused]")
        self.makes(shows("one"))
        before = len(self.steps_run())
        self.exits(0, package, "provision")
        self.assertEqual(self.steps_run()[before:], PROVISION[4:])


class Typed(Provision):
    def test_what_terraform_s_side_names_as_next_is_a_whole_line_that_is_typed_as_it_stands(self) -> None:
        package = self.provisioned()
        left = self.home / "left"
        left.write_text("{}")
        result = {
            "hosts": {"localhost": {"failed": 1}}, "said": 12,
            "next": f"test -s {left} && rm {left} && ./migrate provision",
            "failures": ["Copy the module: nothing was begun\nfirst this"],
        }  # fmt: skip
        self.makes(shows("one"), provision__init_terraform={"exit": 2, "result": result})
        refused = self.exits(12, package, "provision", says="error[step.refused]")
        self.assertIn("    Copy the module: nothing was begun\n    first this\n", refused.stdout)
        (following,) = [line for line in refused.stderr.splitlines() if line.startswith("next: ")]
        self.makes(shows("one"))
        typed = subprocess.run(
            ["bash", "-c", following.removeprefix("next: ")], cwd=package.root, env=self.process_environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        # The phase goes on to the plan that it shows, and is refused by its gate.
        self.assertEqual((typed.returncode, left.exists()), (12, False), typed.stderr)
        self.assertIn("error[gate.closed]", typed.stderr)
        self.assertTrue((package.root / "migrate").exists())


class Inventory(Provision):
    def test_provision_works_here_and_every_other_phase_at_the_machine_that_it_wrote_down(self) -> None:
        package = self.made()
        self.exits(0, package, "preflight")
        self.exits(0, package, "prepare")
        named = {call["step"]: call["argv"][call["argv"].index("-i") + 1] for call in self.calls()}
        for step, inventory in named.items():
            here = step.startswith("provision/")
            self.assertEqual(inventory, "localhost," if here else str(self.state / "inventory/target"), step)
        with self.subTest("the journal is copied to that machine, and to none while it is made"):
            self.assertIn("keep-journal", named)
            first = [call["step"] for call in self.calls()].index("keep-journal")
            self.assertEqual(self.calls()[first - 1]["step"], "prepare/update-system")

    def test_the_playbooks_are_told_the_providers_word(self) -> None:
        package = self.made()
        variables = json.loads((self.state / "packages/1/variables-2.json").read_text())
        self.assertEqual((variables["stufpack_provider"], variables["stufpack_package_number"]), ("aws", 1))
        self.assertEqual(package.manifest["package"]["provider"], "aws")

    def test_before_that_no_phase_works_at_a_machine_that_nobody_knows(self) -> None:
        package = self.provisioned()
        run = self.exits(12, package, "preflight", says="error[phase.too-early]: preflight builds on provision")
        self.assertIn("next: ./migrate provision\n", run.stderr)
        run = self.exits(12, package, "abort", says="error[target.unknown]: nothing was built that")
        self.assertIn("next: nothing more; where provision ran from another machine: docs/operations.md", run.stderr)
        self.exits(0, package, "status", says="target: not asked, since provision has not written yet")
        self.assertEqual(self.steps_run(), [])

    def test_the_journal_names_the_plan_the_applied_plan_and_the_archived_state_by_digest(self) -> None:
        state = {"files": {"terraform/archive/1-2.tfstate": "{}"}}
        own = self.state / "local/terraform/backend_override.tf"
        own.parent.mkdir(parents=True)
        own.write_text("# Another place.\n")
        package = self.provisioned()
        self.makes(shows("one"), provision__archive_state=state)
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "provision")
        lines = map(json.loads, (self.state / "packages/1/journal.jsonl").read_text().splitlines())
        named = {item["path"]: item["sha256"] for line in lines for item in line.get("evidence", ())}
        expected = {WAITS: "one", "terraform/archive/1-2.tfstate": "{}",
                    "local/terraform/backend_override.tf": "# Another place.\n",
                    "packages/1/terraform/plan.txt": "one, in words\n"}  # fmt: skip
        self.assertEqual(named, {name: hashlib.sha256(text.encode()).hexdigest() for name, text in expected.items()})

    def test_the_operation_folder_has_neither_plan_nor_state(self) -> None:
        self.made()
        files = {path.name for path in (self.state / "packages/1/operations/2-provision").rglob("*") if path.is_file()}
        self.assertTrue({"operation.json", "approval.json", "journal.jsonl"} <= files)
        self.assertFalse([name for name in files if name.endswith((".tfplan", ".tfstate"))])


class WhatStays(Provision):
    def test_what_stood_stands_until_something_that_was_shown_is_made(self) -> None:
        package = self.made()
        self.exits(0, package, "preflight")
        self.exits(0, package, "prepare")
        self.makes(shows("two"))
        self.exits(12, package, "provision")
        status = self.exits(0, package, "status").stdout
        self.assertRegex(status, r"(?m)^  preflight +done$")
        self.assertNotIn("no longer stands", status)

        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "provision", says="next: ./migrate preflight\n")
        status = self.exits(0, package, "status", says="next: ./migrate preflight\n").stdout
        self.assertRegex(status, r"(?m)^  preflight +to be repeated: provision ran after it$")
        self.assertRegex(status, r"report of preflight: pass, \S+; no longer stands: provision ran after it\n")

    def test_abort_takes_nothing_of_it_down_and_says_how_a_person_does(self) -> None:
        package = self.made()
        self.exits(0, package, "preflight")
        self.exits(0, package, "prepare")
        run = self.exits(0, package, "abort")
        self.assertIn("kept, and paid for: 2 resources in the account, as of 2026-11-22T07:00:00Z; names", run.stdout)
        folder = self.state / "terraform"
        command = f"TF_DATA_DIR={folder}/data terraform -chdir={folder}/code destroy"
        self.assertIn(f"to remove it: {command}\n", run.stdout)
        self.assertIn("next: ./migrate preflight, should it begin anew\n", run.stdout)
        run = self.exits(0, package, "status", says="made by provision: 2 resources")
        self.assertRegex(run.stdout, r"(?m)^  provision +done$")
        self.assertRegex(run.stdout, r"(?m)^  preflight +not yet$")
        self.assertIn("next: ./migrate preflight\n", run.stdout)
        self.exits(0, package, "preflight")

    def test_a_host_s_abort_speaks_of_nothing_that_was_made(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        run = self.exits(0, package, "abort")
        self.assertNotIn("kept, and paid for", run.stdout)
        self.assertNotIn("made by provision", self.exits(0, package, "status").stdout)

    def test_after_panic_there_is_nothing_to_take_back_of_what_is_only_made(self) -> None:
        package = self.made()
        run = self.exits(0, package, "panic")
        self.assertIn("next: ./migrate resume, when it may go on: what provision made stays as it is\n", run.stdout)
        self.exits(11, package, "provision", says="paused[gate.panic]")
        self.exits(0, package, "resume", says="next: ./migrate preflight\n")

    def test_status_is_for_machines_and_on_the_page_too(self) -> None:
        package = self.provisioned()
        self.makes(shows("one"))
        self.exits(12, package, "provision")
        found = json.loads(self.exits(0, package, "status", "--json").stdout)
        digest = f"sha256:{hashlib.sha256(b'one').hexdigest()}"
        text = str(self.state / "packages/1/terraform/plan.txt")
        self.assertEqual(
            found["provisioned"], {"made": None, "waits": {"plan": digest, "does": "+2 ~0 -0", "text": text}}
        )
        self.assertEqual(found["next"], f"read {text}, then: ./migrate approve provision")
        page = (self.state / "status.html").read_text()
        self.assertIn("stopped before a step whose gate is closed", page)
        self.assertIn("approve-provision is not open: nobody has approved it (+2 ~0 -0)", page)
        self.assertIn("<dt>Next</dt><dd><code>read ~/.local/state/stufpack/harbour-staging/packages/1/terraform/", page)
        self.assertNotIn(str(self.home), page)
        self.exits(0, package, "approve", "provision")
        self.exits(0, package, "provision")
        self.assertIn("2 resources in the account, as of", (self.state / "status.html").read_text())


class Words(Provision):
    def test_the_usage_has_provision_first_with_its_gate(self) -> None:
        text = self.exits(0, self.provisioned()).stdout
        self.assertRegex(text, r"(?m)^  provision preflight prepare ")
        self.assertRegex(text, r"opens a gate \( provision cutover \)")


if __name__ == "__main__":
    unittest.main()
