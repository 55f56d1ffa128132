"""The browser's view: forms, second factor, and what a report makes of what was seen."""

from __future__ import annotations

import contextlib
import json
import pwd
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from modules import module

keycloaks = module("stufpack_keycloak")
public = module("stufpack_public")
http = module("stufpack_http")
report = module("stuf_report")
probe_user = module("stuf_probe_user")
outside = module("stuf_public")
registry = module("stuf_registry")
source_reach = module("stuf_source_reach")
disk = module("stuf_disk")
private = module("stuf_private")


class SecondFactor(unittest.TestCase):
    def test_the_vectors_of_rfc_6238(self) -> None:
        for moment, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
            self.assertEqual(public.one_time_code(b"12345678901234567890", moment), code)


class Pages(unittest.TestCase):
    def visitor(self) -> object:
        return public.Visitor("ada", "once", "new")

    def test_a_sign_in_form_is_filled_and_unchecked_boxes_are_left_out(self) -> None:
        page = (
            '<form id="kc-form-login" action="/auth/x?a=1&amp;b=2" method="post"><input name="username">'
            '<input name="password" type="password"><input type="checkbox" name="rememberMe">'
            '<input type="hidden" name="credentialId" value="7">'
            '<input type="submit" name="login"></form>'
        )
        form = public.Forms(page).found[0]
        self.assertEqual(self.visitor().fill(form), "password")
        self.assertEqual(form.action, "/auth/x?a=1&b=2")
        self.assertEqual(form.fields, {"username": "ada", "password": "once", "credentialId": "7"})

    def test_the_hidden_secret_itself_is_the_key_of_the_second_factor(self) -> None:
        form = public.Forms(
            '<form action="x"><input name="totp"><input type="hidden" name="totpSecret" value="abc"></form>'
        ).found[0]
        visitor = self.visitor()
        self.assertEqual(visitor.fill(form), "set-second-factor")
        self.assertEqual(visitor.totp_secret, b"abc")
        self.assertRegex(form.fields["totp"], r"^\d{6}$")

    def test_a_page_that_asks_for_nothing_known_is_a_refusal(self) -> None:
        self.assertIsNone(self.visitor().fill(public.Forms('<form action="x"><input name="other"></form>').found[0]))


class Report(unittest.TestCase):
    def check(self, **fields: object) -> dict[str, object]:
        given = {"id": "x", "expected": "y", "observed": "y", "verdict": "pass", **fields}
        return report.normal(given, "2026-11-21T00:00:00Z")

    def test_a_check_that_saw_nothing_has_not_run(self) -> None:
        for lacking in ({"observed": None}, {"expected": None}, {"verdict": "fine"}):
            with self.subTest(lacking):
                found = self.check(**lacking)
                self.assertEqual((found["verdict"], found["ran_at"]), ("not_run", None))

    def test_a_step_fails_by_what_failed_or_did_not_run_and_by_no_check_at_all(self) -> None:
        self.assertEqual(report.findings([self.check(), self.check(verdict="warn")]), [])
        for fields in ({"verdict": "fail"}, {"verdict": "unverifiable"}, {"observed": None}):
            with self.subTest(fields):
                self.assertEqual(len(report.findings([self.check(), self.check(**fields)])), 1)
        self.assertEqual(report.findings([self.check(observed=None, required=False)]), [])
        self.assertEqual(len(report.findings([])), 1)


def realm(claim: str) -> dict[str, Any]:
    """A realm that puts its roles into this claim of the pages' tokens."""
    config = {"claim.name": claim, "access.token.claim": "true"}
    mapper = {"protocolMapper": "oidc-usermodel-realm-role-mapper", "config": config}
    scopes = [{"name": "roles", "protocolMappers": [mapper]}, {"name": "email", "protocolMappers": []}]
    client = {"clientId": "stuf-spa", "defaultClientScopes": ["roles"], "protocolMappers": []}
    return {"clients": [client], "clientScopes": scopes}


class FakeSite:
    """What stands behind the public name, in memory."""

    def __init__(self, **answers: object) -> None:
        self.domain = "files.example"
        self.answers = {f"/{path}": answer for path, answer in answers.items()}
        self.tokens: dict[str, object] = {}

    def fresh(self) -> FakeSite:
        return self

    def send(self, _method: str, target: str, *, headers: dict[str, str] | None = None) -> object:
        token = (headers or {}).get("authorization", "").removeprefix("Bearer ")
        if target == "/api/me":
            known = self.tokens.get(token)
            return http.Answer(200 if known else 401, {}, json.dumps(known).encode())
        found = self.answers.get(target)
        return http.Answer(404 if found is None else 200, {}, found if isinstance(found, bytes) else b"")


