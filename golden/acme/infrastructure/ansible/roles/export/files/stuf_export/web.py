"""HTTP with the standard library: connections that stay open, one per thread; errors say where, never what was sent."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .failure import ExportError

Sink = Callable[[bytes], object]
TIMEOUT_SECONDS = 60.0
BLOCK = 1 << 20
# What a store or a service says when it is busy; asked again, later each time.
BUSY = (429, 500, 502, 503, 504)
PAUSES = (0.5, 2.0, 5.0)


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for found, value in self.headers if found == name), None)


class Server:
    """One server, by the address of its root; neither proxies nor redirects are followed."""

    def __init__(self, base: str, ca: str | None = None) -> None:
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ExportError("an address in the configuration does not begin with http:// or https://")
        self.host = parts.netloc
        self.path = parts.path.rstrip("/")
        self._name = parts.hostname
        self._port = parts.port
        self._tls = ssl.create_default_context(cadata=ca) if parts.scheme == "https" else None
        self._local = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None = None,
        sink: Callable[[], Sink] | None = None,
    ) -> Answer:
        """One request, repeated while the server is busy or breaks off.

        With a `sink`, the body of a 200 goes in blocks to what that makes, anew each time: what came before a break is
        not taken for the beginning of what comes after it.
        """
        for pause in (*PAUSES, None):
            try:
                answer = self._once(method, path, headers, body, sink)
                if answer.status not in BUSY or pause is None:
                    return answer
            except (OSError, http.client.HTTPException) as error:
                self._close()
                if pause is None:
                    raise ExportError(f"{self.host} does not answer ({type(error).__name__})") from None
            time.sleep(pause)
        raise AssertionError

    def _once(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        sink: Callable[[], Sink] | None,
    ) -> Answer:
        connection = self._connection()
        connection.request(method, self.path + path, body=body, headers=headers)
        response = connection.getresponse()
        named = [(name.lower(), value) for name, value in response.getheaders()]
        if sink is None or response.status != 200:
            return Answer(response.status, named, response.read())
        takes = sink()
        while block := response.read(BLOCK):
            takes(block)
        # Reading in blocks ends quietly where the connection does.
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return Answer(response.status, named, b"")

    def _connection(self) -> http.client.HTTPConnection:
        held: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if held is None:
            if self._tls is None:
                held = http.client.HTTPConnection(self._name, self._port, timeout=TIMEOUT_SECONDS)
            else:
                held = http.client.HTTPSConnection(self._name, self._port, timeout=TIMEOUT_SECONDS, context=self._tls)
            self._local.connection = held
        return held

    def _close(self) -> None:
        held: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if held is not None:
            held.close()
            self._local.connection = None
