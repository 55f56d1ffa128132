"""A started identity stand-in with its database, and a client of its admin interface."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from . import images
from .outside import Answer, Outside, Stuf, Way
from .testing import Container, ImageTest, get

DOMAIN = "files.harbour.example"
PASSWORD = "bench-admin-password"
SETTINGS = {
    "KC_DB": "postgres",
    "KC_DB_USERNAME": "keycloak",
    "KC_DB_PASSWORD": "bench-database-password",
    "KC_HOSTNAME": f"https://{DOMAIN}/auth",
    "KC_HTTP_ENABLED": "true",
    "KC_HTTP_RELATIVE_PATH": "/auth",
    "KC_PROXY_HEADERS": "xforwarded",
    "KC_HEALTH_ENABLED": "true",
    "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
    "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
}


def as_options(settings: dict[str, str]) -> tuple[str, ...]:
    """Environment as `docker run` words."""
    return tuple(word for name, value in settings.items() for word in ("--env", f"{name}={value}"))


def start_database(test: ImageTest) -> Container:
    """A PostgreSQL for the identity service."""
    database = test.start(
        images.image("postgres"),
        options=as_options(
            {"POSTGRES_USER": "keycloak", "POSTGRES_DB": "keycloak", "POSTGRES_PASSWORD": SETTINGS["KC_DB_PASSWORD"]}
        ),
    )
    database.wait(
        "the database", lambda: database.run("pg_isready", "-h", database.address, "-U", "keycloak").returncode == 0
    )
    return database


@dataclass
class Identity:
    """A running identity service, reached as a proxy would."""

    container: Container
    outside: Outside
    stuf: Stuf

    def token(self, password: str = PASSWORD) -> str:
        """An administrator's token of the master realm."""
        answer = self.outside.form(
            f"https://{DOMAIN}/auth/realms/master/protocol/openid-connect/token",
            {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": password},
        )
        assert answer.status == 200, answer.text
        return str(answer.json()["access_token"])

    def admin(self, method: str, path: str, body: object = None, token: str | None = None) -> Answer:
        """One call of the admin interface, below /admin/realms."""
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        return self.outside.ask(method, f"https://{DOMAIN}/auth/admin/realms{path}", data, headers)

    def add_user(self, **fields: object) -> str:
        """Adds a user by the admin interface; returns the id."""
        answer = self.admin("POST", "/stuf/users", {"enabled": True, **fields})
        assert answer.status == 201, answer.text
        return str(answer.header("Location")).rsplit("/", 1)[1]

    def grant(self, user: str, *roles: str) -> None:
        """Gives a user realm roles."""
        found = [self.admin("GET", f"/stuf/roles/{urllib.parse.quote(role)}").json() for role in roles]
        answer = self.admin("POST", f"/stuf/users/{user}/role-mappings/realm", found)
        assert answer.status == 204, answer.text


def start_identity(
    test: ImageTest,
    realm: dict[str, object] | None = None,
    settings: dict[str, str] | None = None,
    database: Container | None = None,
) -> Identity:
    """Starts the stand-in, with a realm file when one is given, and waits until it says that it is ready."""
    database = database or start_database(test)
    options = as_options(
        {**SETTINGS, "KC_DB_URL": f"jdbc:postgresql://{database.address}:5432/keycloak", **(settings or {})}
    )
    if realm is not None:
        folder = Path(temporary(test))
        (folder / "stuf-realm.json").write_text(json.dumps(realm))
        (folder / "stuf-realm.json").chmod(0o644)
        options += ("--volume", f"{folder}:/opt/keycloak/data/import:ro")
    container = test.start(images.image("keycloak"), "start", "--import-realm", options=options)
    container.wait("readiness", lambda: get(f"http://{container.address}:9000/auth/health/ready")[0] == 200, 60)
    outside = Outside({DOMAIN: Way(container.address, 8080, None)})
    return Identity(container, outside, Stuf(outside, DOMAIN))


def temporary(test: ImageTest) -> str:
    """A folder that is gone after the test, readable by any user of a container."""
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="stufbench-")
    test.addCleanup(folder.cleanup)
    Path(folder.name).chmod(0o755)
    return folder.name


MAPPER = {"protocol": "openid-connect"}
TOKENS = {"access.token.claim": "true", "id.token.claim": "true"}

#: A realm as a package brings it: scopes that map what the API asks for, a public client, a service account, no users.
REALM: dict[str, object] = {
    "realm": "stuf",
    "enabled": True,
    "sslRequired": "external",
    "roles": {"realm": [{"name": name} for name in ("admin", "trust-architect", "project-participant", "service")]},
    "components": {
        "org.keycloak.userprofile.UserProfileProvider": [
            {
                "providerId": "declarative-user-profile",
                "config": {
                    "kc.user.profile.config": [
                        json.dumps(
                            {
                                "attributes": [
                                    {
                                        "name": name,
                                        "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]},
                                    }
                                    for name in ("username", "email", "firstName", "lastName")
                                ],
                                "unmanagedAttributePolicy": "ADMIN_EDIT",
                            }
                        )
                    ]
                },
            }
        ]
    },
    "clientScopes": [
        {
            "name": "roles",
            "protocol": "openid-connect",
            "attributes": {"include.in.token.scope": "false"},
            "protocolMappers": [
                {
                    **MAPPER,
                    "name": "realm roles",
                    "protocolMapper": "oidc-usermodel-realm-role-mapper",
                    "config": {
                        "claim.name": "realm_access.roles",
                        "multivalued": "true",
                        "jsonType.label": "String",
                        "access.token.claim": "true",
                    },
                },
            ],
        },
        {
            "name": "email",
            "protocol": "openid-connect",
            "attributes": {"include.in.token.scope": "true"},
            "protocolMappers": [
                {
                    **MAPPER,
                    "name": "email",
                    "protocolMapper": "oidc-usermodel-property-mapper",
                    "config": {"user.attribute": "email", "claim.name": "email", "jsonType.label": "String", **TOKENS},
                },
            ],
        },
        {
            "name": "stuf:access",
            "protocol": "openid-connect",
            "attributes": {"include.in.token.scope": "true"},
            "protocolMappers": [
                {
                    **MAPPER,
                    "name": "collections",
                    "protocolMapper": "oidc-usermodel-attribute-mapper",
                    "config": {
                        "user.attribute": "collections",
                        "claim.name": "collections",
                        "jsonType.label": "JSON",
                        **TOKENS,
                    },
                },
                {
                    **MAPPER,
                    "name": "audience",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {"included.client.audience": "stuf-api", "access.token.claim": "true"},
                },
                {
                    **MAPPER,
                    "name": "username",
                    "protocolMapper": "oidc-usermodel-property-mapper",
                    "config": {
                        "user.attribute": "username",
                        "claim.name": "preferred_username",
                        "jsonType.label": "String",
                        **TOKENS,
                    },
                },
            ],
        },
    ],
    "clients": [
        {
            "clientId": "stuf-spa",
            "publicClient": True,
            "standardFlowEnabled": True,
            "directAccessGrantsEnabled": False,
            "redirectUris": [f"https://{DOMAIN}/*"],
            "webOrigins": [f"https://{DOMAIN}"],
            "attributes": {"pkce.code.challenge.method": "S256"},
            "defaultClientScopes": ["roles", "email", "stuf:access"],
        },
        {
            "clientId": "stuf-api",
            "publicClient": False,
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "secret": "${KEYCLOAK_CLIENT_SECRET}",
            "defaultClientScopes": ["roles", "stuf:access"],
        },
    ],
}
