"""Policies of a bucket, compared by what they mean: a store gives back the meaning, not the text that it was given.

AWS returns lists in an order of its own, and a list of one as its one element (hashicorp/terraform#2432); of an
account's number it makes the name of the account's root.
"""

from __future__ import annotations

import json
import re
from typing import Any

STATEMENT = "StufSourceFreeze"
#: Everything that changes an object or begins one; ending an upload that has begun stays possible.
WRITES = ["s3:PutObject*", "s3:DeleteObject*", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:RestoreObject"]
PRINCIPALS = ("Principal", "NotPrincipal")
#: The root of an account, in any of AWS's partitions, which have no account in common.
ROOT = re.compile(r"\Aarn:aws[a-z-]*:iam::([0-9]{12}):root\Z")


def with_denial(policy: Any, bucket: str) -> Any:
    """The policy, and beside it that nobody may write."""
    return {**(policy or {"Version": "2012-10-17"}), "Statement": [*_others(policy), _denial(bucket)]}


def without_denial(policy: Any) -> Any:
    """The policy as it would be without the freeze; None where nothing else is in it."""
    others = _others(policy)
    if len(others) == len(_statements(policy)):
        return policy
    return {**policy, "Statement": others} if others else None


def denies(policy: Any, bucket: str) -> bool:
    """Whether nobody may write by it: the freeze's whole statement is in it, with nothing changed, left out or added.

    What others allow beside it is no matter, since a denial outweighs it.
    """
    denial = _statement(_denial(bucket))
    return any(_statement(statement) == denial for statement in _statements(policy) if _is_ours(statement))


def bears_name(policy: Any) -> bool:
    """Whether a statement of the freeze's name is in it, whatever it says: this is what has to be gone in the end."""
    return any(map(_is_ours, _statements(policy)))


def same_otherwise(one: Any, other: Any) -> bool:
    """Whether both mean the same but for the freeze's statement."""
    return bool(_meaning(without_denial(one)) == _meaning(without_denial(other)))


def _denial(bucket: str) -> dict[str, Any]:
    return {
        "Sid": STATEMENT,
        "Effect": "Deny",
        "Principal": "*",
        "Action": WRITES,
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }


def _statement(statement: Any) -> Any:
    """What a statement means: lists without an order, and each principal in the shorter of the ways to write it."""
    meant = _unordered(statement)
    if not isinstance(meant, dict):
        return meant
    return {name: _principals(value) if name in PRINCIPALS else value for name, value in meant.items()}


def _principals(meant: Any) -> Any:
    """Everyone is `*` and `{"AWS": "*"}`, an account its number and its root, which AWS makes of a number."""
    if not isinstance(meant, dict) or not isinstance(meant.get("AWS"), set):
        return meant
    accounts = {ROOT.sub(r"\1", one) for one in meant["AWS"]}
    return accounts if meant.keys() == {"AWS"} and accounts == {"*"} else {**meant, "AWS": accounts}


def _meaning(policy: Any) -> Any:
    if not isinstance(policy, dict):
        return policy
    # The statements' own order is kept, since somebody chose it.
    return {**policy, "Statement": [_statement(statement) for statement in _statements(policy)]}


def _unordered(value: Any) -> Any:
    """Below a statement every list is a set, and a single value a set of one."""
    if isinstance(value, dict):
        return {name: _unordered(below) for name, below in value.items()}
    members = value if isinstance(value, list) else [value]
    return {member if isinstance(member, str) else json.dumps(member, sort_keys=True) for member in members}


def _statements(policy: Any) -> list[Any]:
    found = (policy or {}).get("Statement") or []
    return found if isinstance(found, list) else [found]


def _others(policy: Any) -> list[Any]:
    return [statement for statement in _statements(policy) if not _is_ours(statement)]


def _is_ours(statement: Any) -> bool:
    return isinstance(statement, dict) and statement.get("Sid") == STATEMENT
