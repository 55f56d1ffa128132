"""What the role writes for this program, and the source's credential. An unknown key is refused."""

from __future__ import annotations

import base64
import datetime
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stufpack_signature import Key

from .entries import BESIDE, is_content
from .outcome import refused
from .timetable import Rates, Timetable

FOLLOWING = "run ./migrate content again, which writes the files anew from the package"
GARAGE = "garage"
AZURE = "azure-blob"
STORES = (GARAGE, "aws-s3", AZURE)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Place:
    """One bucket behind an S3 endpoint, or one container of an Azure account, whose name and key are the `Key`."""

    endpoint: str
    bucket: str
    key: Key
    #: The one authority that vouches for the endpoint, as PEM; `None` for those of the system.
    authority: str | None = None


@dataclass(frozen=True)
class Credential:
    """The source, as its operator opened it for reading."""

    installation: str
    ends_at: datetime.datetime
    place: Place


@dataclass(frozen=True)
class Configuration:
    """Everything the program is told."""

    credential: Path
    target: Place
    store: str
    batches: Path
    state: Path
    rclone: Path
    objects: int
    bytes: int
    rates: Rates
    windows: Timetable
    requests_per_second: int
    #: How many objects may be gone, and how many changed; `None` where nobody said a number.
    delete_limit: int | None
    change_limit: int | None = None
    #: The bucket that was exported.
    source_bucket: str | None = None
    needed_until: datetime.datetime | None = None
    #: What somebody has said may stay behind, in the words of `entries.BESIDE`.
    leave: frozenset[str] = frozenset()
    #: Keys of the target that somebody has looked at, which are not the source's and may go.
    remove: frozenset[str] = frozenset()
    rename: bool = False
    source: Credential | None = field(default=None)


def read(path: Path) -> Configuration:
    """Reads the configuration and the secrets of the target."""
    fields = Fields(_load(path), str(path))
    fields.exactly("schema", 1)
    target, expected = fields.part("target"), fields.part("expected")
    store = target.one_of("store", STORES)
    place = Place(
        # Garage is on this machine; every other store is reached over TLS.
        endpoint=_endpoint(target, encrypted=store != GARAGE),
        bucket=_plain(target, "bucket"),
        key=Key(_secret(target, "access_key_file"), _secret(target, "secret_key_file"), _plain(target, "region")),
        authority=target.text("ca") if target.has("ca") else None,
    )
    if store == AZURE:
        _check_account(place.key)
    configuration = Configuration(
        credential=Path(fields.text("credential")),
        target=place,
        store=store,
        batches=Path(fields.text("batches")),
        state=Path(fields.text("state")),
        rclone=Path(fields.text("rclone")),
        objects=expected.number("objects"),
        bytes=expected.number("bytes"),
        rates=Rates.of(_bytes_per_second(fields, "bandwidth_bits_per_second"), _timetable(fields)),
        windows=Timetable.of(fields.texts("windows")),
        requests_per_second=fields.number("requests_per_second", least=1),
        delete_limit=fields.number("delete_limit") if fields.has("delete_limit") else None,
        change_limit=fields.number("change_limit") if fields.has("change_limit") else None,
        source_bucket=_plain(fields, "source_bucket"),
        leave=_left(fields),
        remove=_removed(fields),
        needed_until=_time(fields, "needed_until") if fields.has("needed_until") else None,
        rename=fields.has("rename_keys") and fields.one_of("rename_keys", ("percent-encode",)) == "percent-encode",
    )
    for part in (fields, target, expected):
        part.nothing_else()
    return configuration


def credential(path: Path) -> Credential:
    """Reads the source's credential; that another than its owner can read it is an error."""
    fields = Fields(_load(path), str(path))
    if path.stat().st_mode & 0o077:
        raise refused(f"{path} can be read by others than its owner", f"chmod 600 {path}")
    fields.exactly("schema", 1)
    fields.exactly("kind", "source-read")
    fields.has("ssh")  # for the controller; the copy on the target machine leaves it out
    storage = fields.part("storage")
    storage.text("provider")
    place = Place(
        endpoint=_endpoint(storage, encrypted=True),
        bucket=_plain(storage, "bucket"),
        key=Key(_plain(storage, "access_key_id"), _plain(storage, "secret_access_key"), _plain(storage, "region")),
        authority=storage.text("ca") if storage.has("ca") else None,
    )
    found = Credential(fields.text("installation"), _time(fields, "ends_at"), place)
    for part in (fields, storage):
        part.nothing_else()
    return found


