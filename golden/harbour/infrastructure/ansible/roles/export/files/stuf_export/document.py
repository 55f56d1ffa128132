"""The export's document, put together from what was read.

Who holds what: access (status, roles, collections, address) is Keycloak's, since tokens decide; a user's id, name and
phone number, and every setting that no service reads, stand in the bucket's documents; looks are what the proxy serves;
images, ports, TLS and origins are what was seen. Where a document says otherwise than the service that acts, the
service is right, and the difference is counted for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .failure import ExportError
from .representation import Representation, collections_of
from .rights import OWN_ROLES

Document = dict[str, Any]
API_VERSION = "stufpack.dev/v1"
EXPORTER = "stuf-kit 1.0.0"
PERMISSIONS = ("read", "write", "delete")


@dataclass
class Sources:
    """Everything that was read, and what of it contradicts itself."""

    installation: str
    configuration: Document
    fields: Document
    readers: Document | None
    users: list[Document]
    realm: Representation
    ids: dict[str, str]
    storage: Document
    branding: Document
    exposure: Document
    release: Document
    images: dict[str, str]
    notes: list[str] = field(default_factory=list)


def document(sources: Sources, exported_at: str, objects: int, size: int, salt: str) -> Document:
    """The export's document."""
    try:
        spec = _spec(sources)
    except (KeyError, TypeError, AttributeError) as error:
        raise ExportError(
            f"a document in the bucket lacks what an export needs: {type(error).__name__} {error}"
        ) from None
    content = {"objects": objects, "bytes": size}
    return {
        "apiVersion": API_VERSION,
        "kind": "StufExport",
        "metadata": {"exportedAt": exported_at, "exporter": EXPORTER, "installation": sources.installation},
        "spec": spec | {"content": content, "salt": salt},
    }


def _spec(sources: Sources) -> Document:
    configuration = sources.configuration
    project, glass = configuration["project"], configuration["glass"]
    readers = (sources.readers or {}).get("github") or []
    return {
        "project": {key: project[key] for key in ("slug", "name", "description")},
        "hostedUrl": configuration["url"],
        "storage": sources.storage,
        "collections": {
            one["name"]: {"description": one.get("description") or ""} for one in configuration["collections"]
        },
        "users": _users(sources),
        "notifications": _notifications(configuration["notifications"]),
        "branding": sources.branding,
        "metadataFields": {one["name"]: _field(one) for one in sources.fields["fields"]},
        "glass": {"repository": glass["repository"], "readers": sorted(readers)},
        "exposure": sources.exposure,
        "application": _application(sources),
    }


def _notifications(found: Document) -> Document:
    shown: Document = {}
    if zulip := found.get("zulip"):
        names = {"site": "site", "channel": "channel", "topic": "topic", "botEmail": "bot_email"}
        shown["zulip"] = {ours: zulip[theirs] for ours, theirs in names.items()}
    if sentry := found.get("sentry"):
        # The DSN is a secret and stays where it is.
        shown["sentry"] = {"environment": sentry["environment"]} if sentry.get("environment") is not None else {}
    return shown


def _field(found: Document) -> Document:
    return {
        "enabled": found["enabled"],
        "required": found["required"],
        "options": found["options"],
        "allowUnknown": found["allow_unknown"],
        "allowOther": found["allow_other"],
    }


def _application(sources: Sources) -> Document:
    release = sources.release
    for service, image in sorted(sources.images.items()):
        if release["images"].get(service) != image:
            sources.notes.append(f"{service} runs another image than the release document names")
    return {
        "version": release["version"],
        "commit": release["commit"],
        "release": dict(sorted((release["images"] | sources.images).items())),
    }


def _users(sources: Sources) -> Document:
    people = [user for user in sources.realm["users"] if "serviceAccountClientId" not in user]
    by_address = {str(user.get("email") or user["username"]).lower(): user for user in people}
    found: Document = {}
    differing = 0
    met = set()
    for listed in sources.users:
        address = str(listed["email"]).lower()
        person = by_address.get(address)
        found[listed["id"]] = merged = _user(listed, person)
        met.add(address)
        differing += person is not None and any(merged[key] != shown for key, shown in _access(listed).items())
    unlisted = [user for address, user in sorted(by_address.items()) if address not in met]
    for user in unlisted:
        # Their next document is named by this too, so the id stays.
        identifier = sources.ids[user["username"]]
        found[identifier] = _user({"id": identifier, "email": user.get("email") or "", "name": _name(user)}, user)
    absent = len(met - set(by_address))
    for count, text in (
        (
            differing,
            "users whose documents have another status, other roles or collections than the realm, which decides",
        ),
        (len(unlisted), "users of the realm without a document"),
        (absent, "users with a document who are not in the realm"),
    ):
        if count:
            sources.notes.append(f"{text}: {count} of {len(found)}")
    return dict(sorted(found.items()))


def _name(user: Representation) -> str:
    return " ".join(part for part in (user.get("firstName"), user.get("lastName")) if part) or str(user["username"])


def _access(listed: Document) -> Document:
    """What a document says of a user's access, in the form of an export."""
    return {
        "status": listed["status"],
        "roles": sorted(listed["roles"]),
        "collections": _collections(listed["collections"]),
    }


def _collections(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Permissions in their usual order; words that are none stay for the check to find."""
    order = {word: place for place, word in enumerate(PERMISSIONS)}
    return {name: sorted(words, key=lambda word: order.get(word, 9)) for name, words in sorted(found.items())}


def _user(listed: Document, person: Representation | None) -> Document:
    shown: Document = {"email": listed["email"], "name": listed["name"]}
    phone = listed.get("phone") or next(iter((person or {"attributes": {}})["attributes"].get("phone") or []), None)
    if phone:
        shown["phone"] = phone
    if person is None:
        return shown | _access(listed)
    return shown | {
        "email": person.get("email") or listed["email"],
        "status": "active" if person.get("enabled") else "disabled",
        "roles": [role for role in person["realmRoles"] if role not in OWN_ROLES],
        "collections": _collections(collections_of(person) or {}),
    }
