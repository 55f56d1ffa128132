"""How the pages look: what the proxy serves as branding.json and below branding/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import ExportError

LARGEST = 1 << 20


@dataclass(frozen=True)
class Branding:
    """The settings, and the files that they name, by their place in the export."""

    settings: dict[str, Any]
    files: dict[str, bytes]


def read(folder: str) -> Branding:
    """Reads settings and files."""
    place = Path(folder)
    try:
        found = json.loads((place / "branding.json").read_text(encoding="utf-8"))["branding"]
        settings: dict[str, Any] = {"title": found["title"], "colours": found["colours"]}
        named = {"logo": found["logo"], "customCss": found["custom_css"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{place / 'branding.json'} cannot be read ({type(error).__name__})") from None
    files = {}
    for key, address in named.items():
        if address is None:
            continue
        parts = str(address).split("/")
        if len(parts) != 3 or parts[:2] != ["", "branding"] or parts[2] in ("", ".", ".."):
            raise ExportError(f"{key} in branding.json is no file below /branding/")
        name = "/".join(parts[1:])
        try:
            files[name] = (place / name).read_bytes()
        except OSError as error:
            raise ExportError(f"the {key} of the pages cannot be read: {error.strerror}") from None
        if len(files[name]) > LARGEST:
            raise ExportError(f"the {key} of the pages is larger than {LARGEST} bytes")
        settings[key] = name
    return Branding(settings, files)
