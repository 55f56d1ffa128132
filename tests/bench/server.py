"""The customer's server and the Trust Architect's machine, as containers."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import images
from .engine import docker, docker_ok, environment
from .names import DOMAIN, EVERYONE, HOSTED, LAPTOP, OPERATOR, SERVER, STRANGER, Place
from .network import participate, remove, running
from .paths import CACHE, instance_folder, logs_folder
from .shell import BenchError, run, say, wait_for

# `--privileged` would ask for SYS_RESOURCE, which a build machine may not have to give; so each is named.
CAPABILITIES = [
    *["AUDIT_CONTROL", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID"],
    *["IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN"],
    *[
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_ADMIN",
        "SYS_BOOT",
    ],
    *["SYS_CHROOT", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG"],
    "WAKE_ALARM",
]

DATA_VOLUME = f"{SERVER.container}-docker"
HOME = "/home/architect"
#: What is kept of a machine with systemd and Docker, by the name of the file.
MACHINE_LOGS = {
    "journal": "journalctl --no-pager -n 2000",
    "units": "systemctl --failed --no-pager; systemctl status stuf.service 'stuf-content@*' --no-pager -l",
    "containers": "docker ps -a; for c in $(docker ps -aq); do "
    "docker inspect -f '== {{.Name}}' $c; docker logs --tail 300 $c 2>&1; done",
    "network": "nft list ruleset; ss -ltnp",
}
#: Packs journals, logs and reports of every package that has run.
STATE_LOGS = (
    "cd ~/.local/state/stufpack && find . -path '*/packages/*' -type f"
    " '(' -path '*/logs/*' -o -path '*/reports/*' -o -name journal.jsonl ')' -print0"
    " | tar --create --null --files-from=-"
)
PIP = f"{HOME}/.cache/pip"


@dataclass(frozen=True)
class Access:
    """What a customer tells about their server: where, who, which key, and the host keys to pin."""

    host: str
    address: str
    port: int
    user: str
    key: Path
    host_keys: list[str]

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "host": self.host,
            "address": self.address,
            "port": self.port,
            "user": self.user,
            "key": str(self.key),
            "host_keys": self.host_keys,
            "domain": DOMAIN,
        }


def key() -> Path:
    """The Trust Architect's SSH key for the server."""
    file = instance_folder() / "architect_ed25519"
    if not file.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "architect", "-f", file])
    return file


def start_server() -> Access:
    """A freshly installed Debian 13 with systemd and SSH; nothing of an earlier one is left."""
    remove(SERVER)
    forget(DATA_VOLUME)
    say("starting the customer's server")
    run_server(images.image("server"))
    admit(SERVER)
    access = read_access()
    (instance_folder() / "server.json").write_text(json.dumps(access.as_json(), indent=2) + "\n")
    return access


def public_key() -> str:
    """The half of the Trust Architect's key that a machine is told, without its comment."""
    return " ".join(key().with_name(key().name + ".pub").read_text().split()[:2])


def admit(place: Place, user: str = "deploy", public: str | None = None) -> None:
    """Lets a key into a machine: the Trust Architect's, unless another is named."""
    command = (
        'install -d -o "$1" -g "$1" -m 0700 "/home/$1/.ssh" && cd "/home/$1/.ssh" && cat >authorized_keys'
        ' && chown "$1:$1" authorized_keys && chmod 0600 authorized_keys'
    )
    inside("sh", "-euc", command, "sh", user, place=place, stdin=f"{public or public_key()}\n".encode())


def forget(volume: str) -> None:
    """Deletes a volume, if it is there."""
    if docker_ok("volume", "inspect", volume):
        docker("volume", "rm", volume)


def run_server(image: str) -> None:
    """Starts an image as the customer's server, with its nested engine's data."""
    boot(SERVER, "--volume", f"{DATA_VOLUME}:/var/lib/docker", image=image)


def boot(place: Place, *options: str, image: str | None = None) -> None:
    """A machine with systemd and SSH, as a provider hands it over if no image is named; returns when both answer."""
    capabilities = [word for name in CAPABILITIES for word in ("--cap-add", name)]
    docker(
        *participate(place, *options),
        *capabilities,
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
        "--device-cgroup-rule",
        "a *:* rwm",
        "--cgroupns",
        "host",
        "--volume",
        "/sys/fs/cgroup:/sys/fs/cgroup:rw",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp:exec",
        "--stop-signal",
        "SIGRTMIN+3",
        image or images.image("server"),
        "/sbin/init",
    )
    wait_for(f"systemd on {place.name}", lambda: state(place) in ("running", "degraded"), 90)
    listens = ("exec", place.container, "sh", "-c", "ss -ltn | grep -q ':22 '")
    wait_for(f"SSH on {place.name}", lambda: docker_ok(*listens), 30)


def read_access() -> Access:
    """How to reach the server that runs."""
    return Access(SERVER.name, SERVER.address, 22, "deploy", key(), host_keys(SERVER))


def host_keys(place: Place) -> list[str]:
    """What a client pins of a machine."""
    lines = inside("sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub", place=place).splitlines()
    return sorted(" ".join(line.split()[:2]) for line in lines)


def state(place: Place = SERVER) -> str:
    """What systemd says about a machine as a whole."""
    done = run(["docker", "exec", place.container, "systemctl", "is-system-running"], env=environment(), check=False)
    return done.stdout.decode().strip()


