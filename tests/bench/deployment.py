"""One deployment on the bench: a package for the customer's server, and `./migrate` as its Trust Architect runs it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import authority, engine, hosted, hosted_stuf, network, server, source
from .names import (
    DOMAIN,
    HOSTED,
    INSTALLATION,
    LAPTOP,
    SERVER,
)
from .outside import Outside, Stuf, Way, trusting
from .paths import instance_folder
from .recording import Recording
from .shell import BenchError, run
from .target import make_issuer, secrets, target

#: Where the package lies on the Trust Architect's machine, and what `./migrate` keeps.
PACKAGE = "/home/architect/package/harbour"
STATE = "/home/architect/.local/state/stufpack"
#: Every phase that was typed, how long it took, and its exit code.
TYPED: list[tuple[str, float, int]] = []
#: What the exit codes of `./migrate` mean to whoever reads the table of a run.
ENDED = {0: "passed", 11: "held, as asked", 12: "refused, nothing changed"}


def program() -> Path:
    """The compiled `stufpack`, named by $STUFPACK (tools/e2e sets it)."""
    named = os.environ.get("STUFPACK")
    if not named or not Path(named).is_file():
        raise BenchError("STUFPACK must name the compiled program; next: make e2e")
    return Path(named).resolve()


def deliver(generator: Path, package: str) -> None:
    """Compiles and signs a package, and unpacks it on the Trust Architect's machine, in place of what is there."""
    with compiled(generator) as out:
        unpack(out, package)


@contextlib.contextmanager
def compiled(generator: Path) -> Iterator[Path]:
    """The folder with the package that a generator makes of what the deployment's was made of."""
    work = instance_folder() / "deployment"
    with tempfile.TemporaryDirectory(dir=work) as out:
        compile_it = [generator, "compile", work / "export", "--target", work / "target.json"]
        run([*compile_it, "--out", out, "--sign-key", work / "issuer"], log="compile")
        yield Path(out)


def unpack(out: Path, package: str) -> None:
    """Unpacks the one package of a folder on the Trust Architect's machine, in place of what is there."""
    packages = list(out.glob("*.zip"))
    if len(packages) != 1:
        raise BenchError(f"compile left {[file.name for file in packages]} in {out}")
    server.copy_to_laptop(packages[0], "/home/architect/package.zip")
    into = Path(package).parent
    server.on_laptop(f"umask 077 && rm -rf {package} && unzip -q ~/package.zip -d {into}", log="unpack")


def plan(package: str) -> dict[str, Any]:
    """The plan of a package that lies on the Trust Architect's machine."""
    found: dict[str, Any] = json.loads(server.inside("cat", f"{package}/MIGRATION-PLAN.json", place=LAPTOP))
    return found


def start_messages() -> None:
    """The receivers of the messages that the package has sent."""
    settings = server.inside("cat", f"{PACKAGE}/configuration/integration-config/zulip.json", place=LAPTOP)
    network.start_messages(json.loads(settings)["zulip"])


def typed() -> str:
    """The table of everything that was typed: phase, seconds, result."""
    rows = [
        f"{command:<40} {seconds:>8.0f}  {ENDED.get(code, f'ended with {code}')}" for command, seconds, code in TYPED
    ]
    return "\n".join([f"{'phase':<40} {'seconds':>8}  result", *rows])


@dataclass
class Run:
    """One call of `./migrate`."""

    command: str
    code: int
    document: dict[str, Any]
    output: str

    @property
    def changes(self) -> dict[str, int]:
        """Changes per step."""
        return {step["id"]: step.get("changed", 0) for step in self.document.get("steps", [])}


