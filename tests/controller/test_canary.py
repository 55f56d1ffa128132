"""A canary run: fake secrets in the state folder, Ansible at its most talkative, a task that fails, and none is found.

The tasks are those of the roles where a secret of the state folder passes through Ansible, taken out of their files.
"""

import base64
import json
import os
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
    "secrets/one-time-passwords.csv": '"ada","ada@example.org","canary-one-time-aA1!"\n',
    "local/tls/key.pem": "-----BEGIN " + "PRIVATE KEY-----\n" + "Canary+Tls/Line0" * 4 + "\n-----END\n",
}
TAKEN = {"stuf/tasks/make_secrets.yml": "Take over the secrets that the Trust Architect gives",
         "proxy/tasks/start.yml": "Place its key"}  # fmt: skip


class CanaryRun(AnsibleStory):
    verbosity = "-vvv"

    def plant(self) -> None:
        """Puts the canaries where the Trust Architect's secrets stand."""
        for name, value in CANARIES.items():
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)

    def task(self, file: str, step: str, **changes: Any) -> str:
        """A task of a role, as a step's, with places and owners that this machine has."""
        found = next(task for task in yaml.safe_load((ROLES / file).read_text()) if task["name"] == TAKEN[file])
        self.assertTrue(found["no_log"], f"{file}: a secret passes here")
        text = json.dumps(found | {"tags": [f"deploy/{step}"]} | changes)
        for old, new in (("/etc/stuf/tls", f"{self.home}/target"), ("stuf-proxy", str(os.getuid())),
                         ('"root"', f'"{os.getuid()}"')):  # fmt: skip
            text = text.replace(old, new)
        return f"    - {text}\n"

    def canary_package(self, last: str) -> Package:
        """The tasks that carry secrets, then one more."""
        (self.home / "target").mkdir()
        package = self.real(
            self.task("stuf/tasks/make_secrets.yml", "pull-images"),
            self.task("proxy/tasks/start.yml", "place-project"),
            last,
        )
        self.plant()
        names = [name.partition("/")[2] for name in CANARIES if name.startswith("secrets/")]
        variables = {
            "stuf_secrets": [{"name": name} for name in names],
            "stuf_secrets_dir": str(self.home / "target"),
            "proxy_tls_mode": "provided",
        }
        (self.state / "local/vars.yml").write_text(json.dumps(variables))
        return package

    def found(self) -> list[leak.Hit]:
        """Canaries anywhere in the state folder but where they belong; the tools are not ours."""
        files = {str(path.relative_to(self.state)): path.read_bytes() for path in self._files()}
        for name in ("packages/1/journal.jsonl", "packages/1/logs/1-deploy-start-api.log"):
            self.assertIn(name, files)
        return leak.search(files, leak.known(self.state))

    def _files(self) -> Iterator[Path]:
        for path in self.state.rglob("*"):
            place = str(path.relative_to(self.state))
            if path.is_file() and place not in CANARIES and not place.startswith("venv/") and "/package/" not in place:
                yield path

    def test_s04_no_log_report_or_folder_holds_a_secret_though_a_task_with_one_fails(self) -> None:
        fails = self.task("proxy/tasks/start.yml", "start-api")
        package = self.canary_package(fails.replace(f"{self.home}/target", f"{self.home}/missing"))

        run = self.exits(1, package, "deploy")

        self.assertIn("hidden, because a secret passes here", run.stdout)
        # The secrets did pass, and Ansible did talk.
        for name in CANARIES:
            self.assertEqual((self.home / "target" / Path(name).name).read_text(), CANARIES[name])
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
