"""Holds a module of Terraform to checkov's rules, without asking its makers' service.

usage: checkov.py CHECKOV MODULE VARIABLES

A rule that does not apply is skipped in the file, `#checkov:skip=ID: reason` inside of the block, since the reason is
for whoever reads that block. The same module without these lines has to be refused for exactly what they skip: so a
skip that nobody needs any more is noticed, and so is a checkov that finds nothing.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SKIP = re.compile(r"^\s*#\s*checkov:skip=(?P<rule>[A-Z0-9_]+)(?::(?P<reason>.*))?$", re.MULTILINE)


def results(checkov: str, module: Path, variables: Path) -> dict[str, list[dict[str, Any]]]:
    """What checkov says of a module in which every option is set; a file that it cannot read is a mistake."""
    command = [
        checkov, "--directory", str(module), "--framework", "terraform", "--var-file", str(variables),
        "--output", "json", "--compact", "--skip-download",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"checkov ended with {done.returncode}\n{done.stdout}{done.stderr}")
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    if found["parsing_errors"]:
        raise SystemExit(f"checkov cannot read {found['parsing_errors']}")
    return found


def named(checks: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Resource and rule of each check, and what the rule asks for."""
    return {(check["resource"], check["check_id"]): check["check_name"] for check in checks}


def main() -> int:
    """Says what is wrong, a line each."""
    checkov, module, variables = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve()
    wrong = [
        f"{path.name}: {skip['rule']} is skipped without a reason"
        for path in sorted(module.rglob("*.tf"))
        for skip in SKIP.finditer(path.read_text(encoding="utf-8"))
        if not (skip["reason"] or "").strip()
    ]
    found = results(checkov, module, variables)
    skipped = named(found["skipped_checks"])
    wrong += [f"{resource}: {rule}: {name}" for (resource, rule), name in named(found["failed_checks"]).items()]
    with tempfile.TemporaryDirectory(prefix="stufpack-judge-") as folder:
        bare = shutil.copytree(module, Path(folder) / "module")
        for path in bare.rglob("*.tf"):
            path.write_text(SKIP.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
        refused = named(results(checkov, bare, variables)["failed_checks"])
    wrong += [f"{resource}: {rule} is skipped and would pass" for resource, rule in skipped.keys() - refused.keys()]
    wrong += [] if skipped.keys() & refused.keys() else ["without the skips nothing is refused, so nothing was judged"]
    print(
        f"{len(found['passed_checks'])} checks passed, {len(skipped)} skipped, {len(wrong)} mistakes", *wrong, sep="\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
