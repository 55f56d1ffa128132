#!/usr/bin/python
"""Ansible module: reads the storage with its own protocol, past the application."""

from __future__ import annotations

import secrets
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_s3 import ARGUMENTS, Bucket

DOCUMENTATION = """
module: stuf_probe_storage
short_description: Prove that the bucket keeps bytes, content type and user metadata
description:
  - Writes one object below C(stufpack-validation/), reads it back, lists and deletes it.
  - Removes what an interrupted validation left there.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  bucket: {description: Name of the bucket., type: str, required: true}
  region: {description: Region of the bucket., type: str, required: true}
  endpoint: {description: URL of the storage; without it, Garage of this machine., type: str}
  authority: {description: PEM text of the storage's own authority; without it, those of the system., type: str}
author: [stufpack]
"""
EXAMPLES = """
- name: Read the storage
  stuf_probe_storage:
    secrets_dir: /etc/stuf/secrets
    bucket: stuf-uploads
    region: us-east-1
"""
RETURN = """
checks: {description: One entry per check., type: list, elements: dict, returned: always}
"""

PREFIX = "stufpack-validation/"


def probe(bucket: Bucket) -> list[dict[str, Any]]:
    """Writes, reads, lists, deletes; every check with what was expected and what was seen."""
    for key in bucket.keys(PREFIX):
        bucket.delete(key)
    key = f"{PREFIX}native//{secrets.token_hex(8)} ü.bin"
    body = secrets.token_bytes(65536)
    metadata = {"original_filename": "native.bin", "uploader": "stufpack-validation"}
    bucket.put(key, body, "application/x-stufpack", metadata)
    checks = []
    try:
        answer = bucket.get(key)
        headers = answer.headers if answer else {}
        seen = {name: headers.get(f"x-amz-meta-{name}") for name in metadata}
        checks = [
            _check("bytes", "65536 equal bytes", "equal" if answer and answer.body == body else "different", "equal"),
            _check(
                "content-type", "application/x-stufpack", str(headers.get("content-type")), "application/x-stufpack"
            ),
            _check("metadata", "user metadata kept", "kept" if seen == metadata else "lost", "kept"),
            _check("listing", "the key is listed", "listed" if key in bucket.keys(PREFIX) else "missing", "listed"),
        ]
    finally:
        bucket.delete(key)
    left = len(bucket.keys(PREFIX))
    objects = "object" if left == 1 else "objects"
    checks.append(_check("deletion", "nothing left", f"{left} {objects} left", "0 objects left"))
    return checks


def _check(name: str, expected: str, observed: str, right: str) -> dict[str, Any]:
    verdict = "pass" if observed == right else "fail"
    return {"id": f"read-storage/{name}", "expected": expected, "observed": observed, "verdict": verdict}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, checks=[])
    try:
        checks = probe(Bucket.of(module.params, module.run_command))
    except StufError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, checks=checks)


if __name__ == "__main__":
    main()
