"""Terraform as the phase `provision` uses it: its folders, its calls, and what a plan of its would do.

```text
STATE/terraform/        code (a copy of the package's), data, terraform.tfstate, archive, made.json
STATE/packages/N/terraform/   plan.tfplan, and beside it plan.json, plan.txt, plan-summary.json: until it is applied
```
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

OLDEST = (1, 11)
# Of the caller's settings of Terraform these say where providers come from; others would change what is made.
PASSED = ("TF_PLUGIN_CACHE_DIR", "TF_CLI_CONFIG_FILE")
# What a person puts beside the module by hand, in STATE/local/terraform, and how the place of the state is told then.
OVERRIDE, BACKEND = "*_override.tf", "backend.tfbackend"
# How long another call of Terraform may still hold the state: one that was stopped ends what it has begun.
LOCK = "-lock-timeout=30s"
PAUSED, REFUSED, LOCKED = 11, 12, 75
# What an apply leaves in its folder that could not write the state: nothing else knows what it made.
LEFT = "errored.tfstate"
AGAIN = "./migrate provision"

_WORDS = {
    ("create",): "made", ("update",): "changed", ("delete",): "destroyed", ("forget",): "given up",
    ("delete", "create"): "made anew", ("create", "delete"): "made anew", ("create", "forget"): "given up and made",
}  # fmt: skip
_NOTHING = (("no-op",), ("read",))
_ON_THE_WAY = re.compile(r": (Reading\.\.\.|Still reading|Read complete|Refreshing state)")
_RULE = re.compile("─{20}")


class Stopped(StufError):
    """It did not come to its end, in a way of which the controller makes more than a failure.

    `following` is printed as what to type next, and typed as it stands: it is a command and nothing else.
    """

    def __init__(self, message: str, status: int, following: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.following = following


def summary(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan in JSON would do: counts as Terraform's own, and by name what would be lost."""
    if plan.get("errored"):
        raise StufError("the plan is not whole")
    counts = {"made": 0, "changed": 0, "destroyed": 0}
    lost = []
    for one in plan.get("resource_changes", ()):
        actions = tuple(one["change"]["actions"])
        if actions in _NOTHING:
            continue
        if actions not in _WORDS:
            raise StufError(f"what a plan calls {', '.join(actions)} is not known here")
        counts["made"] += "create" in actions
        counts["changed"] += "update" in actions
        counts["destroyed"] += "delete" in actions
        if {"delete", "forget"} & set(actions):
            name = str(one["address"]) + (" (left over)" if one.get("deposed") else "")
            lost.append(f"{name} ({_WORDS[actions]})")
    return {**counts, "lost": lost}


def lines(found: Mapping[str, Any], text: Path) -> list[str]:
    """What people read of it."""
    if not any(found[key] for key in ("made", "changed", "destroyed", "lost")):
        return ["nothing is to be made, changed or destroyed"]
    counts = f"+{found['made']} made, ~{found['changed']} changed, -{found['destroyed']} destroyed: {text}"
    return [counts, *(f"TAKEN AWAY, with what is in it: {name}" for name in found["lost"])]


def readable(said: str) -> str:
    """What Terraform says of a plan, without what it read on the way and how it would be applied by hand."""
    told = [line for line in said.splitlines() if not _ON_THE_WAY.search(line)]
    end = next((place for place, line in enumerate(told) if _RULE.match(line)), len(told))
    return "\n".join(told[:end]).strip() + "\n"


def tainted(state: Mapping[str, Any]) -> list[str]:
    """What a state marks as not wholly made, by the address that Terraform takes."""
    return [
        f"{resource['type']}.{resource['name']}" + (f"[{json.dumps(one['index_key'])}]" if "index_key" in one else "")
        for resource in state.get("resources", ())
        for one in resource["instances"]
        if one.get("status") == "tainted"
    ]


def failure(said: str) -> str:
    """The errors in what Terraform said, without the frame that it draws around them."""
    plain = [re.sub(r"^[│╷╵]\s?", "", line).rstrip() for line in said.splitlines()]
    first = next((place for place, line in enumerate(plain) if line.startswith("Error:")), max(0, len(plain) - 10))
    return "\n".join(line for line in plain[first:] if line) or "Terraform said nothing"


