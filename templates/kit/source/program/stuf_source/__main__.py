"""`stuf-source VERB` for root, `serve ID` for the forced command, `watch` for the timer.

Results are one JSON document on standard output (of `read`, a tar); people's lines go to standard error.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import moments, reading, request, settings
from .credentials import Issuer, Register
from .failure import Refused, SourceError
from .freezing import Doors
from .places import Places
from .request import Request

LOCAL = """usage: stuf-source VERB, as root; every verb but the last two can be asked for over SSH too:
  {verbs}
  admit FILE until TIME     lets the operator's public key in FILE ask for every verb over SSH, until then
  watch                     what the timer does: ends what has ended, opens what nobody renews
"""
#: What to do where the kit has not been told of this machine yet.
INSTALL = "as root, in the kit's folder: ./install SETTINGS"


def main(arguments: list[str], places: Places | None = None) -> int:
    """Runs a verb that root typed."""
    here = places or Places()
    os.umask(0o077)
    now = datetime.datetime.now(datetime.UTC)
    try:
        if arguments in ([], ["--help"]):
            print(LOCAL.format(verbs="\n  ".join(map(request.shown, request.FORMS))), end="")
            return 0
        given = settings.read(here.settings, INSTALL)
        if arguments == ["watch"]:
            return _watch(here, given, now)
        if arguments[0] == "admit" and len(arguments) == 4 and arguments[2] == "until":
            return _admit(here, given, arguments[1], arguments[3], now)
        asked = request.parse(" ".join(arguments).encode())
        return _perform(here, given, asked, "operator", "root", now)
    except SourceError as error:
        return _stopped(error)


def serve(arguments: list[str], asked: bytes | None, places: Places | None = None) -> int:
    """Answers one request that came over SSH; `arguments` is the credential's name, as sshd was told it."""
    here = places or Places()
    os.umask(0o077)
    now = datetime.datetime.now(datetime.UTC)
    identifier = "?"
    try:
        if len(arguments) != 1 or not request.is_identifier(arguments[0]):
            raise Refused("this program is called by sshd, with the name of a credential")
        identifier = arguments[0]
        credential = Register(here).valid(identifier, now)
        wanted = request.parse(asked)
        request.permit(credential.kind, identifier, wanted)
        return _perform(here, settings.read(here.settings, INSTALL), wanted, credential.kind, identifier, now)
    except SourceError as error:
        if isinstance(error, Refused):
            _note(here, identifier, "refused", error.code, now)
        return _stopped(error)


def _perform(
    here: Places, given: settings.Settings, asked: Request, kind: str, identifier: str, now: datetime.datetime
) -> int:
    code = 1
    try:
        if asked.verb == "read":
            reading.read(given.export)
        elif asked.verb == "status":
            _print(_status(here, given, kind, identifier))
        else:
            with here.locked():
                _print(_change(here, given, asked, now))
        code = 0
    except SourceError as error:
        code = error.code
        raise
    finally:
        _note(here, identifier, asked.verb, code, now)
    return code


def _change(here: Places, given: settings.Settings, asked: Request, now: datetime.datetime) -> dict[str, Any]:
    issuer = Issuer(here, given)
    if asked.kind is not None and asked.until is not None:
        return issuer.issue(asked.kind, asked.until, now)
    if asked.id is not None:
        issuer.revoke(asked.id, now)
        return {"revoked": asked.id}
    doors = Doors(here, given)
    if asked.host is not None:
        said = doors.redirect(asked.host, now)
    elif asked.verb == "freeze":
        said = doors.freeze(now)
    elif asked.verb == "renew":
        said = doors.renew(now)
    elif asked.verb == "unfreeze":
        said = doors.unfreeze(now)
    else:
        said = doors.restore(now)
    return {"state": said, "seen": doors.seen()}


def _status(here: Places, given: settings.Settings, kind: str, identifier: str) -> dict[str, Any]:
    doors = Doors(here, given)
    held = doors.state()
    every = [{"id": one.id, "kind": one.kind, "ends_at": one.ends_at} for one in Register(here).all()]
    frozen = None
    if held and not held.opening:
        frozen = {"since": held.since, "lease_until": held.lease_until, "redirect": held.redirect}
    # Who else may read is nobody's business who may only read.
    shown = [one for one in every if kind != "source-read" or one["id"] == identifier]
    return {
        "schema": 1,
        "installation": given.installation,
        "kit": (here.program / "kit.sha256").read_text(encoding="ascii").strip(),
        "frozen": frozen,
        "unsettled_until": held.unsettled_until if held else None,
        "seen": doors.seen(),
        "credentials": shown,
    }


def _watch(here: Places, given: settings.Settings, now: datetime.datetime) -> int:
    with here.locked():
        issuer = Issuer(here, given)
        codes = [_looked(here, now, lambda: Doors(here, given).watch(now))]
        codes += [_looked(here, now, partial(issuer.expire, name, now)) for name in Register(here).names()]
    return max(codes)


def _looked(here: Places, now: datetime.datetime, look: Callable[[], str | None]) -> int:
    """One look of the timer; whatever stops it stops no other, and is told without what it was about."""
    try:
        said = look()
    except SourceError as error:
        return _stopped(error)
    except Exception as error:
        return _stopped(SourceError(f"the timer could not do its work ({_kind(error)})"))
    if said is None:
        return 0
    print(said, file=sys.stderr)
    return 0 if _note(here, "watch", said, 0, now) else 1


def _admit(here: Places, given: settings.Settings, file: str, until: str, now: datetime.datetime) -> int:
    try:
        public = Path(file).read_text(encoding="utf-8")
        ends = moments.read(until)
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Refused("the end is no time such as 2026-12-19T21:04:00Z") from None
    with here.locked():
        admitted = Issuer(here, given).admit(public, ends, now)
    _note(here, "root", "admit", 0, now)
    _print({"admitted": admitted.id, "ends_at": admitted.ends_at})
    return 0


def _note(here: Places, identifier: str, what: str, code: int, now: datetime.datetime) -> bool:
    """One line of the log: who asked for what, and how it ended; never what came with it. A full disk stops no verb."""
    entry = {"at": moments.shown(now), "by": identifier, "what": what, "exit": code}
    try:
        with (here.state / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError as error:
        print(f"error: the log could not be written ({_kind(error)})", file=sys.stderr)
        return False
    return True


def _kind(error: Exception) -> str:
    return type(error).__name__ + (f": {error.strerror}" if isinstance(error, OSError) and error.strerror else "")


def _print(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1), flush=True)


def _stopped(error: SourceError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.code
