"""What is asked of a store, whatever its kind, and the client that asks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from . import azure, s3
from .configuration import AZURE, Place
from .entries import Entry
from .limits import Stopping
from .patience import Patience
from .wire import Answer


class Store(Protocol):
    """One bucket, or container, and the way to it."""

    #: The store's own clock at the last listing's begin, in seconds.
    listed_at: float

    def listing(self, prefix: str = "") -> Iterator[Entry]:
        """Every object in the store's order; without content type and metadata."""

    def head(self, key: str, modified: str = "") -> Entry | None:
        """What the store says of one object, `None` where there is none."""

    def reading(self, key: str, modified: str = "") -> AbstractContextManager[tuple[Entry, Answer] | None]:
        """An object opened for reading, `None` where there is none."""

    def put(self, key: str, body: bytes, like: Entry) -> str:
        """Stores an object with type, metadata and headers of `like`, and returns its ETag."""

    def put_in_parts(self, key: str, pieces: Iterable[bytes], like: Entry) -> str:
        """Stores a large object piece by piece, and returns its ETag; nothing is seen of it before it is whole."""

    def delete(self, key: str) -> None:
        """Deletes an object; a missing one is fine."""

    def copy(self, key: str, to: str) -> None:
        """Copies an object inside the bucket with everything that belongs to it."""

    def describe(self, key: str, like: Entry) -> None:
        """Gives an object the metadata of `like`, whose type and headers it has."""

    def abandon_uploads(self, keys: set[str], below: str) -> int:
        """Gives up what an interrupted run left open for these keys, or below this; says how many that were."""


def opened(
    kind: str, place: Place, requests_per_second: int, stopping: Stopping, patience: Patience, side: str
) -> Store:
    """The client of a store of this kind, of the source or of the target."""
    client: type[azure.Store] | type[s3.Store] = azure.Store if kind == AZURE else s3.Store
    return client(place, requests_per_second, stopping, patience, side)
