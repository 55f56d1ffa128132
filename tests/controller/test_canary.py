"""A canary run: fake secrets in the state folder, Ansible at its most talkative, a task that fails, and none is found.

The tasks are those of the roles that name a file of the state folder's secrets, found in the roles themselves.
"""

import base64
import json
import os
import re
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from fixture import TEMPLATES, Package
from real import AnsibleStory

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import leak  # noqa: E402

ROLES = TEMPLATES / "infrastructure/ansible/roles"
# Each has characters that some encoding writes in another way.
CANARIES = {
    "secrets/mail_password": 'canary-"mail" & pass\\word/+?\'1',
    "secrets/source_read": json.dumps(
        {
            "storage": {"access_key_id": "CANARYFAKEACCESS", "secret_access_key": "canary+storage/secret=fake"},
            "ssh": {"private_key": "-----BEGIN " + "PRIVATE KEY-----\n" + "Canary/Fake+Line" * 4 + "\n-----END\n"},
        }
    ),
    "secrets/database_administrator": "canary-Administrator/0005",
    "secrets/one-time-passwords.csv": '"ada","ada@example.org","canary-one-time-aA1!"\n',
    "local/tls/key.pem": "-----BEGIN " + "PRIVATE KEY-----\n" + "Canary+Tls/Line0" * 4 + "\n-----END\n",
}
# What `invite` adds to the one-time passwords.
INVITED = '"grace","grace@example.org","canary-second-time-bB2!"\n'
# A file of the state folder that holds a secret, however its path is put together.
SECRET = re.compile(r"stufpack_state\W+(secrets\b|local/tls/key)")


def carriers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task of the roles through which a secret of the state folder passes, by its role's name."""
    for role in sorted(path for path in ROLES.iterdir() if path.is_dir()):
        values: dict[str, Any] = {}
        for file in (*role.glob("defaults/*.yml"), *role.glob("vars/*.yml")):
            values |= yaml.safe_load(file.read_text()) or {}
        names = [name for name, value in values.items() if SECRET.search(str(value))]
        named = re.compile("|".join((SECRET.pattern, *(rf"\b{name}\b" for name in names))))
        for file in sorted(role.glob("tasks/*.yml")):
            yield from ((role.name, task) for task in leaves(yaml.safe_load(file.read_text())) if _carries(task, named))


