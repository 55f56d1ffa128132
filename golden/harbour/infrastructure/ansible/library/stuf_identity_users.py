#!/usr/bin/python
"""Ansible module: users of a package in Keycloak, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import Begun, write_whole
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_keycloak import Keycloak, User
from ansible.module_utils.stufpack_realm import OWN_ROLES, foreign_roles

DOCUMENTATION = """
module: stuf_identity_users
short_description: Save, import, compare or restore the users of a package
description:
  - Reads the package's users from a file on the machine; no user's data is a module argument, result or log line.
  - Users who are not in the package are only counted, and touched where an unfinished import has written them. Those
    who are have its roles and attributes and no others, beside what Keycloak itself gives and writes.
  - Where the package asks for a second factor, whoever of them has none sets one up at the next sign-in.
  - An import notes each user beside what was saved, just before it writes him, until all is put back or somebody takes
    the note away. As long as it lies there, saving leaves what was saved of each value that stands as it was written,
    also for another package. What stands half never becomes what stood before, and what others have changed since does.
  - Whom an unfinished import has written and the package does not have, an import puts back first, since afterwards
    nobody would.
  - Who was saved and is gone when users are put back was deleted by others, since no import does that, and is counted.
  - Whom an import stopped at, and whom a comparison tells of, is left in a file that root alone reads. It stays when
    the users are put back, since afterwards nobody could tell, and goes once there is nobody to name.
