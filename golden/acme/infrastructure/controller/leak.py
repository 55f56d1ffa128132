"""Finds known secrets in what is about to leave the state folder, in every usual encoding.

The values are those of the state folder: `secrets/`, the key of a certificate that was provided, and what Terraform's
state and plans mark as sensitive. What is found is told by its name, its encoding and its line, never shown. Values
shorter than eight bytes stand in texts by accident and are not searched for.
"""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sensitive

SHORTEST = 8
# `openssh-key-v1`, in base64.
OPENSSH = b"b3BlbnNzaC1rZXktdjE"
# Keys of a credential in JSON whose values are secret; the others say where and until when.
_SECRET_KEY = re.compile(r"private_key|secret|password|token|access_key")
# No word goes on further left; an escape such as `\\n` or `%3C` is no part of one.
_ALONE = rb"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\[nrtbf]))"
# Known by how they begin, whosever they are: what a glass refuses too. Written so that this file holds none itself.
_FORMS = tuple((name, re.compile(form, re.DOTALL)) for name, form in (
    ("private key", rb"-----BEGIN (?:(?!-----).){0,30}PRIVATE KEY"),
    ("private key", rb"---- BEGIN SSH2 (?:(?!----).){0,28}PRIVATE KEY"),
    ("private key", rb"PuTTY-User-Key-Fil[e]-"),
    ("age identity", rb"AGE-SECRET-KEY-[1][A-Za-z0-9]{20}"),
    ("age identity", rb"AGE-PLUGIN-[A-Za-z0-9-]{20}"),
    ("GitHub token", rb"github_pat_[A-Za-z0-9_]{20}"),
    ("API key", rb"sk_live_[A-Za-z0-9]{16}"),
    ("AWS access key id", _ALONE + rb"(?:AKIA|ASIA)[A-Za-z0-9]{16}"),
    ("GitHub token", _ALONE + rb"gh[posur]_[A-Za-z0-9]{36}"),
    ("GitLab token", _ALONE + rb"glpat-[A-Za-z0-9_-]{20}"),
    ("Slack token", _ALONE + rb"xox[bp]-[A-Za-z0-9-]{20}"),
    ("JSON Web Token", _ALONE + rb"eyJ(?=[\w.-]{40})[\w-]*\.[\w-]*\.[\w-]*(?![\w.-])"),
))  # fmt: skip
# Whole begins of keys that are searched for in other encodings too.
_DASHES = b"-" * 5
_ENCODED = {
    "private key": [
        _DASHES + b"BEGIN " + kind + b"PRIVATE KEY" + _DASHES
        for kind in (b"", b"RSA ", b"EC ", b"OPENSSH ", b"ENCRYPTED ")
    ],
    "age identity": [b"AGE-SECRET-KEY" + b"-1"],
}
_AUTHORITY = re.compile(rb"://([^ \t\n\x0c\r/\\?#\"'<>`|]*)")
_LONGEST_AUTHORITY = 1024
# What stands for a password in an example, or is filled in.
_NO_PASSWORD = re.compile(r"[*.x]*|(?:\$\{|\$\(|\{\{|%24%7B).*", re.DOTALL)


@dataclass(frozen=True)
class Hit:
    """A secret that was found, without its text."""

    path: str
    line: int | None  # none where it stands over several
    name: str
    encoding: str

    def __str__(self) -> str:
        """Where it stands; nothing of what it is."""
        place = "over several lines" if self.line is None else f"line {self.line}"
        return f"{self.name} ({self.encoding}) in {self.path}, {place}"


def known(root: Path) -> dict[str, list[bytes]]:
    """Values to look for, by where they stand; a file that cannot be read is an error, since nothing finds it."""
    files = [path for path in sorted((root / "secrets").rglob("*")) if path.is_file()]
    files += [path for path in (root / "local/tls/key.pem",) if path.is_file()]
    values = {}
    for path in files:
        content = path.read_bytes().strip()
        found = _last_cells(content) if path.suffix == ".csv" else list(_values(content))
        values[str(path.relative_to(root))] = [value for value in found if len(value) >= SHORTEST]
    for name, text in sensitive.known(root):
        parts = (value for value in _values(text.strip().encode()) if len(value) >= sensitive.SHORTEST)
        # The same stands in the state, in each of its copies, and in plans.
        before = values.setdefault(f"Terraform's {name}", [])
        before += [value for value in parts if value not in before]
    return values


def _last_cells(content: bytes) -> list[bytes]:
    """One-time passwords: one user on each line, the password last, whatever program has saved the list again."""
    lines = content.replace(b"\0", b"").splitlines()
    return [re.split(rb"[,;\t]", line)[-1].strip(b'" ') for line in lines]


def _values(content: bytes) -> Iterator[bytes]:
    """A value as a whole; of keys over several lines and of credentials in JSON also the parts that tell enough."""
    yield content
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if isinstance(document, dict):
        yield from (part for text in _secret_leaves(document) for part in _values(text.encode()))
        return
    lines = [line.strip() for line in content.splitlines()]
    if len(lines) > 1:
        told = (line for line in lines if len(line) >= 2 * SHORTEST and not line.startswith(b"-----"))
        # The first line of a key of OpenSSH says how it is kept, and is the same for all that are kept so.
        yield from (line for line in told if not line.startswith(OPENSSH))


