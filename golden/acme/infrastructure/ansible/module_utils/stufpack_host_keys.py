"""Host keys of a machine that was just made: read from what it shows at its first boot, pinned once, never changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path

from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError

# As cloud-init shows them, on machines of every provider.
_BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
# Kinds in the order in which they are pinned.
_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_KEY = re.compile(rf"(?<!\S)({'|'.join(_KINDS)}) ([A-Za-z0-9+/]+={{0,3}})(?!\S)")


class Refused(StufError):
    """A machine shows other keys than those that are pinned."""


def shown(console: str) -> list[str]:
    """The keys of the last whole list on a console; what a message of the kernel cut in two is no key."""
    blocks = _BLOCK.findall(console)
    found = {f"{kind} {text}" for kind, text in _KEY.findall(blocks[-1])} if blocks else set()
    return sorted(filter(_is_whole, found), key=lambda key: (_KINDS.index(key.partition(" ")[0]), key))


def _is_whole(key: str) -> bool:
    """Whether the parts of a key, each with its length before it, fill it exactly, and the first is its kind."""
    kind, _, text = key.partition(" ")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    parts = []
    while len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[:4], "big"):
        size = int.from_bytes(data[:4], "big")
        parts.append(data[4 : 4 + size])
        data = data[4 + size :]
    return not data and len(parts) >= 2 and parts[0] == kind.encode()


def pinned(known_hosts: Path, address: str) -> list[str]:
    """The keys that are pinned for an address, however they came there."""
    if not known_hosts.is_file():
        return []
    words = [line.split() for line in known_hosts.read_text(encoding="utf-8").splitlines()]
    return [" ".join(parts[1:3]) for parts in words if len(parts) >= 3 and address in parts[0].split(",")]


def pin(known_hosts: Path, address: str, keys: Sequence[str]) -> bool:
    """Pins the keys that a machine shows, where none are; whether it did. Raises `Refused` for others than those."""
    there = pinned(known_hosts, address)
    if there and set(there) <= set(keys):
        return False
    if there:
        raise Refused(f"{address} shows other host keys than those that are pinned for it in {known_hosts}")
    before = known_hosts.read_text(encoding="utf-8") if known_hosts.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    write_whole(known_hosts, before + "".join(f"{address} {key}\n" for key in keys))
    return True
