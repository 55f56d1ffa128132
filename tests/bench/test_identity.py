"""The identity stand-in is as strict as Keycloak: a deployment gets what it relies on, and Keycloak's refusals."""

from __future__ import annotations

import copy
import json
import time
import unittest
import urllib.parse

from . import images, mails, network
from .identity_client import DOMAIN, REALM, SETTINGS, Identity, as_options, start_database, start_identity
from .names import MAIL, MAIL_PASSWORD, MAIL_USER
from .outside import Answer, NotSignedIn, Person, claims, one_time_code
from .testing import Container, ImageTest, get

SECRET = "bench-client-secret"


class Start(ImageTest):
    """`kc.sh start` refuses what Keycloak refuses."""

    def start_without(self, name: str, **others: str) -> str:
        settings = {key: value for key, value in {**SETTINGS, **others}.items() if key != name}
        return self.refused(
            images.image("keycloak"),
            "start",
            options=as_options({"KC_DB_URL": "jdbc:postgresql://192.0.2.1/keycloak", **settings}),
        )

    def test_without_a_host_name_it_refuses_to_start(self) -> None:
        self.assertIn("hostname is not configured", self.start_without("KC_HOSTNAME"))

    def test_without_certificate_or_allowed_http_it_refuses_to_start(self) -> None:
        self.assertIn("Key material not provided", self.start_without("KC_HTTP_ENABLED"))

    def test_without_a_production_database_it_refuses_to_start(self) -> None:
        self.assertIn("PostgreSQL only", self.start_without("KC_DB"))

    def test_development_mode_is_refused(self) -> None:
        self.assertIn("start-dev", self.refused(images.image("keycloak"), "start-dev", options=as_options(SETTINGS)))

    def test_an_empty_setting_is_refused(self) -> None:
        self.assertIn("Invalid empty value", self.start_without("", KC_DB_PASSWORD=""))

    def test_a_read_only_root_file_system_stops_the_build_at_start(self) -> None:
        said = self.refused(
            images.image("keycloak"),
            "start",
            options=("--read-only", *as_options({**SETTINGS, "KC_DB_URL": "jdbc:postgresql://192.0.2.1/keycloak"})),
        )
        self.assertIn("Failed to run 'build' command", said)

    def test_optimized_start_refuses_options_the_image_was_not_built_with(self) -> None:
        said = self.refused(
            images.image("keycloak"),
            "start",
            "--optimized",
            options=as_options({**SETTINGS, "KC_DB_URL": "jdbc:postgresql://192.0.2.1/keycloak"}),
        )
        self.assertIn("build time options", said)