class ReadBack(unittest.TestCase):
    def failing(self, checks: list[dict[str, object]]) -> list[object]:
        return [check["id"] for check in checks if check["verdict"] != "pass"]

    def test_what_browsers_get_is_compared_byte_for_byte(self) -> None:
        files = {"config.js": b"window.x = {}", "branding.json": b"{}", "branding/a b.svg": b"<svg/>"}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "branding").mkdir()
            for path, body in files.items():
                (folder / path).write_bytes(body)
            served = {path.replace(" ", "%20"): body for path, body in files.items()}
            given = {"folder": name}
            self.assertEqual(self.failing(outside.settings(FakeSite(**served), given)), [])
            for path, body in served.items():
                with self.subTest(path):
                    wrong = FakeSite(**{**served, path: body[:-1] + b"~"})
                    self.assertEqual(
                        self.failing(outside.settings(wrong, given)), [f"served/{path.replace('%20', ' ')}"]
                    )
                    gone = FakeSite(**{other: text for other, text in served.items() if other != path})
                    self.assertEqual(len(self.failing(outside.settings(gone, given))), 1)

    def test_what_the_api_makes_of_every_collection_permission_and_role_is_compared(self) -> None:
        claims = [
            {f"c-{number:02}": ["read"] for number in range(20)},
            {"c-00": ["read", "write"], 'ü "x"': ["delete"]},
        ]
        document = {"users": [
            {"realmRoles": [f"role-{place}"], "attributes": {"collections": [json.dumps(claim)]}}
            for place, claim in enumerate(claims)
        ]}  # fmt: skip
        with tempfile.TemporaryDirectory() as name:
            Path(name, "realm-users.json").write_text(json.dumps(document))
            Path(name, "realm.json").write_text(json.dumps(realm("realm_access.roles")))
            visitors = probe_user.visitors_like(name)
        held = {collection: allowed for visitor in visitors for collection, allowed in visitor["collections"].items()}
        self.assertEqual((len(held), held["c-00"], held['ü "x"']), (21, ["read", "write"], ["delete"]))
        self.assertEqual([role for visitor in visitors for role in visitor["roles"]], ["role-0", "role-1"])
        self.assertEqual([len(visitor["collections"]) for visitor in visitors], [0, 12, 9])

        def asked(change: Callable[[dict[str, dict[str, Any]]], object]) -> list[object]:
            known = {
                visitor["name"]: {
                    "collections": dict(visitor["collections"]),
                    "roles": ["offline_access", *visitor["roles"]],
                }
                for visitor in visitors
            }
            change(known)
            site = FakeSite()
            site.tokens = {name: shown for name, shown in known.items() if shown}
            given = {"realm": "stuf", "password": "p", "visitors": visitors}
            signs_in = mock.patch.object(outside, "sign_in", lambda _site, _realm, who: {"access_token": who.name})
            with signs_in:
                return self.failing(outside.rights(site, given))

        for told, expected in (("realm_access.roles", True), ("other", False)):
            self.assertEqual(probe_user.tells_roles(realm(told)), expected)
        first, second, third = (visitor["name"] for visitor in visitors)
        for change, wrong in (
            (lambda known: known, []),
            (lambda known: known[second]["collections"].update({"c-00": ["read"]}), ["api-me/2/collections"]),
            (lambda known: known[second]["collections"].pop("c-01"), ["api-me/2/collections"]),
            (lambda known: known[third]["collections"].update(more=["read"]), ["api-me/3/collections"]),
            (lambda known: known[first]["collections"].update(more=["read"]), ["api-me/1/collections"]),
            (lambda known: known[first].update(roles=["role-0"]), ["api-me/1/roles"]),
            (lambda known: known[third]["roles"].append("role-1"), ["api-me/3/roles"]),
            (lambda known: known.update({second: {}}), ["api-me/2/collections"]),
        ):
            with self.subTest(wrong):
                self.assertEqual(asked(change), wrong)


