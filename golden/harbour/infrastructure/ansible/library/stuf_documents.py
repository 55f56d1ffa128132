#!/usr/bin/python
"""Ansible module: the configuration documents in the bucket, all or nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import Begun, write_whole
from ansible.module_utils.stufpack_http import Answer, StufError
from ansible.module_utils.stufpack_s3 import ARGUMENTS, Bucket

DOCUMENTATION = """
module: stuf_documents
short_description: Save, write, compare or restore the configuration documents in the bucket
description:
  - Writes C(stuf_config.json), C(metadata_config.json) and C(glass_readers.json) below C(config/), C(users.json), and
    one C(users/ID.json) per user.
  - Reads them from the package's files on the machine, so that no user's data is a module argument, result or log line.
  - Writing notes each document beside what was saved, just before it writes it, until all is put back or somebody takes
    the note away. As long as it lies there, saving leaves what was saved wherever a document stands as it was written,
    also for another package. What stands half never becomes what stood before, and what others have changed since does.
  - What an unfinished import has written and the package does not have, is put back before anything is written, since
    afterwards nobody would.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  bucket: {description: Name of the bucket., type: str, required: true}
  region: {description: Region of the bucket., type: str, required: true}
  endpoint: {description: URL of the storage; without it, Garage of this machine., type: str}
  authority: {description: PEM text of the storage's own authority; without it, those of the system., type: str}
  source_dir: {description: The package's api-config folder on the machine., type: path, required: true}
  saved_file: {description: Where the state before the import is kept., type: path, required: true}
  state:
    description:
      - C(saved) keeps what stands in the bucket now; C(written) brings it to the package; C(compared) makes checks of
        where they differ; C(restored) brings back what was saved.
    type: str
    required: true
    choices: [saved, written, compared, restored]
author: [stufpack]
"""
EXAMPLES = """
- name: Write the documents
  stuf_documents:
    secrets_dir: /etc/stuf/secrets
    bucket: stuf-uploads
    region: us-east-1
    source_dir: /opt/stuf/configuration/api-config
    saved_file: /var/lib/stufpack/before/documents.json
    state: written
"""
RETURN = """
counts: {description: Numbers only, by what was done., type: dict, returned: always}
checks: {description: One entry per kind of document., type: list, elements: dict, returned: with state C(compared)}
since: {description: When an unfinished import before this one began; else empty., type: str, returned: always}
"""

TYPE = "application/json"
# A document as it was: its content type and its bytes.
Saved = dict[str, str]


def documents(folder: str) -> dict[str, bytes]:
    """Every document of the package by its key."""
    base = Path(folder)
    found = {f"config/{name}": (base / name).read_bytes() for name in ("stuf_config.json", "metadata_config.json")}
    users = base / "users" / "users.json"
    found["users.json"] = users.read_bytes()
    found["config/glass_readers.json"] = (base / "users" / "glass-readers.json").read_bytes()
    content = json.loads(found["users.json"])
    for user in content["users"]:
        name = str(user["id"])
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", name):
            raise StufError("a user's id in users.json cannot be part of a key")
        single = {"schema_version": content["schema_version"], **user}
        text = json.dumps(single, ensure_ascii=False, indent=2, sort_keys=True)
        found[f"users/{name}.json"] = f"{text}\n".encode()
    for key, body in found.items():
        if "schema_version" not in json.loads(body):
            raise StufError(f"{key.split('/', 1)[0]}: a document lacks its schema_version")
    return found


def saved(bucket: Bucket, wanted: Iterable[str]) -> dict[str, Saved | None]:
    """What stands under these keys now; `None` where nothing does."""
    return {key: _kept(bucket.get(key)) for key in wanted}


def _kept(answer: Answer | None) -> Saved | None:
    return None if answer is None else _as_saved(answer.headers.get("content-type", ""), answer.body)


def _as_saved(content_type: str, body: bytes) -> Saved:
    return {"type": content_type, "body": base64.b64encode(body).decode()}


def write(
    bucket: Bucket,
    wanted: dict[str, bytes],
    dry: bool,
    notes: Callable[[str, Saved], None] = lambda key, form: None,
) -> int:
    """Writes what is missing or differs, be it by its content type alone, noted just before; returns how many."""
    count = 0
    for key, body in wanted.items():
        if _same(bucket, key, body):
            continue
        count += 1
        if not dry:
            notes(key, _as_saved(TYPE, body))
            bucket.put(key, body, TYPE)
    return count


def restore(bucket: Bucket, state: dict[str, Saved | None], dry: bool) -> int:
    """Brings back what was saved and returns how many documents changed."""
    count = 0
    for key, before in state.items():
        if _kept(bucket.get(key)) == before:
            continue
        count += 1
        if dry:
            continue
        if before is None:
            bucket.delete(key)
        else:
            bucket.put(key, base64.b64decode(before["body"]), before["type"])
    return count


def compare(bucket: Bucket, wanted: dict[str, bytes]) -> list[dict[str, Any]]:
    """Reads every document back, byte for byte with its content type; no key of a user is told."""
    checks = []
    for kind, prefix in (("configuration", "config/"), ("users", "users")):
        keys = [key for key in wanted if key.startswith(prefix)]
        wrong = [key for key in keys if not _same(bucket, key, wanted[key])]
        named = f" ({', '.join(wrong)})" if wrong and kind == "configuration" else ""
        checks.append(
            {
                "id": f"documents/{kind}",
                "expected": f"each of {len(keys)} document{'' if len(keys) == 1 else 's'} has the bytes of the package",
                "observed": f"{len(wrong)} otherwise{named}" if wrong else "so it is",
                "verdict": "fail" if wrong else "pass",
            }
        )
    return checks


def _same(bucket: Bucket, key: str, body: bytes) -> bool:
    answer = bucket.get(key)
    return answer is not None and answer.body == body and answer.headers.get("content-type") == TYPE


def run(bucket: Bucket, given: dict[str, Any], dry: bool) -> tuple[dict[str, int], list[dict[str, Any]], str]:
    """Does what the state asks for; counts, checks where it compares, and when an unfinished import before it began."""
    place = Path(given["saved_file"])
    begun = Begun(place, dry)
    if given["state"] == "restored":
        state = json.loads(place.read_text(encoding="utf-8"))
        counts = {"documents": len(state), "changed": restore(bucket, state, dry), "put_back": 0}
        begun.ends()
        return counts, [], begun.since
    wanted = documents(given["source_dir"])
    counts = {"documents": len(wanted), "changed": 0, "put_back": 0}
    if given["state"] == "saved":
        before = json.loads(place.read_text(encoding="utf-8")) if begun.wrote else {}
        now = saved(bucket, [*begun.wrote, *(key for key in wanted if key not in begun.wrote)])
        if not dry:
            write_whole(place, json.dumps(_stood(begun, before, now)))
        begun.stays()
    elif given["state"] == "written":
        left = [key for key in begun.wrote if key not in wanted]
        if left:
            before = _stood(begun, json.loads(place.read_text(encoding="utf-8")), saved(bucket, left))
            counts["put_back"] = restore(bucket, before, dry)
            begun.forgets(left)
        counts["changed"] = write(bucket, wanted, dry, begun.adds)
    else:
        return counts, compare(bucket, wanted), ""
    return counts, [], begun.since


def _stood(begun: Begun, before: dict[str, Saved | None], now: dict[str, Saved | None]) -> dict[str, Saved | None]:
    """What stands now, and of what stands as an unfinished import wrote it, what stood before that."""
    return {key: before.get(key) if one in begun.wrote.get(key, ()) else one for key, one in now.items()}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "source_dir": {"type": "path", "required": True},
            "saved_file": {"type": "path", "required": True},
            "state": {"type": "str", "required": True, "choices": ["saved", "written", "compared", "restored"]},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        counts, checks, since = run(Bucket.of(given, module.run_command), given, module.check_mode)
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    changed = counts["changed"] + counts["put_back"] > 0
    module.exit_json(changed=changed, counts=counts, checks=checks, since=since)


if __name__ == "__main__":
    main()
