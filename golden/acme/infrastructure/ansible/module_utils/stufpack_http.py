"""HTTP and JSON with the standard library; errors say where and what, never what was sent."""

from __future__ import annotations

import functools
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class StufError(Exception):
    """Something could not be done; the text is safe to log."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or `None` where it is empty."""
        return json.loads(self.body) if self.body else None


def request(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 30.0,
    authority: str | None = None,
) -> Answer:
    """Sends one request, whatever the status of the answer; no proxy from the environment, no redirect.

    With an `authority`, as PEM, it alone vouches for the server; else those of the system.
    """
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirect()]
    if url.startswith("https://"):
        handlers.append(urllib.request.HTTPSHandler(context=_context(authority)))
    opener = urllib.request.build_opener(*handlers)
    call = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        return _asked(opener, call, timeout)
    except http.client.HTTPException as error:
        # By its name alone: some of these quote what was asked or answered.
        raise StufError(f"{method} {_shown(url)}: no whole answer ({type(error).__name__})") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise StufError(f"{method} {_shown(url)}: no answer ({reason})") from None


def _asked(opener: urllib.request.OpenerDirector, call: urllib.request.Request, timeout: float) -> Answer:
    try:
        with opener.open(call, timeout=timeout) as answer:
            return Answer(answer.status, _lower(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers.items()), error.read())


def read_secret(folder: str, name: str) -> str:
    """One secret by name; an empty or missing one is an error."""
    path = Path(folder, name)
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StufError(f"secret {name} cannot be read at {path}: {error.strerror}") from None
    if not value:
        raise StufError(f"secret {name} is empty at {path}")
    return value


#: Answers that may be others a moment later, and the seconds after which they are asked for again.
PASSING = (429, 500, 502, 503, 504)
PAUSES = (1.0, 4.0)


def patiently(ask: Callable[[], int]) -> int:
    """The status of an answer; one of a server that is busy or out of order for a moment is asked for again, twice."""
    status = ask()
    for pause in PAUSES:
        if status not in PASSING:
            break
        time.sleep(pause)
        status = ask()
    return status


@functools.cache
def _context(authority: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority)


def _lower(items: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in items}


def _shown(url: str) -> str:
    return url.split("?", 1)[0]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """Answers with the redirect itself."""
        return
