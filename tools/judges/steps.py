"""Holds every script of a workflow or pipeline to shellcheck, in the shell that will run it.

usage: steps.py FILE...
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def scripts(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, shell and text of each script: GitHub's `run` in bash, GitLab's `script` in sh."""
    for name, job in document.get("jobs", {}).items():
        for number, step in enumerate(job["steps"]):
            if "run" in step:
                yield f"{name}, step {number + 1}", "bash", step["run"]
    for name, job in document.items():
        if isinstance(job, dict) and "script" in job:
            yield name, "sh", "\n".join(job["script"])


def main() -> int:
    """Judges every file; one without a script is a mistake."""
    failed = 0
    for path in map(Path, sys.argv[1:]):
        found = list(scripts(yaml.safe_load(path.read_text(encoding="utf-8"))))
        if not found:
            failed += 1
            print(f"{path}: no script found")
        for name, shell, text in found:
            print(f"{path}: {name}", flush=True)
            judged = subprocess.run(["shellcheck", f"--shell={shell}", "-"], input=text.encode(), check=False)
            failed += judged.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
