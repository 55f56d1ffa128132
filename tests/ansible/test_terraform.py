"""What `provision` makes of Terraform's answers, and of what a new machine shows, with stand-ins for both."""

from __future__ import annotations

import base64
import contextlib
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from modules import ROOT, module

terraform = module("stufpack_terraform")
host_keys = module("stufpack_host_keys")
aws = module("stufpack_aws")
inventory = module("stuf_inventory")
StufError = module("stufpack_http").StufError


def key(kind: str, content: bytes = b"\x07" * 32) -> str:
    """A public key of a kind, whole in its own way."""
    parts = (kind.encode(), content)
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"{kind} {base64.b64encode(text).decode()}"


ED, ECDSA, OTHER = key("ssh-ed25519"), key("ecdsa-sha2-nistp256"), key("ssh-ed25519", b"\x08" * 32)


def console(*keys: str) -> str:
    """What a machine of cloud-init shows at its first boot."""
    listed = "".join(f"{one} root@ip-10-20-0-5\r\n" for one in keys)
    return (
        "[    1.0] Linux version 6.12\r\n"
        f"-----BEGIN SSH HOST KEY KEYS-----\r\n{listed}-----END SSH HOST KEY KEYS-----\r\n"
        "[   20.0] cloud-init finished\r\n"
    )


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
        with self.assertRaises(terraform.Stopped):
            made.apply()
        self.assertFalse((self.folder / "calls").exists())
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
        following = f"{self.typed('state push errored.tfstate')} && rm {left}, then ./migrate provision"
        made = self.stand_in(f"""
            case $1 in apply) echo '{{"made": 1}}' >{left}; echo 'Error: Failed to save state'; exit 1 ;; esac""")
        self.waits(b"shown")
        with self.subTest("the run that left it says what has to be typed"):
            with self.assertRaises(StufError) as failed:
                made.apply()
            told = f"Error: Failed to save state\nBefore anything else, with credentials that hold: {following}"
            self.assertEqual(str(failed.exception), told)
        calls = self.calls()
        package, overlay = self.folder / "package", self.folder / "overlay"
        for act in (lambda: made.place(package, overlay), lambda: made.plan(keep=True), lambda: made.plan(keep=False)):
            with self.subTest("and so does each that follows, before it does anything"):
                with self.assertRaises(terraform.Stopped) as stopped:
                    act()
                told = f"an earlier run could not write down what it made, and {left} alone knows it: nothing was begun"
                found = (str(stopped.exception), stopped.exception.status, stopped.exception.following)
                self.assertEqual(found, (told, 12, following))
                self.assertEqual((left.read_text(), self.calls()), ('{"made": 1}\n', calls))
                self.assertFalse((made.code / "main.tf").exists())
        with self.subTest("typed, it is gone, and the way is open"):
            done = subprocess.run(
                ["bash", "-c", following.partition(", then")[0]], env={"PATH": made.environment["PATH"]}, check=False
            )
            self.assertEqual((done.returncode, left.exists()), (0, False))
            self.assertEqual(self.calls()[-1], f"-chdir={made.code} state push errored.tfstate")
            self.assertTrue(made.place(package, overlay))

    def test_a_lock_that_a_broken_run_left_is_told_with_the_way_to_open_it(self) -> None:
        said = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        1a2b-3c\n  Who:       ada@here\n"
        self.waits(b"shown")
        with self.assertRaises(terraform.Stopped) as stopped:
            self.stand_in(f"case $1 in apply) echo '{said}'; exit 1 ;; esac").apply()
        told = f"Where it was broken off, and nobody's runs: {self.typed('force-unlock 1a2b-3c')}"
        self.assertEqual(str(stopped.exception).splitlines()[-1], told)

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
        cases = {"Error: Saved plan is stale": (11, False), "Error: Error acquiring the state lock": (75, True)}
        for said, (status, waits) in cases.items():
            with self.subTest(said):
                self.waits(b"shown")
                with self.assertRaises(terraform.Stopped) as stopped:
                    self.stand_in(f"case $1 in apply) echo '{said}'; exit 1 ;; esac").apply()
                self.assertEqual(stopped.exception.status, status)
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


