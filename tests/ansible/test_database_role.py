"""The role that makes Keycloak's user, played by Ansible, with a real PostgreSQL behind what stands for Compose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from modules import ROOT
from postgresql import PostgreSQL

# In the place of `docker`: the client's own script runs here, and what is taken down is written down.
DOCKER = """#!{python}
import json, os, sys
with open("{folder}/docker.json") as file:
    given = json.load(file)
if sys.argv[1:3] == ["compose", "rm"]:
    with open("{folder}/taken-down", "a") as file:
        file.write(" ".join(sys.argv[3:]) + "\\n")
    sys.exit()
assert sys.argv[1:9] == given["words"], sys.argv
os.execvpe(given["entrypoint"][0], [*given["entrypoint"], *sys.argv[9:]], given["environment"])
"""


class Played(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        place = cls.folder / "server"
        place.mkdir()
        cls.folder.chmod(0o755)
        cls.server = PostgreSQL(place)
        cls.addClassCleanup(cls.server.stop)
        (place / "postgres_password").write_text("its own")
        cls.state, cls.project = cls.folder / "state", cls.folder / "project"
        for path in (cls.state / "secrets", cls.project, cls.folder / "bin"):
            path.mkdir(parents=True)
        docker = cls.folder / "bin/docker"
        docker.write_text(DOCKER.format(python=sys.executable, folder=cls.folder))
        docker.chmod(0o755)
        words = ["compose", "--project-directory", str(cls.project), "run", "--rm", "--no-deps", "--no-TTY", "postgres"]
        given = {"words": words, "entrypoint": cls.server.entrypoint(), "environment": cls.server.environment()}
        (cls.folder / "docker.json").write_text(json.dumps(given))

    def play(self, *more: str) -> subprocess.CompletedProcess[str]:
        """One run of the role."""
        playbook = Path(sys.executable).with_name("ansible-playbook")
        self.assertTrue(playbook.exists(), f"{playbook} is missing; next: tools/install quick, then tools/test-python")
        tasks = [{"name": "Make it", "ansible.builtin.import_role": {"name": "database", "tasks_from": "make_user"}}]
        database = {"host": "localhost", "port": self.server.port, "name": "keycloak", "user": "stuf"}
        values = {"database_kind": "aws-rds", "database": database, "stufpack_state": str(self.state)}
        play = {"name": "Make it", "hosts": "localhost", "connection": "local", "gather_facts": False}
        (self.folder / "play.yml").write_text(json.dumps([play | {"vars": values, "tasks": tasks}]))
        places = {
            "database_project_dir": str(self.project),
            "database_password_file": str(self.server.folder / "postgres_password"),
            "database_password_note": str(self.folder / "note"),
            "database_administrator_file": str(self.folder / "administrator"),
            "ansible_python_interpreter": sys.executable,
        }
        done = subprocess.run(
            [playbook, "-i", "localhost,", "-e", json.dumps(places), *more, self.folder / "play.yml"],
            cwd=self.folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                 "PYTHONDONTWRITEBYTECODE": "1",
                 "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(self.folder / "home")}, text=True,
        )  # fmt: skip
        self.assertFalse((self.folder / "administrator").exists(), "the password of the administrator stayed")
        self.assertNotIn("of rds", done.stdout)
        return done

    def taken_down(self) -> str:
        """What was taken down so far."""
        path = self.folder / "taken-down"
        return path.read_text() if path.exists() else ""

    def test_the_user_is_made_keycloak_is_made_anew_and_a_second_time_nothing_is_done(self) -> None:
        given = self.state / "secrets/database_administrator"
        with self.subTest("in check mode nothing is asked"):
            self.assertEqual(self.play("--check").returncode, 0)
        with self.subTest("without the administrator's password it says how one gets it"):
            done = self.play()
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("the password of its administrator was not given", done.stdout)
            self.assertEqual(self.taken_down(), "")
        with self.subTest("with it the user is made, and no Keycloak goes on with another password"):
            given.write_text("of rds\n")
            done = self.play()
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(self.taken_down(), "--stop --force keycloak\n")
            self.assertEqual(self.server.asks("keycloak", "its own", "SELECT 7").stdout, "7\n")
        with self.subTest("once it is there, nobody asks for the administrator"):
            given.unlink()
            done = self.play()
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(self.taken_down(), "--stop --force keycloak\n")
        with self.subTest("where an earlier run ended before it took Keycloak down, this one does"):
            (self.folder / "note").unlink()
            done = self.play()
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(self.taken_down(), "--stop --force keycloak\n" * 2)


if __name__ == "__main__":
    unittest.main()
