#!/usr/bin/python
"""Ansible module: lets users set password and second factor, by mail or by a one-time password."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
from collections.abc import Callable
from functools import partial
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
    link has run out, or will within a day; one that holds for less than two days, within half of its time. Whose
    address is another by now gets one at once, since the first went nowhere.
  - C(prepared) makes one-time passwords and keeps them in a file on the machine, C(set) sets them and removes the file;
    between the two the caller takes them to the controller. An interruption in between loses nothing. Whose password
    was deleted gets another one; one that was set and not used yet counts as C(waiting).
  - Whom Keycloak refuses keeps nobody else waiting. They are left in C(refused-invitations.json), readable by root
    alone and gone once nobody is refused; the module then fails with the numbers. A next call tries them last.
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


#: So many refusals one after another are no matter of single users: what is behind Keycloak does not work.
IN_A_ROW = 10

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
        self.refusals = Path(given["work_dir"], "refused-invitations.json")
        self.refused: list[dict[str, str]] = []
        self.not_tried: set[str] = set()
        self.in_a_row = 0
        self.counts = {"invited": 0, "waiting": 0, "set_up": 0, "disabled": 0, "refused": 0, "not_tried": 0}

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
                # One that still has to be changed is a one-time password that nobody has used yet.
                unused = "UPDATE_PASSWORD" in (user.get("requiredActions") or [])
                self.counts["waiting" if unused else "set_up"] += 1
            else:
                found.append(user)
        if missing:
            are = "user of the package is" if len(missing) == 1 else "users of the package are"
            raise StufError(f"{len(missing)} {are} not in the realm; next: ./migrate import")
        # Whoever was refused before comes last, the latest of them last of all, so that each call gets on.
        order = {user_id: place for place, user_id in enumerate(self._refused_before(), start=1)}
        return sorted(found, key=lambda user: order.get(user["id"], 0))

    def _refused_before(self) -> dict[str, dict[str, str]]:
        """Whom earlier calls refused, by their ids; whoever was tried last stands last."""
        if not self.refusals.exists():
            return {}
        return {one["id"]: one for one in json.loads(self.refusals.read_text(encoding="utf-8"))}

    def _try(self, user: User, act: Callable[[], None]) -> bool:
        """Does it for one user; notes who is refused, and tries nobody after many refusals in a row."""
        if self.in_a_row >= IN_A_ROW:
            self.counts["not_tried"] += 1
            self.not_tried.add(user["id"])
            return False
        try:
            if not self.dry:
                act()
        except StufError as error:
            about = {name: str(user.get(name) or "") for name in ("id", "username", "email")}
            self.refused.append(about | {"why": str(error)})
            self.counts["refused"] += 1
            self.in_a_row += 1
            return False
        self.in_a_row = 0
        self.counts["invited"] += 1
        return True

    def keep_refused(self) -> str:
        """Leaves who was refused and why where root alone reads it; what to tell of it, empty where nobody was."""
        if not self.refused:
            if not self.dry:
                self.refusals.unlink(missing_ok=True)
            return ""
        before = [one for user_id, one in self._refused_before().items() if user_id in self.not_tried]
        write_whole(self.refusals, json.dumps(before + self.refused, ensure_ascii=False, indent=1) + "\n")
        counts = self.counts
        said = f"{counts['refused']} refused, {counts['invited']} invited, {counts['waiting']} invited before"
        said += f", {counts['set_up']} set up, {counts['disabled']} disabled"
        if counts["not_tried"]:
            said += f"; {counts['not_tried']} not tried, since {IN_A_ROW} in a row were refused: see that mail goes out"
        return (
            f"{said}. Who was refused, and why: sudo cat {self.refusals}, at the target. "
            "Next: correct that, then ./migrate invite, which invites those who are missing and nobody else"
        )

    def mail(self, now: float) -> None:
        """Sends each pending user one message, and another when its link is about to run out or went elsewhere."""
        lifespan = self.given["lifespan_seconds"]
        good = lifespan - min(lifespan // 2, DAY)
        sent: dict[str, Any] = json.loads(self.notes.read_text(encoding="utf-8")) if self.notes.exists() else {}
        query = {"lifespan": str(lifespan), "client_id": "stuf-spa", "redirect_uri": self.given["redirect_uri"]}
        for user in self.pending():
            address = str(user.get("email") or "").lower()
            if _has_link(sent.get(user["id"]), address, now - good):
                self.counts["waiting"] += 1
                continue
            if self._try(user, partial(self.keycloak.invite, user["id"], self.actions, query)) and not self.dry:
                sent[user["id"]] = {"at": now, "to": address}
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
        """Sets the passwords that were prepared, with the required actions, and forgets those that are set."""
        pending = self.pending()
        if not self.waiting.exists():
            return
        made = json.loads(self.waiting.read_text(encoding="utf-8"))
        left = {}
        for user in pending:
            entry = made.get(user["id"])
            if entry is None:
                continue
            act = partial(self.keycloak.set_password, user["id"], entry["password"], temporary=True)
            if not self._try(user, act):
                left[user["id"]] = entry
        if left:
            # Written down at the controller already: the same one is tried again.
            write_whole(self.waiting, json.dumps(left, ensure_ascii=False))
        elif not self.dry:
            self.waiting.unlink()


def _has_link(note: Any, address: str, since: float) -> bool:
    """Whether a message went to an address after a moment; an earlier version noted the time alone."""
    if isinstance(note, dict):
        return bool(note["to"] == address and note["at"] > since)
    return note is not None and note > since


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
    lines = refused = ""
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        work = Invitations(keycloak, given, module.check_mode)
        if given["state"] == "mailed":
            work.mail(time.time())
            refused = work.keep_refused()
        elif given["state"] == "prepared":
            lines = work.prepare()
        else:
            work.set()
            refused = work.keep_refused()
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    # Preparing changes no user: it only makes what `set` will set.
    changed = work.counts["invited"] > 0 and given["state"] != "prepared"
    if refused:
        module.fail_json(msg=refused, changed=changed, counts=work.counts)
    module.exit_json(changed=changed, counts=work.counts, lines=lines)


if __name__ == "__main__":
    main()
