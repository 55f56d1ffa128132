#!/usr/bin/python
"""Ansible module: lets users set password and second factor, by mail or by a one-time password."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak, User

DOCUMENTATION = """
module: stuf_invitations
short_description: Invite the enabled users of a package who have not set themselves up
description:
  - C(mailed) lets Keycloak send its own message. What was sent is noted, so that a second call sends nothing until the
    link has run out, or will within a day; one that holds for less than two days, within half of its time.
  - C(prepared) makes one-time passwords and keeps them in a file on the machine, C(set) sets them and removes the file;
    between the two the caller takes them to the controller. An interruption in between loses nothing.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  users_file: {description: The package's realm-users.json on the machine., type: path, required: true}
  work_dir: {description: Private folder for notes., type: path, required: true}
  lifespan_seconds: {description: How long a link in a message is good., type: int, required: true}
  require_totp: {description: Whether a second factor is asked for., type: bool, required: true}
  redirect_uri: {description: Where the link ends., type: str, required: true}
  state: {description: What to do., type: str, required: true, choices: [mailed, prepared, set]}
author: [stufpack]
"""
EXAMPLES = """
- name: Send the invitations
  stuf_invitations:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    users_file: /opt/stuf/configuration/integration-config/realm-users.json
    work_dir: /var/lib/stufpack
    lifespan_seconds: 259200
    require_totp: true
    redirect_uri: https://files.example.org/
    state: mailed
"""
RETURN = """
counts: {description: Numbers only., type: dict, returned: always}
lines: {description: Lines of a CSV file with one-time passwords., type: str, returned: with state C(prepared)}
"""


#: How long before its end, at most, a link is taken for one that will not be opened in time.
DAY = 86_400


class Invitations:
    """One run over the enabled users of a package."""

    def __init__(self, keycloak: Keycloak, given: dict[str, Any], dry: bool) -> None:
        self.keycloak = keycloak
        self.given = given
        self.dry = dry
        self.actions = ["UPDATE_PASSWORD", *(["CONFIGURE_TOTP"] if given["require_totp"] else [])]
        self.notes = Path(given["work_dir"], "invited.json")
        self.waiting = Path(given["work_dir"], "one-time-passwords.json")
        self.counts = {"invited": 0, "waiting": 0, "set_up": 0, "disabled": 0}

    def pending(self) -> list[User]:
        """Enabled users of the package who have no password yet."""
        document = json.loads(Path(self.given["users_file"]).read_text(encoding="utf-8"))
        names = {str(user["username"]).lower() for user in document["users"]}
        found = []
        missing = set(names)
        for user in self.keycloak.users():
            name = str(user["username"]).lower()
            if name not in names:
                continue
            missing.discard(name)
            if not user.get("enabled"):
                self.counts["disabled"] += 1
            elif self.keycloak.has_password(user["id"]):
                self.counts["set_up"] += 1
            else:
                found.append(user)
        if missing:
            are = "user of the package is" if len(missing) == 1 else "users of the package are"
            raise StufError(f"{len(missing)} {are} not in the realm; next: ./migrate import")
        return found

    def mail(self, now: float) -> None:
        """Sends each pending user one message, and another when its link has run out or is about to."""
        lifespan = self.given["lifespan_seconds"]
        good = lifespan - min(lifespan // 2, DAY)
        sent: dict[str, float] = json.loads(self.notes.read_text(encoding="utf-8")) if self.notes.exists() else {}
        query = {"lifespan": str(lifespan), "client_id": "stuf-spa", "redirect_uri": self.given["redirect_uri"]}
        for user in self.pending():
            if now - sent.get(user["id"], 0) < good:
                self.counts["waiting"] += 1
                continue
            self.counts["invited"] += 1
            if not self.dry:
                self.keycloak.invite(user["id"], self.actions, query)
                sent[user["id"]] = now
                write_whole(self.notes, json.dumps(sent))

    def prepare(self) -> str:
        """Makes a one-time password per pending user and returns them as lines of CSV."""
        made: dict[str, dict[str, str]] = {}
        if self.waiting.exists():
            made = json.loads(self.waiting.read_text(encoding="utf-8"))
        pending = {user["id"]: user for user in self.pending()}
        made = {user_id: entry for user_id, entry in made.items() if user_id in pending}
        for user_id, user in pending.items():
            if user_id not in made:
                made[user_id] = {
                    "username": user["username"],
                    "email": user.get("email", ""),
                    # The ending satisfies password policies that ask for every class of characters.
                    "password": f"{secrets.token_urlsafe(15)}aA1!",
                }
        self.counts["invited"] = len(made)
        if made and not self.dry:
            write_whole(self.waiting, json.dumps(made, ensure_ascii=False))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for entry in made.values():
            writer.writerow([entry["username"], entry["email"], entry["password"]])
        return text.getvalue()

    def set(self) -> None:
        """Sets the passwords that were prepared, with the required actions, and forgets them."""
        pending = self.pending()
        if not self.waiting.exists():
            return
        made = json.loads(self.waiting.read_text(encoding="utf-8"))
        for user in pending:
            if user["id"] in made:
                self.counts["invited"] += 1
                if not self.dry:
                    self.keycloak.set_password(user["id"], made[user["id"]]["password"], temporary=True)
        if not self.dry:
            self.waiting.unlink()


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "users_file": {"type": "path", "required": True},
            "work_dir": {"type": "path", "required": True},
            "lifespan_seconds": {"type": "int", "required": True},
            "require_totp": {"type": "bool", "required": True},
            "redirect_uri": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["mailed", "prepared", "set"]},
        },
        supports_check_mode=True,
    )
    given = module.params
    lines = ""
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        work = Invitations(keycloak, given, module.check_mode)
        if given["state"] == "mailed":
            work.mail(time.time())
        elif given["state"] == "prepared":
            lines = work.prepare()
        else:
            work.set()
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    # Preparing changes no user: it only makes what `set` will set.
    changed = work.counts["invited"] > 0 and given["state"] != "prepared"
    module.exit_json(changed=changed, counts=work.counts, lines=lines)


if __name__ == "__main__":
    main()
