"""Secrets and configuration as files."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from modules import ROOT, action, module

secrets = module("stuf_secrets")
place = module("stuf_place")
placed = module("stuf_placed")
holding = action("stuf_placed")
files = module("stufpack_files")
StufError = module("stufpack_http").StufError


class Files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "secrets"
        # Owners need root; whose file it is is not what is shown here.
        for name in ("chown", "fchown"):
            patch = mock.patch.object(os, name)
            patch.start()
            self.addCleanup(patch.stop)


class Whole(Files):
    """The one way in which modules write what nobody else may read."""

    def setUp(self) -> None:
        super().setUp()
        self.folder.mkdir()
        self.file, self.outside = self.folder / "file", self.folder.with_name("outside")
        self.outside.write_text("outside")

    def test_what_was_there_stays_until_the_new_one_is_on_disk(self) -> None:
        files.write_whole(self.file, "before\n")
        with mock.patch.object(os, "fsync", side_effect=OSError(28, "No space left")), self.assertRaises(OSError):
            files.write_whole(self.file, "after")
        self.assertEqual(self.file.read_text(), "before\n")
        files.write_whole(self.file, b"after\xff")
        self.assertEqual((self.file.read_bytes(), self.file.stat().st_mode & 0o7777), (b"after\xff", 0o600))
        self.assertEqual(list(self.folder.iterdir()), [self.file])

    def test_no_link_leads_to_another_file(self) -> None:
        self.file.symlink_to(self.outside)
        files.write_whole(self.file, "inside", mode=0o640)
        self.assertEqual((self.file.is_symlink(), self.file.stat().st_mode & 0o777), (False, 0o640))
        (self.folder / ".file.new").symlink_to(self.outside)
        with self.assertRaises(OSError):
            files.write_whole(self.file, "again")
        self.assertEqual((self.file.read_text(), self.outside.read_text()), ("inside", "outside"))


class Secrets(Files):
    def given(self, origin: str = "generated") -> dict[str, Any]:
        names = ["storage_access_key", "storage_secret_key", "postgres_password"]
        return {
            "folder": str(self.folder),
            "secrets": [{"name": name, "origin": origin} for name in names],
            "readers": {"api": {"uid": os.getuid(), "names": names}},
        }

    def test_missing_ones_are_made_in_the_format_of_their_reader_and_private(self) -> None:
        changed, made = secrets.converge(self.given(), False)
        self.assertTrue(changed)
        self.assertEqual(len(made), 3)
        self.assertRegex((self.folder / "storage_access_key").read_text(), r"^GK[0-9a-f]{24}$")
        self.assertRegex((self.folder / "storage_secret_key").read_text(), r"^[0-9a-f]{64}$")
        for path in self.folder.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o777, 0o700 if path.is_dir() else 0o600)

    def test_a_second_run_changes_nothing(self) -> None:
        secrets.converge(self.given(), False)
        with mock.patch.object(secrets, "place", wraps=secrets.place) as placed:
            secrets.converge(self.given(), False)
        before = (self.folder / "postgres_password").read_text()
        self.assertEqual(before, (self.folder / "services/api/postgres_password").read_text())
        self.assertTrue(placed.called)

    def test_an_empty_one_stops(self) -> None:
        self.folder.mkdir()
        (self.folder / "postgres_password").write_text("\n")
        with self.assertRaisesRegex(StufError, "postgres_password is empty"):
            secrets.converge(self.given(), False)

    def test_a_provided_one_that_is_missing_stops_and_says_what_it_is_and_where_to_put_it(self) -> None:
        given = self.given("provided")
        with self.assertRaisesRegex(StufError, "secrets/storage_access_key in the state folder"):
            secrets.converge(given, False)
        given["secrets"][0]["purpose"] = "made by: aws iam create-access-key"
        with self.assertRaisesRegex(StufError, r"storage_access_key \(made by: aws iam create-access-key\) is missing"):
            secrets.converge(given, False)

    def test_check_mode_makes_nothing(self) -> None:
        changed, made = secrets.converge(self.given(), True)
        self.assertEqual((changed, len(made), self.folder.exists()), (True, 3, False))


class Place(Files):
    def tree(self, **files: bytes) -> dict[str, Any]:
        listed = [
            {"path": path.replace("__", "/"), "content": base64.b64encode(body).decode()}
            for path, body in files.items()
        ]
        names = [file["path"] for file in listed]
        return {"target": str(self.folder), "mode": "0600", "only": names, "files": listed}

    def test_what_earlier_packages_left_is_removed(self) -> None:
        self.assertEqual(place.place(self.tree(old=b"1", sub__kept=b"\xff\x00"), False), (2, 0))
        self.assertEqual(place.place(self.tree(sub__kept=b"\xff\x00", new=b"2"), False)[1], 1)
        self.assertEqual(sorted(path.name for path in self.folder.rglob("*") if path.is_file()), ["kept", "new"])
        self.assertEqual((self.folder / "sub").stat().st_mode & 0o777, 0o700)

    def test_of_a_file_that_only_grows_another_one_is_kept_beside(self) -> None:
        def puts(content: bytes, dry: bool = False) -> None:
            tree = self.tree(journal=content)
            del tree["only"]
            place.place(tree | {"beside": True}, dry)

        for content in (b"first\n", b"first\nmore\n", b"second\n", b"second\nmore\n"):
            puts(content)
        puts(b"third\n", dry=True)
        first = f"journal.former-{hashlib.sha256(b'first').hexdigest()[:12]}"
        found = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.assertEqual(found, {"journal": b"second\nmore\n", first: b"first\nmore\n"})

    def test_a_place_outside_the_tree_is_refused(self) -> None:
        tree = self.tree()
        tree["files"] = [{"path": "../escaped", "content": ""}]
        with self.assertRaises(StufError):
            place.place(tree, False)


class Placed(unittest.TestCase):
    """Whether what deploy has placed is still what the package holds."""

    FILES = {
        "api-config/stuf_config.json": b"{}\n",
        "api-config/users/users.json": b'{"users": []}\n',
        "integration-config/realm.json": b"{1}\n",
    }

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.package, self.target = (Path(folder.name, name) for name in ("package", "target"))
        self.package.mkdir()
        lines = {name: f"{hashlib.sha256(body).hexdigest()}  configuration/{name}" for name, body in self.FILES.items()}
        personal = "api-config/users/users.json"
        of = {
            "SHA256SUMS": ["0" * 64 + "  configuration/api-config.txt", *lines.values()],
            "SHA256SUMS.personal": [lines[personal]],
        }
        of["SHA256SUMS"].remove(lines[personal])
        for name, text in of.items():
            (self.package / name).write_text("\n".join(text) + "\n")
        for name, body in self.FILES.items():
            path = self.target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def wrong(self) -> list[str]:
        """What stands otherwise at the target, from the target's folder on."""
        trees = [{"source": f"configuration/{name}", "target": f"{self.target}/{name}"} for name in
                 ("api-config", "integration-config")]  # fmt: skip
        wanted = holding.listed(self.package, trees)
        self.assertEqual(set(wanted), {f"{self.target}/{name}" for name in self.FILES})
        found = placed.otherwise([tree["target"] for tree in trees], wanted)
        return [text.removeprefix(f"{self.target}/") for text in found]

    def test_what_stands_as_it_was_placed_passes(self) -> None:
        self.assertEqual(self.wrong(), [])
        self.assertEqual(holding.check(3, [])["verdict"], "pass")

    def test_a_byte_of_any_file_a_missing_one_a_link_and_one_more_are_named(self) -> None:
        (self.target / "api-config/users/users.json").write_bytes(b'{"users": [] }\n')
        (self.target / "api-config/stuf_config.json").unlink()
        realm = self.target / "integration-config/realm.json"
        realm.rename(self.target / "elsewhere.json")
        realm.symlink_to(self.target / "elsewhere.json")
        (self.target / "api-config/users/more.json").write_bytes(b"{}")
        (self.target / "integration-config/gone").symlink_to("/nowhere")
        wanted = [
            "api-config/stuf_config.json: missing", "api-config/users/more.json: not of the package",
            "api-config/users/users.json: other bytes", "integration-config/gone: not of the package",
            "integration-config/realm.json: no plain file",
        ]  # fmt: skip
        self.assertEqual(self.wrong(), wanted)
        found = holding.check(3, wanted)
        self.assertEqual((found["verdict"], found["observed"]), ("fail", f"5 otherwise ({'; '.join(wanted)})"))

    def test_sums_that_list_nothing_there_prove_nothing(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "list nothing below configuration/elsewhere/"):
            holding.listed(self.package, [{"source": "configuration/elsewhere", "target": "/x"}])


