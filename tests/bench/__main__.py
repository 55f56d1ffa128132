"""`python3 -m bench COMMAND`: the bench from a terminal. Run it by `tools/docker-bench COMMAND`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path

from . import checkpoints, deployment, disk, engine, hosted_stuf, images, network, recording, server
from .names import DOMAIN, EVERYONE, GATEWAY, NETWORK
from .paths import INSTANCE, logs_folder
from .shell import BenchError, say


def up() -> None:
    """Engine, images, names, registry with the release, mail receiver."""
    engine.start()
    images.every()
    network.start()


def machines() -> None:
    """A fresh customer's server and a fresh machine of the Trust Architect."""
    up()
    access = server.start_server()
    server.start_laptop()
    print(json.dumps(access.as_json(), indent=2))


def down() -> None:
    """Everything of this clone; the engine too when this clone started it."""
    if engine.current() is None:
        return
    # Whatever carries this clone's name, what an interrupted test left behind included.
    left = engine.docker("ps", "--all", "--quiet", "--filter", f"name=^stufbench-{INSTANCE}-").split()
    if left:
        engine.docker("rm", "--force", "--volumes", *left)
    checkpoints.forget()
    for volume in (server.DATA_VOLUME, hosted_stuf.DATA_VOLUME):
        server.forget(volume)
    disk.detach()
    if engine.docker_ok("network", "inspect", NETWORK):
        engine.docker("network", "rm", NETWORK)
    engine.stop()


def make_images() -> None:
    """Every image, by name."""
    engine.start()
    print(json.dumps(images.every(), indent=2))


def status() -> None:
    """What runs, and where things are."""
    running = engine.current()
    print(
        json.dumps(
            {
                "engine": {"host": engine.HOST, "pid": running.pid, "owner": running.owner} if running else None,
                "domain": DOMAIN,
                "gateway": GATEWAY,
                "places": {place.name: place.address for place in EVERYONE if running and network.running(place)},
                "release": str(network.RELEASE),
                "mails": str(network.mails_folder()),
                "checkpoints": checkpoints.known() if running else [],
            },
            indent=2,
        )
    )


def _tests(*names: str) -> None:
    engine.start()
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"bench.{name}" for name in names])
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stderr).run(suite)
    if not result.wasSuccessful():
        raise BenchError(f"{len(result.failures) + len(result.errors)} tests failed; logs are in {logs_folder()}")


def _image_tests() -> list[str]:
    return [file.stem for file in sorted(Path(__file__).parent.glob("test_*.py"))]


def test_images() -> None:
    """The tests of stand-ins, of the official images' contracts and of the bench itself."""
    _tests(*_image_tests())


def deploy() -> None:
    """A package, compiled by $STUFPACK, deploys on a fresh server."""
    _tests("deploy_test")


def acme() -> None:
    """A package for an account at Amazon, compiled by $STUFPACK, deploys on a machine of that account."""
    _tests("acme_test")
    print(f"\n{deployment.typed()}")


def beside() -> None:
    """What a second bench does while the first deploys: the image tests, then the package for Amazon."""
    _tests(*_image_tests(), "acme_test")
    print(f"\n{deployment.typed()}")


def end_to_end() -> None:
    """The deployment with the rest beside it, on two networks; what this clone started is stopped in the end."""
    engine.start()
    images.every()
    second = Beside("images")
    try:
        with second.running("beside"):
            deploy()
        print(f"\n{deployment.typed()}")
    finally:
        second.call("down")
        down()


class Beside:
    """A second bench of this clone, in processes of its own, which give way to the first."""

    def __init__(self, part: str) -> None:
        self.command = ["nice", "-n", "10", sys.executable, "-m", "bench"]
        self.environment = {**os.environ, "STUFPACK_BENCH_PART": part}

    def call(self, command: str) -> int:
        """Runs a command there to its end."""
        return subprocess.run([*self.command, command], env=self.environment, check=False).returncode

    @contextlib.contextmanager
    def running(self, command: str) -> Iterator[None]:
        """Runs a command there meanwhile; shows what it said when both have ended, and that it failed, if so."""
        with tempfile.TemporaryFile() as output:
            with subprocess.Popen(
                [*self.command, command], env=self.environment, stdout=output, stderr=output
            ) as process:
                try:
                    yield
                finally:
                    process.wait()
                    output.seek(0)
                    sys.stderr.write(output.read().decode(errors="replace"))
            if process.returncode != 0:
                raise BenchError(f"{command} failed; what it said stands above")


COMMANDS = {
    "up": up,
    "down": down,
    "images": make_images,
    "server": machines,
    "status": status,
    "test-images": test_images,
    "deploy": deploy,
    "acme": acme,
    "beside": beside,
    "e2e": end_to_end,
    "logs": server.keep_logs,
    "accept-recording": recording.accept,
    "checkpoints": checkpoints.make,
}
#: Commands that take a name.
NAMED = {"checkpoint": checkpoints.save, "restore": checkpoints.restore}


def main() -> int:
    """Runs one command."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    every: dict[str, Callable[..., None]] = {**COMMANDS, **NAMED}
    parser.add_argument(
        "command", choices=every, help="; ".join(f"{name}: {work.__doc__}" for name, work in every.items())
    )
    parser.add_argument("name", nargs="?", help="of a checkpoint")
    given = parser.parse_args()
    command = given.command
    names = [given.name] if given.name else []
    if (command in NAMED) != bool(names):
        parser.error(f"{' and '.join(NAMED)} take a name, and nothing else does")
    started = time.monotonic()
    try:
        every[command](*names)
    except BenchError as error:
        print(f"error[bench]: {error}", file=sys.stderr)
        return 1
    say(f"{command} took {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
