"""A validation's sign-in goes through Keycloak's pages, and tells whether a password alone opens the door."""

from __future__ import annotations

import base64
import json
import unittest
import urllib.parse
from typing import Any

from modules import module

public = module("stufpack_public")
http = module("stufpack_http")
outside = module("stuf_public")

DOMAIN, PASSWORD = "files.example", "once"
REALM = "/auth/realms/stuf"
FIELDS = {
    "login": ("username", "password"),
    "set-password": ("password-new", "password-confirm"),
    "set-second-factor": ("totp", "userLabel"),
    "code": ("otp",),
}


class Keycloak:
    """The pages of one user who has to set a password, and a second factor; in memory, for one browser at a time."""

    def __init__(self, *owing: str, asks_for_code: bool = True, lets_again: bool = True) -> None:
        self.domain = DOMAIN
        self.owing = ["set-password", *owing]
        self.asks_for_code = asks_for_code
        self.lets_again = lets_again
        self.password = PASSWORD
        self.factor = ""
        self.state = ""
        self.codes_tried = 0

    def fresh(self) -> Keycloak:
        return self

    def send(
        self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Any:
        parts = urllib.parse.urlsplit(target)
        given = dict(urllib.parse.parse_qsl(parts.query if method == "GET" else (body or b"").decode()))
        if parts.path == f"{REALM}/protocol/openid-connect/auth":
            self.state = given["state"]
            return self.page("login")
        if parts.path == f"{REALM}/protocol/openid-connect/token":
            claims = {"collections": {outside.COLLECTION: ["read", "write", "delete"]}}
            text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            return http.Answer(200, {}, json.dumps({"access_token": f"x.{text}.x"}).encode())
        if parts.path == "/api/me":
            return http.Answer(200, {}, b"{}")
        return self.after(parts.path.removeprefix("/auth/page/"), given)

    def after(self, page: str, given: dict[str, str]) -> Any:
        """What comes after a form that was filled in."""
        if page == "login":
            known = given["password"] == self.password and (self.lets_again or self.owing)
            return self.page("login") if not known else self.page("code") if self.is_asked() else self.further()
        if page == "code":
            self.codes_tried += 1
            return self.further()
        self.owing.remove(page)
        if page == "set-password":
            self.password = given["password-new"]
        else:
            self.factor = given["totpSecret"]
        return self.further()

    def is_asked(self) -> bool:
        return bool(self.factor) and self.asks_for_code

    def further(self) -> Any:
        if self.owing:
            return self.page(self.owing[0])
        query = urllib.parse.urlencode({"state": self.state, "code": "good"})
        return http.Answer(302, {"location": f"https://{DOMAIN}/?{query}"}, b"")

    def page(self, name: str) -> Any:
        inputs = "".join(f'<input name="{field}">' for field in FIELDS[name])
        hidden = '<input type="hidden" name="totpSecret" value="abc">' if name == "set-second-factor" else ""
        return http.Answer(200, {}, f'<form action="/auth/page/{name}">{inputs}{hidden}</form>'.encode())


def told(keycloak: Keycloak, require_totp: bool) -> dict[str, tuple[str, str]]:
    """What a validation says of a sign-in."""
    given = {"realm": "stuf", "password": PASSWORD, "require_totp": require_totp}
    checks, _ = outside.first_sign_in(keycloak, given)
    return {check["id"].removeprefix("sign-in/"): (check["verdict"], check["observed"]) for check in checks}


class SecondFactor(unittest.TestCase):
    def test_the_password_alone_is_asked_for_a_code_and_no_code_is_used_up(self) -> None:
        keycloak = Keycloak("set-second-factor")
        found = told(keycloak, require_totp=True)
        self.assertEqual({verdict for verdict, _ in found.values()}, {"pass"}, found)
        self.assertEqual(found["second-factor"], ("pass", "asked for a code"))
        self.assertEqual(keycloak.codes_tried, 0)

    def test_a_realm_that_lets_people_set_up_a_factor_and_never_asks_for_it_fails(self) -> None:
        found = told(Keycloak("set-second-factor", asks_for_code=False), require_totp=True)
        self.assertEqual(found.pop("second-factor"), ("fail", "signed in"))
        # All that a first sign-in shows is as it should be.
        self.assertEqual({verdict for verdict, _ in found.values()}, {"pass"}, found)

    def test_a_sign_in_that_is_refused_without_that_question_proves_nothing(self) -> None:
        found = told(Keycloak("set-second-factor", lets_again=False), require_totp=True)
        self.assertEqual(found["second-factor"], ("fail", "refused, and not asked for a code"))

    def test_nobody_is_asked_where_the_target_wants_no_second_factor(self) -> None:
        found = told(Keycloak(), require_totp=False)
        self.assertNotIn("second-factor", found)
        self.assertEqual({verdict for verdict, _ in found.values()}, {"pass"}, found)


if __name__ == "__main__":
    unittest.main()