class Fields:
    """One JSON object, read key by key."""

    def __init__(self, given: Any, where: str) -> None:
        if not isinstance(given, dict):
            raise refused(f"{where} is not a JSON object", FOLLOWING)
        self.given: dict[str, Any] = given
        self.where = where
        self.seen: set[str] = set()

    def _get(self, name: str, kind: type, expected: str) -> Any:
        self.seen.add(name)
        value = self.given.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            # The value itself is not shown: it could be a secret.
            raise refused(f"{self.where}: `{name}` is not {expected}", FOLLOWING)
        return value

    def has(self, name: str) -> bool:
        """Whether an optional key is there and not null."""
        self.seen.add(name)
        return self.given.get(name) is not None

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value: str = self._get(name, str, "a text")
        if not value:
            raise refused(f"{self.where}: `{name}` is empty", FOLLOWING)
        return value

    def number(self, name: str, least: int = 0) -> int:
        """A whole number."""
        value: int = self._get(name, int, "a whole number")
        if value < least:
            raise refused(f"{self.where}: `{name}` is less than {least}", FOLLOWING)
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value: list[Any] = self._get(name, list, "a list")
        if not all(isinstance(item, str) for item in value):
            raise refused(f"{self.where}: `{name}` is not a list of texts", FOLLOWING)
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """A word of a closed list."""
        value = self.text(name)
        if value not in choices:
            raise refused(f"{self.where}: `{name}` is none of {', '.join(choices)}", FOLLOWING)
        return value

    def part(self, name: str) -> Fields:
        """An object in the object."""
        return Fields(self._get(name, dict, "an object"), f"{self.where}: {name}")

    def parts(self, name: str) -> list[Fields]:
        """A list of objects in the object."""
        value: list[Any] = self._get(name, list, "a list")
        return [Fields(item, f"{self.where}: {name}[{index}]") for index, item in enumerate(value)]

    def exactly(self, name: str, value: object) -> None:
        """A key with one allowed value."""
        self.seen.add(name)
        if self.given.get(name) != value:
            raise refused(f"{self.where}: `{name}` is not {value}", FOLLOWING)

    def nothing_else(self) -> None:
        """Refuses what was not asked for."""
        unknown = sorted(set(self.given) - self.seen)
        if unknown:
            raise refused(f"{self.where}: unknown key `{unknown[0]}`", FOLLOWING)


def _left(fields: Fields) -> frozenset[str]:
    said = fields.texts("leave_behind") if fields.has("leave_behind") else []
    if not BESIDE.keys() >= set(said):
        raise refused(f"{fields.where}: `leave_behind` names something else than {' and '.join(BESIDE)}", FOLLOWING)
    return frozenset(said)


def _removed(fields: Fields) -> frozenset[str]:
    said = fields.texts("remove") if fields.has("remove") else []
    if not all(map(is_content, said)):
        raise refused(f"{fields.where}: `remove` names what is no content", FOLLOWING)
    return frozenset(said)


def _bytes_per_second(fields: Fields, name: str) -> int:
    return fields.number(name, least=8) // 8


def _timetable(fields: Fields) -> list[tuple[str, int]]:
    timed = []
    for part in fields.parts("bandwidth_timetable"):
        timed.append((part.text("time"), _bytes_per_second(part, "bits_per_second")))
        part.nothing_else()
    return timed


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise refused(f"{path} cannot be read: {error.strerror}", FOLLOWING) from None
    except ValueError:
        # Without the parser's message, which shows a piece of the text.
        raise refused(f"{path} is not JSON", FOLLOWING) from None


def _secret(fields: Fields, name: str) -> str:
    path = Path(fields.text(name))
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise refused(f"secret {path.name} cannot be read at {path}", "./migrate prepare") from None
    return _checked(value, f"secret {path.name}")


def _plain(fields: Fields, name: str) -> str:
    return _checked(fields.text(name), f"{fields.where}: `{name}`")


def _checked(value: str, what: str) -> str:
    """What goes into rclone's configuration cannot end its line, nor be taken for a quoted text."""
    if not re.fullmatch(r"[!#$&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~-]+", value) or value[0] in "#;[":
        raise refused(f"{what} is empty or holds characters that cannot stand in it", FOLLOWING)
    return value


def _check_account(key: Key) -> None:
    """An account's name stands in paths, and its key is written in base64; neither is shown."""
    try:
        base64.b64decode(key.secret_key, validate=True)
        whole = re.fullmatch(r"[0-9a-z]{3,24}", key.access_key) is not None
    except ValueError:
        whole = False
    if not whole:
        raise refused("the keys of the target's store are not name and key of a storage account", "./migrate prepare")


def _endpoint(fields: Fields, *, encrypted: bool) -> str:
    value = _plain(fields, "endpoint")
    try:
        parts = urllib.parse.urlsplit(value)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query:
        raise refused(f"{fields.where}: `endpoint` is not of the form https://HOST:PORT", FOLLOWING)
    if encrypted and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise refused(f"{fields.where}: `endpoint` is not https", "ask whoever gave the endpoint for one with TLS")
    return value.rstrip("/")


def _time(fields: Fields, name: str) -> datetime.datetime:
    try:
        value = datetime.datetime.fromisoformat(fields.text(name))
    except ValueError:
        value = datetime.datetime.min
    if value.tzinfo is None:
        raise refused(f"{fields.where}: `{name}` is not a time such as 2026-12-19T21:04:00Z", FOLLOWING)
    return value
