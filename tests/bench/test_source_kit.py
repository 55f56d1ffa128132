"""The source kit on a machine of its own, through its real sshd and sudo; its storage is the source's (moto)."""

from __future__ import annotations

import datetime
import hashlib
import http.client
import socket
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import authority, engine, hosted, network, server, source
from .deployment import program
from .hosted import KIT, SETTINGS, SWITCHES, ahead
from .names import HOSTED, SOURCE
from .outside import trusting
from .paths import REPOSITORY
from .shell import run

sys.path.append(str(REPOSITORY / "templates/infrastructure/ansible/module_utils"))
from stufpack_signature import Key, canonical_query, path_of, sign  # noqa: E402 (after the path)

#: What somebody with a stolen key may type; each would leave its mark if a shell read it.
HOSTILE = [
    "", "sh", "/bin/sh -i", "id", "cat /etc/shadow", "sudo -n id", "python3 -c 'print(1)'", "scp -t /tmp",
    "rsync --server . /", "internal-sftp", "/usr/lib/openssh/sftp-server", "status; touch /tmp/owned",
    "status && touch /tmp/owned", "status & touch /tmp/owned", "status | tee /tmp/owned", "status > /tmp/owned",
    "status $(touch /tmp/owned)", "status `touch /tmp/owned`", "status\ntouch /tmp/owned", "status\n", "status ",
    " status", "() { :; }; touch /tmp/owned", "status {a,b}", "read /etc/shadow", "read --out /tmp/owned", "revoke *",
    "revoke ../../../tmp/owned", "redirect to $(id).example.org", "redirect to ../../../tmp/owned",
    "admit /tmp/k until 2026-12-19T21:04:00Z", "watch", "serve read-1a2b3c4d",
    "issue operator until 2026-12-19T21:04:00Z", "st\u0430tus", "status\u00a0", "x" * 5000,
]  # fmt: skip


