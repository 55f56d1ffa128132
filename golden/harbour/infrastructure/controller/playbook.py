"""Runs one step: one `ansible-playbook` with one tag, outside the package, and reads what it reports.

The exit status alone says too little (a tag that matches nothing is 0, and so is a rescued failure), so the package's
callback plugin writes a result, and a step without a sound one is not done.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from package import Package
from state import Lock, State

# How long a step may take to end after Ctrl-C before it is left to itself (with the lock).
GRACE_SECONDS = 30.0


@dataclass
class Interrupts:
    """Passes Ctrl-C, TERM and HUP on to the running step, and remembers them for the loop."""

    received: int | None = None
    child: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """From here on a signal ends the run between two journal lines, never inside one."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        self.forward()

    def forward(self) -> None:
        """Asks the running step to end; TERM, since Ansible then ends its running task too."""
        if self.child is not None and self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGTERM)


@dataclass(frozen=True)
class Result:
    """What is known of a step after its run."""

    status: int | None  # None: it still runs
    reported: bool = False
    hosts: int = 0
    ok: int = 0
    failed: int = 0
    unreachable: int = 0
    changed: int = 0
    rolled_back: bool = False
    changed_tasks: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    log: Path = field(default=Path())

    @property
    def done(self) -> bool:
        """It ran on at least one host, and nothing failed anywhere."""
        clean = self.failed == 0 and self.unreachable == 0 and not self.rolled_back
        return self.status == 0 and self.reported and self.hosts > 0 and clean


@dataclass
class Runner:
    """Runs steps of one invocation."""

    package: Package
    state: State
    tools: Path  # bin folder of the virtual environment
    lock: Lock | None
    run: str  # number of the invocation, or `check`, `status`
    interrupts: Interrupts
    check: bool = False
    delete_data: bool = False

    @property
    def reports(self) -> Path:
        """Where this run's evidence goes."""
        return self.state.here / "reports" / self.run

    def step(self, playbook: str, step: str) -> Result:
        """Runs one step to its end and returns what is known; a signal ends it early."""
        link = self._prepare()
        name = step.replace("/", "-")
        log = self.state.here / "logs" / f"{self.run}-{name}.log"
        result_path = self.state.here / f"result-{self.run}.json"
        result_path.unlink(missing_ok=True)
        inside = f"{link.name}/infrastructure/ansible"
        command = [
            str(self.tools / "ansible-playbook"),
            "-i",
            f"{inside}/inventory/target",
            f"{inside}/playbooks/{playbook}.yml",
        ]
        command += ["--tags", step, "-e", f"@{self._variables(link).name}"]
        if self.state.overlay.exists():
            command += ["-e", f"@{self.state.overlay}"]
        if self.check:
            command += ["--check"]
        sockets = tempfile.mkdtemp(prefix="stufpack-")  # short: a socket's path has 107 bytes
        try:
            with log.open("ab") as output:
                status = self._wait(command, output.fileno(), self._environment(link, result_path, Path(sockets)))
        finally:
            shutil.rmtree(sockets, ignore_errors=True)
        return _read_result(result_path, status, log)

    def _prepare(self) -> Path:
        """Makes the run's folders, and a plain name for the package, whose own path may hold any byte."""
        self.reports.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in ("ansible", "ansible/tmp", "ansible/collections"):
            (self.state.root / folder).mkdir(mode=0o700, exist_ok=True)
        link = self.state.here / "package"
        if not link.is_symlink() or link.readlink() != self.package.root:
            draft = link.with_name(f".package.{os.getpid()}")
            draft.unlink(missing_ok=True)
            draft.symlink_to(self.package.root)
            draft.replace(link)
        return link

    def _variables(self, link: Path) -> Path:
        path = self.state.here / f"variables-{self.run}.json"
        values = {
            "stufpack_package_root": str(link),
            "stufpack_state": str(self.state.root),
            "stufpack_reports": str(self.reports),
            "stufpack_run": int(self.run) if self.run.isdigit() else 0,
            "stufpack_delete_data": self.delete_data,
            "stufpack_journal": str(self.state.here / "journal.jsonl"),
        }
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        return path

    def _environment(self, link: Path, result: Path, sockets: Path) -> dict[str, str]:
        """The caller's environment without what would bring other code or settings into Ansible."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "PYTHON", "LC_", "STUFPACK_"))
        }
        home = self.state.root / "ansible"
        return kept | {
            "PATH": f"{self.tools}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "ANSIBLE_CONFIG": str(link / "infrastructure/ansible/ansible.cfg"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
            "ANSIBLE_NOCOLOR": "true",
            "STUFPACK_RESULT": str(result),
        }

    def _wait(self, command: list[str], output: int, environment: dict[str, str]) -> int | None:
        """Starts the step in a session of its own and waits; None when it goes on after the grace period.

        It inherits the lock's descriptor, so what outlives the controller keeps a second run out.
        """
        lock = () if self.lock is None else (self.lock.descriptor,)
        child = subprocess.Popen(
            command, cwd=self.state.here, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=lock, start_new_session=True,
        )  # fmt: skip
        self.interrupts.child = child
        if self.interrupts.received is not None:
            self.interrupts.forward()
        waited = 0.0
        try:
            while True:
                try:
                    return child.wait(timeout=0.5)
                except subprocess.TimeoutExpired:
                    waited += 0.5 if self.interrupts.received is not None else 0.0
                    if waited >= GRACE_SECONDS:
                        return None
        finally:
            self.interrupts.child = None


def _read_result(path: Path, status: int | None, log: Path) -> Result:
    """Reads the callback's result; whatever is not of its form counts as not reported."""
    try:
        document = json.loads(path.read_bytes())
        hosts: dict[str, dict[str, Any]] = document["hosts"]
        total = {
            key: sum(int(host.get(key, 0)) for host in hosts.values())
            for key in ("ok", "changed", "failed", "unreachable", "rescued")
        }
        texts = {
            key: tuple(str(text) for text in document.get(key, ())) for key in ("changed_tasks", "failures", "lines")
        }
        # A rescue that ends without `fail` lets Ansible exit 0; what it rescued did not happen.
        rolled_back = bool(document.get("rolled_back", False)) or (status == 0 and total["rescued"] > 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Result(status, log=log)
    return Result(
        status, True, len(hosts), total["ok"], total["failed"], total["unreachable"], total["changed"], rolled_back,
        texts["changed_tasks"], texts["failures"], texts["lines"], log,
    )  # fmt: skip
