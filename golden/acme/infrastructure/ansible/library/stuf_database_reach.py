#!/usr/bin/python
"""Ansible module: speaks to a database outside as Keycloak will, up to the point where somebody would sign in."""

from __future__ import annotations

import socket
import ssl
import struct

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_database_reach
short_description: Reach a PostgreSQL by TLS
description:
  - Connects, asks for TLS, and takes a certificate of the given authorities alone, which has the name of the database.
    Nobody signs in.
options:
  host: {description: Name of the database., type: str, required: true}
  port: {description: Its port., type: int, required: true}
  authorities: {description: PEM text of the authorities that vouch for it., type: str, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Reach the database
  stuf_database_reach: {host: identity.example.eu-west-1.rds.amazonaws.com, port: 5432, authorities: "{{ pem }}"}
"""
RETURN = """
version: {description: The version of TLS that both took., type: str, returned: success}
"""

# SSLRequest (https://www.postgresql.org/docs/17/protocol-message-formats.html): its length, and no version's number.
ASK_FOR_TLS = struct.pack("!ii", 8, 80877103)
SECONDS = 20


def trusted(authorities: str) -> ssl.SSLContext:
    """TLS as libpq and Keycloak's driver check it.

    Not by `create_default_context`, which since Python 3.13 asks certificates for more than these two do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise StufError(f"the authorities in the package cannot be read ({error}); next: correct the target") from None
    return context


def reach(host: str, port: int, authorities: str) -> str:
    """The version of TLS with which the database has proven who it is."""
    context = trusted(authorities)
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as plain:
            plain.sendall(ASK_FOR_TLS)
            if plain.recv(1) != b"S":
                raise StufError(f"{host}:{port} is no PostgreSQL that speaks TLS; next: ./migrate provision")
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return str(secured.version())
    except ssl.SSLCertVerificationError as error:
        raise StufError(
            f"{host}:{port} shows a certificate that the authorities in the package do not vouch for "
            f"({error.verify_message}); next: give the target those of the database's own region"
        ) from None
    except OSError as error:
        raise StufError(f"{host}:{port} does not answer ({error}); next: ./migrate provision") from None


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "authorities": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        version = reach(module.params["host"], module.params["port"], module.params["authorities"])
    except StufError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, version=version)


if __name__ == "__main__":
    main()
