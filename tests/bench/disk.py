"""A second disk of the customer's server: a file of this machine, as a block device."""

from __future__ import annotations

from pathlib import Path

from . import server
from .paths import instance_folder
from .shell import run

#: As large as the target of the story asks for; the file has the bytes that were written.
GIB = 10


def _file() -> Path:
    return instance_folder() / "disk.img"


def attach() -> str:
    """A new, blank disk; its device on this machine."""
    detach()
    file = _file()
    with file.open("wb") as new:
        new.truncate(GIB << 30)
    return run(["losetup", "--find", "--show", file]).stdout.decode().strip()


def detach() -> None:
    """Takes the disk away, if it is there; whoever had it mounted is gone by now."""
    for device in _devices():
        run(["losetup", "--detach", device])
    _file().unlink(missing_ok=True)


def options(device: str) -> list[str]:
    """The `docker run` words that hand it to a machine."""
    return ["--device", f"{device}:{device}"]


def call(device: str, name: str) -> None:
    """Gives it a name on the server, as udev does, which a container has not."""
    server.inside("sh", "-euc", 'install -d "$(dirname "$2")" && ln -sfn "$1" "$2"', "sh", device, name)


def holds(folder: str) -> bool:
    """Whether a folder of the server lies on it."""
    mounts = server.inside("sh", "-c", f"findmnt --noheadings --output MAJ:MIN --target {folder}")
    return mounts.split()[-1:] == [_number()]


def identity() -> str:
    """The UUID of the file system on it, which a new one would not have."""
    return run(["blkid", "--probe", "--output", "value", "--match-tag", "UUID", *_devices()]).stdout.decode().strip()


def _number() -> str:
    return run(["lsblk", "--noheadings", "--nodeps", "--output", "MAJ:MIN", *_devices()]).stdout.decode().strip()


def _devices() -> list[str]:
    if not _file().exists():
        return []
    listed = run(["losetup", "--list", "--noheadings", "--output", "NAME", "--associated", _file()])
    return listed.stdout.decode().split()
