"""Loads the package's Ansible modules without Ansible: what they import from it is replaced by stand-ins."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2] / "templates" / "infrastructure" / "ansible"


class ActionBase:
    """What an action plugin has from Ansible, as far as ours use it."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Nothing yet."""
        return {}


def _prepare() -> None:
    for name in ("ansible", "ansible.module_utils", "ansible.module_utils.basic"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["ansible.module_utils.basic"].AnsibleModule = object  # type: ignore[attr-defined]
    for name in ("ansible.errors", "ansible.plugins", "ansible.plugins.action"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["ansible.errors"].AnsibleActionFail = RuntimeError  # type: ignore[attr-defined]
    sys.modules["ansible.plugins.action"].ActionBase = ActionBase  # type: ignore[attr-defined]
    for name in (
        "stufpack_files",
        "stufpack_http",
        "stufpack_docker",
        "stufpack_signature",
        "stufpack_answers",
        "stufpack_s3",
        "stufpack_keycloak",
        "stufpack_realm",
        "stufpack_public",
        "stufpack_terraform",
        "stufpack_host_keys",
        "stufpack_aws",
        "stufpack_provider",
    ):
        whole = f"ansible.module_utils.{name}"
        if whole not in sys.modules:
            _load(whole, ROOT / "module_utils" / f"{name}.py")


def _load(name: str, path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def action(name: str) -> ModuleType:
    """One of the package's action plugins."""
    _prepare()
    return _load(f"action_{name}", ROOT / "action_plugins" / f"{name}.py")


def module(name: str) -> ModuleType:
    """One of the package's modules or module utilities."""
    _prepare()
    whole = f"ansible.module_utils.{name}"
    return sys.modules.get(whole) or _load(name, ROOT / "library" / f"{name}.py")
