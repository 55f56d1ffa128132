#!/usr/bin/python
"""Ansible module: looks at the installation from outside, as a user's browser and as a stranger would."""

from __future__ import annotations

import concurrent.futures
import json
import secrets
import socket
import ssl
import time
import urllib.parse
import warnings
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import Answer, StufError
from ansible.module_utils.stufpack_public import Site, Visitor, claims, multipart, sign_in

DOCUMENTATION = """
module: stuf_public
short_description: Prove from outside that the installation works and refuses strangers
description:
  - Runs on the controller, through TLS. Connects to the target's address under the public name, so that it works before
    DNS is switched.
options:
  domain: {description: Public name., type: str, required: true}
  address: {description: Address of the target., type: str, required: true}
  port: {description: HTTPS port., type: int, default: 443}
  http_port: {description: HTTP port., type: int, default: 80}
  authority: {description: PEM text of an own certificate authority., type: str, required: false}
  realm: {description: Name of the realm., type: str, required: true}
  password: {description: One-time password of the validation user., type: str, required: false}
  require_totp: {description: Whether a second factor has to be asked for., type: bool, default: true}
  upload_limit_mib: {description: Largest upload., type: int, default: 100}
  closed_ports: {description: Ports that must not answer., type: list, elements: int, default: []}
  visitor: {description: What an earlier call returned about the validation user., type: dict, default: {}}
  visitors: {description: The users who hold what the package's users hold., type: list, elements: dict, default: []}
  folder: {description: The package's folder of what the proxy serves., type: path, required: false}
  source: {description: Where the installation that is left answers., type: str, required: false}
  fast_milliseconds: {description: Answers below this are fast, whatever the source's own are., type: int, default: 0}
  slower_percent: {description: How slow answers may be against the source's own., type: int, default: 150}
  subject:
    description: What is looked at.
    type: str
    required: true
    choices: [answers, tls, ports, sign-in, files, strangers, disabled, settings, rights, times]
author: [stufpack]
"""
EXAMPLES = """
- name: Ask from outside
  stuf_public: {domain: files.example.org, address: 192.0.2.1, realm: stuf, subject: answers}
"""
RETURN = """
checks: {description: One entry per check., type: list, elements: dict, returned: always}
visitor: {description: What the validation user knows now; secret., type: dict, returned: with subject C(sign-in)}
"""

COLLECTION = "stufpack-validation"
# Headers of every answer, with what they must hold.
EVERYWHERE = {
    "strict-transport-security": "max-age=",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=()",
    "cross-origin-opener-policy": "same-origin",
}
Check = dict[str, Any]


def check(name: str, expected: str, observed: str, passed: bool, verdict: str = "fail") -> Check:
    """One check; `verdict` is what it is when it did not pass."""
    return {"id": name, "expected": expected, "observed": observed, "verdict": "pass" if passed else verdict}


def status(site: Site, name: str, target: str, right: tuple[int, ...], method: str = "GET", **given: Any) -> Check:
    """One request whose status is what matters."""
    answer = site.send(method, target, **given)
    wanted = " or ".join(str(number) for number in right)
    return check(name, f"status {wanted}", f"status {answer.status}", answer.status in right)


def answers(site: Site, given: dict[str, Any]) -> list[Check]:
    """Every service answers through the proxy, by TLS."""
    page = site.send("GET", "/")
    config = site.send("GET", "/config.js")
    api = site.send("GET", "/api/health")
    issuer = f"https://{site.domain}/auth/realms/{given['realm']}"
    document = site.send("GET", f"/auth/realms/{_quoted(given['realm'])}/.well-known/openid-configuration")
    named = document.json().get("issuer") if document.status == 200 else f"status {document.status}"
    is_page = page.status == 200 and b"<html" in page.body.lower()
    origin = f"https://{site.domain}"
    wanted = {"apiBaseUrl": origin, "keycloakUrl": f"{origin}/auth", "keycloakRealm": given["realm"]}
    led = _leads(config)
    seen = ", ".join(f"{name} {led.get(name, 'missing')}" for name in wanted)
    return [
        check("answer/page", "an HTML page", f"status {page.status}", is_page),
        check(
            "answer/config",
            f"{origin}, {origin}/auth and the realm",
            f"status {config.status}, {seen}",
            config.status == 200 and wanted.items() <= led.items(),
        ),
        check("answer/api", "status healthy", f"status {api.status}", api.status == 200 and b'"healthy"' in api.body),
        check("answer/issuer", issuer, str(named), named == issuer),
    ]


