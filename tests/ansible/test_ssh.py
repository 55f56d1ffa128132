"""Who could still sign in by password, found before passwords are turned off."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from modules import ROOT

TASKS = ROOT / "roles/baseline/tasks/harden_ssh.yml"


class Blocks(unittest.TestCase):
    """The program that looks for blocks which take passwords, as the role has it."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def found(self, text: str, file: str = "sshd_config") -> list[str]:
        """What it names of a file of this text."""
        (self.folder / "sshd_config.d").mkdir(exist_ok=True)
        (self.folder / file).write_text(text)
        (looks,) = (task for task in yaml.safe_load(TASKS.read_text()) if task.get("register") == "baseline_blocks")
        given = looks["ansible.builtin.shell"]
        self.assertEqual((given["chdir"], given["executable"]), ("/etc/ssh", "/bin/sh"))
        done = subprocess.run(["sh", "-c", given["cmd"]], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_one_that_takes_passwords_is_named_by_file_and_line(self) -> None:
        text = "PasswordAuthentication no\nMatch User backup\n  PasswordAuthentication yes\n"
        self.assertEqual(self.found(text), ["/etc/ssh/sshd_config:3:   PasswordAuthentication yes"])
        text = "Match Address 10.0.0.0/8\n\tX11Forwarding no\n\tKbdInteractiveAuthentication yes # for a while\n"
        (told, _) = self.found(text, "sshd_config.d/60-agency.conf")[::-1]
        self.assertEqual(
            told, "/etc/ssh/sshd_config.d/60-agency.conf:3: \tKbdInteractiveAuthentication yes # for a while"
        )

    def test_however_sshd_lets_it_be_written(self) -> None:
        for line in (
            "passwordauthentication=yes",
            "PASSWORDAUTHENTICATION = YES",
            'PasswordAuthentication "yes"',
            "ChallengeResponseAuthentication\tyes",
            "PasswordAuthentication 'yes'",
            "PasswordAuthentication yes\r",
        ):
            for match in ("Match all", "match\tgroup staff", '"Match" User backup', "Match=User backup"):
                with self.subTest(line=line, match=match):
                    self.assertEqual(len(self.found(f"{match}\n{line}\n")), 1)

    def test_what_the_first_file_overrules_and_what_takes_none_is_left_alone(self) -> None:
        for text in (
            "PasswordAuthentication yes\nMatch User backup\n  PasswordAuthentication no\n",
            "#Match User backup\nPasswordAuthentication yes\n",
            "Match User backup\n# PasswordAuthentication yes\n  KbdInteractiveAuthentication no\n",
            "Match User backup\n  PubkeyAuthentication yes\n  ForceCommand echo PasswordAuthentication yes\n",
        ):
            with self.subTest(text):
                self.assertEqual(self.found(text), [])
        with self.subTest("a block ends with its file"):
            self.found("Match User backup\n  PermitTTY no\n")
            self.assertEqual(self.found("PasswordAuthentication yes\n", "sshd_config.d/50-cloud-init.conf"), [])
        with self.subTest("and a machine without either is like one without blocks"):
            for path in self.folder.rglob("*config*/*"):
                path.unlink()
            (self.folder / "sshd_config").unlink()
            self.assertEqual(self.found("", "sshd_config.d/none.conf.bak"), [])

    def test_files_elsewhere_that_it_includes_are_named_since_nobody_looks_into_them(self) -> None:
        for line in (
            "Include /etc/ssh/extra/*.conf",
            "include=extra.conf",
            'INCLUDE "/etc/ssh/sshd_config.d/*.conf" /etc/ssh/extra.conf',
            "Include /etc/ssh/sshd_config.d/*",
            "Include /ETC/ssh/sshd_config.d/*.conf",
            "Include /etc/ssh/sshd_config.d/*.conf#.conf",
        ):
            with self.subTest(line):
                self.assertEqual(self.found(f"Port 22\n{line}\n"), [f"/etc/ssh/sshd_config:2: {line}"])
        with self.subTest("also from within the folder that is looked at"):
            told = self.found("Include /root/sshd\n", "sshd_config.d/60-agency.conf")
            self.assertEqual(told[-1], "/etc/ssh/sshd_config.d/60-agency.conf:1: Include /root/sshd")
        with self.subTest("and that folder itself in a block, of which its files would be part"):
            (self.folder / "sshd_config.d/60-agency.conf").unlink()
            text = "Match User backup\nInclude /etc/ssh/sshd_config.d/*.conf\n"
            self.assertEqual(self.found(text), ["/etc/ssh/sshd_config:2: Include /etc/ssh/sshd_config.d/*.conf"])

    def test_the_include_that_a_debian_has_is_left_alone_however_it_is_written(self) -> None:
        for line in (
            "Include /etc/ssh/sshd_config.d/*.conf",
            "  include\t/etc/ssh/sshd_config.d/*.conf  # Debian's",
            'Include = "sshd_config.d/*.conf"\r',
            "#Include /etc/ssh/extra/*.conf",
        ):
            with self.subTest(line):
                self.assertEqual(self.found(f"{line}\nPasswordAuthentication no\n"), [])

    def test_it_is_refused_before_anything_is_changed(self) -> None:
        names = [task["name"] for task in yaml.safe_load(TASKS.read_text())]
        self.assertLess(names.index("Check that there is none"), names.index("Harden SSH"))


if __name__ == "__main__":
    unittest.main()
