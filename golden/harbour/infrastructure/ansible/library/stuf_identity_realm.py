#!/usr/bin/python
"""Ansible module: what the realm's file cannot bring: the operator's rights, and texts and passwords."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError, read_secret
from ansible.module_utils.stufpack_keycloak import Keycloak, base_here
from ansible.module_utils.stufpack_realm import OPERATOR, OPERATOR_ROLES, digest, mail_settings

DOCUMENTATION = """
module: stuf_identity_realm
short_description: Finish the realm after its file was imported
description:
  - The realm file holds the client C(stufpack-operator) but no user, so its service account has no rights yet. Grants
    client roles of C(realm-management), signed in as the administrator of the first start.
  - Keycloak resolves C(${NAME}) in every value of an imported file. So free text (the display name) and the mail server
    come this way, where nothing is resolved.
  - Keycloak reads the file when it makes the realm, and never again. So which file that was is noted, for comparisons.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  display_name: {description: Name that people see., type: str, required: false}
  mail: {description: Mail server as the package describes it., type: dict, required: false}
  note: {description: File that keeps a digest of the mail settings last set., type: path, required: true}
  realm_file: {description: The file that Keycloak makes a realm from., type: path, required: true}
  made_from: {description: File that keeps the digest of that file., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Finish the realm
  stuf_identity_realm:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    note: /var/lib/stufpack/mail.sha256
    realm_file: /opt/stuf/compose/keycloak/import/realm.json
    made_from: /var/lib/stufpack/realm.sha256
"""
RETURN = """
actions: {description: What was or would be done, in words., type: list, elements: str, returned: always}
"""


def grant(admin: Keycloak, given: dict[str, Any], dry: bool) -> list[str]:
    """Grants the operator what it lacks."""
    operator = _client(admin, OPERATOR)
    manager = _client(admin, "realm-management")
    account = admin.call("GET", f"/clients/{operator}/service-account-user", expect=(200,)).json()["id"]
    path = f"/users/{account}/role-mappings/clients/{manager}"
    held = {role["name"] for role in admin.call("GET", path, expect=(200,)).json()}
    missing = [name for name in OPERATOR_ROLES if name not in held]
    if missing and not dry:
        # Only in a realm that was made just now it has no right at all. Noted first: this is seen but once.
        if len(missing) == len(OPERATOR_ROLES):
            write_whole(Path(given["made_from"]), f"{digest(given['realm_file'])}\n")
        known = {role["name"]: role for role in admin.call("GET", f"/clients/{manager}/roles", expect=(200,)).json()}
        body = [{"id": known[name]["id"], "name": name} for name in missing]
        admin.call("POST", path, body=body, expect=(204,))
    return [f"granted {name}" for name in missing]


def _client(admin: Keycloak, name: str) -> str:
    found: list[dict[str, Any]] = admin.call("GET", "/clients", query={"clientId": name}, expect=(200,)).json()
    if len(found) != 1:
        raise StufError(f"the realm has {len(found)} clients called {name}, expected 1")
    return str(found[0]["id"])


def describe(admin: Keycloak, given: dict[str, Any], dry: bool) -> list[str]:
    """Sets display name and mail server where they differ. Keycloak never shows a password, so a digest is kept."""
    current = admin.call("GET", "", expect=(200,)).json()
    wanted: dict[str, Any] = {}
    actions = []
    if given["display_name"] and current.get("displayName") != given["display_name"]:
        wanted["displayName"] = given["display_name"]
        actions.append("set the display name")
    shown = mail_settings(given["mail"])
    mail = dict(shown)
    if "user" in shown:
        mail["password"] = read_secret(given["secrets_dir"], str(given["mail"]["password_secret"]))
    fresh = hashlib.sha256(json.dumps(mail, sort_keys=True).encode()).hexdigest()
    note = Path(given["note"])
    known = note.read_text(encoding="utf-8").strip() if note.exists() else ""
    held = {name: value for name, value in (current.get("smtpServer") or {}).items() if name in shown}
    if held != shown or (mail and known != fresh) or (not mail and current.get("smtpServer")):
        wanted["smtpServer"] = mail
        actions.append("set the mail server")
    if wanted and not dry:
        admin.call("PUT", "", body={**current, **wanted}, expect=(204,))
    if "smtpServer" in wanted and not dry:
        write_whole(note, f"{fresh}\n")
    return actions


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "display_name": {"type": "str"},
            "mail": {"type": "dict"},
            "note": {"type": "path", "required": True},
            "realm_file": {"type": "path", "required": True},
            "made_from": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        base = base_here(module.run_command)
        password = read_secret(given["secrets_dir"], "keycloak_admin_password")
        admin = Keycloak.as_administrator(base, given["realm"], "stufpack-admin", password)
        actions = grant(admin, given, module.check_mode) + describe(admin, given, module.check_mode)
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