def _leads(config: Answer) -> dict[str, Any]:
    """Where the pages' settings lead a browser; empty where they are none."""
    head, sign, value = config.body.decode("utf-8", "replace").partition("window.__STUF_CONFIG__ = ")
    try:
        found = json.loads(value.rstrip().removesuffix(";")) if sign and not head else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def tls(site: Site, given: dict[str, Any]) -> list[Check]:
    """Certificate, protocol versions, redirect, headers."""
    with (
        socket.create_connection((site.address, site.port), 20) as plain,
        site.context().wrap_socket(plain, server_hostname=site.domain) as secured,
    ):
        ends = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
        version = str(secured.version())
    left = ends - time.time()
    # An authority for staging renews every few hours; a public one leaves weeks.
    checks = [
        check("tls/name", "a trusted certificate for the name", "trusted", True),
        check("tls/validity", "valid", f"{left / 86400:.1f} days left", left > 0),
        check("tls/version", "TLSv1.2 or TLSv1.3", version, version in ("TLSv1.2", "TLSv1.3")),
        _old_tls(site),
        _redirect(site, given["http_port"]),
    ]
    wanted = {
        "/": {"content-security-policy": "default-src 'self'"},
        "/api/health": {"content-security-policy": "sandbox"},
        "/config.js": {"content-security-policy": "default-src 'none'"},
    }
    for path, headers in wanted.items():
        answer = site.send("GET", path, headers={"origin": "https://stranger.invalid"})
        for name, part in {**headers, **EVERYWHERE}.items():
            seen = answer.headers.get(name, "none")
            checks.append(check(f"headers{path}:{name}", f"contains {part}", seen, part in seen))
        seen = answer.headers.get("access-control-allow-origin", "none")
        checks.append(check(f"headers{path}:cors", "no foreign origin", seen, seen == "none"))
    return checks


def _old_tls(site: Site) -> Check:
    """Refused is what the server itself says; where nobody listens, or this machine cannot even ask, nothing was."""
    try:
        # Whose certificate it is does not matter to what may never come about.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection((site.address, site.port), 20) as plain,
            context.wrap_socket(plain, server_hostname=site.domain) as secured,
        ):
            return check("tls/old", "TLS 1.1 refused", str(secured.version()), False)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", None) or type(error).__name__)
        refused = reason == "TLSV1_ALERT_PROTOCOL_VERSION"
        told = "" if refused else f"not asked with success ({reason}; this machine has {ssl.OPENSSL_VERSION})"
        return check("tls/old", "TLS 1.1 refused", told or "refused", refused, "unverifiable")


def _redirect(site: Site, port: int) -> Check:
    wanted = f"https://{site.domain}/"
    text = f"GET / HTTP/1.1\r\nHost: {site.domain}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection((site.address, port), 20) as plain:
        plain.sendall(text)
        head = b""
        while b"\r\n\r\n" not in head and (part := plain.recv(4096)):
            head += part
    lines = head.decode("latin-1").split("\r\n")
    seen = next((line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("location:")), "none")
    return check("tls/redirect", f"HTTP leads to {wanted}", f"{lines[0]}, {seen}", seen == wanted)


def ports(site: Site, given: dict[str, Any]) -> list[Check]:
    """What listens on the machine, and what services use inside, does not answer outside."""

    def answering(port: int) -> bool:
        try:
            with socket.create_connection((site.address, port), 3):
                return True
        except OSError:
            return False

    wanted = sorted({site.port, given["http_port"]})
    closed = sorted(set(given["closed_ports"]) - set(wanted))
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        open_ones = [port for port, seen in zip(closed, pool.map(answering, closed), strict=True) if seen]
        silent = [port for port, seen in zip(wanted, pool.map(answering, wanted), strict=True) if not seen]
    return [
        check("ports/closed", f"none of {len(closed)} ports answers", f"open: {open_ones or 'none'}", not open_ones),
        check("ports/open", f"{wanted} answer", f"silent: {silent or 'none'}", not silent),
    ]


