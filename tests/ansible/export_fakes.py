"""A running STUF for the reading program: Keycloak's and the store's answers over HTTP, and Docker's in memory."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch
from xml.sax.saxutils import escape

ANSIBLE = Path(__file__).resolve().parents[2] / "templates/infrastructure/ansible"
sys.path[:0] = [str(ANSIBLE / "roles/export/files"), str(ANSIBLE / "module_utils")]

SERVICE_SECRET = "service-secret-of-the-test"
CLIENT_SECRET = "client-secret-of-the-test"
COMMIT = "ba8d17fc" * 5
STORAGE_SECRET = "storage-secret-of-the-test"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MODIFIED = "2026-11-20T08:00:00.123Z"
NAMES = ["Ada Lovelace", "محمد بن سلمى", "{{ lookup('pipe','id') }}", "</script>", "Norway: no", 'O\'Brien, "Conan"']


def program(name: str) -> ModuleType:
    """A module of the reading program."""
    return __import__(f"stuf_export.{name}", fromlist=["*"])


# As it is before a stand-in takes its name.
MACHINE = program("machine").Machine


def user(number: int) -> dict[str, Any]:
    """A user's document, as the import writes it."""
    collections = {"reports": ["read", "write"]} if number % 3 else {"reports": ["read"], "press": ["read", "delete"]}
    return {
        "schema_version": 1,
        "id": f"u-{number:03}",
        "email": f"U{number:03}.o'neil+x@Example.org",
        "phone": f"+4930100{number:04}" if number % 4 else None,
        "name": NAMES[number % len(NAMES)],
        "status": "active" if number % 7 else "disabled",
        "roles": ["trust-architect"] if number == 1 else ["project-participant"],
        "collections": collections,
    }


