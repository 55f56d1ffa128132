"""What the reading program makes of a running STUF: everything of it, nothing secret, whole or not at all."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
import unittest
import urllib.parse
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from export_fakes import CLIENT_SECRET, COMMIT, SERVICE_SECRET, STORAGE_SECRET, Installation, program, user

main = program("__main__")
archive = program("archive")
machine = program("machine")
outside = program("outside")
settings = program("settings")
storage = program("storage")
ExportError = program("failure").ExportError

AWKWARD = [
    "a//b",
    "./dot",
    "plus+a&b=c",
    'tab\tq"uote',
    "sp/ü my file (1).pdf",
    "nf/cafe\u0301.txt",
    "trail/",
    "x/../up",
]


class ExportTest(unittest.TestCase):
    """A test with an installation that can be read."""

    USERS = 12

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stuf = Installation(self.folder, self.USERS)
        self.addCleanup(self.stuf.close)
        self.enterContext(self.stuf.standing())

    def run_program(self, *words: str) -> tuple[int, str, str]:
        """Runs a verb; its exit code and what it said."""
        said, told = io.StringIO(), io.StringIO()
        with patch("sys.argv", ["stuf_export", *words]), redirect_stdout(said), redirect_stderr(told):
            code = main.main()
        return code, said.getvalue(), told.getvalue()

    def read(self, **changes: Any) -> str:
        """Reads into `export.tar`, which must work; what was said for people."""
        (self.folder / "export.tar").unlink(missing_ok=True)
        config = self.stuf.settings(**changes)
        code, said, told = self.run_program("read", "--config", str(config), "--out", str(self.folder / "export.tar"))
        self.assertEqual((code, said), (0, ""), told)
        return told

    def exported(self, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
        """Document, realm and inventory of an export."""
        self.read(**changes)
        with tarfile.open(self.folder / "export.tar") as tar:
            files = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
        rows = gzip.decompress(files["inventory.jsonl.gz"]).decode().splitlines()
        return json.loads(files["export.json"]), json.loads(files["realm.json"]), [json.loads(row) for row in rows]


class Everything(ExportTest):
    def test_each_setting_comes_from_where_it_stands(self) -> None:
        document, realm, _ = self.exported()
        spec = document["spec"]
        self.assertEqual(document["metadata"]["installation"], "files.example.org")
        self.assertEqual(spec["project"], self.stuf.configuration["project"])
        self.assertEqual(
            spec["storage"],
            {
                "provider": "garage",
                "bucket": "uploads",
                "region": "us-east-1",
                "encryption": "none",
                "versioning": False,
            },
        )
        self.assertEqual(spec["collections"], {"reports": {"description": "R"}, "press": {"description": "P"}})
        self.assertEqual(spec["glass"], {"repository": "stuf-harbour", "readers": ["ada-example", "o-brien"]})
        self.assertEqual(spec["notifications"]["zulip"]["botEmail"], "b@z.example")
        self.assertEqual(spec["notifications"]["sentry"], {"environment": "production"})
        self.assertEqual(spec["branding"]["logo"], "branding/logo.svg")
        self.assertEqual(spec["metadataFields"]["comment"]["allowOther"], True)
        self.assertEqual(spec["application"], {"version": "2025.12", "commit": COMMIT, "release": self.stuf.images})
        exposure = spec["exposure"]
        self.assertIn(443, exposure["ports"])
        self.assertEqual(exposure["redirectUris"], ["https://files.example.org/*"])
        self.assertEqual(exposure["factors"], ["password", "totp"])
        own = {"name": "default-roles-stuf", "composites": {"realm": ["offline_access"]}}
        own["composites"] |= {"client": {"account": ["view-profile"]}}
        names = ("admin", "offline_access", "project-participant", "trust-architect")
        wanted = [own, *({"name": name} for name in names)]
        self.assertEqual(realm["roles"], {"realm": sorted(wanted, key=lambda role: str(role["name"]))})
        clients = [client["clientId"] for client in realm["clients"]]
        self.assertEqual(clients, ["account", "realm-management", "stuf-api", "stuf-spa"])
        account = next(one for one in realm["users"] if one.get("serviceAccountClientId"))
        self.assertEqual((account["serviceAccountClientId"], account["realmRoles"]), ("stuf-api", ["admin"]))
        self.assertEqual([one["username"] for one in realm["users"] if "validation" in one["username"]], [])

    def test_a_bucket_whose_settings_the_key_may_not_read_is_told_by_what_it_keeps(self) -> None:
        storage = json.loads(self.stuf.settings().read_text())["storage"] | {"provider": "aws-s3"}
        version, encryption = "x-amz-version-id", "x-amz-server-side-encryption"
        for kept, versioning, at_rest in (
            ({version: "the-second", encryption: "AES256"}, True, "AES256"),
            ({version: "null", encryption: "aws:kms"}, False, "aws:kms"),
            ({}, False, "none"),
        ):
            self.stuf.kept = kept
            spec = self.exported(storage=storage)[0]["spec"]
            found = spec["storage"]
            with self.subTest(kept):
                told = (found["provider"], found["versioning"], found["encryption"])
                self.assertEqual(told, ("aws-s3", versioning, at_rest))
                self.assertEqual(spec["exposure"]["encryptionAtRest"], at_rest)

    def test_the_collection_of_validations_is_left_out_with_trust_architects_alone(self) -> None:
        users = self.stuf.realm.users
        self.assertIn("stufpack-validation", users["u-001"]["attributes"]["collections"][0])
        users["u-002"]["attributes"]["collections"] = ['{"stufpack-validation":["read"]}']
        document, realm, _ = self.exported()
        shown = [name for name, one in document["spec"]["users"].items() if "stufpack-validation" in one["collections"]]
        self.assertEqual(shown, ["u-002"])
        texts = [one["attributes"]["collections"][0] for one in realm["users"] if one["username"] == "name-u-001"]
        self.assertEqual(texts, ['{"reports":["read","write"]}'])

    def test_no_credential_and_no_mail_server_leaves(self) -> None:
        self.read()
        content = (self.folder / "export.tar").read_bytes()
        self.assertIn(b"stuf-spa", content)
        hidden = (SERVICE_SECRET, CLIENT_SECRET, STORAGE_SECRET, "MIIE-private-key", "hard-coded-credential",
                  "token-of-registration", "smtpServer", "client.secret.creation.time")  # fmt: skip
        for text in hidden:
            with self.subTest(text):
                self.assertNotIn(text.encode(), content)
        self.assertFalse([asked for asked in self.stuf.asked if "client-secret" in asked or "credentials" in asked])

    def test_a_credential_is_known_however_it_is_written(self) -> None:
        secret = 'pa"ss\\wörd-1'
        gate, plain = archive.Gate([secret]), secret.encode()
        written = {
            "as it is": plain,
            "in JSON": archive.rendered({"text": f"it is {secret}."}),
            "in JSON of ASCII": json.dumps([secret]).encode(),
            "in a URL": urllib.parse.quote(secret, safe="").encode(),
            "in hexadecimal": plain.hex().upper().encode(),
            **{f"in base64 after {n}": base64.b64encode(b"x" * n + plain + b"yz") for n in range(6)},
            **{f"in base64 of URLs after {n}": base64.urlsafe_b64encode(b"?" * n + plain) for n in range(3)},
        }
        for where, content in written.items():
            with self.subTest(where), self.assertRaises(ExportError):
                gate.passed("export.json", content)
        other = base64.b64encode(plain[1:]) + plain[:-1]
        self.assertEqual(gate.passed("export.json", other), other)

    def test_a_credential_in_a_text_stops_the_export_and_leaves_no_file(self) -> None:
        places = {
            "export.json": lambda: self.stuf.bucket.put(
                "config/stuf_config.json", self.stuf.configuration | {"glass": {"repository": CLIENT_SECRET}}
            ),
            "realm.json": lambda: self.stuf.realm.top.update(displayName=STORAGE_SECRET),
            "inventory.jsonl.gz": lambda: self.stuf.bucket.put("reports/x", b"", note=SERVICE_SECRET),
        }
        for name, change in places.items():
            with self.subTest(name):
                self.setUp()
                change()
                config = str(self.stuf.settings())
                code, _, told = self.run_program("read", "--config", config, "--out", f"{self.folder}/t")
                self.assertEqual(code, 1)
                self.assertIn(f"what would be {name}", told)
                self.assertNotIn("-of-the-test", told)
                self.assertFalse((self.folder / "t").exists())

    def test_the_inventory_has_every_object_as_it_is_and_nothing_of_the_administration(self) -> None:
        for number, key in enumerate(AWKWARD):
            self.stuf.bucket.put(key, b"x" * number, "text/plain", original_filename="تقرير.docx", comment="a b")
        for folder in ("stufpack-validation", "stufpack-backup"):
            self.stuf.bucket.put(f"{folder}/ada/1-probe", b"probe")
        self.stuf.bucket.put("uploads/1/metadata.json", {}, "application/json")
        document, _, rows = self.exported()
        self.assertEqual([row["key"] for row in rows], sorted([*AWKWARD, "uploads/1/metadata.json"], key=str.encode))
        first = next(row for row in rows if row["key"] == "./dot")
        self.assertEqual(
            first,
            {"key": "./dot", "size": 1, "modified": "2026-11-20T08:00:00Z", "content_type": "text/plain",
             "metadata": {"comment": "a b", "original_filename": "تقرير.docx"}},
        )  # fmt: skip
        self.assertEqual(document["spec"]["content"], {"objects": len(rows), "bytes": sum(row["size"] for row in rows)})

    def test_digests_are_read_when_asked_for(self) -> None:
        self.stuf.bucket.put("reports/x", b"abc")
        _, _, rows = self.exported(sha256=True)
        self.assertEqual(rows[0]["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    def test_a_file_whose_reading_breaks_off_is_read_again_from_its_beginning(self) -> None:
        self.stuf.bucket.put("reports/x", b"abc")
        with patch.object(program("web"), "PAUSES", (0, 0, 0)):
            self.stuf.broken = {"reports/x": 2}
            _, _, rows = self.exported(sha256=True)
            self.assertEqual(rows[0]["sha256"], hashlib.sha256(b"abc").hexdigest())
            self.assertEqual(self.stuf.broken, {"reports/x": 0})
            self.stuf.broken = {"reports/x": 10**6}
            config = str(self.stuf.settings(sha256=True))
            code, _, told = self.run_program("read", "--config", config, "--out", f"{self.folder}/t")
        self.assertEqual((code, (self.folder / "t").exists()), (1, False))
        self.assertIn("does not answer (IncompleteRead)", told)

    def test_a_reading_for_which_nobody_waits_any_more_stops(self) -> None:
        # As the next run and `abort` remove the folder of one that was interrupted.
        gone = self.folder / "gone"
        gone.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(gone)
        gone.rmdir()
        self.stuf.bucket.put("reports/x", b"abc")
        config = str(self.stuf.settings(sha256=True))
        code, _, told = self.run_program("read", "--config", config, "--out", f"{self.folder}/t")
        self.assertEqual((code, (self.folder / "t").exists()), (1, False))
        self.assertIn("its folder was removed", told)
        self.assertNotIn("GET /uploads/reports/x", self.stuf.asked)

    def test_two_exports_of_the_same_differ_in_time_and_salt_alone(self) -> None:
        one, realm, rows = self.exported()
        other, *rest = self.exported()
        self.assertNotEqual(one["spec"].pop("salt"), other["spec"].pop("salt"))
        one["metadata"].pop("exportedAt"), other["metadata"].pop("exportedAt")
        self.assertEqual((one, realm, rows), (other, *rest))


class Access(ExportTest):
    """Where a user's document and the realm say different things."""

    def changed(self) -> tuple[dict[str, Any], str]:
        told = self.read()
        with tarfile.open(self.folder / "export.tar") as tar:
            return json.load(tar.extractfile("export.json"))["spec"]["users"], told  # type: ignore[arg-type]

    def test_the_realm_decides_and_the_difference_is_counted(self) -> None:
        before, told = self.changed()
        self.assertNotIn("documents", told)
        expected = user(3)
        self.assertEqual(before["u-003"]["phone"], expected["phone"])
        self.assertEqual(before["u-003"]["name"], expected["name"])
        self.assertEqual(before["u-003"]["email"], expected["email"].lower())
        # The second is only called like the one that Keycloak gives to everyone.
        self.stuf.realm.held["u-003"] |= {"admin", "default-roles-guests"}
        self.stuf.realm.users["u-005"]["enabled"] = False
        after, told = self.changed()
        self.assertEqual(after["u-003"]["roles"], ["admin", "default-roles-guests", "project-participant"])
        self.assertEqual(after["u-005"]["status"], "disabled")
        self.assertIn("which decides: 2 of 12", told)
        after["u-003"]["roles"], after["u-005"]["status"] = before["u-003"]["roles"], "active"
        self.assertEqual(after, before)

    def test_a_role_that_another_one_brings_along_is_held_too(self) -> None:
        self.stuf.realm.held["u-003"] = {"everything"}
        self.stuf.realm.inside["everything"] = {"admin"}
        self.assertEqual(self.changed()[0]["u-003"]["roles"], ["admin", "everything"])

    def test_a_user_without_document_keeps_keycloaks_id(self) -> None:
        del self.stuf.bucket.objects["users/u-004.json"]
        self.stuf.realm.users["u-004"]["id"] = "1f6b0000-0000-4000-8000-000000000004"
        self.stuf.realm.held["1f6b0000-0000-4000-8000-000000000004"] = self.stuf.realm.held["u-004"]
        found, told = self.changed()
        self.assertEqual(found["1f6b0000-0000-4000-8000-000000000004"]["roles"], ["project-participant"])
        self.assertIn("users of the realm without a document: 1 of 12", told)

    def test_a_user_who_is_not_in_the_realm_stays_for_the_check_to_find(self) -> None:
        del self.stuf.realm.users["u-004"]
        found, told = self.changed()
        self.assertIn("u-004", found)
        self.assertIn("users with a document who are not in the realm: 1 of 12", told)

    def test_what_is_said_names_nobody(self) -> None:
        self.stuf.realm.held["u-003"].add("admin")
        _, told = self.changed()
        for word in ("u-003", "example.org", "name-"):
            self.assertNotIn(word, told)

    def test_without_a_second_factor_for_all_a_password_is_enough(self) -> None:
        self.stuf.realm.users["u-003"]["requiredActions"] = []
        document, _, _ = self.exported()
        self.assertEqual(document["spec"]["exposure"]["factors"], ["password"])
        self.stuf.realm.users["u-003"]["totp"] = True
        document, _, _ = self.exported()
        self.assertEqual(document["spec"]["exposure"]["factors"], ["password", "totp"])

    def test_who_only_has_a_name_of_a_validations_users_is_exported(self) -> None:
        realm = self.stuf.realm
        # They may hold whatever the package gives, and are where the realm puts everybody new.
        realm.held["stufpack-validation-1"] = {"trust-architect", "default-roles-stuf"}
        realm.groups, realm.members["stufpack-validation-12"] = [{"name": "all"}], ["/all"]
        realm.top["defaultGroups"] = ["/all"]
        told = self.read()
        self.assertIn("users of a validation, left out: 3; ./migrate verify removes them", told)
        names = ["stufpack-validation", "stufpack-validation-1", "stufpack-validation-12"]
        as_made = {name: dict(realm.users[name]) for name in names}

        def shown() -> tuple[list[str], list[str], list[str]]:
            document, found, _ = self.exported()
            users = [one["username"] for one in found["users"] if one["username"] in names]
            spec = document["spec"]
            return users, [name for name in names if name in spec["users"]], spec["exposure"]["factors"]

        self.assertEqual(shown(), ([], [], ["password", "totp"]))
        for change in ({"email": "eve@example.org"}, {"firstName": "Eve"}, {"lastName": None}):
            with self.subTest(change):
                realm.users[names[2]].update(change)
                self.assertEqual(shown(), (names[2:], names[2:], ["password"]))
                realm.users[names[2]].update(as_made[names[2]])
        with self.subTest("roles of clients"):
            realm.held_of_clients[names[0]] = {"realm-management": ["realm-admin"]}
            self.assertEqual(shown(), (names[:1], names[:1], ["password"]))
            del realm.held_of_clients[names[0]]
        with self.subTest("Keycloak's own roles by hand"):
            realm.held[names[0]] = {"offline_access"}
            self.assertEqual(shown(), (names[:1], names[:1], ["password"]))
            realm.held[names[0]] = set()
        with self.subTest("a group"):
            realm.members[names[1]] = ["/all", "/administrators"]
            self.assertEqual(shown(), (names[1:2], names[1:2], ["password"]))

    def test_what_a_realm_asks_of_new_users_or_cannot_ask_is_no_second_factor_of_those_who_are_there(self) -> None:
        (action,) = (one for one in self.stuf.realm.actions if one["alias"] == "CONFIGURE_TOTP")
        action["enabled"] = False
        self.assertEqual(self.exported()[0]["spec"]["exposure"]["factors"], ["password"])
        action |= {"enabled": True, "defaultAction": True}
        self.assertEqual(self.exported()[0]["spec"]["exposure"]["factors"], ["password", "totp"])
        for person in self.stuf.realm.users.values():
            person["requiredActions"] = []
        self.assertEqual(self.exported()[0]["spec"]["exposure"]["factors"], ["password"])

    def test_another_image_than_the_releases_is_exported_and_told(self) -> None:
        running = self.stuf.images["api"] = "r.example/api@sha256:" + "0" * 64
        told = self.read()
        self.assertIn("api runs another image than the release document names", told)
        document, _, _ = self.exported()
        self.assertEqual(document["spec"]["application"]["release"]["api"], running)