def first_sign_in(site: Site, given: dict[str, Any]) -> tuple[list[Check], dict[str, str]]:
    """The first sign-in of an invited user; then a second one, to which the password just set must not be enough."""
    # The ending satisfies password policies that ask for every class of characters.
    visitor = Visitor(COLLECTION, given["password"], f"{secrets.token_urlsafe(18)}aA1!")
    tokens = sign_in(site.fresh(), given["realm"], visitor)
    wanted = ["password", "set-password", *(["set-second-factor"] if given["require_totp"] else [])]
    first = sorted(set(visitor.passed))
    checks = [
        check("sign-in/first", "tokens", "tokens" if tokens else "refused", tokens is not None),
        check("sign-in/actions", ", ".join(sorted(wanted)), ", ".join(first), first == sorted(wanted)),
    ]
    token = str(tokens["access_token"]) if tokens else ""
    if token:
        seen = claims(token)
        held = seen.get("collections")
        held = json.loads(held) if isinstance(held, str) else held
        right = held == {COLLECTION: ["read", "write", "delete"]}
        checks.append(check("sign-in/claim", "the collection and its permissions", str(held), right))
        me = site.send("GET", "/api/me", headers={"authorization": f"Bearer {token}"})
        checks.append(check("sign-in/api", "status 200", f"status {me.status}", me.status == 200))
        checks += [_second_factor(site, given["realm"], visitor.password)] if given["require_totp"] else []
    known = {"token": token, "password": visitor.password, "totp": visitor.totp_secret.decode()}
    return checks, known


def _second_factor(site: Site, realm: str, password: str) -> Check:
    """The right password without a code; none is tried, since Keycloak may take the same one but once."""
    alone = Visitor(COLLECTION, password, secrets.token_urlsafe(18))
    tokens = sign_in(site.fresh(), realm, alone)
    asked = tokens is None and alone.asked_for_code
    seen = "asked for a code" if asked else "refused, and not asked for a code" if tokens is None else "signed in"
    return check("sign-in/second-factor", "whoever has the password alone is asked for a code", seen, asked)


def files(site: Site, given: dict[str, Any]) -> list[Check]:
    """Upload, list, download and delete in the validation's own collection, and an upload that is too large."""
    signed = {"authorization": f"Bearer {given['visitor']['token']}"}
    base = f"/api/files/{COLLECTION}"
    content = secrets.token_bytes(1048576)
    # With a comma, as the name of a file may have one: browsers take the answer only if the name is quoted.
    original = "stufpack check (1), 2.bin"
    kind, body = multipart(original, content, "application/x-stufpack", {"metadata": '{"note":"check"}'})
    sent = site.send("POST", base, headers={**signed, "content-type": kind}, body=body)
    checks = [check("files/upload", "status 200", f"status {sent.status}", sent.status == 200)]
    if sent.status != 200:
        return checks
    name = str(sent.json()["object_name"])
    # The whole key: the API takes its first part for the collection, also where the user's name is that same word.
    inner = name.removeprefix(f"{COLLECTION}/")
    target = f"{base}/{COLLECTION}/{urllib.parse.quote(inner)}"
    listed = site.send("GET", base, headers=signed)
    checks.append(check("files/list", "the file is listed", f"status {listed.status}", inner.encode() in listed.body))
    got = site.send("GET", target, headers=signed)
    checks.append(
        check("files/download", "equal bytes", f"status {got.status}, {len(got.body)} bytes", got.body == content)
    )
    seen = got.headers.get("content-type", "none")
    checks.append(check("files/type", "application/x-stufpack", seen, seen == "application/x-stufpack"))
    seen = got.headers.get("content-disposition", "none")
    # Of an object's name the API takes the time of the upload for a part of the file's name.
    quoted = seen.startswith('attachment; filename="') and seen.endswith(f'{original}"')
    checks.append(check("files/name", f"a quoted name that ends with {original}", seen, quoted))
    checks.append(status(site, "files/delete", target, (200,), "DELETE", headers=signed))
    checks.append(status(site, "files/deleted", target, (404,), headers=signed))
    size = given["upload_limit_mib"] * 1048576 + 1
    headers = {**signed, "content-type": kind, "content-length": str(size)}
    checks.append(status(site, "files/too-large", base, (413,), "POST", headers=headers, body=b""))
    return checks


