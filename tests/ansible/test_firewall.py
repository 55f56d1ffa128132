"""Who is still let in once the machine's own firewall stands, asked before it does."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from typing import Any

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


class TakenBack(unittest.TestCase):
    """The timer that opens the machine again, where new rules let nobody in."""

    def setUp(self) -> None:
        self.tasks: list[dict[str, Any]] = yaml.safe_load(TASKS.read_text())

    def place(self, part: str) -> int:
        """Where the one task stands that holds this text."""
        (found,) = (place for place, task in enumerate(self.tasks) if part in str(task))
        return found

    def test_it_is_ended_by_every_run_that_came_with_a_new_connection_whether_it_has_set_rules_or_not(self) -> None:
        keeps = self.place("systemctl stop stuf-firewall-undo.timer stuf-firewall-undo.service")
        self.assertGreater(keeps, self.place("wait_for_connection"))
        self.assertEqual(self.tasks[keeps]["when"], "not ansible_check_mode")
        self.assertEqual(self.tasks[keeps]["failed_when"], "baseline_kept.rc not in [0, 5]")

    def test_one_of_an_earlier_run_is_ended_before_there_is_another_of_its_name(self) -> None:
        begins = self.tasks[self.place("systemd-run")]["ansible.builtin.shell"]["cmd"].splitlines()
        self.assertEqual(begins[0], "systemctl stop stuf-firewall-undo.timer 2>/dev/null")
        self.assertIn("--unit=stuf-firewall-undo ", begins[1])

    def test_rules_count_as_kept_when_they_act_after_that_and_until_then_the_next_run_sets_them(self) -> None:
        sets = self.place("/usr/sbin/nft --file")
        self.assertEqual(self.tasks[sets]["when"], "baseline_rules.due or baseline_acting.rc != 0")
        noted = self.place("'loaded': True")
        self.assertLess(self.place("systemctl stop stuf-firewall-undo.timer stuf"), self.place("baseline_standing.rc"))
        self.assertLess(self.place("baseline_standing.rc"), noted)


if __name__ == "__main__":
    unittest.main()
