"""Each value of an installation changed by hand where its consumer reads it, and read by the real program.

`python3 -B changed_installation.py FOLDER` makes `FOLDER/000`, the export of the installation as it stands, and one for
each change alone. `FOLDER/changes.json` says of each what it is of, in the words of `tests/exports/fields.rs`, and by
which paths alone `stufpack diff` has to name it, or by which finding it refuses such an export. `tests/diff.rs` asks.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export_fakes import Installation, program

USERS = 9
WHO = "u-002"
NAME = f"name-{WHO}"
FILE = "reports/x"
Act = Callable[[Installation], object]


@dataclass(frozen=True)
class Change:
    """What is changed."""

    fields: str
    paths: tuple[str, ...]
    act: Act
    refused: str = ""


@contextmanager
def document(stuf: Installation, key: str) -> Iterator[Any]:
    """A document of the bucket, written back as it is changed."""
    content = json.loads(stuf.bucket.objects[key][0])
    yield content
    stuf.bucket.put(key, content)


@contextmanager
def file(stuf: Installation, name: str) -> Iterator[Any]:
    """A JSON file of the machine, likewise."""
    path = stuf.folder / name
    content = json.loads(path.read_text())
    yield content
    path.write_text(json.dumps(content))


def inside(key: str, *place: Any, value: Any) -> Act:
    """Another value at a place of a document of the bucket."""

    def act(stuf: Installation) -> None:
        with document(stuf, key) as content:
            put(content, place, value)

    return act


def put(content: Any, place: tuple[Any, ...], value: Any) -> None:
    """Sets what stands at a place, which must be another value than before."""
    *outer, last = place
    for step in outer:
        content = content[step]
    assert not isinstance(content, dict) or content.get(last) != value, place
    content[last] = value


def configuration(*place: Any, value: Any) -> Act:
    """In the application's own settings."""
    return inside("config/stuf_config.json", *place, value=value)


def looks(*place: Any, value: Any) -> Act:
    """In what the proxy serves as branding.json."""

    def act(stuf: Installation) -> None:
        with file(stuf, "pages/branding.json") as content:
            put(content["branding"], place, value)

    return act


def released(*place: Any, value: Any) -> Act:
    """In the release document on the machine."""

    def act(stuf: Installation) -> None:
        with file(stuf, "release.json") as content:
            put(content, place, value)

    return act


def setting(name: str, value: Any) -> Change:
    """A setting of the realm."""
    return Change(f"realm.{name}", (f"realm.{name}",), lambda stuf: put(stuf.realm.top, (name,), value))


def of_client(name: str, field: str, value: Any, shown: str = "") -> Change:
    """A field of a client."""
    path = f"realm.clients[{name}].{shown or field}"
    return Change(f"realm.clients.{field}", (path,), lambda stuf: put(client(stuf, name), (field,), value))


def client(stuf: Installation, name: str) -> dict[str, Any]:
    """A client as Keycloak has it."""
    return next(one for one in stuf.realm.clients if one["clientId"] == name)


def of_person(field: str, value: Any) -> Change:
    """A field of a user at Keycloak."""
    path = f"realm.users[{NAME}].{field}"
    return Change(f"realm.users.{field}", (path,), lambda stuf: put(stuf.realm.users[WHO], (field,), value))


def attribute(name: str, value: str) -> Act:
    """An attribute of a user at Keycloak."""
    return lambda stuf: put(stuf.realm.users[WHO]["attributes"], (name,), [value])


def brings_along(role: str) -> Act:
    """A role that comes to bring all rights along."""
    return lambda stuf: stuf.realm.inside.setdefault(role, set()).add("realm-management:realm-admin")


def grouped(stuf: Installation) -> None:
    """A group of its own rights, and somebody in it."""
    stuf.realm.groups.append({"name": "staff", "clientRoles": {"realm-management": ["realm-admin"]}})
    stuf.realm.members[WHO] = ["/staff"]


def mapped(stuf: Installation) -> None:
    """Another place to sign in from, and a role for whoever does."""
    stuf.realm.providers.append({"alias": "other", "providerId": "oidc", "enabled": True})
    mapper = {"name": "all", "identityProviderAlias": "other", "identityProviderMapper": "hardcoded-role"}
    stuf.realm.provider_mappers["other"] = [mapper]


def address(stuf: Installation) -> None:
    """The address of a user, at Keycloak and in the bucket, as the admin tool changes it."""
    stuf.realm.users[WHO]["email"] = "new@harbour.example"
    inside(f"users/{WHO}.json", "email", value="new@harbour.example")(stuf)


