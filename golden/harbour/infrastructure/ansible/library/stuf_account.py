#!/usr/bin/python
"""Ansible module: whether what is to be made would be made in the right account, and could be reached."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.module_utils import stufpack_provider
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import StufError

DOCUMENTATION = """
module: stuf_account
short_description: Check the account that Terraform would work in
description:
  - Asks the provider whose credentials these are, and refuses those of another account than the values name.
  - Looks for the programs without which the new machine could not be reached. Changes nothing.
options:
  provider: {description: "The provider's word.", type: str, required: true}
  values: {description: The file of the values that Terraform gets., type: path, required: true}
author: [stufpack]
"""
EXAMPLES = """
- name: Ask whose account it is
  stuf_account: {provider: aws, values: /package/infrastructure/terraform/terraform.tfvars.json}
"""
RETURN = """
lines: {description: Whose account it is., type: list, elements: str, returned: success}
"""


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"provider": {"type": "str", "required": True}, "values": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    try:
        provider = stufpack_provider.of(module.params["provider"])
        found = provider.check(json.loads(Path(module.params["values"]).read_bytes()))
    except (StufError, OSError, ValueError, KeyError) as error:
        module.fail_json(msg=str(error), stufpack_exit=12)
    module.exit_json(changed=False, lines=found)


if __name__ == "__main__":
    main()
