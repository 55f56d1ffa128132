#!/usr/bin/python
"""Ansible module: whether the source's storage answers this machine, as nobody who could read there."""

from __future__ import annotations

import urllib.parse
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import PASSING, StufError, patiently, request

DOCUMENTATION = """
module: stuf_source_reach
short_description: Reach the source's storage
description:
  - Asks for the bucket without a key, over TLS by the authority that came with the credential, else the system's. Who
    refuses that has answered; whether the credential opens it is seen when it is used.
  - What a storage answers that is busy or out of order for a moment is asked for again, twice.
options:
  endpoint: {description: Where the storage is; absent where nobody has given it yet., type: str, required: false}
  bucket: {description: The bucket., type: str, required: false}
  authority: {description: PEM text of the storage's own certificate authority., type: str, required: false}
author: [stufpack]
"""
EXAMPLES = """
- name: Reach the source's storage
  stuf_source_reach: {endpoint: "https://storage.example.org", bucket: uploads}
"""
RETURN = """
checks: {description: One check for the report., type: list, elements: dict, returned: always}
"""

SECONDS = 20.0


def ask(endpoint: str, bucket: str, authority: str | None) -> int:
    """The status with which the storage answers a stranger."""
    url = f"{endpoint.rstrip('/')}/{urllib.parse.quote(bucket)}"
    return patiently(lambda: request("HEAD", url, authority=authority, timeout=SECONDS).status)


def check(endpoint: str | None, bucket: str, authority: str | None) -> dict[str, Any]:
    """What the report has of it; where nobody could look yet, nothing was seen and nothing is asked for."""
    found = {"id": "source", "expected": "an answer of the source's storage to the target, over TLS"}
    if not endpoint:
        why = "the credential source_read, which says where the storage is, is not given yet; content asks for it"
        return found | {"verdict": "not_run", "required": False, "observed": None, "why": why}
    place = urllib.parse.urlsplit(endpoint).netloc
    way = "next: open the way from the target to it, then ./migrate preflight"
    try:
        status = ask(endpoint, bucket, authority)
    except StufError as error:
        return found | {"verdict": "fail", "observed": f"{error}; {way}"}
    if status in PASSING:
        return found | {"verdict": "fail", "observed": f"{place} answered {status}, three times; {way}"}
    return found | {"verdict": "pass", "observed": f"{place} answered {status} to somebody without a credential"}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"endpoint": {"type": "str"}, "bucket": {"type": "str"}, "authority": {"type": "str"}},
        supports_check_mode=True,
    )
    given = module.params
    module.exit_json(changed=False, checks=[check(given["endpoint"], given["bucket"] or "", given["authority"])])


if __name__ == "__main__":
    main()
