"""Runs steps of one playbook: one `ansible-playbook`, outside the package, that asks before each and tells after it.

Its exit status alone says too little (a tag that matches nothing is 0, and so is a rescued failure), so the package's
callback plugin reports each step, and a step without a sound report is not done. The talk goes over a pair of sockets,
one JSON object per line: `{"begins": STEP}`, answered by `{"log": PATH}` or `{}` for no, and
`{"ends": STEP, "final": …, "result": {…}}`, final when Ansible ends with it.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import bootstrap
import credential
import provisioning
from package import LOCAL, Package
from state import Lock, State

# How long a step may take to end after Ctrl-C before it is left to itself (with the lock).
GRACE_SECONDS = 30.0
# Tag and playbook of the copy of the journal that goes to the target after each step.
KEEP = "keep-journal"
# By which a person, or the machine, ends a run.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Interrupts:
    """Passes Ctrl-C, TERM and HUP on to the running step, and remembers them for the loop."""

    received: int | None = None
    child: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """From here on a signal ends the run between two journal lines, never inside one."""
        for number in ENDING:
            signal.signal(number, self._on_signal)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """As `install`, and afterwards as it was before."""
        before = [(number, signal.getsignal(number)) for number in ENDING]
        self.install()
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        self.forward()

    def forward(self) -> None:
        """Asks the running step to end; TERM, since Ansible then ends its running task too."""
        if self.child is not None and self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGTERM)


def why_not_asked(package: Package, state: State) -> str | None:
    """Why no playbook can ask the target now."""
    if not bootstrap.is_ready(state, package.root):
        return "the tools are not installed"
    if not provisioning.is_known(package, state):
        return "provision has not written yet which machine it is"
    return None


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
    undo_failed: bool = False  # what was there before was to be put back, and that did not come to its end
    ignored: int = 0
    said: int | None = None  # the exit status that what ran at the target asks for
    following: str | None = None  # the command that it names, where that is not the phase's own
    changed_tasks: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    log: Path = field(default=Path())
    ahead: bool = False  # it failed before the first task of any step, where the lease is taken

    @property
    def clean(self) -> bool:
        """It came to its end on at least one host, and nothing failed anywhere."""
        failed = self.failed > 0 or self.unreachable > 0 or self.rolled_back or self.undo_failed
        return self.status == 0 and self.reported and self.hosts > 0 and not failed

    @property
    def done(self) -> bool:
        """It is clean, and a task ran: where every one was skipped nothing is known."""
        return self.clean and self.ok > 0


class Listener(Protocol):
    """Who decides whether a step begins, and hears how it ended."""

    def begins(self, step: str) -> bool:
        """Before the first task of a step, which waits meanwhile; False ends the call."""

    def ends(self, step: str, result: Result) -> None:
        """After the last task of a step, before anything of the next."""


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
    digests: bool = False
    holder: str = ""  # which controller this is, as the lease at the target names it
    watch: Callable[[], None] = lambda: None  # called again and again while Ansible runs

    @property
    def reports(self) -> Path:
        """Where this run's evidence goes."""
        return self.state.here / "reports" / self.run

    def step(self, playbook: str, step: str) -> Result:
        """Runs one step to its end and returns what is known; a signal ends it early."""
        only = _Only()
        self.steps(playbook, [step], only)
        return only.result

    def steps(self, playbook: str, steps: Sequence[str], listener: Listener, *, keep: bool = False) -> int | None:
        """Runs steps in the playbook's order, each only when the listener agrees; the exit status, or None: it goes on.

        The first step begins with the call. What the listener raises ends the call, and is raised when that has ended.
        """
        listener.begins(steps[0])
        link = self._prepare()
        inside = f"{link.name}/infrastructure/ansible"
        command = [str(self.tools / "ansible-playbook"), "-i", self._inventory(playbook, inside)]
        command += [f"{inside}/playbooks/{playbook}.yml"]
        command += ["--tags", ",".join(steps), "-e", f"@{self._variables(link).name}"]
        if self.state.overlay.exists():
            command += ["-e", f"@{self.state.overlay}"]
        if not keep and playbook != KEEP:
            command += ["--skip-tags", KEEP]
        if self.check:
            command += ["--check"]
        sockets = tempfile.mkdtemp(prefix="stufpack-")  # short: a socket's path has 107 bytes
        ours, theirs = socket.socketpair()
        try:
            with ours, theirs, self.log(steps[0]).open("ab") as output:
                environment = self._environment(link, theirs.fileno(), Path(sockets))
                child = self._start(command, output.fileno(), environment, theirs)
                theirs.close()
                talk = _Talk(ours, listener, self.log, steps[0])
                status = self._wait(child, talk)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)
        talk.close(status)
        return status

    @property
    def progress(self) -> Path:
        """Where the running playbook writes how far the target is."""
        return self.state.here / f"progress-{self.run}.jsonl"

    def log(self, step: str) -> Path:
        """Where Ansible writes while a step runs."""
        name = step.replace("/", "-")
        return self.state.here / "logs" / f"{self.run}-{name}.log"

    def _inventory(self, playbook: str, inside: str) -> str:
        """The machines: this one, the one that `provision` has written down, or the one that the package names."""
        if playbook in LOCAL:
            return "localhost,"
        return str(self.state.inventory) if self.package.provisioned else f"{inside}/inventory/target"

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
            "stufpack_package_number": self.package.number,
            "stufpack_provider": self.package.provider,
            "stufpack_state": str(self.state.root),
            "stufpack_reports": str(self.reports),
            "stufpack_run": int(self.run) if self.run.isdigit() else 0,
            "stufpack_delete_data": self.delete_data,
            "stufpack_digests": self.digests,
            "stufpack_tools": str(self.tools),
            "stufpack_holder": self.holder,
            "stufpack_progress": str(self.progress),
            "stufpack_source": credential.place(self.state.secrets / credential.SOURCE_READ),
        }
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        return path

    def _environment(self, link: Path, controller: int, sockets: Path) -> dict[str, str]:
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
            "STUFPACK_CONTROLLER": str(controller),
        }

    def _start(
        self, command: list[str], output: int, environment: dict[str, str], theirs: socket.socket
    ) -> subprocess.Popen[bytes]:
        """Starts Ansible in a session of its own.

        It inherits the lock's descriptor, so what outlives the controller keeps a second run out.
        """
        lock = () if self.lock is None else (self.lock.descriptor,)
        child = subprocess.Popen(
            command, cwd=self.state.here, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=(*lock, theirs.fileno()), start_new_session=True,
        )  # fmt: skip
        self.interrupts.child = child
        if self.interrupts.received is not None:
            self.interrupts.forward()
        return child

    def _wait(self, child: subprocess.Popen[bytes], talk: "_Talk") -> int | None:
        """Listens until Ansible has ended; None when it goes on after the grace period."""
        until = None
        try:
            while child.poll() is None:
                self.watch()
                if self.interrupts.received is not None:
                    until = until or time.monotonic() + GRACE_SECONDS
                    if time.monotonic() >= until:
                        return None
                if talk.over:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(timeout=0.5)
                else:
                    talk.listen(0.5)
            talk.listen(0)  # what it said last
            self.watch()
            return child.returncode
        finally:
            self.interrupts.child = None


