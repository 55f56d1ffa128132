"""Documents in the bucket, and the signature with which they are written."""

from __future__ import annotations

import datetime
import hashlib
import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from modules import module

documents = module("stuf_documents")
signature = module("stufpack_signature")
StufError = module("stufpack_http").StufError


class Bucket:
    """A bucket in memory."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)
        self.types: dict[str, str] = {}
        self.refuses = ""

    def get(self, key: str) -> SimpleNamespace | None:
        headers = {"content-type": self.types.get(key, documents.TYPE)}
        return SimpleNamespace(body=self.objects[key], headers=headers) if key in self.objects else None

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if key == self.refuses:
            raise StufError("the storage answered 500")
        self.objects[key] = body
        self.types[key] = content_type

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class Documents(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "users").mkdir()
        for name in ("stuf_config.json", "metadata_config.json", "users/glass-readers.json"):
            (self.folder / name).write_text('{"schema_version": 1}')
        self.write_users("ada", "bob")

    def write_users(self, *names: str) -> None:
        content = {"schema_version": 1, "users": [{"id": name, "name": '{{ "x" }} ü'} for name in names]}
        (self.folder / "users" / "users.json").write_text(json.dumps(content))

    def test_every_documented_key_is_written_once(self) -> None:
        bucket = Bucket()
        wanted = documents.documents(str(self.folder))
        self.assertEqual(documents.write(bucket, wanted, False), 6)
        self.assertEqual(documents.write(bucket, wanted, False), 0)
        self.assertEqual(
            sorted(bucket.objects),
            [
                "config/glass_readers.json",
                "config/metadata_config.json",
                "config/stuf_config.json",
                "users.json",
                "users/ada.json",
                "users/bob.json",
            ],
        )
        self.assertEqual(json.loads(bucket.objects["users/ada.json"])["name"], '{{ "x" }} ü')

    def test_restoring_brings_back_old_bytes_and_removes_new_ones(self) -> None:
        bucket = Bucket(**{"users.json": b"old", "uploads/x": b"kept"})
        before = dict(bucket.objects)
        wanted = documents.documents(str(self.folder))
        saved = documents.saved(bucket, wanted)
        documents.write(bucket, wanted, False)
        documents.restore(bucket, saved, False)
        self.assertEqual(bucket.objects, before)

    def test_what_stands_half_never_becomes_what_stood_before_also_for_a_newer_package(self) -> None:
        given = {"saved_file": str(self.folder / "before.json"), "source_dir": str(self.folder)}

        def does(state: str, dry: bool = False) -> None:
            documents.run(bucket, given | {"state": state}, dry)

        bucket = Bucket(**{"users.json": b"old", "users/kim.json": b"kim's", "uploads/x": b"kept"})
        before = dict(bucket.objects)
        does("saved")
        does("written", dry=True)
        does("written")
        # Nothing put it back; it saves once more, and then a package with other users comes.
        does("saved")
        self.write_users("ada", "kim")
        does("saved")
        does("written")
        does("restored", dry=True)
        does("saved")
        does("restored")
        self.assertEqual(bucket.objects, before)
        with self.subTest("put back, it is saved anew"):
            self.assertFalse((self.folder / "before.begun").exists())
            bucket.objects["users/ada.json"] = b"ada's"
            does("saved")
            does("written")
            does("restored")
            self.assertEqual(bucket.objects, before | {"users/ada.json": b"ada's"})

    def test_what_others_changed_since_an_import_was_cut_off_stays_whatever_is_in_the_newer_package(self) -> None:
        given = {"saved_file": str(self.folder / "before.json"), "source_dir": str(self.folder)}

        def does(state: str) -> str:
            return str(documents.run(bucket, given | {"state": state}, False)[2])

        for newer in (("ada",), ("ada", "bob", "kim")):
            with self.subTest(newer):
                self.write_users("ada", "bob", "kim")
                live = {"config/stuf_config.json": b"in August", "users.json": b"in August", "users/kim.json": b"kim's"}
                bucket = Bucket(**live)
                self.assertEqual(does("saved"), "")
                # The storage does not take the third: the configuration is written, and nothing puts it back.
                bucket.refuses = "users.json"
                with self.assertRaises(StufError):
                    does("written")
                bucket.refuses = ""
                self.assertIn("config/metadata_config.json", bucket.objects)
                bucket.objects["config/stuf_config.json"] = b"edited in October"
                bucket.objects["users/bob.json"] = b"made in October"
                bucket.delete("users/kim.json")
                self.write_users(*newer)
                self.assertRegex(does("saved"), r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$")
                does("written")
                self.assertEqual(does("restored")[-3:], "UTC")
                october = {"config/stuf_config.json": b"edited in October", "users/bob.json": b"made in October"}
                self.assertEqual(bucket.objects, {"users.json": b"in August", **october})
                self.assertEqual(does("saved"), "")

    def test_what_a_newer_package_does_not_have_stands_as_before_once_that_is_in(self) -> None:
        given = {"saved_file": str(self.folder / "before.json"), "source_dir": str(self.folder)}
        mine = {"users/bob.json": b"bob's own", "users/eve.json": b"eve's own"}
        bucket = Bucket(**mine)

        def does(state: str) -> tuple[int, str]:
            counts, _, since = documents.run(bucket, given | {"state": state}, False)
            return counts["put_back"], since

        self.write_users("ada", "bob", "eve")
        self.assertEqual((does("saved"), does("written")), ((0, ""), (0, "")))
        bucket.objects["users/eve.json"] = b"changed since"
        self.write_users("kim")
        # The storage does not take it back, and is asked again.
        bucket.refuses = "users/bob.json"
        for _ in range(2):
            does("saved")
            with self.assertRaises(StufError):
                does("written")
        bucket.refuses = ""
        does("saved")
        count, since = does("written")
        self.assertEqual((count, since[-4:]), (1, " UTC"))
        people = {key: body for key, body in bucket.objects.items() if key.startswith("users/")}
        kim = documents.documents(str(self.folder))["users/kim.json"]
        self.assertEqual(people, {**mine, "users/eve.json": b"changed since", "users/kim.json": kim})
        noted = documents.Begun(self.folder / "before.json", True).wrote
        self.assertEqual([key for key in noted if key.startswith("users/")], ["users/kim.json"])
        does("restored")
        self.assertEqual(bucket.objects, {**mine, "users/eve.json": b"changed since"})

    def test_what_an_import_did_not_come_to_is_not_its_own_however_others_made_it(self) -> None:
        given = {"saved_file": str(self.folder / "before.json"), "source_dir": str(self.folder)}
        bucket = Bucket()
        documents.run(bucket, given | {"state": "saved"}, False)
        bucket.refuses = "users.json"
        with self.assertRaises(StufError):
            documents.run(bucket, given | {"state": "written"}, False)
        noted = documents.Begun(self.folder / "before.json", True).wrote
        self.assertEqual(list(noted), ["config/stuf_config.json", "config/metadata_config.json", "users.json"])
        body = documents.documents(str(self.folder))["users/bob.json"]
        bucket.objects["users/bob.json"] = body
        bucket.refuses = ""
        for state in ("saved", "written", "restored"):
            documents.run(bucket, given | {"state": state}, False)
        self.assertEqual(bucket.objects, {"users/bob.json": body})

    def test_a_document_of_another_type_is_written_anew_and_brought_back(self) -> None:
        wanted = documents.documents(str(self.folder))
        bucket = Bucket(**wanted)
        bucket.types["users.json"] = "binary/octet-stream"
        saved = json.loads(json.dumps(documents.saved(bucket, wanted)))
        self.assertEqual(documents.write(bucket, wanted, True), 1)
        self.assertEqual(documents.write(bucket, wanted, False), 1)
        self.assertEqual({check["verdict"] for check in documents.compare(bucket, wanted)}, {"pass"})
        self.assertEqual(documents.write(bucket, wanted, False), 0)
        self.assertEqual(documents.restore(bucket, saved, False), 1)
        self.assertEqual(bucket.types["users.json"], "binary/octet-stream")
        self.assertEqual(documents.restore(bucket, saved, False), 0)

    def test_reading_back_finds_one_changed_byte_and_names_no_user(self) -> None:
        wanted = documents.documents(str(self.folder))

        def compared(bucket: Bucket) -> dict[str, str]:
            checks = documents.compare(bucket, wanted)
            self.assertNotIn("users/ada", str(checks))
            return {check["id"]: check["observed"] for check in checks if check["verdict"] == "fail"}

        self.assertEqual(compared(Bucket(**wanted)), {})
        for key, body in wanted.items():
            changed = body[:-2] + bytes([body[-2] ^ 1]) + body[-1:]
            kind = "configuration" if key.startswith("config/") else "users"
            said = f"1 otherwise ({key})" if kind == "configuration" else "1 otherwise"
            self.assertEqual(compared(Bucket(**{**wanted, key: changed})), {f"documents/{kind}": said})
            self.assertEqual(
                list(compared(Bucket(**{name: text for name, text in wanted.items() if name != key}))),
                [f"documents/{kind}"],
            )
            typed = Bucket(**wanted)
            typed.types[key] = "text/plain"
            self.assertEqual(list(compared(typed)), [f"documents/{kind}"])

    def test_an_id_that_leads_out_of_its_folder_is_refused(self) -> None:
        self.write_users("../config/stuf_config")
        with self.assertRaises(StufError):
            documents.documents(str(self.folder))

    def test_a_document_without_schema_version_is_refused(self) -> None:
        (self.folder / "stuf_config.json").write_text("{}")
        with self.assertRaises(StufError):
            documents.documents(str(self.folder))


class Signature(unittest.TestCase):
    def test_the_example_of_the_s3_documentation(self) -> None:
        # "Example: GET Object" in Signature Calculations for the Authorization Header, with its published example keys.
        secret = "/".join(("wJalrXUtnFEMI", "K7MDENG", "bPxRfiCYEXAMPLEKEY"))
        key = signature.Key("AKIAIOSFODNN7EXAMPLE", secret, "us-east-1")
        headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"}
        moment = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
        signed = signature.sign(key, "GET", "/test.txt", {}, headers, hashlib.sha256(b"").hexdigest(), moment)
        expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        self.assertTrue(signed["authorization"].endswith(f"Signature={expected}"))


if __name__ == "__main__":
    unittest.main()
