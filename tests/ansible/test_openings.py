"""What opens a realm and came with no package is told by its name, and a realm as a package makes it is closed."""

from __future__ import annotations

import copy
import unittest
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from modules import module
from test_realm import Keycloak, package

openings = module("stuf_identity_openings")
OPERATOR_ROLES = module("stufpack_realm").OPERATOR_ROLES
REALM = "stuf"

LOCALE = {
    "name": "locale",
    "protocolMapper": "oidc-usermodel-attribute-mapper",
    "config": {"claim.name": "locale"},
}

HARDCODED = {"name": "all", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": {"claim.name": "collections"}}
# As Keycloak 26 makes them; the first two where a realm needs other algorithms.
GENERATED = (
    "ecdsa-generated", "eddsa-generated", "rsa-generated", "rsa-enc-generated", "hmac-generated", "aes-generated",
)  # fmt: skip


def key(kind: str) -> dict[str, Any]:
    """A key of the realm."""
    return {"name": f"{kind}-of-realm", "providerType": "org.keycloak.keys.KeyProvider", "providerId": kind}


def mapper(kind: str, claim: str = "", **config: str) -> dict[str, Any]:
    """A mapper, called like its claim."""
    named = {"claim.name": claim} if claim else {}
    return {"name": claim or kind, "protocolMapper": f"oidc-{kind}-mapper", "config": config | named}


def of_user(claim: str, source: str, kind: str = "attribute") -> dict[str, Any]:
    """What a scope says of a user."""
    return mapper(f"usermodel-{kind}", claim, **{"user.attribute": source})


def note(claim: str, source: str) -> dict[str, Any]:
    """What a scope says of the session."""
    return mapper("usersessionmodel-note", claim, **{"user.session.note": source})


# Scopes of Keycloak's own, with a mapper of each kind that it gives them.
OWN_SCOPES: dict[str, list[dict[str, Any]]] = {
    "acr": [mapper("acr")],
    "address": [mapper("address", **{"user.attribute.street": "street"})],
    "email": [of_user("email", "email"), of_user("email_verified", "emailVerified", "property")],
    "microprofile-jwt": [of_user("upn", "username"), mapper("usermodel-realm-role", "groups")],
    "organization": [mapper("organization-membership", "organization")],
    "phone": [of_user("phone_number", "phoneNumber"), of_user("phone_number_verified", "phoneNumberVerified")],
    "profile": [mapper("full-name"), of_user("preferred_username", "username"), of_user("updated_at", "updatedAt")],
    "role_list": [{"name": "role list", "protocolMapper": "saml-role-list-mapper"}],
    "service_account": [note("client_id", "client_id"), note("clientHost", "clientHost"),
                        note("clientAddress", "clientAddress")],
}  # fmt: skip


def has_scope(client: str, name: str, *mappers: dict[str, Any], way: str = "default") -> Callable[[Realm], object]:
    """A client has a scope that somebody made."""

    def change(realm: Realm) -> None:
        realm.scopes = [one for one in realm.scopes if one["name"] != name]
        realm.scopes.append({"name": name, "protocolMappers": list(mappers)})
        realm.client(client).setdefault(f"{way}ClientScopes", []).append(name)

    return change


def built_in() -> list[dict[str, Any]]:
    """Keycloak's own clients as version 26 makes them."""
    pages, console = f"/realms/{REALM}/account/", f"/admin/{REALM}/console/"
    own: dict[str, dict[str, Any]] = {
        "account": {"publicClient": True, "rootUrl": "${authBaseUrl}", "baseUrl": pages, "redirectUris": [f"{pages}*"]},
        "account-console": {
            "publicClient": True, "rootUrl": "${authBaseUrl}", "baseUrl": pages, "redirectUris": [f"{pages}*"],
            "protocolMappers": [{"name": "audience resolve", "protocolMapper": "oidc-audience-resolve-mapper"}],
        },
        "admin-cli": {"publicClient": True, "directAccessGrantsEnabled": True, "redirectUris": []},
        "broker": {"bearerOnly": True, "redirectUris": []},
        "realm-management": {"bearerOnly": True, "redirectUris": []},
        "security-admin-console": {
            "publicClient": True, "rootUrl": "${authAdminUrl}", "baseUrl": console, "redirectUris": [f"{console}*"],
            "webOrigins": ["+"],
            "protocolMappers": [LOCALE],
        },
    }  # fmt: skip
    attributes = {"realm_client": "false", "post.logout.redirect.uris": "+", "pkce.code.challenge.method": "S256"}
    return [{"id": name, "clientId": name, "attributes": dict(attributes), **one} for name, one in own.items()]


class Realm(Keycloak):
    """The same realm, with all that may open it."""

    def __init__(self) -> None:
        super().__init__(package())
        self.clients = [one for one in self.clients if one["clientId"] not in ("account", "realm-management")]
        self.clients += built_in()
        self.refused: set[str] = set()
        self.grouped: set[str] = set()
        self.providers: list[dict[str, Any]] = []
        self.stores: list[dict[str, Any]] = []
        self.keys = [key(name) for name in GENERATED]
        self.top |= {"browserFlow": "browser", "directGrantFlow": "direct grant", "attributes": {"frontendUrl": ""}}
        self.rights: dict[str, dict[str, set[str]]] = {"stufpack-operator": {"realm-management": {*OPERATOR_ROLES}}}
        self.inner_of: dict[tuple[str, str], list[tuple[str, str]]] = {
            ("account", "view-profile"): [],
            ("account", "manage-account"): [("account", "manage-account-links")],
            ("account", "manage-consent"): [("account", "view-consent")],
            ("realm-management", "view-users"): [
                ("realm-management", "query-users"), ("realm-management", "query-groups"),
            ],
            ("realm-management", "realm-admin"): [("realm-management", "manage-users")],
        }  # fmt: skip

    def call(  # type: ignore[override]
        self, _method: str, path: str, *, query: dict[str, str] | None = None, expect: tuple[int, ...]
    ) -> SimpleNamespace:
        found = None if path in self.refused else self.answer(path, query or {})
        status = 403 if path in self.refused else 400 if found is None else 200
        assert status in expect, path
        return SimpleNamespace(status=status, json=lambda: copy.deepcopy(found))

    def answer(self, path: str, query: dict[str, str]) -> Any:
        _, kind, *rest = path.split("/") if path else ("", "")
        if kind == "clients" and rest[1:] == ["service-account-user"]:
            client = next(one for one in self.clients if one["id"] == rest[0])
            return {"id": client["clientId"]} if client.get("serviceAccountsEnabled") else None
        if kind == "clients" and rest[1:] == ["roles"]:
            roles = [(role, inner) for (client, role), inner in self.inner_of.items() if client == rest[0]]
            return [{"id": f"{rest[0]} {role}", "name": role, "composite": bool(inner)} for role, inner in roles]
        if kind == "roles-by-id":
            client, role = rest[0].split(" ")
            of = {one["clientId"] for one in self.clients}
            return [
                {"name": name, "clientRole": owner in of, "containerId": owner}
                for owner, name in self.inner_of[client, role]
            ]
        if kind == "users":
            held = self.rights.get(rest[0], {})
            mappings = {name: {"mappings": [{"name": role} for role in roles]} for name, roles in held.items() if name}
            realm = [{"name": role} for role in (*held.get("", ()), "default-roles-stuf")]
            return {"realmMappings": realm, "clientMappings": mappings}
        if kind == "components":
            return [one for one in (*self.stores, *self.keys) if one["providerType"] == query["type"]]
        known = {
            "": self.top,
            "clients": self.clients,
            "client-scopes": self.scopes,
            "identity-provider": self.providers,
        }
        return known[kind]

    def has_groups(self) -> bool:
        return bool(self.grouped)

    def in_groups(self, user: str) -> bool:
        return user in self.grouped


def told(change: Callable[[Realm], object]) -> list[str]:
    """What a look at a realm finds after a change by hand."""
    realm = Realm()
    change(realm)
    look = openings.Look(realm, package())
    look.all()
    assert not look.unseen, look.unseen
    found: list[str] = look.found
    return found


class Openings(unittest.TestCase):
    def test_a_realm_as_package_and_keycloak_make_it_is_closed(self) -> None:
        self.assertEqual(told(lambda realm: None), [])
        self.assertEqual(openings.check([], [])["verdict"], "pass")

    def test_each_way_to_open_it_is_told_by_its_name(self) -> None:
        def client(name: str, **fields: Any) -> Callable[[Realm], object]:
            return lambda realm: realm.client(name).update(fields)

        def attribute(name: str, key: str, value: str) -> Callable[[Realm], object]:
            return lambda realm: realm.client(name)["attributes"].update({key: value})

        scope = next(at for at, one in enumerate(reversed(package()["clientScopes"])) if one["name"] == "stuf:access")
        of_scope = "clientScopes.stuf:access.protocolMappers.all"
        stranger = {"id": "9", "clientId": "evil", "publicClient": True, "redirectUris": ["*"]}
        grant = "oauth2.device.authorization.grant.enabled"
        store = {"name": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider"}
        rights = "serviceAccount.realm-management"
        changes: tuple[tuple[Callable[[Realm], object], list[str]], ...] = (
            (lambda k: k.clients.append(stranger), ["clients.evil"]),
            (
                lambda k: (k.clients.append(stranger | {"serviceAccountsEnabled": True}),
                           k.rights.update(evil={"": {"admin"}})),
                ["clients.evil", "clients.evil.serviceAccount.admin"],
            ),
            (
                lambda k: k.rights.update({"stuf-api": {"realm-management": {"realm-admin"}}}),
                [f"clients.stuf-api.{rights}/realm-admin"],
            ),
            (
                lambda k: k.rights["stufpack-operator"]["realm-management"].add("manage-realm"),
                [f"clients.stufpack-operator.{rights}/manage-realm"],
            ),
            (lambda k: k.rights["stufpack-operator"].update({"": {"admin"}}),
             ["clients.stufpack-operator.serviceAccount.admin"]),
            (lambda k: k.grouped.add("stuf-api"), ["clients.stuf-api.serviceAccount.groups"]),
            (client("account", redirectUris=["*"], directAccessGrantsEnabled=True),
             ["clients.account.redirectUris", "clients.account.directAccessGrantsEnabled"]),
            (client("account-console", webOrigins=["*"]), ["clients.account-console.webOrigins"]),
            (client("account", redirectUris=[f"/admin/{REALM}/console/*"]), ["clients.account.redirectUris"]),
            (client("security-admin-console", rootUrl="https://evil.example"),
             ["clients.security-admin-console.rootUrl"]),
            (client("account", baseUrl="https://evil.example"), ["clients.account.baseUrl"]),
            (client("broker", publicClient=True), ["clients.broker.publicClient"]),
            (client("admin-cli", serviceAccountsEnabled=True), ["clients.admin-cli.serviceAccountsEnabled"]),
            (client("account", implicitFlowEnabled=True), ["clients.account.implicitFlowEnabled"]),
            (attribute("account", "post.logout.redirect.uris", "*"),
             ["clients.account.attributes.post.logout.redirect.uris"]),
            (client("stuf-spa", authenticationFlowBindingOverrides={"browser": "no-otp"}),
             ["clients.stuf-spa.authenticationFlowBindingOverrides"]),
            (client("account-console", authenticationFlowBindingOverrides={"browser": "no-otp"}),
             ["clients.account-console.authenticationFlowBindingOverrides"]),
            (client("stuf-api", authorizationServicesEnabled=True), ["clients.stuf-api.authorizationServicesEnabled"]),
            (client("stuf-spa", rootUrl="https://evil.example"), ["clients.stuf-spa.rootUrl"]),
            (client("stuf-api", adminUrl="https://evil.example"), ["clients.stuf-api.adminUrl"]),
            (attribute("stuf-spa", grant, "true"), [f"clients.stuf-spa.attributes.{grant}"]),
            (client("stuf-spa", protocolMappers=[HARDCODED]), ["clients.stuf-spa.protocolMappers.all"]),
            (client("account", protocolMappers=[HARDCODED]), ["clients.account.protocolMappers.all"]),
            (lambda k: k.scopes[scope]["protocolMappers"].append(HARDCODED), [of_scope]),
            (lambda k: k.inner_of.update({("account", "view-profile"): [("realm-management", "realm-admin")]}),
             ["clients.account.roles.view-profile.composites"]),
            (lambda k: k.inner_of["realm-management", "view-users"].append(("realm-management", "realm-admin")),
             ["clients.realm-management.roles.view-users.composites"]),
            (lambda k: k.inner_of["account", "manage-account"].append(("", "admin")),
             ["clients.account.roles.manage-account.composites"]),
            (lambda k: k.top.update(browserFlow="no-otp"), ["browserFlow"]),
            (lambda k: k.top.update(resetCredentialsFlow="open"), ["resetCredentialsFlow"]),
            (lambda k: k.top["attributes"].update(frontendUrl="https://evil.example"), ["attributes.frontendUrl"]),
            (lambda k: k.top.update(defaultGroups=["/all"]), ["defaultGroups"]),
            (lambda k: k.top.update(adminPermissionsEnabled=True), ["adminPermissionsEnabled"]),
            (lambda k: k.providers.append({"alias": "evil"}), ["identityProviders.evil"]),
            (lambda k: k.stores.append(store), ["userFederation.ldap"]),
            (lambda k: k.keys.append(key("rsa")), ["keys.rsa-of-realm"]),
            (lambda k: k.keys.append(key("java-keystore")), ["keys.java-keystore-of-realm"]),
            (has_scope("admin-cli", "evil", HARDCODED), ["clientScopes.evil"]),
            (has_scope("account", "evil", way="optional"), ["clientScopes.evil"]),
            (has_scope("stuf-spa", "service_account", HARDCODED), ["clientScopes.service_account.protocolMappers.all"]),
            (has_scope("admin-cli", "address", HARDCODED), ["clientScopes.address.protocolMappers.all"]),
            (has_scope("admin-cli", "phone", of_user("preferred_username", "nickname")),
             ["clientScopes.phone.protocolMappers.preferred_username"]),
            (has_scope("admin-cli", "organization", mapper("organization-membership", "collections")),
             ["clientScopes.organization.protocolMappers.collections"]),
            (has_scope("admin-cli", "microprofile-jwt", mapper("usermodel-client-role", "realm_access.roles")),
             ["clientScopes.microprofile-jwt.protocolMappers.realm_access.roles"]),
            (client("stuf-spa", protocolMappers=[note("collections", "anything")]),
             ["clients.stuf-spa.protocolMappers.collections"]),
        )  # fmt: skip
        for change, expected in changes:
            with self.subTest(expected):
                self.assertEqual(told(change), expected)

    def test_what_opens_nothing_is_not_told(self) -> None:
        grant = "oauth2.device.authorization.grant.enabled"

        def stated(realm: Realm) -> None:
            realm.client("stuf-spa").update(
                authenticationFlowBindingOverrides={}, protocolMappers=[note("clientId", "clientId")]
            )
            realm.client("stuf-spa")["attributes"][grant] = "false"
            realm.client("account").update(rootUrl="", name="${client_account}", fullScopeAllowed=True)
            realm.client("survey-robot").update(serviceAccountsEnabled=False)

        self.assertEqual(told(stated), [])

        def own_scopes(realm: Realm) -> None:
            for name in OWN_SCOPES.keys() - {one["name"] for one in package()["clientScopes"]}:
                has_scope("admin-cli", name, *OWN_SCOPES[name])(realm)
            # Somebody made it, and no client has it.
            realm.scopes.append({"name": "spare", "protocolMappers": [HARDCODED]})

        self.assertEqual(told(own_scopes), [])
        for name, mappers in OWN_SCOPES.items():
            self.assertEqual(openings.of_scope({"name": name, "protocolMappers": mappers}), [])


class Check(unittest.TestCase):
    def look(self, *refused: str, change: Callable[[Realm], object] = lambda realm: None) -> dict[str, Any]:
        realm = Realm()
        realm.refused = {*refused}
        change(realm)
        look = openings.Look(realm, package())
        look.all()
        found: dict[str, Any] = openings.check(look.found, look.unseen)
        return found

    def test_what_is_told_is_a_warning_of_names_alone(self) -> None:
        found = self.look(change=lambda realm: realm.providers.append({"alias": "evil", "config": {"secret": "x"}}))
        self.assertEqual((found["verdict"], found["observed"]), ("warn", "beside it: identityProviders.evil"))
        with self.subTest("a name cannot say anything else, and a long list is told by its length"):
            names = [f"clients.{number}" for number in range(14)]
            self.assertTrue(openings.check(names, [])["observed"].endswith("clients.11 and 2 more"))
            self.assertEqual(openings.check(["x\x1b[2J\n"], [])["observed"], 'beside it: "x\\u001b[2J\\n"')
            self.assertLess(len(openings.check(["x" * 5000], [])["observed"]), 120)

    def test_what_may_not_be_read_is_never_closed(self) -> None:
        next_step = "; next: ./migrate deploy, which gives it the rights"
        for path, what in (
            ("/identity-provider/instances", "identity providers"),
            ("/components", "user federation, keys"),
            ("/clients/account/roles", "roles of clients"),
            ("/users/stuf-api/role-mappings", "service accounts"),
            ("/client-scopes", "client scopes"),
            ("/clients", "clients"),
            ("", "the realm's settings"),
        ):
            with self.subTest(what):
                found = self.look(path)
                said = f"stufpack-operator may not look at {what}{next_step}"
                self.assertEqual((found["verdict"], found["observed"]), ("unverifiable", said))
        found = self.look("/components", change=lambda realm: realm.providers.append({"alias": "evil"}))
        said = f"beside it: identityProviders.evil; stufpack-operator may not look at user federation, keys{next_step}"
        self.assertEqual((found["verdict"], found["observed"]), ("unverifiable", said))


if __name__ == "__main__":
    unittest.main()
