"""XML that stores answer with."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from .wire import Wire

#: What a store calls an error of its own that passes, also in an answer that began with 200.
PASSING = frozenset({"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"})


def parse(body: bytes, wire: Wire) -> ElementTree.Element:
    """The tree of an answer that came over this wire, without namespaces, which stores write differently."""
    try:
        return _tree(body)
    except ElementTree.ParseError:
        raise wire.error(200, "", f"{wire.host} answered with something that is not XML, or not whole") from None


def _tree(body: bytes) -> ElementTree.Element:
    tree = ElementTree.fromstring(body)  # noqa: S314 (from a store we are to trust, by an expat that bounds entities)
    for node in tree.iter():
        node.tag = node.tag.rsplit("}", 1)[-1]
    return tree


def text(tree: ElementTree.Element, name: str) -> str:
    """The text of a node below, empty where there is none."""
    return tree.findtext(name) or ""


def error_code(body: bytes) -> str:
    """What an answer calls the error that it tells, empty where it tells none."""
    try:
        return text(_tree(body), "Code")
    except ElementTree.ParseError:
        return ""


def late_status(body: bytes) -> int:
    """What a body says that came after a 200: an error of the store that passes, half an answer, or what it is."""
    try:
        tree = _tree(body)
    except ElementTree.ParseError:
        return 502
    return 503 if text(tree, "Code") in PASSING else 200
