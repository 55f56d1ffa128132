#!/usr/bin/python
"""Ansible module: the temporary user with whom a validation signs in."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_docker import address
from ansible.module_utils.stufpack_http import StufError, read_secret
from ansible.module_utils.stufpack_keycloak import Keycloak

DOCUMENTATION = """
module: stuf_probe_user
short_description: Create, disable or remove the temporary validation user
description:
  - The user may read, write and delete in the collection C(stufpack-validation) only.
  - Created with a one-time password and the required actions of every user, so that the whole first sign-in is proven.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  domain: {description: Public name; the user's address is formed with it., type: str, required: true}
  password: {description: One-time password; needed for C(present)., type: str, required: false}
  require_totp: {description: Whether a second factor is asked for., type: bool, default: true}
  state: {description: What to do., type: str, required: true, choices: [present, disabled, absent]}
author: [stufpack]
"""
EXAMPLES = """
- name: Remove the validation user
  stuf_probe_user:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    domain: files.example.org
    state: absent
"""
RETURN = """
username: {description: The user's name., type: str, returned: always}
existed: {description: Whether the user was there before., type: bool, returned: always}
"""

NAME = "stufpack-validation"
COLLECTION = "stufpack-validation"


def present(keycloak: Keycloak, domain: str, password: str, require_totp: bool) -> None:
    """Creates the user anew, so that nothing of an earlier run is reused."""
    absent(keycloak)
    user_id = keycloak.create(
        {
            "username": NAME,
            "email": f"{NAME}@{domain}",
            "firstName": "Stufpack",
            "lastName": "Validation",
            "enabled": True,
            "emailVerified": True,
            "attributes": {"collections": [json.dumps({COLLECTION: ["read", "write", "delete"]})]},
            "requiredActions": ["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if require_totp else [])],
        }
    )
    role = keycloak.roles().get("project-participant")
    if role is not None:
        keycloak.grant(user_id, [role])
    keycloak.set_password(user_id, password, temporary=True)


def disable(keycloak: Keycloak) -> None:
    """Disables the user, who keeps password and second factor."""
    user = keycloak.user(NAME)
    if user is None:
        raise StufError("the validation user is not there")
    keycloak.update(user["id"], {**user, "enabled": False})


def absent(keycloak: Keycloak) -> bool:
    """Removes the user and says whether there was one."""
    user = keycloak.user(NAME)
    if user is not None:
        keycloak.delete(user["id"])
    return user is not None


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "domain": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "require_totp": {"type": "bool", "default": True},
            "state": {"type": "str", "required": True, "choices": ["present", "disabled", "absent"]},
        },
        required_if=[("state", "present", ["password"])],
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, username=NAME, existed=False)
    existed = False
    try:
        base = f"http://{address(module.run_command, 'keycloak', 'backend')}:8080/auth"
        secret = read_secret(given["secrets_dir"], "keycloak_service_secret")
        keycloak = Keycloak.as_service(base, given["realm"], "stufpack-operator", secret)
        if given["state"] == "present":
            present(keycloak, given["domain"], given["password"], given["require_totp"])
        elif given["state"] == "disabled":
            disable(keycloak)
        else:
            existed = absent(keycloak)
    except StufError as error:
        module.fail_json(msg=str(error))
    # What is made is removed in the same step, so the installation does not change.
    module.exit_json(changed=False, username=NAME, existed=existed)


if __name__ == "__main__":
    main()
