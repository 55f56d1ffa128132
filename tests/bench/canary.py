"""What could hold a secret of the deployed installation, and the search that a package itself uses to find one."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import server
from .deployment import STATE, program
from .engine import docker, environment
from .names import HOSTED, LAPTOP, MAIL_PASSWORD, SERVER
from .paths import REPOSITORY, instance_folder
from .shell import BenchError, run

sys.path.insert(0, str(REPOSITORY / "templates/infrastructure/controller"))
import leak  # noqa: E402

HARBOUR = "harbour-production"
#: In a neighbour's own arguments and environment, so that one knows that looking would have found something.
ARGUMENT, VARIABLE = "canary-argument-to-be-found", "canary-variable-to-be-found"

# Runs on the server as somebody without rights: what any user there can learn of all processes.
LOOK = """
import json, os, signal, sys, time
seen, foreign = set(), set()
def end(*_):
    json.dump({"seen": sorted(seen), "foreign": sorted(foreign)}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    text = file.read().decode("latin-1")
                owner = os.stat(f"/proc/{pid}").st_uid
            except OSError:
                continue
            seen.add(text)
            if name == "environ" and text and owner != os.getuid():
                foreign.add(text)
    time.sleep(0.05)
"""

# In place of the Trust Architect's Ansible: as talkative as it gets without telling of SSH itself.
TALKATIVE = b'#!/bin/sh\nexec "$0.quiet" -vvv "$@"\n'
# What a phase makes for itself lies in no file to be looked for: its passwords end so, and tokens begin so.
MADE = re.compile(rb"[\w-]{20}aA1!|eyJ[\w-]{8,}\.eyJ[\w-]{8,}")

# As Ansible would tell of a module that gives secrets away: of a file, and a password and a token of a phase's own.
LEAK = b'<server> (0, b\'{"content": "%s", "password": "%saA1!", "token": "%s.%s.x"}\')' % (
    base64.b64encode(MAIL_PASSWORD.encode()),
    b"fake" * 6,
    base64.b64encode(b'{"alg": "none"}').rstrip(b"="),
    base64.b64encode(b'{"sub": "nobody"}').rstrip(b"="),
)

# What remains on the server of a migration: everything but images, devices, and what the kernel shows.
PLACES = "/etc /home /root /opt /srv /tmp /usr/local /var"


@dataclass
class Seen:
    """What a neighbour on the server saw."""

    #: Arguments and environments.
    texts: str = ""
    #: Environments of others that could be read.
    foreign: list[str] = field(default_factory=list)


@contextlib.contextmanager
def neighbour() -> Iterator[Seen]:
    """Another user of the server, who looks at processes as long as this lasts."""
    server.inside("sh", "-c", "id mallory >/dev/null 2>&1 || useradd --create-home mallory")
    shell = ["docker", "exec", "--user", "mallory", SERVER.container]
    settings = {**os.environ, **environment()}
    control = [*shell, "env", f"CONTROL={VARIABLE}", "bash", "-c", f"exec -a {ARGUMENT} sleep infinity"]
    seen = Seen()
    with (
        subprocess.Popen([*shell, "python3", "-c", LOOK], env=settings, stdout=subprocess.PIPE) as look,
        subprocess.Popen(control, env=settings),
    ):
        try:
            yield seen
        finally:
            server.inside("sh", "-c", "pkill -u mallory || true")
            told = look.communicate()[0]
    found = json.loads(told)
    seen.texts, seen.foreign = "\n".join(found["seen"]), found["foreign"]


@contextlib.contextmanager
def talkative(installation: str = HARBOUR) -> Iterator[None]:
    """Ansible tells all that it can as long as this lasts; `./migrate` has no option for that."""
    there = f"cd {STATE}/{installation}/venv/*/bin"
    # A test that was killed may have left it so: this program would call itself without end.
    keep = "test -e ansible-playbook.quiet || mv ansible-playbook ansible-playbook.quiet"
    change = f"{there}; {keep}; cat >ansible-playbook; chmod 0700 ansible-playbook"
    server.inside("sh", "-euc", change, place=LAPTOP, stdin=TALKATIVE)
    try:
        yield
    finally:
        server.inside("sh", "-euc", f"{there}; mv ansible-playbook.quiet ansible-playbook", place=LAPTOP)


def logs(installation: str = HARBOUR) -> dict[str, bytes]:
    """What Ansible told in all runs of the first package, by the names of the logs."""
    with tempfile.TemporaryDirectory() as folder:
        _fetch(LAPTOP, f"{STATE}/{installation}/packages/1", "logs", Path(folder))
        return {path.stem: path.read_bytes() for path in Path(folder, "logs").iterdir()}


def talkative_logs(installation: str = HARBOUR) -> dict[str, list[bytes]]:
    """Those of them that Ansible wrote at its most talkative, by the names of their steps."""
    told: dict[str, list[bytes]] = {}
    for name, text in logs(installation).items():
        if b"SSH: EXEC" in text:
            told.setdefault(name.partition("-")[2], []).append(text)
    return told


def kept(installation: str = HARBOUR) -> dict[str, bytes]:
    """What all runs of the first package left beside their logs (journal, reports, folders for the glass), unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _fetch(LAPTOP, f"{STATE}/{installation}/packages/1", "--exclude=./logs --exclude=./package .", place)
        files = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    return {name: gzip.decompress(data) if name.endswith(".gz") else data for name, data in files.items()}


def secrets(installation: str = HARBOUR) -> dict[str, list[bytes]]:
    """Every value that server, hosted side and Trust Architect keep secret, by the name of its file."""
    with tempfile.TemporaryDirectory() as folder:
        for place in (SERVER, HOSTED) if installation == HARBOUR else (SERVER,):
            _fetch(place, "/etc/stuf", "secrets tls/key.pem", Path(folder, "secrets", place.name.partition(".")[0]))
        _fetch(LAPTOP, f"{STATE}/{installation}", "secrets", Path(folder, "secrets/architect"))
        found = leak.known(Path(folder))
    # Whose request it is: Garage's log names it with each.
    return {name: values for name, values in found.items() if not name.endswith("/storage_access_key")}


def held(installation: str) -> dict[str, list[bytes]]:
    """What Terraform's state and plan mark, as a package's own search knows it."""
    with tempfile.TemporaryDirectory() as folder:
        files = "terraform/terraform.tfstate packages/1/terraform/plan.json"
        _fetch(LAPTOP, f"{STATE}/{installation}", files, Path(folder))
        return leak.known(Path(folder))


def _fetch(place: server.Place, folder: str, names: str, to: Path) -> None:
    packed = server.inside("sh", "-euc", f"cd {folder}; tar --create {names} | base64", place=place, user="root")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as files:
        files.extractall(to, filter="data")


def _needles(known: dict[str, list[bytes]]) -> bytes:
    """Every secret in every usual encoding, one on each line."""
    forms = {form for values in known.values() for value in values for _, form in leak.encodings(value)}
    return b"".join(sorted(form + b"\n" for form in forms if len(form) >= leak.SHORTEST and b"\n" not in form))


def told() -> dict[str, bytes]:
    """What logs, containers and images of the server tell whoever may ask Docker and the journal."""
    shell = {
        "journal": "journalctl --no-pager --output=cat",
        "container logs": "for id in $(docker ps -aq); do docker logs $id 2>&1; done",
        "containers": "docker inspect $(docker ps -aq)",
        "images": "for id in $(docker images -q); do docker image inspect $id; docker history --no-trunc $id; done",
        "compose": "cd /opt/stuf/compose && docker compose --profile files config",
    }
    return {name: server.inside("sh", "-c", command).encode() for name, command in shell.items()}


def search(files: dict[str, bytes], installation: str = HARBOUR) -> list[str]:
    """Secrets found: lines by the package's own search, and what encoders have wrapped."""
    hits = []
    known = secrets(installation)
    with tempfile.NamedTemporaryFile() as needles:
        needles.write(_needles(known))
        needles.flush()
        for name, data in files.items():
            lines = _grep(needles.name, data)
            hits += [str(hit) for hit in leak.search({name: lines}, known)] if lines else []
            if not lines and _grep(needles.name, re.sub(rb"\s", b"", data)):
                hits.append(f"a secret in {name}, over several lines")
    return sorted(hits)


def made(data: bytes) -> list[bytes]:
    """Passwords and tokens of no file, as they stand in what a run told."""
    return MADE.findall(data)


def _grep(needles: str, data: bytes) -> bytes:
    """Lines that hold a needle: what may be megabytes is for grep to look through."""
    done = run(["grep", "--text", "--fixed-strings", f"--file={needles}"], stdin=data, check=False)
    if done.returncode > 1:
        raise BenchError(f"grep: {done.stderr.decode(errors='replace')}")
    return done.stdout


def holding(place: server.Place) -> set[str]:
    """Files of a machine in which a secret stands in any usual encoding; where there are containers, theirs too."""
    places = PLACES
    if place in (SERVER, HOSTED):
        layers = "docker inspect --format '{{.GraphDriver.Data.UpperDir}}' $(docker ps -aq)"
        places += " " + " ".join(server.inside("sh", "-c", layers, place=place).split())
    # Of Docker's own store containers and volumes are looked through: the layers of images come from a registry. What
    # comes and goes meanwhile is no error.
    look = (
        "cat >/run/needles; { grep -rlaFf /run/needles --devices=skip --exclude-dir=overlay2 "
        f"{places} 2>/dev/null || test $? -le 2; }}; rm -f /run/needles"
    )
    return set(server.inside("sh", "-c", look, place=place, stdin=_needles(secrets()), user="root").splitlines())


def standing(value: str, folder: str) -> set[str]:
    """Files below a folder of the Trust Architect's in which a value stands in any usual encoding; no tools'."""
    needles = "".join(
        sorted(
            f"{form.decode('latin-1')}\n" for _, form in leak.encodings(value.encode()) if len(form) >= leak.SHORTEST
        )
    )
    search = "grep -rlaFf /tmp/needles --exclude-dir=venv . || test $? -eq 1"
    look = f"cat >/tmp/needles; cd {folder}; {search}; rm /tmp/needles"
    found = server.inside("sh", "-euc", look, place=LAPTOP, stdin=needles.encode("latin-1"))
    return {line.removeprefix("./") for line in found.splitlines()}


def open_to_others(place: server.Place, paths: set[str]) -> str:
    """Which of these files somebody else may read."""
    listed = "\0".join(sorted(paths)).encode()
    look = "xargs -0 -I FILE find FILE -perm /007"
    return server.inside("sh", "-c", look, place=place, stdin=listed, user="root")


def plant() -> None:
    """A secret in a server's journal, written as a program would write a header."""
    header = base64.b64encode(b"user:" + MAIL_PASSWORD.encode()).decode()
    server.inside("logger", f"Authorization: Basic {header}", place=SERVER)


def bundles(installation: str = HARBOUR) -> dict[str, str]:
    """What stands in the bundles for support that the Trust Architect may send, but for what explains it."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        _fetch(LAPTOP, f"{STATE}/{installation}/packages/1", "support", Path(folder))
        for place in sorted(Path(folder, "support").iterdir()):
            with tarfile.open(place) as packed:
                files = {entry.name: packed.extractfile(entry) for entry in packed}
                found |= {name: file.read().decode() for name, file in files.items() if file is not None}
    return {name: text for name, text in found.items() if not name.endswith("/README.txt")}


def operations(installation: str = HARBOUR) -> list[Path]:
    """The operation folders of the Trust Architect, brought here, the oldest first."""
    here = instance_folder() / "operations"
    shutil.rmtree(here, ignore_errors=True)
    docker("cp", f"{LAPTOP.container}:{STATE}/{installation}/packages/1/operations", here)
    found = [folder for folder in here.iterdir() if (folder / "operation.json").is_file()]
    return sorted(found, key=lambda folder: int(folder.name.partition("-")[0]))


def record(found: list[Path], slug: str = "harbour", of: str = "deployment") -> subprocess.CompletedProcess[bytes]:
    """A glass with the package and each operation, by stufpack and by stock tools in turns; what its check says."""
    work = instance_folder() / of
    glass, recipient = work / f"stuf-{slug}", work / "recipient"
    key = ["--sign-key", work / "issuer", "--signers", work / "signers"]
    run([program(), "glass", "init", glass, *key])
    run(["age-keygen", "-o", recipient])
    public = run(["age-keygen", "-y", recipient]).stdout.decode().strip()
    package = next((work / "out").glob("*.zip"))
    run([program(), "glass", "record", glass, package, *key, "--recipient", public])
    for place, folder in enumerate(found):
        if place % 2:
            run(["sh", f"{folder}.sh", glass, work / "issuer", work / "signers"])
        else:
            run([program(), "glass", "record", glass, folder, *key])
    root = run(["git", "-C", glass, "rev-list", "--max-parents=0", "main"]).stdout.decode().strip()
    return run([program(), "glass", "verify", glass, "--signers", work / "signers", "--pin", root], check=False)
