"""Holds placed files against the package's sums: the controller's half of the module of this name.

The sums are what `./migrate` has verified, before anything ran; personal files have a list of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

SUMS = ("SHA256SUMS", "SHA256SUMS.personal")
# Exit status of a precheck's no, and what puts it right.
REFUSED, NEXT = 12, "./migrate deploy"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads the sums here, has the module compare there."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the module, makes a check of its answer, and refuses unless that is left to the check."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        wanted = listed(Path(given["root"]), given["trees"])
        arguments = {
            "folders": [tree["target"] for tree in given["trees"]],
            "paths": list(wanted),
            "digests": list(wanted.values()),
        }
        result.update(self._execute_module(module_name="stuf_placed", module_args=arguments, task_vars=task_vars or {}))
        if result.get("failed") or result.get("unreachable"):
            return result
        wrong = result["otherwise"]
        result["checks"] = [check(len(wanted), wrong)]
        if wrong and given.get("refuse", True):
            said = f"refused: files at the target are not as the package has them: {'; '.join(wrong)}. Next: {NEXT}"
            result.update(failed=True, msg=said, stufpack_exit=REFUSED, stufpack_next=NEXT)
        return result


def listed(root: Path, trees: list[dict[str, Any]]) -> dict[str, str]:
    """Digests by the places at the target of all files that the signed sums list below the trees' sources."""
    lines = [line for name in SUMS for line in (root / name).read_text(encoding="utf-8").splitlines()]
    found: dict[str, str] = {}
    for tree in trees:
        below = f"{tree['source']}/"
        # A name that the sums write with escapes begins otherwise: its file then counts as one that is not listed.
        files = {line[66:].removeprefix(below): line[:64] for line in lines if line[66:].startswith(below)}
        if not files:
            raise AnsibleActionFail(f"the package's sums list nothing below {below}")
        found |= {f"{tree['target']}/{name}": digest for name, digest in files.items()}
    return found


def check(count: int, wrong: list[str]) -> dict[str, Any]:
    """What was found, for the report."""
    files = "file" if count == 1 else "files"
    return {
        "id": "placed/files",
        "expected": f"each of {count} {files} read at the target has the digest of the package, and no other is there",
        "observed": f"{len(wrong)} otherwise ({'; '.join(wrong)})" if wrong else "so it is",
        "verdict": "fail" if wrong else "pass",
    }
