"""Holds the lease of an installation for this controller: its half of the module of this name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# What is kept at the target and can be taken over from there; nothing else is believed to be one of these.
KEPT = re.compile(r"packages/[1-9][0-9]{0,8}/journal\.jsonl|approve-[a-z]{1,20}|HOLD|PANIC")
PLACES = ("packages/*/journal.jsonl", "approve-*", "HOLD", "PANIC")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads lease, journal and gates here, hands them to the module there, and writes here what is taken over."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the module for the package's own lease, with the journals of all packages."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        root, number, state = Path(given.get("root", "")), given.get("package"), given["state"]
        arguments = {"state": state, "lease": {"holder": given.get("holder")}}
        arguments |= {name: given[name] for name in ("back", "mark") if name in given}
        if state in ("held", "taken"):
            arguments["lease"] = json.loads((root / f"packages/{number}/lease.json").read_bytes())
            arguments["files"] = list(_files(root))
        result.update(self._execute_module(module_name="stuf_lease", module_args=arguments, task_vars=task_vars or {}))
        if state == "fetched" and not result.get("failed") and not result.get("unreachable"):
            _write(Path(given["into"]), result)
        return result


def _files(root: Path) -> Iterator[dict[str, str]]:
    """The journal of each package, and what people have decided."""
    for pattern in PLACES:
        for path in sorted(root.glob(pattern)):
            # An editor may have left others beside them.
            if path.is_file() and KEPT.fullmatch(str(path.relative_to(root))):
                content = path.read_bytes()
                if path.suffix == ".jsonl":  # without a line that is being written
                    content = content[: content.rfind(b"\n") + 1]
                yield {"path": str(path.relative_to(root)), "content": base64.b64encode(content).decode()}


def _write(into: Path, result: dict[str, Any]) -> None:
    """What was fetched, into an empty folder; the files themselves stay out of the log."""
    files = result.pop("files")
    for file in files:
        if not KEPT.fullmatch(file["path"]):
            raise ValueError("the target names a file that no controller keeps there")
        path = into / file["path"]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(file["content"]))
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {name: result[name] for name in ("own", "mark", "line")}
    (into / "lease.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    result["kept"] = [file["path"] for file in files]
