#!/usr/bin/python
"""Ansible module: the service client that imports users gets the rights it needs, and no more."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_docker import address
from ansible.module_utils.stufpack_http import StufError, read_secret
from ansible.module_utils.stufpack_keycloak import Keycloak

DOCUMENTATION = """
module: stuf_identity_operator
short_description: Give the operator client its rights
description:
  - The realm file holds the client C(stufpack-operator) but no user, so its service account has no rights yet.
  - Grants client roles of C(realm-management), signed in as the administrator of the first start.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Give the operator client its rights
  stuf_identity_operator:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
"""
RETURN = """
granted: {description: Roles that were or would be granted., type: list, elements: str, returned: always}
"""

CLIENT = "stufpack-operator"
ROLES = ("manage-users", "query-users", "view-realm", "view-users")


def converge(admin: Keycloak, dry: bool) -> list[str]:
    """Grants what is missing and returns the names."""
    operator = _client(admin, CLIENT)
    manager = _client(admin, "realm-management")
    account = admin.call("GET", f"/clients/{operator}/service-account-user", expect=(200,)).json()["id"]
    path = f"/users/{account}/role-mappings/clients/{manager}"
    held = {role["name"] for role in admin.call("GET", path, expect=(200,)).json()}
    missing = [name for name in ROLES if name not in held]
    if missing and not dry:
        known = {role["name"]: role for role in admin.call("GET", f"/clients/{manager}/roles", expect=(200,)).json()}
        body = [{"id": known[name]["id"], "name": name} for name in missing]
        admin.call("POST", path, body=body, expect=(204,))
    return missing


def _client(admin: Keycloak, name: str) -> str:
    found: list[dict[str, Any]] = admin.call("GET", "/clients", query={"clientId": name}, expect=(200,)).json()
    if len(found) != 1:
        raise StufError(f"the realm has {len(found)} clients called {name}, expected 1")
    return str(found[0]["id"])


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        base = f"http://{address(module.run_command, 'keycloak', 'backend')}:8080/auth"
        password = read_secret(given["secrets_dir"], "keycloak_admin_password")
        admin = Keycloak.as_administrator(base, given["realm"], "stufpack-admin", password)
        granted = converge(admin, module.check_mode)
    except StufError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(granted), granted=granted)


if __name__ == "__main__":
    main()