options:
  secrets_dir: {description: Folder of the secret files., type: path, required: true}
  realm: {description: Name of the realm., type: str, required: true}
  users_file: {description: The package's realm-users.json on the machine., type: path, required: true}
  saved_file: {description: Where the state before the import is kept., type: path, required: true}
  names_file: {description: File for the names of those who are told of., type: path, required: false}
  state:
    description:
      - C(saved) keeps what stands in Keycloak now; C(imported) brings it to the package; C(compared) makes a check of
        each kind of value; C(restored) brings back what was saved.
    type: str
    required: true
    choices: [saved, imported, compared, restored]
author: [stufpack]
"""
EXAMPLES = """
- name: Import the users
  stuf_identity_users:
    secrets_dir: /etc/stuf/secrets
    realm: stuf
    users_file: /opt/stuf/configuration/integration-config/realm-users.json
    saved_file: /var/lib/stufpack/before/users.json
    names_file: /var/lib/stufpack/users-otherwise.json
    state: imported
"""
RETURN = """
counts: {description: Numbers only, by what was done., type: dict, returned: always}
summary: {description: The same as a line for the log., type: str, returned: always}
since: {description: When an unfinished import before this one began; else empty., type: str, returned: always}
checks: {description: One entry per kind of value., type: list, elements: dict, returned: with state C(compared)}
"""

PLAIN = ("email", "firstName", "lastName", "enabled", "emailVerified")
# The rest of what a package says of a user: its own kinds, and what a user works off at the first sign-in.
NOT_PLAIN = {"username", "attributes", "realmRoles", "requiredActions"}
# What a package asks of a user who shall have a second factor.
SECOND_FACTOR = "CONFIGURE_TOTP"
# Attributes that Keycloak itself writes, when a user chooses a language, accepts terms or changes an address.
OWN_ATTRIBUTES = ("locale", "terms_and_conditions", "kc.")
COUNTED = ("created", "updated", "roles", "unchanged", "kept", "put_back", "removed", "gone", "differing")
# What `compare` tells apart.
KINDS = {
    "users": "is there",
    "fields": "has address, name and state as in the package",
    "attributes": "has exactly the collections, permissions and further attributes of the package",
    "roles": "has exactly the roles of the package",
}
# The collection of validations, which nobody else may reach by name than those who validate.
VALIDATION = "stufpack-validation"
TRUST_ARCHITECT = "trust-architect"


def read_users(path: str) -> dict[str, User]:
    """The package's users by name, in lower case as Keycloak keeps it."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    if document.get("schema_version") is None or not isinstance(document.get("users"), list):
        raise StufError(f"{path} is not a document of realm users")
    users = {str(user["username"]).lower(): user for user in document["users"]}
    if len(users) != len(document["users"]):
        raise StufError(f"{path} names a user twice")
    return users


def by_name(users: list[User]) -> dict[str, User]:
    """Keycloak's users by name."""
    return {str(user["username"]).lower(): user for user in users}


def difference(wanted: User, found: User) -> User:
    """The fields of a user that have to change; empty where nothing has."""
    changes: User = {name: wanted[name] for name in PLAIN if name in wanted and _differs(name, wanted, found)}
    held, said = (_with_values(user) for user in (found, wanted))
    kept = {name: values for name, values in held.items() if name not in said and _is_own(name)}
    if held != kept | said:
        changes["attributes"] = kept | said
    if _needs_factor(wanted) and not _has_factor(found):
        changes["requiredActions"] = [*(found.get("requiredActions") or []), SECOND_FACTOR]
    return changes


def _needs_factor(wanted: User) -> bool:
    return SECOND_FACTOR in (wanted.get("requiredActions") or [])


def _has_factor(found: User) -> bool:
    """Whether a user has a second factor, or cannot sign in without setting one up."""
    return bool(found.get("totp")) or SECOND_FACTOR in (found.get("requiredActions") or [])


def _with_values(user: User) -> dict[str, Any]:
    """Attributes of a user; Keycloak does not keep those without a value."""
    return {name: values for name, values in (user.get("attributes") or {}).items() if any(values)}


def _is_own(attribute: str) -> bool:
    return attribute.lower().startswith(OWN_ATTRIBUTES)


def _differs(name: str, wanted: User, found: User) -> bool:
    left, right = wanted[name], found.get(name)
    if name == "email":  # Keycloak keeps addresses in lower case
        left, right = str(left or "").lower(), str(right or "").lower()
    if name in ("firstName", "lastName"):
        left, right = left or "", right or ""
    return bool(left != right)


def before_halves(before: User | None, wrote: list[User], now: User) -> User | None:
    """A user as he stood before unfinished imports which `wrote` him; `None` for one whom they created.

    Each value that stands as an import writes it is taken from before, and every other one stays as it is now.
    """
    held = set(now["realmRoles"])
    roles = [set(user.get("realmRoles") or []) for user in wrote]
    if before is None or before["id"] != now["id"]:
        created = held <= set().union(*roles) and any(_is_as_created(user, now) for user in wrote)
        return None if created else now
    user = dict(now)
    for name in PLAIN:
        if any(name in one and not _differs(name, one, now) for one in wrote):
            user[name] = before.get(name)
    attributes = _attributes_before(_with_values(before), [_with_values(one) for one in wrote], _with_values(now))
    if attributes != _with_values(now):
        user["attributes"] = attributes
    # The one required action that an import gives to somebody who is there.
    actions = now.get("requiredActions") or []
    if SECOND_FACTOR in actions and any(map(_needs_factor, wrote)) and not _has_factor(before):
        user["requiredActions"] = [one for one in actions if one != SECOND_FACTOR]
    had = set(before["realmRoles"])
    written = {role for role in held | had if any((role in one) == (role in held) for one in roles)}
    user["realmRoles"] = sorted((had & written) | (held - written))
    return user


def _attributes_before(had: dict[str, Any], wrote: list[dict[str, Any]], held: dict[str, Any]) -> dict[str, Any]:
    """Attributes as they stood before; those that Keycloak itself writes, an import leaves."""
    found = {}
    for name in held.keys() | had.keys():
        forms = [one.get(name) for one in wrote if name in one or not _is_own(name)]
        value = had.get(name) if held.get(name) in forms else held.get(name)
        if value is not None:
            found[name] = value
    return found


def _is_as_created(wanted: User, found: User) -> bool:
    """Whether a user stands as an import creates him, roles aside; who has signed in since has worked off an action."""
    asked, left = (set(user.get("requiredActions") or []) for user in (wanted, found))
    return asked <= left and not difference(wanted, found)


class Import:
    """One run over the users of a package."""

    def __init__(self, keycloak: Keycloak, wanted: dict[str, User], dry: bool, names_file: str = "") -> None:
        self.keycloak = keycloak
        self.wanted = wanted
        self.dry = dry
        self.names_file = names_file
        self.named: dict[str, list[str]] = {}  # by user name, what is told of them
        self.roles = keycloak.roles()
        self.counts = dict.fromkeys(COUNTED, 0)
        self.checks: list[dict[str, Any]] = []
        missing = {role for user in wanted.values() for role in user.get("realmRoles") or []} - set(self.roles)
        if missing:
            raise StufError(f"the realm lacks {len(missing)} of the roles that users of the package have")

    @property
    def changed(self) -> bool:
        """Whether anything was or would be written."""
        return any(self.counts[name] for name in ("created", "updated", "roles", "put_back", "removed"))

    @property
    def summary(self) -> str:
        """The numbers as a line for the log."""
        words = [f"{count} {name.replace('_', ' ')}" for name, count in self.counts.items() if count]
        return f"users of the package: {len(self.wanted)}" + "".join(f", {word}" for word in words)

    def apply(self, notes: Callable[[str, User], None] = lambda name, user: None) -> None:
        """Brings every user of the package to the wanted state, and notes each one just before it is written."""
        found = by_name(self.keycloak.users())
        self.counts["kept"] = len(set(found) - set(self.wanted))
        for name, user in self.wanted.items():
            try:
                self._one(user, found.get(name), partial(notes, name, user))
            except StufError as error:
                self.named[name] = [f"import: {error}"]
                raise StufError(f"{error}; for whom: sudo cat {self.names_file}, at the target") from None

    def keep_names(self) -> None:
        """Leaves who is told of where root alone reads it; no file where that is nobody."""
        path = Path(self.names_file)
        if self.dry:
            return
        if self.named:
            write_whole(path, json.dumps(self.named, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        else:
            path.unlink(missing_ok=True)

    def _one(self, user: User, found: User | None, note: Callable[[], None]) -> None:
        roles = set(user.get("realmRoles") or [])
        if found is None:
            self.counts["created"] += 1
            if not self.dry:
                note()
                fields = {name: value for name, value in user.items() if name != "realmRoles"}
                self._set_roles(self.keycloak.create(fields), roles)
            return
        changes = difference(user, found)
        same_roles = self._roles_of(found["id"]) == roles
        if (changes or not same_roles) and not self.dry:
            note()
        if changes and not self.dry:
            self.keycloak.update(found["id"], {**found, **changes})
        if not same_roles and not self.dry:
            self._set_roles(found["id"], roles)
        self.counts["updated"] += bool(changes)
        self.counts["roles"] += not same_roles
        self.counts["unchanged"] += not changes and same_roles

    def _roles_of(self, user_id: str) -> set[str]:
        return foreign_roles(self.keycloak.roles_of(user_id), self.keycloak.realm)

    def _set_roles(self, user_id: str, wanted: set[str]) -> None:
        held = self._roles_of(user_id)
        if wanted - held:
            self.keycloak.grant(user_id, [self.roles[name] for name in sorted(wanted - held)])
        if held - wanted:
            self.keycloak.revoke(user_id, [self.roles[name] for name in sorted(held - wanted)])

    def compare(self) -> None:
        """Reads every user back and counts those who differ, by what differs."""
        found = by_name(self.keycloak.users())
        self.counts["kept"] = len(set(found) - set(self.wanted))
        wrong: dict[str, list[str]] = {kind: [] for kind in KINDS}
        people = {name: user for name, user in found.items() if name in self.wanted or user.get("enabled")}
        rights = {name: self.keycloak.rights_of(user["id"]) for name, user in people.items()}
        for name, user in self.wanted.items():
            kinds = self._differing(user, found.get(name), rights.get(name, (set(), set()))[0])
            for kind in kinds:
                wrong[kind].append(name)
            self.counts["differing" if kinds else "unchanged"] += 1
        for kind, words in KINDS.items():
            users = "user" if len(self.wanted) == 1 else "users"
            self._check(kind, f"each of {len(self.wanted)} {users} {words}", wrong[kind])
        self._second_factor(found)
        self._further_rights(people, rights)
        self._others({name: user for name, user in found.items() if name not in self.wanted})
        others = {name: user for name, user in found.items() if not _validates(self.wanted.get(name))}
        expected = "no user may reach it by name who is no Trust Architect of the package"
        reaching = [name for name, user in others.items() if _reaches_validation(user)]
        self._check("validation-collection", expected, reaching)

    def _differing(self, wanted: User, found: User | None, held: set[str]) -> set[str]:
        if found is None:
            return {"users"}
        kinds = {"attributes"} & set(difference(wanted, found))
        # Whatever the package says of a user, not what the import knows to write: it may have forgotten a field.
        if any(_differs(name, wanted, found) for name in wanted.keys() - NOT_PLAIN):
            kinds.add("fields")
        held = foreign_roles(held, self.keycloak.realm)
        return kinds | ({"roles"} if held != set(wanted.get("realmRoles") or []) else set())

    def _second_factor(self, found: dict[str, User]) -> None:
        """Nothing is expected where the package asks for none; who is not there at all is told of as such."""
        asked = {name: found[name] for name, user in self.wanted.items() if _needs_factor(user) and name in found}
        if any(map(_needs_factor, self.wanted.values())):
            without = [name for name, user in asked.items() if user.get("enabled") and not _has_factor(user)]
            expected = "each user of the package who may sign in has a second factor, or has to set one up first"
            self._check("second-factor", expected, without)

    def _further_rights(self, people: dict[str, User], rights: dict[str, tuple[set[str], set[str]]]) -> None:
        """Roles of clients, groups and Keycloak's own roles by hand: no package gives them, no import takes them."""
        grouped = self.keycloak.has_groups()
        able = {name: user["id"] for name, user in people.items() if user.get("enabled")}
        more = [
            name
            for name, key in able.items()
            if rights[name][1] or rights[name][0] & OWN_ROLES or (grouped and self.keycloak.in_groups(key))
        ]
        expected = "nobody who may sign in has roles of clients, groups or Keycloak's own roles by hand"
        self._tell("further-rights", expected, f"{len(more)} otherwise, kept as they are", "warn", more)

    def _others(self, others: dict[str, User]) -> None:
        """Users of the target alone are kept, and people are told; how many is all that a report may say of them."""
        able = [name for name, user in others.items() if user.get("enabled")]
        expected = "nobody may sign in whom the package does not have"
        self._tell("others", expected, f"{len(able)} more, kept as they are", "warn", able)

    def _check(self, kind: str, expected: str, wrong: list[str]) -> None:
        self._tell(kind, expected, f"{len(wrong)} otherwise", "fail", wrong)

    def _tell(self, kind: str, expected: str, observed: str, verdict: str, names: list[str]) -> None:
        """A check passes where it is about nobody; who else it is about stands in the file, and in no report."""
        check = {"id": f"identity/{kind}", "expected": expected, "observed": "so it is", "verdict": "pass"}
        if names:
            check |= {"observed": f"{observed}, named at the target in {self.names_file}", "verdict": verdict}
        self.checks.append(check)
        for name in names:
            self.named.setdefault(name, []).append(check["id"])

    def save(self, begun: Collection[str] = ()) -> list[User]:
        """Users of the package, and whom else an import has begun to write, as they stand now, with their roles."""
        saved = []
        for name, user in by_name(self.keycloak.users()).items():
            if name in self.wanted or name in begun:
                saved.append({**user, "realmRoles": sorted(self._roles_of(user["id"]))})
        return saved

    def restore(self, saved: dict[str, User], begun: Collection[str] = ()) -> int:
        """Removes whom this import, or an unfinished one before it, created, and brings back the others; how many."""
        count = 0
        for name, user in by_name(self.keycloak.users()).items():
            if (name in self.wanted or name in begun) and name not in saved:
                count += 1
                self.counts["removed"] += 1
                if not self.dry:
                    self.keycloak.delete(user["id"])
        for user in saved.values():
            current = self.keycloak.user(user["username"])
            if current is None:
                self.counts["gone"] += 1
                continue
            roles = set(user.pop("realmRoles")) & set(self.roles)
            fields = (*PLAIN, "attributes", "requiredActions")
            differs = any(user.get(name) != current.get(name) for name in fields)
            same_roles = self._roles_of(current["id"]) == roles
            if differs:
                self.counts["updated"] += 1
                if not self.dry:
                    self.keycloak.update(current["id"], {**current, **{name: user.get(name) for name in fields}})
            if not same_roles:
                self.counts["roles"] += 1
                if not self.dry:
                    self._set_roles(current["id"], roles)
            count += differs or not same_roles
        return count


def _validates(user: User | None) -> bool:
    return user is not None and TRUST_ARCHITECT in (user.get("realmRoles") or [])


def _reaches_validation(user: User) -> bool:
    return any(f'"{VALIDATION}"' in text for text in (user.get("attributes") or {}).get("collections") or [])


def run(work: Import, state: str, saved_file: str) -> str:
    """Does what the state asks for; when an import before it began that was neither finished nor put back."""
    begun = Begun(Path(saved_file), work.dry)
    if state == "saved":
        before = _read(saved_file) if begun.wrote else {}
        stood = _stood(work, begun.wrote, before)
        if not work.dry:
            write_whole(Path(saved_file), json.dumps(list(stood.values()), ensure_ascii=False))
        begun.stays()
    elif state == "restored":
        work.restore(_read(saved_file), begun.wrote)
        begun.ends()
    else:
        try:
            if state == "imported":
                left = {name: forms for name, forms in begun.wrote.items() if name not in work.wanted}
                if left:
                    others = Import(work.keycloak, {}, work.dry)
                    work.counts["put_back"] = others.restore(_stood(others, left, _read(saved_file)), left)
                    begun.forgets(left)
                work.apply(begun.adds)
            else:
                work.compare()
        finally:
            work.keep_names()
    return begun.since


def _stood(work: Import, wrote: dict[str, list[User]], before: dict[str, User]) -> dict[str, User]:
    """Users of the package, and those whom unfinished imports wrote, as they stood before; no one they made."""
    found = {
        name: before_halves(before.get(name), wrote[name], user) if name in wrote else user
        for name, user in by_name(work.save(wrote)).items()
    }
    return {name: user for name, user in found.items() if user is not None}


def _read(saved_file: str) -> dict[str, User]:
    return by_name(json.loads(Path(saved_file).read_text(encoding="utf-8")))


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "secrets_dir": {"type": "path", "required": True, "no_log": False},
            "realm": {"type": "str", "required": True},
            "users_file": {"type": "path", "required": True},
            "saved_file": {"type": "path", "required": True},
            "names_file": {"type": "path"},
            "state": {"type": "str", "required": True, "choices": ["saved", "imported", "compared", "restored"]},
        },
        required_if=[("state", state, ["names_file"]) for state in ("imported", "compared")],
        supports_check_mode=True,
    )
    given = module.params
    try:
        keycloak = Keycloak.as_operator(module.run_command, given["realm"], given["secrets_dir"])
        work = Import(keycloak, read_users(given["users_file"]), module.check_mode, given["names_file"] or "")
        since = run(work, given["state"], given["saved_file"])
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=work.changed, counts=work.counts, summary=work.summary, checks=work.checks, since=since)


if __name__ == "__main__":
    main()
