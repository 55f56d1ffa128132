#!/usr/bin/python
"""Ansible module: one storage node, one key, one bucket in Garage, through its admin interface."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_docker import address
from ansible.module_utils.stufpack_http import Answer, StufError, read_secret, request

DOCUMENTATION = """
module: stuf_garage
short_description: Prepare Garage for STUF
description:
  - Gives the single node its place in the layout, imports the access key and creates the bucket with its permissions.
  - Token and keys are read from files on the machine, so that they stand in no argument, result or log.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  bucket: {description: Name of the bucket for uploads., type: str, required: true}
  capacity_bytes: {description: What the node may hold., type: int, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Prepare the storage
  stuf_garage:
    secrets_dir: /etc/stuf/secrets
    bucket: stuf-uploads
    capacity_bytes: 1000000000000
"""
RETURN = """
actions: {description: What was or would be done, in words., type: list, elements: str, returned: always}
"""

KEY_NAME = "stuf-api"


class Garage:
    """Garage's admin interface, version 2."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._token = token

    def call(self, method: str, name: str, query: dict[str, str] | None = None, body: Any = None) -> Answer:
        """One call, whatever its status."""
        search = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return request(method, f"{self._base}/v2/{name}{search}", headers=headers, body=data)

    def must(self, method: str, name: str, query: dict[str, str] | None = None, body: Any = None) -> Any:
        """One call that has to succeed."""
        answer = self.call(method, name, query, body)
        if answer.status != 200:
            raise StufError(f"Garage answered {answer.status} to {name}")
        return answer.json()

    def find(self, name: str, query: dict[str, str]) -> Any:
        """What a query names, or `None`."""
        answer = self.call("GET", name, query)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise StufError(f"Garage answered {answer.status} to {name}")
        return answer.json()


def converge(garage: Garage, access: str, secret: str, bucket: str, capacity: int, dry: bool) -> list[str]:
    """Brings layout, key and bucket to the wanted state and says what it did."""
    if not re.fullmatch(r"GK[0-9a-f]{24,32}", access) or not re.fullmatch(r"[0-9a-f]{64}", secret):
        raise StufError("storage_access_key must be GK and 24 hexadecimal digits, storage_secret_key 64 of them")
    actions: list[str] = []
    if not garage.must("GET", "GetClusterLayout").get("roles"):
        actions.append("layout: one node")
        if not dry:
            _lay_out(garage, capacity)
    known = garage.find("GetKeyInfo", {"id": access, "showSecretKey": "true"})
    if known is None:
        actions.append("key: imported")
        if not dry:
            garage.must("POST", "ImportKey", body={"accessKeyId": access, "secretAccessKey": secret, "name": KEY_NAME})
    elif known.get("secretAccessKey") != secret:
        raise StufError("Garage knows this storage_access_key with another secret; put the old secret file back")
    found = garage.find("GetBucketInfo", {"globalAlias": bucket})
    if found is None:
        actions.append("bucket: created")
        if not dry:
            found = garage.must("POST", "CreateBucket", body={"globalAlias": bucket})
    wanted = {"read": True, "write": True, "owner": False}
    if found is None or _permissions(found, access) != wanted:
        actions.append("bucket: key may read and write")
        if not dry and found is not None:
            _permit(garage, found["id"], access, wanted)
    return actions


def _lay_out(garage: Garage, capacity: int) -> None:
    nodes = garage.must("GET", "GetClusterStatus")["nodes"]
    if len(nodes) != 1:
        raise StufError(f"Garage sees {len(nodes)} nodes, expected 1")
    role = {"id": nodes[0]["id"], "zone": "host", "capacity": capacity, "tags": ["stuf"]}
    garage.must("POST", "UpdateClusterLayout", body={"roles": [role]})
    version = int(garage.must("GET", "GetClusterLayout")["version"]) + 1
    garage.must("POST", "ApplyClusterLayout", body={"version": version})


def _permissions(bucket: dict[str, Any], access: str) -> dict[str, bool]:
    for key in bucket.get("keys") or []:
        if key.get("accessKeyId") == access:
            held = key.get("permissions") or {}
            return {name: bool(held.get(name)) for name in ("read", "write", "owner")}
    return {"read": False, "write": False, "owner": False}


def _permit(garage: Garage, bucket_id: str, access: str, wanted: dict[str, bool]) -> None:
    for verb, value in (("AllowBucketKey", True), ("DenyBucketKey", False)):
        flags = {name: True for name, want in wanted.items() if want is value}
        body = {"bucketId": bucket_id, "accessKeyId": access, "permissions": flags}
        garage.must("POST", verb, body=body)


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "bucket": {"type": "str", "required": True},
            "capacity_bytes": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    folder = given["secrets_dir"]
    try:
        garage = Garage(
            f"http://{address(module.run_command, 'garage', 'data')}:3903", read_secret(folder, "garage_admin_token")
        )
        access, secret = (read_secret(folder, name) for name in ("storage_access_key", "storage_secret_key"))
        actions = converge(garage, access, secret, given["bucket"], given["capacity_bytes"], module.check_mode)
    except StufError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
