"""A database outside: how it is reached by TLS, and what becomes of Keycloak's user in it."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

from modules import module
from postgresql import PostgreSQL, certificate

database = module("stuf_database")
reach = module("stuf_database_reach")
StufError = module("stufpack_http").StufError

RIGHT = {"server": 17, "tls": True, "makes": True, "owns": False, "may": False, "belongs": False}
CLIENT = "docker compose --project-directory /opt/stuf/compose run --rm --no-deps --no-TTY postgres"
NO_USER = 'psql: error: connection to server at "x" failed: FATAL:  password authentication failed for user "keycloak"'


class Server:
    """Stands in for Compose, its client, and the database behind it."""

    def __init__(self, **seen: Any) -> None:
        self.seen = RIGHT | seen
        self.known = False  # whether Keycloak's user can sign in
        self.refuses_administrator = False
        self.client = 17
        self.calls: list[tuple[list[str], str]] = []

    def __call__(self, command: list[str], text: str) -> tuple[int, str, str]:
        """The answer to a command of the client."""
        assert " ".join(command).startswith(f"{CLIENT} "), command
        asked = command[CLIENT.count(" ") + 1 :]
        self.calls.append((asked, text))
        if asked == ["pg_dump", "--version"]:
            return 0, f"pg_dump (PostgreSQL) {self.client}.6 (Debian {self.client}.6-1.pgdg13+1)\n", ""
        if asked[0] == "administrator":
            if self.refuses_administrator:
                return 2, "", NO_USER.replace("keycloak", asked[1])
            self.known = True
            self.seen["makes"] = True
            return 0, "", " Container stuf-postgres-run  Creating\n"
        return (0, json.dumps(self.seen) + "\n", "") if self.known else (2, "", NO_USER)


class User(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "password").write_text("pencil")
        self.administrator = self.folder / "administrator"
        self.administrator.write_text("of rds\n")

    def settle(self, server: Server) -> Any:
        """One call of the module."""
        return database.settle(
            server,
            {
                "project": "/opt/stuf/compose",
                "password_file": str(self.folder / "password"),
                "administrator": "stuf",
                "administrator_file": str(self.administrator),
            },
        )

    def test_it_is_made_once_by_the_administrator_and_no_statement_has_a_password(self) -> None:
        server = Server()
        self.assertEqual(self.settle(server), (True, 17))
        (made,) = (call for call in server.calls if call[0][0] == "administrator")
        self.assertEqual(made[0][:3], ["administrator", "stuf", "psql"])
        first, _, statements = made[1].partition("\n")
        self.assertEqual(first, "of rds")
        for password in ("pencil", "of rds"):
            self.assertNotIn(password, statements)
            self.assertNotIn(password, str([call[0] for call in server.calls]))
        self.assertRegex(statements, r"ALTER ROLE keycloak LOGIN PASSWORD 'SCRAM-SHA-256\$4096:[^']+';")
        with self.subTest("a second time nothing is asked of the administrator, who need not be there"):
            self.administrator.unlink()
            server.calls.clear()
            self.assertEqual(self.settle(server), (False, 17))
            self.assertNotIn("administrator", str(server.calls))

    def test_the_proof_of_a_password_is_postgresqls_own(self) -> None:
        # The password and the salt of RFC 7677's example, with what PostgreSQL's documents and tests have for them.
        salt = b"[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x126\xfa\x81"
        stored, server = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        wanted = f"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==${stored}:{server}"
        self.assertEqual(database.proof(b"pencil", salt), wanted)
        self.assertNotEqual(database.proof(b"pencil"), database.proof(b"pencil"))

    def test_a_user_who_may_make_nothing_any_more_is_given_its_rights_again(self) -> None:
        server = Server(makes=False)
        server.known = True
        self.assertEqual(self.settle(server), (True, 17))

    def test_without_the_administrators_password_it_says_how_one_gets_it(self) -> None:
        self.administrator.unlink()
        with self.assertRaisesRegex(StufError, "was not given; it is changed every week. Next: get it as ./migrate"):
            self.settle(Server())
        for text in ("", "two\nlines\n"):
            self.administrator.write_text(text)
            with self.assertRaisesRegex(StufError, "is not one line with the password"):
                self.settle(Server())

    def test_a_password_that_was_changed_meanwhile_is_told_apart_from_anything_else(self) -> None:
        server = Server()
        server.refuses_administrator = True
        with self.assertRaisesRegex(StufError, "refuses the password of its administrator stuf: it is changed every"):
            self.settle(server)

        def silent(_command: list[str], _text: str) -> tuple[int, str, str]:
            return 2, "", " Container Creating\npsql: error: connection to server failed: Connection timed out\n"

        with self.assertRaisesRegex(StufError, r"does not reach the database: psql: error: .*timed out$"):
            self.settle(silent)  # type: ignore[arg-type]

    def test_more_rights_less_protection_and_a_server_that_no_backup_can_be_made_of_are_refused(self) -> None:
        cases = {
            "not spoken to by TLS": {"tls": False},
            "may more than make its own tables": {"owns": True},
            "user may more": {"may": True},
            "Keycloak's user may more than": {"belongs": True},
            "it is PostgreSQL 18, and the image of PostgreSQL in this package has the programs of 17": {"server": 18},
        }
        for told, seen in cases.items():
            server = Server(**seen)
            server.known = True
            with self.subTest(told), self.assertRaisesRegex(StufError, told):
                self.settle(server)


class Reached(unittest.TestCase):
    """PostgreSQL's own way to TLS, with a server that does no more than that."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("good", "other"):
            certificate(self.folder, name)
        self.authorities = (self.folder / "good.pem").read_text()

    def served(self, answer: bytes = b"S", certificate: str = "good") -> int:
        """The port of a server that gives this answer to the question for TLS, and speaks it once."""
        listening = socket.create_server(("localhost", 0))
        self.addCleanup(listening.close)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")

        def serve() -> None:
            with listening.accept()[0] as plain:
                asked = plain.recv(8)
                plain.sendall(answer if asked == reach.ASK_FOR_TLS else b"?")
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(1)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        return int(listening.getsockname()[1])

    def test_who_has_the_name_and_a_certificate_of_the_authorities_is_the_database(self) -> None:
        self.assertIn(reach.reach("localhost", self.served(), self.authorities), ("TLSv1.2", "TLSv1.3"))

    def test_another_certificate_another_name_and_no_tls_at_all_are_refused(self) -> None:
        cases = {
            "do not vouch for": self.served(certificate="other"),
            "is no PostgreSQL that speaks TLS": self.served(answer=b"N"),
        }
        for told, port in cases.items():
            with self.subTest(told), self.assertRaisesRegex(StufError, told):
                reach.reach("localhost", port, self.authorities)
        with self.assertRaisesRegex(StufError, "do not vouch for"):
            reach.reach("127.0.0.1", self.served(), self.authorities)
        with self.assertRaisesRegex(StufError, "cannot be read"):
            reach.trusted("no certificate")

    def test_one_that_does_not_answer_is_told(self) -> None:
        with socket.create_server(("localhost", 0)) as closed:
            port = closed.getsockname()[1]
        with self.assertRaisesRegex(StufError, "does not answer"):
            reach.reach("localhost", port, self.authorities)


