"""What modules ask over HTTP: an answer that breaks off is told as one, and nothing of it is shown."""

from __future__ import annotations

import http.server
import threading
import unittest

from modules import module

web = module("stufpack_http")


class Half(http.server.BaseHTTPRequestHandler):
    """Breaks off."""

    def do_GET(self) -> None:
        if self.path.startswith("/words"):
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            return
        self.send_response(200 if self.path.startswith("/whole") else 500)
        self.send_header("content-length", "100")
        self.end_headers()
        self.wfile.write(b"half")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Answers(unittest.TestCase):
    def test_half_an_answer_is_told_as_none(self) -> None:
        server = self.enterContext(http.server.HTTPServer(("127.0.0.1", 0), Half))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.shutdown)
        root = f"http://127.0.0.1:{server.server_port}"
        for path, kind in (
            ("/whole", "IncompleteRead"),
            ("/error", "IncompleteRead"),
            ("/words", "BadStatusLine"),
            ("/with a\nbreak", "InvalidURL"),
        ):
            with self.subTest(path), self.assertRaises(web.StufError) as caught:
                web.request("GET", f"{root}{path}?secret=obviously-fake")
            self.assertEqual(str(caught.exception), f"GET {root}{path}: no whole answer ({kind})")


if __name__ == "__main__":
    unittest.main()
