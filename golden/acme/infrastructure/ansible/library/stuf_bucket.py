#!/usr/bin/python
"""Ansible module: holds a bucket that is not on this machine against what was made for it, by what it does."""

from __future__ import annotations

import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_s3 import ARGUMENTS, Bucket

DOCUMENTATION = """
module: stuf_bucket
short_description: Check region, versions, encryption and privacy of a bucket
description:
  - Asks for the bucket's region, lists, and stores one object below C(stufpack-validation/), which it deletes again.
  - The key of the application may not read the bucket's settings, so they are seen by what they do. The answer to what
    was stored names its version and its encryption, and who comes without a key is refused.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  bucket: {description: Name of the bucket., type: str, required: true}
  region: {description: Region of the bucket., type: str, required: true}
  endpoint: {description: URL of the storage; without it, Garage of this machine., type: str}
  authority: {description: PEM text of the storage's own authority; without it, those of the system., type: str}
author: [stufpack]
"""
EXAMPLES = """
- name: Hold the bucket against what was made for it
  stuf_bucket:
    secrets_dir: /etc/stuf/secrets
    bucket: harbour-stuf-uploads
    region: eu-west-1
    endpoint: https://s3.eu-west-1.amazonaws.com
"""
RETURN = """
encryption: {description: How the store encrypts by itself., type: str, returned: success}
"""

PREFIX = "stufpack-validation/"
ENCRYPTED = ("AES256", "aws:kms", "aws:kms:dsse")
REFUSED = (401, 403)
KEYS = (
    "write both parts of the access key to secrets/storage_access_key and secrets/storage_secret_key in the state "
    "folder, then ./migrate prepare"
)
# What a store's refusal asks people to do.
NEXT = {
    "NoSuchBucket": "./migrate provision",
    "AccessDenied": "./migrate provision, which gives the key its rights",
    "InvalidAccessKeyId": KEYS,
    "SignatureDoesNotMatch": KEYS,
    "PermanentRedirect": "look in which region the bucket is",
    "AuthorizationHeaderMalformed": "look in which region the bucket is",
}


def probed(bucket: Bucket) -> tuple[list[str], str]:
    """What one object shows to be otherwise, and the encryption that was seen."""
    key = f"{PREFIX}{secrets.token_hex(16)}"
    answer = bucket.put(key, b"probe", "application/x-stufpack")
    try:
        stranger = bucket.stranger(key)
    finally:
        bucket.delete(key)
    encryption = answer.headers.get("x-amz-server-side-encryption", "")
    wrong = []
    if answer.headers.get("x-amz-version-id", "null") == "null":
        wrong.append("it keeps no earlier versions")
    if encryption not in ENCRYPTED:
        wrong.append("it does not encrypt what it keeps")
    if stranger not in REFUSED:
        wrong.append(f"who has no key may read an object (the answer is {stranger}, expected 403)")
    return wrong, encryption


def look(bucket: Bucket) -> tuple[list[str], str]:
    """Everything that is otherwise than it was made, and the encryption that was seen."""
    region = bucket.location()
    wrong = [] if region == bucket.region else [f"it is in {region}, not in {bucket.region}"]
    bucket.keys(PREFIX)
    more, encryption = probed(bucket)
    return wrong + more, encryption


def advice(text: str) -> str:
    """What to do about a refusal."""
    return next((f"; next: {what}" for code, what in NEXT.items() if f" {code} " in text), "")


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, encryption="")
    try:
        wrong, encryption = look(Bucket.of(module.params, module.run_command))
    except StufError as error:
        module.fail_json(msg=f"{error}{advice(str(error))}")
    if wrong:
        name, found = module.params["bucket"], "; ".join(wrong)
        module.fail_json(msg=f"bucket {name} is not as it was made: {found}; next: ./migrate provision")
    module.exit_json(changed=False, encryption=encryption)


if __name__ == "__main__":
    main()
