"""Copies of the module in which Terraform works, with the provider that the lock file names; nothing else is near.

Terraform and its provider are the one thing of the tests that `tools/install` cannot bring: no registry of packages
has them. Where they are missing, the tests fail and say so.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = HERE.parents[1] / "templates/infrastructure/terraform/aws"
CASES = sorted(HERE.glob("cases/*.tfvars.json"))
#: Folders in which a mirror of providers is kept, where $STUFPACK_TERRAFORM_MIRROR names none.
MIRRORS = ("/opt/*", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins")
BINARY = "registry.terraform.io/hashicorp/aws/*/linux_amd64/terraform-provider-aws_v*"
#: For every program here that is written in Go. Each call reads what the provider knows of AWS anew, which is soon
#: thrown away whole: by default a quarter of a plan's time goes into tidying up before.
IN_GO = {"GOGC": "400"}


def mirror() -> Path | None:
    """The folder that holds the provider below `registry.terraform.io`, if one is there."""
    named = os.environ.get("STUFPACK_TERRAFORM_MIRROR")
    for pattern in (named,) if named else MIRRORS:
        for found in sorted(Path("/").glob(f"{pattern.strip('/')}/{BINARY}")):
            return found.parents[5]
    return None


class Terraform:
    """A copy of the module below a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("terraform")
        if self.program is None:
            raise AssertionError(
                "terraform 1.11 or newer is needed and was not found on PATH; no registry of packages has it\n"
                "next: put it on PATH, and its provider hashicorp/aws where STUFPACK_TERRAFORM_MIRROR says"
            )
        self.folder = folder / "module"
        shutil.copytree(MODULE, self.folder, ignore=shutil.ignore_patterns(".terraform"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "AWS_EC2_METADATA_DISABLED": "true",
            **IN_GO,
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs Terraform; what it says is one text."""
        command = [self.program, words[0], "-no-color", *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip

    def does(self, *words: str) -> str:
        """Runs Terraform, which must end well."""
        done = self.run(*words)
        if done.returncode != 0:
            raise AssertionError(f"terraform {' '.join(words)} ended with {done.returncode}\n{done.stdout}")
        return done.stdout

    def init(self, *words: str) -> None:
        """Installs the provider as the lock file has it, from the mirror where there is one."""
        folder = mirror()
        source = [f"-plugin-dir={folder}"] if folder else []
        done = self.run("init", "-lockfile=readonly", *source, *words)
        if done.returncode != 0:
            where = f"in {folder}" if folder else "in no mirror, and the registry was asked"
            raise AssertionError(f"the provider of the lock file could not be installed ({where})\n{done.stdout}")

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Runs the provider once for all that is run meanwhile: starting it costs more than what mocked tests do."""
        (binary,) = self.folder.glob(f".terraform/providers/{BINARY}")
        with subprocess.Popen(
            [binary, "-debug"], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            # It logs on standard error, which nobody reads: a pipe would fill up and stop it.
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            said = []
            try:
                for line in process.stdout or ():
                    said.append(line)
                    if found := re.search("TF_REATTACH_PROVIDERS='(.*)'", line):
                        self.environment["TF_REATTACH_PROVIDERS"] = found[1]
                        break
                else:
                    raise AssertionError(f"the provider could not be attached to\n{''.join(said)}")
                yield
            finally:
                self.environment.pop("TF_REATTACH_PROVIDERS", None)
                process.terminate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        module = Terraform(Path(work))
        module.init()
        print(module.does(*sys.argv[1:]))
