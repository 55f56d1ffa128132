"""Two machines of Trust Architects, one server: a run that is lost on one of them goes on from the other."""

from __future__ import annotations

import json

from . import content, server
from .deployment import PACKAGE, STATE, Run
from .names import LAPTOP
from .shell import wait_for
from .stories import Stories

OWN = f"{STATE}/harbour-production"
#: The state folder of the second machine: another state folder is another controller to the target.
SECOND = f"{STATE}/second"
LEASE = "/var/lib/stufpack/controller/lease.json"
PHASE = "prepare"


class TwoMachines(Stories):
    """Stories of a second machine, which has nothing but the package, the signers file and the keys."""

    def typed_there(self, command: str, code: int, says: str) -> Run:
        """Types a command on the second machine, which must end so."""
        run = self.deployment.type(f"second-{command.split()[0]}", f"STUFPACK_STATE={SECOND} ./migrate {command}")
        self.assertEqual(run.code, code, run.output[-6000:])
        self.assertIn(says, run.output)
        return run

    def lose_the_first(self) -> str:
        """The first machine is lost in the middle of a step; which one."""
        found: list[str] = []

        def in_a_later_step() -> bool:
            last = server.inside("tail", "--lines", "1", f"{OWN}/packages/1/journal.jsonl", place=LAPTOP)
            line = json.loads(last)
            begun = line["phase"] == PHASE and line["state"] == "started"
            found[:] = [line["step"]] if begun and line["step"] != f"{PHASE}/update-system" else []
            return found != []

        with content.started(f"cd {PACKAGE} && exec ./migrate {PHASE} 2>&1") as process:
            wait_for("the second step", in_a_later_step, 120, pause=0.1)
            server.inside("pkill", "-KILL", "-f", "infrastructure/controller|ansible-playbook", place=LAPTOP)
            process.communicate()
        return found[0]

    def becomes_old(self) -> None:
        """Time passes at the target: as long as the lease lasts, and no test waits for that."""
        lease = json.loads(server.inside("cat", LEASE))
        self.assertGreater(lease["until"], lease["at"])
        server.inside("sh", "-c", f'sed -i \'s/"until": [0-9]*/"until": {lease["at"]}/\' {LEASE}')

    def test_6b_another_machine_goes_on_where_a_lost_one_was(self) -> None:
        keys = " ".join(f"{OWN}/{name}" for name in ("secrets", "local", "venv"))
        server.on_laptop(f"umask 077 && mkdir {SECOND} && cp --archive {keys} {SECOND}", log="second-keys")
        lost = self.lose_the_first()
        with self.subTest("as long as it may still be at work, no other may be"):
            self.typed_there("preflight", 75, f"runs `./migrate {PHASE}` of package 1, and has the lease until 20")
            self.typed_there("adopt target", 75, "wait until it has ended there; if that machine is lost, from 20")
        with self.subTest("afterwards its journal is taken over"):
            self.becomes_old()
            self.typed_there("adopt target", 0, "taken over, with ")
        with self.subTest("and the step in which it was lost is repeated, and none before it"):
            steps = {step["id"]: step for step in self.typed_there(PHASE, 0, "finished").document["steps"]}
            self.assertTrue(steps[f"{PHASE}/update-system"].get("earlier"))
            self.assertFalse(steps[lost].get("earlier", False), lost)
        with self.subTest("what was lost comes back, is refused, and takes over again"):
            run = self.deployment.migrate(PHASE)
            self.assertEqual(run.code, 12, run.output[-6000:])
            self.assertIn("./migrate adopt target", run.output)
            self.assertEqual(self.deployment.type("adopt", "./migrate adopt target").code, 0)
