"""`stuf-source VERB` for root, `serve ID` for the forced command, `watch` for the timer.

Results are one JSON document on standard output (of `read`, a tar); people's lines go to standard error.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

from . import reading, request, settings
from .credentials import TIME, Issuer, Register
from .failure import Refused, SourceError
from .freezing import Doors
from .places import Places
from .request import Request

LOCAL = """usage: stuf-source VERB, as root; every verb but the last two can be asked for over SSH too:
  {verbs}
  admit FILE until TIME     lets the operator's public key in FILE ask for every verb over SSH, until then
  watch                     what the timer does: ends what has ended, opens what nobody renews
"""


def main(arguments: list[str], places: Places | None = None) -> int:
    """Runs a verb that root typed."""
    here = places or Places()
    os.umask(0o077)
    now = datetime.datetime.now(datetime.UTC)
    try:
        if arguments in ([], ["--help"]):
            print(LOCAL.format(verbs="\n  ".join(map(request.shown, request.FORMS))), end="")
            return 0
        given = settings.read(here.settings)
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
        request.permit(credential.kind, wanted)
        return _perform(here, settings.read(here.settings), wanted, credential.kind, identifier, now)
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
        said = doors.redirect(asked.host)
    elif asked.verb == "freeze":
        said = doors.freeze(now)
    elif asked.verb == "renew":
        said = doors.renew(now)
    elif asked.verb == "unfreeze":
        said = doors.unfreeze()
    else:
        said = doors.restore(now)
    return {"state": said, "seen": doors.seen()}


def _status(here: Places, given: settings.Settings, kind: str, identifier: str) -> dict[str, Any]:
    doors = Doors(here, given)
    held = doors.state()
    every = [{"id": one.id, "kind": one.kind, "ends_at": one.ends_at} for one in Register(here).all()]
    # Who else may read is nobody's business who may only read.
    shown = [one for one in every if kind != "source-read" or one["id"] == identifier]
    return {
        "schema": 1,
        "installation": given.installation,
        "kit": (here.program / "kit.sha256").read_text(encoding="ascii").strip(),
        "frozen": {"since": held.since, "lease_until": held.lease_until, "redirect": held.redirect} if held else None,
        "seen": doors.seen(),
        "credentials": shown,
    }


def _watch(here: Places, given: settings.Settings, now: datetime.datetime) -> int:
    code = 0
    with here.locked():
        for work in (_open_again, _expire):
            # Neither keeps the other from being done.
            try:
                said = work(here, given, now)
            except SourceError as error:
                code = max(code, _stopped(error))
                continue
            if said:
                print(said, file=sys.stderr)
                _note(here, "watch", said, 0, now)
    return code


def _open_again(here: Places, given: settings.Settings, now: datetime.datetime) -> str | None:
    return Doors(here, given).watch(now)


def _expire(here: Places, given: settings.Settings, now: datetime.datetime) -> str | None:
    ended = Issuer(here, given).expire(now)
    return f"ended: {', '.join(ended)}" if ended else None


def _admit(here: Places, given: settings.Settings, file: str, until: str, now: datetime.datetime) -> int:
    try:
        public = Path(file).read_text(encoding="utf-8")
        ends = datetime.datetime.strptime(until, TIME).replace(tzinfo=datetime.UTC)
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Refused("the end is no time such as 2026-12-19T21:04:00Z") from None
    with here.locked():
        admitted = Issuer(here, given).admit(public, ends, now)
    _note(here, "root", "admit", 0, now)
    _print({"admitted": admitted.id, "ends_at": admitted.ends_at})
    return 0


def _note(here: Places, identifier: str, what: str, code: int, now: datetime.datetime) -> None:
    """One line of the log: who asked for what, and how it ended; never what came with it."""
    entry = {"at": now.strftime(TIME), "by": identifier, "what": what, "exit": code}
    with (here.state / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _print(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1), flush=True)


def _stopped(error: SourceError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.code
