"""What `provision` makes of Terraform's answers, with a stand-in for it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from typing import Any

from modules import module

terraform = module("stufpack_terraform")
StufError = module("stufpack_http").StufError


def change(address: str, *actions: str, **more: Any) -> dict[str, Any]:
    """One resource in a plan."""
    return {"address": address, "change": {"actions": list(actions)}} | more


class Plan(unittest.TestCase):
    def test_it_is_counted_as_terraform_counts_and_names_what_is_lost(self) -> None:
        plan = {"resource_changes": [
            change("a.same", "no-op"), change("a.looked_at", "read"), change("a.new", "create"),
            change("a.other", "update"), change("a.gone", "delete"), change("a.anew", "delete", "create"),
            change("a.first", "create", "delete"), change("a.left", "delete", deposed="1a2b"), change("a.up", "forget"),
        ]}  # fmt: skip
        lost = ["a.gone (destroyed)", "a.anew (made anew)", "a.first (made anew)", "a.left (left over) (destroyed)"]
        counts = {"made": 3, "changed": 1, "destroyed": 4}
        self.assertEqual(terraform.summary(plan), counts | {"lost": [*lost, "a.up (given up)"]})

    def test_what_it_does_not_know_it_does_not_count_as_nothing(self) -> None:
        for plan in ({"resource_changes": [change("a.b", "explode")]}, {"errored": True}):
            with self.assertRaises(StufError):
                terraform.summary(plan)

    def test_it_is_told_in_a_line_and_one_for_whatever_is_lost(self) -> None:
        found = {"made": 1, "changed": 0, "destroyed": 1, "lost": ["a.b (made anew)"]}
        self.assertEqual(
            terraform.lines(found, Path("/p/plan.txt")),
            ["+1 made, ~0 changed, -1 destroyed: /p/plan.txt", "TAKEN AWAY, with what is in it: a.b (made anew)"],
        )
        nothing = {"made": 0, "changed": 0, "destroyed": 0, "lost": []}
        self.assertEqual(terraform.lines(nothing, Path()), ["nothing is to be made, changed or destroyed"])

    def test_its_text_has_neither_the_way_to_it_nor_the_way_past_the_gate(self) -> None:
        said = "\n".join((
            "data.a.b: Reading...", "data.a.b: Read complete after 0s [id=1]", "a.c: Refreshing state... [id=2]", "",
            "Terraform will perform the following actions:", "", "  # a.d will be created", "",
            "Plan: 1 to add, 0 to change, 0 to destroy.", "", "─" * 77, "", "To perform exactly these actions, run …",
        ))  # fmt: skip
        self.assertEqual(
            terraform.readable(said),
            "Terraform will perform the following actions:\n\n  # a.d will be created\n\n"
            "Plan: 1 to add, 0 to change, 0 to destroy.\n",
        )

    def test_an_error_is_told_without_its_frame(self) -> None:
        said = "a.b: Creating...\n╷\n│ Error: no such thing\n│ \n│   with a.b,\n│   on a.tf line 1\n╵\n"
        self.assertEqual(terraform.failure(said), "Error: no such thing\n  with a.b,\n  on a.tf line 1")


class Calls(unittest.TestCase):
    """Terraform's place taken by a script."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.plans = self.folder / "plans"
        for name in ("bin", "plans", "root/code", "package/backends", "overlay"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "package/main.tf").write_text("# main\n")
        (self.folder / "package/backends/s3.tf").write_text("# s3\n")

    def stand_in(self, script: str, **environment: str) -> Any:
        """A Terraform that is this shell script."""
        program = self.folder / "bin/terraform"
        program.write_text(f'#!/bin/sh\necho "$*" >>"{self.folder}/calls"\n{textwrap.dedent(script)}\n')
        program.chmod(0o755)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return terraform.Terraform(self.folder / "root", self.plans, {"PATH": path} | environment)

    def calls(self) -> list[str]:
        """How it was called."""
        return (self.folder / "calls").read_text().splitlines()

    def waits(self, content: bytes, shown: bytes | None = None, applies: bool = True) -> None:
        """A plan that waits, and the digest of the one that was shown."""
        (self.plans / "plan.tfplan").write_bytes(content)
        digest = terraform.hashlib.sha256(content if shown is None else shown).hexdigest()
        summary = {"plan": f"sha256:{digest}", "applies": applies}
        (self.plans / "plan-summary.json").write_text(json.dumps(summary))

    def test_an_old_terraform_or_none_is_refused(self) -> None:
        self.assertEqual(self.stand_in("""echo '{"terraform_version": "1.11.4"}'""").version(), "1.11.4")
        self.assertEqual(self.stand_in("""echo '{"terraform_version": "1.20.0-rc1"}'""").version(), "1.20.0-rc1")
        with self.assertRaisesRegex(StufError, "1.11 or newer is needed, and 1.9.8 stands on PATH"):
            self.stand_in("""echo '{"terraform_version": "1.9.8"}'""").version()
        with self.assertRaisesRegex(StufError, "was not found on PATH=/nowhere"):
            self.stand_in("", PATH="/nowhere").version()

    def test_settings_of_the_caller_that_would_change_what_is_made_do_not_reach_it(self) -> None:
        theirs = {"TF_VAR_instance_type": "x", "TF_CLI_ARGS_plan": "-destroy", "TF_DATA_DIR": "/x", "TF_LOG": "TRACE"}
        passed = {"TF_PLUGIN_CACHE_DIR": "/c", "TF_CLI_CONFIG_FILE": "/f", "AWS_PROFILE": "acme"}
        found = self.stand_in("env", **theirs, **passed).answers("version")
        told = dict(line.split("=", 1) for line in found.splitlines())
        expected = passed | {"TF_DATA_DIR": str(self.folder / "root/data"), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self.assertEqual({name: text for name, text in told.items() if name.startswith(("TF_", "AWS_"))}, expected)

    def test_the_code_is_the_packages_with_override_files_beside_it_and_nothing_else(self) -> None:
        made = self.stand_in("")
        (self.folder / "overlay/backend_override.tf").write_text("# mine\n")
        (self.folder / "overlay/more.tf").write_text("# not an override\n")
        (self.folder / "root/code/extra.tf").write_text("# added\n")
        package, overlay = self.folder / "package", self.folder / "overlay"
        self.assertTrue(made.place(package, overlay))
        names = {str(path.relative_to(made.code)) for path in made.code.rglob("*") if path.is_file()}
        self.assertEqual(names, {"main.tf", "backends/s3.tf", "backend_override.tf"})
        self.assertFalse(made.place(package, overlay))
        (made.code / "main.tf").write_text("# changed\n")
        self.assertTrue(made.place(package, overlay))
        self.assertEqual((made.code / "main.tf").read_text(), "# main\n")

    def test_the_state_is_a_file_until_a_person_says_another_place(self) -> None:
        made, overlay = self.stand_in(""), self.folder / "overlay"
        made.init(overlay)
        here = f"-backend-config=path={self.folder}/root/terraform.tfstate"
        (self.folder / "root/data").mkdir()
        told = self.folder / "root/data/terraform.tfstate"
        told.write_text(json.dumps({"backend": {"type": "local"}}))
        made.init(overlay)
        (overlay / "backend.tfbackend").write_text('bucket = "state"\n')
        made.init(overlay)
        (overlay / "backend.tfbackend").unlink()
        told.write_text(json.dumps({"backend": {"type": "s3"}}))
        made.init(overlay)
        self.assertEqual(
            self.calls(),
            [
                f"init -lockfile=readonly {here} -no-color",
                f"init -lockfile=readonly -reconfigure {here} -no-color",
                # From a file to another place, and back: Terraform asks a person to move the state first.
                f"init -lockfile=readonly -backend-config={overlay}/backend.tfbackend -no-color",
                f"init -lockfile=readonly {here} -no-color",
            ],
        )

    def test_a_plan_waits_with_its_digest_and_one_of_a_check_does_not(self) -> None:
        made = self.stand_in("""
            case $1 in
              plan) for word; do case $word in -out=*) echo planned >"${word#-out=}" ;; esac; done; echo said; exit 2 ;;
              show) echo '{"resource_changes": [{"address": "a.b", "change": {"actions": ["create"]}}]}' ;;
              state) echo a.c; echo data.d.e ;;
            esac""")
        made.plan(keep=False)
        self.assertEqual([path.name for path in self.plans.iterdir()], ["plan.log"])
        found = made.plan(keep=True)
        digest = terraform.hashlib.sha256(b"planned\n").hexdigest()
        expected = {"made": 1, "changed": 0, "destroyed": 0, "lost": [], "applies": True, "plan": f"sha256:{digest}"}
        self.assertEqual(found, expected)
        self.assertEqual(json.loads((self.plans / "plan-summary.json").read_text()), expected)
        self.assertEqual((self.plans / "plan.txt").read_text(), "said\n")
        self.assertEqual(json.loads((self.folder / "root/made.json").read_text())["resources"], ["a.c"])
        modes = {stat.S_IMODE(path.stat().st_mode) for path in self.plans.glob("plan*.json")}
        self.assertEqual(modes, {0o600})

    def test_a_plan_that_fails_leaves_none_waiting(self) -> None:
        self.waits(b"before")
        with self.assertRaisesRegex(StufError, "Error: no"):
            self.stand_in("echo 'Error: no' >&2; exit 1").plan(keep=True)
        self.assertFalse((self.plans / "plan-summary.json").exists())

    def test_a_plan_is_applied_once_and_only_if_it_is_the_one_that_was_shown(self) -> None:
        made = self.stand_in("")
        self.waits(b"another", shown=b"shown")
        with self.assertRaises(terraform.Stopped) as stopped:
            made.apply()
        self.assertFalse((self.folder / "calls").exists())
        self.assertEqual(self.types(stopped.exception.following), (0, ["provision"]))
        self.waits(b"shown")
        self.assertTrue(made.apply())
        self.assertIn(f"apply {terraform.LOCK} -no-color {self.plans}/tried.tfplan", self.calls())
        self.assertFalse((self.plans / "plan.tfplan").exists())
        self.assertEqual((self.plans / "applied.tfplan").read_bytes(), b"shown")
        with self.assertRaises(FileNotFoundError):
            made.apply()

    def test_one_that_changes_nothing_is_not_even_applied(self) -> None:
        self.waits(b"shown", applies=False)
        self.assertFalse(self.stand_in("exit 1").apply())

    def test_whatever_became_of_it_a_tried_plan_waits_no_longer_and_what_was_made_is_noted(self) -> None:
        half = self.stand_in("case $1 in apply) echo 'Error: half'; exit 1 ;; state) echo a.b ;; esac")
        self.waits(b"shown")
        with self.assertRaisesRegex(StufError, "Error: half"):
            half.apply()
        self.assertFalse((self.plans / "plan.tfplan").exists())
        self.assertEqual(json.loads((self.folder / "root/made.json").read_text())["resources"], ["a.b"])

    def typed(self, *words: str) -> str:
        """A call of Terraform's as a person types it."""
        root = self.folder / "root"
        return " ".join([f"TF_DATA_DIR={root}/data terraform -chdir={root}/code", *words])

    def test_what_an_apply_could_not_write_down_is_kept_and_nothing_is_planned_until_it_is(self) -> None:
        left = self.folder / "root/code/errored.tfstate"
        following = f"{self.typed('state push errored.tfstate')} && rm {left} && ./migrate provision"
        opened = (
            "Where Terraform refuses that since the state is locked, and nobody's run goes on, the lock is opened "
            f"first, by the ID that it names: {self.typed('force-unlock ID')}"
        )
        made = self.stand_in(f"""
            case $1 in apply) echo '{{"made": 1}}' >{left}; echo 'Error: Failed to save state'; exit 1 ;; esac""")
        self.waits(b"shown")
        with self.subTest("the run that left it says what has to be typed"):
            with self.assertRaises(StufError) as failed:
                made.apply()
            told = f"Before anything else, with credentials that hold: {following}"
            self.assertEqual(str(failed.exception), f"{told}\n{opened}\nError: Failed to save state")
        calls = self.calls()
        package, overlay = self.folder / "package", self.folder / "overlay"
        for act in (lambda: made.place(package, overlay), lambda: made.plan(keep=True), lambda: made.plan(keep=False)):
            with self.subTest("and so does each that follows, before it does anything"):
                with self.assertRaises(terraform.Stopped) as stopped:
                    act()
                told = f"an earlier run could not write down what it made, and {left} alone knows it: nothing was begun"
                found = (str(stopped.exception), stopped.exception.status, stopped.exception.following)
                self.assertEqual(found, (f"{told}\n{opened}", 12, following))
                self.assertEqual((left.read_text(), self.calls()), ('{"made": 1}\n', calls))
                self.assertFalse((made.code / "main.tf").exists())
        with self.subTest("typed, it is gone, and the way is open"):
            self.assertEqual(self.types(following), (0, ["provision"]))
            self.assertFalse(left.exists())
            self.assertEqual(self.calls()[-1], f"-chdir={made.code} state push errored.tfstate")
            self.assertTrue(made.place(package, overlay))

    def test_while_it_is_refused_as_the_state_nothing_of_it_is_taken_away_and_no_phase_is_called(self) -> None:
        left = self.folder / "root/code/errored.tfstate"
        made = self.stand_in("case $2 in state) exit 1 ;; esac")
        left.write_text("{}")
        with self.assertRaises(terraform.Stopped) as stopped:
            made.plan(keep=True)
        self.assertEqual(self.types(stopped.exception.following), (1, []))
        self.assertTrue(left.exists())

    def types(self, following: str) -> tuple[int, list[str]]:
        """Types all that is printed as next in a package's folder; its status, and the calls of `./migrate`."""
        package = Path(self.enterContext(tempfile.TemporaryDirectory()))
        migrate = package / "migrate"
        migrate.write_text('#!/bin/sh\necho "$@" >>called\n')
        migrate.chmod(0o700)
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", following], cwd=package, env=environment, check=False)
        self.assertTrue(migrate.exists(), following)
        called = package / "called"
        return done.returncode, called.read_text().splitlines() if called.exists() else []

    def test_a_lock_that_a_broken_run_left_is_told_with_the_way_to_open_it(self) -> None:
        said = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        1a2b-3c\n  Who:       ada@here\n"
        self.waits(b"shown")
        with self.assertRaises(terraform.Stopped) as stopped:
            self.stand_in(f"case $1 in apply) echo '{said}'; exit 1 ;; esac").apply()
        told = f"Where it was broken off, and nobody's runs: {self.typed('force-unlock 1a2b-3c')}"
        self.assertEqual(str(stopped.exception).splitlines()[1], told)

    def test_what_was_half_made_and_may_not_be_destroyed_is_told_with_the_way_on(self) -> None:
        state = {"resources": [
            {"type": "aws_vpc", "name": "own", "instances": [{"index_key": 0, "status": "tainted"}]},
            {"type": "aws_db_instance", "name": "identity", "instances": [{"index_key": 0, "status": "tainted"}]},
            {"type": "aws_s3_bucket", "name": "uploads", "instances": [{}]},
            {"type": "aws_a", "name": "b", "instances": [{"index_key": "x y", "status": "tainted"}]},
        ]}  # fmt: skip
        self.assertEqual(terraform.tainted(state), ["aws_vpc.own[0]", "aws_db_instance.identity[0]", 'aws_a.b["x y"]'])
        refused = "Error: Instance cannot be destroyed\nResource {} has lifecycle.prevent_destroy set, but the plan"
        cases = {
            "aws_db_instance.identity[0]": [
                "aws_db_instance.identity[0] is marked to be made anew, since the run that made it was broken off. "
                f"Where it is whole in the account: {self.typed('untaint')} 'aws_db_instance.identity[0]'"
            ],
            # That is what the target asks for.
            "aws_s3_bucket.uploads": [],
        }
        for address, told in cases.items():
            with self.subTest(address):
                said = refused.format(address)
                script = f"case $1 in plan) echo '{said}'; exit 1 ;; state) echo '{json.dumps(state)}' ;; esac"
                with self.assertRaises(StufError) as failed:
                    self.stand_in(script).plan(keep=True)
                self.assertEqual(str(failed.exception), "\n".join([said, *told]))

    def test_overtaken_and_locked_are_told_apart(self) -> None:
        cases = {
            "Error: Saved plan is stale": (11, False, "./migrate provision"),
            "Error: Error acquiring the state lock": (75, True, ""),
        }
        for said, (status, waits, following) in cases.items():
            with self.subTest(said):
                self.waits(b"shown")
                with self.assertRaises(terraform.Stopped) as stopped:
                    self.stand_in(f"case $1 in apply) echo '{said}'; exit 1 ;; esac").apply()
                self.assertEqual((stopped.exception.status, stopped.exception.following), (status, following))
                # Nothing was tried where the state was another's: the same plan, and its approval, are good still.
                self.assertEqual((self.plans / "plan.tfplan").exists(), waits)

    def test_asked_to_end_it_lets_terraform_end_well_and_notes_what_was_made(self) -> None:
        self.waits(b"shown")
        self.stand_in(f"""
            case $1 in
              apply)
                trap 'echo stopping; sleep 0.3; echo written >{self.folder}/state; exit 1' INT
                trap 'echo killed; exit 9' TERM
                : >{self.folder}/begun
                while :; do sleep 0.05; done ;;
              state) cat {self.folder}/state ;;
            esac""")
        program = textwrap.dedent(f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from pathlib import Path
            from modules import module
            made = module("stufpack_terraform")
            folder = Path({str(self.folder)!r})
            made.Terraform(folder / "root", folder / "plans").apply()
        """)
        environment = os.environ | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        with subprocess.Popen(
            [sys.executable, "-c", program], env=environment, start_new_session=True, stderr=subprocess.PIPE
        ) as process:
            while not (self.folder / "begun").exists():
                time.sleep(0.02)
            # As Ansible does: the whole group; and once more, which must not be passed on.
            os.killpg(process.pid, signal.SIGTERM)
            os.killpg(process.pid, signal.SIGTERM)
            said = process.stderr.read().decode() if process.stderr else ""
        self.assertIn("StufError", said)
        self.assertEqual((self.plans / "apply.log").read_text(), "stopping\n")
        self.assertEqual(json.loads((self.folder / "root/made.json").read_text())["resources"], ["written"])


if __name__ == "__main__":
    unittest.main()
