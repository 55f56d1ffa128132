"""The browser's view: forms, second factor, and what a report makes of what was seen."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from modules import module

public = module("stufpack_public")
report = module("stuf_report")
registry = module("stuf_registry")
disk = module("stuf_disk")


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
    def test_the_worst_check_decides_and_none_proves_nothing(self) -> None:
        self.assertEqual(report.verdict([]), "not_run")
        for words, expected in (
            (("pass", "warn"), "warn"),
            (("pass", "not_run"), "not_run"),
            (("unverifiable", "not_run", "warn"), "unverifiable"),
            (("unverifiable", "fail"), "fail"),
        ):
            self.assertEqual(report.verdict([{"verdict": word} for word in words]), expected)

    def test_a_check_that_saw_nothing_has_not_run(self) -> None:
        self.assertEqual(
            report.normal({"id": "x", "expected": "y", "verdict": "pass"}, "verify", "now")["verdict"], "not_run"
        )

    def test_a_step_without_a_file_has_not_run(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            made = report.report(Path(folder), "verify", ["sign-in"])
        self.assertEqual((made["verdict"], made["checks"][0]["id"]), ("not_run", "sign-in"))


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
