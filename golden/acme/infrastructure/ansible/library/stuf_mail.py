#!/usr/bin/python
"""Ansible module: speaks to the mail server as Keycloak will, without sending anything."""

from __future__ import annotations

import smtplib
import ssl

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stuf_mail
short_description: Reach the mail server
description:
  - Connects, greets, and negotiates TLS with a certificate that the system trusts. No sign-in, no message.
options:
  host: {description: Name of the mail server., type: str, required: true}
  port: {description: Port of the mail server., type: int, required: true}
  encryption: {description: How the connection is protected., type: str, required: true, choices: [starttls, tls, none]}
author: [stufpack]
"""
EXAMPLES = """
- name: Reach the mail server
  stuf_mail: {host: mail.example.org, port: 587, encryption: starttls}
"""
RETURN = """
greeting: {description: Status of the server's answer., type: int, returned: success}
"""


def greet(host: str, port: int, encryption: str) -> int:
    """The status of EHLO once the connection is as protected as it should be."""
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if encryption == "tls":
        server = smtplib.SMTP_SSL(host, port, timeout=20, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=20)
    with server:
        status, _ = server.ehlo()
        if encryption == "starttls":
            server.starttls(context=context)
            status, _ = server.ehlo()
        return status


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "encryption": {"type": "str", "required": True, "choices": ["starttls", "tls", "none"]},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        status = greet(given["host"], given["port"], given["encryption"])
    except (OSError, smtplib.SMTPException, ssl.SSLError) as error:
        module.fail_json(msg=f"{given['host']}:{given['port']} ({given['encryption']}): {error}")
    if status != 250:
        module.fail_json(msg=f"{given['host']}:{given['port']} answered {status} to the greeting")
    module.exit_json(changed=False, greeting=status)


if __name__ == "__main__":
    main()
