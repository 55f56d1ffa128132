"""Two verbs: `read` writes an export as a tar, `place` makes its folder. People's lines go to standard error."""

from __future__ import annotations

import argparse
import datetime
import os
import secrets
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from stufpack_answers import Listed

from . import archive, documents, machine, outside, pages, settings
from .archive import Gate, Inventory
from .document import Sources, document
from .failure import ExportError
from .identity import Identity
from .representation import BUILT_IN
from .storage import Head, Store

WORKERS = 16
# Objects that are looked at together; their answers wait in memory.
WINDOW = 2048


def main() -> int:
    """Runs one verb."""
    parser = argparse.ArgumentParser(prog="stuf_export", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    read = verbs.add_parser("read", help="read what runs and write a tar")
    read.add_argument("--config", required=True)
    read.add_argument("--out", help="a new file; without it, standard output")
    place = verbs.add_parser("place", help="make the export's folder from a tar")
    place.add_argument("--tar", required=True)
    place.add_argument("--into", required=True)
    place.add_argument("--number", type=int, required=True)
    given = parser.parse_args()
    os.umask(0o077)
    try:
        if given.verb == "place":
            print(archive.place(given.tar, given.into, given.number))
        else:
            _read(settings.read(given.config), given.out)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _read(given: settings.Settings, out: str | None) -> None:
    with tempfile.TemporaryFile() as spool:
        written, notes = export(given, spool)
        files, moment, counts = written
        if out is None:
            archive.write(sys.stdout.buffer, files, spool, moment)
            sys.stdout.buffer.flush()
        else:
            _whole(out, files, spool, moment)
    print(counts, *notes, sep="\n", file=sys.stderr)


def _whole(out: str, files: dict[str, bytes], spool: IO[bytes], moment: int) -> None:
    """Writes the file, or leaves none."""
    try:
        with archive.create(out) as file:
            archive.write(file, files, spool, moment)
    except BaseException:
        Path(out).unlink(missing_ok=True)
        raise


def export(given: settings.Settings, spool: IO[bytes]) -> tuple[tuple[dict[str, bytes], int, str], list[str]]:
    """Everything of an export but its inventory, which goes to `spool`; then the notes for people."""
    here = machine.Machine(given.machine.project)
    realm = Identity(given.identity, here.resolved(given.identity.url)).read(given.installation)
    store = Store(given.storage, here.resolved(given.storage.endpoint))
    gate = Gate([*realm.secrets, *store.secrets])
    branding = pages.read(given.machine.pages)
    on_this_machine = given.storage.provider == "garage"
    at_rest = here.encryption(given.machine.data) if on_this_machine else store.encryption(documents.CONFIG)
    sources = Sources(
        installation=given.installation,
        configuration=documents.required(store, documents.CONFIG),
        fields=documents.required(store, documents.FIELDS),
        readers=documents.read(store, documents.READERS),
        users=documents.users(store, [listed.key for listed in store.objects(documents.USERS)]),
        realm=realm.realm,
        ids=realm.ids,
        storage={
            "provider": given.storage.provider,
            "bucket": given.storage.bucket,
            "region": given.storage.region,
            "encryption": at_rest,
            # Garage keeps no earlier versions and has no word for it.
            "versioning": not on_this_machine and store.versioning(documents.CONFIG),
        },
        branding=branding.settings,
        exposure=_exposure(given, here, realm.realm, at_rest, realm.second_factor),
        release=machine.release(given.machine.release),
        images=here.images(given.machine.spa_volume),
    )
    inventory = Inventory(spool, gate)
    gone = _list(store, inventory, given.sha256)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    made = document(
        sources, now.strftime("%Y-%m-%dT%H:%M:%SZ"), inventory.objects, inventory.bytes, secrets.token_hex(32)
    )
    files = {archive.DOCUMENT: archive.rendered(made), archive.REALM: archive.rendered(realm.realm), **branding.files}
    for name, content in files.items():
        gate.passed(name, content)
    numbers = {"user": len(made["spec"]["users"]), "collection": len(made["spec"]["collections"])}
    numbers["object"] = inventory.objects
    words = (f"{number} {name}" if number == 1 else f"{number} {name}s" for name, number in numbers.items())
    counts = f"{', '.join(words)} of {inventory.bytes} bytes"
    left_out = [f"objects deleted while they were read, and left out: {gone}"] if gone else []
    if realm.visitors:
        left_out.append(f"users of a validation, left out: {realm.visitors}; ./migrate verify removes them")
    return (files, int(now.timestamp()), counts), [*sources.notes, *left_out]


def _exposure(
    given: settings.Settings, here: machine.Machine, realm: dict[str, Any], at_rest: str, second_factor: bool
) -> dict[str, Any]:
    name, address, port = given.installation, given.outside.address, given.outside.port
    signing_in = [
        client
        for client in realm["clients"]
        if client["clientId"] not in BUILT_IN and client.get("publicClient") and client.get("standardFlowEnabled")
    ]
    return {
        "ports": here.ports(),
        "origins": outside.origins(name, address, port),
        "redirectUris": sorted({uri for client in signing_in for uri in client["redirectUris"]}),
        "factors": ["password", *(["totp"] if second_factor else [])],
        "encryptionInTransit": outside.transit(name, address, port),
        "encryptionAtRest": at_rest,
    }


def _list(store: Store, inventory: Inventory, sha256: bool) -> int:
    """Lists every object, and looks at many at once for what a listing leaves out; how many were deleted meanwhile."""

    def look(listed: Listed) -> tuple[Listed, Head | None, str | None]:
        # Reading may take hours; the next run, or `abort`, has removed the folder of one that was interrupted.
        if Path().stat().st_nlink == 0:
            raise ExportError("its folder was removed, so nobody waits for this export any more")
        head = store.head(listed.key)
        return listed, head, store.digest(listed.key) if sha256 and head is not None else None

    gone, known = 0, False
    with ThreadPoolExecutor(WORKERS) as workers:
        window: list[Listed] = []
        for listed in store.objects():
            known = known or listed.key == documents.CONFIG
            if documents.is_content(listed.key):
                window.append(listed)
            if len(window) == WINDOW:
                gone += _add(store, inventory, workers.map(look, window), sha256)
                window.clear()
        gone += _add(store, inventory, workers.map(look, window), sha256)
    # An empty answer is no empty bucket, since this one was read from it a moment ago.
    if not known:
        raise ExportError(f"the storage's listing lacks {documents.CONFIG}, which it gives; {documents.LOST}")
    inventory.close()
    return gone


def _add(store: Store, inventory: Inventory, looked: Any, sha256: bool) -> int:
    """Adds what was looked at; how many of it are gone."""
    gone = 0
    for listed, head, digest in looked:
        # What was deleted since the listing is no part of the content any more; what is listed still is lost.
        if head is None or (sha256 and digest is None):
            if store.lists(listed.key):
                raise ExportError(f"the storage lists an object and does not give it; {documents.LOST}")
            gone += 1
            continue
        row = {"key": listed.key, "size": listed.size, "modified": listed.modified, "content_type": head.content_type}
        inventory.add(row | ({"sha256": digest} if digest else {}) | {"metadata": head.metadata})
    return gone


if __name__ == "__main__":
    sys.exit(main())
