"""rclone moves bytes; it neither decides nor proves. No secret is in its arguments, in its environment or on a disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack

from . import azure
from .configuration import AZURE, Place
from .entries import Entry
from .outcome import refused, say
from .session import Closed, Session

OLDEST = (1, 73, 0)
#: Exit codes of rclone 1.73 and newer.
CHANGED, OUT_OF_TIME = 6, 10
PATIENCE = 30.0
TRIES = 3
S3_REMOTE = """[{name}]
type = s3
provider = Other
env_auth = false
access_key_id = {access_key}
secret_access_key = {secret_key}
region = {region}
endpoint = {endpoint}
force_path_style = true
no_check_bucket = true
disable_checksum = true
"""
# For what is read it means that no ETag is taken for an MD5; rclone asks for an encryption only where it writes.
SEALED = "server_side_encryption = aws:kms\n"
AZURE_REMOTE = """[{name}]
type = azureblob
account = {access_key}
key = {secret_key}
endpoint = {endpoint}
no_check_container = true
"""
Tell = Callable[[int, int], None]


def check_version(session: Session) -> str:
    """Refuses an rclone that loses metadata or writes corrupt objects."""
    try:
        done = subprocess.run(
            [session.given.rclone, "version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
            text=True, timeout=30, check=False,
        )  # fmt: skip
        said = done.stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    match = re.search(r"^rclone v(\d+)\.(\d+)\.(\d+)", said, re.M)
    if match is None or tuple(map(int, match.groups())) < OLDEST:
        found = f"is {match[0].removeprefix('rclone ')}" if match else "cannot be run"
        raise refused(
            f"{session.given.rclone} {found}; rclone 1.73.0 or newer is needed, since older ones lose metadata",
            "./migrate prepare, which installs the one that the package names",
            needed=">= 1.73.0",
        )
    return match[0].removeprefix("rclone ")


def send(session: Session, entries: list[Entry], tell: Tell, *, overwrite: bool = False) -> int:
    """Copies these objects under their own names; returns how many were sent. Raises at a closed window or a stop."""
    sent = 0
    for attempt in range(TRIES):
        if attempt:
            session.stores_answer()
        window = session.window()
        code, transfers = _run(session, entries, tell, window, overwrite)
        sent += transfers
        session.stopping.check()
        if code == 0:
            return sent
        if code == OUT_OF_TIME and window is not None:
            raise Closed(session.timetable.opens(session.now()), rclone=OUT_OF_TIME)
        if code == CHANGED:
            # Which ones is found by looking at both stores.
            return sent
    # What it left behind goes one by one, and fails there where it has to.
    say(f"rclone ended with {code}, {TRIES} times; its own words: {session.path('rclone.log')}")
    return sent


def _run(session: Session, entries: list[Entry], tell: Tell, window: float | None, overwrite: bool) -> tuple[int, int]:
    source, target = session.credential.place, session.given.target
    with ExitStack() as open_files:

        def hidden(text: str) -> int:
            """A file that exists in memory only, and for nobody else."""
            descriptor = os.memfd_create("stuf-content")
            open_files.callback(os.close, descriptor)
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(text.encode())
            return descriptor

        # Each side trusts its own authority alone: `--ca-cert` would hold for both, and in the place of the system's.
        trusted = [hidden(place.authority) if place.authority else None for place in (source, target)]
        sealed = SEALED if any(entry.sealed for entry in entries) else ""
        config = hidden(
            _remote("source", source, "aws-s3", trusted[0])
            + sealed
            + _remote("target", target, session.given.store, trusted[1])
        )
        # One key a line: keys with line breaks never come here.
        names = hidden("".join(f"{entry.key}\n" for entry in entries))
        kept = [session.lock, config, names, *(descriptor for descriptor in trusted if descriptor is not None)]
        words = [
            f"--config=/proc/self/fd/{config}",
            f"--files-from-raw=/proc/self/fd/{names}",
            "--no-traverse",
            "--no-unicode-normalization",
            "--metadata",
            # What changed is sent whatever time and size say; at the first time nothing is ever overwritten.
            *(["--ignore-times"] if overwrite else ["--checksum", "--immutable"]),
            f"--bwlimit={session.given.rates.for_rclone()}",
            f"--tpslimit={session.given.requests_per_second}",
            "--retries=1",
            "--use-json-log",
            "--stats=1s",
            "--stats-log-level=NOTICE",
        ]
        if window is not None:
            words += [f"--max-duration={max(1.0, window):.0f}s", "--cutoff-mode=soft"]
        command = [str(session.given.rclone), "copy", f"source:{source.bucket}", f"target:{target.bucket}", *words]
        # rclone ends with this program, even where that is killed; a run that follows meets nobody.
        guard = [shutil.which("setpriv", path=_environment()["PATH"]) or "setpriv", "--pdeathsig", "KILL", "--"]
        process = subprocess.Popen(
            [*guard, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(),
            cwd="/",
            pass_fds=kept,
        )
        open_files.enter_context(process)
        return _follow(session, process, tell)


def _follow(session: Session, process: subprocess.Popen[bytes], tell: Tell) -> tuple[int, int]:
    """Reads rclone's log until it ends; a stop is handed on, and rclone has some seconds to tidy up."""
    seen = {"transfers": 0}
    broken: list[OSError] = []

    def read() -> None:
        assert process.stderr is not None  # noqa: S101 (it is a pipe)
        try:
            relay()
        except OSError as error:
            # A full disk takes no log. rclone is stopped, and read to its end: else it would wait for a reader.
            broken.append(error)
            for _ in process.stderr:
                pass

    def relay() -> None:
        assert process.stderr is not None  # noqa: S101 (it is a pipe)
        descriptor = os.open(session.path("rclone.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as log:
            for line in process.stderr:
                try:
                    said = json.loads(line)
                except ValueError:
                    said = {}
                stats = said.get("stats") if isinstance(said, dict) else None
                if isinstance(stats, dict):
                    seen["transfers"] = int(stats.get("transfers", 0))
                    tell(seen["transfers"] + int(stats.get("checks", 0)), int(stats.get("bytes", 0)))
                else:
                    log.write(line)
                    log.flush()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        while True:
            try:
                process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                if session.stopping.event.is_set() or broken:
                    process.terminate()
                    try:
                        process.wait(PATIENCE)
                    except subprocess.TimeoutExpired:
                        process.kill()
                    break
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
    if broken:
        raise broken[0]
    return process.returncode, seen["transfers"]


def _remote(name: str, place: Place, store: str, authority: int | None) -> str:
    """One side in rclone's configuration; its authority, where it has one of its own, as an open file."""
    form, endpoint = (AZURE_REMOTE, azure.address(place)) if store == AZURE else (S3_REMOTE, place.endpoint)
    remote = form.format(
        name=name, access_key=place.key.access_key, secret_key=place.key.secret_key, region=place.key.region,
        endpoint=endpoint,
    )  # fmt: skip
    # A flag of rclone for one remote, which it knows since 1.71.
    return remote if authority is None else f"{remote}override.ca_cert = /proc/self/fd/{authority}\n"


def _environment() -> dict[str, str]:
    """Nothing of ours: no proxy, no AWS_CA_BUNDLE, no RCLONE_ variable. The clock is UTC, as in the timetable."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