def put_file(body: bytes, kind: str, comment: str) -> Act:
    """The file, written anew."""
    return lambda stuf: stuf.bucket.put(FILE, body, kind, comment=comment)


def page(name: str, text: str) -> Act:
    """A file beside branding.json."""
    return lambda stuf: (stuf.folder / "pages/branding" / name).write_text(text)


def css(stuf: Installation) -> None:
    """Pages that come to have a style of their own."""
    page("own.css", "p { color: red }\n")(stuf)
    looks("custom_css", value="/branding/own.css")(stuf)


MAPPER = {"name": "all", "protocolMapper": "oidc-hardcoded-role-mapper", "config": {"role": "admin"}}
DIRECTORY = {
    "name": "staff", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider",
}  # fmt: skip
IMAGE = "r.example/api@sha256:" + "1" * 64
ZULIP = ("notifications", "zulip")
PLACE = f"spec.users.{WHO}"

OF_THE_DOCUMENT = [
    Change("spec.project.slug", ("spec.project.slug",), configuration("project", "slug", value="haven")),
    Change("spec.project.name", ("spec.project.name",), configuration("project", "name", value="Haven")),
    Change("spec.project.description", ("spec.project.description",),
           configuration("project", "description", value="x")),
    Change("spec.hostedUrl", ("spec.hostedUrl",), configuration("url", value="https://b.example"),
           refused="installation.hosted"),
    Change("spec.storage.encryption spec.exposure.encryptionAtRest",
           ("spec.exposure.encryptionAtRest", "spec.storage.encryption"),
           lambda stuf: setattr(stuf, "encrypted", True)),
    Change("spec.collections.*.description", ("spec.collections.reports.description",),
           configuration("collections", 0, "description", value="x")),
    Change("spec.users.*.email realm.users.email", (f"{PLACE}.email", f"realm.users[{NAME}].email"), address),
    Change("spec.users.*.phone", (f"{PLACE}.phone",), inside(f"users/{WHO}.json", "phone", value="+49301999999")),
    Change("spec.users.*.name", (f"{PLACE}.name",), inside(f"users/{WHO}.json", "name", value="Someone Else")),
    Change("spec.users.*.status realm.users.enabled", (f"{PLACE}.status", f"realm.users[{NAME}].enabled"),
           lambda stuf: put(stuf.realm.users[WHO], ("enabled",), False)),
    Change("spec.users.*.roles realm.users.realmRoles",
           (f"{PLACE}.roles[admin]", f"realm.users[{NAME}].realmRoles[admin]"),
           lambda stuf: stuf.realm.held[WHO].add("admin")),
    Change("spec.users.*.collections realm.users.attributes.collections",
           (f"{PLACE}.collections.reports[write]", f"realm.users[{NAME}].attributes.collections.reports[write]"),
           attribute("collections", '{"reports": ["read"]}')),
    Change("spec.notifications.zulip.site", ("spec.notifications.zulip.site",),
           configuration(*ZULIP, "site", value="https://other.example")),
    Change("spec.notifications.zulip.channel", ("spec.notifications.zulip.channel",),
           configuration(*ZULIP, "channel", value="other")),
    Change("spec.notifications.zulip.topic", ("spec.notifications.zulip.topic",),
           configuration(*ZULIP, "topic", value="other")),
    Change("spec.notifications.zulip.botEmail", ("spec.notifications.zulip.botEmail",),
           configuration(*ZULIP, "bot_email", value="other@z.example")),
    Change("spec.notifications.sentry.environment", ("spec.notifications.sentry.environment",),
           configuration("notifications", "sentry", "environment", value="other")),
    Change("spec.branding.title", ("spec.branding.title",), looks("title", value="Haven")),
    Change("spec.branding.logo", ("spec.branding.logo.sha256",), page("logo.svg", "<svg><title>new</title></svg>")),
    Change("spec.branding.colours", ("spec.branding.colours.primary",), looks("colours", "primary", value="#0b5ffa")),
    Change("spec.branding.customCss", ("spec.branding.customCss", "spec.branding.customCss.sha256"), css),
    *(Change(f"spec.metadataFields.*.{ours}", (f"spec.metadataFields.comment.{ours}",),
             inside("config/metadata_config.json", "fields", 0, theirs, value=value))
      for ours, theirs, value in (
          ("options", "options", ["Photo"]), ("allowUnknown", "allow_unknown", True),
          ("allowOther", "allow_other", False), ("required", "required", True), ("enabled", "enabled", False))),
    Change("spec.glass.repository", ("spec.glass.repository",),
           configuration("glass", "repository", value="stuf-other")),
    Change("spec.glass.readers", ("spec.glass.readers[ada-example]", "spec.glass.readers[zoe]"),
           inside("config/glass_readers.json", "github", 1, value="zoe")),
    Change("spec.exposure.ports", ("spec.exposure.ports",), lambda stuf: stuf.published.append("5432")),
    Change("spec.exposure.origins", ("spec.exposure.origins",), lambda stuf: stuf.origins.append("https://a.example")),
    Change("spec.exposure.factors", ("spec.exposure.factors",),
           lambda stuf: put(stuf.realm.users[WHO], ("requiredActions",), [])),
    Change("spec.exposure.encryptionInTransit", ("spec.exposure.encryptionInTransit",),
           lambda stuf: setattr(stuf, "transit", "tls1.0")),
    Change("spec.application.version", ("spec.application.version",), released("version", value="2026.01")),
    Change("spec.application.commit", ("spec.application.commit",), released("commit", value="a" * 40)),
    Change("spec.application.release", ("spec.application.release.api",), lambda stuf: stuf.images.update(api=IMAGE)),
]  # fmt: skip