def inside(*words: str, place: Place = SERVER, stdin: bytes | None = None, user: str | None = None) -> str:
    """Runs a program in a participant's container, past SSH: for looking and preparing, not for a package's work."""
    options = ["--interactive"] if stdin is not None else []
    options += ["--user", user] if user else []
    return docker("exec", *options, place.container, *words, stdin=stdin)


def start_laptop(place: Place = LAPTOP, *, shown: Mapping[Path, str] | None = None, **kept: str) -> None:
    """The Trust Architect's machine, or one like it: the server's key in place, the host not yet known."""
    run_laptop(images.image("laptop"), place, shown=shown, **kept)
    # The folders above what is kept are the engine's.
    above = {str(folder) for path in (PIP, *kept) for folder in Path(path).parents if folder.is_relative_to(HOME)}
    inside("chown", "architect:architect", *sorted(above), place=place, user="root")
    inside(
        "sh",
        "-euc",
        "install -d -m 0700 ~/.ssh && cat >~/.ssh/id_ed25519 && chmod 0600 ~/.ssh/id_ed25519",
        place=place,
        stdin=key().read_bytes(),
    )


def run_laptop(image: str, place: Place = LAPTOP, *, shown: Mapping[Path, str] | None = None, **kept: str) -> None:
    """Starts an image in place of the machine that runs; folders of it that are kept, by the names under which.

    What of this machine is shown there can only be read.
    """
    remove(place)
    volumes: list[str] = []
    for here, there in (shown or {}).items():
        volumes += ["--volume", f"{here}:{there}:ro"]
    # Downloaded wheels are; `bootstrap` checks each by its digest.
    for path, name in {PIP: "laptop-pip", **kept}.items():
        (CACHE / name).mkdir(parents=True, exist_ok=True)
        os.chown(CACHE / name, 1000, 1000)
        volumes += ["--volume", f"{CACHE / name}:{path}"]
    docker(*participate(place, *volumes), "--init", image)


def start_operator(tools: str, digest: str) -> None:
    """A machine like the Trust Architect's on the hosted side. What `bootstrap` installs there is kept."""
    start_laptop(OPERATOR, **{tools: f"operator-tools/{digest}"})


def start_stranger() -> None:
    """Someone on the internet, for attacks that get one's address banned."""
    remove(STRANGER)
    docker(*participate(STRANGER), "--init", images.image("laptop"))


def copy_to_laptop(source: Path, target: str, place: Place = LAPTOP) -> None:
    """Copies a file or folder into the Trust Architect's home, or one like it, owned by them."""
    docker("cp", source, f"{place.container}:{target}")
    inside("chown", "-R", "architect:architect", target, place=place, user="root")


def place_file(place: Place, path: str, text: str) -> None:
    """A file that nobody else may read, with the folders above it, of whoever works on the machine."""
    command = 'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1"'
    inside("sh", "-euc", command, "sh", path, place=place, stdin=text.encode())


def fetch(place: Place, there: str, here: Path) -> None:
    """Brings an export's folder from a machine, on which nobody else may read it."""
    modes = set(inside("find", there, "-printf", "%m %y\n", place=place).splitlines())
    if modes != {"700 d", "600 f"}:
        raise BenchError(f"others may read the export: {sorted(modes)}")
    shutil.rmtree(here, ignore_errors=True)
    here.parent.mkdir(parents=True, exist_ok=True)
    docker("cp", f"{place.container}:{there}", here)


def on_laptop(
    command: str, *, log: str, timeout: float = 1800, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Runs a shell line as the Trust Architect would type it; the output is kept in the logs folder."""
    return typed(LAPTOP, command, log=log, timeout=timeout, check=check)


def typed(
    place: Place, command: str, *, log: str, timeout: float = 1800, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Runs a shell line as somebody types it on a machine that is theirs."""
    words = ["docker", "exec", "--workdir", HOME, place.container, "bash", "-lc", command]
    return run(words, env=environment(), log=log, timeout=timeout, check=check)


def keep_logs() -> None:
    """What one needs to understand a failure, of each machine that there is: the run may end with them."""
    folder = logs_folder()
    for place in EVERYONE:
        if not running(place):
            continue
        role = place.name.partition(".")[0]
        _keep(folder / f"{role}-container.log", ["logs", "--tail", "2000", place.container])
        if place in (SERVER, HOSTED):
            for name, command in MACHINE_LOGS.items():
                _keep(folder / f"{role}-{name}.log", ["exec", place.container, "sh", "-c", command])
    if running(LAPTOP):
        _keep_state(folder / "laptop")
    say(f"logs are in {folder}")


def _keep(file: Path, words: list[str]) -> None:
    """What a program tells, or why it does not."""
    done = run(["docker", *words], env=environment(), check=False)
    file.write_bytes(done.stdout + done.stderr)


def _keep_state(folder: Path) -> None:
    """What `./migrate` has kept on the Trust Architect's machine: every error points there. No secret is among it."""
    shutil.rmtree(folder, ignore_errors=True)
    packed = run(["docker", "exec", LAPTOP.container, "sh", "-c", STATE_LOGS], env=environment(), check=False)
    if packed.returncode == 0:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(folder, filter="data")
    else:
        folder.with_suffix(".log").write_bytes(packed.stderr)