class Beyond(ExportTest):
    """What opens a realm beside the roles and collections of people."""

    def realm(self) -> tuple[dict[str, Any], dict[str, Any]]:
        document, realm, _ = self.exported()
        return document["spec"], realm

    def person(self, number: int = 3) -> dict[str, Any]:
        found = self.realm()[1]["users"]
        return next(one for one in found if one["username"] == f"name-u-{number:03}")

    def test_an_untouched_realm_tells_of_its_own_parts_alone(self) -> None:
        spec, realm = self.realm()
        self.assertEqual({key for user in realm["users"] for key in user} & {"clientRoles", "groups"}, set())
        self.assertEqual({role for user in realm["users"] for role in user["realmRoles"]},
                         {"admin", "project-participant", "trust-architect"})  # fmt: skip
        self.assertEqual(realm.keys() & {"groups", "defaultGroups", "identityProviders"}, set())
        self.assertEqual(spec["exposure"]["redirectUris"], ["https://files.example.org/*"])
        per_user = [asked for asked in self.stuf.asked if "/users/u-003/" in asked]
        self.assertEqual(len(per_user), 2, per_user)

    def test_roles_of_clients_and_own_ones_that_are_given_by_hand_are_told(self) -> None:
        self.stuf.realm.held["u-003"].add("offline_access")
        self.stuf.realm.held_of_clients["u-003"] = {"realm-management": ["realm-admin"]}
        found = self.person()
        self.assertEqual(found["realmRoles"], ["offline_access", "project-participant"])
        self.assertEqual(found["clientRoles"], {"realm-management": ["realm-admin"]})
        # STUF knows nothing of it.
        self.assertEqual(self.realm()[0]["users"]["u-003"]["roles"], ["project-participant"])

    def test_what_a_role_brings_along_is_told(self) -> None:
        realm = self.stuf.realm
        realm.inside["project-participant"] = {"realm-management:realm-admin", "admin"}
        realm.inside["account:view-profile"] = {"realm-management:realm-admin"}
        roles = self.realm()[1]["roles"]
        (found,) = (role for role in roles["realm"] if role["name"] == "project-participant")
        self.assertEqual(found["composites"], {"realm": ["admin"], "client": {"realm-management": ["realm-admin"]}})
        opened = {"name": "view-profile", "composites": {"client": {"realm-management": ["realm-admin"]}}}
        self.assertEqual(roles["client"], {"account": [opened]})

    def test_an_opened_client_of_keycloaks_own_is_told(self) -> None:
        self.stuf.realm.clients[0] |= {"redirectUris": ["*"], "rootUrl": "https://evil.example"}
        found = self.realm()[1]["clients"][0]
        self.assertEqual(
            (found["clientId"], found["redirectUris"], found["rootUrl"]), ("account", ["*"], "https://evil.example")
        )

    def test_a_role_of_keycloaks_own_that_brings_more_of_its_own_client_is_told(self) -> None:
        self.assertNotIn("client", self.realm()[1]["roles"])
        self.stuf.realm.inside["realm-management:view-users"].add("realm-management:realm-admin")
        inner = {"realm-management": ["query-groups", "query-users", "realm-admin"]}
        opened = {"name": "view-users", "composites": {"client": inner}}
        self.assertEqual(self.realm()[1]["roles"]["client"], {"realm-management": [opened]})

    def test_what_leads_a_client_elsewhere_is_told_of_each(self) -> None:
        page = "https://evil.example"
        opened = {"rootUrl": page, "baseUrl": page, "adminUrl": page, "authorizationServicesEnabled": True}
        opened |= {"fullScopeAllowed": True, "authenticationFlowBindingOverrides": {"browser": "flow-without-code"}}
        spa = next(one for one in self.stuf.realm.clients if one["clientId"] == "stuf-spa")
        before = next(one for one in self.realm()[1]["clients"] if one["clientId"] == "stuf-spa")
        self.assertEqual(before.keys() & opened.keys(), set())
        spa |= opened
        spa["authenticationFlowBindingOverrides"] = {**opened["authenticationFlowBindingOverrides"], "direct_grant": ""}
        after = next(one for one in self.realm()[1]["clients"] if one["clientId"] == "stuf-spa")
        self.assertEqual(after, before | opened)

    def test_what_the_realm_asks_of_people_and_where_it_says_that_it_is_are_told(self) -> None:
        realm = self.stuf.realm
        realm.top |= {"attributes": {"frontendUrl": "https://evil.example", "signing.secret": "hidden", "empty": ""}}
        realm.top |= {"browserSecurityHeaders": {"xFrameOptions": "ALLOWALL"}}
        realm.actions[1]["enabled"] = False
        found = self.realm()[1]
        self.assertEqual(found["attributes"], {"empty": "", "frontendUrl": "https://evil.example"})
        self.assertEqual(found["browserSecurityHeaders"], {"xFrameOptions": "ALLOWALL"})
        states = {one["alias"]: (one["enabled"], one["defaultAction"]) for one in found["requiredActions"]}
        wanted = {"TERMS_AND_CONDITIONS": False, "CONFIGURE_TOTP": False, "UPDATE_PASSWORD": True}
        self.assertEqual(states, {alias: (enabled, False) for alias, enabled in wanted.items()})

    def test_a_directory_elsewhere_is_told_without_its_settings(self) -> None:
        kind = "org.keycloak.storage.UserStorageProvider"
        held = {"name": "staff", "providerId": "ldap", "providerType": kind, "config": {"bindCredential": ["hidden"]}}
        self.stuf.realm.federation = [held, held | {"name": "keys", "providerType": "org.keycloak.keys.KeyProvider"}]
        self.assertEqual(self.realm()[1]["components"], {kind: [{"name": "staff", "providerId": "ldap"}]})

    def test_groups_are_told_with_what_they_give_and_who_is_in_them(self) -> None:
        below = {
            "name": "inner",
            "path": "/staff/inner",
            "realmRoles": ["admin"],
            "attributes": {"api_key": ["hidden"]},
        }
        self.stuf.realm.groups = [{"name": "staff", "attributes": {"office": ["Bergen"]}, "below": [below]}]
        self.stuf.realm.members["u-003"] = ["/staff/inner"]
        self.stuf.realm.top["defaultGroups"] = ["/staff"]
        realm = self.realm()[1]
        inner = {"name": "inner", "path": "/staff/inner", "realmRoles": ["admin"]}
        staff = {"name": "staff", "path": "/staff", "attributes": {"office": ["Bergen"]}, "subGroups": [inner]}
        self.assertEqual((realm["groups"], realm["defaultGroups"]), ([staff], ["/staff"]))
        held = [user["username"] for user in realm["users"] if user.get("groups") == ["/staff/inner"]]
        self.assertEqual(held, ["name-u-003"])

    def test_permissions_by_a_group_stop_it_since_they_would_be_lost(self) -> None:
        below = {"name": "inner", "path": "/staff/inner"}
        staff = {"name": "staff", "attributes": {"collections": ['{"press":["read"]}']}, "below": [below]}
        self.stuf.realm.groups = [staff, {"name": "staffing"}]
        self.stuf.realm.members["u-003"] = ["/staffing"]
        self.read()
        self.stuf.realm.members |= {"u-004": ["/staff/inner"], "u-005": ["/staff"]}
        config = str(self.stuf.settings())
        code, _, told = self.run_program("read", "--config", config, "--out", f"{self.folder}/t")
        self.assertEqual((code, (self.folder / "t").exists()), (1, False))
        self.assertIn("gives permissions to 2 of its members by its attribute `collections`", told)
        staff["attributes"] = {"collections": []}
        self.read()

    def test_another_place_to_sign_in_from_is_told_without_its_secret(self) -> None:
        provider = {"alias": "other", "providerId": "oidc", "enabled": True, "internalId": "1"}
        config = {"clientId": "x", "clientSecret": "secret-of-the-provider", "tokenUrl": "https://other.example/token"}
        self.stuf.realm.providers = [{**provider, "config": config}]
        shown = {"clientId": "x", "tokenUrl": "https://other.example/token"}
        wanted = {"alias": "other", "providerId": "oidc", "enabled": True, "config": shown}
        mapper = {"name": "all", "identityProviderAlias": "other", "identityProviderMapper": "hardcoded-role"}
        self.stuf.realm.provider_mappers["other"] = [{"id": "1", **mapper, "config": {"role": "admin"}}]
        found = self.realm()[1]
        self.assertEqual(found["identityProviders"], [wanted])
        self.assertEqual(found["identityProviderMappers"], [mapper | {"config": {"role": "admin"}}])

    def test_what_its_client_may_not_read_makes_no_export_and_says_who_grants_it(self) -> None:
        for path in ("/groups", "/identity-provider/instances", "/components", "/authentication/required-actions"):
            with self.subTest(path):
                self.stuf.forbidden = (path,)
                words = ("read", "--config", str(self.stuf.settings()), "--out", f"{self.folder}/t")
                code, _, told = self.run_program(*words)
                self.assertEqual((code, (self.folder / "t").exists()), (1, False))
                self.assertIn(f"Keycloak answered 403 to GET {path}; the client that exports lacks a role for it", told)
                self.assertIn("./migrate deploy grants what is missing; where a kit exports", told)


