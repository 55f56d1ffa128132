"""XML that stores answer with."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree


def parse(body: bytes) -> ElementTree.Element:
    """The tree of an answer without namespaces, which stores write differently."""
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
        return text(parse(body), "Code")
    except ElementTree.ParseError:
        return ""
