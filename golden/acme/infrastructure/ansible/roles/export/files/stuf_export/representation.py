"""What an export takes of Keycloak's representations, in the same form: no credential, nothing that is made anew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Representation = dict[str, Any]
# Clients that Keycloak makes in every realm.
BUILT_IN = ("account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console")
# The collection in which validations and Trust Architects upload.
VALIDATION = "stufpack-validation"
TRUST_ARCHITECT = "trust-architect"

CLIENT_FIELDS = (
    "clientId", "name", "description", "enabled", "publicClient", "bearerOnly", "serviceAccountsEnabled",
    "directAccessGrantsEnabled", "standardFlowEnabled", "implicitFlowEnabled",
)  # fmt: skip
# What leads a built-in client elsewhere, or lets it do more than Keycloak made it for.
BUILT_IN_FIELDS = ("rootUrl", "baseUrl", "adminUrl", "authorizationServicesEnabled")
CLIENT_LISTS = ("redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes")
PROVIDER_FIELDS = (
    "alias",
    "displayName",
    "providerId",
    "enabled",
    "trustEmail",
    "linkOnly",
    "firstBrokerLoginFlowAlias",
)
USER_FIELDS = ("username", "email", "firstName", "lastName", "enabled", "emailVerified")
# As src/check/realm/rules.rs has them: names of credentials, and of settings about credentials.
CREDENTIALS = (
    "secret", "password", "passwd", "passphrase", "privatekey", "apikey", "accesskey", "token", "authorization",
)  # fmt: skip
ABOUT = ("lifespan", "policy", "algorithm", "expir", "rotation", "grant", "signedresponse")
ABOUT_AT_END = (
    "time", "size", "type", "format", "url", "uri", "uris", "enabled", "alg", "enc", "mode", "method", "claim", "scope",
    "header", "settings", "clientid",
)  # fmt: skip
SWITCHES = ("", "true", "false", "on", "off")


def is_credential(name: str) -> bool:
    """Whether a value of this name is a credential."""
    word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    like_one = word.endswith("credential") or any(part in word for part in CREDENTIALS)
    return like_one and not any(part in word for part in ABOUT) and not word.endswith(ABOUT_AT_END)


def carried(key: str, value: Any) -> bool:
    """Whether a setting of the realm is taken: plain values only, and no credential."""
    return isinstance(value, (str, int, bool)) and not (is_credential(key) and str(value).lower() not in SWITCHES)


def texts(values: Any) -> dict[str, Any]:
    """A map without the entries that are credentials by their names."""
    return {key: value for key, value in sorted((values or {}).items()) if carried(key, value)}


def named(found: Iterable[Representation]) -> list[Representation]:
    """By their names, since Keycloak lists them in an order of its own."""
    return sorted(found, key=lambda one: str(one["name"]))


def _mappers(found: Any) -> list[Representation]:
    mappers = []
    for mapper in found or []:
        config = texts(mapper.get("config"))
        # A fixed value that is written into tokens, under a name that stands beside it.
        fixed = str(config.get("claim.name") or config.get("attribute.name") or "")
        if is_credential(fixed):
            config = {key: value for key, value in config.items() if key not in ("claim.value", "attribute.value")}
        shown = {key: mapper[key] for key in ("name", "protocol", "protocolMapper", "consentRequired") if key in mapper}
        mappers.append(shown | {"config": config})
    return named(mappers)


def scope_of(scope: Representation) -> Representation:
    """A client scope with its mappers."""
    shown = {key: scope[key] for key in ("name", "description", "protocol") if scope.get(key)}
    return shown | {
        "attributes": texts(scope.get("attributes")),
        "protocolMappers": _mappers(scope.get("protocolMappers")),
    }


def client_of(client: Representation) -> Representation:
    """A client; of Keycloak's own also what may have opened it."""
    fields = CLIENT_FIELDS + (BUILT_IN_FIELDS if client["clientId"] in BUILT_IN else ())
    shown = {key: client[key] for key in fields if client.get(key) is not None}
    shown |= {key: sorted(client.get(key) or []) for key in CLIENT_LISTS}
    attributes = {key: value for key, value in texts(client.get("attributes")).items() if "secret" not in key}
    return shown | {"attributes": attributes, "protocolMappers": _mappers(client.get("protocolMappers"))}


def provider_of(provider: Representation) -> Representation:
    """Another place from which people sign in."""
    shown = {key: provider[key] for key in PROVIDER_FIELDS if provider.get(key) is not None}
    return shown | {"config": texts(provider.get("config"))}


def user_of(user: Representation, rights: Representation) -> Representation:
    """A user with the rights that were read of them."""
    shown = {key: user[key] for key in USER_FIELDS if user.get(key) is not None}
    attributes = {key: value for key, value in sorted((user.get("attributes") or {}).items()) if not is_credential(key)}
    held = collections_of({"attributes": attributes})
    # The import gives it to them, and to nobody else: with another user it is shown.
    if held and TRUST_ARCHITECT in rights["realmRoles"] and held.pop(VALIDATION, None):
        attributes["collections"] = [json.dumps(held, separators=(",", ":"))]
    account = user.get("serviceAccountClientId")
    return shown | {"attributes": attributes} | rights | ({"serviceAccountClientId": account} if account else {})


def has_second_factor(user: Representation) -> bool:
    """Whether a user cannot sign in by a password alone."""
    return not user.get("enabled") or bool(user.get("totp")) or "CONFIGURE_TOTP" in (user.get("requiredActions") or [])


def collections_of(user: Representation) -> dict[str, list[str]] | None:
    """What a user may do by collection, as tokens will say it; `None` where the attribute is no such thing."""
    values = user["attributes"].get("collections") or ["{}"]
    try:
        found = json.loads(values[0])
        return {str(name): [str(word) for word in words] for name, words in sorted(found.items())}
    except (ValueError, TypeError, AttributeError):
        return None