def strangers(site: Site, given: dict[str, Any]) -> list[Check]:
    """Without a token, with a wrong one, in a foreign collection, with a password grant, at the console."""
    realm = f"/auth/realms/{_quoted(given['realm'])}"
    signed = {"authorization": f"Bearer {given['visitor']['token']}"}
    forged = {"authorization": f"Bearer {given['visitor']['token'][:-8]}AAAAAAAA"}
    form = urllib.parse.urlencode(
        {"grant_type": "password", "client_id": "stuf-spa", "username": COLLECTION, "password": secrets.token_hex(8)}
    ).encode()
    form_headers = {"content-type": "application/x-www-form-urlencoded"}
    foreign = f"/api/files/not-{COLLECTION}"
    wrong = Visitor(COLLECTION, secrets.token_urlsafe(18), secrets.token_urlsafe(18))
    refused = sign_in(site.fresh(), given["realm"], wrong) is None
    return [
        status(site, "strangers/no-token", f"/api/files/{COLLECTION}", (401, 403)),
        status(site, "strangers/me", "/api/me", (401, 403)),
        status(site, "strangers/forged-token", "/api/me", (401,), headers=forged),
        status(site, "strangers/other-collection", foreign, (403,), headers=signed),
        status(
            site,
            "strangers/password-grant",
            f"{realm}/protocol/openid-connect/token",
            (400, 401),
            "POST",
            headers=form_headers,
            body=form,
        ),
        status(site, "strangers/console", "/auth/admin/", (404,)),
        # 401 would be Keycloak's own answer, and mean that guessing may begin.
        status(site, "strangers/administration", f"/auth/admin/realms/{_quoted(given['realm'])}/users", (404,)),
        status(site, "strangers/master", "/auth/realms/master/.well-known/openid-configuration", (404,)),
        check("strangers/wrong-password", "refused", "refused" if refused else "signed in", refused),
    ]


def disabled(site: Site, given: dict[str, Any]) -> list[Check]:
    """The validation user, disabled a moment ago, with the right password and factor."""
    known = given["visitor"]
    visitor = Visitor(COLLECTION, known["password"], secrets.token_urlsafe(18), str(known["totp"]).encode())
    refused = sign_in(site.fresh(), given["realm"], visitor) is None
    return [check("strangers/disabled-user", "refused", "refused" if refused else "signed in", refused)]


def settings(site: Site, given: dict[str, Any]) -> list[Check]:
    """What browsers read of this installation's settings, byte for byte."""
    folder = Path(given["folder"])
    files = [folder / "config.js", folder / "branding.json", *sorted((folder / "branding").glob("*"))]
    checks = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        body = path.read_bytes()
        answer = site.send("GET", f"/{urllib.parse.quote(name)}")
        seen = f"status {answer.status}, {'equal' if answer.body == body else 'other'} bytes"
        checks.append(check(f"served/{name}", "status 200, equal bytes", seen, seen == "status 200, equal bytes"))
    return checks


def rights(site: Site, given: dict[str, Any]) -> list[Check]:
    """What the API makes of the tokens of users who hold every collection, permission and role of the package."""
    every = {role for visitor in given["visitors"] for role in visitor["roles"]}
    checks = []
    for known in given["visitors"]:
        visitor = Visitor(known["name"], given["password"], f"{secrets.token_urlsafe(18)}aA1!")
        tokens = sign_in(site.fresh(), given["realm"], visitor)
        signed = {"authorization": f"Bearer {tokens['access_token'] if tokens else ''}"}
        answer = site.send("GET", "/api/me", headers=signed)
        shown = answer.json() if answer.status == 200 else {}
        told = set(shown.get("roles") or []) & every
        number = known["name"].rpartition("-")[2]
        if known["collections"] or shown.get("collections"):
            seen = shown.get("collections") or {}
            checks.append(_same(f"api-me/{number}/collections", known["collections"], seen, answer.status))
        if known["roles"] or told:
            checks.append(_same(f"api-me/{number}/roles", set(known["shown_roles"]), told, answer.status))
    return checks


