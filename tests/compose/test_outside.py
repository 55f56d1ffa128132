"""The project where files or database are outside, as `docker compose` itself merges it, without an engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "templates/infrastructure/compose"
SAMPLE = ROOT / "tests/ansible/sample/dotenv"


class Merged(unittest.TestCase):
    """Compose's own answer to files of a package."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for file in ("compose.yaml", "aws/storage-s3.yaml", "aws/database-rds.yaml"):
            shutil.copy(COMPOSE / file, self.folder)
        # By name and text as it stands there, quotes included.
        lines = (line.partition("=") for line in SAMPLE.read_text().splitlines())
        self.values = {name: text for name, _, text in lines}

    def asked(self, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Compose's answer where `.env` holds these values, asked from anywhere, as people are told to."""
        (self.folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in values.items()))
        profiles = ["--profile", "files", "--profile", "database"]
        command = ["docker", "compose", "--project-directory", str(self.folder), *profiles]
        return subprocess.run(
            [*command, "config", "--format", "json"], cwd="/", capture_output=True, text=True, check=False
        )

    def project(self, values: dict[str, str]) -> dict[str, Any]:
        """The whole project."""
        done = self.asked(values)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def outside(self) -> dict[str, str]:
        """The values of such a package: no image of Garage, and where the bucket is."""
        files = ":".join(str(self.folder / file) for file in ("compose.yaml", "storage-s3.yaml"))
        bucket = {"STUF_STORAGE_ENDPOINT": "s3.eu-west-1.amazonaws.com", "STUF_STORAGE_SECURE": "true"}
        here = {name: text for name, text in self.values.items() if name != "STUF_GARAGE_IMAGE"}
        return here | {"COMPOSE_FILE": files} | bucket


class StorageOutside(Merged):
    def test_garage_is_gone_with_all_that_is_its_own_and_only_the_api_is_otherwise(self) -> None:
        here, outside = self.project(self.values), self.project(self.outside())
        garage = {"services": {"garage"}, "volumes": {"garage_data", "garage_meta"}}
        garage["secrets"] = {"garage-garage_admin_token", "garage-garage_rpc_secret"}
        for part, names in garage.items():
            self.assertEqual(set(here[part]) - set(outside[part]), names)
            self.assertEqual(set(outside[part]) - set(here[part]), set())
        api = here["services"]["api"]
        api["depends_on"].pop("garage")
        api["networks"] = {"edge": None, "backend": None}
        api["environment"] |= {
            "MINIO_ENDPOINT": "s3.eu-west-1.amazonaws.com",
            "MINIO_SECURE": "true",
            "SSL_CERT_FILE": "/etc/storage-authorities.pem",
        }
        authorities = {"source": "/etc/stuf/storage-authorities.pem", "target": "/etc/storage-authorities.pem"}
        api["volumes"] = [{"type": "bind", **authorities, "read_only": True}]
        for part, names in garage.items():
            for name in names:
                del here[part][name]
        self.assertEqual(outside, here)

    def test_without_the_image_of_garage_or_the_place_of_the_bucket_nothing_is_taken_for_a_project(self) -> None:
        without = {name: text for name, text in self.values.items() if name != "STUF_GARAGE_IMAGE"}
        self.assertIn('"garage" has neither an image nor a build', self.asked(without).stderr)
        for name in ("STUF_STORAGE_ENDPOINT", "STUF_STORAGE_SECURE"):
            done = self.asked({key: text for key, text in self.outside().items() if key != name})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(name, done.stderr)


