"""Who is still let in once the machine's own firewall stands, asked before it does."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest

import yaml
from modules import ROOT

TASKS = ROOT / "roles/baseline/tasks/set_firewall.yml"


class Client(unittest.TestCase):
    """The program by which the role looks at its own connection, as the role has it."""

    def let_in(self, client: str, *networks: str) -> bool:
        (asks,) = (task for task in yaml.safe_load(TASKS.read_text()) if "baseline_program" in task.get("vars", {}))
        program = [sys.executable, "-c", asks["vars"]["baseline_program"], *networks]
        environment = os.environ | {"SSH_CONNECTION": f"{client} 50022 10.20.0.10 22"}
        done = subprocess.run(program, env=environment, capture_output=True, text=True)
        self.assertEqual((done.stdout.strip(), done.stderr), (client, ""))
        return done.returncode == 0

    def test_one_of_a_listed_network_is(self) -> None:
        self.assertTrue(self.let_in("192.0.2.7", "198.51.100.0/24", "192.0.2.0/24"))
        self.assertTrue(self.let_in("2001:db8::7", "192.0.2.0/24", "2001:db8::/32"))

    def test_nobody_else_is_and_nobody_at_all_where_no_network_is_listed(self) -> None:
        self.assertFalse(self.let_in("192.0.2.7", "198.51.100.0/24", "2001:db8::/32"))
        self.assertFalse(self.let_in("192.0.2.7"))

    def test_an_agent_on_the_machine_is_which_comes_by_the_loopback_interface(self) -> None:
        self.assertTrue(self.let_in("127.0.0.1"))
        self.assertTrue(self.let_in("::1", "192.0.2.0/24"))


if __name__ == "__main__":
    unittest.main()
