"""What may be asked for, and by whom. No shell reads a request: it is one of these forms as a whole, or refused."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from . import moments
from .failure import Refused

#: No form is longer, so nothing longer is looked at.
LONGEST = 200
UNTIL = r"(?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"
IDENTIFIER = r"(?:read|cutover|operator)-[0-9a-f]{8}"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: A host name with a dot: `localhost` and addresses lead nobody to a new home.
HOST = rf"(?P<host>(?=[a-z0-9.-]{{4,253}}$)(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?)"
FORMS = {
    "status": "",
    "read": "",
    "issue": rf" (?P<kind>source-read|source-cutover) until {UNTIL}",
    "revoke": rf" (?P<id>{IDENTIFIER})",
    "freeze": "",
    "renew": "",
    "unfreeze": "",
    "redirect": rf" to {HOST}",
    "restore": "",
}
KNOWN = re.compile("|".join(f"(?:{verb})(?:$| )" for verb in FORMS))
#: What each kind of credential may ask for. Root on this machine is the operator.
ALLOWED = {
    "source-read": ("status", "read"),
    "source-cutover": ("status", "read", "revoke", "freeze", "renew", "unfreeze", "redirect", "restore"),
    "operator": tuple(FORMS),
}


@dataclass(frozen=True)
class Request:
    """One verb and what belongs to it."""

    verb: str
    kind: str | None = None
    until: datetime.datetime | None = None
    id: str | None = None
    host: str | None = None


def parse(given: bytes | None) -> Request:
    """Reads a request as it came; whatever is not exactly one of the forms is refused, and is not repeated."""
    if not given:
        raise Refused("no verb was asked for, and there is no shell here")
    # ASCII alone, so that `$`, `\d` and a newline at the end cannot mean more than they say.
    if len(given) > LONGEST or not given.isascii() or not given.decode("ascii").isprintable():
        raise Refused("the request is too long, or holds characters that no request has")
    text = given.decode("ascii")
    found = KNOWN.match(text)
    if found is None:
        raise Refused(f"there is no such verb; there are: {', '.join(FORMS)}")
    verb = found[0].rstrip(" ")
    rest = re.fullmatch(FORMS[verb], text[len(verb) :])
    if rest is None:
        raise Refused(f"{verb} was asked for in another form than: {shown(verb)}")
    parts = rest.groupdict()
    return Request(verb, parts.get("kind"), _time(parts.get("until")), parts.get("id"), parts.get("host"))


def permit(kind: str, identifier: str, request: Request) -> None:
    """Refuses what a credential of this kind and name may not ask for."""
    if request.verb not in ALLOWED[kind]:
        raise Refused(f"{kind} may not {request.verb}; it may: {', '.join(ALLOWED[kind])}")
    # Whoever cuts over ends what the migration was given, and never what the operator steps in with.
    own = request.id == identifier or str(request.id).startswith("read-")
    if request.verb == "revoke" and kind != "operator" and not own:
        raise Refused(f"{kind} may revoke itself and credentials that read, and no others")


def is_identifier(text: str) -> bool:
    """Whether a text has the form of a credential's name."""
    return re.fullmatch(IDENTIFIER, text) is not None


def shown(verb: str) -> str:
    """The form of a verb, for people."""
    words = {
        "issue": "issue source-read|source-cutover until 2026-12-19T21:04:00Z",
        "revoke": "revoke ID, such as read-1a2b3c4d",
        "redirect": "redirect to HOST, such as files.example.org",
    }
    return words.get(verb, verb)


def _time(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        return moments.read(text)
    except ValueError:
        raise Refused("there is no such time") from None