class Running(ImageTest):
    """One service for many looks at it."""

    identity: Identity
    owner: ImageTest
    database: Container

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        network.start_names()
        network.start_mail()
        cls.owner = cls("token_of_the_administrator_opens_the_admin_interface")
        cls.database = start_database(cls.owner)
        realm = copy.deepcopy(REALM)
        realm["displayName"] = "${KEYCLOAK_CLIENT_SECRET}"
        cls.identity = start_identity(cls.owner, realm, {"KEYCLOAK_CLIENT_SECRET": SECRET}, cls.database)
        answer = cls.identity.admin(
            "PUT",
            "/stuf",
            {
                "smtpServer": {
                    "host": MAIL.address,
                    "port": "587",
                    "from": f"stuf@{DOMAIN}",
                    "starttls": "true",
                    "auth": "true",
                    "user": MAIL_USER,
                    "password": MAIL_PASSWORD,
                }
            },
        )
        assert answer.status == 204, answer.text

    @classmethod
    def tearDownClass(cls) -> None:
        cls.owner.doCleanups()

    def token_of_the_administrator_opens_the_admin_interface(self) -> None:
        """Owner of what the class starts."""

    def person(self, name: str, **fields: object) -> tuple[str, Person]:
        user = self.identity.add_user(
            username=name,
            email=f"{name}@harbour.example",
            firstName="Ada",
            lastName="Bench",
            attributes={"collections": ['{"test":["read","write"]}']},
            **fields,
        )
        return user, Person(name)

    def mail_server(self, **settings: str) -> None:
        server = {
            "host": MAIL.name,
            "port": "587",
            "from": f"stuf@{DOMAIN}",
            "starttls": "true",
            "auth": "true",
            "user": MAIL_USER,
            "password": MAIL_PASSWORD,
        }
        answer = self.identity.admin("PUT", "/stuf", {"smtpServer": {**server, **settings}})
        self.assertEqual(answer.status, 204, answer.text)

    def invite(self, user: str, actions: tuple[str, ...] = ("UPDATE_PASSWORD", "CONFIGURE_TOTP")) -> None:
        answer = self.identity.admin("PUT", f"/stuf/users/{user}/execute-actions-email?lifespan=3600", list(actions))
        self.assertEqual(answer.status, 204, answer.text)

    def test_names_in_braces_are_resolved_in_any_value_of_a_realm_file(self) -> None:
        self.assertEqual(self.identity.admin("GET", "/stuf").json()["displayName"], SECRET)

    def test_a_realm_that_exists_is_left_alone_by_a_second_start(self) -> None:
        realm = copy.deepcopy(REALM)
        realm["displayName"] = "changed in the file"
        again = start_identity(self, realm, {"KEYCLOAK_CLIENT_SECRET": SECRET}, self.database)
        self.assertIn("Import skipped", again.container.logs())
        self.assertEqual(again.admin("GET", "/stuf").json()["displayName"], SECRET)

    def test_health_is_below_the_relative_path_on_the_management_port_alone(self) -> None:
        address = self.identity.container.address
        self.assertEqual(get(f"http://{address}:9000/auth/health/ready")[0], 200)
        self.assertEqual(get(f"http://{address}:9000/health/ready")[0], 404)
        self.assertEqual(get(f"http://{address}:8080/auth/health/ready")[0], 404)

    def test_an_unknown_field_is_refused(self) -> None:
        answer = self.identity.admin("POST", "/stuf/users", {"username": "unknown-field", "phone": "+49 40 1"})
        self.assertEqual(answer.status, 400)
        self.assertIn('Unrecognized field "phone"', answer.json()["error"])
        self.assertEqual(self.identity.admin("PUT", "/stuf", {"smtp": {}}).status, 400)

    def test_a_user_exists_once(self) -> None:
        self.person("twice")
        again = self.identity.admin("POST", "/stuf/users", {"username": "TWICE", "email": "other@harbour.example"})
        self.assertEqual((again.status, again.json()), (409, {"errorMessage": "User exists with same username"}))
        again = self.identity.admin("POST", "/stuf/users", {"username": "thrice", "email": "Twice@harbour.example"})
        self.assertEqual((again.status, again.json()), (409, {"errorMessage": "User exists with same email"}))

    def test_roles_are_given_by_mapping_and_not_with_the_user(self) -> None:
        user, _ = self.person("roles", realmRoles=["admin"])
        mappings = f"/stuf/users/{user}/role-mappings/realm"
        self.assertEqual([role["name"] for role in self.identity.admin("GET", mappings).json()], ["default-roles-stuf"])
        self.assertEqual(self.identity.admin("POST", mappings, [{"id": "wrong", "name": "admin"}]).status, 404)
        self.identity.grant(user, "admin")
        self.assertIn("admin", [role["name"] for role in self.identity.admin("GET", mappings).json()])

    def test_lists_of_users_end_at_a_hundred(self) -> None:
        token = self.identity.token()
        for number in range(101):
            answer = self.identity.admin("POST", "/stuf/users", {"username": f"crowd-{number:03}"}, token)
            self.assertEqual(answer.status, 201, answer.text)
        self.assertEqual(len(self.identity.admin("GET", "/stuf/users").json()), 100)
        self.assertGreater(len(self.identity.admin("GET", "/stuf/users?max=1000").json()), 100)
        self.assertGreater(self.identity.admin("GET", "/stuf/users/count").json(), 100)

    def test_components_are_listed_by_their_type(self) -> None:
        def listed(kind: str) -> list[str]:
            answer = self.identity.admin("GET", f"/stuf/components?type=org.keycloak.{kind}")
            return [component["providerId"] for component in answer.json()]

        self.assertEqual(listed("userprofile.UserProfileProvider"), ["declarative-user-profile"])
        self.assertEqual(listed("storage.UserStorageProvider"), [])

    def test_a_mail_password_is_never_shown_again(self) -> None:
        self.mail_server()
        self.assertEqual(self.identity.admin("GET", "/stuf").json()["smtpServer"]["password"], "**********")

    def test_the_password_grant_is_closed_on_the_public_client(self) -> None:
        answer = self.identity.outside.form(
            f"{self.identity.stuf.identity}/protocol/openid-connect/token",
            {"grant_type": "password", "client_id": "stuf-spa", "username": "x", "password": "y"},
        )
        self.assertEqual((answer.status, answer.json()["error"]), (400, "unauthorized_client"))

    def test_a_service_account_signs_in_with_the_secret_from_the_environment(self) -> None:
        answer = self.identity.outside.form(
            f"{self.identity.stuf.identity}/protocol/openid-connect/token",
            {"grant_type": "client_credentials", "client_id": "stuf-api", "client_secret": SECRET},
        )
        self.assertEqual(answer.status, 200, answer.text)
        said = claims(answer.json()["access_token"])
        self.assertEqual(
            (said["azp"], said["aud"], said["iss"]), ("stuf-api", "stuf-api", f"https://{DOMAIN}/auth/realms/stuf")
        )
        self.assertNotIn("sid", said)
        wrong = self.identity.outside.form(
            f"{self.identity.stuf.identity}/protocol/openid-connect/token",
            {"grant_type": "client_credentials", "client_id": "stuf-api", "client_secret": "wrong"},
        )
        self.assertEqual(wrong.status, 401)

    def test_what_a_role_brings_along_is_answered(self) -> None:
        role = self.identity.admin("GET", "/stuf/roles/default-roles-stuf").json()
        inner = self.identity.admin("GET", f"/stuf/roles-by-id/{role['id']}/composites").json()
        self.assertEqual(
            (role["composite"], sorted(one["name"] for one in inner)), (True, ["offline_access", "uma_authorization"])
        )
        self.assertEqual(self.identity.admin("GET", "/stuf/roles-by-id/nobody/composites").status, 404)
        for path in ("groups", "identity-provider/instances"):
            self.assertEqual(self.identity.admin("GET", f"/stuf/{path}?first=0&max=200").json(), [], path)

    def test_an_invitation_leads_to_password_and_second_factor_and_a_signed_in_user(self) -> None:
        self.mail_server()
        user, person = self.person("invited")
        self.identity.grant(user, "project-participant")
        mails.forget()
        self.invite(user)
        mail = mails.to("invited@harbour.example")
        self.assertTrue(mail.encrypted)
        shown = self.identity.stuf.follow_invitation(mail.link(), person)
        self.assertIn("Your account has been updated.", shown.text)
        self.assertIsNotNone(person.code_secret)
        said = claims(str(self.identity.stuf.sign_in(person)["access_token"]))
        self.assertEqual(said["collections"], {"test": ["read", "write"]})
        self.assertEqual(
            (said["preferred_username"], said["email"], said["azp"]), ("invited", "invited@harbour.example", "stuf-spa")
        )
        self.assertIn("project-participant", str(said["realm_access"]))
        self.assertIn("sid", said)
        with self.subTest("the link works once"):
            again = self.identity.stuf.outside.ask("GET", mail.link())
            self.assertEqual(again.status, 400)
        with self.subTest("the password alone is not enough"), self.assertRaises(NotSignedIn):
            self.identity.stuf.sign_in(Person(person.username, person.password))
        with self.subTest("a code works once"), self.assertRaises(NotSignedIn) as refused:
            for _ in range(2):
                person.last_code = None
                self.identity.stuf.sign_in(person)
        self.assertIn("Invalid authenticator code", refused.exception.answer.text)
        with self.subTest("a disabled user is refused"):
            self.assertEqual(self.identity.admin("PUT", f"/stuf/users/{user}", {"enabled": False}).status, 204)
            with self.assertRaises(NotSignedIn) as refused:
                self.identity.stuf.sign_in(person)
            self.assertIn("Account is disabled", refused.exception.answer.text)

    def test_required_actions_stand_before_the_application(self) -> None:
        user, person = self.person("actions", requiredActions=["CONFIGURE_TOTP"])
        answer = self.identity.admin(
            "PUT",
            f"/stuf/users/{user}/reset-password",
            {"type": "password", "value": person.password, "temporary": True},
        )
        self.assertEqual(answer.status, 204, answer.text)
        with self.assertRaises(NotSignedIn) as refused:
            self.identity.stuf.sign_in(person)
        self.assertIn("kc-totp-settings-form", refused.exception.answer.text)

    def test_an_invitation_of_a_disabled_user_or_to_a_stranger_s_page_is_refused(self) -> None:
        user, _ = self.person("no-invitation")
        path = f"/stuf/users/{user}/execute-actions-email"
        self.assertEqual(
            self.identity.admin(
                "PUT", f"{path}?client_id=stuf-spa&redirect_uri=https://evil.example/", ["UPDATE_PASSWORD"]
            ).status,
            400,
        )
        self.assertEqual(self.identity.admin("PUT", path, ["NO_SUCH_ACTION"]).status, 400)
        self.identity.admin("PUT", f"/stuf/users/{user}", {"enabled": False})
        self.assertEqual(self.identity.admin("PUT", path, ["UPDATE_PASSWORD"]).status, 400)

    def test_people_are_led_back_to_the_origin_with_and_without_a_slash_and_nowhere_else(self) -> None:
        ask = {"client_id": "stuf-spa", "response_type": "code", "code_challenge": "x", "code_challenge_method": "S256"}
        for back, status in {"": 200, "/": 200, "/sign-in": 200, ".evil.example/": 400, ":8443": 400}.items():
            with self.subTest(back):
                query = urllib.parse.urlencode({**ask, "redirect_uri": f"https://{DOMAIN}{back}"})
                at = f"{self.identity.stuf.identity}/protocol/openid-connect/auth?{query}"
                self.assertEqual(self.identity.outside.ask("GET", at).status, status)

    def test_signing_out_in_the_browser_ends_the_session_and_leads_back_to_the_application_alone(self) -> None:
        user, person = self.person("leaving")
        path = f"/stuf/users/{user}/reset-password"
        self.identity.admin("PUT", path, {"type": "password", "value": person.password})
        tokens = self.identity.stuf.sign_in(person)
        endpoints = f"{self.identity.stuf.identity}/protocol/openid-connect"
        kept = str(tokens["refresh_token"])
        renewal = {"grant_type": "refresh_token", "client_id": "stuf-spa", "refresh_token": kept}

        def leave(**asked: str) -> Answer:
            return self.identity.outside.ask("GET", f"{endpoints}/logout?{urllib.parse.urlencode(asked)}")

        hint = str(tokens["id_token"])
        self.assertEqual(leave(post_logout_redirect_uri=f"https://{DOMAIN}").status, 400)
        self.assertEqual(leave(id_token_hint=f"{hint}x").status, 400)
        self.assertEqual(leave(id_token_hint=str(tokens["access_token"])).status, 400)
        elsewhere = leave(id_token_hint=hint, post_logout_redirect_uri="https://evil.example/")
        self.assertEqual((elsewhere.status, elsewhere.header("Location")), (400, None))
        self.assertEqual(self.identity.outside.form(f"{endpoints}/token", renewal).status, 200)
        left = leave(id_token_hint=hint, post_logout_redirect_uri=f"https://{DOMAIN}", state="kept")
        self.assertEqual((left.status, left.header("Location")), (302, f"https://{DOMAIN}/?state=kept"))
        self.assertEqual(self.identity.outside.form(f"{endpoints}/token", renewal).status, 400)

    def test_a_mail_server_that_cannot_be_trusted_is_not_used(self) -> None:
        user, _ = self.person("untrusted")
        self.mail_server(host=MAIL.address)  # the certificate is for the name
        answer = self.identity.admin("PUT", f"/stuf/users/{user}/execute-actions-email", ["UPDATE_PASSWORD"])
        self.assertEqual(answer.status, 500)
        self.assertIn("Failed to send execute actions email", answer.text)

    def test_plain_http_from_a_public_address_is_refused(self) -> None:
        url = f"http://{self.identity.container.address}:8080/auth/realms/stuf/.well-known/openid-configuration"
        self.assertEqual(get(url, {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "http"})[0], 403)
        self.assertEqual(get(url)[0], 200)

    def test_a_token_of_the_administrator_lives_a_minute(self) -> None:
        said = claims(self.identity.token())
        self.assertLessEqual(int(str(said["exp"])) - time.time(), 60)

    def test_state_survives_a_new_container(self) -> None:
        self.person("lasting")
        again = start_identity(self, None, database=self.database)
        found = again.admin("GET", "/stuf/users?username=lasting&exact=true").json()
        self.assertEqual([user["username"] for user in found], ["lasting"])


