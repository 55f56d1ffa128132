"""What S3 answers in XML, and nothing else: Ansible's modules and the programs that read buckets all ask here.

A page of HTML, a listing of which the rest is missing and a page that comes twice would be taken for small or empty
buckets. It imports nothing of Ansible, so that roles and the source kit place this very file beside their programs.
"""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import NamedTuple

#: Sorting it here would not do: where a store goes on after a page by another order than that of its pages, keys that
#: lie between are in none of them, and nothing shows it.
UNORDERED = (
    "lists keys out of the order of their bytes, or a page twice (that order is S3's, and without it nothing shows "
    "that no key is missing; of a store that sorts by folders, `a/b` before `a-b`, the files have to be copied into "
    "one that sorts as S3 does, and the export made from there)"
)


class AnswerError(Exception):
    """Not what was asked for. The text follows a name of the store, and names no key."""


class Listed(NamedTuple):
    """One object as a listing has it; bytes of its key that are not UTF-8 are kept as surrogates."""

    key: str
    size: int
    modified: str
    etag: str


def document(body: bytes, name: str) -> ElementTree.Element:
    """The answer whose outermost element has this name, without namespaces, which stores write differently."""
    try:
        tree = ElementTree.fromstring(body)  # noqa: S314 (from a store we are to trust, by an expat that bounds entities)
    except ElementTree.ParseError:
        raise AnswerError(f"answered with something that is not XML, and not with a {name}") from None
    for node in tree.iter():
        node.tag = node.tag.rsplit("}", 1)[-1]
    if tree.tag != name:
        raise AnswerError(f"answered with another document, and not with a {name}")
    return tree


def objects(ask: Callable[[dict[str, str]], bytes], prefix: str = "") -> Iterator[Listed]:
    """Every object in the order of the store, which is that of the keys' bytes; stops where the listing is not whole.

    `ask` sends the parameters of a ListObjectsV2 and returns what is answered with 200.
    """
    token, last = "", b""
    while True:
        query = {"list-type": "2", "encoding-type": "url"}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"continuation-token": token} if token else {}
        tree = document(ask(query), "ListBucketResult")
        encoded = tree.findtext("EncodingType") == "url"
        for node in tree.iterfind("Contents"):
            found = _listed(node, encoded)
            # So a page that comes twice, and a key that does, are found without keeping all keys.
            key = found.key.encode(errors="surrogateescape")
            if key <= last:
                raise AnswerError("lists a key twice" if key == last else UNORDERED)
            last = key
            yield found
        before, token = token, tree.findtext("NextContinuationToken") or ""
        more = tree.findtext("IsTruncated")
        if more not in ("true", "false"):
            raise AnswerError("lists keys, and says not by true or false whether more follows")
        if not token and more == "false":
            return
        if token in ("", before):
            raise AnswerError("says of its listing that more follows, and not where")


def _listed(node: ElementTree.Element, encoded: bool) -> Listed:
    key, size, modified = (node.findtext(name) for name in ("Key", "Size", "LastModified"))
    if not key or not size or not size.isdecimal() or not modified:
        raise AnswerError("lists an object without key, size or time")
    name = urllib.parse.unquote_plus(key, errors="surrogateescape") if encoded else key
    return Listed(name, int(size), modified, (node.findtext("ETag") or "").strip('"'))