def leaves(tasks: list[dict[str, Any]], around: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Every task, with what the blocks around it say for it."""
    for task in tasks:
        parts = ("block", "rescue", "always")
        own = {**(around or {}), **{key: value for key, value in task.items() if key not in parts}}
        if "block" in task:
            for part in parts:
                yield from leaves(task.get(part, []), own)
        else:
            yield own


def _carries(task: dict[str, Any], named: re.Pattern[str]) -> bool:
    # Whether a file is there is no secret.
    return "ansible.builtin.stat" not in task and named.search(json.dumps(task)) is not None


class CanaryRun(AnsibleStory):
    verbosity = "-vvv"

    def plant(self) -> None:
        """Puts the canaries where the Trust Architect's secrets stand."""
        for name, value in CANARIES.items():
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)

    def task(self, found: dict[str, Any], step: str) -> str:
        """A task of a role, as a step's, with places and owners that this machine has."""
        text = json.dumps(found | {"tags": [f"deploy/{step}"]})
        for old, new in (("/etc/stuf/tls", f"{self.home}/target"), ("stuf-proxy", str(os.getuid())),
                         ('"root"', f'"{os.getuid()}"')):  # fmt: skip
            text = text.replace(old, new)
        return f"    - {text}\n"

    def canary_package(self, last: str) -> Package:
        """The tasks that carry secrets, then one more."""
        (self.home / "target").mkdir()
        first, *others = [task for _, task in carriers()]
        package = self.real(
            self.task(first, "pull-images"), *(self.task(task, "place-project") for task in others), last
        )
        self.plant()
        invited = self.home / "invited.csv"
        invited.write_text(INVITED)
        names = [name.partition("/")[2] for name in CANARIES if name.startswith("secrets/")]
        variables = {
            "stuf_secrets": [{"name": name} for name in names],
            "stuf_secrets_dir": str(self.home / "target"),
            "proxy_tls_mode": "provided",
            "content_key_file": str(self.home / "target/read-key"),
            "database_given": str(self.state / "secrets/database_administrator"),
            "database_administrator_file": str(self.home / "target/administrator"),
            "identity_file": str(self.state / "secrets/one-time-passwords.csv"),
            "identity_invite_by": "one-time-password",
            "identity_earlier": {"stat": {"exists": True}},
            "identity_prepared": {"lines": f"{{{{ lookup('ansible.builtin.file', '{invited}', rstrip=false) }}}}"},
        }
        (self.state / "local/vars.yml").write_text(json.dumps(variables))
        return package

    def found(self) -> list[leak.Hit]:
        """Canaries anywhere in the state folder but where they belong; the tools are not ours."""
        files = {str(path.relative_to(self.state)): path.read_bytes() for path in self._files()}
        for name in ("packages/1/journal.jsonl", "packages/1/logs/1-deploy-start-api.log", "status.html"):
            self.assertIn(name, files)
        return leak.search(files, leak.known(self.state))

    def _files(self) -> Iterator[Path]:
        for path in self.state.rglob("*"):
            place = str(path.relative_to(self.state))
            if path.is_file() and place not in CANARIES and not place.startswith("venv/") and "/package/" not in place:
                yield path

    def test_s04_no_task_through_which_a_secret_passes_is_logged(self) -> None:
        found = list(carriers())
        self.assertEqual({role for role, _ in found}, {"content", "database", "identity", "proxy", "stuf"})
        for role, task in found:
            with self.subTest(f"{role}: {task['name']}"):
                self.assertIs(task.get("no_log"), True)

    def test_s04_no_log_report_or_folder_holds_a_secret_though_a_task_with_one_fails(self) -> None:
        fails = self.task(next(task for role, task in carriers() if role == "proxy"), "start-api")
        package = self.canary_package(fails.replace(f"{self.home}/target", f"{self.home}/missing"))

        run = self.exits(1, package, "deploy")

        self.assertIn("hidden, because a secret passes here", run.stdout)
        # The secrets did pass, and Ansible did talk.
        for name in CANARIES:
            more = INVITED if name.endswith(".csv") else ""
            self.assertEqual((self.home / "target" / Path(name).name).read_text(), CANARIES[name] + more)
        administrator = CANARIES["secrets/database_administrator"]
        self.assertEqual((self.home / "target/administrator").read_text(), administrator)
        placed = json.loads((self.home / "target/read-key").read_text())
        given = json.loads(CANARIES["secrets/source_read"])
        self.assertEqual(placed, {"storage": given["storage"], "ssh": None})
        log = (self.state / "packages/1/logs/1-deploy-start-api.log").read_text()
        self.assertIn("Using module file", log)
        self.assertEqual(self.found(), [])
        self.assertEqual(leak.search({"terminal": (run.stdout + run.stderr).encode()}, leak.known(self.state)), [])
        folder = self.state / "packages/1/operations/1-deploy"
        self.assertIn(log, (folder / "evidence/logs/1-deploy-start-api.log").read_text())

    def test_s04_a_planted_leak_is_found(self) -> None:
        # A task that forgets no_log, and a tool that tells what it was given in a writing of its own.
        task = {
            "name": "Leak", "ansible.builtin.command": {"argv": ["cat", f"{self.home}/leaked", "/nowhere"]},
            "tags": ["deploy/start-api"],
        }  # fmt: skip
        package = self.canary_package(f"    - {json.dumps(task)}\n")
        secret = b"user:" + CANARIES["secrets/mail_password"].encode()
        (self.home / "leaked").write_bytes(base64.encodebytes(secret * 2))

        run = self.exits(1, package, "deploy", says="not recorded: a secret stands where it must not")

        self.assertIn("secrets/mail_password (base64) in evidence/logs/1-deploy-start-api.log", run.stdout)
        self.assertEqual({hit.path for hit in self.found()}, {"packages/1/logs/1-deploy-start-api.log"})
        self.assertFalse((self.state / "packages/1/operations/1-deploy").exists())


if __name__ == "__main__":
    unittest.main()
