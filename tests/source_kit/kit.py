"""The kit's programs, as the kit has them side by side, and a machine of a test's own to run them on."""

from __future__ import annotations

import io
import json
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SOURCE = TEMPLATES / "kit/source"
ANSIBLE = TEMPLATES / "infrastructure/ansible"
sys.path[:0] = [str(SOURCE / "program"), str(ANSIBLE / "roles/export/files"), str(ANSIBLE / "module_utils")]


def program(name: str) -> ModuleType:
    """A module of the kit."""
    return __import__(f"stuf_source.{name}", fromlist=["*"])


main = program("__main__")
credentials = program("credentials")
freezing = program("freezing")
places = program("places")
settings = program("settings")


def example() -> dict[str, Any]:
    """The settings that the kit shows."""
    content: dict[str, Any] = json.loads((SOURCE / "settings.example.json").read_text())
    return content


class MachineTest(unittest.TestCase):
    """A test with a machine: folders as `install` makes them, and host keys."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.places = places.Places(self.root)
        for made in (self.places.program, self.places.settings.parent, self.places.host_keys, self.switches):
            made.mkdir(parents=True)
        (self.places.state / "credentials").mkdir(parents=True)
        (self.places.program / "kit.sha256").write_text("sha256:00\n")
        (self.places.host_keys / "ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAAhost root@source\n")
        # The account is not on this machine; whose file it is shows on a machine with sshd (tests/bench).
        credentials.ACCOUNT = "root"
        self.settle(storage=None)

    @property
    def switches(self) -> Path:
        """The proxy's switches."""
        return self.root / "switches"

    def settle(self, **changes: Any) -> None:
        """Gives the machine its settings."""
        self.places.settings.write_text(json.dumps(example() | {"switches": str(self.switches)} | changes))

    def by_root(self, *words: str) -> tuple[int, str, str]:
        """A verb as root types it: exit code, result, lines for people."""
        said, told = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(told):
            code = main.main(list(words), self.places)
        return code, said.getvalue(), told.getvalue()

    def over_ssh(self, identifier: str, asked: bytes | None) -> tuple[int, str, str]:
        """A request as the forced command passes it on."""
        said, told = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(told):
            code = main.serve([identifier], asked, self.places)
        return code, said.getvalue(), told.getvalue()

    def does(self, *words: str) -> dict[str, Any]:
        """The result of a verb that must work."""
        code, said, told = self.by_root(*words)
        self.assertEqual(code, 0, told)
        result: dict[str, Any] = json.loads(said)
        return result
