"""What a person outside does: asks by name over TLS, fills in forms, follows an invitation, uploads and downloads.

Standard library only, and no shortcut past the public address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html.parser
import http.client
import http.cookies
import json
import secrets
import ssl
import struct
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Way:
    """Where a public name is found: an address and port, by TLS or (in tests of one image) as a proxy would ask."""

    address: str
    port: int
    tls: ssl.SSLContext | None


class _Named(http.client.HTTPSConnection):
    """Connects to an address, but asks for, and checks, a name."""

    def __init__(self, way: Way, name: str) -> None:
        assert way.tls is not None
        super().__init__(way.address, way.port, context=way.tls, timeout=60)
        self._tls, self._name = way.tls, name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


class Outside:
    """A client that knows by which way each name is reached, whatever this machine's resolver says."""

    def __init__(self, ways: dict[str, Way]) -> None:
        self.ways = ways

    def ask(self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request, redirects not followed."""
        parts = urllib.parse.urlsplit(url)
        assert parts.hostname is not None
        way = self.ways[parts.hostname]
        sent = {"Host": parts.netloc, **(headers or {})}
        connection: http.client.HTTPConnection
        if parts.scheme == "https" and way.tls is not None:
            connection = _Named(way, parts.hostname)
        else:
            connection = http.client.HTTPConnection(way.address, way.port, timeout=60)
            if parts.scheme == "https":
                sent |= {
                    "X-Forwarded-Proto": "https",
                    "X-Forwarded-Host": parts.netloc,
                    "X-Forwarded-For": "198.51.100.7",
                }
        try:
            target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(url, response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def form(self, url: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
        """Posts a form."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.ask("POST", url, urllib.parse.urlencode(fields).encode(), sent)


def trusting(*authorities: Path) -> ssl.SSLContext:
    """TLS that trusts these authorities and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in authorities:
        context.load_verify_locations(file)
    return context


@dataclass
class Form:
    """A form of a page: where it goes and what it holds."""

    id: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(html.parser.HTMLParser):
    """A page's forms, links and texts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.by_id: dict[str, str] = {}
        self._open: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("id", ""), values.get("action", ""), values.get("method", "get").lower()))
        elif tag == "input" and self.forms and values.get("name") and values.get("type") not in ("submit", "checkbox"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag not in ("input", "meta", "br", "link", "img"):
            self._open.append(values.get("id"))

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for name in self._open:
            if name:
                self.by_id[name] = self.by_id.get(name, "") + data


class Browser:
    """Keeps cookies as a browser does, follows redirects until `stop_at`, and fills in forms."""

    def __init__(self, outside: Outside, stop_at: str) -> None:
        self.outside, self.stop_at = outside, stop_at
        self.cookies: dict[tuple[str, str, str], str] = {}
        self.answer: Answer | None = None

    @property
    def page(self) -> Page:
        """What is shown."""
        assert self.answer is not None
        return Page(self.answer.text)

    def go(self, url: str, fields: dict[str, str] | None = None) -> Answer:
        """Opens an address or posts a form, to where it leads."""
        for _ in range(20):
            headers = self._cookie_header(url)
            answer = (
                self.outside.form(url, fields, headers)
                if fields is not None
                else self.outside.ask("GET", url, headers=headers)
            )
            self._keep(url, answer)
            self.answer = answer
            location = answer.header("Location")
            if answer.status not in (301, 302, 303, 307) or not location:
                return answer
            url, fields = urllib.parse.urljoin(url, location), None
            if url.startswith(self.stop_at):
                self.answer = Answer(url, 302, [], b"")
                return self.answer
        raise AssertionError(f"too many redirects at {url}")

    def submit(self, form_id: str, **fields: str) -> Answer:
        """Fills in the form of that id and sends it; a page without it is shown in the failure."""
        assert self.answer is not None
        found = next((form for form in self.page.forms if form.id == form_id), None)
        assert found is not None, f"no form {form_id} on {self.answer.url} ({self.answer.status}):\n{self.answer.text}"
        values = {
            **found.fields,
            **{
                name.replace("_", "-") if name.startswith("password_") else name: value
                for name, value in fields.items()
            },
        }
        return self.go(urllib.parse.urljoin(self.answer.url, found.action), values)

    def _keep(self, url: str, answer: Answer) -> None:
        host = urllib.parse.urlsplit(url).hostname or ""
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                for key, morsel in http.cookies.SimpleCookie(value).items():
                    if morsel["secure"] and not url.startswith("https:"):
                        continue
                    self.cookies[host, morsel["path"] or "/", key] = morsel.value

    def _cookie_header(self, url: str) -> dict[str, str]:
        parts = urllib.parse.urlsplit(url)
        fitting = [
            f"{key}={value}"
            for (host, path, key), value in self.cookies.items()
            if host == parts.hostname and parts.path.startswith(path)
        ]
        return {"Cookie": "; ".join(fitting)} if fitting else {}


def one_time_code(secret: str, at: float | None = None) -> str:
    """RFC 6238 for a Base32 secret as an authenticator application is given it."""
    cleaned = secret.replace(" ", "").upper()
    key = base64.b32decode(cleaned + "=" * (-len(cleaned) % 8))
    mac = hmac.digest(key, struct.pack(">Q", int((time.time() if at is None else at) // 30)), "sha1")
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass
class Person:
    """A user and what they learned by following their invitation."""

    username: str
    password: str = field(default_factory=lambda: f"Bench-{secrets.token_urlsafe(18)}-1")
    code_secret: str | None = None
    last_code: str | None = None

    def next_code(self) -> str:
        """A code that was not used before: each works once, so the second within 30 s is waited for."""
        assert self.code_secret is not None
        while (code := one_time_code(self.code_secret)) == self.last_code:
            time.sleep(1)
        self.last_code = code
        return code


class Stuf:
    """A deployed STUF as people see it: one origin for application, API and identity."""

    def __init__(self, outside: Outside, domain: str, realm: str = "stuf", port: int = 443) -> None:
        self.outside, self.realm = outside, realm
        self.origin = f"https://{domain}" + ("" if port == 443 else f":{port}")
        self.identity = f"{self.origin}/auth/realms/{realm}"

    def follow_invitation(self, link: str, person: Person) -> Answer:
        """Opens the mailed link, sets password and one-time codes, until the account is said to be updated."""
        browser = Browser(self.outside, stop_at=f"{self.origin}/#never")
        first = browser.go(link)
        assert first.status == 200, f"the link answered {first.status}:\n{first.text}"
        proceed = next((href for href in browser.page.links if "action-token" in href), None)
        assert proceed, f"no link to go on:\n{first.text}"
        browser.go(urllib.parse.urljoin(first.url, proceed))
        for _ in range(6):
            assert browser.answer is not None
            forms = [form.id for form in browser.page.forms]
            if "kc-passwd-update-form" in forms:
                browser.submit("kc-passwd-update-form", password_new=person.password, password_confirm=person.password)
            elif "kc-totp-settings-form" in forms:
                self._configure_codes(browser, person)
            else:
                break
        assert browser.answer is not None
        return browser.answer

    @staticmethod
    def _configure_codes(browser: Browser, person: Person) -> None:
        assert browser.answer is not None
        manual = next((href for href in browser.page.links if "mode=manual" in href), None)
        if manual:
            browser.go(urllib.parse.urljoin(browser.answer.url, manual))
        person.code_secret = browser.page.by_id["kc-totp-secret-key"]
        browser.submit("kc-totp-settings-form", totp=one_time_code(person.code_secret), userLabel="bench")

    def sign_in(self, person: Person, client: str = "stuf-spa", scope: str = "openid") -> dict[str, object]:
        """Signs in as the application does (code flow with PKCE); returns the tokens, or fails with the page shown."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
        redirect = f"{self.origin}/"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        question = {
            "client_id": client,
            "redirect_uri": redirect,
            "response_type": "code",
            "scope": scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        browser = Browser(self.outside, stop_at=f"{redirect}?")
        browser.go(f"{self.identity}/protocol/openid-connect/auth?{urllib.parse.urlencode(question)}")
        browser.submit("kc-form-login", username=person.username, password=person.password)
        if person.code_secret and any(form.id == "kc-otp-login-form" for form in browser.page.forms):
            browser.submit("kc-otp-login-form", otp=person.next_code())
        assert browser.answer is not None
        if not browser.answer.url.startswith(f"{redirect}?"):
            raise NotSignedIn(browser.answer)
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(browser.answer.url).query))
        assert back.get("state") == state, f"wrong state in {back}"
        if "code" not in back:
            raise NotSignedIn(browser.answer)
        answer = self.outside.form(
            f"{self.identity}/protocol/openid-connect/token",
            {
                "grant_type": "authorization_code",
                "client_id": client,
                "code": back["code"],
                "redirect_uri": redirect,
                "code_verifier": verifier,
            },
        )
        tokens = answer.json()
        assert answer.status == 200 and isinstance(tokens, dict), f"no token: {answer.text}"
        return tokens

    def upload(
        self, token: str, collection: str, name: str, data: bytes, metadata: dict[str, str] | None = None
    ) -> Answer:
        """Uploads a file through the API."""
        boundary = uuid.uuid4().hex
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        parts = [
            ('form-data; name="metadata"', None, json.dumps(metadata or {}).encode()),
            (f'form-data; name="file"; filename="{quoted}"', "application/octet-stream", data),
        ]
        body = b""
        for disposition, kind, content in parts:
            head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
            head += f"Content-Type: {kind}\r\n" if kind else ""
            body += f"{head}\r\n".encode() + content + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.outside.ask("POST", f"{self.origin}/api/files/{urllib.parse.quote(collection)}", body, headers)

    def download(self, token: str, object_name: str) -> Answer:
        """Downloads an object by the name that the upload answered."""
        return self.outside.ask(
            "GET",
            f"{self.origin}/api/files/{urllib.parse.quote(object_name)}",
            headers={"Authorization": f"Bearer {token}"},
        )


class NotSignedIn(AssertionError):
    """Signing in ended on another page; which one is in `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"not signed in, but at {answer.url} ({answer.status}):\n{answer.text}")
        self.answer = answer


def claims(token: str) -> dict[str, object]:
    """What a token says, unverified."""
    part = token.split(".")[1]
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(value, dict)
    return value