class Real(unittest.TestCase):
    """The module and the client's own script, with a real PostgreSQL behind them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.server = PostgreSQL(cls.folder)
        cls.addClassCleanup(cls.server.stop)
        cls.entrypoint = cls.server.entrypoint()
        cls.secret, cls.administrator = cls.folder / "postgres_password", cls.folder / "administrator"
        cls.secret.write_text("its own")
        cls.administrator.write_text("of rds\n")

    def client(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """What the client does."""
        command = [*self.entrypoint, *arguments]
        return subprocess.run(command, input=given, env=self.server.environment(), capture_output=True, check=False)

    def settle(self, administrator: Path | None = None) -> Any:
        """One call of the module."""

        def run(command: list[str], text: str) -> tuple[int, str, str]:
            done = self.client(*command[CLIENT.count(" ") + 1 :], given=text.encode())
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        given = {"project": "/opt/stuf/compose", "password_file": str(self.secret), "administrator": "stuf",
                 "administrator_file": str(administrator or self.administrator)}  # fmt: skip
        return database.settle(run, given)

    def keycloak(self, statement: str, **other: str) -> subprocess.CompletedProcess[str]:
        """What Keycloak's user gets for a statement."""
        return self.server.asks("keycloak", self.secret.read_text(), statement, **other)

    def test_the_user_is_made_once_and_may_make_its_tables_and_nothing_else(self) -> None:
        self.settle()
        self.assertEqual(self.settle(self.folder / "nowhere"), (False, self.server.version))
        done = self.keycloak("CREATE TABLE realm (id int); INSERT INTO realm VALUES (7); SELECT id FROM realm")
        self.assertEqual((done.returncode, done.stdout), (0, "7\n"), done.stderr)
        for statement in ("CREATE DATABASE more", "CREATE ROLE more", "DROP DATABASE keycloak", "CREATE SCHEMA more"):
            with self.subTest(statement):
                self.assertNotEqual(self.keycloak(statement).returncode, 0)
        with self.subTest("nobody else comes in"):
            done = self.server.asks("other", "of another", "SELECT 1")
            self.assertIn("permission denied for database", done.stderr)
        with self.subTest("and nobody by another way than TLS with the right certificate"):
            self.assertIn("no encryption", self.keycloak("SELECT 1", PGSSLMODE="disable").stderr)
            certificate(self.folder, "another")
            wrong = str(self.folder / "another.pem")
            self.assertIn("certificate verify failed", self.keycloak("SELECT 1", PGSSLROOTCERT=wrong).stderr)
            self.assertIn("does not match host name", self.keycloak("SELECT 1", PGHOST="127.0.0.1").stderr)
            version = reach.reach("localhost", self.server.port, (self.folder / "server.pem").read_text())
            self.assertIn(version, ("TLSv1.2", "TLSv1.3"))

    def test_another_secret_is_set_by_the_administrator_and_no_other_password_does(self) -> None:
        self.settle()
        self.secret.write_text("its own, anew")
        wrong = self.folder / "wrong"
        wrong.write_text("of last week")
        with self.assertRaisesRegex(StufError, "refuses the password of its administrator stuf"):
            self.settle(wrong)
        self.assertEqual(self.settle(), (True, self.server.version))
        self.assertEqual(self.keycloak("SELECT 1").stdout, "1\n")

    def test_a_backup_comes_back_whole_and_nothing_that_came_later_stays(self) -> None:
        self.settle()
        done = self.keycloak(
            "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE logins (who int REFERENCES users);"
            "INSERT INTO users VALUES (1, 'Ada'); INSERT INTO logins VALUES (1)"
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        backup = self.client("pg_dump", "--format=custom")
        self.assertEqual(backup.returncode, 0, backup.stderr)
        self.assertIn(b"TABLE DATA public users", self.client("pg_restore", "--list", given=backup.stdout).stdout)
        self.keycloak("INSERT INTO users VALUES (2, 'Eve'); CREATE TABLE later (id int)")
        emptied = self.client("empty")
        self.assertEqual((emptied.returncode, emptied.stderr.count(b"ERROR")), (0, 0), emptied.stderr)
        tables = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
        self.assertEqual(self.keycloak(tables).stdout, "\n")
        restore = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--dbname", "keycloak")
        restored = self.client("pg_restore", *restore, given=backup.stdout)
        self.assertEqual((restored.returncode, restored.stderr), (0, b""))
        self.assertIn("logins users", self.keycloak(tables).stdout)
        self.assertNotIn("later", self.keycloak(tables).stdout)
        self.assertEqual(self.keycloak("SELECT name FROM users").stdout, "Ada\n")
        self.assertEqual(self.settle(self.folder / "nowhere"), (False, self.server.version))


if __name__ == "__main__":
    unittest.main()
