"""What `provision` makes of a machine: its keys, the inventory, the way in, with stand-ins for it and its provider."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from modules import ROOT, module

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