class Realm:
    """What Keycloak holds: representations as it shows them, secrets included."""

    def __init__(self, users: list[dict[str, Any]]) -> None:
        self.top: dict[str, Any] = {
            "id": "5c0b", "realm": "stuf", "displayName": "Harbour", "sslRequired": "external", "enabled": True,
            "failureFactor": 6, "passwordPolicy": "length(12)",
            "smtpServer": {"host": "mail", "user": "stuf", "password": "**********"}, "attributes": {"frontendUrl": ""},
            "components": {"org.keycloak.keys": [{"config": {"privateKey": ["MIIE-private-key"]}}]},
            "registrationAccessToken": "token-of-registration",
        }  # fmt: skip
        self.actions = [
            {
                "alias": alias,
                "name": alias,
                "providerId": alias,
                "enabled": enabled,
                "defaultAction": False,
                "priority": 1,
            }
            for alias, enabled in (("TERMS_AND_CONDITIONS", False), ("CONFIGURE_TOTP", True), ("UPDATE_PASSWORD", True))
        ]
        self.federation: list[dict[str, Any]] = []
        self.roles = ["admin", "trust-architect", "project-participant", "default-roles-stuf", "offline_access"]
        # What a role brings along, `CLIENT:NAME` being a client's; what clients have, and users of them.
        self.inside = {"default-roles-stuf": {"offline_access", "account:view-profile"}}
        self.of_clients = {"account": ["view-profile", "manage-account"],
                           "realm-management": ["realm-admin", "view-users"]}  # fmt: skip
        self.inside["account:manage-account"] = {"account:manage-account-links"}
        self.inside["realm-management:view-users"] = {f"realm-management:query-{what}" for what in ("users", "groups")}
        self.inside["realm-management:realm-admin"] = {"realm-management:view-users", "realm-management:manage-users"}
        self.held_of_clients: dict[str, dict[str, list[str]]] = {}
        self.groups: list[dict[str, Any]] = []
        self.providers: list[dict[str, Any]] = []
        self.provider_mappers: dict[str, list[dict[str, Any]]] = {}
        self.members: dict[str, list[str]] = {}  # paths of groups by user
        self.descriptions: dict[str, str] = {}
        self.clients = [
            self.client("account", publicClient=True, redirectUris=["/realms/stuf/account/*"]),
            self.client("realm-management", bearerOnly=True),
            self.client("stuf-spa", publicClient=True, redirectUris=["https://files.example.org/*"]),
            self.client("stuf-api", serviceAccountsEnabled=True, secret=CLIENT_SECRET, standardFlowEnabled=False),
            self.client("stufpack-operator", serviceAccountsEnabled=True, secret=SERVICE_SECRET),
        ]
        self.clients[3]["attributes"]["client.secret.creation.time"] = "1764000000"
        mapper = {
            "id": "1",
            "name": "collections",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-usermodel-attribute-mapper",
        }
        fixed = {**mapper, "name": "key", "config": {"claim.name": "api_key", "claim.value": "hard-coded-credential"}}
        mapper["config"] = {"claim.name": "collections", "access.token.claim": "true"}
        self.scopes = [
            {
                "id": "2",
                "name": "stuf:access",
                "protocol": "openid-connect",
                "attributes": {},
                "protocolMappers": [mapper, fixed],
            }
        ]
        self.users = {one["id"]: self.person(one) for one in users}
        self.held = {one["id"]: {*one["roles"], "default-roles-stuf"} for one in users}
        # Those of a validation that is going on, or was interrupted.
        for name in ("stufpack-validation", "stufpack-validation-1", "stufpack-validation-12"):
            self.users[name] = {
                "id": name, "username": name, "enabled": True, "attributes": {}, "requiredActions": [],
                "email": f"{name}@files.example.org", "firstName": "Stufpack", "lastName": "Validation",
            }  # fmt: skip
            self.held[name] = set()
        self.held["account-of-api"] = {"admin"}

    @staticmethod
    def client(name: str, **fields: Any) -> dict[str, Any]:
        plain = {
            "id": f"id-of-{name}",
            "clientId": name,
            "enabled": True,
            "publicClient": False,
            "standardFlowEnabled": True,
        }
        lists = {
            "redirectUris": [],
            "webOrigins": [],
            "defaultClientScopes": ["stuf:access"],
            "optionalClientScopes": [],
        }
        return {**plain, **lists, "attributes": {}, "protocolMappers": [], "serviceAccountsEnabled": False, **fields}

    @staticmethod
    def person(document: dict[str, Any]) -> dict[str, Any]:
        first, _, last = document["name"].partition(" ")
        held = document["collections"]
        # As the import leaves it.
        if "trust-architect" in document["roles"]:
            held = {**held, "stufpack-validation": ["read", "write", "delete"]}
        attributes = {"collections": [json.dumps(held)]}
        if document["phone"]:
            attributes["phone"] = [document["phone"]]
        return {
            "id": document["id"], "username": f"name-{document['id']}", "email": document["email"].lower(),
            "firstName": first, "lastName": last, "enabled": document["status"] == "active", "emailVerified": True,
            "attributes": attributes, "requiredActions": ["UPDATE_PASSWORD", "CONFIGURE_TOTP"], "totp": False,
            "access": {"manage": True},
        }  # fmt: skip

    def role(self, name: str) -> dict[str, Any]:
        """A role as Keycloak answers it in lists; its id is its whole name."""
        client, _, own = name.rpartition(":")
        shown = {"id": name, "name": own, "description": self.descriptions.get(name, ""), "clientRole": bool(client)}
        return shown | {"containerId": f"id-of-{client}" if client else "stuf", "composite": name in self.inside}

    @staticmethod
    def group(held: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        """A group as Keycloak 23 and later answers it: of those below, the number."""
        shown = {"id": held["name"], "name": held["name"], "path": held.get("path", f"/{held['name']}")}
        brief = query.get("briefRepresentation") != "false"
        full = {} if brief else {key: held.get(key, {}) for key in ("attributes", "realmRoles", "clientRoles")}
        return shown | full | {"subGroups": [], "subGroupCount": len(held.get("below", []))}

    def answer(self, path: str, query: dict[str, str]) -> Any:
        parts = path.strip("/").split("/") if path.strip("/") else []
        first = int(query.get("first", 0))
        page = slice(first, first + int(query.get("max", 100)))
        match parts:
            case []:
                return self.top
            case ["roles"]:
                return [self.role(name) for name in self.roles][page]
            case ["roles-by-id", name, "composites"]:
                return [self.role(inner) for inner in sorted(self.inside[urllib.parse.unquote(name)])]
            case ["clients", client, "roles"]:
                name = client.removeprefix("id-of-")
                return [self.role(f"{name}:{role}") for role in self.of_clients.get(name, [])]
            case ["groups"]:
                return [self.group(one, query) for one in self.groups][page]
            case ["groups", name, "children"]:
                (held,) = (one for one in self.groups if one["name"] == name)
                return [self.group(one, query) for one in held["below"]][page]
            case ["clients"]:
                return self.clients
            case ["clients", _, "service-account-user"]:
                return {
                    "id": "account-of-api",
                    "username": "service-account-stuf-api",
                    "enabled": True,
                    "attributes": {},
                }
            case ["client-scopes"]:
                return self.scopes
            case ["users"]:
                return list(self.users.values())[page]
            case ["users", "count"]:
                return len(self.users)
            case ["users", who, "role-mappings"]:
                # Keycloak leaves out what is empty.
                clients = {
                    client: {"client": client, "mappings": [self.role(f"{client}:{name}") for name in names]}
                    for client, names in self.held_of_clients.get(who, {}).items()
                }
                realm = [self.role(name) for name in self.held[who]]
                return ({"realmMappings": realm} if realm else {}) | ({"clientMappings": clients} if clients else {})
            case ["users", who, "role-mappings", "realm", "composite"]:
                held = self.held[who].union(*(self.inside.get(name, set()) for name in self.held[who]))
                return [self.role(name) for name in held if ":" not in name]
            case ["users", who, "groups"]:
                return [{"id": path, "path": path} for path in self.members.get(who, [])][page]
            case ["identity-provider", "instances"]:
                return self.providers
            case ["identity-provider", "instances", alias, "mappers"]:
                return self.provider_mappers.get(urllib.parse.unquote(alias), [])
            case ["components"]:
                return [one for one in self.federation if one["providerType"] == query["type"]]
            case ["authentication", "required-actions"]:
                return self.actions
        return None


class Bucket:
    """Objects by key: body, content type and metadata."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, dict[str, str]]] = {}
        self.ghosts: dict[str, int] = {}  # what it lists and does not give, and how many listings still have it

    def put(self, key: str, body: Any, kind: str = "application/json", **metadata: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.objects[key] = (data, kind, metadata)

    def listing(self, query: dict[str, str]) -> bytes:
        prefix = query.get("prefix", "")
        ghosts = {key: (b"x",) for key, left in self.ghosts.items() if left and key.startswith(prefix)}
        self.ghosts |= {key: self.ghosts[key] - 1 for key in ghosts}
        objects = {**self.objects, **ghosts}
        keys = sorted((key for key in objects if key.startswith(prefix)), key=str.encode)
        start = int(query.get("continuation-token", 0))
        entries = "".join(
            f"<Contents><Key>{escape(urllib.parse.quote(key))}</Key><LastModified>{MODIFIED}</LastModified>"
            f"<Size>{len(objects[key][0])}</Size></Contents>"
            for key in keys[start : start + 100]
        )
        more = "<IsTruncated>false</IsTruncated>"
        if start + 100 < len(keys):
            more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{start + 100}</NextContinuationToken>"
        begin = f'<ListBucketResult xmlns="{NAMESPACE}"><EncodingType>url</EncodingType>'
        return f'<?xml version="1.0"?>{begin}{more}{entries}</ListBucketResult>'.encode()


class Installation:
    """Keycloak and a store behind one port, and what the program's configuration says about them."""

    def __init__(self, folder: Path, users: int) -> None:
        self.folder = folder
        self.documents = [user(number) for number in range(1, users + 1)]
        self.realm = Realm(self.documents)
        self.bucket = Bucket()
        self.asked: list[str] = []
        self.forbidden = ("no address",)  # what Keycloak does not let the client read
        self.busy = 0  # how many answers are still 503
        self.published = ["443"]  # ports that the proxy answers on for everyone
        self.encrypted = False  # the disk
        self.origins = ["https://files.example.org"]
        self.transit = "tls1.2"
        self.kept: dict[str, str] = {}  # what the store says of how it keeps an object
        self.told: dict[str, tuple[int, bytes]] = {}  # what the store answers who asks for its settings
        self.broken: dict[str, int] = {}  # of an object, how many answers still end before its last byte
        self._fill()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else each answer, which is sent in two parts, waits for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                outer._handle(self)

            do_HEAD = do_POST = do_GET

        class Server(ThreadingHTTPServer):
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _fill(self) -> None:
        project = {"slug": "harbour", "name": "Harbour {{ 1 }}", "description": "a\nb"}
        zulip = {
            "site": "https://z.example",
            "channel": "c",
            "topic": "t",
            "bot_email": "b@z.example",
            "api_key_secret": "zulip_api_key",
        }
        self.configuration: dict[str, Any] = {
            "schema_version": 1, "project": project, "url": "https://files.example.org",
            "collections": [{"name": "reports", "description": "R"}, {"name": "press", "description": "P"}],
            "notifications": {"zulip": zulip, "sentry": {"environment": "production", "dsn_secret": "sentry_dsn"}},
            "glass": {"repository": "stuf-harbour"},
        }  # fmt: skip
        field = {
            "name": "comment",
            "enabled": True,
            "required": False,
            "options": [],
            "allow_unknown": False,
            "allow_other": True,
        }
        self.bucket.put("config/stuf_config.json", self.configuration)
        self.bucket.put("config/metadata_config.json", {"schema_version": 1, "fields": [field]})
        self.bucket.put("config/glass_readers.json", {"schema_version": 1, "github": ["o-brien", "ada-example"]})
        self.bucket.put("users.json", {"schema_version": 1, "users": []})
        for document in self.documents:
            self.bucket.put(f"users/{document['id']}.json", document)
        pages = self.folder / "pages"
        (pages / "branding").mkdir(parents=True)
        branding = {
            "title": "Harbour ⚓",
            "logo": "/branding/logo.svg",
            "colours": {"primary": "#0b5fff"},
            "custom_css": None,
        }
        (pages / "branding.json").write_text(json.dumps({"branding": branding}))
        (pages / "branding" / "logo.svg").write_text("<svg/>")
        images = {name: f"r.example/{name}@sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in
                  ("api", "spa", "keycloak", "postgres", "garage", "caddy")}  # fmt: skip
        self.images = images
        release = {"schema_version": 1, "version": "2025.12", "commit": COMMIT, "images": images}
        (self.folder / "release.json").write_text(json.dumps(release))
        (self.folder / "proc").mkdir()
        (self.folder / "volume" / "current").mkdir(parents=True)
        (self.folder / "volume" / "current" / ".image").write_text(images["spa"] + "\n")

    def _handle(self, call: BaseHTTPRequestHandler) -> None:
        address = urllib.parse.urlsplit(call.path)
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        call.rfile.read(int(call.headers.get("content-length", 0)))
        self.asked.append(f"{call.command} {address.path}")
        headers = {}
        status, body = 404, b"{}"
        if self.busy:
            self.busy -= 1
            status = 503
        elif address.path == "/auth/realms/stuf/protocol/openid-connect/token":
            status, body = 200, b'{"access_token": "token", "expires_in": 60}'
        elif address.path.startswith("/auth/admin/realms/stuf") and address.path.endswith(self.forbidden):
            status = 403
        elif address.path.startswith("/auth/admin/realms/stuf"):
            found = self.realm.answer(address.path.removeprefix("/auth/admin/realms/stuf"), query)
            if call.headers["authorization"] != "Bearer token":
                status = 401
            elif found is not None:
                status, body = 200, json.dumps(found).encode()
        elif address.path == "/uploads" and query.keys() & {"versioning", "encryption"}:
            # What the application's own key hears of a bucket's settings, unless a key is told more.
            status, body = self.told.get(next(iter(query)), (403, b""))
        elif address.path == "/uploads":
            status, body = 200, self.bucket.listing(query)
        else:
            held = self.bucket.objects.get(urllib.parse.unquote(address.path.removeprefix("/uploads/")))
            if held is not None:
                status, body = 200, held[0]
                # As Garage sends them: UTF-8, which HTTP takes for Latin-1.
                headers = {f"x-amz-meta-{name}": value.encode().decode("latin-1") for name, value in held[2].items()}
                headers["content-type"] = held[1]
                headers |= self.kept
        call.send_response(status)
        for name, value in headers.items():
            call.send_header(name, value)
        call.send_header("content-length", str(len(body)))
        call.end_headers()
        if call.command == "HEAD":
            return
        key = urllib.parse.unquote(address.path.removeprefix("/uploads/"))
        if self.broken.get(key):
            self.broken[key] -= 1
            call.close_connection = True
            body = body[:-1]
        call.wfile.write(body)

    def container(self, service: str, image: str) -> dict[str, Any]:
        """A container as `docker inspect` shows it."""
        published = {f"{port}/tcp": [{"HostIp": "0.0.0.0", "HostPort": port}] for port in self.published}
        ports = published if service == "proxy" else {"8080/tcp": None}
        networks = {"stuf_backend": {"IPAddress": f"127.0.0.1:{self.server.server_port}"}}
        return {
            "Image": "sha256:1", "Config": {"Image": image, "Labels": {"com.docker.compose.service": service}},
            "NetworkSettings": {"Ports": ports, "Networks": networks},
        }  # fmt: skip

    def docker(self, command: list[str]) -> str:
        """Answers as the programs of the machine do."""
        match command:
            case ["docker", "ps", *_]:
                return "one\n"
            case ["docker", "inspect", "one"]:
                services = {"proxy": "caddy"} | {name: name for name in ("api", "keycloak", "postgres", "garage")}
                return json.dumps([self.container(service, self.images[name]) for service, name in services.items()])
            case ["docker", "volume", "inspect", "stuf_spa"]:
                return json.dumps([{"Mountpoint": str(self.folder / "volume")}])
            case ["findmnt", *_]:
                return json.dumps({"filesystems": [{"source": "/dev/vda1", "fstype": "ext4", "maj:min": "254:1"}]})
            case ["lsblk", *_]:
                part = {"name": "vda1", "type": "crypt" if self.encrypted else "part", "maj:min": "254:1"}
                return json.dumps(
                    {"blockdevices": [{"name": "vda", "type": "disk", "maj:min": "254:0", "children": [part]}]}
                )
        raise AssertionError(command)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """The program finds this installation where it would ask the machine and the outside."""
        main, installation = program("__main__"), self

        class Machine(MACHINE):  # type: ignore[misc, valid-type]
            def __init__(self, project: str) -> None:
                super().__init__(project, installation.docker)

            def ports(self) -> Any:
                # Not those of the machine on which the tests run.
                return super().ports(installation.folder / "proc")

        seen = {"transit": lambda *_: self.transit, "origins": lambda *_: self.origins}
        with patch.object(main.machine, "Machine", Machine), patch.multiple(main.outside, **seen):
            yield

    def settings(self, **changes: Any) -> Path:
        """The program's configuration."""
        for name, value in (
            ("service", SERVICE_SECRET),
            ("access", "access-key-of-the-test"),
            ("secret", STORAGE_SECRET),
        ):
            (self.folder / name).write_text(value + "\n")
        content = {
            "schema": 1, "installation": "files.example.org", "sha256": False,
            "identity": {
                "url": "http://{keycloak.backend}/auth", "realm": "stuf", "client": "stufpack-operator",
                "secret_file": str(self.folder / "service"),
            },
            "storage": {
                "provider": "garage", "endpoint": self.url, "region": "us-east-1", "bucket": "uploads", "ca": None,
                "access_key_file": str(self.folder / "access"), "secret_key_file": str(self.folder / "secret"),
            },
            "machine": {
                "project": "stuf", "spa_volume": "stuf_spa", "pages": str(self.folder / "pages"),
                "release": str(self.folder / "release.json"), "data": "/var/lib/docker",
            },
            "outside": {"address": "127.0.0.1", "port": 443},
        } | changes  # fmt: skip
        path = self.folder / "config.json"
        path.write_text(json.dumps(content))
        return path