class Refused(ExportTest):
    """What cannot be read whole makes no export."""

    def refused(self) -> str:
        config = self.stuf.settings()
        code, said, told = self.run_program("read", "--config", str(config), "--out", str(self.folder / "t"))
        self.assertEqual((code, said, (self.folder / "t").exists()), (1, "", False))
        return told

    def test_a_document_that_is_missing_or_of_another_version(self) -> None:
        self.stuf.bucket.put("config/metadata_config.json", {"schema_version": 2})
        self.assertIn("config/metadata_config.json", self.refused())
        del self.stuf.bucket.objects["config/metadata_config.json"]
        self.assertIn("the bucket has no config/metadata_config.json", self.refused())

    def test_a_document_of_a_user_is_not_named(self) -> None:
        self.stuf.bucket.put("users/u-001.json", b"{")
        self.assertIn("users/ID.json", told := self.refused())
        self.assertNotIn("u-001", told)

    def test_a_service_that_refuses_is_named_by_its_path_without_ids(self) -> None:
        found = self.stuf.realm.answer
        with patch.object(
            self.stuf.realm, "answer", lambda path, query: None if "mappings" in path else found(path, query)
        ):
            self.assertIn("Keycloak answered 404 to GET /users/ID/role-mappings\n", self.refused())

    def test_a_busy_service_is_asked_again(self) -> None:
        self.stuf.busy = 2
        with patch.object(program("web"), "PAUSES", (0, 0, 0)):
            self.read()
            self.stuf.busy = 10**6
            self.assertIn("503", self.refused())

    def test_a_key_that_is_missing_or_unknown_in_the_configuration(self) -> None:
        for change in ({"sha256": "no"}, {"more": 1}, {"storage": {}}, {"outside": {"address": "::1", "port": "443"}}):
            with self.subTest(change), self.assertRaises(ExportError):
                settings.read(str(self.stuf.settings(**change)))


