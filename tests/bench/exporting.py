"""An export of what was deployed, made by `./migrate export` and brought here, and what `stufpack` says of it."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import server
from .deployment import Run, program
from .engine import docker
from .names import LAPTOP
from .paths import instance_folder
from .shell import BenchError, run

#: On the server, while an export is read, and never after.
TRACES = ("/var/lib/stufpack/export", "/home/deploy/.stuf-export")


@dataclass(frozen=True)
class Export:
    """An export's folder on this machine."""

    folder: Path

    @classmethod
    def of(cls, exported: Run) -> Export:
        """The folder that a run says it wrote."""
        said = [line for step in exported.document.get("steps", []) for line in step.get("lines", [])]
        places = [line.removeprefix("export: ") for line in said if line.startswith("export: ")]
        if len(places) != 1:
            raise BenchError(f"the run named {len(places)} folders, expected 1:\n{exported.output[-3000:]}")
        modes = set(server.inside("find", places[0], "-printf", "%m %y\n", place=LAPTOP).splitlines())
        if modes != {"700 d", "600 f"}:
            raise BenchError(f"others may read the export: {sorted(modes)}")
        here = instance_folder() / "exports" / Path(places[0]).name
        shutil.rmtree(here, ignore_errors=True)
        here.parent.mkdir(parents=True, exist_ok=True)
        docker("cp", f"{LAPTOP.container}:{places[0]}", here)
        return cls(here)

    @property
    def spec(self) -> dict[str, Any]:
        """The settings."""
        found: dict[str, Any] = json.loads((self.folder / "export.json").read_text())["spec"]
        return found

    @property
    def inventory(self) -> dict[str, dict[str, Any]]:
        """The objects by key."""
        lines = gzip.decompress((self.folder / "inventory.jsonl.gz").read_bytes()).decode().split("\n")
        return {row["key"]: row for row in map(json.loads, filter(None, lines))}

    def findings(self) -> set[str]:
        """Codes of everything that `stufpack check` finds; an export that cannot be used is an error."""
        done = run([program(), "check", self.folder, "--format", "json"], log="check", check=False)
        if done.returncode != 0:
            raise BenchError(f"check ended with {done.returncode}\n{(done.stdout + done.stderr).decode()[-4000:]}")
        return {finding["code"] for finding in json.loads(done.stdout)["findings"]}

    def compiles(self, domain: str) -> list[str]:
        """Compiles a package that moves it to another name; the names of the packages that came out."""
        work = instance_folder() / "deployment"
        target = json.loads((work / "target.json").read_text())
        target["spec"]["domain"] = domain
        with tempfile.TemporaryDirectory(dir=work) as folder:
            place = Path(folder)
            (place / "target.json").write_text(json.dumps(target))
            words = [program(), "compile", self.folder, "--target", place / "target.json", "--out", place / "out"]
            run([*words, "--sign-key", work / "issuer"], log="compile")
            return sorted(file.name for file in (place / "out").glob("*.zip"))
