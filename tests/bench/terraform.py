"""Terraform on the Trust Architect's machine: this machine's program, with its mirror of providers, and no registry."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .paths import REPOSITORY, instance_folder
from .shell import BenchError

sys.path.append(str(REPOSITORY / "tests" / "terraform"))
import workshop  # noqa: E402 (after the path)

MIRROR = "/opt/providers"
#: Where Terraform looks by itself, in every home.
SETTINGS = """provider_installation {
  filesystem_mirror {
    path = "MIRROR"
  }
}
"""


def shown_on_the_laptop() -> dict[Path, str]:
    """What of this machine the laptop is shown, and where; what is missing is an error."""
    program, mirror = shutil.which("terraform"), workshop.mirror()
    if program is None or mirror is None:
        missing = "terraform on PATH" if program is None else "its provider hashicorp/aws in a mirror"
        raise BenchError(
            f"{missing} is needed and was not found; no registry of packages has it; next: docs/testing.md"
        )
    settings = instance_folder() / "terraformrc"
    settings.write_text(SETTINGS.replace("MIRROR", MIRROR))
    return {
        Path(program).resolve(): "/usr/local/bin/terraform",
        mirror: MIRROR,
        settings: "/home/architect/.terraformrc",
    }
