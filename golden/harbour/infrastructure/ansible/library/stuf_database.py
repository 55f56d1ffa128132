#!/usr/bin/python
"""Ansible module: Keycloak's own user in a database outside, and what it may do there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_database
short_description: Make Keycloak's own user in a database outside
description:
  - Signs in as that user, by the client of the Compose project, and looks at what it may do. Only where it cannot sign
    in, or make its tables, does the administrator make it or give it its password anew.
  - It owns what it makes, in the one schema, and nothing else. Nobody but it and the administrator may connect.
  - A password is no argument and stands in no statement; the database gets what proves it (SCRAM-SHA-256).
options:
  project: {description: Folder of the Compose project., type: path, required: true}
  password_file: {description: File with the password of Keycloak's user., type: path, required: true}
  administrator: {description: Name of the database's administrator., type: str, required: true}
  administrator_file: {description: File with their password., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Make Keycloak's user
  stuf_database:
    project: /opt/stuf/compose
    password_file: /etc/stuf/secrets/postgres_password
    administrator: stuf
    administrator_file: /run/stufpack-database-administrator
"""
RETURN = """
server: {description: Major version of the database., type: int, returned: success}
"""

Run = Callable[[list[str], str], tuple[int, str, str]]
PSQL = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
# What the user sees of itself, as one line of JSON.
LOOK = """
SELECT json_build_object(
  'server', current_setting('server_version_num')::int / 10000,
  'tls', (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()),
  'makes', has_schema_privilege('public', 'CREATE') AND has_schema_privilege('public', 'USAGE'),
  'owns', (SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()),
  'may', (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
          FROM pg_roles WHERE rolname = current_user),
  'belongs', EXISTS (SELECT FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname = current_user)
);
"""
# In one transaction; a second time it changes nothing but the password. The schema belongs to whoever owns the
# database, which is the administrator.
MAKE = """
BEGIN;
SELECT 'CREATE ROLE keycloak' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keycloak') \\gexec
ALTER ROLE keycloak LOGIN PASSWORD '{proof}';
REVOKE ALL ON DATABASE keycloak FROM PUBLIC;
GRANT CONNECT ON DATABASE keycloak TO keycloak;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO keycloak;
COMMIT;
"""
# What PostgreSQL says where the user is not there yet, has another password, or no right to come in.
REFUSED = ("password authentication failed", "permission denied for database", "is not permitted to log in")
ITERATIONS = 4096
AGAIN = (
    "it is changed every week. Next: get it as ./migrate provision says, write it to secrets/database_administrator in "
    "the state folder, then ./migrate deploy"
)


def proof(password: bytes, salt: bytes | None = None) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), which nobody can sign in with."""
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    coded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{coded[0]}${coded[1]}:{coded[2]}"


class Client:
    """The client of the project, which runs for one command."""

    def __init__(self, run: Run, project: str) -> None:
        self._run = run
        self._start = ["docker", "compose", "--project-directory", project, "run", "--rm", "--no-deps", "--no-TTY"]

    def __call__(self, command: list[str], text: str = "") -> tuple[int, str, str]:
        """Status, output and what was said by a command in the client."""
        return self._run([*self._start, "postgres", *command], text)

    def major(self) -> int:
        """The major version of the client's own programs."""
        code, output, errors = self(["pg_dump", "--version"])
        found = re.search(r"\(PostgreSQL\) (\d+)", output)
        if code != 0 or found is None:
            raise StufError(f"the image of PostgreSQL has no pg_dump: {said(errors)}")
        return int(found[1])


def said(errors: str) -> str:
    """The last lines that a program of PostgreSQL said, without what Compose says of its container."""
    lines = [line.strip() for line in errors.splitlines()]
    told = [line for line in lines if re.search(r"FATAL|ERROR|error:|could not", line)]
    return "; ".join((told or lines)[-2:]) or "it said nothing"


def look(client: Client) -> dict[str, Any] | None:
    """What Keycloak's user sees of itself; nothing where it cannot sign in."""
    code, output, errors = client(PSQL, LOOK)
    if code == 0:
        found: dict[str, Any] = json.loads(output)
        return found
    if any(text in errors for text in REFUSED):
        return None
    raise StufError(f"Keycloak's user does not reach the database: {said(errors)}")


def make(client: Client, password: bytes, administrator: str, file: Path) -> None:
    """Makes the user, or gives it its password and rights anew."""
    if not file.is_file():
        raise StufError(
            "Keycloak's user cannot sign in to the database yet, and the password of its administrator was not given; "
            f"{AGAIN}"
        )
    given = file.read_text(encoding="utf-8").rstrip("\n")
    if not given or "\n" in given:
        raise StufError(f"secrets/database_administrator is not one line with the password; {AGAIN}")
    text = f"{given}\n{MAKE.format(proof=proof(password))}"
    code, _, errors = client(["administrator", administrator, *PSQL], text)
    if code != 0:
        refused = REFUSED[0] in errors
        raise StufError(
            f"the database refuses the password of its administrator {administrator}: {AGAIN}"
            if refused
            else f"Keycloak's user was not made: {said(errors)}"
        )


def wrong(found: dict[str, Any], client: int) -> list[str]:
    """What is otherwise than it should be."""
    told = []
    if not found["tls"]:
        told.append("it is not spoken to by TLS")
    if not found["makes"]:
        told.append("Keycloak's user may make no tables")
    if found["owns"] or found["may"] or found["belongs"]:
        told.append("Keycloak's user may more than make its own tables")
    if client < found["server"]:
        # pg_dump refuses a server that is newer than itself.
        told.append(
            f"it is PostgreSQL {found['server']}, and the image of PostgreSQL in this package has the programs of "
            f"{client}, by which no backup of it could be made: name a newer one in the target's images"
        )
    return told


def settle(run: Run, given: dict[str, Any]) -> tuple[bool, int]:
    """Whether the user was made, and the database's major version; raises `StufError` for what is not right."""
    client = Client(run, given["project"])
    password = Path(given["password_file"]).read_bytes().rstrip(b"\n")
    found = look(client)
    changed = found is None or not found["makes"]
    if changed:
        make(client, password, given["administrator"], Path(given["administrator_file"]))
        found = look(client)
    if found is None:
        raise StufError("Keycloak's user was made, and the database refuses it all the same")
    told = wrong(found, client.major())
    if told:
        raise StufError(f"the database is not as it was made: {'; '.join(told)}")
    return changed, int(found["server"])


def main() -> None:
    """Runs as an Ansible module."""
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "project": path,
            # Files with passwords, not passwords.
            "password_file": {**path, "no_log": False},
            "administrator": {"type": "str", "required": True},
            "administrator_file": path,
        }
    )
    try:
        # Never without input: a command would read what is left of the module's own.
        changed, server = settle(lambda command, text: module.run_command(command, data=text or "\n"), module.params)
    except (StufError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, server=server)


if __name__ == "__main__":
    main()