OF_THE_REALM = [
    setting("displayName", "Haven"),
    setting("sslRequired", "all"),
    setting("accessTokenLifespan", 301),
    setting("passwordPolicy", "length(8)"),
    setting("registrationAllowed", True),
    setting("verifyEmail", True),
    Change("realm.roles", ("realm.roles.realm[new-role]",), lambda stuf: stuf.realm.roles.append("new-role")),
    Change("realm.roles.description", ("realm.roles.realm[admin].description",),
           lambda stuf: stuf.realm.descriptions.update(admin="x")),
    Change("realm.clients", ("realm.clients[new]",),
           lambda stuf: stuf.realm.clients.append(stuf.realm.client("new", publicClient=True, redirectUris=[]))),
    Change("realm.clients.publicClient", ("clients[2].publicClient",),
           lambda stuf: put(client(stuf, "stuf-api"), ("publicClient",), True), refused="realm.client.public"),
    of_client("stuf-api", "directAccessGrantsEnabled", True),
    of_client("stuf-api", "webOrigins", ["https://a.example"]),
    of_client("stuf-api", "defaultClientScopes", []),
    of_client("stuf-api", "optionalClientScopes", ["phone"]),
    of_client("stuf-api", "protocolMappers", [MAPPER], "protocolMappers[all]"),
    of_client("stuf-api", "attributes", {"pkce.code.challenge.method": "plain"},
              'attributes.{"pkce.code.challenge.method"}'),
    of_client("stuf-spa", "serviceAccountsEnabled", True),
    *(of_client("stuf-spa", page, "https://a.example") for page in ("rootUrl", "baseUrl", "adminUrl")),
    of_client("stuf-api", "authorizationServicesEnabled", True),
    of_client("stuf-api", "fullScopeAllowed", True),
    of_client("stuf-spa", "authenticationFlowBindingOverrides", {"browser": "flow-without-code"}),
    Change("realm.clients.redirectUris spec.exposure.redirectUris",
           ("realm.clients[stuf-spa].redirectUris", "spec.exposure.redirectUris"),
           lambda stuf: put(client(stuf, "stuf-spa"), ("redirectUris",), ["https://a.example/*"])),
    of_client("stuf-api", "standardFlowEnabled", True),
    Change("realm.clientScopes",
           ('realm.clientScopes[stuf:access].protocolMappers[collections].config.{"claim.name"}',),
           lambda stuf: put(stuf.realm.scopes[0], ("protocolMappers", 0, "config", "claim.name"), "other")),
    of_person("firstName", "New"),
    of_person("lastName", "New"),
    of_person("emailVerified", False),
    Change("realm.users.realmRoles", (f"realm.users[{NAME}].realmRoles[offline_access]",),
           lambda stuf: stuf.realm.held[WHO].add("offline_access")),
    Change("realm.users.clientRoles", (f"realm.users[{NAME}].clientRoles",),
           lambda stuf: stuf.realm.held_of_clients.update({WHO: {"realm-management": ["realm-admin"]}})),
    Change("realm.groups realm.users.groups", ("realm.groups", f"realm.users[{NAME}].groups"), grouped),
    Change("realm.roles.composites", ("realm.roles.realm[admin].composites",), brings_along("admin")),
    Change("realm.roles.composites", ("realm.roles.realm[default-roles-stuf]",), brings_along("default-roles-stuf")),
    Change("realm.identityProviders", ("realm.identityProviders",),
           lambda stuf: stuf.realm.providers.append({"alias": "other", "providerId": "oidc", "enabled": True})),
    Change("realm.roles.client", ("realm.roles.client.account",), brings_along("account:view-profile")),
    Change("realm.roles.client", ("realm.roles.client.realm-management",), brings_along("realm-management:view-users")),
    Change("realm.identityProviderMappers", ("realm.identityProviderMappers", "realm.identityProviders"), mapped),
    Change("realm.attributes", ("realm.attributes.frontendUrl",),
           lambda stuf: put(stuf.realm.top, ("attributes", "frontendUrl"), "https://a.example")),
    Change("realm.browserSecurityHeaders", ("realm.browserSecurityHeaders.xFrameOptions",),
           lambda stuf: put(stuf.realm.top, ("browserSecurityHeaders",), {"xFrameOptions": "ALLOWALL"})),
    Change("realm.requiredActions", ("realm.requiredActions[CONFIGURE_TOTP]", "spec.exposure.factors"),
           lambda stuf: put(stuf.realm.actions, (1, "enabled"), False)),
    Change("realm.components", ('realm.components.{"org.keycloak.storage.UserStorageProvider"}',),
           lambda stuf: stuf.realm.federation.append(DIRECTORY)),
    setting("browserFlow", "my flow"),
    setting("defaultGroups", ["/staff"]),
    Change("realm.clients", ("realm.clients[account]",),
           lambda stuf: put(client(stuf, "account"), ("enabled",), False)),
    Change("realm.clients", ("realm.clients[account]",),
           lambda stuf: put(client(stuf, "account"), ("redirectUris",), ["*"])),
    Change("realm.users.attributes", (f"realm.users[{NAME}].attributes.shoeSize",), attribute("shoeSize", "42")),
    # The address then comes from the document, which has it in other letters.
    Change("realm.users", ("realm.users[name-u-003]", "spec.users.u-003.email"),
           lambda stuf: stuf.realm.users.pop("u-003")),
]  # fmt: skip

