"""The health checks of the package's Compose file: each fails where its service does not run."""

from __future__ import annotations

import json
import subprocess
import unittest

from . import engine
from .images import image
from .paths import REPOSITORY
from .shell import run, text

COMPOSE = REPOSITORY / "templates" / "infrastructure" / "compose" / "compose.yaml"
VALUES = REPOSITORY / "golden" / "harbour" / "infrastructure" / "compose" / ".env"
#: Of a service whose image has another name than the service.
IMAGES = {"proxy": "caddy"}


class HealthChecks(unittest.TestCase):
    def test_no_service_is_called_healthy_that_does_not_run(self) -> None:
        engine.start()
        words = ["docker", "compose", "--file", COMPOSE, "--env-file", VALUES, "config"]
        # The client alone does this, with the plugin that `tools/install bench` has put in place.
        services = json.loads(text([*words, "--format", "json"]))["services"]
        looked = set()
        for name, service in services.items():
            if "healthcheck" in service:
                with self.subTest(name):
                    kind, *words = (word.replace("$$", "$") for word in service["healthcheck"]["test"])
                    self.assertEqual(kind, "CMD")
                    done = self.alone(image(IMAGES.get(name, name)), *words)
                    # 125 and above: Docker could not start it, so it says nothing.
                    self.assertIn(done.returncode, range(1, 125), f"{name} passes its health check, and does not run")
                    looked.add(name)
        self.assertEqual(looked, {"postgres", "garage", "keycloak", "api", "proxy"})

    def alone(self, image: str, program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Runs a health check's program in a container where nothing else does."""
        command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", program, image, *words]
        return run(command, env=engine.environment(), check=False, timeout=60)
