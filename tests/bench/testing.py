"""Containers for tests of single images: on a network of their own, gone after the test."""

from __future__ import annotations

import json
import subprocess
import unittest
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from . import engine, network
from .engine import SHARE, docker, environment
from .names import NETWORK
from .paths import INSTANCE
from .shell import BenchError, run, wait_for


class ImageTest(unittest.TestCase):
    """A test that runs containers; they and their volumes are removed after it."""

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        network.start_network()

    def start(self, image: str, *command: str, options: tuple[str, ...] = (), alias: str | None = None) -> Container:
        """Starts a container on the bench's network."""
        name = f"stufbench-{INSTANCE}-test-{uuid.uuid4().hex[:8]}"
        words = ["run", "--detach", *SHARE, "--name", name, "--network", NETWORK, *options]
        if alias:
            words += ["--network-alias", alias]
        docker(*words, image, *command)
        container = Container(name)
        self.addCleanup(container.remove)
        return container

    def refused(self, image: str, *command: str, options: tuple[str, ...] = (), seconds: float = 60) -> str:
        """Runs a container that must end with an error by itself; returns what it said."""
        words = ["docker", "run", "--rm", *SHARE, "--network", NETWORK, *options, image, *command]
        try:
            done = run(words, env=environment(), check=False, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{image} went on instead of refusing: {(error.stdout or b'')!r}") from error
        output = (done.stdout + done.stderr).decode(errors="replace")
        self.assertNotEqual(done.returncode, 0, output)
        return output


class Container:
    """A running container."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def address(self) -> str:
        """Its address on the bench's network."""
        found: str = self.inspect()["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
        return found

    def inspect(self) -> dict[str, Any]:
        """What Docker knows of it."""
        found: dict[str, Any] = json.loads(docker("inspect", self.name))[0]
        return found

    def run(self, *command: str, user: str | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs a program inside."""
        words = ["docker", "exec", *(["--user", user] if user else []), self.name, *command]
        return run(words, env=environment(), check=False)

    def text(self, *command: str, user: str | None = None) -> str:
        """Runs a program inside that must succeed; its output."""
        done = self.run(*command, user=user)
        if done.returncode != 0:
            raise BenchError(f"{command} in {self.name}: {done.stderr.decode(errors='replace')}\n{self.logs()}")
        return done.stdout.decode().strip()

    def has(self, program: str) -> bool:
        """Whether a program is on its PATH."""
        return self.run("sh", "-c", f"command -v {program}").returncode == 0

    def logs(self) -> str:
        """Everything it printed."""
        done = run(["docker", "logs", self.name], env=environment(), check=False)
        return (done.stdout + done.stderr).decode(errors="replace")

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Waits; a failure shows the container's log."""

        def ready_or_gone() -> bool:
            if docker("inspect", "--format", "{{.State.Running}}", self.name) != "true":
                raise BenchError(f"{self.name} ended while waiting for {what}")
            return ready()

        try:
            wait_for(f"{what} of {self.name}", ready_or_gone, seconds)
        except BenchError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error

    def remove(self) -> None:
        """Takes it away, with its anonymous volumes."""
        run(["docker", "rm", "--force", "--volumes", self.name], env=environment(), check=False)


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body; 0 when nobody answers."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""