class DatabaseOutside(Merged):
    URL = "jdbc:postgresql://identity.example:5432/keycloak?sslmode=verify-full&sslrootcert=/x.pem"

    def database(self) -> dict[str, str]:
        """The values of a package with both outside, and what its roles place for the database."""
        place = self.folder / "database"
        place.mkdir(exist_ok=True)
        (place / "client.env").write_text("PGHOST=identity.example\nPGPORT=5432\n")
        (place / "keycloak.env").write_text(f"KC_DB_URL={self.URL}\n")
        values = self.outside()
        values["COMPOSE_FILE"] += f":{self.folder / 'database-rds.yaml'}"
        return values | {"STUF_DATABASE_DIR": str(place)}

    def test_the_server_has_become_a_client_that_nothing_starts_and_only_keycloak_is_otherwise(self) -> None:
        here, outside = self.project(self.outside()), self.project(self.database())
        authorities = {
            "type": "bind", "source": str(self.folder / "database/authorities"), "target": "/etc/database-authorities",
            "read_only": True,
        }  # fmt: skip
        self.assertEqual(here["volumes"].pop("postgres"), {"name": "stuf_postgres", "external": True})
        keycloak = here["services"]["keycloak"]
        self.assertEqual(list(keycloak.pop("depends_on")), ["postgres"])
        keycloak["environment"]["KC_DB_URL"] = self.URL
        keycloak["volumes"].append(authorities)
        server, client = here["services"].pop("postgres"), outside["services"].pop("postgres")
        self.assertEqual(outside, here)
        with self.subTest("what hardens the server hardens the client"):
            own = ("entrypoint", "command", "environment", "healthcheck", "networks", "profiles", "restart", "volumes")
            for name in own:
                server.pop(name, None)
            given = {name: client.pop(name, None) for name in own}
            self.assertEqual(client, server)
        self.assertEqual(given["volumes"], [authorities])
        self.assertEqual((given["networks"], given["profiles"], given["restart"]), ({"edge": None}, ["database"], "no"))
        self.assertIsNone(given["healthcheck"])
        wanted = {"PGHOST": "identity.example", "PGPORT": "5432", "PGSSLMODE": "verify-full", "PGUSER": "keycloak"}
        self.assertEqual({name: given["environment"].get(name) for name in wanted}, wanted)

    def test_nothing_of_it_is_started_with_the_project(self) -> None:
        self.asked(self.database())
        command = ["docker", "compose", "--project-directory", str(self.folder), "config", "--services"]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        self.assertEqual((done.stderr, sorted(done.stdout.split())), ("", ["api", "keycloak", "proxy"]))

    def test_without_what_leads_to_the_database_nothing_is_taken_for_a_project(self) -> None:
        values = self.database()
        for name in ("client.env", "keycloak.env"):
            with self.subTest(name):
                self.database()
                (self.folder / "database" / name).unlink()
                done = self.asked(values)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.stderr)
        done = self.asked({key: text for key, text in values.items() if key != "STUF_DATABASE_DIR"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("STUF_DATABASE_DIR", done.stderr)

    def run_client(self, *arguments: str, given: str = "") -> tuple[int, str]:
        """What the client does, with programs in the place of PostgreSQL's and a folder in that of its secret."""
        client = self.project(self.database())["services"]["postgres"]
        *shell, script, name = client["entrypoint"]
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        for program in ("psql", "pg_dump"):
            path = programs / program
            path.write_text('#!/bin/sh\necho "$PGUSER:$PGPASSWORD ${0##*/} $*"\ncat\n')
            path.chmod(0o755)
        # Compose writes a dollar twice that is none of its own.
        script = script.replace("$$", "$").replace("/run/secrets", str(self.folder))
        done = subprocess.run(
            [*shell, script, name, *arguments], input=given, capture_output=True, text=True, check=False,
            env={"PATH": f"{programs}:/usr/bin:/bin", "PGUSER": client["environment"]["PGUSER"]},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def test_the_client_is_keycloaks_user_unless_the_administrator_is_named(self) -> None:
        missing = "secret postgres_password is empty or missing; not started\n"
        self.assertEqual(self.run_client("psql"), (78, missing))
        (self.folder / "postgres_password").write_text("its own")
        self.assertEqual(self.run_client("pg_dump", "--version"), (0, "keycloak:its own pg_dump --version\n"))
        given = "a b$c'\\ \nSELECT 1;\n"
        told = "stuf:a b$c'\\  psql --quiet\nSELECT 1;\n"
        self.assertEqual(self.run_client("administrator", "stuf", "psql", "--quiet", given=given), (0, told))
        code, told = self.run_client("empty")
        self.assertEqual(code, 0)
        self.assertRegex(told, r"(?s)^keycloak:its own psql .*ON_ERROR_STOP=1\nSELECT .*DROP TABLE.* \\gexec\n$")


if __name__ == "__main__":
    unittest.main()
