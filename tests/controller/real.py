"""A package whose deploy is run by Ansible itself, with what the package brings for it: callback and modules."""

import json
import shutil
import sys
from pathlib import Path

from fixture import TEMPLATES, Package, Story

# Beside the Python that runs the tests: `tools/test-controller` takes that of the linters.
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")

PLAY = """---
- name: Deploy
  hosts: stuf
  gather_facts: false
  tasks:
    - name: Arguments
      ansible.builtin.assert: {{that: true, quiet: true}}
      tags: [always]
{tasks}
"""


class AnsibleStory(Story):
    """Stories in which Ansible itself runs."""

    verbosity = ""  # an option of ansible-playbook

    def real(self, *tasks: str) -> Package:
        """A package whose deploy has these tasks, with Ansible itself as its tool."""
        self.assertTrue(ANSIBLE.exists(), f"{ANSIBLE} is missing; next: make controller")
        package = self.package()
        ansible = "infrastructure/ansible"
        package.write(f"{ansible}/ansible.cfg", (TEMPLATES / ansible / "ansible.cfg").read_text())
        for name in ("callback_plugins", "library", "module_utils", "action_plugins"):
            brought = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(TEMPLATES / ansible / name, package.root / ansible / name, ignore=brought)
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"stuf": {"hosts": {"target": host}}}
        package.write("infrastructure/ansible/inventory/target/hosts.yml", json.dumps(inventory))
        package.write("infrastructure/ansible/playbooks/keep-journal.yml", "---\n")
        text = PLAY.format(home=self.home, tasks="".join(tasks))
        package.write("infrastructure/ansible/playbooks/deploy.yml", text)
        self.with_tools(package.seal())
        tool = next(self.state.glob("venv/*/bin/ansible-playbook"))
        tool.write_text(f'#!/bin/sh\necho "$$" >{self.home}/pid\nexec {ANSIBLE} {self.verbosity} "$@"\n')
        return package
