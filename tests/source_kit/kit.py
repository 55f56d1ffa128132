"""The kit's programs, as the kit has them side by side, and a machine of a test's own to run them on."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import shutil
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


PAGE = (SOURCE / "README.md").read_text(encoding="utf-8")


def document(name: str) -> Any:
    """A policy that the kit's page shows under this name."""
    return json.loads(PAGE.partition(f"```json {name}\n")[2].partition("```")[0])


def example() -> dict[str, Any]:
    """The settings that the kit shows."""
    content: dict[str, Any] = json.loads((SOURCE / "settings.example.json").read_text())
    return content


def unpacked(folder: Path) -> Path:
    """A kit as it lies there unpacked, with its list."""
    kit = folder / "kit"
    shutil.copytree(SOURCE, kit, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("stufpack_signature.py", "stufpack_answers.py"):
        shutil.copy(ANSIBLE / "module_utils" / name, kit / "program")
    (kit / "kit.json").write_text("{}\n")
    (kit / "SHA256SUMS.sig").write_text("a signature\n")
    enlist(kit)
    return kit


def enlist(kit: Path) -> None:
    """Makes the kit's list of what is there."""
    files = (file for file in sorted(kit.rglob("*")) if file.is_file() and not file.name.startswith("SHA256SUMS"))
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(kit)}\n" for file in files)
    (kit / "SHA256SUMS").write_text("".join(lines))


class Bucket:
    """A bucket's policy, as a store keeps it."""

    def __init__(self, policy: object = None) -> None:
        self.held = policy
        #: Answers that it does not do it.
        self.refuses = False
        #: Cannot be asked for anything.
        self.unreachable = False
        #: Does not answer; does what was asked when it `acts`, or silently at once.
        self.silent = self.acts_silently = False
        #: Reads back the same meaning in other words, as AWS does.
        self.rewords = False
        self._asked: list[object] = []
        self._reads = itertools.count()

    def policy(self) -> object:
        """What it is."""
        self._reached()
        copied = json.loads(json.dumps(self.held))
        return reworded(copied, next(self._reads) % 2 == 0) if self.rewords else copied

    def set_policy(self, policy: object) -> None:
        """Makes it another."""
        self._reached()
        if self.refuses:
            raise freezing.SourceError("PutBucketPolicy was answered with 403 AccessDenied")
        if self.silent:
            self._asked.append(policy)
            if self.acts_silently:
                self.acts()
            raise freezing.Unanswered("s3.example does not answer (TimeoutError)")
        self.held = json.loads(json.dumps(policy))

    def _reached(self) -> None:
        if self.unreachable:
            raise freezing.SourceError("s3.example cannot be reached (ConnectionRefusedError)")

    def acts(self) -> None:
        """Does what it never answered to."""
        self.held = json.loads(json.dumps(self._asked.pop()))


def reworded(policy: Any, turned: bool) -> Any:
    """The policy as AWS gives it back: lists in another order, lists of one as their element, accounts by name."""

    def below(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: below(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return below(value[0]) if len(value) == 1 else sorted(map(below, value), reverse=turned)
        return f"arn:aws:iam::{value}:root" if isinstance(value, str) and value.isdecimal() else value

    if not isinstance(policy, dict):
        return policy
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    every = [below(statement) for statement in statements]
    everyone: Any = {"AWS": "*"} if turned else "*"
    every = [one | {"Principal": everyone} if one.get("Principal") in ("*", {"AWS": "*"}) else one for one in every]
    return {**policy, "Statement": every}


def iam(name: str, inside: str = "", namespace: str = "https://iam.amazonaws.com/doc/2010-05-08/") -> bytes:
    """A document of IAM."""
    return f'<{name} xmlns="{namespace}">{inside}</{name}>'.encode()


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
