"""Keycloak's representations, read from the type definitions (`*.d.ts`) of its own admin client.

Reads the TypeScript that stands there and nothing more: whoever asks for a type that was not understood gets an error.

A type is written as JSON: `"string"`, `"number"`, `"boolean"` or `"any"`, a literal `{"word": W}`, `{"list": T}`,
`{"map": T}`, `{"one": [T, …]}`, `{"named": NAME}`, or an object `{"fields": {NAME: T}, "needed": [NAME]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

Type = Any
PLAIN = {"string": "string", "number": "number", "boolean": "boolean", "any": "any", "unknown": "any", "object": "any"}
TOKEN = re.compile(r'\s+|/\*.*?\*/|//[^\n]*|("[^"\n]*"|\w+|=>|[^\s\w])', re.S)
NAME = re.compile(r"\w+")


class NotUnderstoodError(Exception):
    """A definition in words that this reader does not know."""


def read(files: dict[str, str], roots: Iterable[str]) -> dict[str, Type]:
    """The types of those names, and all that they are made of, from definitions by file."""
    known: dict[str, list[Type]] = {}
    unread = []
    for file, text in files.items():
        try:
            for name, kind in _File(text).declarations():
                if kind not in known.setdefault(name, []):
                    known[name].append(kind)
        except NotUnderstoodError as error:
            unread.append(f"{file}: {error}")
    found: dict[str, Type] = {}
    open_names = list(roots)
    while open_names:
        name = open_names.pop()
        if name in found:
            continue
        kinds = known.get(name, [])
        if len(kinds) != 1:
            skipped = "; ".join(unread) or "nothing"
            raise NotUnderstoodError(f"{name} is defined {len(kinds)} times; not understood: {skipped}")
        found[name] = _whole(kinds[0], known)
        open_names += _named(found[name])
    return found


def _whole(kind: Type, known: dict[str, list[Type]]) -> Type:
    """An interface with what it takes from another one."""
    if not isinstance(kind, dict) or "extends" not in kind:
        return kind
    above = known.get(kind["extends"], [])
    if len(above) != 1:
        raise NotUnderstoodError(f"{kind['extends']} is defined {len(above)} times")
    base = _whole(above[0], known)
    return {"fields": base["fields"] | kind["fields"], "needed": sorted({*base["needed"], *kind["needed"]})}


def _named(kind: Type) -> list[str]:
    if isinstance(kind, list):
        return [name for inner in kind for name in _named(inner)]
    if not isinstance(kind, dict):
        return []
    if "named" in kind:
        return [kind["named"]]
    if "fields" in kind:
        return _named(list(kind["fields"].values()))
    return _named([kind[key] for key in ("list", "map", "one") if key in kind])


class _File:
    """The tokens of one file, taken one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = [found[1] for found in TOKEN.finditer(text) if found[1]]
        self._at = 0

    def declarations(self) -> list[tuple[str, Type]]:
        """Every interface, enumeration and alias, by name."""
        found = []
        while self._at < len(self._tokens):
            while self._has("export") or self._has("default") or self._has("declare"):
                pass
            if self._has("import"):
                while not self._has(";"):
                    self._next()
            elif self._has("interface"):
                found.append((self._name(), self._interface()))
            elif self._has("enum"):
                found.append((self._name(), self._enumeration()))
            elif self._has("type"):
                name = self._name()
                self._expect("=")
                found.append((name, self._type()))
                self._expect(";")
            else:
                # `export default NAME;`, or `export {};` of a file without anything else.
                self._next()
                while not self._has(";"):
                    self._next()
        return found

    def _interface(self) -> Type:
        above = {"extends": self._name()} if self._has("extends") else {}
        self._expect("{")
        return self._members() | above

    def _enumeration(self) -> Type:
        self._expect("{")
        words = set()
        while not self._has("}"):
            self._name()
            self._expect("=")
            words.add(self._literal())
            self._has(",")
        return _one([{"word": word} for word in sorted(words)])

    def _members(self) -> Type:
        fields: dict[str, Type] = {}
        needed = []
        while not self._has("}"):
            if self._has("["):
                kind = self._map()
                self._expect("}")
                return kind
            name = self._literal() if self._peek().startswith('"') else self._name()
            if not self._has("?"):
                needed.append(name)
            self._expect(":")
            fields[name] = self._type()
            self._expect(";")
        return {"fields": fields, "needed": sorted(needed)}

    def _map(self) -> Type:
        self._name()
        for token in (":", "string", "]", ":"):
            self._expect(token)
        kind = {"map": self._type()}
        self._expect(";")
        return kind

    def _type(self) -> Type:
        self._has("|")
        kinds = [self._lists()]
        if self._has("&"):
            above, fields = kinds[0], self._lists()
            if "named" not in above or "fields" not in fields:
                raise NotUnderstoodError("`&` between others than a name and an object")
            return fields | {"extends": above["named"]}
        while self._has("|"):
            kinds.append(self._lists())
        return _one(kinds)

    def _lists(self) -> Type:
        kind = self._single()
        while self._has("["):
            self._expect("]")
            kind = {"list": kind}
        return kind

    def _single(self) -> Type:
        if self._has("("):
            kind = self._type()
            self._expect(")")
            return kind
        if self._has("{"):
            return self._members()
        if self._peek().startswith('"'):
            return {"word": self._literal()}
        name = self._name()
        if name == "Record":
            for token in ("<", "string", ","):
                self._expect(token)
            kind = {"map": self._type()}
            self._expect(">")
            return kind
        return PLAIN.get(name) or {"named": name}

    def _peek(self) -> str:
        if self._at == len(self._tokens):
            raise NotUnderstoodError("it ends in its middle")
        return self._tokens[self._at]

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _has(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise NotUnderstoodError(f"{found!r} where {token!r} was expected")

    def _name(self) -> str:
        token = self._next()
        if not NAME.fullmatch(token):
            raise NotUnderstoodError(f"{token!r} where a name was expected")
        return token

    def _literal(self) -> str:
        token = self._next()
        if not token.startswith('"'):
            raise NotUnderstoodError(f"{token!r} where a text was expected")
        return token[1:-1]


def _one(kinds: list[Type]) -> Type:
    """One of several, in an order of their own, so that a definition written twice is the same."""
    return kinds[0] if len(kinds) == 1 else {"one": sorted(kinds, key=str)}
