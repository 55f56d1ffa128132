"""What `provision` has shown and made, as its playbook leaves it in the state folder.

A plan that waits is one file of Terraform's; what it would do stands beside it, with its digest. When it is applied it
goes away from there, so no plan is applied twice, and none after something else has happened.
"""

import hashlib
import json
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from console import count
from outcome import Stop, refused
from package import LOCAL, Package, Phase, Step
from state import State

# The step that shows a plan; the step that applies it, before which its gate stands.
SHOWN_BY = "provision/show-plan"
APPLIED_BY = "provision/apply-plan"


@dataclass(frozen=True)
class Shown:
    """A plan that was shown and not applied."""

    text: Path  # all of it, for people
    digest: str  # of the file that would be applied
    made: int
    changed: int
    destroyed: int
    lost: tuple[str, ...]  # what is destroyed, made anew or given up, each with the word for it

    @property
    def asks(self) -> bool:
        """Whether it does anything, so that somebody has to approve it."""
        return bool(self.made or self.changed or self.destroyed or self.lost)

    def __str__(self) -> str:
        """The counts as Terraform's own signs, and whatever is lost by it."""
        counts = f"+{self.made} ~{self.changed} -{self.destroyed}"
        return f"{counts}; IT TAKES AWAY, with what is in it: {', '.join(self.lost)}" if self.lost else counts


def waiting(state: State) -> Shown | None:
    """The plan that waits; none where there is no file, or not the one that was shown."""
    folder = state.here / "terraform"
    try:
        digest = "sha256:" + hashlib.sha256((folder / "plan.tfplan").read_bytes()).hexdigest()
        found = json.loads((folder / "plan-summary.json").read_bytes())
        if found["plan"] != digest:
            return None
        made, changed, destroyed = (int(found[key]) for key in ("made", "changed", "destroyed"))
        return Shown(folder / "plan.txt", digest, made, changed, destroyed, tuple(map(str, found["lost"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holds(state: State, step: Step, done: Collection[str]) -> bool:
    """Whether what a step did earlier still holds: a plan that is gone, or is another file by now, is shown again."""
    return step.id != SHOWN_BY or APPLIED_BY in done or waiting(state) is not None


@dataclass(frozen=True)
class Made:
    """What Terraform's state named when it was asked last."""

    at: str
    resources: tuple[str, ...]

    def __str__(self) -> str:
        """How many, and as of when."""
        return f"{count(len(self.resources), 'resource')} in the account, as of {self.at}"


def made(state: State) -> Made | None:
    """What stands in the account by Terraform's state; none where nothing does, or nobody has asked yet."""
    try:
        found = json.loads(_made(state).read_bytes())
        known = Made(str(found["at"]), tuple(map(str, found["resources"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if known.resources else None


def _made(state: State) -> Path:
    return state.root / "terraform" / "made.json"


def kept(state: State) -> list[str]:
    """What no way back takes down, and how a person does; no line where nothing was made."""
    found = made(state)
    if found is None:
        return []
    folder = state.root / "terraform"
    terraform = f"TF_DATA_DIR={shlex.quote(str(folder / 'data'))} terraform -chdir={shlex.quote(str(folder / 'code'))}"
    return [
        f"kept, and paid for: {found}; names in {_made(state)}",
        f"  to remove it: {terraform} destroy",
        "  what holds data refuses, and names itself; terraform state rm ADDRESS leaves that where it is",
    ]


def refuse_unknown(package: Package, state: State, phase: Phase) -> None:
    """Raises `Stop` (exit 12) where a phase works at a machine that nobody knows yet."""
    if phase.id not in LOCAL and not is_known(package, state):
        raise unknown(state, phase.id)


def is_known(package: Package, state: State) -> bool:
    """Whether there is an inventory: the package's own, or the one that `provision` has written."""
    return not package.provisioned or (state.inventory / "hosts.json").is_file()


def unknown(state: State, phase: str) -> Stop:
    """That no machine is known; what was made of it so far is told, since no way back takes that down."""
    so_far = made(state)
    what = f"{phase} works at a machine, and provision has not written yet which one"
    if so_far is not None:
        what += f"; it has made {so_far}"
    following = "./migrate provision"
    if phase == "abort" and so_far is None:
        what = "nothing was built that this machine knows of, so there is nothing to take down"
        following = "nothing more; where provision ran from another machine: docs/operations.md, From another machine"
    elif phase == "abort":
        following = "docs/operations.md, Taking it down, has what takes that away again"
    elif phase == "adopt":
        following = "bring what it wrote from the first machine, docs/operations.md, From another machine"
    return refused("target.unknown", what, str(state.inventory / "hosts.json"), following)


def evidence(state: State, run: str) -> Sequence[Path]:
    """Files by which a run of `provision` can be held to what it showed and left: plan, state, files of one's own."""
    folder = state.here / "terraform"
    found = [folder / "plan.tfplan", folder / "applied.tfplan", folder / "plan.txt", archive(state, run)]
    found += sorted((state.root / "local" / "terraform").glob("*"))
    return [path for path in found if path.is_file()]


def archive(state: State, run: str) -> Path:
    """Where a run leaves a copy of Terraform's state. Runs are counted for each package."""
    return state.root / "terraform" / "archive" / f"{state.number}-{run}.tfstate"