class SourceKit(unittest.TestCase):
    """One installation; tests run in the order of their names."""

    kit: hosted.Kit
    store: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        network.start_network()
        network.start_names()
        cls.store = source.start()
        cls.kit = hosted.start(program(), cls.store)

    @classmethod
    def tearDownClass(cls) -> None:
        network.remove(HOSTED)
        network.remove(SOURCE)

    def refused(self, done: subprocess.CompletedProcess[bytes]) -> None:
        """An answer of the kit that did nothing."""
        self.assertEqual((done.returncode, done.stdout), (12, b""), done.stderr.decode())
        self.assertTrue(done.stderr.startswith(b"error: "), done.stderr)

    def reads(self, credential: dict[str, Any]) -> int:
        """What the store says to the credential's key."""
        return bucket(of(credential), "GET", self.store["objects"][0]["key"])

    def test_1_the_operator_issues_over_ssh_and_the_credential_reads(self) -> None:
        self.assertEqual(server.state(HOSTED), "running")
        made = self.kit.issue("reader")
        self.assertEqual((made["ssh"]["host"], made["ssh"]["user"]), (HOSTED.address, "stuf-source"))
        pinned = {" ".join(line.split()[1:]) for line in (self.kit.folder / "known").read_text().splitlines()}
        self.assertEqual(set(made["ssh"]["host_keys"]), pinned)
        self.assertEqual(self.kit.asked("reader", "status")["seen"]["bucket"], "open")
        self.assertEqual(self.reads(made), 200)
        # The exporting program is called, and says that there is no Docker here.
        done = self.kit.ssh("reader", "read")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"docker cannot be run", done.stderr)
        with self.subTest("and may do no more"):
            for request in ("freeze", f"issue source-read until {ahead(hours=1)}", "redirect to a.example.org"):
                self.refused(self.kit.ssh("reader", request))
            self.assertEqual(bucket(of(made), "PUT", "x"), 403)

    def test_2_whatever_else_is_asked_for_is_refused_and_leaves_nothing(self) -> None:
        self.kit.issue("reader")
        before = self.machine()
        with ThreadPoolExecutor(4) as pool:
            for asked, done in zip(
                HOSTILE, pool.map(lambda asked: self.kit.ssh("reader", asked), HOSTILE), strict=True
            ):
                with self.subTest(asked[:60]):
                    self.refused(done)
        self.assertEqual(self.machine(), before)

    def test_2_no_shell_no_terminal_no_subsystem(self) -> None:
        self.kit.issue("reader")
        self.refused(self.kit.ssh("reader"))
        done = self.kit.ssh("reader", "sftp", options=("-s",))
        self.assertEqual((done.returncode, done.stdout), (12, b""), "sshd passes no stderr of a subsystem on")
        done = self.kit.ssh("reader", "status", options=("-tt",))
        self.assertIn(b"PTY allocation request failed", done.stderr)
        for name in ("LC_ALL", "SSH_ORIGINAL_COMMAND", "PYTHONPATH", "BASH_ENV", "LD_PRELOAD"):
            self.refused(self.kit.ssh("reader", "id", options=("-o", f"SetEnv={name}=status")))
        known, there = self.kit.folder / "known", f"stuf-source@{HOSTED.address}:/tmp/owned"
        for copying in (["scp", "-O"], ["scp"]):
            done = run([*copying, *self.kit.client("reader"), known, there], check=False, timeout=30)
            self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("/tmp/owned", self.machine())

    def test_2_nothing_is_forwarded(self) -> None:
        self.kit.issue("reader")
        fails = ("-o", "ExitOnForwardFailure=yes", "-N")
        for options in (("-R", "0:127.0.0.1:22", *fails), ("-R", "/tmp/owned:127.0.0.1:22", *fails)):
            with self.subTest(options):
                self.assertEqual(self.kit.ssh("reader", options=options).returncode, 255)
        for options in (("-W", "127.0.0.1:22"), ("-W", f"{SOURCE.address}:443")):
            with self.subTest(options):
                done = self.kit.ssh("reader", options=options)
                self.assertEqual((done.returncode, done.stdout), (255, b""), done.stderr)
                self.assertIn(b"prohibited", done.stderr)

    def test_2_other_keys_and_passwords_open_nothing(self) -> None:
        for key, options in (("stranger", ()), ("stranger", ("-o", "PreferredAuthentications=password"))):
            done = self.kit.ssh(key, "status", options=options)
            self.assertEqual(done.returncode, 255)
            self.assertIn(b"Permission denied (publickey)", done.stderr)

    def test_2_the_account_itself_may_run_one_program_as_root(self) -> None:
        def account(*words: str) -> subprocess.CompletedProcess[bytes]:
            return self.kit.tried("runuser", "-u", "stuf-source", "--", *words)

        for words in (("id",), ("/bin/sh",), ("/usr/local/sbin/stuf-source", "status"), ("-e", "/etc/passwd")):
            self.assertNotEqual(account("sudo", "-n", *words).returncode, 0, words)
        self.assertEqual(account("sudo", "-n", "/usr/local/lib/stuf-source/serve", "root").returncode, 12)
        for file in ("/etc/stuf-source/settings.json", "/var/lib/stuf-source/log.jsonl", "/etc/sudoers.d/stuf-source"):
            self.assertNotEqual(account("cat", file).returncode, 0, file)
        for file in ("/etc/stuf-source/authorized_keys", "/usr/local/lib/stuf-source/serve"):
            self.assertNotEqual(account("sh", "-c", f"echo x >>{file}").returncode, 0, file)

    def test_3_an_ended_credential_is_refused_by_sshd_and_its_storage_key_is_taken_away(self) -> None:
        made = self.kit.issue("ending", seconds=6)
        self.assertEqual((self.kit.ssh("ending", "status").returncode, self.reads(made)), (0, 200))
        ends = datetime.datetime.fromisoformat(made["ends_at"]).timestamp()
        self.kit.inside("sh", "-c", f"while [ $(date +%s) -le {ends:.0f} ]; do sleep 0.2; done")
        done = self.kit.ssh("ending", "status")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"Permission denied", done.stderr)
        self.assertEqual(self.kit.inside("systemctl", "is-active", "stuf-source-watch.timer"), "active")
        self.kit.inside("systemctl", "start", "stuf-source-watch.service")
        self.assertEqual(self.reads(made), 403)

    def test_3_a_revoked_credential_is_refused_at_once(self) -> None:
        before = {one["id"] for one in self.kit.asked("operator", "status")["credentials"]}
        made = self.kit.issue("revoked")
        (identifier,) = {one["id"] for one in self.kit.asked("operator", "status")["credentials"]} - before
        self.assertEqual(self.kit.ssh("revoked", "status").returncode, 0)
        self.assertEqual(self.kit.asked("operator", f"revoke {identifier}"), {"revoked": identifier})
        self.assertEqual((self.kit.ssh("revoked", "status").returncode, self.reads(made)), (255, 403))

    def test_4_frozen_redirected_and_open_again(self) -> None:
        self.kit.issue("cutover", "source-cutover")
        closed = {"proxy": "read-only", "bucket": "read-only", "redirect": None}
        self.assertEqual(self.kit.asked("cutover", "freeze")["seen"], closed)
        self.assertEqual(self.kit.inside("stat", "-c", "%a", f"{SWITCHES}/read-only"), "644")
        led = self.kit.asked("cutover", "redirect to files.harbour.example")
        self.assertEqual(led["seen"], closed | {"redirect": "files.harbour.example"})
        self.refused(self.kit.ssh("cutover", "unfreeze"))
        with self.subTest("and whoever does it cannot take the operator's key away"):
            known = self.kit.asked("operator", "status")["credentials"]
            (operator,) = {one["id"] for one in known if one["kind"] == "operator"}
            self.refused(self.kit.ssh("cutover", f"revoke {operator}"))
        self.kit.asked("cutover", "restore")
        self.kit.asked("cutover", "renew")
        opened = {"proxy": "open", "bucket": "open", "redirect": None}
        self.assertEqual(self.kit.asked("cutover", "unfreeze")["seen"], opened)
        self.assertEqual(bucket(self.store["keys"]["kit"], "GET", "", "policy"), 404, "it had none")

    def test_5_secrets_are_in_no_log_and_no_file(self) -> None:
        made = self.kit.issue("reader")
        self.kit.asked("reader", "status")
        secrets = [made["storage"]["secret_access_key"], made["ssh"]["private_key"].splitlines()[2]]
        found = self.kit.inside("sh", "-c", "journalctl --no-pager -o cat; cat /var/lib/stuf-source/log.jsonl")
        self.assertIn("serve", found, "the control: sudo tells what it ran")
        for secret in secrets:
            self.assertNotIn(secret, found)
            places = ("/etc", "/var", "/tmp", "/run", "/home", "/usr/local")
            self.assertEqual(self.kit.tried("grep", "-rlF", "--", secret, *places).stdout, b"")

    def test_6_a_second_installation_keeps_what_is_valid_and_removing_leaves_nothing(self) -> None:
        self.kit.issue("reader")
        self.kit.inside(f"{KIT}/install", SETTINGS)
        self.assertEqual(self.kit.ssh("reader", "status").returncode, 0)
        with self.subTest("of files that are not the kit's nothing is installed"):
            self.kit.inside("touch", f"{KIT}/program/left_over.py")
            done = self.kit.tried(f"{KIT}/install", SETTINGS)
            self.assertEqual((done.returncode, b"not in SHA256SUMS: program/left_over.py" in done.stderr), (12, True))
            self.kit.inside("rm", f"{KIT}/program/left_over.py")
        self.kit.inside("stuf-source", "freeze")
        for words in ("--remove", SETTINGS):
            done = self.kit.tried(f"{KIT}/install", words)
            self.assertEqual((done.returncode, b"frozen" in done.stderr), (12, True), words)
        self.kit.inside("stuf-source", "unfreeze")
        made = self.kit.issue("reader")
        self.kit.inside(f"{KIT}/install", "--remove")
        self.assertEqual((self.kit.ssh("reader", "status").returncode, self.reads(made)), (255, 403))
        look = "find / -xdev -path /root -prune -o -name '*stuf-source*' -print; getent passwd stuf-source || :"
        left = self.kit.inside("sh", "-c", look)
        self.assertEqual(left, "")

    def machine(self) -> str:
        """What a request that is no good could have left."""
        folders = f"/tmp /etc/stuf-source {SWITCHES} /var/lib/stuf-source"
        # The log grows with every request, the timer takes the lock, and systemd's own folders come and go.
        others = "-not -name log.jsonl -not -name lock -not -path '/tmp/systemd-private*'"
        return self.kit.inside("sh", "-c", f"find {folders} {others} -type f -printf '%p %m %s %T@\\n' | sort")


def of(credential: dict[str, Any]) -> list[str]:
    """The storage key of a credential."""
    return [credential["storage"][name] for name in ("access_key_id", "secret_access_key")]


def bucket(key: list[str], method: str, name: str, *asked: str) -> int:
    """The status with which the source's storage answers somebody who has this key."""
    query, path, body = dict.fromkeys(asked, ""), path_of(source.BUCKET, name), b""
    signing = Key(key[0], key[1], source.REGION)
    headers = sign(signing, method, path, query, {"host": SOURCE.name}, hashlib.sha256(body).hexdigest())
    web = trusting(authority.authority("source").certificate)
    connection = http.client.HTTPConnection(SOURCE.name)
    plain = socket.create_connection((SOURCE.address, 443), 30)
    connection.sock = web.wrap_socket(plain, server_hostname=SOURCE.name)
    connection.request(method, path + (f"?{canonical_query(query)}" if query else ""), body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


if __name__ == "__main__":
    unittest.main()
