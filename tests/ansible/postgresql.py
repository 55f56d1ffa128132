"""A real PostgreSQL of Debian's in the place of a database outside, and what the client is told of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import yaml
from modules import ROOT


def certificate(folder: Path, name: str) -> None:
    """Makes NAME.pem, for localhost, and NAME.key."""
    program = shutil.which("openssl")
    assert program, "openssl is missing; next: sudo apt-get install openssl"
    subprocess.run(
        [
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


class Loader(yaml.SafeLoader):
    """Reads an override of Compose, whose tags say how it is merged."""


def merged(loader: Loader, _: str, node: yaml.Node) -> Any:
    """The list that takes another's place; nothing where something is taken away."""
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


Loader.add_multi_constructor("!", merged)


def override() -> dict[str, Any]:
    """What the package's override makes of the service."""
    text = (ROOT.parent / "compose/aws/database-rds.yaml").read_text()
    service: dict[str, Any] = yaml.load(text, Loader)["services"]["postgres"]  # noqa: S506 (of plain values)
    return service


class PostgreSQL:
    """A real one of Debian's, as RDS has it: TLS alone, and an administrator who is no superuser."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        assert found, "PostgreSQL is missing; next: tools/install quick"
        self.programs, self.folder = found[-1].parent, folder
        self.version = int(found[-1].parts[4])
        with socket.create_server(("localhost", 0)) as free:
            self.port = free.getsockname()[1]
        certificate(folder, "server")
        (folder / "password").write_text("of the superuser")
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "postgres", "postgres")
        data = folder / "data"
        self._serves("initdb", "--no-sync", "--username=rdsadmin", f"--pwfile={folder / 'password'}", "--locale=C",
                     "--encoding=UTF8", "--auth=scram-sha-256", f"--pgdata={data}")  # fmt: skip
        (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
        settings = {
            "listen_addresses": "localhost", "port": self.port, "unix_socket_directories": "", "fsync": "off",
            "ssl": "on", "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key",
        }  # fmt: skip
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        (data / "postgresql.conf").write_text("".join(lines))
        self._serves("pg_ctl", "start", "--wait", "--silent", f"--pgdata={data}", f"--log={folder / 'log'}")
        for statement in (
            "CREATE ROLE stuf LOGIN CREATEDB CREATEROLE PASSWORD 'of rds'",
            "CREATE ROLE other LOGIN PASSWORD 'of another'",
            "CREATE DATABASE keycloak OWNER stuf",
        ):
            done = self.asks("rdsadmin", "of the superuser", statement, PGDATABASE="postgres")
            assert done.returncode == 0, done.stderr

    def _serves(self, program: str, *arguments: str) -> None:
        """Runs a program of the server, which refuses to be root's."""
        root = os.geteuid() == 0
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if root else []
        done = subprocess.run(
            [*other, self.programs / program, *arguments], cwd=self.folder, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        """Ends it."""
        self._serves("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self.folder / 'data'}")

    def environment(self, **other: str) -> dict[str, str]:
        """What the override has for the client, with this one's place."""
        place = {"PGHOST": "localhost", "PGPORT": str(self.port), "PGSSLROOTCERT": str(self.folder / "server.pem")}
        home = {"PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(self.folder)}
        return home | override()["environment"] | place | other

    def entrypoint(self) -> list[str]:
        """The client's own script, which looks for its secret in this one's folder."""
        parts: list[str] = override()["entrypoint"]
        return [part.replace("$$", "$").replace("/run/secrets", str(self.folder)) for part in parts]

    def asks(self, user: str, password: str, statement: str, **other: str) -> subprocess.CompletedProcess[str]:
        """What somebody gets for a statement."""
        environment = self.environment(PGUSER=user, PGPASSWORD=password, **other)
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
