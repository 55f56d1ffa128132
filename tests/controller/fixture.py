"""Makes tiny signed packages with stock tools, so that these tests need no stufpack.

A package holds the real `migrate` and controller, playbooks without content, and a fake `ansible-playbook` that does
what the file `orders.json` says and writes down how it was called.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FAKE = Path(__file__).with_name("fake_ansible.py")

STEPS = {
    "preflight": ["check-controller", "reach-target"],
    "prepare": ["update-system"],
    "deploy": ["pull-images", "place-project", "start-api"],
    "import": ["save-before-state", "import-users"],
    "verify": ["sign-in", "read-storage", "ask-a-user"],
    "cutover": ["freeze", "copy", "dns"],
    "status": ["show-services"],
    "abort": ["stop-services", "delete-data"],
}
ONLY: dict[str, dict[str, Any]] = {
    "delete-data": {"only_with": "--delete-data"},
    "ask-a-user": {"automated": False, "actor": "trust-architect"},
}
# Those that open a whole phase; that of provision opens one step of it.
GATES = {"cutover": "approve-cutover", "content": "approve-content"}
CHECKLIST = "# Try this\n\n- [ ] I signed in.\n- [ ] I uploaded `a file`.\n"
PLANNED_ONLY = {"content": ["copy-objects", "look-at-it"]}
INSTEAD = {
    "copy-objects": {"not_here": {"means": "no file is copied"}},
    "look-at-it": {"by_hand": {"text": "Look.", "command": None}},
}
CONTENT = ["place-read-key", "copy-batches", "prove-batches", "remove-read-key"]
PROVISION = ["check-account", "init-terraform", "show-plan", "apply-plan", "write-inventory", "archive-state"]


class Package:
    """An unpacked package in the making; `seal` signs what stands there."""

    def __init__(self, home: Path, root: Path, number: int = 1, **manifest: Any) -> None:
        self.home, self.root = home, root
        shutil.copytree(
            TEMPLATES / "infrastructure/controller",
            root / "infrastructure/controller",
            ignore=shutil.ignore_patterns("__pycache__", ".*"),
        )
        shutil.copy(TEMPLATES / "migrate", root / "migrate")
        self.write("infrastructure/ansible/ansible.cfg", "[defaults]\n")
        self.write("infrastructure/ansible/inventory/target/hosts.yml", "stuf: {hosts: {target: {}}}\n")
        for phase in STEPS:
            self.write(f"infrastructure/ansible/playbooks/{phase}.yml", "---\n")
        self.write("configuration/salt", "not random\n")
        self.write("docs/user-validation-checklist.md", CHECKLIST)
        self.write("configuration/api-config/users/users.json", '{"users": []}\n')
        self.manifest: dict[str, Any] = {
            "schema": 1,
            "package": {"id": "sha256:00", "number": number, "name": "harbour", "slug": "harbour",
                        "environment": "staging", "provider": "host", "previous": None, "issuer": "issuer/test",
                        "installation": "harbour.example"},
            "createdAt": "2026-11-20T00:00:00Z", "expiresAt": "2999-01-01T00:00:00Z",
            "tool": {"name": "stufpack", "version": "0.0.0"}, "requires": {}, "secrets": [],
        } | manifest  # fmt: skip
        self.plan: dict[str, Any] = {
            "schema": 1, "plan": {"provisioned": False}, "phases": [*map(self._phase, STEPS.items())],
            "content": {"may_run": [], "delta": {"seconds": 4}, "proof_at_source": 3},
            "not_needed": [{"id": "provision", "why": "the machine exists already"}],
            "gates": [
                {"id": "approve-content", "phase": "content", "report": "preflight",
                 "command": "./migrate approve content"},
                {"id": "approve-cutover", "phase": "cutover", "report": "verify",
                 "command": "./migrate approve cutover --strategy immediate"},
            ],
            "verbs": [
                {"id": "hold", "automated": True, "instead": None},
                {"id": "adopt", "automated": True, "instead": None},
            ],
        }  # fmt: skip
        for name, steps in PLANNED_ONLY.items():
            self.plan["phases"].append(self._phase((name, steps), automated=False))

    @staticmethod
    def _phase(item: tuple[str, list[str]], automated: bool = True) -> dict[str, Any]:
        name, steps = item
        command = f"./migrate {name}"
        forward = name not in ("status", "abort", "export")
        common: dict[str, Any] = {
            "side": "target", "actor": "automation", "automated": automated, "command": command,
            "instead": None, "share": None, "only_with": None,
            "estimate": {"seconds": 10},
        }  # fmt: skip
        return {
            "id": name, "title": name.title(), "automated": automated, "command": command, "gate": GATES.get(name),
            "after": [],
            "place": "forward" if forward else "beside",
            "instead": None if automated else f"Nothing of {name} happens.",
            "steps": [
                {"id": f"{name}/{step}", "title": step} | common | ONLY.get(step, {})
                | {"instead": None if automated else INSTEAD[step]}
                | {"proof": {"text": f"{step} is right", "command": None}}
                for step in steps
            ],
        }  # fmt: skip

    def building(self) -> "Package":
        """The package as one whose phases build on each other, as those of every plan do."""
        before = {"prepare": ["preflight"], "deploy": ["prepare"], "import": ["deploy"], "content": ["deploy"],
                  "verify": ["import"], "cutover": ["verify"]}  # fmt: skip
        for phase in self.plan["phases"]:
            phase["after"] = before.get(phase["id"], phase["after"])
        return self

    def copying(self) -> "Package":
        """The package as one that copies content."""
        self.plan["phases"] = [phase for phase in self.plan["phases"] if phase["id"] != "content"]
        places = [phase["id"] for phase in self.plan["phases"]]
        self.plan["phases"].insert(places.index("verify"), self._phase(("content", CONTENT)))
        self.manifest["secrets"] = [
            {"name": "source_read", "origin": "provided", "needed_by": "content", "purpose": "reads the source"}
        ]
        for name in ("content", "hold"):
            self.write(f"infrastructure/ansible/playbooks/{name}.yml", "---\n")
        self.write("content/batches/00001.jsonl.gz", "names of files\n")
        return self

    def provisions(self, provider: str = "aws") -> "Package":
        """The package as one whose target is made first: it brings Terraform and no inventory."""
        self.manifest["package"]["provider"] = provider
        self.plan["plan"]["provisioned"] = True
        self.plan["not_needed"] = []
        self.plan["phases"].insert(0, self._phase(("provision", PROVISION)))
        next(phase for phase in self.plan["phases"] if phase["id"] == "preflight")["after"] = ["provision"]
        self.plan["gates"].insert(
            0,
            {"id": "approve-provision", "phase": "provision", "report": None, "before": "provision/apply-plan",
             "command": "./migrate approve provision"},
        )  # fmt: skip
        shutil.rmtree(self.root / "infrastructure/ansible/inventory")
        self.write("infrastructure/ansible/playbooks/provision.yml", "---\n")
        self.write("infrastructure/ansible/playbooks/keep-journal.yml", "---\n")
        self.write("infrastructure/terraform/main.tf", "# What is made.\n")
        return self

    def write(self, name: str, text: str) -> Path:
        """Writes one file of the package."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def digest(self) -> str:
        """The plan's digest."""
        return "sha256:" + hashlib.sha256((self.root / "MIGRATION-PLAN.json").read_bytes()).hexdigest()

    def _share_out(self) -> None:
        """Gives each step of what runs forward its share of that, by planned time, as every plan does."""
        playbooks = self.root / "infrastructure/ansible/playbooks"
        runs = [phase for phase in self.plan["phases"] if phase["automated"] and phase["place"] == "forward"]
        steps = [
            step for phase in runs if (playbooks / f"{phase['id']}.yml").is_file() for step in phase["steps"]
        ]  # fmt: skip
        total, passed = sum(step["estimate"]["seconds"] for step in steps), 0
        for step in steps:
            begin, passed = passed, passed + step["estimate"]["seconds"]
            step["share"] = {"from": 1000 * begin // total, "to": 1000 * passed // total}

    def seal(self, key: str = "issuer", namespace: str = "stufpack") -> "Package":
        """Writes plan, manifest, both lists of sums, and the signature."""
        self._share_out()
        self.write("MIGRATION-PLAN.json", json.dumps(self.plan))
        self.write("manifest.json", json.dumps(self.manifest | {"plan": {"digest": self.digest}}))
        personal = "-path ./configuration/salt -o -path './configuration/api-config/users/*' -o -path './content/*'"
        ours = "-name SHA256SUMS -o -name SHA256SUMS.sig -o -name SHA256SUMS.personal -o -name PERSONAL.sha256"
        sums = r"-print0 | sort -z | xargs -0 sha256sum -- | sed 's/^\(\\\{0,1\}[0-9a-f]*  \)\.\//\1/'"
        self.shell(rf"find . -type f \( {personal} \) {sums} >SHA256SUMS.personal")
        self.shell("sha256sum SHA256SUMS.personal >PERSONAL.sha256")
        self.shell(rf"find . -type f ! \( {personal} -o {ours} \) {sums} >SHA256SUMS.new")
        self.shell(
            "sed '/  SHA256SUMS.new$/d' SHA256SUMS.new >SHA256SUMS; rm SHA256SUMS.new;"
            "sha256sum PERSONAL.sha256 >>SHA256SUMS"
        )
        return self.sign(key, namespace)

    def sign(self, key: str = "issuer", namespace: str = "stufpack") -> "Package":
        """Signs SHA256SUMS as it stands."""
        (self.root / "SHA256SUMS.sig").unlink(missing_ok=True)
        private = make_key(self.home, key)
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", private, "-n", namespace, self.root / "SHA256SUMS"],
            check=True, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def shell(self, script: str) -> None:
        """Runs stock tools in the package's folder."""
        subprocess.run(["sh", "-euc", script], cwd=self.root, check=True, env=os.environ | {"LC_ALL": "C"})

    def bytes_and_modes(self) -> dict[str, tuple[int, bytes]]:
        """Everything that stands in the package, to compare before and after."""
        return {
            os.fspath(path.relative_to(self.root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.root.rglob("*"))
        }


def make_key(home: Path, name: str) -> Path:
    """A throw-away Ed25519 key."""
    path = home / "keys" / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


def signer_line(home: Path, name: str, principal: str = "issuer/test", options: str = 'namespaces="stufpack"') -> str:
    """One line of an allowed_signers file."""
    public = make_key(home, name).with_suffix(".pub").read_text()
    return f"{principal} {options} {public}".replace("  ", " ")


class Story(unittest.TestCase):
    """A Trust Architect's home, a package in it, and what `./migrate` says."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.state = self.home / ".local/state/stufpack/harbour-staging"
        self.orders_file = self.home / "orders.json"
        self.calls_file = self.home / "calls.jsonl"
        self.signers = self.home / ".config/stufpack/harbour.signers"
        self.signers.parent.mkdir(parents=True)
        self.signers.write_text(signer_line(self.home, "issuer"))
        self.environment: dict[str, str] = {}

    def again(self) -> None:
        """A fresh home, for the next of several subtests."""
        self.doCleanups()
        self.setUp()

    def package(self, folder: str = "package", number: int = 1, **manifest: Any) -> Package:
        """A package that is not sealed yet."""
        return Package(self.home, self.home / folder, number, **manifest)

    def with_tools(self, package: Package) -> Package:
        """Puts the fake Ansible where `bootstrap` would put the real one."""
        digest = hashlib.sha256((package.root / "infrastructure/controller/requirements.txt").read_bytes()).hexdigest()
        version = f"py{sys.version_info.major}.{sys.version_info.minor}"
        folder = self.state / "venv" / f"{version}-{digest[:16]}"
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        fake = folder / "bin/ansible-playbook"
        fake.write_text(f"#!{sys.executable} -B\n" + FAKE.read_text())
        fake.chmod(0o700)
        (folder / "complete").write_text(digest)
        return package

    def ready(self, folder: str = "package", number: int = 1, **manifest: Any) -> Package:
        """A sealed package whose tools are installed."""
        return self.with_tools(self.package(folder, number, **manifest).seal())

    def orders(self, **steps: Mapping[str, Any]) -> None:
        """What the fake does, by step id with `/` as `__` and `-` as `_`."""
        named = {name.replace("__", "/").replace("_", "-"): dict(order) for name, order in steps.items()}
        self.orders_file.write_text(json.dumps(named))

    def process_environment(self) -> dict[str, str]:
        """The environment of a Trust Architect's shell, where `python3` is the one that runs these tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STUFPACK_", "PIP_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ours = {
            "PATH": path,
            "HOME": str(self.home),
            "FAKE_ORDERS": str(self.orders_file),
            "FAKE_CALLS": str(self.calls_file),
        }
        return kept | ours | self.environment

    def start(self, package: Package, *words: str) -> subprocess.Popen[str]:
        """Starts `./migrate` and does not wait."""
        return subprocess.Popen(
            ["sh", package.root / "migrate", *words], env=self.process_environment(), cwd="/", text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def migrate(self, package: Package, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `./migrate` to its end."""
        process = self.start(package, *words)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def exits(self, code: int, package: Package, *words: str, says: str = "") -> subprocess.CompletedProcess[str]:
        """Runs `./migrate`, expects an exit code and, where given, the start of a message or its code."""
        run = self.migrate(package, *words)
        self.assertEqual(run.returncode, code, f"{words}\n{run.stdout}\n{run.stderr}")
        self.assertNotIn("Traceback", run.stderr)
        self.assertIn(says, run.stderr + run.stdout)
        if code:
            self.assertRegex(run.stderr, r"(?s)^(error|paused)\[[a-z.-]+\]: .+\n  at .+\n.+\nnext: .+")
        return run

    def journal(self, number: int = 1) -> list[str]:
        """The journal as `step:state`, with ids without their phase."""
        path = self.state / f"packages/{number}/journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [f"{entry['step'].rpartition('/')[2]}:{entry['state']}" for entry in map(json.loads, lines)]

    def calls(self) -> list[dict[str, Any]]:
        """How the fake was called."""
        return (
            [json.loads(line) for line in self.calls_file.read_text().splitlines()] if self.calls_file.exists() else []
        )

    def steps_run(self) -> list[str]:
        """The tags the fake was called with, in order."""
        return [call["step"].rpartition("/")[2] for call in self.calls()]

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for what a run does in the background."""
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, "nothing happened within 60 s")
            time.sleep(0.02)

    @contextlib.contextmanager
    def running(self, package: Package, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A run in the background that is surely ended."""
        process = self.start(package, *words)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def mode(path: Path) -> int:
    """Permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)
