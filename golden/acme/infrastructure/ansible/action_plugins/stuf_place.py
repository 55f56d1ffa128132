"""Sends trees of files to the target: the controller's half of the module of this name."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# One call carries this much; lists of millions of objects take several.
PORTION = 16_000_000


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads the files here, hands their bytes to the module there."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the module with the content of `trees` instead of their names."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        totals = {"placed": 0, "removed": 0}
        changed = False
        for trees in _portions(given.get("root", ""), given["trees"]):
            result.update(
                self._execute_module(module_name="stuf_place", module_args={"trees": trees}, task_vars=task_vars or {})
            )
            totals = {word: number + int(result.get(word, 0)) for word, number in totals.items()}
            changed = changed or bool(result.get("changed"))
            if result.get("failed") or result.get("unreachable"):
                return result
        result.update(totals, changed=changed)
        return result


def _portions(root: str, trees: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """All trees, cut where a call would carry too much; what else stands in a whole tree goes with its last files."""
    portion: list[dict[str, Any]] = []
    size = 0
    for tree in trees:
        common = {key: value for key, value in tree.items() if key not in ("source", "name", "text", "whole")}
        files: list[dict[str, str]] = []
        names: list[str] = []
        for path, content in _files(root, tree):
            if size and size + len(content) > PORTION:
                yield [*portion, {**common, "files": files}]
                portion, files, size = [], [], 0
            files.append({"path": path, "content": base64.b64encode(content).decode()})
            names.append(path)
            size += len(content)
        portion.append({**common, "files": files, **({"only": names} if tree.get("whole") else {})})
    yield portion


def _files(root: str, tree: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Every file of a tree by its place in it; a single file, or a text with a name, is a tree of one."""
    if "text" in tree:
        yield str(tree["name"]), str(tree["text"]).encode()
        return
    source = Path(root) / tree["source"]
    if source.is_file():
        yield source.name, source.read_bytes()
    elif source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(source)), path.read_bytes()
    else:
        raise AnsibleActionFail(f"{source} is not in the package")
