#!/usr/bin/python
"""Ansible module: the temporary users with whom a validation signs in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak

DOCUMENTATION = """
module: stuf_probe_user
short_description: Create, disable or remove the temporary validation users
description:
  - With C(present), one user who may read, write and delete in the collection C(stufpack-validation) only, with a
    one-time password and the required actions of every user, so that the whole first sign-in is proven.
  - With C(like-package), users who together hold every collection, permission and role that users of the package hold,
    so that the API can be asked what it makes of them. Their password is theirs, since they only ask.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  domain: {description: Public name; the users' addresses are formed with it., type: str, required: true}
  password: {description: Their password; needed for C(present) and C(like-package)., type: str, required: false}
  require_totp: {description: Whether a second factor is asked for., type: bool, default: true}
  folder: {description: The package's integration-config; needed for C(like-package)., type: path, required: false}
  state: {description: What to do., type: str, required: true, choices: [present, like-package, disabled, absent]}
author: [stufpack]
"""
EXAMPLES = """
- name: Remove the validation users
  stuf_probe_user:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    domain: files.example.org
    state: absent
"""
RETURN = """
visitors:
  description: Names, collections and roles of the users that were made.
  type: list
  elements: dict
  returned: always
"""

NAME = "stufpack-validation"
COLLECTION = "stufpack-validation"
# No export brings people of these names: `check` refuses them.
NAMES = re.compile(rf"{NAME}(-[0-9]+)?")
CLIENT = "stuf-spa"
# So that neither an attribute nor a token grows beyond what its readers take, however many collections there are.
AT_ONCE = 12

Visitor = dict[str, Any]


def tells_roles(realm: dict[str, Any]) -> bool:
    """Whether a realm puts its roles into the tokens of the pages: some do not, and then the API sees none of them."""
    client = next(client for client in realm["clients"] if client["clientId"] == CLIENT)
    scopes = [scope for scope in realm["clientScopes"] if scope["name"] in client["defaultClientScopes"]]
    mappers = [mapper for one in (client, *scopes) for mapper in one.get("protocolMappers") or []]
    return any(
        mapper["protocolMapper"] == "oidc-usermodel-realm-role-mapper"
        and mapper["config"].get("claim.name") == "realm_access.roles"
        and mapper["config"].get("access.token.claim") == "true"
        for mapper in mappers
    )


def visitors_like(folder: str) -> list[Visitor]:
    """One user with every role, and as many as it takes for every collection with its permissions."""
    users = json.loads(Path(folder, "realm-users.json").read_text(encoding="utf-8"))["users"]
    realm = json.loads(Path(folder, "realm.json").read_text(encoding="utf-8"))
    roles = sorted({role for user in users for role in user.get("realmRoles") or []})
    held: dict[str, list[str]] = {}
    for user in users:
        for text in (user.get("attributes") or {}).get("collections") or []:
            for collection, permissions in json.loads(text).items():
                known = held.setdefault(collection, [])
                known += [permission for permission in permissions if permission not in known]
    every = sorted(held.items())
    parts = [every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE)]
    shown = roles if tells_roles(realm) else []
    found: list[Visitor] = [{"name": f"{NAME}-1", "collections": {}, "roles": roles, "shown_roles": shown}]
    return found + [
        {"name": f"{NAME}-{number}", "collections": dict(part), "roles": [], "shown_roles": []}
        for number, part in enumerate(parts, start=2)
    ]


def create(keycloak: Keycloak, domain: str, visitor: Visitor, actions: list[str]) -> str:
    """Creates one user and returns its id."""
    known = keycloak.roles()
    missing = [role for role in visitor["roles"] if role not in known]
    if missing:
        raise StufError(f"the realm lacks the roles {', '.join(missing)}")
    user_id = keycloak.create(
        {
            "username": visitor["name"],
            "email": f"{visitor['name']}@{domain}",
            "firstName": "Stufpack",
            "lastName": "Validation",
            "enabled": True,
            "emailVerified": True,
            "attributes": {"collections": [json.dumps(visitor["collections"])]},
            "requiredActions": actions,
        }
    )
    if visitor["roles"]:
        keycloak.grant(user_id, [known[role] for role in visitor["roles"]])
    return user_id


def present(keycloak: Keycloak, domain: str, password: str, require_totp: bool) -> list[Visitor]:
    """Creates the user anew, so that nothing of an earlier run is reused."""
    absent(keycloak)
    roles = [role for role in ("project-participant",) if role in keycloak.roles()]
    visitor = {"name": NAME, "collections": {COLLECTION: ["read", "write", "delete"]}, "roles": roles}
    actions = ["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if require_totp else [])]
    keycloak.set_password(create(keycloak, domain, visitor, actions), password, temporary=True)
    return [visitor]


def like_package(keycloak: Keycloak, domain: str, password: str, folder: str) -> list[Visitor]:
    """Creates the users who together hold what the package's users hold."""
    absent(keycloak)
    visitors = visitors_like(folder)
    for visitor in visitors:
        keycloak.set_password(create(keycloak, domain, visitor, []), password, temporary=False)
    return visitors


def disable(keycloak: Keycloak) -> None:
    """Disables the user, who keeps password and second factor."""
    user = keycloak.user(NAME)
    if user is None:
        raise StufError("the validation user is not there")
    keycloak.update(user["id"], {**user, "enabled": False})


def absent(keycloak: Keycloak) -> None:
    """Removes whoever has a name of validation users: what an interruption left, and who hides behind such a name."""
    for user in keycloak.users(NAME):
        if NAMES.fullmatch(str(user["username"]).lower()):
            keycloak.delete(user["id"])


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "domain": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "require_totp": {"type": "bool", "default": True},
            "folder": {"type": "path"},
            "state": {"type": "str", "required": True, "choices": ["present", "like-package", "disabled", "absent"]},
        },
        required_if=[("state", "present", ["password"]), ("state", "like-package", ["password", "folder"])],
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, visitors=[])
    visitors: list[Visitor] = []
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        if given["state"] == "present":
            visitors = present(keycloak, given["domain"], given["password"], given["require_totp"])
        elif given["state"] == "like-package":
            visitors = like_package(keycloak, given["domain"], given["password"], given["folder"])
        elif given["state"] == "disabled":
            disable(keycloak)
        else:
            absent(keycloak)
    except (StufError, OSError, ValueError, LookupError, StopIteration) as error:
        module.fail_json(msg=str(error))
    # What is made is removed in the same step, so the installation does not change.
    module.exit_json(changed=False, visitors=visitors)


if __name__ == "__main__":
    main()