class Times(unittest.TestCase):
    def measured(self, ours: float, theirs: float | str) -> dict[str, object]:
        def p95(site: Any) -> float:
            taken = ours if site.domain == "files.example" else theirs
            if isinstance(taken, str):
                raise http.StufError(taken)
            return taken

        with mock.patch.object(outside, "p95", p95):
            given = {"source": "https://localhost", "slower_percent": 150, "fast_milliseconds": 200}
            (found,) = outside.times(FakeSite(), given)
        return report.normal(found, "now")  # type: ignore[no-any-return]

    def test_slower_than_the_source_is_a_warning(self) -> None:
        for ours, theirs, verdict in (
            (0.3, 0.4, "pass"),
            (0.45, 0.3, "pass"),
            (0.46, 0.3, "warn"),
            (0.2, 0.01, "pass"),
        ):
            with self.subTest(ours=ours):
                self.assertEqual(self.measured(ours, theirs)["verdict"], verdict)

    def test_a_source_without_figures_is_not_run_and_says_why(self) -> None:
        found = self.measured(0.1, "https://localhost/ answered 403")
        self.assertEqual((found["verdict"], found["required"]), ("not_run", False))
        self.assertIn("answered 403", str(found["why"]))
        with mock.patch.object(outside, "p95", lambda _site: 0.1):
            for source in (None, "http://source.invalid", "https://source.invalid"):
                (plain,) = outside.times(
                    FakeSite(), {"source": source, "slower_percent": 150, "fast_milliseconds": 200}
                )
                self.assertEqual(report.normal(plain, "now")["verdict"], "not_run")

    def test_the_95th_percentile_is_taken_and_first_answers_do_not_count(self) -> None:
        moments = iter(range(1000))

        class Slow(FakeSite):
            def send(self, _method: str, target: str, **_given: object) -> object:
                # Each answer takes one second more than the one before.
                self.asked = getattr(self, "asked", 0) + 1
                for _ in range(self.asked):
                    next(moments)
                return http.Answer(200, {}, b"")

        with mock.patch.object(outside.time, "monotonic", lambda: next(moments)):
            self.assertEqual(outside.p95(Slow()), 22)


