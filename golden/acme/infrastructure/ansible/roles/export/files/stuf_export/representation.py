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
    "directAccessGrantsEnabled", "standardFlowEnabled", "implicitFlowEnabled", "fullScopeAllowed",
)  # fmt: skip
# What leads a client elsewhere, or lets it do more; told where there is something to tell.
CLIENT_FURTHER = (
    "rootUrl", "baseUrl", "adminUrl", "authorizationServicesEnabled", "consentRequired", "surrogateAuthRequired",
)  # fmt: skip
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
MAPPER_FIELDS = ("name", "identityProviderAlias", "identityProviderMapper")
ACTION_FIELDS = ("alias", "name", "providerId", "enabled", "defaultAction")
# Components of this type bring people from a directory elsewhere.
FEDERATION = "org.keycloak.storage.UserStorageProvider"
SECOND_FACTOR = "CONFIGURE_TOTP"
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
    """A client, with what may have opened it."""
    shown = _fields(client, CLIENT_FIELDS) | {key: client[key] for key in CLIENT_FURTHER if client.get(key)}
    shown |= {key: sorted(client.get(key) or []) for key in CLIENT_LISTS}
    # Flows of its own to sign in by, in place of the realm's.
    flows = texts(
        {name: flow for name, flow in (client.get("authenticationFlowBindingOverrides") or {}).items() if flow}
    )
    shown |= {"authenticationFlowBindingOverrides": flows} if flows else {}
    attributes = {key: value for key, value in texts(client.get("attributes")).items() if "secret" not in key}
    return shown | {"attributes": attributes, "protocolMappers": _mappers(client.get("protocolMappers"))}


def _fields(found: Representation, names: Iterable[str]) -> Representation:
    return {key: found[key] for key in names if found.get(key) is not None}


def provider_of(provider: Representation) -> Representation:
    """Another place from which people sign in."""
    return _fields(provider, PROVIDER_FIELDS) | {"config": texts(provider.get("config"))}


def mapper_of(mapper: Representation) -> Representation:
    """What such a place says of people, and what they come to hold by it."""
    return _fields(mapper, MAPPER_FIELDS) | {"config": texts(mapper.get("config"))}


def action_of(action: Representation) -> Representation:
    """Something that people may have to do before they are signed in."""
    return _fields(action, ACTION_FIELDS)


def federation_of(component: Representation) -> Representation:
    """A directory elsewhere; its settings, which hold what it is asked with, stay where they are."""
    return _fields(component, ("name", "providerId"))


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


def has_second_factor(user: Representation, asked: bool) -> bool:
    """Whether a user cannot sign in by a password alone; `asked`: the realm lets people set up what they owe."""
    owes = asked and SECOND_FACTOR in (user.get("requiredActions") or [])
    return not user.get("enabled") or bool(user.get("totp")) or owes


def collections_of(user: Representation) -> dict[str, list[str]] | None:
    """What a user may do by collection, as tokens will say it; `None` where the attribute is no such thing."""
    values = user["attributes"].get("collections") or ["{}"]
    try:
        found = json.loads(values[0])
        return {str(name): [str(word) for word in words] for name, words in sorted(found.items())}
    except (ValueError, TypeError, AttributeError):
        return None