@dataclass
class Deployment:
    """A fresh server, a fresh laptop, and the package on it."""

    access: server.Access
    plan: dict[str, Any] = field(default_factory=dict)
    #: What the source's storage holds.
    source: dict[str, Any] = field(default_factory=dict)
    #: The credential with which the package reads it.
    credential: dict[str, Any] = field(default_factory=dict)
    recording: Recording = field(default_factory=Recording)
    #: The source kit on the hosted side's machine.
    kit: hosted.Kit | None = None
    #: Where the package lies, and the name under which what it deploys is reached.
    package: str = PACKAGE
    domain: str = DOMAIN

    @classmethod
    def prepare(cls) -> Deployment:
        """Compiles, signs and delivers the package; nothing touches the server yet."""
        work = instance_folder() / "deployment"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        filled = source.start()
        with ThreadPoolExecutor(1) as meanwhile:
            made = meanwhile.submit(hosted_stuf.start, program(), filled)
            access = server.start_server()
            server.start_laptop()
            server.start_stranger()
            kit = made.result()
        (work / "target.json").write_text(json.dumps(target(SERVER, DOMAIN), indent=1))
        make_issuer(work, "issuer/bench")
        recording = Recording()
        command, taken, said = kit.export(work / "export")
        recording.add(command, 0, taken, said)
        words = "compile export --target target.json --out out --sign-key issuer"
        begun = time.monotonic()
        (work / "stufpack").symlink_to(program())
        path = {"PATH": f"{work}{os.pathsep}{os.environ['PATH']}"}
        compiled = run(["stufpack", *words.split()], env=path, cwd=work, log="compile")
        said = (compiled.stdout + compiled.stderr).decode()
        recording.add(f"stufpack {words}", compiled.returncode, time.monotonic() - begun, said)
        unpack(work / "out", PACKAGE)
        server.place_file(LAPTOP, ".config/stufpack/harbour.signers", (work / "signers").read_text())
        # Made by the hosted side's kit, as the operator asks for it over SSH.
        issued = kit.issue("source-read", days=2)
        own = f"{STATE}/harbour-production"
        for name, text in (secrets() | {"source_read": json.dumps(issued)}).items():
            server.place_file(LAPTOP, f"{own}/secrets/{name}", text)
        certificate = authority.issue("public", DOMAIN)
        server.place_file(LAPTOP, f"{own}/local/tls/cert.pem", certificate.certificate.read_text())
        server.place_file(LAPTOP, f"{own}/local/tls/key.pem", certificate.key.read_text())
        start_messages()
        return cls(access, plan(PACKAGE), filled, issued, recording, kit)

    @classmethod
    def standing(cls) -> Deployment:
        """The deployment whose machines run, without what only its content needs."""
        if engine.current() is None or not (network.running(SERVER) and network.running(LAPTOP)):
            raise BenchError("no machines run here; next: STUFPACK_BENCH_KEEP=1 tools/docker-bench deploy")
        return cls(server.read_access(), plan(PACKAGE))

    def next_package(self, made: Path) -> None:
        """Delivers the package after this one, of another export; from now on it is the one that `migrate` runs."""
        work = instance_folder() / "deployment"
        (before,) = (work / "out").glob("*.zip")
        words = [program(), "compile", made, "--target", work / "target.json", "--out", work / "next"]
        words += ["--sign-key", work / "issuer", "--previous", before, "--signers", work / "signers"]
        run(words, log="compile")
        unpack(work / "next", PACKAGE)
        self.plan = plan(PACKAGE)

    def command(self, phase: str) -> str:
        """The command that the plan prints for a phase; `bootstrap` is no phase."""
        if phase == "bootstrap":
            return "./migrate bootstrap"
        found = [item["command"] for item in self.plan["phases"] if item["id"] == phase]
        if not found:
            raise BenchError(f"the plan has no phase {phase}")
        return str(found[0])

    def migrate(self, phase: str, *options: str, package: str | None = None) -> Run:
        """Types the command of a phase; the whole output is in the log `migrate-PHASE`."""
        return self.type(phase, " ".join([self.command(phase), *map(shlex.quote, options)]), package)

    def type(self, phase: str, command: str, package: str | None = None) -> Run:
        """Types a command; the whole output is in the log `migrate-PHASE`."""
        begun = time.monotonic()
        line = f"cd {package or self.package} && {command} --json"
        done = server.on_laptop(line, log=f"migrate-{phase}", check=False, timeout=2400)
        TYPED.append((command, time.monotonic() - begun, done.returncode))
        output = done.stdout.decode(errors="replace")
        # A phase that tells how far it is writes JSON Lines; the document is the last.
        for text in (output, output.rstrip("\n").rpartition("\n")[2]):
            try:
                document = json.loads(text)
                break
            except ValueError:
                document = {}
        return Run(command, done.returncode, document, done.stderr.decode(errors="replace") + output)

    def recorded(self, command: str) -> Run:
        """Types a command as people do, without `--json`; it goes into the recording."""
        begun = time.monotonic()
        log = f"migrate-{command.split()[1]}"
        done = server.on_laptop(f"cd {self.package} && {command} 2>&1", log=log, check=False, timeout=2400)
        said = done.stdout.decode(errors="replace")
        self.recording.add(command, done.returncode, time.monotonic() - begun, said)
        TYPED.append((command, time.monotonic() - begun, done.returncode))
        return Run(command, done.returncode, {}, said)

    def report(self, run: Run) -> dict[str, Any]:
        """The validation report of a run."""
        found: dict[str, Any] = json.loads(server.inside("cat", run.document["report"]["json"], place=LAPTOP))
        return found

    def outside(self) -> Outside:
        """A client outside that trusts the web's authorities and knows the public names."""
        web = trusting(authority.authority("public").certificate)
        return Outside({self.domain: Way(SERVER.address, 443, web), INSTALLATION: Way(HOSTED.address, 443, web)})

    def stuf(self, domain: str | None = None) -> Stuf:
        """The deployed installation, as people see it; or the hosted side's."""
        return Stuf(self.outside(), domain or self.domain)

    def users(self) -> list[dict[str, Any]]:
        """The people of the package, as it would have Keycloak know them."""
        file = f"{self.package}/configuration/integration-config/realm-users.json"
        found: list[dict[str, Any]] = json.loads(server.inside("cat", file, place=LAPTOP))["users"]
        return found