def _secret_leaves(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _secret_leaves(value)
        elif isinstance(value, str) and _SECRET_KEY.search(key):
            yield value.strip()


def encodings(value: bytes) -> Iterator[tuple[str, bytes]]:
    """A value as it stands in files of every usual format."""
    digits = value.hex()
    yield "plain", value
    for form in (digits, digits.upper()):
        pairs = [form[place : place + 2] for place in range(0, len(form), 2)]
        yield "hexadecimal", form.encode()
        for between, before in ((":", ""), (" ", ""), ("", "\\x"), ("", "%")):
            yield "escapes" if before else "hexadecimal", between.join(before + pair for pair in pairs).encode()
    # What stands before a value shifts it by up to two bytes; characters that it shares with neighbours are cut.
    for shift, first in enumerate((0, 2, 3)):
        moved = bytes(shift) + value
        shared = 1 if len(moved) % 3 else 0
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            characters = encode(moved).rstrip(b"=")
            yield name, characters[first : len(characters) - shared]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    yield from _text_encodings(text)


def _text_encodings(text: str) -> Iterator[tuple[str, bytes]]:
    for ascii_only in (True, False):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield "JSON", written.encode()
        yield "JSON", written.replace("/", "\\/").encode()
        # A result in a message in a result: escaped twice.
        yield "JSON", json.dumps(written)[1:-1].encode()
    units = text.encode("utf-16-be").hex()
    for form in (units, units.upper()):
        yield "JSON", "".join("\\u" + form[place : place + 4] for place in range(0, len(form), 4)).encode()
    yield "Python", repr(text)[1:-1].encode()
    for safe in ("", "/"):
        quoted = urllib.parse.quote(text, safe=safe)
        yield "URL", quoted.encode()
        yield "URL", re.sub("%..", lambda found: found[0].lower(), quoted).encode()
    yield "URL", urllib.parse.quote_plus(text).encode()
    for quotes in (True, False):
        yield "HTML", html.escape(text, quote=quotes).encode()
    yield "HTML", html.escape(text).replace("&#x27;", "&#39;").encode()
    for old, new in (("'", "''"), ("'", "'\\''"), ("'", "'\"'\"'"), ("$", "$$")):
        yield "quoted", text.replace(old, new).encode()


@dataclass(frozen=True)
class _Needle:
    text: bytes
    name: str
    encoding: str


Needles = dict[bytes, list[_Needle]]


def search(files: Mapping[str, bytes], values: Mapping[str, list[bytes]]) -> list[Hit]:
    """Every known secret in the files, one place of each; a private key of any origin counts as one."""
    return search_for(files, needles(values))


def needles(values: Mapping[str, list[bytes]]) -> Needles:
    """What to look for: the values in every encoding, by how these begin; made once for several searches."""
    found: Needles = {}
    for name, texts in (*values.items(), *_ENCODED.items()):
        for value in texts:
            for encoding, text in encodings(value):
                if len(text) >= SHORTEST:
                    found.setdefault(text[:SHORTEST], []).append(_Needle(text, name, encoding))
    return found


def search_for(files: Mapping[str, bytes], needles: Needles) -> list[Hit]:
    """As `search`, for needles that were made before."""
    hits: dict[tuple[str, str], Hit] = {}
    for path, data in files.items():
        for name, form in _FORMS:
            key = form.search(data)
            if key:
                hits.setdefault((path, name), Hit(path, _line(data, key.start()), name, "plain"))
        for url in _AUTHORITY.finditer(data):
            if _has_password(url[1]):
                name = "password in a URL"
                hits.setdefault((path, name), Hit(path, _line(data, url.start()), name, "plain"))
        for place, needle in _places(data, needles):
            hits.setdefault((path, needle.name), Hit(path, _line(data, place), needle.name, needle.encoding))
        # Encoders wrap lines, also inside of a text that was quoted.
        for _, needle in _places(re.sub(rb"\\[rn]|\s", b"", data), needles):
            hits.setdefault((path, needle.name), Hit(path, None, needle.name, needle.encoding))
    return list(hits.values())


def _has_password(authority: bytes) -> bool:
    """Whether user and password stand before the `@` of a URL; a port and another address after it are none."""
    try:
        user, at, host = authority[:_LONGEST_AUTHORITY].decode().rpartition("@")
    except UnicodeDecodeError:
        return False
    password = user.partition(":")[2]
    first = re.split("[,;]", password)[0]
    port = len(first) < len(password) and re.fullmatch("[0-9]*", first) is not None
    stands = bool(at) and ":" in user and not port and _NO_PASSWORD.fullmatch(password) is None
    return stands and (host[:1].isalnum() or host[:1] == "[")


def _places(data: bytes, needles: Needles) -> Iterator[tuple[int, _Needle]]:
    """Where needles stand: one pass whatever their number, since there may be a password for each of many users."""
    for place in range(len(data) - SHORTEST + 1):
        for needle in needles.get(data[place : place + SHORTEST], ()):
            if data.startswith(needle.text, place):
                yield place, needle


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
