"""What the receivers of Zulip's and Sentry's requests share: TLS, one request at a time into a folder, strict paths."""

import json
import os
import ssl
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What it gets."""

    status: int
    content: dict[str, object]
    headers: tuple[tuple[str, str], ...] = ()


class Receiver:
    """Answers requests, and keeps what it took in a folder, one JSON file each, for the tests to read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answer(self, request: Request) -> Reply:
        """The documented answer."""
        raise NotImplementedError

    def kept(self) -> list[dict[str, object]]:
        """What was taken, oldest first."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def keep(self, name: str, content: dict[str, object]) -> None:
        """Keeps one document, whole or not at all."""
        partial = self.folder / f".{name}"
        partial.write_text(json.dumps(content, ensure_ascii=False))
        partial.rename(self.folder / f"{name}.json")


def handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    """Speaks HTTP for a receiver."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LIMIT or "Transfer-Encoding" in self.headers:
                self.close_connection = True
                reply = Reply(413, {"detail": "too large"})
            else:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = parse_qs(parts.query, keep_blank_values=True)
                reply = receiver.answer(Request(self.command, parts.path, query, headers, self.rfile.read(length)))
            body = json.dumps(reply.content).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    return Handler


def serve(receiver: Receiver) -> None:
    """Answers on port 443 until the container ends."""
    receiver.folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("", 443), handler(receiver))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
