"""An export of five hundred people and no files, made of one of a running installation: who is there, and more."""

from __future__ import annotations

import datetime
import gzip
import json
import secrets
import shutil
from pathlib import Path
from typing import Any

from .names import DOMAIN, INSTALLATION

PEOPLE = 500
#: What people are called; some of it is code elsewhere.
NAMES = ("Ada", "Zoë", "محمد", "O'Brien", "{{ lookup('pipe','id') }}", "${HOME}", "</b>", "Norway: no", "小林", '"q"')
CLAIMS = (["read"], ["read", "write"], ["read", "write", "delete"])


def export(read: Path, folder: Path) -> Path:
    """Writes the export; what is there is as it was read, under the name of the hosted side."""
    shutil.copytree(read, folder)
    document, realm = (_hosted(folder / name) for name in ("export.json", "realm.json"))
    spec = document["spec"]
    collections = sorted(spec["collections"])
    people = [_person(number, collections) for number in range(len(spec["users"]) + 1, PEOPLE + 1)]
    spec["users"] |= dict(people)
    realm["users"] += [_account(user) for _, user in people]
    spec["content"] = {"objects": 0, "bytes": 0}
    spec["salt"] = secrets.token_hex(32)
    document["metadata"]["exportedAt"] = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    (folder / "export.json").write_text(json.dumps(document))
    (folder / "realm.json").write_text(json.dumps(realm))
    (folder / "inventory.jsonl.gz").write_bytes(gzip.compress(b""))
    return folder


def _hosted(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text().replace(DOMAIN, INSTALLATION))
    return found


def _person(number: int, collections: list[str]) -> tuple[str, dict[str, Any]]:
    """One of them: every seventh is disabled, every hundredth a Trust Architect, some have neither phone nor files."""
    held = {name: CLAIMS[(number + at) % 3] for at, name in enumerate(collections) if (number + at) % 4 == 0}
    person = {
        "email": f"person-{number:03}.o'neil+stuf@crowd.harbour.example",
        "name": f"{NAMES[number % len(NAMES)]} {number}",
        "status": "active" if number % 7 else "disabled",
        "roles": ["project-participant", *(["trust-architect"] if number % 100 == 1 else [])],
        "collections": held,
    }
    return f"c-{number:03}", person | ({"phone": f"+49401{number:06}"} if number % 5 else {})


def _account(user: dict[str, Any]) -> dict[str, Any]:
    """The same person as Keycloak shows them."""
    first, _, last = user["name"].rpartition(" ")
    attributes = {"collections": [json.dumps(user["collections"])]}
    return {
        "username": user["email"],
        "email": user["email"],
        "firstName": first,
        "lastName": last,
        "enabled": user["status"] == "active",
        "emailVerified": True,
        "attributes": attributes | ({"phone": [user["phone"]]} if "phone" in user else {}),
        "realmRoles": user["roles"],
    }