@dataclass(frozen=True)
class Terraform:
    """Terraform for one installation, with the folders of one package."""

    root: Path  # STATE/terraform
    plans: Path  # STATE/packages/N/terraform
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def code(self) -> Path:
        """Where it works; the package itself is never written to."""
        return self.root / "code"

    @property
    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in self.environment.items() if not name.startswith("TF_") or name in PASSED
        }  # fmt: skip
        ours = {"TF_DATA_DIR": str(self.root / "data"), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        return kept | ours | {"CHECKPOINT_DISABLE": "1"}

    def version(self) -> str:
        """Which Terraform is there; raises `StufError` for none, or one that is too old."""
        wanted = ".".join(map(str, OLDEST))
        path = self._environment.get("PATH")
        if shutil.which("terraform", path=path) is None:
            raise StufError(f"terraform {wanted} or newer is needed and was not found on PATH={path}")
        found = str(json.loads(self.answers("version", "-json", inside=False))["terraform_version"])
        numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
        if numbers < OLDEST:
            raise StufError(f"terraform {wanted} or newer is needed, and {found} stands on PATH")
        return found

    def place(self, package: Path, overlay: Path) -> bool:
        """Makes `code` what the package has, with what a person has put beside it; whether anything was another.

        Raises `Stopped` while the only record of what was made lies there.
        """
        self._refuse_what_is_left()
        wanted = {path.relative_to(package): path for path in package.rglob("*") if path.is_file()}
        wanted |= {path.relative_to(overlay): path for path in overlay.glob(OVERRIDE) if path.is_file()}
        there = [path.relative_to(self.code) for path in self.code.rglob("*") if not path.is_dir() or path.is_symlink()]
        changed = False
        for name in set(there) - set(wanted):
            (self.code / name).unlink()
            changed = True
        for name, source in wanted.items():
            path, content = self.code / name, source.read_bytes()
            if path.is_file() and path.read_bytes() == content:
                continue
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            changed = True
        return changed

    def init(self, overlay: Path) -> None:
        """Installs the provider as the lock file has it, and tells where the state is."""
        own = overlay / BACKEND
        where = str(own) if own.is_file() else f"path={self.root / 'terraform.tfstate'}"
        # The file moves with its folder. Between two kinds of places a person moves it: nothing may begin empty there.
        anew = ["-reconfigure"] if not own.is_file() and self._was_local() else []
        status, said = self._run("init", "-lockfile=readonly", *anew, f"-backend-config={where}")
        if status != 0:
            raise StufError(failure(said))

    def _was_local(self) -> bool:
        """Whether the state was a file when Terraform was told last."""
        try:
            told = json.loads((self.root / "data" / "terraform.tfstate").read_bytes())
            return bool(told["backend"]["type"] == "local")
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def plan(self, keep: bool) -> dict[str, Any]:
        """Makes a plan; the one that waits from now on, unless it is not kept.

        Raises `Stopped` while the only record of what was made lies in `code`: by the state alone all is made again.
        """
        self._refuse_what_is_left()
        draft, waits = self.plans / ".plan.tfplan", self.plans / "plan.tfplan"
        if keep:
            # From here on none waits, whatever happens.
            (self.plans / "plan-summary.json").unlink(missing_ok=True)
        status, said = self._run("plan", LOCK, "-detailed-exitcode", f"-out={draft}")
        if status not in (0, 2):
            raise self._failed(said)
        content = self.answers("show", "-json", str(draft))
        digest = hashlib.sha256(draft.read_bytes()).hexdigest()
        found = summary(json.loads(content)) | {"applies": status == 2, "plan": f"sha256:{digest}"}
        if keep:
            write_whole(self.plans / "plan.json", content)
            write_whole(self.plans / "plan.txt", readable(said))
            draft.replace(waits)
            write_whole(self.plans / "plan-summary.json", _json(found))
            self.note_made()
        draft.unlink(missing_ok=True)
        return found

    def apply(self) -> bool:
        """Applies the plan that waits, which is that one no longer; whether there was anything to apply."""
        waits, tried = self.plans / "plan.tfplan", self.plans / "tried.tfplan"
        found = json.loads((self.plans / "plan-summary.json").read_bytes())
        if "sha256:" + hashlib.sha256(waits.read_bytes()).hexdigest() != found["plan"]:
            raise _overtaken("the plan that waits is not the one that was shown")
        waits.replace(tried)
        if found["applies"]:
            try:
                status, said = self._run("apply", LOCK, str(tried))
            finally:
                self.note_made()
            if status != 0:
                failed = self._failed(said)
                if isinstance(failed, Stopped) and failed.status == LOCKED:
                    tried.replace(waits)
                raise failed
        tried.replace(self.plans / "applied.tfplan")
        return bool(found["applies"])

    def output(self, name: str) -> Any:
        """One output, as Terraform has it."""
        return json.loads(self.answers("output", "-json", name))

    def archive(self, path: Path) -> bool:
        """Keeps a copy of the state, wherever that is kept; whether it is another than the one that is there."""
        state = self.answers("state", "pull")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file() and path.read_text(encoding="utf-8") == state:
            return False
        write_whole(path, state)
        return True

    def note_made(self) -> None:
        """Notes what the state names, for those who cannot ask Terraform; without an answer the last note stays."""
        try:
            names = self.answers("state", "list").split("\n")
        except StufError as error:
            if "No state file was found" not in str(error):
                return
            names = []
        resources = [name for name in names if name and not name.startswith("data.")]
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        write_whole(self.root / "made.json", _json({"at": at, "resources": resources}))

    def answers(self, *words: str, inside: bool = True) -> str:
        """What Terraform answers to a call that changes nothing."""
        done = subprocess.run(
            self._command(*words), cwd=self.code if inside else None, env=self._environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise StufError(failure(done.stderr))
        return done.stdout

    def _run(self, *words: str) -> tuple[int, str]:
        """Runs Terraform to its end, whatever happens to this program; its exit status and all that it said.

        It writes into a file: a pipe that nobody reads any more would end it while it makes something, which then no
        state knew. It runs in a session of its own, since a signal to the group would kill the provider below it. Asked
        to end, it is asked to stop in its own way: it ends what it has begun, and writes that down.
        """
        log, stop = self.plans / f"{words[0]}.log", _Stop()
        before = [(number, signal.signal(number, stop)) for number in _ENDING]
        try:
            with log.open("w+", encoding="utf-8", errors="replace") as output:
                child = subprocess.Popen(
                    self._command(*words, "-no-color"), cwd=self.code, env=self._environment,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                )  # fmt: skip
                stop.reaches(child)
                status = child.wait()
                output.seek(0)
                return status, output.read()
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    @staticmethod
    def _command(first: str, *others: str) -> list[str]:
        # A path may stand where an option could: options come first.
        options = [word for word in others if word.startswith("-")]
        return ["terraform", first, *options, *(word for word in others if word not in options)]

    def by_hand(self, *words: str) -> str:
        """A call of Terraform's as a person types it, wherever they are."""
        call = ["terraform", f"-chdir={self.code}", *words]
        return f"TF_DATA_DIR={shlex.quote(str(self.root / 'data'))} {shlex.join(call)}"

    def _refuse_what_is_left(self) -> None:
        left = self.code / LEFT
        if left.exists():
            message = f"an earlier run could not write down what it made, and {left} alone knows it: nothing was begun"
            raise Stopped(f"{message}\n{self._opened()}", REFUSED, self._written_down())

    def _written_down(self) -> str:
        """How what was left becomes the state; it is taken away only once that is so."""
        gone = f"rm {shlex.quote(str(self.code / LEFT))}"
        return f"{self.by_hand('state', 'push', LEFT)} && {gone} && {AGAIN}"

    def _opened(self) -> str:
        """What comes before that where the same end of the credentials has left the lock too."""
        return (
            "Where Terraform refuses that since the state is locked, and nobody's run goes on, the lock is opened "
            f"first, by the ID that it names: {self.by_hand('force-unlock', 'ID')}"
        )

    def _failed(self, said: str) -> StufError:
        """What a plan or its application failed by, with what follows from it.

        What has to be typed stands before Terraform's own words, of which people are shown the first lines alone.
        """
        why = failure(said)
        if (self.code / LEFT).exists():
            told = f"Before anything else, with credentials that hold: {self._written_down()}"
            return StufError(f"{told}\n{self._opened()}\n{why}")
        if "Error acquiring the state lock" in why:
            lock = re.search(r"^\s*ID:\s+(\S+)$", why, re.MULTILINE)
            told = ["another call of Terraform works on this state"]
            if lock:
                told.append(f"Where it was broken off, and nobody's runs: {self.by_hand('force-unlock', lock[1])}")
            return Stopped("\n".join([*told, why]), LOCKED)
        if "Saved plan is stale" in why:
            return _overtaken("something has changed the state since this plan was shown")
        if "Instance cannot be destroyed" in why:
            return StufError("\n".join([why, *self._half_made(why)]))
        return StufError(why)

    def _half_made(self, why: str) -> list[str]:
        """What the refusal to destroy something comes from where the run that made it was broken off."""
        try:
            marked = tainted(json.loads(self.answers("state", "pull")))
        except (StufError, ValueError, LookupError, TypeError):
            return []
        return [
            f"{address} is marked to be made anew, since the run that made it was broken off. Where it is whole in the "
            f"account: {self.by_hand('untaint', address)}"
            for address in marked
            if address in why.split()
        ]


def _overtaken(why: str) -> Stopped:
    return Stopped(f"{why}; nothing was applied, and the phase shows a new one", PAUSED, AGAIN)


_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop:
    """Passes a request to end on, once, as the one that Terraform answers by ending well; a second would break it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = self._told = False

    def __call__(self, _number: int, _frame: Any) -> None:
        self._asked = True
        self._tell()

    def reaches(self, child: subprocess.Popen[bytes]) -> None:
        """From here on there is somebody to tell."""
        self._child = child
        self._tell()

    def _tell(self) -> None:
        if self._asked and not self._told and self._child is not None:
            self._told = True
            self._child.send_signal(signal.SIGINT)


def _json(document: object) -> str:
    return json.dumps(document, indent=1) + "\n"