@dataclass
class _Only:
    """Listens to a single step."""

    result: Result = field(default_factory=lambda: Result(None))

    def begins(self, step: str) -> bool:
        """Always."""
        return True

    def ends(self, step: str, result: Result) -> None:
        """Keeps the result."""
        self.result = result


@dataclass
class _Talk:
    """The controller's end of the talk with the callback plugin."""

    channel: socket.socket
    listener: Listener
    log: Callable[[str], Path]
    running: str | None  # the step that has begun and not ended
    asked: bool = False  # whether Ansible has asked for the first step, which has begun already
    last: Result | None = None  # of the step with which Ansible ends; its exit status is still to come
    error: Exception | None = None  # what the listener raised; raised again when Ansible, told no, has ended
    refused: bool = False  # Ansible was told no: its exit status is our doing
    over: bool = False
    unread: bytes = b""

    def listen(self, seconds: float) -> None:
        """Reads and answers what has come, waiting for it for a while."""
        while not self.over and select.select([self.channel], [], [], seconds)[0]:
            try:
                data = self.channel.recv(65536)
            except OSError:  # it ended with an answer unread
                data = b""
            self.over = not data
            *lines, self.unread = (self.unread + data).split(b"\n")
            for line in lines:
                self._hear(line)
            seconds = 0

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            if "begins" in message:
                self._asks(str(message["begins"]))
            elif self.running is not None:
                result = _read_result(message["result"], self.log(self.running))
                if message["final"]:
                    self.last = result
                else:
                    self._ends(replace(result, status=0))
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            # Not of its form, or nobody there to answer: the step stays unreported, and no further one begins.
            self.over = self.refused = True
            with contextlib.suppress(OSError):
                self.channel.shutdown(socket.SHUT_RDWR)

    def _asks(self, step: str) -> None:
        agreed = (step == self.running and not self.asked) or self._may_begin(step)
        self.asked = True
        if agreed:
            self.running = step
        else:
            self.refused = True
        answer = {"log": str(self.log(step))} if agreed else {}
        self.channel.sendall(json.dumps(answer).encode() + b"\n")

    def _may_begin(self, step: str) -> bool:
        try:
            return self.error is None and self.listener.begins(step)
        except Exception as error:
            self.error = error
            return False

    def _ends(self, result: Result) -> None:
        step, self.running = self.running, None
        try:
            if step is not None:
                self.listener.ends(step, result)
        except Exception as error:
            self.error = self.error or error

    def close(self, status: int | None) -> None:
        """The last step ends with Ansible's exit status."""
        if self.running is not None:
            known = self.last or Result(None, log=self.log(self.running))
            self._ends(replace(known, status=0 if self.refused and status is not None else status))
        if self.error is not None:
            raise self.error


def _read_result(document: dict[str, Any], log: Path) -> Result:
    """Reads a step's result; raises what a document of another form leads to."""
    hosts: dict[str, dict[str, Any]] = document["hosts"]
    total = {
        key: sum(int(host.get(key, 0)) for host in hosts.values())
        for key in ("ok", "changed", "failed", "unreachable", "rescued", "ignored")
    }
    said, following = document.get("said"), document.get("next")
    texts = {key: tuple(str(text) for text in document.get(key, ())) for key in ("changed_tasks", "failures", "lines")}
    # A rescue that ends without `fail` lets the play go on; what it rescued did not happen.
    undo_failed = bool(document.get("undo_failed", False)) or (total["rescued"] > 0 and total["unreachable"] > 0)
    rolled_back = not undo_failed and (bool(document.get("rolled_back", False)) or total["rescued"] > 0)
    return Result(
        None, True, len(hosts), total["ok"], total["failed"], total["unreachable"], total["changed"], rolled_back,
        undo_failed, total["ignored"], None if said is None else int(said),
        None if following is None else str(following), texts["changed_tasks"], texts["failures"], texts["lines"], log,
        bool(document.get("ahead", False)),
    )  # fmt: skip