def _same(name: str, wanted: Any, seen: Any, status: int) -> Check:
    other = sorted(
        word
        for word in {*wanted, *seen}
        if word not in wanted or word not in seen or (isinstance(wanted, dict) and wanted[word] != seen[word])
    )
    observed = f"status {status}, otherwise: {', '.join(other)}" if other or status != 200 else "so it is"
    kind = name.rpartition("/")[2]
    return check(name, f"{len(wanted)} {kind} of the package, and no others", observed, observed == "so it is")


ROUNDS = 10
TIMED = ("/", "/api/health")


def times(site: Site, given: dict[str, Any]) -> list[Check]:
    """How long answers take, against the source's own at the same moment from the same machine."""
    ours = p95(site)
    limit, fast = given["slower_percent"], given["fast_milliseconds"]
    expected = f"95 % of answers within {limit} % of the source's own time, or within {fast} ms"
    left_out = {"id": "times/p95", "expected": expected, "verdict": "not_run", "required": False}
    parts = urllib.parse.urlsplit(given["source"] or "")
    if parts.scheme != "https" or not parts.hostname:
        return [{**left_out, "why": "the source has no address with TLS to measure at"}]
    try:
        port = parts.port or 443
        place = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0][4][0]
        theirs = p95(Site(parts.hostname, str(place), port, seconds=5))
    except (StufError, OSError) as error:
        return [{**left_out, "why": f"the source gives no figures: {error}"}]
    seen = f"{ours * 1000:.0f} ms here, {theirs * 1000:.0f} ms at the source"
    return [check("times/p95", expected, seen, ours * 1000 <= fast or ours * 100 <= theirs * limit, "warn")]


def p95(site: Site) -> float:
    """The 95th percentile of response times in seconds; an answer that is none is an error."""
    taken = []
    for path in TIMED:
        for number in range(ROUNDS + 1):
            begun = time.monotonic()
            answer = site.send("GET", path)
            if answer.status != 200:
                raise StufError(f"https://{site.domain}{path} answered {answer.status}")
            # The first answer may have had to wake something.
            taken += [time.monotonic() - begun] if number else []
    return sorted(taken)[-(-len(taken) * 95 // 100) - 1]


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def main() -> None:
    """Runs as an Ansible module."""
    subjects = {"answers": answers, "tls": tls, "ports": ports, "files": files}
    subjects |= {"strangers": strangers, "disabled": disabled, "settings": settings, "rights": rights, "times": times}
    module = AnsibleModule(
        argument_spec={
            "domain": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 443},
            "http_port": {"type": "int", "default": 80},
            "authority": {"type": "str"},
            "realm": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "require_totp": {"type": "bool", "default": True},
            "upload_limit_mib": {"type": "int", "default": 100},
            "closed_ports": {"type": "list", "elements": "int", "default": []},
            "visitor": {"type": "dict", "default": {}, "no_log": True},
            "visitors": {"type": "list", "elements": "dict", "default": []},
            "folder": {"type": "path"},
            "source": {"type": "str"},
            "fast_milliseconds": {"type": "int", "default": 0},
            "slower_percent": {"type": "int", "default": 150},
            "subject": {"type": "str", "required": True, "choices": [*subjects, "sign-in"]},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, checks=[], visitor={})
    site = Site(given["domain"], given["address"], given["port"], given["authority"])
    known: dict[str, str] = {}
    try:
        if given["subject"] == "sign-in":
            checks, known = first_sign_in(site, given)
        else:
            checks = subjects[given["subject"]](site, given)
    except (StufError, OSError) as error:
        checks = [check(given["subject"], "an answer", str(error), False)]
    module.exit_json(changed=False, checks=checks, visitor=known)


if __name__ == "__main__":
    main()
