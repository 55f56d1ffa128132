#!/usr/bin/python
"""Ansible module: compares the realm in Keycloak with the package's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak
from ansible.module_utils.stufpack_realm import (
    PROFILE,
    PROFILE_TEXT,
    default_role,
    differing,
    digest,
    foreign_roles,
    found_clients,
    is_everyones,
    mail_settings,
    named,
    settings,
    stated_clients,
    unread,
)

DOCUMENTATION = """
module: stuf_identity_settings
short_description: Compare the realm with the package
description:
  - Every value of the package's realm file must be what Keycloak answers; secrets and passwords are made at the target,
    and are not compared. A check names settings, and shows no value.
  - Keycloak reads the file when it makes the realm, and never again. Where the realm was made from the file of another
    package, what differs is a warning.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  realm_file: {description: The package's realm.json on the machine., type: path, required: true}
  made_from: {description: File with the digest of the file from which the realm was made., type: path, required: true}
  display_name: {description: Name that people see., type: str, required: false}
  mail: {description: Mail server as the package describes it., type: dict, required: false}
author: [stufpack]
"""
EXAMPLES = """
- name: Compare the realm
  stuf_identity_settings:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    realm_file: /opt/stuf/configuration/integration-config/realm.json
    made_from: /var/lib/stufpack/realm.sha256
"""
RETURN = """
checks: {description: One entry per part of the realm., type: list, elements: dict, returned: always}
"""

# Parts of the realm's file, and what is said of each.
KINDS = {
    "realm": "every setting of the realm",
    "realm-roles": "every role of the realm",
    "client-scopes": "every client scope with its mappers",
    "clients": "every client with its mappers (secrets are not compared)",
    "service-accounts": "every service account with its roles and attributes",
    "user-profile": "the profile of users",
}
# What `deploy` sets each time.
ALWAYS = {"name-and-mail": "display name and mail server (its password is not compared)"}
# The rest of a long list is told by its length.
SHOWN = 12
OLDER = "the realm was not made from this package's file, and a later package leaves it as it is"

Part = dict[str, Any]


def compare(keycloak: Keycloak, realm: Part, display_name: str | None, mail: Part | None) -> dict[str, list[str]]:
    """What differs, by kind."""
    rest = unread(realm)
    if rest:
        raise StufError(f"nobody reads back what the realm's file says of {', '.join(rest)}")
    top = _get(keycloak, "")
    clients = _get(keycloak, "/clients")
    scopes = named(_get(keycloak, "/client-scopes"))
    return {
        "realm": differing(settings(realm), settings(top)),
        "realm-roles": _roles(keycloak, realm, clients),
        "client-scopes": differing(named(realm["clientScopes"]), scopes),
        "clients": differing(stated_clients(realm), found_clients(clients)),
        "service-accounts": _service_accounts(keycloak, realm, named(clients, "clientId")),
        "user-profile": _profile(keycloak, realm),
        "name-and-mail": _name_and_mail(top, display_name, mail),
    }


def _get(keycloak: Keycloak, path: str) -> Any:
    return keycloak.call("GET", path, expect=(200,)).json()


def _roles(keycloak: Keycloak, realm: Part, clients: list[Part]) -> list[str]:
    """No role of a package brings another one along, and the one that everyone has what Keycloak gives to everyone."""
    held = keycloak.roles()
    stated = {name: {"composite": False} | role for name, role in named(realm["roles"]["realm"]).items()}
    everyones = held.get(default_role(keycloak.realm))
    inner = _get(keycloak, f"/roles-by-id/{everyones['id']}/composites") if everyones else []
    names = {client["id"]: client["clientId"] for client in clients}
    more = [role for role in inner if not is_everyones(role, names.get(role.get("containerId")))]
    return differing(stated, held) + ([f"{default_role(keycloak.realm)}.composites"] if more else [])


def _service_accounts(keycloak: Keycloak, realm: Part, clients: dict[str, Part]) -> list[str]:
    wrong = []
    for account in realm["users"]:
        name = account["serviceAccountClientId"]
        stated = {key: value for key, value in account.items() if key not in ("serviceAccountClientId", "username")}
        stated["realmRoles"] = sorted(foreign_roles(account["realmRoles"], keycloak.realm))
        wrong += differing(stated, _service_account(keycloak, clients.get(name)), name)
    return wrong


def _service_account(keycloak: Keycloak, client: Part | None) -> Part | None:
    """The account of a client with its roles; none where it has been turned off."""
    if client is None:
        return None
    answer = keycloak.call("GET", f"/clients/{client['id']}/service-account-user", expect=(200, 400))
    if answer.status != 200:
        return None
    user: Part = answer.json()
    return user | {"realmRoles": sorted(foreign_roles(keycloak.roles_of(user["id"]), keycloak.realm))}


def _profile(keycloak: Keycloak, realm: Part) -> list[str]:
    """The profile decides which attributes of users are kept, and who may change them."""
    stated = json.loads(realm["components"][PROFILE][0]["config"][PROFILE_TEXT][0])
    return differing(stated, _get(keycloak, "/users/profile"))


def _name_and_mail(found: Part, display_name: str | None, mail: Part | None) -> list[str]:
    wrong = differing({"displayName": display_name} if display_name else {}, found)
    if not mail:
        return wrong + (["smtpServer"] if found.get("smtpServer") else [])
    return wrong + differing({"smtpServer": mail_settings(mail)}, found)


def checks(wrong: dict[str, list[str]], made_from_it: bool) -> list[Part]:
    """A check of each kind; a realm that another package has made is not this one's failure."""
    found = []
    for kind, words in (KINDS | ALWAYS).items():
        paths = wrong[kind]
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        older = bool(paths) and kind in KINDS and not made_from_it
        check = {
            "id": f"identity/{kind}",
            "expected": f"{words} as the package has it",
            "observed": f"otherwise: {', '.join(paths[:SHOWN])}{more}" if paths else "so it is",
            "verdict": "warn" if older else "fail" if paths else "pass",
        }
        found.append(check | ({"why": f"{check['observed']}; {OLDER}"} if older else {}))
    return found


def is_made_from(realm_file: str, note: str) -> bool:
    """Whether the realm was made from this very file."""
    path = Path(note)
    return path.exists() and path.read_text(encoding="utf-8").strip() == digest(realm_file)


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "realm_file": {"type": "path", "required": True},
            "made_from": {"type": "path", "required": True},
            "display_name": {"type": "str"},
            "mail": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        realm = json.loads(Path(given["realm_file"]).read_text(encoding="utf-8"))
        wrong = compare(keycloak, realm, given["display_name"], given["mail"])
        made_from_it = is_made_from(given["realm_file"], given["made_from"])
    except (StufError, OSError, ValueError, LookupError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, checks=checks(wrong, made_from_it))


if __name__ == "__main__":
    main()
