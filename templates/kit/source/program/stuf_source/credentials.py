"""Credentials: each an SSH key with a forced command, `source-read` with a storage key too, all with an end.

The register in `credentials/` says what there is; the file for sshd is made from it, whole, after each change.
"""

from __future__ import annotations

import contextlib
import datetime
import grp
import json
import re
import secrets
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import moments
from .failure import Refused, SourceError
from .places import ACCOUNT, Places, rendered, write
from .settings import Settings
from .store import Store

#: Longer than any migration; whoever needs more asks again.
LONGEST = datetime.timedelta(days=90)
KEY = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp256) ([A-Za-z0-9+/]{20,400}={0,2})")


@dataclass(frozen=True)
class Credential:
    """One line of the register; nothing in it is secret."""

    id: str
    kind: str
    ends_at: str
    public_key: str
    storage_user: str | None

    def ended(self, now: datetime.datetime) -> bool:
        """Whether nothing may be asked for with it any more."""
        return now >= moments.read(self.ends_at)

    def line(self) -> str:
        """What sshd is told: nothing but the one program, and nothing at all after the end."""
        ends = re.sub("[-:T]", "", self.ends_at)
        command = f"/usr/bin/sudo -n /usr/local/lib/stuf-source/serve {self.id}"
        return f'restrict,expiry-time="{ends}",command="{command}" {self.public_key} {self.id}\n'


