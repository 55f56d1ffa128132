"""The bench itself: the server is what a provider hands over, the mail receiver is strict, names are known."""

from __future__ import annotations

import smtplib
import ssl
import unittest
from pathlib import Path

from . import authority, engine, mails, network, server
from .names import DOMAIN, LAPTOP, MAIL, MAIL_PASSWORD, MAIL_USER, REGISTRY_HOST, SERVER
from .outside import trusting
from .shell import run, wait_for


class Bridges(unittest.TestCase):
    """What an engine leaves behind that was killed, with the addresses of a network that nobody has."""

    GATEWAY = "10.213.254.1"

    def test_one_that_nobody_stands_at_is_taken_away_and_one_in_use_stays(self) -> None:
        bridge = Path("/sys/class/net/br-killed")
        run(["ip", "link", "add", bridge.name, "type", "bridge"])
        self.addCleanup(run, ["ip", "link", "delete", bridge.name], check=False)
        run(["ip", "address", "add", f"{self.GATEWAY}/24", "dev", bridge.name])
        # A veth pair stands for a container that runs.
        run(["ip", "link", "add", "killed0", "master", bridge.name, "type", "veth", "peer", "name", "killed1"])
        self.addCleanup(run, ["ip", "link", "delete", "killed0"], check=False)
        for interface in ("killed0", "killed1", bridge.name):
            run(["ip", "link", "set", interface, "up"])
        wait_for("the bridge", lambda: (bridge / "operstate").read_text() == "up\n", 30)
        network.take_left_bridges_away(self.GATEWAY)
        self.assertTrue(bridge.exists())
        run(["ip", "link", "delete", "killed0"])
        wait_for("its end", lambda: (bridge / "operstate").read_text() != "up\n", 30)
        network.take_left_bridges_away(self.GATEWAY)
        self.assertFalse(bridge.exists())


class Machines(unittest.TestCase):
    """A fresh server and a fresh machine of the Trust Architect."""

    access: server.Access
    docker_at_first: bool

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        network.start_network()
        network.start_names()
        network.start_registry()
        network.start_mail()
        network.push_release()
        cls.access = server.start_server()
        cls.docker_at_first = engine.docker_ok("exec", SERVER.container, "sh", "-c", "command -v docker")
        server.start_laptop()

    @classmethod
    def tearDownClass(cls) -> None:
        network.remove(SERVER)
        network.remove(LAPTOP)

    def ssh(self, command: str) -> str:
        """Runs a line on the server as a package does: by SSH, with the pinned host keys."""
        pinned = "".join(f"{SERVER.name} {key}\n" for key in self.access.host_keys)
        server.inside("sh", "-c", "cat >~/.ssh/known_hosts", place=LAPTOP, stdin=pinned.encode())
        options = "-o BatchMode=yes -o StrictHostKeyChecking=yes"
        done = server.on_laptop(f"ssh {options} deploy@{SERVER.name} {command!r}", log="bench-ssh")
        return done.stdout.decode().strip()

    def test_the_server_runs_systemd_without_a_failed_unit_and_has_no_docker(self) -> None:
        self.assertEqual(server.state(), "running")
        self.assertFalse(self.docker_at_first)
        self.assertIn("trixie", self.ssh("cat /etc/os-release"))

    def test_the_deploy_user_signs_in_by_key_with_pinned_host_keys_and_becomes_root(self) -> None:
        self.assertEqual(self.ssh("id -un; sudo -n id -un"), "deploy\nroot")

    def test_the_server_is_not_privileged(self) -> None:
        self.assertEqual(engine.docker("inspect", "--format", "{{.HostConfig.Privileged}}", SERVER.container), "false")

    def test_names_are_known_on_both_machines(self) -> None:
        for place in (SERVER, LAPTOP):
            self.assertIn(SERVER.address, server.inside("getent", "hosts", DOMAIN, place=place))
            self.assertIn(MAIL.address, server.inside("getent", "hosts", MAIL.name, place=place))

    def test_docker_on_the_server_pulls_by_digest_once_it_is_told_the_registry_s_authority(self) -> None:
        server.inside("apt-get", "update", "-qq")
        server.inside(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io", "docker-cli", "iptables"
        )
        image = network.release()["garage"]
        self.assertFalse(engine.docker_ok("exec", SERVER.container, "docker", "pull", "--quiet", image))
        folder = f"/etc/docker/certs.d/{REGISTRY_HOST}"
        own = authority.authority("registry").certificate.read_bytes()
        server.inside("sh", "-euc", f"mkdir -p {folder} && cat >{folder}/ca.crt", stdin=own)
        server.inside("docker", "pull", "--quiet", image)
        self.assertIn(
            "garage", server.inside("docker", "run", "--rm", "--network", "none", image, "/garage", "--version")
        )


class MailReceiver(unittest.TestCase):
    """What a mail server of today asks for."""

    @classmethod
    def setUpClass(cls) -> None:
        engine.start()
        network.start_network()
        network.start_names()
        network.start_mail()

    def client(self) -> smtplib.SMTP:
        client = smtplib.SMTP(timeout=10)
        self.addCleanup(client.close)
        client.connect(MAIL.address, 587)
        client._host = MAIL.name  # type: ignore[attr-defined]  # the name that the certificate is checked for
        client.ehlo()
        return client

    def secure(self) -> smtplib.SMTP:
        client = self.client()
        client.starttls(context=trusting(authority.authority("public").certificate))
        client.ehlo()
        return client

    def test_no_mail_without_encryption(self) -> None:
        client = self.client()
        self.assertEqual(client.docmd("AUTH", "PLAIN AAAA")[0], 538)
        self.assertEqual(client.docmd("MAIL", "FROM:<a@harbour.example>")[0], 530)

    def test_no_mail_without_signing_in(self) -> None:
        client = self.secure()
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            client.login(MAIL_USER, "wrong")
        self.assertEqual(client.docmd("MAIL", "FROM:<a@harbour.example>")[0], 530)

    def test_its_certificate_is_of_the_public_authority_alone(self) -> None:
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client().starttls(context=trusting(authority.authority("registry").certificate))

    def test_a_mail_is_kept_with_its_envelope(self) -> None:
        mails.forget()
        client = self.secure()
        client.login(MAIL_USER, MAIL_PASSWORD)
        client.sendmail("a@harbour.example", ["b@harbour.example"], "Subject: Käse\r\n\r\nline\r\n.\r\n".encode())
        kept = mails.to("b@harbour.example")
        self.assertEqual(
            (kept.sender, kept.recipients, kept.encrypted), ("a@harbour.example", ["b@harbour.example"], True)
        )
        self.assertEqual(kept.text.splitlines(), ["line", "."])
