"""The contract of the real application (STUF.md), row by row: each is one test of the stand-ins."""

from __future__ import annotations

import copy
import json
import urllib.parse
from pathlib import Path

from . import images
from .engine import docker
from .identity_client import REALM, Identity, as_options, start_identity, temporary
from .outside import NotSignedIn, Person
from .storage_client import asked_directly, in_bucket, start_api, start_storage
from .testing import Container, ImageTest, get

SECRET = "bench-client-secret"


class Spa(ImageTest):
    """Rows 1 to 3."""

    def started(self, **settings: str) -> Container:
        spa = self.start(images.image("spa"), options=as_options(settings))
        spa.wait("an answer", lambda: get(f"http://{spa.address}:3000/", {"Host": "localhost"})[0] == 200)
        return spa

    def test_row_1_vite_preview_answers_localhost_and_refuses_any_real_host_name(self) -> None:
        spa = self.started()
        at = f"http://{spa.address}:3000/"
        for host, status in {"localhost": 200, "127.0.0.1": 200, "files.harbour.example": 403, "spa": 403}.items():
            with self.subTest(host):
                self.assertEqual(get(at, {"Host": host})[0], status)
        with self.subTest("the built files can be taken out of the image"):
            folder = Path(temporary(self))
            docker(
                "run",
                "--rm",
                "--network",
                "none",
                "--entrypoint",
                "cp",
                "--volume",
                f"{folder}:/out",
                images.image("spa"),
                "-R",
                "/app/build/.",
                "/out",
            )
            self.assertIn("/config.js", (folder / "index.html").read_text())

    def test_row_2_config_js_is_written_unescaped_and_a_read_only_root_stops_the_start(self) -> None:
        spa = self.started(API_URL='https://a.example"; window.injected = "yes')
        shown = get(f"http://{spa.address}:3000/config.js", {"Host": "localhost"})[1].decode()
        self.assertIn('apiBaseUrl: "https://a.example"; window.injected = "yes"', shown)
        self.refused(images.image("spa"), options=("--read-only",))

    def test_row_3_missing_addresses_become_localhost_with_a_warning_only(self) -> None:
        spa = self.started()
        shown = get(f"http://{spa.address}:3000/config.js", {"Host": "localhost"})[1].decode()
        self.assertIn('apiBaseUrl: "http://localhost:8000"', shown)
        self.assertIn('keycloakUrl: "http://localhost:8080"', shown)
        self.assertIn("WARNING: API_URL not set", spa.logs())


