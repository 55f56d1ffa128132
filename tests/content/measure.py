"""Memory and time that the content program itself takes, by number of objects. Run by hand:

`~/.cache/stufpack/python-content/bin/python tests/content/measure.py 10000 50000`; the figures stand in content.md.

The stores answer inside of the process and keep nothing, and rclone is left out: what is counted is the program's own.
"""

from __future__ import annotations

import json
import subprocess
import sys

import measured
from cases import Case
from measured import MODIFIED, headers_of, key_of
from stores import Bucket

VERBS = ("inventory", "check-keys", "copy", "delta", "prove")


class Measure(Case):
    """One number of objects."""

    def runTest(self) -> None:  # noqa: N802 (unittest's name)
        """Nothing to check by itself."""

    def of(self, count: int) -> None:
        """Prints a line for each verb."""
        nowhere = "http://127.0.0.1:1"
        self.between(Bucket(nowhere, "source", None), Bucket(nowhere, "target", None))
        self.write_lists([self.line(number) for number in range(count)])
        for verb in VERBS:
            command = [self.command(verb)[0], measured.__file__, str(count), *self.command(verb)[3:]]
            done = subprocess.run(command, env=self.environment(), cwd=self.folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            seconds, kib = map(float, (self.folder / "used").read_text().split())
            each = kib * 1024 / count
            print(f"{count:>7} objects  {verb:<10} {seconds:6.1f} s  {kib / 1024:6.1f} MiB = {each:5.0f} bytes each")
        report = json.loads((self.state / "report.json").read_bytes())
        assert report["counts"]["verified"] == count, report["counts"]

    def line(self, number: int) -> dict:
        """Of a batch list."""
        said = headers_of(number)
        metadata = {name.removeprefix("x-amz-meta-"): text for name, text in said.items() if name.startswith("x-")}
        return {
            "key": key_of(number), "size": 4096, "modified": MODIFIED, "content_type": said["content-type"],
            "metadata": metadata,
        }  # fmt: skip


if __name__ == "__main__":
    for wanted in map(int, sys.argv[1:]):
        case = Measure()
        case.setUp()
        try:
            case.of(wanted)
        finally:
            case.doCleanups()
