"""The project where the files are in a bucket outside, as `docker compose` itself merges it, without an engine."""

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


class StorageOutside(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for file in ("compose.yaml", "aws/storage-s3.yaml"):
            shutil.copy(COMPOSE / file, self.folder)
        # By name and text as it stands there, quotes included.
        lines = (line.partition("=") for line in SAMPLE.read_text().splitlines())
        self.values = {name: text for name, _, text in lines}

    def asked(self, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Compose's answer where `.env` holds these values, asked from anywhere, as people are told to."""
        (self.folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in values.items()))
        command = ["docker", "compose", "--project-directory", str(self.folder), "--profile", "files"]
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


if __name__ == "__main__":
    unittest.main()