class OldTls(unittest.TestCase):
    """Versions of TLS that browsers have given up, asked of real servers."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificate, cls.key = Path(folder.name, "certificate.pem"), Path(folder.name, "key.pem")
        # RSA, since TLS 1.1 knows no Ed25519.
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "1"]
        files = ["-keyout", str(cls.key), "-out", str(cls.certificate)]
        subprocess.run([*make, *files], check=True, capture_output=True)

    def listening(self, answer: Callable[[socket.socket], object]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                answer(client)

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    def speaking(self, lowest: ssl.TLSVersion) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = lowest
        return self.listening(lambda client: context.wrap_socket(client, server_side=True).close())

    def seen(self, port: int) -> tuple[object, object]:
        found = outside._old_tls(public.Site("files.example", "127.0.0.1", port))
        return found["verdict"], found["observed"]

    def test_refused_is_what_the_server_says(self) -> None:
        self.assertEqual(self.seen(self.speaking(ssl.TLSVersion.TLSv1_2)), ("pass", "refused"))
        self.assertEqual(self.seen(self.speaking(ssl.TLSVersion.TLSv1_1)), ("fail", "TLSv1.1"))

    def test_where_nobody_answers_nothing_is_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = int(gone.getsockname()[1])
        for place in (port, self.listening(lambda client: client.recv(1)), self.listening(socket.socket.close)):
            verdict, observed = self.seen(place)
            self.assertEqual(verdict, "unverifiable", observed)

    def test_a_machine_that_cannot_speak_it_proves_nothing(self) -> None:
        port = self.speaking(ssl.TLSVersion.TLSv1_1)

        def without(protocol: int) -> ssl.SSLContext:
            context = ssl.SSLContext(protocol)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
            return context

        with mock.patch.object(outside, "ssl", SimpleNamespace(**{**vars(ssl), "SSLContext": without})):
            verdict, observed = self.seen(port)
        self.assertEqual((verdict, "NO_PROTOCOLS_AVAILABLE" in str(observed)), ("unverifiable", True), observed)


class Private(unittest.TestCase):
    """What another account of the machine reads."""

    def checked(self, places: list[str], said: str, *readable: str) -> dict[str, str]:
        """The check where `find` says this, and prints these files."""
        printed = "".join(f"{file}\0" for file in readable)
        with mock.patch.object(private, "looked", lambda *_: (printed, said)):
            return private.check(places, "nobody")  # type: ignore[no-any-return]

    def test_who_is_kept_out_or_finds_nothing_reads_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            kept_out = f"find: '{folder}': Permission denied\n"
            for said in ("", kept_out, kept_out * 2):
                self.assertEqual(self.checked([folder], said, "/etc/passwd")["verdict"], "pass")
            found = self.checked([folder], kept_out, "/etc/passwd", f"{folder}/realm-users.json")
            self.assertEqual((found["verdict"], found["observed"]), ("fail", f"{folder}/realm-users.json"))

    def test_what_was_not_looked_at_is_not_private(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            missing = f"{folder}/missing"
            for places, said, readable in (
                ([folder], "", ()),
                ([folder], "find: '/etc/passwd': Permission denied", ()),
                ([folder], f"find: '{folder}': Input/output error", ("/etc/passwd",)),
                ([folder, missing], "", ("/etc/passwd",)),
            ):
                with self.subTest(said=said, places=places):
                    found = self.checked(places, said, *readable)
                    self.assertEqual(found["verdict"], "unverifiable", found)
                    self.assertNotIn(found["observed"], ("", "none"))
            no_account = private.check([folder], "nobody-of-this-name")
            self.assertEqual(
                (no_account["verdict"], no_account["observed"]),
                ("unverifiable", "there is no account nobody-of-this-name"),
            )

    def test_the_account_itself_looks(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.object(private.subprocess, "run", wraps=subprocess.run) as run:
                private.looked([folder], "nobody")
            given = run.call_args.kwargs
            account = pwd.getpwnam("nobody")
            self.assertEqual((given["user"], given["group"]), (account.pw_uid, account.pw_gid))
            self.assertEqual(given["extra_groups"], [])


class Registry(unittest.TestCase):
    def test_names_are_read_as_docker_reads_them(self) -> None:
        digest = "sha256:" + "0" * 64
        for image, registry_name, repository in (
            (f"caddy@{digest}", "registry-1.docker.io", "library/caddy"),
            (f"dxflrs/garage@{digest}", "registry-1.docker.io", "dxflrs/garage"),
            (f"docker.io/library/postgres:17@{digest}", "registry-1.docker.io", "library/postgres"),
            (f"ghcr.io/pyx-industries/stuf-api@{digest}", "ghcr.io", "pyx-industries/stuf-api"),
            (f"registry.example:5000/a/b/c@{digest}", "registry.example:5000", "a/b/c"),
        ):
            self.assertEqual(registry.parse(image), (registry_name, repository, digest))

    def test_an_image_without_digest_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            registry.parse("caddy:2")

    def test_a_registry_out_of_order_for_a_moment_is_asked_again_and_one_that_says_no_is_not(self) -> None:
        image = f"registry.example/stuf/api@sha256:{'0' * 64}"
        for answers, asked, sentence in (
            ([500, 503, 200], 3, ""),
            ([429, 200], 2, ""),
            ([500, 500, 500], 3, f"{image}: registry.example answered 500"),
            ([404], 1, f"{image}: registry.example answered 404"),
        ):
            with (
                self.subTest(answers),
                mock.patch.object(registry, "_head", side_effect=[(status, "") for status in answers]) as head,
                mock.patch.object(http.time, "sleep") as slept,
            ):
                self.assertEqual(registry.look(image, ssl.create_default_context()), sentence)
                self.assertEqual(head.call_count, asked)
                self.assertEqual(slept.call_count, asked - 1)


class Source(unittest.TestCase):
    """Whether the target reaches the source's storage, as the report has it."""

    def seen(self, *answers: object) -> dict[str, Any]:
        said = [SimpleNamespace(status=one) if isinstance(one, int) else one for one in answers]
        with (
            mock.patch.object(source_reach, "request", side_effect=said) as request,
            mock.patch.object(http.time, "sleep"),
        ):
            check = source_reach.check("https://storage.example.org/", "stuf uploads", None)
        self.assertEqual(
            {call.args for call in request.call_args_list}, {("HEAD", "https://storage.example.org/stuf%20uploads")}
        )
        self.assertEqual(request.call_count, len(answers))
        return report.normal(check, "2026-11-23T00:00:00Z")

    def test_who_is_refused_as_a_stranger_has_reached_it(self) -> None:
        for answers in ([403], [404], [301], [503, 200], [500, 429, 403]):
            with self.subTest(answers):
                self.assertEqual(self.seen(*answers)["verdict"], "pass")

    def test_no_answer_fails_with_the_place_and_what_to_do(self) -> None:
        for answers in ([http.StufError("HEAD https://storage.example.org/x: no answer (timed out)")], [503, 503, 503]):
            with self.subTest(answers):
                found = self.seen(*answers)
                self.assertEqual(found["verdict"], "fail")
                (said,) = report.findings([found])
                self.assertRegex(said, r"storage\.example\.org.*; next: open the way .*\./migrate preflight")

    def test_without_a_credential_nobody_has_looked_and_nothing_fails(self) -> None:
        found = report.normal(source_reach.check(None, "", None), "2026-11-23T00:00:00Z")
        self.assertEqual((found["verdict"], found["ran_at"], report.findings([found])), ("not_run", None, []))
        self.assertIn("content asks for it", found["why"])


class Disk(unittest.TestCase):
    def test_a_volume_on_luks_is_encrypted_and_its_neighbour_is_not(self) -> None:
        tree = [
            {"maj:min": "8:0", "type": "disk", "children": [
                {"maj:min": "8:1", "type": "part"},
                {"maj:min": "8:2", "type": "part", "children": [
                    {"maj:min": "254:0", "type": "crypt", "children": [{"maj:min": "254:1", "type": "lvm"}]},
                ]},
            ]},
        ]  # fmt: skip
        self.assertIs(disk.encrypted_above(tree, "254:1"), True)
        self.assertIs(disk.encrypted_above(tree, "8:1"), False)
        self.assertIsNone(disk.encrypted_above(tree, "0:57"))


if __name__ == "__main__":
    unittest.main()
