"""An installation of five hundred people: what comes out is what went in. `make crowd` runs it, which takes minutes."""

from __future__ import annotations

import os
import unittest

from . import crowd, engine, mails, network
from .deployment import Deployment
from .exporting import Export
from .names import HOSTED, LAPTOP, SENTRY, SERVER, STRANGER, ZULIP
from .paths import instance_folder


class ItTakesACrowd(unittest.TestCase):
    """On a server of its own."""

    deployment: Deployment

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        network.start()
        mails.forget()
        cls.deployment = Deployment.prepare()

    @classmethod
    def tearDownClass(cls) -> None:
        if os.environ.get("STUFPACK_BENCH_KEEP"):
            return
        for place in (SERVER, LAPTOP, STRANGER, ZULIP, SENTRY, HOSTED):
            network.remove(place)

    def exported_after(self, *phases: str) -> Export:
        """What runs, read after these phases, all of which must end with 0."""
        for phase in (*phases, "export"):
            run = self.deployment.migrate(phase)
            self.assertEqual(run.code, 0, f"{run.command}\n{run.output[-6000:]}")
        return Export.of(run)

    def test_the_next_package_brings_500_users_who_are_exported_as_they_came(self) -> None:
        first = self.exported_after("bootstrap", "preflight", "prepare", "deploy", "import")
        work = instance_folder() / "deployment"
        made = crowd.export(first.folder, work / "crowd")
        self.deployment.next_package(made)
        exported = self.exported_after("preflight", "prepare", "deploy", "import")
        self.assertEqual(len(exported.spec["users"]), crowd.PEOPLE)
        self.assertEqual(exported.differs_from(made, "--target", work / "target.json"), [])