class Folder(ExportTest):
    """The export's folder."""

    def place(self) -> tuple[int, str, str]:
        words = ("--tar", str(self.folder / "export.tar"), "--into", str(self.folder / "exports"), "--number", "7")
        return self.run_program("place", *words)

    def test_it_stands_whole_private_and_named_by_time_and_number(self) -> None:
        self.stuf.bucket.put("reports/x", b"abc", "text/plain")
        self.read()
        code, said, _ = self.place()
        self.assertEqual(code, 0)
        ready = Path(said.strip())
        self.assertRegex(ready.name, r"^\d{8}T\d{6}Z-7$")
        names = {str(path.relative_to(ready)): stat.S_IMODE(path.stat().st_mode) for path in ready.rglob("*")}
        files = dict.fromkeys(("export.json", "realm.json", "inventory.jsonl.gz", "branding/logo.svg"), 0o600)
        self.assertEqual(names, files | {"branding": 0o700})
        self.assertEqual(stat.S_IMODE(ready.stat().st_mode), 0o700)

    def test_a_broken_or_foreign_tar_leaves_nothing(self) -> None:
        self.read()
        whole = (self.folder / "export.tar").read_bytes()
        for name, content in (
            ("cut", whole[: len(whole) // 2]),
            ("lead out", self.tar("../out", b"x")),
            ("link", self.tar("export.json", b"", tarfile.SYMTYPE)),
            ("foreign", self.tar("id_rsa", b"x")),
            ("incomplete", self.tar("export.json", b"{}")),
        ):
            with self.subTest(name):
                (self.folder / "export.tar").write_bytes(content)
                code, _, told = self.place()
                self.assertEqual(code, 1, told)
                self.assertEqual(list((self.folder / "exports").iterdir()), [])
                self.assertFalse((self.folder / "out").exists())

    def test_an_inventory_that_does_not_add_up_is_refused(self) -> None:
        self.stuf.bucket.put("reports/x", b"abc", "text/plain")
        with patch.object(
            archive.Inventory, "close", lambda inventory: (inventory._file.close(), setattr(inventory, "objects", 9))
        ):
            self.read()
        self.assertIn("does not add up", self.place()[2])

    @staticmethod
    def tar(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(entry, io.BytesIO(content))
        return out.getvalue()


class Many(ExportTest):
    USERS = 500

    def test_500_users_are_read_over_several_pages(self) -> None:
        for number in range(250):
            self.stuf.bucket.put(f"reports/{number:04}", b"x", "text/plain")
        document, realm, rows = self.exported()
        found = document["spec"]["users"]
        self.assertEqual((len(found), len(realm["users"]), len(rows)), (500, 501, 250))
        for number in range(1, 501):
            wanted = user(number)
            shown = {key: wanted[key] for key in ("name", "status", "roles", "collections")} | {
                "email": wanted["email"].lower()
            }
            self.assertEqual(found[wanted["id"]], shown | ({"phone": wanted["phone"]} if wanted["phone"] else {}))

    def test_a_user_who_comes_while_pages_are_read_stops_it(self) -> None:
        with patch.object(self.stuf.realm, "answer", self.growing):
            code, _, told = self.run_program("read", "--config", str(self.stuf.settings()), "--out", f"{self.folder}/t")
        self.assertEqual(code, 1)
        self.assertIn("the users changed while they were read", told)

    def growing(self, path: str, query: dict[str, str]) -> Any:
        found = type(self.stuf.realm).answer(self.stuf.realm, path, query)
        return found + 1 if path == "/users/count" else found


if __name__ == "__main__":
    unittest.main()