class HostKeys(unittest.TestCase):
    def test_they_are_read_from_the_last_whole_list_and_what_was_cut_is_none(self) -> None:
        cut = f"{ED[:40]}[   12.3] a message of the kernel{ED[40:]}"
        self.assertEqual(host_keys.shown(console(ECDSA, ED)), [ED, ECDSA])
        self.assertEqual(host_keys.shown(console(OTHER) + console(ED)), [ED])
        self.assertEqual(host_keys.shown(console(cut, ECDSA)), [ECDSA])
        wrong_kind = "ssh-rsa " + ED.partition(" ")[2]
        for none in ("", "no list", console(), console(wrong_kind), console(ED)[:-60].partition("-----END")[0]):
            self.assertEqual(host_keys.shown(none), [])

    def test_they_are_pinned_once_and_others_are_refused(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "known_hosts"
        self.assertTrue(host_keys.pin(path, "192.0.2.10", [ED, ECDSA]))
        text = f"192.0.2.10 {ED}\n192.0.2.10 {ECDSA}\n"
        self.assertEqual((path.read_text(), stat.S_IMODE(path.stat().st_mode)), (text, 0o600))
        self.assertFalse(host_keys.pin(path, "192.0.2.10", [ED, ECDSA]))
        for others in ([OTHER], [OTHER, ECDSA], [ECDSA]):
            with self.assertRaises(host_keys.Refused):
                host_keys.pin(path, "192.0.2.10", others)
        self.assertEqual(path.read_text(), text)
        with self.subTest("another address has keys of its own"):
            self.assertTrue(host_keys.pin(path, "192.0.2.1", [OTHER]))
            self.assertEqual(path.read_text(), text + f"192.0.2.1 {OTHER}\n")


class Provider:
    """Stands in for a provider: a machine that shows something, or an account that says no."""

    def __init__(self, *shows: str | Exception, through: str | None = None) -> None:
        self.shows, self.through = list(shows), through

    def console(self, _values: Any, _output: Any) -> str:
        """The next thing that it shows; the last one from then on."""
        found = self.shows.pop(0) if len(self.shows) > 1 else self.shows[0]
        if isinstance(found, Exception):
            raise found
        return found

    def way_in(self, _values: Any, _output: Any) -> str | None:
        """How SSH goes."""
        return self.through

    def by_hand(self, _values: Any, _output: Any) -> str:
        """Another way."""
        return "look at it"

    def left(self, _values: Any, _output: Any) -> list[str]:
        """What is left."""
        return ["by hand: something"]


DATABASE = {
    "host": "stuf-acme-identity.c1a2b3.eu-west-1.rds.amazonaws.com", "port": 5432, "name": "keycloak", "user": "stuf",
    "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-Ab12Cd",
}  # fmt: skip
OUTPUT = {
    "address": "192.0.2.10", "user": "admin", "instance_id": "i-0123456789abcdef0", "database": None,
    "data_device": "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123", "region": "eu-west-1",
}  # fmt: skip


class Inventory(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.target = self.folder / "target"
        (self.folder / "values.json").write_text("{}")

    def settle(self, provider: Provider, **output: Any) -> dict[str, Any]:
        """One call of the module, which has no time to wait."""
        given = {"provider": "test", "values": str(self.folder / "values.json"), "output": OUTPUT | output,
                 "folder": str(self.target), "seconds": 0}  # fmt: skip
        with mock.patch.dict(inventory.stufpack_provider.PROVIDERS, {"test": provider}):
            return inventory.settle(given)

    def host(self) -> dict[str, Any]:
        """The machine in the inventory."""
        return json.loads((self.target / "hosts.json").read_text())["stuf"]["hosts"]["target"]

    def test_it_has_what_the_roles_need_and_a_second_run_changes_nothing(self) -> None:
        known_hosts = self.target / "known_hosts"
        found = self.settle(Provider(console(ED)))
        reached = f"admin@192.0.2.10 (i-0123456789abcdef0), host keys pinned in {known_hosts}"
        self.assertEqual(found, {"changed": True, "lines": [reached, "by hand: something"]})
        self.assertEqual(
            self.host(),
            {"ansible_host": "192.0.2.10", "ansible_port": 22, "ansible_user": "admin", "database": None,
             "instance_id": OUTPUT["instance_id"], "data_device": OUTPUT["data_device"]},
        )  # fmt: skip
        self.assertEqual(known_hosts.read_text(), f"192.0.2.10 {ED}\n")
        self.assertFalse(self.settle(Provider(console(ED)))["changed"])
        with self.subTest("a console that has nothing any more, or may not be read, takes nothing away"):
            self.assertFalse(self.settle(Provider(""))["changed"])
            self.assertFalse(self.settle(Provider(StufError("no")))["changed"])

    def test_a_way_in_stands_beside_the_pinned_keys(self) -> None:
        self.settle(Provider(console(ED), through="aws ssm start-session --target i-1 --parameters portNumber=%p"))
        host = self.host()
        ways = {name: text for name, text in host.items() if name.endswith("_extra_args")}
        way = "-o ProxyCommand='aws ssm start-session --target i-1 --parameters portNumber=%p'"
        self.assertEqual(ways, {f"ansible_{name}_extra_args": way for name in ("ssh", "sftp", "scp")})
        # The plays' own arguments, by which the keys are pinned, would put those of the inventory aside.
        self.assertNotIn("ansible_ssh_common_args", host)
        for playbook in (ROOT / "playbooks").glob("*.yml"):
            if playbook.stem != "provision":
                self.assertIn("UserKnownHostsFile={{ (inventory_dir ~ '/known_hosts') | quote }}", playbook.read_text())

    def test_keys_that_never_come_are_told_with_the_way_by_hand_and_a_line_by_hand_is_enough(self) -> None:
        with self.assertRaises(inventory.Told) as told:
            self.settle(Provider("still booting"))
        self.assertEqual(told.exception.status, 11)
        line = f"look at it. Of each key write a line into {self.target / 'known_hosts'}: 192.0.2.10 KIND KEY"
        self.assertIn(line, str(told.exception))
        (self.target / "known_hosts").write_text(f"192.0.2.10 {ED}\n")
        self.assertFalse(self.settle(Provider("still booting"))["changed"])
        self.settle(Provider(console(ED, ECDSA)))
        with self.assertRaises(inventory.Told) as told:
            self.settle(Provider(console(OTHER)))
        self.assertEqual(told.exception.status, 12)

    def test_keys_are_waited_for(self) -> None:
        shows, slept = iter(["", "", console(ED)]), []
        self.assertEqual(inventory.await_keys(lambda: next(shows), 60, slept.append), [ED])
        self.assertEqual(slept, [inventory.AGAIN] * 2)

    def test_what_ansible_could_read_as_a_template_is_refused(self) -> None:
        wrong = {"address": "{{ lookup('pipe', 'id') }}", "user": "a b", "data_device": "/dev/{{ x }}"}
        for name, text in wrong.items():
            with self.assertRaisesRegex(StufError, name):
                self.settle(Provider(console(ED)), **{name: text})
        wrong = {"host": "{{ x }}", "port": "5432 x", "name": "other", "user": "stuf; id"}
        for name, text in wrong.items():
            with self.assertRaisesRegex(StufError, f"database.{name}"):
                self.settle(Provider(console(ED)), database=DATABASE | {name: text})
        self.assertFalse((self.target / "hosts.json").exists())

    def test_of_a_database_it_has_where_that_is_and_not_the_name_of_its_secret(self) -> None:
        self.settle(Provider(console(ED)), database=DATABASE)
        wanted = {name: value for name, value in DATABASE.items() if name != "secret_arn"}
        self.assertEqual(self.host()["database"], wanted)

    def test_a_provider_that_makes_no_machine_is_told(self) -> None:
        with self.assertRaisesRegex(StufError, "nothing is known here of machines at the provider host"):
            inventory.stufpack_provider.of("host")


class WayIn(unittest.TestCase):
    def test_ssh_is_given_the_pinned_keys_first_and_then_the_way_through_which_it_goes(self) -> None:
        """Ansible itself, with a program in the place of ssh that writes down how it was called."""
        playbook = Path(sys.executable).with_name("ansible-playbook")
        self.assertTrue(playbook.exists(), f"{playbook} is missing; next: tools/install quick, then tools/test-python")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("bin", "target"):
            (folder / name).mkdir()
        ssh = folder / "bin/ssh"
        ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{folder}/calls\n')
        ssh.chmod(0o755)
        through = aws.way_in(Aws.VALUES, OUTPUT)
        (folder / "target/hosts.json").write_text(json.dumps(inventory.hosts(OUTPUT, through)))
        (folder / "target/known_hosts").write_text(f"192.0.2.10 {ED}\n")
        (play,) = yaml.safe_load((ROOT / "playbooks/preflight.yml").read_text())
        task = {"name": "Reach it", "ansible.builtin.raw": "true"}
        ours = {"name": "Reach it", "hosts": "stuf", "gather_facts": False, "vars": play["vars"], "tasks": [task]}
        (folder / "play.yml").write_text(json.dumps([ours]))
        done = subprocess.run(
            [playbook, "-i", folder / "target", folder / "play.yml"], cwd=folder, check=False,
            env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                 "PYTHONDONTWRITEBYTECODE": "1",
                 "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home")},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout)
        given = (folder / "calls").read_text().splitlines()
        wanted = ["StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"]
        wanted += [f"UserKnownHostsFile={folder}/target/known_hosts", f"ProxyCommand={through}", "192.0.2.10"]
        self.assertEqual([word for word in given if word in wanted], wanted)