OF_THE_FILES = [
    # The size and the time of change stay as they are.
    Change("content.sha256", (f"content[{FILE}].sha256",), put_file(b"abd", "text/plain", "a")),
    Change("content.contentType", (f"content[{FILE}].contentType",), put_file(b"abc", "text/csv", "a")),
    Change("content.metadata", (f"content[{FILE}].metadata",), put_file(b"abc", "text/plain", "b")),
    Change("content.size spec.content.bytes",
           (f"content[{FILE}].sha256", f"content[{FILE}].size", "spec.content.bytes"),
           put_file(b"abcd", "text/plain", "a")),
    Change("content spec.content.objects",
           ("content[press/new \u2603//.txt]", "spec.content.bytes", "spec.content.objects"),
           lambda stuf: stuf.bucket.put("press/new \u2603//.txt", b"new", "text/plain")),
]  # fmt: skip

ALL = [*OF_THE_DOCUMENT, *OF_THE_REALM, *OF_THE_FILES]


def exported(act: Act, folder: Path) -> None:
    """Changes an installation, and runs the program on its machine and on the Trust Architect's."""
    main, archive, settings = (program(name) for name in ("__main__", "archive", "settings"))
    with tempfile.TemporaryDirectory() as work:
        stuf = Installation(Path(work), USERS)
        put_file(b"abc", "text/plain", "a")(stuf)
        act(stuf)
        tar = Path(work) / "export.tar"
        with stuf.standing():
            main._read(settings.read(str(stuf.settings(sha256=True))), str(tar))
        stuf.close()
        shutil.move(archive.place(str(tar), f"{work}/exports", 1), folder)


def main() -> None:
    """Makes everything."""
    out = Path(sys.argv[1])
    exported(lambda _: None, out / "000")
    for number, change in enumerate(ALL, 1):
        exported(change.act, out / f"{number:03}")
    changes = [
        {"fields": change.fields.split(" "), "paths": sorted(change.paths), "refused": change.refused} for change in ALL
    ]
    (out / "changes.json").write_text(json.dumps(changes))


if __name__ == "__main__":
    main()