class Numbers(unittest.TestCase):
    def test_a_service_reads_its_secrets_under_the_number_that_compose_gives_it(self) -> None:
        compose = yaml.safe_load((ROOT.parent / "compose/compose.yaml").read_text())
        variables = yaml.safe_load((ROOT / "roles/stuf/vars/main.yml").read_text())
        readers = variables["stuf_own_readers"] | variables["stuf_of_storage"]["garage"]["readers"]
        users = {name: compose["services"][name]["user"] for name in readers}
        self.assertEqual(
            {name: int(user.partition(":")[0]) for name, user in users.items()},
            {name: reader["uid"] for name, reader in readers.items()},
        )
        # Account 1000 is somebody's: without Keycloak's group it may not look into the process.
        self.assertEqual(users["keycloak"], "1000:0")

    def test_what_is_outside_leaves_no_account_secret_or_volume_on_the_machine(self) -> None:
        variables = yaml.safe_load((ROOT / "roles/stuf/vars/main.yml").read_text())
        compose = yaml.safe_load((ROOT.parent / "compose/compose.yaml").read_text())
        outside = variables["stuf_of_storage"]["aws-s3"]
        self.assertEqual([outside[part] for part in ("users", "readers", "volumes")], [{}, {}, {}])
        databases = variables["stuf_of_database"]
        self.assertEqual((databases["aws-rds"]["volumes"], databases["project"]["trees"]), ({}, []))
        # All together are every volume of Compose; of the storage's own, only Garage's service speaks.
        volumes = variables["stuf_own_volumes"] | variables["stuf_of_storage"]["garage"]["volumes"]
        volumes |= databases["project"]["volumes"]
        self.assertEqual(set(volumes), {volume["name"] for volume in compose["volumes"].values()})
        # Nobody waits for a service that runs for one command.
        self.assertEqual([found["clients"] for found in databases.values()], [[], ["postgres"]])
        self.assertNotIn("garage", str([value for name, value in variables.items() if name.startswith("stuf_own_")]))


if __name__ == "__main__":
    unittest.main()
