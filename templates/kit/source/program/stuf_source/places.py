"""Where things are on this machine; tests look elsewhere by naming another root."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import Locked

ACCOUNT = "stuf-source"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Places:
    """Every file and folder of the kit, below `root`."""

    root: Path = Path("/")

    @property
    def program(self) -> Path:
        """The programs, and `serve`, which the forced command calls."""
        return self.root / "usr/local/lib/stuf-source"

    @property
    def settings(self) -> Path:
        """What the operator said."""
        return self.root / "etc/stuf-source/settings.json"

    @property
    def authorized_keys(self) -> Path:
        """Read by sshd alone, for the account alone; written here alone."""
        return self.root / "etc/stuf-source/authorized_keys"

    @property
    def state(self) -> Path:
        """What has to outlive a restart."""
        return self.root / "var/lib/stuf-source"

    @property
    def host_keys(self) -> Path:
        """Whose public halves tell this machine from others."""
        return self.root / "etc/ssh"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One changing verb at a time."""
        with os.fdopen(os.open(self.state / "lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            end = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise Locked("another verb is at work; next: the same once more") from None
                    time.sleep(0.1)
            yield


def write(path: Path, text: str, mode: int = 0o600, group: int = -1) -> None:
    """A whole file or none, on the disk before it has its name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            if group >= 0:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def rendered(content: Any) -> str:
    """A document as text."""
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
