"""What the reading program learns of a machine by its own tools, and of a STUF from outside."""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from export_fakes import program

machine = program("machine")
outside = program("outside")
storage = program("storage")
ExportError = program("failure").ExportError


class Programs(unittest.TestCase):
    """What a program of the machine says that fails."""

    def test_why_a_program_failed_is_told_in_its_own_last_line(self) -> None:
        for script, told in (
            ("echo first >&2; printf 'no daemon\\033[1m\\n\\n' >&2; exit 3", "ended with 3: no daemon?[1m"),
            ("exit 4", "ended with 4: it said nothing"),
        ):
            with self.subTest(told), self.assertRaises(ExportError) as raised:
                machine.run(["sh", "-c", script])
            self.assertEqual(str(raised.exception), f"sh -c {told}")


class Outside(unittest.TestCase):
    """TLS and origins, asked of a real server."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificate = Path(folder.name) / "both.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=test", "-days", "1"]
        key = Path(folder.name) / "key.pem"
        subprocess.run([*make, "-keyout", str(key), "-out", str(cls.certificate)], check=True, capture_output=True)
        with cls.certificate.open("ab") as file:
            file.write(key.read_bytes())

    def serve(self, lowest: ssl.TLSVersion, allowed: str | None) -> int:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                self.send_response(200)
                if allowed:
                    self.send_header(
                        "Access-Control-Allow-Origin", self.headers["Origin"] if allowed == "echo" else allowed
                    )
                self.end_headers()

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """A refused handshake is what is tested."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = lowest
        context.load_cert_chain(self.certificate)
        server = Server(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port

    def test_the_weakest_version_that_is_taken_is_told(self) -> None:
        for version, word in ((ssl.TLSVersion.TLSv1_2, "tls1.2"), (ssl.TLSVersion.TLSv1_3, "tls1.3")):
            with self.subTest(word):
                self.assertEqual(outside.transit("test", "127.0.0.1", self.serve(version, None)), word)

    def test_who_may_call_the_api_is_seen(self) -> None:
        for allowed, origins in (
            (None, ["https://test"]), ("*", ["*"]), ("echo", ["*"]), ("https://other", ["https://other", "https://test"]),
        ):  # fmt: skip
            with self.subTest(allowed):
                port = self.serve(ssl.TLSVersion.TLSv1_2, allowed)
                self.assertEqual(outside.origins("test", "127.0.0.1", port), origins)

    def test_nobody_there_is_an_error(self) -> None:
        with self.assertRaises(ExportError):
            outside.transit("test", "127.0.0.1", 1)


class Machine(unittest.TestCase):
    def test_listening_ports_are_those_that_more_than_this_machine_can_reach(self) -> None:
        rows = {
            "tcp": ["00000000:0016 00000000:0000 0A", "0100007F:0019 00000000:0000 0A",
                    "0A00000A:1F90 0100000A:0050 01"],
            "tcp6": [f"{'0' * 32}:01BB {'0' * 32}:0000 0A", f"{'0' * 24}01000000:0277 {'0' * 32}:0000 0A",
                     f"0000000000000000FFFF00000100007F:0278 {'0' * 32}:0000 0A"],
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            for name, lines in rows.items():
                text = "".join(f"{place:4}: {line} 00000000:00000000 0\n" for place, line in enumerate(lines))
                (Path(folder) / name).write_text(f"  sl  local_address rem_address st tx_queue rx_queue\n{text}")
            self.assertEqual(machine.Machine("stuf", lambda _: "").ports(Path(folder)), [22, 443])

    def test_a_layer_of_dm_crypt_is_seen(self) -> None:
        crypt = {"name": "d", "type": "crypt", "maj:min": "253:0"}
        disks = json.dumps({"blockdevices": [{"type": "disk", "maj:min": "254:0", "children": [crypt]}]})
        for number, word in (("253:0", "dm-crypt"), ("254:0", "none"), ("0:41", "unknown")):
            mount = json.dumps({"filesystems": [{"source": "/dev/mapper/d", "fstype": "ext4", "maj:min": number}]})
            answers = {"docker": "", "findmnt": mount, "lsblk": disks}
            found = machine.Machine("stuf", lambda command, answers=answers: answers[command[0]])
            with self.subTest(word):
                self.assertEqual(found.encryption("/var/lib/docker"), word)

    def test_metadata_comes_as_it_was_given(self) -> None:
        for sent, meant in (
            ("plain", "plain"),
            ("ü".encode().decode("latin-1"), "ü"),
            ("=?UTF-8?B?w7w=?=", "=?UTF-8?B?w7w=?="),
            ("\xff", "\xff"),
        ):
            with self.subTest(sent):
                self.assertEqual(storage.text(sent), meant)


if __name__ == "__main__":
    unittest.main()
