"""What the package says: manifest and plan, read into types. `migrate` has verified every byte before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from outcome import Exit, Stop

# Phases that only look are run whole each time: old answers are worth nothing. Checks go on past a failed step.
CHECKS = frozenset({"preflight", "verify"})
READS = CHECKS | {"export", "status"}
# Phases of which a step proves what all of them did; the proof is their report.
PROVES = frozenset({"content"})
# Phases that work at this machine, and at no target: there may be none yet.
LOCAL = frozenset({"provision"})
# Neither an expired package nor a HOLD of the way forward may block the way back, or the way on from what runs.
NEVER_EXPIRES = frozenset({"rollback", "abort", "finalize", "export", "status"})
# What a later step's failure puts back lies in what these have saved. Until all of those are done, each run saves anew,
# since others live on with what stands; the target itself knows what of that is half an import.
SAVES = frozenset({"import/save-before-state"})
# Those later steps. Where one of them has not told how it ended, its putting back may have begun, and come however far.
PUTS_BACK = frozenset({"import/import-users", "import/write-documents", "import/read-back"})
_SALT, _BATCHES = b"configuration/salt", b"content/batches/"


@dataclass(frozen=True)
class Instead:
    """What there is in place of a step that this package does not run."""

    by_hand: bool  # a person can do it; otherwise the text says what its absence means
    text: str
    command: str | None


@dataclass(frozen=True)
class Step:
    """One step of the plan; its id is also the Ansible tag."""

    id: str
    title: str
    automated: bool
    by_person: bool  # a person's part in any package
    instead: Instead | None  # only where no person and no playbook of this package does it
    seconds: int  # planned time
    share: int  # of what the package runs forward, by planned time, in thousandths
    only_with: str | None  # the option without which it is left out
    proof: str  # what must be seen when it worked


@dataclass(frozen=True)
class Phase:
    """One phase of the plan, with the gate that must be open before its first step."""

    id: str
    title: str
    automated: bool
    forward: bool  # on the main line, from preflight to finalize
    after: tuple[str, ...]  # the phases that have to have come to their end before
    gate: str | None
    instead: str | None  # what it means that this package does not run it
    steps: tuple[Step, ...]

    @property
    def heading(self) -> str:
        """Its heading in MIGRATION-PLAN.md."""
        return f"{self.title} ({self.id})"


@dataclass(frozen=True)
class Gate:
    """A decision before a phase, or before one step of it: how to write it down, and the report it rests on."""

    phase: str
    command: str
    report: str | None  # the phase whose report must have passed
    before: str | None = None  # the step that it opens, where it does not open the whole phase


@dataclass(frozen=True)
class Secret:
    """The name of a secret and how it comes to be; never a value."""

    name: str
    origin: str
    needed_by: str  # the phase that cannot begin without it
    purpose: str


@dataclass(frozen=True)
class Package:
    """A verified, unpacked package."""

    root: Path
    number: int
    slug: str
    environment: str
    provider: str  # where the target runs, in the target's word
    provisioned: bool  # whether `provision` makes the target, and so writes the inventory
    issuer: str
    source: str  # the installation that is left, as its operator names it
    expires_at: datetime
    plan_digest: str
    phases: tuple[Phase, ...]
    secrets: tuple[Secret, ...]
    not_needed: Mapping[str, str]  # phases that this target has no use for, and why
    gates: Mapping[str, Gate]
    content_windows: tuple[str, ...]  # when the source's files may be read; none means always
    content_changed: int  # seconds that carrying what changed meanwhile is planned to take
    proof_at_source: int  # seconds of the proof in which the source's files are read
    not_here: Mapping[str, str]  # verbs beside the phases that this package lacks, and what to do instead

    @property
    def installation(self) -> str:
        """Names the state folder: one per STUF and environment."""
        return f"{self.slug}-{self.environment}"

    def batches_digest(self) -> str:
        """What an approval of the content holds for: the batch lists by their digests in the signed sums.

        With the salt's line, so that nobody can guess at a list by it. The same by hand:
        `grep -E '  (configuration/salt|content/batches/.*)$' SHA256SUMS.personal | sha256sum`
        """
        lines = (self.root / "SHA256SUMS.personal").read_bytes().splitlines(keepends=True)
        wanted = [line for line in lines if line[66:-1] == _SALT or line[66:].startswith(_BATCHES)]
        return "sha256:" + hashlib.sha256(b"".join(wanted)).hexdigest()

    def phase(self, name: str) -> Phase | None:
        """The phase of this name, where the plan has one."""
        return next((phase for phase in self.phases if phase.id == name), None)

    def playbook(self, name: str) -> Path:
        """Where the playbook of a phase stands."""
        return self.root / "infrastructure/ansible/playbooks" / f"{name}.yml"

    def runs(self, phase: Phase) -> bool:
        """Whether this package automates the phase."""
        return phase.automated and self.playbook(phase.id).is_file()

    def gate_of(self, phase: Phase) -> str | None:
        """The gate that must be open before the first step of a phase."""
        gate = self.gates.get(phase.gate or "")
        return None if gate is not None and gate.before is not None else phase.gate

    def gate_before(self, step: Step) -> str | None:
        """The gate that must be open before this step alone."""
        return next((name for name, gate in self.gates.items() if gate.before == step.id), None)

    @property
    def way_back(self) -> str:
        """The phase that takes back what was built or moved: `abort` where the package runs no `rollback`."""
        phase = self.phase("rollback")
        return "rollback" if phase is not None and self.runs(phase) else "abort"


def read(root: Path) -> Package:
    """Reads manifest.json and MIGRATION-PLAN.json.

    Raises `Stop` when they do not belong together or lack a key: such a package was signed by mistake.
    """
    where = "manifest.json"
    try:
        manifest = json.loads((root / where).read_bytes())
        about = manifest["package"]
        where = "MIGRATION-PLAN.json"
        plan_bytes = (root / where).read_bytes()
        plan = json.loads(plan_bytes)
        digest = "sha256:" + hashlib.sha256(plan_bytes).hexdigest()
        if (manifest["schema"], plan["schema"]) != (1, 1):
            raise ValueError("this controller reads schema 1")
        if manifest["plan"]["digest"] != digest:
            raise ValueError("its digest is not the one in manifest.json")
        package = Package(
            root=root,
            number=int(about["number"]),
            slug=str(about["slug"]),
            environment=str(about["environment"]),
            provider=str(about["provider"]),
            provisioned=plan["plan"].get("provisioned") is True,
            issuer=str(about["issuer"]),
            source=str(about["installation"]),
            expires_at=datetime.fromisoformat(manifest["expiresAt"]),
            plan_digest=digest,
            phases=tuple(_phase(phase) for phase in plan["phases"]),
            secrets=tuple(_secret(secret) for secret in manifest["secrets"]),
            not_needed={str(phase["id"]): str(phase["why"]) for phase in plan["not_needed"]},
            gates={str(gate["id"]): _gate(gate) for gate in plan["gates"]},
            content_windows=tuple(map(str, plan["content"]["may_run"])),
            content_changed=int(plan["content"]["delta"]["seconds"]),
            proof_at_source=int(plan["content"]["proof_at_source"]),
            not_here={str(verb["id"]): str(verb["instead"]) for verb in plan["verbs"] if not verb["automated"]},
        )
        if package.expires_at.tzinfo is None:
            raise ValueError("expiresAt has no time zone")
        return package
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Stop(
            Exit.REFUSED, "package.read", "manifest and plan of the package cannot be used", where,
            f"{type(error).__name__}: {error}. No host or account was changed.", "ask the sender for the package again",
        ) from error  # fmt: skip


def _phase(phase: dict[str, Any]) -> Phase:
    gate = phase["gate"]
    return Phase(
        id=str(phase["id"]),
        title=str(phase["title"]),
        automated=bool(phase["automated"]),
        forward=phase["place"] == "forward",
        after=tuple(map(str, phase["after"])),
        gate=None if gate is None else str(gate),
        instead=None if phase["instead"] is None else str(phase["instead"]),
        steps=tuple(_step(step) for step in phase["steps"]),
    )


def _step(step: dict[str, Any]) -> Step:
    option, share = step["only_with"], step["share"]
    return Step(
        id=str(step["id"]),
        title=str(step["title"]),
        automated=bool(step["automated"]),
        by_person=step["actor"] != "automation",
        instead=None if step["instead"] is None else _instead(step["instead"]),
        seconds=int(step["estimate"]["seconds"]),
        share=0 if share is None else int(share["to"]) - int(share["from"]),
        only_with=None if option is None else str(option),
        proof=str(step["proof"]["text"]),
    )


def _instead(instead: dict[str, Any]) -> Instead:
    if "by_hand" in instead:
        command = instead["by_hand"]["command"]
        return Instead(True, str(instead["by_hand"]["text"]), None if command is None else str(command))
    return Instead(False, str(instead["not_here"]["means"]), None)


def _gate(gate: dict[str, Any]) -> Gate:
    report, before = gate["report"], gate.get("before")
    return Gate(
        str(gate["phase"]), str(gate["command"]), None if report is None else str(report),
        None if before is None else str(before),
    )  # fmt: skip


def _secret(secret: dict[str, Any]) -> Secret:
    return Secret(str(secret["name"]), str(secret["origin"]), str(secret["needed_by"]), str(secret.get("purpose", "")))
