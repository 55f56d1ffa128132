#!/usr/bin/python
"""Ansible module: the temporary users with whom a validation signs in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak, User
from ansible.module_utils.stufpack_realm import OWN_ROLES

DOCUMENTATION = """
module: stuf_probe_user
short_description: Create, disable or remove the temporary validation users
description:
  - With C(present), one user who may read, write and delete in the collection C(stufpack-validation) only, with a
    one-time password and the required actions of every user, so that the whole first sign-in is proven.
  - With C(like-package), users who together hold every collection, permission and role that users of the package hold,
    so that the API can be asked what it makes of them. Their password is theirs, since they only ask.
  - Whoever has such a name is removed. Who else than a validation's own users had it is first kept in a file that root
    alone reads, and told by C(absent) as a check that warns, until somebody has taken the file away.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  domain: {description: Public name; the users' addresses are formed with it., type: str, required: true}
  password: {description: Their password; needed for C(present) and C(like-package)., type: str, required: false}
  require_totp: {description: Whether a second factor is asked for., type: bool, default: true}
  folder: {description: The package's integration-config; needed for C(like-package)., type: path, required: false}
  removed_file:
    description: Where it is kept who was removed and made by no validation.
    type: path
    default: /var/lib/stufpack/users-removed.json
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
checks: {description: With C(absent) one check., type: list, elements: dict, returned: always}
"""

NAME = "stufpack-validation"
COLLECTION = "stufpack-validation"
# No export brings people of these names: `check` refuses them.
NAMES = re.compile(rf"{NAME}(-[0-9]+)?")
# What else is the same of each of them, beside the address.
FIRST_NAME, LAST_NAME = "Stufpack", "Validation"
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
            "firstName": FIRST_NAME,
            "lastName": LAST_NAME,
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
    """Creates the user, who is not there: so nothing of an earlier run is reused."""
    roles = [role for role in ("project-participant",) if role in keycloak.roles()]
    visitor = {"name": NAME, "collections": {COLLECTION: ["read", "write", "delete"]}, "roles": roles}
    actions = ["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if require_totp else [])]
    keycloak.set_password(create(keycloak, domain, visitor, actions), password, temporary=True)
    return [visitor]


def like_package(keycloak: Keycloak, domain: str, password: str, folder: str) -> list[Visitor]:
    """Creates the users who together hold what the package's users hold."""
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


def absent(keycloak: Keycloak, domain: str, removed_file: Path) -> None:
    """Removes whoever has a name of validation users: what an interruption left, and who hides behind such a name."""
    strangers = []
    for user in keycloak.users(NAME):
        if NAMES.fullmatch(str(user["username"]).lower()):
            held = _held(keycloak, user)
            if _is_visitor(user, domain, held):
                keycloak.delete(user["id"])
            else:
                strangers.append(user | held)
    if strangers:
        # Before they are gone: afterwards nobody could tell who they were.
        known = {user["id"]: user for user in (*removed(removed_file), *strangers)}
        write_whole(removed_file, json.dumps([*known.values()], ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    for user in strangers:
        keycloak.delete(user["id"])


def _held(keycloak: Keycloak, user: User) -> dict[str, list[str]]:
    """What a user holds beside what everybody new is given."""
    roles, of_clients = keycloak.rights_of(user["id"])
    groups = keycloak.groups_of(user["id"]) if keycloak.has_groups() else set()
    everyones = keycloak.default_groups() if groups else set()
    return {"realmRoles": sorted(roles), "clientRoles": sorted(of_clients), "groups": sorted(groups - everyones)}


def _is_visitor(user: User, domain: str, held: dict[str, list[str]]) -> bool:
    """Whether a validation makes such a user, who holds roles of the package at most."""
    name, address = (str(user.get(key) or "").lower() for key in ("username", "email"))
    called = (user.get("firstName"), user.get("lastName")) == (FIRST_NAME, LAST_NAME)
    more = held["clientRoles"] or held["groups"] or OWN_ROLES.intersection(held["realmRoles"])
    return called and address == f"{name}@{domain}".lower() and not more


def removed(removed_file: Path) -> list[User]:
    """Who was removed and made by no validation, as long as the file lies there."""
    if not removed_file.exists():
        return []
    found: list[User] = json.loads(removed_file.read_text(encoding="utf-8"))
    return found


def check(removed_file: Path) -> dict[str, str]:
    """A warning of a number: who it was stands in the file alone."""
    count = len(removed(removed_file))
    said = f"{count} removed who had one and whom no validation made, kept at the target in {removed_file}"
    return {
        "id": "identity/validation-names",
        "expected": "nobody but the users of a validation has a name of theirs",
        "observed": said if count else "so it is",
        "verdict": "warn" if count else "pass",
    }


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
            "removed_file": {"type": "path", "default": "/var/lib/stufpack/users-removed.json"},
            "state": {"type": "str", "required": True, "choices": ["present", "like-package", "disabled", "absent"]},
        },
        required_if=[("state", "present", ["password"]), ("state", "like-package", ["password", "folder"])],
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, visitors=[], checks=[])
    visitors: list[Visitor] = []
    checks: list[dict[str, str]] = []
    removed_file = Path(given["removed_file"])
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        if given["state"] != "disabled":
            absent(keycloak, given["domain"], removed_file)
        if given["state"] == "present":
            visitors = present(keycloak, given["domain"], given["password"], given["require_totp"])
        elif given["state"] == "like-package":
            visitors = like_package(keycloak, given["domain"], given["password"], given["folder"])
        elif given["state"] == "disabled":
            disable(keycloak)
        else:
            checks = [check(removed_file)]
    except (StufError, OSError, ValueError, LookupError, StopIteration) as error:
        module.fail_json(msg=str(error))
    # What is made is removed in the same step, so the installation does not change; a stranger is told by the check.
    module.exit_json(changed=False, visitors=visitors, checks=checks)


if __name__ == "__main__":
    main()
