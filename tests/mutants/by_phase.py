"""Mutants that a phase notices: on the deployed server, with a package that the broken generator made."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import checkpoints, server
from bench.deployment import PACKAGE, STATE, Deployment, Run, deliver
from bench.exporting import toggle_role
from bench.keycloak import administer
from bench.names import LAPTOP
from bench.shell import say

from . import tree
from .mutant import Mutant
from .noticing import Unproven

#: What brings a server to where mutants are tried; the story before theirs ends with these too.
STANDING = ("prepare", "deploy", "import", "verify")
#: Where the broken generator's package lies on the Trust Architect's machine.
BROKEN = "/home/architect/broken/harbour"


def _hand(deployment: Deployment, change: str) -> None:
    """What somebody did on the machine, so that the phase has something to put right."""
    user = next(user for user in deployment.users() if user["realmRoles"] == ["project-participant"])
    if change == "a user has lost a role":
        toggle_role(user["username"], "project-participant", {})
    elif change == "a user has another last name":
        administer(user["username"], lastName=f"{user['lastName']}x")
    elif change == "the list of people is not there yet":
        server.inside("rm", "--recursive", "/opt/stuf/configuration/integration-config")
    elif change == "nobody was invited yet":
        server.inside("rm", "--force", "/var/lib/stufpack/invited.json")
    else:
        raise Unproven(f"nobody knows how to do by hand: {change}")


@dataclass
class Machine:
    """The deployed server, and what is known of it."""

    deployment: Deployment
    #: Of the tree whose generator is broken.
    digest: str
    #: Phases that have passed without a mutant on the machine as it is now, or as the checkpoint has it.
    passed: set[str] = field(default_factory=set)
    #: Phases by which a mutant came onto the machine; run again without it, they take it away.
    left: set[str] = field(default_factory=set)
    #: Whether a checkpoint takes it away instead, and more: an import fails where a mutant of `verify` has left users.
    kept: bool = False

    @classmethod
    def after_its_story(cls, digest: str) -> Machine:
        """The server as a story of the bench left it: it has run these phases, and nothing has happened since."""
        return cls(Deployment.standing(), digest, passed=set(STANDING))

    @classmethod
    def restored_or_made(cls, digest: str) -> Machine:
        """The server as a checkpoint of this very package has it, or a new one; its phases find nothing to do on it."""
        if checkpoints.of_this_package():
            checkpoints.restore(STANDING[-1])
        else:
            checkpoints.make()
        machine = cls(Deployment.standing(), digest, kept=True)
        for phase in STANDING:
            changes = machine.passes(phase).changes
            # The verification signs in as somebody whom it makes and removes.
            if phase != "verify" and any(changes.values()):
                raise Unproven(f"the checkpoint is not what {phase} had left: {changes}")
            machine.passed.add(phase)
        return machine

    def judge(self, mutant: Mutant) -> str | None:
        """Which step failed and why, or None where the mutant survived."""
        self._control(mutant)
        deliver(tree.program(self.digest, mutant), BROKEN)
        if mutant.by_hand:
            _hand(self.deployment, mutant.by_hand)
        # A phase that only looks at what others brought leaves nothing.
        self.left = set(mutant.carried_by or (mutant.phase,))
        if not self.kept:
            # What the mutant touches, and all that is built on it, has to pass again.
            order = self._order()
            self.passed -= set(order[min(map(order.index, self.left)) :])
        for phase in mutant.carried_by:
            self.passes(phase, BROKEN)
        run = self._run(mutant.phase, BROKEN)
        found = _noticed(mutant, run)
        if found is None:
            say(f"{mutant.phase} ended with {run.code}, and not as it must:\n{run.output[-3000:]}")
        return found

    def _control(self, mutant: Mutant) -> None:
        """The same phases without the mutant, once what the one before has left is taken away."""
        if self.kept and self.left:
            checkpoints.restore(STANDING[-1])
            self.left = set()
        self._pass({*mutant.carried_by, mutant.phase} - self.passed | self.left)

    def put_back(self) -> None:
        """Takes away what the last mutant left, which may be a user of the verification: the stories go on."""
        self._pass(self.left)

    def _order(self) -> list[str]:
        """The plan's phases, in its order."""
        return [phase["id"] for phase in self.deployment.plan["phases"]]

    def _pass(self, wanted: set[str]) -> None:
        for phase in self._order():
            if phase in wanted:
                self.passes(phase)
                self.passed.add(phase)
        self.left = set()

    def passes(self, phase: str, package: str = PACKAGE) -> Run:
        """Runs a phase, which must end well: otherwise what follows proves nothing."""
        run = self._run(phase, package)
        if run.code != 0:
            raise Unproven(f"{phase} of {package} ended with {run.code}:\n{run.output[-3000:]}")
        return run

    def _run(self, phase: str, package: str) -> Run:
        # The controller refuses other bytes under a number that has begun; here they are what is tried.
        server.inside("sh", "-c", f"rm -f {STATE}/harbour-production/packages/*/verified", place=LAPTOP)
        return self.deployment.migrate(phase, package=package)


def _noticed(mutant: Mutant, run: Run) -> str | None:
    """The sentence of the one step that failed, if it is the right one with the right exit code and words."""
    bad = [step for step in run.document.get("steps", []) if step["state"] not in ("done", "checked")]
    if run.code != mutant.exit or [step["id"] for step in bad] != [mutant.step]:
        return None
    said = "\n".join(bad[0]["failures"])
    looked_at = server.inside("cat", mutant.left_at) if mutant.left_at else said
    return f"{mutant.step}: {said}" if all(text in looked_at for text in mutant.says) else None