class RealmFile(ImageTest):
    """What a realm file gets and does not get."""

    def test_without_a_policy_attributes_outside_the_profile_vanish_and_special_names_are_refused(self) -> None:
        realm = {key: value for key, value in REALM.items() if key != "components"}
        identity = start_identity(self, realm, {"KEYCLOAK_CLIENT_SECRET": SECRET})
        user = identity.add_user(username="plain", email="plain@harbour.example", attributes={"collections": ["{}"]})
        self.assertEqual(identity.admin("GET", f"/stuf/users/{user}").json()["attributes"], {})
        answer = identity.admin("POST", "/stuf/users", {"username": "curly", "firstName": "{{ lookup }}"})
        self.assertEqual((answer.status, answer.json()["errorMessage"]), (400, "error-person-name-invalid-character"))

    def test_own_client_scopes_bring_no_built_in_ones(self) -> None:
        identity = start_identity(self, copy.deepcopy(REALM), {"KEYCLOAK_CLIENT_SECRET": SECRET})
        names = [scope["name"] for scope in identity.admin("GET", "/stuf/client-scopes").json()]
        self.assertEqual(names, ["email", "roles", "stuf:access"])

    def test_what_the_stand_in_does_not_know_stops_the_import(self) -> None:
        database = start_database(self)
        for change in ({"authenticationFlows": [{"alias": "own"}]}, {"noSuchField": 1}):
            realm = {**REALM, **change}
            with self.subTest(json.dumps(change)), self.assertRaises(AssertionError):
                start_identity(self, realm, {"KEYCLOAK_CLIENT_SECRET": SECRET}, database)


class Codes(unittest.TestCase):
    """The test's own authenticator is right."""

    def test_codes_are_those_of_rfc_6238(self) -> None:
        # RFC 6238, appendix B: ASCII secret 12345678901234567890, SHA-1, last six of eight digits.
        self.assertEqual(one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59), "287082")
        self.assertEqual(one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1111111109), "081804")