class Register:
    """Every credential that is valid or has still to be taken away."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._folder = places.state / "credentials"

    def names(self) -> list[str]:
        """The name of every credential, of those too whose entry is broken."""
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def all(self) -> list[Credential]:
        """Every credential whose entry can be read, by name; nobody gets in by one that is broken."""
        found = []
        for name in self.names():
            with contextlib.suppress(SourceError):
                found.append(self.read(name))
        return found

    def valid(self, identifier: str, now: datetime.datetime) -> Credential:
        """The credential of that name, if it may still be used."""
        if identifier not in self.names():
            raise Refused("there is no such credential, or it was revoked")
        found = self.read(identifier)
        if found.ended(now):
            raise Refused(f"the credential {found.id} ended at {found.ends_at}; next: ask the operator for a new one")
        return found

    def keep(self, credential: Credential) -> None:
        """Adds one."""
        write(self._folder / f"{credential.id}.json", rendered(asdict(credential)))

    def forget(self, identifier: str) -> None:
        """Takes one out."""
        (self._folder / f"{identifier}.json").unlink()

    def publish(self, now: datetime.datetime) -> None:
        """Writes the file for sshd, without what has ended."""
        lines = "".join(found.line() for found in self.all() if not found.ended(now))
        try:
            group = grp.getgrnam(ACCOUNT).gr_gid
        except KeyError:
            raise SourceError(f"there is no group {ACCOUNT}; next: ./install SETTINGS") from None
        write(self._places.authorized_keys, lines, 0o640, group)

    def read(self, identifier: str) -> Credential:
        """The credential of that name, ended or not."""
        try:
            found = Credential(**json.loads((self._folder / f"{identifier}.json").read_text(encoding="utf-8")))
            moments.read(found.ends_at)
        except (OSError, ValueError, TypeError):
            raise SourceError(
                f"the register's entry of {identifier} is broken; next: stuf-source revoke {identifier}"
            ) from None
        return found


class Issuer:
    """Gives credentials out and takes them back."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self._places = places
        self._settings = settings
        self._register = Register(places)

    def issue(self, kind: str, until: datetime.datetime, now: datetime.datetime) -> dict[str, Any]:
        """Makes a credential; its private halves are in the answer and nowhere else."""
        storage = self._settings.storage
        if kind == "source-read":
            if storage is None:
                raise Refused("the settings name no storage whose keys could be made here")
            storage.boundary()
        identifier = _named(kind.removeprefix("source-"), until, now)
        private, public = _key_pair(identifier)
        ends_at = moments.shown(until)
        user = _storage_user(identifier) if kind == "source-read" else None
        credential = Credential(identifier, kind, ends_at, public, user)
        # Written down before it is made: whatever stops here, its end still takes it away.
        self._register.keep(credential)
        made: dict[str, Any] | None = None
        if storage is not None and user is not None:
            try:
                reader = Store(storage).add_reader(user, ends_at)
            except SourceError:
                self._take(credential, now)
                raise
            made = {
                "provider": "aws-s3",
                "endpoint": storage.endpoint,
                "region": storage.region,
                "bucket": storage.bucket,
                "access_key_id": reader.access_key,
                "secret_access_key": reader.secret_key,
                "ca": storage.ca,
            }
        self._register.publish(now)
        return {
            "schema": 1,
            "kind": kind,
            "installation": self._settings.installation,
            "ends_at": ends_at,
            "ssh": {
                "host": self._settings.ssh.host,
                "port": self._settings.ssh.port,
                "user": ACCOUNT,
                "host_keys": host_keys(self._places),
                "private_key": private,
            },
            **({"storage": made} if made else {}),
        }

    def admit(self, public_key: str, until: datetime.datetime, now: datetime.datetime) -> Credential:
        """Lets a key of the operator ask for every verb."""
        found = KEY.match(public_key)
        if found is None:
            raise Refused("the file is no public key of type Ed25519 or ECDSA P-256")
        admitted = Credential(_named("operator", until, now), "operator", moments.shown(until), found[0], None)
        self._register.keep(admitted)
        self._register.publish(now)
        return admitted

    def revoke(self, identifier: str, now: datetime.datetime) -> None:
        """Takes a credential away: first its line for sshd, then its storage key, last its entry."""
        if identifier not in self._register.names():
            raise Refused("there is no such credential, or it was revoked before")
        try:
            found = self._register.read(identifier)
        except SourceError:
            # Its name tells what there is to take away.
            user = _storage_user(identifier) if identifier.startswith("read-") else None
            found = Credential(identifier, "broken", moments.shown(now), "", user)
        self._take(found, now)

    def expire(self, identifier: str, now: datetime.datetime) -> str | None:
        """Takes a credential away if it has ended; says so."""
        found = self._register.read(identifier)
        if not found.ended(now):
            return None
        self._take(found, now)
        return f"ended: {identifier}"

    def _take(self, credential: Credential, now: datetime.datetime) -> None:
        ended = Credential(**{**asdict(credential), "ends_at": min(credential.ends_at, moments.shown(now))})
        if ended != credential:
            self._register.keep(ended)
        self._register.publish(now)
        if credential.storage_user is not None:
            if self._settings.storage is None:
                raise SourceError(
                    f"the settings name no storage, so the key of {credential.id} could not be taken away"
                )
            Store(self._settings.storage).remove_reader(credential.storage_user)
        self._register.forget(credential.id)


def host_keys(places: Places) -> list[str]:
    """The public halves of this machine's own keys, to be pinned."""
    files = sorted(places.host_keys.glob("ssh_host_*_key.pub"))
    lines = [" ".join(file.read_text(encoding="utf-8").split()[:2]) for file in files]
    if not lines:
        raise SourceError(f"there are no host keys in {places.host_keys}")
    return lines


def _storage_user(identifier: str) -> str:
    return f"stuf-source-{identifier}"


def _named(kind: str, until: datetime.datetime, now: datetime.datetime) -> str:
    if not now < until <= now + LONGEST:
        raise Refused(f"an end lies after now and within {LONGEST.days} days")
    return f"{kind}-{secrets.token_hex(4)}"


def _key_pair(comment: str) -> tuple[str, str]:
    """A new key: the private half in OpenSSH's form, the public one as `TYPE KEY`."""
    # In memory where /dev/shm is, as on every Linux with systemd; gone in any case.
    shared = Path("/dev/shm")  # noqa: S108 (a private folder of its own is made there)
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        file = Path(folder) / "key"
        try:
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)],
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
            public = " ".join(file.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])
            return file.read_text(encoding="utf-8"), public
        except (OSError, subprocess.CalledProcessError) as error:
            raise SourceError(f"ssh-keygen made no key ({type(error).__name__})") from None