class Application(ImageTest):
    """Rows 4 to 9: the API with a real Garage and the identity stand-in."""

    identity: Identity
    owner: ImageTest
    storage: Container
    api: Container

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.owner = cls("owner_of_what_the_class_starts")
        cls.identity = start_identity(cls.owner, copy.deepcopy(REALM), {"KEYCLOAK_CLIENT_SECRET": SECRET})
        cls.storage = start_storage(cls.owner)
        cls.api = start_api(cls.owner, cls.storage, cls.identity)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.owner.doCleanups()

    def owner_of_what_the_class_starts(self) -> None:
        """Holds the cleanups."""

    def token(self, name: str, collections: dict[str, list[str]], *roles: str) -> str:
        """Signs a new user in."""
        person = Person(name)
        user = self.identity.add_user(
            username=name,
            email=f"{name}@harbour.example",
            firstName="Ada",
            lastName="Bench",
            attributes={"collections": [json.dumps(collections)]},
        )
        if roles:
            self.identity.grant(user, *roles)
        answer = self.identity.admin(
            "PUT", f"/stuf/users/{user}/reset-password", {"type": "password", "value": person.password}
        )
        assert answer.status == 204, answer.text
        return str(self.identity.stuf.sign_in(person)["access_token"])

    def service_token(self) -> str:
        answer = self.identity.outside.form(
            f"{self.identity.stuf.identity}/protocol/openid-connect/token",
            {"grant_type": "client_credentials", "client_id": "stuf-api", "client_secret": SECRET},
        )
        return str(answer.json()["access_token"])

    def test_row_4_a_whole_upload_and_a_whole_download_stand_in_memory(self) -> None:
        token = self.token("memory", {"test": ["read", "write"]})
        api = start_api(self, self.storage, self.identity)

        def most_memory() -> int:
            status = api.text("cat", "/proc/1/status")
            return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

        size = 64 * 1024 * 1024
        before = most_memory()
        sent = asked_directly(api).upload(token, "test", "large.bin", bytes(size))
        self.assertEqual(sent.status, 200, sent.text)
        self.assertGreater(most_memory() - before, size // 1024)
        small = start_api(self, self.storage, self.identity, "--memory", "100m", "--memory-swap", "100m")
        try:
            status = asked_directly(small).download(token, str(sent.json()["object_name"])).status
        except OSError:
            status = 0
        self.assertNotEqual(status, 200, "a download larger than the memory limit must not work")

    def test_row_5_the_bucket_is_made_at_the_first_request_and_health_proves_nothing(self) -> None:
        storage = start_storage(self, bucket=None)
        key = storage.text("/garage", "key", "list").splitlines()[-1].split()[0]
        storage.text("/garage", "key", "allow", "--create-bucket", key)
        api = start_api(self, storage, self.identity)
        self.assertNotIn("stuf-uploads", storage.text("/garage", "bucket", "list"))
        token = self.token("first-request", {"test": ["read", "write"]})
        sent = asked_directly(api).upload(token, "test", "first.txt", b"first")
        self.assertEqual(sent.status, 200, sent.text)
        self.assertIn("stuf-uploads", storage.text("/garage", "bucket", "list"))
        with self.subTest("healthy without storage and identity"):
            alone = start_api(self, None, None)
            self.assertEqual(
                get(f"http://{alone.address}:8000/api/health")[1], b'{"status":"healthy","service":"stuf-api"}'
            )
            self.assertEqual(get(f"http://{alone.address}:8000/api/info")[0], 200)

    def test_row_6_every_variable_has_an_insecure_default(self) -> None:
        api = self.start(images.image("api"))
        api.wait("health", lambda: get(f"http://{api.address}:8000/api/health")[0] == 200)
        values = "s.ENDPOINT, s.ACCESS_KEY, s.SECURE, s.BUCKET, i.CLIENT_SECRET"
        shown = api.text("python", "-c", f"import storage as s, identity as i; print({values})")
        self.assertEqual(shown, "localhost:9000 minioadmin False stuf-uploads some-secret-value")
        self.assertIn("--reload", api.inspect()["Config"]["Cmd"])

    def test_row_7_no_image_reads_notifications_or_the_admin_tool_s_documents(self) -> None:
        for file in ("config/stuf_config.json", "users.json", "uploads.json"):
            in_bucket(self.api, f"storage.put({file!r}, b'not even JSON', 'application/json', {{}})")
        token = self.token("documents", {"test": ["read", "write"]})
        self.assertEqual(asked_directly(self.api).upload(token, "test", "still.txt", b"works").status, 200)
        packages = self.api.text(
            "python", "-c", "import importlib.metadata as m; print([d.name.lower() for d in m.distributions()])"
        )
        self.assertNotRegex(packages, "zulip|sentry")
        for path in ("/api/config", "/api/users", "/api/metadata", "/api/notifications"):
            self.assertEqual(get(f"http://{self.api.address}:8000{path}")[0], 404)

    def test_row_8_access_is_decided_by_the_token_alone(self) -> None:
        stuf = asked_directly(self.api)
        token = self.token("reader", {"test": ["read"]})
        self.assertEqual(stuf.upload(token, "test", "no.txt", b"no").status, 403)
        self.assertEqual(self.ask("/api/files/test", token), 200)
        self.assertEqual(self.ask("/api/files/other", token), 403)
        with self.subTest("the realm role admin may everything"):
            self.assertEqual(self.ask("/api/files/other", self.token("root-like", {}, "admin")), 200)
        with self.subTest("a disabled user's token works until it expires"):
            user = self.identity.admin("GET", "/stuf/users?username=reader&exact=true").json()[0]["id"]
            self.identity.admin("PUT", f"/stuf/users/{user}", {"enabled": False})
            self.assertEqual(self.ask("/api/files/test", token), 200)
        with self.subTest("without a token, with a broken one, or one of another realm"):
            self.assertEqual(get(f"http://{self.api.address}:8000/api/me")[0], 401)
            self.assertEqual(self.ask("/api/me", token[:-6] + "AAAAAA"), 401)
            self.assertEqual(self.ask("/api/me", self.identity.token()), 401)
        with self.subTest("a service account is no user, and sees what its claim says"):
            self.assertEqual(self.ask("/api/files/test", self.service_token()), 403)

    def ask(self, path: str, token: str) -> int:
        return get(f"http://{self.api.address}:8000{path}", {"Authorization": f"Bearer {token}"})[0]

    def test_row_9_a_key_that_urls_normalise_is_listed_but_not_reached(self) -> None:
        token = self.token("keys", {"odd": ["read"]})
        keys = ["odd/keys/20260101-000000-plain.txt", "odd/a//b/20260101-000000-x", "odd/../20260101-000000-up"]
        for key in keys:
            in_bucket(
                self.api, f"storage.put({key!r}, b'kept', 'text/plain', {{}})" if ".." not in key else self.raw_put(key)
            )
        listed = (
            asked_directly(self.api)
            .outside.ask(
                "GET", "https://files.harbour.example/api/files/odd", headers={"Authorization": f"Bearer {token}"}
            )
            .json()
        )
        self.assertEqual(sorted(item["object_name"] for item in listed["files"]), sorted(keys))
        for key, status in zip(keys, (200, 404, 403), strict=True):  # the last asks for a collection of that name
            with self.subTest(key):
                # As browsers, proxies and most libraries write a path: dots resolved, slashes merged.
                path = urllib.parse.urljoin("http://x/api/files/", key).removeprefix("http://x").replace("//", "/")
                self.assertEqual(self.ask(path, token), status)

    @staticmethod
    def raw_put(key: str) -> str:
        """A key that the `minio` client itself would change, written by a presigned address and a plain socket."""
        return f"""
import datetime, http.client, urllib.parse
from minio.credentials import Credentials
from minio.signer import presign_v4
address = urllib.parse.urlsplit("http://" + storage.ENDPOINT + urllib.parse.quote("/stuf-uploads/{key}"))
credentials = Credentials(storage.ACCESS_KEY, storage.SECRET_KEY)
signed = presign_v4("PUT", address, "us-east-1", credentials, datetime.datetime.utcnow(), 600)
connection = http.client.HTTPConnection(storage.ENDPOINT)
connection.request("PUT", signed.path + "?" + signed.query, body=b"kept")
assert connection.getresponse().status == 200
"""


class Images(ImageTest):
    """Row 10."""

    def test_row_10_the_images_have_the_tools_of_the_real_ones_and_no_others(self) -> None:
        api = self.start(images.image("api"))
        self.assertEqual(api.text("sh", "-c", "id -u; pwd"), "0\n/app")
        self.assertEqual([api.has(name) for name in ("python", "uvicorn", "curl", "wget")], [True, True, False, False])
        spa = self.start(images.image("spa"))
        self.assertEqual(
            [spa.has(name) for name in ("node", "npm", "wget", "curl", "bash")], [True, True, True, False, False]
        )
        self.assertTrue(spa.text("node", "--version").startswith("v20."))
        keycloak = self.start(images.image("keycloak"), "-c", "sleep 60", options=("--entrypoint", "bash"))
        self.assertEqual(keycloak.text("id", "-u"), "1000")
        self.assertEqual(
            [keycloak.has(name) for name in ("bash", "curl", "wget", "grep", "sed", "python3", "node")],
            [True] + 6 * [False],
        )
        self.assertEqual(keycloak.inspect()["Config"]["User"], "1000")
        with self.subTest("a health check by /dev/tcp works in bash"):
            self.assertIn(
                "Connection refused", keycloak.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9000").stderr.decode()
            )


class Realm(ImageTest):
    """Rows 11 and 12."""

    def test_row_11_a_user_named_like_a_variable_reads_it_from_a_realm_file(self) -> None:
        realm = {
            **copy.deepcopy(REALM),
            "users": [{"username": "reader-of-secrets", "enabled": True, "firstName": "${KEYCLOAK_CLIENT_SECRET}"}],
        }
        identity = start_identity(self, realm, {"KEYCLOAK_CLIENT_SECRET": SECRET})
        found = identity.admin("GET", "/stuf/users?username=reader-of-secrets").json()
        self.assertEqual(found[0]["firstName"], SECRET)
        added = identity.add_user(username="by-admin-interface", firstName="${KEYCLOAK_CLIENT_SECRET}")
        self.assertEqual(identity.admin("GET", f"/stuf/users/{added}").json()["firstName"], "${KEYCLOAK_CLIENT_SECRET}")

    def test_row_12_a_second_factor_is_asked_for_only_where_it_is_required(self) -> None:
        identity = start_identity(self, copy.deepcopy(REALM), {"KEYCLOAK_CLIENT_SECRET": SECRET})
        for name, actions in {"without": [], "with-factor": ["CONFIGURE_TOTP"]}.items():
            person = Person(name)
            user = identity.add_user(
                username=name, email=f"{name}@harbour.example", firstName="A", lastName="B", requiredActions=actions
            )
            identity.admin("PUT", f"/stuf/users/{user}/reset-password", {"type": "password", "value": person.password})
            if actions:
                with self.assertRaises(NotSignedIn) as asked:
                    identity.stuf.sign_in(person)
                self.assertIn("Mobile Authenticator Setup", asked.exception.answer.text)
            else:
                self.assertIn("access_token", identity.stuf.sign_in(person))
