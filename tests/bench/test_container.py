"""stufpack's own container: its Debian package on a bare Debian, run without rights, network or a writable root."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from . import engine, rootfs
from .deployment import program
from .engine import docker, environment
from .paths import INSTANCE, REPOSITORY
from .shell import BenchError, run

HARDENED = ("--read-only", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
TAG = f"stufbench/stufpack-{INSTANCE}:test"
AT = "2026-11-20T12:00:00Z"


def build(base: str, context: Path) -> None:
    """Builds the image of the Containerfile."""
    file = REPOSITORY / "Containerfile"
    docker("build", "--network", "none", "--build-arg", f"BASE={base}", "--file", file, "--tag", TAG, context)


class Stufpack(unittest.TestCase):
    """The image that Containerfile makes of what `make deb` makes."""

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="stufbench-container-")))
        cls.context = folder / "deb"
        run([REPOSITORY / "tools/deb", program(), cls.context])
        cls.base = rootfs.base("trixie")
        build(docker("image", "inspect", "--format", "{{.Id}}", cls.base).strip(), cls.context)
        cls.addClassCleanup(docker, "image", "rm", "--force", TAG)

    def inside(self, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
        command = ["docker", "run", "--rm", *HARDENED, *options, TAG, *words]
        return run(command, env=environment(), check=False)

    def test_it_says_its_version_and_is_nobody(self) -> None:
        said = self.inside("--version")
        version = run([program(), "--version"]).stdout
        self.assertEqual((said.returncode, said.stdout), (0, version), said.stderr)
        who = self.inside("-u", options=("--entrypoint", "id"))
        self.assertEqual(who.stdout, b"65534\n")

    def test_it_knows_itself_to_dpkg(self) -> None:
        listed = self.inside(
            "--show", "--showformat", "${Status} ${Version}", "stufpack", options=("--entrypoint", "dpkg-query")
        )
        version = run([program(), "--version"]).stdout.decode().split()[1]
        self.assertEqual(listed.stdout.decode(), f"install ok installed {version}-1")

    def test_it_makes_a_package_and_verifies_it(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="stufbench-container-")))
        run(["cp", "-r", REPOSITORY / "examples/minimal", folder / "input"])
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "issuer/bench", "-f", folder / "key"])
        public = (folder / "key.pub").read_text().split()
        (folder / "signers").write_text(f'issuer/bench namespaces="stufpack" {public[0]} {public[1]}\n')
        mine = ("--user", f"{os.getuid()}:{os.getgid()}", "--tmpfs", "/tmp", "--volume", f"{folder}:/work")
        words = ["input/export", "--target", "input/target.yaml", "--out", "out", "--sign-key", "key"]
        made = self.inside("compile", *words, options=mine)
        self.assertEqual(made.returncode, 0, made.stderr)
        (package,) = (file.relative_to(folder) for file in folder.glob("out/*.zip"))
        told = self.inside("verify", str(package), "--signers", "signers", "--at", AT, options=mine)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertTrue(told.stdout.startswith(b"Verified: minimal-"), told.stdout)

    def test_a_base_without_a_digest_is_refused(self) -> None:
        with self.assertRaisesRegex(BenchError, "BASE must name Debian by its digest"):
            build(self.base, self.context)
        with self.assertRaises(BenchError):
            docker("build", "--file", REPOSITORY / "Containerfile", self.context)