class Aws(unittest.TestCase):
    """What is AWS's own, without AWS."""

    VALUES = {"region": "eu-west-1", "domain": "files.acme.example"}

    def asked(self, **answers: Any) -> Any:
        """Answers instead of AWS's, by the call's name."""

        def ask(_service: str, _values: Any, call: str, **given: Any) -> Any:
            found = answers[call]
            found = found(given) if callable(found) else found
            if isinstance(found, Exception):
                raise found
            return found

        return mock.patch.object(aws, "_ask", ask)

    def test_credentials_of_another_account_are_refused(self) -> None:
        me = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/ta/ada"}
        with self.asked(get_caller_identity=me), self.tools():
            told = [f"account 123456789012, region eu-west-1, as {me['Arn']}"]
            self.assertEqual(aws.check(self.VALUES), told)
            self.assertEqual(aws.check(self.VALUES | {"account_id": "123456789012"}), told)
            with self.assertRaisesRegex(StufError, "are of account 123456789012, and the target names 999999999999"):
                aws.check(self.VALUES | {"account_id": "999999999999"})

    @contextlib.contextmanager
    def tools(self, **said: str | None) -> Iterator[None]:
        """Programs on PATH that say this of their version; `None` is one that is not there."""
        every = {"aws": "aws-cli/2.0.0 Python/3.13.5 Linux/6.12", "session_manager_plugin": "1.2.764.0"} | said
        with tempfile.TemporaryDirectory() as folder:
            for name, text in every.items():
                program = Path(folder, name.replace("_", "-"))
                if text is not None:
                    program.write_text(f"#!/bin/sh\n[ \"$*\" = --version ] && echo '{text}'\n")
                    program.chmod(0o755)
            with mock.patch.dict(os.environ, {"PATH": folder}):
                yield

    def test_without_an_open_port_one_needs_the_programs_of_session_manager(self) -> None:
        me = {"Account": "123456789012", "Arn": "arn"}
        with self.asked(get_caller_identity=me), self.tools(aws=None, session_manager_plugin=None):
            with self.assertRaisesRegex(StufError, "not found on PATH: aws and session-manager-plugin"):
                aws.check(self.VALUES)
            aws.check(self.VALUES | {"ssh_cidrs": ["192.0.2.0/24"]})
        self.assertEqual(
            aws.way_in(self.VALUES, OUTPUT),
            "aws ssm start-session --region eu-west-1 --target i-0123456789abcdef0"
            " --document-name AWS-StartSSHSession --parameters portNumber=%p",
        )
        self.assertIsNone(aws.way_in(self.VALUES | {"ssh_cidrs": ["192.0.2.0/24"]}, OUTPUT))
        with self.assertRaises(StufError):
            aws.way_in(self.VALUES, OUTPUT | {"instance_id": "i-1; id"})

    def test_they_are_new_enough_by_each_number_of_their_version(self) -> None:
        me = {"Account": "123456789012", "Arn": "arn"}
        plugin = "session-manager-plugin"
        with self.asked(get_caller_identity=me):
            for version in ("1.2.764.0", "1.2.1000.0", "1.10.0.0", "2.0", "1.2.764"):
                with self.subTest(version), self.tools(session_manager_plugin=version):
                    aws.check(self.VALUES)
            for version in ("1.2.763.9", "1.2", "1.2.99.0", "0.9.764.0"):
                told = f"{plugin} is {version}; 1.2.764.0 or newer is needed. No network"
                with self.subTest(version), self.tools(session_manager_plugin=version):
                    self.assertRaisesRegex(StufError, told, aws.check, self.VALUES)
            silent = f"{plugin} does not tell its version; 1.2.764.0 or newer is needed"
            for said in ("", "installed"):
                with self.subTest(said), self.tools(session_manager_plugin=said):
                    self.assertRaisesRegex(StufError, silent, aws.check, self.VALUES)
            told = "not found on PATH: session-manager-plugin; aws is 1.37.1; 2.0 or newer is needed"
            with self.tools(aws="aws-cli/1.37.1 Python/3.13.5", session_manager_plugin=None):
                self.assertRaisesRegex(StufError, told, aws.check, self.VALUES)

    def test_a_machine_that_shows_its_console_only_once_is_asked_so(self) -> None:
        def answer(given: dict[str, Any]) -> Any:
            return StufError("UnsupportedOperation, AWS said …") if "Latest" in given else {"Output": "shown"}

        with self.asked(get_console_output=answer):
            self.assertEqual(aws.console(self.VALUES, OUTPUT), "shown")
        with self.asked(get_console_output=StufError("AuthFailure, …")), self.assertRaises(StufError):
            aws.console(self.VALUES, OUTPUT)

    def test_what_is_left_for_a_person_is_named(self) -> None:
        output = OUTPUT | {"storage": {"user": "stuf-acme-staging-api"}, "dns_is_set": False}
        key, name = aws.left(self.VALUES, output)
        self.assertIn("aws iam create-access-key --user-name stuf-acme-staging-api", key)
        self.assertEqual(name, "by hand: let files.acme.example lead to 192.0.2.10 (record A, where your zone is kept)")
        self.assertEqual(aws.left(self.VALUES, output | {"dns_is_set": True}), [key])

    def test_the_command_for_the_password_of_a_database_puts_it_in_place_and_shows_nothing(self) -> None:
        output = OUTPUT | {"storage": {"user": "stuf-acme-staging-api"}, "dns_is_set": True, "database": DATABASE}
        _, told = aws.left(self.VALUES, output)
        start = "by hand, before deploy, in the state folder: "
        self.assertTrue(told.startswith(start), told)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("bin", "secrets"):
            (folder / name).mkdir()
        given = folder / "bin/aws"
        answer = '{"username": "stuf", "password": "a b$c!"}'
        given.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >called\necho \'{answer}\'\n')
        given.chmod(0o755)
        environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", told.removeprefix(start)], cwd=folder, env=environment, capture_output=True, check=False
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))
        placed = folder / "secrets/database_administrator"
        self.assertEqual((placed.read_text(), stat.S_IMODE(placed.stat().st_mode)), ("a b$c!\n", 0o600))
        self.assertIn(DATABASE["secret_arn"], (folder / "called").read_text().splitlines())
        with self.assertRaisesRegex(StufError, "is no secret of Secrets Manager"):
            aws.left(self.VALUES, output | {"database": DATABASE | {"secret_arn": "x' ; id"}})


if __name__ == "__main__":
    unittest.main()
