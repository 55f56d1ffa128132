"""A browser's view of the installation: TLS by name to a given address, forms, cookies, second factor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html.parser
import http.client
import json
import secrets
import socket
import ssl
import struct
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.stufpack_http import Answer, StufError

CLIENT = "stuf-spa"


@dataclass
class Site:
    """The public name, reached at a fixed address: works before DNS is switched."""

    domain: str
    address: str
    port: int
    authority: str | None = None
    seconds: float = 60
    cookies: dict[str, str] = field(default_factory=dict)

    def context(self) -> ssl.SSLContext:
        """TLS with certificate and name checked."""
        context = ssl.create_default_context()
        if self.authority:
            context.load_verify_locations(cadata=self.authority)
        return context

    def fresh(self) -> Site:
        """The same site for another browser."""
        return Site(self.domain, self.address, self.port, self.authority, self.seconds)

    def send(
        self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request with this browser's cookies; redirects are answers."""
        connection = http.client.HTTPSConnection(self.domain, self.port, timeout=self.seconds, context=self.context())
        # The connection goes to the address; SNI, Host and the certificate's name stay the public ones.
        place = (self.address, self.port)
        connection._create_connection = (  # type: ignore[attr-defined]
            lambda _named, timeout=self.seconds, source=None: socket.create_connection(place, timeout, source)
        )
        every = {"host": self.domain, "user-agent": "stufpack", **(headers or {})}
        if self.cookies:
            every["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, target, body=body, headers=every)
            answer = connection.getresponse()
            content = answer.read()
            self._keep(answer.headers.get_all("set-cookie") or [])
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, found, content)
        except (OSError, http.client.HTTPException) as error:
            shown = target.split("?", 1)[0]
            raise StufError(f"{method} https://{self.domain}{shown} at {self.address}: {error}") from None
        finally:
            connection.close()

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            pair, *attributes = line.split(";")
            name, _, value = pair.strip().partition("=")
            gone = not value or any(word.strip().lower() == "max-age=0" for word in attributes)
            if gone:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


@dataclass
class Form:
    """One HTML form: where it goes and what it holds."""

    action: str
    fields: dict[str, str]


class Forms(html.parser.HTMLParser):
    """Every form of a page with its named inputs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects forms and inputs."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = True
            self.found.append(Form(given.get("action", ""), {}))
        # A box that nobody checked is not sent by a browser either.
        quiet = given.get("type", "text").lower() in ("checkbox", "radio", "submit", "button")
        if tag == "input" and self._open and given.get("name") and not quiet:
            self.found[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Closes a form."""
        if tag == "form":
            self._open = False


def one_time_code(secret: bytes, moment: float) -> str:
    """RFC 6238: six digits, 30 seconds, SHA-1."""
    digest = hmac.new(secret, struct.pack(">Q", int(moment) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1000000:06d}"


@dataclass
class Visitor:
    """Someone who signs in: what they know, and what they went through."""

    name: str
    password: str
    new_password: str
    totp_secret: bytes = b""
    passed: list[str] = field(default_factory=list)
    asked_for_code: bool = False

    def fill(self, form: Form) -> str | None:
        """Fills a form of Keycloak's pages; the name of the page, or `None` where nothing fits."""
        names = form.fields
        if "password-new" in names:
            self.password = self.new_password
            names |= {"password-new": self.new_password, "password-confirm": self.new_password}
            return "set-password"
        if "totpSecret" in names:
            # Keycloak uses the characters of this hidden field themselves as the key.
            self.totp_secret = names["totpSecret"].encode()
            names |= {"totp": one_time_code(self.totp_secret, time.time()), "userLabel": "stufpack"}
            return "set-second-factor"
        self.asked_for_code |= "otp" in names
        if "otp" in names and self.totp_secret:
            names["otp"] = one_time_code(self.totp_secret, time.time())
            return "second-factor"
        if "username" in names or "password" in names:
            names |= {"username": self.name, "password": self.password}
            return "password"
        return None


def sign_in(site: Site, realm: str, visitor: Visitor) -> dict[str, Any] | None:
    """Goes through Keycloak's pages like a browser; the tokens, or `None` where sign-in was refused."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    home = f"https://{site.domain}/"
    state = secrets.token_urlsafe(12)
    query = {
        "client_id": CLIENT,
        "redirect_uri": home,
        "response_type": "code",
        "scope": "openid",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    base = f"/auth/realms/{urllib.parse.quote(realm, safe='')}/protocol/openid-connect"
    code = _walk(site, f"{base}/auth?{urllib.parse.urlencode(query)}", home, state, visitor)
    if code is None:
        return None
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": home}
    form |= {"code": code, "code_verifier": verifier}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    answer = site.send("POST", f"{base}/token", headers=headers, body=urllib.parse.urlencode(form).encode())
    if answer.status != 200:
        raise StufError(f"the token endpoint answered {answer.status} to a good code")
    tokens: dict[str, Any] = answer.json()
    return tokens


def _walk(site: Site, target: str, home: str, state: str, visitor: Visitor) -> str | None:
    """Follows redirects and fills forms until the code comes back; `None` where a page comes a second time."""
    method, body = "GET", None
    last: str | None = None
    for _ in range(20):
        headers = {"accept": "text/html"}
        if body is not None:
            headers |= {"content-type": "application/x-www-form-urlencoded", "origin": f"https://{site.domain}"}
        answer = site.send(method, target, headers=headers, body=body)
        if answer.status in (301, 302, 303, 307):
            location = urllib.parse.urljoin(f"https://{site.domain}{target}", answer.headers["location"])
            parts = urllib.parse.urlsplit(location)
            given = urllib.parse.parse_qs(parts.query)
            if location.startswith(home) and ("code" in given or "error" in given):
                if given.get("state") != [state]:
                    raise StufError("the answer belongs to another sign-in")
                return given["code"][0] if "code" in given else None
            method, target, body = "GET", _path(site, location), None
            continue
        if answer.status >= 500:
            raise StufError(f"sign-in page answered {answer.status}")
        filled = _fill(answer, visitor)
        if filled is None or filled[0] == last:
            return None
        last, form = filled
        visitor.passed.append(last)
        action = urllib.parse.urljoin(f"https://{site.domain}{target}", form.action)
        method, target = "POST", _path(site, action)
        body = urllib.parse.urlencode(form.fields).encode()
    raise StufError("sign-in did not end after 20 pages")


def _fill(answer: Answer, visitor: Visitor) -> tuple[str, Form] | None:
    for form in Forms(answer.body.decode("utf-8", "replace")).found:
        page = visitor.fill(form)
        if page is not None:
            return page, form
    return None


def _path(site: Site, location: str) -> str:
    """Path and query of a location, which has to be on the one origin."""
    parts = urllib.parse.urlsplit(location)
    if parts.scheme != "https" or parts.hostname != site.domain:
        raise StufError(f"sign-in leads away, to {parts.scheme}://{parts.hostname}")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def claims(token: str) -> dict[str, Any]:
    """What a token says; its signature is the API's business."""
    text = token.split(".")[1]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return content


def multipart(name: str, content: bytes, content_type: str, fields: dict[str, str]) -> tuple[str, bytes]:
    """A form with one file, as a browser sends it: content type and body."""
    boundary = f"stufpack{secrets.token_hex(16)}"
    lines = b""
    for key, value in fields.items():
        lines += f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {content_type}'
    lines += f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", lines
