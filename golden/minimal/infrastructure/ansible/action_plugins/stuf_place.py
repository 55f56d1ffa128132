"""Sends a tree of files to the target in one go: the controller's half of the module of this name."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads the files here, hands their bytes to the module there."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the module with the content of `trees` instead of their names."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        root = Path(given.pop("root"))
        trees = []
        for tree in given["trees"]:
            files = [
                {"path": str(path), "content": base64.b64encode(source.read_bytes()).decode()}
                for path, source in _files(root / tree["source"])
            ]
            trees.append({**{key: value for key, value in tree.items() if key != "source"}, "files": files})
        result.update(
            self._execute_module(module_name="stuf_place", module_args={"trees": trees}, task_vars=task_vars or {})
        )
        return result


def _files(source: Path) -> list[tuple[Path, Path]]:
    """Every file of a tree by its place in it; a single file is a tree of one."""
    if source.is_file():
        return [(Path(source.name), source)]
    if not source.is_dir():
        raise AnsibleActionFail(f"{source} is not in the package")
    return [(path.relative_to(source), path) for path in sorted(source.rglob("*")) if path.is_file()]
