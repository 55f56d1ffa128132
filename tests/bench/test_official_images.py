"""The images of Caddy, PostgreSQL and Garage keep the contracts of the official ones."""

from __future__ import annotations

import json
from pathlib import Path

from . import images, network
from .engine import docker
from .identity_client import as_options, temporary
from .storage_client import ACCESS_KEY, start_storage
from .testing import Container, ImageTest, get

HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


class Caddy(ImageTest):
    """docker.io/library/caddy"""

    def test_it_serves_its_own_configuration_on_port_80_as_root(self) -> None:
        caddy = self.start(images.image("caddy"))
        caddy.wait("an answer", lambda: get(f"http://{caddy.address}/")[0] == 200)
        self.assertEqual(caddy.text("id", "-u"), "0")

    def test_its_command_is_run_with_the_caddyfile_adapter(self) -> None:
        caddy = self.start(images.image("caddy"))
        command = caddy.inspect()["Config"]["Cmd"]
        self.assertEqual(command, ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"])

    def test_its_data_and_configuration_folders_are_data_and_config(self) -> None:
        caddy = self.start(images.image("caddy"))
        self.assertEqual(caddy.text("sh", "-c", "echo $XDG_DATA_HOME $XDG_CONFIG_HOME $PWD"), "/data /config /srv")
        caddy.text("test", "-d", "/data/caddy")
        caddy.text("test", "-d", "/config/caddy")

    def test_it_has_busybox_tools_but_no_bash_and_no_curl(self) -> None:
        caddy = self.start(images.image("caddy"))
        self.assertTrue(caddy.has("wget"))
        self.assertFalse(caddy.has("bash"))
        self.assertFalse(caddy.has("curl"))

    def test_without_net_bind_service_its_file_capability_stops_the_program(self) -> None:
        said = self.refused(images.image("caddy"), options=HARDENED)
        self.assertIn("operation not permitted", said.lower())

    def test_hardened_with_net_bind_service_it_runs_from_a_read_only_root(self) -> None:
        volumes = ("--tmpfs", "/data", "--tmpfs", "/config")
        caddy = self.start(images.image("caddy"), options=(*HARDENED, "--cap-add", "NET_BIND_SERVICE", *volumes))
        caddy.wait("an answer", lambda: get(f"http://{caddy.address}/")[0] == 200)

    def test_its_admin_interface_answers_inside_only(self) -> None:
        caddy = self.start(images.image("caddy"))
        caddy.wait("an answer", lambda: get(f"http://{caddy.address}/")[0] == 200)
        self.assertIn("apps", caddy.text("wget", "-qO-", "http://127.0.0.1:2019/config/"))
        self.assertEqual(get(f"http://{caddy.address}:2019/config/")[0], 0)


class PostgreSQL(ImageTest):
    """docker.io/library/postgres:17 (Debian variant: uid 999, where Alpine has 70)"""

    def started(self, *options: str, **settings: str) -> Container:
        database = self.start(images.image("postgres"), options=(*as_options(settings), *options))
        database.wait("the database", lambda: self.ready(database))
        return database

    @staticmethod
    def ready(database: Container) -> bool:
        return database.run("pg_isready", "-h", database.address).returncode == 0

    def query(
        self, database: Container, user: str, name: str, password: str, query: str = "select current_user"
    ) -> str:
        return database.text(
            "env", f"PGPASSWORD={password}", "psql", "-h", database.address, "-U", user, "-d", name, "-Atc", query
        )

    def test_user_database_and_password_come_from_the_environment(self) -> None:
        database = self.started(POSTGRES_USER="keycloak", POSTGRES_DB="identity", POSTGRES_PASSWORD="bench")
        self.assertEqual(self.query(database, "keycloak", "identity", "bench"), "keycloak")
        self.assertNotEqual(
            database.run(
                "env",
                "PGPASSWORD=wrong",
                "psql",
                "-h",
                database.address,
                "-U",
                "keycloak",
                "-d",
                "identity",
                "-c",
                "select 1",
            ).returncode,
            0,
        )

    def test_the_database_is_named_after_the_user_by_default(self) -> None:
        database = self.started(POSTGRES_USER="someone", POSTGRES_PASSWORD="bench")
        self.assertEqual(self.query(database, "someone", "someone", "bench"), "someone")

    def test_the_password_may_come_from_a_file(self) -> None:
        folder = Path(temporary(self))
        (folder / "password").write_text("from a file\n")
        (folder / "password").chmod(0o644)
        database = self.started("--volume", f"{folder}:/run/secrets:ro", POSTGRES_PASSWORD_FILE="/run/secrets/password")
        self.assertEqual(self.query(database, "postgres", "postgres", "from a file"), "postgres")

    def test_password_and_password_file_exclude_each_other(self) -> None:
        said = self.refused(
            images.image("postgres"), options=as_options({"POSTGRES_PASSWORD": "a", "POSTGRES_PASSWORD_FILE": "/b"})
        )
        self.assertIn("both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set (but are exclusive)", said)

    def test_without_a_password_it_refuses_to_start(self) -> None:
        self.assertIn("superuser password is not specified", self.refused(images.image("postgres")))

    def test_an_empty_or_missing_password_file_stops_the_start(self) -> None:
        folder = Path(temporary(self))
        (folder / "empty").write_text("")
        (folder / "empty").chmod(0o644)
        mount = ("--volume", f"{folder}:/run/secrets:ro")
        self.assertIn(
            "superuser password is not specified",
            self.refused(
                images.image("postgres"), options=(*mount, "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/empty")
            ),
        )
        self.assertIn(
            "No such file",
            self.refused(
                images.image("postgres"), options=(*mount, "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/missing")
            ),
        )

    def test_the_server_runs_as_uid_999_on_a_volume_at_var_lib_postgresql_data(self) -> None:
        database = self.started(POSTGRES_PASSWORD="bench")
        self.assertEqual(database.text("sh", "-c", "stat -c '%u:%g %a' $PGDATA"), "999:999 700")
        self.assertEqual([mount["Destination"] for mount in database.inspect()["Mounts"]], ["/var/lib/postgresql/data"])
        self.assertEqual(database.text("stat", "-c", "%u", "/proc/1"), "999")

    def test_it_runs_hardened_as_its_own_user(self) -> None:
        database = self.started(
            *HARDENED,
            "--user",
            "999:999",
            "--tmpfs",
            "/var/run/postgresql:uid=999,gid=999",
            "--tmpfs",
            "/tmp",
            POSTGRES_PASSWORD="bench",
        )
        self.assertEqual(self.query(database, "postgres", "postgres", "bench"), "postgres")

    def test_as_root_without_capabilities_it_cannot_take_over_its_data(self) -> None:
        self.refused(images.image("postgres"), options=("--cap-drop", "ALL", "--env", "POSTGRES_PASSWORD=bench"))

    def test_a_second_start_keeps_data_and_password(self) -> None:
        database = self.started(POSTGRES_PASSWORD="bench")
        self.query(database, "postgres", "postgres", "bench", "create table kept (n int)")
        docker("restart", database.name)
        database.wait("the database again", lambda: self.ready(database))
        self.assertIn("Skipping initialization", database.logs())
        self.assertEqual(self.query(database, "postgres", "postgres", "bench", "select count(*) from kept"), "0")


class Garage(ImageTest):
    """docker.io/dxflrs/garage"""

    def started(self, *options: str) -> Container:
        return start_storage(self, *options)

    def test_it_is_the_real_garage_at_the_image_s_root(self) -> None:
        garage = self.started()
        self.assertIn("2.5.0", garage.text("/garage", "--version"))
        self.assertEqual(garage.inspect()["Config"]["Cmd"][0], "/garage")
        self.assertIsNone(garage.inspect()["Config"]["Entrypoint"])

    def test_it_has_no_shell(self) -> None:
        self.assertNotEqual(self.started().run("sh", "-c", "true").returncode, 0)

    def test_it_makes_bucket_and_key_of_its_environment_and_says_so(self) -> None:
        garage = self.started()
        self.assertIn("stuf-uploads", garage.text("/garage", "bucket", "list"))
        self.assertIn(ACCESS_KEY, garage.text("/garage", "key", "list"))

    def test_health_is_on_the_admin_port(self) -> None:
        garage = self.started()
        self.assertEqual(get(f"http://{garage.address}:3903/health")[0], 200)
        self.assertEqual(get(f"http://{garage.address}:3900/")[0], 403)

    def test_it_runs_hardened_as_any_user_on_its_two_folders(self) -> None:
        garage = self.started(*HARDENED, "--user", "65532:65532", "--tmpfs", "/var/lib/garage:uid=65532,gid=65532")
        self.assertIn("stuf-uploads", garage.text("/garage", "bucket", "list"))

    def test_the_release_document_names_each_image_by_digest(self) -> None:
        network.start_names()
        network.start_registry()
        release = network.push_release()
        self.assertEqual(set(release), set(images.SERVICES))
        for name in release.values():
            self.assertRegex(name, r"^registry\.bench\.test:5000/stuf/[a-z]+@sha256:[0-9a-f]{64}$")
        self.assertEqual(json.loads(network.RELEASE.read_text()), release)
