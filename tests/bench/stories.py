"""What stories on the bench have in common: machines that stand for all of them, and phases that must end well."""

from __future__ import annotations

import os
import unittest

from . import content, network, server
from .deployment import Deployment, Run
from .names import Place


class Stories(unittest.TestCase):
    """Tests run in the order of their names: each goes on where the one before stopped."""

    deployment: Deployment
    #: Until the machines stand, and again once a story fails.
    failed = True
    #: Who stands there for these stories alone.
    MACHINES: tuple[Place, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        # A cleanup comes too where the machines do not come up, which is when their logs are needed.
        cls.addClassCleanup(cls.clear_away)
        cls.deployment = cls.stand()
        cls.failed = False

    @classmethod
    def stand(cls) -> Deployment:
        """Everything that the stories need, and the package on the Trust Architect's machine."""
        raise NotImplementedError

    @classmethod
    def clear_away(cls) -> bool:
        """Keeps the logs of a run that failed, and removes its machines; whether it did."""
        if cls.failed:
            server.keep_logs()
        # For one who looks into a failure: the machines stay as they are.
        if os.environ.get("STUFPACK_BENCH_KEEP"):
            return False
        for place in cls.MACHINES:
            network.remove(place)
        return True

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Notes whether a story failed, so that the logs are kept."""
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            type(self).failed = True
        return result

    def succeeds(self, phase: str, *options: str) -> Run:
        """Runs a phase, which must end with 0."""
        run = self.deployment.migrate(phase, *options)
        self.assertEqual(run.code, 0, f"{run.command}\n{run.output[-6000:]}")
        return run

    def goes_well(self, command: str) -> str:
        """Types a command as the plan prints it, which must end with 0; what it said."""
        run = self.deployment.recorded(command)
        self.assertEqual(run.code, 0, f"{run.command}\n{run.output[-6000:]}")
        return run.output

    def counts_add_up(self) -> None:
        """Every object of the source is verified, and the source's key has left the target."""
        report = content.state("report.json")
        wanted = len(self.deployment.source["objects"])
        self.assertEqual((report["verdict"], report["expected"]), ("pass", wanted))
        self.assertEqual({word: number for word, number in report["counts"].items() if number}, {"verified": wanted})
        self.assertFalse(content.exists(content.KEY))
