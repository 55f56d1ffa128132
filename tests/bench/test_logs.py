"""What a failing run leaves to be read, though its machines go: looked at without any."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import deploy_test, server
from .names import BROWSER, EVERYONE, LAPTOP
from .shell import BenchError

# Answers for every machine but the browser's; of the Trust Architect's, `find` and `tar` are the real ones.
DOCKER = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
if words[0] == "exec" and words[1] == {LAPTOP.container!r}:
    os.execvp("sh", words[2:])
print("told", *words[:2])
"""


class Kept(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.logs = self.home / "logs"
        self.logs.mkdir()

    def patch(self, of: object, name: str, new: object) -> None:
        """Replaces something of the bench as long as the test runs."""
        patching = mock.patch.object(of, name, new)
        patching.start()
        self.addCleanup(patching.stop)

    def machines(self) -> None:
        """Machines as one meets them after a failure."""
        docker = self.home / "bin/docker"
        docker.parent.mkdir()
        docker.write_text(DOCKER)
        docker.chmod(0o700)
        path = f"{docker.parent}{os.pathsep}{os.environ['PATH']}"
        self.patch(server, "environment", lambda: {"PATH": path, "HOME": str(self.home)})
        patching = mock.patch.dict(os.environ, {"PATH": path})
        patching.start()
        self.addCleanup(patching.stop)
        self.patch(server, "logs_folder", lambda: self.logs)
        self.patch(server, "running", lambda place: place != BROWSER)

    def test_of_every_machine_and_of_what_the_errors_point_to(self) -> None:
        self.machines()
        state = self.home / ".local/state/stufpack/harbour-production"
        names = (
            "packages/1/logs/4-import-read-back.log",
            "packages/1/reports/5/verify.json",
            "packages/1/journal.jsonl",
        )
        for name in (*names, "secrets/mail_password", "venv/logs/pip.log", "packages/1/variables-4.json"):
            (state / name).parent.mkdir(parents=True, exist_ok=True)
            (state / name).write_text(name)
        server.keep_logs()

        kept = {str(path.relative_to(self.logs)) for path in self.logs.rglob("*") if path.is_file()}
        roles = {place.name.partition(".")[0] for place in EVERYONE} - {"browser"}
        wanted = {f"{role}-container.log" for role in roles}
        wanted |= {f"{role}-{name}.log" for role in ("server", "hosted") for name in server.MACHINE_LOGS}
        wanted |= {f"laptop/harbour-production/{name}" for name in names}
        self.assertEqual(kept, wanted)
        self.assertIn("told exec", (self.logs / "hosted-journal.log").read_text())

    def test_nothing_to_keep_on_a_machine_hides_nothing_of_the_others(self) -> None:
        self.machines()
        server.keep_logs()
        self.assertIn("stufpack", (self.logs / "laptop.log").read_text())
        self.assertTrue((self.logs / "server-journal.log").exists())

    def test_also_when_the_machines_do_not_come_up_and_before_they_go(self) -> None:
        happened: list[str] = []
        for of, work in ((deploy_test.engine, "start"), (deploy_test.network, "start"), (deploy_test.mails, "forget")):
            self.patch(of, work, mock.Mock())
        self.patch(deploy_test.Deployment, "prepare", mock.Mock(side_effect=BenchError("it did not come up")))
        self.patch(deploy_test.server, "keep_logs", lambda: happened.append("kept"))
        self.patch(deploy_test.network, "remove", lambda place: happened.append(place.name.partition(".")[0]))
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(deploy_test.ItDeploys)
        with mock.patch.dict(os.environ):
            os.environ.pop("STUFPACK_BENCH_KEEP", None)
            result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
        self.assertEqual((len(result.errors), result.testsRun), (1, 0))
        self.assertEqual(happened[0], "kept")
        self.assertLessEqual({"server", "laptop", "hosted", "operator"}, set(happened))


if __name__ == "__main__":
    unittest.main()
