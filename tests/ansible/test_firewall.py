"""Who is still let in once the machine's own firewall stands, asked before it does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
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
        self.assertIn("--unit=stuf-firewall-undo ", begins[-1])

    def test_rules_count_as_kept_when_they_act_after_that_and_until_then_the_next_run_sets_them(self) -> None:
        sets = self.place("'/usr/sbin/nft --file /etc/stuf-firewall.next'")
        self.assertEqual(self.tasks[sets]["when"], "baseline_rules.due or baseline_acting.rc != 0")
        noted = self.place("'loaded': True")
        self.assertLess(self.place("systemctl stop stuf-firewall-undo.timer stuf"), self.place("baseline_standing.rc"))
        self.assertLess(self.place("baseline_standing.rc"), noted)
        with self.subTest("and then they are those of the next boot, to which later ones are taken back"):
            keeps = self.place("remote_src")
            self.assertTrue(self.place("baseline_standing.rc") < keeps < noted)
            copied = self.tasks[keeps]["ansible.builtin.copy"]
            self.assertEqual((copied["src"], copied["dest"]), ("/etc/stuf-firewall.next", "/etc/stuf-firewall.nft"))

    def test_nothing_but_that_writes_what_a_boot_sets(self) -> None:
        (written,) = (task["ansible.builtin.template"]["dest"] for task in self.tasks if "firewall.nft.j2" in str(task))
        unit = (ROOT / "roles/baseline/files/stuf-firewall.service").read_text()
        self.assertIn("ExecStart=/usr/sbin/nft -f /etc/stuf-firewall.nft\n", unit)
        self.assertEqual(written, "/etc/stuf-firewall.next")
        with self.subTest("and whoever has written it otherwise, or taken it away, has it set anew"):
            asked = self.tasks[self.place("baseline_rules'")]["stuf_loaded"]["files"]
            self.assertEqual(asked, ["/etc/stuf-firewall.next", "/etc/stuf-firewall.nft"])
        with self.subTest("and it is set when it is kept"):
            self.assertGreater(self.place("'state': 'started'"), self.place("remote_src"))


# As far as the role asks it: one table, which is set from a file as a whole.
NFT = """#!/bin/sh -eu
case "$1" in
  list) exec cat "$0.acting" ;;
  delete) exec rm "$0.acting" ;;
  --file) ! grep -q broken "$2" && exec cp "$2" "$0.acting" ;;
esac
"""
SYSTEMD_RUN = """#!/bin/sh -eu
while [ "$1" != /bin/sh ]; do shift; done
printf '%s' "$3" >"$0.command"
"""


class Machine(unittest.TestCase):
    """What the timer does, with a stand-in for the kernel's rules."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ("etc", "run", "bin"):
            (self.root / name).mkdir()
        for name, text in (("nft", NFT), ("systemd-run", SYSTEMD_RUN), ("systemctl", "#!/bin/sh\n")):
            (self.root / "bin" / name).write_text(text)
            (self.root / "bin" / name).chmod(0o700)
        self.acting = self.root / "bin/nft.acting"
        self.new, self.kept = self.root / "etc/stuf-firewall.next", self.root / "etc/stuf-firewall.nft"

    def shell(self, command: str) -> int:
        """Runs a command of the role on this machine."""
        for there in ("/usr/sbin/", "/etc/", "/run/"):
            command = command.replace(there, f"{self.root}/{there.strip('/').replace('usr/sbin', 'bin')}/")
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        return subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, check=False).returncode

    def task(self, part: str) -> str:
        """The shell text of the one task that holds this."""
        shells = (task.get("ansible.builtin.shell", {}).get("cmd", "") for task in yaml.safe_load(TASKS.read_text()))
        (found,) = (text for text in shells if part in text)
        return str(found)

    def sets(self, rules: str) -> None:
        """What a run does until it is cut off, with rules that let nobody in: the timer is there, and they act."""
        self.new.write_text(rules)
        self.assertEqual(self.shell(self.task("systemd-run")), 0)
        self.acting.write_text(rules)
        self.assertTrue(self.stand())

    def stand(self) -> bool:
        """Whether the role goes on after it has looked once more."""
        return self.shell(self.task("test ! -e")) == 0

    def two_minutes_pass(self) -> None:
        """The timer's command as systemd got it, which names its files by their places here already."""
        command = (self.root / "bin/systemd-run.command").read_text()
        self.assertNotRegex(command, r"[$%]", "systemd would fill that in")
        subprocess.run(["/bin/sh", "-c", command], check=False, stderr=subprocess.DEVNULL)

    def test_rules_that_were_kept_come_back_and_stay_those_of_the_next_boot(self) -> None:
        self.kept.write_text("former")
        self.acting.write_text("former")
        self.sets("new")
        self.assertEqual(self.kept.read_text(), "former", "a server that starts anew in these two minutes has those")
        self.two_minutes_pass()
        self.assertEqual((self.acting.read_text(), self.kept.read_text()), ("former", "former"))
        self.assertFalse(self.stand(), "a run that comes back now would take the former rules for the new ones")
        with self.subTest("and the next run can set them again"):
            self.sets("new")

    def test_a_machine_on_which_no_rules_acted_is_open_again(self) -> None:
        for kept in (False, True):
            with self.subTest(kept=kept):
                if kept:
                    self.kept.write_text("former")
                self.sets("new")
                self.two_minutes_pass()
                self.assertFalse(self.acting.exists())
                self.assertFalse(self.stand())

    def test_former_rules_that_do_not_load_leave_it_open_and_not_locked(self) -> None:
        self.kept.write_text("broken")
        self.acting.write_text("former")
        self.sets("new")
        self.two_minutes_pass()
        self.assertFalse(self.acting.exists())


class Status(unittest.TestCase):
    def test_it_asks_for_the_rules_themselves_since_the_unit_stays_active_without_them(self) -> None:
        tasks = yaml.safe_load((ROOT / "roles/stuf/tasks/show_services.yml").read_text())
        (asks,) = (task for task in tasks if task.get("register") == "stuf_rules")
        self.assertEqual(asks["ansible.builtin.command"], "/usr/sbin/nft list table inet stuf")
        (says,) = (task for task in tasks if task.get("when") == "stuf_rules.rc != 0")
        self.assertEqual(
            says["ansible.builtin.debug"]["msg"],
            "firewall: NO RULES ACT on the machine itself, whatever its unit says; ./migrate prepare sets them, "
            "or where that is refused, on the machine: sudo systemctl restart stuf-firewall",
        )


if __name__ == "__main__":
    unittest.main()
